"""Which messages the bot reads: how far back, after a suspension, and how far it remembers to have read."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from creditbot.errors import SLACK, Refused, Unreachable
from creditbot.model import RequestKey
from creditbot.slack_time import time_of
from creditbot.state.codec import DONE
from creditbot.state.ledger import Ledger
from tests.behaviour.failures import LOOKER_DOWN, SLACK_SLOW
from tests.support.points import Point
from tests.support.ticks import stopped
from tests.support.world import World
from tests.support.world_facts import BOT, BOT_USER, CHANNEL, REFERENCE, RULES, START, short_link


def at_home() -> World:
    """Like the fixture `world`, but effects take no time, so that moments can be compared exactly."""
    world = World()
    world.tick()
    return world


def covered_until(world: World) -> datetime | None:
    return world.state().meta.covered_until


# -- how far back ------------------------------------------------------------------------------------------------------


def test_a_new_bot_answers_the_requests_of_the_last_lookback_hours() -> None:
    world = World()
    old = world.ask("old")
    world.wait(hours=73)
    new = world.ask("new")
    world.tick()
    assert world.replies(old) == []
    assert world.replies(new) == [REFERENCE]


def test_a_request_from_exactly_lookback_hours_ago_is_answered() -> None:
    world = World()
    key = world.ask("abc")
    world.now = time_of(key.ts) + RULES.lookback
    world.tick()
    assert world.replies(key) == [REFERENCE]


@pytest.mark.parametrize("hours", [-1, 1], ids=["behind", "ahead"])
def test_a_local_clock_that_is_an_hour_wrong_changes_nothing(hours: int) -> None:
    """The local clock says only roughly where reading starts. Slack's clock decides which messages count."""
    world = World()
    outside = world.ask("out")
    world.wait(minutes=2)
    inside = world.ask("in")
    world.now = START + timedelta(hours=72, minutes=1)
    world.tick(skew=timedelta(hours=hours))
    assert world.replies(outside) == []
    assert world.replies(inside) == [REFERENCE]


def test_requests_that_a_prototype_listed_are_done() -> None:
    """Whether the prototype answered them or not."""
    world = World()
    old = world.ask("old")
    world.say("Approved, $1.00, exceptions", BOT_USER, thread_ts=old.ts, bot=BOT)
    silent = world.ask("silent")
    new = world.ask("new")
    world.values = {DONE: json.dumps([old.ts, silent.ts])}
    world.tick()
    assert [len(world.replies(key)) for key in (old, silent, new)] == [1, 0, 1]
    assert world.told() == []


# -- across suspensions ------------------------------------------------------------------------------------------------


def test_a_suspension_of_five_days_loses_no_request(world: World) -> None:
    """Reading starts an hour before the point up to which the last tick read, however long ago that was."""
    world.wait(minutes=1)
    key = world.ask("abc")
    world.tick_after(days=5)
    assert world.replies(key) == [REFERENCE]


def test_a_message_that_slack_showed_late_is_read_after_a_suspension(world: World) -> None:
    world.wait(hours=2)
    late = world.ask("abc")
    hidden = world.messages.pop()
    world.tick_after(minutes=59)
    world.messages.append(hidden)
    world.tick_after(days=5)
    assert world.replies(late) == [REFERENCE]


def test_a_request_that_came_while_a_tick_worked_is_not_lost(world: World) -> None:
    """The bot remembers when it read, not when the tick ended."""
    world.ask("abc")
    late: list[RequestKey] = []

    def take_long() -> None:
        world.wait(minutes=1)
        late.append(world.ask("late"))
        world.wait(hours=3)

    world.wait(hours=2)
    world.amid("looker", take_long)
    world.tick(rules=replace(RULES, lookback=timedelta(hours=1)))
    world.wait(days=2)
    world.tick(rules=replace(RULES, lookback=timedelta(hours=1)))
    assert world.replies(late[0]) == [REFERENCE]


