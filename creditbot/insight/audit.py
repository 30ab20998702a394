"""Compares everything that is known of past requests: log of ends, summaries, state, pages and the replies in Slack.

What `AuditReader` reads comes in; an `Audit` goes out, which says of each request what does not agree, up to which
entry a reply in Slack vouches for the log, and which overlaps were credited. Ticks may be at work meanwhile: what they
have changed since is not compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from creditbot.decide.channel_rules import ChannelTable
from creditbot.evidence.fields import text
from creditbot.evidence.summary import outcome_fields
from creditbot.insight.audit_findings import Finding, Kind
from creditbot.insight.audit_log import CheckedLog, Witness, check_log, entries_in
from creditbot.insight.audit_reading import AuditReader, asked_since
from creditbot.insight.audit_replies import Posts, check_replies, check_unmarked, witnesses_of
from creditbot.insight.audit_requests import CheckedBy, Saved, Standing, check_request, is_erased, is_under, standing
from creditbot.insight.history import in_order
from creditbot.insight.past import past_request
from creditbot.model import RequestKey, Workspace
from creditbot.ports import Clock
from creditbot.state.codec import State
from creditbot.state.record import Record


@dataclass(frozen=True, slots=True)
class CreditedOverlap:
    """A credit for traffic that was, or may have been, credited before.

    Attributes:
        key: the request that was answered.
        reasons: what the approvers were told, or that a person wanted the same SQL credited again.
        approved_by: who said yes, by Slack id, or who ran `creditbot retry --again`.
        twice: USD paid twice, at the least; None if that is not known.
    """

    key: RequestKey
    reasons: tuple[str, ...]
    approved_by: tuple[str, ...]
    twice: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit found.

    Attributes:
        findings: what does not agree: of the log first, then by request, oldest first.
        addresses: request -> its permalink.
        requests: how many were compared.
        pending: those that have not ended, or whose end is not logged yet; they were not compared.
        before_log: those that ended before the log began; only their replies were looked at.
        not_in_slack: those in channels that are no longer watched: their replies were not read.
        erased: those with values of people that were erased, which is allowed.
        earlier_policy: those about which approvers were asked by another policy than today's: their votes are not
            counted again.
        replies: how many replies in Slack carry a root.
        log: what the check of the log came to.
        overlaps: what was credited twice, knowingly.
    """

    findings: tuple[Finding, ...]
    addresses: Mapping[RequestKey, str]
    requests: int
    pending: tuple[RequestKey, ...]
    before_log: tuple[RequestKey, ...]
    not_in_slack: tuple[RequestKey, ...]
    erased: tuple[RequestKey, ...]
    earlier_policy: tuple[RequestKey, ...]
    replies: int
    log: CheckedLog
    overlaps: tuple[CreditedOverlap, ...]

    @property
    def agrees(self) -> bool:
        """Whether nothing disagrees."""
        return not self.findings

    @property
    def witness(self) -> Witness | None:
        """The reply that vouches for the most entries."""
        return self.log.witness


@dataclass(slots=True)
class _Tally:
    """What is collected while the requests are compared one by one."""

    findings: list[Finding] = field(default_factory=list)
    addresses: dict[RequestKey, str] = field(default_factory=dict)
    pending: list[RequestKey] = field(default_factory=list)
    before_log: list[RequestKey] = field(default_factory=list)
    erased: list[RequestKey] = field(default_factory=list)
    earlier_policy: list[RequestKey] = field(default_factory=list)
    overlaps: list[CreditedOverlap] = field(default_factory=list)


