"""One request through its states: claims, attempts, failures, and who is told."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from creditbot.errors import (
    CreditRefused,
    NotebookFailed,
    NotebookStopped,
    PostRefused,
    PostUnknown,
    Refused,
    Unreachable,
)
from creditbot.handler import CLAIM_LIFE
from creditbot.points import Point
from creditbot.states import Record
from tests.fakes import HOST, REFERENCE, RULES, World

LOOKER_DOWN = Unreachable("Looker", "Looker is down.", "It is tried again.")
STOPPED = NotebookStopped("The notebook ran out of time.", "Make it faster.")


class Killed(BaseException):
    """SIGKILL."""


@pytest.fixture
def world() -> World:
    """A workspace in which a tick has already been."""
    world = World(step=timedelta(milliseconds=100))
    world.tick()
    return world


def kill(world: World, point: Point) -> None:
    """A tick that is killed at a point."""

    def at(reached: Point) -> None:
        if reached == point:
            raise Killed

    with pytest.raises(Killed):
        world.tick(at=at)


# -- claims ------------------------------------------------------------------------------------------------------------


def test_a_claim_says_who_until_when_and_counts_the_attempt_before_the_work(world: World) -> None:
    """Whatever becomes of the process, it is known that it tried."""
    key = world.ask("abc")
    during: list[Record] = []
    world.amid("looker", lambda: during.append(world.record(key)))
    world.tick(name="pod-x")
    (record,) = during
    assert record.claim
    assert ("claimed", "pod-x", 1) == (record.status, record.claim.by, record.attempts)
    assert record.at + CLAIM_LIFE == record.claim.until


def test_a_claim_is_respected_until_it_runs_out(world: World) -> None:
    """Then the next tick takes over, as a second attempt."""
    key = world.ask("abc")
    kill(world, "looker.before-read")
    world.wait(minutes=29)
    assert 1 == world.tick().waiting
    world.wait(minutes=2)
    world.tick()
    assert [REFERENCE] == world.replies(key)
    assert 2 == world.record(key).attempts


def test_the_claim_of_a_process_that_is_known_to_be_gone_is_taken_over_at_once(world: World) -> None:
    """On one machine."""
    key = world.ask("abc")
    kill(world, "looker.before-read")
    world.tick(abandoned=lambda _: True)
    assert [REFERENCE] == world.replies(key)


def test_of_two_processes_that_read_the_same_state_one_gets_the_request(world: World) -> None:
    """The other leaves it, and says so."""
    key = world.ask("abc")
    late = world.bot()
    world.amid("history", world.tick)
    report = late.tick()
    assert [REFERENCE] == world.replies(key)
    assert [None] == [record for _, record in report.done]
    assert ["abc"] == world.runs


@pytest.mark.parametrize("point", ["looker.before-read", "notebook.after-run", "thread.before-read"])
def test_a_request_that_kills_its_pod_each_time_ends_dead_and_told(world: World, point: Point) -> None:
    """Not in a loop, whether it kills while its credit is computed or while its thread is read."""
    key = world.ask("abc")
    kills = 0
    for _ in range(12):
        try:
            world.tick(at=lambda reached: _die(world, key.ts) if reached == point else None)
        except Killed:
            kills += 1
        world.wait(minutes=31)
    assert "dead" == world.record(key).status
    assert kills <= RULES.attempts
    (text,) = world.told()
    assert "attempts that ended without a word" in text
    assert [] == world.replies(key)


def _die(world: World, ts: str) -> None:
    record = next((r for key, r in world.state().records.items() if key.endswith(ts)), None)
    if record and record.status in ("claimed", "computed"):
        raise Killed


def test_a_request_that_kills_its_pod_takes_no_other_with_it(world: World) -> None:
    """After the first time it is tried alone, and last."""
    others = [world.ask("a"), world.ask("b")]
    killer = world.ask("killer")
    more = world.ask("c")

    def at(point: Point) -> None:
        if point == "notebook.after-run" and world.runs[-1] == "killer":
            raise Killed

    for _ in range(14):
        with suppress(Killed):
            world.tick(at=at)
        world.wait(minutes=16)
    assert [[REFERENCE]] * 3 == [world.replies(key) for key in [*others, more]]
    assert "dead" == world.record(killer).status


def test_fresh_requests_go_before_retries(world: World) -> None:
    """One that fails again and again does not delay the others."""
    world.ask("old")
    world.fail("notebook", STOPPED)
    world.tick()
    world.wait(minutes=10)
    world.ask("new")
    world.tick()
    assert ["new", "old"] == world.runs


# -- failures ----------------------------------------------------------------------------------------------------------


def test_a_permanent_failure_is_told_at_once(world: World) -> None:
    """Trying again would not help."""
    key = world.ask("abc")
    world.fail("notebook", NotebookFailed("The notebook raised KeyError.", "Open it."))
    world.tick()
    assert ("dead", 1) == (world.record(key).status, world.record(key).attempts)
    assert "The notebook raised KeyError." in world.told()[0]


def test_a_transient_failure_is_tried_again_and_given_up_after_max_attempts(world: World) -> None:
    """Ever later; the owner is told when it is given up, and not before."""
    key = world.ask("abc")
    world.fail("notebook", STOPPED, times=RULES.attempts)
    waits = []
    for _ in range(RULES.attempts - 1):
        world.tick()
        record = world.record(key)
        assert record.due
        assert ("failed", None) == (record.status, record.claim)
        waits.append(record.due - record.at)
        assert [] == world.told()
        assert 1 == world.tick().waiting
        world.now = record.due
    world.tick()
    assert [timedelta(minutes=1), timedelta(minutes=2)] == waits
    assert ("dead", RULES.attempts) == (world.record(key).status, world.record(key).attempts)
    assert "ran out of time" in world.told()[0]


def test_a_transient_failure_that_passes_is_told_to_nobody(world: World) -> None:
    """The reply is all there is to say."""
    key = world.ask("abc")
    world.fail("notebook", STOPPED, times=2)
    for _ in range(3):
        world.tick()
        world.wait(minutes=5)
    assert ([REFERENCE], []) == (world.replies(key), world.told())


def test_a_shared_cause_is_told_once_and_does_not_count_against_the_requests(world: World) -> None:
    """Several requests, many ticks, one message; and all are answered when it is over."""
    keys = [world.ask(slug) for slug in ("a", "b", "c")]
    world.fail("looker", LOOKER_DOWN, times=200)
    for _ in range(60):
        world.tick()
        world.wait(minutes=5)
    assert [0, 0, 0] == [world.record(key).attempts for key in keys]
    assert 1 == len(world.told())
    assert "Requests wait" in world.told()[0]
    world.faults.clear()
    world.wait(hours=4)
    world.tick()
    assert [[REFERENCE]] * 3 == [world.replies(key) for key in keys]


def test_a_shared_cause_is_tried_ever_less_often_until_lookback_hours_have_passed(world: World) -> None:
    """Then the request is given up, and the owner told of it."""
    key = world.ask("abc")
    world.fail("looker", LOOKER_DOWN, times=9999)
    world.counted()
    tries = []
    for _ in range(4 * 80):
        world.tick()
        tries.append(world.counted()["looker"])
        world.wait(minutes=15)
    assert sum(tries[:4]) > sum(tries[40:44])
    assert 10 < sum(tries) < 100
    assert "dead" == world.record(key).status
    assert "I could not answer" in world.told()[-1]


def test_a_cause_that_comes_back_after_it_was_over_is_told_again(world: World) -> None:
    """Over is what a request has got through."""
    for _ in range(2):
        key = world.ask("abc")
        world.fail("looker", LOOKER_DOWN)
        world.tick()
        world.tick()
        world.wait(minutes=2)
        world.tick()
        assert "answered" == world.record(key).status or world.record(key).status == "dead"
    assert 2 == sum("Requests wait" in text for text in world.told())


def test_a_cause_is_not_over_while_others_still_meet_it(world: World) -> None:
    """One request that gets through between two that do not is no end of it."""
    world.ask("a")
    world.ask("b")
    world.fail("looker", LOOKER_DOWN)
    world.tick()
    assert "told" == world.state().notices["cause.looker"].status


def test_a_request_for_which_looker_refuses_us_waits_like_one_for_which_it_is_down(world: World) -> None:
    """Wrong credentials concern every request, and somebody can put them right."""
    key = world.ask("abc")
    world.fail("looker", Refused("Looker", "Looker refuses the credentials.", "Check LOOKER_CLIENT_SECRET."))
    world.tick()
    assert "failed" == world.record(key).status
    assert "LOOKER_CLIENT_SECRET" in world.told()[0]


def test_one_permanent_failure_among_transient_ones_is_permanent(world: World) -> None:
    """Waiting for the others would not help."""
    key = world.ask("abc", "gone")
    world.fail("looker", LOOKER_DOWN)
    world.tick()
    assert "dead" == world.record(key).status


def test_an_edit_of_a_failed_request_starts_it_anew(world: World) -> None:
    """At once, and with all its attempts."""
    key = world.ask("abc")
    world.fail("notebook", STOPPED, times=2)
    world.tick()
    world.wait(minutes=2)
    world.tick()
    assert 2 == world.record(key).attempts
    world.edit(key, f"<https://{HOST}/x/def>")
    world.tick()
    assert ([REFERENCE], 1) == (world.replies(key), world.record(key).attempts)


def test_a_store_of_summaries_that_is_down_is_a_shared_cause(world: World) -> None:
    """Nothing is posted whose evidence is not kept."""
    key = world.ask("abc")
    world.fail("save", Unreachable("the summary store", "The disk is full."))
    world.tick()
    assert ("failed", 0) == (world.record(key).status, world.record(key).attempts)
    world.wait(minutes=2)
    world.tick()
    assert [REFERENCE] == world.replies(key)


def test_a_summary_of_the_end_that_could_not_be_written_is_written_later(world: World) -> None:
    """The reply is not undone, and the request not forgotten before."""
    key = world.ask("abc")
    world.amid("reply", lambda: world.fail("save", Unreachable("the summary store", "Full."), times=2))
    world.tick()
    assert ("answered", False) == (world.record(key).status, world.record(key).saved)
    report = world.tick()
    assert ["Full."] == [error.partition(": ")[2] for error in report.errors]
    assert world.tick().ok
    assert world.record(key).saved
    assert "answered" == world.summaries[str(key)]["outcome"]["status"]  # type: ignore[index]


# -- defects -----------------------------------------------------------------------------------------------------------


def test_an_unforeseen_exception_is_tried_again_and_told_when_it_is_given_up(world: World) -> None:
    """It ends neither the tick nor the other requests."""
    bad, good = world.ask("bad"), world.ask("good")
    for _ in range(RULES.attempts):
        world.fail("looker", ZeroDivisionError())
        assert world.tick().ok
        world.wait(minutes=10)
    assert [REFERENCE] == world.replies(good)
    assert "dead" == world.record(bad).status
    assert "creditbot has a defect: ZeroDivisionError." in world.told()[0]


def test_an_unforeseen_exception_after_the_reply_was_sent_does_not_end_the_request(world: World) -> None:
    """Only the thread can tell whether the reply is there."""
    key = world.ask("abc")
    world.fail("reply", ZeroDivisionError(), after=True)
    world.tick()
    assert "posting" == world.record(key).status
    assert "Whether my reply" in world.told()[0]
    for _ in range(4):
        world.wait(minutes=16)
        world.tick()
    assert ("answered", [REFERENCE], 1) == (world.record(key).status, world.replies(key), len(world.told()))


def test_an_unforeseen_exception_before_the_claim_fails_the_tick(world: World) -> None:
    """No state can say it, so the exit code does."""
    world.ask("abc")
    world.fail("state-write", ZeroDivisionError())
    assert ["creditbot has a defect: ZeroDivisionError. The log has the details."] == world.tick().errors


# -- posting -----------------------------------------------------------------------------------------------------------


def test_a_reply_that_slack_refuses_for_good_is_told(world: World) -> None:
    """The owner answers by hand."""
    key = world.ask("abc")
    world.fail("reply", PostRefused("is_archived", "The channel is archived.", "Unarchive it.", again=False))
    world.tick()
    assert ("dead", 0) == (world.record(key).status, world.record(key).posts)
    assert "The channel is archived." in world.told()[0]


def test_a_reply_that_slack_takes_later_waits_without_being_computed_again(world: World) -> None:
    """A rate limit is a cause that all requests share."""
    key = world.ask("abc")
    world.fail("reply", PostRefused("ratelimited", "Slack limits our rate.", again=True))
    world.tick()
    record = world.record(key)
    assert ("computed", 0, 0) == (record.status, record.posts, record.attempts)
    world.wait(minutes=3)
    world.tick()
    assert ([REFERENCE], ["abc"]) == (world.replies(key), world.runs)


def test_a_refusal_is_recorded_also_for_a_request_that_was_taken_over(world: World) -> None:
    """Who takes over a computed request claims it."""
    key = world.ask("abc")
    kill(world, "thread.before-read")
    world.wait(minutes=31)
    world.fail("reply", PostRefused("is_archived", "The channel is archived.", again=False))
    world.tick()
    assert "dead" == world.record(key).status
    assert 1 == len(world.told())


def test_posts_of_unknown_outcome_are_told_when_they_go_on(world: World) -> None:
    """One lost answer is nothing to tell; as many as MAX_ATTEMPTS are; after LOOKBACK_HOURS it is given up."""
    key = world.ask("abc")
    world.fail("reply", PostUnknown("Slack did not answer."), times=9999)
    told = []
    for _ in range(5):
        world.tick()
        told.append(len(world.told()))
        world.wait(minutes=16)
    assert [0, 0, 1, 1, 1] == told
    assert "Whether my reply" in world.told()[0]
    world.wait(hours=73)
    world.tick()
    assert "dead" == world.record(key).status
    assert "never showed it" in world.told()[1]


def test_a_request_that_comes_back_after_days_is_still_posted_once_more(world: World) -> None:
    """One unknown post and a long suspension are no reason to give up."""
    key = world.ask("abc")
    world.fail("reply", PostUnknown("Slack did not answer."))
    world.tick()
    world.wait(days=5)
    world.tick()
    assert [REFERENCE] == world.replies(key)


# -- stopping ----------------------------------------------------------------------------------------------------------


def test_a_request_whose_notebook_is_stopped_by_sigterm_is_released(world: World) -> None:
    """At once, and without counting the attempt: the next tick goes on."""
    key = world.ask("abc")
    bot = world.bot()

    def stop(_: str, __: object) -> object:
        bot.stop()
        raise STOPPED

    world.faults.append((frozenset({"notebook"}), stop))
    bot.tick()
    record = world.record(key)
    assert ("failed", None, 0) == (record.status, record.claim, record.attempts)
    world.tick()
    assert [REFERENCE] == world.replies(key)


def test_a_request_that_fails_for_good_while_stopping_is_dead(world: World) -> None:
    """SIGTERM makes no bad request good."""
    key = world.ask("abc")
    bot = world.bot()
    world.amid("looker", bot.stop)
    world.fail("notebook", CreditRefused("The amount is negative."))
    bot.tick()
    assert "dead" == world.record(key).status


def test_requests_wait_for_a_tick_with_fewer_attempts_allowed(world: World) -> None:
    """MAX_ATTEMPTS is read at each tick."""
    key = world.ask("abc")
    world.fail("notebook", STOPPED)
    world.tick(rules=replace(RULES, attempts=1))
    assert "dead" == world.record(key).status
