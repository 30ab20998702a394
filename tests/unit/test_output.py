"""What all commands share when they print."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args

import pytest

from creditbot.commands.output import STATUS_WORDS, count, say, utc
from creditbot.state.record import Status


def test_every_status_has_words_for_people() -> None:
    """None is forgotten."""
    assert set(get_args(Status)) == STATUS_WORDS.keys()


def test_the_words_for_a_status_fit_their_column() -> None:
    """The table of `creditbot history` is 18 characters wide there."""
    assert max(map(len, STATUS_WORDS.values())) <= 18


def test_what_is_said_is_printed_without_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    """One line a call."""
    say("\x1b[2Jdone")
    assert "done\n" == capsys.readouterr().out


def test_a_count_has_its_plural() -> None:
    assert ["0 days", "1 day", "2 days"] == [count(number, "day") for number in range(3)]


def test_a_moment_is_printed_to_the_second() -> None:
    assert "2026-01-09 12:00:01 UTC" == utc(datetime(2026, 1, 9, 12, 0, 1, 999_999, tzinfo=UTC))
