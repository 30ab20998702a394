"""A run may still wait in a queue when its request ends. So the runner is told of each end, whoever caused it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from creditbot.model import RequestKey
from creditbot.state.record import Status
from tests.behaviour.failures import LOOKER_DOWN, NOTEBOOK_STOPPED
from tests.support.ticks import stopped
from tests.support.world import World
from tests.support.world_facts import RULES


def _answered(world: World) -> RequestKey:
    return world.ask("abc")


def _answered_by_a_person(world: World) -> RequestKey:
    key = world.ask("abc")
    world.say("Approved, $5.00, exceptions", "U0BOSS", thread_ts=key.ts)
    return key


def _withdrawn(world: World) -> RequestKey:
    key = world.ask("abc")
    world.amid("notebook", lambda: world.delete(key))
    return key


def _of_a_product_that_is_off(world: World) -> RequestKey:
    return world.ask("other")


def _given_up(world: World) -> RequestKey:
    return world.ask("gone")


@pytest.mark.parametrize(
    ("begin", "status"),
    [
        (_answered, "answered"),
        (_answered_by_a_person, "elsewhere"),
        (_withdrawn, "withdrawn"),
        (_of_a_product_that_is_off, "skipped"),
        (_given_up, "given_up"),
    ],
)
def test_the_runner_is_told_that_a_request_has_ended(
    world: World, begin: Callable[[World], RequestKey], status: Status
) -> None:
    """Once, by the tick that ends it."""
    key = begin(world)
    world.ticks(2)
    assert (status, [key]) == (world.record(key).status, world.ended)


def test_the_runner_is_told_of_an_end_in_shadow(world: World) -> None:
    key = world.ask("abc")
    world.tick(rules=replace(RULES, shadow=True))
    assert ("shadowed", [key]) == (world.record(key).status, world.ended)


def test_the_runner_is_told_of_a_denial_and_not_of_a_hold(world: World, held: RequestKey) -> None:
    assert [] == world.ended
    world.react("x")
    world.tick()
    assert ("denied", [held]) == (world.record(held).status, world.ended)


def test_the_runner_is_not_told_of_a_request_that_is_tried_again(world: World) -> None:
    """What runs or waits for it is still wanted."""
    world.ask_and_fail("notebook", NOTEBOOK_STOPPED)
    world.fail("looker", LOOKER_DOWN)
    world.tick_after(minutes=5)
    assert [] == world.ended


def test_a_process_that_wakes_up_after_the_end_tells_its_runner_too(world: World) -> None:
    """It may have begun a run that nobody wants."""
    key = world.ask("abc")
    tick = stopped(world, "looker.before-read")
    world.tick_after(minutes=31)
    assert tick.go_on()
    assert ("answered", [key, key]) == (world.record(key).status, world.ended)
