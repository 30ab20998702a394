"""The figures of a report: functions of what is known of past requests."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.past import past_summaries
from creditbot.insight.credit_lines import NOT_KNOWN, credit_lines, total
from creditbot.insight.figures import Figures, Times, automation_rate, figures, times
from creditbot.insight.past import PastHold, PastLink, PastReason, PastRequest, past_request
from creditbot.model import RequestKey
from creditbot.slack_time import ts_of
from creditbot.state.record import Vote

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)


def past(status: str, day: int = 8, amount: str = "", **facts: Any) -> PastRequest:
    """A request of a day of January; one that we answered, a minute after it was asked."""
    asked = datetime(2026, 1, day, 12, 0, tzinfo=UTC)
    usd = Decimal(amount) if amount else None
    answered = asked + timedelta(minutes=1) if status == "answered" else None
    links = (PastLink(product="verify", credit=usd, accounts=("AC1",)),) if usd else None
    known: dict[str, Any] = {"computed": usd, "at": asked, "answered": answered, "links": links, **facts}
    key = RequestKey("T0", "C0", ts_of(asked))
    return PastRequest(key, "https://x.example", status, usd if status == "answered" else None, **known)


def of(*requests: PastRequest) -> Figures:
    return figures(requests, START, END)


def test_the_automation_rate_counts_answers_in_full() -> None:
    """Among all that wanted an answer; what was withdrawn or is under way does not count.

    It says how many of them approvers decided on.
    """
    requests = [
        past("answered", amount="1.00"), past("answered", amount="1.00", skipped=1), past("elsewhere"),
        past("given_up"), past("withdrawn"), past("held"),
        past("answered", amount="1.00", hold=PastHold("d", "p", None)),
    ]  # fmt: skip
    rate = automation_rate(requests)
    assert (2, 1, 5, 0.4) == (rate.in_full, rate.approved, rate.ended, rate.share)
    assert automation_rate([past("held")]).share is None


@pytest.mark.parametrize(
    ("seconds", "median", "p95"),
    [([], None, None), ([7.0], 7.0, 7.0), ([4.0, 1.0], 1.0, 4.0), ([float(n) for n in range(1, 101)], 50.0, 95.0)],
)
def test_times_are_some_that_were_measured(seconds: list[float], median: float | None, p95: float | None) -> None:
    """By nearest rank, in any order."""
    assert Times(len(seconds), median, p95) == times(seconds)


def test_a_credit_counts_when_it_was_given() -> None:
    """A request of the old year that was answered in the new one is a credit of the new one."""
    late = replace(past("answered", amount="5.00"), key=RequestKey("T0", "C0", ts_of(START - timedelta(days=2))))
    shown = of(late)
    assert (0, Decimal("5.00")) == (len(shown.asked), shown.credited)
    assert ["2026-01"] == [line.month for line in shown.lines]


def test_sums_by_account_are_ranked_and_tie_to_the_total() -> None:
    """An unknown account is a name of its own, and several accounts are not split."""
    two = PastLink(product="verify", credit=Decimal("7.00"), accounts=("AC1", "AC2"))
    shown = of(
        past("answered", amount="5.00"),
        past("answered", amount="2.00", links=None),
        past("answered", amount="7.00", links=(two,)),
    )
    assert [("AC1, AC2", 1, "7.00"), ("AC1", 1, "5.00"), (NOT_KNOWN, 1, "2.00")] == [
        (one.name, one.credits, str(one.amount)) for one in shown.by(lambda line: line.accounts)
    ]
    assert Decimal("14.00") == shown.credited


def test_many_accounts_are_named_in_short() -> None:
    link = PastLink(credit=Decimal("1.00"), accounts=("A", "B", "C", "D", "E"))
    (line,) = credit_lines([past("answered", amount="1.00", links=(link,))])
    assert ("A, B, C and 2 more", "A, B, C, D, E") == (line.accounts_in_short, line.accounts)
    assert (NOT_KNOWN, NOT_KNOWN) == (line.product, line.days)


def test_the_time_to_answer_is_apart_for_what_approvers_decided() -> None:
    """Their time says nothing about the bot, and a person's answers are counted for themselves."""
    hold = PastHold("d", "p", None)
    by_person = past("elsewhere", answered=datetime(2026, 1, 8, 13, 0, tzinfo=UTC))
    shown = of(past("answered", amount="1.00"), past("answered", amount="1.00", hold=hold), by_person)
    assert (1, 60.0) == (shown.to_answer.count, shown.to_answer.median)
    assert 1 == shown.to_answer_held.count
    assert 3600.0 == shown.by_people.median


