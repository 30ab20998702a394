"""Replying once: how a computed credit gets into its thread exactly one time.

    look     read the thread again: the request unchanged, no answer there yet
    swap     computed -> posting, with the moment; from now on a reply may exist
    send     within 30 s of that moment and 90 s of the look, at most one request on the wire
    swap     posting -> answered

`chat.postMessage` has no idempotency key, so what becomes of a `posting` that was not finished is decided by the thread
alone, and only when any post of it must have become visible: POST_SETTLE_SECONDS after the swap. *Then* the thread is
read: our marker there means answered; nothing there means a new posting, or its end where a person answered, the
message is gone, or people must look: somebody else's marker, or the same SQL credited meanwhile. A definite refusal of
this very send leads back to computed. Nothing else leaves posting: a reply that was sent more than once in
LOOKBACK_HOURS and never seen is not sent again, but looked for until its thread decides.

What nobody can exclude (a process that sleeps between its last look at the clock and its send, a post that becomes
visible later than the settle time) is looked for and repaired: the later reply is edited so that nobody credits it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from creditbot.answer.finishing import Closing
from creditbot.answer.owner import SEND_WITHIN, Notices
from creditbot.credit.amount import reply_text
from creditbot.errors import (
    AlreadyCredited,
    NotYet,
    PostRefused,
    PostUnknown,
    Refused,
    ReplyLost,
    StateConflict,
    ThreadUnclear,
)
from creditbot.evidence.summary import outcome_of
from creditbot.intake.requests import RequestRules
from creditbot.intake.thread import LATE, REPEATS, ThreadView, is_behind, view
from creditbot.model import Marker, RequestKey, Workspace
from creditbot.ports import Ports
from creditbot.state.codec import State
from creditbot.state.ledger import Ledger
from creditbot.state.record import ANSWERED, Claim, Record, move, reopened

LOOK_HOLDS = timedelta(seconds=60)
"""How long after a look at a thread a post may be begun that it allowed: people answer and edit, too."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How replies are made.

    Attributes:
        settle: how long after the swap to posting a reply may still become visible.
        lookback: how long posts of unknown outcome are followed by others.
        duplicates: for how long the same SQL is credited once.
        template: text of the reply; knows only `{amount}`.
    """

    settle: timedelta
    lookback: timedelta
    duplicates: timedelta
    template: str


class Replies:
    """Posts what was computed, and finds out what became of posts whose outcome is unknown.

    Every verb stores what it decides, and raises `StateConflict` if somebody else decided first, and what reading and
    writing Slack raises.
    """

    def __init__(
        self, ports: Ports, ledger: Ledger, workspace: Workspace, policy: RequestRules, rules: Rules, closing: Closing,
        notices: Notices
    ) -> None:  # fmt: skip
        self._ports = ports
        self._ledger = ledger
        self._workspace = workspace
        self._policy = policy
        self._rules = rules
        self._closing = closing
        self._notices = notices

    def look(self, key: RequestKey, record: Record) -> ThreadView:
        """Reads the thread of a request as it is now."""
        return self._view(key, record.thread)

    def _view(self, key: RequestKey, thread: str = "") -> ThreadView:
        """`thread` spares a read where it is known: a broadcast's own ts gives no more than the broadcast."""
        messages = self._ports.inbox.thread(key.channel, thread or key.ts)
        own = next((message for message in messages if message.ts == key.ts), None)
        if own and own.thread != (thread or key.ts):
            messages = self._ports.inbox.thread(key.channel, own.thread)
        return view(messages, key, self._workspace, self._policy)

    def closed(self, key: RequestKey, record: Record, seen: ThreadView) -> Record | None:
        """Ends the request if the thread shows that there is nothing to post; None if a reply is wanted.

        Raises `ThreadUnclear` where the thread does not decide, `NotYet` where it does not yet.
        """
        end = self._end(key, record, seen)
        if end is None:
            return None
        doubled = bool(seen.repeats)  # looked at again if we die
        ended = self._closing.end(key, record, replace(end, doubled=doubled), request=seen.request)
        self._amend(key, record, seen.repeats, REPEATS)
        return ended

    def _end(self, key: RequestKey, record: Record, seen: ThreadView) -> Record | None:
        now = self._ports.clock.now()
        if seen.ours:
            return move(record, "answered", now, reply=seen.ours[0], claim=None, reason="", seconds=_since(record, now))
        if seen.forged:
            raise ThreadUnclear(
                "A reply in the thread carries our marker, but somebody else posted it.",
                "Find out who posted it, and credit by hand.",
            )
        if seen.elsewhere:
            return move(record, "elsewhere", now, reply=seen.elsewhere, claim=None, reason="Answered in the thread.")
        if is_behind(seen.own, key, record.edited, now, self._rules.settle):
            raise NotYet("The thread does not show the request as it is yet.", "It is read again.")
        if seen.request is None:
            return move(record, "withdrawn", now, claim=None, reason="The message, or its Looker links, were deleted.")
        if seen.unclear:
            raise ThreadUnclear(seen.unclear, "Look at the thread and credit by hand.")
        return None

    def post(self, key: RequestKey, record: Record, claim: Claim) -> Record:
        """Takes a computed request through posting, or back to seen if its links were edited meanwhile.

        Raises `AlreadyCredited`, `NotYet` (that is not known yet), `ThreadUnclear`, `PostRefused` (the request is
        computed again), `PostUnknown` (it stays posting), `StateFull`.
        """
        self._ports.replier.pace(key.channel)
        looked = self._ports.clock.now()
        seen = self.look(key, record)
        if ended := self.closed(key, record, seen):
            return ended
        assert seen.request
        if seen.request.fingerprint != record.links:
            now = self._ports.clock.now()
            anew = reopened(record, now)
            self._ledger.swap(key, record, anew)
            return anew
        return self._send(key, record, claim, looked)

    def recover(self, key: RequestKey, record: Record, claim: Claim) -> Record | None:
        """Decides a posting by the thread, and posts what was computed if nothing is there; None before it has settled.

        An edit meanwhile changes nothing: the reply that may exist is of these links. Raises as `post` does, and
        `ReplyLost` where that has gone on for too long: it is not posted any more, and stays posting.
        """
        now = self._ports.clock.now()
        if now - record.at < self._rules.settle:
            return None
        self._ports.replier.pace(key.channel)
        looked = self._ports.clock.now()
        if ended := self.closed(key, record, self.look(key, record)):
            return ended
        if record.posts > 1 and record.began and now - record.began > self._rules.lookback:
            raise ReplyLost(
                f"The reply was sent {record.posts} times, and Slack never showed it.", "Answer by hand, after a look."
            )
        return self._send(key, record, claim, looked)

    def repair(self, key: RequestKey, record: Record) -> str:
        """Looks for replies of ours that should not be there, and edits them so that nobody credits them.

        The owner is told once. Ends the request as answered if it is under way. Returns the ts of the reply that
        stands, "" if there is none of ours.
        """
        seen = self.look(key, record)
        self._ledger.confirm(key, record)  # a reply that is right for what it has become meanwhile is not edited
        if record.status in ("claimed", "computed", "posting") and seen.ours:  # else it is for whoever works on it
            self.closed(key, record, seen)
        elif record.status == "answered":
            self._amend(key, record, seen.repeats, REPEATS)
        elif record.terminal:
            self._amend(key, record, seen.ours, REPEATS if record.status == "elsewhere" else LATE)
            return ""
        return seen.ours[0] if seen.ours else ""

    def _amend(self, key: RequestKey, record: Record, replies: Sequence[str], text: str) -> None:
        for ts in replies:
            where = self._workspace.permalink(key.channel, ts, record.thread or key.ts)
            self._notices.add(
                f"{key}.repeat.{ts}",
                f'I posted a reply that is not to be credited, and edit it to say "{text}" Look whether somebody has '
                f"credited it: {where}",
            )
            try:
                self._ports.replier.amend(key.channel, ts, text)
            except PostRefused as error:
                if error.retry:
                    raise
                self._notices.add(f"{key}.stays.{ts}", f"{where} could not be edited: {error} Delete it by hand.")

    def _send(self, key: RequestKey, record: Record, claim: Claim, looked: datetime) -> Record:
        assert record.result
        text = reply_text(self._rules.template, record.result.amount)
        if not record.again:
            self._refuse_credited(key, record.result.sql)
        posting = self._to_posting(key, record, claim, looked)
        try:
            ts = self._ports.replier.reply(
                key.channel, record.thread or key.ts, text, Marker("reply", str(key), posting.nonce)
            )
        except PostRefused:
            back = move(posting, "computed", self._ports.clock.now(), posts=posting.posts - 1)
            self._ledger.swap(key, posting, back)
            raise
        now = self._ports.clock.now()
        answered = move(posting, "answered", now, reply=ts, claim=None, reason="", seconds=_since(record, now))
        try:
            return self._closing.end(key, posting, answered)
        except StateConflict:
            self._repair_lost(key)
            raise

    def _repair_lost(self, key: RequestKey) -> None:
        """We posted, and somebody else changed the request meanwhile: two replies may stand there now."""
        current = self._ledger.read().records.get(str(key))
        if current:
            self.repair(key, current)

    def _to_posting(self, key: RequestKey, record: Record, claim: Claim, looked: datetime) -> Record:
        """The swap, made anew where it took too long to send after it; but not on a look that is too old for both."""
        posts = record.posts + 1
        while (now := self._ports.clock.now()) - looked <= LOOK_HOLDS:
            posting = move(record, "posting", now, posts=posts, claim=claim)
            self._ledger.swap(key, record, posting, guard=partial(self._guard, key=key, now=now))
            if self._ports.clock.now() - now <= SEND_WITHIN:
                return posting
            record = posting
        raise PostUnknown(
            "Slack or a store answers too slowly to post safely: what its thread showed may have changed.",
            "It is looked at again.",
        )

    def _guard(self, state: State, key: RequestKey, now: datetime) -> None:
        """Called with the very state that the swap to posting is based on."""
        if state.broken or state.holds(key, now):
            raise StateConflict("Nothing is posted for older requests until the state's loss has settled.")
        record = state.records[str(key)]
        if record.again or not record.result:
            return
        for other, theirs in state.records.items():
            if other != str(key) and _credits(theirs, now - self._rules.duplicates) & set(record.result.sql):
                raise self._already(RequestKey.parse(other))

    def _refuse_credited(self, key: RequestKey, hashes: tuple[str, ...]) -> None:
        """Looks in the summaries, for requests that the state has forgotten, or that were lost with a state."""
        now = self._ports.clock.now()
        others = dict.fromkeys(other for sha in hashes for other in self._ports.summaries.credited_by(sha))
        others.pop(key, None)
        for other in others:
            outcome = outcome_of(self._ports.summaries.load(other) or {})
            if outcome is None or outcome.at < now - self._rules.duplicates:
                continue
            if outcome.status in ANSWERED:
                raise self._already(other)
            if outcome.status == "computed":
                self._refuse_posted(other, now)

    def _refuse_posted(self, other: RequestKey, now: datetime) -> None:
        """Of a computed request nobody but its thread knows whether it was posted before a state was lost."""
        if self._ledger.state.holds(other, now):
            raise NotYet(
                f"The same SQL may be credited by another request: {self._address(other)}", "It is looked at again."
            )
        try:
            seen = self._view(other)
        except Refused as error:
            raise self._unclear(other, str(error)) from error
        if seen.ours or seen.elsewhere:
            raise self._already(other)
        if seen.forged or seen.unclear:
            raise self._unclear(other, "Its thread does not say whether it was answered.")

    def _unclear(self, other: RequestKey, why: str) -> ThreadUnclear:
        return ThreadUnclear(
            f"The same SQL may be credited by another request: {self._address(other)} {why}",
            "Look at both threads; credit by hand, or run `creditbot retry --again` with the address of this request.",
        )

    def _already(self, other: RequestKey) -> AlreadyCredited:
        return AlreadyCredited(
            f"The same SQL is credited by another request: {self._address(other)}",
            "If it is to be credited again, run `creditbot retry --again` with the address of this request.",
        )

    def _address(self, key: RequestKey) -> str:
        return self._workspace.permalink(key.channel, key.ts)


def _credits(record: Record, oldest: datetime) -> set[str]:
    """What it credits, or a person who answered it: then the amount of that answer."""
    if record.status not in {"posting", *ANSWERED} or record.at < oldest or not record.result:
        return set()
    return set(record.result.sql)


def _since(record: Record, now: datetime) -> float:
    return (now - record.began).total_seconds() if record.began else 0.0
