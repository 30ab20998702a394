"""Whose votes count, what they come to, and what exactly is approved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.decide.approval import Verdict, approval_digest, short, tally, verdict, voters, with_typed
from creditbot.decide.policy import Limits, Policy
from creditbot.state.record import LinkAmount, Result, Vote
from tests.support.world_facts import START

ROSA, SAM, TIM = "U0ROSA", "U0SAM", "U0TIM"
POLICY = Policy(approvers=(ROSA, SAM))
RESULT = Result(Decimal("30.00"), ("sql",), ("notebook",), "memory:1", links=(LinkAmount("verify", Decimal("30.00")),))
LATER = START + timedelta(minutes=5)


def votes(reactions: Mapping[str, tuple[str, ...]], *before: Vote) -> tuple[Vote, ...]:
    return tally(before, reactions, (ROSA, SAM), LATER)


def test_a_reaction_is_first_seen_now() -> None:
    assert (Vote(ROSA, True, LATER),) == votes({"+1": (ROSA,)})


def test_a_reaction_that_stands_keeps_the_time_it_was_first_seen() -> None:
    before = Vote(ROSA, True, START)
    assert (before,) == votes({"white_check_mark": (ROSA,)}, before)


def test_a_reaction_that_was_taken_back_is_gone() -> None:
    assert () == votes({}, Vote(ROSA, True, START))


def test_a_typed_vote_stands_without_a_reaction() -> None:
    typed = Vote(SAM, False, START, "sam@host")
    assert (typed,) == votes({}, typed)


def test_a_typed_vote_of_a_former_approver_is_gone() -> None:
    assert () == votes({}, Vote(TIM, True, START, "tim@host"))


def test_votes_are_in_the_order_in_which_they_were_first_seen() -> None:
    """However they were cast: the summary keeps them in this order."""
    seen, typed = Vote(ROSA, True, START), Vote(SAM, False, LATER, "sam@host")
    assert (seen, typed) == votes({"+1": (ROSA,)}, seen, typed)


def test_several_yes_of_one_person_are_one_vote() -> None:
    assert 1 == len(votes({"+1": (ROSA,), "+1::skin-tone-3": (ROSA,), "white_check_mark": (ROSA,)}))


def test_what_is_typed_replaces_what_was_typed_before() -> None:
    no, yes = Vote(ROSA, False, START, "rosa@host"), Vote(ROSA, True, LATER, "rosa@host")
    seen = Vote(ROSA, True, START)
    assert (seen, yes) == with_typed((seen, no), yes)


@pytest.mark.parametrize(
    ("yes", "no", "quorum", "expected"),
    [
        ((), (), 1, Verdict.WAITING),
        ((ROSA,), (), 1, Verdict.APPROVED),
        ((ROSA,), (), 2, Verdict.WAITING),
        ((ROSA, SAM), (), 2, Verdict.APPROVED),
        ((), (SAM,), 2, Verdict.DENIED),
        ((ROSA,), (SAM,), 1, Verdict.CONTESTED),
        ((ROSA,), (ROSA,), 1, Verdict.CONTESTED),
        ((TIM,), (), 1, Verdict.WAITING),
        ((ROSA,), (TIM,), 1, Verdict.APPROVED),
    ],
)
def test_what_votes_come_to(yes: tuple[str, ...], no: tuple[str, ...], quorum: int, expected: Verdict) -> None:
    cast = [*(Vote(by, True, START) for by in yes), *(Vote(by, False, START) for by in no)]
    assert expected == verdict(cast, (ROSA, SAM), quorum)


NAMES = st.sampled_from(["+1", "-1", "x", "white_check_mark", "+1::skin-tone-2", "-1::skin-tone-6", "eyes", ""])
PEOPLE = st.lists(st.sampled_from([ROSA, SAM, TIM, "U0BOT"]), max_size=4).map(tuple)


@given(st.dictionaries(NAMES, PEOPLE), st.integers(1, 3))
def test_nothing_is_approved_without_enough_voters(reactions: dict[str, tuple[str, ...]], quorum: int) -> None:
    """Whatever stands on the message: enough distinct voters said yes, and none said no."""
    outcome = verdict(tally((), reactions, (ROSA, SAM), START), (ROSA, SAM), quorum)
    yes = {u for name, users in reactions.items() if name.startswith(("+1", "white")) for u in users}
    no = {u for name, users in reactions.items() if name.startswith(("-1", "x")) for u in users}
    approved = len(yes & {ROSA, SAM}) >= quorum and not no & {ROSA, SAM}
    assert approved == (outcome is Verdict.APPROVED)


def test_who_asked_is_no_voter() -> None:
    assert (SAM,) == voters(Policy(approvers=(ROSA, SAM, SAM)), {ROSA})


@pytest.mark.parametrize(
    "other",
    [
        {"text": "please credit twice"},
        {"result": replace(RESULT, amount=Decimal("30.01"))},
        {"result": replace(RESULT, sql=("other",))},
        {"result": replace(RESULT, notebooks=("other",))},
        {"result": replace(RESULT, links=(LinkAmount("psms", RESULT.amount),))},
        {"result": replace(RESULT, traffic=("other",))},
        {"policy": Policy(Limits(request=Decimal(7)), approvers=(ROSA, SAM))},
        {"policy": Policy(approvers=(ROSA,))},
        {"policy": Policy(approvers=(ROSA, SAM), expires=timedelta(hours=1))},
    ],
    ids=["words", "amount", "SQL", "notebook", "product", "traffic", "limit", "approvers", "time"],
)
def test_whatever_changes_makes_another_digest(other: dict[str, Any]) -> None:
    plain: dict[str, Any] = {"text": "please credit", "result": RESULT, "policy": POLICY}
    assert approval_digest(**plain) != approval_digest(**{**plain, **other})


def test_where_the_summary_lies_is_not_part_of_the_digest() -> None:
    moved = replace(RESULT, location="elsewhere")
    assert approval_digest("please", RESULT, POLICY) == approval_digest("please", moved, POLICY)


def test_people_compare_twelve_characters_of_a_digest() -> None:
    assert "0123456789ab" == short("0123456789abcdef")


def test_the_digest_of_the_same_facts_stays_the_same() -> None:
    """A version that computed it in another way would void every question that is open at its start."""
    assert "c4203e46bb9f" == short(approval_digest("please credit", RESULT, POLICY))
