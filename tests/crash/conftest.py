"""How many runs, and the table of what came of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.crash.table import Table

TABLE = pytest.StashKey[Table]()


def pytest_configure(config: pytest.Config) -> None:
    """One table for the whole run."""
    config.stash[TABLE] = Table()


@pytest.fixture
def table(request: pytest.FixtureRequest) -> Table:
    """Where each run is counted."""
    return request.config.stash[TABLE]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Shows the table, and writes it to the file that CRASH_TABLE names. Workers of pytest-xdist keep theirs."""
    table = config.stash[TABLE]
    if not table.rows:
        return
    terminalreporter.write_line("")
    terminalreporter.write_line(str(table))
    if path := os.environ.get("CRASH_TABLE"):
        Path(path).write_text(f"{table}\n")
