"""Ticks in shadow that fail anywhere: nothing is ever posted, and what would have been said is recorded.

The ports of these tests can write: what holds is the state machine alone, not the muted ports of SHADOW=true.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache

import pytest

from creditbot.model import RequestKey
from tests.crash.faults import Fault, Kind
from tests.crash.scenario import Scenario, Sort, failing, held, ok, same_sql, scenario_of
from tests.crash.simulation import SWEEP_RULES, Simulation
from tests.crash.table import Table
from tests.support.points import Point
from tests.support.sampling import sampled
from tests.support.world import World
from tests.support.world_facts import BOT_USER

SHADOW = replace(SWEEP_RULES, shadow=True)
SORTS: tuple[Sort, ...] = (ok, failing, same_sql, held)
BROKEN = ("Requests have to wait; I will keep trying: ", "The state is empty")
"""How the messages begin that the owner gets in shadow, too."""
KINDS: tuple[Kind, ...] = ("SIGKILL", "exception", "timeout after", "stale thread read", "409")
ENDS = {
    "q0": [("shadowed", "answered")],
    "q1": [("shadowed", "refused")],
    "q2": [("shadowed", "answered"), ("shadowed", "refused")],
    "q3": [("shadowed", "held")],
}


def ends(scenario: Scenario) -> dict[str, list[tuple[str, str]]]:
    """How the requests ended, and what would have become of them, by group."""
    records = scenario.world.state().records
    return {
        name: sorted((records[key].status, records[key].would) for key in keys)
        for name, keys in scenario.groups.items()
    }


def written(world: World) -> list[str]:
    """Whatever anybody reads in Slack of the bot."""
    ours = [m for m in world.visible() if m.user == BOT_USER] + world.visible_direct() + world.visible_asks()
    return [m.text for m in ours] + [sign for signs in world.signs.values() for sign in signs]


@cache
def passed() -> tuple[tuple[Point, int], ...]:
    """Every passing of every point where nothing fails."""
    scenario = scenario_of(SORTS)
    simulation = Simulation(scenario.world, rules=SHADOW)
    simulation.run()
    assert ends(scenario) == ENDS
    return tuple(simulation.passings())


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.replace(" ", "-"))
def test_a_shadow_that_fails_anywhere_records_the_same_ends(kind: Kind, table: Table) -> None:
    for point, nth in sampled(passed(), 11, KINDS.index(kind), in_ci=4):
        scenario = scenario_of(SORTS)
        Simulation(scenario.world, [Fault(kind, point, nth)], rules=SHADOW).run()
        table.add(["in shadow"], scenario)
        assert ENDS == ends(scenario), (point, nth)
        assert [] == [text for text in written(scenario.world) if not text.startswith(BROKEN)], (point, nth)


def switched(point: Point, nth: int, mishap: Callable[[World], None] = lambda _: None) -> Iterator[Scenario]:
    """A tick in shadow that is killed at a point; then ticks without SHADOW. An earlier request has ended in shadow."""
    scenario = scenario_of((ok,))
    world = scenario.world
    Simulation(world, rules=SHADOW).run()
    for number, sort in enumerate(SORTS):
        sort(scenario, f"q{number + 4}")
    simulation = Simulation(world, [Fault("SIGKILL", point, nth)], rules=SHADOW)
    simulation.tick()
    mishap(world)
    simulation.rules = SWEEP_RULES
    world.wait(minutes=5)
    simulation.run()
    yield scenario


@pytest.mark.parametrize("mishap", [lambda world: None, World.lose], ids=["", "the state is lost"])
def test_a_shadow_killed_anywhere_never_posts(mishap: Callable[[World], None], table: Table) -> None:
    """Neither later in shadow nor when SHADOW is off again; and what is asked from then on is answered."""
    for point, nth in sampled(passed(), 4):
        for scenario in switched(point, nth, mishap):
            assert {"shadowed"} == {status for found in ends(scenario).values() for status, _ in found}, (point, nth)
            assert [] == [text for text in written(scenario.world) if not text.startswith(BROKEN)], (point, nth)
            key = later(scenario)
            table.add(["SHADOW turned off"], scenario)
            assert 1 == len(scenario.replies(key)), (point, nth)


def later(scenario: Scenario) -> RequestKey:
    """A request from after SHADOW, and the ticks that answer it."""
    scenario.world.wait(minutes=1)
    key = scenario.world.ask("later")
    scenario.groups["later"] = [key]
    Simulation(scenario.world).run()
    return key


def test_shadow_turned_on_anywhere_posts_nothing_more(table: Table) -> None:
    """A reply may have been sent before: then it is found in its thread, and it is the only one."""
    plain = scenario_of((ok, held))
    live = Simulation(plain.world)
    live.run()
    for point, nth in sampled(live.passings(), 4):
        scenario = scenario_of((ok, held))
        simulation = Simulation(scenario.world, [Fault("SIGKILL", point, nth)])
        while not simulation.fired:
            simulation.tick()
            scenario.world.wait(minutes=5)
        before = len(scenario.world.posted())
        simulation.rules = SHADOW
        for _ in range(4):
            simulation.tick()
            scenario.world.wait(minutes=20)
        simulation.rules = SWEEP_RULES
        simulation.run()
        table.add(["SHADOW turned on"], scenario)
        assert before == len(scenario.world.posted()), (point, nth)
        assert 0 == scenario.counted().duplicates
        for key in scenario.requests:
            expected = "answered" if scenario.replies(key) else "shadowed"
            assert expected == scenario.outcome(key).status, (point, nth)
