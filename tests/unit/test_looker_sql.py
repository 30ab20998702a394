"""Looker's own SQL passes the check on every warehouse, and runs where an engine is at hand."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import date
from functools import partial
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pytest

from creditbot.credit.products import default_products
from creditbot.credit.sql.check import SqlRules
from creditbot.credit.sql.reading import SqlQuestion, read_sql
from tests.support.looker_sql import IDIOMS, SHAPES, corpus, looker_sql
from tests.support.sampling import sampled
from tests.support.sql import refusal


@pytest.mark.parametrize(
    ("dialect", "shape", "sql"), sampled(corpus(), 5), ids=lambda value: value if len(value) < 30 else ""
)
def test_looker_sql_passes_in_its_dialect(dialect: str, shape: str, sql: str) -> None:
    """Dates, time zones, symmetric aggregates, pivots, totals, derived tables, yesno, case, tiers."""
    assert "" == refusal(sql, dialect)


@pytest.mark.parametrize("dialect", ["postgres", "snowflake", "bigquery", "trino"])
@pytest.mark.parametrize("shape", ["absolute dates", "last seven days", "persistent derived table"])
def test_looker_sql_passes_where_no_dialect_is_set(dialect: str, shape: str) -> None:
    """Without SQL_DIALECT every dialect that can read the SQL has to find it read-only."""
    assert "" == refusal(looker_sql(dialect, shape))


@pytest.mark.parametrize("dialect", IDIOMS)
@pytest.mark.parametrize("limit", [500, 5000])
def test_looker_sql_that_keeps_its_row_limit_is_refused(dialect: str, limit: int) -> None:
    """Each dialect has its own way to say it."""
    sql = looker_sql(dialect, "absolute dates")
    if dialect == "oracle":
        sql = f"SELECT * FROM ({sql}) WHERE ROWNUM <= {limit}"
    elif dialect == "tsql":
        sql = sql.replace("SELECT", f"SELECT TOP {limit}", 1)
    else:
        sql = f"{sql}\nLIMIT {limit}"
    assert "is cut by" in refusal(sql, dialect)


@pytest.mark.parametrize(("shape", "dialect"), sampled(product(SHAPES, IDIOMS), 5))
def test_looker_sql_is_verify_by_its_filter(shape: str, dialect: str) -> None:
    """Every query of the corpus filters on the billable item."""
    texts = default_products("verify.ipynb", "psms.ipynb").texts
    question = SqlQuestion(looker_sql(dialect, shape), SqlRules(dialect), texts, date(2026, 1, 7))
    assert ("verify",) == read_sql(question).products


COLUMNS = (
    "id INT, created_at TIMESTAMP, prefix TEXT, mode TEXT, messages INT, verified INT, billable_item TEXT, payload JSON"
)


@pytest.fixture(scope="module")
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA analytics")
        connection.execute(f"CREATE TABLE analytics.verify_traffic ({COLUMNS})")
        connection.execute("CREATE SCHEMA looker_scratch")
        pdt = "looker_scratch.LR_PJ6OK1764633600123_verify_daily"
        connection.execute(f"CREATE TABLE {pdt} (prefix TEXT, messages INT, billable_item TEXT)")
        yield connection


@pytest.mark.parametrize("shape", SHAPES)
def test_looker_sql_runs(shape: str, warehouse: duckdb.DuckDBPyConnection) -> None:
    """What the corpus holds is SQL: DuckDB takes every query of its dialect."""
    assert warehouse.execute(looker_sql("duckdb", shape)).description


def _postgres() -> Path | None:
    """PostgreSQL's programs, if this machine has them."""
    found = shutil.which("initdb") or next(Path("/usr/lib/postgresql").glob("*/bin/initdb"), None)
    return Path(found).resolve().parent if found else None


@pytest.mark.slow
@pytest.mark.untraced
@pytest.mark.skipif(_postgres() is None, reason="needs PostgreSQL's server")
def test_looker_sql_runs_on_postgresql() -> None:
    """One backend without a network takes every query of its dialect."""
    programs = _postgres()
    assert programs
    somebody = 65534 if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
    run = partial(subprocess.run, capture_output=True, text=True, user=somebody, group=somebody, cwd="/", check=True)
    setup = [
        "CREATE SCHEMA looker_scratch",
        f"CREATE TABLE public.verify_traffic ({COLUMNS})",
        f"CREATE TABLE {IDIOMS['postgres'].pdt} (prefix TEXT, messages INT, billable_item TEXT)",
    ]
    queries = [*setup, *(looker_sql("postgres", shape) for shape in SHAPES)]
    with TemporaryDirectory() as folder:
        os.chown(folder, somebody or -1, -1)
        run([programs / "initdb", "-D", folder, "-A", "trust", "-U", "looker", "--no-sync", "--locale=C"])
        backend = [programs / "postgres", "--single", "-j", "-F", "-D", folder, "postgres"]
        said = run(backend, input="".join(f"{query}\n;\n\n" for query in queries))
    assert [] == re.findall(r"^.*ERROR:.*$", said.stderr, re.MULTILINE)
    assert len(SHAPES) <= said.stdout.count("\t 1: ")
