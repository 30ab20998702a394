"""What the owner asks about single requests."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from creditbot.commands.lookup import Asked, Lookup, read_permalink
from creditbot.errors import SettingsError
from creditbot.model import RequestKey
from creditbot.state.codec import DONE
from creditbot.state.ledger import Ledger
from tests.support.world import CHANNEL, HOST, PERSON, POLICY, REFERENCE, START, World


@pytest.fixture
def world() -> World:
    return World(step=timedelta(milliseconds=100))


def lookup(world: World) -> Lookup:
    ports = world.ports()
    return Lookup(ports, Ledger(ports.state), POLICY)


def asked(key: RequestKey, thread: str = "") -> Asked:
    return Asked(key.channel, key.ts, thread or key.ts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "https://acme.slack.com/archives/C0TEST/p1736345678000100",
            ("C0TEST", "1736345678.000100", "1736345678.000100"),
        ),
        (
            " https://acme.slack.com/archives/C0TEST/p1736345678000100?thread_ts=1736345600.000000&cid=C0TEST\n",
            ("C0TEST", "1736345678.000100", "1736345600.000000"),
        ),
        (
            "https://acme.enterprise.slack.com/archives/G0TEST/p1736345678000100?cid=G0TEST&thread_ts=1736345600.000000",
            ("G0TEST", "1736345678.000100", "1736345600.000000"),
        ),
    ],
)
def test_a_permalink_names_a_message(text: str, expected: tuple[str, str, str]) -> None:
    """As "Copy link" gives it, of threads too."""
    found = read_permalink(text)
    assert expected == (found.channel, found.ts, found.thread)


@pytest.mark.parametrize(
    "text", ["", "hello", "https://acme.slack.com/archives/C0TEST", "1736345678.000100", "p1736345678000100"]
)
def test_what_is_no_permalink_is_refused(text: str) -> None:
    """With the way to get one."""
    with pytest.raises(SettingsError, match="Copy link"):
        read_permalink(text)


# -- find --------------------------------------------------------------------------------------------------------------


def test_what_is_known_of_a_request_is_found(world: World) -> None:
    """From the state, with its summary."""
    key = world.ask("abc")
    world.tick()
    found = lookup(world).find(asked(key))
    assert found.record
    assert found.summary
    assert ("answered", "answered", "") == (found.record.status, found.summary["outcome"]["status"], found.ignored)


def test_a_forgotten_request_is_found_by_its_summary(world: World) -> None:
    """It is kept for good."""
    key = world.ask("abc")
    world.tick()
    world.values = {}
    world.version += 1
    found = lookup(world).find(asked(key))
    assert found.record is None
    assert found.summary


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"text": "hello"}, "no link to"),
        ({"text": f"<https://{HOST}/x/abc>", "bot": "B0OTHER"}, "an app wrote it"),
        ({"text": f"<https://{HOST}/x/abc>", "user": "U0BOT"}, "our own post"),
        ({"text": f"<https://{HOST}/x/abc>", "subtype": "channel_join"}, "a notice of Slack's (channel_join)"),
        ({"text": f"<https://{HOST}/x/abc>", "user": "USLACKBOT"}, "Slackbot wrote it"),
        ({"text": f"<https://{HOST}/x/abc>", "user": None}, "nobody is named"),
        ({"text": f"<https://{HOST}/x/abc>", "user_team": "T0OTHER"}, "another workspace"),
        ({"text": f"<https://{HOST}/x/abc>"}, "was not worked on yet"),
    ],
)
def test_why_nothing_is_known_of_a_message(world: World, message: dict[str, Any], reason: str) -> None:
    """The answer to "why was my link ignored?"."""
    found = lookup(world).find(asked(world.say(**message)))
    assert (None, None) == (found.record, found.summary)
    assert reason in found.ignored


def test_a_person_who_may_not_ask_is_told_by_id(world: World) -> None:
    """REQUESTERS is the setting to look at."""
    ports = world.ports()
    narrow = Lookup(ports, Ledger(ports.state), replace(POLICY, requesters=frozenset({"U0ELSE"})))
    assert f"REQUESTERS does not name its author ({PERSON})" in narrow.find(asked(world.ask("abc"))).ignored


def test_a_reply_in_a_thread_is_read_in_its_thread(world: World) -> None:
    """The permalink names it."""
    parent = world.say("hi")
    reply = world.say(f"<https://{HOST}/x/abc>", thread_ts=parent.ts)
    assert "reply in a thread" in lookup(world).find(asked(reply, parent.ts)).ignored


def test_a_channel_that_is_not_watched_is_named(world: World) -> None:
    """Nothing is read there."""
    found = lookup(world).find(Asked("C9", "1736345678.000100", "1736345678.000100"))
    assert "C9 is not watched" in found.ignored


def test_a_message_that_is_not_there_is_said(world: World) -> None:
    """Deleted, or never there."""
    found = lookup(world).find(Asked(CHANNEL, "1736345678.000100", "1736345678.000100"))
    assert "no such message" in found.ignored


def test_what_a_prototype_did_is_said(world: World) -> None:
    """More is not known of it."""
    key = world.ask("abc")
    world.values = {DONE: f'["{key.ts}"]'}
    assert "the bot that was here before" in lookup(world).find(asked(key)).ignored


# -- past --------------------------------------------------------------------------------------------------------------


def test_the_past_is_every_request_oldest_first(world: World) -> None:
    """From the summaries, and from the state what has none yet."""
    world.amounts["a"] = Decimal("10.50")
    answered, dead = world.ask("a"), world.ask("gone")
    world.tick()
    waiting = world.ask("b")
    world.fail("reply", RuntimeError())
    world.tick()
    past = lookup(world).past(START - timedelta(days=1))
    assert [answered, dead, waiting] == [one.key for one in past]
    assert ["answered", "dead", "posting"] == [one.status for one in past]
    assert [Decimal("10.50"), None, None] == [one.amount for one in past]
    assert past[0].seconds
    assert past[0].seconds > 0
    assert "does not exist" in past[1].reason
    assert past[0].permalink.endswith(answered.ts.replace(".", ""))


def test_the_past_begins_when_it_is_asked_to(world: World) -> None:
    """Summaries before that are not read."""
    world.ask("old")
    world.tick()
    world.values = {}
    world.version += 1
    world.wait(days=3)
    new = world.ask("new")
    world.tick()
    assert [new] == [one.key for one in lookup(world).past(START + timedelta(days=1))]


# -- retry -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slug", ["gone", "other"], ids=["dead", "skipped"])
def test_a_request_without_a_reply_is_started_anew(world: World, slug: str) -> None:
    """By the next tick, with all its attempts."""
    key = world.ask(slug)
    world.tick()
    world.change(key.ts, text=f"<https://{HOST}/x/abc>", content={"text": f"<https://{HOST}/x/abc>"})
    assert "seen" == lookup(world).retry(asked(key)).record.status  # type: ignore[union-attr]
    world.tick()
    assert [REFERENCE] == world.replies(key)


def test_what_comes_of_an_edit_or_a_retry_is_told_as_often_as_it_fails(world: World) -> None:
    """Somebody acted on what they were told, and wants to know whether that helped."""
    key = world.ask("gone")
    world.tick()
    for moment in (1, 2):
        world.wait(minutes=1)
        world.edit(key, f"<https://{HOST}/x/gone> {moment}")
        world.tick()
    for _ in range(2):
        world.wait(minutes=1)
        lookup(world).retry(asked(key))
        world.tick()
        world.tick()
    assert 5 == len(world.told())


def test_a_forgotten_request_is_started_by_retry_alone(world: World) -> None:
    """Older than the window, and never worked on."""
    key = world.ask("abc")
    world.wait(days=9)
    world.tick()
    assert [] == world.replies(key)
    lookup(world).retry(asked(key))
    world.tick()
    assert [REFERENCE] == world.replies(key)


def test_a_broadcast_is_retried_in_its_thread(world: World) -> None:
    """Its permalink names the thread."""
    parent = world.say("hi")
    key = world.ask("abc", thread_ts=parent.ts, subtype="thread_broadcast")
    world.wait(days=9)
    world.tick()
    lookup(world).retry(asked(key, parent.ts))
    world.tick()
    assert [REFERENCE] == [m.text for m in world.visible() if m.marker]


def test_an_answered_request_is_not_started_anew(world: World) -> None:
    """Neither one that the state knows, nor one of which there is only the summary, nor one that others answered."""
    ours, theirs = world.ask("abc"), world.ask("def")
    world.say("Approved, $1", "U0BOSS", thread_ts=theirs.ts)
    world.tick()
    for key in (ours, theirs):
        with pytest.raises(SettingsError, match="not answered twice"):
            lookup(world).retry(asked(key))
    world.values = {}
    world.version += 1
    with pytest.raises(SettingsError, match="not answered twice"):
        lookup(world).retry(asked(ours))


def test_a_reply_that_may_be_on_its_way_is_not_retried(world: World) -> None:
    """Nothing leaves posting but what the thread shows."""
    key = world.ask("abc")
    world.fail("reply", RuntimeError())
    world.tick()
    with pytest.raises(SettingsError, match="on its way"):
        lookup(world).retry(asked(key))


def test_a_request_under_way_is_not_retried(world: World) -> None:
    """The next tick goes on with it."""
    key = world.ask("abc")
    refused: list[str] = []

    def ask_again() -> None:
        with pytest.raises(SettingsError) as error:
            lookup(world).retry(asked(key))
        refused.append(str(error.value))

    world.amid("looker", ask_again)
    world.tick()
    assert ["This request is already under way (claimed); the next tick goes on with it."] == refused


@pytest.mark.parametrize("text", ["hello", "<https://other.looker.com/x/abc>"])
def test_what_is_no_request_is_not_retried(world: World, text: str) -> None:
    """And the reason is said."""
    with pytest.raises(SettingsError, match="not a request"):
        lookup(world).retry(asked(world.say(text)))


def test_a_message_that_is_not_there_is_not_retried(world: World) -> None:
    """Nothing could be answered."""
    with pytest.raises(SettingsError, match="no such message"):
        lookup(world).retry(Asked(CHANNEL, "1736345678.000100", "1736345678.000100"))


def test_a_message_of_a_prototype_can_be_retried(world: World) -> None:
    """Its list does not say whether it was answered; the thread does."""
    key, answered = world.ask("abc"), world.ask("def")
    world.say("Approved, $1", "U0BOSS", thread_ts=answered.ts)
    world.values = {DONE: f'["{key.ts}", "{answered.ts}"]'}
    world.tick()
    for one in (key, answered):
        lookup(world).retry(asked(one))
    world.tick()
    assert ([REFERENCE], ["Approved, $1"]) == (world.replies(key), world.replies(answered))


def test_retrying_does_not_hide_that_a_state_was_lost(world: World) -> None:
    """The next tick still sees it."""
    first = world.ask("abc")
    world.tick()
    world.wait(minutes=1)
    second = world.ask("def")
    world.values = {}
    world.version += 1
    lookup(world).retry(asked(second))
    assert 2 == world.tick().waiting
    assert [REFERENCE] == world.replies(first)
