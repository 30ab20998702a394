"""The bundled notebooks on real engines: every way in which Looker may write the SQL leads to the same credit."""

from __future__ import annotations

from datetime import date

import pytest
from credit_report.warehouse import SqlRefused, Warehouse

from tests.support.looker_sql import IDIOMS, SHAPES
from tests.support.looker_sql import looker_sql as shape_in
from tests.warehouse.conftest import RunNotebook
from tests.warehouse.engines import Engine
from tests.warehouse.traffic import INEXACT, Asked, credit_by_hand, looker_sql

DAYS = {
    "duckdb": (
        "(STRFTIME({c} , '%Y-%m-%d'))",
        "(DATE_TRUNC('day', {c} ))",
        "(DATE({v}.created_tz ))",
        "(DATE_TRUNC('day', {v}.created_tz ))",
        "(CAST({v}.created_tz AT TIME ZONE 'UTC' AS DATE))",
    ),
    "postgres": (
        "(TO_CHAR(DATE_TRUNC('day', {c} ), 'YYYY-MM-DD'))",
        "(DATE_TRUNC('day', {c} ))",
        "(DATE({v}.created_tz ))",
        "(DATE_TRUNC('day', {v}.created_tz ))",
        "(DATE({v}.created_tz AT TIME ZONE 'UTC'))",
        "({v}.created_tz ::date)",
    ),
    "trino": (
        "(DATE({c} ))",
        "(DATE_TRUNC('DAY', {c} ))",
        "(DATE_TRUNC('DAY', {v}.created_tz ))",
        "(DATE_FORMAT(CAST({v}.created_tz AT TIME ZONE 'UTC' AS TIMESTAMP),'%Y-%m-%d'))",
        "(DATE_FORMAT(FROM_UNIXTIME(TO_UNIXTIME({v}.created_tz )),'%Y-%m-%d'))",
        "(CAST(FROM_UNIXTIME(TO_UNIXTIME({v}.created_tz )) AS DATE))",
    ),
}
"""Ways to write the UTC day: as text, as a day, as a moment with and without a zone."""


@pytest.mark.parametrize("product", ["verify", "psms"])
def test_a_notebook_credits_what_an_analyst_works_out(engine: Engine, run_notebook: RunNotebook, product: str) -> None:
    """In a kernel, from the SQL of an Explore to the cent."""
    assert credit_by_hand(product) == run_notebook(product, looker_sql(engine.dialect, product))


def test_a_day_is_a_utc_day_in_a_kernel_too(engine: Engine, run_notebook: RunNotebook) -> None:
    """Though the clock of the kernel, and of the server, shows New York."""
    sql = looker_sql(engine.dialect, asked=Asked(day=DAYS[engine.dialect][2]))
    assert credit_by_hand("verify") == run_notebook("verify", sql)


def test_days_mean_utc_however_looker_writes_them(engine: Engine, credit: RunNotebook) -> None:
    ways = DAYS[engine.dialect]
    amounts = {day: credit("verify", looker_sql(engine.dialect, asked=Asked(day=day))) for day in ways}
    assert dict.fromkeys(ways, credit_by_hand("verify")) == amounts


def test_days_mean_utc_after_sql_that_was_refused(engine: Engine) -> None:
    """PostgreSQL takes back what was set in the transaction of such SQL."""
    with Warehouse(engine.url) as warehouse:
        with pytest.raises(SqlRefused):
            warehouse.run("SELECT nothing FROM verify_sample")
        warehouse.go_back()
        _, rows = warehouse.run("SELECT DATE(MIN(created_tz)) FROM verify_sample")
        assert [(date(2025, 12, 1),)] == list(rows)


def test_sums_count_in_each_exact_type(engine: Engine, credit: RunNotebook) -> None:
    """PostgreSQL gives a sum of integers as NUMERIC, the others as an integer of some size."""
    ways = ("COALESCE(SUM({c} ), 0)", "COALESCE(SUM(CAST({c} AS DECIMAL)), 0)", "CAST(SUM({c} ) AS BIGINT)",
            "COALESCE(SUM(CASE WHEN {c} > 0 THEN {c} ELSE NULL END), 0)")  # fmt: skip
    amounts = {way: credit("verify", looker_sql(engine.dialect, asked=Asked(count=way))) for way in ways}
    assert dict.fromkeys(ways, credit_by_hand("verify")) == amounts


def test_prices_count_in_each_exact_type(engine: Engine, credit: RunNotebook) -> None:
    ways = ("{v}.price_usd", "CAST({v}.price_usd AS DECIMAL(38, 10))", "CAST({v}.price_usd AS VARCHAR(20))",
            "({v}.price_usd * 1)", "ROUND({v}.price_usd , 4)")  # fmt: skip
    amounts = {way: credit("verify", looker_sql(engine.dialect, asked=Asked(price=way))) for way in ways}
    assert dict.fromkeys(ways, credit_by_hand("verify")) == amounts
    whole = credit("verify", looker_sql(engine.dialect, asked=Asked(price="CAST(1 AS BIGINT)")))
    assert whole > credit_by_hand("verify")


@pytest.mark.parametrize(
    ("asked", "column"),
    [
        (Asked(price="{v}.price_inexact"), "price_usd"),
        (Asked(count="COALESCE(SUM(CAST({c} AS INEXACT)), 0)"), "attempts"),
    ],
)
def test_a_number_that_is_not_exact_is_refused(engine: Engine, credit: RunNotebook, asked: Asked, column: str) -> None:
    """The nearest binary fraction is not what was billed."""
    sql = looker_sql(engine.dialect, asked=asked).replace("INEXACT", INEXACT[engine.dialect])
    with pytest.raises(ValueError, match=rf"{column}.*CAST"):
        credit("verify", sql)


@pytest.mark.parametrize("asked", [Asked(dot=False), Asked(derived=True)])
def test_names_and_derived_tables_make_no_difference(engine: Engine, credit: RunNotebook, asked: Asked) -> None:
    """`view_field`, as BigQuery has them, and a derived table in a WITH."""
    assert credit_by_hand("psms") == credit("psms", looker_sql(engine.dialect, "psms", asked))


def test_every_shape_that_looker_writes_is_sql_here(engine: Engine) -> None:
    """What the reader of SQL is tested with is what this engine runs."""
    words = IDIOMS[engine.dialect]
    problems = {}
    with Warehouse(engine.url) as warehouse:
        for shape in SHAPES:
            sql = shape_in(engine.dialect, shape)
            try:
                list(warehouse.run(sql.replace(words.table, "verify_sample").replace(words.pdt, "verify_sample"))[1])
            except SqlRefused as refused:
                problems[shape] = refused.why
                warehouse.go_back()
    assert {} == problems
