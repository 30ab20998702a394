"""Calls Slack's Web API through slack_sdk. Reads are tried again, writes are sent once.

The other modules of this folder call it with a method's name and get the answer's JSON, or a `CallFailed`.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from slack_sdk.errors import SlackApiError

from creditbot.adapters.slack.errors import CallFailed
from creditbot.adapters.slack.wire import Deadline, Network, OneRequest
from creditbot.machine.clock import SlackClock
from creditbot.machine.processes import Stop
from creditbot.machine.retrying import with_retries

PAGE = 200
"""Items asked for at a time; Slack recommends no more than 200."""
_PAUSES = (1.0, 2.0, 4.0)
"""Seconds between tries of a read that may succeed later; a Retry-After takes their place."""
_READ_LIMIT = 20_000_000
_WRITE_LIMIT = 1_000_000


@dataclass(frozen=True, slots=True)
class SlackAnswer:
    """A successful answer.

    Attributes:
        data: its JSON object. Untrusted.
        headers: HTTP headers by lower-case name.
    """

    data: Mapping[str, Any]
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """How long calls may take, in seconds.

    Attributes:
        one_try: a single try of a read.
        read: a read, with all its tries and the pauses between them.
        write: a write, with everything it does; it is sent once.
    """

    one_try: float = 20.0
    read: float = 60.0
    write: float = 30.0


class SlackApi:
    """One token's way to Slack. Safe to use from several threads.

    Args:
        token: bot token; appears in no error.
        api_url: base address of the methods, such as "https://slack.com/api/".
        clock: is shown the time of every answer; deadlines are measured by its own clock.
        stop: once the process is asked to stop, no read is tried again.
        limits: how long calls may take.
        network: how Slack is reached.
    """

    def __init__(
        self, token: str, api_url: str, clock: SlackClock, stop: Stop, limits: TimeLimits, network: Network
    ) -> None:  # fmt: skip
        self.clock = clock
        self._token = token
        self._url = api_url
        self._stop = stop
        self._limits = limits
        self._network = network

    def limited(self, seconds: float) -> SlackApi:
        """The same, but a read takes no longer than so many seconds, with all its tries."""
        limits = replace(self._limits, one_try=min(seconds, self._limits.one_try), read=seconds)
        return type(self)(self._token, self._url, self.clock, self._stop, limits, self._network)

    def write_deadline(self) -> Deadline:
        """The deadline of a write that begins now."""
        return self.deadline(self._limits.write)

    def deadline(self, seconds: float) -> Deadline:
        """A deadline that begins now."""
        return Deadline(seconds, self.clock.boot)

    def read(self, method: str, **arguments: object) -> SlackAnswer:
        """Asks, and asks again where that may help; raises `CallFailed` when it does not, or would take too long."""
        whole = self.deadline(self._limits.read)
        pauses = iter(_PAUSES)

        def once() -> SlackAnswer:
            one = self.deadline(min(self._limits.one_try, whole.remaining))
            return self._call(method, arguments, one, _READ_LIMIT)

        def pause_after(failed: CallFailed) -> float | None:
            if not failed.passing:
                return None
            pause = failed.retry_after if failed.limited and failed.retry_after else next(pauses, None)
            return pause if pause is not None and pause < whole.remaining else None

        return with_retries(once, CallFailed, pause_after, self._stop)

    def pages(self, method: str, **arguments: object) -> Iterator[Mapping[str, Any]]:
        """Reads page after page; only an empty cursor ends them, a short page does not."""
        seen: set[str] = set()
        cursor = ""
        while cursor not in seen:
            seen.add(cursor)
            page = self.read(method, **arguments, **({"cursor": cursor} if cursor else {})).data
            yield page
            cursor = _cursor(page)
            if not cursor:
                return
        raise CallFailed(method, status=200, reason="its pages repeat without end")

    def write(self, method: str, deadline: Deadline, **arguments: object) -> SlackAnswer:
        """Sends one request, once, before the deadline; raises `CallFailed`."""
        return self._call(method, arguments, deadline, _WRITE_LIMIT, as_json=True)

    def _call(
        self, method: str, arguments: dict[str, object], deadline: Deadline, largest: int, *, as_json: bool = False
    ) -> SlackAnswer:
        client = OneRequest(self._token, self._url, deadline, largest, self.clock, self._network)
        about = str(arguments.get("channel") or arguments.get("users") or "")
        try:
            if as_json:
                response = client.api_call(method, json=dict(arguments))
            else:
                response = client.api_call(method, params=dict(arguments))
        except SlackApiError as error:
            raise _refusal(method, error, about) from error
        except (OSError, http.client.HTTPException) as error:
            raise _silence(method, error, client, deadline, about) from error
        assert isinstance(response.data, dict)
        return SlackAnswer(response.data, response.headers)


def _refusal(method: str, error: SlackApiError, about: str) -> CallFailed:
    response = error.response
    return CallFailed(
        method,
        str(response.data.get("error", "")),
        status=response.status_code,
        retry_after=_seconds(response.headers.get("retry-after", "")),
        needed=_scope(response.data.get("needed")),
        about=about,
    )


def _silence(method: str, error: Exception, client: OneRequest, deadline: Deadline, about: str) -> CallFailed:
    unsafe = isinstance(error, ssl.SSLCertVerificationError)
    return CallFailed(method, reason=_reason(error, deadline), sent=client.sent, unsafe=unsafe, about=about)


def _reason(error: Exception, deadline: Deadline) -> str:
    if isinstance(error, TimeoutError) or not deadline.remaining:
        return f"no answer within {deadline.seconds:.3g} s"
    reasons: tuple[tuple[type[Exception], str], ...] = (
        (socket.gaierror, "its host name is unknown"),
        (ssl.SSLCertVerificationError, "its TLS certificate is not trusted"),
        (ssl.SSLError, "the TLS connection failed"),
        (ConnectionRefusedError, "the connection was refused"),
        (ConnectionError, "the connection was dropped"),
        (http.client.InvalidURL, "HTTPS_PROXY is not the address of a proxy"),
        (http.client.HTTPException, "its answer was cut off or is not HTTP"),
    )
    other = getattr(error, "strerror", None) or "the proxy refused the connection"  # only that has no number
    return next((reason for kind, reason in reasons if isinstance(error, kind)), f"the connection failed ({other})")


def _cursor(page: Mapping[str, Any]) -> str:
    metadata = page.get("response_metadata")
    cursor = metadata.get("next_cursor") if isinstance(metadata, dict) else None
    return cursor if isinstance(cursor, str) else ""


def _seconds(header: str) -> float | None:
    return float(header) if re.fullmatch(r"\d{1,6}", header) else None


def _scope(needed: object) -> str:
    return needed if isinstance(needed, str) and re.fullmatch(r"[a-z:.,_]{1,100}", needed) else ""
