"""A process that runs ticks in forks of itself, so that each can be killed, and none pays for the imports again.

It reads orders from its standard input, one JSON object a line, and answers each with the exit code of the fork, which
is negative for the signal that ended it. State and summaries are in real files, Slack is spoken to over real HTTP;
Looker and the notebooks are in memory.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from creditbot.adapters.slack.open import open_slack
from creditbot.adapters.storage.file_state import FileStore
from creditbot.adapters.storage.summaries import ObjectSummaries
from creditbot.credit.compute import ComputeLimits, CreditCalculator
from creditbot.credit.sql.check import SqlRules
from creditbot.machine.clock import boottime
from creditbot.machine.processes import ThisProcess, is_running
from creditbot.ports import Clock
from creditbot.state.ledger import Ledger
from creditbot.tick.tick import Bot
from tests.support.points import At, Point, watched
from tests.support.world import World
from tests.support.world_facts import RULES, VERIFY


@dataclass(frozen=True)
class Order:
    """One tick.

    Attributes:
        folder: where the state and the summaries are.
        token, api_url, channel, owner: the way to Slack.
        later: seconds that have gone by since the first tick, besides the real ones.
        point, nth: where SIGKILL hits it; "" is nowhere.
    """

    folder: str
    token: str
    api_url: str
    channel: str
    owner: str
    later: float = 0.0
    point: Point | str = ""
    nth: int = 1


@dataclass(frozen=True)
class Later:
    """Slack's time, later."""

    clock: Clock
    by: timedelta

    def now(self) -> datetime:
        return self.clock.now() + self.by


class Leaps:
    """The machine's clock for one who does not sleep, but leaps."""

    def __init__(self) -> None:
        self._leapt = 0.0

    def sleep(self, seconds: float) -> None:
        self._leapt += seconds

    def __call__(self) -> float:
        return boottime() + self._leapt


def bot(order: Order, at: At) -> Bot:
    """The bot that an order means."""
    folder, leaps, world = Path(order.folder), Leaps(), World()
    slack = open_slack(order.token, order.api_url, [order.channel], order.owner, sleep=leaps.sleep, boot=leaps)
    ports = replace(
        world.ports(), inbox=slack.inbox, replier=slack.replier, owners=slack.owners,
        summaries=ObjectSummaries(str(folder / "outputs")), state=FileStore(folder / "state.json"),
        clock=Later(slack.clock, timedelta(seconds=order.later)),
    )  # fmt: skip
    ports = watched(ports, at)
    limits = ComputeLimits(links_at_once=1)
    calculator = CreditCalculator(ports.resolver, ports.runner, VERIFY, SqlRules("duckdb"), limits)
    ledger = Ledger(ports.state, budget=None)
    return Bot(ports, ledger, lambda: calculator, RULES, ThisProcess(is_running=is_running))


def run(order: Order) -> None:
    """One tick; the points that it passed are left in the folder, if it lives."""
    passed: Counter[str] = Counter()

    def at(point: Point) -> None:
        passed[point] += 1
        if (point, passed[point]) == (order.point, order.nth):
            os.kill(os.getpid(), signal.SIGKILL)

    report = bot(order, at).tick()
    if not report.ok:
        raise AssertionError(f"{report.errors} {report.untold}")
    Path(order.folder, "passed.json").write_text(json.dumps(passed))


def in_a_fork(task: Callable[[], None]) -> int:
    """Runs it in a fork and returns that one's exit code."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            task()
            code = 0
        except Exception:  # noqa: BLE001 said on the terminal, and by the exit code
            traceback.print_exc()
        sys.stderr.flush()
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def main() -> None:
    for line in sys.stdin:
        order = Order(**json.loads(line))
        print(in_a_fork(lambda order=order: run(order)), flush=True)  # type: ignore[misc]


if __name__ == "__main__":
    main()
