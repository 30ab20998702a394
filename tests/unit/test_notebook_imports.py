"""What a notebook imports, read without running it: packages to load in advance, and files beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from creditbot.notebook_host.imports import files_beside, imports_of_cells, modules_to_preload
from tests.support.notebooks import code, markdown, write_notebook


def beside(folder: Path, source: str) -> list[str]:
    """The paths of the files that a notebook with this code cell imports."""
    return list(files_beside(folder, write_notebook(folder / "n.ipynb", code(source)).read_bytes()))


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


def write(folder: Path, files: dict[str, str]) -> None:
    """Writes Python files, with the folders that they are in."""
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)


def test_packages_that_a_file_beside_the_notebook_imports_are_preloaded(tmp_path: Path) -> None:
    write(tmp_path, {"helper.py": "import numpy\nimport other", "other.py": "def f():\n    import duckdb"})
    path = write_notebook(tmp_path / "n.ipynb", code("import pandas, helper"))
    assert ["pandas", "numpy", "duckdb"] == modules_to_preload(str(path))


@pytest.mark.parametrize(
    "source",
    [
        "import helper",
        "import helper as h, os",
        "from helper import rates",
        "def f():\n    import helper",
        "import importlib\nimportlib.import_module('helper')",
        "from importlib import import_module\nx = import_module('helper').x",
        "__import__('helper')",
        "%load_ext autoreload\nimport helper",
        "%run helper.py",
        "%run -i 'helper.py' --fast",
        "%run helper",
        "import first",
    ],
)
def test_a_file_that_is_imported_beside_the_notebook_is_found(tmp_path: Path, source: str) -> None:
    """Also by way of another one; a circle of imports ends."""
    write(tmp_path, {"helper.py": "import first", "first.py": "import helper", "unused.py": ""})
    assert "helper.py" in beside(tmp_path, source)
    assert "unused.py" not in beside(tmp_path, source)


def test_every_file_of_a_package_counts(tmp_path: Path) -> None:
    """Which of them are imported can depend on anything."""
    write(tmp_path, {"rates/__init__.py": "", "rates/usd.py": "import tables", "rates/eur.py": "", "tables.py": ""})
    (tmp_path / "rates" / "table.csv").write_text("1")
    assert ["rates/__init__.py", "rates/eur.py", "rates/usd.py", "tables.py"] == beside(
        tmp_path, "from rates import usd"
    )


def test_a_notebook_of_format_3_has_imports_too(tmp_path: Path) -> None:
    """Its code cells have another form."""
    write(tmp_path, {"helper.py": ""})
    cells = [{"cell_type": "code", "input": ["import os\n", "import helper"]}]
    assert ["helper.py"] == list(files_beside(tmp_path, json.dumps({"worksheets": [{"cells": cells}]}).encode()))


@pytest.mark.parametrize("source", ["import json", "import nowhere", "this is ( no Python", "", "%run ../helper.py"])
def test_other_code_imports_nothing_beside_the_notebook(tmp_path: Path, source: str) -> None:
    write(tmp_path, {"helper.py": ""})
    assert [] == beside(tmp_path, source)


def test_a_file_beside_the_notebook_that_cannot_be_parsed_counts(tmp_path: Path) -> None:
    """The run fails in it, and the hash says which one it was."""
    write(tmp_path, {"helper.py": "this is ( no Python"})
    (tmp_path / "binary.py").write_bytes(b"\xff\x00")
    assert ["binary.py", "helper.py"] == beside(tmp_path, "import helper, binary")


def test_a_link_to_nowhere_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "helper.py").symlink_to(tmp_path / "gone.py")
    assert [] == beside(tmp_path, "import helper")


@pytest.mark.parametrize(
    ("sources", "imported"),
    [
        (["import json, pandas.api", "import helper\nimport json"], ["json", "pandas.api", "helper"]),
        (["%matplotlib inline\nfrom my_report.plots import draw"], ["my_report.plots"]),
        (["try:\n    import nowhere\nexcept ImportError:\n    pass", "def f():\n    import nowhere"], []),
        (["from .nowhere import x", "this is ( no Python"], []),
    ],
)
def test_a_run_needs_the_modules_that_cells_import_first(sources: list[str], imported: list[str]) -> None:
    """What code tries, or imports only in a function, it may do without."""
    assert imported == imports_of_cells(sources)
