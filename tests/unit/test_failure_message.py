"""The message to the owner about a request that got no reply: what is in it, and how long it may be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from creditbot.answer.failure_message import LONGEST_DIGEST, FailedRequest, digest_text, failure_text, fitting
from creditbot.errors import (
    LOOKER,
    AlreadyCredited,
    CreditbotError,
    CreditRefused,
    LinkUnusable,
    NotebookStopped,
    ThreadUnclear,
    Unreachable,
)
from tests.support.footprints import OURS
from tests.support.world_facts import HOST

ADDRESS = "https://acme.slack.com/archives/C1/p1"
PAGE = "https://evidence.example.com/key.html"


def failed(*errors: CreditbotError, **facts: Any) -> str:
    """The message about a request with these problems; `facts` are what differs from an ordinary one."""
    ordinary: dict[str, Any] = {
        "address": ADDRESS, "author": "U0DANA", "words": "please", "footprints": [],
        "problems": [("", error) for error in errors], "page": PAGE,
    }  # fmt: skip
    return failure_text(FailedRequest(**{**ordinary, **facts}))


def test_a_failure_says_where_who_for_whom_which_link_what_and_what_to_do() -> None:
    problems = [
        (f"https://{HOST}/x/a", LinkUnusable("There is no query a.", "Share it again.")),
        ("", CreditRefused("It is zero.")),
    ]
    assert failed(problems=problems, footprints=[OURS]).splitlines() == [
        f"I could not answer {ADDRESS}",
        "Asked by @U0DANA: “please”",
        "For verify: AC1, 2025-12-01 to 2025-12-30",
        f"• https://{HOST}/x/a",
        "  There is no query a.",
        "  Share it again.",
        "• It is zero.",
        f"What I know about it: {PAGE}",
        "To have it tried again, edit the message, or run `creditbot retry` with its address. Or answer by hand.",
    ]


@pytest.mark.parametrize(
    ("facts", "lines"),
    [({"words": ""}, ["Asked by @U0DANA"]), ({"author": ""}, []), ({"author": "", "words": ""}, [])],
)
def test_what_is_not_known_of_a_request_is_left_out(facts: dict[str, str], lines: list[str]) -> None:
    assert lines == [line for line in failed(CreditRefused("No."), **facts).splitlines() if "Asked" in line]


@pytest.mark.parametrize(
    ("errors", "advice"),
    [
        ([LinkUnusable("Gone.")], ["edit the message", "creditbot retry", "by hand"]),
        ([LinkUnusable("Gone."), Unreachable(LOOKER, "Down.")], ["edit the message", "creditbot retry", "by hand"]),
        ([AlreadyCredited("Twice."), LinkUnusable("Gone.")], ["edit the message", "creditbot retry", "by hand"]),
        ([CreditRefused("Zero."), AlreadyCredited("Twice.")], ["edit the message"]),
        ([CreditRefused("Zero."), LinkUnusable("Gone.")], ["edit the message", "creditbot retry", "by hand"]),
        ([NotebookStopped("Slow.")], ["creditbot retry", "by hand"]),
        ([Unreachable(LOOKER, "Down.")], ["creditbot retry", "by hand"]),
        ([AlreadyCredited("Twice.")], []),
        ([ThreadUnclear("Unclear.")], []),
    ],
)
def test_only_advice_that_helps_is_given(errors: Sequence[CreditbotError], advice: list[str]) -> None:
    """An edit changes nothing about a service that is down, nor a retry about a thread that is unclear."""
    text = failed(*errors)
    assert advice == [each for each in ("edit the message", "creditbot retry", "by hand") if each in text]


def test_a_failure_of_very_many_links_names_ten() -> None:
    """Any member can write a message of hundreds."""
    problems = [(f"https://{HOST}/x/{n}", LinkUnusable("It is gone.", "")) for n in range(13)]
    lines = failed(problems=problems).splitlines()
    assert [line[2:] for line in lines if line.startswith("•")][-2:] == [f"https://{HOST}/x/9", "and 3 more links"]
    assert "more" not in failed(problems=problems[:10])


def test_long_links_are_cut_in_a_message_to_the_owner() -> None:
    """Ten of them are shorter than what Slack takes; what happened is never cut off by them."""
    problems = [(f"https://{HOST}/explore/m/v?f[a]={'x' * 39_000}", LinkUnusable(f"Sentence {n}.")) for n in range(12)]
    text = failed(problems=problems, words="word " * 9_000)
    assert len(text) < 5_000
    assert "Sentence 9." in text
    assert "and 2 more links" in text
    assert text.endswith("answer by hand.")


@pytest.mark.parametrize("length", [1_500, 1_501])
def test_a_sentence_is_cut_if_it_is_very_long(length: int) -> None:
    text = failed(LinkUnusable("x" * length, "y" * length))
    assert (length > 1_500) == (f"{'x' * 1_499}…" in text) == (f"{'y' * 1_499}…" in text)


def test_several_failures_are_numbered() -> None:
    text = digest_text([failed(LinkUnusable("Gone.")), failed(CreditRefused("Zero."))])
    assert text.startswith(f"I could not answer 2 requests.\n\n1. {ADDRESS}\nAsked by")
    assert f"\n\n2. {ADDRESS}\nAsked by" in text
    assert 2 == text.count("Asked by")


@pytest.mark.parametrize(
    ("lengths", "number"),
    [([1], 1), ([LONGEST_DIGEST * 2, 1], 1), ([LONGEST_DIGEST - 1, 1, 1], 2), ([1] * 50, 50)],
)
def test_a_message_tells_as_many_failures_as_it_has_room_for(lengths: list[int], number: int) -> None:
    assert number == fitting(["x" * length for length in lengths])
