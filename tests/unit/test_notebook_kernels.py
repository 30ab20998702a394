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


def test_a_kernel_that_has_waited_long_does_not_run_with_old_files(launcher: KernelLauncher, tmp_path: Path) -> None:
    """In `creditbot serve` hours may pass between its start and its run. One that is fresh is used."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    (folder / "rates.csv").write_text("old")
    launcher.prestart(str(folder))
    first = launcher.kernel(str(folder))
    launcher.prestart(str(folder))
    launcher._spare_since -= 61
    (folder / "rates.csv").write_text("new")
    second = launcher.kernel(str(folder))
    assert ["old", "new"] == [(kernel.work / "rates.csv").read_text() for kernel in (first, second) if kernel.work]
