"""One tick: read the channels, list the work, do it, tell the owner what failed.

Start reading here. Messages come from Slack. `worker` takes each request through its states, which are stored as they
change. The results of the tick are a `TickReport`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from creditbot.answer.context import TickContext
from creditbot.answer.other_deployments import with_deployment_id
from creditbot.answer.owner import Notices
from creditbot.answer.rules import Rules
from creditbot.errors import CreditbotError, StateConflict
from creditbot.intake.requests import Request, requests_in
from creditbot.machine import logs
from creditbot.machine.processes import ThisProcess
from creditbot.model import Workspace
from creditbot.ports import Ports, Teller
from creditbot.slack_time import time_of
from creditbot.state.codec import State, prepare
from creditbot.state.ledger import Ledger
from creditbot.state.record import Meta, Record
from creditbot.tick.agenda import Agenda, Job, Part, plan
from creditbot.tick.lost_state import pause_if_lost
from creditbot.tick.reading import OVERLAP, ChannelReading, read_channels, start_of
from creditbot.tick.report import Progress, TickReport

if TYPE_CHECKING:
    from concurrent.futures import Future

    from creditbot.answer.holding import Holds
    from creditbot.credit.compute import CreditCalculator
    from creditbot.credit.footprint import Footprint
    from creditbot.tick.worker import Worker

_OF_WORK = ("creditbot.tick.follow_up", "creditbot.tick.worker")
"""What is imported when there is work, with all that it takes to answer a request."""

log = logging.getLogger(__name__)


def _say_nothing(_: str) -> None:
    """Later ticks do not repeat the steps of the first."""


class Bot:
    """Reads the channels and answers requests; `tick` is one run of the CronJob.

    Args:
        ports: the outside.
        ledger: the state.
        calculator: makes what computes credits; it is asked for when there is work.
        rules: how requests are answered.
        process: who we are among the processes that share the state.
        progress: is called as things happen.
    """

    def __init__(
        self, ports: Ports, ledger: Ledger, calculator: Callable[[], CreditCalculator], rules: Rules,
        process: ThisProcess, progress: Progress | None = None,
    ) -> None:  # fmt: skip
        self._ports = ports
        self._ledger = ledger
        self._calculator = calculator
        self._rules = rules
        self._process = process
        self._progress = progress or Progress()

    def stop(self) -> None:
        """Begins no new request. Those at hand are finished, or released for the next tick as soon as possible."""
        self._process.stop.ask()

    def stay_warm(self) -> None:
        """Has what the next request needs ready before it comes, for a process that stays. Raises as a login does."""
        for part in _OF_WORK:
            import_module(part)
        prepare()
        self._calculator().stay_warm()

    def tick(self) -> TickReport:
        """Reads everything new and works on it.

        Raises `Unreachable`, `Refused` or `StateUnusable`, before anything is done, if Slack, the state or (for a new
        state) the summaries cannot be used at all, and `SettingsError` if two sections of CHANNELS_FILE are about one
        channel.
        """
        began = time.monotonic()
        state = self._ledger.read()
        say = self._progress.step if state.first else _say_nothing
        workspace = self._ports.inbox.workspace(state.meta.workspace)
        self._rules.channels.check(workspace)
        context = TickContext(self._ports, self._ledger, workspace, self._rules, self._process)
        say("[1/5] Slack connection: ok")
        if state.first and not context.stopping:
            say(f"[2/5] Looker authentication: ok, as {self._ports.resolver.login()}")
        say(f"[3/5] Channel found: {', '.join('#' + name for name in workspace.channels.values())}")
        reading = self._read(context, state)
        messages = reading.messages
        requests = requests_in(messages, workspace, self._rules.requests)
        say(f"[4/5] New messages: {len(messages)}, of them {len(requests)} with links to Looker")
        pause_if_lost(context, state, requests)
        meta = self._ledger.state.meta
        if meta.workspace != workspace or not meta.deployment or meta.shadow != self._rules.shadow:
            now = context.now()
            self._ledger.update_meta(lambda meta: self._updated(meta, workspace, now))
        agenda = plan(self._ledger.state, requests, context.now(), self._rules.settle, self._process.still_works)
        report = TickReport(read=len(messages), waiting=len(agenda[Part.WAITING]), shadow=self._rules.shadow)
        report.errors += reading.problems(workspace.channels)
        notices = Notices(context)
        reading.tell(context, notices)
        self._work(agenda, context, report, notices)
        self._write_log(context, report, notices)
        # What an unreadable channel holds is read later, but not more than LOOKBACK_HOURS of it: reading stays bounded.
        self._remember(requests, reading.until - self._rules.reads_back if reading.unread else reading.until)
        say(f"[5/5] Replies posted: {report.posted}")
        logs.event(log, "tick", **report.fields(), seconds=round(time.monotonic() - began, 3))
        return report

    def post_digest(self, teller: Teller, text: Callable[[date], str]) -> None:
        """Posts the weekly digest if it is due; see `WeeklyDigest.post`. A tick comes before it."""
        from creditbot.answer.weekly import WeeklyDigest

        workspace = self._ledger.state.meta.workspace
        if workspace:
            context = TickContext(self._ports, self._ledger, workspace, self._rules, self._process)
            WeeklyDigest(context, teller).post(text)

    def _updated(self, meta: Meta, workspace: Workspace, now: datetime) -> Meta:
        shadow = self._rules.shadow
        live_since = now if meta.shadow and not shadow else meta.live_since
        return with_deployment_id(replace(meta, workspace=workspace, shadow=shadow, live_since=live_since), now)

    def _read(self, context: TickContext, state: State) -> ChannelReading:
        began = self._process.wall()
        reading = read_channels(context, state.meta, began, first=state.first)
        midnight = reading.until.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        # What was credited today is remembered until tomorrow: the policy may limit what is credited in one day.
        self._ledger.forget_before(min(midnight, start_of(state.meta, reading.until, context)))
        # The process may have slept after it had read.
        slept = max(timedelta(0), self._process.wall() - began)
        return replace(reading, until=reading.until - slept)

    def _work(self, agenda: Agenda, context: TickContext, report: TickReport, notices: Notices) -> None:
        if not agenda.idle:
            from creditbot.tick.follow_up import FollowUp, warn_of_left_behind
            from creditbot.tick.worker import Parts, Worker

            parts = Parts.of(context, notices)
            worker = Worker(context, self._calculator(), parts)
            work = _ReportedWork(context, worker, self._progress, report, notices)
            follow_up = FollowUp(context, parts, worker)
            report.errors += follow_up.look_at_shadowed(agenda)
            decided = _decided(agenda[Part.HELD], parts.holds, report)
            report.held = len(agenda[Part.HELD]) - len(decided)
            for job in decided:
                work.report_on(job, partial(work.do, job))
            self._work_on_all(agenda.answerable, work)
            warn_of_left_behind(agenda, context, notices)
            for job in agenda[Part.CUT_OFF]:
                self._work_on_all([job], work)
            report.errors += follow_up.run(agenda)
            report.errors += parts.failures.causes.values()
            for service in sorted(worker.recovered):
                notices.over(service)
        report.untold = notices.deliver()

    def _write_log(self, context: TickContext, report: TickReport, notices: Notices) -> None:
        """Writes the files of the ends that this tick, or one that died, has added to the log."""
        head = self._ledger.state.log
        if head is None or not head.waiting:
            return
        from creditbot.answer.logbook import Logbook, tell_of_fork

        try:
            if not Logbook(context).write():
                tell_of_fork(notices)
        except CreditbotError as error:
            report.errors.append(f"The log of ends could not be written: {error}")

    def _work_on_all(self, jobs: Sequence[Job], work: _ReportedWork) -> None:
        """Starts the jobs in order, several at a time, and reports on them in order."""
        if not jobs:
            return
        self._calculator().warm()
        if self._process.requests_at_once == 1 or len(jobs) == 1:
            for job in jobs:
                work.tell()
                work.report_on(job, partial(work.do, job))
            return
        from concurrent.futures import ThreadPoolExecutor, as_completed

        work.tell()
        with ThreadPoolExecutor(self._process.requests_at_once) as pool:
            futures: list[tuple[Job, Future[Record | None]]] = [(job, pool.submit(work.do, job)) for job in jobs]
            for number, _ in enumerate(as_completed(future for _, future in futures), start=1):
                if number < len(futures):
                    work.tell()
            for job, future in futures:
                work.report_on(job, future.result)

    def _remember(self, requests: Sequence[Request], read_at: datetime) -> None:
        """Stores how far the channels were read, at most once an hour."""
        state = self._ledger.state
        open_ones = [time_of(r.key.ts) for r in requests if r.key not in state.records and r.key.ts not in state.done]
        forgotten = state.meta.forgotten_before
        covered = min([read_at, *(moment for moment in open_ones if not forgotten or moment >= forgotten)])
        before = state.meta.covered_until
        if before and covered - before < OVERLAP:
            return
        with suppress(StateConflict):  # `meta` has become unreadable meanwhile: the next tick sets it aside
            self._ledger.update_meta(
                lambda meta: replace(meta, covered_until=max(covered, meta.covered_until or covered))
            )


def _decided(jobs: Sequence[Job], holds: Holds, report: TickReport) -> list[Job]:
    """The held requests that approvers have decided on, or that waited too long."""
    decided = []
    for job in jobs:
        assert job.record
        try:
            if record := holds.poll(job.key, job.record):
                decided.append(replace(job, record=record))
        except StateConflict:
            continue  # another process was quicker
        except CreditbotError as error:
            report.errors.append(str(error))
    return decided


@dataclass(slots=True)
class _ReportedWork:
    """Works on requests, shows progress, and enters the results in the report."""

    context: TickContext
    worker: Worker
    progress: Progress
    report: TickReport
    notices: Notices
    is_unheard: bool = False

    def tell(self) -> None:
        """Tells the owner what is due, before the next request, which may hang or kill this process.

        Failures of this tick wait for its end; after a message that could not be sent, everything does.
        """
        if self.notices.has_due() and not self.is_unheard:
            self.is_unheard = bool(self.notices.deliver(midway=True))

    def do(self, job: Job) -> Record | None:
        if self.context.stopping:
            return job.record
        address = self.context.workspace.address(job.key, job.record.thread if job.record else "")
        self.progress.started(address)
        record = self.worker.work_on(job)
        self.progress.ended(address, record)
        logs.event(log, "request", **_line(job, record), **_traffic(self.worker.footprints(job.key)))
        return record

    def report_on(self, job: Job, result: Callable[[], Record | None]) -> None:
        try:
            self.report.done.append((job, result()))
        except CreditbotError as error:
            self.report.errors.append(str(error))


def _traffic(footprints: Sequence[Footprint]) -> dict[str, object]:
    """Product, accounts and days of each link, for the same line."""
    if not footprints:
        return {}
    from creditbot.credit.footprint import traffic_in_words  # nothing that an idle tick needs

    return {"traffic": "; ".join(dict.fromkeys(map(traffic_in_words, footprints)))}


def _line(job: Job, record: Record | None) -> dict[str, object]:
    """The canonical log line of one request."""
    if record is None:
        return {"request": str(job.key), "outcome": "left to another process"}
    return {
        "request": str(job.key),
        "outcome": record.status,
        "would": record.would or None,
        "amount": record.result.amount if record.result else None,
        "skipped_links": (record.result.skipped if record.result else 0) or None,
        "attempts": record.attempts,
        "seconds": round(record.seconds, 3) or None,
        "reply": record.reply or None,
        "summary": record.result.location if record.result else None,
        "reason": record.reason or None,
    }
