"""The metrics that follow a tick, and what happens if they cannot be published."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from creditbot.commands.metrics import publish_metrics
from creditbot.settings.settings import StateFile
from creditbot.state.ledger import Ledger
from tests.support.world import World
from tests.support.world_facts import RULES


def publish(world: World, path: Path, *, succeeded: bool = True, has_read: bool = True) -> None:
    """What a tick publishes that has read the state, or that could not."""
    ledger = Ledger(world.ports().state)
    if has_read:
        ledger.read()
    assembly: Any = SimpleNamespace(ledger=ledger, rules=RULES)
    settings: Any = SimpleNamespace(
        metrics_file=path, pushgateway_url=None, state=StateFile(Path("state.json")), shadow=False
    )
    publish_metrics(settings, assembly, succeeded=succeeded)


@pytest.fixture
def world() -> World:
    world = World()
    world.ask("abc")
    world.tick()
    return world


def test_metrics_are_published_in_the_format_of_their_reader(world: World, tmp_path: Path) -> None:
    publish(world, tmp_path / "a.prom")
    publish(world, tmp_path / "a.txt")
    assert "# TYPE creditbot_credited_usd_total counter\n" in (tmp_path / "a.prom").read_text()
    assert (tmp_path / "a.txt").read_text().endswith("\n# EOF\n")


def test_metrics_that_cannot_be_published_are_a_line_in_the_log(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The tick goes on."""
    with caplog.at_level(logging.WARNING, "creditbot"):
        publish(world, tmp_path)
    (line,) = caplog.messages
    assert line.startswith(f"the metrics could not be published: The metrics could not be written to {tmp_path}: ")


def test_a_tick_that_could_not_read_the_state_publishes_nothing(world: World, tmp_path: Path) -> None:
    """What stands there grows old, which is what alerts are for."""
    world.counted()
    publish(world, tmp_path / "a.prom", succeeded=False, has_read=False)
    assert [] == [*tmp_path.iterdir()]
    assert not world.counted()
