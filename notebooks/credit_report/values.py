"""Reads single values of a result: what is valid in each column is said here, and only here. Pure.

Values come in as the warehouse's driver gives them, whether `traffic` reads rows or what the warehouse added up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

Reader = tuple[Callable[[Any], Any], str]
"""Reads a value, or raises ValueError; and what it expects, in words."""


def readers_of(targets: Iterable[str]) -> dict[str, Reader]:
    """Column -> its reader; "count" is for every other column. `targets` are the modes that there are."""
    modes = list(targets)

    def read_mode(value: Any) -> str:
        mode = str(value).strip().lower()
        _require(mode in modes)
        return mode

    return {
        "day": (_read_day, "a UTC day (a date, or text like 2025-12-01)"),
        "prefix": (_read_prefix, "a destination prefix of 1 to 40 characters"),
        "mode": (read_mode, f"one of {', '.join(modes)} (see TARGETS)"),
        "count": (_read_count, "a whole number from 0 to 10^12 (CAST it AS BIGINT)"),
        "price_usd": (_read_price, "a price in USD (CAST it AS DECIMAL(10, 4))"),
    }


def read(name: str, value: Any, readers: Mapping[str, Reader]) -> Any:
    """One value in the type of its column. Raises ValueError, such as "mode is NULL." or "mode is 'x', not ...".

    An account may be NULL: then it is "", as if the SQL gave none.
    """
    if name == "account":
        return str(value or "").strip()
    if value is None:
        raise ValueError(f"{name} is NULL.")
    read_value, expected = readers.get(name, readers["count"])
    try:
        return read_value(value)
    except (ValueError, ArithmeticError, TypeError):
        raise ValueError(f"{name} is {shown(value)}, not {expected}.") from None


def shown(value: Any) -> str:
    """As a sentence shows a value: text in quotation marks, and never much of it."""
    return (repr(value) if isinstance(value, str) else str(value))[:60]


def _read_day(value: Any) -> date:
    """A date; text in ISO form and timestamps count if they are midnight in UTC."""
    moment = datetime.fromisoformat(value.strip()) if isinstance(value, str) else value
    if isinstance(moment, datetime):
        moment = moment.astimezone(UTC) if moment.tzinfo else moment
        _require(moment.time() == time.min)
        moment = moment.date()
    _require(isinstance(moment, date) and moment.year >= 2000)
    day: date = moment
    return day


def _read_count(value: Any) -> int:
    """A whole number; SUM() gives some warehouses' integers as DECIMAL, so these count, floats do not."""
    count = whole(value)
    _require(0 <= count < 10**12)
    return count


def whole(value: Any) -> int:
    """A whole number of any size. Raises ValueError for anything else, a float among it, which may be rounded."""
    _require(isinstance(value, (int, Decimal)) and not isinstance(value, bool) and value == int(value))
    return int(value)


def _read_price(value: Any) -> Decimal:
    """USD for one message; never a float, which would not be the price that was billed."""
    _require(isinstance(value, (int, Decimal, str)) and not isinstance(value, bool))
    price = Decimal(value)
    _require(price.is_finite() and 0 <= price < 10**6)
    return price


def _read_prefix(value: Any) -> str:
    prefix = str(value).strip()
    _require(0 < len(prefix) <= 40 and prefix.isprintable())
    return prefix


def _require(condition: bool) -> None:
    """Raises ValueError if it does not hold; `read` says what was expected."""
    if not condition:
        raise ValueError
