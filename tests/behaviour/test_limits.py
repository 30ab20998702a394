"""What keeps the bot cheap: the reads and writes of a tick, the size of the state, and its budget."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from creditbot.model import ACCOUNT_FIELDS, RequestKey
from creditbot.state.codec import DONE
from tests.support.world import World
from tests.support.world_facts import CHANNEL, REFERENCE, TEAM

# -- the steps of a tick -----------------------------------------------------------------------------------------------


def passed(world: World, **options: Any) -> list[str]:
    """What a tick does, in order: its effects, and the points it passes between them."""
    world.calls.clear()
    world.tick(at=world.calls.append, **options)
    return world.calls


def around(effect: str, *calls: str, before: str, after: str) -> list[str]:
    return [f"{effect}.before-{before}", *calls, f"{effect}.after-{after}"]


WRITE = around("state", "state-write", before="write", after="write")
HISTORY = ["state-read", *around("history", "history", before="read", after="read")]
THREAD = around("thread", "thread", before="read", after="read")
PAGE = around("page", "page-save", before="save", after="save")
FILE = around("log", "log-write", before="write", after="write")
OTHER_COLUMNS = ["credited"] * (len(ACCOUNT_FIELDS) - 1)
"""Credits whose SQL names the account by another column."""
LOG = [*FILE, *FILE, *WRITE]
"""The entry, its checkpoint, and that they are written."""


def close(*before: str) -> list[str]:
    """The end of a request; `before` comes before it is stored."""
    summary = around("summary", "save", before="close", after="close")
    return ["state-read", "load", *summary, "page-load", *PAGE, *before, *WRITE]


def test_a_reply_takes_its_steps_in_order(world: World) -> None:
    """Each step is stored before the next one begins. Tests that kill at a point rely on this order."""
    world.ask("abc")
    assert passed(world) == [
        *HISTORY,
        *WRITE,  # claimed
        *around("looker", "looker", before="read", after="read"),
        *around("notebook", "notebook", before="run", after="run"),
        "notebook-keep",
        "credited",  # the traffic, by its account
        "credited",  # and by its product
        *OTHER_COLUMNS,
        "state-read",
        *around("summary", "save", before="save", after="save"),
        *PAGE,
        *WRITE,  # computed
        *THREAD,
        *("credited", "credited", *OTHER_COLUMNS),  # again: another deployment may share the summaries
        "credited",  # the SQL by today's version of what is the same
        "credited",  # by its text alone
        "credited",  # and by the version before
        *WRITE,  # posting
        *around("reply", "reply", before="send", after="send"),
        *close("log-read"),  # answered: the log is new to this state
        *LOG,
    ]


def test_a_repair_takes_its_steps_in_order(world: World) -> None:
    """The end is stored first, with the note that a reply needs repair; the owner's message and the edit follow."""
    key = world.ask("abc")
    for _ in range(2):
        world.stray_reply(key)
    assert passed(world) == [
        *HISTORY,
        *WRITE,  # claimed
        *THREAD,
        *close("log-read"),  # answered
        *WRITE,  # the notice
        *around("reply", "amend", before="amend", after="amend"),
        *around("notice", "was_told", before="look", after="look"),
        *WRITE,  # telling
        *around("notice", "tell", before="send", after="send"),
        *WRITE,  # told
        *LOG,
    ]


def test_an_answered_request_takes_four_writes_of_the_state(world: World) -> None:
    """Claimed, computed, posting, answered; and one for the log, however many requests the tick answers."""
    world.ask("abc")
    world.ask("def")
    world.tick()
    assert world.counted()["state-write"] == 2 * 4 + 1


def test_an_idle_tick_reads_state_and_channel_once_and_writes_nothing() -> None:
    world = World()
    for slug in ("a", "b", "c"):
        world.ask(slug)
    world.tick()
    world.counted()
    world.tick_after(minutes=5)
    assert world.counted() == {"state-read": 1, "history": 1}


# -- many requests -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_channel_with_ten_thousand_requests_is_read_once() -> None:
    """The bot finds the new request without asking Slack or the store about each of the others."""
    world = World()
    done = [world.ask(f"q{n}") for n in range(10_000)]
    world.values = {DONE: json.dumps([key.ts for key in done])}
    key = world.ask("abc")
    world.tick()
    assert world.replies(key) == [REFERENCE]
    assert world.counted()["history"] == 1


def test_ten_thousand_requests_that_were_answered_long_ago_cost_nothing() -> None:
    """The state has forgotten them, and no tick reads their summaries."""

    def work(world: World) -> tuple[Counter[str], Counter[str], int]:
        """What an idle tick does, what one with a request does, and how large the state is then."""
        world.tick()
        world.wait(minutes=5)
        world.counted()
        world.tick()
        idle = world.counted()
        world.ask("abc")
        world.tick()
        return idle, world.counted(), world.state().size

    young, old = World(), World()
    for number in range(10_000):
        key = RequestKey(TEAM, CHANNEL, f"{1_600_000_000 + number}.000001")
        old.summaries[str(key)] = {"credited": [f"{number:064x}"], "outcome": {"status": "answered"}}
    assert work(old) == work(young)


@pytest.mark.slow
def test_the_state_stops_growing_after_lookback_hours(world: World) -> None:
    """Older requests that have ended are forgotten with the next write; their summaries stay."""
    sizes = []
    for day in range(12):
        for number in range(5):
            world.ask(f"q{day}x{number}")
        world.tick()
        world.wait(days=1)
        sizes.append(world.state().size)
    hashes = 3 * 67  # of the log's tree: as many as its size has bits that are set
    assert max(sizes[8:]) <= max(sizes[4:8]) + 50 + hashes
    assert len(world.state().records) <= 20
    assert len(world.summaries) == 60


def test_the_reason_of_a_failure_is_kept_short_in_the_state(world: World) -> None:
    """A few messages with hundreds of bad links would fill the state otherwise."""
    key = world.ask(*(f"gone{n}" for n in range(300)))
    world.tick()
    assert world.record(key).status == "given_up"
    assert len(world.record(key).reason) < 2_100
    assert "bytes more" in world.record(key).reason


# -- the budget --------------------------------------------------------------------------------------------------------


def test_a_full_state_takes_no_new_request_and_the_owner_hears_of_it() -> None:
    world = World()
    world.tick()
    key = world.ask("abc")
    report = world.tick(budget=world.state().size + 100)
    assert world.replies(key) == []
    assert "at its limit" in world.told()[0]
    assert "at its limit" in report.errors[0]
    world.tick()
    assert world.replies(key) == [REFERENCE]
    world.ask("def")
    world.tick(budget=100)
    assert len(world.told()) == 2


def test_a_state_that_is_full_after_the_work_keeps_the_reply_back() -> None:
    """The computed amount waits until there is room again."""
    probe, sizes = World(), []
    probe.tick()
    probe.ask("abc")
    probe.tick(at=lambda point: sizes.append(probe.state().size) if point == "state.after-write" else None)
    world = World()
    world.tick()
    key = world.ask("abc")
    world.tick(budget=sizes[1])
    assert world.replies(key) == []
    assert world.record(key).status == "computed"
    world.tick_after(minutes=31)
    assert world.replies(key) == [REFERENCE]
