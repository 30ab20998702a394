"""How many cases of a large table run: each one in CI, a sample that is the same in every run in `make test`.

For tables in which every case holds the same rule, such as a crash at each point of a tick. A case that is the only
test of something is never left out. CASES=all runs each case anywhere: `make test CASES=all`. `costly` says the same of
the examples of a property.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import islice
from typing import TypeVar

from hypothesis import settings

T = TypeVar("T")

ALL = "all" == os.environ.get("CASES")
"""Whether each case runs."""
CI = "true" == os.environ.get("CI")


def sampled(cases: Iterable[T], every: int, turn: int = 0, in_ci: int = 1) -> list[T]:
    """Every Nth case, or each one; `turn` lets tables that stand side by side begin at different cases.

    If the cases are a product, `every` must have no divisor in common with the length of its last factor. Then each
    value of that factor is among those that run. Tables that take minutes are sampled in CI as well: every `in_ci`th.
    """
    step = 1 if ALL else in_ci if CI else every
    return list(islice(cases, turn % step, None, step))


def count(number: int, every: int) -> int:
    """How many of so many repetitions run."""
    return number if ALL or CI else number // every


def costly(part: int) -> settings:
    """For a property of which one example takes more than about 20 ms: it gets one Nth of the profile's examples."""
    return settings(max_examples=max(10, settings().max_examples // part))
