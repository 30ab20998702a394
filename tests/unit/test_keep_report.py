"""The report that follows a tick, if it cannot be written."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from creditbot.commands.report import keep_report
from creditbot.state.ledger import Ledger
from tests.support.world import RULES, World

NOW = datetime(2026, 1, 9, 12, 0, tzinfo=UTC)


def keep(world: World, output_uri: str) -> None:
    ports = world.ports()
    assembly: Any = SimpleNamespace(ports=ports, ledger=Ledger(ports.state), rules=RULES)
    settings: Any = SimpleNamespace(output_uri=output_uri, evidence_url="")
    keep_report(settings, assembly, NOW)


def test_a_report_that_was_kept_is_remembered(tmp_path: Path) -> None:
    """So that no tick makes another one within the hour."""
    world = World()
    world.ask("abc")
    world.tick()
    keep(world, str(tmp_path))
    assert "$4,948.80" in (tmp_path / "report/index.html").read_text("utf-8")
    assert NOW == world.state().meta.reported


def test_a_report_that_cannot_be_kept_does_not_fail_the_tick(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The log says why, and the next tick tries it again."""
    (tmp_path / "report").touch()
    world = World()
    world.tick()
    with caplog.at_level(logging.WARNING):
        keep(world, str(tmp_path))
    assert "the report could not be kept: Summaries at" in caplog.text
    assert world.state().meta.reported is None
