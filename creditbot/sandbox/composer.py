"""What Slack's own client makes of a text that a person types: links become links, and rich text stands beside it."""

from __future__ import annotations

import re
from typing import Any

from creditbot.sandbox.store import Json

_URL = re.compile(r"https?://[^\s<>]*[^\s<>.,;:!?)\]'\"]")


def typed(text: str) -> Json:
    """The fields `text` and `blocks` of a message typed as `text`, with `& < >` escaped and addresses as links."""
    parts: list[str] = []
    elements: list[Json] = []
    end = 0
    for match in _URL.finditer(text):
        _add_text(parts, elements, text[end : match.start()])
        parts.append(f"<{escaped(match[0])}>")
        elements.append({"type": "link", "url": match[0]})
        end = match.end()
    _add_text(parts, elements, text[end:])
    section = {"type": "rich_text_section", "elements": elements}
    return {"text": "".join(parts), "blocks": [{"type": "rich_text", "block_id": "b1", "elements": [section]}]}


def escaped(text: str) -> str:
    """Slack's three escapes."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _add_text(parts: list[str], elements: list[dict[str, Any]], text: str) -> None:
    if text:
        parts.append(escaped(text))
        elements.append({"type": "text", "text": text})
