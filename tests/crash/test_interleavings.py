"""Two ticks at once, switched at every boundary between two effects: in any order each request is answered once."""

from __future__ import annotations

import random
from contextlib import suppress
from datetime import timedelta

import pytest

from creditbot.answer.rules import Rules
from creditbot.errors import CreditbotError
from tests.crash.faults import LATENESS, STALENESS
from tests.crash.scenario import Sort, failing, held, ok, same_sql, scenario_of, unsound
from tests.crash.simulation import SWEEP_RULES, Simulation
from tests.crash.table import Table
from tests.support.sampling import count
from tests.support.ticks import Tick
from tests.support.world import World

INTERLEAVINGS = count(240, 6)
BATCHES = 4
SCENARIO: tuple[Sort, ...] = (ok, same_sql, failing, held)
LEAPS = (timedelta(0),) * 12 + (timedelta(seconds=31), timedelta(minutes=16), timedelta(minutes=31))
"""How much time goes by between two steps; the long ones let claims run out and posts settle."""


def interleave(world: World, dice: random.Random, rules: Rules = SWEEP_RULES) -> int:
    """Runs two ticks step by step, in an order and at a pace that the dice say; returns how often they took turns."""
    sent: dict[Tick, bool] = {}

    def run(tick: Tick) -> None:
        def at(point: str) -> None:
            sent[tick] = point in ("reply.before-send", "notice.before-send", "ask.before-send")
            tick.pause()

        with suppress(CreditbotError):
            world.tick(at=at, rules=rules)

    ticks = [Tick(run), Tick(run)]
    turns, last = 0, None
    while ticks:
        tick = dice.choice(ticks)
        turns += tick is not last
        last = tick
        if tick.go_on():
            ticks.remove(tick)
        if not any(sent.get(tick) for tick in ticks):  # no time goes by between a last look and its send
            world.now += dice.choice(LEAPS)
    return turns


@pytest.mark.parametrize("batch", range(BATCHES))
def test_two_ticks_at_once_answer_once(batch: int, table: Table) -> None:
    """Same replies, same amounts, nothing twice, nothing lost."""
    plain = scenario_of(SCENARIO)
    Simulation(plain.world).run()
    for seed in range(batch, INTERLEAVINGS, BATCHES):
        dice = random.Random(seed)
        scenario = scenario_of(SCENARIO, used=seed % 3 > 0)
        scenario.world.lateness = dice.choice((timedelta(0), LATENESS))
        scenario.world.stale = dice.choice((timedelta(0), STALENESS))
        assert interleave(scenario.world, dice) > 5
        Simulation(scenario.world).run()
        table.add(["two ticks at once"], scenario)
        assert [] == unsound(scenario), f"seed {seed}"
        assert plain.outcomes() == scenario.outcomes(), f"seed {seed}"
