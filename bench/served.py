"""Measures `creditbot serve`: how long a request waits for its reply, and what it costs while nothing happens.

Each request comes into a quiet channel: one that follows another within a second waits for the second to be over.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from bench.answers import NAMES, POLICY, plain_script
from bench.measure import LONGEST, BenchError, seconds
from bench.memory import mib
from bench.results import Row
from bench.stage import FROZEN, PYTHON, ROOT, Stage, staged

IDLE = 30.0
"""Seconds for which it is watched while nothing happens."""
IDLE_MOST = 0.005
"""The part of a core that it may take then."""
QUIET = 3.5
"""Seconds of quiet before each request: after those, the first look that follows a ring is over, too."""
FLAT = 1.05
"""How much more memory a week may take than its first day."""
_GLANCE = 0.02


def rows(rounds: int, notebook: Path) -> Iterator[Row]:
    """From a message to its reply, in turn with the notebook's cells as a script; and the processor while it waits."""
    with staged(notebook, POLICY_FILE=POLICY) as stage, serving(stage) as process:
        script = plain_script(stage, notebook)
        answer_time(stage), script()  # neither counts
        pairs = [(answer_time(stage, QUIET), script().wall) for _ in range(rounds)]
        answer, plain = (statistics.median(times) for times in zip(*pairs, strict=True))
        case = f"from a message to its reply, `creditbot serve`, {NAMES[notebook]} notebook"
        yield Row(case, seconds(answer), f"its cells as a script: {seconds(plain)}", (answer / plain,), 1.0)
        busy = idle_share(process)
        case = f"`creditbot serve` while nothing happens, {NAMES[notebook]} notebook"
        yield Row(case, f"{busy:.3%} of a core", f"{IDLE_MOST:.1%} of a core", (busy / IDLE_MOST,), 1.0)


def week() -> Row:
    """The memory that a week takes, with 10,000 events in it; only the loop's clock is simulated."""
    with staged(FROZEN, POLICY_FILE=POLICY) as stage:
        command = [PYTHON, "-m", "bench.week"]
        environ = {**stage.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=stage.folder, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"The week failed:\n{done.stderr[-3000:]}")
    lived = json.loads(done.stdout)
    first, last = lived["first"], lived["last"]
    case = f"memory of `creditbot serve` after a simulated week with 10,000 events, {lived['ticks']:,} ticks"
    return Row(case, mib(last), f"after its first day: {mib(first)}", (last / first,), FLAT)


@contextmanager
def serving(stage: Stage) -> Iterator[psutil.Process]:
    """Runs `creditbot serve` until the block ends; it has done its first tick, and hears what happens."""
    log = stage.folder / "serve.txt"
    with log.open("w") as file:
        command = [PYTHON, "-m", "creditbot", "serve"]
        process = subprocess.Popen(command, cwd=stage.folder, env=stage.environ, stdout=file, stderr=file)
        try:
            _wait(lambda: "Nothing new" in log.read_text(), log)
            answer_time(stage)
            yield psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(60)


def answer_time(stage: Stage, quiet: float = 0.0) -> float:
    """Seconds from a message to its reply, both by Slack's clock, after so many seconds without a message."""
    time.sleep(quiet)
    ts = stage.ask()
    _wait(lambda: len(stage.world.thread(ts)) > 1, stage.folder / "serve.txt")
    return stage.reply_time(ts) - float(ts)


def idle_share(process: psutil.Process) -> float:
    """The part of one core that it and its children take while nothing happens."""
    time.sleep(15)  # the look that follows each ring is over

    def used() -> float:
        family = [process, *process.children(recursive=True)]
        return sum(float(each.cpu_times().user + each.cpu_times().system) for each in family)

    before, began = used(), time.monotonic()
    time.sleep(IDLE)
    return (used() - before) / (time.monotonic() - began)


def _wait(condition: Callable[[], bool], log: Path) -> None:
    end = time.monotonic() + LONGEST
    while not condition():
        if time.monotonic() > end:
            raise BenchError(f"creditbot serve did not answer:\n{log.read_text()[-3000:]}")
        time.sleep(_GLANCE)
