"""`creditbot backtest` over real HTTP, on a small history of the sandbox: killed, continued, and never writing."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from creditbot.adapters.slack.reading import READS
from creditbot.commands.sandbox import bundled_notebooks
from creditbot.machine import exact_json
from creditbot.sandbox import Sandbox
from creditbot.sandbox.history import seed_history

pytestmark = [pytest.mark.kernels, pytest.mark.timeout(600)]

REQUESTS = 8


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("history"), messages=False) as sandbox:
        seed_history(sandbox.world, sandbox.warehouse, REQUESTS)
        yield sandbox


def environment(sandbox: Sandbox, outputs: Path) -> dict[str, str]:
    notebooks = bundled_notebooks().absolute()
    own = {
        "NOTEBOOK_PATH": str(notebooks / "verify_credit.ipynb"),
        "PSMS_NOTEBOOK_PATH": str(notebooks / "psms_credit.ipynb"),
        "OUTPUT_URI": str(outputs),
        "STATE_URI": f"file:{outputs / 'state.json'}",
        "WORKERS": "2",
    }
    return {**os.environ, **sandbox.environment(), **own}


def command(*more: str) -> list[str]:
    return [sys.executable, "-m", "creditbot", "backtest", "--since", "2000-01-01", *more]


def rows_in(outputs: Path) -> dict[str, Any]:
    return {path.name: json.loads(path.read_text()) for path in (outputs / "backtest").glob("*.json")}


def test_a_killed_backtest_goes_on_and_people_and_notebooks_agree(sandbox: Sandbox, tmp_path: Path) -> None:
    """The rows of before the kill stay; the process calls only what reads, and leaves no state."""
    environ = environment(sandbox, tmp_path)
    with (tmp_path / "first.log").open("wb") as log:
        first = subprocess.Popen(
            command(), cwd=tmp_path, env=environ, stdout=log, stderr=log, start_new_session=True
        )  # fmt: skip
    deadline = time.monotonic() + 120
    while not rows_in(tmp_path) and time.monotonic() < deadline:
        assert first.poll() is None, (tmp_path / "first.log").read_text()
        time.sleep(0.02)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait(30)
    kept = rows_in(tmp_path)
    assert 0 < len(kept) < REQUESTS

    done = subprocess.run(command("--json"), cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr
    report: Any = exact_json.read(done.stdout)
    now = rows_in(tmp_path)
    assert {name: row["seconds"] for name, row in kept.items()} == {name: now[name]["seconds"] for name in kept}
    assert report["requests"] == len(now) == len(report["rows"])
    assert report["requests"] + sum(report["left_out"].values()) == REQUESTS
    plain = [row for row in report["rows"] if row["answer"]["amount"] and row["outcome"] == "computed"]
    exact = [row for row in plain if row["answer"]["amount"] == row["amount"]]
    assert len(exact) >= 4
    assert all(abs(row["amount"] - row["answer"]["amount"]) <= row["amount"] * Decimal("0.16") for row in plain)
    assert all(Path(row["page"]).exists() for row in plain)
    assert {method for method, _ in sandbox.slack.calls} <= READS
    assert not (tmp_path / "state.json").exists()
    written = [*(tmp_path / "backtest").rglob("*")]
    assert len(now) < len(written)
    assert {0o600} == {stat.S_IMODE(path.stat().st_mode) for path in written}
    assert 0o700 == stat.S_IMODE((tmp_path / "backtest").stat().st_mode)