def audit(reader: AuditReader, clock: Clock, channels: ChannelTable, since: datetime | None = None) -> Audit:
    """Compares everything. Raises what reading raises.

    Args:
        reader: reads it.
        clock: Slack's; it is asked once Slack has been.
        channels: with the policies of today: approvals that were asked for by them are counted again.
        since: UTC; requests that were asked before are left out. The log is always checked as a whole.
    """
    files, state = reader.log()
    workspace = reader.workspace(state)
    logged = {one.entry.key for one in entries_in(files)}
    keys = asked_since({*reader.kept(), *logged, *state.records, *state.broken_requests}, since)
    posts = reader.posts(keys, state, workspace, since)
    keys |= asked_since(posts.marked, since)
    witnesses, spoilt = witnesses_of(posts, workspace)
    if any(witness.checkpoint.size > len(files.entries) for witness in witnesses):
        files, _ = reader.log()  # a tick may have added entries since, and posted a reply that vouches for them
    log = check_log(files, witnesses, clock.now())
    tally = _Tally()
    pointers = reader.pointers()
    for key, saved in reader.saved(in_order(keys)):
        by = CheckedBy(channels.of(key.channel, workspace).policy, pointers)
        _compare(key, saved, state, posts, (log, workspace, by), tally)
    changed = _changed_since(state, reader.state())
    findings = [*log.findings, *spoilt, *check_unmarked(posts, log, workspace), *_unreadable(state)]
    findings += [one for one in tally.findings if one.key not in changed]
    compared = keys - changed - set(tally.pending)
    return Audit(
        tuple(findings),
        tally.addresses,
        len(compared),
        tuple(key for key in in_order(keys) if key in changed or key in tally.pending),
        tuple(tally.before_log),
        tuple(key for key in in_order(compared) if key not in posts.threads and key not in posts.gone),
        tuple(tally.erased),
        tuple(tally.earlier_policy),
        len(witnesses),
        log,
        tuple(tally.overlaps),
    )


def _compare(
    key: RequestKey, saved: Saved, state: State, posts: Posts, known: tuple[CheckedLog, Workspace, CheckedBy],
    tally: _Tally,
) -> None:  # fmt: skip
    """Compares one request, and adds what it comes to."""
    log, workspace, by = known
    record = state.records.get(key)
    tally.addresses[key] = _address(key, saved.summary, state, workspace)
    where = standing(key, record, saved, log)
    if where is Standing.PENDING and (record or saved.summary):
        tally.pending.append(key)
        return
    if where is Standing.LOGGED:
        tally.findings += check_request(key, record, saved, log, by)
    elif where is Standing.BEFORE_LOG:
        tally.before_log.append(key)
    tally.findings += check_replies(key, posts, log, workspace, _replies_known(record, saved))
    if saved.summary and not is_under(saved.summary, by.policy):
        tally.earlier_policy.append(key)
    if is_erased(saved, log.latest.get(key)):
        tally.erased.append(key)
    if overlap := _overlap(key, saved.summary):
        tally.overlaps.append(overlap)


def _replies_known(record: Record | None, saved: Saved) -> frozenset[str] | None:
    """The answers that the state and the summary name; None if neither knows the request."""
    if not (record or saved.summary or saved.is_damaged):
        return None
    return frozenset({record.reply if record else "", text(outcome_fields(saved.summary or {}).get("reply"))} - {""})


def _changed_since(before: State, after: State) -> frozenset[RequestKey]:
    """The requests on which a tick has worked meanwhile."""
    keys = before.records.keys() | after.records.keys()
    return frozenset(key for key in keys if before.records.get(key) != after.records.get(key))


def _unreadable(state: State) -> list[Finding]:
    """Values of the state that are nonsense."""
    return [
        Finding(Kind.STATE_UNREADABLE, f"The value {name!r} of the state cannot be read.")
        for name in sorted(state.broken)
    ]


def _overlap(key: RequestKey, summary: Mapping[str, Any] | None) -> CreditedOverlap | None:
    past = past_request(key, None, summary)
    if past.amount is None:
        return None
    reasons = [reason.text for reason in past.hold.reasons if reason.kind == "overlap"] if past.hold else []
    if reasons:
        return CreditedOverlap(key, tuple(reasons), past.deciders, past.twice)
    if past.overridden_by:
        return CreditedOverlap(key, ("The same SQL was credited again.",), (past.overridden_by,))
    return None


def _address(key: RequestKey, summary: Mapping[str, Any] | None, state: State, workspace: Workspace) -> str:
    record = state.records.get(key)
    past = past_request(key, record, summary, workspace.address(key, record.thread if record else ""))
    return past.permalink
