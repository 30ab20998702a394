"""What a tick tells: while it works, and of what it did."""

from __future__ import annotations

from dataclasses import dataclass, field

from creditbot.state.record import Record, Status, was_posted
from creditbot.tick.agenda import Job


class Progress:
    """Told what happens while it happens. This one says nothing."""

    def step(self, text: str) -> None:
        """One of the steps of a first tick."""

    def started(self, permalink: str) -> None:
        """A request is worked on."""

    def ended(self, permalink: str, record: Record | None) -> None:
        """As far as it goes now; None if another process has it."""


@dataclass(slots=True)
class TickReport:
    """What a tick did.

    Attributes:
        read: messages read.
        done: (request, record) of each request worked on; None where another process has it.
        waiting: requests that wait.
        untold: what the owner could not be told, and why.
        errors: what kept requests waiting that concerns them all, such as a Looker that is down.
    """

    read: int = 0
    done: list[tuple[Job, Record | None]] = field(default_factory=list)
    waiting: int = 0
    untold: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def count(self, status: Status) -> int:
        """How many of the requests worked on have this status now."""
        return sum(1 for _, record in self.done if record and record.status == status)

    @property
    def posted(self) -> int:
        """Replies of this tick: answers found in a thread are none."""
        return sum(was_posted(job.record, record) for job, record in self.done)

    def fields(self) -> dict[str, object]:
        """The canonical log line of the tick."""
        statuses = {record.status for _, record in self.done if record}
        return {
            "read": self.read,
            "worked_on": len(self.done),
            "waiting": self.waiting,
            **{status: self.count(status) for status in sorted(statuses)},
            "untold": len(self.untold) or None,
            "errors": len(self.errors) or None,
        }

    @property
    def ok(self) -> bool:
        """Everything that failed was told to somebody."""
        return not self.untold and not self.errors
