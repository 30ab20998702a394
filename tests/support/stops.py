"""A `Stop` for tests: nobody waits for it."""

from __future__ import annotations

from collections.abc import Callable

from typing_extensions import override

from creditbot.machine.processes import Stop


class RecordingStop(Stop):
    """Writes down how long it was to wait, and does not wait.

    Attributes:
        slept: the seconds of every wait.
        asks_itself: whether it is asked to stop in its first wait.
    """

    def __init__(self, advance: Callable[[float], object] = lambda _: None) -> None:
        super().__init__()
        self._advance = advance
        self.slept: list[float] = []
        self.asks_itself = False

    @override
    def sleep(self, seconds: float) -> bool:
        self.slept.append(seconds)
        self._advance(seconds)
        self.asked = self.asked or self.asks_itself
        return self.asked
