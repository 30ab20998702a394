"""The check that work takes time in proportion to its input can fail."""

from __future__ import annotations

import pytest

from tests.support.linear_time import assert_linear


def test_work_in_proportion_passes() -> None:
    assert_linear(lambda size: sum(range(size)), 40_000)


def test_quadratic_work_is_found() -> None:
    with pytest.raises(AssertionError, match="not in proportion"):
        assert_linear(lambda size: [sum(range(size)) for _ in range(size)], 1_600)
