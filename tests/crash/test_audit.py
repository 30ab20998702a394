"""Histories in which ticks failed, and nobody tampered: the audit reports nothing.

The days are those of `test_sweep`: requests of every sort, people who edit and answer, and one to three faults.
AUDIT_DAYS says how many; with CASES=all there are a thousand, in CI a tenth of them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache

import pytest

from tests.crash.faults import Fault
from tests.crash.scenario import failing, held, ok, scenario_of
from tests.crash.simulation import Simulation
from tests.crash.test_sweep import day_of, undisturbed
from tests.support.points import Point
from tests.support.sampling import sampled

DAYS = range(int(os.environ["AUDIT_DAYS"])) if "AUDIT_DAYS" in os.environ else sampled(range(1000), 100, in_ci=10)
SIZE = 10
"""Days of one test."""


@pytest.mark.parametrize(
    "days", [DAYS[first : first + SIZE] for first in range(0, len(DAYS), SIZE)], ids=lambda days: f"from-{days[0]}"
)
def test_an_audit_reports_nothing_after_crashes(days: Sequence[int]) -> None:
    """Whatever died and whatever came late, log, summaries, pages, state and replies agree in the end."""
    for seed in days:
        day = day_of(seed, undisturbed(seed)[1])
        Simulation(day.scenario.world, day.faults, day.events, clocks=day.clocks).run()
        found = day.scenario.world.audit()
        assert ((), ()) == (found.findings, found.pending), f"seed {seed}: {day.faults}"
        assert found.requests == sum(key in day.scenario.world.state().records for key in day.scenario.requests)


LOSSES = (ok, failing, held)


@cache
def passings() -> list[tuple[Point, int]]:
    """Each passing of each point by ticks that do not fail."""
    simulation = Simulation(scenario_of(LOSSES).world)
    simulation.run()
    return [(point, nth) for point, times in simulation.passed.items() for nth in range(1, times + 1)]


@pytest.mark.parametrize("first", range(4))
def test_a_state_lost_with_a_crash_forks_no_log(first: int) -> None:
    """A process is killed, and somebody empties the store: once ticks have caught up, the audit reports nothing."""
    for point, nth in sampled(passings()[first::4], 8, in_ci=2):
        world = scenario_of(LOSSES).world
        Simulation(world, [Fault("SIGKILL", point, nth)], [(point, nth, world.lose)]).run()
        assert () == world.audit().findings, (point, nth)
