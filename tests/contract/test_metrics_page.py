"""The page of metrics of `creditbot serve`, as a scraper sees it."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest

from creditbot.adapters.metrics.metrics_page import CONNECTIONS, MetricsPage
from creditbot.errors import SettingsError

FIRST = "# HELP creditbot_a A.\n# TYPE creditbot_a gauge\ncreditbot_a 1\n"
SECOND = "# HELP creditbot_b B.\n# TYPE creditbot_b gauge\ncreditbot_b 2\n"
END = "# EOF\n"


@pytest.fixture
def page() -> Iterator[MetricsPage]:
    with closing(MetricsPage(0)) as page:
        yield page


def get(page: MetricsPage, path: str = "/metrics") -> tuple[str, str]:
    """(content type, text) of what is shown."""
    with urlopen(f"http://127.0.0.1:{page.port}{path}", timeout=10) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


def test_the_page_is_empty_before_the_first_tick(page: MetricsPage) -> None:
    """Which is a page that Prometheus can read."""
    assert ("application/openmetrics-text; version=1.0.0; charset=utf-8", END) == get(page)


def test_the_page_shows_the_last_tick(page: MetricsPage) -> None:
    page.publish(FIRST + SECOND + END, whole=True)
    page.publish(SECOND + END, whole=True)
    assert SECOND + END == get(page, "/metrics?debug=1")[1]


def test_a_page_that_is_not_whole_keeps_what_it_lacks(page: MetricsPage) -> None:
    page.publish(FIRST + SECOND + END, whole=True)
    page.publish(SECOND.replace(" 2", " 3") + END, whole=False)
    assert SECOND.replace(" 2", " 3") + FIRST + END == get(page)[1]


def test_there_is_nothing_but_the_metrics(page: MetricsPage) -> None:
    with pytest.raises(HTTPError, match="404"):
        get(page, "/")


def test_a_probe_is_answered_by_its_reason() -> None:
    """It is asked again at each request, because what holds now counts."""
    reasons = ["", "It is stopping."]
    with closing(MetricsPage(0, {"/readyz": lambda: reasons.pop(0)})) as page:
        assert ("text/plain; charset=utf-8", "ok\n") == get(page, "/readyz?verbose")
        with pytest.raises(HTTPError) as caught:
            get(page, "/readyz")
        assert (503, b"It is stopping.\n") == (caught.value.code, caught.value.read())
        with pytest.raises(HTTPError, match="404"):
            get(page, "/healthz")


@pytest.mark.parametrize("path", ["/metrics", "/healthz"])
def test_a_head_is_answered_like_a_get_without_the_content(path: str) -> None:
    with closing(MetricsPage(0, {"/healthz": lambda: ""})) as page:
        length = len(get(page, path)[1])
        request = Request(f"http://127.0.0.1:{page.port}{path}", method="HEAD")
        with urlopen(request, timeout=10) as answer:
            assert (200, str(length), b"") == (answer.status, answer.headers["Content-Length"], answer.read())


def test_clients_that_say_nothing_keep_nobody_from_an_answer(page: MetricsPage) -> None:
    """The oldest of them are closed: so many connections have a thread, and no more."""
    with ExitStack() as stack:
        silent = [stack.enter_context(connection(page)) for _ in range(3 * CONNECTIONS)]
        assert END == get(page)[1]
        assert [b""] * 2 * CONNECTIONS == [client.recv(1) for client in silent[: 2 * CONNECTIONS]]
        silent[-1].sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        assert silent[-1].recv(100).startswith(b"HTTP/1.0 200 OK")


def test_a_client_that_takes_for_ever_is_closed() -> None:
    """Although it is never silent for long."""
    with closing(MetricsPage(0, patience=0.2)) as page, connection(page) as client:
        client.settimeout(0.05)
        ended = None
        while ended is None:
            try:
                client.sendall(b"x")
                ended = client.recv(1)
            except TimeoutError:
                continue
            except ConnectionError:
                ended = b""
        assert b"" == ended


def connection(page: MetricsPage) -> socket.socket:
    return socket.create_connection(("127.0.0.1", page.port), timeout=10)


def test_a_client_that_hangs_up_leaves_no_traceback(page: MetricsPage, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_connection(("127.0.0.1", page.port), timeout=10) as client:
        client.sendall(b"GET /metr")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closes by a reset
    get(page)  # a later connection, so the first one has its thread
    for thread in threading.enumerate():
        if "process_request_thread" in thread.name:
            thread.join(10)
    assert "" == capfd.readouterr().err


def test_a_port_that_is_taken_is_a_wrong_setting(page: MetricsPage) -> None:
    with pytest.raises(SettingsError) as caught:
        MetricsPage(page.port)
    assert caught.value.what.startswith(f"The metrics cannot be shown on port {page.port}: ")
    assert "Set METRICS_PORT to a free port." == caught.value.todo


def test_a_page_that_is_closed_answers_nobody() -> None:
    page = MetricsPage(0)
    page.close()
    with pytest.raises(URLError):
        get(page)
    socket.create_server(("127.0.0.1", page.port)).close()
