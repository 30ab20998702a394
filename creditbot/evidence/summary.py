"""The summary of a request: what was asked, what was run, what came out, and how it ended. Pure.

The results of `creditbot.credit` and the record of the end come in; `SummaryStore` keeps the summary as JSON:

    extracted_at      when the credit was computed, or when the request ended without one
    credit_amount     USD, a number exact to the cent; null unless the request was answered, or is about to be
    computed_amount   USD; only in the summary of a request that ended without our answer
    summary_outputs   {"cell_N": {"source", "outputs": [{"type", "text"}]}}, cells of later links as "link2_cell_N"
    request           key, permalink, author, text
    links             each, as far as it got: address, SQL and its hash, product, notebook and its hash, versions,
                      seconds, credit, rows, problem, footprint (see `creditbot.credit.footprint_text`), parameters,
                      sql_rows and filters (see `creditbot.evidence.basis`); no product for a link that was skipped
    notebooks         hash of a notebook -> hashes of its cells, and of the files beside it that it imports
    second_opinion    a sentence: what people usually credit for such traffic, or why nobody can tell; only if the
                      policy asks for a second opinion
    not_compared      sentences: credits that may be for the same traffic, of which too little is known
    note              in the summary of a request some of whose links were skipped: that the amount leaves them out
    salts             of the hashes that the log of ends holds in place of people, see `creditbot.evidence.log`
    outcome           status, and what belongs to it: when the bot first saw the request, the kind of a failure, who
                      answered instead, when, and the amount (USD) of that answer; what approvers were asked, each
                      reason with its kind and the USD that would be paid twice, the same over all reasons, and
                      their votes; `shadow` if nothing was said about the request, and `would`: what would have
                      become of it

A summary is proof, and it is small. SQL and addresses are kept in full. Every other text is cut if it is too long, and
then says so. Apart from the SQL and the addresses, a summary stays under 50 KB, whatever a notebook prints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, get_args

from creditbot.credit.footprint import Footprint
from creditbot.credit.footprint_text import UNITS_BYTES, footprint_from_json, footprint_to_json
from creditbot.credit.summary_table import under_heading
from creditbot.evidence.basis import basis_of, filters_of, notebooks_of
from creditbot.intake.requests import Request
from creditbot.machine import exact_json
from creditbot.model import Cell, CreditRow, HoldReason, LinkResult, LookerLink, Message, RequestKey
from creditbot.slack_time import time_of
from creditbot.state.migrations import migrated_record
from creditbot.state.record import Hold, Record, Result, Status, Would
from creditbot.text import shorten

OUTPUT_BYTES = 12_000
"""For the sources and outputs of all cells of a request; its links share this evenly."""
PART_BYTES = 4_000
"""For one source or one output."""
TEXT_BYTES = 2_000
"""For the text of the request, and for the reason of its end."""
DOUBTS, DOUBT_BYTES = 10, 300
"""The most sentences about what could not be compared, and the bytes of each."""
OTHER_RUN = "The links and cells come from a different run than the amount: a suspended process saved them late."
"""The note of a summary that cannot show where its amount came from; the state has the hashes of the right run."""
ROWS = 20
"""For all tables of a request; its links share this evenly, and each gets at least one row."""
_COLUMN_BYTES = 60
_SHADOW = {"shadow": True}
_CUT_NOTE = 40  # bytes of what `shorten` says behind a text that it cut
_FAILED: frozenset[Status] = frozenset({"failed", "given_up", "shadowed"})
"""The ends that have a cause."""
REASONS, REASON_BYTES, VOTES = 20, 600, 30
"""The most of each that the summary keeps of an approval; it says how many reasons it leaves out."""


def empty_summary(
    key: RequestKey, permalink: str, message: Message | None = None, links: Sequence[LookerLink] = ()
) -> dict[str, object]:
    """The summary of a request whose credit was never computed; `message` is None if it was not read."""
    return {
        "extracted_at": None,
        "credit_amount": None,
        "summary_outputs": {},
        "request": _request(key, permalink, message),
        "links": [{"url": link.url, "kind": link.kind} for link in links],
    }


def computed_summary(
    key: RequestKey,
    permalink: str,
    message: Message,
    amount: Decimal | None,
    results: Sequence[LinkResult],
    now: datetime,
) -> dict[str, object]:
    """The summary of a request whose links were worked on; `amount` (USD) is None if every link was skipped."""
    runs = sum(result.run is not None for result in results) or 1
    skipped = sum(not result.product for result in results)
    note = f"The amount does not cover all links: no product is on for the SQL of {skipped} of {len(results)}."
    return {
        "extracted_at": _stamp(now),
        "credit_amount": amount,
        "summary_outputs": _outputs(results, OUTPUT_BYTES // runs),
        "request": _request(key, permalink, message),
        "links": [_link(result, runs) for result in results],
        "notebooks": notebooks_of([result.run for result in results if result.run]),
        **({"note": note} if skipped and amount is not None else {}),
        "outcome": {"status": "computed", "at": _stamp(now)},
    }


def with_footprints(summary: Mapping[str, object], footprints: Sequence[Footprint]) -> dict[str, object]:
    """The summary with the traffic of each link that is credited; `footprints` are in the order of these links."""
    links, left = summary["links"], list(footprints)
    assert isinstance(links, list)
    most = UNITS_BYTES // max(1, len(left))
    with_traffic = [
        {**link, "footprint": footprint_to_json(left.pop(0), most)} if "credit" in link and left else link
        for link in links
    ]
    return {**summary, "links": with_traffic}


def with_shadow(summary: Mapping[str, object]) -> dict[str, object]:
    """The summary of a request about which nothing is said."""
    outcome = summary["outcome"]
    assert isinstance(outcome, Mapping)
    return {**summary, "outcome": {**outcome, **_SHADOW}}


def with_doubts(summary: Mapping[str, object], doubts: Sequence[str]) -> dict[str, object]:
    """The summary with what could not be compared with other credits, a sentence for each of them."""
    kept = [shorten(doubt, DOUBT_BYTES) for doubt in doubts[:DOUBTS]]
    return {**summary, "not_compared": kept} if kept else dict(summary)


def with_opinion(summary: Mapping[str, object], sentence: str) -> dict[str, object]:
    """The summary with what people usually credit for such traffic; unchanged by an empty sentence."""
    return {**summary, **({"second_opinion": shorten(sentence, REASON_BYTES)} if sentence else {})}


def is_of(summary: Mapping[str, Any], result: Result) -> bool:
    """Whether a summary shows where this very amount came from."""
    sql = {link["sql_sha256"] for link in summary.get("links") or () if "credit" in link}
    amount = summary.get("credit_amount") or summary.get("computed_amount")  # a held amount is not credited yet
    return amount == result.amount and bool(sql) and sql <= set(result.sql)


def footprints_in(summary: Mapping[str, Any]) -> list[Footprint]:
    """The traffic that a summary says is credited; what cannot be read is left out."""
    found, links = [], summary.get("links")
    for link in links if isinstance(links, list) else ():
        if isinstance(link, Mapping) and "footprint" in link:
            with suppress(ValueError):
                found.append(footprint_from_json(link["footprint"]))
    return found


def failed_summary(
    key: RequestKey,
    permalink: str,
    request: Request,
    results: Sequence[LinkResult],
    problems: Mapping[str, str],
    footprints: Mapping[str, Footprint],
) -> dict[str, object]:
    """The summary of a request some of whose links failed: what is known of each link, as far as it got.

    Args:
        key: identifies the request.
        permalink: its address.
        request: its message and links.
        results: the links whose SQL is known.
        problems: address of a link -> what happened to it, for those that failed.
        footprints: address of a link -> its traffic, for those of which it is known.
    """
    reached = {result.query.link.url: result for result in results}
    in_order = [reached[link.url] for link in request.links if link.url in reached]
    runs = sum(result.run is not None for result in in_order) or 1
    facts = {result.query.link.url: _link(result, runs) for result in in_order}
    credits_ = [result.credit.amount for result in in_order if result.credit]
    is_whole = credits_ and all(result.credit or not result.product for result in in_order)
    summary = empty_summary(key, permalink, request.message)
    units_bytes = UNITS_BYTES // max(1, len(footprints))
    return {
        **summary,
        **({"computed_amount": sum(credits_, Decimal(0))} if is_whole and len(in_order) == len(request.links) else {}),
        "summary_outputs": _outputs(in_order, OUTPUT_BYTES // runs),
        "links": [
            {
                **facts.get(link.url, {"url": link.url, "kind": link.kind}),
                **(
                    {"footprint": footprint_to_json(footprints[link.url], units_bytes)}
                    if link.url in footprints
                    else {}
                ),
                **({"problem": shorten(problems[link.url], TEXT_BYTES)} if link.url in problems else {}),
            }
            for link in request.links
        ],
        "notebooks": notebooks_of([result.run for result in in_order if result.run]),
    }


def ended_summary(summary: Mapping[str, object], record: Record, *, in_shadow: bool = False) -> dict[str, object]:
    """The summary of a request that has ended as `record` says. Applied twice, it changes nothing.

    `in_shadow` says that nothing was said about it.
    """
    computed = summary.get("computed_amount") or summary.get("credit_amount")
    others = {name: value for name, value in summary.items() if name != "computed_amount"}
    request = summary.get("request")
    return {
        **others,
        **_amounts(record, computed),
        "extracted_at": summary.get("extracted_at") or _stamp(record.at),
        "request": {"author": record.user, **(request if isinstance(request, Mapping) else {})},
        "outcome": {
            **(_known_answer(summary, record) or outcome_from(record, computed)),
            **(_SHADOW if in_shadow else {}),
        },
    }


def _amounts(record: Record, computed: object) -> dict[str, object]:
    """`credit_amount` is the amount that was answered, or None; then `computed_amount` keeps the amount computed."""
    if record.status != "answered":
        return {"credit_amount": None, **({"computed_amount": computed} if computed else {})}
    # An answer without a result means that the state was lost: then the computed amount in the summary was the answer.
    return {"credit_amount": record.result.amount if record.result else computed}


def _known_answer(summary: Mapping[str, object], record: Record) -> dict[str, object] | None:
    """The outcome in the summary, if it is about this very answer and the state was lost since; else None."""
    outcome = summary.get("outcome")
    if record.result is not None or not isinstance(outcome, Mapping):
        return None
    is_same_answer = outcome.get("status") == "answered" and outcome.get("reply") == record.reply
    return dict(outcome) if is_same_answer else None


def outcome_from(record: Record, computed: object = None) -> dict[str, object]:
    """How a request stands, from its record; `computed` is the amount that the summary's links and cells lead to."""
    is_other_run = bool(computed and record.result and computed != record.result.amount)
    outcome = {
        "status": record.status,
        "at": _stamp(record.at),
        "first_seen": _stamp(record.seen) if record.seen else "",
        "reply": record.reply,
        "answer_by": record.answer_by,
        "answer_at": _stamp(time_of(record.reply)) if record.answer_by and record.reply else "",
        "would": record.would,
        "reason": shorten(record.reason, TEXT_BYTES),
        "cause": record.cause if record.status in _FAILED else "",
        "attempts": record.attempts,
        "seconds": Decimal(f"{record.seconds:.3f}"),
        "overridden_by": record.overridden_by,
        "note": OTHER_RUN if is_other_run else "",
        **(_decision(record.hold) if record.hold else {}),
    }
    amount = {} if record.answer_amount is None else {"answer_amount": record.answer_amount}
    return {name: value for name, value in outcome.items() if value not in ("", 0)} | amount


