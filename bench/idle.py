"""Ticks that find nothing: what a CronJob mostly does."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.measure import Run, interleaved, run
from bench.past import fill
from bench.results import Row, times
from bench.stage import FROZEN, PYTHON, Stage, bot_environment, staged
from creditbot.sandbox import Sandbox
from creditbot.sandbox.world import CHANNEL

SMALLEST = f"""\
import os
from slack_sdk import WebClient

slack = WebClient(token=os.environ["SLACK_BOT_TOKEN"], base_url=os.environ["SLACK_API_URL"])
for message in slack.conversations_history(channel="{CHANNEL}", limit=200)["messages"]:
    print(message["text"])
"""
"""The smallest honest script: it reads one page, and remembers and does nothing."""


def against_smallest(rounds: int, target: float, store: str, **settings: str) -> Row:
    """An idle tick with its state in that kind of store."""
    with staged(FROZEN, **settings) as stage:
        costs = interleaved(rounds, {"tick": stage.tick, "smallest": _smallest(stage)})
    tick, base = costs["tick"], costs["smallest"]
    return Row(f"idle tick, {store}", str(tick), f"the smallest script: {base}", tick.ratios(base), target)


def _smallest(stage: Stage) -> Callable[[], Run]:
    script = stage.folder / "smallest.py"
    script.write_text(SMALLEST)
    return lambda: run([PYTHON, str(script)], stage.folder, stage.environ)


def after_many_requests(rounds: int, many: int = 10_000, few: int = 10) -> Row:
    """An idle tick with many requests behind it, in channel, state and summaries, against one with few."""
    with staged(FROZEN) as much, staged(FROZEN) as little:
        for stage, requests in ((much, many), (little, few)):
            fill(stage, requests)
            stage.tick()
        costs = interleaved(rounds, {"many": much.tick, "few": little.tick})
    many_cost, few_cost = costs["many"], costs["few"]
    case = f"idle tick, {many:,} requests answered before the window"
    return Row(case, str(many_cost), f"{few}: {few_cost}", many_cost.ratios(few_cost), 1.1)


def calls() -> Row:
    """What an idle tick asks Slack and Looker."""
    with tempfile.TemporaryDirectory(prefix="creditbot-bench-") as name, Sandbox(Path(name), messages=False) as sandbox:
        stage = Stage(Path(name), sandbox.world, bot_environment(sandbox.environment(), FROZEN))
        stage.tick()
        sandbox.slack.calls.clear()
        sandbox.looker.calls.clear()
        stage.tick()
        asked = [f"`{method}`" for method, _ in (*sandbox.slack.calls, *sandbox.looker.calls)]
    return Row("API calls of an idle tick", ", ".join(asked), note=times(len(asked), "call"))
