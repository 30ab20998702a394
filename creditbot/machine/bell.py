"""Something that threads and signal handlers ring, and that one thread waits for.

An `Event` cannot take its place: a signal handler that sets the Event for which its own thread waits can deadlock.
"""

from __future__ import annotations

import os
import select
from contextlib import suppress


class Bell:
    """Waits without a processor: a pipe, of which the kernel says when there is something in it."""

    def __init__(self) -> None:
        self._hears, self._rings = os.pipe()
        for end in (self._hears, self._rings):
            os.set_blocking(end, False)

    def ring(self) -> None:
        """Ends the wait, or the next one. Safe in a signal handler, and in any thread."""
        with suppress(OSError):  # full: it has been rung often enough. Closed: nobody waits
            os.write(self._rings, b"!")

    def wait(self, seconds: float) -> bool:
        """Waits for so many seconds, or until it is rung, and returns whether it was. What has rung is then over."""
        select.select([self._hears], [], [], max(0.0, seconds))
        rung = False
        with suppress(BlockingIOError):
            while os.read(self._hears, 4096):
                rung = True
        return rung

    def close(self) -> None:
        """Gives the pipe back; whoever rings from now on rings nothing."""
        rings, self._rings = self._rings, -1
        os.close(rings)
        os.close(self._hears)
