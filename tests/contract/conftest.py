"""What several contract tests stand on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from creditbot.sandbox.slack import SandboxSlack
from tests.support.http import HttpStub
from tests.support.slack_sandbox import NOW, quiet_slack
from tests.support.slack_stub import SlackStub, Time


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlackStub]:
    """A scripted Slack on loopback, no proxy in the environment."""
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with HttpStub() as http:
        yield SlackStub(http)


@pytest.fixture
def time() -> Time:
    """A time that only waiting moves."""
    return Time(NOW)


@pytest.fixture
def slack_sandbox(tmp_path: Path, time: Time) -> Iterator[SandboxSlack]:
    """A sandbox with an empty channel, with Slack's rate limits."""
    with quiet_slack(tmp_path, time) as sandbox:
        yield sandbox
