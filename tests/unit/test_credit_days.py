"""Which of the days that SQL asks for are credited."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.credit.credit_days import credited_window, days_to_credit
from creditbot.credit.footprint import Days, TrafficWindow, Unknown
from creditbot.errors import CreditRefused
from creditbot.model import CreditDays

NOBODY = Unknown("nobody is named")
DECEMBER = Days("day", datetime(2025, 12, 1), datetime(2026, 1, 1))  # noqa: DTZ001 - a window has no zone
MOMENTS = st.datetimes(datetime(2000, 1, 1))  # noqa: DTZ001


def window(days: Days | Unknown) -> TrafficWindow:
    return TrafficWindow(NOBODY, days)


def test_without_history_every_day_of_the_window_is_credited() -> None:
    assert window(DECEMBER) == credited_window(window(DECEMBER), 0)
    assert CreditDays(date(2025, 12, 1), date(2026, 1, 1)) == days_to_credit(window(DECEMBER), 0)


def test_the_first_days_are_history_where_the_product_says_so() -> None:
    """The footprint begins after them, so the month before is not credited again."""
    looks_back = replace(DECEMBER, start=DECEMBER.start - timedelta(days=14) if DECEMBER.start else None)
    credited = credited_window(window(looks_back), 14)
    assert window(DECEMBER) == credited
    assert CreditDays(date(2025, 12, 1), date(2026, 1, 1), has_history=True) == days_to_credit(credited, 14)


@pytest.mark.parametrize("days", [Unknown("no condition"), Days(""), replace(DECEMBER, start=None)])
def test_history_needs_a_first_day(days: Days | Unknown) -> None:
    with pytest.raises(CreditRefused, match=r"first 14 days, which are history \(history_days\), are not known"):
        credited_window(window(days), 14)


@pytest.mark.parametrize("history_days", [31, 366])
def test_a_window_of_nothing_but_history_is_refused(history_days: int) -> None:
    with pytest.raises(CreditRefused, match=f"The SQL asks for {history_days} days or fewer"):
        credited_window(window(DECEMBER), history_days)


@pytest.mark.parametrize(
    "days",
    [Unknown("no condition"), Days(""), replace(DECEMBER, field="billed_at"), replace(DECEMBER, field="t.month")],
)
def test_days_of_another_column_say_nothing_about_the_rows(days: Days | Unknown) -> None:
    """The notebook knows a row by its `day`."""
    assert days_to_credit(window(days), 0) is None


@pytest.mark.parametrize("field", ["day", "verify_traffic.day", "DAY"])
def test_one_side_of_the_window_may_be_open(field: str) -> None:
    from_december_on, until_january = (
        replace(DECEMBER, field=field, end=None),
        replace(DECEMBER, field=field, start=None),
    )
    assert CreditDays(date(2025, 12, 1), None) == days_to_credit(window(from_december_on), 0)
    assert CreditDays(None, date(2026, 1, 1)) == days_to_credit(window(until_january), 0)


@given(start=MOMENTS | st.none(), end=MOMENTS | st.none(), moment=MOMENTS)
def test_every_moment_of_the_window_lies_in_the_days_to_credit(
    start: datetime | None, end: datetime | None, moment: datetime
) -> None:
    """Also where the window begins in the middle of a UTC day, as one of another time zone does."""
    days = Days("day", start, end)
    if (start is None or start <= moment) and (end is None or moment < end):
        credited = days_to_credit(window(days), 0) or CreditDays(None, None)
        assert credited.start is None or credited.start <= moment.date()
        assert credited.end is None or moment.date() < credited.end


@given(start=MOMENTS, end=MOMENTS | st.none(), history_days=st.integers(1, 366))
def test_history_is_taken_off_or_refused_at_any_time(start: datetime, end: datetime | None, history_days: int) -> None:
    try:
        credited = credited_window(window(Days("day", start, end)), history_days)
    except CreditRefused:
        return
    assert isinstance(credited.days, Days)
    assert credited.days.start is not None
    assert credited.days.start > start or start == datetime.max  # noqa: DTZ901
    assert days_to_credit(credited, history_days) is not None
