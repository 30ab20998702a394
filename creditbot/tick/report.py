"""What a tick reports: its progress while it works, and its results at the end."""

from __future__ import annotations

from dataclasses import dataclass, field

from creditbot.model import RequestKey
from creditbot.state.record import Record, Status, was_posted
from creditbot.tick.agenda import Job


class Progress:
    """Is called as things happen. This one does nothing; commands override it to print."""

    def step(self, text: str) -> None:
        """The first tick has taken one of its steps."""

    def started(self, permalink: str) -> None:
        """Work on a request begins."""

    def ended(self, permalink: str, record: Record | None) -> None:
        """Work on a request is over for now; `record` is None if another process has the request."""


@dataclass(slots=True)
class TickReport:
    """The results of a tick.

    Attributes:
        read: messages read.
        done: (job, record) of each request worked on; the record is None if another process has the request.
        waiting: requests that wait.
        held: requests that wait for approvers; they are not among `waiting`.
        untold: the messages that the owner could not be sent, and why.
        errors: causes that kept all requests waiting, such as a Looker that is down.
        shadow: whether SHADOW is on.
    """

    read: int = 0
    done: list[tuple[Job, Record | None]] = field(default_factory=list)
    waiting: int = 0
    held: int = 0
    untold: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    shadow: bool = False

    @property
    def started(self) -> list[RequestKey]:
        """The requests that no tick had worked on before."""
        return [job.key for job, _ in self.done if job.record is None]

    def count(self, status: Status) -> int:
        """How many of the requests worked on have this status now."""
        return sum(1 for _, record in self.done if record and record.status == status)

    @property
    def posted(self) -> int:
        """Replies that this tick posted. Answers that it only found in a thread do not count."""
        return sum(was_posted(job.record, record) for job, record in self.done)

    def fields(self) -> dict[str, object]:
        """The canonical log line of the tick."""
        statuses = {record.status for _, record in self.done if record}
        return {
            "read": self.read,
            "worked_on": len(self.done),
            "waiting": self.waiting,
            "held": self.held or None,
            **{status: self.count(status) for status in sorted(statuses)},
            "untold": len(self.untold) or None,
            "errors": len(self.errors) or None,
            "shadow": self.shadow or None,
        }

    @property
    def ok(self) -> bool:
        """Whether somebody was told about everything that failed."""
        return not self.untold and not self.errors
