"""Footprints to compare: those of one account's December, of a few flagged days."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from creditbot.credit.footprint import Accounts, Days, Flagged, Footprint, Unit, Units, Unknown

FIRST = date(2025, 12, 18)
UNKNOWN = Unknown("nobody knows")


def accounts(*names: str, field: str = "account_sid") -> Accounts:
    return Accounts({field: frozenset(names)})


def days(start: str | None, end: str | None, field: str = "day") -> Days:
    """Days of 2025 from "12-01" to before "12-31"."""
    moments = [datetime.fromisoformat(f"2025-{moment}") if moment else None for moment in (start, end)]
    return Days(field, moments[0], moments[1])


DECEMBER = days("12-01", "12-31")


def units(
    first: int = 0, last: int = 7, account: str = "AC1", prefix: str = "+62", mode: str = "basic", messages: int = 10
) -> Units:
    """A unit a day, from the first to before the last one; each has some more messages than the day before."""
    return {
        Unit(account, FIRST + timedelta(day), prefix, mode): Flagged(messages + day, Decimal(messages + day))
        for day in range(first, last)
    }


OURS = Footprint("verify", accounts("AC1"), DECEMBER, units())
NO_UNITS = replace(OURS, units=UNKNOWN)
NOBODYS = replace(OURS, accounts=UNKNOWN, units=units(account=""))
