"""Two credits compared: what is shared, what is provably not, and what nobody can tell."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from creditbot.credit.day_ranges import DayRange, ranges_of
from creditbot.credit.footprint import COMPUTED_DAYS, Accounts, Days, Flagged, Footprint
from creditbot.credit.selection import Selection
from creditbot.decide.overlap import Comparison, Overlap, compare, compare_with_all
from tests.support.footprints import FIRST, NO_UNITS, NOBODYS, OURS, UNKNOWN, accounts, days, units

# -- comparisons -------------------------------------------------------------------------------------------------------


AC1 = frozenset({"AC1"})


@pytest.mark.parametrize(
    "other",
    [
        replace(OURS, product="psms"),
        replace(OURS, accounts=accounts("AC2"), units=units(account="AC2")),
        replace(NO_UNITS, accounts=accounts("AC2", "AC3")),
        replace(NO_UNITS, days=days("12-31", None)),
        replace(NO_UNITS, days=days(None, "12-01")),
        replace(OURS, days=days("11-01", "12-01"), units=units(-30, -20)),
        replace(OURS, units=units(7, 9)),
        replace(OURS, units=units(prefix="+1", messages=40)),
        replace(OURS, units={}),
        replace(NOBODYS, units=units(7, 9, account="")),
        replace(OURS, accounts=Accounts({"account_sid": frozenset({"AC1"}), "account_id": frozenset({"7"})}),
                units=units(7, 9)),
    ],
)  # fmt: skip
def test_traffic_that_shares_nothing_is_provably_disjoint(other: Footprint) -> None:
    assert Overlap.PROVABLY_DISJOINT == compare(OURS, other).overlap
    assert Overlap.PROVABLY_DISJOINT == compare(other, OURS).overlap


@pytest.mark.parametrize(
    ("other", "cost", "shared"),
    [
        (OURS, 91, range(7)),
        (replace(OURS, units=units(2, 5, messages=99)), 39, range(2, 5)),
        (replace(OURS, days=days(None, None, "sent"), units=units(6, 20)), 16, range(6, 7)),
        (replace(OURS, accounts=accounts("ac1 "), units=units(account=" ac1")), 91, range(7)),
        (replace(OURS, accounts=accounts("AC1", field="owner")), 91, range(7)),
        (replace(OURS, accounts=UNKNOWN), 91, range(7)),
        (replace(OURS, accounts=accounts("7", field="account_id")), 91, range(7)),
    ],
)
def test_units_in_common_are_shared_with_their_cost_and_days(other: Footprint, cost: int, shared: range) -> None:
    found = compare(OURS, other)
    assert (Overlap.UNITS_SHARED, cost) == (found.overlap, sum(units()[unit].cost for unit in found.units))
    assert ranges_of(FIRST + timedelta(day) for day in shared) == found.days


@pytest.mark.parametrize(
    ("other", "first", "last"),
    [
        (NO_UNITS, "12-18", "12-24"),
        (replace(NO_UNITS, days=days("12-20", "12-22")), "12-20", "12-21"),
        (replace(NO_UNITS, days=days("12-20", "12-22", "sent")), "12-20", "12-21"),
        (replace(NO_UNITS, days=Days("")), "12-18", "12-24"),
        (replace(NO_UNITS, days=days("12-24T12", None)), "12-24", "12-24"),
    ],
)
def test_windows_of_one_account_meet_where_units_are_not_known(other: Footprint, first: str, last: str) -> None:
    span = DayRange(*(date.fromisoformat(f"2025-{day}") for day in (first, last)))
    assert Comparison(Overlap.WINDOWS_MEET, days=(span,), accounts=AC1) == compare(OURS, other)


def test_days_of_two_columns_do_not_tell_rows_apart() -> None:
    """What was sent on one day may be billed on the next: the same rows have other days, and so no unit in common."""
    billed = replace(OURS, days=days("12-19", "12-26", "billed_day"), units=units(1, 8, prefix="+7", messages=3))
    assert Overlap.WINDOWS_MEET == compare(OURS, billed).overlap
    later = replace(OURS, days=days("12-27", "12-31", "billed_day"), units=units(9, 13))
    assert Overlap.CANNOT_TELL == compare(OURS, later).overlap


@pytest.mark.parametrize("limits", [Days(""), UNKNOWN])
def test_flagged_days_tell_rows_apart_that_no_other_column_limits(limits: Days) -> None:
    other = replace(OURS, days=limits, units=units(9, 13))
    for one, two in ((OURS, other), (other, OURS)):
        assert Overlap.PROVABLY_DISJOINT == compare(one, two).overlap


@pytest.mark.parametrize(
    ("ours", "other", "first", "last"),
    [
        (days(None, "12-05"), days(None, "12-20"), date.min, date(2025, 12, 4)),
        (days("12-05", None), days("12-20", None), date(2025, 12, 20), date.max),
    ],
    ids=["their beginning", "their end"],
)
def test_windows_meet_that_are_open_at_the_same_side(ours: Days, other: Days, first: date, last: date) -> None:
    found = compare(replace(NO_UNITS, days=ours), replace(NO_UNITS, days=other))
    assert Comparison(Overlap.WINDOWS_MEET, days=(DayRange(first, last),), accounts=AC1) == found


def test_a_link_that_flagged_nothing_is_as_wide_as_its_window() -> None:
    """Where the units of the other one are not known."""
    other = replace(NO_UNITS, days=days("12-02", "12-04"))
    span = DayRange(date(2025, 12, 2), date(2025, 12, 3))
    assert Comparison(Overlap.WINDOWS_MEET, days=(span,), accounts=AC1) == compare(replace(OURS, units={}), other)


@pytest.mark.parametrize(
    "other",
    [
        NOBODYS,
        replace(NOBODYS, units={**units(account=""), **units(account="", prefix="+1", messages=2)}),
        replace(OURS, units=units(mode="max")),
        replace(OURS, units=units(prefix="Indonesia")),
        replace(OURS, accounts=accounts("7", field="account_id"), units=units(account="7")),
    ],
)
def test_the_same_numbers_on_the_same_days_are_alike(other: Footprint) -> None:
    """Prefix and mode are what the SQL calls them, so other names prove nothing."""
    found = compare(OURS, other)
    assert (Overlap.EVIDENCE_ALIKE, ranges_of(unit.day for unit in units())) == (found.overlap, found.days)
    assert Overlap.EVIDENCE_ALIKE == compare(other, OURS).overlap


@pytest.mark.parametrize(
    ("other", "unclear"),
    [
        (replace(NO_UNITS, accounts=UNKNOWN), "the accounts of one of them are not known (nobody knows)"),
        (replace(NO_UNITS, days=UNKNOWN), "the days of one of them are not known (nobody knows)"),
        (replace(NO_UNITS, days=days("11-01", "11-05", "sent")), "the days are limited by different columns"),
        (replace(NOBODYS, units=units(account="", messages=99)), "the accounts of one of them are not known"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_said(other: Footprint, unclear: str) -> None:
    assert Comparison(Overlap.CANNOT_TELL, unclear=unclear) == compare(OURS, other)


def test_rows_of_the_other_account_that_both_name_are_apart() -> None:
    both = replace(OURS, accounts=accounts("AC1", "AC2"))
    other = replace(both, units=units(account="AC2", messages=99))
    assert Overlap.PROVABLY_DISJOINT == compare(both, other).overlap


def test_rows_without_an_account_may_be_of_any_that_both_name() -> None:
    """How much of them is whose is not known, but no more is shared than the smaller one of both costs."""
    nameless = replace(OURS, accounts=accounts("AC1", "AC2"), units=units(account="", messages=12))
    for one, two in ((nameless, OURS), (OURS, nameless)):
        found = compare(one, two)
        assert (Overlap.UNITS_SHARED, frozenset(), AC1) == (found.overlap, found.units, found.accounts)
        assert one.units.keys() == found.partly.keys()  # type: ignore[union-attr]
        assert [*range(10, 17)] == sorted(found.partly.values())
        assert ranges_of(unit.day for unit in units()) == found.days


def test_rows_without_an_account_are_the_same_for_the_same_accounts() -> None:
    """Both name the same ones, in whatever columns."""
    one, two = (replace(OURS, accounts=accounts("AC1", "AC2", field=name), units=units(account="")) for name in "ab")
    found = compare(one, two)
    assert (Overlap.UNITS_SHARED, {*units(account="")}, 0) == (found.overlap, {*found.units}, len(found.partly))


def test_a_row_of_several_accounts_contains_rows_of_each_of_them() -> None:
    both = replace(OURS, accounts=accounts("AC1", "AC2", "AC3"), units={**units(0, 1, "AC1"), **units(0, 1, "AC2")})
    nameless = replace(both, units=units(0, 1, "", messages=25))
    assert [Decimal(20)] == [*compare(nameless, both).partly.values()]
    assert [Decimal(10)] * 2 == [*compare(both, nameless).partly.values()]


def test_an_account_that_is_written_in_two_ways_is_added_up() -> None:
    both = replace(OURS, accounts=accounts("AC1", "AC2"), units={**units(0, 1, "AC1"), **units(0, 1, "ac1 ")})
    nameless = replace(both, units=units(0, 1, "", messages=25))
    assert [Decimal(20)] == [*compare(nameless, both).partly.values()]


def test_rows_of_several_accounts_may_be_others_if_the_accounts_differ() -> None:
    one, two = (replace(OURS, accounts=accounts("AC1", name), units=units(0, 1, account="")) for name in ("AC2", "AC3"))
    found = compare(one, two)
    assert (Overlap.UNITS_SHARED, 0, 1) == (found.overlap, len(found.units), len(found.partly))


def test_of_unknown_accounts_only_what_is_certain_is_shared() -> None:
    other = replace(OURS, accounts=UNKNOWN, units={**units(0, 2), **units(2, 4, account="")})
    found = compare(OURS, other)
    assert ({*units(0, 2)}, 0) == ({*found.units}, len(found.partly))


def test_rows_that_both_know_the_account_of_are_shared_for_certain() -> None:
    many = replace(OURS, accounts=accounts("AC1", "AC2"), units={**units(0, 2), **units(1, 3, account="")})
    found = compare(OURS, many)
    assert ({*units(0, 2)}, {*units(2, 3)}) == ({*found.units}, {*found.partly})


def test_an_account_is_the_same_under_another_column() -> None:
    other = replace(NO_UNITS, accounts=accounts("AC1", field="owner"))
    assert Overlap.WINDOWS_MEET == compare(NO_UNITS, other).overlap


@pytest.mark.parametrize(("cost", "found"), [("10.00", Overlap.EVIDENCE_ALIKE), ("9.99", Overlap.CANNOT_TELL)])
def test_days_with_equal_numbers_are_alike_from_half_of_the_cost_on(cost: str, found: Overlap) -> None:
    """The cost of the smaller credit, by the days of this one."""

    def flagged(numbers: tuple[int, int], costs: tuple[str, str]) -> Footprint:
        both = zip(units(0, 2, account=""), numbers, costs, strict=True)
        return replace(NOBODYS, units={unit: Flagged(number, Decimal(usd)) for unit, number, usd in both})

    ours = flagged((5, 7), (cost, str(20 - Decimal(cost))))
    assert found == compare(ours, flagged((5, 900), ("50.00", "50.00"))).overlap


def test_a_few_equal_numbers_are_chance() -> None:
    few = {**units(0, 1, account=""), **units(1, 7, account="", messages=900)}
    assert Overlap.CANNOT_TELL == compare(OURS, replace(NOBODYS, units=few)).overlap


# -- several others at once --------------------------------------------------------------------------------------------


def test_units_that_several_others_share_are_there_once() -> None:
    found = compare_with_all(OURS, [replace(OURS, units=units(0, 3)), replace(OURS, units=units(2, 5))])
    days_ = (DayRange(FIRST, FIRST + timedelta(4)),)
    assert Comparison(Overlap.UNITS_SHARED, frozenset(units(0, 5)), days_, accounts=AC1) == found


def test_what_several_others_may_share_is_never_more_than_there_is() -> None:
    one, two = (replace(OURS, accounts=accounts(name), units=units(0, 2, name)) for name in ("AC1", "AC2"))
    ours = replace(OURS, accounts=accounts("AC1", "AC2"), units=units(0, 3, "", messages=15))
    found = compare_with_all(ours, [one, two, two])
    assert ([Decimal(15), Decimal(16)], {"AC1", "AC2"}) == ([*found.partly.values()], {*found.accounts})
    assert [Decimal(10), Decimal(11)] == [*compare_with_all(ours, [one]).partly.values()]


def test_what_one_other_has_for_certain_is_not_counted_again() -> None:
    many = replace(OURS, accounts=accounts("AC1", "AC2"), units=units(2, 5, account=""))
    found = compare_with_all(OURS, [replace(OURS, units=units(0, 3)), many])
    assert ({*units(0, 3)}, {*units(3, 5)}) == ({*found.units}, {*found.partly})


@pytest.mark.parametrize(
    ("others", "overlap"),
    [
        ([], Overlap.PROVABLY_DISJOINT),
        ([replace(OURS, product="psms")], Overlap.PROVABLY_DISJOINT),
        ([replace(NO_UNITS, days=UNKNOWN), replace(OURS, product="psms")], Overlap.CANNOT_TELL),
        ([replace(NO_UNITS, days=UNKNOWN), NOBODYS], Overlap.EVIDENCE_ALIKE),
        ([NOBODYS, NO_UNITS], Overlap.WINDOWS_MEET),
        ([NO_UNITS, OURS, NOBODYS], Overlap.UNITS_SHARED),
    ],
)
def test_the_gravest_finding_counts(others: list[Footprint], overlap: Overlap) -> None:
    assert overlap == compare_with_all(OURS, others).overlap


def test_the_days_and_doubts_of_the_gravest_findings_are_kept() -> None:
    early, late = (replace(NO_UNITS, days=days(*span)) for span in (("12-01", "12-20"), ("12-23", None)))
    dates = [date(2025, 12, day) for day in (18, 19, 23, 24)]
    assert ranges_of(dates) == compare_with_all(OURS, [late, early, NOBODYS]).days
    doubt = compare_with_all(OURS, [replace(OURS, product="psms"), replace(NO_UNITS, days=UNKNOWN)]).unclear
    assert "the days of one of them are not known (nobody knows)" == doubt


# -- time zones --------------------------------------------------------------------------------------------------------

NEW_YORK = replace(OURS, zone="America/New_York")


@pytest.mark.parametrize(
    ("ours", "other", "days_later", "found"),
    [
        (OURS, NEW_YORK, 7, Overlap.UNITS_SHARED),
        (NEW_YORK, OURS, 7, Overlap.UNITS_SHARED),
        (OURS, NEW_YORK, 8, Overlap.PROVABLY_DISJOINT),
        (NEW_YORK, NEW_YORK, 7, Overlap.PROVABLY_DISJOINT),
        (NEW_YORK, replace(OURS, zone="Pacific/Auckland"), 8, Overlap.UNITS_SHARED),
        (NEW_YORK, replace(OURS, zone="Pacific/Auckland"), 9, Overlap.PROVABLY_DISJOINT),
        (replace(OURS, zone=""), replace(OURS, zone=""), 8, Overlap.UNITS_SHARED),
    ],
)
def test_days_of_other_time_zones_may_be_those_around(
    ours: Footprint, other: Footprint, days_later: int, found: Overlap
) -> None:
    """A message of the last hours of a day in New York is of the next day in UTC."""
    later = units(days_later, days_later + 7, messages=77)
    assert found == compare(ours, replace(other, units=later)).overlap


@pytest.mark.parametrize(("zone", "found"), [("UTC", Overlap.CANNOT_TELL), ("Asia/Tokyo", Overlap.WINDOWS_MEET)])
@pytest.mark.parametrize("day", [("12-25", "12-26"), ("12-17", "12-18")], ids=["after", "before"])
def test_units_of_another_time_zone_are_a_day_wider(zone: str, found: Overlap, day: tuple[str, str]) -> None:
    """As long as the units of the other credit are not known."""
    other = replace(NO_UNITS, days=days(*day, "sent"))
    assert found == compare(replace(OURS, zone=zone), other).overlap


# -- days that SQL computes --------------------------------------------------------------------------------------------

COMPUTED = replace(OURS, zone=COMPUTED_DAYS)
MONTH = replace(COMPUTED, units=units(-17, -16, messages=700))
"""All of the month, shown as its first day."""


@pytest.mark.parametrize("other", [OURS, NEW_YORK, MONTH, replace(OURS, units=UNKNOWN), replace(MONTH, units=UNKNOWN)])
def test_traffic_is_not_new_because_its_days_are_shown_as_months(other: Footprint) -> None:
    """The first of a month is not a day on which anything was flagged."""
    for found in (compare(MONTH, other), compare(other, MONTH)):
        assert found.overlap.holds


def test_computed_days_of_another_window_are_apart() -> None:
    later = replace(MONTH, days=days("12-26", "12-31"))
    assert Overlap.PROVABLY_DISJOINT == compare(later, replace(OURS, days=days("12-01", "12-26"))).overlap


def test_equal_rows_of_computed_days_are_shared() -> None:
    assert Overlap.UNITS_SHARED == compare(COMPUTED, OURS).overlap


def test_computed_days_of_a_sub_account_are_those_of_its_window() -> None:
    """What was flagged in the month may be of any of its days."""
    sub = replace(MONTH, accounts=accounts("AC1-emea", field="subaccount_sid"))
    flagged = (DayRange(FIRST, FIRST + timedelta(6)),)
    assert Comparison(Overlap.ACCOUNTS_UNCLEAR, days=flagged) == compare(sub, OURS)


def test_computed_days_of_unknown_accounts_cannot_be_compared() -> None:
    """Unless the numbers are the same."""
    nobodys = replace(MONTH, accounts=UNKNOWN, units=units(-17, -16, account="", messages=700))
    found = compare(nobodys, OURS)
    assert Overlap.CANNOT_TELL == found.overlap
    assert "the accounts of one of them are not known (nobody knows)" == found.unclear
    assert Overlap.EVIDENCE_ALIKE == compare(replace(NOBODYS, zone=COMPUTED_DAYS), NOBODYS).overlap


def test_computed_days_cannot_be_compared_with_days_that_are_not_known() -> None:
    found = compare(MONTH, replace(NO_UNITS, days=UNKNOWN))
    expected = "the flagged rows of one of them are not known (the SQL computes the days that it shows)"
    assert (Overlap.CANNOT_TELL, expected) == (found.overlap, found.unclear)


# -- accounts and sub-accounts -----------------------------------------------------------------------------------------


def test_a_sub_account_may_be_a_part_of_any_account_of_another_column() -> None:
    """Nobody knows which account it belongs to. All of an account's traffic may be that of one sub-account."""
    sub = replace(OURS, accounts=accounts("AC1-emea", field="subaccount_sid"), units=units(account="AC1-emea"))
    assert Overlap.EVIDENCE_ALIKE == compare(sub, OURS).overlap == compare(OURS, sub).overlap
    some = replace(sub, units=units(account="AC1-emea", messages=3))
    for found in (compare(some, OURS), compare(OURS, some)):
        assert (Overlap.ACCOUNTS_UNCLEAR, [*range(3, 10)]) == (found.overlap, sorted(found.partly.values()))
        assert ranges_of(unit.day for unit in units()) == found.days
    elsewhere = replace(sub, units=units(account="AC1-emea", prefix="+1", messages=3))
    assert Overlap.PROVABLY_DISJOINT == compare(elsewhere, OURS).overlap


