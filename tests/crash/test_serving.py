"""What goes wrong with events and with the processes that hear them costs time only: each request is answered once."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest

from creditbot.slack_time import time_of
from tests.crash.scenario import Scenario, Sort, failing, ok, same_sql, several_links, unsound
from tests.crash.simulation import Simulation
from tests.crash.street import SCHEDULE, Street
from tests.crash.table import Table
from tests.support.points import Point
from tests.support.sampling import count
from tests.support.world import World
from tests.support.world_facts import Killed

RUNS = count(40, 8)
SCENARIO: tuple[Sort, ...] = (ok, same_sql, failing, several_links)
HOUR = 3600.0
STEP = timedelta(milliseconds=20)
"""How long an effect takes."""
SOON = 4.0
"""Seconds within which a request is answered if its event came: others may come first, and some wait a second."""
AFTER_A_LOOK = 2.0 + 10.0 + SOON
"""The same where Slack shows the request only some seconds after its event."""
NEXT_TICK = 300.0 + SOON  # after the longest wait of the loop


class Day:
    """People ask, Slack says so, and processes answer; each mishap overrides some of it.

    Attributes:
        scenario: the requests.
        street: the processes.
        deaths: how many processes were killed.
    """

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.scenario = Scenario(World(step=STEP))
        self.scenario.world.tick()
        self.street = Street(self.scenario.world, self.dice)
        self.deaths = 0

    def begin(self) -> None:
        """The processes that are there from the beginning."""
        self.street.start_serve()

    def run(self) -> None:
        """An hour and a half, in the first minutes of which people ask."""
        self.begin()
        for number, sort in enumerate(SCENARIO):
            self.street.at(self.dice.uniform(20, 400), partial(self._ask, f"q{number}", number, sort))
        self.street.run(1.5 * HOUR)

    def _ask(self, name: str, number: int, sort: Sort) -> None:
        self.scenario.world.amounts |= {name: 100 + number, f"{name}b": 50}  # type: ignore[dict-item]  # whole dollars
        before = len(self.scenario.world.messages)
        sort(self.scenario, name)
        for _ in range(before, len(self.scenario.world.messages)):
            self.tell()

    def tell(self) -> None:
        """Slack tells one of the processes that hear it."""
        self.street.at(self.dice.uniform(0.05, 0.5), self.ring)

    def ring(self) -> None:
        if self.street.serving:
            self.dice.choice(self.street.serving).ring()

    def longest(self) -> float:
        """The longest time from a request to its reply, in seconds; of those that were answered."""
        posted = self.scenario.world.posted()
        asked = {str(key): time_of(key.ts) for key in self.scenario.requests}
        return max((time_of(replies[0].ts) - asked[key]).total_seconds() for key, replies in posted.items() if replies)


class Lost(Day):
    """No event comes at all."""

    def tell(self) -> None: ...


class Twice(Day):
    """Each event comes again, at once and a minute later."""

    def tell(self) -> None:
        for later in (0.0, 0.4, 63.0):
            self.street.at(later, self.ring)


class BeforeItShows(Day):
    """The event comes at once, and Slack shows the message later."""

    def _ask(self, name: str, number: int, sort: Sort) -> None:
        world = self.scenario.world
        before = list(world.messages)
        super()._ask(name, number, sort)
        hidden, world.messages = world.messages[len(before) :], before
        self.street.at(self.dice.choice([0.7, 1.5, 4.0]), lambda: world.messages.extend(hidden))


class WithTheCronJob(Day):
    """The CronJob starts a tick at the moment of each event, and on its schedule."""

    def begin(self) -> None:
        super().begin()
        for number in range(18):
            self.street.at(SCHEDULE.total_seconds() * number, self.street.start_tick)

    def ring(self) -> None:
        super().ring()
        self.street.start_tick()


class TwoServes(Day):
    """Both hear each event, as while one takes the place of the other."""

    def begin(self) -> None:
        self.street.start_serve()
        self.street.start_serve()

    def ring(self) -> None:
        for process in self.street.serving:
            process.ring()


class DeadSocket(Day):
    """For an hour nothing is heard, and nobody notices."""

    def tell(self) -> None:
        self.street.at(HOUR, self.ring)


class KilledBetween(Day):
    """The process is killed somewhere between a claim and the end of the reply, and another one starts."""

    POINTS: tuple[Point, ...] = (
        "looker.before-read", "notebook.before-run", "notebook.after-run", "summary.after-save", "thread.after-read",
        "reply.before-send", "reply.after-send", "summary.before-close", "state.after-write",
    )  # fmt: skip

    def begin(self) -> None:
        point, nth, passed = self.dice.choice(self.POINTS), self.dice.randint(1, 3), 0

        def at(reached: Point) -> None:
            nonlocal passed
            passed += reached == point
            if reached == point and passed == nth:
                self.deaths += 1
                self.street.at(10, self.street.start_serve)
                raise Killed

        self.street.start_serve(at)


CASES: dict[str, tuple[Callable[[int], Day], float]] = {
    "event lost": (Lost, NEXT_TICK),
    "event twice": (Twice, SOON),
    "event before the history shows it": (BeforeItShows, AFTER_A_LOOK),
    "serve and CronJob at once": (WithTheCronJob, SOON),
    "two serves": (TwoServes, SOON),
    "socket dead for an hour": (DeadSocket, NEXT_TICK),
    "serve killed between claim and post": (KilledBetween, HOUR),
}
"""Mishap -> (the day on which it happens, seconds within which every request is answered)."""


@pytest.mark.parametrize("name", CASES)
def test_mishaps_of_serve_cost_time_and_nothing_else(name: str, table: Table) -> None:
    """Same replies, same amounts, nothing twice, nothing lost, and within the time that docs/serve.md promises."""
    kind, limit = CASES[name]
    deaths = 0
    plain = Day(0)
    plain.run()
    assert plain.longest() < SOON
    for seed in range(RUNS):
        day = kind(seed)
        day.run()
        deaths += day.deaths
        Simulation(day.scenario.world).run()
        table.add([name], day.scenario)
        assert [] == unsound(day.scenario), f"seed {seed}"
        assert plain.scenario.outcomes() == day.scenario.outcomes(), f"seed {seed}"
        assert day.longest() < limit, f"seed {seed}"
    assert (deaths > 0) == (kind is KilledBetween)
