"""What is known of one request of the past, from its record in the state and its saved summary. Pure.

Either of the two may be missing; a `PastRequest` comes out. What neither says is None: nothing is guessed. `history`
reads records and summaries; the report, the export, the metrics and the backtest are computed from what comes out here.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from creditbot.credit.footprint import Accounts, Days, Footprint, Unknown, traffic_in_words, within
from creditbot.credit.footprint_text import footprint_from_json, footprint_from_text, window_from_json
from creditbot.evidence.digest import digest_of
from creditbot.evidence.fields import mapping, mappings, moment, number, sequence, text
from creditbot.evidence.summary import hold_reasons_in, outcome_fields, outcome_from
from creditbot.model import RequestKey
from creditbot.slack_time import is_ts, time_of
from creditbot.state.record import TERMINAL, Record, Vote


@dataclass(frozen=True, slots=True)
class PastLink:
    """One link of a request, as far as it got.

    Attributes:
        url: its address; None if only the state knows the link.
        product: name of its product; None if none was found, or it was skipped.
        credit: USD that it adds to the amount; None if it adds none.
        accounts: whose traffic it is, as written, sorted; None if that is not known.
        days: when that traffic was, UTC; None if that is not known. Either end may be open.
        units: how many units its notebook flagged; None if that is not known.
        fraud_cost: USD, what these units cost; None as for `units`.
        sql, notebook: SHA-256 of its SQL and of its notebook; None if they are not known.
        versions: package -> version of what ran the notebook; empty if they are not known.
        problem: what went wrong with it, a sentence; None if nothing is known to have.
        skipped: whether the amount leaves it out, because no product is on for its SQL.
        kept: its footprint as the summary has it, from which `footprint` is read.
    """

    url: str | None = None
    product: str | None = None
    credit: Decimal | None = None
    accounts: tuple[str, ...] | None = None
    days: Days | None = None
    units: int | None = None
    fraud_cost: Decimal | None = None
    sql: str | None = None
    notebook: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    problem: str | None = None
    skipped: bool = False
    kept: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)

    @property
    def footprint(self) -> Footprint | None:
        """Its traffic with every flagged unit, which takes a moment to unpack; None if the summary has none."""
        return _footprint(self.kept)


@dataclass(frozen=True, slots=True)
class PastReason:
    """Why approvers were asked.

    Attributes:
        text: one sentence with the numbers in it.
        kind: value of a `HoldKind`; None where an earlier version did not keep it.
        twice: USD that would be paid twice; None if that is not known, or not what it is about.
    """

    text: str
    kind: str | None = None
    twice: Decimal | None = None


@dataclass(frozen=True, slots=True)
class PastHold:
    """What approvers were asked, and what they said.

    Attributes:
        digest: the approval digest; None if it is not known.
        policy: hash of the policy by which they were asked; None if it is not known.
        until: UTC, when the hold ends or ended without a decision; None if it is not known.
        reasons: why they were asked.
        votes: those that counted when they were last read.
        twice: USD that would be paid twice, over all reasons; None if that is not known.
    """

    digest: str | None
    policy: str | None
    until: datetime | None
    reasons: tuple[PastReason, ...] = ()
    votes: tuple[Vote, ...] = ()
    twice: Decimal | None = None


@dataclass(frozen=True, slots=True)
class PastRequest:
    """One request.

    Attributes:
        key: its identity.
        permalink: its address; "" if nobody knows the workspace's address.
        status: as in `creditbot.state.record`; "unknown" if its summary names none.
        amount: USD that we answered; None if we did not answer it.
        computed: USD that was computed, answered or not; None if no amount is known.
        at: UTC of the last change of its status: of its end, if it has ended; None if it is not known.
        seen: UTC, when the bot first worked on it; None if that is not known.
        answered: UTC of the answer in its thread, by us or by others; None if there is none, or its time is not known.
        seconds: from claim to reply; None if we did not answer it.
        reason: why it stands so, one sentence, or "".
        cause: kind of the failure it ended with or waits for, `CreditbotError.kind`; None if there is none, or where an
            earlier version did not keep it.
        requester: id of its author; None if it is not known.
        answer_by: id of the person or bot that answered it instead, or "".
        answer_amount: USD that this answer names; None if it names no single amount.
        overridden_by: who had the same SQL credited again, or "".
        links: its links; None if nothing is known of them.
        skipped: how many of its links the amount leaves out, because their product is off.
        hold: what approvers were asked; None if nobody had to be asked, as far as is known.
        digest: names what was computed, as on the card and the page; None without a summary of an amount.
        page: where its page is; None if there is none, or nobody looked.
        doubts: how many other credits it could not be compared with; None without a summary.
        log_position: its place in the log of ends; None if it is in none.
        would: what would have become of it, if it ended in shadow, as in `creditbot.state.record`; else "".
    """

    key: RequestKey
    permalink: str
    status: str
    amount: Decimal | None = None
    computed: Decimal | None = None
    at: datetime | None = None
    seen: datetime | None = None
    answered: datetime | None = None
    seconds: float | None = None
    reason: str = ""
    cause: str | None = None
    requester: str | None = None
    answer_by: str = ""
    answer_amount: Decimal | None = None
    overridden_by: str = ""
    links: tuple[PastLink, ...] | None = None
    skipped: int = 0
    hold: PastHold | None = None
    digest: str | None = None
    page: str | None = None
    doubts: int | None = None
    log_position: int | None = None
    would: str = ""

    @property
    def asked(self) -> datetime:
        """When it was asked, UTC."""
        return time_of(self.key.ts)

    @property
    def terminal(self) -> bool:
        """Whether it has ended."""
        return self.status in TERMINAL

    @property
    def ended(self) -> datetime | None:
        """When it ended, UTC; None if it has not, or nobody knows when."""
        return self.at if self.terminal else None

    @property
    def credited_at(self) -> datetime | None:
        """When the amount was credited, UTC: the time of our reply; None if we did not answer, or nobody knows when."""
        return (self.answered or self.at) if self.amount is not None else None

    @property
    def traffic(self) -> tuple[str, ...]:
        """Which traffic was computed, a line for each link of which it is known: product, accounts, days."""
        known = (link.kept for link in self.links or () if link.kept)
        return tuple(
            dict.fromkeys(traffic_in_words(footprint) for footprint in map(_without_units, known) if footprint)
        )

    @property
    def credited(self) -> tuple[PastLink, ...]:
        """The links that `amount` is the sum of; empty if we did not answer.

        It is one link of which nothing else is known if the links that are known do not add up to the amount, such as
        where a summary is of another run.
        """
        if self.amount is None:
            return ()
        links = tuple(link for link in self.links or () if link.credit is not None)
        total = sum((link.credit for link in links if link.credit is not None), Decimal(0))
        return links if links and total == self.amount else (PastLink(credit=self.amount),)

    @property
    def deciders(self) -> tuple[str, ...]:
        """Ids of the approvers who decided on it: those who said yes, or no if it was denied."""
        if self.hold is None or self.status not in ("answered", "posting", "denied"):
            return ()
        yes = self.status != "denied"
        return tuple(dict.fromkeys(vote.by for vote in self.hold.votes if vote.yes is yes))

    @property
    def decided(self) -> datetime | None:
        """When their last vote was first seen, UTC; None if nobody has decided."""
        votes = [vote.seen for vote in self.hold.votes if vote.by in self.deciders] if self.hold else []
        return max(votes, default=None)

    @property
    def twice(self) -> Decimal | None:
        """USD that would have been paid twice, at the least; None if no overlap is known by its amount.

        An earlier version kept the shares alone. They may be of the same traffic, so the largest counts then, and not
        their sum.
        """
        if self.hold and self.hold.twice is not None:
            return self.hold.twice
        return max((reason.twice for reason in self._overlaps if reason.twice is not None), default=None)

    @property
    def overlaps(self) -> int:
        """How many requests, or other links of its own, were found to share its traffic, or perhaps to."""
        return len(self._overlaps)

    @property
    def _overlaps(self) -> list[PastReason]:
        return [reason for reason in self.hold.reasons if reason.kind == "overlap"] if self.hold else []


def past_request(
    key: RequestKey, record: Record | None, summary: Mapping[str, Any] | None, address: str = "",
    page: str | None = None, log_position: int | None = None,
) -> PastRequest:  # fmt: skip
    """What is known of a request.

    Args:
        key: its identity.
        record: from the state, or None.
        summary: as it was saved, or None. The record goes above it until the end is in it.
        address: of the request, where the summary does not name it; "" if it is not known.
        page: where its page is; None if there is none.
        log_position: its place in the log of ends; None if it is in none.
    """
    known = summary or {}
    by_summary = outcome_fields(known)
    is_in_summary = record is None or (record.terminal and record.saved and bool(by_summary))
    outcome = by_summary if is_in_summary or record is None else outcome_from(record)
    request = mapping(known.get("request"))
    status, reply = str(outcome.get("status") or "unknown"), outcome.get("reply")
    result = record.result if record else None
    computed = result.amount if result else number(known.get("credit_amount")) or number(known.get("computed_amount"))
    links = _links(known, record)
    return PastRequest(
        key=key,
        permalink=str(request.get("permalink") or address),
        status=status,
        amount=computed if status == "answered" else None,
        computed=computed,
        at=moment(outcome.get("at")),
        seen=moment(outcome.get("first_seen")),
        answered=time_of(reply) if isinstance(reply, str) and is_ts(reply) else None,
        seconds=_seconds(outcome.get("seconds")),
        reason=str(outcome.get("reason") or ""),
        cause=_text(outcome.get("cause")),
        requester=_text(request.get("author")) or (record and record.user) or None,
        answer_by=str(outcome.get("answer_by") or ""),
        answer_amount=number(outcome.get("answer_amount")),
        overridden_by=str(outcome.get("overridden_by") or ""),
        links=links,
        skipped=sum(link.skipped for link in links or ()) if summary or not result else result.skipped,
        hold=_hold(outcome.get("approval")),
        digest=digest_of(known) or None,
        page=page,
        log_position=log_position,
        doubts=None if summary is None else len(sequence(known.get("not_compared"))),
        would=str(outcome.get("would") or ""),
    )


def _links(summary: Mapping[str, Any], record: Record | None) -> tuple[PastLink, ...] | None:
    kept = mappings(summary.get("links"))
    if kept:
        return tuple(map(_link, kept))
    result = record.result if record else None
    if result is None or not result.links:
        return None
    footprints = [_from_state(text) for text in result.traffic]
    whole = footprints if len(footprints) == len(result.links) else [None] * len(result.links)
    return tuple(
        PastLink(product=link.product or None, credit=link.amount, days=_known_days(footprint))
        for link, footprint in zip(result.links, whole, strict=True)
    )


def _link(link: Mapping[str, Any]) -> PastLink:
    kept = link.get("footprint")
    footprint = _without_units(kept) if isinstance(kept, Mapping) else None
    accounts = footprint.accounts if footprint else None
    product, problem = _text(link.get("product")), _text(link.get("problem"))
    flagged, cost = (mapping(kept).get(name) for name in ("flagged", "cost"))
    return PastLink(
        url=_text(link.get("url")),
        product=product,
        credit=number(link.get("credit")),
        accounts=tuple(accounts.every) if isinstance(accounts, Accounts) else None,
        days=_known_days(footprint),
        units=flagged if isinstance(flagged, int) else None,
        fraud_cost=number(cost),
        sql=_text(link.get("sql_sha256")),
        notebook=_text(link.get("notebook_sha256")),
        versions={str(name): str(version) for name, version in mapping(link.get("versions")).items()},
        problem=problem,
        skipped="sql_sha256" in link and not product and not problem,
        kept=kept if footprint else None,
    )


def _known_days(footprint: Footprint | None) -> Days | None:
    return footprint.days if footprint and isinstance(footprint.days, Days) else None


def _footprint(kept: Mapping[str, Any] | None) -> Footprint | None:
    try:
        return footprint_from_json(kept) if kept else None
    except ValueError:
        return None


def _without_units(kept: Mapping[str, Any]) -> Footprint | None:
    """A footprint in a summary, its units not unpacked."""
    with suppress(ValueError, LookupError, TypeError, AttributeError):
        return within(str(kept["product"]), window_from_json(kept), Unknown("they were not read"))
    return None


def _from_state(text: str) -> Footprint | None:
    """A footprint in the state, whose accounts are hashed; None if a later version wrote it."""
    with suppress(ValueError):
        return footprint_from_text(text)
    return None


def _hold(approval: object) -> PastHold | None:
    if not isinstance(approval, Mapping) or not approval:
        return None
    votes = map(_vote, mappings(approval.get("votes")))
    return PastHold(
        digest=_text(approval.get("digest")),
        policy=_text(approval.get("policy")),
        until=moment(approval.get("until")),
        reasons=tuple(
            PastReason(str(reason.get("text", "")), _text(reason.get("kind")), number(reason.get("twice")))
            for reason in hold_reasons_in(approval)
        ),
        votes=tuple(vote for vote in votes if vote),
        twice=number(approval.get("twice")),
    )


def _vote(vote: Mapping[str, Any]) -> Vote | None:
    seen = moment(vote.get("first_seen"))
    return (
        Vote(str(vote.get("by", "")), vote.get("vote") == "yes", seen, str(vote.get("typed_by", ""))) if seen else None
    )


def _seconds(value: object) -> float | None:
    seconds = number(value)
    return float(seconds) if seconds else None


def _text(value: object) -> str | None:
    return text(value) or None
