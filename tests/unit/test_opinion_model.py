"""Models of second opinions as files: the same model has the same bytes, and what was changed is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.decide.opinion_model import OpinionModel, model_bytes, name_for, read_model
from tests.support.opinions import FITTED, label, made


def a_model(random: Random) -> OpinionModel:
    labels = [
        label(
            n, f"{random.uniform(1, 9999):.2f}", f"{random.uniform(1, 9999):.2f}", rate=random.choice([None, 0.1 * n]),
            product=random.choice(["verify", "psms"]),
        )
        for n in range(6)
    ]  # fmt: skip
    products = len({one.traits.product for one in labels})
    lines = [tuple(random.uniform(-3, 3) for _ in range(4 + products)) for _ in range(3)]
    return replace(made(labels, *lines), since=date(2025, 1, 1), checks={95: 0.9375, 90: 1 / 3})


@given(st.randoms(use_true_random=True))
def test_a_model_that_is_read_back_is_the_same_to_the_last_digit(random: Random) -> None:
    model = a_model(random)
    assert model == read_model(model_bytes(model), name_for(model))


def test_a_newer_model_has_a_greater_name() -> None:
    older, newer = (replace(made([]), fitted=FITTED + timedelta(seconds=late)) for late in (59, 60))
    assert name_for(older) < name_for(newer)
    assert name_for(older).startswith("20260105T120059Z-")


def test_a_model_that_was_changed_is_refused() -> None:
    model = made([label(1, "500.00")])
    content = model_bytes(model).replace(b"500.00", b"600.00")
    with pytest.raises(ValueError, match="it was changed after it was made"):
        read_model(content, name_for(model))


def test_a_model_of_another_version_is_refused() -> None:
    content = model_bytes(made([])).replace(b'"version":1', b'"version":2')
    with pytest.raises(ValueError, match="another version of creditbot made it"):
        read_model(content, "")


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"null", b"\xff", b'{"version":1}'])
def test_what_is_not_a_model_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"^it is not a model$"):
        read_model(content, "")


@pytest.mark.parametrize(
    "change",
    [
        {"folds": []}, {"scales": [0, 1, 1, 1]}, {"scales": [1, 1]}, {"folds": [[1, 2]]}, {"products": []},
        {"fitted": "2026-01-05T12:00:00"}, {"since": "x"}, {"checks": {"x": 1}},
    ],
    ids=str,
)  # fmt: skip
def test_a_model_whose_parts_do_not_fit_is_refused(change: dict[str, Any]) -> None:
    refused(json.loads(model_bytes(made([label(1, "500.00")], (0.0, 1.0, 0.0, 0.0, 0.0)))) | change)


@pytest.mark.parametrize(
    "change",
    [
        {"fold": 1}, {"fold": -1}, {"fold": True}, {"residual": "x"}, {"amount": 0}, {"amount": -1}, {"amount": "NaN"},
        {"fraud_cost": 0}, {"days": 1.5}, {"days": "ten"}, {"prefixes": -1}, {"at": "yesterday"}, {"block_rate": None},
    ],
    ids=str,
)  # fmt: skip
def test_a_model_with_an_answer_that_cannot_be_is_refused(change: dict[str, Any]) -> None:
    fields = json.loads(model_bytes(made([label(1, "500.00")], (0.0, 1.0, 0.0, 0.0, 0.0))))
    refused({**fields, "answers": [fields["answers"][0] | change]})


def refused(fields: dict[str, Any]) -> None:
    """Even if the name fits, which whoever can write the file can also do."""
    with pytest.raises(ValueError, match=r"^it is not a model$"):
        read_model(json.dumps(fields).encode(), "")
