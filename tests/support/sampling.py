"""How many cases of a large table run: each one in CI, a sample that is the same in every run in `make test`.

For tables in which every case holds the same rule, such as a crash at each point of a tick. A case that is the only
test of something is never left out. CASES=all runs each case anywhere: `make test CASES=all`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

ALL = "true" == os.environ.get("CI") or "all" == os.environ.get("CASES")
"""Whether each case runs."""


def sampled(cases: Iterable[T], every: int, turn: int = 0) -> list[T]:
    """Every Nth case, or each one; `turn` lets tables that stand side by side begin at different cases.

    If the cases are a product, `every` must have no divisor in common with the length of its last factor. Then each
    value of that factor is among those that run.
    """
    return list(cases) if ALL else list(islice(cases, turn % every, None, every))


def count(number: int, every: int) -> int:
    """How many of so many repetitions run."""
    return number if ALL else number // every
