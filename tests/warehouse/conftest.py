"""The engines that WAREHOUSES names, one at a time, and notebooks that run on them as creditbot runs them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal

import pytest
from credit_report.credit import summarise
from credit_report.traffic import load

from creditbot.adapters.notebooks.runner import NotebookRunner
from creditbot.credit.amount import credit_of
from tests.support.bundled_notebooks import COUNTS, NOTEBOOKS, path_of
from tests.warehouse.engines import ENGINES, ZONE, DuckDb, Engine, Missing, Server, asked_for, is_server

RunNotebook = Callable[[str, str], Decimal]
"""Product and SQL -> the credit, USD, of its notebook in a kernel."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """These tests run in `make test-warehouse` only, and may take the time that a server needs on a busy machine."""
    item.add_marker("warehouse")
    item.add_marker(pytest.mark.timeout(1800))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test runs on each engine that was asked for; what takes a `server`, on those that are one."""
    if "engine" in metafunc.fixturenames:
        try:
            names = asked_for()
        except Missing as missing:
            raise pytest.UsageError(str(missing)) from None
        if "server" in metafunc.fixturenames:
            names = [name for name in names if name != DuckDb.name]
        metafunc.parametrize("engine", names, indirect=True, scope="session")


@pytest.fixture(scope="session", autouse=True)
def _far_from_utc() -> Iterator[None]:
    """Nobody's clock shows UTC: neither the engines' nor that of who asks them."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = ZONE
    time.tzset()
    yield
    os.environ.pop("TZ")
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()


@pytest.fixture(scope="session")
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """One engine, with its tables. One that is not there ends the run, with what to install."""
    try:
        made = ENGINES[request.param]()
    except Missing as missing:
        pytest.exit(str(missing), returncode=2)
    with closing(made):
        yield made


@pytest.fixture
def server(engine: Engine) -> Server:
    """An engine that is a process of its own."""
    assert is_server(engine)
    return engine


def runner_for(url: str, seconds: float = 150) -> NotebookRunner:
    """Runs the bundled notebooks in kernels that see this WAREHOUSE_URL, as the bot does."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ") if name in os.environ}
    environment["WAREHOUSE_URL"] = url
    return NotebookRunner([path_of("verify"), path_of("psms")], environment, seconds=seconds, keep="none")


@pytest.fixture(scope="session")
def run_notebook(engine: Engine) -> Iterator[RunNotebook]:
    """Runs a notebook on the engine, in a kernel."""
    with closing(runner_for(engine.url)) as runner:
        yield lambda product, sql: credit_of(runner.run(str(path_of(product)), sql)).amount


@pytest.fixture
def credit(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> RunNotebook:
    """The same without a kernel, which takes a second: the functions that the notebook's cells call."""
    monkeypatch.setenv("WAREHOUSE_URL", engine.url)

    def credit_of_sql(product: str, sql: str) -> Decimal:
        notebook = NOTEBOOKS[product]
        traffic = load(sql, notebook.TARGETS, COUNTS[product])
        assert "" == traffic.note, "The engine adds the rows up itself."
        return sum((row["credit"] for row in summarise(notebook.flag(traffic.groups), notebook.TARGETS)), Decimal(0))

    return credit_of_sql