def test_failures_are_grouped_by_cause_the_most_frequent_first() -> None:
    shown = of(
        past("given_up", 1, cause="link"), past("given_up", 2, cause="sql", computed=Decimal("3.00")),
        past("given_up", 3, cause="sql"), past("given_up", 4),
    )  # fmt: skip
    assert [("sql", 2, "3.00"), (None, 1, "0.00"), ("link", 1, "0.00")] == [
        (failed.kind, len(failed.requests), str(failed.computed)) for failed in shown.failed
    ]
    assert shown.failed[0].requests[0].asked > shown.failed[0].requests[1].asked


def test_what_is_not_paid_twice_is_known_or_not_counted() -> None:
    """A refused repeat counts in full, a denied overlap with what is shared, and an approved one is told apart."""

    def hold(twice: str | None) -> PastHold:
        usd = Decimal(twice) if twice else None
        no = Vote("U0OWNER", yes=False, seen=START)
        return PastHold("d", "p", None, (PastReason("It overlaps.", "overlap", usd),), (no,))

    shown = of(
        past("given_up", cause="already credited", computed=Decimal("10.00")),
        past("denied", hold=hold("2.50"), computed=Decimal("9.00")),
        past("denied", hold=hold(None), computed=Decimal("4.00")),
        past("answered", amount="8.00", hold=hold("1.25")),
    )
    twice = shown.twice
    assert (3, 1, "12.50", "1.25", 1) == (
        twice.overlaps, twice.repeats, str(twice.not_paid), str(twice.approved), twice.unknown,
    )  # fmt: skip


def test_traffic_that_several_others_share_counts_once() -> None:
    """The approvers were told the sum. Of an earlier version only the shares are known, of which the largest counts."""
    reasons = tuple(PastReason("It overlaps.", "overlap", Decimal(share)) for share in ("2.50", "4.00"))
    told = past("denied", hold=PastHold("d", "p", None, reasons, twice=Decimal("5.00")))
    untold = past("denied", hold=PastHold("d", "p", None, reasons))
    assert ("5.00", "4.00") == (str(of(told).twice.not_paid), str(of(untold).twice.not_paid))


def test_what_waits_is_listed_whenever_it_was_asked() -> None:
    old = replace(past("held"), key=RequestKey("T0", "C0", ts_of(START - timedelta(days=90))))
    assert [old] == list(of(old, past("answered", amount="1.00"), past("unknown")).waiting)


def test_a_short_time_is_shown_by_weeks_and_a_long_one_by_months() -> None:
    """No week or month between is left out, and each counts what was asked in it."""
    weeks = figures([past("answered", 8, "1.00"), past("given_up", 20)], START, START + timedelta(days=27)).periods
    assert [(date(2026, 1, 5), "5 Jan", 1), (date(2026, 1, 12), "12 Jan", 0), (date(2026, 1, 19), "19 Jan", 1)] == [
        (week.start, week.label, sum(week.outcomes.values())) for week in weeks[:3]
    ]
    months = figures([past("answered", 8, "1.00")], START, datetime(2026, 7, 1, tzinfo=UTC)).periods
    assert ["Jan 26", "Feb 26", "Mar 26", "Apr 26", "May 26", "Jun 26"] == [month.label for month in months]
    assert {"verify": Decimal("1.00")} == months[0].credited
    assert () == of().periods


@given(seed=st.integers(0, 10_000), count=st.integers(0, 20))
def test_every_sum_of_a_report_ties_to_the_total(seed: int, count: int) -> None:
    """By product, by account, by month, by period and by request: nothing is lost, and nothing is counted twice."""
    requests = [past_request(key, None, summary) for key, summary in past_summaries(count, END, days=200, seed=seed)]
    shown = figures(requests, START, END)
    names = (lambda line: line.product, lambda line: line.accounts, lambda line: line.month)
    sums = [sum((one.amount for one in shown.by(name)), Decimal(0)) for name in names]
    by_period = sum((sum(period.credited.values(), Decimal(0)) for period in shown.periods), Decimal(0))
    by_request = sum((r.amount or Decimal(0) for r in shown.largest), Decimal(0))
    assert {shown.credited} == {*sums, by_period, by_request, total(shown.lines)}
    assert len(shown.asked) == sum(shown.outcomes.values())
    assert len(shown.asked) == sum(sum(period.outcomes.values()) for period in shown.periods)
