"""Two credits compared: what is shared, what is provably not, and what nobody can tell."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from creditbot.credit.footprint import Accounts, Days, Flagged, Footprint, Unit, Units, Unknown
from creditbot.decide.hold import HoldKind
from creditbot.decide.overlap import Comparison, Credited, Other, Overlap, account_reasons, compare, findings

FIRST = date(2025, 12, 18)
UNKNOWN = Unknown("nobody knows")


def accounts(*names: str, field: str = "account_sid") -> Accounts:
    return Accounts({field: frozenset(names)})


def days(start: str | None, end: str | None, field: str = "day") -> Days:
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


# -- comparisons -------------------------------------------------------------------------------------------------------


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
        (replace(OURS, accounts=accounts("AC1", "AC2"), units=units(account="")), 91, range(7)),
        (replace(OURS, accounts=accounts("AC1", field="owner")), 91, range(7)),
        (replace(OURS, accounts=UNKNOWN), 91, range(7)),
        (replace(OURS, accounts=accounts("7", field="account_id")), 91, range(7)),
    ],
)
def test_units_in_common_are_shared_with_their_cost_and_days(other: Footprint, cost: int, shared: range) -> None:
    expected = Comparison(Overlap.UNITS_SHARED, Decimal(cost), tuple(FIRST + timedelta(day) for day in shared))
    assert expected == compare(OURS, other)


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
    span = tuple(dict.fromkeys(date.fromisoformat(f"2025-{day}") for day in (first, last)))
    assert Comparison(Overlap.WINDOWS_MEET, days=span) == compare(OURS, other)


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
    assert Overlap.EVIDENCE_ALIKE == compare(OURS, other).overlap
    assert Overlap.EVIDENCE_ALIKE == compare(other, OURS).overlap


@pytest.mark.parametrize(
    ("other", "unclear"),
    [
        (replace(NO_UNITS, accounts=UNKNOWN), "the accounts of one of them are not known (nobody knows)"),
        (replace(NO_UNITS, days=UNKNOWN), "the days of one of them are not known (nobody knows)"),
        (replace(NO_UNITS, accounts=accounts("7", field="account_id")),
         "the flagged rows of one of them are not known (nobody knows)"),
        (replace(OURS, accounts=accounts("7", field="account_id"), units=units(account="7", messages=99)),
         "the accounts of one of them are not known"),
        (replace(NO_UNITS, days=days("11-01", "11-05", "sent")), "the days are limited by different columns"),
        (replace(NOBODYS, units=units(account="", messages=99)), "the accounts of one of them are not known"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_said(other: Footprint, unclear: str) -> None:
    assert Comparison(Overlap.CANNOT_TELL, unclear=unclear) == compare(OURS, other)


def test_a_few_equal_numbers_are_chance() -> None:
    few = {**units(0, 1, account=""), **units(1, 7, account="", messages=900)}
    assert Overlap.CANNOT_TELL == compare(OURS, replace(NOBODYS, units=few)).overlap


# -- sentences ---------------------------------------------------------------------------------------------------------

ADDRESS = "https://acme.slack.com/archives/C0TEST/p1"


def other(*footprints: Footprint) -> Other:
    return Other("T0.C0.1", ADDRESS, footprints)


def test_a_hold_says_what_would_be_paid_twice_where_and_for_which_days() -> None:
    """The part of the amount is that of the cost."""
    found = findings([Credited(OURS, Decimal("45.50"))], [other(replace(OURS, units=units(2, 5)))])
    (reason,) = found.reasons
    assert (HoldKind.OVERLAP, "T0.C0.1") == (reason.kind, reason.about)
    days = "2025-12-20 to 2025-12-22"
    expected = f"$19.50 of $45.50 would be paid twice: {ADDRESS} also credits the same flagged rows for {days}."
    assert expected == reason.text


def test_a_hold_for_windows_names_product_account_and_days() -> None:
    (reason,) = findings([Credited(NO_UNITS, Decimal("45.50"))], [other(NO_UNITS)]).reasons
    expected = (
        f"Up to $45.50 may be paid twice: {ADDRESS} also credits verify traffic of AC1 for 2025-12-01 to 2025-12-30."
    )
    assert expected == reason.text


def test_a_hold_for_windows_without_an_end_names_no_day() -> None:
    unlimited = replace(NO_UNITS, days=Days(""))
    (reason,) = findings([Credited(unlimited, Decimal("45.50"))], [other(unlimited)]).reasons
    assert reason.text.endswith("credits verify traffic of AC1 for the same days.")


def test_a_hold_for_equal_numbers_says_so() -> None:
    (reason,) = findings([Credited(NOBODYS, Decimal("45.50"))], [other(NOBODYS)]).reasons
    expected = (
        f"$45.50 may be paid twice: {ADDRESS} also credits the same numbers of messages for 2025-12-18 to 2025-12-24."
    )
    assert expected == reason.text


def test_two_links_of_one_message_are_compared_with_each_other() -> None:
    links = [Credited(OURS, Decimal("45.50")), Credited(replace(OURS, units=units(2, 5)), Decimal("19.50"))]
    (reason,) = findings(links, []).reasons
    assert "links 1 and 2" == reason.about
    assert reason.text.startswith(
        "$19.50 of $19.50 would be paid twice: links 1 and 2 of this message both have the same"
    )


def test_each_other_request_is_one_reason_whatever_its_links() -> None:
    """The one that shares most of the traffic counts."""
    links = [Credited(OURS, Decimal("45.50")), Credited(replace(OURS, product="psms"), Decimal(1))]
    (reason,) = findings(links, [other(replace(OURS, units=units(2, 5)), OURS, replace(OURS, product="x"))]).reasons
    assert reason.text.startswith("$45.50 of $46.50 would be paid twice")


def test_units_that_cost_nothing_are_shared_for_nothing() -> None:
    free = replace(OURS, units={unit: Flagged(1, Decimal(0)) for unit in units()})
    (reason,) = findings([Credited(free, Decimal("0.00"))], [other(free)]).reasons
    assert reason.text.startswith("$0.00 of $0.00")


def test_what_could_not_be_compared_is_no_reason_and_is_said() -> None:
    found = findings([Credited(OURS, Decimal("45.50"))], [other(replace(NO_UNITS, days=UNKNOWN))])
    assert () == found.reasons
    assert (f"Not compared with {ADDRESS}: the days of one of them are not known (nobody knows).",) == found.unclear


def test_disjoint_traffic_leaves_nothing_to_say() -> None:
    found = findings([Credited(OURS, Decimal("45.50"))], [other(replace(OURS, product="psms"))])
    assert ((), ()) == (found.reasons, found.unclear)


def test_a_link_that_names_no_account_is_a_reason() -> None:
    (reason,) = account_reasons([OURS, replace(OURS, accounts=Unknown("no condition names the account"))])
    assert (HoldKind.ACCOUNTS, "link 2") == (reason.kind, reason.about)
    assert "Nobody can tell whose traffic link 2 credits: no condition names the account." == reason.text
