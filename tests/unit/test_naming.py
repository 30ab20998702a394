"""How SQL makes the prefix and the mode of its result: whether two queries may name the same traffic otherwise."""

from __future__ import annotations

import pytest

from creditbot.credit.footprint import joined_namings
from tests.support.looker_sql import IDIOMS, looker_sql
from tests.support.windows import window

COUNTRY = "CASE WHEN {0}.prefix = '+62' THEN 'ID' ELSE 'other' END"


def naming(sql: str, *dialects: str) -> str:
    return window(sql, *(dialects or ("snowflake",))).naming


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT day, prefix, mode, messages FROM t",
        'SELECT v.prefix AS "v.prefix", (v.mode) AS "v.mode" FROM t AS v WHERE v.prefix = \'+62\' GROUP BY 1, 2',
        "SELECT v.prefix AS v_prefix, v.mode AS v_mode FROM t AS v",
        "SELECT CAST(prefix AS VARCHAR) AS prefix, CAST(mode AS TEXT) AS mode FROM t",
        "SELECT * FROM t",
        "SELECT x.* FROM (SELECT prefix, mode FROM t) x",
        "WITH x AS (SELECT t.prefix AS p, mode AS mode FROM t) SELECT p AS prefix, mode FROM x",
        "SELECT prefix, mode FROM t UNION ALL SELECT prefix, mode FROM u",
        'SELECT * FROM (SELECT *, RANK() OVER (ORDER BY n) r FROM (SELECT v.prefix AS "v.prefix", 1 n FROM t v) w) b',
        "SELECT t.*, u.name FROM t JOIN (SELECT id, name FROM u) u ON u.id = t.id",
        "SELECT prefix, mode FROM t JOIN u ON u.id = t.id, LATERAL FLATTEN(t.x) f",
        "SELECT a.prefix, a.mode FROM t AS a JOIN accounts AS b ON a.account_sid = b.sid",
        "WITH x AS (SELECT id, prefix, mode FROM t) SELECT x.prefix, x.mode FROM a JOIN x ON a.id = x.id",
        "SELECT day, messages FROM t",
        "SELECT t.prefix, t.mode, t.messages FROM a JOIN t ON t.account_sid = a.sid",
        "SELECT p.prefix, t.mode, t.messages FROM t JOIN p ON p.prefix = t.prefix",
        "SELECT prefix, mode, UPPER(account_sid) AS account_sid, CASE WHEN messages > 1 THEN 1 END AS messages FROM t",
        "WITH RECURSIVE x AS (SELECT prefix, mode FROM t UNION ALL SELECT prefix, mode FROM x) SELECT * FROM x",
    ],
)  # fmt: skip
def test_columns_that_are_shown_as_they_stand_have_no_naming(sql: str) -> None:
    assert "" == naming(sql)


