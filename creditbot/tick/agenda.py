"""Lists the work of a tick. Pure: the state and the messages just read come in, an `Agenda` goes to `tick`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto

from creditbot.answer.rules import look_after
from creditbot.intake.requests import Request
from creditbot.model import RequestKey
from creditbot.slack_time import is_newer, micros_of, time_of
from creditbot.state.codec import State
from creditbot.state.record import ANSWERED, UNANSWERED, Record, is_credited

LEFT_BEHIND = timedelta(minutes=30)
"""A posting that has been due for this long has probably crashed every tick that tried it; it goes last."""
KNOWN_TO_RUN = timedelta(days=1)
"""How much longer a claim lasts while its process is known to run: NOTEBOOK_TIMEOUT may be a day."""


class Part(Enum):
    """What a tick does with a request."""

    FINISH = auto()
    """Sent to Slack, the settle time has passed, and nobody knows yet whether the reply is there."""
    START = auto()
    """Never worked on, or edited since."""
    RETRY = auto()
    """Tried before without success, or computed but not yet posted. Or held, and its message or thread has changed."""
    HELD = auto()
    """Waits for approvers: their votes are read."""
    CUT_OFF = auto()
    """Its last claim expired during the work, or no tick could finish it for a long time: it may have killed its
    process."""
    EDITED = auto()
    """Answered, and its links have changed since."""
    SHADOWED = auto()
    """Ended in shadow, and people may have answered it since."""
    UNSAVED = auto()
    """Ended, but its summary does not say so yet, or the log does not."""
    DOUBTFUL = auto()
    """Ended, but one more reply may exist: a post of unknown outcome may have become visible since. Or others
    answered the request, and may have taken their answer back. Or the channel shows another number of replies: one may
    be the answer to a request that the bot could not answer."""
    WAITING = auto()
    """Not now: claimed by another process, not yet due, not yet settled, or paused."""
    DONE = auto()
    """There is nothing to do."""


@dataclass(frozen=True, slots=True)
class Job:
    """One request to work on.

    Attributes:
        key: identifies it.
        record: its record in the state; None for a new request.
        request: the message as the channel shows it; None if it was not among the messages read.
    """

    key: RequestKey
    record: Record | None
    request: Request | None


@dataclass(frozen=True, slots=True)
class Agenda:
    """The work of a tick.

    Attributes:
        parts: the jobs of each part, oldest first.
    """

    parts: Mapping[Part, tuple[Job, ...]] = field(default_factory=dict)

    def __getitem__(self, part: Part) -> tuple[Job, ...]:
        """The jobs of a part, oldest first."""
        return self.parts.get(part, ())

    @property
    def answerable(self) -> tuple[Job, ...]:
        """The jobs that may end in a reply: first those that may have one already, then new requests, then retries.

        Jobs that were cut off are not among them. They come last and one at a time, so that a request that kills its
        process takes no other request with it.
        """
        return self[Part.FINISH] + self[Part.START] + self[Part.RETRY]

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do but wait."""
        return not self.parts.keys() - {Part.WAITING}


def plan(
    state: State,
    requests: Sequence[Request],
    now: datetime,
    settle: timedelta,
    is_running: Callable[[str], bool | None] = lambda _: None,
) -> Agenda:
    """Decides, for every known and every new request, what this tick does with it.

    `is_running` takes the name of the process that holds a claim, and returns whether that process still runs; None if
    nobody can tell. A claim ends with its process, and lasts a day longer while its process runs.
    """
    read = {request.key: request for request in requests}
    parts: dict[Part, list[Job]] = {}
    for key in sorted(read.keys() | state.records.keys(), key=lambda key: micros_of(key.ts)):
        job = Job(key, state.records.get(key), read.get(key))
        part = _part(state, job, now, settle, is_running)
        if part is not Part.DONE:
            parts.setdefault(part, []).append(job)
    return Agenda({part: tuple(jobs) for part, jobs in parts.items()})


def _part(state: State, job: Job, now: datetime, settle: timedelta, is_running: Callable[[str], bool | None]) -> Part:
    record = job.record
    if record is None:
        forgotten = state.meta.forgotten_before
        if job.key.ts in state.done or (forgotten and time_of(job.key.ts) < forgotten):
            return Part.DONE
        return Part.WAITING if state.pauses(job.key, now) else Part.START
    if record.terminal:
        return _ended(job, record, now, settle, state.log.since if state.log else None)
    if state.pauses(job.key, now):
        return Part.WAITING
    if record.status == "posting":
        return _posting(record, now - settle)
    if record.status == "failed" and _edited(job, record):
        return Part.START
    if record.due and now < record.due:
        return Part.WAITING
    if record.claim:
        running = is_running(record.claim.by)
        until = record.claim.until + (KNOWN_TO_RUN if running else timedelta(0))
        return Part.WAITING if running is not False and now < until else Part.CUT_OFF
    if record.status == "held" and not (_edited(job, record) or _thread_changed(job, record)):
        return Part.HELD
    return Part.START if record.status == "restarted" else Part.RETRY


def _posting(record: Record, settled_before: datetime) -> Part:
    settled_for = settled_before - record.at
    if settled_for < timedelta(0):
        return Part.WAITING
    return Part.FINISH if settled_for < LEFT_BEHIND else Part.CUT_OFF


def _ended(job: Job, record: Record, now: datetime, settle: timedelta, log_since: datetime | None) -> Part:
    if _edited(job, record):
        is_answered = record.status in ANSWERED or (record.status == "shadowed" and is_credited(record, in_shadow=True))
        return Part.EDITED if is_answered else Part.START
    look_is_due = now - record.at >= look_after(settle, record.checked)
    doubtful = record.doubled or record.posts > (record.status == "answered")
    if doubtful and look_is_due:
        return Part.DOUBTFUL
    unlogged = log_since is not None and record.at >= log_since and not record.logged
    if not record.saved or unlogged:  # an earlier version, which knows no log, may have ended it meanwhile
        return Part.UNSAVED
    if record.status == "shadowed" and (look_is_due or _thread_changed(job, record)):
        return Part.SHADOWED
    if record.status == "elsewhere" and look_is_due:
        return Part.DOUBTFUL
    may_change = record.status in ANSWERED or record.status in UNANSWERED
    return Part.DOUBTFUL if may_change and _thread_changed(job, record) else Part.DONE


def _thread_changed(job: Job, record: Record) -> bool:
    """Whether the channel shows another number of replies than when the thread was last read.

    One more may be a second reply, of another deployment, or a person's; one less may be the answer. To see it costs no
    call, because the channel is read anyway. An edited reply does not show there.
    """
    return job.request is not None and job.request.message.replies != record.replies


def _edited(job: Job, record: Record) -> bool:
    return job.request is not None and is_newer(job.request.message.edited, record.edited)