def test_a_laptop_that_sleeps_after_reading_loses_no_request(world: World) -> None:
    """The laptop sleeps for longer than LOOKBACK_HOURS, and a request comes right after the bot has read."""
    asked: list[RequestKey] = []

    def sleep(point: Point) -> None:
        if point == "history.after-read" and not asked:
            world.wait(minutes=5)
            asked.append(world.ask("abc"))
            world.wait(hours=80)

    world.wait(hours=2)
    world.tick(at=sleep)
    world.tick()
    assert world.replies(asked[0]) == [REFERENCE]


# -- what is remembered of it ------------------------------------------------------------------------------------------


def test_how_far_was_read_is_remembered_to_the_moment() -> None:
    world = at_home()
    world.wait(hours=2)
    world.amid("history", lambda: world.wait(seconds=3))
    world.tick()
    assert covered_until(world) == world.now - timedelta(seconds=3)


def test_how_far_was_read_is_written_once_it_grew_by_an_hour() -> None:
    """Also on the very hour: an hour of what was covered is read again, and no more."""
    world = at_home()
    first = covered_until(world)
    assert first
    world.now = first + timedelta(hours=1) - timedelta(microseconds=1)
    world.tick()
    assert covered_until(world) == first
    world.now = first + timedelta(hours=1)
    world.tick()
    assert covered_until(world) == first + timedelta(hours=1)


def test_a_slow_tick_does_not_take_back_how_far_a_later_one_has_read() -> None:
    world = at_home()
    world.wait(hours=2)
    slow = stopped(world, "history.after-read")
    world.tick_after(hours=3)
    covered = world.now
    assert covered_until(world) == covered
    slow.go_on()
    assert covered_until(world) == covered


def test_a_forgotten_request_does_not_hold_back_how_far_was_read() -> None:
    """A forgotten request never gets a record again."""
    world = at_home()
    old = world.ask("abc")
    forget_before(world, time_of(old.ts) + timedelta(microseconds=1))
    world.tick_after(hours=2)
    assert covered_until(world) == world.now


def test_a_request_from_the_moment_up_to_which_all_is_forgotten_is_open() -> None:
    """A tick that has to stop before it begins the request does not count the request as read."""
    world = at_home()
    moment = time_of(world.ask("abc").ts)
    world.wait(hours=2)
    forget_before(world, moment)
    bot = world.bot()
    world.amid("history", bot.stop)
    bot.tick()
    assert covered_until(world) == moment


def forget_before(world: World, moment: datetime) -> None:
    ledger = Ledger(world.ports().state)
    ledger.update_meta(lambda meta: replace(meta, forgotten_before=moment, covered_until=None))


def test_idle_ticks_write_how_far_they_read_once_an_hour(world: World) -> None:
    for _ in range(36):
        world.tick_after(minutes=5)
    assert world.counted()["state-write"] == 3


# -- what is driven from the state -------------------------------------------------------------------------------------


def test_an_unfinished_request_is_answered_however_old_it_is(world: World) -> None:
    """The state knows the request although the bot no longer reads so far back."""
    key = world.ask("abc")
    world.fail("looker", LOOKER_DOWN, times=9)
    world.tick()
    world.tick_after(hours=71)
    world.faults.clear()
    world.tick_after(hours=5)
    assert world.replies(key) == [REFERENCE]


def test_a_forgotten_request_is_not_answered_again(world: World) -> None:
    """Neither an edit nor a longer LOOKBACK_HOURS starts it, only `creditbot retry`."""
    key = world.ask("abc")
    world.tick()
    world.wait(hours=80)
    world.ask("def")
    world.tick()
    world.ask("ghi")
    world.tick()
    assert not world.knows(key)
    assert world.state().meta.forgotten_before
    world.edit(key, short_link("more"))
    world.tick(rules=replace(RULES, lookback=timedelta(hours=200)))
    assert world.replies(key) == [REFERENCE]


# -- a channel that cannot be read, and a clock that is days off ----------------------------------------------------


@pytest.fixture
def two_channels() -> World:
    """A bot that watches a second channel, in which nobody writes, and that has run before."""
    world = World(step=timedelta(milliseconds=100), channels={"C0OTHER": "other", CHANNEL: "credits"})
    world.tick()
    return world


GONE = Refused(SLACK, "Slack refuses conversations.history: not_in_channel.", "Invite the bot.")


