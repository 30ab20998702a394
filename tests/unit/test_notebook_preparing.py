"""Which notebooks can be run, and what of them is run."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from creditbot.errors import Refused
from creditbot.notebook_host.preparing import prepare
from tests.support.notebooks import PYTHON, Cell, code, markdown, write_notebook


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the notebook of the test goes."""
    return tmp_path / "n.ipynb"


def tagged(path: Path) -> list[str]:
    """The sources of the cells that papermill takes for the parameters cell."""
    return [cell.source for cell in prepare(path).notebook.cells if "parameters" in cell.metadata.tags]


@pytest.mark.parametrize(
    ("cells", "parameters"),
    [
        ([code('looker = ""', "parameters"), code("x = looker")], 'looker = ""'),
        ([code("import os"), code('looker = ""')], 'looker = ""'),
        (
            [code('%load_ext x\nlooker: str = "select 1"  # the SQL')],
            '%load_ext x\nlooker: str = "select 1"  # the SQL',
        ),
        ([code("limit = 5", "parameters"), code("looker = None")], "looker = None"),
        ([code("looker: str", "parameters")], "looker: str"),
        ([code('looker = os.environ.get("SQL", "")', "parameters")], 'looker = os.environ.get("SQL", "")'),
        ([code('looker = ""'), code("looker = looker.strip()")], 'looker = ""'),
        ([code('sql = looker = ""'), code('other.looker = ""'), code('f(looker="")')], 'sql = looker = ""'),
        ([code('looker = "", 1', "parameters"), code("if True:\n    looker = 5")], 'looker = "", 1'),
    ],
)
def test_the_cell_that_sets_looker_is_the_parameters_cell(path: Path, cells: list[Cell], parameters: str) -> None:
    """The tagged cell if it sets the parameter, else the cell that sets it to a fixed text."""
    assert [parameters] == tagged(write_notebook(path, *cells))


@pytest.mark.parametrize(
    "cells",
    [
        [code("x = 1")],
        [code("x = 1", "parameters")],
        [markdown('looker = ""')],
        [code('looker == ""'), code('my_looker = ""'), code('def f():\n    looker = ""')],
        [],
    ],
)
def test_a_notebook_without_the_parameter_is_refused(path: Path, cells: list[Cell]) -> None:
    """The sentence names the notebook, and what to do says which cell to add."""
    with pytest.raises(Refused) as raised:
        prepare(write_notebook(path, *cells))
    assert f"The notebook {path} has no parameter named looker." == raised.value.what
    assert 'looker = ""' in raised.value.todo


@pytest.mark.parametrize(
    "cells",
    [
        [code('looker = ""', "parameters"), code('looker = "select 1"')],
        [code('looker = ""'), code('looker = ""')],
        [code('looker = ""', "parameters"), code('looker = ""', "parameters")],
    ],
)
def test_a_parameter_set_twice_is_refused(path: Path, cells: list[Cell]) -> None:
    """A later fixed text would replace the SQL, and the amount would be another's."""
    with pytest.raises(Refused, match="in more than one cell"):
        prepare(write_notebook(path, *cells))


def test_cells_that_papermill_added_are_left_out(path: Path) -> None:
    """A notebook that papermill executed once is run as it was before, and cells keep the numbers of the file."""
    cells = [
        markdown("An Exception was encountered"),
        code('looker = ""', "parameters"),
        code('looker = "select 1"', "injected-parameters"),
        code("looker"),
    ]
    cells[0]["metadata"]["tags"] = ["papermill-error-cell-tag"]
    prepared = prepare(write_notebook(path, *cells))
    assert ['looker = ""', "looker"] == [cell.source for cell in prepared.notebook.cells]
    assert (2, 4) == prepared.numbers


def test_the_file_is_hashed_as_it_was_read(path: Path) -> None:
    """The hash is of the file's bytes."""
    write_notebook(path, code('looker = ""'))
    assert hashlib.sha256(path.read_bytes()).hexdigest() == prepare(path).sha256


def test_notebooks_of_older_and_newer_formats_are_read(path: Path) -> None:
    """Cells without the ids of format 4.5 are no error, nor is format 3."""
    for minor in (0, 4, 5):
        assert ['looker = ""'] == tagged(write_notebook(path, code('looker = ""'), minor=minor))
    old = {"cell_type": "code", "input": 'looker = ""', "outputs": [], "language": "python", "metadata": {}}
    sheet = {"cells": [old], "metadata": {}}
    path.write_text(json.dumps({"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [sheet]}))
    assert ['looker = ""'] == tagged(path)


@pytest.mark.parametrize(
    "text",
    ["", "no JSON", "[]", "{}", '{"nbformat": 4, "nbformat_minor": 4, "cells": [{}]}', "\xff\xfe"],
)
def test_a_file_that_is_no_notebook_is_refused(path: Path, text: str) -> None:
    """One sentence on one line, whatever is in the file."""
    path.write_text(text, encoding="latin-1")
    with pytest.raises(Refused) as raised:
        prepare(path)
    assert raised.value.what.startswith(f"The notebook {path} is not a valid notebook: ")
    assert raised.value.what.endswith(".")
    assert "\n" not in raised.value.what


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """A missing file and a folder have their sentences."""
    with pytest.raises(Refused, match="does not exist"):
        prepare(tmp_path / "nowhere.ipynb")
    with pytest.raises(Refused, match="cannot be read: Is a directory"):
        prepare(tmp_path)


def kernelspec(folder: Path, name: str, spec: dict[str, object]) -> None:
    """Installs a kernel."""
    path = folder / "kernels" / name / "kernel.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"display_name": name, "language": "python", **spec}))


def test_pythons_own_kernel_is_forked(path: Path) -> None:
    """A notebook for python3, or for no kernel in particular, runs on a kernel of ours."""
    write_notebook(path, code('looker = ""'))
    assert ((), ()) == (prepare(path).command, prepare(path).notes)
    write_notebook(path, code('looker = ""'), language_info={"name": "python"})
    assert ((), ()) == (prepare(path).command, prepare(path).notes)


def test_a_kernel_that_is_not_here_is_replaced(path: Path) -> None:
    """A Python notebook from another machine runs on our own Python, and a note says so."""
    write_notebook(path, code('looker = ""'), kernelspec={**PYTHON, "name": "conda-base-py"})
    prepared = prepare(path)
    assert () == prepared.command
    assert ("Its kernel conda-base-py is not installed here: it runs on creditbot's own Python.",) == prepared.notes


def test_an_installed_kernel_is_used(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook for another Python that is here runs on it, with what its kernel.json asks for."""
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    argv = ["/opt/py/bin/python", "-m", "ipykernel_launcher", "{resource_dir}/x", "-f", "{connection_file}"]
    kernelspec(tmp_path, "other", {"argv": argv, "env": {"A": "b"}})
    write_notebook(path, code('looker = ""'), kernelspec={**PYTHON, "name": "other"})
    prepared = prepare(path)
    place = tmp_path / "kernels" / "other"
    assert ("env", "A=b", argv[0], *argv[1:3], f"{place}/x", *argv[4:]) == prepared.command
    assert ("It runs on the installed kernel other.",) == prepared.notes


def test_another_language_is_refused(path: Path) -> None:
    """An R notebook is told apart by its metadata."""
    write_notebook(path, code('looker = ""'), kernelspec={"name": "ir", "display_name": "R", "language": "R"})
    with pytest.raises(Refused, match="is written in R"):
        prepare(path)
