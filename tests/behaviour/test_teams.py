"""Two teams, each with a state, a channel and an owner of its own, share the summaries and the log of ends."""

from __future__ import annotations

import pytest

from tests.behaviour.test_overlaps import DECEMBER, REPLY, ask, link, reasons, unit
from tests.support.ticks import stopped
from tests.support.world import World


@pytest.fixture
def payments(world: World) -> World:
    """One team, which is at work."""
    world.tick()
    return world


@pytest.fixture
def growth(payments: World) -> World:
    """Another team, which comes later: its state is empty, and there are summaries of the first one."""
    world = World()
    for name in ("summaries", "pointers", "saved", "pages", "log", "checkpoints"):
        setattr(world, name, getattr(payments, name))
    return world


def test_traffic_that_one_team_has_credited_is_held_by_another(payments: World, growth: World) -> None:
    """The approvers of the second team are asked, with the address of the first request."""
    first = ask(payments, link(payments, "first", DECEMBER, unit(18), unit(19)))
    assert [REPLY] == payments.replies(first)
    growth.now = payments.now
    second = ask(growth, link(growth, "second", f"{DECEMBER} AND prefix LIKE '%'", unit(18), unit(19)))
    (reason,) = reasons(growth, second)
    assert reason.startswith("$50.00 of $50.00 would be paid twice: ")
    assert payments.address(first) in reason
    assert [] == growth.replies(second)


def test_traffic_that_another_team_credits_meanwhile_is_held(payments: World, growth: World) -> None:
    """Neither has credited it when the first team computes it, and the second team is faster."""
    growth.now = payments.now
    first = payments.ask(link(payments, "first", DECEMBER, unit(18), unit(19)))
    slow = stopped(payments, "summary.before-save")
    second = ask(growth, link(growth, "second", f"{DECEMBER} AND prefix LIKE '%'", unit(18), unit(19)))
    slow.go_on()
    assert ([], [REPLY]) == (payments.replies(first), growth.replies(second))
    (reason,) = reasons(payments, first)
    assert reason.startswith("$50.00 of $50.00 would be paid twice: ")


def test_each_team_answers_other_traffic_and_tells_its_owner_nothing(payments: World, growth: World) -> None:
    """Neither takes the other one for a second deployment on its channel, nor for a lost state of its own."""
    for number, team in enumerate((payments, growth, payments, growth)):
        team.now = max(payments.now, growth.now)
        key = ask(team, link(team, f"of{number}", f"account_sid = 'AC{number}'", unit(18, 100 + number)))
        assert [REPLY] == team.replies(key)
    assert [] == payments.told() + growth.told()


def test_the_log_of_ends_of_two_teams_has_one_order(payments: World, growth: World) -> None:
    """Each takes up what the other one has added, and neither finds a fork."""
    test_each_team_answers_other_traffic_and_tells_its_owner_nothing(payments, growth)
    assert [*range(4)] == sorted(payments.log)
    assert {1, 2, 3, 4} == payments.checkpoints.keys()
