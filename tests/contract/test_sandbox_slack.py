"""The sandbox's Slack, driven by the real slack_sdk over HTTP: fields, errors and habits as Slack documents them."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse

from creditbot.sandbox import Listening, Sandbox
from creditbot.sandbox.faults import (
    Fault,
    dropped_after,
    dropped_before,
    late,
    rate_limited,
    refused,
    server_error,
    stale,
)
from creditbot.sandbox.rate_limits import PER_MINUTE, POST_BURST
from creditbot.sandbox.slack_messages import REACTION_USERS
from creditbot.sandbox.world import BOT, BOT_USER, CHANNEL, LOOKER, OWNER, TEAM

NOW = 1_765_500_000.0
NEVER = "1111111111.000000"
MARKER = {"event_type": "creditbot_reply", "event_payload": {"key": "T0SANDBOX.C0CREDITS.1", "claim": "abc"}}

# What Slack's method pages name as always present, beside `ok`.
FIELDS: dict[str, tuple[str, ...]] = {
    "api.test": (),
    "auth.test": ("url", "team", "user", "team_id", "user_id", "bot_id"),
    "chat.getPermalink": ("channel", "permalink"),
    "chat.postMessage": ("channel", "ts", "message"),
    "chat.update": ("channel", "ts", "text", "message"),
    "conversations.history": ("messages", "has_more", "pin_count", "channel_actions_ts", "channel_actions_count"),
    "conversations.info": ("channel",),
    "conversations.join": ("channel",),
    "conversations.list": ("channels", "response_metadata"),
    "conversations.open": ("channel",),
    "conversations.replies": ("messages", "has_more"),
    "reactions.add": (),
    "reactions.get": ("type", "channel", "message"),
    "reactions.remove": (),
    "users.conversations": ("channels", "response_metadata"),
    "users.info": ("user",),
}


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(tmp_path: Path, clock: Clock) -> Iterator[Sandbox]:
    """A sandbox whose channel is empty, with a file in the place of the warehouse, which Slack does not need."""
    (tmp_path / "none").touch()
    with Sandbox(tmp_path, clock=clock, rate_limits=False, messages=False, warehouse=tmp_path / "none") as made:
        yield made


@pytest.fixture
def client(sandbox: Sandbox) -> WebClient:
    return a_client(sandbox)


def a_client(sandbox: Sandbox, token: str | None = None) -> WebClient:
    settings = sandbox.environment()
    url = settings["SLACK_API_URL"]
    return WebClient(token=token or settings["SLACK_BOT_TOKEN"], base_url=url, timeout=10, retry_handlers=[])


def error_of(client: WebClient, method: str, **arguments: Any) -> dict[str, Any]:
    """The body of a refusal, which Slack sends with HTTP 200."""
    with pytest.raises(SlackApiError) as caught:
        client.api_call(method, params=arguments)
    assert 200 == caught.value.response.status_code
    return dict(caught.value.response.data)


def texts(answer: Any) -> list[str]:
    return [message["text"] for message in answer["messages"]]


def pages_of(answer: SlackResponse) -> list[dict[str, Any]]:
    """Every page; the SDK changes one and the same response as it goes on."""
    return [dict(page.data) for page in answer if isinstance(page.data, dict)]


def arguments_of(method: str, sandbox: Sandbox) -> dict[str, Any]:
    """Arguments that the method accepts."""
    mine = sandbox.world.post("mine", user=BOT_USER, bot_id=BOT)
    sandbox.world.react(mine, "eyes", user=BOT_USER)
    return {
        "chat.getPermalink": {"channel": CHANNEL, "message_ts": mine},
        "chat.postMessage": {"channel": CHANNEL, "text": "hello"},
        "chat.update": {"channel": CHANNEL, "ts": mine, "text": "hello"},
        "conversations.history": {"channel": CHANNEL},
        "conversations.info": {"channel": CHANNEL},
        "conversations.join": {"channel": "C0GENERAL"},
        "conversations.open": {"users": OWNER},
        "conversations.replies": {"channel": CHANNEL, "ts": mine},
        "reactions.add": {"channel": CHANNEL, "timestamp": mine, "name": "+1"},
        "reactions.get": {"channel": CHANNEL, "timestamp": mine},
        "reactions.remove": {"channel": CHANNEL, "timestamp": mine, "name": "eyes"},
        "users.info": {"user": OWNER},
    }.get(method, {})


# -- every method ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", FIELDS)
def test_answers_have_the_documented_fields(sandbox: Sandbox, client: WebClient, method: str) -> None:
    """A call that Slack accepts is answered with ok, every field its page names, and a request id."""
    answer = client.api_call(method, params=arguments_of(method, sandbox))
    assert answer["ok"] is True
    assert set(FIELDS[method]) <= set(answer.data)
    assert "X-Slack-Req-Id" in answer.headers


@pytest.mark.parametrize("method", [name for name in FIELDS if name != "api.test"])
def test_a_call_without_a_known_token_is_refused(sandbox: Sandbox, method: str) -> None:
    """Without a token a call is not_authed, with an unknown one invalid_auth."""
    arguments = arguments_of(method, sandbox)
    assert "invalid_auth" == error_of(a_client(sandbox, "xoxb-made-up"), method, **arguments)["error"]
    with urllib.request.urlopen(f"{sandbox.slack_server.url}/api/{method}", data=b"") as answer:
        assert {"ok": False, "error": "not_authed"} == json.load(answer)


@pytest.mark.parametrize(
    ("method", "arguments", "scope"),
    [
        ("chat.postMessage", {"channel": CHANNEL, "text": "x"}, "chat:write"),
        ("chat.update", {"channel": CHANNEL, "ts": NEVER, "text": "x"}, "chat:write"),
        ("conversations.history", {"channel": CHANNEL}, "channels:history"),
        ("conversations.replies", {"channel": CHANNEL, "ts": NEVER}, "channels:history"),
        ("conversations.info", {"channel": CHANNEL}, "channels:read"),
        ("conversations.list", {"types": "public_channel,private_channel"}, "groups:read"),
        ("conversations.list", {"types": "mpim"}, "mpim:read"),
        ("users.conversations", {}, "channels:read"),
        ("conversations.join", {"channel": "C0GENERAL"}, "channels:join"),
        ("conversations.open", {"users": OWNER}, "im:write"),
        ("reactions.add", {"channel": CHANNEL, "timestamp": NEVER, "name": "+1"}, "reactions:write"),
        ("reactions.get", {"channel": CHANNEL, "timestamp": NEVER}, "reactions:read"),
        ("reactions.remove", {"channel": CHANNEL, "timestamp": NEVER, "name": "+1"}, "reactions:write"),
        ("users.info", {"user": OWNER}, "users:read"),
    ],
)
def test_a_missing_scope_is_named(
    sandbox: Sandbox, client: WebClient, method: str, arguments: dict[str, Any], scope: str
) -> None:
    """A refusal for want of a scope names it, and those that the token has."""
    sandbox.slack.scopes -= {scope}
    body = error_of(client, method, **arguments)
    provided = ",".join(sorted(sandbox.slack.scopes))
    assert {"ok": False, "error": "missing_scope", "needed": scope, "provided": provided} == body
    assert provided == client.auth_test().headers["X-OAuth-Scopes"]


@pytest.mark.parametrize(
    ("method", "arguments", "error"),
    [
        ("no.such", {}, "unknown_method"),
        ("conversations.history", {}, "invalid_arguments"),
        ("conversations.history", {"channel": "C0NONE"}, "channel_not_found"),
        ("conversations.history", {"channel": "G0LEADS"}, "channel_not_found"),
        ("conversations.history", {"channel": "C0GENERAL"}, "not_in_channel"),
        ("conversations.history", {"channel": CHANNEL, "cursor": "nonsense!"}, "invalid_cursor"),
        ("conversations.history", {"channel": CHANNEL, "cursor": "dGVhbTpDMA=="}, "invalid_cursor"),
        ("conversations.history", {"channel": CHANNEL, "oldest": "yesterday"}, "invalid_ts_oldest"),
        ("conversations.history", {"channel": CHANNEL, "latest": "-1"}, "invalid_ts_latest"),
        ("conversations.replies", {"channel": CHANNEL, "ts": NEVER}, "thread_not_found"),
        ("conversations.replies", {"channel": "C0NONE", "ts": NEVER}, "channel_not_found"),
        ("conversations.info", {"channel": "C0NONE"}, "channel_not_found"),
        ("conversations.list", {"types": "public"}, "invalid_types"),
        ("conversations.list", {"limit": "many"}, "invalid_limit"),
        ("conversations.list", {"cursor": "bmV4dF90czox"}, "invalid_cursor"),
        ("conversations.join", {"channel": "C0OLD"}, "is_archived"),
        ("conversations.join", {"channel": "C0NONE"}, "channel_not_found"),
        ("conversations.open", {"channel": CHANNEL}, "method_not_supported_for_channel_type"),
        ("conversations.open", {"users": f"{OWNER},U0RAVI"}, "method_not_supported_for_channel_type"),
        ("conversations.open", {"users": ""}, "users_list_not_supplied"),
        ("conversations.open", {"users": "U0NOBODY"}, "user_not_found"),
        ("reactions.add", {"channel": CHANNEL, "timestamp": NEVER}, "invalid_arguments"),
        ("reactions.add", {"channel": CHANNEL, "name": "+1"}, "no_item_specified"),
        ("reactions.add", {"channel": CHANNEL, "timestamp": NEVER, "name": "+1"}, "message_not_found"),
        ("reactions.add", {"channel": CHANNEL, "timestamp": "yesterday", "name": "+1"}, "bad_timestamp"),
        ("reactions.add", {"channel": "C0NONE", "timestamp": NEVER, "name": "+1"}, "channel_not_found"),
        ("reactions.add", {"channel": "C0OLD", "timestamp": NEVER, "name": "+1"}, "is_archived"),
        ("reactions.remove", {"channel": CHANNEL, "timestamp": NEVER, "name": "+1"}, "message_not_found"),
        ("reactions.get", {"channel": CHANNEL}, "no_item_specified"),
        ("reactions.get", {"channel": CHANNEL, "timestamp": NEVER}, "message_not_found"),
        ("users.info", {"user": "U0NOBODY"}, "user_not_found"),
        ("chat.postMessage", {"channel": CHANNEL}, "no_text"),
        ("chat.postMessage", {"channel": CHANNEL, "text": "x" * 40_001}, "msg_too_long"),
        ("chat.postMessage", {"channel": "C0NONE", "text": "x"}, "channel_not_found"),
        ("chat.postMessage", {"channel": "C0GENERAL", "text": "x"}, "not_in_channel"),
        ("chat.postMessage", {"channel": "C0OLD", "text": "x"}, "is_archived"),
        ("chat.postMessage", {"channel": CHANNEL, "text": "x", "thread_ts": NEVER}, "thread_not_found"),
        ("chat.postMessage", {"channel": CHANNEL, "text": "x", "metadata": "{"}, "invalid_metadata_format"),
        ("chat.postMessage", {"channel": CHANNEL, "text": "x", "metadata": '{"a": 1}'}, "invalid_metadata_schema"),
        ("chat.postMessage", {"channel": CHANNEL, "blocks": "["}, "invalid_blocks"),
        ("chat.update", {"channel": CHANNEL, "ts": NEVER, "text": "x"}, "message_not_found"),
        ("chat.update", {"channel": "C0NONE", "ts": NEVER, "text": "x"}, "channel_not_found"),
        ("chat.getPermalink", {"channel": CHANNEL, "message_ts": NEVER}, "message_not_found"),
        ("chat.getPermalink", {"channel": "C0NONE", "message_ts": NEVER}, "channel_not_found"),
    ],
)
def test_a_wrong_call_is_refused_with_slacks_word(
    client: WebClient, method: str, arguments: dict[str, Any], error: str
) -> None:
    """What Slack refuses is refused with HTTP 200 and Slack's own word for it."""
    assert error == error_of(client, method, **arguments)["error"]


