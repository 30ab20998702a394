"""People, and other bots, answer requests too: what they answered is not answered again."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.behaviour.failures import SILENCE
from tests.support.world import World
from tests.support.world_facts import BOT, BOT_USER, PERSON, REFERENCE, REQUEST_RULES, RULES, Outcome, explore_link

APPROVED = "Approved, $812.40, exceptions"


@pytest.mark.parametrize(
    "answerer",
    [{"user": "U0BOSS"}, {"user": None, "bot": "B0OLD"}, {"user": BOT_USER, "bot": BOT}],
    ids=["a person", "a previous bot", "us without a marker"],
)
def test_a_request_that_somebody_answered_first_is_left_alone(world: World, answerer: dict[str, Any]) -> None:
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
    world.say(APPROVED, "U0BOSS", thread_ts=key.ts)
    world.tick()
    assert world.summary(key)["outcome"]["status"] == "elsewhere"
    assert "qid=abc" in world.summary(key)["request"]["text"]


def test_a_person_answers_while_the_notebook_runs(world: World) -> None:
    """The bot reads the thread once more before it replies."""
    key = world.ask("abc")
    world.amid("notebook", lambda: world.say(APPROVED, "U0BOSS", thread_ts=key.ts))
    world.tick()
    assert world.replies(key) == [APPROVED]
    assert world.record(key).status == "elsewhere"


def test_a_person_answers_after_a_reply_that_may_have_been_posted(world: World) -> None:
    """When the settle time has passed and the reply is still not there, the person's answer counts."""
    key = world.ask_and_fail("reply", SILENCE)
    world.say(APPROVED, "U0BOSS", thread_ts=key.ts)
    world.tick_after(minutes=16)
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
        world.say(f"Approved, {amount}", "U0BOSS", thread_ts=first.ts)
    world.tick()
    assert world.record(first).status == "given_up"
    assert world.record(second).status == "elsewhere"
    (text,) = world.told()
    assert world.address(first) in text
    assert "several answers" in text


# -- what people say ---------------------------------------------------------------------------------------------------


def test_the_askers_talk_about_an_approval_does_not_answer_the_request(world: World) -> None:
    key = world.ask("abc")
    remark = "Approved by my manager, up to $5,000"
    world.say(remark, PERSON, thread_ts=key.ts)
    world.tick()
    assert world.replies(key) == [remark, REFERENCE]
    assert world.told() == []


@pytest.mark.parametrize(
    "text", ["<@U0PERSON> Approved, $812.40", "Hi! Credit approved: $812.40", "&gt; please\nApproved, 812.40 USD"]
)
def test_a_person_may_greet_and_quote_before_the_answer(world: World, text: str) -> None:
    key = world.ask("abc")
    world.say(text, "U0BOSS", thread_ts=key.ts)
    world.tick()
    assert world.outcome(key) == Outcome("elsewhere", replies=[text])


def test_an_answer_that_is_sent_to_the_channel_with_the_link_is_no_request(world: World) -> None:
    """It answers the request above it, and is not answered itself."""
    key = world.ask("abc")
    text = f"Approved, $812.40, exceptions ({explore_link('abc')})"
    answer = world.say(text, "U0BOSS", thread_ts=key.ts, subtype="thread_broadcast")
    world.ticks(2)
    assert world.outcome(key) == Outcome("elsewhere", replies=[text])
    assert not world.knows(answer)


# -- how much people credit --------------------------------------------------------------------------------------------


def test_who_answered_and_how_much_is_kept(world: World) -> None:
    """In the record and in the summary."""
    key = world.ask("abc")
    world.say("<@U0PERSON> approved for USD 812.40", "U0BOSS", thread_ts=key.ts)
    world.tick()
    record, outcome = world.record(key), world.summary(key)["outcome"]
    assert (record.answer_by, record.answer_amount) == ("U0BOSS", Decimal("812.40"))
    assert (outcome["answer_by"], outcome["answer_amount"]) == ("U0BOSS", Decimal("812.40"))


def test_an_answer_with_several_amounts_keeps_none(world: World) -> None:
    key = world.ask("abc")
    world.say("Approved, $500 and $300", "U0BOSS", thread_ts=key.ts)
    world.tick()
    record, outcome = world.record(key), world.summary(key)["outcome"]
    assert (record.answer_by, record.answer_amount) == ("U0BOSS", None)
    assert "answer_amount" not in outcome


def test_another_amount_than_the_one_computed_is_told_once(world: World) -> None:
    """A person answered while the notebook ran."""
    key = world.ask("abc")
    world.amid("notebook", lambda: world.say(APPROVED, "U0BOSS", thread_ts=key.ts))
    world.ticks(3)
    (text,) = world.told()
    assert "names $812.40, but I computed $4,948.80" in text
    assert world.replies(key) == [APPROVED]


