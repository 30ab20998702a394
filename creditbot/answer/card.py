"""Makes the card of a reply: what people see below its sentence, so that they need not open anything to trust it.

The facts come from the saved summary of the request; the `Card` goes with the reply to the port `Replier`. A card is an
extra. The reply is the text alone if EVIDENCE says so, in channels that other organisations share, and if the summary
cannot be read or shows another run of the notebook than the one that gave the amount.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from creditbot.answer.context import TickContext
from creditbot.credit.amount import format_usd
from creditbot.credit.footprint import accounts_in_words, days_in_words
from creditbot.errors import CreditbotError
from creditbot.evidence.digest import digest_of
from creditbot.evidence.summary import footprints_in, is_of
from creditbot.model import Card, RequestKey
from creditbot.state.record import Record, Result
from creditbot.text import one_line

MOST_ROWS = 10
"""Rows of a card's table; the page has all of them."""
LONGEST_FACT = 300
LONGEST_CELL = 60
_HEADER = ("Product", "Mode", "Fraud cost", "Block rate", "Credit")

log = logging.getLogger(__name__)


def card_for(context: TickContext, key: RequestKey, record: Record) -> Card | None:
    """The card of the reply to this request; None for text alone. Never raises: a reply can do without a card."""
    if not context.rules_of(key).cards or record.result is None:
        return None
    try:
        return _card(context, key, record, record.result)
    except CreditbotError as error:
        log.warning("the reply to request %s has no card: %s", key, error)
    except Exception:  # a summary that somebody edited may hold anything
        log.exception("the reply to request %s has no card", key)
    return None


def _card(context: TickContext, key: RequestKey, record: Record, result: Result) -> Card | None:
    if context.ports.inbox.is_shared(key.channel):
        return None
    summary = context.ports.summaries.load(key)
    if summary is None or not is_of(summary, result):
        return None
    approved_by = [vote.by for vote in record.hold.votes if vote.yes] if record.hold else []
    return card_of(summary, context.ports.pages.address(key), approved_by)


def card_of(summary: Mapping[str, Any], page: str, approved_by: Sequence[str] = ()) -> Card:
    """The card that a summary gives. `page` becomes a link if it is a web address, and is left out otherwise."""
    links = [link for link in summary["links"] if "credit" in link]
    rows = [row for link in links for row in _rows(link)]
    footprints = footprints_in(summary)
    facts = (
        ("Product", _joined(str(link.get("product", "")) for link in links)),
        ("Accounts", _joined(accounts_in_words(footprint.accounts) for footprint in footprints)),
        ("Days", _joined(days_in_words(footprint.days) for footprint in footprints)),
    )
    left_out = summary.get("note")
    return Card(
        facts=tuple((name, value) for name, value in facts if value),
        header=_HEADER,
        rows=tuple(rows[:MOST_ROWS]),
        more_rows=max(0, len(rows) - MOST_ROWS) + sum(int(link.get("rows_left_out", 0)) for link in links),
        note=one_line(str(left_out), LONGEST_FACT) if left_out else "",
        approved_by=tuple(dict.fromkeys(approved_by))[:MOST_ROWS],
        digest=digest_of(summary),
        page=page if page.startswith(("https://", "http://")) else "",
    )


def _rows(link: Mapping[str, Any]) -> Iterable[tuple[str, ...]]:
    product = _cell(link.get("product"))
    rows: Sequence[Mapping[str, Any]] = link.get("rows") or [{"credit": link["credit"]}]
    for row in rows:
        cost, columns = row.get("fraud_cost"), row.get("columns") or {}
        yield (
            product,
            _cell(row.get("mode")),
            "" if cost is None else format_usd(cost),
            _cell(columns.get("block_rate")),
            format_usd(row["credit"]),
        )


def _cell(value: object) -> str:
    return one_line(str(value or ""), LONGEST_CELL)


def _joined(values: Iterable[str]) -> str:
    return one_line(", ".join(dict.fromkeys(value for value in values if value)), LONGEST_FACT)
