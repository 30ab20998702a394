"""Two deployments with the same Slack app and a state each on one channel: every second reply is found and repaired."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from creditbot.commands.check import other_deployments
from creditbot.intake.thread import REPEATS
from creditbot.model import Marker
from creditbot.state.ledger import Ledger
from tests.support.ticks import stopped
from tests.support.world import World
from tests.support.world_facts import BOT, BOT_USER, REFERENCE, RULES


@pytest.fixture
def other(world: World) -> World:
    """The memory of another deployment, which has run before."""
    memory = world.other_deployment()
    world.tick(memory=memory)
    world.counted()
    return memory


def test_a_request_that_the_other_deployment_answered_is_not_answered(
    world: World, other: World, log_lines: Callable[[str], list[dict[str, object]]]
) -> None:
    """The next tick tells the owner that there are two deployments, and the log says it, too."""
    key = world.ask("abc")
    world.tick()
    world.tick(memory=other)
    assert world.replies(key) == [REFERENCE]
    (text,) = world.told()
    assert "Another deployment of this bot" in text
    address = world.address(world.posted_key(key), thread=key)
    assert address in text
    assert log_lines("other deployment") == [{"reply": address}]


def test_the_owner_is_told_once_about_another_deployment(world: World, other: World) -> None:
    for slug in ("a", "b", "c"):
        world.ask(slug)
        world.tick()
        world.tick(memory=other)
    assert len(world.told()) == 1


@pytest.mark.parametrize("first", ["this", "other"])
def test_a_second_reply_by_the_other_deployment_is_repaired(world: World, other: World, first: str) -> None:
    """Both were about to post at the same time. Whichever looks first edits the second reply; one message says so."""
    key = world.ask("abc")
    ours = stopped(world, "reply.before-send")
    world.tick(memory=other)
    ours.go_on()
    assert world.replies(key) == [REFERENCE, REFERENCE]
    memories = {"this": None, "other": other}
    for name in (first, *memories):
        world.tick(memory=memories[name])
    assert world.replies(key) == [REFERENCE, REPEATS]
    assert sum("by mistake" in text for text in world.told()) == 1
    assert sum("Another deployment" in text for text in world.told()) == 1


def test_a_second_reply_that_shows_late_is_repaired(world: World, other: World) -> None:
    """Slack shows the reply of one deployment only when the other one has posted."""
    key = world.ask("abc")
    world.lateness = timedelta(minutes=10)
    world.tick()
    world.lateness = timedelta(0)
    world.tick(memory=other)
    world.wait(minutes=11)
    for memory in (None, other):
        world.tick(memory=memory)
    assert sorted(world.replies(key)) == sorted([REFERENCE, REPEATS])


def test_replies_from_before_the_state_was_lost_are_no_other_deployments(world: World) -> None:
    """They carry the id of the lost state, and they are older than that of the new one."""
    key = world.ask("abc")
    world.tick()
    world.lose()
    world.ticks(4)
    assert world.record(key).status == "answered"
    assert not any("Another deployment of this bot" in text for text in world.told())


def test_a_late_reply_of_a_lost_state_is_no_other_deployments(world: World) -> None:
    """until the end of the pause, a reply of before the loss may become visible."""
    old = world.ask("old")
    world.tick()
    world.lose()
    world.tick()
    world.wait(minutes=14)
    world.say(REFERENCE, BOT_USER, thread_ts=old.ts, bot=BOT, marker=Marker("reply", str(old), "c", "lost"))
    world.ticks(4)
    assert not any("Another deployment of this bot" in text for text in world.told())


def test_a_first_tick_below_replies_names_both_possible_reasons(world: World) -> None:
    """A lost state and a second deployment look alike to a deployment that has no state yet."""
    world.ask("abc")
    world.tick()
    world.tick(memory=world.other_deployment())
    (text,) = world.told()
    assert "either the state was lost, or another deployment" in text


def test_replies_of_an_earlier_version_are_no_other_deployments(world: World) -> None:
    """They carry no id."""
    key = world.ask("abc")
    world.stray_reply(key)
    world.tick()
    assert world.told() == []


# -- creditbot check ---------------------------------------------------------------------------------------------------


def checked(world: World, memory: World | None = None) -> tuple[str, str]:
    """What `creditbot check` says in the deployment with that memory: its verdict and its text."""
    ports = world.ports(memory)
    assembly: Any = SimpleNamespace(ports=ports, rules=RULES, ledger=Ledger(ports.state))
    (finding,) = other_deployments(assembly)
    return finding


def test_check_fails_where_another_deployment_answers(world: World, other: World) -> None:
    key = world.ask("abc")
    world.tick()
    verdict, text = checked(world, other)
    assert verdict == "FAIL"
    assert world.address(world.posted_key(key), thread=key) in text
    assert "same STATE_URI" in text


def test_check_notes_an_unknown_deployment_before_the_first_tick(world: World) -> None:
    """Its state may be lost, and then it does not run any more."""
    world.ask("abc")
    world.tick()
    verdict, text = checked(world, world.other_deployment())
    assert verdict == "note"
    assert "if it still runs" in text


def test_check_passes_where_only_this_deployment_answers(world: World, other: World) -> None:
    world.ask("abc")
    world.tick()
    assert checked(world)[0] == "ok"


def test_check_reads_ten_threads(world: World, other: World) -> None:
    """The latest ones, whoever wrote in them."""
    for slug in range(12):
        world.ask(f"q{slug}")
    world.tick()
    world.counted()
    assert checked(world, other)[0] == "FAIL"
    assert world.counted()["thread"] == 10
