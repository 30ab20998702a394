"""What every test of the bot's behaviour begins with."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from tests.support.world import World


@pytest.fixture
def world() -> World:
    """A workspace in which the bot has run before; each effect takes a tenth of a second.

    Tests that start with a bot that has never run, or that count to the moment, make a `World` of their own.
    """
    world = World(step=timedelta(milliseconds=100))
    world.tick()
    world.counted()
    return world


@pytest.fixture
def log_lines(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[str], list[dict[str, object]]]]:
    """Gives the fields of the log lines of one event that were written so far."""

    def lines(event: str) -> list[dict[str, object]]:
        return [record.fields for record in caplog.records if record.getMessage() == event]  # type: ignore[attr-defined]

    with caplog.at_level(logging.INFO, "creditbot"):
        yield lines
