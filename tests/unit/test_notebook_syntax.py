"""What is found in code cells without running them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.notebook_host.syntax import parsed, preloads
from tests.support.notebooks import code, markdown, write_notebook


def test_the_imports_of_known_packages_are_found(tmp_path: Path) -> None:
    """Imports at the top, in functions and beside magics count once, in order; other packages and modules do not."""
    path = write_notebook(
        tmp_path / "n.ipynb",
        markdown("import numpy"),
        code("%matplotlib inline\nimport os, pandas as pd\nfrom matplotlib import pyplot as plt\n!ls\npd?"),
        code("def ask():\n    import duckdb\n    from . import sqlalchemy\nimport helper, pandas"),
        code("%%bash\nimport scrapbook"),
        code("this is ( no Python\nimport scrapbook"),
    )
    assert ["pandas", "matplotlib", "matplotlib.pyplot", "duckdb"] == preloads(str(path))


def test_sqlalchemy_is_left_out_for_duckdb(tmp_path: Path) -> None:
    """A notebook for any warehouse does not cost SQLAlchemy's import where the warehouse is DuckDB."""
    path = write_notebook(tmp_path / "n.ipynb", code("import duckdb, sqlalchemy"))
    assert ["duckdb"] == preloads(str(path), "duckdb:///warehouse.duckdb")
    assert ["duckdb", "sqlalchemy"] == preloads(str(path), "trino://trino.example")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"cells": [{"cell_type": "code"}]}', '{"cells": [1]}', "\xff"])
def test_what_is_no_notebook_has_no_imports(tmp_path: Path, text: str) -> None:
    """A file that is no notebook, or is not there, is not this function's to report."""
    path = tmp_path / "n.ipynb"
    path.write_text(text, encoding="latin-1")
    assert [] == preloads(str(path))
    assert [] == preloads(str(tmp_path / "nowhere.ipynb"))


@given(st.text())
def test_any_text_is_parsed_or_not(source: str) -> None:
    """No cell's text crashes the parser."""
    assert parsed(source) is None or parsed(source) is not None
