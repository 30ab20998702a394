"""What `creditbot retry` lets start again, and what it refuses."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from creditbot.commands.requests import restart, restart_failed
from creditbot.errors import SettingsError
from creditbot.insight.lookup import Lookup
from creditbot.intake.permalink import Permalink
from creditbot.model import RequestKey
from creditbot.state.codec import DONE
from creditbot.state.ledger import Ledger
from tests.support.world import World
from tests.support.world_facts import CHANNEL, HOST, REFERENCE, REQUEST_RULES, START


@pytest.fixture
def world() -> World:
    return World(step=timedelta(milliseconds=100))


def permalink(key: RequestKey, thread: str = "") -> Permalink:
    return Permalink(key.channel, key.ts, thread or key.ts)


def retry(world: World, message: Permalink) -> None:
    """`creditbot retry` with that address."""
    ports = world.ports()
    ledger = Ledger(ports.state)
    restart(Lookup(ports.inbox, ports.summaries, ledger, REQUEST_RULES), ledger, ports.clock, message)


def forget(world: World) -> None:
    """The state is lost; the summaries stay."""
    world.values = {}
    world.version += 1


def refusal(world: World, message: Permalink) -> str:
    """What `creditbot retry` says instead."""
    with pytest.raises(SettingsError) as caught:
        retry(world, message)
    return str(caught.value)


NOT_TWICE = "This request has been answered; the bot answers only once. If the answer is wrong, correct it by hand."


@pytest.mark.parametrize("slug", ["gone", "other"], ids=["given up", "skipped"])
def test_the_next_tick_starts_a_retried_request_again(world: World, slug: str) -> None:
    """Somebody has mended what was wrong with it."""
    key = world.ask(slug)
    world.tick()
    world.change(key.ts, text=f"<https://{HOST}/x/abc>", content={"text": f"<https://{HOST}/x/abc>"})
    retry(world, permalink(key))
    assert "restarted" == world.record(key).status
    world.tick()
    assert [REFERENCE] == world.replies(key)


def test_the_owner_is_told_of_each_retry_that_fails(world: World) -> None:
    """Somebody acted on the first message and wants to know whether that helped. Further ticks repeat nothing."""
    key = world.ask("gone")
    world.tick()
    for _ in range(2):
        world.wait(minutes=1)
        retry(world, permalink(key))
        world.tick()
        world.tick()
    assert 3 == len(world.told())


def test_the_owner_is_told_of_each_edit_that_fails(world: World) -> None:
    """For the same reason."""
    key = world.ask("gone")
    world.tick()
    for moment in (1, 2):
        world.wait(minutes=1)
        world.edit(key, f"<https://{HOST}/x/gone> {moment}")
        world.tick()
    assert 3 == len(world.told())


def test_a_request_from_before_the_lookback_starts_only_by_retry(world: World) -> None:
    """Ticks do not read that far back."""
    key = world.ask("abc")
    world.wait(days=9)
    world.tick()
    assert [] == world.replies(key)
    retry(world, permalink(key))
    world.tick()
    assert [REFERENCE] == world.replies(key)


def test_a_broadcast_is_retried_in_its_thread(world: World) -> None:
    """Its permalink names the thread."""
    parent = world.say("hi")
    key = world.ask("abc", thread_ts=parent.ts, subtype="thread_broadcast")
    world.wait(days=9)
    world.tick()
    retry(world, permalink(key, parent.ts))
    world.tick()
    assert [REFERENCE] == [m.text for m in world.visible() if m.marker]


def test_a_request_that_the_bot_answered_is_not_retried(world: World) -> None:
    """The refusal says what to do with a wrong answer."""
    key = world.ask("abc")
    world.tick()
    assert NOT_TWICE == refusal(world, permalink(key))


def test_an_answer_that_only_the_summary_knows_is_not_repeated(world: World) -> None:
    """The state may have forgotten the request."""
    key = world.ask("abc")
    world.tick()
    forget(world)
    assert NOT_TWICE == refusal(world, permalink(key))


def test_a_request_that_a_person_answered_is_not_retried(world: World) -> None:
    """Their answer counts as ours."""
    key = world.ask("abc")
    world.say("Approved, $1", "U0BOSS", thread_ts=key.ts)
    world.tick()
    assert NOT_TWICE == refusal(world, permalink(key))


def test_a_request_whose_reply_is_unconfirmed_is_not_retried(world: World) -> None:
    """Only the thread can tell whether the reply is there."""
    key = world.ask("abc")
    world.fail("reply", RuntimeError())
    world.tick()
    assert "A reply to this request may be on its way." in refusal(world, permalink(key))


def test_a_request_under_way_is_not_retried(world: World) -> None:
    """A process works on it at this moment."""
    key = world.ask("abc")
    refusals: list[str] = []
    world.amid("looker", lambda: refusals.append(refusal(world, permalink(key))))
    world.tick()
    assert ["This request is already under way (claimed). The next tick continues it."] == refusals


@pytest.mark.parametrize("text", ["hello", "<https://other.looker.com/x/abc>"])
def test_a_message_that_is_not_a_request_is_not_retried(world: World, text: str) -> None:
    """The refusal says why it is not one."""
    assert "It is not a request: it has no link to" in refusal(world, permalink(world.say(text)))


def test_a_message_that_does_not_exist_is_not_retried(world: World) -> None:
    """It was deleted, or was never there."""
    assert "There is no such message" in refusal(world, Permalink(CHANNEL, "1736345678.000100", "1736345678.000100"))


def test_a_request_of_the_previous_bot_can_be_retried(world: World) -> None:
    """Its list does not say whether the request was answered; the thread does."""
    key, answered = world.ask("abc"), world.ask("def")
    world.say("Approved, $1", "U0BOSS", thread_ts=answered.ts)
    world.values = {DONE: f'["{key.ts}", "{answered.ts}"]'}
    world.tick()
    for request in (key, answered):
        retry(world, permalink(request))
    world.tick()
    assert [REFERENCE] == world.replies(key)
    assert ["Approved, $1"] == world.replies(answered)


def test_a_retry_does_not_hide_that_the_state_was_lost(world: World) -> None:
    """The next tick still notices, and holds older requests back."""
    first = world.ask("abc")
    world.tick()
    world.wait(minutes=1)
    second = world.ask("def")
    forget(world)
    retry(world, permalink(second))
    assert 2 == world.tick().waiting
    assert [REFERENCE] == world.replies(first)


def failed_since(world: World, since: datetime) -> list[tuple[str, str]]:
    """`creditbot retry --failed --since`."""
    ports = world.ports()
    ledger = Ledger(ports.state)
    return [*restart_failed(Lookup(ports.inbox, ports.summaries, ledger, REQUEST_RULES), ledger, ports.clock, since)]


def test_every_request_that_was_given_up_starts_again(world: World) -> None:
    keys = [world.ask("gone1"), world.ask("abc"), world.ask("gone2")]
    world.tick()
    assert [(world.address(keys[0]), ""), (world.address(keys[2]), "")] == failed_since(world, START)
    assert ["restarted", "answered", "restarted"] == [world.record(key).status for key in keys]


def test_a_request_from_before_that_day_does_not_start_again(world: World) -> None:
    key = world.ask("gone")
    world.tick()
    assert [] == failed_since(world, START + timedelta(days=1))
    assert "given_up" == world.record(key).status


def test_a_request_that_is_none_any_more_is_named_with_the_reason(world: World) -> None:
    key, other = world.ask("gone"), world.ask("gone2")
    world.tick()
    world.delete(key)
    (first, problem), second = failed_since(world, START)
    assert (world.address(key), "There is no such message, or the bot cannot see it.") == (first, problem)
    assert (world.address(other), "") == second


def test_a_denied_request_is_no_failure(world: World) -> None:
    """Somebody decided on it."""
    world.amounts["big"] = Decimal("30000.00")
    world.ask("big")
    world.tick()
    world.react("x")
    world.tick()
    assert [] == failed_since(world, START)
