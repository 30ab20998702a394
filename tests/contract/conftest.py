"""What several contract tests stand on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from creditbot.sandbox.slack import SandboxSlack
from tests.support.http import HttpStub
from tests.support.notebooks import code, write_notebook
from tests.support.office import Office, creditbot_alone, office_in
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


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """One whose bot has not run yet."""
    yield from office_in(tmp_path)


@pytest.fixture(scope="session")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """One whose bot did its first tick. Whatever tests do with it, its requests end as they did then."""
    for office in office_in(tmp_path_factory.mktemp("worked")):
        assert 0 == creditbot_alone(office.folder, "run-once", **office.settings).code
        yield office


@pytest.fixture(scope="session")
def light(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Notebooks that import nothing: a check imports what a notebook imports, which takes seconds."""
    notebook = write_notebook(tmp_path_factory.mktemp("light") / "light.ipynb", code('looker = ""'))
    return {"NOTEBOOK_PATH": str(notebook), "PSMS_NOTEBOOK_PATH": str(notebook)}
