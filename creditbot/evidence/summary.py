"""The saved summary of a request: what was asked, what was run, what came out, how it ended. Pure.

    extracted_at      when its credit was computed, or when it ended without one
    credit_amount     USD, a number exact to the cent; null unless it was answered, or is about to be
    summary_outputs   {"cell_N": {"source", "outputs": [{"type", "text"}]}}, cells of later links as "link2_cell_N"
    request           key, permalink, author, text
    links             each, as far as it got: address, SQL and its hash, product, notebook and its hash, versions,
                      seconds, credit, rows
    outcome           status, and what belongs to it

A summary is proof and small: SQL and addresses are kept whole, every other text is cut where it is too long, and says
so. However much traffic a notebook shows, all that is not SQL or address of a request stays under 50 KB.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, get_args

from creditbot.credit.summary_table import under_heading
from creditbot.model import Cell, CreditRow, LinkResult, LookerLink, Message, RequestKey
from creditbot.state.migrations import migrated_record
from creditbot.state.record import Record, Status
from creditbot.text import shorten

OUTPUT_BYTES = 12_000
"""For the sources and outputs of a request's cells together; shared evenly by its links."""
PART_BYTES = 4_000
"""For one source or one output."""
TEXT_BYTES = 2_000
"""For the text of the request, and for the reason of its end."""
OTHER_RUN = "The links and cells are of another run, whose process slept."
"""Says that a summary does not show what an amount came from; its hashes of SQL and notebooks are in the state."""
ROWS = 20
"""For the tables of a request together; shared evenly by its links, one at least."""
_COLUMN_BYTES = 60


def new_document(
    key: RequestKey, permalink: str, message: Message | None = None, links: Sequence[LookerLink] = ()
) -> dict[str, object]:
    """The summary of a request of which nothing was computed; `message` is None where it was not read."""
    return {
        "extracted_at": None,
        "credit_amount": None,
        "summary_outputs": {},
        "request": _request(key, permalink, message),
        "links": [{"url": link.url, "kind": link.kind} for link in links],
    }


