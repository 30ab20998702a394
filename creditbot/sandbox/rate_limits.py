"""Slack's documented rate limits as token buckets, by the sandbox's clock.

`slack` counts each call here, and answers HTTP 429 with the seconds that come back.
"""

from __future__ import annotations

import math
import threading

from creditbot.sandbox.http import UnixClock

PER_MINUTE = {1: 1, 2: 20, 3: 50, 4: 100, 5: 600}
"""Calls a minute by tier; tier 5 stands for "special": several hundred."""
POST_BURST = 5
"""Posts to one channel that may come at once; after them one a second."""


class RateLimits:
    """One bucket per method, and one per channel for posts.

    Attributes:
        enabled: False lets everything pass.
    """

    def __init__(self, clock: UnixClock, *, enabled: bool = True) -> None:
        self.enabled = enabled
        self._clock = clock
        self._buckets: dict[tuple[str, ...], tuple[float, float]] = {}
        self._lock = threading.Lock()

    def call(self, method: str, tier: int) -> int:
        """Counts a call of a method; the seconds to wait if it is one too many, else 0."""
        return self._take((method,), PER_MINUTE[tier], PER_MINUTE[tier] / 60)

    def post(self, channel: str) -> int:
        """Counts a post to a channel in the same way."""
        return self._take(("chat.postMessage", channel), POST_BURST, 1.0)

    def _take(self, key: tuple[str, ...], size: float, rate: float) -> int:
        if not self.enabled:
            return 0
        now = self._clock()
        with self._lock:
            left, then = self._buckets.get(key, (size, now))
            left = min(size, left + max(0.0, now - then) * rate)
            allowed = left >= 1
            self._buckets[key] = (left - 1 if allowed else left, now)
        return 0 if allowed else max(1, math.ceil((1 - left) / rate))
