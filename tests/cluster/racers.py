"""Processes that write to the same state at the same time, each with a ledger and a client of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

from lightkube import Client, KubeConfig

from creditbot.adapters.storage.configmap_state import ConfigMapStore
from creditbot.errors import StateConflict
from creditbot.model import RequestKey
from creditbot.state.ledger import Ledger
from creditbot.state.record import Claim, move

NAME = "creditbot-state"
START = datetime(2026, 1, 8, 12, 0, tzinfo=UTC)


def keys(count: int) -> list[RequestKey]:
    """Requests to fight over."""
    return [RequestKey("T0TEST", "C0TEST", f"{int(START.timestamp()) + number}.000000") for number in range(count)]


@contextmanager
def store(kubeconfig: Path, name: str = NAME) -> Iterator[ConfigMapStore]:
    """The store as the user of a kubeconfig sees it, in that user's namespace."""
    with Client(config=KubeConfig.from_file(kubeconfig).get()) as client:
        yield ConfigMapStore(client.namespace, name, connect=lambda: client)


def claim_all(kubeconfig: Path, count: int, who: str) -> list[str]:
    """Claims every request that nobody else has; the keys of those it got."""
    won = []
    with store(kubeconfig) as state:
        ledger = Ledger(state)
        for key in keys(count):
            claim = Claim(who, START + timedelta(minutes=20))
            try:
                ledger.swap(key, None, move(None, "claimed", START, claim=claim, attempts=1))
            except StateConflict:
                continue
            won.append(str(key))
    return won


def push_on(kubeconfig: Path, times: int, who: str) -> list[str]:
    """Writes the common part of the state again and again, each time a second later; nothing is won."""
    with store(kubeconfig) as state:
        ledger = Ledger(state)
        for _ in range(times):
            ledger.update_meta(
                lambda meta: replace(meta, covered_until=(meta.covered_until or START) + timedelta(seconds=1))
            )
    return []


def race(kubeconfig: Path, *runners: tuple[str, int]) -> list[list[str]]:
    """Runs them at once, each in a process of its own; gives what each won."""
    works = {"claim_all": claim_all, "push_on": push_on}
    with get_context("spawn").Pool(len(runners)) as pool:
        pending = [
            pool.apply_async(works[work], (kubeconfig, times, f"racer-{number}"))
            for number, (work, times) in enumerate(runners)
        ]
        return [one.get(timeout=120) for one in pending]
