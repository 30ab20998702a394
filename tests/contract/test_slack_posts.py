"""Writing to Slack, over the real slack_sdk and real HTTP."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest

from creditbot.adapters.slack.errors import FINAL, FIXABLE
from creditbot.errors import CardRefused, PostRefused, PostUnknown, Refused, Unreachable
from creditbot.model import Card, Marker
from tests.support.http import Answer
from tests.support.slack_stub import MARKER, ME, SINCE, TOKEN, SlackStub, refused

# Writing


def test_a_reply_is_plain_and_carries_its_marker(stub: SlackStub) -> None:
    """Escaped, nothing unfurled, in the thread only, known again by its metadata."""
    stub.on("chat.postMessage", {"ts": "2.000000", "channel": "C0TEST"})
    ts = stub.open().replier.reply("C0TEST", "1.000000", "<Approved> & $1", MARKER)
    assert "2.000000" == ts
    expected = {
        "channel": "C0TEST",
        "thread_ts": "1.000000",
        "text": "&lt;Approved&gt; &amp; $1",
        "unfurl_links": False,
        "unfurl_media": False,
        "mrkdwn": False,
        "metadata": {
            "event_type": "creditbot_reply",
            "event_payload": {"key": MARKER.key, "claim": "claim-1", "deployment": "", "v": 1},
        },
    }
    assert [expected] == stub.bodies()
    (request,) = stub.http.requests
    assert f"Bearer {TOKEN}" == request.headers["Authorization"]


def test_an_answer_is_read_whatever_stands_in_it(stub: SlackStub) -> None:
    """A byte that is not UTF-8 spoils its text, not the answer."""
    stub.on("chat.postMessage", Answer(b'{"ok": true, "ts": "2.000000", "text": "\xff"}'))
    assert "2.000000" == stub.open().replier.reply("C0TEST", "1.000000", "hello", MARKER)


@pytest.mark.parametrize(("more", "fits"), [(0, True), (1, False)])
def test_an_answer_is_read_up_to_a_megabyte(stub: SlackStub, more: int, fits: bool) -> None:
    """To the byte."""
    body = b'{"ok": true, "ts": "2.000000"}'
    stub.on("chat.postMessage", Answer(body + b" " * (1_000_000 - len(body) + more)))
    with nullcontext() if fits else pytest.raises(PostUnknown, match="its answer is too large"):
        stub.open().replier.reply("C0TEST", "1.000000", "hello", MARKER)


def test_an_amended_reply_keeps_its_metadata(stub: SlackStub) -> None:
    """Slack keeps the metadata that is not named. It would keep the blocks as well, so they are emptied."""
    stub.on("chat.update", {"ts": "2.000000", "channel": "C0TEST", "text": "x"})
    stub.open().replier.amend("C0TEST", "2.000000", "a < b")
    assert [{"channel": "C0TEST", "ts": "2.000000", "text": "a &lt; b", "blocks": []}] == stub.bodies("chat.update")


def test_a_card_is_sent_as_blocks_beside_the_same_text(stub: SlackStub) -> None:
    stub.on("chat.postMessage", {"ts": "2.000000"})
    stub.open().replier.reply("C0TEST", "1.000000", "Approved, $1.00", MARKER, Card(digest="0123456789ab"))
    (body,) = stub.bodies("chat.postMessage")
    assert body["text"] == "Approved, $1.00"
    assert [block["type"] for block in body["blocks"]] == ["header", "context"]


@pytest.mark.parametrize("code", ["invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"])
def test_a_refusal_of_the_card_alone_is_told_apart(stub: SlackStub, code: str) -> None:
    stub.on("chat.postMessage", refused(code))
    with pytest.raises(CardRefused) as caught:
        stub.open().replier.reply("C0TEST", "1.000000", "hello", MARKER, Card())
    assert caught.value.what == f"Slack refused the post: {code}."
    assert not caught.value.retry


def test_an_internal_error_on_a_card_may_have_been_accepted(stub: SlackStub) -> None:
    stub.on("chat.postMessage", refused("internal_error"))
    with pytest.raises(PostUnknown):
        stub.open().replier.reply("C0TEST", "1.000000", "hello", MARKER, Card())


@pytest.mark.parametrize(
    ("facts", "shared"),
    [
        ({"is_ext_shared": False}, False),
        ({"is_ext_shared": False, "is_org_shared": True}, False),
        ({"is_ext_shared": True}, True),
        ({"is_ext_shared": False, "is_pending_ext_shared": True}, True),
        ({}, True),
    ],
)
def test_a_channel_is_shared_unless_slack_says_that_it_is_not(
    stub: SlackStub, facts: dict[str, bool], shared: bool
) -> None:
    """It is asked once for many replies."""
    stub.on("conversations.info", {"channel": {"id": "C0TEST", **facts}})
    inbox = stub.open().inbox
    assert [shared, shared] == [inbox.is_shared("C0TEST"), inbox.is_shared("C0TEST")]


@pytest.mark.parametrize("code", sorted([*FIXABLE, *FINAL]))
def test_a_definite_refusal_is_reported_as_one(stub: SlackStub, code: str) -> None:
    """What Slack's references list as a refusal was not posted; a person may be able to help."""
    stub.on("chat.postMessage", refused(code))
    with pytest.raises(PostRefused) as caught:
        stub.open().replier.reply("C0TEST", "1.000000", "hello", MARKER)
    assert caught.value.what == f"Slack refused the post: {code}."
    assert caught.value.todo == FIXABLE.get(code, "")
    assert caught.value.retry is (code in FIXABLE)


