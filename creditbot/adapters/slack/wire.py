"""HTTP under slack_sdk: one request that keeps to one deadline for everything.

slack_sdk's timeout counts for each address and each read: six silent addresses turn 2 s into 12, and a server that
drips never times out. Here one deadline covers the name lookup, connecting, TLS, sending and reading. Nothing is sent
after it.

The proxy is the SDK's: HTTPS_PROXY (or HTTP_PROXY) in the environment, for https only. NO_PROXY is respected, which the
SDK ignores. Plain http, for loopback and the hosts of HTTP_HOSTS, does not go through a proxy.
"""

from __future__ import annotations

import base64
import http.client
import json
import logging
import socket
import struct
import threading
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import cache
from ssl import SSLContext, create_default_context
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit
from urllib.request import proxy_bypass

from slack_sdk.web.client import WebClient
from typing_extensions import override

from creditbot.machine.clock import SlackClock, boottime

if TYPE_CHECKING:
    from urllib.request import Request

NOT_JSON = "not_json"
"""Stands for Slack's error code if the answer is not a JSON object: an error page, or cut off."""
TOO_LARGE = "answer_too_large"
"""Stands for Slack's error code where the answer is over the size limit."""

# Mute: the SDK logs failures that we report ourselves, and at DEBUG whole messages.
MUTE = logging.getLogger(f"{__name__}.sdk")
MUTE.setLevel(logging.CRITICAL + 1)

Addresses = Sequence[tuple[int, int, int, str, Any]]
Resolve = Callable[[str, int], Addresses]
"""Finds the addresses of a host and port, as `socket.getaddrinfo` gives them; may hang."""


def resolve(host: str, port: int) -> Addresses:
    """Asks the system's resolver. Raises OSError."""
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # a label of the name is empty or too long
        raise socket.gaierror from error


@dataclass(frozen=True, slots=True)
class Network:
    """How Slack is reached.

    Attributes:
        resolve: finds addresses.
        tls: the TLS context, made once; by default from the system's certificates, which take long to read.
    """

    resolve: Resolve = resolve
    tls: Callable[[], SSLContext] = create_default_context

    def __post_init__(self) -> None:
        """Makes `tls` remember its context."""
        object.__setattr__(self, "tls", cache(self.tls))


class Deadline:
    """A moment after which nothing is sent or waited for.

    Attributes:
        seconds: how long it was when it began.
        now: the clock it is measured by.
    """

    def __init__(self, seconds: float, now: Callable[[], float] = boottime) -> None:
        self.seconds = seconds
        self.now = now
        self._end = now() + seconds

    def left(self) -> float:
        """Seconds left, more than 0; raises TimeoutError after the deadline."""
        left = self.remaining
        if not left:
            raise TimeoutError
        return left

    @property
    def remaining(self) -> float:
        """Seconds left, 0 after the deadline."""
        return max(0.0, self._end - self.now())


class OneRequest(WebClient):
    """slack_sdk's client for a single call under a deadline. It never retries by itself.

    Args:
        token: bot token.
        api_url: base address of the methods.
        deadline: after it nothing is sent or waited for.
        largest: bytes of the longest answer that is read.
        clock: is shown the time of the answer.
        network: how Slack is reached.

    Attributes:
        sent: whether a byte of the request may have left this machine.
    """

    sent = False

    def __init__(
        self,
        token: str,
        api_url: str,
        deadline: Deadline,
        largest: int,
        clock: SlackClock,
        network: Network,
    ) -> None:
        super().__init__(token=token, base_url=api_url, logger=MUTE, retry_handlers=[])
        self._deadline = deadline
        self._largest = largest
        self._clock = clock
        self._network = network

    # The one method of the SDK that touches the wire. Its answer takes the place of urllib's: HTTP errors too are
    # answers, and `parsed_body` keeps the SDK from parsing again, with fewer checks.
    @override
    def _perform_urllib_http_request_internal(self, url: str, req: Request) -> dict[str, Any]:
        line = _Line(self._deadline, self._network.resolve)
        connection = self._connection(url, line)
        try:
            connection.connect()
            self._deadline.left()
            self.sent = True
            sent = self._deadline.now()
            headers = {**dict(req.header_items()), "Connection": "close"}
            connection.request("POST", urlsplit(url).path, req.data, headers)
            with closing(connection.getresponse()) as response:
                received = self._deadline.now()
                raw = response.read(self._largest + 1)
            self._deadline.left()  # a line that was cut looks like an answer that ended
        finally:
            connection.close()
            line.close()
        answer = _parse(raw, self._largest)
        if "ok" in answer:  # else a proxy or a gateway wrote it, and its date
            self._clock.observe(response.getheader("Date"), sent, received)
        given = {name.lower(): value for name, value in response.getheaders()}
        return {"status": response.status, "headers": given, "body": "", "parsed_body": answer}

    def _connection(self, url: str, line: _Line) -> http.client.HTTPConnection:
        # Looked up on the module at each call: recorders of HTTP put their classes there.
        parts = urlsplit(url)
        assert parts.hostname  # SLACK_API_URL has one
        host = parts.hostname
        connection: http.client.HTTPConnection
        if parts.scheme == "http":
            connection = http.client.HTTPConnection(host, parts.port)
        elif self.proxy and not proxy_bypass(host):
            proxy, port, headers = _proxy(self.proxy)
            connection = http.client.HTTPSConnection(proxy, port, context=self._network.tls())
            connection.set_tunnel(host, parts.port or 443, headers)
        else:
            connection = http.client.HTTPSConnection(host, parts.port, context=self._network.tls())
        connection._create_connection = line.open  # type: ignore[attr-defined]  # noqa: SLF001
        return connection


