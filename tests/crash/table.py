"""The figures of the README: faults injected, runs, duplicates, losses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.crash.scenario import Counts, Scenario


@dataclass
class Row:
    """What came of all runs with one fault: how many, and their counts together."""

    runs: int = 0
    counts: Counts = field(default_factory=lambda: Counts(0, 0, 0))


@dataclass
class Table:
    """Rows by the name of the fault, in the order of their first run."""

    rows: dict[str, Row] = field(default_factory=dict)

    def add(self, faults: Iterable[str], scenario: Scenario) -> None:
        """Counts one run under each fault that happened in it."""
        for name in dict.fromkeys(faults):
            self.count(name, scenario.counted())

    def count(self, name: str, counts: Counts) -> None:
        """Counts one run."""
        row = self.rows.setdefault(name, Row())
        row.runs += 1
        row.counts = Counts(*map(sum, zip(row.counts, counts, strict=True)))

    def __str__(self) -> str:
        """As a table in Markdown."""
        lines = ["| fault | runs | duplicates | of them repaired | losses |", "|---|--:|--:|--:|--:|"]
        lines += [
            f"| {name} | {row.runs:,} | {row.counts.duplicates} | {row.counts.repaired} | {row.counts.losses} |"
            for name, row in self.rows.items()
        ]
        return "\n".join(lines)
