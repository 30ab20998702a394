"""A scripted HTTP server for tests: the sandbox's real server with canned answers, and what was asked of it.

A test says with `on` what each "GET /path" is answered, points a client at `url`, and looks at `requests` afterwards.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

from creditbot.sandbox.http import ConnectionDropped, HttpRequest, HttpResponse, HttpServer

PATIENCE = 30.0
"""Seconds that an answer waits at most for its event, so that a test that forgets to set it ends."""


@dataclass(frozen=True)
class Answer:
    """One canned answer.

    Attributes:
        body: text (sent as UTF-8), bytes, anything else as JSON; an iterator of bytes is sent piece by piece.
        status: HTTP status.
        headers: sent over the defaults, as `HttpResponse` has them.
        drop: close the connection without an answer.
        after: wait for this event first; the server sets it on closing.
    """

    body: object = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    drop: bool = False
    after: threading.Event | None = None

    def response(self) -> HttpResponse:
        """The answer as it is sent. Raises `ConnectionDropped` if there must be none."""
        if self.after:
            self.after.wait(PATIENCE)
        if self.drop:
            raise ConnectionDropped
        kind, body = _content(self.body)
        return HttpResponse(self.status, body, {"Content-Type": kind, **self.headers})


class HttpStub:
    """Serves on `url` while the context is open; what it has no answer for is a 404 in JSON."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: dict[str, list[Answer]] = {}
        self._waiting: list[threading.Event] = []
        self.requests: list[HttpRequest] = []
        self._server = HttpServer(lambda request: self.answer(request).response())

    @property
    def host(self) -> str:
        """The address as "127.0.0.1:PORT"."""
        return f"127.0.0.1:{self._server.port}"

    @property
    def url(self) -> str:
        """The address, without a trailing slash."""
        return self._server.url

    @property
    def calls(self) -> list[str]:
        """Every request so far as "GET /path"."""
        with self._lock:
            return [str(request) for request in self.requests]

    def on(self, call: str, *answers: Answer) -> None:
        """Answers "GET /path" with these in turn, and with the last of them from then on."""
        with self._lock:
            self._answers[call] = list(answers)
            self._waiting += [answer.after for answer in answers if answer.after]

    def answer_of(self, call: str) -> Answer:
        """The answer that "GET /path" has by now."""
        with self._lock:
            return self._answers[call][-1]

    def asked(self, call: str) -> list[HttpRequest]:
        """The requests of one kind, in order."""
        with self._lock:
            return [request for request in self.requests if str(request) == call]

    def answer(self, request: HttpRequest) -> Answer:
        """Notes a request and picks its answer."""
        with self._lock:
            self.requests.append(request)
            left = self._answers.get(str(request), [Answer({"message": "Not found"}, status=404)])
            return left.pop(0) if len(left) > 1 else left[0]

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        for event in self._waiting:
            event.set()
        self._server.__exit__(*exception)


def _content(body: object) -> tuple[str, bytes | Iterable[bytes]]:
    """The media type of a body and how it is sent."""
    if isinstance(body, bytes):
        return "application/octet-stream", body
    if isinstance(body, str):
        return "text/plain", body.encode()
    if isinstance(body, Iterable) and not isinstance(body, (dict, list)):
        return "text/plain", body
    return "application/json", json.dumps(body).encode()
