"""What the bench measures with."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.measure import BenchError, Cost, Run, adopt, interleaved, run
from bench.memory import PeakMemory
from bench.results import Row, markdown

SPIN = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
ORPHAN = f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {SPIN!r}])"
"""Ends at once; the process that it leaves behind works."""


def python(code: str) -> list[str]:
    """A command that runs it."""
    return [sys.executable, "-c", code]


def test_a_command_costs_what_it_leaves_behind_too(tmp_path: Path) -> None:
    """CPU time counts to the end of the last process; wall time ends with the command."""
    adopt()
    cost = run(python(ORPHAN), tmp_path, os.environ)
    assert cost.cpu > 0.3
    assert cost.began > 0


def test_a_command_that_fails_is_no_measurement(tmp_path: Path) -> None:
    """What it said is in the error."""
    with pytest.raises(BenchError, match=r"ended with 3:\nmade-up trouble"):
        run(python("print('made-up trouble'); raise SystemExit(3)"), tmp_path, os.environ)


def test_commands_take_turns(tmp_path: Path) -> None:
    """Each runs once more than it counts, and the rounds alternate."""
    order: list[str] = []

    def command(name: str) -> Callable[[], Run]:
        def one() -> Run:
            order.append(name)
            return run(["true"], tmp_path, os.environ)

        return one

    costs = interleaved(2, {"a": command("a"), "b": command("b")})
    assert ["a", "b"] * 3 == order
    assert {"a", "b"} == costs.keys()


def test_memory_is_that_of_every_process_together(tmp_path: Path) -> None:
    """A grandchild's counts; ours does not."""
    hold = "import time; held = bytearray(64 * 1024 * 1024); time.sleep(0.5)"
    with PeakMemory() as peak:
        run(python(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hold!r}])"), tmp_path, os.environ)
    assert 64 * 1024 * 1024 < peak.bytes < 160 * 1024 * 1024


def test_the_largest_ratio_counts() -> None:
    """Wall and CPU time must both keep to the target; what is only reported always does."""
    ratios = Cost(2.0, 3.0).ratios(Cost(1.0, 1.0))
    row = Row("a tick", "2 s", "1 s", ratios, 2.5)
    assert (2.0, 3.0) == ratios
    assert not row.holds()
    assert row.holds(slack=1.5)
    assert Row("a fact", "1 s", note="not measured").holds()
    assert "| a tick | 2 s | 1 s | 2.00x / 3.00x | 2.5x | **missed** |" in markdown([row], "0.0").splitlines()
