"""Exact JSON: what is written is what is read."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.machine import exact_json

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.decimals(allow_nan=False, allow_infinity=False, places=2),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_every_value_is_read_back_as_it_was_written(value: object) -> None:
    """Every value comes back equal, its amounts to the digit."""
    text = exact_json.write(value)
    assert value == exact_json.read(text)
    assert text == exact_json.write(exact_json.read(text))


def test_an_amount_is_a_plain_number() -> None:
    """Other tools see a number with its cents, and no exponent."""
    assert '{\n  "credit_amount": 4948.80\n}' == exact_json.write({"credit_amount": Decimal("4948.80")})
    assert "1000000.00" == exact_json.write(Decimal("1E+6").quantize(Decimal("0.01")))
    assert {"credit_amount": 4948.8} == json.loads(exact_json.write({"credit_amount": Decimal("4948.80")}))


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), float("nan"), {1: 2}, {1, 2}, b"x"])
def test_a_value_that_json_cannot_express_is_refused(value: object) -> None:
    """Neither NaN nor anything but JSON's own types is written."""
    with pytest.raises((TypeError, ValueError)):
        exact_json.write(value)


def test_letters_stay_readable() -> None:
    """Text is written as it is."""
    assert '[\n  "Zürich",\n  []\n]' == exact_json.write(["Zürich", []])
