"""A week of `creditbot serve` in some minutes: the real loop and real ticks, while the loop's clock is a simulated one.

Run in the environment of a bot. It prints one line of JSON: how many ticks there were, and the memory that this process
and its children held after the first day and after the last one, in bytes.
"""

from __future__ import annotations

import gc
import json
import random
import sys

import psutil

from creditbot.bootstrap import assemble
from creditbot.commands.run_once import begin, stopping
from creditbot.commands.serve import ServedTicks, Watch
from creditbot.machine.health import Health
from creditbot.machine.processes import Stop
from creditbot.settings.settings import Settings, environment
from creditbot.tick.serve import Rhythm, serve

DAY, DAYS = 86_400.0, 7
EVENTS, TOGETHER = 10_000, 10
"""Events of the week, and how many of them come within five seconds."""


class Week:
    """The doorbell and the clock of the loop.

    Attributes:
        now: seconds since it began.
        stop: ends the loop after the last day.
    """

    def __init__(self, dice: random.Random) -> None:
        self.now = 0.0
        self.stop = Stop(self._pass)
        bursts = (dice.uniform(60, DAY * DAYS) for _ in range(EVENTS // TOGETHER))
        self._events = sorted(burst + dice.uniform(0, 5) for burst in bursts for _ in range(TOGETHER))[::-1]

    def wait(self, seconds: float) -> bool:
        """As a bell."""
        end = self.now + seconds
        if self._events and self._events[-1] <= end:
            self.now = max(self.now, self._events[-1])
            while self._events and self._events[-1] <= self.now:
                self._events.pop()
            return True
        self._pass(seconds)
        return False

    def _pass(self, seconds: float) -> None:
        self.now += seconds
        if self.now >= DAY * DAYS:
            self.stop.ask()


def main() -> None:
    """Lives through the week."""
    settings = Settings.load()
    begin(settings)
    week = Week(random.Random(1))  # noqa: S311  # nothing secret
    assembly = assemble(settings, environ=environment())
    ticks = ServedTicks(settings, assembly, lambda _: None, Watch(Health(week.stop, lambda: True)))
    count, first = 0, 0

    def tick() -> bool:
        nonlocal count, first
        if week.now >= DAY and not first:
            first = memory()
        count += 1
        return ticks.tick_and_stay_warm()

    with stopping(assembly):
        serve(tick, week, week.stop, Rhythm(lambda: 300.0), lambda: week.now)
        json.dump({"ticks": count, "first": first, "last": memory()}, sys.stdout)


def memory() -> int:
    """Bytes that only this process and its children hold; none of them twice."""
    gc.collect()
    me = psutil.Process()
    return sum(int(each.memory_full_info().pss) for each in [me, *me.children(recursive=True)])


if __name__ == "__main__":
    main()
