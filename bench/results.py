"""Writes the table of results as Markdown, with the machine that they were measured on."""

from __future__ import annotations

import hashlib
import os
import platform
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.stage import FROZEN

HEADER = ("case", "measured", "against", "ratio", "target", "")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        case: what was measured.
        measured: its cost.
        against: what it is measured against, with its cost.
        ratios: what is held against the target; the first is shown, the largest counts.
        target: what they may be at most; None where the figure is only reported.
        note: shown where there is no ratio.
    """

    case: str
    measured: str
    against: str = ""
    ratios: tuple[float, ...] = ()
    target: float | None = None
    note: str = ""

    def holds(self, slack: float = 1.0) -> bool:
        """Whether the target is met; `slack` widens it."""
        return self.target is None or max(self.ratios, default=0.0) <= self.target * slack

    @property
    def cells(self) -> Sequence[str]:
        """As the table shows them."""
        ratio = " / ".join(f"{ratio:.2f}x" for ratio in self.ratios) or self.note
        target = f"{self.target:g}x" if self.target is not None else ""
        return self.case, self.measured, self.against, ratio, target, self._verdict

    @property
    def _verdict(self) -> str:
        if self.target is None or not self.ratios:
            return ""
        return "met" if self.holds() else "**missed**"


def markdown(rows: Iterable[Row], load: str) -> str:
    """The table, and what it was measured on."""
    lines = [HEADER, ("---",) * len(HEADER), *(row.cells for row in rows)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"# Measured\n\n{_where(load)}\n\n{table}\n\n{LEGEND}\n"


LEGEND = """\
Each ratio compares medians of runs that took turns. If a cell has two values, the first is wall time and the second CPU
time; both count a command with every process that it started. A comparison with 8 or 100 commands uses 8 or 100 times
the median of one. A request is measured from the start of the process until its reply is in Slack, and everything else
until the process has exited. The sandbox is a process of its own and is not counted. It limits no rates unless the line
says so. "Rate limits off on both sides" also switches off the bot's own pace of one post a second. Memory is the sum of
the proportional set sizes of all processes, sampled every 50 ms. All code was compiled to bytecode before, as it is in
the image."""


def _where(load: str) -> str:
    machine = f"{_cpu_model()}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}"
    sha256 = hashlib.sha256(FROZEN.read_bytes()).hexdigest()
    return (
        f"- {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {machine}, load average {load}\n"
        f"- frozen notebook: `bench/frozen.ipynb`, sha256 `{sha256}`"
    )


def times(number: int, noun: str) -> str:
    """Such as "1 run" or "3 runs"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def load_average() -> str:
    """Of the last minute."""
    return f"{os.getloadavg()[0]:.1f}"


def _cpu_model() -> str:
    match = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return match[1] if match else platform.machine()
