"""What the amount of a link was computed from, beyond its SQL: the notebook's cells, its policy, the rows. Pure.

A `NotebookRun` comes in. What goes out is kept in the summary, and `creditbot.insight.replay` compares two of them:

    cells        one hash per cell of the notebook, in its order; kept once for each notebook of a request, and with
                 them `beside`: relative path -> hash of each file in its folder that it imports
    parameters   name -> value as text, of the cell tagged "policy"
    sql_rows     {"count", "hash", "by_day"}: the rows that the SQL gave, however they were ordered
    filters      field -> Looker's filter, and query_timezone: they say more of the days and accounts than the SQL

Rows and parameters are what a notebook says of itself, by the scraps `rows` and `parameters`. If it glues none, or
something else under these names, nothing is kept, and nobody guesses.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from creditbot.machine import exact_json
from creditbot.model import Cell, NotebookRun, Query

ROWS, PARAMETERS = "rows", "parameters"
"""Names of the scraps."""
NOTEBOOKS_BYTES, PARAMETERS_BYTES, DAYS_BYTES, FILTERS_BYTES = 4_000, 2_000, 3_000, 2_000
"""For all notebooks, parameters, days and filters of a request; its links share all but the first evenly.

What takes more is not kept.
"""
_LENGTH = 12  # hexadecimal digits of a cell's hash
_HASH = re.compile(r"sha256:[0-9a-f]{64}")
_MOST = 10**15
_ZONE = 60  # characters of the name of a time zone


@dataclass(frozen=True, slots=True)
class SqlRows:
    """The rows that the SQL of a link gave.

    Attributes:
        count: how many.
        hash: the same for the same rows, whatever their order: "sha256:" and 64 hexadecimal digits.
        by_day: UTC day -> messages; empty if it is not known.
    """

    count: int
    hash: str
    by_day: Mapping[date, int] = field(default_factory=dict)


def cell_hashes(cells: Sequence[Cell]) -> list[str]:
    """One hash per cell, of its kind and its source; outputs do not count."""
    return [
        hashlib.sha256(f"{cell.kind}\n{cell.source}".encode("utf-8", "surrogatepass")).hexdigest()[:_LENGTH]
        for cell in cells
    ]


def notebooks_of(runs: Sequence[NotebookRun]) -> dict[str, Any]:
    """Hash of a notebook -> the hashes of its cells and of the files beside it; what is too long is left out."""
    left, kept = NOTEBOOKS_BYTES, {}
    for run in {run.notebook_sha256: run for run in runs if run.cells}.values():
        beside = {name: sha[:_LENGTH] for name, sha in run.beside.items()}
        facts = {"cells": cell_hashes(run.cells), **({"beside": beside} if beside else {})}
        left -= _written(facts)
        if left >= 0:
            kept[run.notebook_sha256] = facts
    return kept


def basis_of(run: NotebookRun, share: int) -> dict[str, Any]:
    """What a run says of its rows and its parameters, as the summary of its link keeps it.

    Args:
        run: one run of a notebook.
        share: how many links share what a summary may keep.
    """
    scraps = {name: value for name, value in run.scraps.items() if name not in run.ambiguous_scraps}
    facts: dict[str, Any] = {}
    parameters = parameters_in(scraps.get(PARAMETERS))
    if parameters and _written(parameters) <= PARAMETERS_BYTES // share:
        facts["parameters"] = parameters
    if rows := rows_in(scraps.get(ROWS)):
        days = {str(day): count for day, count in sorted(rows.by_day.items())}
        fits = days and _written(days) <= DAYS_BYTES // share
        facts["sql_rows"] = {"count": rows.count, "hash": rows.hash, **({"by_day": days} if fits else {})}
    return facts


def filters_of(query: Query, share: int) -> dict[str, Any]:
    """Looker's filters of a query, as the summary of its link keeps them; `share` as in `basis_of`."""
    filters = {str(field): str(text) for field, text in query.filters.items()}
    if not filters or _written(filters) > FILTERS_BYTES // share:
        return {}
    zone = query.query_timezone[:_ZONE]
    return {"filters": filters, **({"query_timezone": zone} if zone else {})}


def rows_in(value: object) -> SqlRows | None:
    """The rows in a scrap or in a summary; None for anything else."""
    if not isinstance(value, Mapping):
        return None
    count, digest, by_day = value.get("count"), value.get("hash"), value.get("by_day", {})
    if not _is_number(count) or not isinstance(digest, str) or not _HASH.fullmatch(digest):
        return None
    if not isinstance(by_day, Mapping) or not all(map(_is_number, by_day.values())):
        return None
    try:
        days = {date.fromisoformat(str(day)): int(messages) for day, messages in by_day.items()}
    except ValueError:
        return None
    return SqlRows(int(str(count)), digest, days)


def parameters_in(value: object) -> dict[str, str] | None:
    """The parameters in a scrap or in a summary; None for anything else."""
    return texts_in(value) or None


def texts_in(value: object) -> dict[str, str] | None:
    """A mapping of names to texts, such as filters; None for anything else."""
    if not isinstance(value, Mapping) or not all(isinstance(text, str) for text in value.values()):
        return None
    return {str(name): text for name, text in value.items()}


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST


def _written(value: object) -> int:
    """The bytes that a value takes in a summary."""
    return len(exact_json.write(value, " " * 6).encode("utf-8", "surrogatepass"))
