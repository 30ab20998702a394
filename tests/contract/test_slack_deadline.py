"""One deadline for everything a write to Slack does."""

from __future__ import annotations

import itertools
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from creditbot.adapters.slack import wire as slack_wire
from creditbot.adapters.slack.api import TimeLimits
from creditbot.adapters.slack.open import SlackAdapters
from creditbot.adapters.slack.wire import Network
from creditbot.errors import PostRefused, PostUnknown
from creditbot.machine.clock import boottime
from tests.support.http import Answer
from tests.support.slack_stub import MARKER, TOKEN, SlackStub


class Silence:
    """A port whose connections are never answered: its queue is full."""

    def __enter__(self) -> tuple[str, int]:
        self._sockets = [socket.socket()]
        self._sockets[0].bind(("127.0.0.1", 0))
        self._sockets[0].listen(0)
        address: tuple[str, int] = self._sockets[0].getsockname()
        for _ in range(3):
            waiting = socket.socket()
            waiting.setblocking(False)
            waiting.connect_ex(address)
            self._sockets.append(waiting)
        return address

    def __exit__(self, *_: object) -> None:
        for one in self._sockets:
            one.close()


def short(stub: SlackStub, **options: Any) -> SlackAdapters:
    """The adapters in real time, with half a second for a send."""
    return stub.open(boot=boottime, limits=TimeLimits(write=0.5), **options)


def test_six_silent_addresses_share_the_deadline(stub: SlackStub) -> None:
    """The time is not multiplied by the number of addresses, and nothing was posted."""
    with Silence() as silent:
        addresses = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", silent)] * 6
        slack = short(stub, network=Network(resolve=lambda *_: addresses))
        began = boottime()
        with pytest.raises(PostRefused, match="no answer within"):
            slack.replier.reply("C0TEST", "1.000000", "hello", MARKER)
    assert 0.49 < boottime() - began < 2.5  # six times as long if each had its own


def test_a_host_name_without_an_address_is_unknown(stub: SlackStub) -> None:
    """A resolver of the system's gives at least one."""
    with pytest.raises(PostRefused, match="its host name is unknown"):
        short(stub, network=Network(resolve=lambda *_: [])).replier.reply("C0TEST", "1.000000", "hello", MARKER)


def test_a_silent_address_does_not_hide_one_that_answers(stub: SlackStub) -> None:
    """Each address gets its share of the time."""
    stub.on("chat.postMessage", {"ts": "2.000000"})
    name, port = stub.http.host.split(":")
    with Silence() as silent:
        addresses = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", a) for a in (silent, (name, int(port)))]
        deadline = slack_wire.Deadline(0.4)
        slack_wire.connect(name, int(port), deadline, lambda *_: addresses).close()
    assert deadline.remaining


def test_a_resolver_that_hangs_does_not_hold_up_the_deadline(stub: SlackStub) -> None:
    """When the name is found after all, it is too late, and nothing is sent."""
    found = threading.Event()
    daemon: list[bool] = []

    def slow(host: str, port: int) -> slack_wire.Addresses:
        daemon.append(threading.current_thread().daemon)
        found.wait(10)
        return slack_wire.resolve(host, port)

    began = boottime()
    with pytest.raises(PostRefused, match="no answer within"):
        short(stub, network=Network(resolve=slow)).replier.reply("C0TEST", "1.000000", "hello", MARKER)
    assert boottime() - began < 5.0
    assert [True] == daemon  # nor does it keep the process from ending
    found.set()
    assert [] == stub.http.calls


