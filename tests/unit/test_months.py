"""How a credit is split among accounts and months."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.credit.footprint import (
    MOST_MONTHS,
    Accounts,
    Days,
    Flagged,
    Footprint,
    Unit,
    Units,
    Unknown,
    account_key,
)
from creditbot.decide.months import AccountMonth, account_names, added, next_month, shares_of

NOBODY_KNOWS = Unknown("nobody knows")


def accounts(*names: str) -> Accounts:
    return Accounts({"account_sid": frozenset(names)})


def days(start: str | None, end: str | None) -> Days:
    moments = [datetime.fromisoformat(moment) if moment else None for moment in (start, end)]
    return Days("day", moments[0], moments[1])


def units(*rows: tuple[str, str, int]) -> Units:
    """(account, day, cost) of each."""
    return {
        Unit(account, date.fromisoformat(day), f"+{number}", "basic"): Flagged(cost, Decimal(cost))
        for number, (account, day, cost) in enumerate(rows)
    }


WINDOW = Footprint("verify", accounts("AC1"), days("2025-12-10", "2026-01-01"), NOBODY_KNOWS)


def shares(footprint: Footprint, amount: str = "60.00") -> dict[tuple[str, str], str]:
    """(name of the account, month) -> USD."""
    names = account_names([footprint])
    found = shares_of(footprint, Decimal(amount))
    assert not isinstance(found, Unknown), found
    return {(names[place.account], f"{place.month:%Y-%m}"): str(share) for place, share in found.items()}


def test_one_account_and_one_month_have_all_of_it() -> None:
    assert {("AC1", "2025-12"): "60.00"} == shares(WINDOW)


def test_without_units_each_account_and_month_counts_whole() -> None:
    wide = replace(WINDOW, accounts=accounts("AC1", "AC2"), days=days("2025-12-31", "2026-02-01"))
    assert dict.fromkeys([(name, month) for name in ("AC1", "AC2") for month in ("2025-12", "2026-01")], "60.00") == (
        shares(wide)
    )


def test_units_split_an_amount_by_what_they_cost() -> None:
    flagged = units(("AC1", "2025-12-30", 10), ("AC1", "2025-12-31", 10), ("AC1", "2026-01-01", 40))
    assert {("AC1", "2025-12"): "20.00", ("AC1", "2026-01"): "40.00"} == shares(replace(WINDOW, units=flagged))


def test_units_say_which_account_an_amount_is_for() -> None:
    both = replace(WINDOW, accounts=accounts("AC1", "AC2"))
    flagged = units(("AC1", "2025-12-30", 10), ("AC2", "2025-12-31", 20))
    assert {("AC1", "2025-12"): "20.00", ("AC2", "2025-12"): "40.00"} == shares(replace(both, units=flagged))


def test_units_of_one_of_several_accounts_count_for_each() -> None:
    both = replace(WINDOW, accounts=accounts("AC1", "AC2"), units=units(("", "2025-12-30", 10)))
    assert {("AC1", "2025-12"): "60.00", ("AC2", "2025-12"): "60.00"} == shares(both)


def test_units_may_name_accounts_that_the_sql_does_not() -> None:
    flagged = units(("AC7", "2025-12-30", 10))
    assert {("AC7", "2025-12"): "60.00"} == shares(replace(WINDOW, accounts=NOBODY_KNOWS, units=flagged))


@pytest.mark.parametrize("flagged", [{}, units(("AC1", "2020-01-01", 0))])
def test_units_that_cost_nothing_say_nothing(flagged: Units) -> None:
    assert {("AC1", "2025-12"): "60.00"} == shares(replace(WINDOW, units=flagged))


def test_a_share_is_rounded_up_to_the_cent() -> None:
    flagged = units(("AC1", "2025-12-31", 1), ("AC1", "2026-01-01", 2))
    assert {("AC1", "2025-12"): "0.04", ("AC1", "2026-01"): "0.07"} == shares(replace(WINDOW, units=flagged), "0.10")


@pytest.mark.parametrize(
    ("footprint", "why"),
    [
        (replace(WINDOW, accounts=NOBODY_KNOWS), "the accounts are not known (nobody knows)"),
        (replace(WINDOW, days=NOBODY_KNOWS), "the days are not known (nobody knows)"),
        (replace(WINDOW, days=days(None, "2026-01-01")), "the SQL does not limit the days on both sides"),
        (replace(WINDOW, days=days("2026-01-01", None)), "the SQL does not limit the days on both sides"),
        (replace(WINDOW, days=days("2026-01-01", "2026-01-01")), "the SQL allows no day"),
        (
            replace(WINDOW, accounts=NOBODY_KNOWS, units=units(("AC1", "2025-12-30", 1), ("", "2025-12-30", 1))),
            "the accounts are not known (nobody knows)",
        ),
        (replace(WINDOW, days=days("2020-01-01", "2023-01-02")), "its days lie in more than 36 months"),
    ],
)
def test_what_cannot_be_split_says_why(footprint: Footprint, why: str) -> None:
    assert Unknown(why) == shares_of(footprint, Decimal(60))


def test_a_window_of_three_years_is_split() -> None:
    assert MOST_MONTHS == len(shares(replace(WINDOW, days=days("2020-01-01", "2023-01-01"))))


def test_a_month_begins_at_midnight_utc() -> None:
    assert {("AC1", "2025-12"): "60.00"} == shares(replace(WINDOW, days=days("2025-12-01", "2026-01-01")))
    later = replace(WINDOW, days=days("2025-12-01", "2026-01-01T00:00:01"))
    assert {("AC1", "2025-12"), ("AC1", "2026-01")} == shares(later).keys()


def test_the_last_month_has_none_after_it() -> None:
    assert date(9999, 12, 1) == next_month(date(9999, 12, 1))
    end = replace(WINDOW, days=days("9999-12-01", "9999-12-31"))
    assert {("AC1", "9999-12"): "60.00"} == shares(end)


@given(st.dates(date(1, 1, 1), date(9999, 11, 1)))
def test_months_follow_each_other(day: date) -> None:
    month = day.replace(day=1)
    after = next_month(month)
    assert 1 == after.day
    assert 28 <= (after - month).days <= 31


rows = st.lists(
    st.tuples(
        st.sampled_from(["AC1", "AC2", ""]), st.dates(date(2025, 11, 20), date(2026, 1, 10)).map(str),
        st.integers(0, 1000),
    ),
    min_size=1,
)  # fmt: skip
amounts = st.decimals("0.01", "999999.99", places=2)


@given(rows, amounts)
def test_shares_are_never_too_small(flagged: list[tuple[str, str, int]], amount: Decimal) -> None:
    """Each place has at least its part of the cost, and together they have at least the amount."""
    footprint = replace(WINDOW, accounts=accounts("AC1", "AC2"), units=units(*flagged))
    found = shares_of(footprint, amount)
    assert not isinstance(found, Unknown)
    assert amount <= sum(found.values())
    assert all(share <= amount + Decimal("0.01") for share in found.values())
    total = sum(cost for _, _, cost in flagged)
    for place, share in found.items() if total else ():
        mine = [
            cost
            for name, day, cost in flagged
            if name in ("", {account_key(n): n for n in ("AC1", "AC2")}[place.account])
            and day[:7] == f"{place.month:%Y-%m}"
        ]
        assert share >= amount * sum(mine) / total - Decimal("1e-20")


@given(st.lists(st.dates(date(2025, 1, 1), date(2026, 12, 31)), min_size=2, max_size=2, unique=True), amounts)
def test_a_window_counts_in_each_of_its_months(ends: list[date], amount: Decimal) -> None:
    start, end = sorted(ends)
    found = shares_of(replace(WINDOW, days=days(str(start), str(end))), amount)
    assert not isinstance(found, Unknown)
    every = {(start + timedelta(number)).replace(day=1) for number in range((end - start).days)}
    assert {AccountMonth(account_key("AC1"), month): amount for month in every} == found
    assert all(one.month < other.month for one, other in pairwise(found))


def test_shares_are_added_up() -> None:
    place, other = AccountMonth("#1", date(2025, 12, 1)), AccountMonth("#1", date(2026, 1, 1))
    both = added([{place: Decimal(1)}, {place: Decimal(2), other: Decimal(5)}])
    assert {place: Decimal(3), other: Decimal(5)} == both


def test_accounts_of_several_links_all_have_names() -> None:
    links = [WINDOW, replace(WINDOW, accounts=accounts("AC2")), replace(WINDOW, accounts=NOBODY_KNOWS)]
    assert {account_key("AC1"): "AC1", account_key("AC2"): "AC2"} == account_names(links)


def test_accounts_have_the_names_of_their_units() -> None:
    """Also of those that the SQL does not name."""
    footprint = replace(WINDOW, units=units(("AC1", "2025-12-30", 1), ("AC9", "2025-12-30", 1), ("", "2025-12-30", 1)))
    assert {account_key("AC1"): "AC1", account_key("AC9"): "AC9"} == account_names([footprint])
