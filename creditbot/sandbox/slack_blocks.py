"""Checks the blocks of a post as Slack does: the limits of each block, and those of all together."""

from __future__ import annotations

import json
from typing import Any

from creditbot.sandbox.slack_call import SlackError

MOST_BLOCKS = 50
MOST_CHARACTERS = 13_200
"""Characters in all blocks of a message. Slack documents no such limit, but refuses longer ones."""

_TEXTS = frozenset({"plain_text", "mrkdwn"})


def check_blocks(blocks: object) -> None:
    """Raises `SlackError` for blocks that Slack refuses; None and an empty list pass."""
    if blocks in (None, ""):
        return
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        raise SlackError("invalid_blocks_format")
    if len(blocks) > MOST_BLOCKS or not all(map(_is_valid, blocks)):
        raise SlackError("invalid_blocks")
    if sum(block.get("type") == "table" for block in blocks) > 1:
        raise SlackError("invalid_blocks")
    if len(json.dumps(blocks, ensure_ascii=False)) > MOST_CHARACTERS:
        raise SlackError("msg_blocks_too_long")


def _is_valid(block: dict[str, Any]) -> bool:
    match block.get("type"):
        case "header":
            return _is_text(block.get("text"), 150, kinds=frozenset({"plain_text"}))
        case "section":
            fields = block.get("fields", [])
            has_text = "text" not in block or _is_text(block["text"], 3_000)
            return bool("text" in block or fields) and has_text and _are_texts(fields, 10, 2_000)
        case "context":
            return bool(block.get("elements")) and _are_texts(block["elements"], 10, 3_000)
        case "table":
            return _is_table(block.get("rows"))
        case "divider":
            return True
        case "rich_text" | "actions" | "image" | "markdown":  # nobody here posts them with care for their limits
            return True
    return False


def _is_text(text: object, longest: int, kinds: frozenset[str] = _TEXTS) -> bool:
    return (
        isinstance(text, dict)
        and text.get("type") in kinds
        and isinstance(text.get("text"), str)
        and 0 < len(text["text"]) <= longest
    )


def _are_texts(texts: object, most: int, longest: int) -> bool:
    return isinstance(texts, list) and len(texts) <= most and all(_is_text(text, longest) for text in texts)


def _is_table(rows: object) -> bool:
    if not isinstance(rows, list) or not 0 < len(rows) <= 100:
        return False
    return all(isinstance(row, list) and 0 < len(row) <= 20 and all(map(_is_cell, row)) for row in rows)


def _is_cell(cell: object) -> bool:
    if not isinstance(cell, dict) or cell.get("type") not in {"raw_text", "raw_number", "rich_text"}:
        return False
    return cell["type"] != "raw_text" or bool(cell.get("text"))
