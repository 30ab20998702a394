"""One tick: read the channels, see what is to do, do it, tell the owner what failed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from creditbot.answer.owner import Notices, due, unsettled_text
from creditbot.errors import CreditbotError, NotYet, Refused, StateConflict
from creditbot.intake.requests import Request, RequestRules, is_ours, requests_in
from creditbot.machine import logs
from creditbot.machine.processes import Stop
from creditbot.model import Message, RequestKey, Workspace
from creditbot.ports import Ports
from creditbot.slack_time import time_of
from creditbot.state.codec import State, is_request
from creditbot.state.ledger import Ledger
from creditbot.state.record import Meta, Record, move
from creditbot.tick.agenda import Agenda, Job, plan
from creditbot.tick.report import Progress, TickReport

if TYPE_CHECKING:
    from concurrent.futures import Future

    from creditbot.answer.finishing import Closing
    from creditbot.answer.posting import Replies
    from creditbot.credit.compute import CreditCalculator
    from creditbot.tick.worker import Handler

OVERLAP = timedelta(hours=1)
"""How much of what was already covered is read again; also how often an idle tick writes how far it has read."""
CLOCK_DOUBT = timedelta(days=1)
"""How wrong the local clock may be when it says where reading starts; what is read is cut by Slack's clock."""
CLOCK_BEHIND = timedelta(seconds=1)
"""How far our reading of Slack's clock may be behind: a message that we have read may be newer than now by this."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TickRules:
    """How a tick works.

    Attributes:
        lookback: how far back messages are read, at least.
        settle: how long a post may take to become visible.
        attempts: claims before a request is given up.
        duplicates: for how long the same SQL is credited once.
        template: text of the reply.
        at_once: requests that are worked on at a time; they mostly wait, for Slack, for Looker or for a notebook. With
            1 everything happens in the calling thread.
    """

    lookback: timedelta
    settle: timedelta
    attempts: int
    duplicates: timedelta
    template: str
    at_once: int


def _nothing(_: str) -> None:
    """Later ticks do not repeat the steps of the first."""


class Bot:
    """Reads the channels and answers requests; `tick` is one run of the CronJob."""

    def __init__(
        self, me: str, ports: Ports, ledger: Ledger, calculator: CreditCalculator,
        policy: RequestRules, rules: TickRules,
        *, runs: Callable[[str], bool | None] = lambda _: None, progress: Progress | None = None,
        stop: Stop | None = None, wall: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:  # fmt: skip
        self._me = me
        self._ports = ports
        self._ledger = ledger
        self._calculator = calculator
        self._policy = policy
        self._rules = rules
        self._runs = runs
        self._progress = progress or Progress()
        self._wall = wall
        self._stop = stop or Stop()

    def stop(self) -> None:
        """Takes no new request; those at hand are finished, or released for the next tick as soon as they can be."""
        self._stop.ask()

    def tick(self) -> TickReport:
        """Reads everything new and works on it.

        Raises `Unreachable`, `Refused` or `StateUnusable` if Slack, the state or, for a new state, the summaries cannot
        be used at all: then nothing was done.
        """
        began = time.monotonic()
        state = self._ledger.read()
        say = self._progress.step if state.first else _nothing
        workspace = self._ports.inbox.workspace(state.meta.workspace)
        say("[1/5] Slack connection: ok")
        if state.first and not self._stop.asked:  # Looker is not asked any more then
            say(f"[2/5] Looker authentication: ok, as {self._ports.resolver.login()}")
        say(f"[3/5] Channel found: {', '.join('#' + name for name in workspace.channels.values())}")
        reading = self._wall()
        messages = self._read(state, workspace)
        read_at = self._now() - max(timedelta(0), self._wall() - reading)  # it may have slept with what it had read
        requests = requests_in(messages, workspace, self._policy)
        say(f"[4/5] New messages: {len(messages)}, of them {len(requests)} with links to Looker")
        self._check_state(state, workspace, requests)
        if self._ledger.state.meta.workspace != workspace:
            self._ledger.update_meta(lambda meta: replace(meta, workspace=workspace))
        agenda = plan(self._ledger.state, requests, self._now(), self._rules.settle, self._runs)
        report = TickReport(read=len(messages), waiting=len(agenda.waiting))
        self._work(agenda, workspace, report)
        self._remember(requests, read_at)
        say(f"[5/5] Replies posted: {report.posted}")
        logs.event(log, "tick", **report.fields(), seconds=round(time.monotonic() - began, 3))
        return report

    def _now(self) -> datetime:
        return self._ports.clock.now()

    def _start(self, meta: Meta, now: datetime) -> datetime:
        """Where reading starts: LOOKBACK_HOURS ago, or an hour before what is covered if that is earlier."""
        usual = now - self._rules.lookback
        return min(usual, meta.covered_until - OVERLAP) if meta.covered_until else usual

    def _read(self, state: State, workspace: Workspace) -> list[Message]:
        oldest = self._start(state.meta, self._wall()) - CLOCK_DOUBT
        messages = [m for channel in workspace.channels for m in self._ports.inbox.messages(channel, oldest)]
        start = self._start(state.meta, self._now())
        self._ledger.forget_before(start)
        return [message for message in messages if time_of(message.ts) >= start]

    def _check_state(self, state: State, workspace: Workspace, requests: Sequence[Request]) -> None:
        """Holds older requests back if the state was lost or damaged: a post of ours may not be visible yet."""
        damage = state.damage
        if state.broken:
            more = f" and {len(state.broken) - 5} more" if len(state.broken) > 5 else ""
            names = ", ".join(sorted(state.broken)[:5])
            damage = f"Unreadable in the state, and kept in its key `corrupt`: {names}{more}."
        elif not damage and state.first and (state.records or not state.done):  # else a prototype was here, not we
            damage = self._lost(workspace, requests)
        if not damage:
            return
        now, until = self._now(), self._now() + self._rules.settle

        def hold(meta: Meta) -> Meta:
            return replace(meta, workspace=workspace, hold_since=now + CLOCK_BEHIND, hold_until=until)

        text = (
            f"{damage} Older requests wait until {until:%H:%M} UTC; then their threads are read, so that nothing is "
            "answered twice. Find out what happened to the state."
        )
        anew = {key: move(None, "seen", now) for key in state.broken if is_request(key)}
        with suppress(StateConflict):  # another process has done so
            self._ledger.set_aside(hold, {f"damage.{now:%Y%m%dT%H%M%S}": due(text, now)}, anew)
            logs.event(log, "hold", reason=damage, until=until)

    def _lost(self, workspace: Workspace, requests: Sequence[Request]) -> str:
        """What shows that an empty state is not a new one, "" if nothing does; a reply may still be on its way."""
        if any(self._has_summary(request.key) for request in requests):
            return "The state is empty, although there are summaries of requests in the channel."
        if self._answered_before(workspace, requests):
            return "The state is empty, although threads in the channel show replies of ours."
        return ""

    def _has_summary(self, key: RequestKey) -> bool:
        try:
            return self._ports.summaries.load(key) is not None
        except Refused:
            return True  # one that cannot be read

    def _answered_before(self, workspace: Workspace, requests: Sequence[Request]) -> bool:
        threads = dict.fromkeys(
            (request.key.channel, request.message.thread) for request in requests if request.may_be_answered
        )
        return any(is_ours(message, workspace) for thread in threads for message in self._ports.inbox.thread(*thread))

    def _notices(self) -> Notices:
        return Notices(self._ports, self._ledger, self._rules.settle)

    def _work(self, agenda: Agenda, workspace: Workspace, report: TickReport) -> None:
        notices = self._notices()
        if not agenda.idle:
            from creditbot.answer.finishing import Closing
            from creditbot.answer.posting import Replies, Rules
            from creditbot.tick.worker import Handler, Limits

            closing = Closing(self._ports, self._ledger, workspace)
            rules = Rules(self._rules.settle, self._rules.lookback, self._rules.duplicates, self._rules.template)
            replies = Replies(self._ports, self._ledger, workspace, self._policy, rules, closing, notices)
            handler = Handler(
                self._me, self._ports, self._ledger, workspace, self._calculator, replies, closing, notices,
                Limits(self._rules.attempts, self._rules.lookback), lambda: self._stop.asked,
            )  # fmt: skip
            self._handle_all(agenda.requests, handler, workspace, report)
            self._tell_left_behind(agenda, workspace, notices)
            for job in agenda.cut_off:
                self._handle_all([job], handler, workspace, report)
            self._look_after(agenda, workspace, replies, closing, notices, report)
            report.errors += handler.causes
            for service in sorted(handler.recovered):
                notices.over(service)
        report.untold = notices.deliver(lambda: self._stop.asked)

    def _tell_left_behind(self, agenda: Agenda, workspace: Workspace, notices: Notices) -> None:
        """Says of posts that no tick comes to an end with what it can, before one of them ends this tick, too."""
        known, why = self._ledger.state.notices, NotYet("No tick has come to an end with it yet.")
        posts = [
            (job.key, job.record)
            for job in agenda.cut_off
            if job.record and job.record.status == "posting" and f"{job.key}.lost" not in known
        ]
        for key, record in posts:
            where = workspace.permalink(key.channel, key.ts, record.thread)
            notices.add(f"{key}.posting", unsettled_text(where, why))
        if posts:
            notices.deliver(lambda: self._stop.asked)

    def _handle_all(self, jobs: Sequence[Job], handler: Handler, workspace: Workspace, report: TickReport) -> None:
        """Requests are started in order and end when they are ready."""
        if not jobs:
            return
        self._calculator.warm()
        if self._rules.at_once == 1 or len(jobs) == 1:
            for job in jobs:
                self._report(job, partial(self._handle, handler, workspace, job), report)
            return
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(self._rules.at_once) as pool:
            futures: list[tuple[Job, Future[Record | None]]] = [
                (job, pool.submit(self._handle, handler, workspace, job)) for job in jobs
            ]
            for job, future in futures:
                self._report(job, future.result, report)

    def _report(self, job: Job, result: Callable[[], Record | None], report: TickReport) -> None:
        try:
            report.done.append((job, result()))
        except CreditbotError as error:
            report.errors.append(str(error))

    def _handle(self, handler: Handler, workspace: Workspace, job: Job) -> Record | None:
        if self._stop.asked:
            return job.record
        permalink = workspace.permalink(job.key.channel, job.key.ts, job.record.thread if job.record else None)
        self._progress.started(permalink)
        record = handler.handle(job)
        self._progress.ended(permalink, record)
        logs.event(log, "request", **_line(job, record))
        return record

    def _look_after(
        self, agenda: Agenda, workspace: Workspace, replies: Replies, closing: Closing, notices: Notices,
        report: TickReport,
    ) -> None:  # fmt: skip
        """What concerns requests that have ended already."""
        chores: list[tuple[Sequence[Job], Callable[[Job, Record], object]]] = [
            (agenda.edited, lambda job, record: self._tell_edited(job, record, workspace, notices)),
            (agenda.doubtful, lambda job, record: self._check_again(job, record, replies)),
            (agenda.unsaved, lambda job, record: closing.save_later(job.key, record)),
        ]
        for chore, job in ((chore, job) for jobs, chore in chores for job in jobs):
            if self._stop.asked:
                return
            assert job.record
            try:
                chore(job, job.record)
            except StateConflict:
                continue  # another process did it
            except CreditbotError as error:
                report.errors.append(f"{job.key}: {error}")

    def _tell_edited(self, job: Job, record: Record, workspace: Workspace, notices: Notices) -> None:
        assert job.request
        request = job.request
        if request.fingerprint != record.links and record.links:
            where = workspace.permalink(job.key.channel, job.key.ts, request.message.thread)
            notices.add(
                f"{job.key}.edited.{request.message.edited}",
                f"{where} was answered already, and its links were changed since. I do not answer it again: "
                "look whether the new links want a credit, and answer by hand.",
            )
        seen = move(record, record.status, record.at, edited=request.message.edited, links=request.fingerprint)
        self._ledger.swap(job.key, record, seen)

    def _check_again(self, job: Job, record: Record, replies: Replies) -> None:
        stands = replies.repair(job.key, record) or record.reply
        known = record.saved and stands == record.reply
        seen = move(record, record.status, record.at, checked=record.checked + 1, reply=stands, saved=known)
        self._ledger.swap(job.key, record, seen)

    def _remember(self, requests: Sequence[Request], read_at: datetime) -> None:
        """Writes how far was read, at most hourly."""
        state = self._ledger.state
        open_ones = [
            time_of(r.key.ts) for r in requests if str(r.key) not in state.records and r.key.ts not in state.done
        ]
        forgotten = state.meta.forgotten_before
        covered = min([read_at, *(moment for moment in open_ones if not forgotten or moment >= forgotten)])
        known = state.meta.covered_until
        if known and covered - known < OVERLAP:
            return
        with suppress(StateConflict):  # edited into nonsense meanwhile: for the next tick to see
            self._ledger.update_meta(
                lambda meta: replace(meta, covered_until=max(covered, meta.covered_until or covered))
            )


def _line(job: Job, record: Record | None) -> dict[str, object]:
    """The canonical log line of one request."""
    if record is None:
        return {"request": str(job.key), "outcome": "left to another process"}
    return {
        "request": str(job.key),
        "outcome": record.status,
        "amount": record.result.amount if record.result else None,
        "attempts": record.attempts,
        "seconds": round(record.seconds, 3) or None,
        "reply": record.reply or None,
        "summary": record.result.place if record.result else None,
        "reason": record.reason or None,
    }
