"""One clock for all pods: Slack's.

The `Date` header of a Slack answer is paired with the machine's boot-time clock as it was read *before* that request
was sent. Slack wrote the header later than that, and cut it to whole seconds, so `now` is ahead of Slack by at most the
time the answer took (5 s, longer ones are not used) and behind by less than 1 s. Every request on the wire is observed
by itself, so that no answer hides a retry.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from creditbot.errors import SLACK, Unreachable

LONGEST_ANSWER = 5.0
"""An answer that took longer says too little about the time it was written at; seconds."""
KEPT_FOR = 3600.0
"""After this time a fresh pairing is better than a tighter one: crystals drift by up to 0.2 s an hour; seconds."""

_BOOTTIME: int | None = getattr(time, "CLOCK_BOOTTIME", None)


def boottime() -> float:
    """Seconds on a clock that is never set and goes on while a laptop sleeps; plain monotonic where there is none."""
    return time.monotonic() if _BOOTTIME is None else time.clock_gettime(_BOOTTIME)


@dataclass(frozen=True, slots=True)
class _Pairing:
    slack: datetime
    sent: float
    took: float


class SlackClock:
    """Slack's time, carried on by the machine's own clock. Safe to use from several threads.

    Attributes:
        boot: the machine's own clock, in seconds; deadlines are measured by it too.
    """

    def __init__(self, boot: Callable[[], float] = boottime) -> None:
        self.boot = boot
        self._pairing: _Pairing | None = None

    def observe(self, date: str | None, sent: float, received: float) -> None:
        """Takes the `Date` of one answer to one request, with `boottime` before it was sent and after it came.

        The tightest pairing of the last hour is kept: fewer changes mean fewer steps of `now`.
        """
        took = received - sent
        slack = _parse(date)
        if slack is None or not 0 <= took <= LONGEST_ANSWER:
            return
        kept = self._pairing
        if kept is None or took < kept.took or sent - kept.sent > KEPT_FOR:
            self._pairing = _Pairing(slack, sent, took)

    def now(self) -> datetime:
        """UTC by Slack's clock. Raises `Unreachable` before Slack was asked anything."""
        pairing = self._pairing
        if pairing is None:
            raise Unreachable(SLACK, "Slack's time is not known yet: no answer came within 5 s.")
        return pairing.slack + timedelta(seconds=self.boot() - pairing.sent)


def _parse(date: str | None) -> datetime | None:
    if date is None:
        return None
    try:
        parsed = parsedate_to_datetime(date)
    except ValueError:
        return None
    return parsed.astimezone(UTC) if parsed.tzinfo else None
