"""Slack's clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from creditbot.errors import SLACK, Unreachable
from creditbot.machine import clock as clock_module
from creditbot.machine.clock import SlackClock, boottime

NOON = "Mon, 05 Jan 2026 12:00:00 GMT"
AT_NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


class Boot:
    """A boot-time clock set by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_time_goes_on_from_the_moment_the_request_was_sent() -> None:
    """However long the answer took to arrive and to be looked at."""
    boot = Boot()
    clock = SlackClock(boot)
    clock.observe(NOON, 100.0, 103.0)
    boot.now = 160.5
    assert AT_NOON + timedelta(seconds=60.5) == clock.now()


@pytest.mark.parametrize(
    ("date", "took"),
    [(NOON, 5.001), (NOON, -1.0), (None, 1.0), ("", 1.0), ("noon", 1.0), ("Mon, 05 Jan 2026 12:00:00 -0000", 1.0)],
)
def test_an_answer_that_says_too_little_is_not_used(date: str | None, took: float) -> None:
    """A slow answer, a clock that ran backwards, no date, an unreadable one, one without a zone."""
    clock = SlackClock(Boot())
    clock.observe(date, 100.0, 100.0 + took)
    with pytest.raises(Unreachable) as caught:
        clock.now()
    assert ("Slack's time is not known yet: no answer came within 5 s.", SLACK) == (
        caught.value.what,
        caught.value.service,
    )


def test_an_answer_of_five_seconds_is_used() -> None:
    """To the moment."""
    clock = SlackClock(Boot())
    clock.observe(NOON, 100.0, 105.0)
    assert AT_NOON == clock.now()


def test_a_date_in_another_zone_is_the_same_moment() -> None:
    """HTTP says GMT; a gateway may not."""
    clock = SlackClock(Boot())
    clock.observe("Mon, 05 Jan 2026 14:00:00 +0200", 100.0, 100.1)
    assert AT_NOON == clock.now()
    assert UTC is clock.now().tzinfo


def test_the_tightest_pairing_is_kept_for_an_hour() -> None:
    """A slower answer does not replace a faster one, until that is an hour old."""
    boot = Boot()
    clock = SlackClock(boot)
    clock.observe(NOON, 100.0, 102.0)
    boot.now = 110.0
    clock.observe("Mon, 05 Jan 2026 12:00:11 GMT", 110.0, 113.0)
    assert AT_NOON + timedelta(seconds=10) == clock.now()
    clock.observe("Mon, 05 Jan 2026 12:00:09 GMT", 110.0, 110.5)
    assert AT_NOON + timedelta(seconds=9) == clock.now()
    clock.observe("Mon, 05 Jan 2026 12:00:08 GMT", 110.0, 110.5)
    assert AT_NOON + timedelta(seconds=9) == clock.now()
    boot.now = 3710.0
    clock.observe("Mon, 05 Jan 2026 13:00:07 GMT", 3710.0, 3713.0)
    assert AT_NOON + timedelta(hours=1, seconds=9) == clock.now()
    boot.now = 4000.0
    clock.observe("Mon, 05 Jan 2026 13:05:02 GMT", 4000.0, 4003.0)
    assert AT_NOON + timedelta(hours=1, minutes=5, seconds=2) == clock.now()


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="this system has none")
def test_the_clock_goes_on_while_a_laptop_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system counts the time since it was started, and not only that in which it was awake."""
    monkeypatch.setattr(time, "clock_gettime", {time.CLOCK_BOOTTIME: 5.0, time.CLOCK_MONOTONIC: 1.0}.get)
    assert 5.0 == boottime()


def test_the_monotonic_clock_is_read_where_there_is_no_boot_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain monotonic time."""
    monkeypatch.setattr(clock_module, "_BOOTTIME", None)
    monkeypatch.setattr(time, "monotonic", lambda: 7.0)
    assert 7.0 == boottime()


def test_the_boot_time_clock_only_goes_forward() -> None:
    """It is the real one, and cheap enough to be asked often."""
    readings = [boottime() for _ in range(100)]
    assert sorted(readings) == readings
