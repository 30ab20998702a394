"""Scenarios play on their cassettes with the network closed, or are recorded with `--record-mode=rewrite`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from pytest_socket import disable_socket, socket_allow_hosts

from tests.replay.origin import of_environment
from tests.replay.scenarios import cassette_of
from tests.replay.stage import Stage, stage_for

_PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy")
_passed = pytest.StashKey[bool]()


class NotPassed(Exception):
    """Ends a stage whose scenario failed or was skipped: what it recorded is thrown away."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Only scenarios are recorded."""
    if config.getoption("--record-mode") == "rewrite":
        items[:] = [item for item in items if "stage" in getattr(item, "fixturenames", ())]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Lets `stage` know how its scenario ended."""
    report = yield
    if report.when == "call":
        item.stash[_passed] = report.passed
    return report


@pytest.fixture(scope="session")
def record_mode(pytestconfig: pytest.Config) -> str:
    """Whether stages replay ("none") or record ("rewrite")."""
    return str(pytestconfig.getoption("--record-mode"))


@pytest.fixture(autouse=True)
def _no_network(request: pytest.FixtureRequest, record_mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection at all, not even to this machine; to where a recording comes from while there is one."""
    for name in _PROXIES:
        monkeypatch.delenv(name, raising=False)
    if record_mode == "none" and not request.node.get_closest_marker("enable_socket"):
        disable_socket()
    elif record_mode == "none" or of_environment(os.environ) is None:
        socket_allow_hosts(["127.0.0.1"])
    else:
        socket_allow_hosts(["0.0.0.0/0", "::/0"])


@pytest.fixture
def stage(request: pytest.FixtureRequest, record_mode: str, tmp_path: Path) -> Iterator[Stage]:
    """Where the scenario plays."""
    cassette = cassette_of(request.function)
    with contextlib.suppress(NotPassed), stage_for(cassette, record_mode, os.environ, tmp_path) as stage:
        yield stage
        if not request.node.stash.get(_passed, False):
            raise NotPassed
