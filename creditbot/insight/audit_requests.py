"""Checks one request: its last entry in the log against its summary, its page and its record in the state. Pure.

What is kept of the request and the checked log come in, with what they are checked by; findings come out. A request
whose end is not yet stored is not compared: a tick may be at work on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from creditbot.credit.amount import format_usd
from creditbot.decide.approval import voters
from creditbot.decide.policy import Policy
from creditbot.evidence.fields import mapping, mappings, moment, number, sequence, text
from creditbot.evidence.log import PAGE, SALTS, end_of, page_hashes, people_of, summary_hash
from creditbot.evidence.page_parts import page_parts
from creditbot.evidence.summary import outcome_fields
from creditbot.insight.audit_findings import Finding, Kind
from creditbot.insight.audit_log import CheckedLog, LogEntry
from creditbot.model import RequestKey
from creditbot.state.record import TERMINAL, Record


@dataclass(frozen=True, slots=True)
class Saved:
    """What OUTPUT_URI has of a request.

    Attributes:
        summary: None if there is none, or it cannot be read.
        page: None if there is none.
        is_damaged: whether there is a summary that is no longer JSON.
    """

    summary: Mapping[str, Any] | None = None
    page: str | None = None
    is_damaged: bool = False


@dataclass(frozen=True, slots=True)
class CheckedBy:
    """What a request is checked by, beside the log.

    Attributes:
        policy: of today, in its channel: an approval under another one is not counted again.
        pointers: hash of what is credited, and the request that it leads to.
    """

    policy: Policy
    pointers: frozenset[tuple[str, RequestKey]]


class Standing(Enum):
    """Whether there is something to compare."""

    LOGGED = "logged"
    """Its last end is in the log, or should be."""
    PENDING = "pending"
    """It has not ended, or its end is not yet logged: the next ticks do it."""
    BEFORE_LOG = "before the log"
    """It ended before the log began."""


def standing(key: RequestKey, record: Record | None, saved: Saved, log: CheckedLog) -> Standing:
    """Whether a request can be compared with the log."""
    if record and not (record.terminal and record.saved):
        return Standing.PENDING
    if key in log.latest or (record and record.logged):
        return Standing.LOGGED
    outcome = outcome_fields(saved.summary or {})
    if not record and outcome.get("status") not in TERMINAL:
        return Standing.PENDING
    ended = record.at if record else moment(outcome.get("at"))
    return Standing.LOGGED if log.began and ended and ended >= log.began else Standing.BEFORE_LOG


def check_request(
    key: RequestKey, record: Record | None, saved: Saved, log: CheckedLog, by: CheckedBy
) -> list[Finding]:  # fmt: skip
    """What does not agree about a request whose end is logged, or should be."""
    logged = log.latest.get(key)
    if logged is None:
        return [Finding(Kind.NOT_LOGGED, _not_logged(record, saved), key)]
    found = [*_check_summary(logged, saved), *_check_page(logged, saved), *_check_approval(logged)]
    if saved.summary is not None and summary_hash(saved.summary) == logged.entry.end.get("summary"):
        found += _check_pointers(key, saved.summary, by.pointers)
        found += _check_quorum(saved.summary, by.policy) if not found else ()
    if record:
        found += _check_record(logged, record)
    anchored = logged.number < log.anchored
    return [Finding(kind, what, key, logged.number, anchored) for kind, what in found]


def is_erased(saved: Saved, logged: LogEntry | None) -> bool:
    """Whether something that names people was erased, which is allowed: values of the summary, or the page's salt."""
    if saved.summary is None or logged is None:
        return False
    end = logged.entry.end
    return bool(people_of(saved.summary, end)[1]) or (PAGE in end and not _page_salt(saved.summary))


def _page_salt(summary: Mapping[str, Any]) -> str:
    return text(mapping(summary.get(SALTS)).get(PAGE))


_Found = Iterator[tuple[Kind, str]]


def _not_logged(record: Record | None, saved: Saved) -> str:
    source = "The state" if record else "The summary"
    outcome = outcome_fields(saved.summary or {})
    status = record.status if record else text(outcome.get("status"))
    at = record.at if record else moment(outcome.get("at"))
    when = f" at {at:%Y-%m-%d %H:%M:%S} UTC" if at else ""
    return f"{source} says that it ended{when} ({status}), and the log has no entry about it."


def _check_summary(logged: LogEntry, saved: Saved) -> _Found:
    end, summary = logged.entry.end, saved.summary
    if saved.is_damaged:
        yield Kind.SUMMARY_UNREADABLE, f"Its summary is no longer JSON. The log says: {_in_words(end)}."
    elif summary is None:
        yield Kind.SUMMARY_MISSING, f"Its summary is missing. The log says: {_in_words(end)}."
    else:
        if summary_hash(summary) != end.get("summary"):
            yield Kind.SUMMARY_CHANGED, f"Its summary is not the one that was logged: {_changed(summary, end)}."
        if changed := people_of(summary, end)[0]:
            yield (
                Kind.PERSON_CHANGED,
                f"Its summary names other people, or other words of theirs, than were logged: {', '.join(changed)}.",
            )


