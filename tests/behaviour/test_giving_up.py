"""A request fails: at once and for good, or after as many attempts as MAX_ATTEMPTS says."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from creditbot.model import RequestKey
from tests.behaviour.failures import ARCHIVED, LOOKER_DOWN, NOTEBOOK_FAILED, NOTEBOOK_STOPPED
from tests.support.points import Point
from tests.support.world import World
from tests.support.world_facts import REFERENCE, RULES, Killed, Outcome

# -- for good ----------------------------------------------------------------------------------------------------------


def test_a_failure_that_no_second_try_would_help_is_told_at_once(world: World) -> None:
    key = world.ask_and_fail("notebook", NOTEBOOK_FAILED)
    assert world.outcome(key) == Outcome("given_up", told=1)
    record = world.record(key)
    assert record.reason == str(NOTEBOOK_FAILED)
    assert record.attempts == 1
    assert record.claim is None
    assert record.due is None


def test_one_bad_link_means_no_amount_and_one_message_to_the_owner(world: World) -> None:
    """The bot never credits only some of the links, and later ticks say nothing more."""
    key = world.ask("abc", "gone")
    world.ticks(3, minutes=20)
    assert world.outcome(key) == Outcome("given_up", told=1)
    summary = world.summary(key)
    assert [link["url"].partition("qid=")[2] for link in summary["links"]] == ["abc", "gone"]
    assert summary["request"]["key"] == str(key)
    assert "qid=gone" in summary["request"]["text"]


def test_the_failures_of_several_links_are_one_reason(world: World) -> None:
    key = world.ask("gone1", "gone2")
    world.tick()
    sentences = [f"The query {slug} does not exist. Share the link again." for slug in ("gone1", "gone2")]
    assert world.record(key).reason == " ".join(sentences)


def test_a_permanent_failure_beside_a_passing_one_is_permanent(world: World) -> None:
    key = world.ask("abc", "gone")
    world.fail("looker", LOOKER_DOWN)
    world.tick()
    assert world.record(key).status == "given_up"


def test_a_reply_that_slack_refuses_for_good_is_told_at_once(world: World) -> None:
    key = world.ask_and_fail("reply", ARCHIVED)
    assert world.outcome(key) == Outcome("given_up", told=1, runs=["abc"])
    assert world.record(key).posts == 0
    assert ARCHIVED.what in world.told()[0]


def test_a_reply_refused_after_taking_over_a_request_is_told_too(world: World) -> None:
    key = world.ask("abc")
    world.kill("thread.before-read")
    world.wait(minutes=31)
    world.fail("reply", ARCHIVED)
    world.tick()
    assert world.outcome(key) == Outcome("given_up", told=1, runs=["abc"])


# -- after some attempts -----------------------------------------------------------------------------------------------


def test_a_passing_failure_is_tried_again_and_told_after_max_attempts(world: World) -> None:
    """Each try waits longer than the one before; nobody is told until the request is given up."""
    key = world.ask("abc")
    world.fail("notebook", NOTEBOOK_STOPPED, times=RULES.attempts)
    waits = []
    for _ in range(RULES.attempts - 1):
        world.tick()
        record = world.record(key)
        assert record.status == "failed"
        assert record.claim is None
        assert record.due
        assert world.told() == []
        assert world.tick().waiting == 1
        waits.append(record.due - record.at)
        world.now = record.due
    world.tick()
    assert waits == [timedelta(minutes=1), timedelta(minutes=2)]
    assert world.outcome(key) == Outcome("given_up", told=1)
    assert world.record(key).attempts == RULES.attempts
    assert "ran out of time" in world.told()[0]


def test_a_failure_that_passes_is_told_to_nobody(world: World) -> None:
    key = world.ask("abc")
    world.fail("notebook", NOTEBOOK_STOPPED, times=2)
    world.ticks(3, minutes=5)
    assert world.outcome(key) == Outcome("answered", replies=[REFERENCE], runs=["abc"])


def test_a_lower_max_attempts_counts_from_the_next_tick(world: World) -> None:
    key = world.ask("abc")
    world.fail("notebook", NOTEBOOK_STOPPED)
    world.tick(rules=replace(RULES, attempts=1))
    assert world.record(key).status == "given_up"


def test_a_defect_of_the_bot_is_tried_again_and_told_after_max_attempts(world: World) -> None:
    """The tick goes on, and the other requests are answered."""
    bad, good = world.ask("bad"), world.ask("good")
    for _ in range(RULES.attempts):
        world.fail("looker", ZeroDivisionError())
        assert world.tick().ok
        world.wait(minutes=10)
    assert world.replies(good) == [REFERENCE]
    assert world.record(bad).status == "given_up"
    assert "creditbot has a defect: ZeroDivisionError." in world.told()[0]


@pytest.mark.parametrize("point", ["looker.before-read", "notebook.after-run", "thread.before-read"])
def test_a_request_that_kills_every_process_is_given_up(world: World, point: Point) -> None:
    key = world.ask("abc")
    kills = 0
    for _ in range(12):
        try:
            world.tick(at=lambda reached: die_of(key, world) if reached == point else None)
        except Killed:
            kills += 1
        world.wait(minutes=31)
    assert world.record(key).status == "given_up"
    assert world.replies(key) == []
    assert len(world.told()) == 1
    assert kills <= RULES.attempts


def die_of(key: RequestKey, world: World) -> None:
    """The process is killed if it works on that request."""
    if world.knows(key) and world.record(key).status in ("claimed", "computed"):
        raise Killed
