"""Every answer that Slack documents for the methods that we call, through the real slack_sdk.

Recorded from Slack's own method reference, not from our sandbox, see documented.py.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from creditbot.adapters.slack.access import access
from creditbot.adapters.slack.open import SlackAdapters
from creditbot.model import Marker, RequestKey
from tests.replay.ends import ends_of, errors_in
from tests.replay.stage import Stage

LONG_AGO = datetime(2010, 1, 1, tzinfo=UTC)
MARKER = Marker("reply", "T1.C1.1", "claim-1")
REQUEST = RequestKey("T1", "C1", "1767866400.000100")
NOTICE = Marker("notice", "T1.C1.1.n1", "claim-2")


def test_auth_test(stage: Stage) -> None:
    """A workspace answers, and a token that is not ours is refused."""
    api = stage.slack().api
    ends = ends_of(stage.answers("auth.test"), lambda: access(api).user)
    assert {"Refused": {"invalid_auth", "not_authed"}, "Unreachable": {"internal_error"}} == errors_in(ends)
    assert ("grace", "bot") == (ends["success"], ends["success_with_bot_token"])


def test_conversations_list(stage: Stage) -> None:
    """The channel is found among the channels of the example, and not among the direct messages of the other one."""
    ends = ends_of(
        stage.answers("conversations.list"), lambda: stage.slack(channel="general").inbox.workspace(None).channels
    )
    assert {"C012AB3CD": "general"} == ends["success"]
    assert "Refused" == ends["success_with_mixed_results"]
    assert {"Refused"} == errors_in(ends).keys()


def test_conversations_info(stage: Stage) -> None:
    """A channel without `is_member` is taken as it is; the other errors name the channel."""
    ends = ends_of(
        stage.answers("conversations.info"), lambda: stage.slack(channel="C012AB3CD").inbox.workspace(None).channels
    )
    assert {"C012AB3CD": "general"} == ends["success"]
    assert {"Refused": {"channel_is_limited_access", "channel_not_found", "missing_scope"}} == errors_in(ends)


def test_conversations_history(stage: Stage) -> None:
    """The examples' messages are read, whatever they lack, and a next page ends them."""
    inbox = stage.slack().inbox
    ends = ends_of(
        stage.answers("conversations.history"),
        lambda: [(message.user, message.ts) for message in inbox.messages(stage.channel, LONG_AGO)],
    )
    assert [("U123ABC456", "1512085950.000216"), ("U222BBB222", "1512104434.000490")] == ends["success"]
    assert [("U123ABC456", "1512085950.000216")] == ends["success_with_timestamp_inclusive"]
    assert {"Refused"} == errors_in(ends).keys()


def test_conversations_replies(stage: Stage) -> None:
    """The example's thread is read; one that is gone is empty."""
    inbox = stage.slack().inbox
    ends = ends_of(
        stage.answers("conversations.replies"),
        lambda: [message.text for message in inbox.thread(stage.channel, "1482960137.003543")],
    )
    assert ["island", "one island", "two island", "three for the land"] == ends.pop("success")
    assert [] == ends.pop("thread_not_found")
    assert {"Refused"} == errors_in(ends).keys()


def test_conversations_open(stage: Stage) -> None:
    """The owner's conversation is opened; each documented error refuses the message, which may be sent later."""
    ends = ends_of(stage.answers("conversations.open"), lambda: stage.slack().owner.tell("Hello", NOTICE))
    assert "1503435956.000247" == ends["success"] == ends["success_with_return_im"]
    assert {"PostRefused, retry"} == errors_in(ends).keys()


