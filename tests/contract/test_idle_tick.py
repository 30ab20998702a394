"""What a tick that finds nothing new asks for and imports: it is what a CronJob does nearly always."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from creditbot.sandbox import Sandbox
from creditbot.sandbox.composer import typed
from creditbot.sandbox.world import CHANNEL, LOOKER, OWNER
from tests.support.bundled_notebooks import path_of

pytestmark = pytest.mark.kernels

TICK = """
import json, sys
from creditbot.cli import main

code = main(["run-once"])
print(json.dumps([code, sorted(sys.modules)]))
"""
HEAVY = {
    "looker_sdk", "requests",  # Looker
    "papermill", "nbformat", "scrapbook", "pandas", "numpy", "matplotlib", "duckdb", "sqlalchemy",  # notebooks
    "sqlglot", "lightkube", "obstore", "jinja2",  # SQL, the other state store, summaries, their pages
    "tomllib",  # CHANNELS_FILE, POLICY_FILE and PRODUCTS_FILE, where they are set
}  # fmt: skip
OURS = {
    "creditbot.answer.failure_message", "creditbot.answer.holding",
    "creditbot.adapters.slack.cards", "creditbot.evidence.summary", "creditbot.evidence.page", "creditbot.tick.worker",
    "creditbot.credit.summary_table", "creditbot.text.html_tags",
}  # fmt: skip
"""Parts of creditbot that only a request needs; each takes milliseconds to import."""


def tick(folder: Path, sandbox: Sandbox, **settings: str) -> set[str]:
    """One tick in a process of its own; the modules it had imported at its end."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "LOOKER_"))}
    environ |= (
        sandbox.environment()
        | settings
        | {
            "NOTEBOOK_PATH": str(path_of("verify")),
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
    )
    done = subprocess.run(
        [sys.executable, "-c", TICK], cwd=folder, env=environ, check=True, capture_output=True, text=True, timeout=120
    )
    code, modules = json.loads(done.stdout.splitlines()[-1])
    assert 0 == code, done.stdout + done.stderr
    return set(modules)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the bot runs, its state included."""
    return tmp_path_factory.mktemp("bot")


@pytest.fixture(scope="module")
def seen(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A channel with a question and with a request that a person answered; the bot has seen both."""
    with Sandbox(tmp_path_factory.mktemp("sandbox") / "sandbox", messages=False) as sandbox:
        sandbox.world.post("Morning! Is there a cut-off for December credits?")
        asked = sandbox.world.post(**typed(f"Credit please: {LOOKER}/looks/33"))
        sandbox.world.post("Approved, $812.40, exceptions", user=OWNER, thread_ts=asked)
        tick(folder, sandbox)
        yield sandbox


@pytest.fixture
def sandbox(seen: Sandbox) -> Sandbox:
    """The same, not asked for anything yet."""
    seen.slack.calls.clear()
    seen.looker.calls.clear()
    return seen


def test_an_idle_tick_asks_for_one_page_of_history(folder: Path, sandbox: Sandbox) -> None:
    """One call to Slack and none to Looker: who we are and which channel it is was remembered."""
    tick(folder, sandbox)
    ((method, arguments),) = sandbox.slack.calls
    assert "conversations.history" == method
    assert {"channel": CHANNEL, "limit": "200"} == {name: arguments[name] for name in ("channel", "limit")}
    assert [] == sandbox.looker.calls


def test_an_idle_tick_imports_only_what_it_uses(folder: Path, sandbox: Sandbox) -> None:
    """What Looker, SQL, notebooks and summaries need, which takes seconds to import, waits until there is work."""
    modules = tick(folder, sandbox)
    assert "slack_sdk" in modules
    assert set() == (HEAVY | OURS) & modules
    assert [] == [name for name in modules if "metrics" in name or name == "creditbot.insight"]


def test_metrics_cost_an_idle_tick_neither_a_call_nor_a_heavy_import(folder: Path, sandbox: Sandbox) -> None:
    """They are made from the state as it was read, and the file says that the tick went well."""
    modules = tick(folder, sandbox, METRICS_FILE=str(folder / "creditbot.prom"))
    assert set() == (HEAVY | {"prometheus_client"}) & modules
    assert 1 == len(sandbox.slack.calls)
    assert "\ncreditbot_last_success_timestamp_seconds 1" in (folder / "creditbot.prom").read_text()