@pytest.mark.parametrize("known", [OURS, NO_UNITS])
def test_a_sub_account_of_the_same_days_is_asked_about_without_units(known: Footprint) -> None:
    sub = replace(NO_UNITS, accounts=accounts("AC1-emea", field="subaccount_sid"))
    for found in (compare(sub, known), compare(known, sub)):
        assert Overlap.ACCOUNTS_UNCLEAR == found.overlap
    later = replace(sub, days=days("12-31", None))
    assert Overlap.PROVABLY_DISJOINT == compare(later, known).overlap


def test_a_sub_account_whose_account_is_named_as_well_is_compared_by_it() -> None:
    sub = replace(OURS, accounts=Accounts({"account_sid": frozenset({"AC2"}), "subaccount_sid": frozenset({"S"})}))
    assert Overlap.PROVABLY_DISJOINT == compare(sub, OURS).overlap == compare(OURS, sub).overlap


@pytest.mark.parametrize("naming", ["", "abc"])
@pytest.mark.parametrize("other", [OURS, replace(OURS, accounts=accounts("AC1", "AC2"))])
def test_a_sub_account_is_a_part_of_its_account_whichever_its_rows_name(other: Footprint, naming: str) -> None:
    """Only names in one column tell two accounts apart."""
    both = Accounts({"account_sid": frozenset({"AC1"}), "subaccount_sid": frozenset({"S"})})
    sub = replace(OURS, accounts=both, units=units(account="S", messages=3), naming=naming)
    for found in (compare(sub, other), compare(other, sub)):
        assert (Overlap.UNITS_SHARED, AC1) == (found.overlap, found.accounts)
        assert 42 == sum(found.partly.values())


