"""The signs on a request: who asked sees that the bot works on it, and how it ended."""

from __future__ import annotations

from creditbot.model import RequestKey
from tests.support.world import World
from tests.support.world_facts import short_link


def test_an_answered_request_was_taken_and_answered(world: World) -> None:
    key = world.ask("abc")
    world.tick()
    assert world.signs == {key: ["taken", "answered"]}


def test_a_request_that_a_person_has_to_answer_says_so(world: World) -> None:
    key = world.ask("gone")
    world.tick()
    assert world.signs == {key: ["taken", "by_hand"]}


def test_a_request_is_taken_before_looker_is_asked(world: World) -> None:
    key = world.ask("abc")
    world.kill("looker.before-read")
    assert world.signs == {key: ["taken"]}


def test_a_reply_that_a_later_tick_finds_is_an_answer(world: World) -> None:
    key = world.ask("abc")
    world.kill("reply.after-send")
    world.ticks(3)
    assert world.signs == {key: ["taken", "answered"]}


def test_a_request_that_starts_again_no_longer_waits_for_a_person(world: World) -> None:
    key = world.ask("gone")
    world.tick()
    world.wait(minutes=1)
    world.edit(key, f"credit please {short_link('abc')}")
    world.tick()
    assert world.signs == {key: ["taken", "answered"]}


def test_a_request_that_others_answered_keeps_its_sign(world: World) -> None:
    """Their answer is for everybody to see."""
    key = world.ask("abc")
    world.amid("notebook", lambda: world.say("Approved, $1, ok", "U0LEE", thread_ts=key.ts))
    world.tick()
    assert world.signs == {key: ["taken"]}


def test_what_is_no_request_gets_no_sign(world: World) -> None:
    world.say("Good morning")
    world.tick()
    assert world.signs == {}


def test_a_request_that_is_answered_already_is_not_taken(world: World) -> None:
    key = world.ask("abc")
    world.say("Approved, $1, ok", "U0LEE", thread_ts=key.ts)
    world.tick()
    assert world.signs == {}


# -- approvals ---------------------------------------------------------------------------------------------------------


def test_a_held_request_waits(world: World, held: RequestKey) -> None:
    world.ticks(2, minutes=5)
    assert world.signs == {held: ["taken", "waiting"]}


def test_an_approved_request_no_longer_waits(world: World, held: RequestKey) -> None:
    world.react("+1")
    world.ticks(2)
    assert world.signs == {held: ["taken", "answered"]}


def test_a_denied_request_is_for_people(world: World, held: RequestKey) -> None:
    world.react("x")
    world.ticks(2)
    assert world.signs == {held: ["taken", "by_hand"]}
