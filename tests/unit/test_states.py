"""The state machine of a request."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import get_args

import pytest

from creditbot.state.record import MOVES, Claim, Record, Result, Status, move, new_nonce, restarted, was_posted
from tests.support.world_facts import START

LATER = START + timedelta(hours=1)


def test_a_move_keeps_what_it_does_not_name() -> None:
    record = Record("claimed", "n1", START, user="U1", attempts=2)
    moved = move(record, "computed", START, links="abc")
    assert moved.status == "computed"
    assert moved.user == "U1"
    assert moved.attempts == 2
    assert moved.links == "abc"


def test_two_equal_moves_differ_in_their_nonce() -> None:
    """So that a process knows its own write."""
    record = Record("computed", "n1", START)
    assert move(record, "posting", START) != move(record, "posting", START)


def test_a_nonce_is_short() -> None:
    """Every record and every notice carries one, and the state has a budget."""
    assert re.fullmatch("[0-9a-f]{12}", new_nonce())


@pytest.mark.parametrize("source", MOVES)
def test_a_move_that_is_not_allowed_is_refused(source: Status | None) -> None:
    """No code path can take a request where the drawing has no arrow."""
    record = None if source is None else Record(source, "n", START)
    for target in set(get_args(Status)) - MOVES[source]:
        with pytest.raises(ValueError, match="cannot move from"):
            move(record, target, START)


GIVEN_UP = Record(
    "given_up", "n", START, began=START, thread="1.1", user="U1", links="links", edited="2.2", attempts=3, returned=4,
    due=START, claim=Claim("pod", START), result=Result(Decimal("1.00")), posts=2, reply="3.3", reason="x", checked=1,
    saved=True, overridden_by="dana",
)  # fmt: skip


def test_a_restarted_request_keeps_only_that_replies_may_be_there() -> None:
    """Neither its attempts nor its result, nor who once overrode a refusal."""
    again = restarted(GIVEN_UP, LATER)
    assert again == Record(
        "restarted", again.nonce, LATER, thread="1.1", user="U1", links="links", edited="2.2", posts=2, reply="3.3"
    )


def test_a_restarted_request_keeps_who_asked_for_that_and_when() -> None:
    asked = restarted(GIVEN_UP, START, overridden_by="eve", retried=LATER)
    assert asked.status == "restarted"
    assert asked.overridden_by == "eve"
    assert asked.retried == LATER


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
    assert was_posted(earlier, Record(status, "n2", START, posts=posts)) == posted


def test_no_reply_was_posted_where_another_process_has_the_request() -> None:
    assert not was_posted(Record("computed", "n1", START), None)
    assert not was_posted(None, None)


def test_nothing_leads_from_posting_to_a_second_computation() -> None:
    """The reply that may exist is that of the first."""
    assert MOVES["posting"].isdisjoint({"claimed", "restarted", "failed", "skipped"})


def test_an_answered_request_stays_answered() -> None:
    """Whoever answered it; only `creditbot retry` starts one again whose answer by others is gone."""
    assert MOVES["answered"] == {"answered"}
    assert MOVES["elsewhere"] == {"elsewhere", "restarted"}
