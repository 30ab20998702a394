"""A scripted HTTP server for tests: real HTTP on a free loopback port, canned answers, and what was asked of it."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import Self
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Answer:
    """One canned answer.

    Attributes:
        body: text (sent as UTF-8), bytes, anything else as JSON; an iterator of bytes is sent piece by piece.
        status: HTTP status.
        headers: sent over the defaults ("Content-Length": "999" promises more than is sent); an empty one is left out.
        drop: close the connection without an answer.
        after: wait for this event first; the server sets it on closing.
    """

    body: object = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    drop: bool = False
    after: threading.Event | None = None


@dataclass(frozen=True)
class Seen:
    """One request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: str

    @property
    def json(self) -> dict[str, object]:
        """The body as a JSON object."""
        value = json.loads(self.body)
        assert isinstance(value, dict)
        return value

    @property
    def form(self) -> dict[str, str]:
        """The body as a form."""
        return dict(parse_qsl(self.body))

    def __str__(self) -> str:
        """As tests name it: "GET /path"."""
        return f"{self.method} {self.path}"


class HttpStub:
    """Serves on `url` while the context is open; what it has no answer for is a 404 in JSON."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: dict[str, list[Answer]] = {}
        self._waiting: list[threading.Event] = []
        self.seen: list[Seen] = []
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.stub = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.005}, daemon=True)

    @property
    def host(self) -> str:
        """The address as "127.0.0.1:PORT"."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """The address, without a trailing slash."""
        return f"http://{self.host}"

    @property
    def calls(self) -> list[str]:
        """Every request so far as "GET /path"."""
        with self._lock:
            return [str(seen) for seen in self.seen]

    def on(self, call: str, *answers: Answer) -> None:
        """Answers "GET /path" with these in turn, and with the last of them from then on."""
        with self._lock:
            self._answers[call] = list(answers)
            self._waiting += [answer.after for answer in answers if answer.after]

    def answer_of(self, call: str) -> Answer:
        """The answer that "GET /path" has by now."""
        with self._lock:
            return self._answers[call][-1]

    def asked(self, call: str) -> list[Seen]:
        """The requests of one kind, in order."""
        with self._lock:
            return [seen for seen in self.seen if str(seen) == call]

    def answer(self, seen: Seen) -> Answer:
        """Notes a request and picks its answer."""
        with self._lock:
            self.seen.append(seen)
            left = self._answers.get(str(seen), [Answer({"message": "Not found"}, status=404)])
            return left.pop(0) if len(left) > 1 else left[0]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        for event in self._waiting:
            event.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingTCPServer):  # http.server's own looks up the name of this machine
    stub: HttpStub
    request_queue_size = 64
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is what some tests want."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet: two would wait for a delayed acknowledgement

    def _serve(self) -> None:
        target = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        query = dict(parse_qsl(target.query, keep_blank_values=True))
        seen = Seen(self.command, target.path, query, dict(self.headers.items()), body)
        answer = self.server.stub.answer(seen)
        if answer.after:
            answer.after.wait(30)
        if answer.drop:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self._send(answer)

    def _send(self, answer: Answer) -> None:
        kind, pieces = _content(answer.body)
        headers = {"Content-Type": kind, **answer.headers}
        if isinstance(pieces, bytes):
            headers.setdefault("Content-Length", str(len(pieces)))
            pieces = [pieces]
        else:
            headers.setdefault("Connection", "close")
        self.send_response(answer.status)
        for name, value in headers.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        for piece in pieces:
            self.wfile.write(piece)
            self.wfile.flush()
        self.close_connection |= headers.get("Connection") == "close" or "Content-Length" in answer.headers

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve  # noqa: N815  # http.server's names

    def log_message(self, *_args: object) -> None:
        """Tests' output stays theirs."""


def _content(body: object) -> tuple[str, bytes | Iterable[bytes]]:
    if isinstance(body, bytes):
        return "application/octet-stream", body
    if isinstance(body, str):
        return "text/plain", body.encode()
    if isinstance(body, Iterable) and not isinstance(body, (dict, list)):
        return "text/plain", body
    return "application/json", json.dumps(body).encode()
