"""The channel, its threads and the direct messages as a person would see them, for a terminal."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from creditbot.sandbox.store import Json
from creditbot.sandbox.world import LOOKER, SandboxWorld

_MARKUP = re.compile(r"<([^<>|]+)(?:\|([^<>]*))?>")


def render(world: SandboxWorld, *, looker_url: str = LOOKER) -> str:
    """Every channel with messages, then every direct conversation; times in UTC."""
    names = {user["id"]: user["real_name"] for user in world.all("user")}
    lines: list[str] = []
    for channel in world.all("channel"):
        messages = world.messages(channel["id"])
        if not messages:
            continue
        title = f"#{channel['name']}" if "name" in channel else f"Direct messages to {names[channel['user']]}"
        lines += [title, ""]
        for message in messages:
            lines += _with_thread(world, channel["id"], message, names)
        lines += [""]
    return clean("\n".join(lines).replace(LOOKER, looker_url))


def clean(text: str) -> str:
    """Without what could move a terminal's cursor, hide text or change its direction; line ends stay."""
    text = text.replace("\t", " ")
    return "".join(c for c in text if c == "\n" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp"))


def readable(text: str, names: Mapping[str, str]) -> str:
    """Slack's markup as a person sees it: names for mentions, labels for links, `&` for its escape."""

    def shown(match: re.Match[str]) -> str:
        target, label = match[1], match[2]
        if target[:1] in "@#!":
            return f"{target[0]}{label or names.get(target[1:], target[1:])}"
        return f"{label} ({target})" if label and label != target else target

    return html.unescape(_MARKUP.sub(shown, text))


def _with_thread(world: SandboxWorld, channel: str, message: Json, names: Mapping[str, str]) -> Iterator[str]:
    yield from _lines(message, names, "  ", "  ")
    if message.get("reply_count") and message.get("thread_ts") == message["ts"]:
        for reply in world.replies(channel, message["ts"]):
            yield from _lines(reply, names, "      | ", "      | ")


def _lines(message: Json, names: Mapping[str, str], first: str, rest: str) -> Iterator[str]:
    when = datetime.fromtimestamp(float(message["ts"]), UTC).strftime("%a %H:%M")
    flags = " (edited)" if message.get("edited") else ""
    flags += " [also sent to the channel]" if message.get("subtype") == "thread_broadcast" else ""
    yield f"{first}{when}  {_author(message, names)}{flags}"
    for line in readable(str(message.get("text") or ""), names).split("\n"):
        yield f"{rest}  {line}"
    for attachment in message.get("attachments") or ():
        yield f"{rest}    > {attachment.get('title') or attachment.get('fallback') or ''}"


def _author(message: Json, names: Mapping[str, str]) -> str:
    name = str(message.get("username") or names.get(message.get("user") or "", message.get("user") or "somebody"))
    return f"{name} (app)" if message.get("bot_id") else name