# -- reading ---------------------------------------------------------------------------------------------------------


def test_history_gives_top_level_messages_newest_first(sandbox: Sandbox, client: WebClient) -> None:
    """Replies do not stand in the channel, unless they were sent to it as well."""
    first = sandbox.world.post("first")
    sandbox.world.post("reply", thread_ts=first)
    sandbox.world.post("loud reply", thread_ts=first, broadcast=True)
    sandbox.world.post("second")
    answer = client.conversations_history(channel=CHANNEL)
    assert ["second", "loud reply", "first"] == texts(answer)
    loud = answer["messages"][1]
    assert "thread_broadcast" == loud["subtype"]
    assert first == loud["thread_ts"]
    assert "first" == loud["root"]["text"]


def test_a_parent_says_how_its_thread_stands(sandbox: Sandbox, client: WebClient) -> None:
    """Once there are replies, the parent names their number, their authors and the last one."""
    parent = sandbox.world.post("parent")
    lonely = sandbox.world.post("lonely")
    sandbox.world.post("one", thread_ts=parent, user="U0RAVI")
    last = sandbox.world.post("two", thread_ts=parent, user=OWNER)
    found = {message["ts"]: message for message in client.conversations_history(channel=CHANNEL)["messages"]}
    assert "thread_ts" not in found[lonely]
    expected = {"thread_ts": parent, "reply_count": 2, "reply_users": ["U0RAVI", OWNER], "latest_reply": last}
    assert expected.items() <= found[parent].items()


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_every_page_is_reached_by_its_cursor(sandbox: Sandbox, client: WebClient, size: int) -> None:
    """Pages by cursor give each message once; the last page has no cursor and says that there is no more."""
    expected = [sandbox.world.post(f"message {n}") for n in range(7)]
    pages = pages_of(client.conversations_history(channel=CHANNEL, limit=size))
    assert list(reversed(expected)) == [message["ts"] for page in pages for message in page["messages"]]
    assert [True] * (len(pages) - 1) + [False] == [page["has_more"] for page in pages]


