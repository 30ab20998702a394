"""Runs commands, and measures the wall and CPU time of each with all the processes that come from it."""

from __future__ import annotations

import ctypes
import os
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

_PR_SET_CHILD_SUBREAPER = 36  # prctl(2)
LINGER = 10.0
"""Seconds that a process may outlive the command it comes from."""
LONGEST = 300.0
"""Seconds that a command may take. A backlog takes less."""


class BenchError(Exception):
    """A command that was to be measured failed. The text has its last output."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of a command cost.

    Attributes:
        began: seconds since 1970.
        wall: seconds from its start to its end.
        cpu: seconds of CPU of it and of every process that came from it.
        output: what it printed.
    """

    began: float
    wall: float
    cpu: float
    output: str = ""


@dataclass(frozen=True, slots=True)
class Cost:
    """The medians of several runs, in seconds."""

    wall: float
    cpu: float

    def __str__(self) -> str:
        """Such as "1.24 s (CPU 1.10 s)"."""
        return f"{seconds(self.wall)} (CPU {seconds(self.cpu)})"

    def times(self, count: int) -> Cost:
        """What that many in sequence cost."""
        return Cost(self.wall * count, self.cpu * count)

    def ratios(self, against: Cost) -> tuple[float, float]:
        """Wall and CPU time as multiples of another cost."""
        return self.wall / against.wall, self.cpu / against.cpu


def seconds(value: float) -> str:
    """Such as "242 ms" or "12.4 s"."""
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.3g} s"


def adopt() -> None:
    """Makes this process the parent of orphans from now on, so that what they cost is counted too."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def run(command: Sequence[str], folder: Path, environ: Mapping[str, str], longest: float = LONGEST) -> Run:
    """Runs a command, and waits for all the processes that come from it. Raises `BenchError` if it fails.

    It may take `longest` seconds. In `folder` it leaves nothing but what it writes there itself.

    Processes that run beside it, such as the sandbox, must have been started before and must not end meanwhile.
    """
    others = _children()
    with tempfile.TemporaryFile() as file:
        before, began, start = _cpu(), time.time(), time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=environ, stdout=file, stderr=file)
        try:
            code = process.wait(longest)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        wall = time.perf_counter() - start
        _wait_for_the_rest(others)
        cpu = _cpu() - before
        file.seek(0)
        output = file.read().decode(errors="replace")
    if code:
        raise BenchError(f"{' '.join(command)[:200]} ended with {code}:\n{output[-3000:]}")
    return Run(began, wall, cpu, output)


def _wait_for_the_rest(others: set[int]) -> None:
    """Waits for processes that outlive the command: a kernel that was killed takes a moment to end."""
    end = time.monotonic() + LINGER
    while left := _children() - others:
        for pid in left:
            os.waitpid(pid, os.WNOHANG)
        if time.monotonic() > end:
            raise BenchError(f"{len(left)} processes of a command still ran {LINGER:.0f} s after its end.")
        time.sleep(0.01)


def _children() -> set[int]:
    """The processes whose parent is this process."""
    return {child.pid for child in psutil.Process().children()}


def _cpu() -> float:
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime


def cost(runs: Sequence[Run]) -> Cost:
    """Their medians."""
    return Cost(statistics.median(run.wall for run in runs), statistics.median(run.cpu for run in runs))


def interleaved(rounds: int, commands: Mapping[str, Callable[[], Run]]) -> dict[str, Cost]:
    """Runs each command once for its bytecode and the disk's cache, then all in turn, round after round."""
    for command in commands.values():
        command()
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            runs[name].append(command())
    return {name: cost(of_one) for name, of_one in runs.items()}