def _decision(hold: Hold) -> dict[str, object]:
    """What approvers were asked, and what they said."""
    votes = [
        {
            "by": vote.by,
            "vote": "yes" if vote.yes else "no",
            "first_seen": _stamp(vote.seen),
            **({"typed_by": shorten(vote.typed_by, _COLUMN_BYTES)} if vote.typed_by else {}),
        }
        for vote in hold.votes[:VOTES]
    ]
    reasons = [_reason(reason) for reason in hold.reasons[:REASONS]]
    left = len(hold.reasons) - len(reasons)
    more = {"more_reasons": left} if left else {}
    asked = {"digest": hold.digest, "policy": hold.policy, "until": _stamp(hold.until)}
    twice = {} if hold.twice is None else {"twice": hold.twice}
    return {"approval": {**asked, **twice, "reasons": reasons, **more, "votes": votes}}


def _reason(reason: HoldReason) -> dict[str, object]:
    twice = {} if reason.twice is None else {"twice": reason.twice}
    return {"kind": reason.kind.value, "text": shorten(reason.text, REASON_BYTES), **twice}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a request stood when its summary was last written.

    Attributes:
        status: as in `creditbot.state.record`.
        at: UTC.
        in_shadow: whether nothing was said about it.
        would: what would have become of it, as in `creditbot.state.record.Record`.
        reply: ts of the answer in its thread, or "".
        answer_amount: USD that a person's answer names; None if it names none, or several.
    """

    status: Status
    at: datetime
    in_shadow: bool = False
    would: Would = ""
    reply: str = ""
    answer_amount: Decimal | None = None


def outcome_fields(summary: Mapping[str, object]) -> dict[str, Any]:
    """The outcome of a summary with the current names, whichever version wrote it; empty if there is none."""
    outcome = summary.get("outcome")
    return migrated_record(dict(outcome), 1) if isinstance(outcome, Mapping) else {}


def outcome_of(summary: Mapping[str, object]) -> Outcome | None:
    """How the request stood when its summary was last written; None if no version of creditbot wrote the outcome."""
    outcome = outcome_fields(summary)
    try:
        at = datetime.fromisoformat(str(outcome.get("at")))
    except ValueError:
        return None
    status = next((name for name in get_args(Status) if name == outcome.get("status")), None)
    if at.tzinfo is None or status is None:
        return None
    would: Would = next((name for name in get_args(Would) if name == outcome.get("would")), "")
    amount = outcome.get("answer_amount")
    return Outcome(
        status, at, outcome.get("shadow") is True, would, str(outcome.get("reply", "")),
        amount if isinstance(amount, Decimal) else None,
    )  # fmt: skip


def hold_reasons_in(approval: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The reasons for which approvers were asked: kind, text, twice. Earlier versions kept the text alone."""
    kept = approval.get("reasons")
    reasons = kept if isinstance(kept, list | tuple) else ()
    return [reason if isinstance(reason, Mapping) else {"text": str(reason)} for reason in reasons]


