"""Shows on METRICS_PORT how `creditbot serve` is, over HTTP.

`/metrics` has its metrics in OpenMetrics. Probes ask at `/healthz` and `/readyz`: 200 is yes, and 503 is no, with the
reason. Connections are few and short, so that no client keeps a probe from its answer. No library is used for that:
the servers of prometheus_client and wsgiref limit neither.
"""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from typing_extensions import override

from creditbot.adapters.metrics.metrics_file import with_others
from creditbot.errors import SettingsError

PATH = "/metrics"
CONNECTIONS = 16
"""Connections at a time, each of which has a thread. For one more, the oldest is closed."""
_PLAIN = "text/plain; charset=utf-8"
_FORMAT = "application/openmetrics-text; version=1.0.0; charset=utf-8"


Probe = Callable[[], str]
"""Gives the reason for a no; "" for a yes. It is called by several threads, and answers at once."""


class MetricsPage:
    """A `ports.MetricsTarget` that answers from the moment it is made until it is closed. Safe to share by threads.

    What it shows is as of the last tick; before the first one it is an empty page.

    Args:
        port: where it listens, on all addresses; 0 is a free port.
        probes: path -> what it asks.
        patience: seconds that a connection may last.

    Raises `SettingsError` if the port is taken.
    """

    takes_openmetrics = True

    def __init__(self, port: int, probes: Mapping[str, Probe] = {}, patience: float = 10.0) -> None:
        self._page = "# EOF\n"
        page = self

        class Handler(_Handler):
            def page(self) -> str:
                return page._page

            def probe(self, path: str) -> str | None:
                return probes[path]() if path in probes else None

        try:
            self._server = _Server(port, Handler, patience)
        except OSError as error:
            reason = f"The metrics cannot be shown on port {port}: {error.strerror or error}."
            raise SettingsError(reason, "Set METRICS_PORT to a free port.") from error
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True, name="metrics")
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.server_port

    def publish(self, page: str, *, whole: bool) -> None:
        """See `ports.MetricsTarget`. It never raises."""
        self._page = page if whole else with_others(page, self._page)

    def close(self) -> None:
        """Stops answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    def __init__(self, port: int, handler: type[BaseHTTPRequestHandler], patience: float) -> None:
        self._patience = patience
        self._since: dict[socket.socket, float] = {}
        super().__init__(("", port), handler)

    @override
    def process_request(self, request: Any, client_address: Any) -> None:
        """Gives a connection its thread, and closes the oldest if there are too many."""
        for oldest in list(self._since)[: len(self._since) - CONNECTIONS + 1]:
            self._hang_up(oldest)
        self._since[request] = time.monotonic()
        super().process_request(request, client_address)

    @override
    def shutdown_request(self, request: Any) -> None:
        """Called by its thread when a connection has ended."""
        self._since.pop(request, None)
        super().shutdown_request(request)

    @override
    def service_actions(self) -> None:
        """Called twice a second: closes connections that last too long, whatever their clients send meanwhile."""
        late = time.monotonic() - self._patience
        for request, since in list(self._since.items()):
            if since < late:
                self._hang_up(request)

    def _hang_up(self, request: socket.socket) -> None:
        """Its thread then reads that the connection has ended, or fails to write."""
        self._since.pop(request, None)
        with suppress(OSError):
            request.shutdown(socket.SHUT_RDWR)

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is not reported; other errors are written as usual."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server_version = "creditbot"
    sys_version = ""

    def page(self) -> str:
        """What is shown now."""
        raise NotImplementedError

    def probe(self, path: str) -> str | None:
        """Why the answer of a probe is no; "" for a yes, and None where nothing can be asked."""
        raise NotImplementedError

    def do_GET(self) -> None:
        """The page, the answer of a probe, or 404 for any other path."""
        path = self.path.partition("?")[0]
        if path == PATH:
            self._answer(200, _FORMAT, self.page())
        elif (reason := self.probe(path)) is not None:
            self._answer(503 if reason else 200, _PLAIN, f"{reason or 'ok'}\n")
        else:
            self.send_error(404)

    do_HEAD = do_GET  # noqa: N815  # the name that http.server looks for

    def _answer(self, status: int, kind: str, text: str) -> None:
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """A scrape is not worth a line."""
