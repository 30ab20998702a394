"""When a page can say how a credit follows from the numbers beside it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from creditbot.evidence.formula import formula

TIMES, MINUS = "\N{MULTIPLICATION SIGN}", "\N{MINUS SIGN}"


def row(credit: str = "4948.80", cost: str | None = "7526.30", **columns: str) -> dict[str, Any]:
    return {"credit": Decimal(credit), "fraud_cost": Decimal(cost) if cost else None, "columns": columns}


def test_the_numbers_of_a_row_are_put_into_the_formula() -> None:
    expected = f"$7,526.30 {TIMES} (0.80 {MINUS} 0.416) ÷ (1 {MINUS} 0.416) = $4,948.80"
    assert formula(row(block_rate="0.416")) == expected


def test_a_rate_in_percent_is_a_share() -> None:
    assert f"(0.80 {MINUS} 0.416)" in formula(row(block_rate="41.6%"))


def test_a_target_that_is_printed_is_the_one_that_counts() -> None:
    assert "(0.8 " in formula(row(block_rate="0.416", target="0.8"))


def test_a_credit_of_zero_follows_if_the_target_is_printed() -> None:
    assert formula(row("0.00", block_rate="0.95", target="0.80")).endswith("= $0.00")


@pytest.mark.parametrize(
    "other",
    [
        row(),  # no rate
        row(cost=None, block_rate="0.416"),
        row("4948.81", block_rate="0.416"),  # computed in another way
        row(block_rate="1.000"),
        row(block_rate="41.6"),
        row(block_rate="about a half"),
        row("0.02", "0.03", block_rate="0.416"),  # several targets give this credit
        row("0.00", block_rate="0.95"),  # any target below the rate does
        row(block_rate="0.416", target="0.90"),
        row(block_rate="0.416", target="high"),
        {"credit": Decimal("1.00"), "fraud_cost": Decimal("2.00")},
        {},
    ],
)
def test_without_exactly_one_way_to_the_credit_there_is_no_formula(other: dict[str, Any]) -> None:
    assert formula(other) == ""