def test_shapes(stage: Stage) -> None:
    """Null wherever Slack allows it, and the required fields alone, cost at most a name."""
    slack, by_id = stage.slack(channel="general"), stage.slack(channel="C012AB3CD")
    inbox, channel, request = slack.inbox, stage.channel, stage.request
    calls: dict[str, Callable[[], object]] = {
        "auth.test": lambda: (access(slack.api).team, access(slack.api).user),
        "chat.postMessage": lambda: slack.replier.reply(channel, request, "Approved", MARKER),
        "chat.update": lambda: slack.replier.amend(channel, request, "Twice"),
        "conversations.history": lambda: len(inbox.messages(channel, LONG_AGO)),
        "conversations.info": lambda: by_id.inbox.workspace(None).channels,
        "conversations.list": lambda: inbox.workspace(None).channels,
        "conversations.open": lambda: stage.slack().owner.tell("Hello", NOTICE),
        "conversations.replies": lambda: len(inbox.thread(channel, request)),
        "reactions.add": lambda: slack.signs.put(REQUEST, "taken"),
        "reactions.get": lambda: _reacted(stage, slack),
        "reactions.remove": lambda: slack.signs.take_back(REQUEST, "taken"),
    }
    ends = {
        f"{method}, {name}": end
        for method, call in calls.items()
        for name, end in ends_of(stage.answers(method, shapes=True), call).items()
    }
    expected = {
        "auth.test, shape null": ("Subarachnoid Workspace", "without a name"),
        "auth.test, shape bare": ("without a name", "without a name"),
        "chat.postMessage, shape null": "1503435956.000247",
        "chat.postMessage, shape bare": "1503435956.000247",
        "chat.update, shape null": None,
        "chat.update, shape bare": None,
        "conversations.history, shape null": 2,
        "conversations.history, shape bare": 2,
        "conversations.info, shape null": {"C012AB3CD": "general"},
        "conversations.info, shape bare": {"C012AB3CD": "general"},
        "conversations.list, shape null": {"C012AB3CD": "general"},
        "conversations.list, shape bare": {"C012AB3CD": "general"},
        "conversations.open, shape null": "1503435956.000247",
        "conversations.open, shape bare": "PostRefused, retry",
        "conversations.replies, shape null": 4,
        "conversations.replies, shape bare": 4,
        "reactions.add, shape null": None,
        "reactions.add, shape bare": None,
        "reactions.get, shape null": ["W222222", "W333333"],
        "reactions.get, shape bare": None,
        "reactions.remove, shape null": None,
        "reactions.remove, shape bare": None,
    }
    assert expected == ends


RETRIED = {
    "app_access_restricted", "channel_not_found", "ekm_access_denied", "message_limit_exceeded",
    "messages_tab_disabled", "missing_scope", "not_in_channel", "rate_limited", "restricted_action",
    "restricted_action_non_threadable_channel", "restricted_action_read_only_channel",
    "restricted_action_thread_only_channel",
}  # fmt: skip
"""What a person, or time, can end."""


def test_chat_post_message(stage: Stage) -> None:
    """Every documented error says that nothing was posted: none leaves us in doubt."""
    replier = stage.slack().replier
    ends = ends_of(
        stage.answers("chat.postMessage"), lambda: replier.reply(stage.channel, stage.request, "Approved", MARKER)
    )
    errors = errors_in(ends)
    assert "1503435956.000247" == ends["success"]
    assert {"PostRefused", "PostRefused, retry"} == errors.keys()
    assert RETRIED == errors["PostRefused, retry"]


def test_chat_update(stage: Stage) -> None:
    """Only an update that failed within Slack leaves us in doubt."""
    replier = stage.slack().replier
    ends = ends_of(stage.answers("chat.update"), lambda: replier.amend(stage.channel, stage.request, "Twice"))
    errors = errors_in(ends)
    assert ends["success"] is None
    assert {"PostRefused", "PostRefused, retry", "PostUnknown"} == errors.keys()
    assert {"unable_to_share_files", "update_failed"} == errors["PostUnknown"]
    assert {"channel_not_found", "message_limit_exceeded", "missing_scope"} == errors["PostRefused, retry"]


def test_reactions_add(stage: Stage) -> None:
    """A sign on a request never fails it, and only a missing scope ends the trying."""
    signs = stage.slack().signs
    ends = ends_of(stage.answers("reactions.add"), lambda: signs.put(REQUEST, "taken"))
    assert {None} == set(ends.values())


def test_reactions_remove(stage: Stage) -> None:
    """The same for a sign that is taken back."""
    signs = stage.slack().signs
    ends = ends_of(stage.answers("reactions.remove"), lambda: signs.take_back(REQUEST, "taken"))
    assert {None} == set(ends.values())


def test_reactions_get(stage: Stage) -> None:
    """Who reacted to a question, where the channel's history may not be read; a question that is gone is none."""
    slack = stage.slack()
    ends = ends_of(stage.answers("reactions.get"), lambda: _reacted(stage, slack))
    assert ["W222222", "W333333"] == ends.pop("success")
    assert None is ends.pop("message_not_found")
    assert {"Refused"} == set(ends.values())


def _reacted(stage: Stage, slack: SlackAdapters) -> list[str] | None:
    stage.choose("conversations.history", "missing_scope")
    question = slack.approvers.question(stage.channel, stage.request)
    return [user for users in question.reactions.values() for user in users] if question else None
