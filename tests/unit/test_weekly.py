"""The weekly digest: when it is due, and what its five lines say."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.past import past_summaries
from creditbot.answer.weekly import AGAIN, digest_name, week_due
from creditbot.insight.past import PastHold, PastLink, PastReason, PastRequest, past_request
from creditbot.insight.weekly import week_of, weekly_digest
from creditbot.model import RequestKey
from creditbot.ports import Stored
from creditbot.slack_time import ts_of
from creditbot.state.codec import NOTICE, WEEKLY, State, request_key, request_of, understand, values_after
from creditbot.state.record import Meta, Vote
from creditbot.state.weekly import Weekly

SETTLE = timedelta(minutes=15)
MONDAY = datetime(2026, 1, 12, 7, 0, tzinfo=UTC)
WEEK = date(2026, 1, 5)
START, END = week_of(WEEK)
REPORT = "https://evidence.example/report/index.html"


def last(status: Any, ago: timedelta = timedelta(0), week: date = WEEK) -> Weekly:
    return Weekly(week, status, "n", MONDAY + timedelta(hours=2) - ago)


@pytest.mark.parametrize(
    ("now", "weekly", "due"),
    [
        (MONDAY, None, True),
        (MONDAY - timedelta(seconds=1), None, False),
        (MONDAY + timedelta(hours=23, minutes=59), None, True),
        (MONDAY + timedelta(days=1), None, False),
        (MONDAY + timedelta(days=3), None, False),
        (MONDAY, Weekly(WEEK - timedelta(days=7), "sent", "n", MONDAY), True),
        (MONDAY, Weekly(WEEK - timedelta(days=7), "sending", "n", MONDAY), True),
        (MONDAY, Weekly(WEEK + timedelta(days=7), "sent", "n", MONDAY), False),
        (MONDAY + timedelta(hours=2), last("sent", AGAIN), False),
        (MONDAY + timedelta(hours=2), last("sending", SETTLE - timedelta(seconds=1)), False),
        (MONDAY + timedelta(hours=2), last("sending", SETTLE), True),
        (MONDAY + timedelta(hours=2), last("refused", AGAIN - timedelta(seconds=1)), False),
        (MONDAY + timedelta(hours=2), last("refused", AGAIN), True),
    ],
    ids=[
        "the first", "Monday, too early", "late on Monday", "a day late", "Thursday, after an outage",
        "last week's sent", "last week's was never seen", "a clock that was wrong", "sent", "not settled", "settled",
        "just refused", "refused an hour ago",
    ],
)  # fmt: skip
def test_a_digest_is_due_once_a_week_on_monday(now: datetime, weekly: Weekly | None, *, due: bool) -> None:
    """About the week before, from Monday to Sunday. What could not be sent within a day is left out."""
    assert (WEEK if due else None) == week_due(State(weekly=weekly), now, SETTLE)


def test_no_digest_is_due_in_shadow() -> None:
    assert week_due(State(Meta(shadow=True)), MONDAY, SETTLE) is None


def test_the_state_keeps_the_digest_apart_from_notices() -> None:
    """A version that knows no digest sends every notice that it finds, and leaves alone what it does not know."""
    state = understand(Stored({}, "1"))
    values = values_after(state, replace(state, weekly=last("sending")))
    assert last("sending") == understand(Stored(values, "2")).weekly
    assert not WEEKLY.startswith(NOTICE)
    assert request_key(WEEKLY) is None
    assert request_of(digest_name(WEEK)) is None


def past(status: str, day: int = 0, **facts: Any) -> PastRequest:
    asked = START + timedelta(days=day, hours=9)
    amount = Decimal("1234.50") if status == "answered" else None
    links = (PastLink(product="verify", credit=amount),) if amount else None
    answered = asked + timedelta(seconds=90) if amount else None
    known: dict[str, Any] = {"computed": amount, "at": asked, "answered": answered, "links": links, **facts}
    return PastRequest(RequestKey("T0", "C0", ts_of(asked)), "", status, amount, **known)


def hold(*votes: bool, twice: str = "") -> PastHold:
    reasons = (PastReason("Why.", "overlap" if twice else "request limit"),)
    given = tuple(Vote("U0OWNER", yes, START) for yes in votes)
    return PastHold("d", "p", None, reasons, given, Decimal(twice) if twice else None)


def test_a_digest_has_five_lines_and_a_link() -> None:
    """Each with what it was in the week before."""
    requests = [
        past("answered", -2), past("given_up", -3, cause="notebook"),
        past("answered"), past("answered", 1, hold=hold(True)), past("denied", 2, hold=hold(False, twice="20.00")),
        past("denied", 2, hold=hold()), past("held", 3, hold=hold()), past("elsewhere", 3, hold=hold()),
        past("given_up", 4, cause="already credited", computed=Decimal("5.00")),
        past("given_up", 5, cause="link"), past("given_up", 5, cause="link"), past("answered", 7),
    ]  # fmt: skip
    again = "The same SQL was credited before (1). Nothing has to be done, unless somebody wants it "
    again += "credited a second time: creditbot retry --again does that."
    links = "A link led to no query (2). Ask people to share Looks and Explores, and give the Looker API user"
    decided = "1 approved, 1 denied, 1 expired, 1 waiting, 1 ended without a decision"
    took = "median 90 s, 95 of 100 within 90 s"
    first, *others = weekly_digest(requests, START, END, REPORT).splitlines()
    assert first == (
        "2026-01-05 to 2026-01-11 (UTC): $2,469.00 credited for 2 requests, 9 asked. "
        "Week before: $1,234.50 credited for 1 request, 2 asked."
    )
    assert others == [
        f"Held for a person: 5 ({decided}). Week before: none.",
        f"Refused or failed: 3. {links} the folders and models that they use. {again} Week before: 1.",
        f"Time to answer: {took}. Week before: {took}.",
        "Traffic asked for again: 2 requests, $25.00 not paid twice. Week before: 0 requests, $0.00 not paid twice.",
        f"Report: {REPORT}",
    ]


def test_a_quiet_week_has_its_lines_too() -> None:
    """It shows that the bot is alive."""
    text = weekly_digest([], START, END, REPORT)
    assert 6 == len(text.splitlines())
    assert "$0.00 credited for 0 requests, 0 asked" in text
    assert "nothing was answered without approvers" in text


def test_many_causes_are_cut_with_a_word_on_the_rest() -> None:
    causes = ("link", "sql", "notebook", "amount", "killed")
    text = weekly_digest([past("given_up", cause=cause) for cause in causes], START, END, REPORT)
    assert "Refused or failed: 5. " in text
    assert "Other reasons (2): see the report. Week before: none." in text


@given(seed=st.integers(0, 10_000), seconds=st.floats(0, 1e8))
def test_no_digest_has_a_figure_that_people_cannot_read(seed: int, seconds: float) -> None:
    """Neither 3e-06 s nor a line more or less, whatever happened."""
    made_up = [past_request(key, None, summary) for key, summary in past_summaries(20, END, days=14, seed=seed)]
    text = weekly_digest([*made_up, past("answered", answered=START + timedelta(seconds=seconds))], START, END, REPORT)
    assert 6 == len(text.splitlines())
    assert not re.search(r"\de[-+]?\d|None|nan", text)
