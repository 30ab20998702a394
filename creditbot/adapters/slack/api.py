"""Calls Slack's Web API through slack_sdk: reads with patience, writes once."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from slack_sdk.errors import SlackApiError

from creditbot.adapters.slack.errors import CallFailed
from creditbot.adapters.slack.wire import Deadline, OneRequest, Resolve, resolve
from creditbot.machine.clock import SlackClock, boottime

PAGE = 200
"""Items asked for at a time; Slack recommends no more than 200."""
_PAUSES = (1.0, 2.0, 4.0)
"""Seconds between tries of a read that failed in passing; a Retry-After takes their place."""
_READ_LIMIT = 20_000_000
_WRITE_LIMIT = 1_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer.

    Attributes:
        data: its JSON object. Untrusted.
        headers: HTTP headers by lower-case name.
    """

    data: Mapping[str, Any]
    headers: Mapping[str, str]


class SlackApi:
    """One token's way to Slack. Safe to use from several threads.

    Args:
        token: bot token; appears in no error.
        api_url: base address of the methods, such as "https://slack.com/api/".
        clock: told the time of every answer.
        timeout: seconds one try of a read may take.
        patience: seconds a read may take with its tries and pauses.
        send_seconds: seconds a write may take, with everything it does.
        pause: waits between two tries of a read; a true value says that there is to be no further one.
        boot: the time, for tests.
        resolve: finds addresses.
        tls: makes the TLS context; the system's certificates by default.
    """

    def __init__(
        self, token: str, api_url: str, clock: SlackClock, *, timeout: float = 20.0, patience: float = 60.0,
        send_seconds: float = 30.0, pause: Callable[[float], object] = time.sleep, boot: Callable[[], float] = boottime,
        resolve: Resolve = resolve, tls: Callable[[], ssl.SSLContext] = ssl.create_default_context,
    ) -> None:  # fmt: skip
        self.clock = clock
        self._token = token
        self._url = api_url
        self._timeout = timeout
        self._patience = patience
        self._send_seconds = send_seconds
        self._pause = pause
        self._boot = boot
        self._resolve = resolve
        self._make_tls = tls

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return self._make_tls()  # reads the system's certificates, so only once and only for https

    def send_deadline(self) -> Deadline:
        """The deadline of a write that begins now."""
        return Deadline(self._send_seconds, self._boot)

    def read(self, method: str, **arguments: object) -> Answer:
        """Asks, and asks again where that may help; raises `CallFailed` when it does not, or would take too long."""
        whole = Deadline(self._patience, self._boot)
        pauses = iter(_PAUSES)
        while True:
            try:
                one = Deadline(min(self._timeout, whole.remaining), self._boot)
                return self._call(method, arguments, one, _READ_LIMIT)
            except CallFailed as failed:
                pause = failed.retry_after if failed.limited and failed.retry_after else next(pauses, None)
                if not failed.passing or pause is None or pause >= whole.remaining or self._pause(pause):
                    raise

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
        raise CallFailed(method, status=200, reason="its pages go round in a circle")

    def write(self, method: str, deadline: Deadline, **arguments: object) -> Answer:
        """Sends one request, once, before the deadline; raises `CallFailed`."""
        return self._call(method, arguments, deadline, _WRITE_LIMIT, as_json=True)

    def _call(
        self, method: str, arguments: dict[str, object], deadline: Deadline, largest: int, *, as_json: bool = False
    ) -> Answer:
        client = OneRequest(
            self._token, self._url, deadline, largest=largest, tls=lambda: self._tls, observe=self.clock.observe,
            resolve=self._resolve,
        )  # fmt: skip
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
        return Answer(response.data, response.headers)


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
        return f"there was no answer within {deadline.seconds:.3g} s"
    reasons: tuple[tuple[type[Exception], str], ...] = (
        (socket.gaierror, "its name is not known"),
        (ssl.SSLCertVerificationError, "its certificate is not to be trusted"),
        (ssl.SSLError, "there is no TLS connection"),
        (ConnectionRefusedError, "the connection was refused"),
        (ConnectionError, "the connection was dropped"),
        (http.client.InvalidURL, "HTTPS_PROXY is not the address of a proxy"),
        (http.client.HTTPException, "its answer was cut off or is no HTTP"),
    )
    other = getattr(error, "strerror", None) or "the proxy does not connect us"  # only that has no number
    return next((reason for kind, reason in reasons if isinstance(error, kind)), f"the connection failed ({other})")


def _cursor(page: Mapping[str, Any]) -> str:
    metadata = page.get("response_metadata")
    cursor = metadata.get("next_cursor") if isinstance(metadata, dict) else None
    return cursor if isinstance(cursor, str) else ""


def _seconds(header: str) -> float | None:
    return float(header) if re.fullmatch(r"\d{1,6}", header) else None


def _scope(needed: object) -> str:
    return needed if isinstance(needed, str) and re.fullmatch(r"[a-z:.,_]{1,100}", needed) else ""
