"""The rows of a backtest as they are kept, and the figures that they come to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.insight.backtest import BacktestLink, BacktestRow, Outcome, in_order, row_from_json, row_to_json
from creditbot.insight.backtest_figures import Closeness, backtest_figures, closeness, disagrees, wilson
from creditbot.insight.peoples_answers import PeoplesAnswer
from creditbot.machine import exact_json
from creditbot.model import HoldKind, HoldReason, RequestKey
from creditbot.slack_time import ts_of
from tests.support.sampling import costly

START = datetime(2026, 1, 8, 12, 0, tzinfo=UTC)
HELD = HoldReason(HoldKind.REQUEST_LIMIT, "It is too much.", "limit", Decimal("1.50"))


def row(ours: str = "", theirs: str = "", number: int = 0, **facts: Any) -> BacktestRow:
    """A row with these amounts, answered an hour after it was asked. Without our amount its link led to no query."""
    asked = START + timedelta(days=number)
    answer = PeoplesAnswer("U0LEE", asked + timedelta(hours=1), Decimal(theirs) if theirs else None)
    amount = Decimal(ours) if ours else None
    outcome = Outcome.COMPUTED if ours else Outcome.LINK
    key = RequestKey("T0", "C0", ts_of(asked))
    seconds = 2.0 if ours else None
    return replace(BacktestRow(key, "https://x", "U1", answer, outcome, amount=amount, seconds=seconds), **facts)


def refused(ours: str = "", **facts: Any) -> BacktestRow:
    plain = row(ours, **facts)
    return replace(plain, answer=replace(plain.answer, refused=True))


# -- rows as they are kept ---------------------------------------------------------------------------------------------


money = st.decimals("0.01", "999999.99", places=2)
texts = st.text(max_size=20)
answers = st.builds(
    PeoplesAnswer, texts, st.just(START), st.none() | money, refused=st.booleans(), corrected=st.booleans()
)
reasons = st.builds(HoldReason, st.sampled_from(HoldKind), texts, texts, st.none() | money)
links = st.builds(
    BacktestLink, texts, texts, st.none() | money, st.none() | money, st.none() | st.decimals(0, 1, places=3),
    st.none() | st.just((date(2025, 12, 1), date(2025, 12, 31))), st.lists(texts).map(tuple),
)  # fmt: skip
rows = st.builds(
    row, st.just("5.00"), held=st.lists(reasons).map(tuple), links=st.lists(links).map(tuple), answer=answers,
    page=texts, made_from=texts, sql=st.lists(texts).map(tuple), problem=texts,
)  # fmt: skip


@given(rows)
def test_a_row_comes_back_as_it_was_kept(kept: BacktestRow) -> None:
    """Amounts to the digit."""
    document = exact_json.read(exact_json.write(row_to_json(kept)))
    assert isinstance(document, dict)
    assert kept == row_from_json(document)


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | texts | money,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
)


@costly(4)
@given(st.dictionaries(st.sampled_from(sorted(row_to_json(row("5.00")))), junk))
def test_a_row_that_somebody_edited_is_no_error(changes: Mapping[str, Any]) -> None:
    """It may count as a row that is not there."""
    found = row_from_json({**row_to_json(row("5.00")), **changes})
    assert found is None or isinstance(found, BacktestRow)


@pytest.mark.parametrize(
    "changes",
    [{"version": 0}, {"key": "T0.C0.x"}, {"outcome": "unheard of"}, {"answer": {}}, {"amount": None}, {"amount": "5"}],
)
def test_a_row_of_another_version_is_not_there(changes: Mapping[str, Any]) -> None:
    """Nor one that contradicts itself: it is computed again."""
    assert row_from_json({**row_to_json(row("5.00")), **changes}) is None


def test_every_outcome_has_words() -> None:
    assert all(outcome.words for outcome in Outcome)


# -- figures -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (5, 10, 0.2366, 0.7634), (95, 100, 0.8882, 0.9785), (0, 0, 0.0, 1.0)],
)
def test_the_interval_is_that_of_wilson(count: int, of: int, low: float, high: float) -> None:
    """Figures as statistical packages give them."""
    assert pytest.approx((low, high), abs=1e-4) == wilson(count, of)


@given(st.integers(1, 5000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_the_interval_contains_the_share(pair: tuple[int, int]) -> None:
    """And solves Wilson's equation: the distance to each end is 1.96 standard errors of that end."""
    count, of = pair
    low, high = wilson(count, of)
    assert 0 <= low <= count / of <= high <= 1
    for end in (low, high):
        if 1e-9 < end < 1 - 1e-9:
            assert pytest.approx(1.959964**2 * end * (1 - end) / of, rel=1e-4) == (count / of - end) ** 2


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ("100.00", "100.00", Closeness.EXACT),
        ("100.01", "100.00", Closeness.CENT),
        ("99.00", "100.00", Closeness.PERCENT),
        ("98.99", "100.00", Closeness.OTHER),
        ("0.00", "0.02", Closeness.OTHER),
    ],
)
def test_amounts_are_told_apart_by_their_distance(ours: str, theirs: str, expected: Closeness) -> None:
    assert expected is closeness(Decimal(ours), Decimal(theirs))


