"""`make test-notebooks`: a notebook that is as it should be passes, and one that is not is told what to do."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from creditbot.adapters.notebooks.runner import NotebookRunner
from creditbot.sandbox.warehouse import make_warehouse
from tests.notebook_checks import EXPECTED, Notebook, main, outcome
from tests.support.bundled_notebooks import path_of

pytestmark = pytest.mark.kernels


def test_a_bundled_notebook_passes_every_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == main(["--psms", str(path_of("psms"))]), capsys.readouterr().out


def test_a_notebook_with_mistakes_is_told_what_to_do(tmp_path: Path) -> None:
    """Another target, outputs that were saved, and a value that is not handed over."""
    path = tmp_path / "verify.ipynb"
    text = path_of("verify").read_text(encoding="utf-8").replace('Decimal(\\"0.80\\")', 'Decimal(\\"0.75\\")')
    notebook = json.loads(text.replace('"    WINDOW_DAYS=WINDOW_DAYS,\\n",', ""))
    notebook["cells"][-2]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "customers"}]
    path.write_text(json.dumps(notebook))
    shutil.copytree(path_of("verify").with_name("credit_report"), tmp_path / "credit_report")
    make_warehouse(tmp_path / "warehouse.duckdb")
    environment = {"WAREHOUSE_URL": f"duckdb:///{tmp_path}/warehouse.duckdb"}
    with closing(NotebookRunner([path], environment, seconds=120, keep="none")) as runner:
        checked = Notebook(path, EXPECTED["verify"], runner)
        saved, month, policy = map(outcome, (checked.check_saved_clean, checked.check_month, checked.check_policy))
    assert "It has outputs. In Jupyter: Kernel > Restart and clear all outputs, then save." == saved
    assert month.startswith("It credits $4,304.43. If you changed a target")
    assert "It leaves out WINDOW_DAYS: name it in the last code cell as well." == policy


def test_each_check_that_fails_is_printed_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is not a notebook fails each of them."""
    path = tmp_path / "verify.ipynb"
    path.write_text("{}")
    assert 1 == main(["--verify", str(path)])
    printed = capsys.readouterr().out
    assert "  ok  " not in printed
    assert f"\n{printed.count('  FAIL  ')} checks failed" in printed
