"""A bell: rung by threads and signal handlers, waited for by one thread."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from creditbot.machine.bell import Bell


@pytest.fixture
def bell() -> Iterator[Bell]:
    bell = Bell()
    yield bell
    bell.close()


def test_a_wait_ends_without_a_ring_when_its_time_is_over(bell: Bell) -> None:
    assert not bell.wait(0)


def test_rings_before_a_wait_end_it_and_count_once(bell: Bell) -> None:
    bell.ring()
    bell.ring()
    assert [True, False] == [bell.wait(60), bell.wait(0)]


def test_a_thread_ends_the_wait_of_another(bell: Bell) -> None:
    thread = threading.Thread(target=bell.ring)
    thread.start()
    assert bell.wait(60)
    thread.join()


def test_a_signal_handler_ends_the_wait_of_its_own_thread(bell: Bell) -> None:
    before = signal.signal(signal.SIGUSR1, lambda *_: bell.ring())
    timer = threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGUSR1))
    try:
        timer.start()
        assert bell.wait(60)
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, before)


def test_no_number_of_rings_blocks_whoever_rings(bell: Bell) -> None:
    """A pipe holds 64 KiB."""
    for _ in range(70_000):
        bell.ring()
    assert [True, False] == [bell.wait(0), bell.wait(0)]


def test_a_ring_after_the_end_rings_nothing() -> None:
    """Not even what has the same number now."""
    bell = Bell()
    bell.close()
    hears, writes = os.pipe()
    os.set_blocking(hears, False)
    bell.ring()
    with pytest.raises(BlockingIOError):
        os.read(hears, 1)
    os.close(hears)
    os.close(writes)