def computed_document(
    key: RequestKey,
    permalink: str,
    message: Message,
    amount: Decimal | None,
    results: Sequence[LinkResult],
    now: datetime,
) -> dict[str, object]:
    """The summary of a request whose links were worked on; `amount` is None if every link was skipped."""
    ran = sum(result.run is not None for result in results)
    return {
        "extracted_at": _stamp(now),
        "credit_amount": amount,
        "summary_outputs": _outputs(results, OUTPUT_BYTES // (ran or 1)),
        "request": _request(key, permalink, message),
        "links": [_link(result, max(1, ROWS // (ran or 1))) for result in results],
        "outcome": {"status": "computed", "at": _stamp(now)},
    }


def close_document(document: Mapping[str, object], record: Record) -> dict[str, object]:
    """The summary with the end of its request; an amount that was not answered is kept as `computed_amount`."""
    outcome = {
        "status": record.status,
        "at": _stamp(record.at),
        "reply": record.reply,
        "reason": shorten(record.reason, TEXT_BYTES),
        "attempts": record.attempts,
        "seconds": Decimal(f"{record.seconds:.3f}"),
        "overridden_by": record.overridden_by,
    }
    told = {name: value for name, value in outcome.items() if value not in ("", 0)}
    known = document.get("outcome")
    if record.result is None and isinstance(known, Mapping) and (known.get("status"), known.get("reply")) == (
        "answered", record.reply,
    ):  # fmt: skip
        told = dict(known)  # found again in its thread after the state was lost: what was known of the answer holds
    closed = {**document, "outcome": told}
    amount = closed.pop("computed_amount", None) or document.get("credit_amount")
    if amount and record.result and amount != record.result.amount:
        told["note"] = OTHER_RUN
    if record.status == "answered":
        closed["credit_amount"] = record.result.amount if record.result else amount
    elif amount:
        closed |= {"credit_amount": None, "computed_amount": amount}
    asked = document.get("request")
    closed["request"] = {"author": record.user, **(asked if isinstance(asked, Mapping) else {})}
    closed["extracted_at"] = document.get("extracted_at") or _stamp(record.at)
    return closed


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the request of a summary stood when that was last written.

    Attributes:
        status: as in `creditbot.state.record`.
        at: UTC.
    """

    status: Status
    at: datetime


def outcome_fields(document: Mapping[str, object]) -> dict[str, Any]:
    """The outcome of a summary in the words of today, whichever version wrote it; empty if there is none."""
    outcome = document.get("outcome")
    return migrated_record(dict(outcome), 1) if isinstance(outcome, Mapping) else {}


def outcome_of(document: Mapping[str, object]) -> Outcome | None:
    """How the request of a summary stood when that was last written; None if no version of ours wrote the outcome."""
    outcome = outcome_fields(document)
    try:
        at = datetime.fromisoformat(str(outcome.get("at")))
    except ValueError:
        return None
    status = next((known for known in get_args(Status) if known == outcome.get("status")), None)
    if at.tzinfo is None or status is None:
        return None
    return Outcome(status, at)


def _request(key: RequestKey, permalink: str, message: Message | None) -> dict[str, object]:
    known = {"key": str(key), "permalink": permalink}
    if message is None:
        return {**known}
    return {
        **known,
        "author": message.user or message.bot or "",
        "text": shorten(message.text, TEXT_BYTES),
    }


def _link(result: LinkResult, most_rows: int) -> dict[str, object]:
    facts: dict[str, object] = {
        "url": result.query.link.url,
        "kind": result.query.link.kind,
        "note": result.query.note,
        "product": result.product,
        "sql": result.query.sql,
        "sql_sha256": result.sql_sha256,
    }
    if result.run:
        facts |= {
            "notebook": result.run.notebook,
            "notebook_sha256": result.run.notebook_sha256,
            "versions": dict(result.run.versions),
            "seconds": Decimal(f"{result.run.seconds:.3f}"),
        }
    if result.credit:
        rows = result.credit.rows
        facts |= {"credit": result.credit.amount, "rows": [_row(row) for row in rows[:most_rows]]}
        if len(rows) > most_rows:
            facts["rows_left_out"] = len(rows) - most_rows
    return {name: value for name, value in facts.items() if value != ""}


def _row(row: CreditRow) -> dict[str, object]:
    return {
        "credit": row.credit,
        "mode": shorten(row.mode, _COLUMN_BYTES),
        "fraud_cost": row.fraud_cost,
        "columns": {name: shorten(value, _COLUMN_BYTES) for name, value in row.columns.items()},
    }


def _outputs(results: Sequence[LinkResult], most_bytes: int) -> dict[str, object]:
    kept: dict[str, object] = {}
    for number, result in enumerate(results, 1):
        if result.run:
            prefix = f"link{number}_" if number > 1 else ""
            room = _Room(most_bytes)
            kept |= {f"{prefix}cell_{cell.number}": _cell(cell, room) for cell in telling_cells(result.run.cells)}
    return kept


def _cell(cell: Cell, room: _Room) -> dict[str, object]:
    outputs = [{"type": kind, "text": room.take(text)} for kind, text in cell.outputs]
    return {"source": room.take(cell.source), "outputs": outputs}


class _Room:
    """What is left of a number of bytes."""

    def __init__(self, left: int) -> None:
        self._left = left

    def take(self, text: str) -> str:
        """As much of the text as there is room for."""
        kept = shorten(text, min(PART_BYTES, self._left))
        self._left = max(0, self._left - len(kept.encode()))
        return kept


def telling_cells(cells: Sequence[Cell]) -> list[Cell]:
    """The code cells that show the result: those under "Summary Info"; without such a heading, all."""
    telling = [cell for cell in under_heading(cells) if cell.kind == "code"]
    return telling or [cell for cell in cells if cell.kind == "code" and cell.outputs]


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
