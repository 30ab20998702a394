"""The scenarios and their cassettes."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.replay.stage import Stage

CASSETTES = Path(__file__).parents[1] / "cassettes"
AREAS = (
    "slack_reading",
    "slack_writing",
    "slack_documented",
    "looker_links",
    "looker_trouble",
    "looker_documented",
    "tick",
)
Scenario = Callable[[Stage], Any]


def scenarios() -> list[Scenario]:
    """Every test of every area that plays on a stage."""
    modules = [importlib.import_module(f"tests.replay.test_{area}") for area in AREAS]
    tests = [play for module in modules for name, play in vars(module).items() if name.startswith("test_")]
    return [play for play in tests if "stage" in inspect.signature(play).parameters]


def cassette_of(play: Scenario) -> Path:
    """`tests/cassettes/AREA/SCENARIO.yaml`."""
    area = play.__module__.rpartition(".test_")[2]
    return CASSETTES / area / f"{play.__name__.removeprefix('test_')}.yaml"
