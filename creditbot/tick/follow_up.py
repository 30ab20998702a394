"""Looks after requests that have ended, and warns the owner about posts that no tick could finish.

Jobs come from the agenda; results go to the state, the summaries and the owner.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from creditbot.answer.context import TickContext
from creditbot.answer.owner import Notices
from creditbot.answer.owner_texts import unsettled_text
from creditbot.errors import CreditbotError, NotYet, StateConflict
from creditbot.state.record import Record, move
from creditbot.tick.agenda import Agenda, Job, Part
from creditbot.tick.worker import Parts, Worker

MOST_LOOKS = 30
"""Threads of ended requests that one tick reads again; the rest is left to the next. Slack allows 50 reads a minute."""


class FollowUp:
    """Looks after requests that have ended."""

    def __init__(self, context: TickContext, parts: Parts, worker: Worker) -> None:
        self._context = context
        self._parts = parts
        self._worker = worker

    def look_at_shadowed(self, agenda: Agenda) -> Iterator[str]:
        """Finds what people have answered since to requests that ended in shadow: what they paid is credited.

        Yields one sentence for each request that failed.
        """
        return self._do(Part.SHADOWED, agenda, self._look_again)

    def run(self, agenda: Agenda) -> Iterator[str]:
        """Does each other job, and yields one sentence for each that failed."""
        yield from self._do(Part.EDITED, agenda, self._tell_edited)
        yield from self._do(Part.DOUBTFUL, agenda, self._look_again)
        yield from self._do(Part.UNSAVED, agenda, lambda job, record: self._parts.finisher.save_later(job.key, record))

    def _do(self, part: Part, agenda: Agenda, task: Callable[[Job, Record], object]) -> Iterator[str]:
        done = 0
        for job in agenda[part]:
            if self._context.stopping:
                return
            if task == self._look_again and done == MOST_LOOKS:
                break
            assert job.record
            try:
                task(job, job.record)
            except StateConflict:
                continue  # another process did it
            except CreditbotError as error:
                yield f"{job.key}: {error}"
            else:
                done += 1

    def _look_again(self, job: Job, record: Record) -> None:
        self._parts.repair.check_again(job.key, record, job.request.message.replies if job.request else None)
        now = self._context.ledger.state.records.get(job.key)
        if now and now.status == "elsewhere":
            self._worker.keep_traffic(job.key, now, job.request)
            if record.status != "elsewhere":  # somebody answered by hand what the bot could not answer
                self._context.ports.signs.take_back(job.key, "by_hand")

    def _tell_edited(self, job: Job, record: Record) -> None:
        """Tells the owner about new links: an answered request is not answered again, so a person decides."""
        assert job.request
        request = job.request
        if request.fingerprint != record.links and record.links:
            address = self._context.workspace.address(job.key, request.message.thread)
            self._parts.notices.add(
                f"{job.key}.edited.{request.message.edited}",
                f"{address} was already answered, and its links have changed since. I will not answer it again. If the "
                "new links need a credit, please answer by hand.",
            )
        noted = move(record, record.status, record.at, edited=request.message.edited, links=request.fingerprint)
        self._context.ledger.swap(job.key, record, noted)


def warn_of_left_behind(agenda: Agenda, context: TickContext, notices: Notices) -> None:
    """Warns the owner about posts that earlier ticks never finished, before they are tried again.

    One of them may kill this tick as well.
    """
    why = NotYet("No run has been able to finish it yet.")
    posts = [
        (job.key, job.record)
        for job in agenda[Part.CUT_OFF]
        if job.record and job.record.status == "posting" and f"{job.key}.lost" not in context.ledger.state.notices
    ]
    for key, record in posts:
        notices.add(f"{key}.posting", unsettled_text(context.workspace.address(key, record.thread), why))
    if posts:
        notices.deliver(midway=True)
