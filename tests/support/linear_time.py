"""Whether work on hostile input takes time in proportion to its size, on a processor of any speed.

What is compared is the time of two sizes. A limit in seconds would fail on a slow machine, and pass on a fast one for
input that is too short to hurt there.
"""

from __future__ import annotations

import time
from collections.abc import Callable

TIMES = 8
"""How much longer the longer input is. Quadratic work takes 64 times as long on it."""
SLACK = 3
"""How much more than in proportion it may take: a processor has caches, and other work."""
LEAST = 0.000_2
"""Seconds below which a measurement says nothing."""
TRIES = 4


def assert_linear(work: Callable[[int], object], size: int) -> None:
    """Fails if `work` takes more than in proportion for `size` characters than for an eighth of them.

    It works on both in turn until it was in proportion once: what else the machine does only ever adds time.
    """
    short = long = float("inf")
    for _ in range(TRIES):
        short, long = min(short, _seconds(work, size // TIMES)), min(long, _seconds(work, size))
        if long <= TIMES * SLACK * max(short, LEAST):
            return
    raise AssertionError(f"{size // TIMES} characters take {short:.4f} s, {size} take {long:.4f} s: not in proportion")


def _seconds(work: Callable[[int], object], size: int) -> float:
    started = time.process_time()
    work(size)
    return time.process_time() - started
