"""What is known of single requests."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from creditbot.insight.lookup import Lookup
from creditbot.intake.permalink import Permalink
from creditbot.intake.requests import RequestRules
from creditbot.model import RequestKey
from creditbot.state.codec import DONE
from creditbot.state.ledger import Ledger
from tests.support.world import World
from tests.support.world_facts import CHANNEL, HOST, PERSON, REQUEST_RULES, START

LINK = f"<https://{HOST}/x/abc>"
NOBODY_WROTE_IT = Permalink(CHANNEL, "1736345678.000100", "1736345678.000100")


@pytest.fixture
def world() -> World:
    return World(step=timedelta(milliseconds=100))


def lookup(world: World, rules: RequestRules = REQUEST_RULES) -> Lookup:
    ports = world.ports()
    return Lookup(ports.inbox, ports.summaries, Ledger(ports.state), rules)


def permalink(key: RequestKey, thread: str = "") -> Permalink:
    return Permalink(key.channel, key.ts, thread or key.ts)


def forget(world: World) -> None:
    """The state is lost; the summaries stay."""
    world.values = {}
    world.version += 1


# --- one request -----------------------------------------------------------------------------------------------------


def test_a_request_is_known_by_its_record_and_its_summary(world: World) -> None:
    """Both say how it ended."""
    key = world.ask("abc")
    world.tick()
    facts = lookup(world).find(permalink(key))
    assert world.record(key) == facts.record
    assert world.summaries[str(key)] == facts.summary
    assert "answered" == facts.status
    assert "" == facts.ignored


def test_a_request_that_the_state_forgot_is_known_by_its_summary(world: World) -> None:
    """Summaries are kept for good."""
    key = world.ask("abc")
    world.tick()
    forget(world)
    facts = lookup(world).find(permalink(key))
    assert facts.record is None
    assert "answered" == facts.status


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"text": "hello"}, f"It is not a request: it has no link to {HOST}."),
        ({"text": LINK, "bot": "B0OTHER"}, "It is not a request: an app wrote it (B0OTHER)"),
        ({"text": LINK, "user": None}, "It is not a request: it has no author."),
        ({"text": LINK}, "It is a request that has not been started yet."),
    ],
    ids=["no link", "an app", "no author", "a new request"],
)
def test_a_message_that_nothing_is_known_of_says_why(world: World, message: dict[str, Any], reason: str) -> None:
    """This answers "why was my link ignored?"."""
    facts = lookup(world).find(permalink(world.say(**message)))
    assert facts.ignored.startswith(reason)
    assert "" == facts.status


def test_the_rules_say_whose_message_is_a_request(world: World) -> None:
    """REQUESTERS is the setting to look at."""
    narrow = lookup(world, replace(REQUEST_RULES, requesters=frozenset({"U0ELSE"})))
    reason = narrow.why_not_a_request(permalink(world.ask("abc")))
    assert f"It is not a request: REQUESTERS does not list its author ({PERSON})." == reason


def test_a_reply_is_looked_for_in_its_thread(world: World) -> None:
    """The permalink names the thread."""
    parent = world.say("hi")
    reply = world.say(LINK, thread_ts=parent.ts)
    assert "it is a reply in a thread" in lookup(world).find(permalink(reply, parent.ts)).ignored


def test_a_channel_that_is_not_watched_is_named(world: World) -> None:
    """Nothing is read there."""
    facts = lookup(world).find(Permalink("C9", "1736345678.000100", "1736345678.000100"))
    assert "The channel C9 is not watched (SLACK_CHANNELS)." == facts.ignored


def test_a_message_that_does_not_exist_is_said_to_be_missing(world: World) -> None:
    """It was deleted, or was never there."""
    assert "There is no such message, or the bot cannot see it." == lookup(world).find(NOBODY_WROTE_IT).ignored


def test_a_request_of_the_previous_bot_is_known_as_processed(world: World) -> None:
    """Its list does not say what became of it."""
    key = world.ask("abc")
    world.values = {DONE: f'["{key.ts}"]'}
    assert "The previous bot processed this message." in lookup(world).find(permalink(key)).ignored


# --- all requests ----------------------------------------------------------------------------------------------------


def test_past_requests_come_oldest_first(world: World) -> None:
    """From the summaries, and from the state if they have not ended."""
    answered, dead = world.ask("abc"), world.ask("gone")
    world.tick()
    waiting = world.ask("def")
    world.fail("reply", RuntimeError())
    world.tick()
    past = lookup(world).past(START - timedelta(days=1))
    assert [(answered, "answered"), (dead, "given_up"), (waiting, "posting")] == [(one.key, one.status) for one in past]


def test_a_past_request_that_was_answered_has_its_amount_and_time(world: World) -> None:
    """Also once the state has forgotten it."""
    world.amounts["abc"] = Decimal("10.50")
    key = world.ask("abc")
    world.tick()
    (past,) = lookup(world).past(START)
    assert (world.address(key), "answered", Decimal("10.50")) == (past.permalink, past.status, past.amount)
    assert round(world.record(key).seconds, 3) == past.seconds
    assert ("verify, AC-abc, any day",) == past.traffic
    forget(world)
    assert [past] == lookup(world).past(START)


@pytest.mark.parametrize("forgotten", [False, True])
def test_a_past_request_says_how_many_links_its_answer_leaves_out(world: World, *, forgotten: bool) -> None:
    """By its record, and by its summary."""
    world.ask("abc", "other")
    world.ask("def")
    world.tick()
    if forgotten:
        forget(world)
    assert [1, 0] == [past.skipped for past in lookup(world).past(START)]


def test_a_past_request_without_an_answer_has_the_reason(world: World) -> None:
    """And no amount."""
    world.ask("gone")
    world.tick()
    (past,) = lookup(world).past(START)
    assert "does not exist" in past.reason
    assert past.amount is None


@pytest.mark.parametrize("forgotten", [False, True])
def test_past_requests_from_before_the_day_are_left_out(world: World, *, forgotten: bool) -> None:
    """Whether or not the state still has them."""
    world.ask("old")
    world.tick()
    world.wait(days=2)
    new = world.ask("new")
    world.tick()
    if forgotten:
        forget(world)
    assert [new] == [one.key for one in lookup(world).past(START + timedelta(days=1))]


def test_a_request_that_has_not_ended_is_listed_whatever_its_age(world: World) -> None:
    """A tick says that it waits, and tells people to look here."""
    key = world.ask("abc")
    world.fail("reply", RuntimeError())
    world.tick()
    assert [key] == [one.key for one in lookup(world).past(world.now + timedelta(days=1))]