def test_a_sub_account_as_another_product_may_be_the_same_rows() -> None:
    sub = replace(AS_PSMS, accounts=accounts("AC1-emea", field="subaccount_sid"))
    assert Overlap.ACCOUNTS_UNCLEAR == compare(sub, AS_VERIFY).overlap == compare(AS_VERIFY, sub).overlap


# -- prefixes and modes that SQL makes ---------------------------------------------------------------------------------

RENAMED = replace(OURS, units=units(prefix="Indonesia", messages=700), naming="abc")


@pytest.mark.parametrize("other", [OURS, replace(RENAMED, units=units(prefix="ID", messages=90), naming="def")])
def test_traffic_is_not_new_because_its_prefixes_have_other_names(other: Footprint) -> None:
    """Nor with other numbers of messages: the days on which both flagged something decide."""
    for found in (compare(RENAMED, other), compare(other, RENAMED)):
        flagged = ranges_of({*(unit.day for unit in units())})
        assert Comparison(Overlap.WINDOWS_MEET, days=flagged, accounts=AC1) == found


def test_prefixes_of_a_sub_account_may_have_other_names() -> None:
    sub = replace(RENAMED, accounts=accounts("AC1-emea", field="subaccount_sid"))
    assert Overlap.ACCOUNTS_UNCLEAR == compare(sub, OURS).overlap == compare(OURS, sub).overlap