def test_pages_may_be_shorter_than_asked(sandbox: Sandbox, client: WebClient) -> None:
    """Deleted messages leave gaps, and Slack may give fewer than asked for: only the cursor ends it."""
    posted = [sandbox.world.post(f"message {n}") for n in range(6)]
    sandbox.world.delete(posted[4])
    sandbox.slack.page_size = 2
    pages = pages_of(client.conversations_history(channel=CHANNEL, limit=100))
    assert [1, 2, 2] == [len(page["messages"]) for page in pages]


def test_oldest_and_latest_are_exclusive_unless_inclusive(sandbox: Sandbox, client: WebClient) -> None:
    """The messages at the bounds themselves come only with `inclusive`."""
    first, second, third = (sandbox.world.post(text) for text in ("first", "second", "third"))
    bounds: dict[str, Any] = {"channel": CHANNEL, "oldest": first, "latest": third}
    assert ["second"] == texts(client.conversations_history(**bounds))
    assert ["third", "second", "first"] == texts(client.conversations_history(**bounds, inclusive=True))
    assert ["third"] == texts(client.conversations_history(channel=CHANNEL, oldest=second))
    assert 3 == len(texts(client.conversations_history(channel=CHANNEL, oldest="0")))


def test_a_thread_starts_with_its_parent_on_every_page(sandbox: Sandbox, client: WebClient) -> None:
    """Replies come oldest first; each page repeats the parent, so readers must know a message by its ts."""
    parent = sandbox.world.post("parent", user=OWNER)
    for n in range(5):
        sandbox.world.post(f"reply {n}", thread_ts=parent)
    pages = pages_of(client.conversations_replies(channel=CHANNEL, ts=parent, limit=3))
    expected = [["parent", "reply 0", "reply 1"], ["parent", "reply 2", "reply 3"], ["parent", "reply 4"]]
    assert expected == [texts(page) for page in pages]
    assert {OWNER} == {reply["parent_user_id"] for page in pages for reply in page["messages"][1:]}


def test_the_ts_of_a_reply_gives_that_reply(sandbox: Sandbox, client: WebClient) -> None:
    """A message without replies of its own is answered alone, a lonely top-level message too."""
    parent = sandbox.world.post("parent")
    reply = sandbox.world.post("reply", thread_ts=parent)
    assert ["reply"] == texts(client.conversations_replies(channel=CHANNEL, ts=reply))
    sandbox.world.delete(reply)
    assert ["parent"] == texts(client.conversations_replies(channel=CHANNEL, ts=parent))


