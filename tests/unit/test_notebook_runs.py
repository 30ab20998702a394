"""The bundled notebooks, run for real on a kernel: one by the `papermill` command, all by the bot's runner."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import duckdb
import pytest

from creditbot.adapters.notebooks.runner import NotebookRunner
from creditbot.credit.amount import credit_of
from creditbot.errors import NotebookFailed
from creditbot.model import CreditDays
from creditbot.sandbox.warehouse import make_warehouse
from tests.support.bundled_notebooks import COLUMNS, ROOT, SUMMARY, Row, path_of, traffic
from tests.support.notebooks import cells_of, code, write_notebook

pytestmark = pytest.mark.kernels

DECEMBER = "day BETWEEN DATE '2025-12-01' AND DATE '2025-12-31'"
ATTACK = f"SELECT * FROM verify_traffic WHERE account_sid = 'AC-sandbox-0001' AND {DECEMBER}"


@dataclass(frozen=True)
class ExecutedNotebook:
    """The outputs of the code cells of an executed notebook, by the ids of the cells."""

    outputs: dict[str, list[dict[str, Any]]]

    @classmethod
    def read(cls, path: Path) -> ExecutedNotebook:
        """Reads the file."""
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        return cls({cell["id"]: cell["outputs"] for cell in cells if cell["cell_type"] == "code"})

    @property
    def scrap(self) -> Any:
        """The credit that it glued."""
        return self.scraps["credit"]

    @property
    def scraps(self) -> dict[str, Any]:
        """The values that it glued, by name."""
        scraps = [output["data"]["application/scrapbook.scrap.json+json"] for output in self.outputs["glue"]]
        return {scrap["name"]: scrap["data"] for scrap in scraps}

    def printed(self, cell: str) -> str:
        """What the cell printed."""
        return "".join("".join(output["text"]) for output in self.outputs[cell] if output["output_type"] == "stream")

    def tables(self, cell: str) -> list[list[list[str]]]:
        """The rows of each HTML table that the cell shows, the header first."""
        html = ["".join(output["data"]["text/html"]) for output in self.outputs[cell] if "data" in output]
        return [[[field.text or "" for field in row] for row in ET.fromstring(text).iter("tr")] for text in html]

    @property
    def images(self) -> list[str]:
        """The pictures, in base64."""
        data = [output.get("data", {}) for output in self.outputs["plots"]]
        return [forms["image/png"] for forms in data if "image/png" in forms]

    @property
    def text_size(self) -> int:
        """Characters of all outputs that are shown and not pictures, and of the credit that is glued."""
        shown = [outputs for cell, outputs in self.outputs.items() if cell not in {"plots", "glue"}]
        return len(json.dumps([*shown, self.scrap]))


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the sandbox's warehouse with the tables `quiet` and `attacked` in it."""
    path = tmp_path_factory.mktemp("warehouse") / "warehouse.duckdb"
    make_warehouse(path)
    odd = "<b>$x$ & ".ljust(37, "+")
    modes = ("basic", "standard", "max")
    attacked = [traffic(day, prefix=odd, mode=mode, messages=10**9) for mode in modes for day in range(1, 32)]
    with duckdb.connect(str(path)) as connection:
        add_traffic(connection, "quiet", [traffic(day, messages=100, verified=95) for day in range(1, 31)])
        add_traffic(connection, "attacked", attacked, prefixes=100)
    return f"duckdb:///{path}"


def add_traffic(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Row], prefixes: int = 1) -> None:
    """Makes a table that has each row once for so many prefixes, which end in 000, 001, ..."""
    types = "day DATE, prefix VARCHAR, mode VARCHAR, attempts BIGINT, blocked BIGINT, messages BIGINT, verified BIGINT"
    connection.execute(f"CREATE TEMP TABLE {table}_rows ({types}, price_usd DECIMAL(10, 4))")
    marks = ", ".join("?" * len(COLUMNS))
    values = [[row[name] for name in COLUMNS] for row in rows]
    connection.executemany(f"INSERT INTO {table}_rows VALUES ({marks})", values)
    prefix = "REPLACE (format('{}{:03d}', prefix, number) AS prefix)"
    numbered = f"SELECT * EXCLUDE number {prefix} FROM {table}_rows, range({prefixes}) AS numbers(number)"
    connection.execute(f"CREATE TABLE {table} AS {numbered}")


def environment(warehouse: str) -> dict[str, str]:
    """The environment of the notebooks."""
    return {**{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}, "WAREHOUSE_URL": warehouse}