def test_prefixes_that_are_made_in_the_same_way_are_compared() -> None:
    """Two requests for two prefixes of one account, by the same dimension."""
    other = replace(RENAMED, units=units(prefix="India", messages=90))
    assert Overlap.PROVABLY_DISJOINT == compare(RENAMED, other).overlap


@pytest.mark.parametrize(
    "other",
    [
        replace(OURS, units=units(7, 9)),
        replace(OURS, accounts=accounts("AC2"), units=units(account="AC2")),
        replace(OURS, product="psms"),
        replace(OURS, days=days("11-01", "12-01")),
    ],
)
def test_other_days_accounts_and_products_need_no_names(other: Footprint) -> None:
    assert Overlap.PROVABLY_DISJOINT == compare(RENAMED, other).overlap == compare(other, RENAMED).overlap


def test_of_several_accounts_only_the_same_one_meets() -> None:
    both = accounts("AC1", "AC2")
    one = replace(RENAMED, accounts=both, units=units(prefix="ID", account="AC2", messages=90))
    other = replace(OURS, accounts=both, units=units())
    assert Overlap.PROVABLY_DISJOINT == compare(one, other).overlap
    assert Overlap.WINDOWS_MEET == compare(one, replace(other, units=units(account="", messages=70))).overlap


def test_other_names_of_unknown_accounts_cannot_be_compared() -> None:
    other = replace(NOBODYS, units=units(account="", prefix="ID", messages=90), naming="abc")
    expected = Comparison(Overlap.CANNOT_TELL, unclear="their SQL makes prefixes and modes in different ways")
    assert expected == compare(other, OURS)


