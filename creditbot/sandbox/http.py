"""A small HTTP/1.1 server on the standard library, for the sandbox and for tests.

It reads requests from sockets on a free port, hands each to an `App` as an `HttpRequest`, and sends back the
`HttpResponse` that the App returns. Connections stay open between requests, and each has a thread.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from typing_extensions import override

UnixClock = Callable[[], float]
"""Seconds since 1970, UTC."""
JSON_CONTENT = {"Content-Type": "application/json; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request as it came in.

    Attributes:
        method: "GET", "POST" ...
        path: percent-escapes decoded, without the query.
        query: the last value of each name, also a blank one.
        headers: looked up in any case.
        body: raw bytes.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Message
    body: bytes

    @property
    def hostname(self) -> str:
        """The name by which the caller knows this server."""
        return urlsplit(f"//{self.headers.get('host', '')}").hostname or "127.0.0.1"

    @property
    def text(self) -> str:
        """The body as UTF-8; what is not UTF-8 is replaced."""
        return self.body.decode(errors="replace")

    @property
    def form(self) -> dict[str, str]:
        """The body as a form, with its blank values."""
        return dict(parse_qsl(self.text, keep_blank_values=True))

    @property
    def json(self) -> dict[str, Any]:
        """The body as a JSON object; empty if the body is anything else."""
        try:
            value = json.loads(self.body or b"{}")
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    def __str__(self) -> str:
        """As tests name a request: "GET /path"."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What goes back. Date is always added; Content-Length, unless the headers have one or the body comes in pieces.

    Attributes:
        status: HTTP status.
        body: whole, or in pieces that are sent one by one, after which the connection is closed.
        headers: one with an empty value is left out. A Content-Length may promise more than the body holds: the
            connection is closed after it.
        takes_over: if given, nothing is sent: it gets the connection, which is closed when it returns.
    """

    status: int = 200
    body: bytes | Iterable[bytes] = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    takes_over: Callable[[socket.socket], None] | None = None

    @classmethod
    def of(cls, value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpResponse:
        """`value` as JSON in UTF-8."""
        return cls(status, json.dumps(value, ensure_ascii=False).encode(), {**JSON_CONTENT, **(headers or {})})


class ConnectionDropped(Exception):
    """An App raises it to end the connection without a response."""


App = Callable[[HttpRequest], HttpResponse]


class HttpServer:
    """Serves an App while it is entered; listens from the moment it is made.

    Args:
        app: answers each request; called by several threads at once.
        host: address to listen on.
        port: 0 is a free one.
        clock: gives the Date of each response.

    Raises OSError if the port is taken.
    """

    def __init__(self, app: App, host: str = "127.0.0.1", port: int = 0, clock: UnixClock = time.time) -> None:
        self.app = app
        self.clock = clock
        self._socket = socket.create_server((host, port), backlog=128)
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._stopping = False
        self._thread = threading.Thread(target=self._accept, daemon=True, name=f"http:{self.port}")

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._socket.getsockname()[1])

    @property
    def url(self) -> str:
        """The loopback address of this server, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping = True
        with contextlib.suppress(OSError):  # wakes accept()
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
        self._thread.join()
        self._socket.close()
        with self._lock:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            connection, address = self._socket.accept()
            if self._stopping:
                connection.close()
                return
            with self._lock:
                self._connections.add(connection)
            threading.Thread(target=self._serve, args=(connection, address), daemon=True).start()

    def _serve(self, connection: socket.socket, address: Any) -> None:
        with connection:
            try:
                _Handler(connection, address, self)  # type: ignore[arg-type]  # only asks for `app` and `clock`
            except OSError:
                pass  # the caller went away
            except Exception:
                if not self._stopping:  # what the App stands on may be closed already
                    raise
            finally:
                with self._lock:
                    self._connections.discard(connection)


class _Handler(BaseHTTPRequestHandler):
    """Translates between http.server and App, one connection at a time."""

    protocol_version = "HTTP/1.1"
    server_version = "creditbot-sandbox"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body leave in one packet: two would wait for a delayed acknowledgement
    server: HttpServer  # type: ignore[assignment]

    def _serve(self) -> None:
        try:
            response = self.server.app(self._request())
        except ConnectionDropped:
            self.close_connection = True
            return
        if response.takes_over:
            self.close_connection = True
            response.takes_over(self.connection)
            return
        headers = dict(response.headers)
        pieces = response.body
        if not isinstance(pieces, bytes) or "Content-Length" in headers:
            headers.setdefault("Connection", "close")  # http.server closes on it, too
        if isinstance(pieces, bytes):
            headers.setdefault("Content-Length", str(len(pieces)))
            pieces = [pieces]
        self.send_response(response.status)
        for name, value in headers.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        for piece in () if self.command == "HEAD" else pieces:
            self.wfile.write(piece)
            self.wfile.flush()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - the names http.server looks for

    def _request(self) -> HttpRequest:
        target = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        query = dict(parse_qsl(target.query, keep_blank_values=True))
        return HttpRequest(self.command, unquote(target.path), query, self.headers, body)

    @override
    def date_time_string(self, timestamp: float | None = None) -> str:
        return formatdate(self.server.clock() if timestamp is None else timestamp, usegmt=True)

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Whoever wants to know keeps the requests."""
