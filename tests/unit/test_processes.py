"""This process, asked to stop."""

from __future__ import annotations

from creditbot.processes import Stop


def test_who_is_not_asked_to_stop_sleeps_as_long_as_was_said() -> None:
    """In naps, so that being asked is noticed."""
    naps: list[float] = []
    assert not Stop(naps.append).sleep(1.1)
    assert abs(sum(naps) - 1.1) < 1e-9
    assert max(naps) < 0.5


def test_who_is_asked_while_it_sleeps_wakes_up() -> None:
    """At the end of a nap."""
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            stop.ask()

    stop = Stop(nap)
    assert stop.sleep(50)
    assert 3 == len(naps)


def test_who_was_asked_before_does_not_sleep() -> None:
    """Neither the first time nor later."""
    naps: list[float] = []
    stop = Stop(naps.append)
    stop.ask()
    assert stop.asked
    assert [True, True] == [stop.sleep(50), stop.sleep(50)]
    assert [] == naps
