"""Turns a `model.Card` into Slack's blocks, within Slack's limits.

A message may have 50 blocks and, although nothing says so, about 13,200 characters in all of them. A card keeps far
below the first, since its texts were cut where they came in. It keeps below the second by leaving parts out: signs that
are escaped need up to five times as much room, so nobody can tell from a text's length.
"""

from __future__ import annotations

import json
from dataclasses import replace

from creditbot.adapters.slack.messages import escaped
from creditbot.model import Card
from creditbot.settings.types import is_member

Block = dict[str, object]

LONGEST_HEADER = 150
LONGEST_CARD = 12_000
"""Characters of all blocks of a reply, as they are sent."""
LONGEST_FACT = 300
"""Characters of a fact's value before they are escaped; escaped, they are far below the 2,000 of a field."""
MOST_FIELDS = 10
MOST_COLUMNS = 20


def blocks_of(text: str, card: Card) -> list[Block]:
    """The blocks of a reply: its sentence, the facts, the table, and what proves it.

    A card that is too long goes without its table, which the page has as well. There are no blocks if it is too long
    even so.
    """
    without_table = replace(card, rows=(), more_rows=card.more_rows + len(card.rows))
    for shown in (card, without_table):
        blocks = _all_blocks(text, shown)
        if len(json.dumps(blocks, ensure_ascii=False)) <= LONGEST_CARD:
            return blocks
    return []


def _all_blocks(text: str, card: Card) -> list[Block]:
    blocks: list[Block] = [_sentence(text)]
    if card.facts:
        blocks.append({"type": "section", "fields": [_field(*fact) for fact in card.facts[:MOST_FIELDS]]})
    if card.rows:
        blocks.append(_table(card))
    remarks = [card.note] if card.note else []
    if card.more_rows:
        remarks.append(f"{card.more_rows:,} more rows are in the summary of this request.")
    people = ", ".join(f"<@{user}>" for user in card.approved_by if is_member(user))
    approval = [f"Approved by {people}"] if people else []
    proof = f"Digest `{card.digest}`" if card.digest else ""
    if card.page:
        proof += f"{' · ' if proof else ''}<{_address(card.page)}|How this amount follows>"
    elements = [*map(escaped, remarks), *approval, *([proof] if proof else [])]
    if elements:
        blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": text} for text in elements]})
    return blocks


def _sentence(text: str) -> Block:
    plain = {"type": "plain_text", "text": text, "emoji": False}
    if len(text) <= LONGEST_HEADER:
        return {"type": "header", "text": plain}
    return {"type": "section", "text": {**plain, "text": text[:3_000]}}


def _field(name: str, value: str) -> Block:
    return {"type": "mrkdwn", "text": f"*{escaped(name)}*\n{escaped(value[:LONGEST_FACT])}", "verbatim": True}


def _table(card: Card) -> Block:
    rows = [card.header, *card.rows]
    return {
        "type": "table",
        "column_settings": [{"align": "left" if column < 2 else "right"} for column in range(len(card.header))],
        "rows": [[{"type": "raw_text", "text": cell or "-"} for cell in row[:MOST_COLUMNS]] for row in rows],
    }


def _address(url: str) -> str:
    """An address inside Slack's <...|...>: nothing in it ends the link early."""
    return escaped(url).replace("|", "%7C")
