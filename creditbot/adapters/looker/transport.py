"""HTTP under looker_sdk. Imported only when Looker is asked for something: the SDK costs half a second.

The SDK's own transport turns every failure into text, and on some errors the SDK then reads a page on the internet with
no timeout. This one raises a `CallError` with the status before the SDK sees the failure, so that neither happens. It
also keeps to one deadline and one size for a whole answer, reads text without a charset as UTF-8, and follows no
redirect, because the login carries a secret.

Slack's adapter has an HTTP layer of its own, `slack/wire.py`. Sharing one would not make the whole smaller. A post must
not be sent after its deadline, and the adapter must know whether any byte of it has left, so wire.py works on sockets.
Calls to Looker may be repeated: here `requests` does proxies, certificates and query strings, and the deadline is the
dozen lines of `_chunks`.
"""

from __future__ import annotations

import json
import ssl
import time
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING

import requests
import urllib3
from looker_sdk.rtl import requests_transport, transport

from creditbot.adapters.looker.errors import CallError, Trouble
from creditbot.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping

MAX_ANSWER_BYTES = 1_000_000
_CONNECT_SECONDS = 10.0
_CHUNK = 65_536
_TRANSIENT = {408, 425, 429}  # and every 5xx


class LookerTransport(transport.Transport):
    """Sends the SDK's calls; shared by all threads."""

    def __init__(self, settings: transport.PTransportSettings) -> None:
        self._seconds = settings.timeout
        self._session = requests.Session()
        self._session.verify = settings.verify_ssl
        self._session.headers.update({transport.LOOKER_API_ID: settings.agent_tag, **(settings.headers or {})})
        self._session.headers["Accept-Encoding"] = "identity"  # what is counted is then what would be unpacked
        # Cookies are the part of a session that threads may not share, and the API needs none.
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    @classmethod
    def configure(cls, settings: transport.PTransportSettings) -> LookerTransport:
        """As the SDK makes its transports."""
        return cls(settings)

    def request(
        self,
        method: transport.HttpMethod,
        path: str,
        query_params: MutableMapping[str, str] | None = None,
        body: bytes | None = None,
        authenticator: transport.TAuthenticator = None,
        transport_options: transport.TransportOptions | None = None,
    ) -> transport.Response:
        """Sends one call and returns its successful answer; raises `CallError` for everything else."""
        headers = dict((transport_options or {}).get("headers") or {})
        if authenticator:
            # Not our options: a login within this call writes its own content type into what it is given.
            headers.update(authenticator({}))
        try:
            return self._exchange(method, path, query_params, body, headers)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as failure:
            raise silent(failure, self._seconds) from failure

    def _exchange(
        self,
        method: transport.HttpMethod,
        url: str,
        params: MutableMapping[str, str] | None,
        body: bytes | None,
        headers: dict[str, str],
    ) -> transport.Response:
        deadline = time.monotonic() + self._seconds
        with self._session.request(
            method.name,
            url,
            params=params,
            data=body,
            headers=headers,
            auth=requests_transport.NullAuth(),  # a netrc file would replace the token
            timeout=(min(_CONNECT_SECONDS, self._seconds), self._seconds),
            allow_redirects=False,
            stream=True,
        ) as response:
            content = b"".join(_chunks(response, deadline))
        return _answer(response, content)


def _chunks(response: requests.Response, deadline: float) -> Iterator[bytes]:
    """The body as it comes; `requests` times single reads only, so a slow drip would never end."""
    size = 0
    while chunk := response.raw.read1(_CHUNK):
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            raise CallError(Trouble.LARGE, f"answered with more than {MAX_ANSWER_BYTES:,} bytes")
        if time.monotonic() > deadline:
            raise requests.ReadTimeout
        yield chunk


def _answer(response: requests.Response, content: bytes) -> transport.Response:
    kind, charset = _content_type(response.headers.get("Content-Type", ""))
    try:
        text = content.decode(charset or "utf-8")
    except (UnicodeDecodeError, LookupError) as broken:
        if response.ok:
            raise CallError(Trouble.GARBLED, "answered with text in no known encoding") from broken
        text = content.decode("utf-8", "replace")
    if not 200 <= response.status_code < 300:
        raise _status(response, kind, text)
    if kind in {"text/html", "application/xhtml+xml"}:
        raise CallError(Trouble.PAGE, "answered with a web page", transient=True)
    if not content:  # the SDK would hand on '' in place of any of its models
        raise CallError(Trouble.GARBLED, "answered with nothing", transient=True)
    return transport.Response(True, text.encode(), transport.ResponseMode.STRING)


def _content_type(header: str) -> tuple[str, str]:
    """("text/plain", "utf-8") of a Content-Type header; without a charset the second is ""."""
    kind, *parameters = header.split(";")
    named = dict(part.strip().partition("=")[::2] for part in parameters)
    return kind.strip().lower(), named.get("charset", "").strip("\"' ")


def _status(response: requests.Response, kind: str, text: str) -> CallError:
    status = response.status_code
    message = _message(text) if "json" in kind else None
    reason = message or f"HTTP status {status}"
    if location := response.headers.get("Location"):
        reason = f"it redirects to {one_line(location.partition('?')[0], 200)}"
    after = response.headers.get("Retry-After", "")
    return CallError(
        Trouble.STATUS,
        reason,
        status=status,
        from_api=message is not None,
        transient=status >= 500 or status in _TRANSIENT,
        retry_after=float(after) if after.isascii() and after.isdigit() else None,
    )


def _message(text: str) -> str | None:
    """What Looker says in an error: `message`, and those of the single fields of a 422; None if it is not Looker's."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict) or "message" not in body:
        return None
    details = body.get("errors")
    parts = [body, *(details if isinstance(details, list) else [])]
    said = [str(part["message"]) for part in parts if isinstance(part, dict) and part.get("message")]
    return one_line("; ".join(dict.fromkeys(said)), 300).rstrip(".") or "no reason given"


def silent(failure: Exception, seconds: float) -> CallError:
    """The `CallError` for a call that got no whole answer within so many seconds."""
    chain = list(_causes(failure))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in chain):
        return CallError(Trouble.SILENT, "shows a TLS certificate that is not trusted here")
    if any(isinstance(cause, (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema)) for cause in chain):
        return CallError(Trouble.SILENT, "has an address that HTTP cannot use")
    return CallError(Trouble.SILENT, _why(chain, seconds), transient=True)


def _why(chain: list[BaseException], seconds: float) -> str:
    for kinds, words in (  # a refused connection is a timeout too in some versions of urllib3: the order counts
        ((urllib3.exceptions.NameResolutionError,), "has a name that does not resolve"),
        ((ssl.SSLError,), "does not speak TLS"),
        ((ConnectionRefusedError,), "refuses connections"),
        ((requests.Timeout, urllib3.exceptions.TimeoutError), f"did not answer within {seconds:g} s"),
        ((requests.exceptions.ProxyError,), "could not be reached through the proxy"),
    ):
        if any(isinstance(cause, kinds) for cause in chain):
            return words
    return "dropped the connection"


def _causes(failure: BaseException | None) -> Iterator[BaseException]:
    """An exception with everything below it: requests wraps urllib3 in `args`, and urllib3 keeps a `reason`."""
    seen: set[int] = set()
    todo = [failure]
    while todo:
        error = todo.pop()
        if isinstance(error, BaseException) and id(error) not in seen:
            seen.add(id(error))
            yield error
            todo += [error.__cause__, error.__context__, getattr(error, "reason", None), *error.args]
