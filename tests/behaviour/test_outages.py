"""An outage, such as Looker being down, keeps all requests waiting. It is told once, and over when one gets through."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from creditbot.errors import LOOKER, STATE_STORE, CreditbotError, Refused, Unreachable
from tests.behaviour.failures import (
    DISK_FULL,
    LOOKER_DOWN,
    NO_JOBS,
    NO_ROOM,
    NOTEBOOK_BROKEN,
    NOTEBOOK_STOPPED,
    RATE_LIMITED,
    SILENCE,
    SLACK_SLOW,
    WAREHOUSE_DOWN,
)
from tests.support.world import World
from tests.support.world_facts import REFERENCE, RULES, explore_link

OUTAGES: dict[str, tuple[str, CreditbotError]] = {
    "cause.looker": ("looker", LOOKER_DOWN),
    "cause.the-warehouse": ("notebook", WAREHOUSE_DOWN),
    "cause.this-machine": ("notebook", NO_ROOM),
    "cause.the-jobs-of-notebooks": ("notebook", NO_JOBS),
    "cause.the-notebook-verify-ipynb": ("notebook", NOTEBOOK_BROKEN),
    "cause.the-summary-store": ("save", DISK_FULL),
    "cause.slack": ("reply", RATE_LIMITED),
}


def known(world: World) -> list[str]:
    """Names of the messages to the owner that the state remembers."""
    return list(world.state().notices)


# -- told once, tried again --------------------------------------------------------------------------------------------


def test_an_outage_is_told_once_and_counts_against_no_request(world: World) -> None:
    """Three requests wait for five hours; all are answered when the outage is over."""
    keys = [world.ask(slug) for slug in ("a", "b", "c")]
    world.fail("looker", LOOKER_DOWN, times=200)
    world.ticks(60, minutes=5)
    assert [world.record(key).attempts for key in keys] == [0, 0, 0]
    assert len(world.told()) == 1
    world.faults.clear()
    world.tick_after(hours=4)
    assert [world.replies(key) for key in keys] == [[REFERENCE]] * 3


def test_an_outage_is_tried_again_ever_later_and_at_least_every_four_hours(world: World) -> None:
    key = world.ask("abc")
    world.fail("looker", LOOKER_DOWN, times=99)
    waits = []
    for _ in range(10):
        world.tick()
        record = world.record(key)
        assert record.status == "failed"
        assert record.reason == str(LOOKER_DOWN)
        assert record.due
        waits.append((record.due - record.at) / timedelta(minutes=1))
        world.now = record.due
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 240, 240]


@pytest.mark.parametrize(("seconds", "minutes"), [(30, 1), (600, 10), (99_999, 240)])
def test_a_service_that_asks_for_more_time_gets_up_to_four_hours(world: World, seconds: float, minutes: float) -> None:
    key = world.ask_and_fail("looker", Unreachable(LOOKER, "Looker limits our rate.", retry_after=seconds))
    record = world.record(key)
    assert record.due
    assert record.due - record.at == timedelta(minutes=minutes)


def test_an_outage_of_more_than_lookback_hours_gives_the_request_up(world: World) -> None:
    """The bot tries less and less often, and tells the owner in the end."""
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
    assert world.record(key).status == "given_up"
    assert "I could not answer" in world.told()[-1]


def test_an_outage_may_last_for_exactly_lookback_hours() -> None:
    """Since the first claim; the request is given up at the first try after that."""
    world = World()
    key = world.ask("abc")
    world.fail("looker", LOOKER_DOWN, times=9)
    statuses = []
    for minutes in (0, 1, 2, 4):  # after 0, 1, 3 and 7 minutes
        world.wait(minutes=minutes)
        world.tick(rules=replace(RULES, lookback=timedelta(minutes=3)))
        statuses.append(world.record(key).status)
    assert statuses == ["failed", "failed", "failed", "given_up"]


def test_credentials_that_looker_refuses_are_an_outage(world: World) -> None:
    """They concern every request, and somebody can correct them."""
    key = world.ask_and_fail(
        "looker", Refused(LOOKER, "Looker refuses the credentials.", "Check LOOKER_CLIENT_SECRET.")
    )
    assert world.record(key).status == "failed"
    assert "LOOKER_CLIENT_SECRET" in world.told()[0]


def test_a_full_disk_for_summaries_is_an_outage(world: World) -> None:
    """The bot posts no amount without evidence."""
    key = world.ask_and_fail("save", DISK_FULL)
    assert world.record(key).status == "failed"
    assert world.record(key).attempts == 0
    world.tick_after(minutes=2)
    assert world.replies(key) == [REFERENCE]


def test_a_rate_limit_of_slack_keeps_the_reply_without_computing_it_again(world: World) -> None:
    key = world.ask_and_fail("reply", RATE_LIMITED)
    record = world.record(key)
    assert record.status == "computed"
    assert record.posts == 0
    assert record.attempts == 0
    world.tick_after(minutes=3)
    assert world.replies(key) == [REFERENCE]
    assert world.runs == ["abc"]


def test_a_slack_too_slow_to_look_for_a_reply_is_told_as_an_outage(world: World) -> None:
    """The next tick reads the thread again, so nothing needs to be said about this one reply."""
    key = world.ask_and_fail("reply", SILENCE)
    world.wait(minutes=16)
    world.fail("thread", SLACK_SLOW)
    world.tick()
    assert world.record(key).status == "posting"
    (text,) = world.told()
    assert text.endswith(str(SLACK_SLOW))


def test_a_state_store_that_refuses_the_claim_leaves_the_request_as_it_was(world: World) -> None:
    key = world.ask_and_fail("notebook", NOTEBOOK_STOPPED)
    record = world.record(key)
    world.wait(minutes=2)
    world.fail("state-write", Unreachable(STATE_STORE, "The API server is slow."))
    assert world.tick().errors == ["The API server is slow."]
    assert world.record(key) == record


# -- over when a request gets through ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "effect", "error"), [(name, *what) for name, what in OUTAGES.items()], ids=OUTAGES)
def test_an_outage_is_over_when_a_request_gets_through(
    world: World, name: str, effect: str, error: CreditbotError
) -> None:
    key = world.ask("abc")
    world.fail(effect, error)
    report = world.tick()
    assert known(world) == [name]
    assert report.errors == [str(error)]
    assert world.tick_after(minutes=2).ok
    assert world.replies(key) == [REFERENCE]
    assert known(world) == []


def test_an_outage_that_comes_back_is_told_again(world: World) -> None:
    statuses = []
    for slug in ("first", "second"):
        key = world.ask_and_fail("looker", LOOKER_DOWN, slug)
        world.tick()
        world.tick_after(minutes=2)
        statuses.append(world.record(key).status)
    assert statuses == ["answered", "answered"]
    assert len(world.told()) == 2


def test_an_outage_goes_on_while_one_of_two_requests_meets_it(world: World) -> None:
    world.ask("a")
    world.ask_and_fail("looker", LOOKER_DOWN, "b")
    assert world.state().notices["cause.looker"].status == "told"


@pytest.mark.parametrize("name", ["cause.the-warehouse", "cause.slack"])
def test_a_skipped_request_does_not_end_an_outage_of_what_it_does_not_use(world: World, name: str) -> None:
    """A skipped request runs no notebook and gets no reply."""
    world.ask_and_fail(*OUTAGES[name])
    world.ask("other")
    world.tick()
    assert name in known(world)


def test_a_skipped_request_does_not_hide_that_another_got_through(world: World) -> None:
    """One reply that Slack accepts is enough."""
    world.ask_and_fail("reply", RATE_LIMITED, "a")
    world.ask("b")
    world.ask("other")
    world.tick()
    assert known(world) == []


def test_a_withdrawn_request_does_not_end_an_outage_of_posting(world: World) -> None:
    """The bot read its thread, which does not prove that Slack accepts replies again."""
    key = world.ask_and_fail("reply", RATE_LIMITED)
    world.edit(key, "never mind")
    world.tick_after(minutes=2)
    assert world.record(key).status == "withdrawn"
    assert "cause.slack" in known(world)


def test_an_earlier_reply_that_is_found_does_not_end_an_outage_of_posting(world: World) -> None:
    """That reply was posted before the outage began."""
    key = world.ask("abc")
    world.lateness = timedelta(minutes=40)
    world.fail("reply", SILENCE, after=True)
    world.tick()
    world.wait(minutes=16)
    world.edit(key, "never mind")
    world.tick()
    assert world.record(key).status == "withdrawn"
    assert world.record(key).posts == 1
    world.ask_and_fail("reply", RATE_LIMITED, "b")
    world.edit(key, explore_link("abc"))
    world.amid("notebook", lambda: world.wait(minutes=40))
    world.tick()
    assert world.record(key).status == "answered"
    assert world.record(key).posts == 1
    assert "cause.slack" in known(world)


# -- a full state ------------------------------------------------------------------------------------------------------


def test_a_full_state_is_an_outage_until_a_request_can_be_begun(world: World) -> None:
    """A request that ends meanwhile proves nothing, since ends have room of their own. No attempt is counted."""
    posting = world.ask_and_fail("reply", SILENCE, "a", after=True)
    key = world.ask("b")
    world.kill("thread.before-read")
    world.wait(minutes=31)
    report = world.tick(budget=100)
    assert [(job.key, record.status) for job, record in report.done if record] == [
        (posting, "answered"), (key, "computed"),
    ]  # fmt: skip
    assert world.record(key).claim is None
    assert world.record(key).attempts == 1
    assert world.record(key).returned == 1
    (error,) = report.errors
    assert "at its limit" in error
    (text,) = world.told()
    assert text.endswith(error)
    assert world.state().notices["cause.the-state-store"].status == "told"
    assert world.tick_after(minutes=2).ok
    assert world.replies(key) == [REFERENCE]
    assert known(world) == []


def test_a_reply_that_is_found_does_not_end_the_outage_of_a_full_state(world: World) -> None:
    """The reply was posted before the state was full."""
    posting = world.ask_and_fail("reply", SILENCE, "a", after=True)
    world.wait(minutes=12)
    key = world.ask("b")
    world.kill("thread.before-read")
    world.wait(minutes=2)
    world.ticks(2, minutes=1, budget=100, is_running=lambda _: False)
    assert world.record(posting).status == "answered"
    assert world.record(key).status == "computed"
    (text,) = world.told()
    assert "at its limit" in text
    assert world.state().notices["cause.the-state-store"].status == "told"
