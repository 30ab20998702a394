"""Slack's shapes as our values."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.adapters.slack.messages import LONGEST_TEXT, escaped, fitting, message_of, messages_of, metadata
from creditbot.model import Marker, Message
from creditbot.slack_time import time_of

TS = "1736345678.123456"
FIELDS = [
    "ts", "thread_ts", "user", "bot_id", "user_team", "source_team", "team", "subtype", "edited", "reply_count", "text",
    "blocks", "attachments", "metadata",
]  # fmt: skip
SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(TS)
PART = SCALAR | st.lists(SCALAR, max_size=2) | st.dictionaries(st.sampled_from(FIELDS), SCALAR, max_size=3)
MESSAGE = SCALAR | st.dictionaries(st.sampled_from(FIELDS), PART)
PAGE = st.fixed_dictionaries({}, optional={"messages": SCALAR | st.lists(MESSAGE, max_size=3)})


@given(pages=st.lists(PAGE, max_size=3))
def test_no_message_that_slack_may_send_crashes(pages: list[dict[str, Any]]) -> None:
    """Whatever is missing or of another type: messages with an id come out, each once, in order."""
    found = messages_of(pages, "C1")
    times = [time_of(message.ts) for message in found]
    assert sorted(set(times)) == times
    assert all(isinstance(message.text, str) for message in found)


def test_a_message_keeps_what_matters() -> None:
    """Author, thread, edit, and the parts that may hold links, as Slack sent them."""
    raw = {
        "type": "message", "ts": TS, "thread_ts": "1736345600.000001", "user": "U1", "bot_id": "B1", "team": "T1",
        "source_team": "T2", "subtype": "thread_broadcast", "edited": {"user": "U1", "ts": "1736345700.000000"},
        "reply_count": 3, "text": "a &amp; <https://x|y>", "blocks": [{"type": "rich_text"}], "attachments": None,
        "files": [{"id": "F1"}],
    }  # fmt: skip
    expected = Message(
        "C1", TS, "1736345600.000001", "U1", "B1", "T2", "thread_broadcast", "1736345700.000000", 3,
        "a &amp; <https://x|y>", {"text": "a &amp; <https://x|y>", "blocks": [{"type": "rich_text"}]},
    )  # fmt: skip
    assert expected == message_of(raw, "C1")


def test_an_empty_message_is_still_a_message() -> None:
    """Only the id is needed."""
    assert Message("C1", TS) == message_of({"ts": TS}, "C1")


@pytest.mark.parametrize("ts", [None, 1736345678.123456, "", "1736345678", "1.1", "x.123456", "1736345678.123456\n"])
def test_a_message_without_an_id_is_left_out(ts: object) -> None:
    """It could not be answered."""
    assert [] == messages_of([{"messages": [{"ts": ts, "text": "hello"}]}], "C1")


@pytest.mark.parametrize("ts", [None, 1736345700.0, "", "x", "1736345700", "1736345700.00000x"])
def test_an_edit_without_a_time_is_ignored(ts: object) -> None:
    """Edits are compared by their times."""
    assert "" == message_of({"ts": TS, "edited": {"user": "U1", "ts": ts}}, "C1").edited


@pytest.mark.parametrize("marker", [Marker("reply", "T.C.1.000001", "c1"), Marker("notice", "n1")])
def test_our_metadata_is_read_back(marker: Marker) -> None:
    """The marker survives the way through Slack."""
    assert marker == message_of({"ts": TS, "metadata": metadata(marker)}, "C1").marker


@pytest.mark.parametrize("deployment", ["", "0123456789ab"])
def test_the_deployment_that_posted_is_read_back(deployment: str) -> None:
    found = message_of({"ts": TS, "metadata": metadata(Marker("reply", "k", "c1", deployment))}, "C1").marker
    assert found
    assert deployment == found.deployment


@pytest.mark.parametrize(
    ("raw", "replies"),
    [
        ({"reply_count": 2}, 2),
        ({"subtype": "thread_broadcast", "root": {"reply_count": 3}}, 3),
        ({"reply_count": "2"}, 0),
        ({"root": "x"}, 0),
        ({}, 0),
    ],
)
def test_the_replies_of_a_thread_are_counted_on_its_parent(raw: dict[str, object], replies: int) -> None:
    """A reply that was sent to the channel holds a copy of the parent."""
    assert replies == message_of({"ts": TS, **raw}, "C1").replies


@pytest.mark.parametrize(
    "raw",
    [
        None, [], {}, {"event_type": "creditbot_reply"}, {"event_type": "creditbot_reply", "event_payload": "x"},
        {"event_type": "creditbot_reply", "event_payload": {}},
        {"event_type": "creditbot_reply", "event_payload": {"key": 7}},
        {"event_type": "task_created", "event_payload": {"key": "T.C.1.000001"}},
        {"event_type": ["creditbot_reply"], "event_payload": {"key": "T.C.1.000001"}},
    ],
)  # fmt: skip
def test_metadata_of_other_apps_is_not_a_marker(raw: object) -> None:
    """Other apps write metadata too."""
    assert message_of({"ts": TS, "metadata": raw}, "C1").marker is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$1 & <more>", "$1 &amp; &lt;more&gt;"),
        ("&amp;", "&amp;amp;"),
        ("<!channel>", "&lt;!channel&gt;"),
        ("é*_`", "é*_`"),
    ],
)
def test_three_characters_are_escaped(text: str, expected: str) -> None:
    """What stood in a message cannot notify a channel or look like a link."""
    assert expected == escaped(text)


@pytest.mark.parametrize("text", ["a" * 50_000, "&" * 50_000, "a" + "&" * 50_000, "ab" + "<" * 50_000, "x&" * 20_000])
def test_a_post_is_cut_to_what_slack_takes(text: str) -> None:
    """Escapes count, and none is cut in two."""
    cut = fitting(text)
    assert LONGEST_TEXT - 10 < len(cut) <= LONGEST_TEXT
    assert cut.endswith("… (cut)")
    assert set(re.findall(r"&[^&]*", cut.removesuffix("… (cut)"))) <= {"&amp;", "&lt;", "&amp;x"}


def test_a_post_that_slack_takes_is_not_cut() -> None:
    assert "&lt;1&gt; &amp;" == fitting("<1> &")
    assert "a" * LONGEST_TEXT == fitting("a" * LONGEST_TEXT)
