"""How much memory a command and all its processes take at their peak."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.measure import children

INTERVAL = 0.05
"""Seconds from one look to the next."""
_PSS = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)


class PeakMemory:
    """Looks at every process that comes from this one, but for those that were there at the start.

    Attributes:
        bytes: the most that they took together: their proportional set sizes, so that shared pages count once. Of a
            process that hides itself from others (and we are not root) the resident set size, which is never less.
    """

    def __init__(self) -> None:
        self.bytes = 0
        self._others = children()
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
            self.bytes = max(self.bytes, sum(map(_memory_of, _descendants(children() - self._others))))


def _descendants(pids: set[int]) -> set[int]:
    """These processes and all that come from them."""
    found: set[int] = set()
    waiting = set(pids)
    while waiting:
        pid = waiting.pop()
        found.add(pid)
        waiting |= children(pid) - found
    return found


def _memory_of(pid: int) -> int:
    """Bytes; 0 for a process that has ended."""
    ways: tuple[Callable[[int], int], ...] = (_pss, _rss)
    for way in ways:
        try:
            return way(pid)
        except OSError:
            continue
    return 0


def _pss(pid: int) -> int:
    found = _PSS.search(Path(f"/proc/{pid}/smaps_rollup").read_text())
    return int(found[1]) * 1024 if found else 0


def _rss(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