@dataclass(frozen=True)
class Analyst:
    """Runs bundled notebooks, and reads them as they were kept."""

    runner: NotebookRunner
    kept: Path

    def run(self, product: str, sql: str, days: CreditDays | None = None) -> ExecutedNotebook:
        """The executed notebook of a run that succeeds."""
        before = set(self.kept.glob("*"))
        self.runner.run(str(path_of(product)), sql, days)
        (file,) = set(self.kept.glob("*")) - before
        return ExecutedNotebook.read(file)

    def failure(self, product: str, sql: str) -> str:
        """The sentence for a run that fails."""
        with pytest.raises(NotebookFailed) as raised:
            self.runner.run(str(path_of(product)), sql)
        return raised.value.what


@pytest.fixture(scope="module")
def analyst(warehouse: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Analyst]:
    """Has one runner for all runs."""
    kept = tmp_path_factory.mktemp("kept")
    runner = NotebookRunner([path_of("verify")], environment(warehouse), seconds=120, keep="all", keep_dir=kept)
    with closing(runner):
        runner.warm()
        yield Analyst(runner, kept)


@pytest.fixture(scope="module")
def verify(warehouse: str, tmp_path_factory: pytest.TempPathFactory) -> ExecutedNotebook:
    """The Verify notebook for the attacked month of the sandbox, run by plain papermill."""
    folder = tmp_path_factory.mktemp("papermill")
    notebook, executed = path_of("verify"), folder / "out.ipynb"
    options = ["--cwd", str(notebook.parent), "-p", "looker", ATTACK]
    command = [sys.executable, "-m", "papermill", str(notebook), str(executed), *options]
    variables = {**environment(warehouse), "IPYTHONDIR": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run(command, env=variables, cwd=folder, capture_output=True, check=True)
    return ExecutedNotebook.read(executed)


def test_verify_glues_its_credit_with_the_rows_behind_it(verify: ExecutedNotebook) -> None:
    row = {
        "mode": "basic", "traffic_prop": "1.000", "msg_count": 35644, "fraud_cost": "7526.30", "block_rate": "0.416",
        "credit": "4948.80",
    }  # fmt: skip
    assert {"currency": "USD", "amount": "4948.80", "rows": [row]} == verify.scrap


def test_verify_shows_its_summary_as_a_table_of_six_columns(verify: ExecutedNotebook) -> None:
    row = ["basic", "1.000", "35644", "$7,526.30", "0.416", "$4,948.80"]
    assert [SUMMARY, row] == verify.tables("summary")[0]


def test_verify_prints_its_credit_with_accounts_and_days(verify: ExecutedNotebook) -> None:
    lines = ["Credit: $4,948.80", "Accounts: AC-sandbox-0001", "Days: 2025-12-01 to 2025-12-31 (UTC)"]
    assert lines == verify.printed("summary").splitlines()


def test_verify_says_what_other_decisions_would_change(verify: ExecutedNotebook) -> None:
    _header, *rows = verify.tables("summary")[1]
    assert ["$128.88", "-$128.87", "-$4.21", "$4.20"] == [row[1] for row in rows]


def test_verify_shows_the_days_it_flagged(verify: ExecutedNotebook) -> None:
    header = ["day", "prefix", "mode", "blocked", "messages", "verified", "allowance", "flagged", "cost"]
    first = ["2025-12-21", "+62", "basic", "2110", "2804", "13", "20", "2771", "$1,064.06"]
    assert [header, first] == verify.tables("flagged")[0][:2]


def test_verify_shows_what_was_blocked_by_prefix(verify: ExecutedNotebook) -> None:
    header, first, *_ = verify.tables("prefixes")[0]
    assert ["prefix", "mode", "attempts", "blocked", "messages", "flagged", "block_rate", "cost"] == header
    assert ["+62", "basic", "19361", "7940", "11421", "10797", "0.424", "$4,146.05"] == first


def test_verify_glues_what_its_sql_gave(verify: ExecutedNotebook) -> None:
    rows = verify.scraps["rows"]
    assert 155 == rows["count"]
    assert re.fullmatch("sha256:[0-9a-f]{64}", rows["hash"])
    assert 35644 == sum(rows["by_day"].values())
    assert ["2025-12-01", "2025-12-31"] == [min(rows["by_day"]), max(rows["by_day"])]


def test_verify_glues_its_policy(verify: ExecutedNotebook) -> None:
    policy = {"ALLOWANCE_FLOOR": "20", "ALLOWANCE_SHARE": "0.2", "WINDOW_DAYS": "14"}
    targets = {"TARGETS.basic": "0.80", "TARGETS.standard": "0.90", "TARGETS.max": "0.95"}
    assert {**targets, **policy} == verify.scraps["parameters"]


def test_a_plot_is_described_in_words(verify: ExecutedNotebook) -> None:
    """For screen readers: as the alternative text of the picture, and in place of it where there are no pictures."""
    (shown,) = [output for output in verify.outputs["plots"] if "data" in output]
    words = "".join(shown["data"]["text/plain"])
    assert words.startswith("Attempts a day, 2025-12-01 to 2025-12-31 (UTC). +62, basic: 10,797 flagged, 7,940 blocked")
    assert {"alt": words} == shown["metadata"]["image/png"]


def test_the_plots_say_that_no_prefix_is_left_out(verify: ExecutedNotebook) -> None:
    sentence = "3 of 3 prefixes and modes with flagged messages are drawn. None is left out.\n"
    assert sentence == verify.printed("plots")


def test_verify_shows_one_plot(verify: ExecutedNotebook) -> None:
    assert 1 == len(verify.images)


def test_the_runner_gives_what_plain_papermill_gives(analyst: Analyst, verify: ExecutedNotebook) -> None:
    """The same text, tables, plot and scrap, cell by cell. The id of the cell that papermill injects is random."""
    by_runner = analyst.run("verify", ATTACK)
    assert list(verify.outputs.values()) == list(by_runner.outputs.values())


@pytest.fixture(scope="module")
def psms(analyst: Analyst) -> ExecutedNotebook:
    """The PSMS notebook for a month of the sandbox."""
    sql = f"SELECT * FROM psms_traffic WHERE account_sid = 'AC-sandbox-0003' AND {DECEMBER}"
    return analyst.run("psms", sql)


def test_psms_glues_its_credit(psms: ExecutedNotebook) -> None:
    assert "2833.28" == psms.scrap["amount"]


def test_psms_glues_what_it_flagged_by_account_day_prefix_and_mode(psms: ExecutedNotebook) -> None:
    """What the flagged rows cost is the fraud cost, to the cent."""
    units = psms.scraps["units"]
    assert ["account", "day", "prefix", "mode", "messages", "cost"] == units["columns"]
    assert ["AC-sandbox-0003", "2025-12-22", "+62", "standard"] == units["rows"][0][:4]
    cost = sum((Decimal(row[5]) for row in units["rows"]), Decimal(0))
    assert Decimal("3578.88") == cost.quantize(Decimal("0.01"))


def test_psms_shows_its_summary_as_a_table_of_six_columns(psms: ExecutedNotebook) -> None:
    row = ["standard", "1.000", "22968", "$3,578.88", "0.520", "$2,833.28"]
    assert [SUMMARY, row] == psms.tables("summary")[0]


def test_psms_shows_the_days_it_flagged(psms: ExecutedNotebook) -> None:
    """To the last one of the attack: its own days are not taken for usual."""
    header, *rows = psms.tables("flagged")[0]
    assert ["day", "prefix", "mode", "blocked", "messages", "allowance", "flagged", "cost"] == header
    assert [f"2025-12-{day}" for day in range(22, 32)] == sorted(row[0] for row in rows)


def test_psms_lists_the_days_that_it_could_not_judge(psms: ExecutedNotebook) -> None:
    """The first week has no days before it to compare with."""
    header, *rows = psms.tables("not-judged")[0]
    assert ["prefix", "mode", "days", "from", "to", "messages", "blocked"] == header
    assert [["7", "2025-12-01", "2025-12-07"]] * 5 == [row[2:5] for row in rows]


def test_psms_shows_one_plot(psms: ExecutedNotebook) -> None:
    assert 1 == len(psms.images)


@pytest.fixture(scope="module")
def looks_back(analyst: Analyst) -> ExecutedNotebook:
    """The PSMS notebook for some days of the attack, with the rows since November as history."""
    sql = "SELECT * FROM psms_traffic WHERE account_sid = 'AC-sandbox-0003'"
    return analyst.run("psms", sql, CreditDays(date(2025, 12, 27), date(2025, 12, 31), has_history=True))


def test_history_is_compared_with_and_not_credited(looks_back: ExecutedNotebook) -> None:
    """Earlier days of the attack are history, too, but they do not count as usual traffic."""
    days = [row[1] for row in looks_back.scraps["units"]["rows"]]
    assert [f"2025-12-{day}" for day in range(27, 31)] == days
    sentence = "Not credited: 215 days, prefixes and modes outside CREDIT_FROM and CREDIT_TO"
    assert sentence in looks_back.printed("summary")


def test_every_day_with_history_is_judged(looks_back: ExecutedNotebook) -> None:
    assert "0 of 20 days, prefixes and modes are not judged\n" == looks_back.printed("not-judged")


def test_the_rows_of_history_are_named_as_rows_of_the_sql(looks_back: ExecutedNotebook) -> None:
    """They are what the credit follows from, too."""
    assert 235 == looks_back.scraps["rows"]["count"]


@pytest.fixture(scope="module")
def quiet(analyst: Analyst) -> ExecutedNotebook:
    """The Verify notebook for a month without an attack."""
    return analyst.run("verify", "SELECT * FROM quiet")


def test_a_quiet_month_gives_a_credit_of_zero(quiet: ExecutedNotebook) -> None:
    """Zero is a result like any other; whether it is posted is not for the notebook to decide."""
    assert "0.00" == quiet.scrap["amount"]


def test_a_quiet_month_has_no_flagged_messages(quiet: ExecutedNotebook) -> None:
    assert "0 messages flagged, 0 of 30 days, prefixes and modes\n" == quiet.printed("flagged")


def test_a_quiet_month_has_no_plot(quiet: ExecutedNotebook) -> None:
    assert [] == quiet.images


@pytest.fixture(scope="module")
def attacked(analyst: Analyst) -> ExecutedNotebook:
    """The Verify notebook for a hundred long and odd prefixes that are attacked in every mode on every day."""
    return analyst.run("verify", "SELECT * FROM attacked")


def test_the_summary_has_one_row_a_mode_whatever_the_traffic(attacked: ExecutedNotebook) -> None:
    assert 3 == len(attacked.scrap["rows"])


def test_at_most_fifteen_flagged_rows_are_shown(attacked: ExecutedNotebook) -> None:
    _header, *rows = attacked.tables("flagged")[0]
    assert 15 == len(rows)


def test_the_text_stays_small_whatever_the_traffic(attacked: ExecutedNotebook) -> None:
    assert attacked.text_size < 20_000


def test_the_plots_say_how_many_prefixes_are_not_drawn(attacked: ExecutedNotebook) -> None:
    assert "6 of 300 prefixes and modes with flagged messages are drawn. 294 are not, $" in attacked.printed("plots")


def test_the_plot_stays_small_whatever_the_traffic(attacked: ExecutedNotebook) -> None:
    assert len(attacked.images[0]) < 100_000


OWN = (ROOT / "notebooks" / "README.md").read_text(encoding="utf-8").split("## Your own notebook")[1].split("\n## ")[0]
OWN_FLAG, *OWN_CELLS = re.findall(r"```python\n(.*?)```", OWN, re.DOTALL)


def test_the_smallest_notebook_of_the_readme_runs(analyst: Analyst, tmp_path: Path) -> None:
    """Without anything beside it."""
    path = write_notebook(tmp_path / "own.ipynb", *map(code, OWN_CELLS))
    run = analyst.runner.run(str(path), "SELECT 12.50 AS fee_usd FROM quiet LIMIT 2")
    assert Decimal("25.00") == credit_of(run).amount


def test_a_copy_of_a_bundled_notebook_may_flag_in_its_own_way(analyst: Analyst, tmp_path: Path) -> None:
    """As the README shows it."""
    shutil.copytree(path_of("psms").with_name("credit_report"), tmp_path / "credit_report")
    cells = {cell["id"]: cell for cell in cells_of(path_of("psms"))}
    head, _, _ = cells["method"]["source"].partition("def flag(")
    cells["method"]["source"] = f"LIMIT = 50\n{head}{OWN_FLAG}"
    path = write_notebook(tmp_path / "own.ipynb", *cells.values(), minor=5)
    (row,) = credit_of(analyst.runner.run(str(path), "SELECT * FROM quiet")).rows
    assert 30 * (100 - 50) * Decimal("0.3840") == row.fraud_cost


def test_a_missing_column_ends_the_run_with_its_name(analyst: Analyst) -> None:
    names = "day, prefix, mode, attempts, blocked, messages, price_usd"
    sentence = f"ValueError: The SQL gives no column verified; it gives {names}."
    assert analyst.failure("verify", "SELECT * EXCLUDE verified FROM quiet").endswith(sentence)


def test_a_run_without_sql_ends_with_what_to_do(analyst: Analyst) -> None:
    sentence = "ValueError: There is no SQL: paste it, as copied from Looker, into the parameter `looker`."
    assert analyst.failure("psms", "").endswith(sentence)
