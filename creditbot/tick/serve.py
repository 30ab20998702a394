"""The loop of `creditbot serve`: when to tick.

Rings come from a doorbell, such as Slack's events. A ring only says "look now": what there is to do, a tick finds out
for itself. So a ring that is lost, doubled, late or made up costs time and nothing else.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from creditbot.machine.processes import Stop

GATHER = 1.0
"""Seconds from the beginning of a tick in which rings are gathered: they lead to one more tick after it."""
APART = 1.5
"""Seconds between the beginnings of two ticks for each watched channel, on average, while there are many rings. A tick
reads each channel once, and Slack allows 50 such readings a minute."""
BURST = 10
"""How many ticks may begin earlier than that, after a quiet time."""
LOOKS = (2.0, 10.0)
"""Seconds of quiet after the last tick for a ring, and after the tick that follows, until one more: Slack may show what
it rang for a little later."""
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
        gather: the least time between the beginnings of two ticks.
        apart: the same on average, if there are many rings.
        burst: how many ticks may come earlier than `apart` allows.
        looks: how long nothing has to ring until one more look at what rang; one for each look.
        rests: after ticks in a row that failed; the last one counts for all further ones.
    """

    every: Callable[[], float]
    gather: float = GATHER
    apart: float = APART
    burst: int = BURST
    looks: tuple[float, ...] = LOOKS
    rests: tuple[float, ...] = RESTS


def _allow_all(_: float) -> None:
    """Nobody asks how the loop is."""


def serve(
    tick: Callable[[], bool],
    rings: Rings,
    stop: Stop,
    rhythm: Rhythm,
    now: Callable[[], float] = time.monotonic,
    allow: Callable[[float], object] = _allow_all,
) -> None:
    """Ticks at once, after each ring, and every so often, until the process is asked to stop.

    What rings during a tick leads to exactly one more. A stop has to ring, too.

    Args:
        tick: does one tick and returns whether it could be done; raises nothing.
        rings: the doorbell.
        stop: whether to stop.
        rhythm: when to tick.
        now: a clock, in seconds.
        allow: is told, before the loop waits, for how many seconds at most. A tick tells it by itself.
    """

    def rest(seconds: float) -> None:
        allow(max(0.0, seconds))
        stop.sleep(seconds)

    looks: tuple[float, ...] = ()
    failures, used_up = 0, -math.inf
    while not stop.asked:
        if rings.wait(0):  # whatever has rung until now, this tick looks for
            looks = rhythm.looks
        began = now()
        used_up = max(used_up, began) + rhythm.apart
        if not tick():
            rest(rhythm.rests[min(failures, len(rhythm.rests) - 1)])
            failures += 1
            continue
        failures = 0
        longest = min([rhythm.every(), *looks[:1]])
        allow(longest)
        if rings.wait(longest):
            looks = rhythm.looks
            rest(max(began + rhythm.gather, used_up - rhythm.burst * rhythm.apart) - now())
        else:
            looks = looks[1:]
