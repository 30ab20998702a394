"""A notebook that takes longer than a claim lasts, while another process ticks, and then a kill."""

from __future__ import annotations

from tests.crash.scenario import Counts
from tests.crash.table import Table
from tests.support.points import Point
from tests.support.world import World
from tests.support.world_facts import REFERENCE


def asked() -> World:
    """A world in which a request is asked whose notebook takes 100 minutes; another process ticks every 25 of them."""
    world = World()
    world.tick()
    world.ask("abc")

    def take_long() -> None:
        for _ in range(4):
            world.wait(minutes=25)
            world.tick()

    world.amid("notebook", take_long)
    return world


def test_long_work_is_done_once_and_answered_once() -> None:
    """The attempt is counted once, too."""
    world = asked()
    world.tick()
    (key,) = world.state().records
    assert (["abc"], [REFERENCE], 1) == (world.runs, world.replies(key), world.record(key).attempts)


def test_a_kill_at_any_point_of_long_work_loses_and_repeats_no_reply(table: Table) -> None:
    """The claim of the process that was killed runs out, although it was renewed, and another one answers."""
    passed: list[Point] = []
    asked().tick(at=passed.append)
    for number, point in enumerate(passed):
        world = asked()
        world.kill(point, passed[: number + 1].count(point))
        for _ in range(8):
            world.wait(minutes=16)
            world.tick()
        (key,) = world.state().records
        replies = world.replies(key)
        table.count("SIGKILL, work longer than a claim", Counts(len(replies) - 1, 0, not replies))
        assert [REFERENCE] == replies, (point, number)
        assert len(world.runs) <= 2, (point, number)
