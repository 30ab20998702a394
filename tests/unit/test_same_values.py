"""Constants that one column can equal at once, whatever its type is."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from creditbot.credit.sql.same_values import is_only_text, may_be_one_value, of_both
from tests.support.sampling import costly


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("basic", "BASIC "),
        ("1", "1.0"),
        ("1", "01"),
        ("+62", "62"),
        ("1e2", "100"),
        ("0.1", "0.10"),
        ("0.4", "0.2"),
        ("-1", "-1.0"),
        ("true", "t"),
        ("1", "yes"),
        ("off", "F"),
        ("2025-12-01", "2025-12-1"),
        ("2025-12-01", "2025-12-01 00:00:00"),
        ("2025-12-01", "20251201"),
        ("2025-12-01", "Dec 1, 2025"),
        ("0", "basic"),
        ("café", "CAFE"),
        ("straße", "STRASSE"),
        ("max", "m\u200bax"),
        ("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "{A0EEBC999C0B4EF8BB6D6BB9BD380A11}"),
        ("1", "2025-12-01"),
        ("2025-12-01 08:00", "2025-12-01 09:00"),
    ],
)
def test_constants_of_one_value_are_seen(one: str, other: str) -> None:
    assert may_be_one_value(frozenset({one}), frozenset({other}))
    assert may_be_one_value(frozenset({other}), frozenset({one}))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("basic", "max"),
        ("1", "2"),
        ("+62", "+92"),
        ("-1", "-2"),
        ("1e100", "2e100"),
        ("12345678901234567890", "12345678901234567891"),
        ("true", "false"),
        ("2025-12-01", "2025-12-02"),
        ("AC0123", "AC0124"),
        ("Authy SMS Outbound - Nigeria", "Authy SMS Outbound - Ghana"),
        ("no", "de"),
        ("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12"),
        ("", "basic"),
    ],
)
def test_constants_of_two_values_are_told_apart(one: str, other: str) -> None:
    assert not may_be_one_value(frozenset({one}), frozenset({other}))


@pytest.mark.parametrize("text", ["1", "t", "2025-12-01", "é", "a0eebc999c0b4ef8bb6d6bb9bd380a11"])
def test_what_may_be_written_otherwise_is_more_than_text(text: str) -> None:
    assert not is_only_text(text)
    assert is_only_text("Authy SMS")


_TEXTS = st.one_of(
    st.sampled_from(["true", "t", "TRUE", "yes", "y", "1", "on", "false", "f", "no", "0", "off"]),
    st.integers(-3, 3).map(str),
    st.decimals(-2, 2, places=2).map(str),
    st.builds("{}{}".format, st.sampled_from(["", "0", "+"]), st.integers(0, 9)),
    st.builds("2025-{:02}-{}".format, st.integers(1, 2), st.sampled_from(["1", "01", "01 00:00:00", "2", "02"])),
)


@costly(1)
@given(one=_TEXTS, other=_TEXTS, kind=st.sampled_from(["INT", "DOUBLE", "DECIMAL(9, 3)", "BOOLEAN", "DATE", "VARCHAR"]))
def test_what_a_real_engine_takes_for_one_value_is_seen(one: str, other: str, kind: str) -> None:
    values = duckdb.execute(f"SELECT TRY_CAST(? AS {kind}), TRY_CAST(? AS {kind})", [one, other]).fetchone()
    assert values is not None
    same = values[0] is not None and values[0] == values[1]
    event(f"one {kind}" if same else "two values")
    assert may_be_one_value(frozenset({one}), frozenset({other})) or not same


def test_lists_are_apart_only_if_no_constant_of_one_is_in_the_other() -> None:
    assert may_be_one_value(frozenset({"a", "b"}), frozenset({"B", "c"}))
    assert not may_be_one_value(frozenset({"a", "b"}), frozenset({"c", "d"}))
    assert may_be_one_value(frozenset({"a", "1"}), frozenset({"b", "2"}))
    assert not may_be_one_value(frozenset(), frozenset({"a", "1"}))
    assert not may_be_one_value(frozenset({"a", "1"}), frozenset())


@pytest.mark.parametrize(
    ("some", "others", "of_each"),
    [
        ({"a", "b"}, {"B", "c"}, {"b"}),
        ({"1", "2"}, {"1.0", "3"}, {"1"}),
        ({"true", "f"}, {"t", "yes"}, {"true"}),
        ({"a", "b"}, {"c"}, set()),
        ({"a", "1"}, set(), set()),
        (set(), {"a", "1"}, set()),
        ({"a", "1"}, {"a"}, {"a"}),
        ({"a", "1"}, {"2"}, {"2"}),
        ({"0.5"}, {"0", "1"}, {"0.5"}),
        ({"a"}, {"a", "1"}, {"a"}),
    ],
)
def test_a_column_that_equals_one_of_each_list_equals_one_of_these(
    some: set[str], others: set[str], of_each: set[str]
) -> None:
    assert of_both(frozenset(some), frozenset(others)) == of_each


@pytest.mark.parametrize(("one", "other"), [("1e101", "1e102"), ("1e999999999", "1"), ("inf", "1"), ("nan", "1")])
def test_numbers_too_large_for_any_column_may_be_one(one: str, other: str) -> None:
    assert may_be_one_value(frozenset({one}), frozenset({other}))
