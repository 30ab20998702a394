"""What an analyst of the sandbox works out by hand: the credit of an account's traffic, by the method of its product.

Rows of `warehouse.Traffic` come in, USD go out; `history` has its analysts answer with them. The method is that of the
bundled notebooks (their last section), written down a second time, so that the two can be compared.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from statistics import median
from typing import Any, NamedTuple

TARGETS = {"basic": Decimal("0.80"), "standard": Decimal("0.90"), "max": Decimal("0.95")}
"""The share of pumped attempts that each Fraud Guard mode is to stop."""
_FLOOR, _WINDOW, _LEAST_HISTORY = 20, 14, 7


class _Day(NamedTuple):
    day: date
    prefix: str
    mode: str
    blocked: int
    messages: int
    verified: int
    price: Decimal


def verify_credit(rows: Iterable[Sequence[Any]]) -> Decimal:
    """USD for Verify traffic: messages above what was verified, and an allowance of the best of 14 days."""
    days = [_Day(row[0], *row[3:5], *row[6:]) for row in rows]
    best: dict[tuple[str, date], int] = {}
    for each in days:
        best[each.prefix, each.day] = max(each.verified, best.get((each.prefix, each.day), 0))

    def allowance(each: _Day) -> int:
        window = (each.day - timedelta(days=back) for back in range(_WINDOW))
        highest = max(best.get((each.prefix, day), 0) for day in window)
        return max(_FLOOR, highest * 20 // 100)

    return _credit([(each, max(0, each.messages - each.verified - allowance(each))) for each in days])


def psms_credit(rows: Iterable[Sequence[Any]]) -> Decimal:
    """USD for Programmable SMS in one mode: messages above twice the median of the last days that were not flagged."""
    flagged: list[tuple[_Day, int]] = []
    usual: dict[str, deque[int]] = {}
    for each in sorted(_Day(row[0], *row[3:5], *row[6:]) for row in rows):
        past = usual.setdefault(each.prefix, deque(maxlen=_WINDOW))
        limit = max(_FLOOR, int(2 * median(map(Decimal, past)))) if len(past) >= _LEAST_HISTORY else None
        above = 0 if limit is None else max(0, each.messages - limit)
        if not above:
            past.append(each.messages)
        flagged.append((each, above))
    return _credit(flagged)


def _credit(flagged: Sequence[tuple[_Day, int]]) -> Decimal:
    """The sum over the modes."""
    total = Decimal("0.00")
    for mode in sorted({each.mode for each, _ in flagged}):
        own = [(each, count) for each, count in flagged if each.mode == mode]
        cost = _rounded(sum((count * each.price for each, count in own), Decimal(0)), "0.01")
        count, blocked = sum(count for _, count in own), sum(each.blocked for each, _ in own)
        rate = _rounded(Decimal(blocked) / (blocked + count), "0.001") if blocked + count else Decimal(0)
        if rate < 1:
            total += _rounded(cost * max(Decimal(0), TARGETS[mode] - rate) / (1 - rate), "0.01")
    return total


def _rounded(value: Decimal, unit: str) -> Decimal:
    return value.quantize(Decimal(unit), ROUND_HALF_UP)
