"""Footprints: units as a notebook glues them, accounts as they are compared, and both as JSON."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.credit.footprint import (
    Accounts,
    Days,
    Flagged,
    Footprint,
    TrafficWindow,
    Unit,
    Unknown,
    account_key,
    footprint_of,
    joined,
    search_tokens,
    tokens_of,
    traffic_in_words,
    units_in_words,
)
from creditbot.credit.footprint_text import (
    UNITS_BYTES,
    footprint_from_json,
    footprint_from_text,
    footprint_to_json,
    footprint_to_text,
    units_from_text,
)

DAY = date(2025, 12, 18)
COLUMNS = ["account", "day", "prefix", "mode", "messages", "cost"]
ROW = ["AC1", "2025-12-18", "+62", "basic", 10, "3.8400"]


def named(*names: str) -> Accounts:
    return Accounts({"account_sid": frozenset(names)})


moment = datetime.fromisoformat
DECEMBER = Days("day", moment("2025-12-01"), moment("2026-01-01"))


def glued(*rows: list[Any], columns: list[str] = COLUMNS) -> dict[str, object]:
    return {"units": {"columns": columns, "rows": list(rows)}}


def units(scraps: dict[str, object], *names: str, cost: str | None = None) -> Any:
    window = TrafficWindow(named(*names) if names else Unknown("?"), DECEMBER)
    return footprint_of("verify", window, scraps, Decimal(cost) if cost else None).units


# -- units -------------------------------------------------------------------------------------------------------------


def test_units_are_read_from_the_scrap() -> None:
    assert {Unit("AC1", DAY, "+62", "basic"): Flagged(10, Decimal("3.8400"))} == units(glued(ROW))


def test_rows_of_one_unit_are_added_up() -> None:
    assert {Unit("AC1", DAY, "+62", "basic"): Flagged(20, Decimal("7.6800"))} == units(glued(ROW, ROW))


def test_the_only_account_of_the_sql_is_that_of_every_unit() -> None:
    """What a row of the result says can be any text."""
    assert {"AC7"} == {unit.account for unit in units(glued(ROW, ["", *ROW[1:]]), "AC7")}


def test_a_unit_of_an_account_that_the_sql_does_not_ask_for_has_none() -> None:
    rows = [[name, *ROW[1:]] for name in ("ac1", "AC3", "")]
    assert {"AC1", ""} == {unit.account for unit in units(glued(*rows), "AC1", "AC2")}


@pytest.mark.parametrize(
    "scraps",
    [
        {"units": [ROW]},
        {"units": {"rows": [ROW]}},
        {"units": {"columns": COLUMNS, "rows": {}}},
        glued(ROW[:5]),
        glued(ROW, columns=COLUMNS[:5]),
        glued([*ROW[:4], "10", "3.84"]),
        glued([*ROW[:4], -1, "3.84"]),
        glued([*ROW[:4], True, "3.84"]),
        glued([*ROW[:5], "NaN"]),
        glued([*ROW[:5], "-1"]),
        glued([*ROW[:5], "much"]),
        glued(["AC1", "18 December", *ROW[2:]]),
        glued(["AC1", None, *ROW[2:]]),
    ],
)  # fmt: skip
def test_units_that_cannot_be_read_are_unknown(scraps: dict[str, object]) -> None:
    """The credit does not depend on them."""
    assert Unknown("the notebook's list of flagged rows cannot be read") == units(scraps)


def test_a_notebook_without_units_leaves_them_unknown() -> None:
    assert Unknown("the notebook does not say which rows it flagged") == units({"credit": "1.00"})


def test_units_that_do_not_add_up_to_the_fraud_cost_are_unknown() -> None:
    assert Unknown("the notebook's flagged rows do not add up to its fraud cost") == units(glued(ROW), cost="5.00")
    assert not isinstance(units(glued(ROW), cost="3.84"), Unknown)


# -- accounts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("other", ["ac1", " AC1 ", account_key("AC1")])
def test_an_account_has_one_key_however_it_is_written(other: str) -> None:
    assert account_key("AC1") == account_key(other)


@pytest.mark.parametrize("other", ["042", "42.0", " 42"])
def test_a_number_has_one_key_however_it_is_written(other: str) -> None:
    assert account_key("42") == account_key(other)


@pytest.mark.parametrize("other", ["AC11", "AC", "-", "4.2", "\ud800"])
def test_other_accounts_have_other_keys(other: str) -> None:
    assert account_key("AC1") != account_key(other)
    assert account_key("42") != account_key(other)


def test_a_credit_is_found_by_each_of_its_accounts() -> None:
    one, two = Footprint("verify", named("AC1"), DECEMBER, {}), Footprint("verify", named("AC2"), DECEMBER, {})
    both = Footprint("verify", named("ac1", "ac2"), DECEMBER, {})
    assert set(tokens_of([one, two])) == set(both.tokens())


def test_a_credit_of_unknown_or_of_many_accounts_is_found_by_its_product() -> None:
    many = Footprint("verify", named(*map(str, range(21))), DECEMBER, {})
    assert many.tokens() == Footprint("verify", Unknown("?"), DECEMBER, {}).tokens()
    assert many.tokens() != Footprint("psms", Unknown("?"), DECEMBER, {}).tokens()


def test_credits_of_the_same_numbers_are_found_whatever_their_accounts() -> None:
    """By the three units that cost most."""
    rows = [["AC1", f"2025-12-{day}", "+62", "basic", day, str(day)] for day in range(10, 20)]
    one = Footprint("verify", named("AC1"), DECEMBER, units(glued(*rows)))
    two = Footprint("verify", Unknown("?"), DECEMBER, units(glued(*rows[7:])))
    assert 3 == len(set(one.tokens()) & set(search_tokens([two])))


def test_a_credit_of_unknown_accounts_is_looked_for_by_every_other() -> None:
    unknown = Footprint("verify", Unknown("?"), Unknown("?"), Unknown("?"))
    assert set(unknown.tokens()) <= set(search_tokens([Footprint("verify", named("AC1"), DECEMBER, {})]))
    assert unknown.accounts == unknown.hashed().accounts


def test_a_credit_of_another_product_is_found_if_asked_for() -> None:
    """By its account: the same rows may have been credited as that product."""
    ours, theirs = (Footprint(name, named("AC1"), DECEMBER, {}) for name in ("verify", "psms"))
    assert not {*theirs.tokens()} & {*search_tokens([ours])}
    assert {*theirs.tokens()} & {*search_tokens([ours], ["verify", "psms"])}


SUB = Accounts({"sub_account_sid": frozenset({"S1"})})


@pytest.mark.parametrize(
    ("theirs", "is_found"),
    [
        (DECEMBER, True),
        (Days("sent", moment("2025-12-31"), moment("2026-02-01")), True),
        (Days("day", moment("2025-12-31"), None), True),
        (Unknown("?"), True),
        (Days("day", moment("2020-01-01"), moment("2026-01-01")), True),
        (Days("day", moment("2026-01-01"), moment("2026-02-01")), False),
    ],
)
def test_a_credit_by_another_column_is_found_if_it_may_share_a_month(theirs: Days | Unknown, is_found: bool) -> None:
    """An account may contain the traffic of a sub-account."""
    ours, other = Footprint("verify", SUB, DECEMBER, {}), Footprint("verify", named("AC1"), theirs, {})
    for one, two in ((ours, other), (other, ours)):
        looked_for = {*search_tokens([one], columns=["account_sid", "sub_account_sid"])}
        assert is_found == bool({*two.tokens()} & looked_for)


def test_a_credit_by_the_same_column_is_found_by_its_account_alone() -> None:
    """A month may have hundreds of others."""
    ours, other = (Footprint("verify", named(name), DECEMBER, {}) for name in ("AC1", "AC2"))
    assert not {*other.tokens()} & {*search_tokens([ours], columns=["account_sid", "sub_account_sid"])}


# -- words -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        ("2025-12-01", "2026-01-01", "2025-12-01 to 2025-12-31"),
        ("2025-12-01", "2025-12-02", "2025-12-01"),
        ("2025-12-01", None, "from 2025-12-01 on"),
        (None, "2026-01-01", "until 2025-12-31"),
        (None, None, "any day"),
    ],
)
def test_days_are_shown_with_both_ends_included(start: str | None, end: str | None, words: str) -> None:
    moments = (moment(text) if text else None for text in (start, end))
    assert f"verify, AC1, {words}" == traffic_in_words(Footprint("verify", named("AC1"), Days("day", *moments), {}))


def test_what_is_unknown_is_shown_with_its_reason() -> None:
    footprint = Footprint("verify", Unknown("no condition names the account"), Unknown("nobody knows"), Unknown("no"))
    assert "verify, account unknown: no condition names the account, days unknown: nobody knows" == traffic_in_words(
        footprint
    )
    assert "unknown: no" == units_in_words(footprint.units)


def test_flagged_units_are_shown_as_their_sums() -> None:
    assert "10 messages in 1 rows, $3.84" == units_in_words(units(glued(ROW)))


# -- several readings --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "accounts", "days"),
    [
        (TrafficWindow(Unknown("a"), DECEMBER), Unknown("a"), DECEMBER),
        (TrafficWindow(named("AC1"), Unknown("d")), named("AC1"), Unknown("d")),
        (TrafficWindow(Accounts({"account_id": frozenset({"7"})}), DECEMBER), None, DECEMBER),
        (TrafficWindow(named("AC1"), Days("other")), named("AC1"), None),
        (TrafficWindow(named("AC2"), Days("day", None, moment("2026-02-01"))), named("AC1", "AC2"),
         Days("day", None, moment("2026-02-01"))),
        (TrafficWindow(named("AC1"), Days("day", moment("2025-11-01"))), named("AC1"),
         Days("day", moment("2025-11-01"))),
    ],
)  # fmt: skip
def test_the_window_of_several_readings_is_what_all_of_them_say(other: TrafficWindow, accounts: Any, days: Any) -> None:
    differs = Unknown("the SQL reads differently in different dialects")
    expected = TrafficWindow(accounts or differs, days or differs)
    first = TrafficWindow(named("AC1"), DECEMBER)
    assert (expected, expected) == (joined([first, other]), joined([other, first]))


# -- as JSON -----------------------------------------------------------------------------------------------------------

_flagged = st.builds(
    Flagged, st.integers(0, 10**6), st.decimals(0, 10**6, places=4, allow_nan=False, allow_infinity=False)
)
_unit = st.builds(
    Unit, st.sampled_from(["AC1", "AC2", ""]), st.dates(date(2000, 1, 1), date(2050, 1, 1)),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=9), st.sampled_from(["basic", "max"]),
)  # fmt: skip


@given(units=st.dictionaries(_unit, _flagged, max_size=20))
def test_what_is_written_is_read_back(units: dict[Unit, Flagged]) -> None:
    footprint = Footprint("verify", named("AC1", "AC2"), Days("day", moment("2025-12-01T08")), units)
    assert footprint == footprint_from_json(footprint_to_json(footprint))


def test_what_is_unknown_is_read_back_with_its_reason() -> None:
    unknown = Footprint("verify", Unknown("a"), Unknown("b"), Unknown("c"))
    assert unknown == footprint_from_json(footprint_to_json(unknown))


def test_the_time_zone_of_the_units_is_kept() -> None:
    """UTC is not written down."""
    for zone in ("UTC", "America/New_York", ""):
        footprint = Footprint("verify", named("AC1"), DECEMBER, {}, zone)
        assert zone == footprint_from_json(footprint_to_json(footprint)).zone
        assert (zone != "UTC") == ("zone" in footprint_to_json(footprint))


def test_readings_that_show_days_in_other_zones_leave_the_zone_open() -> None:
    window = TrafficWindow(named("AC1"), DECEMBER, "Asia/Tokyo")
    assert "Asia/Tokyo" == joined([window, window]).zone
    assert "" == joined([window, TrafficWindow(named("AC1"), DECEMBER)]).zone
    assert "?" == joined([window, TrafficWindow(named("AC1"), DECEMBER, "?")]).zone


def test_the_state_holds_no_account_by_name_and_no_unit() -> None:
    footprint = Footprint("verify", named("AC1"), DECEMBER, units(glued(ROW)))
    text = footprint_to_text(footprint)
    assert "AC1" not in text
    assert named(account_key("AC1")) == footprint_from_text(text).accounts
    assert isinstance(footprint_from_text(text).units, Unknown)
    assert len(text) < 250


def test_many_accounts_are_not_listed_in_the_state() -> None:
    footprint = Footprint("verify", named(*map(str, range(21))), DECEMBER, {})
    assert Unknown("more than 20 accounts") == footprint_from_text(footprint_to_text(footprint)).accounts


def test_units_of_200_prefixes_and_31_days_are_kept() -> None:
    """Random numbers are the hardest to compress; each prefix has its price."""
    rows = [
        ["", str(DAY + timedelta(day)), f"+{prefix}", "basic", count, str(count * Decimal(100 + prefix) / 10_000)]
        for prefix in range(200)
        for day in range(31)
        for count in [(prefix * 7919 + day * day * 104_729) % 3_000 + 1]
    ]
    footprint = Footprint("verify", named("AC1"), DECEMBER, units(glued(*rows), "AC1"))
    text = footprint_to_json(footprint)["units"]
    assert len(text) < UNITS_BYTES
    assert footprint.units == units_from_text(text)


def test_more_units_than_there_is_room_for_are_given_up_and_said_so() -> None:
    footprint = Footprint("verify", named("AC1"), DECEMBER, units(glued(ROW)))
    assert Unknown("1 flagged rows are too many to keep") == footprint_from_json(footprint_to_json(footprint, 10)).units


@pytest.mark.parametrize(
    "fields",
    [
        None, {}, {"product": "verify"},
        {"product": "verify", "accounts": 7, "days": "unknown: x", "units": "unknown: x"},
        {"product": "verify", "accounts": "unknown: x", "days": ["day"], "units": "unknown: x"},
        {"product": "verify", "accounts": "unknown: x", "days": "unknown: x", "units": 7},
        {"product": "verify", "accounts": "unknown: x", "days": "unknown: x", "units": "z1:?"},
        {"product": "verify", "accounts": "unknown: x", "days": "unknown: x", "units": "z1:VPaz"},
    ],
)  # fmt: skip
def test_what_is_no_footprint_is_refused(fields: object) -> None:
    with pytest.raises(ValueError, match="not a footprint"):
        footprint_from_json(fields)


def test_units_in_a_form_of_the_future_are_unknown() -> None:
    assert Unknown("a newer creditbot wrote them") == units_from_text("z9:?")
