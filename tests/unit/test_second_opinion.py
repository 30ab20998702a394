"""What a second opinion says of an amount: an interval of what people usually credit, or a share of the fraud cost."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.credit.footprint import Unknown
from creditbot.credit.traits import Traits
from creditbot.decide.opinion_model import LabelledCredit, OpinionModel, traits_as_numbers
from creditbot.decide.policy import OpinionRules
from creditbot.decide.second_opinion import (
    Opinion,
    interval,
    opinion_in_words,
    opinion_on,
)
from tests.support.opinions import label, made, shares

ON = OpinionRules(hold=True)
ASKED = Traits("verify", Decimal("1000.00"), 0.5, 10, 4)
HALF = (math.log(0.5), 1.0, 0.0, 0.0, 0.0)
"""A line by which people credit half of the fraud cost."""


def opinion(model: OpinionModel, traits: Traits = ASKED, rules: OpinionRules = ON) -> Opinion:
    given_ = opinion_on(traits, model, rules, address="https://slack/{}".format)
    assert isinstance(given_, Opinion)
    return given_


def around(count: int, cost: str = "1000.00") -> list[LabelledCredit]:
    """So many answers that are 0 %, 1 %, 2 %, ... more or less than half of the fraud cost, by turns."""
    half = float(cost) / 2
    return [label(n, f"{half * math.exp((-1) ** n * n / 100):.2f}", cost) for n in range(count)]


class TestInterval:
    def test_an_end_is_the_rank_that_cv_plus_says(self) -> None:
        """With 41 answers and 95 %, the second largest distance: floor(0.05 * 42) = 2."""
        found = opinion(made(around(41), HALF, HALF))
        assert (41, 95) == (found.answers, found.percent)
        assert (500 * math.exp(-0.39), 500 * math.exp(0.39)) == pytest.approx(
            (float(found.low), float(found.high)), abs=0.02
        )

    def test_an_answer_moves_with_the_line_of_its_own_fold(self) -> None:
        """mu_k(i)(x) is not the mean line: each distance goes around what its own fold expects of the new request."""
        steep = (math.log(0.5) - math.log(1000), 2.0, 0.0, 0.0, 0.0)  # agrees with HALF at $1,000.00 only
        model = made(around(40), HALF, steep)
        numbers = traits_as_numbers(replace(ASKED, fraud_cost=Decimal(2000)), model.products)
        assert numbers
        lows = sorted(
            (math.log(1000) if answer.fold == 0 else math.log(2000)) - abs(answer.residual) for answer in model.judged
        )
        assert interval(model, numbers, 90)[0] == pytest.approx(lows[4 - 1])  # floor(0.1 * 41) = 4

    def test_the_ends_are_amounts_that_still_count_as_usual(self) -> None:
        found = opinion(made(around(41), HALF))
        cent = Decimal("0.01")
        amounts = (found.low - cent, found.low, found.high, found.high + cent)
        assert [True, False, False, True] == [found.is_outside(amount) for amount in amounts]

    def test_a_higher_share_of_answers_makes_it_wider(self) -> None:
        model = made(around(250), HALF)
        lows = [opinion(model, rules=OpinionRules(hold=True, percent=percent)).low for percent in (80, 90, 95, 99)]
        assert lows == sorted(lows, reverse=True)
        assert 4 == len(set(lows))

    @given(st.randoms(use_true_random=False), st.integers(80, 99))
    def test_the_middle_of_equal_folds_always_lies_within(self, random: Random, percent: int) -> None:
        count = OpinionRules(percent=percent).least + random.randrange(3)
        line = tuple(random.uniform(-1, 1) for _ in range(5))
        model = made([label(n, f"{1000 * math.exp(random.uniform(-2, 2)):.2f}") for n in range(count)], line)
        numbers = traits_as_numbers(ASKED, model.products)
        assert numbers
        low, high = interval(model, numbers, percent)
        assert low <= line[0] + math.fsum(c * x for c, x in zip(line[1:], numbers, strict=True)) <= high


class TestTooFew:
    @pytest.mark.parametrize(("percent", "least"), [(80, 11), (90, 21), (95, 41), (99, 201)])
    def test_it_takes_twice_the_answers_that_the_formula_needs(self, percent: int, least: int) -> None:
        assert least == OpinionRules(percent=percent).least

    @pytest.mark.parametrize(("count", "percent"), [(40, None), (41, 95)])
    def test_below_41_answers_median_and_mad_stand_in(self, count: int, percent: int | None) -> None:
        assert percent == opinion(made(around(count), HALF)).percent

    def test_the_limits_are_median_and_mad_of_the_share(self) -> None:
        """50 % to 60 %: the median is 55 %, the MAD 3 %, and 3.5 * 1.4826 * 3 % is 15.57 %."""
        found = opinion(made(shares(11)))
        assert (Decimal("394.32"), Decimal("705.68"), 11, None) == (
            found.low, found.high, found.answers, found.percent,
        )  # fmt: skip

    def test_people_who_always_credit_one_share_may_differ_by_a_rounding(self) -> None:
        found = opinion(made([label(n, "500.00") for n in range(12)]))
        assert (Decimal("464.99"), Decimal("535.01")) == (found.low, found.high)

    def test_no_limit_is_below_zero(self) -> None:
        amounts = ["1.00"] * 5 + ["500.00"] * 5 + ["999.00"]
        assert Decimal(0) == opinion(made([label(n, amount) for n, amount in enumerate(amounts)])).low

    @pytest.mark.parametrize("count", [0, 9])
    def test_below_10_answers_for_the_product_nothing_is_said(self, count: int) -> None:
        model = made([*shares(count), *shares(30, product="psms")])
        assert opinion_on(ASKED, model, ON) == Unknown(
            f"people have answered {count} requests for verify, and it takes 10"
        )

    def test_without_a_fraud_cost_nothing_is_said(self) -> None:
        assert opinion_on(None, made(around(50), HALF), ON) == Unknown("the fraud cost of this traffic is not known")

    @pytest.mark.parametrize(
        "unknown", [replace(ASKED, block_rate=None), replace(ASKED, days=None), replace(ASKED, prefixes=0)]
    )
    def test_a_trait_that_is_not_known_leaves_median_and_mad(self, unknown: Traits) -> None:
        assert opinion(made(around(50), HALF), unknown).percent is None


class TestMostAlike:
    def test_the_three_nearest_answers_are_named_nearest_first(self) -> None:
        costs = ["1100.00", "900.00", "5000.00", "1005.00", *["90000.00"] * 8]
        found = opinion(made([label(n, f"{n + 1}.00", cost) for n, cost in enumerate(costs)]))
        assert [Decimal(4), Decimal(1), Decimal(2)] == [one.amount for one in found.alike]
        assert "https://slack/T1.C1.1735689603.000100" == found.alike[0].address

    def test_of_equal_ones_the_latest_are_named(self) -> None:
        found = opinion(made([label(n, f"{n + 1}.00") for n in range(12)]))
        assert [12, 11, 10] == [one.amount for one in found.alike]

    def test_answers_for_another_product_are_never_named(self) -> None:
        found = opinion(made([*shares(12, start=10), *shares(30, product="psms", start=70)]))
        assert all(one.amount < 300 for one in found.alike)

    def test_a_trait_that_is_not_known_counts_as_one_unit_away(self) -> None:
        far = [label(n, "1.00", rate=3.0) for n in range(10)]
        found = opinion(made([*far, label(10, "7.00", rate=None), label(11, "8.00")]))
        assert [8, 7] == [one.amount for one in found.alike[:2]]


class TestWords:
    def test_an_interval_in_words(self) -> None:
        assert opinion_in_words(opinion(made(around(41), HALF))) == (
            "usually between $338.53 and $738.49 (95 %, by 41 answers of people); the three most alike were "
            "$745.91 of $1,000.00 (https://slack/T1.C1.1735689640.000100), "
            "$338.53 of $1,000.00 (https://slack/T1.C1.1735689639.000100) and "
            "$731.14 of $1,000.00 (https://slack/T1.C1.1735689638.000100)"
        )

    def test_too_few_answers_in_words(self) -> None:
        assert opinion_in_words(opinion(made(shares(11)))).startswith(
            "too few to judge by days, prefixes and block rate; 11 answers of people for verify are usually 39.4% to "
            "70.6% of the fraud cost, here $394.32 to $705.68; the three most alike were $600.00 of $1,000.00 (https:"
        )
