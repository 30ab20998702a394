"""Sets the stage for a measurement: a sandbox in its own process, a bot beside it, and people who ask for credits."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from bench.measure import BenchError, Run, run
from creditbot.sandbox.composer import typed
from creditbot.sandbox.looker_content import add_query
from creditbot.sandbox.lookml import sql_of
from creditbot.sandbox.seed import seed, verify
from creditbot.sandbox.world import LOOKER, REQUESTER, SandboxWorld

ROOT = Path(__file__).parents[1]
FROZEN = ROOT / "bench" / "frozen.ipynb"
BUNDLED = ROOT / "notebooks" / "verify_credit.ipynb"
PYTHON = sys.executable
RUN_ONCE = (PYTHON, "-m", "creditbot", "run-once")
_UNPACED = """\
import sys
from creditbot import cli
from creditbot.adapters.slack import open as slack

slack.POST_INTERVAL = 0
sys.exit(cli.main(["run-once"]))
"""
UNPACED = (PYTHON, "-c", _UNPACED)
"""A tick that does not wait a second between posts, for a Slack without rate limits."""
_LAST_SETTING = "WAREHOUSE_URL="
"""The last line that `creditbot sandbox serve` prints begins like this."""


def plain_environment() -> dict[str, str]:
    """The environment without settings of a bot, and with Python keeping its bytecode."""
    prefixes = ("SLACK_", "LOOKER_", "STATE_", "OUTPUT_", "KUBECONFIG", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}


class Stage:
    """One sandbox and one bot, which has run its first tick.

    Attributes:
        folder: holds everything; commands run in it.
        world: the sandbox's data.
        environ: the environment with the bot's settings.
    """

    def __init__(self, folder: Path, world: SandboxWorld, environ: Mapping[str, str]) -> None:
        self.folder = folder
        self.world = world
        self.environ = dict(environ)
        self._numbers = count(1)

    def tick(self, command: Sequence[str] = RUN_ONCE) -> Run:
        """Runs one tick, as the CronJob does."""
        return run(command, self.folder, self.environ)

    def ask(self, links: int = 1) -> str:
        """A person asks for a credit, each link with SQL that no request had before; the message's ts."""
        slugs = [add_query(self.world, self._query())["client_id"] for _ in range(links)]
        addresses = [f"{LOOKER}/explore/credit/verify_traffic?qid={slug}" for slug in slugs]
        return self.world.post(user=REQUESTER, **typed(f"Credit please: {' '.join(addresses)}"))

    def reply_time(self, ts: str) -> float:
        """When the one reply was posted, in seconds since 1970. Raises `BenchError` if there is not exactly one."""
        _, *replies = self.world.thread(ts)
        if len(replies) != 1 or not replies[0]["text"].startswith("Approved, $"):
            told = [message["text"] for message in self.world.direct_messages()][:1]
            raise BenchError(f"A request got {len(replies)} replies instead of one. The owner was told: {told}")
        return float(replies[0]["ts"])

    def sql(self) -> str:
        """SQL that Looker gives for such a link."""
        return sql_of(self._query(), "-1")

    def _query(self) -> Mapping[str, Any]:
        query = verify("AC-sandbox-0001")
        price = {"verify_traffic.price_usd": f"<{1000 + next(self._numbers)}"}  # true of every row
        return query | {"filters": query["filters"] | price}

    def reply_to_one(self, links: int = 1) -> Run:
        """A person asks and a tick answers. The wall time ends when the reply is posted."""
        ts = self.ask(links)
        whole = self.tick()
        return replace(whole, wall=self.reply_time(ts) - whole.began)

    def backlog(self, requests: int, command: Sequence[str] = RUN_ONCE) -> Run:
        """Many people ask, and one tick answers them all."""
        requested = [self.ask() for _ in range(requests)]
        whole = self.tick(command)
        for ts in requested:
            self.reply_time(ts)
        return whole


@contextmanager
def staged(notebook: Path, **settings: str) -> Iterator[Stage]:
    """Serves a new sandbox, without rate limits, until the block ends."""
    with tempfile.TemporaryDirectory(prefix="creditbot-bench-") as name:
        folder = Path(name)
        log = folder / "sandbox.log"
        with new_world(folder) as world, log.open("w") as errors:
            serve = [PYTHON, "-m", "creditbot", "sandbox", "--folder", name, "serve", "--no-rate-limits"]
            process = subprocess.Popen(
                serve, cwd=folder, env=plain_environment(), stdout=subprocess.PIPE, stderr=errors, text=True
            )
            try:
                stage = Stage(folder, world, bot_environment(_printed(process, log), notebook, **settings))
                stage.tick()
                yield stage
            finally:
                process.terminate()
                process.wait(30)
                assert process.stdout
                process.stdout.close()


def _printed(process: subprocess.Popen[str], log: Path) -> dict[str, str]:
    """The settings that a served sandbox prints. Raises `BenchError` if it ends before."""
    assert process.stdout
    lines = []
    for line in process.stdout:
        lines.append(line.strip())
        if line.startswith(_LAST_SETTING):
            return dict(line.split("=", 1) for line in lines)
    raise BenchError(f"The sandbox did not start:\n{log.read_text()[-3000:]}")


@contextmanager
def new_world(folder: Path) -> Iterator[SandboxWorld]:
    """A workspace with an empty channel."""
    with SandboxWorld(folder / "world.sqlite") as world:
        seed(world, messages=False)
        yield world


def bot_environment(sandbox: Mapping[str, str], notebook: Path, **settings: str) -> dict[str, str]:
    """The environment of a bot of this sandbox; all that it writes stays in the folder of the stage."""
    bot = {"NOTEBOOK_PATH": str(notebook), "PSMS_NOTEBOOK_PATH": "", **settings}
    return plain_environment() | dict(sandbox) | bot