@pytest.mark.parametrize(
    "answer",
    [
        refused("fatal_error"),
        refused("internal_error"),
        refused("service_unavailable"),
        refused("request_timeout"),
        refused("a_code_of_tomorrow"),
        refused("invalid_auth", status=500),
        Answer("<html>down</html>", 503),
        Answer("<html>maintenance</html>"),
        Answer({"ok": True}),
        Answer({"ok": True, "ts": 7}),
        Answer([1]),
        Answer(drop=True),
        Answer(b'{"ok": false, "error": "no_text"', headers={"Content-Length": "99"}),
        Answer("moved", 302, {"Location": "/elsewhere"}),
    ],
)
def test_any_other_failure_may_have_posted(stub: SlackStub, answer: Answer) -> None:
    """A write is sent once, whatever comes back."""
    stub.on("chat.postMessage", answer)
    with pytest.raises(PostUnknown):
        stub.open().replier.reply("C0TEST", "1.000000", "hello", MARKER)
    assert 1 == len(stub.bodies())


def test_a_post_whose_answer_lacks_its_ts_may_have_been_posted(stub: SlackStub) -> None:
    """Only the thread can tell which it is."""
    stub.on("chat.postMessage", {})
    nameless = "Slack accepted a post, but its answer does not say which message it is."
    with pytest.raises(PostUnknown, match=f"^{nameless}$"):
        stub.open().replier.reply("C0TEST", "1.000000", "hello", MARKER)


