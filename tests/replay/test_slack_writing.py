"""Writing to Slack by the real slack_sdk: replies, changes, direct messages, and refusals."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from creditbot.errors import PostRefused, PostUnknown
from creditbot.model import Marker
from creditbot.sandbox import Sandbox
from creditbot.sandbox.faults import rate_limited, refused, server_error
from tests.replay.stage import Stage

ANSWER = "Approved, $4,948.80, exceptions"
MARKER = Marker("reply", "T0SANDBOX.C0CREDITS.1767866400.000100", "claim-1")
NOTICE = Marker("notice", "T0SANDBOX.C0CREDITS.1767866400.000100.n1", "claim-2")
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def test_reply_known_by_its_metadata(stage: Stage) -> None:
    """A reply is accepted, and the thread shows it with our marker and our name."""
    slack = stage.slack()
    ts = slack.replier.reply(stage.channel, stage.request, f"{ANSWER} <&>", MARKER)
    reply = next(message for message in slack.inbox.thread(stage.channel, stage.request) if message.ts == ts)
    assert MARKER == reply.marker
    assert slack.inbox.workspace(None).bot == reply.bot
    assert f"{ANSWER} &lt;&amp;&gt;" == reply.text


def test_reply_changed(stage: Stage) -> None:
    """chat.update gives a reply another text and leaves its marker."""
    slack = stage.slack()
    ts = slack.replier.reply(stage.channel, stage.request, ANSWER, MARKER)
    slack.replier.amend(stage.channel, ts, "This repeats the answer above.")
    reply = next(message for message in slack.inbox.thread(stage.channel, stage.request) if message.ts == ts)
    assert ("This repeats the answer above.", MARKER) == (reply.text, reply.marker)


def test_reply_refused(stage: Stage) -> None:
    """A channel without the bot refuses the reply until somebody invites it."""
    channel = stage.given("other_channel", lambda _: "C0GENERAL")
    with pytest.raises(PostRefused, match="not_in_channel") as caught:
        stage.slack().replier.reply(channel, stage.request, ANSWER, MARKER)
    assert caught.value.retry


def test_reply_refused_for_good(stage: Stage) -> None:
    """What Slack finds too long is too long the next time."""
    stage.script(lambda sandbox: sandbox.slack.faults.add(refused("chat.postMessage", "msg_too_long")))
    with pytest.raises(PostRefused, match="msg_too_long") as caught:
        stage.slack().replier.reply(stage.channel, stage.request, ANSWER, MARKER)
    assert not caught.value.retry


def test_reply_over_the_limit(stage: Stage) -> None:
    """A 429 is a refusal of this post, and the next one waits as long as Slack asks."""
    stage.script(lambda sandbox: sandbox.slack.faults.add(rate_limited("chat.postMessage", seconds=5)))
    slack = stage.slack()
    with pytest.raises(PostRefused, match="Slack limits how often we may post") as caught:
        slack.replier.reply(stage.channel, stage.request, ANSWER, MARKER)
    assert caught.value.retry
    assert slack.replier.reply(stage.channel, stage.request, ANSWER, MARKER)
    assert 5.0 == sum(stage.time.slept)


def test_reply_of_unknown_outcome(stage: Stage) -> None:
    """A gateway's error page says nothing about the post, so it is neither sent again nor taken for lost."""
    stage.script(lambda sandbox: sandbox.slack.faults.add(server_error("chat.postMessage")))
    with pytest.raises(PostUnknown):
        stage.slack().replier.reply(stage.channel, stage.request, ANSWER, MARKER)
    assert [] == stage.time.slept


def test_direct_message(stage: Stage) -> None:
    """The owner is told, and the conversation shows what was told and what was not."""
    owner = stage.slack().owner
    assert owner.tell("I could not answer <this> & that", NOTICE)
    assert owner.was_told(NOTICE, LONG_AGO)
    assert not owner.was_told(Marker("notice", "another"), LONG_AGO)


def test_direct_messages_unreadable(stage: Stage) -> None:
    """Without im:history nobody knows what the owner was told."""
    stage.script(_take_im_history)
    assert stage.slack().owner.was_told(NOTICE, LONG_AGO) is None


def _take_im_history(sandbox: Sandbox) -> None:
    sandbox.slack.scopes -= {"im:history"}


def test_owner_unknown(stage: Stage) -> None:
    """A wrong SLACK_USER_ID is told with the setting to correct."""
    stage.script(lambda sandbox: sandbox.slack.faults.add(refused("conversations.open", "user_not_found")))
    with pytest.raises(PostRefused, match="user_not_found") as caught:
        stage.slack().owner.tell("Hello", NOTICE)
    assert "SLACK_USER_ID" in caught.value.todo
