"""What every test runs under: no network beyond this machine, no settings of the person who runs it."""

import gc
import logging
import os
import pkgutil
import re
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from creditbot.text.known_secrets import know_secrets

MEASURED = ("creditbot.intake", "creditbot.credit")
"""Coverage is measured of these, see pyproject.toml."""
COVERING = (*MEASURED, "tests.support.sql")
"""Coverage is measured in files of unit/ that import from these: tracing doubles the time of what it sees."""
LARGE_TABLE = 10
"""Cases of one test, of which `--every` leaves some out if there are more."""
UNTRACED = ("hypothesis", "kernels", "slow", "untraced")
"""Markers of the tests among them that it is not measured in."""
NOT_TRACED = (None, None)
TRACERS = pytest.StashKey[tuple[Any, Any]]()
"""What traces the thread of a test, and those that it starts."""

# Generated examples come from a fixed seed in `make test` and in CI, so that a pull request never fails by chance.
settings.register_profile(
    "default", max_examples=100, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)  # fmt: skip
settings.register_profile("fast", settings.get_profile("default"), max_examples=20)
settings.register_profile("ci", settings.get_profile("default"), max_examples=500)
settings.register_profile("nightly", settings.get_profile("default"), max_examples=10_000, derandomize=False)
# mutmut runs each test many times, and twice in one process.
settings.register_profile(
    "mutants", settings.get_profile("default"), max_examples=50, suppress_health_check=list(HealthCheck)
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") == "true" else "default"))

for name in [name for name in os.environ if name.startswith(("SLACK_", "LOOKER_"))]:
    del os.environ[name]


def pytest_configure() -> None:
    """A mutant's tests run in a copy of a process that ran them before: what is kept of that would hide the mutant."""
    if "MUTANT_UNDER_TEST" in os.environ:
        modules = [module for name, module in sys.modules.items() if name.startswith("creditbot.")]
        for kept in [each for module in modules for each in vars(module).values() if hasattr(each, "cache_clear")]:
            kept.cache_clear()


def pytest_addoption(parser: pytest.Parser) -> None:
    """What `make cassettes` asks tests/replay for, and what `make test-fast` leaves out."""
    parser.addoption("--every", type=int, default=1, help="of a test with a large table, run every Nth case")
    parser.addoption("--record-mode", choices=("none", "rewrite"), default="none", help="rewrite: record HTTP again")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Marks tests by the names of their files; in others the marker stands as `pytestmark`."""
    if "sandbox" in item.path.name:
        item.add_marker("sandbox")


@pytest.hookimpl(tryfirst=True)  # before tests are selected by their markers
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves cases of large tables out as `--every` says."""
    every = config.getoption("every")
    if every == 1:
        return
    tables: dict[str, list[pytest.Item]] = {}
    for item in items:
        tables.setdefault(item.nodeid.partition("[")[0], []).append(item)
    large = (cases for cases in tables.values() if len(cases) > LARGE_TABLE)
    left_out = {case for cases in large for number, case in enumerate(cases) if number % every}
    if left_out:
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Looks for no garbage while tests are collected, of which there is none: more than a quarter of the time.

    Coverage sees the import of the modules that it measures, and nothing else: tracing doubles the time.
    """
    if _traced():
        for package in map(import_module, MEASURED):
            for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
                import_module(module.name)
    gc.disable()
    try:
        with _tracing(NOT_TRACED):
            return (yield)
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    """Leaves thousands of collected tests out of every later collection of garbage: a fifth of the time."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Takes coverage's tracing away from all that is not the call of a test in which it is measured.

    A command sets secrets, the rights of new files and the level of its log for its process: the next test knows
    nothing of them. A fixture would cost more than many a test.
    """
    know_secrets(())
    levels = [(log, log.level) for log in (logging.getLogger(), logging.getLogger("creditbot"))]
    rights = os.umask(0o022)
    os.umask(rights)
    item.stash[TRACERS] = sys.gettrace(), threading.gettrace()
    with _tracing(NOT_TRACED if _traced() else item.stash[TRACERS]):
        try:
            return (yield)
        finally:
            os.umask(rights)
            for log, level in levels:
                log.setLevel(level)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Gives it back to the call: pytest-cov's own marker fails under xdist."""
    covers = _covers(item.path) and not any(map(item.get_closest_marker, UNTRACED))
    with _tracing(item.stash[TRACERS]) if covers else nullcontext():
        return (yield)


def _traced() -> bool:
    """Whether coverage is measured, which is not so for a debugger that traces."""
    return type(sys.gettrace()).__name__ == "CTracer"


@contextmanager
def _tracing(tracers: tuple[Any, Any]) -> Generator[None]:
    """While this thread and those that it starts are traced by these two, or not at all."""
    before = sys.gettrace(), threading.gettrace()
    sys.settrace(tracers[0])
    threading.settrace(tracers[1])
    try:
        yield
    finally:
        sys.settrace(before[0])
        threading.settrace(before[1])


@cache
def _covers(file: Path) -> bool:
    """Whether coverage is measured in the tests of a file."""
    imports = re.findall(r"^ *from (\S+) import", file.read_text(), re.MULTILINE)
    return file.parent.name == "unit" and any(name.startswith(COVERING) for name in imports)
