"""The code cells of a notebook, parsed without running them."""

from __future__ import annotations

import ast
import gc
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.notebook_host.syntax import parse_cell


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
