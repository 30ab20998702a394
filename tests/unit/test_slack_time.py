"""Slack's ts: read, written, sorted, to the microsecond."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.slack_time import TS, is_newer, is_ts, micros_of, time_of, ts_of, ts_of_micros

MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def test_a_ts_is_seconds_and_microseconds_since_1970() -> None:
    moment = datetime(2025, 1, 8, 14, 14, 38, 123456, tzinfo=UTC)
    assert moment == time_of("1736345678.123456")
    assert ts_of(moment) == "1736345678.123456"


@given(MOMENTS)
def test_a_moment_survives_being_written_as_a_ts(moment: datetime) -> None:
    """To the microsecond, which a float would lose."""
    assert moment == time_of(ts_of(moment))


@given(st.integers(0, 10**16))
def test_microseconds_survive_being_written_as_a_ts(micros: int) -> None:
    assert micros == micros_of(ts_of_micros(micros))


@given(MOMENTS)
def test_what_is_written_is_a_ts(moment: datetime) -> None:
    assert is_ts(ts_of(moment))


def test_a_moment_before_1970_is_written_as_zero() -> None:
    """Slack has no negative ts."""
    assert ts_of(datetime(1969, 1, 1, tzinfo=UTC)) == "0.000000"


@pytest.mark.parametrize("ts", ["0.000000", "1736345678.123456", "99999999999.999999"])
def test_every_accepted_ts_can_be_read(ts: str) -> None:
    assert is_ts(ts)
    assert ts == ts_of(time_of(ts))


@pytest.mark.parametrize(
    "value",
    [None, 1736345678.123456, "", "x", "1736345678", "1736345678.12345", "1736345678.1234567", "-1.000000",
     "999999999999.000000", " 1736345678.123456", ["1736345678.123456"],
     "\N{ARABIC-INDIC DIGIT ONE}736345678.123456", "1736345678.123456\n"],
)  # fmt: skip
def test_everything_else_is_refused(value: object) -> None:
    assert not is_ts(value)


def test_the_pattern_for_other_patterns_matches_what_slack_writes() -> None:
    assert re.fullmatch(TS, "1736345678.123456", re.ASCII)
    assert not re.fullmatch(TS, "736345678.123456", re.ASCII)


def test_ts_are_sorted_by_time_and_not_as_text() -> None:
    mixed = ["1736345678.123457", "10.1", "1736345678.123456", "9.1"]
    assert sorted(mixed, key=micros_of) == ["9.1", "10.1", "1736345678.123456", "1736345678.123457"]


@given(MOMENTS, MOMENTS)
def test_order_agrees_with_time(one: datetime, other: datetime) -> None:
    assert (one < other) == (micros_of(ts_of(one)) < micros_of(ts_of(other)))


def test_decimals_that_were_left_out_are_zeros() -> None:
    assert micros_of("9") == micros_of("9.0") == 9_000_000


@pytest.mark.parametrize(
    ("edited", "than", "newer"),
    [
        ("", "", False),
        ("1.0", "", True),
        ("", "1.0", False),
        ("9.1", "10.1", False),
        ("10.1", "9.1", True),
        ("1.0", "1.0", False),
    ],
)
def test_the_newer_of_two_edits_is_known_by_its_time(edited: str, than: str, newer: bool) -> None:
    """No edit at all is older than any edit."""
    assert newer == is_newer(edited, than)
