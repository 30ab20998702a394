"""Every point, every fault: however a tick fails, later ticks bring it to the same end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache, partial
from itertools import product
from typing import get_args

import pytest

from creditbot.model import RequestKey
from tests.crash.deeds import DEEDS, Deed
from tests.crash.faults import Fault, Kind
from tests.crash.scenario import (
    Scenario,
    Sort,
    answered_twice,
    failing,
    held,
    ok,
    same_sql,
    scenario_of,
    twice_told,
    unsound,
)
from tests.crash.simulation import Simulation
from tests.crash.table import Table
from tests.support.points import Point
from tests.support.sampling import sampled
from tests.support.world import World
from tests.support.world_facts import RULES

SCENARIOS: Mapping[str, tuple[Sort, ...]] = {"usual": (ok, failing, same_sql, answered_twice), "held": (held,)}
POINTS: tuple[Point, ...] = get_args(Point)
UNCERTAIN = Fault("timeout after", "notice.before-send")
"""Leads to the look whether a message to the owner is there."""
UNAVOIDABLE = frozenset({"reply.before-send", "notice.before-send", "ask.before-send"})
"""Between the last look at the clock and the first byte: a process that sleeps there cannot be excluded by anybody."""


def prelude(point: Point) -> tuple[Fault, ...]:
    """What else has to go wrong for a point to be reached."""
    return (UNCERTAIN,) if point in ("notice.before-look", "notice.after-look") else ()


@cache
def undisturbed(name: str, point: Point) -> tuple[Counter[Point], dict[str, object]]:
    """How often each point is passed when nothing else fails, and how that ends."""
    scenario = scenario_of(SCENARIOS[name])
    simulation = Simulation(scenario.world, prelude(point))
    simulation.run()
    assert [] == unsound(scenario)
    return simulation.passed, dict(scenario.outcomes())


def passed_in(name: str) -> set[Point]:
    """The points that are passed."""
    return {point for point in POINTS if undisturbed(name, point)[0][point]}


def places() -> list[tuple[str, Point]]:
    """Questions to approvers are asked in the second scenario only, and it notices nobody."""
    elsewhere = {"usual": ("ask", "votes"), "held": ("notice",)}
    return [(name, point) for name in SCENARIOS for point in POINTS if not point.startswith(elsewhere[name])]


def cases(name: str, point: Point) -> list[tuple[int, Kind]]:
    """Each fault at each passing of a point."""
    kinds = [kind for kind in get_args(Kind) if not (kind.startswith("SIGSTOP") and point in UNAVOIDABLE)]
    return list(product(range(1, undisturbed(name, point)[0][point] + 1), kinds))


def some(name: str, point: Point) -> list[tuple[int, Kind]]:
    """In `make test` about one fault at each passing of a point, in CI about four; at other points they are others."""
    return sampled(cases(name, point), 9, POINTS.index(point), in_ci=3)


def test_every_point_is_passed() -> None:
    """A name that no tick reports is not a boundary."""
    assert set(POINTS) == {point for name in SCENARIOS for point in passed_in(name)}


def test_a_sample_has_each_passing_of_a_point_and_each_fault() -> None:
    """In each scenario, so that `make test` leaves out no side effect and no kind of failure."""
    for name in SCENARIOS:
        points = [point for where, point in places() if where == name]
        for point in points:
            assert {nth for nth, _ in cases(name, point)} == {nth for nth, _ in some(name, point)}, (name, point)
        assert set(get_args(Kind)) == {kind for point in points for _, kind in some(name, point)}, name


@pytest.mark.parametrize(("name", "point"), places())
def test_a_tick_that_fails_anywhere_is_repaired(name: str, point: Point, table: Table) -> None:
    """Same replies, same amounts, nothing twice, nothing lost, at every passing of the point."""
    for nth, kind in some(name, point):
        scenario = scenario_of(SCENARIOS[name])
        simulation = Simulation(scenario.world, (*prelude(point), fault := Fault(kind, point, nth)))
        simulation.run()
        table.add([kind], scenario)
        assert fault in simulation.fired
        assert [] == unsound(scenario), fault
        assert undisturbed(name, point)[1] == scenario.outcomes(), fault


JUST_IN_TIME = RULES.settle - timedelta(seconds=40)
"""After the 30 s in which a send may begin, still under the settle time."""
LATE_REPLY = Fault("lands after the next scan", "reply.before-send")
"""A reply whose answer is lost and that becomes visible just before the settle time: the hardest to know about."""


LATER: list[tuple[Kind, int | None, int]] = [
    *(("SIGSTOP across a takeover", ticks, leap) for ticks in (0, 1, 2, 3) for leap in (0, 16)),
    ("SIGSTOP across a takeover", None, 0), ("SIGKILL", None, 0), ("409", None, 0),
]  # fmt: skip
"""What fails, and of a process that sleeps: for how many ticks of others, and how many minutes then go by."""


@pytest.mark.parametrize("number", range(len(LATER)))
def test_whatever_fails_after_a_reply_of_unknown_outcome_is_repaired(number: int, table: Table) -> None:
    """The reply is found by those who wait before they look, at every passing of every point after it."""
    kind, ticks, leap = LATER[number]
    plain = scenario_of((ok,))
    Simulation(plain.world).run()
    first = Simulation(scenario_of((ok,)).world, [LATE_REPLY], late=JUST_IN_TIME)
    first.run()
    for point, nth in sampled(first.passings(), 3, number):
        if kind.startswith("SIGSTOP") and point in UNAVOIDABLE:
            continue
        scenario = scenario_of((ok,))
        fault = Fault(kind, point, nth, ticks, timedelta(minutes=leap))
        Simulation(scenario.world, [LATE_REPLY, fault], late=JUST_IN_TIME).run()
        table.add([LATE_REPLY.kind, kind], scenario)
        assert [] == unsound(scenario), fault
        assert plain.outcomes() == scenario.outcomes(), fault


@pytest.mark.parametrize("deed", DEEDS, ids=[deed.name for deed in DEEDS])
def test_what_people_do_while_a_reply_is_unconfirmed_causes_no_second(deed: Deed, table: Table) -> None:
    """An edit in particular: the reply that may exist is of the links that were there."""
    first = Simulation(scenario_of((ok,)).world, [LATE_REPLY], late=JUST_IN_TIME)
    first.run()
    for point, nth in first.passings():
        scenario = scenario_of((ok,))
        (key,) = scenario.requests
        event = (point, nth, partial(deed.act, scenario.world, key))
        Simulation(scenario.world, [LATE_REPLY], [event], late=JUST_IN_TIME).run()
        Simulation(scenario.world).run()  # what was done in the last tick is seen by a later one
        table.add([LATE_REPLY.kind], scenario)
        assert [] == unsound(scenario), (point, nth)
        assert scenario.outcome(key) in deed.ends, (point, nth)


def _vandalise(world: World, key: RequestKey) -> None:
    """Somebody edits the ConfigMap into nonsense."""
    if world.values and str(key) in world.values:
        world.values[str(key)] = "{nonsense"
        world.version += 1


def _lose(world: World, _: RequestKey) -> None:
    """Somebody empties the ConfigMap."""
    world.values = {}
    world.version += 1


@pytest.mark.parametrize(("name", "mishap"), [("edited into nonsense", _vandalise), ("lost", _lose)])
def test_a_state_lost_while_a_reply_is_unconfirmed_causes_no_second(
    name: str, mishap: Callable[[World, RequestKey], None], table: Table
) -> None:
    """Another request was answered before. If that is visible, the tick waits even for a post on its way."""
    first = Simulation(_answered_and_asked()[0].world, [LATE_REPLY], late=JUST_IN_TIME)
    first.run()
    for point, nth in first.passings():
        scenario, key = _answered_and_asked()
        event = (point, nth, partial(mishap, scenario.world, key))
        Simulation(scenario.world, [LATE_REPLY], [event], late=JUST_IN_TIME).run()
        table.add([f"state {name}"], scenario)
        assert 0 == scenario.counted().duplicates, (point, nth)
        assert [("Approved, $100.00, exceptions",)] * 2 == [scenario.outcome(k).replies for k in scenario.requests]


@pytest.mark.parametrize(("name", "mishap"), [("edited into nonsense", _vandalise), ("lost", _lose)])
def test_a_state_lost_while_a_reply_is_unconfirmed_frees_no_sql(
    name: str, mishap: Callable[[World, RequestKey], None], table: Table
) -> None:
    """One of the two has it, also where the other is asked when the loss is known and no pause concerns it."""
    first = Simulation(scenario_of((ok,)).world, [LATE_REPLY], late=JUST_IN_TIME)
    first.run()
    for point, nth in first.passings():
        scenario = scenario_of((ok,))
        _harm_and_ask(scenario, mishap, point, nth).run()
        table.add([f"state {name}"], scenario)
        assert 2 == len(scenario.requests)
        replies = sorted(scenario.outcome(k).replies for k in scenario.requests)
        assert [(), ("Approved, $100.00, exceptions",)] == replies, (point, nth)


@pytest.mark.parametrize(("name", "mishap"), [("edited into nonsense", _vandalise), ("lost", _lose)])
def test_whatever_happens_to_the_state_a_failure_is_told_once(
    name: str, mishap: Callable[[World, RequestKey], None], table: Table
) -> None:
    """The conversation with the owner shows that it was told."""
    first = Simulation(scenario_of((failing,)).world)
    first.run()
    for point, nth in first.passings():
        scenario = scenario_of((failing,))
        (key,) = scenario.requests
        Simulation(scenario.world, (), [(point, nth, partial(mishap, scenario.world, key))]).run()
        table.add([f"state {name}"], scenario)
        assert ("given_up", (), ("failed",)) == scenario.outcome(key), (point, nth)
        assert [] == twice_told(scenario.world), (point, nth)


def _harm_and_ask(
    scenario: Scenario, mishap: Callable[[World, RequestKey], None], point: Point, nth: int
) -> Simulation:
    """The state is harmed at a point; before the second tick after that somebody asks for the same SQL again."""
    world, asked = scenario.world, scenario.groups["q0"]
    events: list[tuple[Point, int, Callable[[], object]]] = []
    simulation = Simulation(world, [LATE_REPLY], events, late=JUST_IN_TIME)

    def harm() -> None:
        mishap(world, asked[0])
        ticks = simulation.passed["history.before-read"]
        events.append(("history.before-read", ticks + 2, lambda: asked.append(world.ask("q0"))))

    events.append((point, nth, harm))
    return simulation


def _answered_and_asked() -> tuple[Scenario, RequestKey]:
    """One request has its answer, which everybody sees; the other is new."""
    scenario = scenario_of((ok,))
    scenario.world.tick()
    scenario.world.wait(minutes=5)
    key = scenario.world.ask("q0b")
    scenario.world.amounts["q0b"] = scenario.world.amounts["q0"]
    scenario.groups["new"] = [key]
    return scenario, key