_DROP = struct.pack("ii", 1, 0)
"""SO_LINGER with 0 seconds: when the connection is closed, unsent data is dropped instead of being sent later."""


class _Line:
    """One connection, cut when its deadline passes, whatever it is doing then: proxy, TLS, sending or reading."""

    _line: socket.socket | None = None
    _twin: socket.socket | None = None
    _timer: threading.Timer | None = None

    def __init__(self, deadline: Deadline, resolve: Resolve) -> None:
        self._deadline = deadline
        self._resolve = resolve

    def open(self, address: tuple[str, int], *_: object) -> socket.socket:
        """Stands in for socket.create_connection."""
        self._line = line = connect(*address, self._deadline, self._resolve)
        line.settimeout(None)  # from here on the timer ends it
        self._twin = line.dup()  # TLS takes the first one over; shutting down either ends both
        self._timer = threading.Timer(self._deadline.remaining, self._cut)
        self._timer.daemon = True
        self._timer.start()
        return line

    def _cut(self) -> None:
        if self._twin:
            with suppress(OSError):  # the other side was faster
                self._twin.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _DROP)
                self._twin.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        if self._timer:
            self._timer.cancel()
        if self._twin:
            self._twin.close()
        if self._line and self._line.fileno() != -1:  # a proxy that refused, until Python 3.11.4 (gh-103472)
            socket.close(self._line.detach())


def connect(host: str, port: int, deadline: Deadline, resolve: Resolve = resolve) -> socket.socket:
    """A connection to the first address that answers; each gets an equal share of the time that is left.

    Raises OSError; TimeoutError when the time is over.
    """
    addresses = _within(deadline, resolve, host, port)
    failure: OSError = socket.gaierror()
    for tried, (family, _, _, _, address) in enumerate(addresses):
        share = deadline.left() / (len(addresses) - tried)
        line = socket.socket(family)
        line.settimeout(share)
        try:
            line.connect(address)
        except OSError as error:
            line.close()
            failure = error
        else:
            return line
    raise failure


def _within(deadline: Deadline, resolve: Resolve, host: str, port: int) -> Addresses:
    """Resolves in a thread that is left to itself when the time is over: the system's resolver knows no deadline."""
    found: list[Addresses] = []
    failed: list[OSError] = []

    def ask() -> None:
        try:
            found.append(resolve(host, port))
        except OSError as error:
            failed.append(error)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(deadline.left())
    if failed:
        raise failed[0]
    if not found:
        raise TimeoutError
    return found[0]


def _proxy(address: str) -> tuple[str, int, dict[str, str]]:
    """Host, port and headers for a proxy given as "http://user:password@host:port", all but the host optional."""
    try:
        parts = urlsplit(address if "://" in address else f"http://{address}")
        port = parts.port or 80
    except ValueError as error:
        raise http.client.InvalidURL from error
    if not parts.hostname:
        raise http.client.InvalidURL
    headers = {}
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Proxy-Authorization"] = "Basic " + base64.b64encode(login.encode()).decode()
    return parts.hostname, port, headers


def _parse(raw: bytes, largest: int) -> dict[str, Any]:
    if len(raw) > largest:
        return {"error": TOO_LARGE}
    try:
        answer = json.loads(raw.decode(errors="replace"))
    except (ValueError, RecursionError):
        return {"error": NOT_JSON}
    return answer if isinstance(answer, dict) else {"error": NOT_JSON}
