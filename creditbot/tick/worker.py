"""Takes one request through its states: claimed, computed, posting, answered. `failures` decides what follows an error.

Jobs come from the agenda, amounts from `credit`; replies go through `answer`. Each step is stored before the next one
begins, so an answered request takes four writes of the state; the tick takes one more, for the log of ends.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from creditbot.answer.context import TickContext
from creditbot.answer.duplicates import Duplicates
from creditbot.answer.finishing import Finisher
from creditbot.answer.holding import Holds
from creditbot.answer.owner import Notices
from creditbot.answer.posting import Poster
from creditbot.answer.repair import Repair
from creditbot.answer.result import credited_by, result_of
from creditbot.answer.thread_check import ThreadCheck
from creditbot.credit.compute import Computation, CreditCalculator
from creditbot.credit.footprint import Footprint, tokens_of
from creditbot.errors import (
    LOOKER,
    NOTEBOOK_JOBS,
    SLACK,
    STATE_STORE,
    SUMMARY_STORE,
    THIS_MACHINE,
    WAREHOUSE,
    CreditbotError,
    Defect,
    Killed,
    StateConflict,
    StateUnusable,
)
from creditbot.evidence.keeping import keep_notebooks, keep_page
from creditbot.evidence.keeping import warm as warm_pages
from creditbot.evidence.summary import (
    computed_summary,
    outcome_of,
    with_doubts,
    with_footprints,
    with_opinion,
    with_shadow,
)
from creditbot.intake.requests import Request
from creditbot.model import RequestKey, Sign
from creditbot.slack_time import is_newer
from creditbot.state.record import Record, Status, move, restarted, was_posted
from creditbot.tick.agenda import Job
from creditbot.tick.claims import KeptClaim, new_claim
from creditbot.tick.failures import Failures

_SIGNS: dict[Status, Sign] = {
    "held": "waiting", "answered": "answered", "given_up": "by_hand", "denied": "by_hand",
}  # fmt: skip
"""What a request shows of where it stands."""
STEPS = 6
"""Steps that one request may take in one tick. Three are enough unless it is edited meanwhile."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """The objects that answer and end requests in one tick.

    Attributes:
        notices: messages to the owner.
        finisher: ends requests.
        check: reads threads.
        repair: looks for replies that should not stand.
        holds: asks approvers, and reads what they say.
        poster: posts replies.
        failures: handles requests that failed.
    """

    notices: Notices
    finisher: Finisher
    check: ThreadCheck
    repair: Repair
    holds: Holds
    poster: Poster
    failures: Failures

    @classmethod
    def of(cls, context: TickContext, notices: Notices) -> Parts:
        """The parts of one tick."""
        finisher = Finisher(context)
        check = ThreadCheck(context, finisher, notices)
        repair = Repair(context, check)
        holds = Holds(context, finisher, notices)
        poster = Poster(context, finisher, check, repair, Duplicates(context, check.look), holds)
        return cls(notices, finisher, check, repair, holds, poster, Failures(context, finisher, notices))


class Worker:
    """Works on requests. Safe to use from several threads, each on a request of its own."""

    def __init__(self, context: TickContext, calculator: CreditCalculator, parts: Parts) -> None:
        self._context = context
        self._calculator = calculator
        self._parts = parts
        self._reached: set[str] = set()
        self._footprints: dict[RequestKey, tuple[Footprint, ...]] = {}

    @property
    def recovered(self) -> set[str]:
        """Services that were used in this tick and did not fail in it."""
        return self._reached - self._parts.failures.causes.keys()

    def footprints(self, key: RequestKey) -> tuple[Footprint, ...]:
        """The traffic of a request whose credit was computed in this tick; empty for any other."""
        return self._footprints.get(key, ())

    def work_on(self, job: Job) -> Record | None:
        """Takes a request as far as it goes now. Returns its record, or None if another process has the request.

        Raises errors of the store itself, and a defect that shows before the request could be claimed. Every other
        error is stored in the record.
        """
        record = self._work(job)
        if record and record.status != (before := job.record.status if job.record else None):
            self._show(job.key, before, record.status)
        self._forget_runs(job.key)
        return record

    def _show(self, key: RequestKey, before: Status | None, now: Status) -> None:
        """Shows on the request that its status has changed."""
        signs = self._context.ports.signs
        if sign := _SIGNS.get(now):
            signs.put(key, sign)
        if before == "held":
            signs.take_back(key, "waiting")

    def _forget_runs(self, key: RequestKey) -> None:
        """Tells the runner if the request has ended: a run for it may still wait to begin.

        Also if another process ended it: this one may have slept, and begun a run after that.
        """
        record = self._context.ledger.state.records.get(key)
        if record is None or not record.terminal:
            return
        try:
            self._context.ports.runner.forget(key)
        except Exception as error:  # whatever it is, the request has ended
            defect = not isinstance(error, CreditbotError)
            log.warning(
                "the notebooks of request %s, which has ended, may still wait to run: %s", key, error, exc_info=defect
            )

    def _work(self, job: Job) -> Record | None:
        record, request = job.record, job.request
        try:
            for _ in range(STEPS):
                record, request = self._step(job.key, record, request)
                if record is None or record.terminal or (record.status == "held" and record.claim is None):
                    break
        except StateConflict:
            return None
        except StateUnusable:
            raise
        except CreditbotError as error:
            return self._parts.failures.handle(job.key, record, request, error)
        except Exception as error:  # a defect of creditbot ends this request, not the tick
            log.exception("unexpected error on request %s", job.key)
            defect = Defect(f"creditbot has a defect: {type(error).__name__}.", "The log has the details.")
            return self._parts.failures.handle(job.key, record, request, defect)
        return record

    def _step(
        self, key: RequestKey, record: Record | None, request: Request | None
    ) -> tuple[Record | None, Request | None]:
        if record and record.status == "posting":
            return self._after_posting(
                record, self._parts.poster.recover(key, record, new_claim(self._context))
            ), request
        if record and record.claim and record.claim.by == self._context.process.name:
            if record.status == "claimed":
                return self._compute(key, record, request)
            replies = request.message.replies if request else None
            return self._after_posting(record, self._parts.poster.post(key, record, record.claim, replies)), None
        return self._claim(key, record, request), request

    def _after_posting(self, before: Record, record: Record | None) -> Record | None:
        if was_posted(before, record):
            self._reached |= {SLACK, STATE_STORE}
        return record

    def _claim(self, key: RequestKey, record: Record | None, request: Request | None) -> Record:
        now = self._context.now()
        if record and (record.terminal or _failed_and_edited(record, request)):
            record = self._swap(key, record, restarted(record, now))
        if record and record.status == "restarted" and not self._context.in_shadow(key, record):
            self._context.ports.signs.take_back(key, "by_hand")
        if record and record.attempts >= self._context.rules.attempts:
            killed = Killed(
                f"Given up after {record.attempts} attempts: the process was killed each time.",
                "Check memory limits, job deadlines and the log.",
            )
            return self._parts.failures.give_up(key, record, request, [(None, killed)])
        attempts = (record.attempts if record else 0) + 1
        changes: dict[str, Any] = {"claim": new_claim(self._context), "attempts": attempts, "due": None}
        if record and record.status == "computed":
            return self._swap(key, record, move(record, "computed", now, **changes))
        if record and record.status == "held":  # `began` says how long a post has been tried
            return self._swap(key, record, move(record, "held", record.at, began=now, **changes))
        began = (record and record.began) or now
        changes |= {
            "began": began,
            "seen": (record and record.seen) or now,
            "reason": "",
            "cause": "",
            **_facts(request),
        }
        return self._swap(key, record, move(record, "claimed", now, **changes))

    def _compute(self, key: RequestKey, record: Record, request: Request | None) -> tuple[Record, Request | None]:
        if ended := self._shadowed_before(key, record):
            return ended, request
        self._calculator.warm()
        warm_pages()
        tried = record.attempts > 1 or record.returned > 0
        if request is None or request.may_be_answered or tried or self._context.ledger.state.doubts(key):
            shown = self._parts.check.look(key, record.thread, record.retried)
            if ended := self._parts.check.end_if_decided(key, record, shown):
                return self.keep_traffic(key, ended, shown.request), request
            assert shown.request
            request = shown.request
            record = self._claim_as_edited(key, record, request)
        if not tried and not self._context.in_shadow(key, record):
            self._context.ports.signs.put(key, "taken")
        products = self._context.rules_of(key).products
        claim = KeptClaim(self._context, key, record)
        with claim.renewed():
            computation = self._calculator.compute(request, self._context.now(), products, resume=True)
        self._reached |= {LOOKER, *_services(computation)}
        return self._store_result(key, claim.record, request, computation), request

    def keep_traffic(self, key: RequestKey, record: Record, request: Request | None) -> Record:
        """Finds out for which traffic a person answered before anything was computed; no notebook runs.

        The request has ended, so nothing that goes wrong here counts. A later look at its thread tries it again.
        """
        is_known = record.status != "elsewhere" or record.result or record.traffic
        if is_known or request is None or self._context.stopping:
            return record
        try:
            look_up = partial(
                self._calculator.look_up, request, self._context.now(), self._context.rules_of(key).products
            )
            return self._parts.finisher.keep_traffic(key, record, request, look_up)
        except Exception as error:  # whatever it is, the request is answered
            defect = not isinstance(error, CreditbotError)
            log.warning("the traffic of request %s, which others answered: %s", key, error, exc_info=defect)
            return record

    def _shadowed_before(self, key: RequestKey, record: Record) -> Record | None:
        """The end of a request that ended in shadow before the state was lost, as its summary has it; else None."""
        if not self._context.ledger.state.doubts(key):
            return None
        outcome = outcome_of(self._context.ports.summaries.load(key) or {})
        if outcome is None or outcome.status != "shadowed" or outcome.at < (record.retried or outcome.at):
            return None
        end = move(record, "shadowed", outcome.at, claim=None, would=outcome.would, saved=True)
        return self._swap(key, record, end)

    def _claim_as_edited(self, key: RequestKey, record: Record, request: Request) -> Record:
        """Brings the record up to date if the message was edited since the claim: it must say what is worked on."""
        facts = _facts(request)
        if replace(record, **facts) == record:
            return record
        return self._swap(key, record, move(record, "claimed", self._context.now(), **facts))

    def _store_result(self, key: RequestKey, record: Record, request: Request, computation: Computation) -> Record:
        keep_notebooks(self._context.ports.notebooks, computation.results)
        now = self._context.now()
        address = self._context.workspace.address(key, request.message.thread)
        summary = computed_summary(key, address, request.message, computation.amount, computation.results, now)
        summary = with_footprints(summary, computation.footprints)
        if self._context.in_shadow(key, record):
            summary = with_shadow(summary)
        if computation.amount is not None:
            draft = replace(record, result=result_of(computation))
            summary = with_doubts(summary, self._parts.holds.doubts(key, draft, credited_by(computation)))
            summary = with_opinion(summary, self._parts.holds.second_opinion(key, summary))
        self._context.ledger.confirm(key, record)  # if this process slept, it must not replace a later summary
        found_by = (*computation.sql, *tokens_of(computation.footprints))
        location = self._context.ports.summaries.save(key, summary, found_by)
        keep_page(self._context.ports.pages, key, summary, computation.results)
        self._reached.add(SUMMARY_STORE)
        try:
            if computation.amount is None:
                return self._parts.finisher.finish(key, record, move(record, "skipped", now, claim=None))
            self._footprints[key] = computation.footprints
            return self._swap(key, record, move(record, "computed", now, result=result_of(computation, location)))
        except StateConflict:  # this process slept, and another one has ended the request since
            self._parts.finisher.restore(key)
            raise

    def _swap(self, key: RequestKey, base: Record | None, new: Record) -> Record:
        self._context.ledger.swap(key, base, new)
        return new


def _services(computation: Computation) -> set[str]:
    """Services that are known to work because notebooks ran: the warehouse, what they ran in, and they themselves."""
    notebooks = {f"the notebook {Path(result.run.notebook).name}" for result in computation.results if result.run}
    return {WAREHOUSE, THIS_MACHINE, NOTEBOOK_JOBS, *notebooks} if notebooks else set()


def _facts(request: Request | None) -> dict[str, Any]:
    """The fields of a record that come from the message."""
    if request is None:
        return {}
    message = request.message
    return {
        "links": request.fingerprint,
        "edited": message.edited,
        "user": message.user or message.bot or "",
        "thread": "" if message.thread == message.ts else message.thread,
    }


def _failed_and_edited(record: Record, request: Request | None) -> bool:
    return record.status == "failed" and request is not None and is_newer(request.message.edited, record.edited)
