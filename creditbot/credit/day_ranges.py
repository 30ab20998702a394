"""Days as ranges, and in words: short enough for one line, however many days there are. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import NamedTuple

MOST_RANGES = 4
"""Ranges that are named one by one."""


class DayRange(NamedTuple):
    """Days in a row.

    Attributes:
        first: the first one; `date.min` if nothing limits the beginning.
        last: the last one, included; `date.max` if nothing limits the end.
    """

    first: date
    last: date


def ranges_of(days: Iterable[date]) -> tuple[DayRange, ...]:
    """The ranges that these days make up, in order."""
    return merged(DayRange(day, day) for day in days)


def merged(ranges: Iterable[DayRange]) -> tuple[DayRange, ...]:
    """The same days in as few ranges as possible, in order."""
    joined: list[DayRange] = []
    for each in sorted(ranges):
        if joined and each.first - joined[-1].last <= timedelta(days=1):
            joined[-1] = DayRange(joined[-1].first, max(joined[-1].last, each.last))
        else:
            joined.append(each)
    return tuple(joined)


def ranges_in_words(ranges: Sequence[DayRange]) -> str:
    """Such as "2025-12-18 to 2025-12-20, 2025-12-25"; all of many ranges together end with how many days are left."""
    named, others = ranges[:MOST_RANGES], ranges[MOST_RANGES:]
    words = ", ".join(map(_in_words, named))
    if not others:
        return words
    days = sum((each.last - each.first).days + 1 for each in others)
    return f"{words} and {days:,} more {'day' if days == 1 else 'days'} until {others[-1].last}"


def _in_words(days: DayRange) -> str:
    if days == (date.min, date.max):
        return "any day"
    if days.first == date.min:
        return f"until {days.last}"
    if days.last == date.max:
        return f"from {days.first} on"
    return str(days.first) if days.first == days.last else f"{days.first} to {days.last}"
