"""The state machine of a request."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import get_args

import pytest

from creditbot.state.record import MOVES, Claim, Record, Result, Status, move, new_nonce, restarted, was_posted
from tests.support.world import START

LATER = START + timedelta(hours=1)


def test_a_transition_that_the_drawing_has_keeps_the_rest_of_the_record() -> None:
    """A move changes the status, the time and what is named, and nothing else."""
    record = Record("claimed", "n1", START, user="U1", attempts=2)
    moved = move(record, "computed", START, links="abc")
    assert ("computed", "U1", 2, "abc") == (moved.status, moved.user, moved.attempts, moved.links)


def test_every_write_has_a_nonce_of_its_own() -> None:
    """Two moves to the same state at the same time are never equal."""
    record = Record("computed", "n1", START)
    assert move(record, "posting", START) != move(record, "posting", START)


def test_a_nonce_is_short() -> None:
    """Every record and every notice carries one, and the state has a budget."""
    assert re.fullmatch("[0-9a-f]{12}", new_nonce())


@pytest.mark.parametrize("source", MOVES)
def test_moves_that_the_drawing_lacks_are_refused(source: Status | None) -> None:
    """No code path can take a request where the drawing has no arrow."""
    record = None if source is None else Record(source, "n", START)
    for target in set(get_args(Status)) - MOVES[source]:
        with pytest.raises(ValueError, match="does not go from"):
            move(record, target, START)


def test_what_starts_anew_keeps_nothing_of_what_came_of_it_before() -> None:
    """Neither its attempts nor its result, nor who once overrode a refusal; but that replies of it may be there."""
    dead = Record(
        "given_up", "n", START, START, "1.1", "U1", "links", "2.2", 3, 4, START, Claim("pod", START),
        Result(Decimal("1.00")), 2, "3.3", "x", checked=1, saved=True, overridden_by="dana",
    )  # fmt: skip
    anew = restarted(dead, LATER)
    assert anew == Record(
        "restarted", anew.nonce, LATER, None, "1.1", "U1", "links", "2.2", posts=2, reply="3.3", claim=None, result=None
    )
    asked = restarted(dead, START, overridden_by="eve", retried=LATER)
    assert ("restarted", "eve", LATER) == (asked.status, asked.overridden_by, asked.retried)


@pytest.mark.parametrize(
    ("before", "status", "posts", "posted"),
    [
        (None, "answered", 1, True), (None, "answered", 0, False), (0, "answered", 1, True), (1, "answered", 2, True),
        (1, "answered", 1, False), (0, "posting", 1, False), (0, "elsewhere", 1, False),
    ],
)  # fmt: skip
def test_a_reply_was_posted_where_an_answer_took_another_post(
    before: int | None, status: Status, posts: int, posted: bool
) -> None:
    """One that was found in the thread took none."""
    earlier = None if before is None else Record("computed", "n1", START, posts=before)
    assert posted == was_posted(earlier, Record(status, "n2", START, posts=posts))
    assert not was_posted(earlier, None)


def test_nothing_leaves_posting_to_be_worked_on_again() -> None:
    """From posting no path leads to a second computation: the reply that may exist is of the first."""
    assert MOVES["posting"].isdisjoint({"claimed", "restarted", "failed", "skipped"})


def test_an_answered_request_stays_answered() -> None:
    """No transition makes an answered request one that could be answered again."""
    assert {"answered"} == MOVES["answered"]
    assert {"elsewhere"} == MOVES["elsewhere"]
