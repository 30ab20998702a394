"""The HTTP server of the sandbox and of the tests, asked over a socket."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from creditbot.sandbox.http import App, ConnectionDropped, HttpRequest, HttpResponse, HttpServer


@contextmanager
def connected(app: App) -> Iterator[http.client.HTTPConnection]:
    """A client's connection to a server of this App."""
    with HttpServer(app) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        yield connection
        connection.close()


def test_a_request_arrives_as_it_was_sent() -> None:
    """Percent-escapes are decoded, and header names are looked up in any case."""
    requests: list[HttpRequest] = []

    def app(request: HttpRequest) -> HttpResponse:
        requests.append(request)
        return HttpResponse()

    with connected(app) as client:
        client.request("POST", "/a%20b?x=1&y=", b"p=%26&q=", {"X-Colour": "red", "Host": "sandbox:8080"})
        client.getresponse().read()
    (request,) = requests
    assert "POST /a b" == str(request)
    assert {"x": "1", "y": ""} == request.query
    assert {"p": "&", "q": ""} == request.form
    assert "red" == request.headers["x-colour"]
    assert "sandbox" == request.hostname


@pytest.mark.parametrize("body", [b"", b"[1]", b"{not json", b"\xff"])
def test_a_body_that_is_not_a_json_object_is_read_as_an_empty_one(body: bytes) -> None:
    with connected(lambda request: HttpResponse.of(request.json)) as client:
        client.request("POST", "/", body)
        assert b"{}" == client.getresponse().read()


def test_a_connection_stays_open_for_the_next_request() -> None:
    with connected(lambda request: HttpResponse(body=request.path.encode())) as client:
        client.request("GET", "/first")
        client.getresponse().read()
        socket = client.sock
        client.request("GET", "/second")
        assert b"/second" == client.getresponse().read()
        assert socket is client.sock


def test_a_body_in_pieces_ends_with_the_connection() -> None:
    """Nobody knows its length beforehand."""
    with connected(lambda _: HttpResponse(body=iter([b"one ", b"two"]))) as client:
        client.request("GET", "/")
        response = client.getresponse()
        assert response.getheader("Content-Length") is None
        assert "close" == response.getheader("Connection")
        assert b"one two" == response.read()


def test_a_response_may_promise_more_than_it_holds() -> None:
    """As a server does that dies in between."""
    with connected(lambda _: HttpResponse(body=b"half", headers={"Content-Length": "999"})) as client:
        client.request("GET", "/")
        with pytest.raises(http.client.IncompleteRead):
            client.getresponse().read()


def test_a_header_without_a_value_is_left_out() -> None:
    with connected(lambda _: HttpResponse(headers={"Content-Type": ""})) as client:
        client.request("GET", "/")
        assert client.getresponse().getheader("Content-Type") is None


def test_head_gets_the_headers_alone() -> None:
    with connected(lambda _: HttpResponse(body=b"four")) as client:
        client.request("HEAD", "/")
        response = client.getresponse()
        assert "4" == response.getheader("Content-Length")
        assert b"" == response.read()


def test_a_dropped_connection_has_no_response() -> None:
    def app(_: HttpRequest) -> HttpResponse:
        raise ConnectionDropped

    with connected(app) as client:
        client.request("GET", "/")
        with pytest.raises(http.client.RemoteDisconnected):
            client.getresponse()
