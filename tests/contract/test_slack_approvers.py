"""Asking approvers on the sandbox's Slack, and reading how they react."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from creditbot.adapters.slack.open import SlackAdapters as Adapters
from creditbot.errors import PostRefused, Refused
from creditbot.model import Marker
from creditbot.sandbox.seed import CHANNEL_NAME
from creditbot.sandbox.slack import SandboxSlack
from creditbot.sandbox.slack_messages import REACTION_USERS
from creditbot.sandbox.world import CHANNEL, OWNER
from creditbot.slack_time import time_of
from tests.support.slack_sandbox import adapters_on
from tests.support.slack_stub import Time

MARKER = Marker("ask", "T0.C0.1.0.ask.abc", "n1")
LONG_AGO = time_of("1000000000.000000")


@pytest.fixture
def sandbox(slack_sandbox: SandboxSlack) -> SandboxSlack:
    return slack_sandbox


@pytest.fixture(params=[OWNER, CHANNEL_NAME, f"#{CHANNEL_NAME}", CHANNEL], ids=["direct", "name", "#name", "id"])
def where(request: pytest.FixtureRequest) -> str:
    """Each way to name the conversation."""
    return str(request.param)


@pytest.fixture
def slack(sandbox: SandboxSlack, time: Time) -> Iterator[Adapters]:
    with adapters_on(sandbox, time) as adapters:
        yield adapters


def test_a_question_is_asked_and_found_again(slack: Adapters, where: str) -> None:
    channel, ts = slack.approvers.ask(where, "Credit?", MARKER)
    (found,) = slack.approvers.asked(where, "T0.C0.1.0.ask.", LONG_AGO) or ()
    assert (channel, ts, "Credit?", MARKER) == (found.channel, found.ts, found.text, found.marker)


def test_a_question_about_another_request_is_not_found(slack: Adapters, where: str) -> None:
    slack.approvers.ask(where, "Credit?", MARKER)
    assert [] == list(slack.approvers.asked(where, "T0.C0.2.0.ask.", LONG_AGO) or ())


def test_reactions_are_read_from_the_question(sandbox: SandboxSlack, slack: Adapters, where: str) -> None:
    channel, ts = slack.approvers.ask(where, "Credit?", MARKER)
    sandbox.world.react(ts, "+1::skin-tone-3", channel=channel, user=OWNER)
    question = slack.approvers.question(channel, ts)
    assert question
    assert {"+1::skin-tone-3": (OWNER,)} == question.reactions


def test_everybody_who_reacted_is_read(sandbox: SandboxSlack, slack: Adapters) -> None:
    """A page of messages names only the first of them."""
    channel, ts = slack.approvers.ask(OWNER, "Credit?", MARKER)
    people = [f"U0PERSON{number}" for number in range(REACTION_USERS + 1)]
    for user in people:
        sandbox.world.react(ts, "+1", channel=channel, user=user)
    question = slack.approvers.question(channel, ts)
    assert question
    assert tuple(people) == question.reactions["+1"]


def test_without_im_history_reactions_are_read_by_their_scope(sandbox: SandboxSlack, slack: Adapters) -> None:
    channel, ts = slack.approvers.ask(OWNER, "Credit?", MARKER)
    sandbox.world.react(ts, "x", channel=channel, user=OWNER)
    sandbox.scopes -= {"im:history"}
    question = slack.approvers.question(channel, ts)
    assert question
    assert {"x": (OWNER,)} == question.reactions


def test_without_both_scopes_the_missing_one_is_named(sandbox: SandboxSlack, slack: Adapters) -> None:
    channel, ts = slack.approvers.ask(OWNER, "Credit?", MARKER)
    sandbox.scopes -= {"im:history", "reactions:read"}
    with pytest.raises(Refused, match="Add the scope reactions:read"):
        slack.approvers.question(channel, ts)


def test_without_im_history_nobody_knows_what_was_asked(sandbox: SandboxSlack, slack: Adapters) -> None:
    slack.approvers.ask(OWNER, "Credit?", MARKER)
    sandbox.scopes -= {"im:history"}
    assert slack.approvers.asked(OWNER, "T0.C0.1.0.ask.", LONG_AGO) is None


def test_a_deleted_question_is_not_there(sandbox: SandboxSlack, slack: Adapters, where: str) -> None:
    channel, ts = slack.approvers.ask(where, "Credit?", MARKER)
    sandbox.world.delete(ts, channel=channel)
    assert slack.approvers.question(channel, ts) is None


def test_a_closed_question_is_struck_through_and_not_found(sandbox: SandboxSlack, slack: Adapters, where: str) -> None:
    channel, ts = slack.approvers.ask(where, "Credit?\nReally?", MARKER)
    for _ in range(2):
        slack.approvers.close(channel, ts, "Void.", Marker("closed", MARKER.key), "Credit?\nReally?")
    message = sandbox.world.message(channel, ts)
    assert "Void.\n~Credit?~\n~Really?~" == message["text"]
    (section,) = message["blocks"][0]["elements"]
    assert [("Void.", None), ("\n\n", None), ("Credit?\nReally?", {"strike": True})] == [
        (element["text"], element.get("style")) for element in section["elements"]
    ]
    assert [] == list(slack.approvers.asked(where, MARKER.key, LONG_AGO) or ())


def test_a_question_that_was_decided_keeps_its_words(sandbox: SandboxSlack, slack: Adapters, where: str) -> None:
    channel, ts = slack.approvers.ask(where, "Credit?", MARKER)
    slack.approvers.close(channel, ts, "Approved.\n\nCredit?", Marker("closed", MARKER.key))
    assert "Approved.\n\nCredit?" == sandbox.world.message(channel, ts)["text"]


def test_ids_of_people_become_mentions_and_the_rest_is_escaped(
    sandbox: SandboxSlack, slack: Adapters, where: str
) -> None:
    channel, ts = slack.approvers.ask(where, f"@{OWNER} <!here> & @here", MARKER)
    assert f"<@{OWNER}> &lt;!here&gt; &amp; @here" == sandbox.world.message(channel, ts)["text"]


def test_a_channel_that_the_bot_cannot_see_refuses_the_question(slack: Adapters) -> None:
    with pytest.raises(PostRefused, match="cannot see a channel #nowhere") as caught:
        slack.approvers.ask("nowhere", "Credit?", MARKER)
    assert caught.value.retry
