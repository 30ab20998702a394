"""The sandbox's channel for a terminal, and what Slack's client makes of typed text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.sandbox.composer import typed
from creditbot.sandbox.seed import seed
from creditbot.sandbox.show import clean, readable, render
from creditbot.sandbox.world import BOT, BOT_USER, LOOKER, OWNER, SandboxWorld

NOW = 1_765_500_000.0  # Friday, 00:40 UTC
NAMES = {"U0DANA": "Dana Ortiz"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SandboxWorld]:
    """People and channels, without messages."""
    with SandboxWorld(tmp_path / "world.sqlite", lambda: NOW) as made:
        seed(made, messages=False)
        yield made


def test_threads_stand_under_their_parents(world: SandboxWorld) -> None:
    """The channel with times and authors, apps marked as such, replies behind a bar, edits told."""
    parent = world.post(f"credit please <{LOOKER}/looks/1>")
    world.post("Approved, $4,948.80, exceptions", thread_ts=parent, user=BOT_USER, bot_id=BOT)
    world.edit(world.post("thanks\nall"), "thank you\nall")
    expected = """\
#credit-requests

  Fri 00:40  Dana Ortiz
    credit please http://looker.example/looks/1
      | Fri 00:40  creditbot (app)
      |   Approved, $4,948.80, exceptions
  Fri 00:40  Dana Ortiz (edited)
    thank you
    all
"""
    assert expected == render(world, looker_url="http://looker.example")


def test_each_message_can_be_shown_with_its_ts(world: SandboxWorld) -> None:
    """The commands name a message by it."""
    parent = world.post("credit please")
    reply = world.post("done", thread_ts=parent, user=OWNER)
    heads = [line for line in render(world, with_ts=True).splitlines() if "Fri" in line]
    assert [f"  Fri 00:40  Dana Ortiz  {parent}", f"      | Fri 00:40  Olu Owner  {reply}"] == heads


def test_reactions_stand_below_their_message(world: SandboxWorld) -> None:
    """One line an emoji, with the names of those who reacted."""
    ts = world.post("credit please")
    world.react(ts, "+1", user=OWNER)
    world.react(ts, "eyes")
    world.react(ts, "+1")
    assert "    credit please\n    :+1: Olu Owner, Dana Ortiz\n    :eyes: Dana Ortiz\n" in render(world)


def test_direct_messages_come_last(world: SandboxWorld) -> None:
    """The owner's conversation is shown under the owner's name."""
    channel = {"id": "D0OWNER", "is_im": True, "user": OWNER, "created": 0, "members": [BOT_USER, OWNER]}
    world.put("channel", "D0OWNER", channel)
    world.post("Look 1 is gone.", channel="D0OWNER", user=BOT_USER, bot_id=BOT)
    assert render(world).startswith("Direct messages to Olu Owner\n\n  Fri 00:40  creditbot (app)")


def test_what_is_not_plain_text_is_shown_in_words(world: SandboxWorld) -> None:
    """Broadcasts, attachments, names of bots, and where a message was deleted."""
    parent = world.post("gone")
    world.post("loud", thread_ts=parent, broadcast=True, attachments=[{"title": "Runbook"}])
    world.delete(parent)
    world.post("beep", user=None, bot_id="B0ALERTS", username="Looker Alerts")
    shown = render(world)
    for line in (
        "Slackbot\n    This message was deleted.",
        "[also sent to the channel]",
        "> Runbook",
        "Looker Alerts (app)",
    ):
        assert line in shown


def test_an_empty_world_shows_nothing(world: SandboxWorld) -> None:
    """Channels without messages are left out."""
    assert "" == render(world)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a &amp; b &lt;c&gt;", "a & b <c>"),
        ("&amp;lt;", "&lt;"),
        ("<https://x.example/?a=1&amp;b=2>", "https://x.example/?a=1&b=2"),
        ("<https://x.example|the Look>", "the Look (https://x.example)"),
        ("<https://x.example|https://x.example>", "https://x.example"),
        ("<@U0DANA> and <@U0GONE>", "@Dana Ortiz and @U0GONE"),
        ("<#C0CREDITS|credit-requests>", "#credit-requests"),
        ("<!here>", "!here"),
    ],
)
def test_markup_reads_as_people_see_it(text: str, expected: str) -> None:
    """Mentions by name, links by label and address, escapes decoded once."""
    assert expected == readable(text, NAMES)


@given(st.text())
def test_no_control_character_reaches_the_terminal(text: str) -> None:
    """Whatever is posted: no escape sequences, no changes of direction; line ends stay."""
    shown = clean(text)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\xad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]", shown)
    assert text.count("\n") == shown.count("\n")


def test_a_message_cannot_clear_the_screen(world: SandboxWorld) -> None:
    """Escape, carriage return, right-to-left override and bell are taken out; the text around them stays."""
    world.post("a\x1b[2Jb\rc\u202ed\x07e\tf")
    assert "abcde f" in render(world)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("credit <please> & thanks", "credit &lt;please&gt; &amp; thanks"),
        ("(https://x.example/looks/1).", "(<https://x.example/looks/1>)."),
        ("https://x.example/?a=1&b=2, ok", "<https://x.example/?a=1&amp;b=2>, ok"),
    ],
)
def test_a_typed_text_is_stored_as_slack_stores_it(text: str, expected: str) -> None:
    """Escaped, with addresses as links; the rich text beside it holds the same, unescaped."""
    message = typed(text)
    assert expected == message["text"]
    elements = message["blocks"][0]["elements"][0]["elements"]
    assert text == "".join(element.get("text") or element["url"] for element in elements)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@olu, please", "<@U0OWNER>, please"),
        ("thanks @Olu Owner", "thanks <@U0OWNER>"),
        ("olu@acme.example and @olum", "olu@acme.example and @olum"),
    ],
)
def test_a_typed_name_becomes_a_mention(text: str, expected: str) -> None:
    """By the short or the whole name, and only where it stands alone."""
    assert expected == typed(text, {"olu": "U0OWNER", "olu owner": "U0OWNER"})["text"]
