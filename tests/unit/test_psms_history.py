"""What the PSMS notebook flags of the sandbox's attack, worked out from the rows alone, and what its README says of it.

Nothing here uses the notebook, so the figures hold whatever its code does; one test compares both.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from statistics import median

import pytest

from creditbot.sandbox.warehouse import PSMS, PSMS_COLUMNS
from tests.support.bundled_notebooks import NOTEBOOKS, ROOT
from tests.support.bundled_notebooks import Row as Judged

FIRST, ATTACK, TAIL = date(2025, 12, 1), date(2025, 12, 22), date(2025, 12, 29)
"""The first day of the query, of the attack, and of those that used to be let pass."""
PRICE, TARGET = Decimal("0.3840"), Decimal("0.90")
NAMES = ("day", "account", "item", "prefix", "mode", "attempts", "blocked", "messages", "price_usd")
ROWS = [dict(zip(NAMES, (*row[:8], row[9]), strict=True)) for each in PSMS for row in each.rows() if row[0] >= FIRST]
PUMPED = {row["day"]: row["messages"] for row in ROWS if row["prefix"] == "+62"}
"""UTC day -> messages, of the prefix that was attacked."""

Flagged = dict[date, int]
"""UTC day -> messages above the allowance."""


def flagged_by(usual: Callable[[date, Flagged], list[int]]) -> Flagged:
    """Day by day: what is above the allowance that follows from the usual days before it."""
    flagged: Flagged = {}
    for day, messages in PUMPED.items():
        past = usual(day, flagged)
        allowance = max(20, int(2 * Decimal(median(past)))) if len(past) >= 7 else messages
        flagged[day] = max(0, messages - allowance)
    return flagged


def without_flagged_days(day: date, flagged: Flagged) -> list[int]:
    """The last 14 days before that were not flagged."""
    return [PUMPED[before] for before in PUMPED if before < day and not flagged[before]][-14:]


def with_flagged_days(day: date, flagged: Flagged) -> list[int]:
    """The 14 days before, whatever was flagged of them."""
    return [PUMPED[before] for before in PUMPED if day - timedelta(14) <= before < day]


def usd(messages: int) -> str:
    return str((messages * PRICE).quantize(Decimal("0.01"), ROUND_HALF_UP))


def credit(flagged: Flagged) -> str:
    count, blocked = sum(flagged.values()), sum(row["blocked"] for row in ROWS)
    rate = (Decimal(blocked) / (blocked + count)).quantize(Decimal("0.001"), ROUND_HALF_UP)
    return str((Decimal(usd(count)) * (TARGET - rate) / (1 - rate)).quantize(Decimal("0.01"), ROUND_HALF_UP))


def test_the_end_of_an_attack_is_flagged_above_the_usual_day() -> None:
    """Every day of the attack is held against the 32 messages that two usual days come to."""
    flagged = flagged_by(without_flagged_days)
    assert {day: messages - 32 for day, messages in PUMPED.items() if day >= ATTACK} == {
        day: count for day, count in flagged.items() if count
    }
    assert ("490", "188.16") == (str(sum_from(TAIL, flagged)), usd(sum_from(TAIL, flagged)))
    assert ("3578.88", "2833.28") == (usd(sum(flagged.values())), credit(flagged))


def test_with_flagged_days_the_end_of_an_attack_is_let_pass() -> None:
    """The allowance rises to 36 while the attack lasts; above 36, its end costs $183.55. In the end it is 760."""
    flagged = flagged_by(with_flagged_days)
    assert 0 == sum_from(TAIL, flagged)
    assert 36 == PUMPED[TAIL - timedelta(1)] - flagged[TAIL - timedelta(1)]
    assert "183.55" == usd(sum(PUMPED[day] - 36 for day in PUMPED if day >= TAIL))
    assert ("3383.81", "2657.67") == (usd(sum(flagged.values())), credit(flagged))


def test_the_notebook_flags_what_is_worked_out_by_hand() -> None:
    judged: list[Judged] = NOTEBOOKS["psms"].flag([dict(row) for row in ROWS])
    assert {day: count for day, count in flagged_by(without_flagged_days).items() if count} == {
        row["day"]: row["flagged"] for row in judged if row["flagged"]
    }


@pytest.mark.parametrize("figure", ["$188.16", "$183.55", "$2,833.28", "$2,657.67", "490 messages", "478 messages"])
def test_the_figures_stand_where_an_analyst_reads_them(figure: str) -> None:
    assert figure in (ROOT / "notebooks" / "README.md").read_text()


def test_the_rows_are_those_of_the_warehouse() -> None:
    assert list(NAMES) == [
        {"account_sid": "account", "billable_item": "item"}.get(name, name)
        for name in (column.split()[0] for column in PSMS_COLUMNS.split(", "))
    ]


def sum_from(first: date, flagged: Flagged) -> int:
    return sum(count for day, count in flagged.items() if day >= first)