def test_a_deleted_parent_is_a_tombstone_while_it_has_replies(sandbox: Sandbox, client: WebClient) -> None:
    """Its replies stay under a tombstone; without replies the thread is not found and the channel does not show it."""
    parent, gone = sandbox.world.post("parent"), sandbox.world.post("gone")
    sandbox.world.post("reply", thread_ts=parent)
    sandbox.world.delete(parent)
    sandbox.world.delete(gone)
    thread = client.conversations_replies(channel=CHANNEL, ts=parent)["messages"]
    assert [("tombstone", "USLACKBOT"), (None, "U0DANA")] == [(m.get("subtype"), m["user"]) for m in thread]
    assert ["tombstone"] == [m.get("subtype") for m in client.conversations_history(channel=CHANNEL)["messages"]]
    assert "thread_not_found" == error_of(client, "conversations.replies", channel=CHANNEL, ts=gone)["error"]
    assert (
        "thread_not_found" == error_of(client, "chat.postMessage", channel=CHANNEL, text="x", thread_ts=gone)["error"]
    )


def test_metadata_is_sent_only_on_request(sandbox: Sandbox, client: WebClient) -> None:
    """`include_all_metadata` decides, for the channel and for threads; it is kept as it was posted."""
    parent = sandbox.world.post("parent")
    client.chat_postMessage(channel=CHANNEL, text="in channel", metadata=MARKER)
    client.chat_postMessage(channel=CHANNEL, text="in thread", metadata=MARKER, thread_ts=parent)
    for wanted, expected in ((True, MARKER), (False, None)):
        channel = client.conversations_history(channel=CHANNEL, limit=1, include_all_metadata=wanted)
        thread = client.conversations_replies(channel=CHANNEL, ts=parent, include_all_metadata=wanted)
        assert [expected] * 2 == [answer["messages"][-1].get("metadata") for answer in (channel, thread)]


def test_messages_keep_what_slack_keeps(sandbox: Sandbox, client: WebClient) -> None:
    """Text with its escapes, authors of other workspaces, blocks and other apps' unfurls come back as they are."""
    fields: dict[str, Any] = {
        "user_team": "T0PARTNER",
        "source_team": "T0PARTNER",
        "blocks": [{"type": "rich_text", "elements": []}],
        "attachments": [{"id": 1, "app_id": "A0WIKI", "from_url": "https://wiki.example/?a=1&b=2"}],
    }
    sandbox.world.post("a &amp; b <https://x.example/?a=1&amp;b=2|label>", user="U0PARTNER", **fields)
    message = client.conversations_history(channel=CHANNEL)["messages"][0]
    assert "a &amp; b <https://x.example/?a=1&amp;b=2|label>" == message["text"]
    assert fields.items() <= message.items()


def test_links_lead_to_the_looker_beside_this_slack(sandbox: Sandbox, client: WebClient) -> None:
    """Messages name the Looker by the host that Slack was asked by, and the port it has now."""
    sandbox.world.post(f"<{LOOKER}/looks/1>")
    assert [f"<{sandbox.looker_server.url}/looks/1>"] == texts(client.conversations_history(channel=CHANNEL))
    request = urllib.request.Request(
        f"{sandbox.slack_server.url}/api/conversations.history?channel={CHANNEL}",
        headers={"Host": "sandbox:8080", "Authorization": f"Bearer {sandbox.slack.token}"},
    )
    with urllib.request.urlopen(request) as answer:
        assert [f"<http://sandbox:{sandbox.looker_server.port}/looks/1>"] == texts(json.load(answer))


# -- who and where ---------------------------------------------------------------------------------------------------


def test_channels_are_listed_in_pages(sandbox: Sandbox, client: WebClient) -> None:
    """Private channels without the bot are not listed; an empty cursor ends the list."""
    sandbox.slack.scopes |= {"mpim:read"}
    kinds = "public_channel,private_channel,im,mpim"
    pages = pages_of(client.conversations_list(limit=1, types=kinds))
    assert ["C0CREDITS", "C0GENERAL", "C0OLD"] == [channel["id"] for page in pages for channel in page["channels"]]
    assert "" == pages[-1]["response_metadata"]["next_cursor"]
    assert 2 == len(client.conversations_list(exclude_archived=True)["channels"])
    assert ["C0CREDITS", "C0OLD"] == [channel["id"] for channel in client.users_conversations()["channels"]]


def test_channels_say_whether_the_bot_is_in_them(sandbox: Sandbox, client: WebClient) -> None:
    """Joining makes it a member once, and shows as a message."""
    assert client.conversations_info(channel="C0GENERAL")["channel"]["is_member"] is False
    client.conversations_join(channel="C0GENERAL")
    assert "already_in_channel" == client.conversations_join(channel="C0GENERAL")["warning"]
    assert client.conversations_info(channel="C0GENERAL")["channel"]["is_member"] is True
    assert ["channel_join"] == [message["subtype"] for message in sandbox.world.messages("C0GENERAL")]


