"""The launcher of kernels, where a process that should read scraps does not."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from creditbot.notebook_host.kernels import KernelLauncher

pytestmark = pytest.mark.kernels

EXECUTED = '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'


@pytest.fixture
def launcher(tmp_path: Path) -> Iterator[KernelLauncher]:
    """A launcher that expects no notebook."""
    with closing(KernelLauncher({"PATH": os.environ["PATH"]}, [], tmp_path)) as launcher:
        yield launcher


def test_scraps_that_take_too_long_to_read_are_an_error(launcher: KernelLauncher) -> None:
    with pytest.raises(ValueError, match="longer than 0 s"):
        launcher.read_scraps(EXECUTED, 0.0)


def test_a_reader_of_scraps_that_dies_is_an_error(launcher: KernelLauncher) -> None:
    """Nobody is waiting for it."""
    with ThreadPoolExecutor(1) as pool:
        scraps = pool.submit(launcher.read_scraps, EXECUTED, 60.0)
        while not launcher._processes:
            time.sleep(0.001)
        launcher._processes[1].kill()
        with pytest.raises(ValueError, match="ended with -9"):
            scraps.result()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of notebooks."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    return folder


def test_a_kernel_that_has_waited_long_does_not_run_with_old_files(launcher: KernelLauncher, folder: Path) -> None:
    """In `creditbot serve` it may wait for an hour: its folder is that of the moment at which the run begins."""
    (folder / "rates.csv").write_text("old")
    launcher.prestart(str(folder))
    (folder / "rates.csv").write_text("new")
    (folder / "module.py").write_text("old")
    kernel = launcher.kernel(str(folder))
    assert 1 == kernel.process.number
    kernel.begin({"module.py": b"new"})
    assert kernel.work
    assert {"rates.csv": "new", "module.py": "new"} == {path.name: path.read_text() for path in kernel.work.iterdir()}


def test_one_kernel_waits_and_is_used_once(launcher: KernelLauncher, folder: Path) -> None:
    for _ in range(3):
        launcher.prestart(str(folder))
    assert [1, 2] == [launcher.kernel(str(folder)).process.number for _ in range(2)]


def test_a_kernel_that_cannot_be_used_any_longer_makes_way(launcher: KernelLauncher, folder: Path) -> None:
    """It has waited for an hour, has died, or is for notebooks of another folder."""
    other = folder.parent / "other"
    other.mkdir()
    launcher.prestart(str(folder))
    old = launcher._waiting
    assert old
    old.started -= 3600
    launcher.prestart(str(folder))
    dead = launcher._waiting
    assert dead
    dead.process.kill()
    assert dead.process.ended.wait(60)
    launcher.prestart(str(folder))
    unfit = launcher._waiting
    assert unfit
    assert [1, 2, 3, 4] == [*(kernel.process.number for kernel in (old, dead, unfit, launcher.kernel(str(other))))]
    assert old.process.ended.wait(60)
    assert unfit.process.ended.wait(60)
