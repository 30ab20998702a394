"""What several contract tests stand on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.http import HttpStub
from tests.support.slack_stub import SlackStub


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlackStub]:
    """A scripted Slack on loopback, no proxy in the environment."""
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with HttpStub() as http:
        yield SlackStub(http)