@pytest.mark.parametrize("dialect", IDIOMS)
@pytest.mark.parametrize("shape", ["absolute dates", "last seven days"])
def test_lookers_usual_sql_has_no_naming(dialect: str, shape: str) -> None:
    assert "" == naming(looker_sql(dialect, shape), dialect)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT day, prefix || 'x' AS prefix, mode FROM t",
        "SELECT country AS prefix, mode FROM t",
        "SELECT c.prefix, t.mode FROM t LEFT JOIN countries AS c ON t.country = c.id",
        "SELECT CAST(prefix AS VARCHAR(2)) AS prefix, mode FROM t",
        "SELECT UPPER(prefix) AS prefix, mode FROM t",
        "SELECT mode AS prefix, prefix AS mode FROM t",
        "SELECT 'all' AS prefix, mode FROM t",
        "SELECT MIN(prefix) AS prefix, mode FROM t GROUP BY 2",
        "SELECT x.* FROM (SELECT prefix || 'x' AS prefix, mode FROM t) x",
        "SELECT * FROM (SELECT country AS prefix, mode FROM t) x",
        "SELECT prefix || 'x' AS p, p AS prefix, mode FROM t",
        "SELECT * EXCLUDE (prefix), 'x' AS prefix FROM t",
        "SELECT * EXCLUDE (mode), prefix AS mode FROM t",
        "SELECT prefix, mode FROM t UNION ALL SELECT country, mode FROM t",
        f"SELECT {COUNTRY.format('t')} AS prefix, mode FROM t",
        # Several sources, and the columns do not say which one they are of.
        "SELECT prefix, mode FROM (SELECT country AS prefix, mode, id FROM t) x JOIN u ON u.id = x.id",
        "SELECT * FROM (SELECT country AS prefix, mode FROM t) x, u",
        "SELECT x.*, u.name FROM (SELECT country AS prefix, mode FROM t) x, u",
        # Looker's names within Looker's own derived tables, as for a pivoted Look.
        'SELECT x."v.prefix" AS "v.prefix" FROM (SELECT v.country AS "v.prefix" FROM t AS v) x',
        'SELECT * FROM (SELECT *, RANK() OVER (ORDER BY n) r FROM (SELECT v.country AS "v.prefix", 1 n FROM t v) w) b',
        "SELECT * FROM (SELECT *, RANK() OVER (ORDER BY n) r FROM (SELECT v.country AS v_prefix, 1 n FROM t v) w) b",
        # Columns of a table that the numbers do not come from.
        "SELECT m.prefix, t.mode, t.messages FROM m JOIN t ON m.day = t.day",
        "SELECT m.prefix, t.mode, t.messages FROM t JOIN (SELECT * FROM m WHERE account_sid = 'x') m ON m.day = t.day",
        "SELECT prefix, t.mode, t.messages FROM (SELECT day, mode, messages FROM t) t JOIN m ON m.day = t.day",
        # Names that are given from outside.
        "SELECT prefix, mode FROM t AS x(prefix, mode)",
        "SELECT prefix, mode FROM (SELECT country, mode FROM t) AS x(prefix, mode)",
        "WITH x(prefix, mode) AS (SELECT country, mode FROM t) SELECT prefix, mode FROM x",
    ],
)
def test_what_is_made_otherwise_has_another_naming(sql: str) -> None:
    assert "" != naming(sql)


def test_columns_of_a_joined_table_are_named_like_themselves_only() -> None:
    """Which row of it the traffic meets depends on all of the query."""
    sql = "SELECT m.prefix, t.mode, t.messages FROM t JOIN m ON m.day = t.day WHERE m.prefix = '{}'"
    assert naming(sql.format("+1")) != naming(sql.format("+44"))


def test_one_dimension_has_one_naming() -> None:
    """Whatever its view and its table are called, what is asked for, and what else is shown."""
    every = [
        f"SELECT {COUNTRY.format('v')} AS prefix, mode FROM t AS v WHERE v.day > '2025-12-01'",
        f"SELECT day, {COUNTRY.format('w')} AS prefix, w.mode AS \"w.mode\" FROM other AS w GROUP BY 1, 2, 3",
        "SELECT case when V.PREFIX='+62' then 'ID' else 'other' end AS v_prefix, v.mode AS v_mode FROM t AS v LIMIT 5",
        f"SELECT {COUNTRY.format('x')} AS prefix, mode FROM (SELECT prefix, mode, 1 AS one FROM t) x",
    ]  # fmt: skip
    assert 1 == len({naming(sql) for sql in every} - {""})
    assert naming(every[0]) != naming(every[0].replace("+62", "+63"))


def test_an_expression_is_named_by_the_columns_of_the_table() -> None:
    over = "SELECT UPPER(prefix) AS prefix, mode FROM "
    assert naming(f"{over} t") == naming(f"{over} (SELECT prefix, mode FROM t) x")
    assert naming(f"{over} t") != naming(f"{over} (SELECT country AS prefix, mode FROM t) x")


def test_readings_that_differ_have_a_naming_of_their_own() -> None:
    """It is the same each time, and that of none of them."""
    sql = "SELECT prefix || 'x' AS prefix, mode FROM t"
    assert naming(sql, "snowflake") == naming(sql, "snowflake", "postgres")
    assert joined_namings(["", "abc"]) == joined_namings(["abc", "", "abc"]) not in ("", "abc")


def test_sql_that_can_only_be_read_has_a_naming_as_well() -> None:
    """sqlglot reads FINAL of ClickHouse, and does not write it."""
    assert "" == naming("SELECT prefix, mode FROM t FINAL", "clickhouse")
    unclear = "SELECT a.prefix, a.mode FROM t AS a FINAL, u AS a FINAL"
    assert "" != naming(unclear, "clickhouse") == naming(unclear, "clickhouse")


def test_sql_that_is_not_understood_is_named_like_itself_only() -> None:
    one, two = (f"SELECT a.prefix, b.mode FROM t AS a, t AS a WHERE a.day = '{day}'" for day in ("1", "2"))
    assert "" != naming(one) != naming(two)
    assert naming(one) == naming(one)
