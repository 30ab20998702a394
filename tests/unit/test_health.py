"""What probes learn of `creditbot serve`."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from creditbot.machine.health import LENIENCE, Health
from creditbot.machine.processes import Stop


@dataclass
class Process:
    """A process as its health sees it."""

    now: float = 1000.0
    hears: bool = True
    stop: Stop = field(default_factory=Stop)

    def health(self) -> Health:
        return Health(self.stop, lambda: self.hears, lambda: self.now)


@pytest.fixture
def process() -> Process:
    return Process()


def test_a_process_is_ready_from_its_first_tick_on(process: Process) -> None:
    health = process.health()
    assert "The first tick has not ended." == health.why_not_ready()
    health.ended(succeeded=True)
    assert "" == health.why_not_ready()


def test_after_a_failed_tick_it_is_not_ready_but_lives(process: Process) -> None:
    """To start it again would help nobody."""
    health = process.health()
    health.ended(succeeded=False)
    assert ("The last tick failed; the log says why.", "") == (health.why_not_ready(), health.why_stuck())
    health.ended(succeeded=True)
    assert "" == health.why_not_ready()


def test_a_process_that_hears_nothing_is_not_ready_but_lives(process: Process) -> None:
    health = process.health()
    health.ended(succeeded=True)
    process.hears = False
    assert ("Slack's events cannot be heard.", "") == (health.why_not_ready(), health.why_stuck())


def test_a_process_that_stops_is_not_ready(process: Process) -> None:
    health = process.health()
    health.ended(succeeded=True)
    process.stop.ask()
    assert "It is stopping." == health.why_not_ready()


def test_a_step_that_takes_longer_than_it_may_is_stuck(process: Process) -> None:
    """And so is a process that never began."""
    health = process.health()
    process.now += LENIENCE + 1
    assert "The loop is stuck: its step should have ended 1 s ago." == health.why_stuck()
    health.ended(succeeded=True)
    health.allow(300)
    process.now += 300 + LENIENCE
    assert "" == health.why_stuck()
    process.now += 5
    assert "The loop is stuck: its step should have ended 5 s ago." == health.why_stuck() == health.why_not_ready()
    health.allow(2)
    assert "" == health.why_stuck()
