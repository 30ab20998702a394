"""Keeping to a rate."""

from __future__ import annotations

import threading

import pytest

from creditbot.adapters.slack.pacing import Allowance, Pacer


class Time:
    """A time that only sleeping moves, safe to use from several threads."""

    def __init__(self) -> None:
        self.now = 0.0
        self._lock = threading.Lock()

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.now += seconds


@pytest.fixture
def time() -> Time:
    """A time of its own for each test."""
    return Time()


def test_the_first_caller_does_not_wait(time: Time) -> None:
    """Only the rate is limited, not the start."""
    assert Pacer(1.0, time, time.sleep).wait("C1")
    assert 0.0 == time.now


def test_threads_of_one_name_share_the_rate(time: Time) -> None:
    """No two of twenty are let through at the same moment."""
    pacer = Pacer(1.0, time, time.sleep)
    through: list[float] = []

    def one() -> None:
        pacer.wait("C1")
        through.append(time.now)

    threads = [threading.Thread(target=one) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 20 == len(through)
    assert 19.0 <= time.now


def test_a_turn_that_comes_too_late_is_not_waited_for(time: Time) -> None:
    """The caller learns at once."""
    pacer = Pacer(10.0, time, time.sleep)
    assert pacer.wait("C1")
    assert not pacer.wait("C1", 5.0)
    assert 0.0 == time.now


def test_a_hold_concerns_every_channel(time: Time) -> None:
    """The longest one asked for counts."""
    pacer = Pacer(1.0, time, time.sleep)
    pacer.block(30.0)
    pacer.block(5.0)
    assert pacer.wait("C1")
    assert 30.0 == time.now


def test_an_allowance_lets_some_through_at_once_and_then_keeps_its_rate(time: Time) -> None:
    allowance = Allowance(60, 3, time, time.sleep)
    for _ in range(3):
        allowance.wait()
    assert 0.0 == time.now
    for _ in range(5):
        allowance.wait()
    assert pytest.approx(5.0) == time.now


def test_a_pause_fills_an_allowance_up_and_no_further(time: Time) -> None:
    allowance = Allowance(60, 3, time, time.sleep)
    time.sleep(1000)
    for _ in range(4):
        allowance.wait()
    assert pytest.approx(1001.0) == time.now
