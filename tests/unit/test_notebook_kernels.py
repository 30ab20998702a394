"""Scraps that a process of the nursery's should have read, and did not."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from creditbot.notebook_host.kernels import Nursery

EXECUTED = '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'


@pytest.fixture
def nursery(tmp_path: Path) -> Iterator[Nursery]:
    """One that expects no notebook."""
    nursery = Nursery({"PATH": os.environ["PATH"]}, [], tmp_path)
    yield nursery
    nursery.close()


def test_reading_scraps_takes_no_longer_than_it_may(nursery: Nursery) -> None:
    """A notebook decides how much there is to read; the limit ends it."""
    with pytest.raises(ValueError, match="longer than 0 s"):
        nursery.scraps(EXECUTED, 0.0)


def test_a_reader_that_dies_is_told_by_its_status(nursery: Nursery) -> None:
    """Nothing was read then, and nobody waits for it any longer."""
    with ThreadPoolExecutor(1) as pool:
        scraps = pool.submit(nursery.scraps, EXECUTED, 60.0)
        while not nursery._processes:
            time.sleep(0.001)
        nursery._processes[1].kill()
        with pytest.raises(ValueError, match="ended with -9"):
            scraps.result()
