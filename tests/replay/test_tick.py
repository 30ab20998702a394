"""One whole tick over Slack and Looker."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from unittest import mock

from creditbot.adapters.slack.signs import NoSigns
from creditbot.answer.rules import Rules
from creditbot.credit.compute import ComputeLimits, CreditCalculator
from creditbot.credit.products import default_products
from creditbot.credit.sql.check import SqlRules
from creditbot.decide.channel_rules import ChannelRules, ChannelTable
from creditbot.intake.looker_links import looker_host
from creditbot.intake.requests import RequestRules
from creditbot.machine.processes import ThisProcess
from creditbot.model import CreditDays, NotebookRun, Purpose, RequestKey
from creditbot.ports import Ports
from creditbot.sandbox import Sandbox
from creditbot.sandbox.composer import typed
from creditbot.sandbox.looker_content import add_look, add_query
from creditbot.sandbox.seed import verify
from creditbot.sandbox.world import LOOKER
from creditbot.state import record as states
from creditbot.state.ledger import Ledger
from creditbot.tick.report import Progress
from creditbot.tick.tick import Bot
from tests.replay.stage import NOW, REQUEST, Stage
from tests.support import world_stores as stores
from tests.support.world import World

MISSING = "1767867000.000100"


class Notebook:
    """A runner whose notebook always comes to the reference row's amount."""

    def warm(self) -> None:
        return

    def run(
        self, notebook: str, sql: str, days: CreditDays | None = None, purpose: Purpose | None = None
    ) -> NotebookRun:
        row = {"mode": "basic", "fraud_cost": "7526.30", "credit": "4948.80", "traffic_prop": "1.000"}
        scrap = {"currency": "USD", "amount": "4948.80", "rows": [row]}
        return NotebookRun({"credit": scrap}, (), notebook, "0" * 64)

    def forget(self, request: RequestKey) -> None:
        return

    def close(self) -> None:
        return


class Steps(Progress):
    """Keeps what the first run prints."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def step(self, text: str) -> None:
        self.said.append(text)


def test_two_ticks(stage: Stage) -> None:
    """Of two requests one is answered and the owner is told about the other; the second tick only reads."""
    stage.script(_ask)
    steps = Steps()
    with mock.patch.object(states, "secrets", _counting()):
        bot = _bot(stage, steps)
        first, second = bot.tick(), bot.tick()
    assert [] == first.untold + first.errors + second.untold + second.errors
    assert [(REQUEST, "answered"), (MISSING, "given_up")] == [
        (job.key.ts, record.status) for job, record in first.done if record
    ]
    assert [] == second.done
    assert ["[1/5]", "[2/5]", "[3/5]", "[4/5]", "[5/5]"] == [step[:5] for step in steps.said]


def _counting() -> SimpleNamespace:
    """Stands in for the random part of claims, which go out with each post."""
    numbers = itertools.count(1)
    return SimpleNamespace(token_hex=lambda _: f"claim-{next(numbers)}")


def _ask(sandbox: Sandbox) -> None:
    look = add_look(sandbox.world, "7", "Verify, December", add_query(sandbox.world, verify("AC-sandbox-0001")))
    edited = sandbox.world.message("C0CREDITS", REQUEST) | typed(f"SMS pumping in December, credit please: {look}")
    sandbox.world.rewrite("C0CREDITS", REQUEST, edited)
    sandbox.world.post(ts=MISSING, **typed(f"And this one? {LOOKER}/looks/4040"))


def _bot(stage: Stage, progress: Progress) -> Bot:
    """Slack and Looker as they are, the rest in memory, one thing at a time: VCR is not for threads."""
    slack, resolver, memory = stage.slack(), stage.looker(), World()
    ports = Ports(
        slack.inbox, slack.replier, NoSigns(), slack.owners, slack.approvers, resolver, Notebook(),
        stores.MemorySummaries(memory), stores.MemoryPages(memory), stores.MemoryNotebooks(memory),
        stores.MemoryLog(memory), stores.MemoryModels(memory), stores.MemoryStore(memory), slack.clock,
    )  # fmt: skip
    products = default_products("verify.ipynb", None)
    calculator = CreditCalculator(resolver, ports.runner, products, SqlRules("duckdb"), ComputeLimits(links_at_once=1))
    rules = Rules(
        RequestRules(looker_host(stage.origin.looker_base_url)), lookback=timedelta(hours=72),
        settle=timedelta(seconds=900), attempts=3, duplicates=timedelta(days=35),
        channels=ChannelTable(ChannelRules(stage.owner, "Approved, {amount}, exceptions")),
    )  # fmt: skip
    process = ThisProcess("tick", wall=lambda: datetime.fromtimestamp(NOW, UTC))
    return Bot(ports, Ledger(ports.state), lambda: calculator, rules, process, progress)
