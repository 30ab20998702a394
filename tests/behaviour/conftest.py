"""What every test of the bot's behaviour begins with."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from creditbot.model import RequestKey
from tests.support.large_amount import LARGE
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
def held(world: World) -> RequestKey:
    """A request for $30,000.00, which the default policy holds; the approvers were asked."""
    world.amounts["big"] = LARGE
    key = world.ask("big")
    world.tick()
    world.wait(minutes=5)
    return key


@pytest.fixture
def log_lines(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[str], list[dict[str, object]]]]:
    """Gives the fields of the log lines of one event that were written so far."""

    def lines(event: str) -> list[dict[str, object]]:
        return [record.fields for record in caplog.records if record.getMessage() == event]  # type: ignore[attr-defined]

    with caplog.at_level(logging.INFO, "creditbot"):
        yield lines
