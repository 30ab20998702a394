"""How often second opinions held: each answer is compared with what was said before it was given."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from creditbot.decide.opinion_model import LabelledCredit
from creditbot.decide.policy import OpinionRules
from creditbot.insight.opinion_record import Month, at_least, months
from tests.support.opinions import label, made

RULES = OpinionRules(hold=True)
FITTED = datetime(2025, 3, 1, tzinfo=UTC)
HALF = (math.log(0.5), 1.0, 0.0, 0.0, 0.0)
FIRST = [label(n, f"{500 * math.exp((-1) ** n * n / 100):.2f}") for n in range(41)]
"""Until 10 February 2025: half of the fraud cost, more or less."""
MODEL = made(FIRST, HALF, fitted=FITTED)


def later(day: int, amount: str, **traits: object) -> LabelledCredit:
    """An answer so many days after the model was made."""
    one = label(100 + day, amount)
    return replace(one, at=FITTED + timedelta(days=day), traits=replace(one.traits, **traits))  # type: ignore[arg-type]


def counts(month: Month) -> Sequence[int]:
    outside = month.outside
    within = len(month.in_intervals) - len(outside)
    below, above = sum(one.below for one in outside), sum(one.above for one in outside)
    return [within, below, above, month.by_median, month.not_judged]


def test_answers_are_counted_by_month_and_side() -> None:
    after = [later(1, "500.00"), later(2, "100.00"), later(3, "900.00"), later(40, "510.00")]
    found = months([*FIRST, *after], [MODEL], RULES)
    assert [("2025-03", [1, 1, 1, 0, 0]), ("2025-04", [1, 0, 0, 0, 0])] == [(one.name, counts(one)) for one in found]


def test_answers_from_before_the_first_model_are_not_compared() -> None:
    assert [] == months(FIRST, [MODEL], RULES)
    assert [] == months([later(1, "500.00")], [], RULES)


def test_an_answer_is_compared_with_the_newest_model_before_it() -> None:
    all_of_it = (0.0, *HALF[1:])
    labels = [label(n, f"{1000 * math.exp(n / 1000):.2f}") for n in range(41)]
    newer = made(labels, all_of_it, fitted=FITTED + timedelta(days=5))
    (month,) = months([later(4, "500.00"), later(6, "500.00"), later(7, "1000.00")], [newer, MODEL], RULES)
    assert [False, True, False] == [one.below for one in month.judged]


def test_what_median_and_mad_judged_or_nothing_did_is_counted_apart() -> None:
    after = [later(1, "100.00", block_rate=None), later(2, "500.00", product="psms")]
    (month,) = months(after, [MODEL], RULES)
    assert [0, 0, 0, 1, 1] == counts(month)
    assert not month.drifts


@pytest.mark.parametrize(
    ("outside", "of", "drifts"), [(1, 10, False), (3, 10, False), (4, 10, True), (3, 41, False), (7, 41, True)]
)
def test_a_month_drifts_if_chance_hardly_explains_it(outside: int, of: int, drifts: bool) -> None:
    """With 95 %: 3 of 10 outside, or more, happen in 1.2 % of months; 4 of 10 in 0.1 %."""
    after = [later(1, "100.00" if n < outside else "500.00") for n in range(of)]
    (month,) = months([replace(one, key=str(n)) for n, one in enumerate(after)], [MODEL], RULES)
    assert drifts == month.drifts
    assert month.expected == pytest.approx(of * 0.05)


@pytest.mark.parametrize(
    ("count", "of", "share", "expected"),
    [(0, 5, 0.1, 1.0), (1, 1, 0.05, 0.05), (2, 3, 0.5, 0.5), (3, 10, 0.05, 0.0115)],
)
def test_a_binomial_tail_is_that_of_the_textbook(count: int, of: int, share: float, expected: float) -> None:
    assert expected == pytest.approx(at_least(count, of, share), abs=1e-4)


def test_people_with_the_same_habits_rarely_look_like_drift() -> None:
    """1 of 100 months at most, as `CHANCE` says; counted over 1,000 months of 20 answers each."""
    random = Random(1)
    drifting = 0
    for _ in range(1000):
        outside = sum(random.random() < 0.05 for _ in range(20))
        drifting += at_least(outside, 20, 0.05) < 0.01
    assert drifting <= 10
