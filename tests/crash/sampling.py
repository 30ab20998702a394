"""How much of a table of cases a test tries: a sample that is the same in every run, or all of it.

CRASH_POINTS says how many cases of each test (`make crash-test` tries all).
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

POINTS = int(os.environ.get("CRASH_POINTS", "20"))
"""The most cases that a test tries; 0 for all of them."""


def some(cases: Sequence[T], name: str) -> Sequence[T]:
    """Cases of the test with this name, in order."""
    if not POINTS or len(cases) <= POINTS:
        return cases
    numbers = random.Random(name).sample(range(len(cases)), POINTS)
    return [cases[number] for number in sorted(numbers)]
