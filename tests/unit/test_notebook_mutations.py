"""Variations of a notebook that works: no cell may give `looker` a value of its own, and all else may differ."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.errors import Refused
from creditbot.notebook_host.preparation import prepare
from tests.support.notebooks import PYTHON, Cell, code, markdown, write_notebook

PARAMETER = code('looker = ""', "parameters")
WORKING = [
    code("import duckdb\ncon = duckdb.connect()"),
    PARAMETER,
    markdown("# The traffic"),
    code("df = con.sql(looker).df()"),
    markdown("## Summary Info"),
    code("df.groupby('mode').sum()"),
]

VALUES = ("'SELECT 1 FROM t'", "f'SELECT {x} FROM t'", "('SELECT 1 ' 'FROM t').strip()", "saved", "open('q').read()")
SPELLINGS = (
    "looker = {}",
    "looker: str = {}",
    "query = looker = {}",
    "looker, x = {}, 1",
    "[x, *looker] = {}",
    "(x := 1, looker := {})",
    "for looker in [{}]: pass",
    "with read({}) as looker: pass",
    "[looker := x for x in [{}]]",
    "[x for x in [{}] if (looker := x)]",
    "globals()['looker'] = {}",
    "globals().update(looker={})",
    "globals().update({{'looker': {}}})",
    "get_ipython().user_ns['looker'] = {}",
    "get_ipython().push({{'looker': {}}})",
    "import __main__; __main__.looker = {}",
    "def f(x=(looker := {})): pass",
    "@(looker := read({}))\ndef f(): pass",
    "class Query(read(looker := {})): pass",
    "f = lambda x=(looker := {}): x",
    "class Query:\n    global looker\n    looker = {}",
    "def f():\n    global looker\n    looker = {}",
    "async def f():\n    global looker\n    looker = {}",
)
BLOCKS = (
    "if x:", "if x:\n    y\nelse:", "if x:\n    y\nelif z:", "for x in y:", "for x in y:\n    z\nelse:",
    "while x:", "with x as y:", "match x:\n  case 1:", "try:\n    x\nexcept E:", "try:\n    x\nfinally:",
)  # fmt: skip
FIRST_LINES = ("", "# from Looker\n", "import os\n", "%matplotlib inline\n", "!ls\n", "%%time\n", "%%capture out\n")
INERT = (
    "my_looker = {}",
    "other.looker = {}",
    "read(looker={})",
    "'looker' == {}",
    "def f():\n    looker = {}",
    "def f(looker={}): pass",
    "class Query:\n    looker = {}",
    "f = lambda looker={}: looker",
)

OUTPUTS: tuple[list[dict[str, Any]], ...] = (
    [],
    [{"output_type": "stream", "name": "stdout", "text": ["looker = 1\n"]}],
    [{"output_type": "execute_result", "data": {"text/plain": "1"}, "metadata": {}, "execution_count": 3}],
    [{"output_type": "error", "ename": "E", "evalue": "", "traceback": []}],
)
CELL_METADATA: tuple[dict[str, Any], ...] = (
    {"tags": []},
    {},
    {"tags": ["parameters"]},
    {"tags": ["skip-execution", "raises-exception"]},
    {"collapsed": True, "jupyter": {"source_hidden": True}},
    {"papermill": {"status": "completed"}, "tags": ["hide-input"]},
)
NOTEBOOK_METADATA: tuple[dict[str, Any], ...] = (
    {"kernelspec": PYTHON},
    {"kernelspec": PYTHON, "papermill": {"parameters": {"looker": "SELECT 1"}}},
    {"language_info": {"name": "python", "version": "3.11"}, "title": "looker"},
)


@st.composite
def sources(draw: st.DrawFn, spellings: Sequence[str]) -> str:
    """One of the spellings with a value, inside up to two blocks, below another line."""
    source = draw(st.sampled_from(spellings)).format(draw(st.sampled_from(VALUES)))
    for block in draw(st.lists(st.sampled_from(BLOCKS), max_size=2)):
        source = f"{block}\n{indent(source, '    ')}"
    return draw(st.sampled_from(FIRST_LINES)) + source


@st.composite
def code_cells(draw: st.DrawFn, source: str) -> Cell:
    """A cell as it may stand in a file: run or not, with the metadata of several editors, its source in lines."""
    return {
        "cell_type": "code",
        "source": draw(st.sampled_from([source, source.splitlines(keepends=True)])),
        "metadata": draw(st.sampled_from(CELL_METADATA)),
        "outputs": draw(st.sampled_from(OUTPUTS)),
        "execution_count": draw(st.sampled_from([None, 7])),
    }


@st.composite
def notebooks(draw: st.DrawFn, cell: Cell) -> tuple[list[Cell], dict[str, Any]]:
    """The cells of the notebook that works with one more anywhere, and the notebook's metadata."""
    place = draw(st.integers(0, len(WORKING)))
    return [*WORKING[:place], cell, *WORKING[place:]], draw(st.sampled_from(NOTEBOOK_METADATA))


@given(notebook=sources(SPELLINGS).flatmap(code_cells).flatmap(notebooks))
def test_a_notebook_that_sets_looker_in_a_further_cell_is_refused(
    tmp_path: Path, notebook: tuple[list[Cell], dict[str, Any]]
) -> None:
    """However and wherever: it would compute every request with the SQL of that cell."""
    cells, metadata = notebook
    with pytest.raises(Refused, match="looker"):
        prepare(write_notebook(tmp_path / "n.ipynb", *cells, **metadata))


@given(notebook=sources(INERT).flatmap(code_cells).flatmap(notebooks))
def test_a_notebook_may_use_the_word_looker_for_something_else(
    tmp_path: Path, notebook: tuple[list[Cell], dict[str, Any]]
) -> None:
    cells, metadata = notebook
    prepared = prepare(write_notebook(tmp_path / "n.ipynb", *cells, **metadata)).notebook
    assert ['looker = ""'] == [cell.source for cell in prepared.cells if "parameters" in cell.metadata.tags]


@given(kind=st.sampled_from(["markdown", "raw"]), source=sources(SPELLINGS), data=st.data())
def test_a_cell_that_is_not_code_sets_nothing(tmp_path: Path, kind: str, source: str, data: st.DataObject) -> None:
    cell = {"cell_type": kind, "source": source, "metadata": data.draw(st.sampled_from(CELL_METADATA))}
    cells, metadata = data.draw(notebooks(cell))
    prepared = prepare(write_notebook(tmp_path / "n.ipynb", *cells, **metadata)).notebook
    assert ['looker = ""'] == [cell.source for cell in prepared.cells if "parameters" in cell.metadata.tags]
