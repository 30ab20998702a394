"""Which messages are requests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from creditbot.adapters.slack.messages import message_of
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


def test_a_request_sent_to_the_channel_may_speak_of_an_approval() -> None:
    """Who asks may mention an approval, so only the very words of an answer make the message one."""
    text = "Approved for the Look <https://acme.looker.com/x/abc>: $812.40"
    assert "" == why_not(
        message(subtype="thread_broadcast", thread_ts="1736345600.000000", text=text), WORKSPACE, RULES
    )


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


# -- each place of a link, by each author, in each kind of message -----------------------------------------------------

LOOK = "https://acme.looker.com/looks/42"
BLOCKS = [
    {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "link", "url": LOOK}]}]}
]
ATTACHED = {"text": f"<{LOOK}>", "title_link": LOOK, "fields": [{"value": f"<{LOOK}>"}]}
QUOTED = {
    **ATTACHED, "is_msg_unfurl": True, "from_url": "https://acme.slack.com/archives/C1/p1", "blocks": BLOCKS,
    "message_blocks": [{"message": {"blocks": BLOCKS}}],
}  # fmt: skip
SAID: dict[str, dict[str, Any]] = {
    "text": {"text": f"<{LOOK}>"},
    "blocks": {"blocks": BLOCKS},
    "forwarded": {"attachments": [{**QUOTED, "is_share": True}]},
}
ONLY_SHOWN: dict[str, dict[str, Any]] = {
    "a quoted message": {"attachments": [QUOTED]},
    "two quoted messages": {"attachments": [QUOTED, QUOTED]},
    "a quotation in a forwarded message": {"attachments": [{"is_share": True, "text": "x", "attachments": [QUOTED]}]},
    "the preview of a page": {"attachments": [{**ATTACHED, "from_url": LOOK, "original_url": LOOK}]},
    "the preview by an app": {"attachments": [{"app_unfurl_url": LOOK, "is_app_unfurl": True, "blocks": BLOCKS}]},
    "a file": {"files": [{"title": f"<{LOOK}>", "url_private": LOOK, "preview": f"<{LOOK}>"}]},
}
MAY_ASK: dict[str, dict[str, Any]] = {
    "a person": {"user": "U1", "team": "T1"},
    "a colleague of the organisation": {"user": "W1", "team": "T1", "user_team": "E1"},
    "an allowed app": {"bot_id": "BFORM", "subtype": "bot_message"},
}
MAY_NOT_ASK: dict[str, dict[str, Any]] = {
    "a stranger": {"user": "U9", "team": "T9", "user_team": "T9"},
    "another app": {"user": "U9", "bot_id": "B9"},
    "the bot itself": {"user": "UBOT", "bot_id": "BBOT"},
    "Slackbot": {"user": "USLACKBOT"},
}
KINDS: dict[str, dict[str, Any]] = {
    "new": {},
    "edited": {"edited": {"ts": "1736345679.000100"}},
    "with a file": {"subtype": "file_share"},
    "sent to the channel from a thread": {"subtype": "thread_broadcast", "thread_ts": "1736345600.000000"},
}


def asked(*parts: dict[str, Any]) -> list[str]:
    """Looks that the message with these fields asks for, as Slack gives it."""
    raw: dict[str, Any] = {"ts": "1736345678.000100", "text": "hello"}
    for part in parts:
        raw |= part
    rules = replace(RULES, bots=frozenset({"BFORM"}))
    request = read_request(message_of(raw, "C1"), replace(WORKSPACE, enterprise="E1"), rules)
    return [link.id for link in request.links] if request else []


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("author", MAY_ASK.values(), ids=MAY_ASK)
@pytest.mark.parametrize("place", SAID.values(), ids=SAID)
def test_what_somebody_says_is_a_request(place: dict[str, Any], author: dict[str, Any], kind: dict[str, Any]) -> None:
    """Whoever may ask, and in whatever kind of message."""
    assert ["42"] == asked(author, kind, place)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("author", MAY_ASK.values(), ids=MAY_ASK)
@pytest.mark.parametrize("place", ONLY_SHOWN.values(), ids=ONLY_SHOWN)
def test_what_slack_only_shows_is_no_request(
    place: dict[str, Any], author: dict[str, Any], kind: dict[str, Any]
) -> None:
    """A quotation repeats what somebody asked before."""
    assert [] == asked(author, kind, place)


@pytest.mark.parametrize("author", MAY_NOT_ASK.values(), ids=MAY_NOT_ASK)
@pytest.mark.parametrize("place", [*SAID.values(), *ONLY_SHOWN.values()], ids=[*SAID, *ONLY_SHOWN])
def test_others_ask_nowhere(place: dict[str, Any], author: dict[str, Any]) -> None:
    """Wherever the link stands."""
    assert [] == asked(author, place)


def test_the_attachments_of_an_allowed_app_are_what_it_says() -> None:
    """Those of a person are not: people cannot attach anything but what Slack or an app shows."""
    place = {"attachments": [ATTACHED]}
    assert ["42"] == asked(MAY_ASK["an allowed app"], place)
    assert [] == asked(MAY_ASK["a person"], place)


def test_the_fingerprint_changes_with_what_the_links_mean() -> None:
    """It does not change with the words around them, or with how an address is written."""

    def fingerprint(text: str) -> str:
        request = read_request(message(text=text), WORKSPACE, RULES)
        assert request
        return request.fingerprint

    same = fingerprint("<https://acme.looker.com/looks/7>")
    assert same == fingerprint("please! <https://acme.looker.com/looks/7?toggle=det>")
    assert same != fingerprint("<https://acme.looker.com/looks/8>")
    assert same != fingerprint("~<https://acme.looker.com/looks/7>~")
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


SEVEN, EIGHT = "https://acme.looker.com/looks/7", "https://acme.looker.com/looks/8"


def struck(text: str, *elements: dict[str, Any]) -> list[str]:
    """The links of a message that are refused because they are struck through."""
    blocks = [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": list(elements)}]}]
    content = {"text": text, "blocks": blocks if elements else []}
    request = read_request(replace(message(text=text), content=content), WORKSPACE, RULES)
    assert request
    return [link.url for link in request.links if "struck through" in link.unusable]


def element(url: str, *, strike: bool) -> dict[str, Any]:
    return {"type": "link", "url": url, "style": {"strike": strike}}


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        (f"~<{SEVEN}>~", [SEVEN]),
        (f"~please credit <{SEVEN}|this Look>~ please ignore", [SEVEN]),
        (f"~<{SEVEN}>~ <{EIGHT}>", [SEVEN]),
        (f"~<{SEVEN}> <{EIGHT}>~", [SEVEN, EIGHT]),
        (f"~old~ <{SEVEN}> ~older~", []),
        (f"about ~5 <{SEVEN}> or ~6", []),
        (f"~old\n<{SEVEN}>~", []),
        (f"~<{SEVEN}>~ no, wait: <{SEVEN}>", []),
        (f"<{SEVEN}?toggle=~a~>", []),
        (f"\ufdd0 ~x\ufdd0 <{SEVEN}>~", [SEVEN]),
    ],
)
def test_a_link_that_is_struck_through_is_refused(text: str, refused: list[str]) -> None:
    """Somebody took it back: its amount is in no total."""
    assert refused == struck(text)


@pytest.mark.parametrize(("strike", "refused"), [(True, [SEVEN]), (False, [])])
def test_a_link_is_struck_through_in_rich_text(strike: bool, refused: list[str]) -> None:
    """As Slack's editor writes it, and in the text beside it."""
    mark = "~" if strike else ""
    elements = element(SEVEN, strike=strike), {"type": "text", "text": " "}, element(EIGHT, strike=False)
    assert refused == struck(f"{mark}<{SEVEN}>{mark} <{EIGHT}>", *elements)
