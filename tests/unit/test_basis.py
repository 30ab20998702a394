"""What a summary keeps of a notebook's cells, its parameters and its rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.evidence.basis import (
    DAYS_BYTES,
    FILTERS_BYTES,
    NOTEBOOKS_BYTES,
    PARAMETERS_BYTES,
    SqlRows,
    basis_of,
    cell_hashes,
    filters_of,
    notebooks_of,
    parameters_in,
    rows_in,
)
from creditbot.machine import exact_json
from creditbot.model import Cell, LookerLink, NotebookRun, Query

HASH = "sha256:" + "ab" * 32
ROWS = {"count": 3, "hash": HASH, "by_day": {"2025-12-01": 40, "2025-12-02": 2}}
CELLS = (Cell(1, "markdown", "# Credit"), Cell(2, "code", 'looker = ""'), Cell(3, "code", "credit(looker)"))


def a_run(scraps: dict[str, Any], *cells: Cell, sha: str = "1" * 64, ambiguous: tuple[str, ...] = ()) -> NotebookRun:
    return NotebookRun(scraps, cells, "verify.ipynb", sha, ambiguous_scraps=ambiguous)


def test_rows_and_parameters_are_kept_as_the_notebook_glues_them() -> None:
    glued = {"rows": ROWS, "parameters": {"TARGET": "0.80"}}
    assert {"sql_rows": ROWS, "parameters": {"TARGET": "0.80"}} == basis_of(a_run(glued), 1)


def test_what_is_kept_can_be_read_again() -> None:
    kept = exact_json.read(exact_json.write(basis_of(a_run({"rows": ROWS}), 1)))
    assert isinstance(kept, dict)
    assert SqlRows(3, HASH, {date(2025, 12, 1): 40, date(2025, 12, 2): 2}) == rows_in(kept["sql_rows"])


def test_a_notebook_that_glues_neither_leaves_nothing() -> None:
    assert {} == basis_of(a_run({"credit": "1.00"}), 1)


def test_a_scrap_that_was_glued_with_two_values_says_nothing() -> None:
    assert {} == basis_of(a_run({"rows": ROWS}, ambiguous=("rows",)), 1)


@pytest.mark.parametrize(
    "rows",
    [
        None,
        [1],
        {"count": "3", "hash": HASH},
        {"count": True, "hash": HASH},
        {"count": -1, "hash": HASH},
        {"count": 3, "hash": "md5:1"},
        {"count": 3},
        {"count": 3, "hash": HASH, "by_day": [1]},
        {"count": 3, "hash": HASH, "by_day": {"2025-12-01": 1.5}},
        {"count": 3, "hash": HASH, "by_day": {"yesterday": 1}},
    ],
)
def test_another_scrap_of_the_same_name_is_not_taken_for_rows(rows: object) -> None:
    """A notebook of somebody else may glue anything under that name."""
    assert rows_in(rows) is None
    assert {} == basis_of(a_run({"rows": rows}), 1)


@pytest.mark.parametrize("parameters", [None, {}, ["TARGET"], {"TARGET": 1}])
def test_another_scrap_of_the_same_name_is_not_taken_for_parameters(parameters: object) -> None:
    assert parameters_in(parameters) is None


def test_days_that_take_too_much_are_left_out() -> None:
    """The count and the hash stay: they say whether anything differs."""
    days = {str(date(2025, 1, 1) + timedelta(days)): 10**9 for days in range(300)}
    assert {"count": 3, "hash": HASH} == basis_of(a_run({"rows": {**ROWS, "by_day": days}}), 1)["sql_rows"]


def test_parameters_that_take_too_much_are_left_out() -> None:
    assert {} == basis_of(a_run({"parameters": {"TEXT": "x" * PARAMETERS_BYTES}}), 1)


def test_a_cell_is_known_by_its_kind_and_its_source() -> None:
    """An output does not change the hash of its cell."""
    code, text, shown = Cell(1, "code", "1"), Cell(1, "markdown", "1"), Cell(7, "code", "1", True, (("stream", "1"),))
    first, second, third = cell_hashes([code, text, shown])
    assert first == third
    assert first != second


def test_the_cells_of_a_notebook_are_kept_once() -> None:
    runs = [a_run({}, *CELLS), a_run({}, *CELLS), a_run({}, CELLS[0], sha="2" * 64), a_run({}, sha="3" * 64)]
    assert {"1" * 64: {"cells": cell_hashes(CELLS)}, "2" * 64: {"cells": cell_hashes(CELLS[:1])}} == notebooks_of(runs)


def test_the_files_beside_a_notebook_are_kept_with_its_cells() -> None:
    run = replace(a_run({}, *CELLS), beside={"method/credit.py": "ab" * 32})
    assert {"method/credit.py": "ab" * 6} == notebooks_of([run])["1" * 64]["beside"]


def test_a_notebook_with_too_many_cells_is_left_out() -> None:
    many = [Cell(number, "code", str(number)) for number in range(NOTEBOOKS_BYTES // 10)]
    assert ["2" * 64] == list(notebooks_of([a_run({}, *CELLS, sha="2" * 64), a_run({}, *many)]))


def a_query(filters: dict[str, str], zone: str = "") -> Query:
    return Query(LookerLink("look", "https://acme.looker.com/looks/42"), "SELECT 1", "", filters, zone)


def test_the_filters_of_a_query_are_kept_with_their_time_zone() -> None:
    """The days that are credited may be in them alone."""
    kept = filters_of(a_query({"traffic.day": "2025-12"}, "America/Lima"), 1)
    assert {"filters": {"traffic.day": "2025-12"}, "query_timezone": "America/Lima"} == kept
    assert {"filters": {"a": "1"}} == filters_of(a_query({"a": "1"}), 1)
    assert {} == filters_of(a_query({}, "UTC"), 1)


def test_filters_that_take_too_much_are_left_out() -> None:
    assert {} == filters_of(a_query({"a": "x" * FILTERS_BYTES}), 1)


@given(
    days=st.integers(0, 400), names=st.integers(0, 40), filler=st.text(max_size=60), share=st.integers(1, 5)
)  # fmt: skip
def test_what_is_kept_stays_within_its_budget(days: int, names: int, filler: str, share: int) -> None:
    by_day = {str(date(2025, 1, 1) + timedelta(day)): 10**9 for day in range(days)}
    parameters = {f"{filler}{number}": filler for number in range(names)}
    kept = basis_of(a_run({"rows": {**ROWS, "by_day": by_day}, "parameters": parameters}), share)
    size = len(exact_json.write(kept).encode("utf-8", "surrogatepass"))
    assert size < (PARAMETERS_BYTES + DAYS_BYTES) // share + 400
