"""The contract of a runner of notebooks, inherited by a test class for each implementation."""

from __future__ import annotations

from contextlib import closing
from datetime import date
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import pytest

from creditbot.errors import NotebookFailed, NotebookStopped, Refused
from creditbot.model import CreditDays
from creditbot.ports import Runner
from tests.support.notebooks import code, write_notebook

SQL = "select 'it''s', \"quoted\", {braces}, 100%, \\n\nfrom \"Zürich\" -- ünïcödé 🎈"
DECEMBER = CreditDays(date(2025, 12, 1), date(2026, 1, 1))
GLUE = "import scrapbook as sb\nsb.glue('result', {'credit': 4948.80, 'rows': [1]})"
NAMES = "import os; print(sorted(os.environ))"


class RunnerContract:
    """Subclasses give `runner`, whose notebooks see the variable SEEN, and none of the bot's secrets."""

    def test_a_run_gives_what_its_notebook_left(self, runner: Runner, tmp_path: Path) -> None:
        """SQL and days arrive unchanged; scraps, outputs, hash and versions come back, numbers exact."""
        parameters = "looker = ''\nCREDIT_FROM = CREDIT_TO = ''"
        cells = map(code, (parameters, "print(repr(looker), CREDIT_FROM, CREDIT_TO, end='')", GLUE, NAMES, "1 + 1"))
        path = write_notebook(tmp_path / "n.ipynb", *cells)
        run = runner.run(str(path), SQL, DECEMBER)
        result = run.scraps["result"]
        assert {"credit": Decimal("4948.8"), "rows": [1]} == result
        assert (("stream", f"{SQL!r} 2025-12-01 2026-01-01"),) == run.cells[1].outputs
        assert (5, True, (("text/plain", "2"),)) == (run.cells[4].number, run.cells[4].executed, run.cells[4].outputs)
        assert (str(path), sha256(path.read_bytes()).hexdigest()) == (run.notebook, run.notebook_sha256)
        assert {"python", "papermill", "pandas"} <= run.versions.keys()
        assert 0 < run.seconds < 60
        seen = run.cells[3].outputs[0][1]
        assert ("'SEEN'" in seen, "SLACK" in seen, "AWS" in seen) == (True, False, False)

    def test_a_notebook_that_fails_says_where_and_why(self, runner: Runner, tmp_path: Path) -> None:
        """The sentence names cell and error, and what the notebook had left comes with it."""
        path = write_notebook(tmp_path / "n.ipynb", *map(code, ("looker = ''", "2 + 2", "1 / 0")))
        with pytest.raises(NotebookFailed) as failed:
            runner.run(str(path), "select 1")
        assert failed.value.what == "The notebook n.ipynb failed in cell 3 with ZeroDivisionError: division by zero."
        assert (("text/plain", "4"),) == failed.value.run.cells[1].outputs

    def test_a_notebook_that_is_not_there_is_refused(self, runner: Runner, tmp_path: Path) -> None:
        """No request may be given up because of a wrong path."""
        with pytest.raises(Refused) as refused:
            runner.run(str(tmp_path / "none.ipynb"), "select 1")
        assert refused.value.service == "the notebook none.ipynb"

    def test_a_runner_that_is_closed_runs_nothing(self, new_runner: Runner, tmp_path: Path) -> None:
        """Its requests are released, and the next tick runs them."""
        path = write_notebook(tmp_path / "n.ipynb", code("looker = ''"))
        with closing(new_runner):
            pass
        new_runner.warm()
        with pytest.raises(NotebookStopped, match="Shutting down"):
            new_runner.run(str(path), "select 1")