@pytest.mark.parametrize("user", [OWNER, "W0MARTA"])
def test_direct_messages_need_im_history_to_be_read(sandbox: Sandbox, client: WebClient, user: str) -> None:
    """A conversation is opened by a U or W id and stays the same; reading it takes a scope of its own."""
    channel = client.conversations_open(users=user)["channel"]["id"]
    assert channel.startswith("D")
    again = client.conversations_open(users=user, return_im=True)
    assert again["already_open"]
    assert channel == again["channel"]["id"]
    assert user == again["channel"]["user"]
    client.chat_postMessage(channel=channel, text="psst")
    client.chat_postMessage(channel=user, text="pssst")
    assert ["pssst", "psst"] == texts(client.conversations_history(channel=channel))
    assert ["psst", "pssst"] == [message["text"] for message in sandbox.world.direct_messages(user)]
    sandbox.slack.scopes -= {"im:history"}
    assert "im:history" == error_of(client, "conversations.history", channel=channel)["needed"]


def test_a_conversation_is_resumed_by_its_id(sandbox: Sandbox, client: WebClient) -> None:
    """An open conversation is found again by its own id; it cannot be joined; a disabled user has none."""
    channel = client.conversations_open(users=OWNER)["channel"]["id"]
    assert channel == client.conversations_open(channel=channel)["channel"]["id"]
    assert 2 == client.conversations_info(channel=channel, include_num_members=True)["channel"]["num_members"]
    assert "method_not_supported_for_channel_type" == error_of(client, "conversations.join", channel=channel)["error"]
    sandbox.world.put("user", OWNER, (sandbox.world.get("user", OWNER) or {}) | {"deleted": True})
    assert "user_disabled" == error_of(client, "conversations.open", users=OWNER)["error"]


def test_a_permalink_of_a_reply_names_its_thread(sandbox: Sandbox, client: WebClient) -> None:
    """The address has the ts without its dot, and the parent's as a parameter."""
    parent = sandbox.world.post("parent")
    reply = sandbox.world.post("reply", thread_ts=parent)
    place = "https://sandbox.slack.com/archives/C0CREDITS/p"
    assert place + parent.replace(".", "") == client.chat_getPermalink(channel=CHANNEL, message_ts=parent)["permalink"]
    expected = f"{place}{reply.replace('.', '')}?thread_ts={parent}&cid={CHANNEL}"
    assert expected == client.chat_getPermalink(channel=CHANNEL, message_ts=reply)["permalink"]


# -- writing ---------------------------------------------------------------------------------------------------------


def test_a_post_is_the_bots_and_stored_as_posted(sandbox: Sandbox, client: WebClient) -> None:
    """It carries bot, app, profile and team as modern bots do, and no subtype; text and blocks are kept."""
    parent = sandbox.world.post("parent")
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "x"}}]
    answer = client.chat_postMessage(channel=CHANNEL, thread_ts=parent, text="5 &lt; 6", blocks=blocks, metadata=MARKER)
    (stored,) = sandbox.world.thread(parent)[1:]
    assert stored == answer["message"]
    expected = {"user": BOT_USER, "bot_id": BOT, "app_id": "A0CREDITBOT", "team": TEAM, "thread_ts": parent}
    assert expected | {"text": "5 &lt; 6", "blocks": blocks, "metadata": MARKER} == {
        name: value for name, value in stored.items() if name not in ("type", "ts", "bot_profile")
    }
    assert BOT == stored["bot_profile"]["id"]


def test_a_post_in_a_thread_may_name_a_reply_or_the_channel_by_name(sandbox: Sandbox, client: WebClient) -> None:
    """A reply's ts leads to its thread; a channel is known by its name too; broadcasting shows it in the channel."""
    parent = sandbox.world.post("parent")
    reply = sandbox.world.post("reply", thread_ts=parent)
    answer = client.chat_postMessage(channel="#credit-requests", thread_ts=reply, text="x", reply_broadcast=True)
    assert CHANNEL == answer["channel"]
    assert parent == answer["message"]["thread_ts"]
    assert ["x", "parent"] == texts(client.conversations_history(channel=CHANNEL))


def test_form_and_json_bodies_mean_the_same(sandbox: Sandbox, client: WebClient) -> None:
    """Methods that take JSON also take a form with JSON in it; those that do not ignore a JSON body."""
    client.chat_postMessage(channel=CHANNEL, text="a", metadata={})
    assert "metadata" not in sandbox.world.messages()[0]
    client.api_call("chat.postMessage", json={"channel": CHANNEL, "text": "a", "metadata": MARKER})
    client.api_call("chat.postMessage", params={"channel": CHANNEL, "text": "a", "metadata": json.dumps(MARKER)})
    first, second = sandbox.world.messages()[1:]
    assert first | {"ts": ""} == second | {"ts": ""}
    with pytest.raises(SlackApiError) as caught:
        client.api_call("conversations.history", json={"channel": CHANNEL})
    assert "invalid_arguments" == caught.value.response["error"]
    headers = {"Authorization": f"Bearer {sandbox.slack.token}", "Content-Type": "application/json"}
    address = f"{sandbox.slack_server.url}/api/chat.postMessage"
    with urllib.request.urlopen(urllib.request.Request(address, b"{not json", headers)) as answer:
        assert "invalid_arguments" == json.load(answer)["error"]


def test_an_update_keeps_what_it_does_not_mention(sandbox: Sandbox, client: WebClient) -> None:
    """The ts, the thread, and the metadata."""
    parent = sandbox.world.post("parent")
    ts = client.chat_postMessage(channel=CHANNEL, text="old", thread_ts=parent, metadata=MARKER)["ts"]
    answer = client.chat_update(channel=CHANNEL, ts=ts, text="new")
    (reply,) = sandbox.world.thread(parent)[1:]
    assert {"text": "new", "metadata": MARKER, "thread_ts": parent}.items() <= reply.items()
    assert BOT_USER == reply["edited"]["user"]
    assert "new" == answer["text"]
    assert ts == answer["ts"]


