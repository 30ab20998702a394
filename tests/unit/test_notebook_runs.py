"""The bundled notebooks, run for real by papermill as anybody has it, on a real kernel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import duckdb
import pytest

from creditbot.sandbox.warehouse import make_warehouse
from tests.support.bundled_notebooks import COLUMNS, SUMMARY, Row, path_of, traffic

pytestmark = pytest.mark.kernels

DECEMBER = "day BETWEEN DATE '2025-12-01' AND DATE '2025-12-31'"


@dataclass(frozen=True)
class Run:
    """An executed notebook: the outputs of its cells by their id, and what papermill said."""

    cells: dict[str, list[dict[str, Any]]]
    stderr: str

    @property
    def scrap(self) -> Any:
        """What was glued."""
        (output,) = self.cells["glue"]
        return output["data"]["application/scrapbook.scrap.json+json"]["data"]

    @property
    def error(self) -> tuple[str, str]:
        """Name and text of the exception that ended it."""
        outputs = [output for outputs in self.cells.values() for output in outputs]
        (output,) = [output for output in outputs if output["output_type"] == "error"]
        return output["ename"], output["evalue"]

    def printed(self, cell: str) -> str:
        """What the cell printed."""
        return "".join("".join(output["text"]) for output in self.cells[cell] if output["output_type"] == "stream")

    def tables(self, cell: str) -> list[list[list[str]]]:
        """The rows of each HTML table that the cell shows, its header the first."""
        html = ["".join(output["data"]["text/html"]) for output in self.cells[cell] if "data" in output]
        return [[[field.text or "" for field in row] for row in ET.fromstring(text).iter("tr")] for text in html]

    def images(self) -> list[str]:
        """The pictures, in base64."""
        datas = [output.get("data", {}) for output in self.cells["plots"]]
        return [data["image/png"] for data in datas if "image/png" in data]

    def text_size(self) -> int:
        """Characters of all outputs that are not pictures."""
        outputs = [output for cell, outputs in self.cells.items() if cell != "plots" for output in outputs]
        return len(json.dumps(outputs))


def run(folder: Path, product: str, sql: str, url: str) -> Run:
    """`papermill NOTEBOOK out.ipynb -p looker SQL`."""
    out = folder / "out.ipynb"
    command = [sys.executable, "-m", "papermill", str(path_of(product)), str(out), "-p", "looker", sql]
    environment = {**os.environ, "WAREHOUSE_URL": url, "IPYTHONDIR": str(folder)}
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    cells = json.loads(out.read_text(encoding="utf-8"))["cells"]
    return Run({cell["id"]: cell["outputs"] for cell in cells if cell["cell_type"] == "code"}, done.stderr)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the sandbox's warehouse."""
    path = tmp_path_factory.mktemp("sandbox") / "warehouse.duckdb"
    make_warehouse(path)
    return f"duckdb:///{path}"


def warehouse_of(folder: Path, rows: Sequence[Row], times: int = 1) -> str:
    """The address of a DuckDB whose table `traffic` has these rows, each for as many prefixes: +62000, +62001, ..."""
    path = folder / "warehouse.duckdb"
    types = "day DATE, prefix VARCHAR, mode VARCHAR, attempts BIGINT, blocked BIGINT, messages BIGINT, verified BIGINT"
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"CREATE TABLE one ({types}, price_usd DECIMAL(10, 4))")
        marks = ", ".join("?" * len(COLUMNS))
        connection.executemany(f"INSERT INTO one VALUES ({marks})", [[row[name] for name in COLUMNS] for row in rows])
        prefix = "REPLACE (format('{}{:03d}', prefix, number) AS prefix)"
        numbered = f"SELECT * EXCLUDE number {prefix} FROM one, range({times}) AS numbers(number)"
        connection.execute(f"CREATE TABLE traffic AS {numbered}")
    return f"duckdb:///{path}"


