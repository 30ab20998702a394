"""Handles requests that failed: `decide` chooses between a retry, a wait and giving up; `Failures.handle` does it.

Errors come from `worker`. The decision is stored in the state, and the owner is told if a person has to act.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

from creditbot.answer import owner, owner_texts
from creditbot.answer.context import TickContext
from creditbot.answer.failure_message import FailedRequest, failure_text
from creditbot.answer.finishing import Finisher
from creditbot.answer.owner import Notices
from creditbot.answer.rules import Rules
from creditbot.credit.compute import LinksFailed
from creditbot.credit.footprint import Footprint
from creditbot.errors import (
    AlreadyCredited,
    CreditbotError,
    NotYet,
    PostUnknown,
    ReplyLost,
    StateConflict,
    ThreadUnclear,
)
from creditbot.evidence.summary import TEXT_BYTES, footprints_in
from creditbot.intake.requests import Request
from creditbot.model import LookerLink, RequestKey
from creditbot.state.record import Record, Status, Would, move
from creditbot.text import shorten

LONGEST_PAUSE = 240
"""Minutes; the longest that a request waits before it is tried again."""
_ENDS_POSTING = (AlreadyCredited, ThreadUnclear)
"""Errors that are raised for a posting only after it has settled and its thread was read. Only these may end it."""

Problem = tuple[LookerLink | None, CreditbotError]


class Decision(Enum):
    """What to do with a request that failed."""

    NOT_OURS = auto()
    """Another process works on it now."""
    NOT_BEGUN = auto()
    """A shared cause struck before the request could be claimed: its record stays as it is."""
    RAISE = auto()
    """This process has no claim in which to store the failure, so the error is raised."""
    STAY_POSTING = auto()
    """Its reply may exist, so only its thread can decide."""
    RETRY_FREE = auto()
    """It is tried again later. The attempt is not counted, because the request did not cause the failure."""
    RETRY_COUNTED = auto()
    """It is tried again later, and the attempt counts."""
    GIVE_UP = auto()
    """It ends, and the owner is told."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A request that failed, with everything that the decision depends on.

    Attributes:
        record: its record in the state now; None if there is none.
        claimed: the claim in the record is ours.
        unchanged: the record is still the one that this process worked on.
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
        """Whether every one of its problems may go away by itself."""
        return all(error.retry or error is self.shared_cause for _, error in self.problems)


def decide(failure: Failure, rules: Rules) -> Decision:
    """What to do with the request. Pure."""
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
    """Carries out what `decide` decides, and remembers the shared causes that this tick met. Thread-safe."""

    def __init__(self, context: TickContext, finisher: Finisher, notices: Notices) -> None:
        self._context = context
        self._finisher = finisher
        self._notices = notices
        self.causes: dict[str, str] = {}
        """Service -> why it kept requests waiting in this tick, one sentence."""

    def handle(
        self, key: RequestKey, record: Record | None, request: Request | None, error: CreditbotError
    ) -> Record | None:
        """Returns the new record of the request, or None if another process has the request.

        Raises `error` itself if there is no claim to store it in, and whatever the store raises.
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
        if failure.shared_cause and not failure.stopping:  # a stop cuts calls short: no real cause
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
            failed = error if isinstance(error, LinksFailed) else None
            return self.give_up(key, record, request, failure.problems, failed)
        return self._retry_later(key, record, failure, counted=decision is Decision.RETRY_COUNTED)

    def _tell_cause(self, cause: CreditbotError) -> None:
        self.causes[cause.service] = str(cause)
        self._notices.add(owner.cause_name(cause.service), owner_texts.cause_text(cause))

    def _stay_posting(self, key: RequestKey, record: Record, error: CreditbotError) -> Record:
        """Leaves the request as it is, and tells the owner if its posting does not seem to come to an end."""
        address = self._context.workspace.address(key, record.thread)
        soon = isinstance(error, PostUnknown) and record.posts < self._context.rules.attempts
        if isinstance(error, ReplyLost):
            self._notices.add(
                f"{key}.lost", owner_texts.lost_text(address, error, self._context.ports.pages.address(key))
            )
        elif not (error.shared or soon or isinstance(error, NotYet)):
            self._notices.add(f"{key}.posting", owner_texts.unsettled_text(address, error))
        return record

    def _retry_later(self, key: RequestKey, record: Record, failure: Failure, *, counted: bool) -> Record:
        """Puts a request off: for a minute at first, then for longer each time, or for as long as a service asks."""
        returned = record.returned if counted else record.returned + 1
        attempts = record.attempts if counted else record.attempts - 1
        asked_for = max(error.retry_after or 0.0 for _, error in failure.problems)
        minutes = 0 if failure.stopping else min(max(2 ** (attempts + returned - 1), asked_for / 60), LONGEST_PAUSE)
        to: Status = record.status if record.status in ("computed", "held") else "failed"
        now = self._context.now()
        later = move(
            record, to, now, claim=None, due=now + timedelta(minutes=minutes), attempts=attempts, returned=returned,
            reason=_reason(failure.problems), cause=_cause(failure.problems),
        )  # fmt: skip
        self._context.ledger.swap(key, record, later)
        return later

    def give_up(
        self, key: RequestKey, record: Record, request: Request | None, problems: Sequence[Problem],
        failed: LinksFailed | None = None,
    ) -> Record:  # fmt: skip
        """Ends a request. The same write makes the message to the owner due. `failed` says how far its links got."""
        now = self._context.now()
        to: Status = "shadowed" if self._context.is_silent(key, record) else "given_up"
        would: Would = "failed" if all(error.retry for _, error in problems) else "refused"
        end = move(
            record, to, now, claim=None, reason=_reason(problems), cause=_cause(problems),
            edited=_edit_covered(record, request), would=would if to == "shadowed" else "",
        )  # fmt: skip
        message = FailedRequest(
            address=self._context.workspace.address(key, record.thread),
            author=record.user,
            words=request.message.text if request else "",
            footprints=self._footprints(key, record, failed),
            problems=[(link.url if link else "", error) for link, error in problems],
            page=self._context.ports.pages.address(key),
        )
        notice = owner.failure(key, end, failure_text(message))
        return self._finisher.finish(key, record, end, dict([notice]), request, failed)

    def _footprints(self, key: RequestKey, record: Record, failed: LinksFailed | None) -> Sequence[Footprint]:
        """The traffic of the links, as far as it is known."""
        if failed:
            return list(failed.footprints.values())
        if record.result is None:
            return ()
        with suppress(CreditbotError):  # the message does without
            return footprints_in(self._context.ports.summaries.load(key) or {})
        return ()


def _edit_covered(record: Record, request: Request | None) -> str:
    """Which edit of the message this ending covers; only a later edit reopens the request.

    If the links changed and were never tried, the ending does not cover them. It does if a reply to the earlier links
    may already be visible: then a person decides.
    """
    if request and (record.status == "posting" or request.fingerprint == record.links):
        return request.message.edited
    return record.edited


def _cause(problems: Sequence[Problem]) -> str:
    """The kind of the first problem that no waiting cures, or else of the first."""
    errors = [error for _, error in problems]
    return next((error for error in errors if not error.retry), errors[0]).kind


def _reason(problems: Sequence[Problem]) -> str:
    return shorten(" ".join(dict.fromkeys(str(error) for _, error in problems)), TEXT_BYTES)
