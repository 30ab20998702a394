"""How many runs, and the table of what came of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from creditbot.intake import requests
from creditbot.intake.looker_host import LookerHost
from creditbot.intake.looker_links import looker_links
from creditbot.model import LookerLink
from tests.crash.table import Table

TABLE = pytest.StashKey[Table]()


def pytest_itemcollected(item: pytest.Item) -> None:
    """Marks the tests of this folder."""
    item.add_marker("crash")


def pytest_configure(config: pytest.Config) -> None:
    """One table for the whole run."""
    config.stash[TABLE] = Table()


@pytest.fixture
def table(request: pytest.FixtureRequest) -> Table:
    """Where each run is counted."""
    return request.config.stash[TABLE]


@pytest.fixture(autouse=True)
def _each_text_is_searched_for_links_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of ticks read the same few messages, whose content is nothing but their text."""

    def remembered(content: Mapping[str, object], host: LookerHost, *, from_app: bool) -> tuple[LookerLink, ...]:
        (text,) = content.values()
        assert isinstance(text, str)
        return _links_in(text, host, from_app)

    monkeypatch.setattr(requests, "looker_links", remembered)


@cache
def _links_in(text: str, host: LookerHost, from_app: bool) -> tuple[LookerLink, ...]:
    return tuple(looker_links({"text": text}, host, from_app=from_app))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Shows the table, and writes it to the file that CRASH_TABLE names. Workers of pytest-xdist keep theirs."""
    table = config.stash[TABLE]
    if not table.rows:
        return
    terminalreporter.write_line("")
    terminalreporter.write_line(str(table))
    if path := os.environ.get("CRASH_TABLE"):
        Path(path).write_text(f"{table}\n")