def _request(key: RequestKey, permalink: str, message: Message | None) -> dict[str, object]:
    facts: dict[str, object] = {"key": str(key), "permalink": permalink}
    if message is not None:
        facts |= {"author": message.user or message.bot or "", "text": shorten(message.text, TEXT_BYTES)}
    return facts


def _link(result: LinkResult, runs: int) -> dict[str, object]:
    """What is known of a link; `runs` is how many links share what a summary may keep."""
    facts: dict[str, object] = {
        "url": result.query.link.url,
        "kind": result.query.link.kind,
        "note": result.query.note,
        "product": result.product,
        "sql": result.query.sql,
        "sql_sha256": result.sql_sha256,
        **filters_of(result.query, runs),
    }
    if result.run:
        facts |= {
            "notebook": result.run.notebook,
            "notebook_sha256": result.run.notebook_sha256,
            "versions": dict(result.run.versions),
            "seconds": Decimal(f"{result.run.seconds:.3f}"),
            **basis_of(result.run, runs),
        }
    if result.credit:
        rows, most_rows = result.credit.rows, max(1, ROWS // runs)
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
    cells: dict[str, object] = {}
    for number, result in enumerate(results, 1):
        if result.run:
            prefix = f"link{number}_" if number > 1 else ""
            room = _Room(most_bytes)
            cells |= {f"{prefix}cell_{cell.number}": _cell(cell, room) for cell in result_cells(result.run.cells)}
    return cells


def _cell(cell: Cell, room: _Room) -> dict[str, object]:
    outputs = [
        {"type": kind, "text": "(not kept)" if kind.startswith("image/") else room.take(text)}
        for kind, text in cell.outputs
    ]
    return {"source": room.take(cell.source), "outputs": outputs}


def _written_bytes(text: str) -> int:
    return len(exact_json.write(text).encode()) - 2


class _Room:
    """A budget of bytes that several texts share."""

    def __init__(self, left: int) -> None:
        self._left = left

    def take(self, text: str) -> str:
        """As much of the text as the budget allows, which is then reduced.

        The budget is of bytes as JSON writes them: a quotation mark takes two.
        """
        limit = min(PART_BYTES, self._left)
        part = shorten(text, limit)
        if _written_bytes(part) > limit + _CUT_NOTE:
            part = shorten(text, limit // 2)
        self._left = max(0, self._left - _written_bytes(part))
        return part


def result_cells(cells: Sequence[Cell]) -> list[Cell]:
    """The code cells that show the result: those under "Summary Info"; without such a heading, all with outputs."""
    under = [cell for cell in under_heading(cells) if cell.kind == "code"]
    return under or [cell for cell in cells if cell.kind == "code" and cell.outputs]


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
