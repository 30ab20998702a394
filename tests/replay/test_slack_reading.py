"""Reading Slack by the real slack_sdk: pages, limits, errors."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from creditbot.errors import Refused, Unreachable
from creditbot.sandbox import Sandbox
from creditbot.sandbox.faults import rate_limited, refused, server_error
from creditbot.sandbox.seed import CHANNEL_NAME
from creditbot.slack_time import time_of
from tests.replay.stage import REQUEST, Stage

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def test_channel_found_by_name(stage: Stage) -> None:
    """A name leads to the channel's id, and the token to who we are."""
    workspace = stage.slack().inbox.workspace(None)
    assert [stage.channel] == list(workspace.channels)
    assert workspace.team
    assert workspace.user
    assert workspace.bot
    assert workspace.url.startswith("https://")


def test_channel_found_on_a_later_page(stage: Stage) -> None:
    """Pages are read until the name turns up."""
    stage.script(_add_channels)
    assert {stage.channel: CHANNEL_NAME} == stage.slack().inbox.workspace(None).channels
    assert ["auth.test"] + 3 * ["conversations.list"] == _methods(stage)


def _add_channels(sandbox: Sandbox) -> None:
    general = sandbox.world.get("channel", "C0GENERAL")
    assert general
    for name in ("announcements", "archive"):
        sandbox.world.put("channel", f"C0{name.upper()}", general | {"id": f"C0{name.upper()}", "name": name})
    sandbox.slack.page_size = 1


def test_channel_unknown(stage: Stage) -> None:
    """A name that no page holds is an error that says so."""
    with pytest.raises(Refused, match="cannot see a channel #no-such-channel"):
        stage.slack(channel="no-such-channel").inbox.workspace(None)


def test_wrong_token(stage: Stage) -> None:
    """Slack's invalid_auth is told with what to do."""
    with pytest.raises(Refused, match="invalid_auth") as caught:
        stage.slack(token="wrong-not-a-secret").inbox.workspace(None)
    assert "SLACK_BOT_TOKEN" in caught.value.todo


def test_history_over_several_pages(stage: Stage) -> None:
    """All pages are read, and the oldest message comes first."""
    stage.script(lambda sandbox: [sandbox.world.post(f"Message {n}", ts=f"17678664{n:02}.000100") for n in range(1, 5)])
    stage.script(lambda sandbox: setattr(sandbox.slack, "page_size", 2))
    messages = stage.slack().inbox.messages(stage.channel, LONG_AGO)
    assert 5 == len(messages)
    assert messages == sorted(messages, key=lambda message: time_of(message.ts))
    assert 3 * ["conversations.history"] == _methods(stage)


def test_thread_over_several_pages(stage: Stage) -> None:
    """A thread's parent, which is on every page, counts once, and the replies follow it."""
    stage.script(lambda sandbox: [sandbox.world.post(f"Reply {n}", thread_ts=REQUEST) for n in range(3)])
    stage.script(lambda sandbox: setattr(sandbox.slack, "page_size", 2))
    thread = stage.slack().inbox.thread(stage.channel, REQUEST)
    assert ["Could somebody credit this?", "Reply 0", "Reply 1", "Reply 2"] == [message.text for message in thread]
    assert 3 * ["conversations.replies"] == _methods(stage)


def test_thread_gone(stage: Stage) -> None:
    """A thread whose parent is gone is empty, not an error."""
    assert () == stage.slack().inbox.thread(stage.channel, "1111111111.000100")


def test_bot_not_in_the_channel(stage: Stage) -> None:
    """Slack's not_in_channel is told with the invitation that ends it."""
    stage.script(lambda sandbox: sandbox.slack.faults.add(refused("conversations.history", "not_in_channel")))
    with pytest.raises(Refused, match="not_in_channel") as caught:
        stage.slack().inbox.messages(stage.channel, LONG_AGO)
    assert "/invite" in caught.value.todo


def test_retry_after_is_kept(stage: Stage) -> None:
    """A read over the limit waits as long as Slack asks, and goes through."""
    stage.script(lambda sandbox: sandbox.slack.faults.add(rate_limited("conversations.history", seconds=7)))
    assert [stage.request] == [message.ts for message in stage.slack().inbox.messages(stage.channel, LONG_AGO)]
    assert [7.0] == stage.time.slept


def test_page_of_html_is_waited_out(stage: Stage) -> None:
    """A 503 from a gateway and a 500 are tried again, a little later each time."""
    stage.script(lambda sandbox: sandbox.slack.faults.add(server_error("conversations.history")))
    stage.script(lambda sandbox: sandbox.slack.faults.add(server_error("conversations.history", 500)))
    assert [stage.request] == [message.ts for message in stage.slack().inbox.messages(stage.channel, LONG_AGO)]
    assert [1.0, 2.0] == stage.time.slept


def test_lasting_5xx_is_slack_down(stage: Stage) -> None:
    """Four pages of HTML in a row are a Slack that cannot be reached."""
    stage.script(lambda sandbox: sandbox.slack.faults.add(server_error("conversations.history", times=4)))
    with pytest.raises(Unreachable, match="HTTP status 503"):
        stage.slack().inbox.messages(stage.channel, LONG_AGO)


def _methods(stage: Stage) -> list[str]:
    """The methods called, in the cassette's order."""
    return [request.path.rpartition("/")[2] for request in stage.cassette.requests]
