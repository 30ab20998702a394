"""The rows of a backtest: a request that a person answered, and what creditbot makes of it today. Pure.

`backtester` makes rows, `backtest_decisions` adds what a person would have had to decide, and `backtest_figures` counts
them. A store keeps each row as JSON, in `backtest/KEY.json` of OUTPUT_URI:

    version       of this format
    key, permalink, requester
    answer        by, at, amount (USD), refused, corrected: what people answered, by their last word
    outcome       value of an `Outcome`; `problem` says why there is no amount
    amount        USD, what creditbot computes; null for none
    held          kind and text of each reason for which approvers would have been asked
    seconds       from the question to Looker to the amount
    page          where the page of the computation is
    made_from     names what it was computed from: another name asks for another computation
    sql           fingerprints of the SQL that was credited
    links         url, product, credit, fraud_cost, block_rate, days, prefixes, and the footprint as a summary has it

Anything may have been edited by hand: what cannot be read counts as a row that is not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from creditbot.credit.footprint import Footprint
from creditbot.credit.footprint_text import footprint_from_json
from creditbot.evidence.fields import mapping, mappings, moment, number, sequence, text
from creditbot.insight.causes import CAUSES
from creditbot.insight.peoples_answers import PeoplesAnswer
from creditbot.model import HoldKind, HoldReason, RequestKey
from creditbot.ports import BacktestStore
from creditbot.slack_time import time_of
from creditbot.state.codec import request_key

VERSION = 1
"""Rows of another version are computed again."""


class Outcome(Enum):
    """What came of computing a request: an amount, or why there is none. The values are stored."""

    COMPUTED = "computed"
    """It has an amount."""
    ALREADY_CREDITED = "already credited"
    """It has an amount, and people credited the same SQL shortly before: creditbot refuses to do so again."""
    SWITCHED_OFF = "switched off"
    """No product is on for its SQL."""
    OTHER_DAYS = "other days"
    """Its SQL reads the clock, so that it asks for other days now than then. It was not computed."""
    LINK = "link"
    """A link led to no query."""
    SQL = "sql"
    """The SQL was refused."""
    PRODUCT = "product"
    """The SQL fits no product."""
    NOTEBOOK = "notebook"
    """The notebook failed."""
    NOTEBOOK_STOPPED = "notebook stopped"
    """The notebook ran out of time or memory."""
    AMOUNT = "amount"
    """The amount was missing or not plausible."""
    OTHER = "other"
    """It failed in another way."""

    @property
    def words(self) -> str:
        """What it means, a clause."""
        return _WORDS.get(self) or CAUSES[self.value].words


_WORDS = {
    Outcome.COMPUTED: "computed",
    Outcome.SWITCHED_OFF: "no product is on for the SQL",
    Outcome.OTHER_DAYS: "the SQL reads the clock, and asks for other days now",
}


@dataclass(frozen=True, slots=True)
class BacktestLink:
    """What was computed from one link.

    Attributes:
        url: its address.
        product: name of its product; "" for a link that adds nothing to the amount.
        credit: USD; None if it adds nothing to the amount.
        fraud_cost: USD, as the notebook gives it; None if it does not.
        block_rate: from 0 to 1, as the notebook gives it: the mean of its rows, weighted by their fraud cost; None if
            it does not.
        days: the first and the last UTC day that the SQL asks for; None if a side has no limit.
        prefixes: of the destinations that were flagged, sorted; empty if the notebook does not say which rows it
            flagged.
        kept: its footprint, as a summary keeps it, from which `footprint` is read.
    """

    url: str
    product: str = ""
    credit: Decimal | None = None
    fraud_cost: Decimal | None = None
    block_rate: Decimal | None = None
    days: tuple[date, date] | None = None
    prefixes: tuple[str, ...] = ()
    kept: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def footprint(self) -> Footprint | None:
        """Its traffic with every flagged unit, which takes a moment to unpack; None if it is not known."""
        with suppress(ValueError):
            return footprint_from_json(self.kept) if self.kept else None
        return None


@dataclass(frozen=True, slots=True)
class BacktestRow:
    """One request that a person answered, and what creditbot makes of it today.

    Attributes:
        key: of the request.
        permalink: its address.
        requester: member id of who asked; "" if an app asked.
        answer: what people answered.
        outcome: what came of computing it.
        problem: why it has no amount, a sentence or more; "" if it has one.
        amount: USD that creditbot computes; None if there is none.
        held: why approvers would have been asked; empty if nobody would have been.
        seconds: what it took, from the question to Looker to the amount; None if it was not computed.
        page: where its page is: a web address, a path or a URI; "" if there is none.
        made_from: names what it was computed from.
        sql: fingerprints of the SQL of its links that was credited.
        links: its links, as far as their SQL was read.
    """

    key: RequestKey
    permalink: str
    requester: str
    answer: PeoplesAnswer
    outcome: Outcome
    problem: str = ""
    amount: Decimal | None = None
    held: tuple[HoldReason, ...] = ()
    seconds: float | None = None
    page: str = ""
    made_from: str = ""
    sql: tuple[str, ...] = ()
    links: tuple[BacktestLink, ...] = ()

    @property
    def asked_at(self) -> datetime:
        """When it was asked, UTC."""
        return time_of(self.key.ts)

    @property
    def would_answer(self) -> bool:
        """Whether creditbot would have answered without asking anybody."""
        return self.outcome is Outcome.COMPUTED and not self.held

    @property
    def would_hold(self) -> bool:
        """Whether creditbot would have asked approvers."""
        return self.outcome is Outcome.COMPUTED and bool(self.held)

    @property
    def difference(self) -> Decimal | None:
        """USD, positive if creditbot credits more than people did; None without an amount on each side."""
        return None if self.amount is None or self.answer.amount is None else self.amount - self.answer.amount


def read_backtest(store: BacktestStore) -> list[BacktestRow]:
    """Every row that was kept and can be read, by the time of its request, oldest first.

    Raises `Unreachable` or `Refused`.
    """
    rows = (row_from_json(document) for _, document in store.load_all())
    return in_order(row for row in rows if row)


def in_order(rows: Iterable[BacktestRow]) -> list[BacktestRow]:
    """The rows by the time of their requests, oldest first."""
    return sorted(rows, key=lambda row: (row.asked_at, str(row.key)))


def row_to_json(row: BacktestRow) -> dict[str, Any]:
    """A row as it is kept."""
    answer = row.answer
    return {
        "version": VERSION,
        "key": str(row.key),
        "permalink": row.permalink,
        "asked_at": _stamp(row.asked_at),
        "requester": row.requester,
        "answer": {
            "by": answer.by, "at": _stamp(answer.at), "amount": answer.amount, "refused": answer.refused,
            "corrected": answer.corrected, **({"below_bot": True} if answer.below_bot else {}),
        },
        "outcome": row.outcome.value,
        "problem": row.problem,
        "amount": row.amount,
        "held": [_reason_to_json(reason) for reason in row.held],
        "seconds": None if row.seconds is None else Decimal(f"{row.seconds:.3f}"),
        "page": row.page,
        "made_from": row.made_from,
        "sql": list(row.sql),
        "links": [_link_to_json(link) for link in row.links],
    }  # fmt: skip


def row_from_json(document: Mapping[str, Any]) -> BacktestRow | None:
    """The row that was kept; None if it is of another version or cannot be read."""
    key, answer = request_key(text(document.get("key"))), _answer(mapping(document.get("answer")))
    outcome = next((each for each in Outcome if each.value == document.get("outcome")), None)
    if document.get("version") != VERSION or key is None or answer is None or outcome is None:
        return None
    amount, seconds = number(document.get("amount")), number(document.get("seconds"))
    if (amount is None) is (outcome in (Outcome.COMPUTED, Outcome.ALREADY_CREDITED)):
        return None
    return BacktestRow(
        key=key,
        permalink=text(document.get("permalink")),
        requester=text(document.get("requester")),
        answer=answer,
        outcome=outcome,
        problem=text(document.get("problem")),
        amount=amount,
        held=tuple(filter(None, map(_reason, mappings(document.get("held"))))),
        seconds=None if seconds is None else float(seconds),
        page=text(document.get("page")),
        made_from=text(document.get("made_from")),
        sql=tuple(map(str, sequence(document.get("sql")))),
        links=tuple(map(_link, mappings(document.get("links")))),
    )


def _answer(fields: Mapping[str, Any]) -> PeoplesAnswer | None:
    at = moment(fields.get("at"))
    if at is None:
        return None
    flags = (fields.get(name) is True for name in ("refused", "corrected", "below_bot"))
    return PeoplesAnswer(text(fields.get("by")), at, number(fields.get("amount")), *flags)


def _reason_to_json(reason: HoldReason) -> dict[str, Any]:
    return {"kind": reason.kind.value, "text": reason.text, "about": reason.about, "twice": reason.twice}


def _reason(fields: Mapping[str, Any]) -> HoldReason | None:
    kind = next((kind for kind in HoldKind if kind.value == fields.get("kind")), None)
    words = text(fields.get("text")), text(fields.get("about"))
    return HoldReason(kind, *words, number(fields.get("twice"))) if kind else None


def _link_to_json(link: BacktestLink) -> dict[str, Any]:
    return {
        "url": link.url, "product": link.product, "credit": link.credit, "fraud_cost": link.fraud_cost,
        "block_rate": link.block_rate, "days": [day.isoformat() for day in link.days] if link.days else None,
        "prefixes": list(link.prefixes), "footprint": link.kept,
    }  # fmt: skip


def _link(fields: Mapping[str, Any]) -> BacktestLink:
    kept = fields.get("footprint")
    return BacktestLink(
        url=text(fields.get("url")),
        product=text(fields.get("product")),
        credit=number(fields.get("credit")),
        fraud_cost=number(fields.get("fraud_cost")),
        block_rate=number(fields.get("block_rate")),
        days=_days(sequence(fields.get("days"))),
        prefixes=tuple(map(str, sequence(fields.get("prefixes")))),
        kept=kept if isinstance(kept, Mapping) else None,
    )


def _days(both: Sequence[Any]) -> tuple[date, date] | None:
    with suppress(ValueError):
        first, last = (date.fromisoformat(str(day)) for day in both)
        return first, last
    return None


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
