"""Keeps to a rate, however many threads want to call: one post a second and channel, or so many reads a minute."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable


class Pacer:
    """Lets callers through one at a time, at least `interval` seconds apart for the same name."""

    def __init__(self, interval: float, now: Callable[[], float], sleep: Callable[[float], object]) -> None:
        self._interval = interval
        self._now = now
        self._sleep = sleep
        self._lock = threading.Lock()
        self._free: dict[str, float] = {}
        self._held = -math.inf

    def wait(self, name: str, longest: float = math.inf) -> bool:
        """Waits for the caller's turn; False if it would not come within `longest` seconds, without waiting for it."""
        end = self._now() + longest
        while (turn := self._take(name)) is not None:
            if turn >= end:
                return False
            self._sleep(max(0.0, turn - self._now()))
        return True

    def block(self, seconds: float) -> None:
        """Lets nobody through for a while: the service asked for it."""
        with self._lock:
            self._held = max(self._held, self._now() + seconds)

    def _take(self, name: str) -> float | None:
        """Takes the turn if it is free now, and returns None; else when to ask again."""
        with self._lock:
            now = self._now()
            turn = max(self._free.get(name, now), self._held)
            if turn > now:
                return turn
            self._free[name] = now + self._interval
            return None


class Allowance:
    """Lets a number of calls through at once, and after them so many a minute (a token bucket).

    Args:
        per_minute: how many calls a minute are allowed in the long run.
        at_once: how many may come at once after a pause.
        now: a clock, in seconds.
        sleep: waits so many seconds.
    """

    def __init__(
        self, per_minute: float, at_once: int, now: Callable[[], float], sleep: Callable[[float], object]
    ) -> None:
        self._interval = 60 / per_minute
        self._ahead = self._interval * (at_once - 1)
        self._now = now
        self._sleep = sleep
        self._lock = threading.Lock()
        self._turn = -math.inf

    def wait(self) -> None:
        """Waits for the caller's turn."""
        with self._lock:
            now = self._now()
            turn = max(self._turn + self._interval, now - self._ahead)
            self._turn = turn
        if turn > now:
            self._sleep(turn - now)
