"""What `creditbot audit` prints: each finding below its request, then what was compared; the same as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import groupby

from creditbot.commands.output import count, utc
from creditbot.credit.amount import format_usd
from creditbot.insight.audit import Audit, CreditedOverlap
from creditbot.insight.audit_findings import Finding, Kind
from creditbot.model import Names, RequestKey
from creditbot.slack_time import time_of

_WIDTH = 22
_LOG = "The log of ends"
_PLACES = {Kind.HEAD_DIFFERS: "The state", Kind.STATE_UNREADABLE: "The state", Kind.REPLY_UNKNOWN: "Slack"}
"""What a finding is about that is not about one request; all others are about the log."""


def audit_lines(found: Audit, names: Names) -> Iterable[str]:
    """What does not agree, by request, and what was compared."""
    for heading, findings in groupby(found.findings, key=lambda finding: _heading(finding, found)):
        yield heading
        for finding in findings:
            yield f"  {finding.kind.value}: {finding.text}"
            yield f"      {finding.kind.todo}"
    yield from _totals(found, names)


def _heading(finding: Finding, found: Audit) -> str:
    """What a finding is about: a request or the log, and its entry."""
    about = found.addresses.get(finding.key, str(finding.key)) if finding.key else _PLACES.get(finding.kind, _LOG)
    if finding.entry is None:
        return about
    return f"{about} (entry {finding.entry}, {'anchored' if finding.anchored else 'not anchored'})"


def _totals(found: Audit, names: Names) -> Iterable[str]:
    if found.agrees:
        yield "Everything agrees."
    else:
        concerned = len({finding.key for finding in found.findings if finding.key})
        of = f", of {count(concerned, 'request')}" if concerned else ""
        yield f"{count(len(found.findings), 'finding')}{of}."
    yield _fact("requests compared", str(found.requests))
    yield _fact("entries in the log", str(found.log.size))
    yield _fact("roots in replies", str(found.replies))
    yield from _anchor(found)
    yield _fact("overlaps credited", _overlaps(found.overlaps, names))
    for overlap in found.overlaps:
        yield f"  {found.addresses[overlap.key]}"
        yield from (f"      {reason}" for reason in overlap.reasons)
    notes = (
        ("not ended, or not yet logged", found.pending), ("ended before the log began", found.before_log),
        ("in a channel that is no longer watched, so replies were not read", found.not_in_slack),
        ("with values of people erased", found.erased),
        ("asked about by an earlier policy, so votes were not counted again", found.earlier_policy),
    )  # fmt: skip
    for words, keys in notes:
        if keys:
            yield _fact("note", f"{count(len(keys), 'request')} {words}: {_some(keys, found)}")


def _anchor(found: Audit) -> Iterable[str]:
    """Up to where a reply in Slack vouches for the log."""
    log = found.log
    if log.witness:
        by = f"by the reply {log.witness.address} of {utc(time_of(log.witness.ts))}"
        yield _fact("anchored", f"{_range(0, log.anchored)}, {by}")
    elif found.replies:
        yield _fact("anchored", "nothing: no root in a reply fits the entries that are there")
    elif log.size:
        yield _fact("anchored", "nothing: no reply carries a root of this log yet")
    if log.anchored < log.size:
        them = "it" if log.size - log.anchored == 1 else "them"
        rest = "" if log.findings else f": the next reply vouches for {them}"
        yield _fact("not anchored yet", f"{_range(log.anchored, log.size)}{rest}")


def _range(first: int, end: int) -> str:
    return f"entry {first}" if end - first == 1 else f"entries {first} to {end - 1}"


def _overlaps(overlaps: Sequence[CreditedOverlap], names: Names) -> str:
    if not overlaps:
        return "none"
    twice = sum((overlap.twice for overlap in overlaps if overlap.twice is not None), Decimal(0))
    people = Counter(who for overlap in overlaps for who in overlap.approved_by)
    by = ", ".join(f"{names.with_id(who)}: {number}" for who, number in people.most_common()) or "nobody"
    return f"{len(overlaps)}{f', at least {format_usd(twice)} twice' if twice else ''}; approved by {by}"


def _some(keys: Sequence[RequestKey], found: Audit) -> str:
    """The first of the requests by their addresses."""
    shown = ", ".join(found.addresses[key] for key in keys[:3])
    return shown if len(keys) <= 3 else f"{shown} and {len(keys) - 3} more"


def _fact(name: str, value: str) -> str:
    return f"{name:<{_WIDTH}}{value}"


def audit_json(found: Audit, names: Names) -> Mapping[str, object]:
    """Everything that was found; null where nobody knows."""
    witness = found.witness
    return {
        "agrees": found.agrees,
        "findings": [_finding(finding, found) for finding in found.findings],
        "requests": found.requests,
        "entries": found.log.size,
        "anchored": found.log.anchored,
        "anchored_by": None if witness is None else {
            "reply": witness.address, "at": utc(time_of(witness.ts)), "checkpoint": str(witness.checkpoint),
        },
        "roots_in_replies": found.replies,
        "overlaps": [
            {
                "request": found.addresses[overlap.key], "reasons": list(overlap.reasons),
                "approved_by": list(overlap.approved_by),
                "approved_by_names": [names.of(user) for user in overlap.approved_by], "twice": overlap.twice,
            }
            for overlap in found.overlaps
        ],
        "not_ended": [found.addresses[key] for key in found.pending],
        "before_the_log": [found.addresses[key] for key in found.before_log],
        "replies_not_read": [found.addresses[key] for key in found.not_in_slack],
        "people_erased": [found.addresses[key] for key in found.erased],
        "earlier_policy": [found.addresses[key] for key in found.earlier_policy],
    }  # fmt: skip


def _finding(finding: Finding, found: Audit) -> Mapping[str, object]:
    return {
        "kind": finding.kind.value, "what": finding.text, "what_to_do": finding.kind.todo,
        "request": found.addresses.get(finding.key, str(finding.key)) if finding.key else None,
        "key": str(finding.key) if finding.key else None, "entry": finding.entry, "anchored": finding.anchored,
    }  # fmt: skip
