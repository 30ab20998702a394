"""The weekly digest is posted once, whatever happens, and never days late."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from creditbot.answer.weekly import AGAIN, digest_name
from creditbot.errors import CreditbotError, PostRefused
from tests.behaviour.failures import SILENCE
from tests.support.points import At, Point, nowhere, watched
from tests.support.world import World
from tests.support.world_facts import OWNER, START, Killed

MONDAY = timedelta(days=4) - timedelta(hours=5)
"""From the start of the world to a Monday at 7:00 UTC."""
REFUSED = PostRefused("Slack did not take it.", retry=True)


@pytest.fixture
def world() -> World:
    """On a Monday at 7:00."""
    world = World()
    world.tick()
    world.wait(days=MONDAY.total_seconds() / 86_400)
    return world


def ready(world: World, at: At = nowhere) -> Callable[[], None]:
    """What a new process does after its tick; `at` is told the points that it passes there."""
    is_over = False

    def passing(point: Point) -> None:
        if is_over:
            at(point)

    process = world.bot(at=passing)
    process.tick()
    is_over = True
    owner = watched(world.ports(), passing).owners.conversation_with(OWNER)
    return lambda: process.post_digest(owner, lambda week: f"Digest of {week}.")


def after_a_tick(world: World, at: At = nowhere) -> None:
    ready(world, at)()


def texts(world: World) -> list[str]:
    return [text for text in world.told() if text.startswith("Digest")]


def test_the_digest_is_posted_once_and_is_about_the_week_before(world: World) -> None:
    for _ in range(3):
        after_a_tick(world)
        world.wait(hours=1)
    assert [f"Digest of {START.date() - timedelta(days=3)}."] == texts(world)
    state = world.state().weekly
    assert state
    assert ("sent", date(2026, 1, 5)) == (state.status, state.week)


def test_the_next_digest_comes_a_week_later(world: World) -> None:
    after_a_tick(world)
    world.wait(days=3)
    after_a_tick(world)
    world.wait(days=4)
    after_a_tick(world)
    assert ["Digest of 2026-01-05.", "Digest of 2026-01-12."] == texts(world)


def test_a_digest_is_not_posted_days_late(world: World) -> None:
    """The one after it comes in its time."""
    world.wait(days=2)
    after_a_tick(world)
    assert [] == texts(world)


def test_two_processes_at_once_post_one_digest(world: World) -> None:
    """Each has seen the state before the other one claims it, and Slack shows neither what the other one posts."""
    world.lateness = timedelta(minutes=10)
    first, second = ready(world), ready(world)
    first()
    second()
    world.wait(minutes=20)
    assert 1 == len(texts(world))


def test_a_digest_that_was_posted_without_an_answer_is_not_posted_again(world: World) -> None:
    """It is looked for once Slack shows it to everybody."""
    world.fail("tell", SILENCE, after=True)
    with pytest.raises(CreditbotError):
        after_a_tick(world)
    after_a_tick(world)
    assert 1 == len(texts(world))
    world.wait(minutes=16)
    after_a_tick(world)
    world.wait(hours=2)
    after_a_tick(world)
    assert 1 == len(texts(world))
    assert world.state().weekly.status == "sent"  # type: ignore[union-attr]


def test_a_digest_that_slack_never_shows_is_posted_again(world: World) -> None:
    world.fail("tell", SILENCE)
    with pytest.raises(CreditbotError):
        after_a_tick(world)
    world.wait(minutes=10)
    after_a_tick(world)
    assert [] == texts(world)
    world.wait(minutes=6)
    after_a_tick(world)
    assert 1 == len(texts(world))


def test_none_is_better_than_two_where_nobody_can_look(world: World) -> None:
    """Without the right to read the conversation, one that may have been posted counts as posted."""
    world.can_read_direct = False
    world.fail("tell", SILENCE)
    with pytest.raises(CreditbotError):
        after_a_tick(world)
    world.wait(hours=1)
    after_a_tick(world)
    assert [] == texts(world)
    assert world.state().weekly.status == "sent"  # type: ignore[union-attr]


def test_a_refused_digest_is_tried_again_an_hour_later(world: World) -> None:
    """Somebody may have invited the bot by then; a process that serves would ask every 15 seconds otherwise."""
    world.fail("tell", REFUSED)
    with pytest.raises(PostRefused):
        after_a_tick(world)
    after_a_tick(world)
    assert [] == texts(world)
    world.wait(minutes=AGAIN.total_seconds() / 60)
    after_a_tick(world)
    assert 1 == len(texts(world))


def test_a_digest_whose_state_was_lost_is_found(world: World) -> None:
    after_a_tick(world)
    world.values = {}
    world.version += 1
    world.wait(hours=1)
    after_a_tick(world)
    assert 1 == len(texts(world))


@pytest.mark.parametrize(
    "point", ["notice.before-look", "notice.after-look", "notice.before-send", "notice.after-send", "state.after-write"]
)
def test_a_process_that_dies_leaves_one_digest(world: World, point: str) -> None:
    """Whatever it was doing; a later tick finishes it."""

    def die(reached: Point) -> None:
        if reached == point:
            raise Killed

    with pytest.raises(Killed):
        after_a_tick(world, die)
    for _ in range(4):
        world.wait(minutes=16)
        after_a_tick(world)
    assert 1 == len(texts(world))


def test_a_digest_is_no_notice_of_a_failure(world: World) -> None:
    """Neither for this version nor for one that knows no digest: its name is not that of a request."""
    after_a_tick(world)
    markers = [m.marker for m in world.shown_direct() if m.marker]
    assert [digest_name(date(2026, 1, 5))] == [marker.key for marker in markers]
    assert not world.state().notices
