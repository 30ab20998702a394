"""Whether `creditbot serve` is well: what the probes of Kubernetes ask.

The loop says before each step how long it may take at most. Who asks, in any thread, learns whether it kept to that.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from creditbot.machine.processes import Stop

LENIENCE = 60.0
"""Seconds that a step may be late before the loop counts as stuck: the machine may be busy."""


class Health:
    """Is told by the loop how it goes, and tells probes. Safe to use from several threads.

    Args:
        stop: whether the process was asked to stop.
        hears: whether Slack would ring now, or nobody expects it to.
        now: a clock, in seconds.
    """

    def __init__(self, stop: Stop, hears: Callable[[], bool], now: Callable[[], float] = time.monotonic) -> None:
        self._stop = stop
        self._hears = hears
        self._now = now
        self._succeeded: bool | None = None
        self._allow_until = now() + LENIENCE

    def allow(self, seconds: float) -> None:
        """The next step of the loop begins now, and takes at most so many seconds."""
        self._allow_until = self._now() + seconds + LENIENCE

    def ended(self, *, succeeded: bool) -> None:
        """A tick has ended."""
        self._succeeded = succeeded

    def why_stuck(self) -> str:
        """Why the process should be started again; "" if it should not."""
        late = self._now() - self._allow_until
        return f"The loop is stuck: its step should have ended {late:.0f} s ago." if late > 0 else ""

    def why_not_ready(self) -> str:
        """Why it would not answer a request now; "" if it would."""
        if self._stop.asked:
            return "It is stopping."
        if self._succeeded is None:
            return "The first tick has not ended."
        if not self._succeeded:
            return "The last tick failed; the log says why."
        if not self._hears():
            return "Slack's events cannot be heard."
        return self.why_stuck()
