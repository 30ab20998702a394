"""Looker's own filters: the accounts and the days that they name, where the SQL does not say it."""

from __future__ import annotations

from datetime import datetime

import pytest

from creditbot.credit.footprint import (
    MADE_ACCOUNT,
    OTHER_ACCOUNT,
    TWO_READINGS,
    Accounts,
    Days,
    TrafficWindow,
    Unknown,
    accounts_in_words,
    days_in_words,
    joined,
)
from creditbot.credit.looker_filters import completed
from creditbot.model import ACCOUNT_FIELDS

UNKNOWN = Unknown("nobody knows")
NOTHING = TrafficWindow(UNKNOWN, UNKNOWN)


def accounts(expression: str, field: str = "traffic.account_sid") -> str:
    return accounts_in_words(completed(NOTHING, {field: expression}, "UTC", ACCOUNT_FIELDS).accounts)


def days(expression: str, zone: str = "UTC") -> str:
    return days_in_words(completed(NOTHING, {"traffic.created_date": expression}, zone, ACCOUNT_FIELDS).days)


@pytest.mark.parametrize(
    ("expression", "named"),
    [
        ("AC1", "AC1"),
        (" AC1 , AC2,", "AC1, AC2"),
        ('"AC,1",AC2', "AC,1, AC2"),
        ("AC^_1", "AC_1"),
        ("AC^%^,1", "AC%,1"),
        ("AC%", None),
        ("AC_1", None),
        ("-AC1", None),
        ("AC1,-AC2", None),
        ("AC1,%", None),
        ("EMPTY", None),
        ('"",AC1', None),
        ("NULL", None),
        ("", None),
        (",", None),
        ('AC"1', None),
    ],
)
def test_a_filter_on_an_account_names_it_or_none(expression: str, named: str | None) -> None:
    assert (named or "unknown: nobody knows") == accounts(expression)


def test_a_filter_on_another_field_names_no_account() -> None:
    assert "unknown: nobody knows" == accounts("AC1", "traffic.prefix")


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("2025-12-01", "2025-12-01"),
        ("2025/12/01", "2025-12-01"),
        ("2025-12", "2025-12-01 to 2025-12-31"),
        ("2025", "2025-01-01 to 2025-12-31"),
        ("2025-12-01 to 2026-01-01", "2025-12-01 to 2025-12-31"),
        ("2025-11 to 2026", "2025-11-01 to 2025-12-31"),
        ("2025-12-01 for 7 days", "2025-12-01 to 2025-12-07"),
        ("after 2025-12-01", "from 2025-12-01 on"),
        ("Before 2025-12", "until 2025-11-30"),
        ("7 days", "unknown: nobody knows"),
        ("last month", "unknown: nobody knows"),
        ("2025-02-30", "unknown: nobody knows"),
        ("2025-12-01 to yesterday", "unknown: nobody knows"),
        ("2025-12-01,2025-12-05", "unknown: nobody knows"),
        ("25-12-01", "unknown: nobody knows"),
        ("", "unknown: nobody knows"),
    ],
)
def test_a_filter_on_days_names_them_or_none(expression: str, shown: str) -> None:
    assert shown == days(expression)


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("America/Los_Angeles", "2025-12-05 to 2025-12-06"),
        ("Asia/Tokyo", "2025-12-04 to 2025-12-05"),
        ("", "2025-12-04 to 2025-12-06"),
        ("No/Zone", "2025-12-04 to 2025-12-06"),
        ("../zone", "2025-12-04 to 2025-12-06"),
    ],
)
def test_days_of_another_zone_cover_both_readings(zone: str, shown: str) -> None:
    """Whether Looker converts them depends on its model."""
    assert shown == days("2025-12-05", zone)


def test_of_two_filters_on_days_nobody_knows_which_counts() -> None:
    filters = {"traffic.created_date": "2025-12", "traffic.paid_date": "2026-01"}
    assert NOTHING == completed(NOTHING, filters, "UTC", ACCOUNT_FIELDS)


def test_what_the_sql_says_stands() -> None:
    """It has the conditions that the warehouse sees."""
    window = TrafficWindow(
        Accounts({"account_sid": frozenset({"AC1"})}), Days("day", datetime.fromisoformat("2025-12-01"))
    )
    filters = {"t.account_sid": "AC2", "t.day": "2026"}
    assert window == completed(window, filters, "UTC", ACCOUNT_FIELDS)


def test_days_that_the_sql_does_not_limit_are_those_of_the_filter() -> None:
    window = completed(TrafficWindow(UNKNOWN, Days("")), {"t.day": "2025-12"}, "UTC", ACCOUNT_FIELDS)
    assert "2025-12-01 to 2025-12-31" == days_in_words(window.days)


@pytest.mark.parametrize("why", [OTHER_ACCOUNT, MADE_ACCOUNT, TWO_READINGS])
def test_filters_do_not_name_an_account_that_the_sql_takes_from_elsewhere(why: str) -> None:
    """In one of its readings, it may."""
    readings = [TrafficWindow(Unknown(reason), Days("day")) for reason in ("no condition names the account", why)]
    for window in (joined(readings), joined(readings[::-1])):
        assert Unknown(why) == completed(window, {"t.account_sid": "AC1"}, "UTC", ACCOUNT_FIELDS).accounts
