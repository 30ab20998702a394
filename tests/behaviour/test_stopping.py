"""After SIGTERM a tick finishes the request at hand and begins nothing more."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from creditbot.errors import CreditbotError, CreditRefused
from creditbot.tick.tick import Bot
from tests.behaviour.failures import LOOKER_DOWN, NOTEBOOK_STOPPED, SILENCE
from tests.support.world import World
from tests.support.world_facts import REFERENCE


def test_the_request_at_hand_is_finished_and_the_next_is_not_begun(world: World) -> None:
    first, second = world.ask("a"), world.ask("b")
    bot = world.bot()
    world.amid("notebook", bot.stop)
    bot.tick()
    assert world.replies(first) == [REFERENCE]
    assert not world.knows(second)
    world.tick()
    assert world.replies(second) == [REFERENCE]


def test_a_summary_that_is_missing_is_left_to_the_next_tick(world: World) -> None:
    key = world.ask("abc")
    world.tick()
    world.rewrite(key, saved=False)
    bot = world.bot()
    world.amid("history", bot.stop)
    world.counted()
    bot.tick()
    assert world.counted()["save"] == 0
    assert not world.record(key).saved
    world.tick()
    assert world.record(key).saved


def test_a_message_to_the_owner_is_left_to_the_next_tick(world: World) -> None:
    world.ask_and_fail("tell", SILENCE, "gone")
    world.wait(minutes=15)
    bot = world.bot()
    world.amid("history", bot.stop)
    bot.tick()
    assert world.told() == []
    world.tick()
    assert len(world.told()) == 1


def test_a_first_tick_that_has_to_stop_does_not_log_in_to_looker() -> None:
    """A stopping process refuses to ask Looker, and the tick would fail."""
    world = World()
    bot = world.bot()
    world.amid("auth", bot.stop)
    assert bot.tick().ok
    assert world.counted()["login"] == 0


def stops_with(bot: Bot, error: CreditbotError) -> Callable[[str, object], object]:
    """An effect that SIGTERM ends."""

    def stop(_: str, __: object) -> object:
        bot.stop()
        raise error

    return stop


@pytest.mark.parametrize(
    ("effect", "error"),
    [("notebook", NOTEBOOK_STOPPED), ("looker", LOOKER_DOWN)],
    ids=["a notebook", "a wait for a service"],
)
def test_a_request_whose_work_is_cut_short_is_released_at_once(
    world: World, effect: str, error: CreditbotError
) -> None:
    """No attempt is counted and nobody is told: the next tick sees whether the service is down."""
    key = world.ask("abc")
    bot = world.bot()
    world.faults.append((frozenset({effect}), stops_with(bot, error)))
    assert bot.tick().ok
    record = world.record(key)
    assert record.status == "failed"
    assert record.claim is None
    assert record.attempts == 0
    assert world.told() == []
    world.tick()
    assert world.replies(key) == [REFERENCE]


def test_a_request_that_every_tick_cuts_short_is_given_up_in_the_end(world: World) -> None:
    """Its notebook takes longer than a tick may, so after LOOKBACK_HOURS the owner is told."""
    key = world.ask("abc")
    for _ in range(100):
        bot = world.bot()
        world.faults.append((frozenset({"notebook"}), stops_with(bot, NOTEBOOK_STOPPED)))
        bot.tick()
        world.faults.clear()
        world.wait(hours=1)
    assert world.record(key).status == "given_up"
    (text,) = world.told()
    assert NOTEBOOK_STOPPED.what in text


def test_a_request_that_fails_for_good_is_given_up_while_stopping_too(world: World) -> None:
    key = world.ask("abc")
    bot = world.bot()
    world.amid("looker", bot.stop)
    world.fail("notebook", CreditRefused("The amount is negative."))
    bot.tick()
    assert world.record(key).status == "given_up"
