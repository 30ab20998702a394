"""The doorbell on the sandbox's Socket Mode: slack_sdk's own client over a real websocket."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
import wsproto
from wsproto.events import AcceptConnection, Event, RejectConnection, Request, TextMessage

from creditbot.adapters.slack.open import open_doorbell
from creditbot.machine.bell import Bell
from creditbot.machine.processes import Stop
from creditbot.model import RequestKey
from creditbot.ports import Doorbell
from creditbot.sandbox import Sandbox
from creditbot.sandbox.slack_events import envelope_payload
from creditbot.sandbox.slack_socket import APP_TOKEN, MOST, PATH
from creditbot.sandbox.world import BOT_USER, CHANNEL, TEAM

pytestmark = pytest.mark.sandbox

LONG = 20.0
"""Seconds that nothing here takes."""


class Time:
    """The sandbox's clock."""

    def __init__(self) -> None:
        self.now = 1_767_614_400.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Door:
    """A doorbell that hears the sandbox.

    Attributes:
        sandbox: the sandbox.
        time: its clock.
        bell: what the doorbell rings.
        doorbell: the doorbell.
    """

    sandbox: Sandbox
    time: Time
    bell: Bell
    doorbell: Doorbell

    def rings(self) -> bool:
        return self.bell.wait(LONG)

    def rings_in_the_end(self) -> bool:
        """Slack may have sent the event into a connection that was about to end: then it sends it again."""
        for _ in range(3):
            if self.bell.wait(2):
                return True
            self.time.now += 64
        return self.rings()


def becomes(condition: Callable[[], bool]) -> bool:
    """Whether it is so within a long time: what the client does in its threads tells nobody."""
    end, pause = time.monotonic() + LONG, threading.Event()
    while not condition() and time.monotonic() < end:
        pause.wait(0.01)
    return condition()


@contextmanager
def opened(sandbox: Sandbox, token: str = APP_TOKEN) -> Iterator[tuple[Bell, Doorbell]]:
    bell = Bell()
    doorbell = open_doorbell(token, f"{sandbox.slack_server.url}/api/", Stop(), ping_seconds=0.5)
    doorbell.open(bell.ring)
    yield bell, doorbell
    doorbell.close()
    bell.close()


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    clock = Time()
    with (
        Sandbox(tmp_path, rate_limits=False, messages=False, clock=clock, warehouse=Path(__file__)) as sandbox,
        opened(sandbox) as (bell, doorbell),
    ):
        assert bell.wait(LONG)  # for what happened before it was there
        assert becomes(lambda: doorbell.hears and 1 == sandbox.slack.socket_mode.connections)
        yield Door(sandbox, clock, bell, doorbell)


def test_messages_edits_reactions_and_deletions_ring(door: Door) -> None:
    """Each is acknowledged once."""
    world = door.sandbox.world
    ts = world.post("A credit, please")
    assert door.rings()
    for action in (
        lambda: world.edit(ts, "Two credits, please"),
        lambda: world.react(ts, "+1"),
        lambda: world.unreact(ts, "+1"),
        lambda: world.post("Denied", thread_ts=ts),
        lambda: world.delete(ts),
    ):
        action()
        assert door.rings()
    slack = door.sandbox.slack.socket_mode
    assert becomes(lambda: 6 == len(slack.acknowledged))
    assert [(envelope, 0) for envelope in slack.acknowledged] == slack.sent


def test_what_the_bot_does_itself_does_not_ring(door: Door) -> None:
    slack = door.sandbox.slack.socket_mode
    ts = door.sandbox.world.post("Approved", user=BOT_USER)
    door.sandbox.world.react(ts, "eyes", user=BOT_USER)
    assert becomes(lambda: 2 == len(slack.acknowledged))
    assert not door.bell.wait(0)


def test_what_is_not_acknowledged_comes_again_and_rings_again(door: Door) -> None:
    """After 3 s, and then a minute and five minutes later; then Slack gives up."""
    slack = door.sandbox.slack.socket_mode
    slack.is_deaf = True
    door.sandbox.world.post("A credit, please")
    assert door.rings()
    for seconds in (4, 64, 304):
        door.time.now += seconds
        assert door.rings()
    assert [0, 1, 2, 3] == [attempt for _, attempt in slack.sent]
    assert 1 == len({envelope for envelope, _ in slack.sent})


def test_a_forged_event_rings_like_any_other(door: Door) -> None:
    event = {"type": "message", "user": "U0EVE", "channel": "C0NOWHERE", "event_ts": "1.000000"}
    door.sandbox.slack.socket_mode.forge(envelope_payload(event, "1"))
    assert door.rings()


def test_when_slack_asks_for_it_the_next_connection_takes_over(door: Door) -> None:
    """A warning first, then the end; nothing is missed."""
    slack = door.sandbox.slack.socket_mode
    for reason in ("warning", "refresh_requested"):
        asked = len(door.sandbox.slack.calls)
        slack.refresh(reason)
        assert becomes(partial(_has_connected_again, door, asked))
        door.sandbox.world.post("A credit, please")
        assert door.rings_in_the_end()


def _has_connected_again(door: Door, asked: int) -> bool:
    return asked < len(door.sandbox.slack.calls) and 1 == door.sandbox.slack.socket_mode.connections