def test_a_channel_that_cannot_be_read_stops_no_other(two_channels: World) -> None:
    """The owner hears of it once, and every tick says so until it can be read again."""
    key = two_channels.ask("abc")
    two_channels.fail("history", GONE)
    report = two_channels.tick()
    assert two_channels.replies(key) == [REFERENCE]
    assert not report.ok
    assert "#other" in report.errors[0]
    two_channels.fail("history", GONE)
    assert not two_channels.tick().ok
    (text,) = two_channels.told()
    assert "#other" in text
    assert two_channels.tick().ok


def test_requests_of_a_channel_that_was_unreadable_are_answered_later(two_channels: World) -> None:
    """How far was read is not remembered until all channels are read."""
    before = two_channels.state().meta.covered_until
    two_channels.wait(hours=5)
    two_channels.fail("history", GONE)
    two_channels.tick()
    assert two_channels.state().meta.covered_until == before
    two_channels.tick()
    assert two_channels.state().meta.covered_until != before


def test_a_bot_that_can_read_no_channel_says_so(two_channels: World) -> None:
    two_channels.fail("history", GONE, times=2)
    with pytest.raises(Refused, match="not_in_channel"):
        two_channels.tick()


def test_a_channel_that_refuses_the_first_tick_stops_no_other() -> None:
    """Somebody has to do something about it, so waiting would not help."""
    world = World(channels={"C0OTHER": "other", CHANNEL: "credits"})
    key = world.ask("abc")
    world.fail("history", GONE)
    report = world.tick()
    assert world.replies(key) == [REFERENCE]
    assert not report.ok
    assert "#other" in world.told()[0]


def test_a_first_tick_waits_for_a_channel_that_is_down() -> None:
    """A loss of the state shows in any channel, and this one can be read soon."""
    world = World(channels={"C0OTHER": "other", CHANNEL: "credits"})
    world.fail("history", SLACK_SLOW)
    with pytest.raises(Unreachable):
        world.tick()


MISSING = {"closed": "The channel #closed is archived. Unarchive it, or name another channel."}


def test_a_channel_that_is_not_found_stops_no_other() -> None:
    """The owner is told once, and each tick says so until the channel is found."""
    world = World(missing=MISSING)
    key = world.ask("abc")
    reports = world.ticks(2)
    assert world.replies(key) == [REFERENCE]
    assert [report.errors for report in reports] == [[f"The channel #closed cannot be read: {MISSING['closed']}"]] * 2
    (text,) = world.told()
    assert "#closed is archived" in text
    assert "the last 72 hours" in text


def test_a_channel_that_is_found_again_would_be_told_again() -> None:
    """What the owner was told is forgotten as soon as the channel is watched."""
    world = World(missing=MISSING)
    world.tick()
    assert list(world.state().notices) == ["cause.channel-closed"]
    world.missing = {}
    assert world.tick().ok
    assert not world.state().notices


def test_reading_stays_bounded_while_a_channel_is_unreadable(two_channels: World) -> None:
    """Not more than LOOKBACK_HOURS of that channel will be read later, and the other one is not read from its start."""
    for _ in range(10):
        two_channels.wait(days=1)
        two_channels.fail("history", GONE)
        two_channels.tick()
    covered = covered_until(two_channels)
    assert covered
    assert timedelta(0) <= two_channels.now - RULES.lookback - covered < timedelta(hours=2)


@pytest.mark.parametrize("days", [5, 400])
def test_a_first_tick_with_a_clock_days_ahead_reads_by_slacks_clock(days: int) -> None:
    """It says that the clock is wrong."""
    world = World()
    key = world.ask("abc")
    world.wait(hours=1)
    report = world.tick(skew=timedelta(days=days))
    assert world.replies(key) == [REFERENCE]
    assert "clock is" in report.errors[0]
    assert not report.ok


def test_a_clock_days_behind_reads_more_and_changes_nothing() -> None:
    world = World()
    key = world.ask("abc")
    assert world.tick(skew=timedelta(days=-5)).ok
    assert world.replies(key) == [REFERENCE]
