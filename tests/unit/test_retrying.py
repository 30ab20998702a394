"""Calls are tried again while that can help, and no longer than the process runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from creditbot.machine.processes import Stop
from creditbot.machine.retrying import with_retries
from tests.support.stops import RecordingStop


class Failed(Exception):
    pass


def failing(times: int) -> Callable[[], str]:
    """A call that fails so often before it succeeds."""
    left = iter(range(times))

    def call() -> str:
        if next(left, None) is not None:
            raise Failed
        return "done"

    return call


def after_a_second(_: Failed) -> float | None:
    return 1.0


def test_a_call_that_succeeds_is_made_once() -> None:
    stop = RecordingStop()
    assert with_retries(failing(0), Failed, after_a_second, stop) == "done"
    assert stop.slept == []


def test_a_failed_call_is_made_again_after_each_pause() -> None:
    stop = RecordingStop()
    assert with_retries(failing(2), Failed, after_a_second, stop) == "done"
    assert stop.slept == [1.0, 1.0]


def test_a_failure_that_gets_no_pause_is_final() -> None:
    stop = RecordingStop()
    with pytest.raises(Failed):
        with_retries(failing(1), Failed, lambda _: None, stop)
    assert stop.slept == []


def test_another_failure_is_not_tried_again() -> None:
    stop = RecordingStop()
    with pytest.raises(Failed):
        with_retries(failing(1), ValueError, lambda _: 1.0, stop)
    assert stop.slept == []


def test_a_process_asked_to_stop_while_it_waits_tries_nothing_again() -> None:
    stop = RecordingStop()
    stop.asks_itself = True
    with pytest.raises(Failed):
        with_retries(failing(1), Failed, after_a_second, stop)


def test_a_process_that_was_asked_to_stop_does_not_wait() -> None:
    naps: list[float] = []
    stop = Stop(naps.append)
    stop.ask()
    with pytest.raises(Failed):
        with_retries(failing(1), Failed, after_a_second, stop)
    assert naps == []
