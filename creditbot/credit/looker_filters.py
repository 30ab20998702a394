"""Reads the accounts and the days that Looker's own filters name: `filters` and `query_timezone` of a query.

They come from the resolver with the SQL, and the `TrafficWindow` completes what the conditions of the SQL say. A filter
counts as far as Looker's filter expressions are understood here:

    AC1    "AC1"    AC1,AC2    AC^_1                      accounts; a % or a _ makes a pattern, which names none
    2025-12-01    2025-12    2025    after 2025-12-01     days; the end of "to" is excluded
    2025-12-01 to 2026-01-01    2025-12-01 for 7 days

They do not count if the SQL names an account that is not that of the traffic, as a joined table of children does.

Whether Looker converts a day from the time zone of the query depends on its model, so the window covers both. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from creditbot.credit.footprint import FARTHEST, Accounts, Days, TrafficWindow, Unknown, in_utc

_PART: Final = re.compile(r'\s*(?:"(?P<quoted>[^"]*)"|(?P<plain>(?:\^.|[^,"^])+))\s*(?:,|\Z)')
_ESCAPED: Final = re.compile(r"\^(.)")
_WILD: Final = re.compile(r"(?<!\^)[%_]")
_WORDS: Final = frozenset({"empty", "null", "blank"})
_DAY: Final = re.compile(r"(\d{4})(?:[-/](\d\d)(?:[-/](\d\d))?)?")
_RANGE: Final = re.compile(
    r"(?:(?P<side>after|before)\s+)?(?P<first>[\d/-]+)(?:\s+to\s+(?P<end>[\d/-]+)|\s+for\s+(?P<count>\d{1,4})\s+days?)?"
)


def completed(window: TrafficWindow, filters: Mapping[str, str], zone: str, fields: Sequence[str]) -> TrafficWindow:
    """The window that the SQL gives, with what the filters say about the rest of it.

    Args:
        window: what the conditions of the SQL say.
        filters: field -> filter expression, as Looker has them.
        zone: time zone of the query, or "".
        fields: names of the fields that name an account, in lower case.
    """
    accounts, days = window.accounts, window.days
    if isinstance(accounts, Unknown) and not accounts.is_certain:
        accounts = _accounts(filters, fields) or accounts
    if isinstance(days, Unknown) or not days.field:
        days = _days(filters, zone, fields) or days
    return replace(window, accounts=accounts, days=days)


def _accounts(filters: Mapping[str, str], fields: Sequence[str]) -> Accounts | None:
    named = {
        name: names
        for field, expression in filters.items()
        if (name := _name(field)) in fields and (names := _names(expression))
    }
    return Accounts(named) if named else None


def _names(expression: str) -> frozenset[str]:
    """The texts that the filter lets pass; none if it lets pass others, too."""
    names, place = set[str](), 0
    while place < len(expression):
        part = _PART.match(expression, place)
        if part is None:
            return frozenset()
        place, text = part.end(), part["plain"] or ""
        name = part["quoted"] if part["plain"] is None else _ESCAPED.sub(r"\1", text).strip()
        is_pattern = _WILD.search(text) or text.startswith("-") or name.lower() in _WORDS
        if is_pattern or not name:
            return frozenset()
        names.add(name)
    return frozenset(names)


def _days(filters: Mapping[str, str], zone: str, fields: Sequence[str]) -> Days | None:
    """The days of the only filter on days."""
    found = [
        (name, *span)
        for field, expression in filters.items()
        if (name := _name(field)) not in fields and (span := _span(expression.strip().lower()))
    ]
    if len(found) != 1:
        return None
    name, start, end = found[0]
    return Days(name, start and _in_utc(start, zone)[0], end and _in_utc(end, zone)[1])


def _span(expression: str) -> tuple[datetime | None, datetime | None] | None:
    """From the first moment to before the second one; None for an expression that is not understood."""
    match = _RANGE.fullmatch(expression)
    if match is None:
        return None
    try:
        start, end = _day(match["first"])
        if match["side"]:
            return (start, None) if match["side"] == "after" else (None, start)
        if match["count"]:
            return start, start + timedelta(days=int(match["count"]))
        return start, _day(match["end"])[0] if match["end"] else end
    except ValueError:
        return None


def _day(text: str) -> tuple[datetime, datetime]:
    """The beginning of a day, a month or a year, and its end. Raises ValueError for anything else."""
    match = _DAY.fullmatch(text)
    if match is None:
        raise ValueError(text)
    year, month, day = (int(part) if part else 0 for part in match.groups())
    start = datetime.fromisoformat(f"{year:04}-{month or 1:02}-{day or 1:02}")
    if day:
        return start, start + timedelta(days=1)
    later = start.replace(day=1) + timedelta(days=32 if month else 366)
    return start, later.replace(day=1) if month else later.replace(month=1, day=1)


def _in_utc(moment: datetime, zone: str) -> tuple[datetime, datetime]:
    """The earliest and the latest moment in UTC that is meant."""
    try:
        local = in_utc(moment, ZoneInfo(zone))
    except (ValueError, OSError, KeyError):  # no zone, or one that this machine does not know
        local = (moment - FARTHEST, moment + FARTHEST)
    return min(moment, local[0]), max(moment, local[1])


def _name(field: str) -> str:
    return field.rpartition(".")[2].lower()