def test_a_tls_handshake_that_hangs_has_sent_nothing(stub: SlackStub) -> None:
    """The request is written only after the handshake."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        slack = short(stub, api_url=f"https://127.0.0.1:{server.getsockname()[1]}/api/")
        with pytest.raises(PostRefused, match="no answer within"):
            slack.replier.reply("C0TEST", "1.000000", "hello", MARKER)


def test_a_proxy_that_hangs_has_sent_nothing(monkeypatch: pytest.MonkeyPatch, stub: SlackStub) -> None:
    """Its tunnel counts against the same deadline, and its password is not shown."""
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        address = f"http://user:made-up-password@127.0.0.1:{proxy.getsockname()[1]}"
        monkeypatch.setenv("HTTPS_PROXY", address)
        slack = short(stub, api_url="https://slack.invalid/api/")
        with pytest.raises(PostRefused, match="no answer within") as caught:
            slack.replier.reply("C0TEST", "1.000000", "hello", MARKER)
        proxy.settimeout(10)
        line, _ = proxy.accept()
        with line:
            asked = line.recv(10_000)
    assert asked.startswith(b"CONNECT slack.invalid:443 ")
    assert b"Proxy-Authorization: Basic dXNlcjptYWRlLXVwLXBhc3N3b3Jk" in asked
    assert TOKEN.encode() not in asked
    assert "made-up-password" not in f"{caught.value}"


@pytest.mark.parametrize("proxy", ["http://", "http://proxy:port", "http://[proxy"])
def test_a_proxy_setting_that_is_not_an_address_is_named(
    monkeypatch: pytest.MonkeyPatch, stub: SlackStub, proxy: str
) -> None:
    """The setting is named, its value is not."""
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(PostRefused, match="HTTPS_PROXY is not the address of a proxy"):
        stub.open(api_url="https://slack.invalid/api/").replier.reply("C0TEST", "1.000000", "hello", MARKER)


@pytest.mark.parametrize(
    ("proxy", "expected"),
    [("http://proxy.invalid", ("proxy.invalid", 80)), ("proxy.invalid:3128", ("proxy.invalid", 3128))],
)
def test_the_proxy_is_asked_for_by_its_name_and_port(
    monkeypatch: pytest.MonkeyPatch, stub: SlackStub, proxy: str, expected: tuple[str, int]
) -> None:
    """80 where none is given."""
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    asked: list[tuple[str, int]] = []

    def resolve(host: str, port: int) -> slack_wire.Addresses:
        asked.append((host, port))
        raise socket.gaierror

    slack = stub.open(api_url="https://slack.invalid/api/", network=Network(resolve=resolve))
    with pytest.raises(PostRefused, match="its host name is unknown"):
        slack.replier.reply("C0TEST", "1.000000", "hello", MARKER)
    assert [expected] == asked


@pytest.mark.parametrize("proxied", [False, True])
def test_tls_uses_the_given_context(monkeypatch: pytest.MonkeyPatch, stub: SlackStub, proxied: bool) -> None:
    """With the system's certificates by default; made once. A proxy is asked for the port that the address names."""

    class Ours(ssl.SSLContext):
        def wrap_socket(self, *_: Any, **__: Any) -> Any:
            raise ssl.SSLError("ours")

    made: list[ssl.SSLContext] = []

    def tls() -> ssl.SSLContext:
        made.append(Ours(ssl.PROTOCOL_TLS_CLIENT))
        return made[-1]

    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        if proxied:
            monkeypatch.setenv("HTTPS_PROXY", f"http://made-up@127.0.0.1:{port}")

        server.settimeout(10)

        def connect() -> None:
            for _ in range(2):
                line, _ = server.accept()
                with line:
                    line.settimeout(10)
                    asked.append(line.recv(10_000))
                    if proxied:
                        line.sendall(b"HTTP/1.1 200 made-up reason\r\n\r\n")
                        line.recv(1)

        connecting = threading.Thread(target=connect, daemon=True)
        connecting.start()
        slack = stub.open(
            api_url=f"https://{'slack.invalid:8443' if proxied else f'127.0.0.1:{port}'}/api/", network=Network(tls=tls)
        )
        for _ in range(2):
            with pytest.raises(PostRefused, match="the TLS connection failed"):
                slack.replier.reply("C0TEST", "1.000000", "hello", MARKER)
        connecting.join()
    assert 1 == len(made)
    if proxied:
        assert all(one.startswith(b"CONNECT slack.invalid:8443 ") for one in asked)
        assert all(b"Proxy-Authorization: Basic bWFkZS11cDo=\r\n" in one for one in asked)  # "made-up:"


def test_a_proxy_may_be_without_a_login(monkeypatch: pytest.MonkeyPatch, stub: SlackStub) -> None:
    """And without a scheme. One that refuses has sent nothing on, and its connection ends with the call."""
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"127.0.0.1:{proxy.getsockname()[1]}")
        asked: list[bytes] = []

        def refuse() -> None:
            line, _ = proxy.accept()
            with line:
                line.settimeout(10)
                asked.append(line.recv(10_000))
                line.sendall(b"HTTP/1.1 407 made-up reason\r\n\r\n")
                asked.append(line.recv(1))

        refusing = threading.Thread(target=refuse)
        refusing.start()
        with pytest.raises(PostRefused, match="the proxy refused the connection"):
            stub.open(api_url="https://slack.invalid/api/").replier.reply("C0TEST", "1.000000", "hello", MARKER)
        refusing.join()
    assert b"Authorization" not in asked[0]
    assert b"" == asked[1]


