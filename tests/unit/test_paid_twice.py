"""What would be paid twice, in sentences for the approvers."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from creditbot.credit.footprint import Days, Flagged, Footprint, Unknown
from creditbot.credit.selection import Selection
from creditbot.decide.hold import HoldKind
from creditbot.decide.paid_twice import Credited, Other, account_reasons, findings
from tests.support.footprints import NO_UNITS, NOBODYS, OURS, UNKNOWN, accounts, days, units

ADDRESS = "https://acme.slack.com/archives/C0TEST/p1"


def other(*footprints: Footprint) -> Other:
    return Other("T0.C0.1", ADDRESS, footprints)


def test_a_hold_says_what_would_be_paid_twice_where_and_for_which_days() -> None:
    """The part of the amount is that of the cost."""
    found = findings([Credited(OURS, Decimal("45.50"))], [other(replace(OURS, units=units(2, 5)))])
    (reason,) = found.reasons
    assert (HoldKind.OVERLAP, "T0.C0.1", Decimal("19.50")) == (reason.kind, reason.about, reason.twice)
    days = "2025-12-20 to 2025-12-22"
    expected = f"$19.50 of $45.50 would be paid twice: {ADDRESS} also credits the same flagged rows for {days}."
    assert expected == reason.text


def test_a_hold_for_windows_names_product_account_and_days() -> None:
    (reason,) = findings([Credited(NO_UNITS, Decimal("45.50"))], [other(NO_UNITS)]).reasons
    expected = (
        f"Up to $45.50 of $45.50 may be paid twice: {ADDRESS} also credits verify traffic of AC1 for 2025-12-01 to "
        "2025-12-30."
    )
    assert expected == reason.text


def test_a_hold_for_windows_without_an_end_names_no_day() -> None:
    unlimited = replace(NO_UNITS, days=Days(""))
    (reason,) = findings([Credited(unlimited, Decimal("45.50"))], [other(unlimited)]).reasons
    assert reason.text.endswith("credits verify traffic of AC1 for the same days.")


def test_a_hold_for_equal_numbers_says_so() -> None:
    (reason,) = findings([Credited(NOBODYS, Decimal("45.50"))], [other(NOBODYS)]).reasons
    assert reason.twice is None
    expected = (
        f"Up to $45.50 of $45.50 may be paid twice: {ADDRESS} also credits the same numbers of messages for 2025-12-18 "
        "to 2025-12-24."
    )
    assert expected == reason.text


def test_two_links_of_one_message_are_compared_with_each_other() -> None:
    links = [Credited(OURS, Decimal("45.50")), Credited(replace(OURS, units=units(2, 5)), Decimal("19.50"))]
    (reason,) = findings(links, []).reasons
    assert "links 1 and 2" == reason.about
    assert reason.text.startswith(
        "$19.50 of $65.00 would be paid twice: links 1 and 2 of this message both have the same"
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


# -- several reasons at once -------------------------------------------------------------------------------------------


def credited(footprint: Footprint, amount: str = "45.50") -> Credited:
    return Credited(footprint, Decimal(amount))


def test_many_equal_links_of_one_message_are_one_reason() -> None:
    """The first of them is paid for."""
    (reason,) = findings([credited(OURS)] * 8, []).reasons
    assert reason.about == "links 1 to 8"
    assert reason.text == (
        "$318.50 of $364.00 would be paid twice: links 1 to 8 of this message have the same flagged rows for "
        "2025-12-18 to 2025-12-24."
    )


def test_links_that_share_traffic_by_way_of_another_are_one_group() -> None:
    first, last, both = (replace(OURS, units=units(*span)) for span in ((0, 3), (4, 7), (2, 5)))
    other = replace(OURS, product="psms")
    found = findings([credited(first), credited(last), credited(other), credited(both), credited(other)], [])
    assert ["links 3 and 5", "links 1, 2 and 4"] == [reason.about for reason in found.reasons]


def test_the_links_of_the_other_request_are_counted_together() -> None:
    """Each of them shares a half."""
    halves = other(replace(OURS, units=units(0, 3)), replace(OURS, units=units(3, 7)))
    (reason,) = findings([credited(OURS)], [halves]).reasons
    assert reason.text.startswith("$45.50 of $45.50 would be paid twice")


def test_traffic_that_several_others_credit_is_paid_twice_once() -> None:
    others = [replace(other(replace(OURS, units=units(0, 4))), key=key) for key in ("one", "two")]
    found = findings([credited(OURS)], others)
    assert (2, Decimal("23.00"), False) == (len(found.reasons), found.twice, found.perhaps_more)


def test_what_costs_most_comes_first() -> None:
    small, large = other(replace(OURS, units=units(0, 1))), replace(other(OURS), key="large")
    assert ["large", "T0.C0.1"] == [reason.about for reason in findings([credited(OURS)], [small, large]).reasons]


def test_what_is_certain_and_what_is_possible_are_told_apart() -> None:
    """Of one link the units are known."""
    theirs = other(OURS, replace(NO_UNITS, product="psms"))
    found = findings([credited(OURS), credited(replace(NO_UNITS, product="psms"), "10.00")], [theirs])
    (reason,) = found.reasons
    assert reason.text.startswith("$45.50 of $55.50 would be paid twice, and up to $10.00 more may be: ")
    assert (Decimal("45.50"), True) == (found.twice, found.perhaps_more)


def test_links_of_one_message_may_pay_twice_no_more_than_the_smaller_one() -> None:
    found = findings([credited(NO_UNITS, "10.00"), credited(NO_UNITS, "30.00")], [])
    assert found.reasons[0].text == (
        "Up to $10.00 of $40.00 may be paid twice: links 1 and 2 of this message both have verify traffic of AC1 for "
        "2025-12-01 to 2025-12-30."
    )


def test_days_with_gaps_between_them_are_named_as_they_are() -> None:
    gaps = replace(OURS, units={**units(0, 2), **units(5, 6)})
    (reason,) = findings([credited(OURS)], [other(gaps)]).reasons
    assert reason.text.endswith(" for 2025-12-18 to 2025-12-19, 2025-12-23.")


def test_only_a_few_of_many_accounts_are_named() -> None:
    many = replace(NO_UNITS, accounts=accounts(*(f"AC{number}" for number in range(5))))
    (reason,) = findings([credited(many)], [other(many)]).reasons
    assert "verify traffic of AC0, AC1, AC2 and 2 more for" in reason.text


@pytest.mark.parametrize("span", [("12-01", None), (None, "12-05")])
def test_days_without_a_limit_are_not_named(span: tuple[str | None, str | None]) -> None:
    open_ended = replace(NO_UNITS, days=days(*span))
    (reason,) = findings([credited(open_ended)], [other(open_ended)]).reasons
    assert reason.text.endswith(" for the same days.")


def test_a_long_condition_is_cut_where_it_is_quoted() -> None:
    (reason,) = account_reasons([replace(OURS, accounts=Unknown("x" * 300))])
    assert f"credits: {'x' * 199}…." in reason.text


def test_links_that_name_no_account_for_the_same_reason_are_one_reason() -> None:
    nobody, anybody = replace(OURS, accounts=UNKNOWN), replace(OURS, accounts=Unknown("anybody may"))
    found = account_reasons([nobody, OURS, anybody, nobody, nobody])
    assert ["links 1, 4 and 5", "link 3"] == [reason.about for reason in found]
    assert "Nobody can tell whose traffic links 1, 4 and 5 credit: nobody knows." == found[0].text


def test_two_links_that_name_no_account_are_both_named() -> None:
    (reason,) = account_reasons([replace(OURS, accounts=UNKNOWN)] * 2)
    assert ("links 1 and 2", "Nobody can tell whose traffic links 1 and 2 credit: nobody knows.") == (
        reason.about, reason.text,
    )  # fmt: skip


def test_each_doubt_about_another_credit_is_said_once() -> None:
    links = [credited(OURS), credited(replace(OURS, accounts=UNKNOWN, units=UNKNOWN)), credited(OURS)]
    (doubt,) = findings(links, [other(replace(NO_UNITS, days=UNKNOWN))]).unclear
    assert doubt == (
        f"Not compared with {ADDRESS}: the days of one of them are not known (nobody knows); the accounts of one of "
        "them are not known (nobody knows)."
    )


def test_what_may_cost_most_comes_before_what_surely_costs_less() -> None:
    small, large = other(replace(OURS, units=units(0, 1))), replace(other(NO_UNITS), key="large")
    assert ["large", "T0.C0.1"] == [reason.about for reason in findings([credited(OURS)], [small, large]).reasons]


def test_what_links_of_one_message_share_is_paid_twice() -> None:
    found = findings([credited(OURS), credited(replace(OURS, units=units(2, 5)), "19.50")], [])
    assert Decimal("19.50") == found.twice


def test_of_rows_of_several_accounts_the_largest_share_is_said() -> None:
    """Nobody knows how much of them is whose."""
    both = replace(OURS, accounts=accounts("AC1", "AC2"), units=units(account="", messages=20))
    found = findings([credited(both, "80.50")], [other(OURS)])
    (reason,) = found.reasons
    assert reason.text == (
        f"Up to $45.50 of $80.50 may be paid twice: {ADDRESS} also credits flagged rows of verify traffic of AC1 for "
        "2025-12-18 to 2025-12-24, and the SQL of one of them does not tell accounts apart."
    )
    assert (None, None, Decimal(0), True) == (reason.twice, found.known_twice, found.twice, found.perhaps_more)


def test_rows_of_the_same_several_accounts_are_paid_twice_for_certain() -> None:
    both = replace(OURS, accounts=accounts("AC1", "AC2"), units=units(account=""))
    (reason,) = findings([credited(both)], [other(both)]).reasons
    assert reason.text.startswith("$45.50 of $45.50 would be paid twice: ")


def test_what_several_accounts_share_at_most_comes_beside_what_is_certain() -> None:
    many = replace(OURS, accounts=accounts("AC1", "AC2"), units=units(5, 7, account=""))
    (reason,) = findings([credited(OURS)], [other(replace(OURS, units=units(0, 5)), many)]).reasons
    assert reason.text.startswith("$30.00 of $45.50 would be paid twice, and up to $15.50 more may be: ")


def test_an_account_of_another_column_may_contain_the_same_traffic() -> None:
    """Such as a sub-account, of which no more is paid twice than it was credited."""
    sub = replace(OURS, accounts=accounts("S1", field="subaccount_sid"), units=units(0, 7, "S1", messages=2))
    (reason,) = findings([credited(OURS)], [other(sub)]).reasons
    assert reason.text == (
        f"Up to $17.50 of $45.50 may be paid twice: {ADDRESS} also credits traffic that may be some of the verify "
        "traffic of AC1 for 2025-12-18 to 2025-12-24: another column names its accounts."
    )
    assert reason.twice is None


def test_only_the_accounts_that_both_name_are_named() -> None:
    both = replace(NO_UNITS, accounts=accounts("AC1", "AC2"))
    (reason,) = findings([credited(both)], [other(replace(NO_UNITS, accounts=accounts("AC2", "AC3")))]).reasons
    assert "also credits verify traffic of AC2 for" in reason.text


def test_half_a_cent_is_rounded_up() -> None:
    """It is what would be paid twice, so rather too much than too little."""
    two = {unit: Flagged(1, Decimal(1)) for unit in units(0, 2)}
    one = dict(list(two.items())[:1])
    (reason,) = findings([credited(replace(OURS, units=two), "0.05")], [other(replace(OURS, units=one))]).reasons
    assert Decimal("0.03") == reason.twice


@pytest.mark.parametrize(("names", "words"), [(("AC1", "AC2", "AC3"), "AC1, AC2, AC3 for"), (("x" * 70,), "xx… for")])
def test_as_many_accounts_as_there_is_room_for_are_named(names: tuple[str, ...], words: str) -> None:
    """A long name is cut."""
    footprint = replace(NO_UNITS, accounts=accounts(*names))
    (reason,) = findings([credited(footprint)], [other(footprint)]).reasons
    assert words in reason.text
    assert "x" * 60 not in reason.text


def test_all_products_of_a_reason_are_named() -> None:
    both = [NO_UNITS, replace(NO_UNITS, product="psms")]
    (reason,) = findings([credited(footprint) for footprint in both], [other(*both)]).reasons
    assert "also credits verify, psms traffic of AC1 for" in reason.text


def test_the_products_of_the_other_credit_are_named() -> None:
    """What two products credit may be the same rows."""
    rows = Selection(frozenset({"t"}))
    ours = replace(OURS, selection=rows)
    others = [replace(OURS, product=name, selection=rows) for name in ("voice", "psms")]
    (reason,) = findings([credited(ours)], [other(*others)]).reasons
    assert f"{ADDRESS} credits as psms, voice what may be the same rows as" in reason.text


def test_links_in_a_row_are_named_by_the_first_and_the_last() -> None:
    rest = [credited(OURS)] * 3
    psms = credited(replace(OURS, product="psms"))
    assert ["links 1 to 3"] == [reason.about for reason in findings(rest, []).reasons]
    assert ["links 2 to 4"] == [reason.about for reason in findings([psms, *rest], []).reasons]