def test_an_update_with_empty_metadata_removes_it(sandbox: Sandbox, client: WebClient) -> None:
    ts = client.chat_postMessage(channel=CHANNEL, text="old", metadata=MARKER)["ts"]
    client.chat_update(channel=CHANNEL, ts=ts, text="new", metadata={})
    assert "metadata" not in sandbox.world.message(CHANNEL, ts)


@pytest.mark.parametrize(("text", "error"), [("x" * 4_001, "msg_too_long"), ("", "no_text")], ids=["too long", "empty"])
def test_an_update_needs_a_text_of_at_most_4000_characters(client: WebClient, text: str, error: str) -> None:
    ts = client.chat_postMessage(channel=CHANNEL, text="old")["ts"]
    assert error == error_of(client, "chat.update", channel=CHANNEL, ts=ts, text=text)["error"]


def test_a_message_of_somebody_else_cannot_be_updated(sandbox: Sandbox, client: WebClient) -> None:
    ts = sandbox.world.post("by a person")
    assert "cant_update_message" == error_of(client, "chat.update", channel=CHANNEL, ts=ts, text="x")["error"]


def test_people_edit_their_messages(sandbox: Sandbox, client: WebClient) -> None:
    """An edit keeps the ts and says who made it."""
    ts = sandbox.world.post("old")
    sandbox.world.edit(ts, "new")
    (message,) = client.conversations_history(channel=CHANNEL)["messages"]
    assert ts == message["ts"]
    assert "new" == message["text"]
    assert "U0DANA" == message["edited"]["user"]
    with pytest.raises(KeyError):
        sandbox.world.edit(NEVER, "new")
    with pytest.raises(KeyError):
        sandbox.world.rewrite(CHANNEL, NEVER, None)


def test_ts_are_unique_while_the_clock_stands_still(sandbox: Sandbox, client: WebClient) -> None:
    """Six digits after the dot, each later than the one before, also for posts at once."""
    with ThreadPoolExecutor(8) as pool:
        posts = pool.map(lambda n: client.chat_postMessage(channel=CHANNEL, text=str(n))["ts"], range(24))
    assert sorted(posts) == sorted({message["ts"] for message in sandbox.world.messages()})
    assert {6} == {len(message["ts"].partition(".")[2]) for message in sandbox.world.messages()}


def test_the_date_is_the_sandboxs_own(sandbox: Sandbox, client: WebClient, clock: Clock) -> None:
    """Every answer has a Date by the same clock that gives the ts; the connection stays open."""
    clock.now += 3600
    assert clock.now == parsedate_to_datetime(client.api_test().headers["Date"]).timestamp()
    assert str(int(clock.now)) == sandbox.world.post("x").partition(".")[0]
    connection = http.client.HTTPConnection("127.0.0.1", sandbox.slack_server.port)
    sockets = []
    for _ in range(2):
        connection.request("GET", "/api/api.test")
        sockets.append(connection.sock)
        assert {"ok": True} == json.load(connection.getresponse())
    assert sockets[0] is sockets[1]
    connection.close()


# -- reactions -------------------------------------------------------------------------------------------------------


def test_reactions_stand_in_the_channel_and_in_the_thread(sandbox: Sandbox, client: WebClient) -> None:
    """By emoji in the order of their first use, each with its people in the order in which they reacted."""
    ts = sandbox.world.post("credit please")
    sandbox.world.post("reply", thread_ts=ts)
    sandbox.world.react(ts, "eyes", user=OWNER)
    client.reactions_add(channel=CHANNEL, timestamp=ts, name="+1")
    sandbox.world.react(ts, "eyes")
    expected = [
        {"name": "eyes", "users": [OWNER, "U0DANA"], "count": 2},
        {"name": "+1", "users": [BOT_USER], "count": 1},
    ]
    assert expected == client.conversations_history(channel=CHANNEL)["messages"][0]["reactions"]
    assert expected == client.conversations_replies(channel=CHANNEL, ts=ts)["messages"][0]["reactions"]
    assert expected == client.reactions_get(channel=CHANNEL, timestamp=ts)["message"]["reactions"]


def test_the_same_reaction_is_refused_the_second_time(sandbox: Sandbox, client: WebClient) -> None:
    """Slack's way to be idempotent."""
    item = {"channel": CHANNEL, "timestamp": sandbox.world.post("x"), "name": "eyes"}
    client.api_call("reactions.add", params=item)
    assert "already_reacted" == error_of(client, "reactions.add", **item)["error"]


def test_only_your_own_reaction_can_be_taken_back(sandbox: Sandbox, client: WebClient) -> None:
    """Another person's stays; a message without reactions has no such field."""
    ts = sandbox.world.post("x")
    item = {"channel": CHANNEL, "timestamp": ts, "name": "eyes"}
    sandbox.world.react(ts, "eyes", user=OWNER)
    assert "no_reaction" == error_of(client, "reactions.remove", **item)["error"]
    sandbox.world.unreact(ts, "eyes", user=OWNER)
    client.api_call("reactions.add", params=item)
    client.api_call("reactions.remove", params=item)
    assert "reactions" not in client.reactions_get(channel=CHANNEL, timestamp=ts)["message"]


@pytest.mark.parametrize("name", ["", "no emoji", "+1::skin-tone-9", ":+1:"])
def test_a_name_that_no_emoji_has_is_refused(sandbox: Sandbox, client: WebClient, name: str) -> None:
    item = {"channel": CHANNEL, "timestamp": sandbox.world.post("x"), "name": name}
    assert error_of(client, "reactions.add", **item)["error"] in ("invalid_name", "invalid_arguments")


