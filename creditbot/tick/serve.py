"""The loop of `creditbot serve`: when to tick.

Rings come from a doorbell, such as Slack's events. A ring only says "look now": what there is to do, a tick finds out
for itself. So a ring that is lost, doubled, late or made up costs time and nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from creditbot.machine.processes import Stop

GATHER = 1.0
"""Seconds from a ring to its tick: what rings meanwhile needs no tick of its own, and Slack shows what it rang for."""
APART = 3.0
"""Seconds between the beginnings of two ticks in a busy channel: Slack allows 50 readings of channels a minute."""
ONCE_MORE = 10.0
"""Seconds after a tick for a ring until one more, for what Slack did not show yet."""
RESTS = (5.0, 15.0, 60.0, 300.0)
"""Seconds of rest after the first, second, third and each further tick in a row that failed."""


class Rings(Protocol):
    """What the loop waits for: `creditbot.machine.bell.Bell`."""

    def wait(self, seconds: float) -> bool:
        """Waits for so many seconds, or until something rings, and returns whether it did."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When to tick; all in seconds.

    Attributes:
        every: gives the longest time between two ticks.
        gather: from a ring to its tick.
        apart: between the beginnings of two ticks, if the second is for a ring.
        once_more: from a tick for a ring to the next one, if nothing rings again.
        rests: after ticks in a row that failed; the last one counts for all further ones.
    """

    every: Callable[[], float]
    gather: float = GATHER
    apart: float = APART
    once_more: float = ONCE_MORE
    rests: tuple[float, ...] = RESTS


def serve(
    tick: Callable[[], bool], rings: Rings, stop: Stop, rhythm: Rhythm, now: Callable[[], float] = time.monotonic
) -> None:  # fmt: skip
    """Ticks at once, after each ring, and every so often, until the process is asked to stop.

    What rings during a tick leads to exactly one more. A stop has to ring, too.

    Args:
        tick: does one tick and returns whether it could be done; raises nothing.
        rings: the doorbell.
        stop: whether to stop.
        rhythm: when to tick.
        now: a clock, in seconds.
    """
    failures, rung = 0, False
    while not stop.asked:
        rings.wait(0)  # whatever has rung until now, this tick sees
        began = now()
        if not tick():
            stop.sleep(rhythm.rests[min(failures, len(rhythm.rests) - 1)])
            failures += 1
            continue
        failures, longest = 0, rhythm.every()
        rung = rings.wait(min(longest, rhythm.once_more) if rung else longest)
        if rung:
            stop.sleep(max(rhythm.gather, rhythm.apart - (now() - began)))
