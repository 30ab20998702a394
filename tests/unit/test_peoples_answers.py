"""What people answered to the requests of a thread, as a backtest reads it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from creditbot.insight.peoples_answers import NoAnswer, PeoplesAnswer, answers_in
from creditbot.model import Message, RequestKey
from creditbot.slack_time import time_of
from tests.unit.test_thread import KEY, RULES, SECOND, WORKSPACE, reply, request


def answer(*messages: Message, key: RequestKey = KEY) -> PeoplesAnswer | NoAnswer:
    return answers_in([request(), *messages], [key], WORKSPACE, RULES)[key]


def said(*texts: str) -> tuple[str, bool, bool]:
    """(amount, refused, corrected) of one person's replies."""
    found = answer(*(reply(number, text) for number, text in enumerate(texts, 1)))
    assert isinstance(found, PeoplesAnswer)
    return str(found.amount), found.refused, found.corrected


def test_a_plain_answer_says_who_and_when_and_how_much() -> None:
    first = reply(1, "Approved, $4,948.80, exceptions")
    expected = PeoplesAnswer("U2", time_of(first.ts), Decimal("4948.80"))
    assert expected == answer(first, reply(2, "thanks!", user="U1"))


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["Denied: duplicate"], ("None", True, False)),
        (["Approved, $5, exceptions", "Correction: $4.50"], ("4.50", False, True)),
        (["Approved, $5, exceptions", "Sorry, that should be $4.50 instead of $5"], ("4.50", False, True)),
        (["Approved, $5, exceptions", "Correction: approved $4.50, exceptions"], ("4.50", False, True)),
        (["Approved, $5, exceptions", "Approved, $4.50, exceptions"], ("4.50", False, True)),
        (["Approved, $5, exceptions", "Denied, this is a duplicate."], ("None", True, True)),
        (["Denied", "Approved, $5, exceptions"], ("5", False, True)),
        (["Approved, $5, exceptions", "Correction: $4.50", "Sorry, correction: $5"], ("5", False, False)),
        (["Approved, $5, exceptions", "They sent $900 of traffic last year"], ("5", False, False)),
        (["Approved, $5, exceptions", "The correction table shows $1 or $2"], ("5", False, False)),
        (["Approved, $3 and $2, exceptions"], ("None", False, False)),
    ],
)
def test_the_last_word_counts(texts: list[str], expected: tuple[str, bool, bool]) -> None:
    """Only where it changes the amount or refuses it."""
    assert expected == said(*texts)


def test_only_who_answered_corrects_an_answer() -> None:
    """Somebody else may only wonder."""
    found = answer(reply(1, "Approved, $5, exceptions"), reply(2, "Correction: $4", user="U3"))
    assert isinstance(found, PeoplesAnswer)
    assert Decimal(5) == found.amount


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([], NoAnswer()),
        ([reply(1, "looking at it")], NoAnswer()),
        ([reply(1, "Approved!")], NoAnswer(unclear=True)),
        ([reply(1, "Approved, $5, exceptions", user="U1")], NoAnswer(unclear=True)),
        ([reply(1, "Approved, $5, exceptions", user=None, bot="BOLD")], NoAnswer(by_bot=True)),
        ([reply(1, "Approved, $5, exceptions", user="UBOT", bot="BBOT", key=str(KEY))], NoAnswer(by_bot=True)),
    ],
)
def test_what_no_person_answered_is_told_apart(messages: list[Message], expected: NoAnswer) -> None:
    assert expected == answer(*messages)


OURS = reply(1, "Approved, $500.00, exceptions", user="UBOT", bot="BBOT", key=str(KEY))


@pytest.mark.parametrize("bots", [OURS, reply(1, "Approved, $500, exceptions", user=None, bot="BOLD")])
@pytest.mark.parametrize(
    ("texts", "amount", "refused"),
    [
        (["should have been $450"], "450", False),
        (["thanks!", "Correction: $450, not $500"], "450", False),
        (["Approved, $450, exceptions"], "450", False),
        (["should have been $450", "sorry, typo: should be $460"], "460", False),
        (["Denied, this is a duplicate."], "None", True),
    ],
)
def test_a_correction_of_a_bot_is_an_answer_of_people(
    bots: Message, texts: list[str], amount: str, refused: bool
) -> None:
    """Of anybody but who asked."""
    said = [reply(number, text, user="U3") for number, text in enumerate(texts, 2)]
    found = answer(bots, *said)
    assert isinstance(found, PeoplesAnswer)
    assert (amount, refused, True, True, "U3", time_of(said[-1].ts)) == (
        str(found.amount), found.refused, found.corrected, found.below_bot, found.by, found.at,
    )  # fmt: skip


@pytest.mark.parametrize(
    "messages",
    [
        [reply(2, "thanks, looks right")],
        [reply(2, "Approved, $500, exceptions")],
        [reply(2, "should be $500")],
        [reply(2, "should this be $450?")],
        [reply(2, "should have been $450", user="U1")],
        [reply(2, "should have been $450"), reply(3, "sorry, correction: $500")],
        [reply(0, "should be $450")],
        [reply(2, "should have been $450", user=None, bot="BX")],
        [reply(2, "it should be $450 or $460")],
    ],
)
def test_what_corrects_nothing_below_a_bot_is_no_answer(messages: list[Message]) -> None:
    assert NoAnswer(by_bot=True) == answer(*sorted([OURS, *messages], key=lambda message: message.ts))


def test_two_requests_of_a_thread_have_an_answer_each() -> None:
    second = request(SECOND.ts, thread=KEY.ts, slug="def", subtype="thread_broadcast")
    messages = [request(), reply(1, "Approved, $5, exceptions"), second, reply(30, "Approved, $7, exceptions")]
    found = answers_in(messages, [SECOND, KEY], WORKSPACE, RULES)
    amounts = [one.amount for one in found.values() if isinstance(one, PeoplesAnswer)]
    assert ([Decimal(5), Decimal(7)], [KEY, SECOND]) == (amounts, list(found))


def test_two_answers_below_two_requests_are_not_guessed_apart() -> None:
    """One of them may be for the request above."""
    second = request(SECOND.ts, thread=KEY.ts, slug="def", subtype="thread_broadcast")
    messages = [request(), second, reply(30, "Approved, $5, exceptions"), reply(31, "Approved, $7, exceptions")]
    found = answers_in(messages, [KEY, SECOND], WORKSPACE, RULES)
    assert {KEY: NoAnswer(unclear=True), SECOND: NoAnswer(unclear=True)} == found
