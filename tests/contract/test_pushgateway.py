"""Pushing metrics: what is asked of a Pushgateway, and one sentence for whatever it answers.

tests/monitoring does the same with a real one.
"""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from creditbot.adapters.metrics.pushgateway import Pushgateway
from creditbot.errors import Refused, Unreachable
from tests.support.http import Answer, HttpStub

GROUP = "/metrics/job/creditbot"
PAGE = "# HELP creditbot_shadow 1 if SHADOW is on, else 0.\n# TYPE creditbot_shadow gauge\ncreditbot_shadow 0\n"


@pytest.fixture
def gateway() -> Iterator[HttpStub]:
    with HttpStub() as stub:
        for method in ("PUT", "POST"):
            stub.on(f"{method} {GROUP}", Answer())
        yield stub


def push(url: str, *, whole: bool = True, seconds: float = 10.0) -> None:
    Pushgateway(url, seconds=seconds).publish(PAGE, whole=whole)


@pytest.mark.parametrize(("whole", "method"), [(True, "PUT"), (False, "POST")])
def test_a_whole_page_replaces_the_group_and_another_adds_to_it(gateway: HttpStub, *, whole: bool, method: str) -> None:
    """So a tick that failed leaves the time of the last success."""
    push(gateway.url, whole=whole)
    (request,) = gateway.requests
    assert (f"{method} {GROUP}", PAGE) == (str(request), request.text)
    assert "text/plain; version=0.0.4; charset=utf-8" == request.headers["Content-Type"]
    assert request.headers["Authorization"] is None


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("", GROUP),
        ("/", GROUP),
        ("/gateway/", f"/gateway{GROUP}"),
        ("/metrics/job/creditbot-staging", "/metrics/job/creditbot-staging"),
        ("/gateway/metrics/job/a/namespace/b/", "/gateway/metrics/job/a/namespace/b"),
    ],
)
def test_an_address_may_name_the_group(gateway: HttpStub, path: str, asked: str) -> None:
    """Two deployments that push to one group would replace each other's metrics."""
    gateway.on(f"PUT {asked}", Answer(status=202))
    push(f"{gateway.url}{path}")
    assert [f"PUT {asked}"] == gateway.calls


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("", f"{GROUP}/namespace/credits"),
        ("/metrics/job/creditbot-staging", "/metrics/job/creditbot-staging/namespace/credits"),
        ("/metrics/job/a/namespace/b/", "/metrics/job/a/namespace/b"),
    ],
)
def test_the_group_names_the_namespace(gateway: HttpStub, path: str, asked: str) -> None:
    """Two deployments of the same name in two namespaces would replace each other's metrics."""
    gateway.on(f"PUT {asked}", Answer(status=202))
    Pushgateway(f"{gateway.url}{path}", "credits").publish(PAGE, whole=True)
    assert [f"PUT {asked}"] == gateway.calls


def test_a_login_goes_into_a_header(gateway: HttpStub) -> None:
    """With its percent escapes decoded."""
    push(gateway.url.replace("//", "//bot:made%20up%2Fpassword@"))
    (request,) = gateway.requests
    kind, _, login = request.headers["Authorization"].partition(" ")
    assert ("Basic", b"bot:made up/password") == (kind, base64.b64decode(login))
    assert gateway.host == request.headers["Host"]


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 500])
def test_a_refusal_is_one_sentence_without_the_login(gateway: HttpStub, status: int) -> None:
    """A redirect is one, because it would lose the metrics."""
    answer = Answer("pushed metrics are invalid\nor made-up-password", status, {"Location": f"{gateway.url}/elsewhere"})
    gateway.on(f"POST {GROUP}", answer)
    with pytest.raises(Refused) as caught:
        push(gateway.url.replace("//", "//bot:secret-login@"), whole=False)
    sentence = f"The Pushgateway {gateway.host} refused the metrics (HTTP {status}): pushed metrics are invalid or "
    assert caught.value.what.startswith(sentence)
    assert "secret-login" not in str(caught.value)
    assert [f"POST {GROUP}"] == gateway.calls


def test_a_pushgateway_that_is_not_there_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(Unreachable) as caught:
        push(f"http://bot:secret-login@127.0.0.1:{port}")
    assert caught.value.what.startswith(f"The Pushgateway 127.0.0.1:{port} cannot be reached: ")
    assert "secret-login" not in str(caught.value)
    assert "Check PUSHGATEWAY_URL, and whether the Pushgateway runs." == caught.value.todo


# -- a look-up that pushes nothing ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("", "/-/ready"),
        ("/gateway/", "/gateway/-/ready"),
        ("/gateway/metrics/job/a/namespace/b/", "/gateway/-/ready"),
    ],
)
def test_a_look_up_asks_once_whether_the_pushgateway_is_ready(gateway: HttpStub, path: str, asked: str) -> None:
    """By the login of a push; nothing is pushed."""
    gateway.on(f"GET {asked}", Answer("OK"))
    Pushgateway(f"{gateway.url}{path}".replace("//1", "//bot:made-up@1")).probe()
    (request,) = gateway.requests
    assert (f"GET {asked}", "") == (str(request), request.text)
    assert request.headers["Authorization"] is not None


def test_a_look_up_says_what_a_server_answers_that_is_no_pushgateway(gateway: HttpStub) -> None:
    with pytest.raises(Refused) as caught:
        Pushgateway(gateway.url).probe()
    assert caught.value.what.startswith(f"The Pushgateway {gateway.host} does not say that it is ready (HTTP 404)")
    assert "Check PUSHGATEWAY_URL, and whether the Pushgateway runs." == caught.value.todo


# -- failures ---------------------------------------------------------------------------------------------------------


def test_an_answer_that_breaks_off_is_one_sentence(gateway: HttpStub) -> None:
    gateway.on(f"PUT {GROUP}", Answer(drop=True))
    with pytest.raises(Unreachable, match="cannot be reached: "):
        push(gateway.url)


def test_a_push_takes_no_longer_than_its_deadline() -> None:
    """Also where each byte comes within the time limit of a socket."""
    over = threading.Event()

    def drip(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection, suppress(OSError):
            while not over.wait(0.05):
                connection.sendall(b"H")

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        thread = threading.Thread(target=drip, args=(server,))
        thread.start()
        try:
            with pytest.raises(Unreachable) as caught:
                push(f"http://127.0.0.1:{port}", seconds=0.4)
        finally:
            over.set()
            thread.join()
    assert f"The Pushgateway 127.0.0.1:{port} took longer than 0.4 s." == caught.value.what
