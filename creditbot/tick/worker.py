"""One request through its states: claimed, computed, replied to; or failed, and the owner told.

A request that is answered takes four writes of the state: claimed, computed, posting, answered.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from creditbot.answer import owner as words
from creditbot.answer.finishing import Closing
from creditbot.answer.owner import Notices
from creditbot.answer.posting import Replies
from creditbot.credit.compute import Computation, CreditCalculator, LinksFailed
from creditbot.errors import (
    LOOKER,
    SLACK,
    STATE_STORE,
    SUMMARY_STORE,
    THIS_MACHINE,
    WAREHOUSE,
    AlreadyCredited,
    CreditbotError,
    Defect,
    NotYet,
    PostUnknown,
    ReplyLost,
    RequestFailure,
    StateConflict,
    StateUnusable,
    ThreadUnclear,
)
from creditbot.evidence.summary import TEXT_BYTES, computed_document
from creditbot.intake.requests import Request
from creditbot.model import LookerLink, RequestKey, Workspace
from creditbot.ports import Ports
from creditbot.slack_time import is_newer
from creditbot.state.ledger import Ledger
from creditbot.state.record import Claim, Record, Result, Status, move, reopened, was_posted
from creditbot.text import shorten
from creditbot.tick.agenda import Job

CLAIM_LIFE = timedelta(minutes=30)
"""How long a claim lasts; longer than the job's deadline and its grace period together (k8s/base/cronjob.yaml)."""
STEPS = 6
"""Steps one request may take in one tick; it needs three, and more only if it is edited meanwhile."""
_DECIDED = (AlreadyCredited, ThreadUnclear)
"""What is only raised of a posting once it has settled and its thread was read since: it may end by them."""

Problem = tuple[LookerLink | None, CreditbotError]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """How often and how long a request is tried.

    Attributes:
        attempts: claims before a request is given up.
        lookback: how long a shared cause may last before it is given up.
    """

    attempts: int
    lookback: timedelta


