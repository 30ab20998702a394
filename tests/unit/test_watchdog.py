"""The watchdog of `creditbot serve`: what counts as not heard, and what follows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from creditbot.errors import STATE_STORE, Unreachable
from creditbot.model import RequestKey
from creditbot.slack_time import ts_of
from creditbot.state.ledger import Ledger
from creditbot.state.totals import NO_PONG, NO_RING
from creditbot.tick.watchdog import LATE, Watchdog
from tests.support.world import World
from tests.support.world_facts import START


class FakeDoorbell:
    """Implements `ports.Doorbell`: what it hears is what a test says."""

    def __init__(self) -> None:
        self.connection: object | None = "first"
        self.silences = 0
        self.rung: set[RequestKey] = set()
        self.asked_again = 0

    @property
    def hears(self) -> bool:
        return self.connection is not None

    def open(self, ring: Callable[[], object]) -> None: ...

    def probe(self) -> None: ...

    def has_rung_for(self, key: RequestKey) -> bool:
        return key in self.rung

    def reconnect(self) -> None:
        self.asked_again += 1

    def close(self) -> None: ...


class Watched:
    """A watchdog at its work, and the time."""

    def __init__(self) -> None:
        self.doorbell = FakeDoorbell()
        self.watchdog = Watchdog(self.doorbell)
        self.world = World()
        self.ledger = Ledger(self.world.ports().state)
        self.now = START
        self.look()

    def asked(self, seconds: float = 0.0) -> RequestKey:
        """A request from so many seconds after now."""
        return RequestKey("T0", "C0", ts_of(self.now + timedelta(seconds=seconds)))

    def look(self, *started: RequestKey, after: float = 0.0) -> None:
        """After so many seconds a tick ends that has found these requests."""
        self.now += timedelta(seconds=after)
        self.watchdog.look(started, self.ledger, self.now)

    @property
    def unheard(self) -> dict[str, int]:
        return dict(self.ledger.read().totals.unheard)


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_a_request_that_rang_is_no_failure(watched: Watched) -> None:
    key = watched.asked(1)
    watched.doorbell.rung.add(key)
    watched.look(key, after=2)
    watched.look(after=3600)
    assert ({}, 0, False) == (watched.unheard, watched.doorbell.asked_again, watched.watchdog.is_in_doubt)


def test_a_request_that_never_rang_counts_and_reconnects(watched: Watched) -> None:
    """Once, and not before its ring would be late."""
    watched.look(watched.asked(1), after=2)
    assert watched.watchdog.is_in_doubt
    watched.look(after=LATE.total_seconds() - 1)
    assert ({}, 0) == (watched.unheard, watched.doorbell.asked_again)
    watched.look(after=1)
    watched.look(after=60)
    assert ({NO_RING: 1}, 1, False) == (watched.unheard, watched.doorbell.asked_again, watched.watchdog.is_in_doubt)


def test_a_ring_may_come_a_little_after_its_request_was_found(watched: Watched) -> None:
    key = watched.asked(1)
    watched.look(key, after=2)
    watched.doorbell.rung.add(key)
    watched.look(after=60)
    assert {} == watched.unheard


def test_what_was_asked_while_nobody_listened_counts_for_nothing(watched: Watched) -> None:
    """Before the first connection, while there was none, and before the one of now, which rings when it is made."""
    before = watched.asked(-60)
    watched.doorbell.connection = None
    meanwhile = watched.asked(1)
    watched.look(before, meanwhile, after=2)
    watched.doorbell.connection = "second"
    late = watched.asked(1)
    watched.look(late, after=2)
    watched.doorbell.connection = "third"
    watched.look(after=1)
    earlier = watched.asked(-1)
    watched.look(earlier, after=2)
    watched.look(after=3600)
    assert ({}, 0) == (watched.unheard, watched.doorbell.asked_again)


def test_connections_without_answers_count(watched: Watched) -> None:
    watched.doorbell.silences = 2
    watched.look()
    watched.doorbell.silences = 3
    watched.look()
    watched.look()
    assert {NO_PONG: 3} == watched.unheard
    assert 0 == watched.doorbell.asked_again  # the doorbell itself has connected again


def test_what_cannot_be_counted_now_is_counted_later(watched: Watched, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING", "creditbot")
    watched.doorbell.silences = 1
    watched.world.fail("state-write", Unreachable(STATE_STORE, "It is away."))
    watched.look()
    assert "what was not heard of Slack could not be counted" in caplog.text
    watched.look()
    assert {NO_PONG: 1} == watched.unheard
