"""How far a long command is, on a terminal and elsewhere."""

from __future__ import annotations

import io

import pytest
from typing_extensions import override

from creditbot.commands.progress import ProgressBar, progress_line


class Terminal(io.StringIO):
    @override
    def isatty(self) -> bool:
        return True


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("done", "total", "seconds", "line"),
    [
        (0, 10, 0.0, "0 of 10 requests"),
        (120, 1000, 40.0, "120 of 1,000 requests, 3.0 a second, about 5 min left"),
        (9, 10, 3.0, "9 of 10 requests, 3.0 a second, about 0 s left"),
        (10, 10, 5.0, "10 of 10 requests, 2.0 a second"),
    ],
)
def test_a_line_says_how_much_is_left(done: int, total: int, seconds: float, line: str) -> None:
    assert line == progress_line("requests", done, total, seconds)


def test_a_log_gets_a_line_every_ten_seconds_and_one_at_the_end() -> None:
    out, time = io.StringIO(), Time()
    bar = ProgressBar("requests", 30, out, time)
    for _ in range(30):
        time.now += 1
        bar.step()
    bar.close()
    assert ["0 of 30 ", "10 of 30", "20 of 30", "30 of 30"] == [line[:8] for line in out.getvalue().splitlines()]


def test_a_terminal_gets_a_bar_in_one_line() -> None:
    out, time = Terminal(), Time()
    bar = ProgressBar("requests", 2, out, time)
    for _ in range(2):
        time.now += 1
        bar.step()
    bar.close()
    assert 1 == out.getvalue().count("\n")
    assert f"\r[{'#' * 12:<24}] 1 of 2 requests" in out.getvalue()
    assert out.getvalue().endswith(f"\r[{'#' * 24}] 2 of 2 requests, 1.0 a second\x1b[K\n")


def test_whoever_waits_sees_at_once_how_much_there_is() -> None:
    """The first step may take a minute, and somebody who sees nothing takes that for a command that hangs."""
    for out in (Terminal(), io.StringIO()):
        ProgressBar("requests", 103, out, Time())
        assert "0 of 103 requests" in out.getvalue()


def test_a_bar_without_steps_says_so_once() -> None:
    out = io.StringIO()
    ProgressBar("requests", 0, out, Time()).close()
    assert "0 of 0 requests\n" == out.getvalue()
