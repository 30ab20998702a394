"""What a tick reports: log lines, progress for the person who runs it, and whether it went well."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from itertools import chain, repeat

import pytest
from typing_extensions import override

from creditbot.errors import STATE_STORE, LinkUnusable, StateUnusable, Unreachable
from creditbot.state.record import Record
from creditbot.tick.report import Progress
from tests.behaviour.failures import LOOKER_DOWN
from tests.support.world import World
from tests.support.world_facts import CHANNEL

LogLines = Callable[[str], list[dict[str, object]]]


# -- log lines ---------------------------------------------------------------------------------------------------------


def test_every_request_has_one_log_line(log_lines: LogLines) -> None:
    """Alerts and searches use these names; seconds are rounded to milliseconds."""
    world = World(step=timedelta(microseconds=100_137))
    key, failing = world.ask("abc"), world.ask("gone")
    world.tick()
    record = world.record(key)
    seconds = round(record.seconds, 3)
    assert seconds not in (round(record.seconds, 4), round(record.seconds))
    assert log_lines("request") == [
        {
            "request": str(key), "outcome": "answered", "amount": Decimal("4948.80"), "attempts": 1,
            "seconds": seconds, "reply": record.reply, "summary": f"memory:{key}",
            "traffic": "verify, AC-abc, any day",
        },
        {"request": str(failing), "outcome": "given_up", "attempts": 1, "reason": world.record(failing).reason},
    ]  # fmt: skip


def test_every_tick_has_one_log_line(log_lines: LogLines, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.ask("abc")
    world.ask("gone")
    monkeypatch.setattr(time, "monotonic", chain((10.0,), repeat(12.34567)).__next__)
    world.tick()
    assert log_lines("tick") == [
        {"read": 2, "worked_on": 2, "waiting": 0, "answered": 1, "given_up": 1, "seconds": 2.346}
    ]


def test_a_request_that_another_process_took_has_a_log_line_too(world: World, log_lines: LogLines) -> None:
    key = world.ask("abc")
    late = world.bot()
    world.amid("history", world.tick)
    late.tick()
    assert {"request": str(key), "outcome": "left to another process"} in log_lines("request")


# -- progress ----------------------------------------------------------------------------------------------------------


class Heard(Progress):
    """Remembers what a tick reports while it works."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.requests: list[tuple[str, object]] = []

    @override
    def step(self, text: str) -> None:
        self.steps.append(text)

    @override
    def started(self, permalink: str) -> None:
        self.requests.append((permalink, "started"))

    @override
    def ended(self, permalink: str, record: Record | None) -> None:
        self.requests.append((permalink, record and record.status))


def test_a_first_tick_tells_its_steps() -> None:
    world, heard = World(), Heard()
    world.say("morning")
    world.tick(progress=heard)
    assert heard.steps == [
        "[1/5] Slack connection: ok",
        "[2/5] Looker authentication: ok, as Fake API User",
        "[3/5] Channel found: #credits",
        "[4/5] New messages: 1, of them 0 with links to Looker",
        "[5/5] Replies posted: 0",
    ]


def test_a_first_tick_names_all_its_channels_with_a_hash() -> None:
    world, heard = World(channels={CHANNEL: "credits", "C0MORE": "exceptions"}), Heard()
    world.tick(progress=heard)
    assert "[3/5] Channel found: #credits, #exceptions" in heard.steps


def test_a_new_request_is_told_of_by_its_address(world: World) -> None:
    heard = Heard()
    key = world.ask("abc")
    world.tick(progress=heard)
    assert heard.requests == [(world.address(key), "started"), (world.address(key), "answered")]


def test_a_later_tick_tells_of_its_requests_by_their_addresses() -> None:
    """People open these addresses; the address of a reply names its thread."""
    world, heard = World(), Heard()
    top = world.say("morning")
    world.tick()
    key = world.broadcast(top, "abc")
    world.kill("looker.before-read")
    world.wait(minutes=31)
    world.tick(progress=heard)
    address = world.address(key, top)
    assert heard.requests == [(address, "started"), (address, "answered")]
    assert heard.steps == []


# -- what went wrong ---------------------------------------------------------------------------------------------------


def test_a_tick_says_once_what_kept_several_requests_waiting(world: World) -> None:
    world.ask("a")
    world.ask("b")
    world.fail("looker", LOOKER_DOWN, times=2)
    assert world.tick().errors == [str(LOOKER_DOWN)]


def test_a_store_that_fails_in_the_middle_of_a_tick_fails_the_tick(world: World) -> None:
    """A message to the owner needs the state, too, so only the exit code can say so."""
    world.ask("abc")
    world.fail("state-write", Unreachable(STATE_STORE, "No API."), times=9)
    report = world.tick()
    assert not report.ok
    assert report.errors[0] == "No API."


def test_a_message_that_the_owner_did_not_get_fails_the_tick(world: World) -> None:
    """The exit code is the last way to say so."""
    world.ask("gone")
    world.fail("tell", LinkUnusable("The owner is gone."))
    report = world.tick()
    assert not report.ok
    assert "I could not answer" in report.untold[0]


def test_a_channel_that_cannot_be_read_ends_the_tick_before_it_writes(world: World) -> None:
    world.ask("abc")
    world.fail("history", Unreachable("Slack", "Slack is down."))
    with pytest.raises(Unreachable, match="Slack is down"):
        world.tick()
    assert world.counted()["state-write"] == 0


def test_a_store_that_does_not_exist_ends_the_tick(world: World) -> None:
    """A missing store never counts as an empty one: the bot would answer everything again."""
    world.ask("abc")
    world.values = None
    with pytest.raises(StateUnusable):
        world.tick()


def test_a_defect_before_a_request_is_taken_fails_the_tick(world: World) -> None:
    """The request has no record yet that could say so."""
    world.ask("abc")
    world.fail("state-write", ZeroDivisionError())
    assert world.tick().errors == ["creditbot has a defect: ZeroDivisionError. The log has the details."]


def test_a_defect_in_one_request_is_logged_and_does_not_fail_the_tick(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    key, other = world.ask("bad"), world.ask("good")
    world.fail("looker", ZeroDivisionError())
    assert world.tick().ok
    assert [r.getMessage() for r in caplog.records if r.exc_info] == [f"unexpected error on request {key}"]
    assert world.record(other).status == "answered"