@pytest.mark.parametrize("words", ["Approved, $500.00", "No, that should be approved at $500, please correct it"])
def test_another_amount_after_the_reply_is_told_once(world: World, words: str) -> None:
    key = world.ask("abc")
    world.tick()
    remark = world.say(words, "U0BOSS", thread_ts=key.ts)
    world.ticks(3)
    (text,) = world.told()
    assert "names $500.00, but I answered $4,948.80" in text
    assert f"/p{remark.ts.replace('.', '')}" in text


@pytest.mark.parametrize(
    "words", ["Approved, $4,948.80", "Approved, $4948.80 (of $9,000)", "thanks, $500 was the last one", "Approved, $5k"]
)
def test_the_same_amount_or_talk_after_the_reply_tells_nobody(world: World, words: str) -> None:
    key = world.ask("abc")
    world.tick()
    world.say(words, "U0BOSS", thread_ts=key.ts)
    world.ticks(3)
    assert world.told() == []


def test_an_answer_that_is_edited_to_another_amount_is_kept_anew(world: World) -> None:
    """At the next look at the thread; the summary follows."""
    key = world.ask("abc")
    answer = world.say(APPROVED, "U0BOSS", thread_ts=key.ts)
    world.tick()
    world.edit(answer, "Approved, $900.00")
    world.wait(minutes=16)
    world.ticks(2)
    assert world.record(key).answer_amount == Decimal("900.00")
    assert world.summary(key)["outcome"]["answer_amount"] == Decimal("900.00")
    assert world.told() == []


def test_a_retry_forgets_who_answered(world: World) -> None:
    key = world.ask("abc")
    answer = world.say(APPROVED, "U0BOSS", thread_ts=key.ts)
    world.tick()
    world.delete(answer)
    world.retry(key)
    world.tick()
    assert (world.record(key).answer_by, world.record(key).answer_amount) == ("", None)


# -- an answer that is no longer there ---------------------------------------------------------------------------------


@pytest.mark.parametrize("change", ["deleted", "edited"])
@pytest.mark.parametrize("minutes", [0, 1, 20, 600])
def test_an_answer_that_is_taken_back_is_told_once(world: World, change: str, minutes: int) -> None:
    """The bot does not answer by itself: whoever took it back may have meant that there is no credit."""
    key = world.ask("abc")
    answer = world.say(APPROVED, "U0BOSS", thread_ts=key.ts)
    world.tick()
    world.wait(minutes=minutes)
    if change == "deleted":
        world.delete(answer)
    else:
        world.edit(answer, "Sorry, wrong thread")
    world.ticks(8, minutes=200)
    (text,) = world.told()
    assert "deleted, or edited" in text
    assert world.address(key) in text
    assert world.record(key).status == "elsewhere"


def test_an_answer_that_is_deleted_is_told_at_the_next_tick(world: World) -> None:
    """The channel shows that the thread has lost a reply. While it has not, the thread is not read."""
    key = world.ask("abc")
    answer = world.say(APPROVED, "U0BOSS", thread_ts=key.ts)
    world.tick()
    world.counted()
    world.tick()
    assert world.counted()["thread"] == 0
    world.delete(answer)
    world.tick()
    assert len(world.told()) == 1
    world.counted()
    world.tick()
    assert world.counted()["thread"] == 0


def test_a_retry_answers_a_request_whose_answer_was_taken_back(world: World) -> None:
    key = world.ask("abc")
    answer = world.say(APPROVED, "U0BOSS", thread_ts=key.ts)
    world.tick()
    world.delete(answer)
    world.retry(key)
    world.tick()
    assert world.replies(key) == [REFERENCE]


def test_another_answer_takes_the_place_of_one_that_was_deleted(world: World) -> None:
    """Somebody corrected the amount: nothing is told."""
    key = world.ask("abc")
    answer = world.say(APPROVED, "U0BOSS", thread_ts=key.ts)
    world.tick()
    world.delete(answer)
    second = world.say("Approved, $800.00", "U0BOSS", thread_ts=key.ts)
    world.ticks(3)
    assert world.told() == []
    assert world.record(key).reply == second.ts


def test_a_deleted_request_with_an_answer_is_not_told(world: World) -> None:
    """There is nothing left to answer."""
    key = world.ask("abc")
    answer = world.say(APPROVED, "U0BOSS", thread_ts=key.ts)
    world.tick()
    world.delete(answer)
    world.delete(key)
    world.ticks(3)
    assert world.told() == []


def test_a_standing_answer_is_looked_at_ever_more_rarely(world: World) -> None:
    """After the settle time, and then four times as late each time."""
    key = world.ask("abc")
    world.say(APPROVED, "U0BOSS", thread_ts=key.ts)
    world.tick()
    world.counted()
    world.ticks(400, minutes=5)
    assert world.counted()["thread"] < 12
    assert world.record(key).checked < 6
