"""Which messages are requests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from creditbot.intake.looker_links import looker_host
from creditbot.intake.requests import NOTICES, Request, RequestRules, read_request, requests_in, why_not
from creditbot.model import LookerLink, Message, RequestKey, Workspace

WORKSPACE = Workspace("T1", "https://acme.slack.com/", "UBOT", "BBOT", {"C1": "credits"})
RULES = RequestRules(looker_host("https://acme.looker.com"))
TEXT = "please credit <https://acme.looker.com/x/abc>"


def message(**changes: Any) -> Message:
    known: dict[str, Any] = {"channel": "C1", "ts": "1736345678.000100", "user": "U1", "text": TEXT}
    known |= changes
    return Message(**known, content={"text": known["text"]})


def test_a_persons_message_with_a_link_is_a_request() -> None:
    """Its key is that of the message, its links are decoded."""
    key = RequestKey("T1", "C1", "1736345678.000100")
    link = LookerLink("short", "https://acme.looker.com/x/abc", slug="abc")
    assert Request(key, message(), (link,)) == read_request(message(), WORKSPACE, RULES)


@pytest.mark.parametrize(
    "changes",
    [
        {"subtype": "file_share"},
        {"subtype": "me_message"},
        {"subtype": "thread_broadcast", "thread_ts": "1736345600.000000"},
        {"thread_ts": "1736345678.000100"},
        {"user_team": "T1"},
        {"subtype": "some_new_subtype"},
    ],
    ids=["with a file", "/me", "broadcast", "parent of a thread", "of our workspace", "whatever Slack invents"],
)
def test_a_person_may_ask_in_any_kind_of_message(changes: dict[str, Any]) -> None:
    """The subtypes that count as notices are known; whatever else Slack invents is a person's."""
    assert "" == why_not(message(**changes), WORKSPACE, RULES)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"user": "UBOT", "bot": "BBOT"}, "it is the bot's own post."),
        ({"user": "UBOT"}, "it is the bot's own post."),
        ({"bot": "BBOT", "user": None}, "it is the bot's own post."),
        (
            {"thread_ts": "1736345600.000000"},
            "it is a reply in a thread; send it to the channel as well to make it a request.",
        ),
        ({"bot": "BUNFURL"}, "an app wrote it (BUNFURL); ALLOWED_BOTS does not list it."),
        ({"user": "USLACKBOT"}, "Slackbot wrote it."),
        ({"user": "USLACKBOT", "subtype": "slackbot_response"}, "Slackbot wrote it."),
        ({"user": None}, "it has no author."),
        (
            {
                "subtype": "thread_broadcast",
                "thread_ts": "1736345600.000000",
                "text": "Approved, $812.40, exceptions (<https://acme.looker.com/x/abc>)",
            },
            "it is an answer to the request above it.",
        ),
        ({"user_team": "T2"}, "a member of another workspace wrote it."),
        *(({"subtype": subtype}, f"it is a notice from Slack ({subtype}).") for subtype in sorted(NOTICES)),
    ],
)
def test_a_message_that_is_not_a_request_says_why(changes: dict[str, Any], reason: str) -> None:
    """`creditbot show` prints the sentence."""
    assert reason == why_not(message(**changes), WORKSPACE, RULES)
    assert read_request(message(**changes), WORKSPACE, RULES) is None


def test_only_the_requesters_may_ask_if_any_are_listed() -> None:
    """An empty list means everybody."""
    rules = replace(RULES, requesters=frozenset({"U2"}))
    assert "REQUESTERS does not list its author (U1)." == why_not(message(), WORKSPACE, rules)
    assert "" == why_not(message(user="U2"), WORKSPACE, rules)


def test_a_colleague_of_our_organisation_may_ask() -> None:
    """On an Enterprise Grid, Slack names the organisation in place of the workspace."""
    grid = replace(WORKSPACE, enterprise="E1")
    assert "" == why_not(message(user_team="E1"), grid, RULES)
    assert "a member of another workspace wrote it." == why_not(message(user_team="E2"), grid, RULES)
    assert why_not(message(user_team="E1"), WORKSPACE, RULES)


def test_a_listed_bot_may_ask() -> None:
    """Workflow forms post as bots, without a user."""
    rules = replace(RULES, bots=frozenset({"BFORM"}))
    assert read_request(message(bot="BFORM", user=None), WORKSPACE, rules)
    assert read_request(message(bot="BOTHER", user=None), WORKSPACE, rules) is None


def test_a_listed_bot_may_ask_in_an_attachment() -> None:
    """Older apps say nothing in the text of their messages; attachments of people are Slack's own."""
    rules = replace(RULES, bots=frozenset({"BFORM"}))
    attachments = [{"text": "new case", "fields": [{"title": "Look", "value": TEXT}]}]
    by_app = replace(message(bot="BFORM", user=None), content={"text": "", "attachments": attachments})
    assert read_request(by_app, WORKSPACE, rules)
    assert read_request(replace(by_app, bot=None, user="U1"), WORKSPACE, rules) is None


def test_a_listed_bot_may_ask_in_blocks() -> None:
    rules = replace(RULES, bots=frozenset({"BFORM"}))
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": TEXT}}]
    by_app = replace(message(bot="BFORM", user=None), content={"text": "new case", "blocks": blocks})
    assert read_request(by_app, WORKSPACE, rules)


def test_with_a_user_token_our_posts_are_known_by_their_user() -> None:
    """There is no bot id then, and a post of another app is still not ours."""
    workspace = replace(WORKSPACE, bot="")
    assert "it is the bot's own post." == why_not(message(user="UBOT", bot="BX"), workspace, RULES)
    assert "an app wrote it (BX); ALLOWED_BOTS does not list it." == why_not(
        message(user="U9", bot="BX"), workspace, RULES
    )


def test_a_message_without_a_link_to_our_looker_is_not_a_request() -> None:
    """Whoever wrote it."""
    assert read_request(message(text="hello <https://other.looker.com/x/abc>"), WORKSPACE, RULES) is None


def test_the_fingerprint_changes_with_what_the_links_mean() -> None:
    """It does not change with the words around them, or with how an address is written."""

    def fingerprint(text: str) -> str:
        request = read_request(message(text=text), WORKSPACE, RULES)
        assert request
        return request.fingerprint

    same = fingerprint("<https://acme.looker.com/looks/7>")
    assert same == fingerprint("please! <https://acme.looker.com/looks/7?toggle=det>")
    assert same != fingerprint("<https://acme.looker.com/looks/8>")
    assert same != fingerprint("<https://acme.looker.com/looks/7> <https://acme.looker.com/looks/8>")


def test_requests_keep_the_order_of_their_messages() -> None:
    """Oldest first, as the inbox gives them."""
    messages = [message(ts=f"173634567{n}.000100", text=TEXT if n % 2 else "hi") for n in range(6)]
    assert ["1736345671.000100", "1736345673.000100", "1736345675.000100"] == [
        request.key.ts for request in requests_in(messages, WORKSPACE, RULES)
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, False),
        ({"replies": 1}, True),
        ({"subtype": "thread_broadcast", "thread_ts": "1736345600.000000"}, True),
    ],
    ids=["without replies", "with a reply", "a broadcast"],
)
def test_a_thread_with_replies_may_hold_an_answer(changes: dict[str, Any], *, expected: bool) -> None:
    """On a broadcast Slack does not count the replies, so its thread has to be read."""
    request = read_request(message(**changes), WORKSPACE, RULES)
    assert request
    assert expected is request.may_be_answered
