"""A small threaded HTTP/1.1 server on the standard library: keep-alive, a Date on each answer, a free port."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from typing_extensions import override

Clock = Callable[[], float]
"""Seconds since 1970, UTC."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it came in.

    Attributes:
        method: "GET", "POST" ...
        path: percent-escapes decoded, without the query.
        query: the last value of each name.
        headers: names in lower case.
        body: raw.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def hostname(self) -> str:
        """The name the caller knows this server by."""
        return urlsplit(f"//{self.headers.get('host', '')}").hostname or "127.0.0.1"

    def form(self) -> dict[str, str]:
        """The body as a form; blank values are kept."""
        return dict(parse_qsl(self.body.decode(errors="replace"), keep_blank_values=True))

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; empty if it is none."""
        try:
            given = json.loads(self.body or b"{}")
        except ValueError:
            return {}
        return given if isinstance(given, dict) else {}


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: Content-Length and Date are added."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
        """`value` as JSON in UTF-8."""
        body = json.dumps(value, ensure_ascii=False).encode()
        return cls(status, body, {"Content-Type": "application/json; charset=utf-8", **(headers or {})})


class Dropped(Exception):
    """The connection ends here, without an answer."""


App = Callable[[Call], Answer]


class Server:
    """Serves an App while it is entered. A port of 0 is a free one. Raises OSError if the port is taken."""

    def __init__(self, app: App, host: str = "127.0.0.1", port: int = 0, clock: Clock = time.time) -> None:
        self.app = app
        self.clock = clock
        self._socket = socket.create_server((host, port), backlog=128)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._stopping = False
        self._thread = threading.Thread(target=self._accept, daemon=True, name=f"sandbox:{self.port}")

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
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            connection, address = self._socket.accept()
            if self._stopping:
                connection.close()
                return
            with self._lock:
                self._open.add(connection)
            threading.Thread(target=self._talk, args=(connection, address), daemon=True).start()

    def _talk(self, connection: socket.socket, address: Any) -> None:
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
                    self._open.discard(connection)


class _Handler(BaseHTTPRequestHandler):
    """Translates between http.server and App, one connection at a time."""

    protocol_version = "HTTP/1.1"
    server_version = "creditbot-sandbox"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body leave in one packet
    server: Server  # type: ignore[assignment]

    def _serve(self) -> None:
        try:
            answer = self.server.app(self._call())
        except Dropped:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST = do_DELETE = _serve  # noqa: N815 - the names http.server looks for

    def _call(self) -> Call:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        return Call(self.command, unquote(parts.path), query, headers, body)

    @override
    def date_time_string(self, timestamp: float | None = None) -> str:
        return formatdate(self.server.clock() if timestamp is None else timestamp, usegmt=True)

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Calls are kept by the Slack and the Looker instead."""
