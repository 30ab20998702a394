"""A reply is posted once. If Slack did not confirm a post, the bot looks for it before it posts again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from creditbot.model import RequestKey
from creditbot.state.record import Record, Status
from tests.behaviour.failures import RATE_LIMITED, SILENCE, SLACK_SLOW
from tests.support.points import Point
from tests.support.ticks import stopped
from tests.support.world import World
from tests.support.world_facts import REFERENCE, RULES, Killed, Outcome

# -- before the post ---------------------------------------------------------------------------------------------------


def test_the_state_says_that_a_reply_may_exist_before_one_is_sent(world: World) -> None:
    key = world.ask("abc")
    world.kill("reply.before-send")
    record = world.record(key)
    assert record.status == "posting"
    assert record.posts == 1
    assert record.claim
    assert timedelta(0) <= world.now - record.at < timedelta(seconds=30)


def test_nothing_is_posted_while_the_thread_cannot_be_read(world: World) -> None:
    """The request stays `computed`."""
    key = world.ask("abc")
    world.fail("thread", SLACK_SLOW, times=2)
    world.tick()
    assert world.record(key).status == "computed"
    world.tick_after(minutes=3)
    assert world.replies(key) == []
    world.tick_after(minutes=5)
    assert world.replies(key) == [REFERENCE]


def test_nothing_is_posted_again_while_the_thread_cannot_be_read(world: World) -> None:
    """The reply may be there already."""
    key = world.ask_and_fail("reply", SILENCE)
    world.wait(minutes=16)
    world.fail("thread", SLACK_SLOW)
    world.tick()
    assert world.record(key).status == "posting"
    assert world.replies(key) == []
    world.tick()
    assert world.replies(key) == [REFERENCE]


def test_a_write_that_takes_more_than_30_s_before_the_post_is_renewed(world: World) -> None:
    """The settle time counts from the write that allows the post."""
    key = world.ask("abc")
    world.counted()
    world.amid("thread", lambda: world.amid("state-write", lambda: world.wait(seconds=31)))
    world.tick()
    assert world.replies(key) == [REFERENCE]
    assert world.record(key).posts == 1
    assert world.counted()["state-write"] == 6


def test_a_write_that_takes_exactly_30_s_before_the_post_is_enough() -> None:
    world = World()
    world.tick()
    world.ask("abc")
    world.counted()
    world.amid("thread", lambda: world.amid("state-write", lambda: world.wait(seconds=30)))
    world.tick()
    assert world.counted()["state-write"] == 5


def test_a_store_that_is_too_slow_each_time_keeps_the_reply_back(world: World) -> None:
    """The state says that a reply may exist, so the bot tries again after the settle time."""
    key = world.ask("abc")

    def slow() -> None:
        for _ in range(3):
            world.amid("state-write", lambda: world.wait(seconds=31))

    world.amid("thread", slow)
    world.tick(rules=replace(RULES, attempts=1))
    assert world.outcome(key) == Outcome("posting", told=1, runs=["abc"])
    assert "too slow" in world.told()[0]
    world.tick_after(minutes=16)
    assert world.replies(key) == [REFERENCE]


@pytest.mark.parametrize("status", ["computed", "posting"])
def test_a_person_answers_while_the_laptop_sleeps_before_the_post(world: World, status: Status) -> None:
    """The bot reads the thread again, because its first look is too old by then."""
    key = world.ask("abc")
    if status == "posting":
        world.fail("reply", SILENCE)
        world.tick()
        world.wait(minutes=16)
    slept: list[RequestKey] = []

    def sleep(point: Point) -> None:
        if point == "thread.after-read" and not slept:
            slept.append(key)
            world.wait(minutes=5)
            world.say("Approved, $4,948.80", "U0BOSS", thread_ts=key.ts)

    world.tick(at=sleep)
    assert slept == [key]
    assert world.record(key).status == status
    world.tick_after(minutes=31)
    assert world.replies(key) == ["Approved, $4,948.80"]
    assert world.record(key).status == "elsewhere"


@pytest.mark.parametrize(("seconds", "status"), [(60, "answered"), (60.001, "computed")])
def test_what_a_thread_showed_allows_a_post_for_exactly_a_minute(seconds: float, status: Status) -> None:
    """The minute counts from the beginning of the look."""
    world = World()
    key = world.ask("abc")
    world.tick(at=lambda point: world.wait(seconds=seconds) if point == "thread.after-read" else None)
    assert world.record(key).status == status


# -- what was computed is what is posted -------------------------------------------------------------------------------


def test_a_process_that_takes_over_a_computed_request_posts_its_amount(world: World) -> None:
    """The notebook is not run again, and might give another amount now."""
    key = world.ask("abc")
    world.kill("thread.before-read")
    world.amounts["abc"] = Decimal("1.00")
    world.tick_after(minutes=31)
    assert world.replies(key) == [REFERENCE]
    assert world.runs == ["abc"]


def test_a_computed_request_whose_summary_is_lost_is_posted(world: World) -> None:
    """The state has the result, too."""
    key = world.ask("abc")
    world.kill("thread.before-read")
    world.summaries.clear()
    world.tick_after(minutes=31)
    assert world.replies(key) == [REFERENCE]


def test_a_reply_that_slack_refused_is_posted_at_the_next_try(world: World) -> None:
    """Slack has said that nothing was posted, so no settle time is needed."""
    key = world.ask_and_fail("reply", RATE_LIMITED)
    record = world.record(key)
    assert record.status == "computed"
    assert record.reason == str(RATE_LIMITED)
    assert record.due
    world.wait(minutes=2)
    during: list[Record] = []
    world.amid("reply", lambda: during.append(world.record(key)))
    world.tick()
    assert [record.status for record in during] == ["posting"]
    assert [record.due for record in during] == [None]
    assert world.replies(key) == [REFERENCE]
    record = world.record(key)
    assert record.status == "answered"
    assert record.posts == 1
    assert record.reason == ""
    assert record.due is None


# -- a post of unknown outcome -----------------------------------------------------------------------------------------


def test_a_post_of_unknown_outcome_is_found_in_the_thread(world: World) -> None:
    """Before the settle time has passed, the thread could not prove that the reply is missing, so nobody reads it."""
    key = world.ask_and_fail("reply", SILENCE, after=True)
    world.counted()
    assert world.tick_after(minutes=14).waiting == 1
    assert world.counted()["thread"] == 0
    world.tick_after(minutes=1)
    assert world.replies(key) == [REFERENCE]
    record = world.record(key)
    assert record.status == "answered"
    assert record.posts == 1
    assert record.reply == world.visible()[-1].ts
    assert record.claim is None
    assert record.reason == ""
    assert 15 * 60 < record.seconds < 16 * 60


def test_a_post_has_settled_after_exactly_the_settle_time() -> None:
    world = World()
    key = world.ask_and_fail("reply", SILENCE, after=True)
    assert world.tick_after(minutes=14, seconds=59.999).waiting == 1
    world.tick_after(seconds=0.001)
    assert world.record(key).status == "answered"


def test_a_post_that_is_not_in_the_thread_is_posted_once_more(world: World) -> None:
    """The amount stays the one that was computed first."""
    key = world.ask_and_fail("reply", SILENCE)
    world.amounts["abc"] = Decimal("1.00")
    world.tick_after(minutes=16)
    assert world.outcome(key) == Outcome("answered", replies=[REFERENCE], runs=["abc"])
    assert world.record(key).posts == 2


def test_a_defect_after_the_reply_was_sent_does_not_post_it_again(world: World) -> None:
    """The owner is told once, and the thread decides."""
    key = world.ask_and_fail("reply", ZeroDivisionError(), after=True)
    assert world.record(key).status == "posting"
    world.wait(minutes=16)
    world.ticks(4, minutes=16)
    assert world.outcome(key) == Outcome("answered", replies=[REFERENCE], told=1, runs=["abc"])


def test_a_reply_that_is_found_drops_the_reason_of_an_earlier_failure(world: World) -> None:
    key = world.ask_and_fail("reply", RATE_LIMITED)
    world.stray_reply(key)
    world.tick_after(minutes=2)
    assert world.record(key).status == "answered"
    assert world.record(key).reason == ""


def test_a_reply_to_a_record_without_its_beginning_took_no_time(world: World) -> None:
    """Only a record that somebody wrote by hand lacks its beginning."""
    key = world.ask("abc")
    world.kill("thread.before-read")
    world.stray_reply(key)
    world.rewrite(key, began=None, claim=None)
    world.tick()
    assert world.record(key).status == "answered"
    assert world.record(key).seconds == 0.0


def test_an_unknown_post_that_kills_its_ticks_does_not_stop_the_others(world: World) -> None:
    """The post that may kill the tick goes last, and the owner is told before that."""
    key = world.ask("abc")
    world.kill("reply.before-send")
    world.wait(minutes=46)
    other = world.ask("def")
    reads = 0

    def at(point: Point) -> None:
        nonlocal reads
        reads += point == "thread.before-read"
        if reads == 2:  # the other request's thread is read first
            raise Killed

    with pytest.raises(Killed):
        world.tick(at=at)
    assert world.replies(other) == [REFERENCE]
    assert world.record(key).status == "posting"
    assert len(world.told()) == 1
    world.kill("thread.before-read")
    world.tick()
    assert world.record(key).status == "answered"
    assert len(world.told()) == 1


# -- posts that never show ---------------------------------------------------------------------------------------------


def test_a_reply_that_slack_never_shows_is_left_to_the_owner(world: World) -> None:
    """The owner is told after MAX_ATTEMPTS posts, and again after LOOKBACK_HOURS, when the bot stops posting."""
    key = world.ask("abc")
    world.fail("reply", SILENCE, times=9999)
    told = []
    for _ in range(5):
        world.tick()
        told.append(len(world.told()))
        world.wait(minutes=16)
    assert told == [0, 0, 1, 1, 1]
    assert str(SILENCE) in world.told()[0]
    world.tick_after(hours=73)
    assert world.record(key).status == "posting"
    assert "never showed" in world.told()[1]


def test_a_reply_is_posted_again_for_exactly_lookback_hours() -> None:
    """Since the first claim."""
    world = World()
    key = world.ask("abc")
    world.fail("reply", SILENCE, times=9)
    posts = []
    for _ in range(4):
        world.tick(rules=replace(RULES, lookback=timedelta(minutes=30)))
        assert world.record(key).status == "posting"
        posts.append(world.record(key).posts)
        world.wait(minutes=15)
    assert posts == [1, 2, 3, 3]


def test_one_unknown_post_and_five_days_later_it_is_posted_once_more(world: World) -> None:
    """A long suspension is not a reason to give up."""
    key = world.ask_and_fail("reply", SILENCE)
    world.tick_after(days=5)
    assert world.replies(key) == [REFERENCE]


def test_two_unknown_posts_are_enough_after_lookback_hours(world: World) -> None:
    key = world.ask("abc")
    world.fail("reply", SILENCE, times=9)
    world.tick()
    world.tick_after(hours=72)
    world.wait(minutes=16)
    world.ticks(3, minutes=16)
    assert world.record(key).status == "posting"
    assert world.record(key).posts == 2


def test_the_owner_is_told_once_of_a_reply_that_never_shows(world: World) -> None:
    """The state remembers the message as long as the request."""
    key = world.ask("abc")
    world.fail("reply", SILENCE, times=99)
    world.ticks(20, minutes=30, rules=replace(RULES, lookback=timedelta(hours=1)))
    assert world.record(key).status == "posting"
    assert len([text for text in world.told() if "never showed" in text]) == 1


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (lambda world, key: world.say(REFERENCE, "U0BOSS", thread_ts=key.ts), "elsewhere"),
        (lambda world, key: world.stray_reply(key), "answered"),
        (lambda world, key: world.delete(key), "withdrawn"),
    ],
    ids=["a person answers", "the reply shows after all", "the request is deleted"],
)
def test_a_reply_left_to_the_owner_is_looked_for_until_the_thread_decides(
    end: Callable[[World, RequestKey], object], status: Status
) -> None:
    world = World()
    key = world.ask("abc")
    world.fail("reply", SILENCE, times=9)
    rules = replace(RULES, lookback=timedelta(minutes=10))
    world.ticks(5, minutes=15, rules=rules)
    assert world.outcome(key) == Outcome("posting", told=1, runs=["abc"])
    assert world.record(key).posts == 2
    end(world, key)
    world.tick(rules=rules)
    assert world.record(key).status == status
    assert len(world.told()) == 1


# -- a hold ------------------------------------------------------------------------------------------------------------


def test_a_tick_does_not_post_for_a_request_that_another_tick_holds_back(world: World) -> None:
    """While this tick worked, the other one found a record that cannot be read."""
    key, other = world.ask("abc"), world.ask("other")
    tick = stopped(world, "thread.before-read")
    world.vandalise(other, "{")
    world.tick()
    before = world.record(key)
    tick.go_on()
    assert world.replies(key) == []
    assert world.record(key) == before
    world.wait(minutes=5)
    world.ticks(9, minutes=5)
    assert world.replies(key) == [REFERENCE]


def test_nothing_is_posted_while_a_part_of_the_state_cannot_be_read(world: World) -> None:
    """The unreadable part may be about this very reply."""
    other = world.ask("a")
    world.tick()
    key = world.ask("b")
    world.amid("thread", lambda: world.vandalise(other))
    world.tick()
    assert world.replies(key) == []
    world.wait(minutes=5)
    world.ticks(12, minutes=5)
    assert world.replies(key) == [REFERENCE]
    assert world.replies(other) == [REFERENCE]


# -- how often its thread is read --------------------------------------------------------------------------------------


def test_the_thread_of_a_broadcast_is_read_once_to_recover_its_post(world: World) -> None:
    """The record knows the thread; a read by the request's own ts would be spent in vain."""
    key = world.broadcast(world.say("morning"), "abc")
    world.kill("reply.after-send")
    world.wait(minutes=16)
    world.counted()
    world.tick()
    assert world.record(key).status == "answered"
    assert world.counted()["thread"] == 1


def test_a_defect_while_a_post_is_recovered_is_told(world: World) -> None:
    """Another process began the post, so nobody else would report it."""
    key = world.ask("abc")
    world.kill("reply.before-send")
    world.wait(minutes=31)
    world.fail("thread", ZeroDivisionError())
    world.tick()
    assert world.record(key).status == "posting"
    assert "creditbot has a defect: ZeroDivisionError." in world.told()[0]


def test_the_owner_is_led_to_the_thread_of_a_post_that_no_run_finished(world: World) -> None:
    top = world.say("morning")
    key = world.broadcast(top, "abc")
    world.kill("reply.before-send")
    world.wait(minutes=46)
    world.kill("thread.before-read")
    (text,) = world.told()
    assert world.address(key, top) in text
