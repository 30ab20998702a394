"""Decides which of the days that SQL asks for are credited; the rows of the others are history. Pure.

The traffic window of the SQL comes in, with what the product's table says about history. The days go to the notebook,
which credits nothing outside of them, and the window of the credited days goes into the footprint. So a month's credit
that looks back into the month before does not pay for it again, and never meets that month's own credit.

    history_days = 0      every day of the window is credited
    history_days = 14     the first 14 days of the window are history
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

from creditbot.credit.footprint import Days, TrafficWindow
from creditbot.errors import CreditRefused
from creditbot.model import CreditDays

_DAY_COLUMN = "day"
"""The column by which a notebook knows the UTC day of a row. Nobody can tell how a window of another column relates."""
_DAY = timedelta(days=1)
_LAST = datetime.max  # noqa: DTZ901 - a window has no zone
_TODO = "Filter on the days in Looker, the days before those to credit among them; or answer by hand."


def credited_window(window: TrafficWindow, history_days: int) -> TrafficWindow:
    """The window without its first days, which are history.

    Raises `CreditRefused` if there should be history and the SQL does not say where it begins, or has nothing else.
    """
    if not history_days:
        return window
    days = window.days
    if not isinstance(days, Days) or days.start is None:
        what = f"The SQL does not say on which day it begins, so its first {history_days} days, which are history"
        raise CreditRefused(f"{what} (history_days), are not known.", _TODO)
    rest = replace(days, start=days.start + min(history_days * _DAY, _LAST - days.start))
    if rest.empty:
        raise CreditRefused(f"The SQL asks for {history_days} days or fewer, and these are history only.", _TODO)
    return replace(window, days=rest)


def days_to_credit(window: TrafficWindow, history_days: int) -> CreditDays | None:
    """The UTC days that a notebook credits, as far as they are known; None if every row counts.

    Args:
        window: as `credited_window` gives it.
        history_days: how many of the days before it the SQL asks for as well.
    """
    days = window.days
    if not isinstance(days, Days) or not (history_days or days.field.rpartition(".")[2].lower() == _DAY_COLUMN):
        return None
    start = days.first if days.start else None
    end = days.last + _DAY if days.end and days.last < date.max else None
    return CreditDays(start, end, history_days > 0) if start or end else None
