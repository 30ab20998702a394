"""Posts a computed credit into its thread exactly once.

    look     read the thread again: the request is unchanged, and no answer is there yet; and the votes, if it is held
    swap     computed -> posting, with the time; from now on a reply may exist
    send     within 30 s of that time and 90 s of the look, as at most one HTTP request
    swap     posting -> answered

`chat.postMessage` has no idempotency key. So if a process dies in between, only the thread can show whether the reply
was posted, and only once every post must be visible: POST_SETTLE_SECONDS after the swap. *Then* the thread is read.

    it shows our marker                    the request is answered
    a person answered, or the message is   the request ends
    gone
    somebody else posted our marker, or    the request ends, and the owner is told
    the same SQL was credited meanwhile
    it shows none of these                 the reply is posted again

There are no other ways out of posting, except that a definite refusal of this very send leads back to computed. In
shadow, what would be posted again ends instead. If
Slack refuses only the card below the text, the text goes out alone in the same way, with a swap of its own. If a
reply was sent more than once and Slack does not show it within LOOKBACK_HOURS of the first claim, it is not sent again.
Its thread is read until it decides.

Nobody can exclude two things: a process may sleep between its last look at the clock and its send, and a post may
become visible later than the settle time. `repair` looks for both and edits the later reply, so that nobody credits it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from creditbot.answer.card import card_for
from creditbot.answer.context import TickContext
from creditbot.answer.duplicates import Duplicates
from creditbot.answer.finishing import Finisher
from creditbot.answer.holding import Holds, NotApproved
from creditbot.answer.owner import SEND_WITHIN
from creditbot.answer.repair import Repair
from creditbot.answer.shadow import Shadow
from creditbot.answer.thread_check import ThreadCheck, answered
from creditbot.credit.amount import reply_text
from creditbot.errors import CardRefused, PostRefused, PostUnknown, ReplyLost, StateConflict
from creditbot.evidence.log import checkpoint_of
from creditbot.model import Card, Marker, RequestKey
from creditbot.state.codec import State
from creditbot.state.record import Claim, Record, move, restarted

log = logging.getLogger(__name__)

LOOK_VALID_FOR = timedelta(seconds=60)
"""How long after a look at the thread a post may begin: people answer and edit meanwhile."""


@dataclass(frozen=True, slots=True)
class _Send:
    """What a send is based on.

    Attributes:
        claim: ours.
        looked: when the thread was looked at; a send soon after it needs no other look.
        replies: how many the thread had then.
        card: what the reply shows below its text; None for the text alone.
    """

    claim: Claim
    looked: datetime
    replies: int
    card: Card | None


class Poster:
    """Posts computed credits, and finds out what became of posts whose outcome is unknown.

    Every method stores its decision. It raises `StateConflict` if another process decided first, and whatever reading
    and writing Slack raises.
    """

    def __init__(
        self, context: TickContext, finisher: Finisher, check: ThreadCheck, repair: Repair, duplicates: Duplicates,
        holds: Holds,
    ) -> None:  # fmt: skip
        self._shadow = Shadow(context, finisher, duplicates, holds)
        self._context = context
        self._finisher = finisher
        self._check = check
        self._repair = repair
        self._duplicates = duplicates
        self._holds = holds

    def post(self, key: RequestKey, record: Record, claim: Claim, replies: int | None = None) -> Record:
        """Takes a computed or held request through posting, or back to restarted if its links were edited meanwhile.

        It is held instead if a person has to decide, and ends as denied if one has said no. In shadow it ends, and
        nothing is posted. Raises `AlreadyCredited`,
        `NotYet` (nobody can tell yet whether the SQL is credited), `ThreadUnclear`, `PostRefused` (the request goes
        back to computed), `PostUnknown` (it stays posting), `StateFull`. `replies` is how many replies the channel
        shows for the thread; None where that is not known.
        """
        card = card_for(self._context, key, record)  # first: nothing slow may come between the look and the send
        self._context.ports.replier.pace(key.channel)
        looked = self._context.now()
        shown = self._check.look(key, record.thread, record.retried)
        if ended := self._check.end_if_decided(key, record, shown):
            return ended
        assert shown.request
        if shown.request.fingerprint != record.links:
            updated = restarted(record, self._context.now())
            self._context.ledger.swap(key, record, updated)
            return updated
        current = shown if replies is None else replace(shown, replies=replies)
        if self._context.in_shadow(key, record):
            return self._shadow.end(key, record, current)
        if unapproved := self._holds.unless_approved(key, record, current):
            return unapproved
        try:
            return self._send(key, record, _Send(claim, looked, shown.replies, card))
        except NotApproved:  # the next call holds it: the state as it is now shows the reason
            return record

    def recover(self, key: RequestKey, record: Record, claim: Claim) -> Record | None:
        """Reads the thread of a posting, and posts again if nothing is there. None before the settle time has passed.

        An edit meanwhile changes nothing: the reply that may exist is for the earlier links. Raises as `post` does, and
        `ReplyLost` if Slack never showed posts of this reply: then the request stays posting and is not posted again.
        """
        now = self._context.now()
        if now - record.at < self._context.rules.settle:
            return None
        card = card_for(self._context, key, record)
        self._context.ports.replier.pace(key.channel)
        looked = self._context.now()
        shown = self._check.look(key, record.thread, record.retried)
        if ended := self._check.end_if_decided(key, record, shown):
            return ended
        if self._context.in_shadow(key, record):
            return self._shadow.end(key, record, shown)
        if record.posts > 1 and record.began and now - record.began > self._context.rules.reposts_for:
            raise ReplyLost(
                f"Slack never showed the reply, although it was sent {record.posts} times.",
                "Look at the thread first.",
            )
        self._holds.refuse_words(key, record, shown)
        if record.hold:
            allowed = self._holds.allows_again(key, record)
            if allowed is None or allowed.terminal:
                return allowed
            record = allowed
        return self._send(key, record, _Send(claim, looked, shown.replies, card))

    def _send(self, key: RequestKey, record: Record, send: _Send) -> Record:
        """Posts the reply; without its card if Slack definitely refuses that, and only that."""
        self._duplicates.refuse_remembered(key, record)
        try:
            return self._send_once(key, record, send)
        except CardRefused as refused:
            computed = self._context.ledger.state.records.get(key)
            if send.card is None or computed is None:
                raise
            log.warning("the reply to request %s goes out without its card: %s", key, refused)
            return self._send_once(key, computed, replace(send, card=None))

    def _send_once(self, key: RequestKey, record: Record, send: _Send) -> Record:
        assert record.result
        text = reply_text(self._context.rules_of(key).template, record.result.amount)
        posting = self._to_posting(key, record, send.claim, send.looked)
        checkpoint = checkpoint_of(self._context.ledger.state.log)
        marker = Marker("reply", str(key), posting.nonce, self._context.deployment, str(checkpoint or ""))
        try:
            ts = self._context.ports.replier.reply(key.channel, record.thread or key.ts, text, marker, send.card)
        except PostRefused:
            back = move(posting, "computed", self._context.now(), posts=posting.posts - 1)
            self._context.ledger.swap(key, posting, back)
            raise
        try:
            return self._finisher.finish(key, posting, answered(posting, self._context.now(), ts, send.replies + 1))
        except StateConflict:
            self._repair.after_conflict(key)
            raise

    def _to_posting(self, key: RequestKey, record: Record, claim: Claim, looked: datetime) -> Record:
        """Moves the request to posting, in time for the send.

        If the write was so slow that the send would come late, it is written again. Raises `PostUnknown` once the look
        at the thread is too old.
        """
        posts = record.posts + 1
        while (now := self._context.now()) - looked <= LOOK_VALID_FOR:
            posting = move(record, "posting", now, posts=posts, claim=claim)
            self._context.ledger.swap(key, record, posting, guard=partial(self._guard, key=key, now=now))
            if self._context.now() - now <= SEND_WITHIN:
                return posting
            record = posting
        raise PostUnknown(
            "Slack or the state store is too slow to post safely: the thread may have changed since it was read.",
            "The next tick reads it again.",
        )

    def _guard(self, state: State, key: RequestKey, now: datetime) -> None:
        """Called with the very state that the swap to posting is based on."""
        if state.broken or state.pauses(key, now):
            raise StateConflict("Older requests are paused after a loss of the state: nothing is posted for them.")
        if state.in_shadow(key, state.records[key].retried):
            raise StateConflict("Another process works in shadow on this state: nothing is posted.")
        self._duplicates.refuse_known(state, key, now)
        if state.records[key].status != "posting":  # in posting, a reply of this amount may exist
            self._holds.refuse_unapproved(state, key, now)
