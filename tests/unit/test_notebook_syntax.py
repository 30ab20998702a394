"""The imports of a notebook's code cells, read without running them."""

from __future__ import annotations

import ast
import gc
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.notebook_host.syntax import modules_to_preload, parse_cell
from tests.support.notebooks import code, markdown, write_notebook


def test_imports_of_preloadable_packages_are_read_in_order(tmp_path: Path) -> None:
    """At the top, in functions and beside magics; each once, and no other packages."""
    path = write_notebook(
        tmp_path / "n.ipynb",
        markdown("import numpy"),
        code("%matplotlib inline\nimport os, pandas as pd\nfrom matplotlib import pyplot as plt\n!ls\npd?"),
        code("def ask():\n    import duckdb\n    from . import sqlalchemy\nimport helper, pandas"),
        code("%%bash\nimport scrapbook"),
        code("this is ( no Python\nimport scrapbook"),
    )
    assert ["pandas", "matplotlib", "matplotlib.pyplot", "duckdb"] == modules_to_preload(str(path))


@pytest.mark.parametrize(
    ("warehouse", "modules"),
    [("duckdb:///warehouse.duckdb", ["duckdb"]), ("trino://trino.example", ["duckdb", "sqlalchemy"])],
)
def test_sqlalchemy_is_not_preloaded_for_duckdb(tmp_path: Path, warehouse: str, modules: list[str]) -> None:
    """A notebook for any warehouse imports SQLAlchemy, which takes time and is not needed for DuckDB."""
    path = write_notebook(tmp_path / "n.ipynb", code("import duckdb, sqlalchemy"))
    assert modules == modules_to_preload(str(path), warehouse)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"cells": [{"cell_type": "code"}]}', '{"cells": [1]}', "\xff"])
def test_a_file_that_is_not_a_notebook_has_no_imports(tmp_path: Path, text: str) -> None:
    """The run of the notebook reports it."""
    path = tmp_path / "n.ipynb"
    path.write_text(text, encoding="latin-1")
    assert [] == modules_to_preload(str(path))


def test_a_file_that_does_not_exist_has_no_imports(tmp_path: Path) -> None:
    assert [] == modules_to_preload(str(tmp_path / "nowhere.ipynb"))


@given(st.text())
def test_no_text_crashes_the_parser(source: str) -> None:
    assert isinstance(parse_cell(source), ast.Module | None)


@pytest.fixture
def _other_threads_run_often() -> Iterator[None]:
    """Python code runs while a tree is built, as it does when objects with finalizers are collected."""
    interval, thresholds = sys.getswitchinterval(), gc.get_threshold()

    def collected(*_: object) -> None:
        sum(range(20))

    gc.callbacks.append(collected)
    gc.set_threshold(50)
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)
    gc.set_threshold(*thresholds)
    gc.callbacks.remove(collected)


@pytest.mark.usefixtures("_other_threads_run_often")
def test_cells_are_parsed_by_several_threads_at_once() -> None:
    """Python 3.11.7 raises SystemError from ast.parse if two threads build a tree at a time."""
    source = "\n".join(f"x{number} = f(g(h([a for a in b if (c and d)], k={{1: (2, 3)}})))" for number in range(60))
    with ThreadPoolExecutor(4) as pool:
        trees = list(pool.map(parse_cell, [source] * 60))
    assert [60] * 60 == [len(tree.body) if tree else 0 for tree in trees]
