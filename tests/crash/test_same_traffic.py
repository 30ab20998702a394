"""The same traffic, asked for by different SQL, while everything fails: it is credited once without an approval."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import cache, partial
from typing import get_args

import pytest

from creditbot.intake.thread import UNCOUNTED
from creditbot.model import RequestKey
from tests.crash.faults import LATENESS, STALENESS, Fault, Kind
from tests.crash.scenario import Outcome, Scenario, Sort, scenario_of, unsound
from tests.crash.simulation import HOURS, Simulation
from tests.crash.table import Table
from tests.crash.test_interleavings import interleave
from tests.crash.test_points import JUST_IN_TIME, LATE_REPLY, UNAVOIDABLE
from tests.support.points import Point
from tests.support.sampling import count, sampled
from tests.support.world import World

KINDS: tuple[Kind, ...] = get_args(Kind)
DECEMBER = "account_sid = 'AC1' AND day >= DATE '2025-12-01' AND day < DATE '2026-01-01'"
UNIT = ["", "2025-12-18", "+62", "basic", 100, "100.00"]
CREDITED = Outcome("answered", ("Approved, $100.00, exceptions",), ())
DENIED = Outcome("denied", (), ("failed",))
Passing = tuple[Point, int]


def _link(world: World, slug: str, *, units: bool) -> str:
    """A link to December of AC1; its notebook flags one unit, or does not say which it flags."""
    world.conditions[slug], world.amounts[slug] = DECEMBER, world.amounts.get("q0", world.amounts.get(slug))  # type: ignore[assignment]
    if units:
        world.units[slug] = [UNIT]
    return slug


def windows_meet(scenario: Scenario, name: str) -> None:
    """Two requests for one account and its days; nobody knows which rows were flagged."""
    world = scenario.world
    scenario.groups[name] = [world.ask(_link(world, slug, units=False)) for slug in (name, f"{name}again")]


def units_shared(scenario: Scenario, name: str) -> None:
    """Two requests whose notebooks flag the same rows."""
    world = scenario.world
    scenario.groups[name] = [world.ask(_link(world, slug, units=True)) for slug in (name, f"{name}again")]


def two_links(scenario: Scenario, name: str) -> None:
    """One request with two links for the same rows."""
    world = scenario.world
    slugs = [_link(world, slug, units=True) for slug in (name, f"{name}again")]
    scenario.groups[name] = [world.ask(*slugs)]


SORTS: dict[str, tuple[Sort, list[Outcome]]] = {
    "windows meet": (windows_meet, [CREDITED, DENIED]),
    "units shared": (units_shared, [CREDITED, DENIED]),
    "two links": (two_links, [DENIED]),
}


def simulated(name: str, faults: Sequence[Fault] = (), **options: object) -> tuple[Scenario, Simulation]:
    scenario = scenario_of((SORTS[name][0],))
    return scenario, Simulation(scenario.world, faults, rules=HOURS, **options)  # type: ignore[arg-type]


@cache
def passed(name: str, faults: tuple[Fault, ...] = ()) -> tuple[Passing, ...]:
    """Every passing of every point where only these faults happen."""
    scenario, simulation = simulated(name, faults, late=JUST_IN_TIME)
    simulation.run()
    assert SORTS[name][1] == scenario.outcomes()["q0"]
    return tuple(simulation.passings())


def some(cases: Sequence[Passing], name: str) -> list[Passing]:
    """About ten of the cases, in CI about forty; tests of different names begin at different ones."""
    return sampled(cases, max(1, len(cases) // 10), sum(name.encode()), in_ci=max(1, len(cases) // 40))


def replies(scenario: Scenario) -> int:
    """Our replies that stand, in all threads together."""
    return sum(reply.text not in UNCOUNTED for key in scenario.requests for reply in scenario.replies(key))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.replace(" ", "-"))
@pytest.mark.parametrize("name", SORTS)
def test_whatever_fails_the_same_traffic_is_credited_once(name: str, kind: Kind, table: Table) -> None:
    for point, nth in sampled(passed(name), 25, 2 * KINDS.index(kind), in_ci=9):  # in CI each passing has a fault
        if kind.startswith("SIGSTOP") and point in UNAVOIDABLE:
            continue
        scenario, simulation = simulated(name, [Fault(kind, point, nth)])
        simulation.run()
        table.add([f"the same traffic: {name}"], scenario)
        assert [] == unsound(scenario), (point, nth)
        assert SORTS[name][1] == scenario.outcomes()["q0"], (point, nth)


@pytest.mark.parametrize("name", ["windows meet", "units shared"])
@pytest.mark.parametrize("kind", ["SIGKILL", "SIGSTOP across a takeover", "409"])
def test_after_a_reply_of_unknown_outcome_the_same_traffic_waits(name: str, kind: Kind, table: Table) -> None:
    """The reply may be there, so that its traffic counts as credited."""
    for point, nth in some(passed(name, (LATE_REPLY,)), f"late {name} {kind}"):
        if kind.startswith("SIGSTOP") and point in UNAVOIDABLE:
            continue
        scenario, simulation = simulated(name, [LATE_REPLY, Fault(kind, point, nth)], late=JUST_IN_TIME)
        simulation.run()
        table.add([f"the same traffic: {name}"], scenario)
        assert [] == unsound(scenario), (point, nth)
        assert SORTS[name][1] == scenario.outcomes()["q0"], (point, nth)


@pytest.mark.parametrize("name", SORTS)
def test_two_ticks_at_once_credit_the_same_traffic_once(name: str, table: Table) -> None:
    """Switched at every boundary between two effects, in any order."""
    for seed in range(count(80, 4)):
        dice = random.Random(f"{name} {seed}")
        scenario = scenario_of((SORTS[name][0],), used=seed % 3 > 0)
        scenario.world.lateness = dice.choice((timedelta(0), LATENESS))
        scenario.world.stale = dice.choice((timedelta(0), STALENESS))
        interleave(scenario.world, dice, HOURS)
        Simulation(scenario.world, rules=HOURS).run()
        table.add(["the same traffic: two ticks at once"], scenario)
        assert [] == unsound(scenario), f"seed {seed}"
        assert SORTS[name][1] == scenario.outcomes()["q0"], f"seed {seed}"


def _vandalise(world: World, key: RequestKey) -> None:
    if world.knows(key):
        world.vandalise(key)


def _lose(world: World, _: RequestKey) -> None:
    world.lose()


@pytest.mark.parametrize("asked", ["before", "after"])
@pytest.mark.parametrize("name", ["windows meet", "units shared"])
@pytest.mark.parametrize("mishap", [_lose, _vandalise], ids=["lost", "edited into nonsense"])
def test_a_state_lost_between_two_requests_credits_the_traffic_once(
    name: str, asked: str, mishap: Callable[[World, RequestKey], None], table: Table
) -> None:
    """Whether the second one was there when the state was lost, or is asked when the loss is known."""
    for point, nth in some(passed(name, (LATE_REPLY,)), f"{name} {asked} {mishap.__name__}"):
        scenario, simulation = simulated(name, [LATE_REPLY], late=JUST_IN_TIME)
        world, keys = scenario.world, scenario.groups["q0"]
        if asked == "after":
            world.delete(keys.pop())
        simulation.events = [(point, nth, partial(mishap, world, keys[0]))]
        simulation.run()
        if asked == "after":
            world.wait(minutes=1)
            keys.append(world.ask("q0again"))
            simulation.run()
        table.add(["the same traffic: state lost between"], scenario)
        assert 1 == replies(scenario), (point, nth)
        assert [] == world.unapproved


def _answered_by_a_person(world: World, first: RequestKey, second: RequestKey, sent: list[bool]) -> None:
    """Somebody answers the first request; `sent` notes whether the second one had its reply by then."""
    sent.append(bool(world.posted().get(str(second))))
    world.say("Approved, $100.00, exceptions", "U0BOSS", thread_ts=first.ts)


@pytest.mark.parametrize("name", ["windows meet", "units shared"])
def test_what_a_person_answers_in_between_is_not_credited_again(name: str, table: Table) -> None:
    """A person answers the first request at some point. The second one gets no reply after that."""
    for point, nth in some(passed(name), f"{name} person"):
        scenario, simulation = simulated(name)
        first, second = scenario.groups["q0"]
        sent: list[bool] = []
        answer = partial(_answered_by_a_person, scenario.world, first, second, sent)
        simulation.events = [(point, nth, answer)]
        simulation.run()
        table.add(["the same traffic: a person answers"], scenario)
        assert replies(scenario) <= 1, (point, nth)
        assert bool(scenario.replies(second)) == sent[0], (point, nth)