def test_the_sandbox_month_gives_the_reference_row(sandbox: str, tmp_path: Path) -> None:
    """Glued as one scrap, shown as a table of exactly the six columns, with its evidence above."""
    sql = f"SELECT * FROM verify_traffic WHERE account_sid = 'AC-sandbox-0001' AND {DECEMBER}"
    done = run(tmp_path, "verify", sql, sandbox)
    assert {
        "currency": "USD",
        "amount": "4948.80",
        "rows": [
            {
                "mode": "basic",
                "traffic_prop": "1.000",
                "msg_count": 35644,
                "fraud_cost": "7526.30",
                "block_rate": "0.416",
                "credit": "4948.80",
            }
        ],
    } == done.scrap
    assert [[SUMMARY, ["basic", "1.000", "35644", "$7,526.30", "0.416", "$4,948.80"]]] == done.tables("summary")
    assert "Credit: $4,948.80\n" == done.printed("summary")
    assert ["day", "prefix", "mode", "messages", "verified", "allowance", "flagged", "cost"] == done.tables("flagged")[
        0
    ][0]
    assert ["2025-12-21", "+62", "basic", "2804", "13", "20", "2771", "$1,064.06"] == done.tables("flagged")[0][1]
    assert 1 == len(done.images())


def test_the_sandbox_month_of_psms_gives_a_credit(sandbox: str, tmp_path: Path) -> None:
    """The days that could not be judged are listed beside what is flagged."""
    sql = f"SELECT * FROM psms_traffic WHERE account_sid = 'AC-sandbox-0003' AND {DECEMBER}"
    done = run(tmp_path, "psms", sql, sandbox)
    assert [["standard", "1.000", "22968", "$3,383.81", "0.534", "$2,657.67"]] == done.tables("summary")[0][1:]
    assert "2657.67" == done.scrap["amount"]
    flagged, unjudged = done.tables("flagged")
    assert ["day", "prefix", "mode", "messages", "allowance", "flagged", "cost"] == flagged[0]
    assert ["prefix", "mode", "days", "from", "to", "messages"] == unjudged[0]
    assert [["7", "2025-12-01", "2025-12-07"]] * 5 == [row[2:5] for row in unjudged[1:]]
    assert 1 == len(done.images())


def test_a_quiet_month_is_a_credit_of_zero_without_a_plot(tmp_path: Path) -> None:
    """Zero is a result like any other; whether it is posted is not the notebook's affair."""
    url = warehouse_of(tmp_path, [traffic(day, messages=100, verified=95) for day in range(1, 31)])
    done = run(tmp_path, "verify", "SELECT * FROM traffic", url)
    assert "0.00" == done.scrap["amount"]
    assert "0 messages flagged, 0 of 30 rows\n" == done.printed("flagged")
    assert [] == done.images()


def test_the_evidence_stays_small_whatever_the_traffic(tmp_path: Path) -> None:
    """Hundreds of prefixes under attack in every mode, with names as long and odd as they may be."""
    prefix = "<b>$x$ & ".ljust(37, "+")
    modes = ("basic", "standard", "max")
    rows = [traffic(day, prefix=prefix, mode=mode, messages=10**9) for mode in modes for day in range(1, 32)]
    url = warehouse_of(tmp_path, rows, times=300)
    done = run(tmp_path, "verify", "SELECT * FROM traffic", url)
    assert 3 == len(done.scrap["rows"])
    assert 16 == len(done.tables("flagged")[0])
    assert done.text_size() < 15_000
    assert len(done.images()[0]) < 100_000


def test_a_missing_column_ends_the_run_with_its_name(tmp_path: Path) -> None:
    """The text of the exception is the sentence that people get to read."""
    url = warehouse_of(tmp_path, [traffic(1, messages=1)])
    done = run(tmp_path, "verify", "SELECT * EXCLUDE verified FROM traffic", url)
    given = "day, prefix, mode, attempts, blocked, messages, price_usd"
    assert ("ValueError", f"The SQL gives no column verified; it gives {given}.") == done.error


def test_a_run_without_sql_ends_with_what_to_do(tmp_path: Path) -> None:
    """Even where nothing else is set up."""
    done = run(tmp_path, "psms", "", "")
    sentence = "There is no SQL: paste it, as copied from Looker, into the parameter `looker`."
    assert ("ValueError", sentence) == done.error
    assert "There is no SQL" in done.stderr