def test_days_in_other_zones_meet_the_days_around_them() -> None:
    one = replace(RENAMED, units=units(7, 8, prefix="ID"), zone="America/New_York")
    assert Overlap.WINDOWS_MEET == compare(one, OURS).overlap == compare(OURS, one).overlap
    assert Overlap.PROVABLY_DISJOINT == compare(replace(one, units=units(8, 9, prefix="ID")), OURS).overlap


# -- products ----------------------------------------------------------------------------------------------------------

VERIFY_ROWS = Selection(frozenset({"t"}), {"item": frozenset({frozenset({"=Authy%"})})})
ANY_SMS = Selection(frozenset({"t"}), {"item": frozenset({frozenset({"=%SMS%"})})})
OTHER_ROWS = Selection(frozenset({"t"}), {"item": frozenset({frozenset({"=Programmable SMS%"})})})
AS_VERIFY = replace(OURS, selection=VERIFY_ROWS)
AS_PSMS = replace(OURS, product="psms", units=units(2, 9, messages=700), selection=ANY_SMS)


@pytest.mark.parametrize(
    ("other", "first", "last"),
    [
        (AS_PSMS, "2025-12-20", "2025-12-24"),
        (replace(AS_PSMS, units=units(2, 9, mode="max", prefix="62")), "2025-12-20", "2025-12-24"),
        (replace(AS_PSMS, units=UNKNOWN), "2025-12-18", "2025-12-24"),
    ],
    ids=["other numbers", "other names", "no units"],
)
def test_two_products_may_credit_the_same_rows(other: Footprint, first: str, last: str) -> None:
    """Their notebooks flag differently, so the days count on which both did."""
    for found in (compare(AS_VERIFY, other), compare(other, AS_VERIFY)):
        assert Overlap.WINDOWS_MEET is found.overlap
        assert (DayRange(date.fromisoformat(first), date.fromisoformat(last)),) == found.days


