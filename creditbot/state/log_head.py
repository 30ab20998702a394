"""What the state holds of the log of ends: its head, and the entries whose files are not yet known to be written.

Pure. `creditbot.answer.logbook` moves the head on; `ledger` stores it, under the key `log` of the document.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime


@dataclass(frozen=True, slots=True)
class LogHead:
    """The head of the log, and what comes next.

    Attributes:
        since: UTC, when the log began.
        origin: what the log calls itself in its checkpoints; "" before its first entry is written.
        size: how many entries have their files.
        peaks: hashes in hexadecimal from which the root of these entries follows, see `creditbot.evidence.merkle`.
        waiting: the entries after these, in order. An end and its entry are stored in the same write, so that no end is
            without one; the files are written next, and then the entries are dropped here.
    """

    since: datetime
    origin: str = ""
    size: int = 0
    peaks: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises ValueError for a head that somebody edited into nonsense."""
        if self.size < 0 or len(self.peaks) != self.size.bit_count() or bool(self.size) != bool(self.origin):
            raise ValueError("a head of a log that cannot be one")
        if any(len(bytes.fromhex(peak)) != 32 for peak in self.peaks):
            raise ValueError("a hash of another length")

    def with_entry(self, entry: str) -> LogHead:
        """The head with one more entry that waits for its file."""
        return replace(self, waiting=(*self.waiting, entry))