def test_an_address_is_tried_once() -> None:
    """Not once for each kind of connection that there could be to it."""
    assert 1 == len(slack_wire.resolve("127.0.0.1", 443))


def test_cutting_a_connection_that_was_reset_raises_nothing() -> None:
    """There is nothing left to cut."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        line = slack_wire._Line(slack_wire.Deadline(10), slack_wire.resolve)
        opened = line.open(server.getsockname()[:2])
        there, _ = server.accept()
        there.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, slack_wire._DROP)
        there.close()
        with pytest.raises(ConnectionResetError):
            opened.recv(1)
        line._cut()
        line.close()
    assert -1 == opened.fileno()


def test_a_host_name_that_cannot_exist_is_not_found() -> None:
    """The system's resolver would raise an error of another kind."""
    with pytest.raises(socket.gaierror):
        slack_wire.resolve("no..name", 443)


def test_hosts_of_no_proxy_are_reached_directly(monkeypatch: pytest.MonkeyPatch, stub: SlackStub) -> None:
    """The SDK alone would send everything to the proxy."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as server:
        slack = short(stub, api_url=f"https://127.0.0.1:{server.getsockname()[1]}/api/")
        with pytest.raises(PostRefused, match="no answer within"):
            slack.replier.reply("C0TEST", "1.000000", "hello", MARKER)


@pytest.mark.parametrize("answered", [False, True])
def test_a_server_that_drips_does_not_stretch_the_deadline(stub: SlackStub, *, answered: bool) -> None:
    """Silence and single bytes alike end at the deadline, as an unknown outcome."""
    never = threading.Event()

    def drip() -> Iterator[bytes]:
        for byte in b'{"ok": true, "ts": "2.000000"}' * 100:
            never.wait(0.02)
            yield bytes([byte])

    stub.on("chat.postMessage", Answer(drip()) if answered else Answer(after=never))
    slack = short(stub)
    began = boottime()
    with pytest.raises(PostUnknown, match="no answer within"):
        slack.replier.reply("C0TEST", "1.000000", "hello", MARKER)
    assert boottime() - began < 5.0


def test_the_timer_of_a_connection_does_not_keep_the_process_alive(stub: SlackStub) -> None:
    """Its timer runs as long as the call may take."""
    stub.on("chat.postMessage", {"ts": "2.000000"})
    timers: set[bool] = set()

    def boot() -> float:
        timers.update(one.daemon for one in threading.enumerate() if isinstance(one, threading.Timer))
        return boottime()

    stub.open(boot=boot).replier.reply("C0TEST", "1.000000", "hello", MARKER)
    assert {True} == timers


@pytest.mark.parametrize("before", range(14))
def test_a_stop_of_the_process_sends_nothing_late(stub: SlackStub, before: int) -> None:
    """Wherever the clock jumps past the deadline: either nothing was sent, or it was sent before the jump."""
    stub.on("chat.postMessage", {"ts": "2.000000"})
    ticks = itertools.count()
    slack = stub.open(boot=lambda: 0.0 if next(ticks) < before + 2 else 100.0)
    try:
        slack.replier.reply("C0TEST", "1.000000", "hello", MARKER)
    except PostRefused:
        assert [] == stub.http.calls
    except PostUnknown:
        assert 1 == len(stub.http.calls)


def test_a_process_that_slept_once_it_was_connected_has_sent_nothing(stub: SlackStub) -> None:
    """There is a last look at the clock before the first byte, and what it forbids is known not to be sent."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        accepted: list[socket.socket] = []

        def boot() -> float:
            with suppress(BlockingIOError):
                accepted.append(server.accept()[0])
            return 100.0 if accepted else 0.0

        slack = stub.open(boot=boot, api_url=f"http://127.0.0.1:{server.getsockname()[1]}/api/")
        with pytest.raises(PostRefused, match="no answer within"):
            slack.replier.reply("C0TEST", "1.000000", "hello", MARKER)
        (line,) = accepted
        with line, suppress(ConnectionResetError):
            line.settimeout(10)
            assert b"" == line.recv(1)


def test_the_sdk_still_sends_through_the_method_that_we_override() -> None:
    """An SDK that renames the one method on the wire would silently lose the deadline."""
    from slack_sdk.web.base_client import BaseClient

    ours = "_perform_urllib_http_request_internal"
    code = {name: part.__code__.co_names for name, part in vars(BaseClient).items() if hasattr(part, "__code__")}
    assert ours in vars(slack_wire.OneRequest)
    assert [ours] == [name for name, names in code.items() if "urlopen" in names]
    assert ["_perform_urllib_http_request"] == [name for name, names in code.items() if ours in names]
