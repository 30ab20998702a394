"""What Slack's own client makes of a text that a person types: links, mentions, and rich text beside the text.

The text comes from a command or from `seed`; the fields go into a message of the world.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from creditbot.sandbox.store import Json

_URL = r"https?://[^\s<>]*[^\s<>.,;:!?)\]'\"]"


def typed(text: str, members: Mapping[str, str] = MappingProxyType({})) -> Json:
    """The fields `text` and `blocks` of a message typed as `text`.

    In `text`, `& < >` are escaped and addresses are links. `@` with one of the names of `members` (name -> member ID)
    mentions that person.
    """
    parts: list[str] = []
    elements: list[Json] = []
    end = 0
    for match in _special(members).finditer(text):
        _add_text(parts, elements, text[end : match.start()])
        if match["name"]:
            user = members[match["name"].lower()]
            parts.append(f"<@{user}>")
            elements.append({"type": "user", "user_id": user})
        else:
            parts.append(f"<{escaped(match[0])}>")
            elements.append({"type": "link", "url": match[0]})
        end = match.end()
    _add_text(parts, elements, text[end:])
    section = {"type": "rich_text_section", "elements": elements}
    return {"text": "".join(parts), "blocks": [{"type": "rich_text", "block_id": "b1", "elements": [section]}]}


def escaped(text: str) -> str:
    """Slack's three escapes."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _special(members: Mapping[str, str]) -> re.Pattern[str]:
    """What is more than text: addresses, and mentions of these members (names in lower case)."""
    names = "|".join(re.escape(name) for name in sorted(members, key=len, reverse=True)) or r"(?!)"
    return re.compile(rf"{_URL}|(?<!\w)@(?P<name>{names})(?!\w)", re.IGNORECASE)


def _add_text(parts: list[str], elements: list[dict[str, Any]], text: str) -> None:
    if text:
        parts.append(escaped(text))
        elements.append({"type": "text", "text": text})
