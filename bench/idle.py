"""Measures ticks that have nothing to do, as most ticks of a CronJob have."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.history import add_answered_requests
from bench.measure import Run, interleaved, run
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
"""The smallest script to compare with: it reads one page of messages and remembers nothing."""


def against_smallest(rounds: int, target: float, store: str, **settings: str) -> Row:
    """An idle tick against the smallest script. `settings` choose the store, and `store` names it in the table."""
    with staged(FROZEN, **settings) as stage:
        costs = interleaved(rounds, {"tick": stage.tick, "smallest": _smallest(stage)})
    tick, base = costs["tick"], costs["smallest"]
    return Row(f"idle tick, {store}", str(tick), f"the smallest script: {base}", tick.ratios(base), target)


def _smallest(stage: Stage) -> Callable[[], Run]:
    script = stage.folder / "smallest.py"
    script.write_text(SMALLEST)
    return lambda: run([PYTHON, str(script)], stage.folder, stage.environ)


def after_many_requests(rounds: int, many: int = 10_000, few: int = 10) -> Row:
    """An idle tick after many requests, in channel, state and summaries, against one after few."""
    with staged(FROZEN) as much, staged(FROZEN) as little:
        for stage, requests in ((much, many), (little, few)):
            add_answered_requests(stage, requests)
            stage.tick()
        costs = interleaved(rounds, {"many": much.tick, "few": little.tick})
    many_cost, few_cost = costs["many"], costs["few"]
    case = f"idle tick, {many:,} requests answered before the window"
    return Row(case, str(many_cost), f"{few}: {few_cost}", many_cost.ratios(few_cost), 1.1)


def calls() -> Row:
    """The calls of Slack and Looker that an idle tick makes."""
    with tempfile.TemporaryDirectory(prefix="creditbot-bench-") as name, Sandbox(Path(name), messages=False) as sandbox:
        stage = Stage(Path(name), sandbox.world, bot_environment(sandbox.environment(), FROZEN))
        stage.tick()
        sandbox.slack.calls.clear()
        sandbox.looker.calls.clear()
        stage.tick()
        methods = [f"`{method}`" for method, _ in (*sandbox.slack.calls, *sandbox.looker.calls)]
    return Row("API calls of an idle tick", ", ".join(methods), note=times(len(methods), "call"))