def test_a_reaction_survives_an_edit(sandbox: Sandbox, client: WebClient) -> None:
    """Whatever the message says now: who reacted may have read another text."""
    ts = sandbox.world.post("old")
    sandbox.world.react(ts, "+1::skin-tone-3", user=OWNER)
    sandbox.world.edit(ts, "new")
    (message,) = client.conversations_history(channel=CHANNEL)["messages"]
    assert "new" == message["text"]
    assert ["+1::skin-tone-3"] == [reaction["name"] for reaction in message["reactions"]]


def test_of_many_people_who_reacted_only_some_are_named(sandbox: Sandbox, client: WebClient) -> None:
    """The count is of all of them; `full` names all of them."""
    ts = sandbox.world.post("x")
    for n in range(REACTION_USERS + 1):
        sandbox.world.react(ts, "eyes", user=f"U{n}")
    (shown,) = client.conversations_history(channel=CHANNEL)["messages"][0]["reactions"]
    (full,) = client.reactions_get(channel=CHANNEL, timestamp=ts, full=True)["message"]["reactions"]
    assert REACTION_USERS == len(shown["users"])
    assert REACTION_USERS + 1 == shown["count"]
    assert REACTION_USERS + 1 == len(full["users"])


def test_a_reaction_may_be_shown_late(sandbox: Sandbox, client: WebClient) -> None:
    """As any other write."""
    ts = sandbox.world.post("x")
    sandbox.slack.faults.add(late("reactions.add"))
    client.reactions_add(channel=CHANNEL, timestamp=ts, name="eyes")
    assert "reactions" not in client.conversations_history(channel=CHANNEL)["messages"][0]
    sandbox.world.land()
    assert "reactions" in client.conversations_history(channel=CHANNEL)["messages"][0]


# -- limits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "arguments", "tier"),
    [
        ("conversations.list", {}, 2),
        ("conversations.history", {"channel": CHANNEL}, 3),
        ("users.info", {"user": OWNER}, 4),
    ],
)
def test_a_call_above_its_tiers_rate_limit_has_to_wait(
    sandbox: Sandbox, client: WebClient, clock: Clock, method: str, arguments: dict[str, Any], tier: int
) -> None:
    """The calls of a minute pass at once; the next is HTTP 429 with the seconds to wait, after which it passes."""
    sandbox.slack.limits.enabled = True
    for _ in range(PER_MINUTE[tier]):
        client.api_call(method, params=arguments)
    with pytest.raises(SlackApiError) as caught:
        client.api_call(method, params=arguments)
    response = caught.value.response
    assert 429 == response.status_code
    assert "ratelimited" == response["error"]
    clock.now += int(response.headers["Retry-After"])
    client.api_call(method, params=arguments)


def test_posts_to_one_channel_are_one_a_second_after_a_burst(sandbox: Sandbox, client: WebClient, clock: Clock) -> None:
    """Short bursts are let through; another channel is not concerned; nothing refused was posted."""
    sandbox.slack.limits.enabled = True
    for _ in range(POST_BURST):
        client.chat_postMessage(channel=CHANNEL, text="x")
    with pytest.raises(SlackApiError) as caught:
        client.chat_postMessage(channel=CHANNEL, text="x")
    assert "1" == caught.value.response.headers["Retry-After"]
    client.chat_postMessage(channel=OWNER, text="x")
    clock.now += 1
    client.chat_postMessage(channel=CHANNEL, text="x")
    assert POST_BURST + 1 == len(sandbox.world.messages())


# -- faults ----------------------------------------------------------------------------------------------------------


def test_a_rule_strikes_the_call_it_names_as_often_as_it_says(sandbox: Sandbox, client: WebClient) -> None:
    """A rule strikes the call it names, as often as it says, and nothing is done instead."""
    sandbox.slack.faults.add(
        rate_limited("chat.postMessage", seconds=7),
        server_error("chat.postMessage", call=2),
        refused("chat.postMessage", "fatal_error", where={"text": "poison"}, times=2),
    )
    seen: list[Any] = []
    for text in ("poison", "poison", "poison", "fine", "poison"):
        try:
            seen.append(client.chat_postMessage(channel=CHANNEL, text=text)["ok"])
        except SlackApiError as error:
            seen.append((error.response.status_code, error.response["error"].partition(":")[0]))
    page, fatal = (503, "Received a response in a non-JSON format"), (200, "fatal_error")
    assert [(429, "ratelimited"), page, fatal, True, fatal] == seen
    assert ["fine"] == [message["text"] for message in sandbox.world.messages()]


def test_a_connection_may_drop_before_or_after_the_effect(sandbox: Sandbox, client: WebClient) -> None:
    """ConnectionDropped before the effect nothing is posted; dropped after it the message stands there, unanswered."""
    sandbox.slack.faults.add(dropped_before("chat.postMessage"), dropped_after("chat.postMessage", call=2))
    for text in ("never", "unanswered"):
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            client.chat_postMessage(channel=CHANNEL, text=text)
    assert ["unanswered"] == [message["text"] for message in sandbox.world.messages()]
    assert 2 == [method for method, _ in sandbox.slack.calls].count("chat.postMessage")


