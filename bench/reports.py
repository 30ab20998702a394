"""Measures what a report of a large past costs: reading what is kept, and making the page of it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import TypeVar

from bench.measure import Cost
from bench.past import past_summaries
from bench.results import Row
from creditbot.adapters.storage.summaries import ObjectSummaries
from creditbot.decide.policy import Policy
from creditbot.insight.figures import figures
from creditbot.insight.history import History
from creditbot.insight.past import PastRequest
from creditbot.insight.report import MOST_BYTES, report_page
from creditbot.model import Names
from creditbot.state.codec import State

REQUESTS = 10_000
RENDERED_WITHIN = 2.0
"""Seconds."""
_NOW = datetime(2026, 11, 1, tzinfo=UTC)
_START = _NOW - timedelta(days=365)
T = TypeVar("T")


def rows(rounds: int = 3) -> Iterator[Row]:
    """Reading, then rendering: the figures and the page together."""
    with tempfile.TemporaryDirectory() as folder:
        keep_past(REQUESTS, folder)
        read, past = _cost(rounds, lambda: read_past(folder))
    yield Row(f"reading {REQUESTS:,} summaries in a folder for a report", str(read))
    rendered, page = _cost(rounds, lambda: page_of(past))
    size = len(page.encode())
    case = f"making the report of {REQUESTS:,} requests, once they are read"
    within = Cost(RENDERED_WITHIN, RENDERED_WITHIN)
    yield Row(case, str(rendered), f"{RENDERED_WITHIN:g} s", rendered.ratios(within), 1)
    yield Row("its size", f"{size / 1000:.0f} KB", f"{MOST_BYTES / 1e6:g} MB", (size / MOST_BYTES,), 1)


def keep_past(requests: int, folder: str) -> None:
    """Writes the summaries of so many made-up requests."""
    store = ObjectSummaries(folder)
    for key, summary in past_summaries(requests, _NOW):
        store.save(key, summary)


def read_past(folder: str) -> list[PastRequest]:
    """What the summaries in the folder say."""
    return History(ObjectSummaries(folder), None, State()).during(_START, _NOW)


def page_of(past: list[PastRequest], names: Names = Names()) -> str:  # noqa: B008  # a value
    """The report of such a past."""
    return report_page(figures(past, _START, _NOW), list(Policy().words()), names, _NOW)


def _cost(rounds: int, work: Callable[[], T]) -> tuple[Cost, T]:
    """The medians of several runs in this process, after one that does not count, and what the work gives."""
    result, walls, cpus = work(), [], []
    for _ in range(rounds):
        wall, cpu = time.perf_counter(), time.process_time()
        result = work()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return Cost(median(walls), median(cpus)), result