class Handler:
    """Works on requests. Safe to use from several threads, each on a request of its own."""

    def __init__(
        self, me: str, ports: Ports, ledger: Ledger, workspace: Workspace, calculator: CreditCalculator,
        replies: Replies, closing: Closing, notices: Notices, limits: Limits,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:  # fmt: skip
        self._me = me
        self._ports = ports
        self._ledger = ledger
        self._workspace = workspace
        self._calculator = calculator
        self._replies = replies
        self._closing = closing
        self._notices = notices
        self._limits = limits
        self._stopping = stopping
        self._met: dict[str, str] = {}
        self._passed: set[str] = set()

    @property
    def recovered(self) -> set[str]:
        """Services that a request got through in this tick, and none met a failure of."""
        return self._passed - self._met.keys()

    @property
    def causes(self) -> list[str]:
        """What kept requests waiting in this tick, one sentence a service."""
        return list(self._met.values())

    def handle(self, job: Job) -> Record | None:
        """Takes a request as far as it goes now; returns its record, None if another process has it.

        Raises what concerns the store itself, and a defect met before the request could be claimed; everything else
        becomes a state.
        """
        record, request = job.record, job.request
        try:
            for _ in range(STEPS):
                record, request = self._step(job.key, record, request)
                if record is None or record.terminal:
                    break
        except StateConflict:
            return None
        except StateUnusable:
            raise
        except CreditbotError as error:
            return self._failed(job.key, record, request, error)
        except Exception as error:  # a defect of ours ends this request, not the tick
            log.exception("unexpected error on request %s", job.key)
            defect = Defect(f"creditbot has a defect: {type(error).__name__}.", "The log has the details.")
            return self._failed(job.key, record, request, defect)
        return record

    def _step(
        self, key: RequestKey, record: Record | None, request: Request | None
    ) -> tuple[Record | None, Request | None]:
        if record and record.status == "posting":
            return self._posted(record, self._replies.recover(key, record, self._new_claim())), request
        if record and self._mine(record) and record.claim:
            if record.status == "claimed":
                return self._work(key, record, request)
            return self._posted(record, self._replies.post(key, record, record.claim)), None
        return self._claim(key, record, request), request

    def _posted(self, before: Record, record: Record | None) -> Record | None:
        if was_posted(before, record):
            self._passed |= {SLACK, STATE_STORE}
        return record

    def _new_claim(self) -> Claim:
        return Claim(self._me, self._ports.clock.now() + CLAIM_LIFE)

    def _claim(self, key: RequestKey, record: Record | None, request: Request | None) -> Record:
        now = self._ports.clock.now()
        if record and (record.terminal or _reopened(record, request)):
            record = self._swap(key, record, reopened(record, now))
        if record and record.attempts >= self._limits.attempts:
            cut_off = RequestFailure(
                f"It was given up after {record.attempts} attempts that ended without a word.",
                "The process was killed each time: look for memory limits, deadlines and the log.",
            )
            return self._dead(key, record, request, [(None, cut_off)], now)
        attempts = (record.attempts if record else 0) + 1
        changes: dict[str, Any] = {"claim": self._new_claim(), "attempts": attempts, "due": None}
        if record and record.status == "computed":
            return self._swap(key, record, move(record, "computed", now, **changes))
        began = (record and record.began) or now
        changes |= {"began": began, "reason": "", **_facts(request)}
        return self._swap(key, record, move(record, "claimed", now, **changes))

    def _work(self, key: RequestKey, record: Record, request: Request | None) -> tuple[Record, Request | None]:
        self._calculator.warm()
        tried = record.attempts > 1 or record.returned > 0
        if request is None or request.may_be_answered or tried or self._ledger.state.doubts(key):
            seen = self._replies.look(key, record)
            if ended := self._replies.closed(key, record, seen):
                return ended, request
            assert seen.request
            request = seen.request
            record = self._noted(key, record, request)
        computation = self._calculator.compute(request)
        self._passed |= {LOOKER, *_used(computation)}
        return self._computed(key, record, request, computation), request

    def _noted(self, key: RequestKey, record: Record, request: Request) -> Record:
        """The record of a claim says what is worked on, also where the message was edited since it was claimed."""
        facts = _facts(request)
        if replace(record, **facts) == record:
            return record
        return self._swap(key, record, move(record, "claimed", self._ports.clock.now(), **facts))

    def _computed(self, key: RequestKey, record: Record, request: Request, computation: Computation) -> Record:
        now = self._ports.clock.now()
        permalink = self._workspace.permalink(key.channel, key.ts, request.message.thread)
        document = computed_document(key, permalink, request.message, computation.amount, computation.results, now)
        self._ledger.confirm(key, record)  # who was stopped while computing must not replace a later summary
        place = self._ports.summaries.save(key, document, computation.sql)
        self._passed.add(SUMMARY_STORE)
        if computation.amount is None:
            return self._closing.end(key, record, move(record, "skipped", now, claim=None))
        result = Result(computation.amount, computation.sql, computation.notebooks, place)
        try:
            return self._swap(key, record, move(record, "computed", now, result=result))
        except StateConflict:
            self._closing.restore(key)
            raise

    def _failed(
        self, key: RequestKey, record: Record | None, request: Request | None, error: CreditbotError
    ) -> Record | None:
        """Stores what comes of an error. Raises what no state can say, and what the store itself does not take."""
        stored = self._stored(key)
        if stored != record and not self._mine(stored):
            return None  # somebody else has taken over
        problems = _problems(error)
        shared = next((e for _, e in problems if e.shared), None)
        if shared and not self._stopping():  # what ended a wait is no cause; one that is, the next tick meets
            self._tell_cause(shared)
        try:
            if stored and stored.status == "posting" and not isinstance(error, _DECIDED):
                return self._unsettled(key, stored, error, shared)
            if stored and (self._mine(stored) or isinstance(error, _DECIDED)):
                return self._store_failure(key, stored, request, problems, shared)
        except StateConflict:
            return None
        if shared:
            return stored  # it could not even be claimed
        raise error

    def _tell_cause(self, shared: CreditbotError) -> None:
        self._met[shared.service] = str(shared)
        self._notices.add(words.cause_name(shared.service), words.cause_text(shared))

    def _unsettled(
        self, key: RequestKey, record: Record, error: CreditbotError, shared: CreditbotError | None
    ) -> Record:
        """A posting stays one whatever happens; the owner hears of one that does not seem to come to an end."""
        passes = isinstance(error, NotYet) or (isinstance(error, PostUnknown) and record.posts < self._limits.attempts)
        permalink = self._workspace.permalink(key.channel, key.ts, record.thread)
        if isinstance(error, ReplyLost):
            self._notices.add(f"{key}.lost", words.lost_text(permalink, error))
        elif not shared and not passes:
            self._notices.add(f"{key}.posting", words.unsettled_text(permalink, error))
        return record

    def _store_failure(
        self, key: RequestKey, record: Record, request: Request | None,
        problems: Sequence[Problem], shared: CreditbotError | None,
    ) -> Record:  # fmt: skip
        now = self._ports.clock.now()
        if all(e.retry or e is shared for _, e in problems):
            ours = self._stopping() or any(isinstance(e, NotYet) for _, e in problems)
            if (ours or shared) and not self._too_old(record, now):
                return self._later(key, record, now, problems, counts=False)
            if not shared and record.attempts < self._limits.attempts:
                return self._later(key, record, now, problems, counts=True)
        return self._dead(key, record, request, problems, now)

    def _later(
        self, key: RequestKey, record: Record, now: datetime, problems: Sequence[Problem], *, counts: bool
    ) -> Record:
        """Puts a request off: a minute, then ever longer, or as long as a service asks for; up to four hours."""
        returned = record.returned if counts else record.returned + 1
        attempts = record.attempts if counts else record.attempts - 1
        asked = max(error.retry_after or 0.0 for _, error in problems)
        minutes = 0 if self._stopping() else min(max(2 ** (attempts + returned - 1), asked / 60), 240)
        to: Status = "computed" if record.status == "computed" else "failed"
        return self._swap(
            key, record,
            move(
                record, to, now, claim=None, due=now + timedelta(minutes=minutes), attempts=attempts, returned=returned,
                reason=_reason(problems),
            ),
        )  # fmt: skip

    def _dead(
        self, key: RequestKey, record: Record, request: Request | None, problems: Sequence[Problem], now: datetime
    ) -> Record:
        dead = move(record, "dead", now, claim=None, reason=_reason(problems), edited=_judged(record, request))
        permalink = self._workspace.permalink(key.channel, key.ts, record.thread)
        text = words.failure_text(permalink, [(link.url if link else "", error) for link, error in problems])
        return self._closing.end(key, record, dead, dict([words.failure(key, dead, text)]), request)

    def _too_old(self, record: Record, now: datetime) -> bool:
        return record.began is not None and now - record.began > self._limits.lookback

    def _mine(self, record: Record | None) -> bool:
        return record is not None and record.claim is not None and record.claim.by == self._me

    def _stored(self, key: RequestKey) -> Record | None:
        return self._ledger.state.records.get(str(key))

    def _swap(self, key: RequestKey, base: Record | None, new: Record) -> Record:
        self._ledger.swap(key, base, new)
        return new


def _used(computation: Computation) -> set[str]:
    """Services that notebooks got through: the warehouse, this machine, and the notebooks themselves."""
    notebooks = {f"the notebook {Path(result.run.notebook).name}" for result in computation.results if result.run}
    return {WAREHOUSE, THIS_MACHINE, *notebooks} if notebooks else set()


def _facts(request: Request | None) -> dict[str, Any]:
    """What a record keeps of the message that was worked on."""
    if request is None:
        return {}
    message = request.message
    return {
        "links": request.fingerprint,
        "edited": message.edited,
        "user": message.user or message.bot or "",
        "thread": "" if message.thread == message.ts else message.thread,
    }


def _judged(record: Record, request: Request | None) -> str:
    """The edit that the end of a request holds for, so that only another one reopens it.

    Links that nobody has tried are another one, unless a reply to the earlier ones may be there: then people look.
    """
    if request and (record.status == "posting" or request.fingerprint == record.links):
        return request.message.edited
    return record.edited


def _reopened(record: Record, request: Request | None) -> bool:
    """Whether a failed request was edited since: it starts anew."""
    return record.status == "failed" and request is not None and is_newer(request.message.edited, record.edited)


def _problems(error: CreditbotError) -> list[Problem]:
    return list(error.problems) if isinstance(error, LinksFailed) else [(None, error)]


def _reason(problems: Sequence[Problem]) -> str:
    return shorten(" ".join(dict.fromkeys(str(error) for _, error in problems)), TEXT_BYTES)
