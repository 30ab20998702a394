"""Measures a backtest: how long one request of it takes, against one request of a backlog that a tick answers."""

from __future__ import annotations

from bench.measure import Run, run, seconds
from bench.results import Row
from bench.stage import BUNDLED, PYTHON, ROOT, UNPACED, Stage, staged
from creditbot.evidence.places import BACKTEST
from creditbot.sandbox.history import seed_history
from creditbot.sandbox.sandbox import WAREHOUSE_FILE

_UNPACED = """\
import sys
from creditbot import cli
from creditbot.adapters.slack import reading

reading.THREADS_PER_MINUTE = 1e9
sys.exit(cli.main(["backtest", "--since", "2000-01-01"]))
"""
"""A backtest that does not keep to Slack's limits, for a Slack that has none."""
LONGEST = 3_600.0
"""Seconds that a backtest of many requests may take."""


def backtest(size: int = 1_000, backlog: int = 100) -> Row:
    """So many requests of the sandbox's history against a backlog, both without rate limits, per request."""
    psms = str(ROOT / "notebooks" / "psms_credit.ipynb")
    policy = str(ROOT / "bench" / "policy.toml")
    with staged(BUNDLED, POLICY_FILE=policy, PSMS_NOTEBOOK_PATH=psms) as stage:
        tick = stage.backlog(backlog, UNPACED)
        seed_history(stage.world, stage.folder / WAREHOUSE_FILE, size)
        whole = _run(stage)
        rows = stage.folder / stage.environ["OUTPUT_URI"] / BACKTEST
        answered = len(list(rows.glob("*.json")))
    per_request, per_answer = whole.wall / answered, tick.wall / backlog
    case = f"backtest of {size:,} requests, {answered:,} of them answered by people, bundled notebooks, rate limits off"
    measured = f"{seconds(whole.wall)}, {seconds(per_request)} a request"
    against = f"a backlog of {backlog}: {seconds(tick.wall)}, {seconds(per_answer)} a request"
    return Row(case, measured, against, (per_request / per_answer,), 1.0)


def _run(stage: Stage) -> Run:
    return run([PYTHON, "-c", _UNPACED], stage.folder, stage.environ, LONGEST)
