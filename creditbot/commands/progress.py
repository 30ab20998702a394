"""Shows on the standard error how far a long command is: a bar on a terminal, else a line every few seconds."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import TextIO

_WIDTH = 24
_EVERY = {True: 0.1, False: 10.0}
"""Seconds between two updates, on a terminal and elsewhere."""


class ProgressBar:
    """Counts steps. Safe to use from several threads.

    Args:
        what: is counted, such as "requests".
        total: how many steps there are.
        out: where it is shown.
        now: a clock, in seconds.
    """

    def __init__(
        self, what: str, total: int, out: TextIO | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:  # fmt: skip
        self._what = what
        self._total = total
        self._out = out or sys.stderr
        self._now = now
        self._is_terminal = self._out.isatty()
        self._began = now()
        self._done = 0
        self._lock = threading.Lock()
        self._show()

    def step(self, number: int = 1) -> None:
        """Counts some more, and shows it if it is time."""
        with self._lock:
            self._done += number
            if self._now() - self._shown >= _EVERY[self._is_terminal]:
                self._show()

    def close(self) -> None:
        """Shows the last count, and leaves the line."""
        with self._lock:
            if self._last != self._done:
                self._show()
            if self._is_terminal:
                print(file=self._out, flush=True)

    def _show(self) -> None:
        self._shown, self._last = self._now(), self._done
        line = progress_line(self._what, self._done, self._total, self._shown - self._began)
        if self._is_terminal:
            filled = _WIDTH * self._done // max(1, self._total)
            print(f"\r[{'#' * filled:<{_WIDTH}}] {line}\x1b[K", end="", file=self._out, flush=True)
        else:
            print(line, file=self._out, flush=True)


def progress_line(what: str, done: int, total: int, seconds: float) -> str:
    """Such as "120 of 1,000 requests, 3.2 a second, about 5 min left"."""
    line = f"{done:,} of {total:,} {what}"
    if not done or seconds <= 0:
        return line
    rate = done / seconds
    left = (total - done) / rate
    rest = f"about {left / 60:.0f} min left" if left >= 90 else f"about {left:.0f} s left"
    return f"{line}, {rate:.1f} a second" + (f", {rest}" if done < total else "")
