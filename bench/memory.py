"""Measures how much memory a command and all its processes take at their peak, as the kernel reports it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

import psutil

INTERVAL = 0.05
"""Seconds between two looks."""
MIB = 1024 * 1024


class PeakMemory:
    """While it is entered, looks at the processes that have come from this one since it was made.

    Attributes:
        bytes: the most that they took together. It adds up proportional set sizes, in which shared pages count once;
            for a process that hides from us it takes the resident set size, which is never less.
    """

    def __init__(self) -> None:
        self.bytes = 0
        self._others = set(psutil.Process().children(recursive=True))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(INTERVAL):
            processes = set(psutil.Process().children(recursive=True)) - self._others
            self.bytes = max(self.bytes, sum(map(_memory_of, processes)))


def peak_of(command: Callable[[], object]) -> int:
    """The most bytes that a command and what comes from it take together."""
    with PeakMemory() as peak:
        command()
    return peak.bytes


def mib(size: float) -> str:
    """Such as "183 MiB"; the size is in bytes."""
    return f"{size / MIB:.0f} MiB"


def _memory_of(process: psutil.Process) -> int:
    """Bytes; 0 for a process that has ended."""
    try:
        return int(process.memory_full_info().pss)
    except psutil.AccessDenied:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
