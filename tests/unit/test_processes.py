"""This process: its name, and whether it is asked to stop."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from creditbot.machine import processes
from creditbot.machine.processes import Stop


@pytest.fixture(params=["proc", "ps"])
def _source(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where systems say when a process began."""
    if request.param == "ps":
        monkeypatch.setattr(processes, "_started", processes._started_by_ps)


@pytest.mark.usefixtures("_source")
def test_a_running_process_is_known_to_run() -> None:
    """It is known by when it began."""
    name = processes.name()
    assert str(os.getpid()) == name.rsplit("/", 3)[1]
    assert name.rsplit("/", 3)[2]
    assert processes.is_running(name) is True


@pytest.mark.usefixtures("_source")
def test_a_process_that_ended_is_known_to_have_ended() -> None:
    """And so is one whose number another process has now."""
    ended = subprocess.Popen([sys.executable, "-c", "pass"])
    ended.wait()
    host, pid, began, rest = processes.name().rsplit("/", 3)
    assert processes.is_running(f"{host}/{ended.pid}/{began}/{rest}") is False
    assert processes.is_running(f"{host}/{pid}/another time/{rest}") is False


@pytest.mark.parametrize("name", ["", "pod", "another-host/1/2/3", "a/b/c/d"])
def test_a_process_elsewhere_may_or_may_not_run(name: str) -> None:
    """Its claim runs out."""
    assert processes.is_running(name) is None


def test_no_two_processes_share_a_name() -> None:
    """Not even one that is asked twice."""
    assert processes.name() != processes.name()


def test_a_sleep_lasts_as_long_as_it_should() -> None:
    """In naps, so that being asked is noticed."""
    naps: list[float] = []
    assert not Stop(naps.append).sleep(1.1)
    assert abs(sum(naps) - 1.1) < 1e-9
    assert max(naps) < 0.5


def test_a_sleep_ends_when_the_process_is_asked_to_stop() -> None:
    """At the end of a nap."""
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            stop.ask()

    stop = Stop(nap)
    assert stop.sleep(50)
    assert 3 == len(naps)


def test_there_is_no_sleep_after_the_process_was_asked_to_stop() -> None:
    """Neither the first time nor later."""
    naps: list[float] = []
    stop = Stop(naps.append)
    stop.ask()
    assert stop.asked
    assert [True, True] == [stop.sleep(50), stop.sleep(50)]
    assert [] == naps


def test_what_this_process_claimed_in_an_earlier_tick_is_not_at_work() -> None:
    """Only the operating system knows about other processes, and in its first tick this one has no earlier name."""
    first = processes.ThisProcess(is_running=lambda _: True)
    second = first.again()
    third = second.again()
    assert 3 == len({first.name, second.name, third.name})
    assert [True, False, False] == [process.still_works(first.name) for process in (first, second, third)]
    assert third.still_works("elsewhere/1/2/abc") is True