def test_tables_of_two_products_may_be_views_of_one() -> None:
    """That is rare, so nobody is asked; the summary says so."""
    other = replace(AS_PSMS, selection=replace(ANY_SMS, tables=frozenset({"sms"})))
    why = "they are credited as two products, and their tables may be views of one"
    for found in (compare(AS_VERIFY, other), compare(other, AS_VERIFY)):
        assert Comparison(Overlap.CANNOT_TELL, unclear=why) == found
    assert Overlap.PROVABLY_DISJOINT is compare(AS_VERIFY, replace(other, units=units(10, 12))).overlap


def test_within_a_product_a_view_gives_no_other_rows() -> None:
    view = replace(AS_VERIFY, selection=replace(VERIFY_ROWS, tables=frozenset({"a_view"})))
    assert Overlap.UNITS_SHARED is compare(AS_VERIFY, view).overlap
    assert Overlap.WINDOWS_MEET is compare(AS_VERIFY, replace(view, units=UNKNOWN)).overlap


@pytest.mark.parametrize(
    "other",
    [
        replace(AS_PSMS, selection=OTHER_ROWS),
        replace(AS_PSMS, selection=None),
        replace(AS_PSMS, accounts=accounts("AC2")),
        replace(AS_PSMS, accounts=UNKNOWN),
        replace(AS_PSMS, days=days("11-01", "12-01")),
        replace(AS_PSMS, units=units(10, 12)),
        replace(AS_PSMS, units=UNKNOWN, days=UNKNOWN),
    ],
    ids=[
        "other rows", "not read", "other account", "no account", "other days", "other flagged days",
        "no days",
    ],
)  # fmt: skip
def test_two_products_credit_other_rows_where_nothing_says_otherwise(other: Footprint) -> None:
    assert Overlap.PROVABLY_DISJOINT is compare(AS_VERIFY, other).overlap
    assert Overlap.PROVABLY_DISJOINT is compare(other, AS_VERIFY).overlap
