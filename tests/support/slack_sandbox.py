"""The sandbox's Slack without messages, and the real adapters on it over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from creditbot.adapters.slack.open import SlackAdapters, open_slack
from creditbot.sandbox.http import HttpServer
from creditbot.sandbox.seed import CHANNEL_NAME, seed
from creditbot.sandbox.slack import SandboxSlack
from creditbot.sandbox.world import OWNER, SandboxWorld
from tests.support.slack_stub import Time

NOW = 1_767_614_400.0


@contextmanager
def quiet_slack(folder: Path, time: Time) -> Iterator[SandboxSlack]:
    """A sandbox with empty channels and with Slack's rate limits, which go by `time`."""
    with SandboxWorld(folder / "world.sqlite", time) as world:
        seed(world, messages=False)
        yield SandboxSlack(world, time, looker_url=lambda host: f"http://{host}")


@contextmanager
def adapters_on(sandbox: SandboxSlack, time: Time) -> Iterator[SlackAdapters]:
    """The adapters on it."""
    with HttpServer(sandbox, clock=time) as server:
        yield open_slack(sandbox.token, f"{server.url}/api/", [CHANNEL_NAME], OWNER, sleep=time.sleep, boot=time)
