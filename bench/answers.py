"""Measures ticks that answer: a request with one link, one with eight, and a backlog of many requests."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from bench.measure import Cost, Run, cost, interleaved, run, seconds
from bench.memory import mib, peak_of
from bench.results import Row, times
from bench.stage import BUNDLED, FROZEN, PYTHON, ROOT, UNPACED, Stage, bot_environment, staged
from creditbot.adapters.slack.open import POST_INTERVAL
from creditbot.sandbox import Sandbox
from creditbot.sandbox.http import HttpRequest, HttpResponse

NAMES = {FROZEN: "frozen", BUNDLED: "bundled"}
SDKS = "import slack_sdk, looker_sdk; slack_sdk.WebClient, looker_sdk.init40"
LINKS = 8
POLICY = str(ROOT / "bench" / "policy.toml")
"""All requests ask for the same traffic: by the default policy, all but the first would be held."""
WORKERS = "2"
"""Notebooks at a time when memory is measured, however many cores there are."""
FLAT = 1.2
"""How much more memory ten times as many messages may take."""


def papermill(stage: Stage, notebook: Path) -> Callable[[], Run]:
    """Runs the papermill command on the notebook, with SQL as from Looker."""
    command = [PYTHON, "-m", "papermill", str(notebook), str(stage.folder / "executed.ipynb"), "-r", "looker"]
    return lambda: run([*command, stage.sql()], notebook.parent, stage.environ)  # it imports what is beside it


def plain_script(stage: Stage, notebook: Path) -> Callable[[], Run]:
    """Runs the notebook's cells as a script, without Jupyter."""
    path = stage.folder / "cells.py"
    path.write_text("\n\n".join(_code(notebook, stage.sql())))
    environ = {**stage.environ, "PYTHONPATH": str(notebook.parent)}
    return lambda: run([PYTHON, str(path)], stage.folder, environ)


def _code(notebook: Path, sql: str) -> Iterator[str]:
    for cell in json.loads(notebook.read_text())["cells"]:
        if cell["cell_type"] == "code":
            yield "".join(cell["source"])
            if "parameters" in cell["metadata"].get("tags", ()):
                yield f"looker = {sql!r}"


def requests(rounds: int, notebook: Path) -> tuple[list[Row], Cost]:
    """One request with one link and one with eight; and the cost of one papermill command on the notebook."""
    with staged(notebook, POLICY_FILE=POLICY) as stage:
        costs = interleaved(
            rounds,
            {
                "one": stage.reply_to_one,
                "papermill": papermill(stage, notebook),
                "script": plain_script(stage, notebook),
                "SDKs": lambda: run([PYTHON, "-c", SDKS], stage.folder, stage.environ),
                "eight": lambda: stage.reply_to_one(LINKS),
            },
        )
    return list(_request_rows(NAMES[notebook], costs)), costs["papermill"]


def _request_rows(name: str, costs: Mapping[str, Cost]) -> Iterator[Row]:
    one, command, script, sdks = costs["one"], costs["papermill"], costs["script"], costs["SDKs"]
    case = f"one request, cold, {name} notebook"
    yield Row(case, str(one), f"`papermill`: {command}", (one.wall / command.wall,), 0.85)
    yield Row(case, str(one), f"its cells as a script: {script}", (one.wall / script.wall,))
    case = f"importing slack_sdk and looker_sdk, {name} notebook's run"
    yield Row(case, str(sdks), f"the script: {script}", (sdks.wall / script.wall,))
    eight, sequence = costs["eight"], command.times(LINKS)
    case = f"one message with {LINKS} links, {name} notebook"
    yield Row(case, str(eight), f"{LINKS} x `papermill`: {sequence}", (eight.wall / sequence.wall,), 0.3)


def backlog(repeats: int, notebook: Path, command: Cost, size: int = 100, target: float = 0.15) -> Row:
    """A backlog in one tick, against as many papermill commands one after the other."""
    runs = []
    for _ in range(repeats):
        with staged(notebook, POLICY_FILE=POLICY) as stage:
            runs.append(stage.backlog(size, UNPACED))
    whole, sequence = cost(runs), command.times(size)
    case = f"backlog of {size}, {NAMES[notebook]} notebook, rate limits off on both sides, {times(repeats, 'run')}"
    return Row(case, str(whole), f"{size} x `papermill`: {sequence}", (whole.wall / sequence.wall,), target)


def limited_backlog(size: int = 30) -> Row:
    """A backlog under Slack's rate limits, against the least time that these allow."""
    with tempfile.TemporaryDirectory(prefix="creditbot-bench-") as name, Sandbox(Path(name), messages=False) as sandbox:
        stage = Stage(Path(name), sandbox.world, bot_environment(sandbox.environment(), FROZEN, POLICY_FILE=POLICY))
        stage.tick()
        refusals = _count_refusals(sandbox)
        whole = stage.backlog(size)
    alone = (size - 1) * POST_INTERVAL
    case = f"backlog of {size}, frozen notebook, Slack's rate limits on"
    measured = f"{seconds(whole.wall)}, each answered once, {times(len(refusals), 'HTTP 429')}"
    return Row(case, measured, f"one post a second: {seconds(alone)}", (whole.wall / alone,), 1.3)


def _count_refusals(sandbox: Sandbox) -> list[str]:
    """A list that fills, from now on, with the methods that Slack refuses because of its rate limits."""
    refused: list[str] = []

    def serve(call: HttpRequest) -> HttpResponse:
        answer = sandbox.slack(call)
        if answer.status == 429:
            refused.append(call.path)
        return answer

    sandbox.slack_server.app = serve
    return refused


def memory(few: int = 10, many: int = 100) -> list[Row]:
    """The most memory that backlogs take, against one papermill command."""
    with staged(FROZEN, WORKERS=WORKERS, POLICY_FILE=POLICY) as stage:
        command = peak_of(papermill(stage, FROZEN))
    small, large = (_peak_of_backlog(size) for size in (few, many))
    case = f"memory at the peak of a backlog of {many}, frozen notebook, {WORKERS} workers"
    growth = f"the same, grown from a backlog of {few}"
    return [
        Row(case, mib(large), f"one `papermill`: {mib(command)}", (large / command,), 3),
        Row(growth, mib(large), f"of {few}: {mib(small)}", (large / small,), FLAT),
    ]


def _peak_of_backlog(size: int) -> int:
    with staged(FROZEN, WORKERS=WORKERS, POLICY_FILE=POLICY) as stage:
        return peak_of(lambda: stage.backlog(size, UNPACED))
