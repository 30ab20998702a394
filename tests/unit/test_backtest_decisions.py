"""What would have become of the amounts of a backtest, against what people had credited before."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.credit.footprint import Footprint
from creditbot.credit.footprint_text import footprint_to_json
from creditbot.decide.policy import Limits, Policy
from creditbot.insight.backtest import BacktestLink, BacktestRow, Outcome, row_from_json, row_to_json
from creditbot.insight.backtest_decisions import decided, taken_back
from creditbot.insight.peoples_answers import PeoplesAnswer
from creditbot.model import HoldKind, RequestKey
from creditbot.slack_time import ts_of
from tests.support.footprints import NO_UNITS, NOBODYS, OURS, accounts, units

START = datetime(2026, 1, 8, 12, 0, tzinfo=UTC)
MONTH = timedelta(days=35)
THEIRS = replace(OURS, accounts=accounts("AC2"), units=units(account="AC2"))


def row(day: int = 0, footprint: Footprint = OURS, sql: str = "", usd: str = "100.00", **answer: Any) -> BacktestRow:
    """A request of that day for this traffic, which people answered with the amount that we compute."""
    asked = START + timedelta(days=day)
    said = {"amount": Decimal(usd), **answer}
    link = BacktestLink("https://x", footprint.product, Decimal(usd), kept=footprint_to_json(footprint))
    return BacktestRow(
        RequestKey("T0", "C0", ts_of(asked)), f"https://slack/{day}", "U1",
        PeoplesAnswer("U0LEE", asked + timedelta(hours=3), **said), Outcome.COMPUTED, amount=Decimal(usd),
        sql=(sql or f"2-{day}",), links=(link,),
    )  # fmt: skip


def kinds(*rows: BacktestRow, policy: Policy = Policy()) -> list[list[HoldKind]]:  # noqa: B008  # frozen
    return [[reason.kind for reason in each.held] for each in decided(rows, lambda _: policy, MONTH)]


def test_traffic_that_people_credited_before_is_held() -> None:
    """The first request is not: what comes later cannot hold it."""
    first, second = decided([row(3), row(0)], lambda _: Policy(), MONTH)
    assert () == first.held
    (reason,) = second.held
    assert (HoldKind.OVERLAP, Decimal("100.00")) == (reason.kind, reason.twice)
    assert "https://slack/0 also credits the same flagged rows" in reason.text


def test_other_traffic_is_not_held() -> None:
    assert [[], []] == kinds(row(0), row(3, THEIRS))


def test_traffic_that_people_refused_may_be_credited_later() -> None:
    refused = row(0, refused=True, amount=None)
    assert [[], []] == kinds(refused, row(3))


def test_an_answer_without_one_amount_credits_its_traffic() -> None:
    assert [[], [HoldKind.OVERLAP]] == kinds(row(0, amount=None), row(3))


@pytest.mark.parametrize(("days", "outcome"), [(35, Outcome.ALREADY_CREDITED), (36, Outcome.COMPUTED)])
def test_the_same_sql_is_refused_within_duplicate_days(days: int, outcome: Outcome) -> None:
    """After that it is a credit of the same traffic."""
    _, again = decided([row(0, sql="2-a"), row(days, sql="2-a")], lambda _: Policy(), MONTH)
    assert outcome is again.outcome
    assert (outcome is Outcome.COMPUTED) is bool(again.held)
    assert ("https://slack/0" in again.problem) is (outcome is Outcome.ALREADY_CREDITED)


def test_the_policy_of_now_decides() -> None:
    policy = Policy(limits=Limits(request=Decimal(50)))
    assert [[HoldKind.REQUEST_LIMIT]] == kinds(row(0), policy=policy)
    assert [[HoldKind.ACCOUNTS]] == kinds(row(0, NOBODYS))


def test_limits_count_what_people_credited() -> None:
    """For a day and for an account's month; their amounts count, not ours."""
    same_day = [row(0, amount=Decimal(900)), replace(row(0, THEIRS), key=RequestKey("T0", "C0", "1767880800.000000"))]
    assert [[], [HoldKind.DAY_LIMIT]] == kinds(*same_day, policy=Policy(limits=Limits(day=Decimal(900))))
    month = Policy(limits=Limits(account_month=Decimal(900)))
    other_days = replace(OURS, units=units(first=7, last=9))
    assert [[], [HoldKind.MONTH_LIMIT]] == kinds(row(0, amount=Decimal(850)), row(3, other_days), policy=month)


def test_rows_without_an_amount_stay_as_they_are() -> None:
    failed = replace(row(0), amount=None, outcome=Outcome.LINK, problem="It led nowhere.", links=())
    assert [failed] == decided([failed], lambda _: Policy(), MONTH)


def test_a_row_that_takes_itself_back_stays_held() -> None:
    assert [[HoldKind.WORDS]] == kinds(replace(row(0), held=(taken_back(),)))


footprints = st.sampled_from([OURS, THEIRS, NO_UNITS, NOBODYS, replace(OURS, units=units(last=2))])
histories = st.lists(
    st.builds(row, st.integers(0, 60), footprints, st.sampled_from(["2-a", "2-b", "2-c"]), refused=st.booleans()),
    max_size=8, unique_by=lambda each: each.key,
)  # fmt: skip


@given(histories)
def test_deciding_again_changes_nothing(rows: list[BacktestRow]) -> None:
    """Also after the rows were kept and read again: so a later run may start from them."""
    once = decided(rows, lambda _: Policy(), MONTH)
    read = [kept for kept in (row_from_json(row_to_json(each)) for each in once) if kept]
    assert once == decided(read, lambda _: Policy(), MONTH)


@given(histories)
def test_the_first_of_any_history_is_held_by_nothing_before_it(rows: list[BacktestRow]) -> None:
    for first in decided(rows, lambda _: Policy(), MONTH)[:1]:
        assert first.outcome is Outcome.COMPUTED
        assert not any(reason.kind is HoldKind.OVERLAP for reason in first.held)
