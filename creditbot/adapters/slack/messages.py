"""Turns Slack's JSON into `model.Message`, and a `model.Marker` into the metadata of a post.

Any part of a message may be missing, or of another type than documented.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from creditbot.model import Marker, Message
from creditbot.slack_time import is_ts, micros_of

LONGEST_TEXT = 39_000
"""Characters of a post, escapes counted; Slack refuses one of more than 40,000."""
PERSON = re.compile(r"@([UW][A-Z0-9]{4,})\b")
"""The id of a person as our texts name it."""
_CUT = "… (cut)"
_EVENTS = {
    "reply": "creditbot_reply", "notice": "creditbot_notice", "ask": "creditbot_ask", "closed": "creditbot_closed",
}  # fmt: skip
_NONCE = "claim"  # the name that it has in posts of earlier versions
_DEPLOYMENT = "deployment"
_CHECKPOINT = "log"
_ALSO = "also"  # names with blanks between them: a payload need not be flat, but not all clients of Slack's take lists
_KINDS = {event: kind for kind, event in _EVENTS.items()}


def escaped(text: str) -> str:
    """Text as Slack wants it: these three characters, and no others."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def fitting(text: str) -> str:
    """The text escaped, and cut if Slack would refuse it as too long; no escape is cut in two."""
    whole = escaped(text)
    if len(whole) <= LONGEST_TEXT:
        return whole
    beginning = whole[: LONGEST_TEXT - len(_CUT)]
    start = beginning.rfind("&", len(beginning) - len("&amp;") + 1)
    if start >= 0 and ";" not in beginning[start:]:
        beginning = beginning[:start]
    return beginning + _CUT


def mentioning(text: str) -> str:
    """The escaped text, in which ids of people, such as "@U0123", have become mentions."""
    return PERSON.sub(r"<@\1>", text)


def metadata(marker: Marker) -> dict[str, object]:
    """What a post carries so that we know it again; every app of the workspace can read it."""
    payload: dict[str, object] = {"key": marker.key, _NONCE: marker.nonce, _DEPLOYMENT: marker.deployment, "v": 1}
    if marker.checkpoint:
        payload[_CHECKPOINT] = marker.checkpoint
    if marker.also:
        payload[_ALSO] = " ".join(marker.also)
    return {"event_type": _EVENTS[marker.kind], "event_payload": payload}


def messages_of(pages: Iterable[Mapping[str, Any]], channel: str) -> list[Message]:
    """The messages of all pages, each once, oldest first; what has no id is left out."""
    found: dict[str, Message] = {}
    for page in pages:
        raws = page.get("messages")
        for raw in raws if isinstance(raws, list) else []:
            if isinstance(raw, dict) and is_ts(raw.get("ts")):
                found[raw["ts"]] = message_of(raw, channel)
    return sorted(found.values(), key=lambda message: micros_of(message.ts))


def message_of(raw: Mapping[str, Any], channel: str) -> Message:
    """One message with a valid `ts`."""
    edited = raw.get("edited")
    edit = edited.get("ts") if isinstance(edited, dict) else None
    return Message(
        channel=channel,
        ts=raw["ts"],
        thread_ts=raw["thread_ts"] if is_ts(raw.get("thread_ts")) else None,
        user=_text(raw.get("user")) or None,
        bot=_text(raw.get("bot_id")) or None,
        user_team=next((team for name in ("user_team", "source_team", "team") if (team := _text(raw.get(name)))), None),
        subtype=_text(raw.get("subtype")),
        edited=_text(edit) if is_ts(edit) else "",
        replies=_replies(raw),
        text=_text(raw.get("text")),
        content={name: raw[name] for name in ("text", "blocks", "attachments") if raw.get(name)},
        marker=_marker(raw.get("metadata")),
        reactions=_reactions(raw.get("reactions")),
    )


def _replies(raw: Mapping[str, Any]) -> int:
    """How many replies Slack shows for the thread: on its parent, of which a reply sent to the channel holds a copy."""
    root = raw.get("root")
    for message in (raw, root if isinstance(root, dict) else {}):
        count = message.get("reply_count")
        if isinstance(count, int):
            return count
    return 0


def _reactions(raw: object) -> Mapping[str, tuple[str, ...]]:
    """Name of the emoji -> who reacted with it."""
    found: dict[str, tuple[str, ...]] = {}
    for reaction in raw if isinstance(raw, list) else ():
        if isinstance(reaction, dict) and isinstance(reaction.get("users"), list):
            users = tuple(user for user in reaction["users"] if isinstance(user, str))
            found[_text(reaction.get("name"))] = users
    return found


def _marker(raw: object) -> Marker | None:
    if not isinstance(raw, dict):
        return None
    kind, payload = _KINDS.get(_text(raw.get("event_type"))), raw.get("event_payload")
    if kind is None or not isinstance(payload, dict) or not _text(payload.get("key")):
        return None
    fields = (_NONCE, _DEPLOYMENT, _CHECKPOINT, _ALSO)
    nonce, deployment, checkpoint, also = (_text(payload.get(name)) for name in fields)
    return Marker(kind, payload["key"], nonce, deployment, checkpoint, tuple(also.split()))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
