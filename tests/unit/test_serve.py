"""The loop of `creditbot serve`: which rings, rests and stops lead to which ticks."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from creditbot.machine.processes import Stop
from creditbot.tick.serve import Rhythm, serve

RHYTHM = Rhythm(lambda: 30.0, gather=1.0, apart=3.0, burst=3, looks=(2.0, 10.0), rests=(5.0, 60.0))


class Hour:
    """An hour in front of the door: time passes only while the loop waits, and then the next thing happens.

    Attributes:
        now: seconds since it began.
        ticks: when each tick began.
        stop: whether the loop was asked to stop.
    """

    def __init__(self, *events: tuple[float, Callable[[Hour], object]], results: Iterator[bool] | None = None) -> None:
        self.now = 0.0
        self.ticks: list[float] = []
        self.stop = Stop(self._pass)
        self._events = sorted(events, key=lambda event: event[0])
        self._results = results
        self._rung = False

    def ring(self) -> None:
        self._rung = True

    def ask_to_stop(self) -> None:
        self.stop.ask()
        self.ring()

    def wait(self, seconds: float) -> bool:
        end = self.now + seconds
        while not self._rung and self._events and self._events[0][0] <= end:
            self._pass(self._events[0][0] - self.now)
        if not self._rung:
            self.now = end
        rung, self._rung = self._rung, False
        return rung

    def _pass(self, seconds: float) -> None:
        self.now += seconds
        while self._events and self._events[0][0] <= self.now:
            self._events.pop(0)[1](self)

    def tick(self) -> bool:
        self.ticks.append(round(self.now, 3))
        return next(self._results) if self._results else True

    def run(self) -> list[float]:
        serve(self.tick, self, self.stop, RHYTHM, lambda: self.now)
        return self.ticks


def ring(hour: Hour) -> None:
    hour.ring()


def end(hour: Hour) -> None:
    hour.ask_to_stop()


def test_without_a_ring_there_is_a_tick_every_so_often() -> None:
    assert [0, 30, 60, 90] == Hour((100, end)).run()


def test_a_ring_in_quiet_times_is_answered_at_once() -> None:
    assert [0, 7] == Hour((7, ring), (8, end)).run()


def test_what_rings_within_a_second_of_a_tick_needs_only_one_more() -> None:
    assert [0, 7, 8] == Hour((7, ring), (7.1, ring), (7.2, ring), (7.9, ring), (9, end)).run()


def test_after_a_ring_there_are_two_more_looks() -> None:
    """Slack may show what it rang for a little later. After that, all is as before."""
    assert [0, 7, 9, 19, 49] == Hour((7, ring), (50, end)).run()


def test_a_ring_between_the_looks_begins_them_again() -> None:
    assert [0, 7, 9, 12, 14, 24, 54] == Hour((7, ring), (12, ring), (60, end)).run()


def test_in_a_busy_channel_ticks_keep_a_distance() -> None:
    """After some that come faster."""
    rings = [(7 + second / 2, ring) for second in range(50)]
    assert [0, 7, 8, 9, 10, 11, 13, 16, 19, 22] == Hour(*rings, (24, end)).run()


@pytest.mark.parametrize("rings", [1, 3])
def test_rings_during_a_tick_cause_exactly_one_more(rings: int) -> None:
    class Rung(Hour):
        def tick(self) -> bool:
            for _ in range(rings if not self.ticks else 0):
                self.ring()
            return super().tick()

    assert [0, 1, 3] == Rung((10, end)).run()


def test_after_each_failed_tick_the_rest_is_longer() -> None:
    """Until the longest; a tick that can be done again ends it."""
    results = iter([False, False, False, True, False, True])
    assert [0, 5, 65, 125, 155, 160] == Hour((170, end), results=results).run()


def test_a_ring_does_not_shorten_the_rest_after_a_failed_tick() -> None:
    """The tick after the rest is the one that it asks for, and it is followed by the same looks."""
    assert [0, 5, 7, 17, 47] == Hour(
        (2, ring), (50, end), results=itertools.chain([False], itertools.repeat(True))
    ).run()


def test_looks_that_fail_are_made_up_for() -> None:
    results = itertools.chain([True, True, False], itertools.repeat(True))
    assert [0, 7, 9, 14, 24, 54] == Hour((7, ring), (60, end), results=results).run()


def allowances(hour: Hour) -> list[tuple[float, float]]:
    """(when, seconds) of each step that the loop announced."""
    allowed: list[tuple[float, float]] = []
    allow = lambda seconds: allowed.append((round(hour.now, 3), round(seconds, 3)))  # noqa: E731
    serve(hour.tick, hour, hour.stop, RHYTHM, lambda: hour.now, allow)
    return allowed


def test_the_loop_says_how_long_each_wait_may_take() -> None:
    """So that somebody notices when it is stuck: until it looks again, and while rings are gathered."""
    expected = [(0, 30), (7, 0), (7, 2), (7.2, 0.8), (8, 2), (10, 10), (15, 0)]
    assert expected == allowances(Hour((7, ring), (7.2, ring), (15, end)))


def test_the_loop_says_how_long_it_rests_after_a_failed_tick() -> None:
    assert [(0, 5), (5, 30), (6, 0)] == allowances(Hour((6, end), results=iter([False, True])))


@pytest.mark.parametrize("results", [[True], [False]], ids=["waiting", "resting"])
def test_a_stop_ends_the_loop_at_once(results: list[bool]) -> None:
    hour = Hour((3, end), results=iter(results))
    assert [0] == hour.run()
    assert hour.now < 3.5


def test_a_stop_while_rings_are_gathered_begins_no_tick() -> None:
    assert [0, 7] == Hour((7, ring), (7.2, ring), (7.5, end)).run()


def test_a_stop_before_the_first_tick_begins_none() -> None:
    hour = Hour()
    hour.ask_to_stop()
    assert [] == hour.run()