def test_nothing_was_posted_if_nobody_listens(stub: SlackStub) -> None:
    """A refused connection is a definite refusal that ends by itself."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        slack = stub.open(api_url=f"http://127.0.0.1:{nobody.getsockname()[1]}/api/")
        with pytest.raises(PostRefused) as caught:
            slack.replier.reply("C0TEST", "1.000000", "hello", MARKER)
    assert "Slack could not be reached, so nothing was posted: the connection was refused." == caught.value.what
    assert "Check the network, SLACK_API_URL and HTTPS_PROXY." == caught.value.todo
    assert caught.value.retry


# Pace


def test_a_backlog_is_posted_at_the_rate_slack_allows(stub: SlackStub) -> None:
    """Ten posts of one channel take nine seconds; another channel does not wait for them."""
    stub.on("chat.postMessage", {"ts": "2.000000"})
    replier = stub.open().replier
    for _ in range(10):
        replier.pace("C0TEST")
        replier.reply("C0TEST", "1.000000", "hello", MARKER)
    assert 9.0 == pytest.approx(stub.time.now - 1000.0)
    replier.pace("C0OTHER")
    replier.reply("C0OTHER", "1.000000", "hello", MARKER)
    assert 9.0 == pytest.approx(stub.time.now - 1000.0)


def test_a_rate_limit_holds_later_posts_back(stub: SlackStub) -> None:
    """The post that met it was refused; the next waits as long as Slack asked."""
    stub.on("chat.postMessage", Answer({"ok": False}, 429, {"Retry-After": "7"}), {"ts": "2.000000"})
    replier = stub.open().replier
    with pytest.raises(PostRefused) as caught:
        replier.reply("C0TEST", "1.000000", "hello", MARKER)
    assert caught.value.what == "Slack limits how often we may post."
    assert caught.value.retry
    assert "2.000000" == replier.reply("C0TEST", "1.000000", "hello", MARKER)
    assert 7.0 == pytest.approx(stub.time.now - 1000.0)


def test_a_rate_limit_without_a_time_holds_for_a_second(stub: SlackStub) -> None:
    """As the pace does."""
    stub.on("chat.postMessage", Answer({"ok": False}, 429), {"ts": "2.000000"})
    replier = stub.open().replier
    with pytest.raises(PostRefused):
        replier.reply("C0TEST", "1.000000", "hello", MARKER)
    assert "2.000000" == replier.reply("C0TEST", "1.000000", "hello", MARKER)
    assert 1.0 == pytest.approx(stub.time.now - 1000.0)


def test_a_post_does_not_wait_beyond_its_deadline(stub: SlackStub) -> None:
    """If Slack asks for more than 30 s, the post is refused here, unsent."""
    stub.on("chat.postMessage", Answer({"ok": False}, 429, {"Retry-After": "60"}))
    replier = stub.open().replier
    for _ in range(2):
        with pytest.raises(PostRefused, match=r"^Slack limits how often we may post\.$") as caught:
            replier.reply("C0TEST", "1.000000", "hello", MARKER)
        assert caught.value.retry
    assert 1 == len(stub.bodies())
    assert [] == stub.time.slept


# The owner


def test_the_owner_is_told_in_one_conversation(stub: SlackStub) -> None:
    """The conversation is opened once; each message carries its marker."""
    stub.on("conversations.open", {"channel": {"id": "D0OWNER"}})
    stub.on("chat.postMessage", {"ts": "3.000000"})
    owner = stub.open().owner
    for name in ("one", "two"):
        assert "3.000000" == owner.tell("a < b", Marker("notice", name, "n1"))
    assert [{"users": "U0OWNER"}] == stub.bodies("conversations.open")
    posts = stub.bodies()
    assert ["D0OWNER"] * 2 == [post["channel"] for post in posts]
    assert "a &lt; b" == posts[0]["text"]
    assert ["creditbot_notice"] * 2 == [post["metadata"]["event_type"] for post in posts]
    assert not any("thread_ts" in post for post in posts)


@pytest.mark.parametrize(
    ("answer", "why", "todo"),
    [
        (refused("user_not_found"), "user_not_found", FIXABLE["user_not_found"]),
        (refused("missing_scope", needed="im:write"), "missing_scope, the scope im:write", FIXABLE["missing_scope"]),
        (refused("missing_scope"), "missing_scope", FIXABLE["missing_scope"]),
        (Answer("down", 503), "its answer cannot be read (HTTP status 503)", ""),
        (Answer("down", 500), "its answer cannot be read (HTTP status 500)", ""),
        (
            Answer("no", 499),
            "its answer cannot be read (HTTP status 499)",
            "Check the network, SLACK_API_URL and HTTPS_PROXY.",
        ),
        (Answer({"ok": True}), "its answer cannot be read (HTTP status 200)", ""),
        (Answer(drop=True), "the connection was dropped", "Check the network, SLACK_API_URL and HTTPS_PROXY."),
    ],
)
def test_an_owner_who_cannot_be_written_to_has_no_message(stub: SlackStub, answer: Answer, why: str, todo: str) -> None:
    """No conversation, no message: a definite refusal, which somebody can end."""
    stub.on("conversations.open", answer)
    with pytest.raises(PostRefused) as caught:
        stub.open().owner.tell("hello", Marker("notice", "one"))
    assert f"Slack did not open a conversation with the owner U0OWNER: {why}." == caught.value.what
    assert caught.value.todo == todo
    assert caught.value.retry
    assert [] == stub.bodies()


def test_a_conversation_without_an_id_is_an_unreadable_answer(stub: SlackStub) -> None:
    """Whoever asks what the owner was told hears of it."""
    stub.on("conversations.open", {})
    unread = "Slack's conversations.open failed: its answer cannot be read (HTTP status 200)."
    with pytest.raises(Unreachable) as caught:
        stub.open().owner.was_told(Marker("notice", "one"), SINCE)
    assert unread == str(caught.value)


def notice(name: str, **more: Any) -> dict[str, Any]:
    payload = {"key": name, "claim": "n1", "v": 1}
    return {"ts": "2000000000.000001", "metadata": {"event_type": "creditbot_notice", "event_payload": payload}, **more}


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([], False),
        ([notice("one", bot_id="B0BOT", user="U0BOT")], True),
        ([notice("one", user="U0BOT")], True),
        ([notice("two", bot_id="B0BOT")], False),
        ([notice("one", bot_id="B0EVIL", user="U0EVIL")], False),
        ([notice("one")], False),
        ([{"ts": "2000000000.000001", "bot_id": "B0BOT"}], False),
    ],
)
def test_a_message_to_the_owner_is_found_by_its_marker_and_poster(
    stub: SlackStub, messages: list[dict[str, Any]], *, expected: bool
) -> None:
    """A marker by somebody else proves nothing."""
    stub.on("conversations.open", {"channel": {"id": "D0OWNER"}})
    stub.on("auth.test", ME)
    stub.on("conversations.history", {"messages": messages})
    assert expected is stub.open().owner.was_told(Marker("notice", "one"), SINCE)
    asked = stub.forms("conversations.history")
    assert [("D0OWNER", "1767614400.000250", "1", "200")] == [
        (a["channel"], a["oldest"], a["include_all_metadata"], a["limit"]) for a in asked
    ]


def test_a_nonce_narrows_the_search(stub: SlackStub) -> None:
    """Asked for one sending, another sending of the same notice does not count."""
    stub.on("conversations.open", {"channel": {"id": "D0OWNER"}})
    stub.on("auth.test", ME)
    stub.on("conversations.history", {"messages": [notice("one", bot_id="B0BOT")]})
    owner = stub.open().owner
    assert [True, False] == [owner.was_told(Marker("notice", "one", nonce), SINCE) for nonce in ("n1", "n2")]


def test_an_unreadable_conversation_answers_neither_yes_nor_no(stub: SlackStub) -> None:
    """Without im:history nobody knows; every other trouble is an error."""
    stub.on("conversations.open", {"channel": {"id": "D0OWNER"}})
    stub.on("conversations.history", refused("missing_scope", needed="im:history"), refused("channel_not_found"))
    owner = stub.open().owner
    assert owner.was_told(Marker("notice", "one"), SINCE) is None
    with pytest.raises(Refused):
        owner.was_told(Marker("notice", "one"), SINCE)


def test_no_error_and_no_log_shows_the_token(stub: SlackStub, caplog: pytest.LogCaptureFixture) -> None:
    """At the lowest level, whatever Slack answers."""
    caplog.set_level(0)
    answers: list[Callable[[], Answer]] = [
        lambda: refused("invalid_auth"),
        lambda: Answer(f"echo {TOKEN}", 200),
        lambda: refused(f"no such token {TOKEN}"),
        lambda: Answer(drop=True),
    ]
    for answer in answers:
        stub.on("chat.postMessage", answer())
        with pytest.raises((PostRefused, PostUnknown)) as caught:
            stub.open().replier.reply("C0TEST", "1.000000", "hello", MARKER)
        assert TOKEN not in f"{caught.value}"
    assert TOKEN not in caplog.text
    assert "hello" not in caplog.text  # the SDK's own lines show whole messages
    assert TOKEN not in json.dumps([record.__dict__ for record in caplog.records], default=str)
