"""A real Pushgateway and a real Prometheus on free ports, and the rules as Prometheus reads them."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import yaml

from tests.support.http import Answer, HttpStub

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
COMPONENT = ROOT / "k8s/components/monitoring"
PROGRAMS = ("prometheus", "promtool", "prometheus-pushgateway")
PATIENCE = 60.0
"""Seconds until a program must have done what it is asked."""
OPENMETRICS = {"Content-Type": "application/openmetrics-text; version=1.0.0; charset=utf-8"}


MISSING = [name for name in PROGRAMS if not shutil.which(name)]


def pytest_itemcollected(item: pytest.Item) -> None:
    """These tests run in `make test-monitoring` only, and say what is missing on a machine without the programs."""
    item.add_marker("monitoring")
    if MISSING:
        item.add_marker(pytest.mark.skip(reason=f"{', '.join(MISSING)} not found: see CONTRIBUTING.md"))


def promtool(*arguments: str, stdin: str = "") -> str:
    """Runs promtool, which has to approve. Gives what it says."""
    command = ["promtool", *arguments]
    done = subprocess.run(command, check=False, input=stdin, capture_output=True, text=True, timeout=150)
    said = f"{done.stdout}{done.stderr}"
    assert 0 == done.returncode, said
    return said


def eventually(look: Callable[[], T | None]) -> T:
    """What `look` gives as soon as it gives something."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with suppress(URLError, ConnectionError):
            if found := look():
                return found
        time.sleep(0.1)  # nobody tells us when another program has done its work
    raise AssertionError(f"nothing came of {look} within {PATIENCE:g} s")


def read(url: str) -> str:
    """What is served at an address of this machine."""
    with urlopen(url, timeout=10) as answer:
        text: str = answer.read().decode()
    return text


@contextmanager
def running(*command: str, log: Path, ready: str) -> Iterator[None]:
    """A program, from the moment at which it answers at the address `ready`."""
    with log.open("w") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            eventually(lambda: read(ready) if process.poll() is None else pytest.fail(log.read_text()))
            yield
        finally:
            process.terminate()


def free_port() -> int:
    """A port that nothing listens on: these programs cannot say which one they have taken."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture(scope="session")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of rules that the Prometheus Operator makes of the PrometheusRule."""
    rule = yaml.safe_load((COMPONENT / "prometheusrule.yaml").read_text())
    file: Path = tmp_path_factory.mktemp("rules") / "rules.yaml"
    file.write_text(yaml.safe_dump(rule["spec"]))
    return file


@pytest.fixture(scope="session")
def pushgateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Pushgateway."""
    address = f"127.0.0.1:{free_port()}"
    command = ("prometheus-pushgateway", f"--web.listen-address={address}", "--web.enable-admin-api")
    log = tmp_path_factory.mktemp("pushgateway") / "log"
    with running(*command, log=log, ready=f"http://{address}/-/ready"):
        yield f"http://{address}"


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A Prometheus that scrapes the Pushgateway and our own page every second.

    Attributes:
        url: its address.
        page: serves what it scrapes as the job "page".
    """

    url: str
    page: HttpStub

    def api(self, path: str, **query: str) -> Any:
        """What its API says; it has to succeed."""
        answer = json.loads(read(f"{self.url}/api/v1/{path}?{urlencode(query)}"))
        assert "success" == answer["status"], answer
        return answer["data"]

    def series(self, expression: str) -> list[tuple[Mapping[str, str], float]]:
        """(labels, value) of each series that an expression gives now."""
        data = self.api("query", query=expression)
        if data["resultType"] == "scalar":
            return [({}, float(data["result"][1]))]
        return [(one["metric"], float(one["value"][1])) for one in data["result"]]

    def shows(self, page: str) -> None:
        """Serves a page in OpenMetrics from now on."""
        self.page.on("GET /metrics", Answer(page.encode(), headers=OPENMETRICS))


@pytest.fixture(scope="session")
def prometheus(pushgateway: str, rules: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Configured as docs/metrics.md says."""
    folder = tmp_path_factory.mktemp("prometheus")
    with HttpStub() as page:
        scrapes = [
            {"job_name": "pushgateway", "honor_labels": True, "static_configs": [{"targets": [pushgateway[7:]]}]},
            {"job_name": "page", "static_configs": [{"targets": [page.host]}]},
        ]
        every = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        config = {"global": every, "rule_files": [str(rules)], "scrape_configs": scrapes}
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        address = f"127.0.0.1:{free_port()}"
        command = (
            "prometheus", f"--web.listen-address={address}", f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
        )  # fmt: skip
        with running(*command, log=folder / "log", ready=f"http://{address}/-/ready"):
            yield Prometheus(f"http://{address}", page)