@given(money, money)
def test_closeness_does_not_depend_on_the_sign_of_the_distance(ours: Decimal, theirs: Decimal) -> None:
    assert closeness(ours, theirs) is closeness(2 * theirs - ours, theirs)


def test_signed_and_absolute_differences_are_of_amounts_on_both_sides() -> None:
    found = backtest_figures([row("10.00", "9.00"), row("5.00", "7.50", 1), row("1.00", "", 2), row("", "3.00", 3)])
    differences = found.differences
    assert (2, Decimal("16.50")) == (differences.compared, differences.theirs)
    assert (Decimal("-1.50"), Decimal("3.50")) == (differences.signed, differences.absolute)
    assert Decimal("2.50") == differences.largest


def test_what_has_no_amount_is_counted_by_its_kind() -> None:
    repeated = row("5.00", "5.00", 4, outcome=Outcome.ALREADY_CREDITED)
    found = backtest_figures([row("1.00", "1.00"), row(number=1), row(number=2), repeated])
    assert (1, 4) == (found.answerable.count, found.answerable.of)
    assert [(Outcome.LINK, 2), (Outcome.ALREADY_CREDITED, 1)] == list(found.why_not)


def test_what_people_did_with_held_amounts_is_counted() -> None:
    corrected = row("5.00", "4.00", 2, held=(HELD,))
    corrected = replace(corrected, answer=replace(corrected.answer, corrected=True))
    same, no = row("1.00", "1.00", 0, held=(HELD,)), refused("2.00", number=1, held=(HELD, HELD))
    found = backtest_figures([same, no, corrected, row("3.00", "3.00", 3)])
    assert (3, 4) == (found.would_hold.count, found.would_hold.of)
    assert [(HoldKind.REQUEST_LIMIT, 3)] == list(found.hold_kinds)
    held = found.held
    assert (1, 1, 1, 1, 0) == (held.same, held.other_amount, held.corrected, held.refused, held.unclear)


def test_an_amount_that_people_refused_is_wrong_if_it_is_not_held() -> None:
    found = backtest_figures([refused("2.00"), refused("2.00", number=1, held=(HELD,)), row("1.00", "1.01", 2)])
    assert (1, 2) == (found.wrong.count, found.wrong.of)
    assert (1, 2) == (found.agreed_refusals.count, found.agreed_refusals.of)
    assert [True, False, False] == [disagrees(each) for each in in_order(
        [refused("2.00"), refused("2.00", number=1, held=(HELD,)), row("1.00", "1.01", 2)]
    )]  # fmt: skip


def test_disagreements_come_with_the_largest_first() -> None:
    small, large, none = row("10.00", "9.00"), row("5.00", "900.00", 1), row("1.00", "1.00", 2)
    assert [large, small] == list(backtest_figures([small, large, none]).disagreements)


def test_waiting_is_saved_only_where_nobody_has_to_decide() -> None:
    """An hour, less the two seconds that computing took."""
    found = backtest_figures([row("1.00", "1.00"), row("1.00", "1.00", 1, held=(HELD,)), row("", "1.00", 2)])
    assert 3598 == found.saved
    assert (1, 3) == (found.would_answer.count, found.would_answer.of)


some_rows = st.lists(
    st.builds(
        row, st.sampled_from(["", "5.00", "5.01", "9.99"]), st.sampled_from(["", "5.00", "7.00"]), st.integers(0, 500),
        held=st.sampled_from([(), (HELD,)]),
    )
)  # fmt: skip


@given(some_rows)
def test_every_share_counts_each_request_once(found: list[BacktestRow]) -> None:
    """Nothing is lost between the groups, and an empty backtest has figures as well."""
    figures = backtest_figures(found)
    assert figures.requests == figures.answerable.count + sum(number for _, number in figures.why_not)
    assert figures.answerable.count == figures.would_answer.count + figures.would_hold.count
    assert figures.differences.compared == sum(share.count for share in figures.close.values())
    for verdicts, share in ((figures.answered, figures.would_answer), (figures.held, figures.would_hold)):
        whole = verdicts.same + verdicts.other_amount + verdicts.refused + verdicts.unclear
        assert share.count == whole
    assert abs(figures.differences.signed) <= figures.differences.absolute
