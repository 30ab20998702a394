"""What becomes of a request that failed: `decide` says it, from what is known; `Failures.handle` does it.

Errors come from `worker`; what becomes of the request goes to the state, and the owner hears of what needs people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

from creditbot.answer import owner
from creditbot.answer.context import TickContext
from creditbot.answer.finishing import Finisher
from creditbot.answer.owner import Notices
from creditbot.answer.rules import Rules
from creditbot.credit.compute import LinksFailed
from creditbot.errors import (
    AlreadyCredited,
    CreditbotError,
    NotYet,
    PostUnknown,
    ReplyLost,
    StateConflict,
    ThreadUnclear,
)
from creditbot.evidence.summary import TEXT_BYTES
from creditbot.intake.requests import Request
from creditbot.model import LookerLink, RequestKey
from creditbot.state.record import Record, Status, move
from creditbot.text import shorten

LONGEST_PAUSE = 240
"""Minutes that a request is put off at the most."""
_ENDS_POSTING = (AlreadyCredited, ThreadUnclear)
"""Errors that are raised for a posting only after it has settled and its thread was read. Only these may end it."""

Problem = tuple[LookerLink | None, CreditbotError]


class Decision(Enum):
    """What becomes of a request that failed."""

    NOT_OURS = auto()
    """Another process works on it now."""
    NOT_BEGUN = auto()
    """A shared cause came before it could be claimed: its record stays as it is."""
    RAISE = auto()
    """It has no record that could say what happened."""
    STAY_POSTING = auto()
    """Its reply may exist: only its thread decides."""
    RETRY_FREE = auto()
    """It is tried later, and the attempt is not counted: the cause is not its own."""
    RETRY_COUNTED = auto()
    """It is tried later, and the attempt counts."""
    GIVE_UP = auto()
    """It ends, and the owner is told."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A request that failed, and all that decides what becomes of it.

    Attributes:
        record: what the state says of it now; None if nothing.
        claimed: the claim in the record is ours.
        unchanged: the record is the one that was worked on.
        problems: (link or None, error) pairs, never empty.
        ends_posting: the error may end a posting.
        stopping: this process was asked to stop.
        now: UTC.
    """

    record: Record | None
    claimed: bool
    unchanged: bool
    problems: Sequence[Problem]
    ends_posting: bool
    stopping: bool
    now: datetime

    @property
    def shared_cause(self) -> CreditbotError | None:
        """An error that concerns every request, such as a Looker that is down."""
        return next((error for _, error in self.problems if error.shared), None)

    @property
    def retryable(self) -> bool:
        """Whether each of its problems may pass."""
        return all(error.retry or error is self.shared_cause for _, error in self.problems)


def decide(failure: Failure, rules: Rules) -> Decision:
    """What becomes of the request. Pure."""
    record, cause = failure.record, failure.shared_cause
    if not failure.unchanged and not failure.claimed:
        return Decision.NOT_OURS
    if record and record.status == "posting" and not failure.ends_posting:
        return Decision.STAY_POSTING
    if record is None or not (failure.claimed or failure.ends_posting):
        return Decision.NOT_BEGUN if cause else Decision.RAISE
    if not failure.retryable:
        return Decision.GIVE_UP
    not_its_own = cause or failure.stopping or any(isinstance(error, NotYet) for _, error in failure.problems)
    if not_its_own and not _waited_too_long(record, failure.now, rules):
        return Decision.RETRY_FREE
    if not cause and record.attempts < rules.attempts:
        return Decision.RETRY_COUNTED
    return Decision.GIVE_UP


def _waited_too_long(record: Record, now: datetime, rules: Rules) -> bool:
    return record.began is not None and now - record.began > rules.waits_for_cause


class Failures:
    """Stores what becomes of failed requests, and remembers the shared causes that this tick met. Thread-safe."""

    def __init__(self, context: TickContext, finisher: Finisher, notices: Notices) -> None:
        self._context = context
        self._finisher = finisher
        self._notices = notices
        self.causes: dict[str, str] = {}
        """Service -> what kept requests waiting in this tick, one sentence."""

    def handle(
        self, key: RequestKey, record: Record | None, request: Request | None, error: CreditbotError
    ) -> Record | None:
        """Returns the record of the request as it stands then, None if another process has the request.

        Raises the error where no state can say it, and what the store itself raises.
        """
        stored = self._context.ledger.state.records.get(key)
        failure = Failure(
            record=stored,
            claimed=stored is not None and stored.claim is not None and stored.claim.by == self._context.process.name,
            unchanged=stored == record,
            problems=list(error.problems) if isinstance(error, LinksFailed) else [(None, error)],
            ends_posting=isinstance(error, _ENDS_POSTING),
            stopping=self._context.stopping,
            now=self._context.now(),
        )
        decision = decide(failure, self._context.rules)
        if decision is Decision.NOT_OURS:
            return None
        if failure.shared_cause and not failure.stopping:  # a wait that was ended has no cause; the next tick meets one
            self._tell_cause(failure.shared_cause)
        try:
            return self._apply(decision, key, failure, request, error)
        except StateConflict:
            return None

    def _apply(
        self, decision: Decision, key: RequestKey, failure: Failure, request: Request | None, error: CreditbotError
    ) -> Record | None:
        record = failure.record
        if decision is Decision.RAISE:
            raise error
        if decision is Decision.NOT_BEGUN or record is None:
            return record
        if decision is Decision.STAY_POSTING:
            return self._stay_posting(key, record, error)
        if decision is Decision.GIVE_UP:
            return self.give_up(key, record, request, failure.problems)
        return self._retry_later(key, record, failure, counted=decision is Decision.RETRY_COUNTED)

    def _tell_cause(self, cause: CreditbotError) -> None:
        self.causes[cause.service] = str(cause)
        self._notices.add(owner.cause_name(cause.service), owner.cause_text(cause))

    def _stay_posting(self, key: RequestKey, record: Record, error: CreditbotError) -> Record:
        """The owner hears of a posting that does not seem to come to an end."""
        address = self._context.workspace.address(key, record.thread)
        soon = isinstance(error, PostUnknown) and record.posts < self._context.rules.attempts
        if isinstance(error, ReplyLost):
            self._notices.add(f"{key}.lost", owner.lost_text(address, error))
        elif not (error.shared or soon or isinstance(error, NotYet)):
            self._notices.add(f"{key}.posting", owner.unsettled_text(address, error))
        return record

    def _retry_later(self, key: RequestKey, record: Record, failure: Failure, *, counted: bool) -> Record:
        """Puts a request off: a minute, then ever longer, or as long as a service asks for."""
        returned = record.returned if counted else record.returned + 1
        attempts = record.attempts if counted else record.attempts - 1
        asked_for = max(error.retry_after or 0.0 for _, error in failure.problems)
        minutes = 0 if failure.stopping else min(max(2 ** (attempts + returned - 1), asked_for / 60), LONGEST_PAUSE)
        to: Status = "computed" if record.status == "computed" else "failed"
        now = self._context.now()
        later = move(
            record, to, now, claim=None, due=now + timedelta(minutes=minutes), attempts=attempts, returned=returned,
            reason=_reason(failure.problems),
        )  # fmt: skip
        self._context.ledger.swap(key, record, later)
        return later

    def give_up(
        self, key: RequestKey, record: Record, request: Request | None, problems: Sequence[Problem]
    ) -> Record:  # fmt: skip
        """Ends a request, and makes the message to the owner due in the same write."""
        now = self._context.now()
        end = move(record, "given_up", now, claim=None, reason=_reason(problems), edited=_edit_covered(record, request))
        address = self._context.workspace.address(key, record.thread)
        text = owner.failure_text(address, [(link.url if link else "", error) for link, error in problems])
        return self._finisher.finish(key, record, end, dict([owner.failure(key, end, text)]), request)


def _edit_covered(record: Record, request: Request | None) -> str:
    """Which edit of the message this ending covers; only a later edit reopens the request.

    If the links changed and were never tried, the ending does not cover them. It does if a reply to the earlier links
    may already be visible: then a person decides.
    """
    if request and (record.status == "posting" or request.fingerprint == record.links):
        return request.message.edited
    return record.edited


def _reason(problems: Sequence[Problem]) -> str:
    return shorten(" ".join(dict.fromkeys(str(error) for _, error in problems)), TEXT_BYTES)
