"""Holds amounts that a person has to decide on: asks the approvers once, reads their votes, and ends what they deny.

    computed ──> held       there is a reason to ask; the same write makes the question due (`owner.Notices` sends it)
    held ──> posting        approved: `posting` asks `unless_approved` in the very step in which it looks at the thread
    held ──> denied         an approver said no, or nobody decided in time
    held ──> held, computed what was to be approved has changed: the approvers are asked again, or nobody has to approve

An approval covers a digest of the request's words, its amounts, its SQL, its notebooks, its traffic and the policy.
`unless_approved` makes the digest again from what the thread and the record say now. An amount without an approval of
that digest is not posted.

Votes are reactions to the question, and what `creditbot approve` and `creditbot deny` stored. Reasons come from the
policy and from `overlaps`; the state and the summaries say what was credited before. `question` words what is asked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from creditbot.answer.context import TickContext
from creditbot.answer.facts import KnownFacts
from creditbot.answer.finishing import Finisher
from creditbot.answer.opinions import SecondOpinions
from creditbot.answer.overlaps import Overlaps
from creditbot.answer.owner import Notices, due, question_name
from creditbot.answer.past_credits import PastCredits
from creditbot.answer.question import Question, contested_text, denied_text, question_text, unasked_text
from creditbot.answer.thread_words import word_reasons
from creditbot.credit.amount import reply_text
from creditbot.decide.approval import Verdict, approval_digest, tally, verdict, voters
from creditbot.decide.hold import HoldKind, HoldReason, uncovered
from creditbot.decide.paid_twice import Credited, Findings, account_reasons
from creditbot.decide.policy import Policy
from creditbot.decide.reasons import reasons_to_hold
from creditbot.errors import CreditbotError, ThreadUnclear
from creditbot.intake.requests import Request
from creditbot.intake.thread import ThreadView, Words
from creditbot.model import RequestKey
from creditbot.slack_time import time_of
from creditbot.state.codec import State
from creditbot.state.record import Hold, Record, move


class NotApproved(CreditbotError):
    """Another request was credited meanwhile, and that is a reason to ask which the approvers were not shown."""


class Holds:
    """Holds amounts, and lets them go when they are approved.

    Every method stores its decision. It raises `StateConflict` if another process decided first, and what reading and
    writing Slack raises.
    """

    def __init__(self, context: TickContext, finisher: Finisher, notices: Notices) -> None:
        self._context = context
        self._finisher = finisher
        self._notices = notices
        self._past = PastCredits(context)
        self._overlaps = Overlaps(context, self._past)
        self._opinions = SecondOpinions(
            context.rules.channels.everywhere.policy.opinion, context.ports, context.workspace
        )
        self._facts = KnownFacts(context, self._past, self._opinions)

    def poll(self, key: RequestKey, record: Record) -> Record | None:
        """Reads the votes on a held request: one call to Slack. Returns its record if there is something to do now."""
        hold = _hold_of(record)
        is_over = self._context.now() >= hold.until or hold.policy != self._policy(key).digest
        if is_over or self._context.in_shadow(key, record):
            return record
        record = self._with_votes(key, record)
        outcome = self._verdict(key, record)
        if outcome is Verdict.CONTESTED:
            self._tell_contested(key, record)
        return record if outcome in (Verdict.APPROVED, Verdict.DENIED) else None

    def unless_approved(self, key: RequestKey, record: Record, shown: ThreadView) -> Record | None:
        """None if the amount may be posted now; otherwise the record as it is stored now, and nothing may be posted.

        If that record is computed, or held with a claim, the caller has to ask again. `shown` is the thread as it is
        now.
        """
        assert shown.request
        reasons, found = self._reasons(key, record, shown.words)
        if record.hold is None:
            return self._begin(key, record, shown, reasons, found) if reasons else None
        is_void, is_over = self._is_void(key, record, shown.request), self._context.now() >= record.hold.until
        new = uncovered(reasons, record.hold.reasons)
        if is_void or any(reason.kind is not HoldKind.TALK for reason in new):
            if reasons and not is_void and is_over:
                return self._deny(key, record, shown.request.message.edited)
            if reasons:
                return self._begin(key, record, shown, reasons, found, until=None if is_void else record.hold.until)
            return self._swap(key, record, move(record, "computed", self._context.now(), hold=None))
        current = self._with_votes(key, record)
        if current is not record:
            return current
        outcome, now = self._verdict(key, record), self._context.now()
        if outcome is Verdict.APPROVED and now < record.hold.until:
            # Talk makes a question void only now: a thread in which people discuss a hold would void each one.
            return self._begin(key, record, shown, reasons, found, until=record.hold.until) if new else None
        if outcome is Verdict.DENIED or now >= record.hold.until:
            return self._deny(key, record, shown.request.message.edited)
        attempts = record.attempts - (record.claim is not None)
        seen = {"edited": shown.request.message.edited, "replies": shown.replies}
        waiting = move(record, "held", record.at, claim=None, attempts=max(0, attempts), **seen)
        return self._swap(key, record, waiting)

    def allows_again(self, key: RequestKey, record: Record) -> Record | None:
        """Whether a reply whose posting failed may be posted again: its thread was read and does not show it.

        Returns the record if its approval still stands, the end if it was denied meanwhile, and None to wait.
        """
        record = self._with_votes(key, record)
        outcome = self._verdict(key, record)
        if outcome is Verdict.APPROVED:
            return record
        if outcome is Verdict.DENIED or self._context.now() >= _hold_of(record).until:
            return self._deny(key, record, record.edited)
        return None

    def refuse_words(self, key: RequestKey, record: Record, shown: ThreadView) -> None:
        """Raises `ThreadUnclear` if people have written what nobody has approved, below a reply that may exist."""
        covered = record.hold.reasons if record.hold else ()
        if new := uncovered(self._by_words(key, record, shown.words), covered):
            raise ThreadUnclear(
                f"Before my reply was in the thread, somebody wrote or reacted there. {new[0].text}",
                "Look at the thread and credit by hand.",
            )

    def refuse_unapproved(self, state: State, key: RequestKey, now: datetime) -> None:
        """Checks again on the very state that the swap to posting is based on. Raises `NotApproved`."""
        record = state.records[key]
        reasons = reasons_to_hold(self._policy(key), self._facts.of(state, key, record, now))
        is_new = uncovered(reasons, record.hold.reasons if record.hold else ())
        if is_new or (self._policy(key).traffic.hold_overlap and self._overlaps.is_stale(state, key)):
            raise NotApproved("Another request was credited meanwhile.")

    def doubts(self, key: RequestKey, record: Record, links: Sequence[Credited]) -> Sequence[str]:
        """What could not be compared with other credits, one sentence for each of them; `links` are of this request."""
        self._past.keep(key, record, links)
        return self._overlaps.findings(key, record).unclear if self._policy(key).traffic.hold_overlap else ()

    def second_opinion(self, key: RequestKey, summary: Mapping[str, Any]) -> str:
        """What people usually credit for what was computed just now, one sentence; "" if nobody wants to know."""
        return self._opinions.sentence(key, summary)

    def would_ask(self, key: RequestKey, record: Record, shown: ThreadView) -> Hold | None:
        """The hold that a computed request would get now; None if nobody has to be asked. Its question has no name."""
        assert record.result
        assert shown.request
        reasons, found = self._reasons(key, record, shown.words)
        digest = approval_digest(shown.request.message.text, record.result, self._policy(key))
        until = self._context.now() + self._policy(key).expires
        return Hold(digest, self._policy(key).digest, reasons, "", until, twice=found.known_twice) if reasons else None

    def _reasons(
        self, key: RequestKey, record: Record, words: Sequence[Words]
    ) -> tuple[tuple[HoldReason, ...], Findings]:
        """Why a person has to decide, and what comparing the request with others has shown."""
        by_policy = reasons_to_hold(self._policy(key), self._facts.read(key, record))
        whose, found = self._by_traffic(key, record)
        return (*self._by_words(key, record, words), *by_policy, *whose, *found.reasons), found

    def _by_words(self, key: RequestKey, record: Record, words: Sequence[Words]) -> tuple[HoldReason, ...]:
        agreed = {vote.by for vote in record.hold.votes if vote.yes} if record.hold else set()
        return word_reasons(words, self._policy(key), agreed)

    def _by_traffic(self, key: RequestKey, record: Record) -> tuple[tuple[HoldReason, ...], Findings]:
        """The reasons that lie in whose traffic is credited, and what was credited before."""
        assert record.result
        rules = self._policy(key).traffic
        if not record.result.traffic:  # an earlier version computed it
            return (), Findings()
        links = self._past.links(key, record)
        whose = account_reasons([link.footprint for link in links]) if rules.account_required else ()
        return whose, self._overlaps.findings(key, record, again=True) if rules.hold_overlap else Findings()

    def _begin(
        self, key: RequestKey, record: Record, shown: ThreadView, reasons: Sequence[HoldReason], found: Findings,
        until: datetime | None = None,
    ) -> Record:  # fmt: skip
        """Holds the request, and makes the question to the approvers due in the same write.

        `until` is the end of the hold if only its reasons have changed: they give nobody more time, or a limit that is
        a new reason every day would let it wait without end.
        """
        assert record.result
        assert shown.request
        now, message = self._context.now(), shown.request.message
        digest = approval_digest(message.text, record.result, self._policy(key))
        name = question_name(key, _suffix(digest, message.edited, record.retried, reasons))
        ends = until or now + self._policy(key).expires
        hold = Hold(digest, self._policy(key).digest, tuple(reasons), name, ends, twice=found.known_twice)
        changes: dict[str, Any] = {"attempts": 0, "returned": 0, "claim": None, "due": None, "reason": ""}
        held = move(
            record, "held", now, hold=hold, edited=message.edited, replies=shown.replies, **changes,
        )  # fmt: skip
        asked = replace(
            due(self._question(key, held, shown.request, found), now, since=record.retried or time_of(key.ts)),
            to_approvers=True,
        )
        return self._finisher.hold(key, record, held, {name: asked})

    def _is_void(self, key: RequestKey, record: Record, request: Request) -> bool:
        assert record.result
        return _hold_of(record).digest != approval_digest(request.message.text, record.result, self._policy(key))

    def _with_votes(self, key: RequestKey, record: Record) -> Record:
        """The record with the votes as they stand now, stored if they have changed."""
        hold = _hold_of(record)
        votes = tally(hold.votes, self._reactions(key, record), self._voters(key, record), self._context.now())
        if votes == hold.votes:
            return record
        return self._swap(key, record, move(record, record.status, record.at, hold=replace(hold, votes=votes)))

    def _reactions(self, key: RequestKey, record: Record) -> Mapping[str, Sequence[str]]:
        """Who reacted to the question, and how; to every copy of it if it may have been sent more than once."""
        hold, approvers = _hold_of(record), self._context.ports.approvers
        notice = self._context.ledger.state.notices.get(hold.ask)
        if notice is None or notice.status != "told":
            return {}
        message = approvers.question(notice.channel, notice.ts)
        messages = [message] if message else []
        if notice.sends > 1:
            where = self._context.rules_of(key).asks_in
            copies = approvers.asked(where, hold.ask, notice.since or notice.at) or ()
            others = [(copy.channel, copy.ts) for copy in copies if copy.ts != notice.ts]
            messages += filter(None, (approvers.question(*other) for other in others))
        if not messages and self._context.now() - notice.at >= self._context.rules.settle:
            address = self._context.workspace.address(key, record.thread)
            self._notices.add(f"{key}.unasked.{hold.ask.rpartition('.')[2]}", unasked_text(address, hold.until))
        found: dict[str, list[str]] = {}
        for message in messages:
            for emoji, users in message.reactions.items():
                found.setdefault(emoji, []).extend(users)
        return found

    def _voters(self, key: RequestKey, record: Record) -> tuple[str, ...]:
        return voters(self._policy(key), {record.user, self._context.workspace.user})

    def _verdict(self, key: RequestKey, record: Record) -> Verdict:
        assert record.result
        quorum = self._policy(key).quorum(record.result.amount)
        return verdict(_hold_of(record).votes, self._voters(key, record), quorum)

    def _deny(self, key: RequestKey, record: Record, edited: str) -> Record:
        hold, now = _hold_of(record), self._context.now()
        no = _named(hold, yes=False)
        reason = f"{no} denied it." if no else f"Nobody decided on it before {hold.until:%Y-%m-%d %H:%M} UTC."
        end = move(record, "denied", now, claim=None, reason=reason, edited=edited)
        address = self._context.workspace.address(key, record.thread)
        text = denied_text(address, reason, self._context.ports.pages.address(key))
        notice = due(text, now, since=record.retried or time_of(key.ts))
        return self._finisher.finish(key, record, end, {f"{key}.denied.{hold.ask.rpartition('.')[2]}": notice})

    def _tell_contested(self, key: RequestKey, record: Record) -> None:
        hold = _hold_of(record)
        yes, no = _named(hold, yes=True), _named(hold, yes=False)
        address = self._context.workspace.address(key, record.thread)
        name = f"{key}.contested.{hold.ask.rpartition('.')[2]}"
        self._notices.add(name, contested_text(address, yes, no, hold.until), to_approvers=True)

    def _question(self, key: RequestKey, record: Record, request: Request, found: Findings) -> str:
        assert record.result
        amount, context = record.result.amount, self._context
        return question_text(
            Question(
                address=context.workspace.address(key, record.thread),
                author=record.user,
                words=request.message.text,
                amount=amount,
                links=self._past.links(key, record),
                hold=_hold_of(record),
                twice=found.twice,
                perhaps_more=found.perhaps_more,
                reply=reply_text(context.rules_of(key).template, amount),
                voters=self._voters(key, record),
                quorum=self._policy(key).quorum(amount),
                page=context.ports.pages.address(key),
            )
        )

    def _policy(self, key: RequestKey) -> Policy:
        return self._context.rules_of(key).policy

    def _swap(self, key: RequestKey, base: Record, new: Record) -> Record:
        self._context.ledger.swap(key, base, new)
        return new


def _suffix(digest: str, edited: str, retried: datetime | None, reasons: Sequence[HoldReason]) -> str:
    """Tells questions about one request apart. Stays the same after a loss of the state, unless that lost a retry."""
    shown = [[reason.kind.value, reason.about] for reason in reasons]
    return hashlib.sha256(repr([digest, edited, retried, shown]).encode()).hexdigest()[:12]


def _hold_of(record: Record) -> Hold:
    assert record.hold
    return record.hold


def _named(hold: Hold, *, yes: bool) -> str:
    """Those who said yes, or no; each once, and so that Slack shows their names."""
    return ", ".join(dict.fromkeys(f"@{vote.by}" for vote in hold.votes if vote.yes is yes))
