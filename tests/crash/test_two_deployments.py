"""Two deployments, each with a state of its own, on one channel at once: every second reply is found and repaired."""

from __future__ import annotations

import random
from contextlib import suppress
from datetime import timedelta

import pytest

from creditbot.errors import CreditbotError
from creditbot.intake.thread import UNCOUNTED
from tests.crash.faults import LATENESS
from tests.crash.scenario import Scenario, Sort, failing, fill, in_a_thread, ok, scenario_of, several_links
from tests.crash.simulation import SCHEDULE, SWEEP_RULES
from tests.crash.table import Table
from tests.support.sampling import count
from tests.support.ticks import Tick
from tests.support.world import World

INTERLEAVINGS = count(60, 3)
BATCHES = 2
SCENARIO: tuple[Sort, ...] = (ok, failing, several_links, in_a_thread)
ROUNDS = 9
"""Ticks of each deployment after the first two; by then every request has ended, and every post has settled."""


def run_together(scenario: Scenario, dice: random.Random) -> None:
    """Runs one tick of each deployment step by step, in an order that the dice say, and then further ticks in turn."""
    world = scenario.world
    memories = (None, world.other_deployment())
    ticks = [Tick(lambda tick, memory=memory: _tick(world, tick, memory)) for memory in memories]  # type: ignore[misc]
    while ticks:
        tick = dice.choice(ticks)
        if tick.go_on():
            ticks.remove(tick)
    for _ in range(ROUNDS):
        for memory in dice.sample(memories, 2):
            with suppress(CreditbotError):
                world.tick(memory=memory, rules=SWEEP_RULES)
        world.now += SCHEDULE


def _tick(world: World, tick: Tick, memory: World | None) -> None:
    with suppress(CreditbotError):
        world.tick(at=lambda _: tick.pause(), memory=memory, rules=SWEEP_RULES)


@pytest.mark.parametrize("batch", range(BATCHES))
def test_two_deployments_leave_one_reply_to_each_request(batch: int, table: Table) -> None:
    """No state prevents the second reply. The number of replies that the channel shows betrays each one."""
    told = 0
    for seed in range(batch, INTERLEAVINGS, BATCHES):
        dice = random.Random(seed)
        scenario = scenario_of(())
        world = scenario.world
        world.tick(memory=world.other_deployment())
        world.wait(minutes=16)
        fill(scenario, SCENARIO)
        world.lateness = dice.choice((timedelta(0), timedelta(seconds=12), LATENESS))
        run_together(scenario, dice)
        table.add(["two deployments"], scenario)
        standing = [
            [reply.text for reply in scenario.replies(key) if reply.text not in UNCOUNTED] for key in scenario.requests
        ]
        assert [len(texts) for texts in standing] == [1, 0, 1, 1, 1], f"seed {seed}"
        assert scenario.counted().duplicates == scenario.counted().repaired, f"seed {seed}"
        assert scenario.counted().losses == 0, f"seed {seed}"
        told += any("Another deployment" in text for text in world.told())
    assert told == INTERLEAVINGS // BATCHES
