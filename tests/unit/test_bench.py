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
"""Ends at once; the process that it leaves behind works for 0.3 s."""
MIB = 1024 * 1024


def python(code: str) -> list[str]:
    """A command that runs the code."""
    return [sys.executable, "-c", code]


@pytest.mark.kernels
def test_cpu_time_counts_what_a_command_leaves_behind(tmp_path: Path) -> None:
    """The measurement waits for the last process that came from the command."""
    adopt()
    assert run(python(ORPHAN), tmp_path, os.environ).cpu > 0.3


@pytest.mark.kernels
def test_a_command_leaves_nothing_in_its_folder(tmp_path: Path) -> None:
    """Notebooks run in the folder of the project; what a command prints is in its run."""
    assert "made-up words\n" == run(python("print('made-up words')"), tmp_path, os.environ).output
    assert not [*tmp_path.iterdir()]


@pytest.mark.kernels
def test_a_command_that_fails_is_not_measured(tmp_path: Path) -> None:
    """The error has the last output of the command."""
    with pytest.raises(BenchError, match=r"ended with 3:\nmade-up trouble"):
        run(python("print('made-up trouble'); raise SystemExit(3)"), tmp_path, os.environ)


def command(name: str, order: list[str]) -> Callable[[], Run]:
    """A command of no cost that notes its name when it runs."""

    def note() -> Run:
        order.append(name)
        return Run(0.0, 1.0, 1.0)

    return note


def test_commands_take_turns_after_one_run_that_does_not_count() -> None:
    order: list[str] = []
    interleaved(2, {"a": command("a", order), "b": command("b", order)})
    assert ["a", "b"] * 3 == order


@pytest.mark.kernels
def test_memory_is_that_of_all_processes_of_a_command(tmp_path: Path) -> None:
    """That of a grandchild counts; that of this process does not."""
    hold = f"import time; held = bytearray({64 * MIB}); time.sleep(0.5)"
    with PeakMemory() as peak:
        run(python(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hold!r}])"), tmp_path, os.environ)
    assert 64 * MIB < peak.bytes < 160 * MIB


def test_a_ratio_is_of_wall_and_of_cpu_time() -> None:
    assert (2.0, 3.0) == Cost(2.0, 3.0).ratios(Cost(1.0, 1.0))


ROW = Row("a tick", "2 s", "1 s", ratios=(2.0, 3.0), target=2.5)


def test_the_largest_ratio_has_to_meet_the_target() -> None:
    assert not ROW.holds()


def test_slack_widens_the_target() -> None:
    assert ROW.holds(slack=1.5)


def test_a_figure_without_a_target_always_holds() -> None:
    assert Row("a fact", "1 s", note="not measured").holds()


def test_the_table_says_which_target_is_missed() -> None:
    assert "| a tick | 2 s | 1 s | 2.00x / 3.00x | 2.5x | **missed** |" in markdown([ROW], "0.0").splitlines()
