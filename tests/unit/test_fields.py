"""Fields of a saved summary are read, whatever stands there."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.evidence import fields

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.text() | st.datetimes().map(str),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(JSON)
def test_no_value_of_a_summary_is_an_error(value: object) -> None:
    """A value of another kind reads like one that is missing."""
    assert fields.mapping(value) == (value if isinstance(value, dict) else {})
    assert list(fields.sequence(value)) == (value if isinstance(value, list) else [])
    assert all(isinstance(item, dict) for item in fields.mappings(value))
    assert fields.text(value) == (value if isinstance(value, str) else "")
    assert isinstance(fields.number(value), Decimal | None)
    read = fields.moment(value)
    assert read is None or read.tzinfo is UTC


@pytest.mark.parametrize(
    ("value", "number"),
    [(Decimal("4948.80"), Decimal("4948.80")), (0, Decimal(0)), (True, None), ("5", None), (None, None)],
)
def test_a_number_is_an_integer_or_a_decimal(value: object, number: Decimal | None) -> None:
    assert number == fields.number(value)


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-01-08T12:00:00+00:00", datetime(2026, 1, 8, 12, tzinfo=UTC)),
        ("2026-01-08T12:00:00+01:00", datetime(2026, 1, 8, 11, tzinfo=UTC)),
        ("2026-01-08T12:00:00", None),
        ("0001-01-01T00:00:00+23:00", None),
        ("yesterday", None),
        (None, None),
    ],
)
def test_a_moment_names_its_time_zone(value: object, moment: datetime | None) -> None:
    assert moment == fields.moment(value)


def test_what_is_no_object_is_left_out_of_a_list() -> None:
    assert [{"a": 1}, {}] == fields.mappings([{"a": 1}, "b", {}, None])