def _check_page(logged: LogEntry, saved: Saved) -> _Found:
    known = mapping(logged.entry.end.get(PAGE))
    if not known or not saved.summary or not _page_salt(saved.summary):  # erased, or the summary is missing
        return
    parts = page_parts(saved.page) if saved.page else None
    if saved.page is None:
        yield Kind.PAGE_MISSING, "Its page was logged, and is missing."
    elif parts is None:
        yield Kind.PAGE_CHANGED, "Its page is not one that creditbot wrote."
    else:
        hashes = page_hashes(parts, saved.summary)
        words = {"evidence": "its evidence", "outcome": "what it says about the end"}
        changed = [words[name] for name in words if hashes[name] != known.get(name)]
        if changed:
            yield Kind.PAGE_CHANGED, f"Its page is not the one that was logged: {' and '.join(changed)} changed."


def _check_approval(logged: LogEntry) -> _Found:
    end = logged.entry.end
    approval = mapping(end.get("approval"))
    yes, no = (number(approval.get(name)) or Decimal(0) for name in ("yes", "no"))
    if approval and end.get("status") == "answered" and (yes < 1 or no):
        yield Kind.NOT_APPROVED, f"It was held and answered, and the log says: {yes} yes, {no} no."


def is_under(summary: Mapping[str, Any], policy: Policy) -> bool:
    """Whether the policy is the one by which the approvers of an answer were asked; True if nobody was asked."""
    approval = mapping(outcome_fields(summary).get("approval"))
    return not approval or text(approval.get("policy")) == policy.digest


def _check_quorum(summary: Mapping[str, Any], policy: Policy) -> _Found:
    """Counts the votes again, by the bands and the approvers of the policy; nothing if the policy has changed since."""
    outcome, amount = outcome_fields(summary), number(summary.get("credit_amount"))
    votes = mappings(mapping(outcome.get("approval")).get("votes"))
    yes = [text(vote.get("by")) for vote in votes if vote.get("vote") == "yes"]
    if outcome.get("status") != "answered" or not yes or amount is None or not is_under(summary, policy):
        return
    asker = text(mapping(summary.get("request")).get("author"))
    agreed = {who for who in yes if who in voters(policy, {asker})}
    needed = policy.quorum(amount)
    if len(agreed) < needed and all(yes):  # who was erased is somebody
        people = "1 approver" if needed == 1 else f"{needed} approvers"
        who = f"of those who may vote, {', '.join(sorted(agreed)) or 'nobody'} said yes"
        yield Kind.NOT_APPROVED, f"{format_usd(amount)} takes {people} by the policy of that time, and {who}."


def _check_pointers(key: RequestKey, summary: Mapping[str, Any], pointers: frozenset[tuple[str, RequestKey]]) -> _Found:
    """Each pointer was written before the summary that it leads to."""
    missing = [str(sha) for sha in sequence(summary.get("credited")) if (str(sha), key) not in pointers]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        yield (
            Kind.POINTER_MISSING,
            f"What it credits is not found again without the empty object credited/{missing[0]}/{key}{more}.",
        )


def _check_record(logged: LogEntry, record: Record) -> _Found:
    """The state against the entry. What both name is compared first, so that the sentence can name it."""
    end = logged.entry.end
    stated = {
        "status": (record.status, end.get("status")),
        "amount": (record.result.amount if record.result else None, number(end.get("amount"))),
        "reply": (record.reply, text(end.get("reply"))),
        "amount of the answer": (record.answer_amount, number(end.get("answer_amount"))),
    }
    if record.status != "answered" or not record.result or stated["amount"][1] is None:
        del stated["amount"]
    differing = [
        f"the {name} {_shown(ours)}, and {_shown(theirs)} was logged"
        for name, (ours, theirs) in stated.items()
        if ours != theirs
    ]
    if differing:
        yield Kind.RECORD_DIFFERS, f"The state has {'; '.join(differing)}."
    elif record.logged != logged.entry.digest:
        yield Kind.RECORD_DIFFERS, "The state remembers another end of it than the last one in the log."


def _changed(summary: Mapping[str, Any], end: Mapping[str, Any]) -> str:
    """What differs, as far as the entry names it."""
    now = end_of(summary)
    differing = [
        f"{words} is {_shown(now.get(name))}, and {_shown(end.get(name))} was logged"
        for name, words in (
            ("status", "its status"), ("amount", "its amount"), ("at", "its time"), ("reply", "its reply"),
            ("answer_amount", "the amount of the answer"), ("approval", "its approval"), ("request", "its request"),
        )
        if now.get(name) != end.get(name)
    ]  # fmt: skip
    before, after = mappings(end.get("links")), mappings(now.get("links"))
    if len(before) != len(after):
        differing.append(f"it has {len(after)} links, and {len(before)} were logged")
    for place, (one, two) in enumerate(zip(before, after, strict=False), start=1):
        differing += [
            f"the {name.replace('_sha256', '').replace('sql', 'SQL')} of link {place} is {_shown(two.get(name))}, "
            f"and {_shown(one.get(name))} was logged"
            for name in ("product", "credit", "sql_sha256", "notebook_sha256", "footprint")
            if one.get(name) != two.get(name)
        ]
    return "; ".join(differing) or "its SQL, its cells or other details of it were changed"


def _in_words(end: Mapping[str, Any]) -> str:
    amount = number(end.get("amount"))
    return f"{text(end.get('status'))}{f' {format_usd(amount)}' if amount is not None else ''}"


def _shown(value: object) -> str:
    if isinstance(value, Decimal | int):
        return format_usd(Decimal(value))
    if isinstance(value, Mapping):
        return f"{value.get('yes')} yes, {value.get('no')} no"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    shown = str(value or "none")
    return f"{shown[:12]}..." if len(shown) == 64 else shown
