"""The weekly digest is posted once and never lost, whatever fails around it, and the requests of that tick are, too."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import get_args

import pytest
from typing_extensions import override

from creditbot.answer.weekly import week_due
from creditbot.errors import CreditbotError
from tests.crash.faults import Fault, Injected, Kind
from tests.crash.scenario import Counts, Scenario, ok, scenario_of, unsound
from tests.crash.simulation import Simulation
from tests.crash.table import Table
from tests.crash.test_points import UNAVOIDABLE
from tests.support.points import Point, watched
from tests.support.sampling import count, sampled
from tests.support.ticks import Tick
from tests.support.world import World
from tests.support.world_facts import OWNER, RULES, Killed

KINDS: tuple[Kind, ...] = get_args(Kind)
MONDAY = datetime.fromisoformat("2026-01-12T07:01:00+00:00")
Passing = tuple[Point, int]


@dataclass
class Mondays(Simulation):
    """Processes that post the digest after each tick, as `creditbot run-once` does."""

    @override
    def _run(self, tick: Tick) -> None:
        self.world.clock_error = self.clocks[self._started % len(self.clocks)]
        self._started += 1

        def at(point: Point) -> None:
            self._at(tick, point)

        with suppress(Killed, Injected, CreditbotError):
            process = self.world.bot(at=at, rules=self.rules)
            process.tick()
            owner = watched(self.world.ports(), at).owners.conversation_with(OWNER)
            process.post_digest(owner, lambda week: f"Digest of {week}.")

    @override
    def quiet(self) -> bool:
        state = self.world.state()
        tomorrow = self.world.now + timedelta(hours=20)
        return super().quiet() and week_due(state, min(tomorrow, MONDAY + timedelta(hours=23)), RULES.settle) is None


def morning(faults: Sequence[Fault] = ()) -> tuple[Scenario, Mondays]:
    """A Monday at 7:01, with one new request."""
    scenario = scenario_of(())
    scenario.world.now = MONDAY
    ok(scenario, "q0")
    return scenario, Mondays(scenario.world, faults)


def digests(world: World) -> int:
    return sum(text.startswith("Digest of 2026-01-05") for text in world.told())


def check(scenario: Scenario, table: Table, row: str) -> None:
    posted, (outcome,) = digests(scenario.world), scenario.outcomes()["q0"]
    table.count(f"the weekly digest: {row}", Counts(max(0, posted - 1), 0, int(posted == 0)))
    assert ([], 1) == (unsound(scenario), posted)
    assert "answered" == outcome.status


@cache
def passings() -> tuple[Passing, ...]:
    """Every passing of every point where nothing fails."""
    scenario, simulation = morning()
    simulation.run()
    assert 1 == digests(scenario.world)
    return tuple(simulation.passings())


def test_the_digest_passes_points_of_its_own() -> None:
    assert {"notice.before-look", "notice.after-look", "notice.before-send", "notice.after-send"} <= {
        point for point, _ in passings()
    }


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.replace(" ", "-"))
def test_whatever_fails_the_digest_is_posted_once(kind: Kind, table: Table) -> None:
    """At each point of a digest, and at a sample of those of the tick before it."""
    cases = [passing for passing in passings() if passing[0].startswith("notice.")]
    cases += sampled([passing for passing in passings() if passing not in cases], 9, KINDS.index(kind), in_ci=2)
    for point, nth in cases:
        if kind.startswith("SIGSTOP") and point in UNAVOIDABLE:
            continue
        scenario, simulation = morning([Fault(kind, point, nth)])
        simulation.run()
        check(scenario, table, "a fault")


def test_a_state_lost_at_any_point_causes_no_second_digest(table: Table) -> None:
    for point, nth in sampled(passings(), 3, in_ci=1):
        scenario, simulation = morning()
        simulation.events = [(point, nth, scenario.world.lose)]
        simulation.run()
        check(scenario, table, "the state is lost")


def test_two_faults_leave_one_digest(table: Table) -> None:
    """Such as a post without an answer, and a process that dies when it looks for it."""
    for seed in range(count(100, 5)):
        dice = random.Random(seed)
        kinds = [kind for kind in KINDS if not kind.startswith("SIGSTOP")]
        faults = [Fault(dice.choice(kinds), *dice.choice(passings())) for _ in range(2)]
        scenario, simulation = morning(faults)
        simulation.run()
        check(scenario, table, "two faults")
