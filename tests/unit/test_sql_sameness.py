"""Which SQL is the same, so that the same traffic is not credited twice."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from datetime import date
from functools import cache

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from creditbot.credit.sql.check import SqlRules
from creditbot.credit.sql.dialects import DIALECTS
from creditbot.credit.sql.reading import SqlQuestion, read_sql
from creditbot.credit.sql.words import earlier_fingerprint, normalised, recognised_by, text_fingerprint
from tests.support.looker_sql import IDIOMS, SHAPES, looker_sql
from tests.support.sampling import costly
from tests.support.sql_grammar import changed, question, written

DAY = date(2026, 1, 7)
T = "SELECT day, prefix FROM traffic WHERE item LIKE 'Authy%'"


@cache
def fingerprint(sql: str, dialect: str | None = None, day: date = DAY) -> str:
    return read_sql(SqlQuestion(sql, SqlRules(dialect), (), day)).fingerprint


def test_a_fingerprint_says_its_version() -> None:
    """Another version says something else of the same SQL."""
    assert re.fullmatch(r"2-[0-9a-f]{64}", fingerprint(T))


def test_a_fingerprint_stays_the_same() -> None:
    """It is kept for DUPLICATE_DAYS: another one for the same SQL needs another version, or SQL is credited twice."""
    expected = "2-fcb8a75aad6582289383303b2d33545c84cc136fe1484812c7362119de9d4f71"
    assert expected == fingerprint("SELECT day FROM traffic WHERE item = 'Authy' ORDER BY 1", "postgres")


@pytest.mark.parametrize("dialect", [None, "postgres", "snowflake", "bigquery", "mysql", "trino"])
@pytest.mark.parametrize(
    ("sql", "same"),
    [
        (T, f"-- Looker Query Context '{{\"user_id\":7}}'\n{T}\n;"),
        (T, T.replace(" ", "\n\t")),
        (f"{T} AND n > 5", f"{T} AND 5 < n"),
        (f"{T} AND n <> 5", f"{T} AND NOT (n = 5)"),
        (f"{T} AND m NOT IN (1, 2)", f"{T} AND NOT (m IN (2, 1))"),
        (f"{T} AND m NOT LIKE 'x'", f"{T} AND NOT m LIKE 'x'"),
        (f"{T} AND m IS NOT NULL", f"{T} AND NOT m IS NULL"),
        ("SELECT a FROM t JOIN u ON t.a = u.a", "SELECT a FROM t INNER JOIN u ON u.a = t.a"),
        ("SELECT a FROM t LEFT JOIN u ON t.a = u.a", "SELECT a FROM t LEFT OUTER JOIN u ON t.a = u.a"),
        (T, f"{T} ORDER BY 1 DESC"),
        (T, f"({T})"),
        (f"{T} AND mode = 'max'", "SELECT day, prefix FROM traffic WHERE mode = 'max' AND item LIKE 'Authy%'"),
        (f"{T} AND (a = 1 AND b = 2)", f"{T} AND (((b = 2))) AND 1 = a"),
        (f"{T} AND (a = 1 OR b = 2 OR c = 3)", f"{T} AND (c = 3 OR (b = 2 OR a = 1))"),
        (f"{T} AND mode IN ('basic', 'max')", f"{T} AND mode IN ('max', 'basic')"),
        ("SELECT d, p, sum(m) AS m FROM t GROUP BY 1, 2", "SELECT p, sum(m) AS m, d FROM t GROUP BY d, p"),
        (
            "SELECT a FROM scratch.LR$ABQK31764633600123_t",
            "SELECT a FROM scratch.LR$ABQK31764720000456_t",
        ),
        (
            "SELECT a FROM scratch.LR_PJ6OK1764633600123_t",
            "SELECT a FROM scratch.LR_PJ6OK1764633600124_t",
        ),
    ],
)
def test_the_same_sql_has_the_same_fingerprint(sql: str, same: str, dialect: str | None) -> None:
    """Layout, order of conditions, columns and rows, and a derived table that was built again, make no difference."""
    assert fingerprint(sql, dialect) == fingerprint(same, dialect)


@pytest.mark.parametrize("dialect", ["bigquery", "mysql", "snowflake", "databricks"])
def test_what_follows_a_backslash_is_compared_too(dialect: str) -> None:
    """The dialect says where the literal ends."""
    sql = "SELECT day FROM t WHERE name = 'Cote d\\'Ivoire' AND item LIKE 'Authy%'"
    assert fingerprint(sql, dialect) == fingerprint(f"{sql}\n-- user 2\nORDER BY 1", dialect)


@pytest.mark.parametrize(
    ("dialect", "sql", "other"),
    [
        (None, T, T.replace("Authy", "authy")),
        (None, T, T.replace("traffic", "other")),
        (None, T, f"{T} AND day > '2025-12-01'"),
        (None, f"{T} AND a = 1 OR b = 2", f"{T} AND (a = 1 OR b = 2)"),
        (None, "SELECT sum(m) OVER (ORDER BY a) FROM t", "SELECT sum(m) OVER (ORDER BY b) FROM t"),
        (None, "SELECT a FROM t WHERE a - b = 1", "SELECT a FROM t WHERE b - a = 1"),
        (None, "SELECT a AS day FROM t", "SELECT a AS month FROM t"),
        (None, "SELECT a FROM s.LR$ABQK31764633600123_t", "SELECT a FROM s.LR$XYZK31764633600123_t"),
        (None, "SELECT a FROM s.LR$ABQK31764633600123_t", "SELECT a FROM s.LR$ABQK31764633600123_u"),
        (None, "SELECT a\n# 5 AS x FROM t", "SELECT a\n# 7 AS x FROM t"),
        (None, "SELECT $a1$X  Y$a1$ AS b FROM t", "SELECT $a1$x y$a1$ AS b FROM t"),
        (
            "postgres",
            "SELECT DISTINCT ON (p) p, d FROM t ORDER BY p, d",
            "SELECT DISTINCT ON (p) p, d FROM t ORDER BY p, d DESC",
        ),
        ("postgres", "SELECT DISTINCT ON (1) a, b FROM t ORDER BY 1", "SELECT DISTINCT ON (1) b, a FROM t ORDER BY 1"),
        ("postgres", 'SELECT "a> <b" FROM t', 'SELECT "a", "b" FROM t'),
        ("clickhouse", "SELECT myUdf(a) FROM t", "SELECT myudf(a) FROM t"),
        ("bigquery", "SELECT a FROM ds.Traffic", "SELECT a FROM ds.traffic"),
        ("snowflake", "SELECT v:Account FROM t", "SELECT v:account FROM t"),
        ("snowflake", 'SELECT "a" FROM t', "SELECT a FROM t"),
        ("postgres", 'SELECT "A" FROM t', "SELECT a FROM t"),
        ("mysql", "SELECT m*5--3\nFROM t", "SELECT m*5--4\nFROM t"),
        ("tsql", "SELECT a FROM\n#a b", "SELECT a FROM\n#b b"),
        ("tsql", "SELECT [a  b] FROM t", "SELECT [a b] FROM t"),
        ("duckdb", f"{T} LIMIT 5", f"{T} LIMIT 6"),
        ("duckdb", f"{T} ORDER BY 1 LIMIT 5", f"{T} ORDER BY 2 LIMIT 5"),
    ],
)
def test_other_sql_has_another_fingerprint(dialect: str | None, sql: str, other: str) -> None:
    """What stands in a literal or a name counts, where the dialect says that it does."""
    assert fingerprint(sql, dialect) != fingerprint(other, dialect)


@pytest.mark.parametrize(
    ("dialect", "same"), [("postgres", True), ("snowflake", True), ("bigquery", False), ("tsql", True)]
)
def test_capitals_of_a_table_count_where_the_warehouse_says_so(dialect: str, same: bool) -> None:
    """BigQuery has two tables there."""
    one, other = (fingerprint(f"SELECT a FROM ds.{table}", dialect) for table in ("Traffic", "traffic"))
    assert same is (one == other)


@pytest.mark.parametrize("dialect", IDIOMS)
def test_sql_that_reads_the_clock_is_other_sql_on_another_day(dialect: str) -> None:
    """A Look of the last seven days asks for other traffic a week later."""
    sql = looker_sql(dialect, "last seven days")
    assert fingerprint(sql, dialect) == fingerprint(sql + " ", dialect)
    assert fingerprint(sql, dialect) != fingerprint(sql, dialect, date(2026, 1, 14))


@pytest.mark.parametrize("dialect", IDIOMS)
@pytest.mark.parametrize("shape", ["absolute dates", "time zone", "symmetric aggregate", "pivot"])
def test_sql_with_fixed_dates_is_the_same_on_every_day(dialect: str, shape: str) -> None:
    """It asks for the same traffic whenever it is asked."""
    sql = looker_sql(dialect, shape)
    assert fingerprint(sql, dialect) == fingerprint(sql, dialect, date(2027, 1, 1))


@pytest.mark.parametrize(
    ("dialect", "clock"),
    [
        ("sqlite", "date('now')"), ("sqlite", "datetime('now', '-7 days')"), ("sqlite", "strftime('%s', 'now')"),
        ("sqlite", "date()"), ("sqlite", "unixepoch()"), ("postgres", "date('today')"), ("postgres", "age(created)"),
        ("duckdb", "get_current_timestamp()"), ("spark", "unix_timestamp()"),
        ("postgres", "DATE 'today'"), ("postgres", "'now'::timestamp"), ("postgres", "LOCALTIMESTAMP"),
        ("oracle", "SYSDATE"), ("oracle", "SYSTIMESTAMP"), ("mysql", "SYSDATE()"), ("mysql", "UNIX_TIMESTAMP()"),
        ("mysql", "UTC_DATE()"), ("tsql", "SYSUTCDATETIME()"), ("tsql", "GETUTCDATE()"), ("clickhouse", "today()"),
        ("clickhouse", "yesterday()"), ("clickhouse", "now64()"), ("snowflake", "SYSDATE()"), ("redshift", "SYSDATE"),
        ("bigquery", "CURRENT_DATE('UTC')"), ("bigquery", "CURRENT_DATETIME()"), ("databricks", "unix_timestamp()"),
        ("trino", "current_date"), ("sqlite", "CURRENT_TIMESTAMP"), ("duckdb", "today()"), ("athena", "now()"),
        ("duckdb", "current_localtime()"), ("duckdb", "current_localtimestamp()"),
    ],
)  # fmt: skip
def test_every_clock_of_a_warehouse_is_known(dialect: str, clock: str) -> None:
    """By any of its names."""
    sql = f"SELECT day FROM t WHERE day = {clock}"
    assert fingerprint(sql, dialect) != fingerprint(sql, dialect, date(2026, 1, 8))


@pytest.mark.parametrize(
    ("dialect", "expression"),
    [
        ("mysql", "UNIX_TIMESTAMP(created)"), ("spark", "unix_timestamp(created)"), ("postgres", "today"),
        ("mysql", "yesterday"), ("tsql", "getdate"), ("duckdb", "date(created)"), ("postgres", "age(a, b)"),
        ("sqlite", "datetime(created)"), ("postgres", "'today'"), ("postgres", "sysdate"),
    ],
)  # fmt: skip
def test_what_only_has_the_name_of_a_clock_is_none(dialect: str, expression: str) -> None:
    """A function of a column, a column, a text: the same SQL tomorrow is the same."""
    sql = f"SELECT day FROM t WHERE day = {expression}"
    assert fingerprint(sql, dialect) == fingerprint(sql, dialect, date(2026, 1, 8))


def test_a_look_back_from_now_is_other_sql_on_another_day() -> None:
    """Snowflake reads the table as it was an hour before."""
    sql = "SELECT a FROM t AT(OFFSET => -3600)"
    assert fingerprint(sql, "snowflake") != fingerprint(sql, "snowflake", date(2026, 1, 8))


def test_a_column_named_like_a_clock_is_none() -> None:
    """In quotes, or behind its table, it is data."""
    sql = "SELECT t.sysdate, \"sysdate\" FROM t WHERE item = 'today'"
    assert fingerprint(sql, "oracle") == fingerprint(sql, "oracle", date(2026, 1, 8))


@costly(4)
@given(st.sampled_from(sorted(IDIOMS)), st.lists(st.sampled_from(sorted(SHAPES)), min_size=2, max_size=2, unique=True))
def test_every_query_of_looker_has_its_own_fingerprint(dialect: str, shapes: list[str]) -> None:
    """No two shapes ask for the same."""
    one, other = (fingerprint(looker_sql(dialect, shape), dialect) for shape in shapes)
    assert one != other


CONDITIONS = ["a = 1", "b <> 'x'", "c IN ('p', 'q')", "d > 5", "(e = 1 OR f = 2)", "g LIKE 'Authy%'", "h IS NULL"]


@costly(4)
@given(st.lists(st.sampled_from(CONDITIONS), min_size=1, max_size=7, unique=True), st.randoms(use_true_random=False))
@example(CONDITIONS, random.Random(1))
def test_conditions_in_any_order_and_brackets_are_the_same(conditions: list[str], chance: random.Random) -> None:
    """However they are put together."""

    def joined(parts: list[str]) -> str:
        if len(parts) < 3:
            return " AND ".join(parts)
        cut = chance.randrange(1, len(parts))
        return f"({joined(parts[:cut])}) AND {joined(parts[cut:])}"

    other = chance.sample(conditions, len(conditions))
    queries = [f"SELECT day FROM t WHERE {joined(parts)}" for parts in (conditions, other)]
    assert fingerprint(queries[0], "postgres") == fingerprint(queries[1], "postgres")


@costly(4)
@given(st.lists(st.sampled_from(CONDITIONS), min_size=2, max_size=5, unique=True), st.integers(0, 4))
def test_one_condition_less_is_other_sql(conditions: list[str], left_out: int) -> None:
    """Each of them narrows the traffic."""
    fewer = [text for number, text in enumerate(conditions) if number != left_out % len(conditions)]
    queries = [f"SELECT day FROM t WHERE {' AND '.join(parts)}" for parts in (conditions, fewer)]
    assert fingerprint(queries[0], "postgres") != fingerprint(queries[1], "postgres")


SEEDS = st.integers(0, 2**32)


@costly(4)
@given(SEEDS, st.sampled_from([None, *DIALECTS]))
def test_a_question_has_one_fingerprint_however_it_is_written(seed: int, dialect: str | None) -> None:
    """Layout, order, capitals, signs, optional words, and the build time of its table say nothing."""
    chance = random.Random(seed)
    asked = question(chance)
    again = replace(asked, build=asked.build // 2 + 10**12)
    one, other = (written(version, chance, dialect or "trino") for version in (asked, again))
    assert fingerprint(one, dialect) == fingerprint(other, dialect)


@costly(4)
@given(SEEDS, st.sampled_from([None, *DIALECTS]))
def test_another_question_has_another_fingerprint(seed: int, dialect: str | None) -> None:
    """Whatever one thing is changed."""
    chance = random.Random(seed)
    asked = question(chance)
    one, other = (written(version, chance, dialect or "trino") for version in (asked, changed(asked, chance)))
    assert fingerprint(one, dialect) != fingerprint(other, dialect)


def test_what_is_not_one_query_has_the_fingerprint_of_its_text() -> None:
    """It is refused anyway; nothing but its text is known."""
    reading = read_sql(SqlQuestion("SELECT a FROM t; SELECT b FROM t", SqlRules("duckdb"), (), DAY))
    assert reading.refusal
    assert reading.fingerprint.startswith("2-")


@pytest.mark.parametrize("dialect", ["postgres", "snowflake", "trino", "mysql", "tsql", "oracle", "databricks"])
def test_capitals_of_a_function_make_no_difference(dialect: str) -> None:
    """Not even of one that the parser does not know."""
    assert fingerprint("SELECT My_Udf(a) FROM t", dialect) == fingerprint("SELECT my_udf(a) FROM t", dialect)


# ---- where the dialect or the parser changes ---------------------------------------------------------------------


def test_the_same_text_is_the_same_sql_in_another_dialect() -> None:
    """SQL_DIALECT was set in between, so the fingerprints differ. The text does not."""
    stored, asked = (
        {fingerprint('SELECT "A" FROM t', dialect), text_fingerprint('SELECT "A" FROM t', DAY)}
        for dialect in (None, "postgres")
    )
    assert 1 == len(recognised_by(asked) & stored)


@pytest.mark.parametrize(
    ("sql", "same"),
    [
        (T, f"\n{T};\n"),
        (T, f"-- Looker Query Context '{{\"user_id\":7}}'\n{T}"),
        (T, f"-- a\n  -- b\n{T}"),
        ("SELECT a FROM s.LR$ABQK31764633600123_t", "SELECT a FROM s.LR$ABQK31764720000456_t"),
        ('SELECT a FROM s."LR_ABQK31764633600123_t"', 'SELECT a FROM s."LR_ABQK31764720000456_t"'),
    ],
)
def test_what_looker_writes_around_a_text_does_not_count(sql: str, same: str) -> None:
    """Comments before it, and the build time of a derived table."""
    assert text_fingerprint(sql, DAY) == text_fingerprint(same, date(2026, 1, 8))


@pytest.mark.parametrize(
    ("sql", "other"),
    [
        (T, T.lower()),
        (T, f"{T} AND a = 1"),
        ("SELECT a FROM t -- x\n", "SELECT a FROM t -- y\n"),
        ("-- a\rSELECT a FROM t\nWHERE b = 1", "-- b\rSELECT a FROM t\nWHERE b = 1"),
        ("SELECT 'LR_A1764633600123_t' FROM t", "SELECT 'LR_A1764633600124_t' FROM t"),
        ("SELECT a FROM s.x_1764633600123_t", "SELECT a FROM s.x_1764633600124_t"),
    ],
)
def test_another_text_has_another_fingerprint(sql: str, other: str) -> None:
    """It never takes other SQL for the same, in any dialect."""
    assert text_fingerprint(sql, DAY) != text_fingerprint(other, DAY)


@pytest.mark.parametrize("dialect", IDIOMS)
def test_a_text_that_may_read_the_clock_is_the_same_on_one_day(dialect: str) -> None:
    """Its words say so."""
    sql = looker_sql(dialect, "last seven days")
    assert text_fingerprint(sql, DAY) == text_fingerprint(sql, DAY)
    assert text_fingerprint(sql, DAY) != text_fingerprint(sql, date(2026, 1, 8))


# ---- what was stored before there were versions ------------------------------------------------------------------


def test_sql_of_version_1_is_recognised_by_its_hash_alone() -> None:
    """A state of that time holds the bare hash."""
    sql = "SELECT  a -- x\nFROM t;"
    bare = "cf44f0bb14976241e98912135a4a6e1d7c6833f1d29e2d260a22b59dcecc4dd0"
    assert "select a from t" == normalised(sql)
    assert {"2-abc", bare} == recognised_by(["2-abc", earlier_fingerprint(sql)])


def test_two_requests_of_today_are_not_compared_by_version_1() -> None:
    """It took a table for another one that differs in capitals."""
    stored = {"2-abc", earlier_fingerprint("select a from t")}
    asked = {"2-def", earlier_fingerprint("select a from T")}
    assert not recognised_by(asked) & stored
