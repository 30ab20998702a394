"""What a tick has to do, from the state and the messages it read. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from creditbot.intake.requests import Request
from creditbot.model import RequestKey
from creditbot.slack_time import is_newer, order, time_of
from creditbot.state.codec import State
from creditbot.state.record import ANSWERED, Record

LOOKS_APART = 4
"""A post that came later than the settle time may come much later: it is looked for after the settle time, after four
times as long, and so on until the request is forgotten."""
_MOST_LOOKS = 8
LEFT_BEHIND = timedelta(minutes=30)
"""When a post could be looked for so long ago, ticks have begun to, and did not come to an end."""
KNOWN_TO_RUN = timedelta(days=1)
"""How much longer a claim lasts whose process is known to run: NOTEBOOK_TIMEOUT may be a day."""


@dataclass(frozen=True, slots=True)
class Job:
    """One request to work on.

    Attributes:
        key: which.
        record: what the state says of it; None for a new one.
        request: the message as the channel shows it; None if it was not among the messages read.
    """

    key: RequestKey
    record: Record | None
    request: Request | None


@dataclass(frozen=True, slots=True)
class Agenda:
    """What to do, in order.

    Attributes:
        finish: posted, settled, and not known to be answered.
        fresh: never worked on, or edited since.
        again: tried before, and failed; some of them only want their reply.
        cut_off: its last claim ran out in the middle of the work, or no tick could finish it for a long time: it may
            have killed its process.
        edited: answered, and its links were changed since.
        unsaved: ended, but the summary of the end is missing.
        doubtful: ended after a post of unknown outcome that did not answer it: a reply may have become visible since.
        waiting: not now: claimed by somebody, not yet due, not yet settled, or held.
    """

    finish: tuple[Job, ...] = ()
    fresh: tuple[Job, ...] = ()
    again: tuple[Job, ...] = ()
    cut_off: tuple[Job, ...] = ()
    edited: tuple[Job, ...] = ()
    unsaved: tuple[Job, ...] = ()
    doubtful: tuple[Job, ...] = ()
    waiting: tuple[Job, ...] = ()

    @property
    def requests(self) -> tuple[Job, ...]:
        """What may end in a reply: first what may have one already, then fresh requests, then retries.

        `cut_off` comes last and one by one, so that a request which kills its process takes no other with it.
        """
        return self.finish + self.fresh + self.again

    @property
    def idle(self) -> bool:
        """Nothing to do but wait."""
        return not (self.requests or self.cut_off or self.edited or self.unsaved or self.doubtful)


def plan(
    state: State,
    requests: Sequence[Request],
    now: datetime,
    settle: timedelta,
    runs: Callable[[str], bool | None] = lambda _: None,
) -> Agenda:
    """Sorts every known and every new request into an agenda, oldest first within each part.

    `runs` says of a claimant whether its process still runs, where that is known: then its claim ends with
    it, or a day later than it would.
    """
    read = {str(request.key): request for request in requests}
    parts: dict[str, list[Job]] = {}
    for text in sorted(read.keys() | state.records.keys(), key=lambda k: order(RequestKey.parse(k).ts)):
        job = Job(RequestKey.parse(text), state.records.get(text), read.get(text))
        part = _part(state, job, now, settle, runs)
        if part:
            parts.setdefault(part, []).append(job)
    return Agenda(**{part: tuple(jobs) for part, jobs in parts.items()})


def _part(state: State, job: Job, now: datetime, settle: timedelta, runs: Callable[[str], bool | None]) -> str:
    record = job.record
    if record is None:
        forgotten = state.meta.forgotten_before
        if job.key.ts in state.done or (forgotten and time_of(job.key.ts) < forgotten):
            return ""
        return "waiting" if state.holds(job.key, now) else "fresh"
    if record.terminal:
        return _ended(job, record, now, settle)
    if state.holds(job.key, now):
        return "waiting"
    if record.status == "posting":
        since = now - record.at - settle
        return "waiting" if since < timedelta(0) else "finish" if since < LEFT_BEHIND else "cut_off"
    if record.status == "failed" and _edited(job, record):
        return "fresh"
    if record.due and now < record.due:
        return "waiting"
    if record.claim:
        known = runs(record.claim.by)
        until = record.claim.until + (KNOWN_TO_RUN if known else timedelta(0))
        return "waiting" if known is not False and now < until else "cut_off"
    return "fresh" if record.status == "seen" else "again"


def _ended(job: Job, record: Record, now: datetime, settle: timedelta) -> str:
    if _edited(job, record):
        return "edited" if record.status in ANSWERED else "fresh"
    look_after = settle * LOOKS_APART ** min(record.checked, _MOST_LOOKS)
    doubtful = record.doubled or record.posts > (record.status == "answered")
    if doubtful and now - record.at >= look_after:
        return "doubtful"
    return "" if record.saved else "unsaved"


def _edited(job: Job, record: Record) -> bool:
    return job.request is not None and is_newer(job.request.message.edited, record.edited)
