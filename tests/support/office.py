"""A sandbox that is served, a bot beside it, and what its commands do: exit code and what they print."""

from __future__ import annotations

import gc
import io
import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from creditbot import cli
from creditbot.sandbox import Sandbox
from creditbot.sandbox.world import CHANNEL, TEAM_URL

ROOT = Path(__file__).parents[2]
REQUIRED = ("SLACK_BOT_TOKEN", "SLACK_USER_ID", "SLACK_CHANNELS", "LOOKER_BASE_URL", "LOOKER_CLIENT_ID",
            "LOOKER_CLIENT_SECRET", "NOTEBOOK_PATH")  # fmt: skip
CLOSED = "http://127.0.0.1:9"
"""An address of this machine at which nobody answers."""
NOTHING_NEW = "Nothing new: 11 messages read, 1 request held for approval (`creditbot holds` lists them)."
"""What a tick says when the first has answered the bundled channel."""


@dataclass(frozen=True)
class CommandResult:
    """What a command did.

    Attributes:
        code: its exit code.
        out, err: what it printed.
    """

    code: int
    out: str = ""
    err: str = ""

    @property
    def sentence(self) -> str:
        """What it says on the standard error; never a traceback."""
        assert "Traceback" not in self.out + self.err
        return self.err.removeprefix("creditbot: ").rstrip("\n")


def refusal(sentence: str) -> CommandResult:
    """What a command does whose settings or arguments are wrong."""
    return CommandResult(2, err=f"creditbot: {sentence}\n")


def environment(folder: Path, more: Mapping[str, str]) -> dict[str, str]:
    """What a person's shell has, and these settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "LOOKER_"))}
    return {**kept, "PYTHONPATH": str(ROOT), "HOME": str(folder), **more}


def creditbot(folder: Path, *arguments: str, stdin: str = "", **settings: str) -> CommandResult:
    """Runs a command in a folder, in this process."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err), restored():
        patch.chdir(folder)
        patch.setattr(os, "environ", environment(folder, settings))
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        code = cli.main(arguments)
    return CommandResult(code, out.getvalue(), err.getvalue())


def creditbot_alone(folder: Path, *arguments: str, **settings: str) -> CommandResult:
    """Runs a command in a folder, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "creditbot", *arguments], cwd=folder, env=environment(folder, settings),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return CommandResult(done.returncode, done.stdout, done.stderr)


@contextmanager
def restored() -> Iterator[None]:
    """Takes back what a tick sets for its process: where its log goes, and when garbage is looked for."""
    root, own = logging.getLogger(), logging.getLogger("creditbot")
    handlers, levels, threshold = list(root.handlers), (root.level, own.level), gc.get_threshold()
    try:
        yield
    finally:
        for handler in set(root.handlers) - set(handlers):
            handler.close()
        root.handlers[:] = handlers
        root.setLevel(levels[0])
        own.setLevel(levels[1])
        gc.set_threshold(*threshold)


@dataclass(frozen=True)
class Office:
    """A sandbox that is served, and the settings for a bot beside it.

    Attributes:
        sandbox: the sandbox.
        settings: of the bot.
        folder: where the bot is run.
    """

    sandbox: Sandbox
    settings: dict[str, str]
    folder: Path

    def run(self, *arguments: str, stdin: str = "", **changes: str) -> CommandResult:
        """Runs a command; changes that are empty take a setting away."""
        return creditbot(self.folder, *arguments, stdin=stdin, **self.settings | changes)

    def permalink(self, text: str) -> str:
        """The address of the message of the channel that contains a text."""
        ts = next(message["ts"] for message in self.sandbox.world.messages() if text in message["text"])
        return permalink(ts)


def permalink(ts: str, channel: str = CHANNEL) -> str:
    """As Slack's *Copy link* gives it."""
    return f"{TEAM_URL}archives/{channel}/p{ts.replace('.', '')}"


def office_in(folder: Path) -> Iterator[Office]:
    with Sandbox(folder / "sandbox", rate_limits=False) as sandbox:
        notebooks = {"NOTEBOOK_PATH": "verify_credit.ipynb", "PSMS_NOTEBOOK_PATH": "psms_credit.ipynb"}
        paths = {name: str(ROOT / "notebooks" / file) for name, file in notebooks.items()}
        (folder / "bot").mkdir()
        yield Office(sandbox, sandbox.environment() | paths, folder / "bot")