def test_a_call_may_be_held_before_or_after_its_effect(sandbox: Sandbox, client: WebClient) -> None:
    """A call may wait before its effect, or its answer after it, until the test says go."""
    before, after = threading.Event(), threading.Event()
    sandbox.slack.faults.add(Fault("chat.postMessage", hold=before, hold_response=after))
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(client.chat_postMessage, channel=CHANNEL, text="x")
        assert [] == sandbox.world.messages()
        before.set()
        while not sandbox.world.messages():
            assert not answer.done()
        after.set()
        assert answer.result()["ok"]


def test_a_post_may_be_shown_late(sandbox: Sandbox, client: WebClient, clock: Clock) -> None:
    """An accepted post is shown after so many reads, so many seconds, or when it is let land."""
    sandbox.slack.faults.add(
        late("chat.postMessage", reads=2),
        late("chat.postMessage", call=2, seconds=60),
        late("chat.postMessage", call=3),
    )
    parent = sandbox.world.post("parent")
    for text in ("by reads", "by time", "by hand"):
        assert client.chat_postMessage(channel=CHANNEL, text=text, thread_ts=parent)["ok"]

    def shown() -> list[str]:
        return texts(client.conversations_replies(channel=CHANNEL, ts=parent))[1:]

    assert [] == shown()
    assert [] == shown()
    assert ["by reads"] == shown()
    clock.now += 60
    assert ["by reads", "by time"] == shown()
    sandbox.world.land()
    assert ["by reads", "by time", "by hand"] == shown()


def test_a_read_may_be_stale(sandbox: Sandbox, client: WebClient) -> None:
    """An answer from before the last write shows neither a new reply nor a change; the next one does."""
    parent = sandbox.world.post("parent")
    ts = client.chat_postMessage(channel=CHANNEL, text="old", thread_ts=parent)["ts"]
    client.chat_update(channel=CHANNEL, ts=ts, text="new")
    sandbox.slack.faults.add(stale("conversations.replies"), stale("conversations.replies", behind=2, call=2))
    seen = [texts(client.conversations_replies(channel=CHANNEL, ts=parent)) for _ in range(3)]
    assert [["parent", "old"], ["parent"], ["parent", "new"]] == seen
    sandbox.slack.faults.add(stale("conversations.history", behind=3))
    assert [] == texts(client.conversations_history(channel=CHANNEL))


def test_faults_can_be_taken_back(sandbox: Sandbox, client: WebClient) -> None:
    """After `clear` every call goes through."""
    sandbox.slack.faults.add(refused("auth.test", "invalid_auth", times=9))
    sandbox.slack.faults.clear()
    assert client.auth_test()["ok"]


def test_a_call_in_flight_ends_with_the_sandbox(tmp_path: Path) -> None:
    """Closing waits for nobody: the call that was held is dropped."""
    (tmp_path / "none").touch()
    held, go = threading.Event(), threading.Event()

    class Held(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            held.set()
            return go.wait(timeout)

    with ThreadPoolExecutor(1) as pool:
        with Sandbox(tmp_path, warehouse=tmp_path / "none") as sandbox:
            sandbox.slack.faults.add(Fault("chat.postMessage", hold=Held()))
            answer = pool.submit(a_client(sandbox).chat_postMessage, channel=CHANNEL, text="x")
            assert held.wait(10)
        go.set()
        assert isinstance(answer.exception(10), OSError)


# -- one world, several users of it ----------------------------------------------------------------------------------


def test_the_world_outlives_the_sandbox(tmp_path: Path) -> None:
    """A second start finds messages, conversations and ports as the first one left them."""
    (tmp_path / "none").touch()
    seen = []
    for text in ("first", "second"):
        with Sandbox(tmp_path, warehouse=tmp_path / "none", messages=False) as sandbox:
            client = a_client(sandbox)
            client.chat_postMessage(channel=CHANNEL, text=text)
            client.chat_postMessage(channel=OWNER, text=text)
            counts = len(sandbox.world.messages()), len(sandbox.world.direct_messages())
            seen.append((counts, sandbox.slack_server.url, sandbox.looker_server.url))
    assert [(1, 1), (2, 2)] == [counts for counts, *_ in seen]
    assert seen[0][1:] == seen[1][1:]


def test_a_port_that_was_taken_in_the_meantime_is_replaced(tmp_path: Path) -> None:
    """Two sandboxes over one folder get ports of their own; a port that was asked for is never replaced."""
    (tmp_path / "none").touch()
    with Sandbox(tmp_path, warehouse=tmp_path / "none") as one, Sandbox(tmp_path, warehouse=tmp_path / "none") as two:
        assert one.slack_server.port != two.slack_server.port
        with pytest.raises(OSError, match="in use"):
            Sandbox(tmp_path, warehouse=tmp_path / "none", at=Listening(slack_port=one.slack_server.port))


def test_two_processes_post_at_once(sandbox: Sandbox, tmp_path: Path) -> None:
    """Messages of several processes all arrive, each with a ts of its own."""
    script = """
import sys
from pathlib import Path
from creditbot.sandbox.world import SandboxWorld
with SandboxWorld(Path(sys.argv[1])) as world:
    for n in range(40):
        world.post(sys.argv[2])
"""
    command = [sys.executable, "-c", script, str(tmp_path / "world.sqlite")]
    posters = [subprocess.Popen([*command, name]) for name in "ab"]
    for _ in range(40):
        sandbox.world.post("c")
    assert [0, 0] == [poster.wait() for poster in posters]
    messages = sandbox.world.messages()
    assert {"a": 40, "b": 40, "c": 40} == {name: [m["text"] for m in messages].count(name) for name in "abc"}
    assert 120 == len({message["ts"] for message in messages})
