"""Held amounts while everything fails: what is posted was approved, once, and what was not approved is not posted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import get_args

import pytest

from creditbot.model import RequestKey
from tests.crash.faults import Fault, Kind
from tests.crash.scenario import Outcome, Scenario, held, scenario_of, unsound
from tests.crash.simulation import HOURS, Simulation
from tests.crash.table import Table
from tests.crash.test_points import JUST_IN_TIME, UNAVOIDABLE
from tests.support.points import Point
from tests.support.sampling import sampled
from tests.support.world import World
from tests.support.world_facts import OWNER, RULES

APPROVED = Outcome("answered", ("Approved, $30,000.00, exceptions",), ())
DENIED = Outcome("denied", (), ("failed",))
LATE_QUESTION = Fault("lands after the next scan", "ask.before-send")
LATE_REPLY = Fault("lands after the next scan", "reply.before-send")
SIGKILL: Kind = "SIGKILL"


def question_of(scenario: Scenario) -> tuple[World, RequestKey]:
    """The world of a scenario with one held request, and the request."""
    (key,) = scenario.requests
    return scenario.world, key


def passed(faults: tuple[Fault, ...] = ()) -> list[tuple[Point, int]]:
    """Every passing of every point where only these faults happen."""
    simulation = Simulation(scenario_of((held,)).world, faults, late=JUST_IN_TIME)
    simulation.run()
    return simulation.passings()


def revote(world: World, emoji: str = "") -> None:
    """The approver takes the yes back, and may say something else instead; also on the next question."""
    world.votes = {emoji: (OWNER,)} if emoji else {}
    for message in world.visible_asks():
        if message.reactions:
            world.change_ask(message.ts, reactions=dict(world.votes))


def ended(scenario: Scenario) -> Outcome:
    """How the request ended. Soundness includes that nothing was posted without an approval."""
    assert [] == unsound(scenario)
    (key,) = scenario.requests
    return scenario.outcome(key)


def test_a_yes_that_turns_into_a_no_at_any_point_posts_nothing_later(table: Table) -> None:
    """Whoever was quicker: a reply that stands was approved when the votes were last read."""
    ends = set()
    for point, nth in passed():
        scenario = scenario_of((held,))
        Simulation(scenario.world, (), [(point, nth, partial(revote, scenario.world, "x"))]).run()
        table.add(["a vote turned before the post"], scenario)
        ends.add(ended(scenario))
    assert {APPROVED, DENIED} == ends


def test_a_yes_taken_back_at_any_point_is_waited_for_and_denied(table: Table) -> None:
    """Nobody says anything else, so that the time to decide runs out."""
    ends = set()
    for point, nth in sampled(passed(), 4):
        scenario = scenario_of((held,))
        Simulation(scenario.world, (), [(point, nth, partial(revote, scenario.world))], rules=HOURS).run()
        table.add(["a vote withdrawn before the post"], scenario)
        ends.add(ended(scenario))
    assert {APPROVED, DENIED} == ends


@pytest.mark.parametrize("kind", get_args(Kind), ids=lambda kind: kind.replace(" ", "-"))
def test_a_yes_and_a_no_in_the_same_second_post_nothing(kind: Kind, table: Table) -> None:
    """Until the no is taken back; a fault at any reading of the votes changes nothing."""
    for nth in (1, 2, 3):
        scenario = scenario_of((held,))
        world, key = question_of(scenario)
        world.votes = {"+1": (OWNER,), "x": (OWNER,)}
        world.tick()
        contested = Simulation(world, [Fault(kind, "votes.before-read", nth)])
        for _ in range(8):
            contested.tick()
            world.wait(minutes=5)
            assert ("held", []) == (world.record(key).status, world.replies(key))
        revote(world, "+1")
        Simulation(world).run()
        table.add(["yes and no in the same second"], scenario)
        assert APPROVED == ended(scenario)


@pytest.mark.parametrize("early", [timedelta(seconds=seconds) for seconds in (0, 1, 3)], ids=str)
def test_an_approval_at_the_moment_of_expiry_is_posted_once_or_denied(early: timedelta, table: Table) -> None:
    """With a crash at any point after it; never both, and never neither."""
    for point, nth in passed():
        scenario = scenario_of((held,))
        world, key = question_of(scenario)
        world.votes = {}
        world.tick()
        hold = world.record(key).hold
        assert hold
        world.now = hold.until - early
        revote_all(world)
        Simulation(world, [Fault(SIGKILL, point, nth)]).run()
        table.add(["approval at the moment of expiry"], scenario)
        assert ended(scenario) in (APPROVED, DENIED)


def revote_all(world: World) -> None:
    """The approver says yes to every question."""
    world.votes = {"+1": (OWNER,)}
    for message in world.visible_asks():
        world.change_ask(message.ts, reactions=dict(world.votes))


@pytest.mark.parametrize("late", [JUST_IN_TIME, RULES.settle + timedelta(minutes=25)], ids=["in time", "too late"])
def test_a_question_that_lands_late_is_decided_once(late: timedelta, table: Table) -> None:
    """Too late, it stands there twice, and votes on either count."""
    for point, nth in passed((LATE_QUESTION,)):
        if point in UNAVOIDABLE:
            continue
        scenario = scenario_of((held,))
        Simulation(scenario.world, [LATE_QUESTION, Fault(SIGKILL, point, nth)], late=late).run()
        table.add(["a question that lands late"], scenario)
        assert [] == unsound(scenario, avoidable=late < RULES.settle)
        (key,) = scenario.requests
        assert APPROVED == scenario.outcome(key), (point, nth)


def test_a_reply_that_lands_late_after_an_approval_is_the_only_one(table: Table) -> None:
    for point, nth in passed((LATE_REPLY,)):
        scenario = scenario_of((held,))
        Simulation(scenario.world, [LATE_REPLY, Fault(SIGKILL, point, nth)], late=JUST_IN_TIME).run()
        table.add(["approval then crash"], scenario)
        assert APPROVED == ended(scenario), (point, nth)


def _lose(world: World, _: RequestKey) -> None:
    world.lose()


def _vandalise(world: World, key: RequestKey) -> None:
    if world.knows(key):
        world.vandalise(key)


@pytest.mark.parametrize("mishap", [_lose, _vandalise], ids=["lost", "edited into nonsense"])
def test_a_state_lost_while_held_posts_what_is_approved_once(
    mishap: Callable[[World, RequestKey], None], table: Table
) -> None:
    """The question and its votes are found again."""
    for point, nth in passed():
        scenario = scenario_of((held,))
        world, key = question_of(scenario)
        Simulation(world, (), [(point, nth, partial(mishap, world, key))]).run()
        table.add(["state lost while held"], scenario)
        assert [] == world.unapproved
        assert 1 == len(scenario.replies(key)), (point, nth)


def test_an_edit_while_held_voids_what_was_approved(table: Table) -> None:
    """At any point: what is posted is what was asked about last, or what was approved before the edit."""
    for point, nth in passed():
        scenario = scenario_of((held,))
        world, key = question_of(scenario)
        world.amounts["bigger"] = Decimal("40000.00")
        edit = partial(world.edit, key, "credit <https://acme.looker.com/x/bigger>")
        Simulation(world, (), [(point, nth, edit)]).run()
        Simulation(world).run()  # what was done in the last tick is seen by a later one
        table.add(["an edit while held"], scenario)
        assert [] == unsound(scenario)
        assert scenario.outcome(key).replies in (
            ("Approved, $30,000.00, exceptions",), ("Approved, $40,000.00, exceptions",),
        ), (point, nth)  # fmt: skip
