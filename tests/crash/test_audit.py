"""Histories in which ticks failed, and nobody tampered: the audit reports nothing.

The days are those of `test_sweep`: requests of every sort, people who edit and answer, and one to three faults.
AUDIT_DAYS says how many; with CASES=all there are a thousand, in CI a tenth of them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import pytest

from tests.crash.simulation import Simulation
from tests.crash.test_sweep import day_of, undisturbed
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
