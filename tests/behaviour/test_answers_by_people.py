"""People, and other bots, answer requests too: what they answered is not answered again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.behaviour.failures import SILENCE
from tests.support.world import BOT, BOT_USER, PERSON, REQUEST_RULES, RULES, World

APPROVED = "Approved, $812.40, exceptions"


@pytest.mark.parametrize(
    "answerer",
    [{"user": "U0BOSS"}, {"user": None, "bot": "B0OLD"}, {"user": BOT_USER, "bot": BOT}],
    ids=["a person", "a previous bot", "us without a marker"],
)
def test_a_request_that_somebody_answered_first_is_left_alone(world: World, answerer: dict[str, str | None]) -> None:
    key = world.ask("abc")
    answer = world.say(APPROVED, thread_ts=key.ts, **answerer)
    world.tick(rules=replace(RULES, requests=replace(REQUEST_RULES, previous_bots=frozenset({"B0OLD"}))))
    assert world.replies(key) == [APPROVED]
    assert world.runs == []
    record = world.record(key)
    assert record.status == "elsewhere"
    assert record.reply == answer.ts
    assert record.claim is None
    assert "thread" in record.reason


def test_the_summary_of_a_persons_answer_says_what_was_asked(world: World) -> None:
    key = world.ask("abc")
    world.say(APPROVED, PERSON, thread_ts=key.ts)
    world.tick()
    assert world.summary(key)["outcome"]["status"] == "elsewhere"
    assert "qid=abc" in world.summary(key)["request"]["text"]


def test_a_person_answers_while_the_notebook_runs(world: World) -> None:
    """The bot reads the thread once more before it replies."""
    key = world.ask("abc")
    world.amid("notebook", lambda: world.say(APPROVED, thread_ts=key.ts))
    world.tick()
    assert world.replies(key) == [APPROVED]
    assert world.record(key).status == "elsewhere"


def test_a_person_answers_after_a_reply_that_may_have_been_posted(world: World) -> None:
    """When the settle time has passed and the reply is still not there, the person's answer counts."""
    key = world.ask("abc")
    world.fail("reply", SILENCE)
    world.tick()
    world.say(APPROVED, "U0BOSS", thread_ts=key.ts)
    world.wait(minutes=16)
    world.tick()
    assert world.record(key).status == "elsewhere"
    assert world.replies(key) == [APPROVED]


def test_another_bots_reply_with_our_marker_leaves_the_request_to_people(world: World) -> None:
    """Anybody can copy a marker, so the bot checks who posted the reply."""
    key = world.ask("abc")
    world.forged_reply(key, "Approved, $1")
    world.tick()
    assert world.replies(key) == ["Approved, $1"]
    assert world.record(key).status == "given_up"
    assert "somebody else posted it" in world.told()[0]


def test_answers_for_either_of_two_requests_leave_the_first_to_people(world: World) -> None:
    """Two answers follow the second request of the thread; one of them may be meant for the first."""
    first = world.ask("a")
    second = world.broadcast(first, "b")
    for amount in ("$1", "$2"):
        world.say(f"Approved, {amount}", thread_ts=first.ts)
    world.tick()
    assert world.record(first).status == "given_up"
    assert world.record(second).status == "elsewhere"
    (text,) = world.told()
    assert world.address(first) in text
    assert "several answers" in text
