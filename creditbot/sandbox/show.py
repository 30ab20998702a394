"""The channel, its threads and the direct messages as a person would see them, for a terminal.

Messages come from the world; the text goes to the standard output of `creditbot sandbox show` and `run`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from creditbot.sandbox.store import Json
from creditbot.sandbox.world import LOOKER, SandboxWorld
from creditbot.text import printable

_MARKUP = re.compile(r"<([^<>|]+)(?:\|([^<>]*))?>")


def render(world: SandboxWorld, *, looker_url: str = LOOKER, with_ts: bool = False) -> str:
    """Every channel with messages, then every direct conversation; times in UTC. `with_ts` gives the TS of each."""
    names = {user["id"]: user["real_name"] for user in world.all("user")}
    lines: list[str] = []
    for channel in world.all("channel"):
        messages = world.messages(channel["id"])
        if not messages:
            continue
        title = f"#{channel['name']}" if "name" in channel else f"Direct messages to {names[channel['user']]}"
        lines += [title, ""]
        for message in messages:
            lines += _with_thread(world, channel["id"], message, names, with_ts=with_ts)
        lines += [""]
    return clean("\n".join(lines).replace(LOOKER, looker_url))


def clean(text: str) -> str:
    """Without what could move a terminal's cursor, hide text or change its direction; line ends stay."""
    return printable(text.replace("\t", " "))


def readable(text: str, names: Mapping[str, str]) -> str:
    """Slack's markup as a person sees it: names for mentions, labels for links, `&` for its escape."""

    def shown(match: re.Match[str]) -> str:
        target, label = match[1], match[2]
        if target[:1] in "@#!":
            return f"{target[0]}{label or names.get(target[1:], target[1:])}"
        return f"{label} ({target})" if label and label != target else target

    return html.unescape(_MARKUP.sub(shown, text))


def _with_thread(
    world: SandboxWorld, channel: str, message: Json, names: Mapping[str, str], *, with_ts: bool
) -> Iterator[str]:
    yield from _lines(message, names, "  ", with_ts=with_ts)
    if message.get("reply_count") and message.get("thread_ts") == message["ts"]:
        for reply in world.replies(channel, message["ts"]):
            yield from _lines(reply, names, "      | ", with_ts=with_ts)


def _lines(message: Json, names: Mapping[str, str], margin: str, *, with_ts: bool) -> Iterator[str]:
    when = datetime.fromtimestamp(float(message["ts"]), UTC).strftime("%a %H:%M")
    flags = " (edited)" if message.get("edited") else ""
    flags += " [also sent to the channel]" if message.get("subtype") == "thread_broadcast" else ""
    yield f"{margin}{when}  {_author(message, names)}{flags}" + (f"  {message['ts']}" if with_ts else "")
    for line in readable(str(message.get("text") or ""), names).split("\n"):
        yield f"{margin}  {line}"
    for attachment in message.get("attachments") or ():
        yield f"{margin}    > {attachment.get('title') or attachment.get('fallback') or ''}"
    for reaction in message.get("reactions") or ():
        who = ", ".join(names.get(user, user) for user in reaction["users"])
        yield f"{margin}  :{reaction['name']}: {who}"


def _author(message: Json, names: Mapping[str, str]) -> str:
    name = str(message.get("username") or names.get(message.get("user") or "", message.get("user") or "somebody"))
    return f"{name} (app)" if message.get("bot_id") else name
