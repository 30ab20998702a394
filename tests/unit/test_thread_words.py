"""Which words of people hold a request: who wrote them, what they say, and what the policy lets pass."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import pytest

from creditbot.answer.thread_words import LONGEST_WORDS, MOST_WORDS, word_reasons
from creditbot.decide.hold import HoldKind, HoldReason, uncovered
from creditbot.decide.policy import Policy, Talkers
from creditbot.intake.looker_links import looker_host
from creditbot.intake.requests import RequestRules
from creditbot.intake.thread import view
from creditbot.model import Message, RequestKey, Workspace

ASKER, BOSS, ROSA = "U0ASKER", "U0BOSS", "U0ROSA"
LINK = "<https://acme.looker.com/x/abc>"
WORKSPACE = Workspace("T1", "https://acme.slack.com/", "UBOT", "BBOT", {"C1": "credits"})
RULES = RequestRules(looker_host("https://acme.looker.com"), previous_bots=frozenset({"B0OLD"}))
KEY = RequestKey("T1", "C1", "1736345678.000100")

Said = tuple[str | None, str]


def wrote(number: int, said: Said) -> Message:
    """A reply below the request; nobody is its author where a bot is."""
    user, text = said
    bot = None if user else "B0OLD"
    return Message("C1", f"17363458{number:02d}.000000", KEY.ts, user, bot, text=text, content={"text": text})


def held(
    *said: Said, asked: str = f"please credit {LINK}", talk: Talkers = "everybody", agreed: Collection[str] = ()
) -> list[HoldReason]:  # fmt: skip
    """Why the request is held after people have written this below it."""
    request = Message("C1", KEY.ts, None, ASKER, text=asked, content={"text": asked})
    messages = [request, *(wrote(number, each) for number, each in enumerate(said))]
    policy = Policy(approvers=(ROSA,), talk=talk)
    return list(word_reasons(view(messages, KEY, WORKSPACE, RULES).words, policy, agreed))


def kinds(*said: Said, talk: Talkers = "everybody") -> list[HoldKind]:
    return [reason.kind for reason in held(*said, talk=talk)]


# -- plain talk, and whose the policy hears ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "heard"),
    [
        (BOSS, {"everybody"}),
        (ROSA, {"everybody", "approvers"}),
        (ASKER, set()),
        (None, set()),
    ],
    ids=["a colleague", "an approver", "who asked", "a bot that used to answer"],
)
@pytest.mark.parametrize("talk", ["everybody", "approvers", "nobody"])
def test_the_policy_says_whose_talk_holds(user: str | None, heard: set[str], talk: Talkers) -> None:
    assert ([HoldKind.TALK] if talk in heard else []) == kinds((user, "looks odd"), talk=talk)


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("Denied", "wrote in the thread: “Denied”."),
        ("Approved", "wrote what may be an answer: “Approved”."),
        ("approved $500?", "wrote what may be an answer: “approved $500?”"),
    ],
)
@pytest.mark.parametrize("user", [BOSS, ROSA])
@pytest.mark.parametrize("talk", ["everybody", "approvers", "nobody"])
def test_no_policy_lets_a_no_or_a_doubt_pass(text: str, reading: str, user: str, talk: Talkers) -> None:
    (reason,) = held((user, text), talk=talk)
    assert (HoldKind.WORDS, f"@{user} {reading}") == (reason.kind, reason.text)


@pytest.mark.parametrize(
    "text",
    [
        "Nein, bitte nicht gutschreiben",
        "No aprobar, por favor",
        "Refusé, c'est un doublon",
        "却下します",
        "не одобрено",
        "\U0001f44e",
    ],
)
def test_a_no_in_another_language_is_plain_talk(text: str) -> None:
    """It holds by default, as whatever others write. A policy that lets talk pass lets it pass as well."""
    assert [HoldKind.TALK] == kinds((BOSS, text))
    assert [] == kinds((BOSS, text), talk="nobody")


def test_what_an_approver_wrote_holds_nothing_once_they_say_yes() -> None:
    """They know it. A "no" of theirs is asked about all the same, and so are the words of others."""
    said = ((ROSA, "fine for me"), (BOSS, "looks odd"))
    assert [f"@{BOSS} wrote in the thread: “looks odd”."] == [reason.text for reason in held(*said, agreed={ROSA})]
    assert 1 == len(held((ROSA, "Denied"), agreed={ROSA}))


def test_an_answer_is_not_a_reason() -> None:
    """It ends the request instead."""
    assert [] == held((BOSS, "Approved, $812.40, exceptions"), talk="everybody")


# -- a "no", however it is written -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "Hi team, denied",
        "Sorry, denied: they already got $500.00 last week",
        "Denied because the traffic is their own load test, $4,948.80 in all",
        "_Denied_",
        "*Denied*, do not credit",
        "~Approved, $5.00~ Denied",
        "&gt; please credit this\nDenied",
        "<@U0ASKER> denied",
        "no credit for this",
    ],
)
def test_a_no_may_be_greeted_styled_quoted_and_explained(text: str) -> None:
    """Under a policy that lets plain talk pass, nothing else would hold it."""
    assert [HoldKind.WORDS] == kinds((BOSS, text), talk="nobody")


@pytest.mark.parametrize(
    "text", ["Hello!", "thanks!", "which account is that?", "&gt; please credit this\nlooking into it", "_interesting_"]
)
def test_a_greeting_a_question_and_a_quotation_are_talk(text: str) -> None:
    assert [HoldKind.TALK] == kinds((BOSS, text))
    assert [] == kinds((BOSS, text), talk="nobody")


# -- who asked takes the request back ----------------------------------------------------------------------------------


TAKEN_BACK = [
    "please ignore",
    "Hi all, please ignore this",
    "_please ignore_",
    "Sorry, wrong account. It should be AC2",
    "scratch that",
    "wait, I have to check the dates",
    "don't credit this yet",
]


@pytest.mark.parametrize("text", TAKEN_BACK)
@pytest.mark.parametrize("talk", ["everybody", "nobody"])
def test_who_asked_takes_the_request_back_in_the_thread(text: str, talk: Talkers) -> None:
    (reason,) = held((ASKER, text), talk=talk)
    assert HoldKind.WORDS is reason.kind
    assert reason.text.startswith("The person who asked takes the request back: “")


@pytest.mark.parametrize("text", TAKEN_BACK)
@pytest.mark.parametrize("before", ["\n", " ", ", ", " ("])
def test_who_asked_takes_the_request_back_behind_its_link(text: str, before: str) -> None:
    (reason,) = held(asked=f"please credit {LINK}{before}{text}", talk="nobody")
    assert (HoldKind.WORDS, "The message itself takes the request back.") == (reason.kind, reason.text)
    assert KEY.ts == reason.about


@pytest.mark.parametrize(
    "text",
    [
        "&gt; please ignore\nthat was about another one",
        "~please ignore~ it is right after all",
        "it is urgent",
        "the wait times are long",
        "Bitte ignorieren",
        "approved by my manager, up to $5,000",
    ],
)
def test_other_words_of_who_asked_hold_nothing(text: str) -> None:
    """A quotation and what is struck through are not their words now; other languages are not understood."""
    assert [] == held((ASKER, text))


def test_words_of_who_asked_that_look_like_an_answer_are_a_doubt() -> None:
    (reason,) = held((ASKER, "Approved, $812.40, exceptions"), talk="nobody")
    assert "The person who asked wrote what may be an answer: “Approved, $812.40, exceptions”." == reason.text


# -- how reasons are worded, and how many there are --------------------------------------------------------------------


def test_a_message_without_text_is_said_to_be_one() -> None:
    assert [f"@{BOSS} wrote in the thread: a message without text."] == [reason.text for reason in held((BOSS, ""))]


def test_long_words_are_cut() -> None:
    (reason,) = held((BOSS, "odd " * 200))
    assert f"@{BOSS} wrote in the thread: “{('odd ' * 200)[: LONGEST_WORDS - 1]}…”." == reason.text


def test_each_message_is_a_reason_of_its_own_by_its_latest_version() -> None:
    """An approval covers the words that were shown, and not what an edit made of them."""
    first, second = held((BOSS, "looks odd"), (BOSS, "very odd"))
    assert (wrote(0, (BOSS, "")).ts, wrote(1, (BOSS, "")).ts) == (first.about, second.about)
    request = Message("C1", KEY.ts, None, ASKER, text=LINK, content={"text": LINK})
    edited = replace(wrote(0, (BOSS, "looks odd")), edited="1736345999.000000")
    (reason,) = word_reasons(view([request, edited], KEY, WORKSPACE, RULES).words, Policy())
    assert "1736345999.000000" == reason.about


def test_a_no_comes_before_talk_and_what_is_too_much_is_counted() -> None:
    talk = [(BOSS, f"word {number}") for number in range(MOST_WORDS + 1)]
    reasons = held(*talk, (BOSS, "Denied"))
    assert MOST_WORDS + 1 == len(reasons)
    assert f"@{BOSS} wrote in the thread: “Denied”." == reasons[0].text
    assert (HoldKind.TALK, "There are 2 more messages in the thread.") == (reasons[-1].kind, reasons[-1].text)
    assert wrote(MOST_WORDS, (BOSS, "")).ts == reasons[-1].about


def test_one_message_too_many_is_one() -> None:
    reasons = held(*[(BOSS, f"word {number}") for number in range(MOST_WORDS + 1)])
    assert "There is 1 more message in the thread." == reasons[-1].text


def test_as_many_messages_as_there_is_room_for_are_all_shown() -> None:
    reasons = held(*[(BOSS, f"word {number}") for number in range(MOST_WORDS)])
    assert f"@{BOSS} wrote in the thread: “word {MOST_WORDS - 1}”." == reasons[-1].text


def test_a_no_among_too_many_is_counted_as_a_no() -> None:
    """An approval that covers talk does not cover it."""
    reasons = held(*[(BOSS, "Denied")] * (MOST_WORDS + 1), (BOSS, "looks odd"))
    assert {HoldKind.WORDS} == {reason.kind for reason in reasons}


def test_a_no_that_comes_later_is_new_among_however_many() -> None:
    """Talk that came in between makes no difference."""
    before: list[Said] = [*[(BOSS, "Denied")] * (MOST_WORDS + 1), (BOSS, "looks odd")]
    shown, now = held(*before), held(*before, (ROSA, "Denied"))
    assert 1 == len(uncovered(now, shown))
