"""The loop of `creditbot serve`: when to tick.

Rings come from a doorbell, such as Slack's events. A ring only says "look now": what there is to do, a tick finds out
for itself. So a ring that is lost, doubled, late or made up costs time and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from creditbot.machine.processes import Stop

GATHER = 1.0
"""Seconds from a ring to its tick: what rings meanwhile needs no tick of its own, and Slack shows what it rang for."""
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
        every: the longest time between two ticks.
        gather: from a ring to its tick.
        rests: after ticks in a row that failed; the last one counts for all further ones.
    """

    every: float
    gather: float = GATHER
    rests: tuple[float, ...] = RESTS


def serve(tick: Callable[[], bool], rings: Rings, stop: Stop, rhythm: Rhythm) -> None:
    """Ticks at once, after each ring, and every so often, until the process is asked to stop.

    What rings during a tick leads to exactly one more. A stop has to ring, too.

    Args:
        tick: does one tick and returns whether it could be done; raises nothing.
        rings: the doorbell.
        stop: whether to stop.
        rhythm: when to tick.
    """
    failures = 0
    while not stop.asked:
        rings.wait(0)  # whatever has rung until now, this tick sees
        if tick():
            failures = 0
            if rings.wait(rhythm.every):
                stop.sleep(rhythm.gather)
        else:
            stop.sleep(rhythm.rests[min(failures, len(rhythm.rests) - 1)])
            failures += 1
