"""Processes of `creditbot serve` and ticks of the CronJob on one world, switched at every effect, in virtual time.

The loop is the real one, `creditbot.tick.serve.serve`. Time passes with each effect, and while everybody waits.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from creditbot.errors import CreditbotError
from creditbot.machine.processes import Stop
from creditbot.tick.serve import Rhythm, serve
from tests.crash.simulation import SWEEP_RULES
from tests.support.points import Point
from tests.support.ticks import Tick
from tests.support.world import World
from tests.support.world_facts import START, Killed

RHYTHM = Rhythm(lambda: 300.0)
SCHEDULE = timedelta(minutes=5)
At = Callable[[Point], object]


class Process:
    """One process: it runs until it waits for something or an effect is over, and then somebody else may run.

    Attributes:
        until: when it continues.
        rung: whether something has rung since it last looked.
    """

    def __init__(self, street: Street, name: str, at: At, *, serves: bool) -> None:
        self.until = street.world.now
        self.rung = False
        self.stop = Stop(self._nap)
        self.serves = serves
        self._street, self._name, self._at = street, name, at
        self._ticks = itertools.count(1)
        self._hears = False
        self._thread = Tick(self._run)

    @property
    def is_ready(self) -> bool:
        return self.until <= self._street.world.now or (self._hears and self.rung)

    def go_on(self) -> bool:
        """Runs on; whether it has ended."""
        with suppress(Killed):
            return self._thread.go_on()
        return True

    def ring(self) -> None:
        self.rung = True

    def wait(self, seconds: float) -> bool:
        """As a bell."""
        end = self._street.world.now + timedelta(seconds=seconds)
        while not self.rung and self._street.world.now < end:
            self._pause(end, hears=True)
        rung, self.rung = self.rung, False
        return rung

    def _nap(self, seconds: float) -> None:
        self._pause(self._street.world.now + timedelta(seconds=seconds), hears=False)

    def _pause(self, until: datetime, *, hears: bool) -> None:
        self.until, self._hears = until, hears
        self._thread.pause()

    def _run(self, _: Tick) -> None:
        if self.serves:
            serve(self._tick, self, self.stop, RHYTHM, self._seconds)
        else:
            self._tick()

    def _seconds(self) -> float:
        return (self._street.world.now - START).total_seconds()

    def _tick(self) -> bool:
        number = next(self._ticks)
        with suppress(CreditbotError):
            self._street.world.tick(
                name=f"{self._name}/{number}", at=self._pass, rules=SWEEP_RULES, has_ticked=number > 1
            )
            return True
        return False

    def _pass(self, point: Point) -> None:
        self._at(point)
        self._pause(self._street.world.now, hears=False)


@dataclass
class Street:
    """Everybody who is there, and what happens when.

    Attributes:
        world: everything outside the bot.
        dice: decides who runs next.
        processes: that run now.
    """

    world: World
    dice: random.Random
    processes: list[Process] = field(default_factory=list)
    _happenings: list[tuple[datetime, int, Callable[[], object]]] = field(default_factory=list)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def serving(self) -> list[Process]:
        """The processes of `creditbot serve`."""
        return [process for process in self.processes if process.serves]

    def at(self, seconds: float, happens: Callable[[], object]) -> None:
        """Something happens so many seconds from now."""
        moment = self.world.now + timedelta(seconds=seconds)
        heapq.heappush(self._happenings, (moment, next(self._numbers), happens))

    def start_serve(self, at: At = lambda _: None) -> None:
        """A process of `creditbot serve` begins; `at` is told each point that it passes, and may kill it there."""
        self.processes.append(Process(self, f"serve{next(self._numbers)}", at, serves=True))

    def start_tick(self) -> None:
        """The CronJob starts a tick."""
        self.processes.append(Process(self, f"job{next(self._numbers)}", lambda _: None, serves=False))

    def run(self, seconds: float) -> None:
        """Lets so much time pass, and then ends every process in order."""
        end = self.world.now + timedelta(seconds=seconds)
        while self.world.now < end:
            self._step(end)
        for process in self.processes:
            process.stop.ask()
            process.ring()
        while self.processes:
            self._step(self.world.now + timedelta(hours=1))

    def _step(self, end: datetime) -> None:
        while self._happenings and self._happenings[0][0] <= self.world.now:
            heapq.heappop(self._happenings)[2]()
        ready = [process for process in self.processes if process.is_ready]
        if not ready:
            moments = [process.until for process in self.processes] + [moment for moment, *_ in self._happenings[:1]]
            self.world.now = max(self.world.now, min([end, *moments]))
            return
        process = self.dice.choice(ready)
        if process.go_on():
            self.processes.remove(process)
