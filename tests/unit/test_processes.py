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
def test_a_process_that_runs_is_known_to() -> None:
    """It is known by when it began."""
    name = processes.name()
    assert str(os.getpid()) == name.rsplit("/", 3)[1]
    assert name.rsplit("/", 3)[2]
    assert processes.is_running(name) is True


@pytest.mark.usefixtures("_source")
def test_a_process_that_has_ended_is_known_to() -> None:
    """And so is one whose number another process has now."""
    ended = subprocess.Popen([sys.executable, "-c", "pass"])
    ended.wait()
    host, pid, began, rest = processes.name().rsplit("/", 3)
    assert processes.is_running(f"{host}/{ended.pid}/{began}/{rest}") is False
    assert processes.is_running(f"{host}/{pid}/another time/{rest}") is False


@pytest.mark.parametrize("name", ["", "pod", "another-host/1/2/3", "a/b/c/d"])
def test_of_a_process_elsewhere_nobody_can_say_whether_it_runs(name: str) -> None:
    """Its claim runs out."""
    assert processes.is_running(name) is None


def test_no_two_processes_have_a_name() -> None:
    """Not even one that is asked twice."""
    assert processes.name() != processes.name()


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
