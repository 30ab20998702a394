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
WARM = """
import json, sys
from creditbot.bootstrap import assemble
from creditbot.settings.settings import Settings

assembly = assemble(Settings.load())
assembly.bot.stay_warm()
assembly.ports.runner.close()
assembly.sql_reader.close()
print(json.dumps([0, sorted(sys.modules)]))
"""
HEAVY = {
    "looker_sdk", "requests",  # Looker
    "papermill", "nbformat", "scrapbook", "pandas", "numpy", "matplotlib", "duckdb", "sqlalchemy",  # notebooks
    "sqlglot", "lightkube", "obstore", "jinja2",  # SQL, the other state store, summaries, their pages
    "tomllib", "dotenv",  # CHANNELS_FILE, POLICY_FILE and PRODUCTS_FILE, and .env, where there are such files
}  # fmt: skip
WORK = {
    "creditbot.tick.worker", "creditbot.tick.follow_up", "creditbot.answer.holding", "creditbot.evidence.summary",
    "creditbot.credit.compute", "creditbot.credit.footprint", "creditbot.credit.sql.check",
    "creditbot.credit.sql.reading", "creditbot.decide.hold", "creditbot.decide.months", "creditbot.decide.overlap",
    "creditbot.decide.reasons", "creditbot.decide.second_opinion", "creditbot.decide.opinion_model",
}  # fmt: skip
"""Parts of creditbot that every request needs; each takes milliseconds to import."""
OURS = WORK | {
    "creditbot.answer.failure_message", "creditbot.adapters.slack.cards", "creditbot.adapters.slack.people",
    "creditbot.adapters.slack.reading", "creditbot.adapters.sql_reader.wire",
    "creditbot.evidence.page", "creditbot.credit.products_file", "creditbot.credit.summary_table",
    "creditbot.text.html_tags", "creditbot.commands.sandbox", "creditbot.commands.sandbox_people",
}  # fmt: skip
"""These, and what some requests, other settings and other commands need."""


def tick(folder: Path, sandbox: Sandbox, **settings: str) -> set[str]:
    """One tick in a process of its own; the modules it had imported at its end."""
    return modules_of(TICK, folder, sandbox, **settings)


def modules_of(script: str, folder: Path, sandbox: Sandbox, **settings: str) -> set[str]:
    """The modules that a script had imported at its end."""
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
        [sys.executable, "-c", script], cwd=folder, env=environ, check=True, capture_output=True, text=True, timeout=120
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


def test_a_process_that_stays_imports_ahead_of_the_first_request(folder: Path, sandbox: Sandbox) -> None:
    """What an idle tick leaves out, `creditbot serve` has before somebody asks."""
    assert set() == WORK - modules_of(WARM, folder, sandbox)


def test_metrics_cost_an_idle_tick_neither_a_call_nor_a_heavy_import(folder: Path, sandbox: Sandbox) -> None:
    """They are made from the state as it was read, and the file says that the tick went well."""
    modules = tick(folder, sandbox, METRICS_FILE=str(folder / "creditbot.prom"))
    assert set() == (HEAVY | {"prometheus_client"}) & modules
    assert 1 == len(sandbox.slack.calls)
    assert "\ncreditbot_last_success_timestamp_seconds 1" in (folder / "creditbot.prom").read_text()
