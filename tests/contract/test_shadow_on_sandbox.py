"""SHADOW=true over real HTTP, on the sandbox: which calls reach Slack, and what becomes of requests after it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from creditbot.bootstrap import Assembly, assemble
from creditbot.commands.sandbox import bundled_notebooks
from creditbot.model import RequestKey
from creditbot.sandbox import Sandbox
from creditbot.sandbox.composer import typed
from creditbot.sandbox.seed import explore_address, verify
from creditbot.sandbox.world import CHANNEL, REQUESTER, TEAM
from creditbot.settings.settings import Settings

pytestmark = pytest.mark.kernels

READS = ("auth.test", "conversations.", "team.info", "users.info", "bots.info", "api.test")
Open = Callable[..., Assembly]


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(tmp_path, rate_limits=False, messages=False) as sandbox:
        yield sandbox


@pytest.fixture
def open_bot(sandbox: Sandbox, tmp_path: Path) -> Iterator[Open]:
    """A process of the bot with these settings more."""
    opened = []

    def bot(**settings: str) -> Assembly:
        own = {
            "NOTEBOOK_PATH": str(bundled_notebooks() / "verify_credit.ipynb"),
            "OUTPUT_URI": str(tmp_path / "outputs"),
            "STATE_URI": f"file:{tmp_path / 'state.json'}",
        }
        environ = {**sandbox.environment(), **own, **settings}
        opened.append(assemble(Settings.load(environ, env_file=None), environ={**os.environ, **environ}))
        return opened[-1]

    yield bot
    for each in opened:
        each.sql_reader.close()
        each.ports.runner.close()


def ask(sandbox: Sandbox, account: str) -> RequestKey:
    ts = sandbox.world.post(**typed(explore_address(verify(account))), user=REQUESTER)
    return RequestKey(TEAM, CHANNEL, ts)


def test_in_shadow_nothing_but_broken_services_reaches_slack(sandbox: Sandbox, open_bot: Open) -> None:
    """Not even a reaction; what is asked when SHADOW is off again is answered, and nothing of before."""
    expected = {
        ask(sandbox, "AC-sandbox-0001"): "held",
        ask(sandbox, "AC-sandbox-9999"): "refused",
        ask(sandbox, "AC-sandbox-0007"): "answered",
    }
    bot = open_bot(SHADOW="true", MAX_CREDIT_USD="1000")
    bot.bot.tick()
    assert expected == {key: record.would for key, record in bot.ledger.read().records.items()}
    methods = {method for method, _ in sandbox.slack.calls}
    assert [] == [method for method in methods if not method.startswith(READS)]
    live = open_bot()
    live.bot.tick()
    new = ask(sandbox, "AC-sandbox-0001")
    live.bot.tick()
    assert "answered" == live.ledger.read().records[new].status
    posts = [arguments for method, arguments in sandbox.slack.calls if method == "chat.postMessage"]
    assert [new.ts] == [post.get("thread_ts") for post in posts]