def test_after_a_cut_it_connects_again(door: Door) -> None:
    """What happened meanwhile is sent then."""
    door.sandbox.slack.socket_mode.drop()
    assert becomes(lambda: 0 == door.sandbox.slack.socket_mode.connections or door.doorbell.hears)
    door.sandbox.world.post("A credit, please")
    assert door.rings_in_the_end()


def test_each_new_connection_rings(door: Door) -> None:
    """Slack may have given up on events that it could not send."""
    assert not door.bell.wait(0)
    door.sandbox.slack.socket_mode.drop()
    assert door.rings()


def test_a_slack_that_answers_no_ping_is_left_for_another_connection(door: Door) -> None:
    """And counted."""
    before = door.doorbell.silences
    asked = len(door.sandbox.slack.calls)
    door.sandbox.slack.socket_mode.is_silent = True
    assert becomes(lambda: asked < len(door.sandbox.slack.calls))
    assert becomes(lambda: door.doorbell.silences > before)


def test_a_connection_is_made_again_when_somebody_asks_for_it(door: Door) -> None:
    first, asked = door.doorbell.connection, len(door.sandbox.slack.calls)
    door.doorbell.reconnect()
    assert becomes(lambda: door.doorbell.connection not in (None, first))
    assert becomes(partial(_has_connected_again, door, asked))
    assert door.rings()


def test_the_doorbell_knows_for_which_messages_it_rang(door: Door) -> None:
    """Also for those that were edited, and not for those of which nothing was sent."""
    key = RequestKey(TEAM, CHANNEL, door.sandbox.world.post("A credit, please"))
    assert door.rings()
    assert becomes(lambda: door.doorbell.has_rung_for(key))
    door.sandbox.slack.socket_mode.lost = 1
    lost = replace(key, ts=door.sandbox.world.post("Another one"))
    door.sandbox.world.post("And another one")
    assert door.rings()
    assert not door.doorbell.has_rung_for(lost)
    door.sandbox.world.edit(lost.ts, "Two credits, please")
    assert becomes(lambda: door.doorbell.has_rung_for(lost))


def test_a_wrong_token_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """And tried again later: somebody may install the app again."""
    with Sandbox(tmp_path, rate_limits=False, messages=False, warehouse=Path(__file__)) as sandbox:
        with caplog.at_level(logging.WARNING, "creditbot"), opened(sandbox, "xapp-wrong") as (_, doorbell):
            assert becomes(lambda: len(sandbox.slack.calls) >= 2)
            assert not doorbell.hears
        (record,) = caplog.records
    assert "Slack's events cannot be heard: Slack refuses apps.connections.open: invalid_auth" in record.getMessage()


# --- what the sandbox sends ------------------------------------------------------------------------------------------


class Socket:
    """A websocket of a test's own."""

    def __init__(self, sandbox: Sandbox, ticket: str) -> None:
        self._line = socket.create_connection(("127.0.0.1", sandbox.slack_server.port), timeout=LONG)
        self._ws = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
        request = Request(host=f"127.0.0.1:{sandbox.slack_server.port}", target=f"{PATH}?ticket={ticket}")
        self._line.sendall(self._ws.send(request))
        self._events: list[Event] = []

    def next(self) -> Event:
        while not self._events:
            self._ws.receive_data(self._line.recv(65536) or None)
            self._events += self._ws.events()
        return self._events.pop(0)

    def next_json(self) -> dict[str, Any]:
        event = self.next()
        assert isinstance(event, TextMessage)
        return cast("dict[str, Any]", json.loads(event.data))

    def close(self) -> None:
        self._line.close()


def ticket_of(sandbox: Sandbox) -> str:
    """As `apps.connections.open` gives it."""
    import urllib.request

    request = urllib.request.Request(
        f"{sandbox.slack_server.url}/api/apps.connections.open", b"", {"Authorization": f"Bearer {APP_TOKEN}"}
    )
    with urllib.request.urlopen(request) as response:
        return str(json.load(response)["url"]).partition("ticket=")[2].partition("&")[0]


def test_a_connection_needs_a_ticket_which_opens_only_one(tmp_path: Path) -> None:
    with Sandbox(tmp_path, rate_limits=False, messages=False, warehouse=Path(__file__)) as sandbox:
        ticket = ticket_of(sandbox)
        kinds = []
        for _ in range(2):
            connection = Socket(sandbox, ticket)
            kinds.append(type(connection.next()))
            connection.close()
    assert [AcceptConnection, RejectConnection] == kinds


def test_an_app_has_ten_connections_and_no_more(tmp_path: Path) -> None:
    """Each begins with a hello that says how many there are."""
    with Sandbox(tmp_path, rate_limits=False, messages=False, warehouse=Path(__file__)) as sandbox:
        sockets = [Socket(sandbox, ticket_of(sandbox)) for _ in range(MOST + 1)]
        try:
            said = []
            for each in sockets:
                assert isinstance(each.next(), AcceptConnection)
                said.append(each.next_json())
        finally:
            for each in sockets:
                each.close()
    hellos = [text for text in said if text["type"] == "hello"]
    assert sorted(hello["num_connections"] for hello in hellos) == [*range(1, MOST + 1)]
    assert ["too_many_websockets"] == [text["reason"] for text in said if text["type"] == "disconnect"]
