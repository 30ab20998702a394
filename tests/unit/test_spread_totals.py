"""Numbers that are totals over rows that all show them are said to be counted more than once."""

from __future__ import annotations

import pytest
import sqlglot

from creditbot.credit.sql.sources import Unclear
from creditbot.credit.sql.spread_totals import SpreadTotals
from tests.support.windows import window

TOTAL = "SUM(messages) OVER (PARTITION BY day)"
OF_DAY = (
    "WITH x AS (SELECT day, messages, total FROM t), y AS (SELECT day, MAX(total) OVER () AS total,"
    " SUM(messages) OVER () AS messages FROM u)"
)


def repeats(sql: str, dialect: str = "duckdb") -> str:
    return window(sql, dialect).repeats


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT day, {TOTAL} AS messages FROM t",
        f'SELECT day, {TOTAL} AS "traffic.messages" FROM t',
        f"SELECT day, {TOTAL} AS traffic_messages FROM t",
        f"SELECT day, messages, blocked AS v_blocked, attempts AS v_attempts, {TOTAL} AS v_messages FROM t",
        f"SELECT day, COALESCE({TOTAL}, 0) * 1 AS blocked FROM t",
        "SELECT day, MAX(messages) OVER () AS messages FROM t",
        "SELECT day, FIRST_VALUE(messages IGNORE NULLS) OVER (ORDER BY messages DESC) AS messages FROM t",
        "SELECT day, SUM(messages) FILTER (WHERE mode = 'max') OVER () AS messages FROM t",
        "SELECT day, LIST_SUM(LIST(messages) OVER ()) AS messages FROM t",
        "SELECT day, LAG(messages, id - 1) OVER (ORDER BY messages DESC) AS messages FROM t",
        "SELECT day, SUM(SUM(messages)) OVER () AS messages FROM t GROUP BY day",
        "SELECT day, SUM(messages) OVER (ORDER BY day) AS messages FROM t",
        "SELECT day, SUM(messages) OVER w AS messages FROM t WINDOW w AS (PARTITION BY day)",
        f"SELECT day, x AS messages FROM (SELECT *, {TOTAL} AS x FROM t) y",
        f"SELECT day, SUM(x) AS messages FROM (SELECT day, mode, {TOTAL} AS x FROM t) y GROUP BY day",
        f"SELECT * FROM (SELECT day, {TOTAL} AS messages FROM t) y",
        f"WITH y AS (SELECT day, {TOTAL} AS x FROM t), z AS (SELECT day, x AS messages FROM y) SELECT * FROM z",
        f"SELECT y.day, y.x AS messages FROM (SELECT day, id, {TOTAL} AS x FROM t) y JOIN a ON a.id = y.id",
        f"SELECT day, messages FROM u UNION ALL SELECT day, {TOTAL} FROM t",
        f"SELECT * FROM (SELECT day, messages FROM u UNION ALL SELECT day, x FROM (SELECT *, {TOTAL} AS x FROM t) y) z",
        f"SELECT day, {TOTAL} AS x, x AS messages FROM t",
        f"SELECT day, n.x AS messages FROM (SELECT *, {{'x': {TOTAL}}} AS n FROM t) y",
        f"SELECT day, y.n.x AS messages FROM (SELECT *, {{'x': {TOTAL}}} AS n FROM t) y",
        f"SELECT * REPLACE ({TOTAL} AS messages) FROM t",
        f"SELECT x.* RENAME (total AS messages) FROM (SELECT day, {TOTAL} AS total FROM t) x",
        "SELECT day, SUM(COLUMNS('messages')) OVER () AS '\\0' FROM t",
        f"SELECT day, CASE WHEN mode = 'max' THEN {TOTAL} ELSE 0 END AS messages FROM t",
        f"SELECT day, CASE WHEN mode = 'max' THEN 0 ELSE {TOTAL} END AS messages FROM t",
        f"SELECT day, {TOTAL} - CASE WHEN mode = 'max' THEN 1 ELSE 0 END AS messages FROM t",
        f"SELECT day, IF(mode = 'max', {TOTAL}, 0) AS messages FROM t",
        f"SELECT day, IF(mode = 'max', 0, {TOTAL}) AS messages FROM t",
        "SELECT day, SUM(COUNT(*)) OVER () AS messages FROM t GROUP BY day",
        f"SELECT day, {TOTAL} AS messages FROM t UNION ALL SELECT day, messages FROM u",
        f"(SELECT day, {TOTAL} AS messages FROM t) UNION ALL (SELECT day, messages FROM u)",
        f"SELECT *, 0 AS blocked FROM u UNION ALL SELECT day, messages, {TOTAL} AS blocked FROM t",
        f"SELECT day, messages FROM u UNION ALL BY NAME SELECT {TOTAL} AS messages, day FROM t",
        f"SELECT day, blocked FROM u UNION ALL BY NAME SELECT day, {TOTAL} AS messages FROM t",
    ],
)
def test_a_total_that_several_rows_show_says_so(sql: str) -> None:
    assert repeats(sql) == "each of several rows shows a total over all of them, as SUM(...) OVER (...) does"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT day, SUM(messages) AS messages FROM t GROUP BY day",
        "SELECT day, messages, RANK() OVER (ORDER BY messages) AS place FROM t",
        f"SELECT day, messages, {TOTAL} AS total, 1.0 * messages / SUM(messages) OVER () AS share FROM t",
        f"SELECT day, messages, {TOTAL} AS all_messages FROM t",
        f"SELECT messages AS v_messages, blocked AS v_blocked, attempts AS v_attempts, {TOTAL} AS v_x_messages FROM t",
        f"SELECT day, CASE WHEN {TOTAL} > 100 THEN messages ELSE 0 END AS messages FROM t",
        "SELECT day, IF(SUM(messages) OVER () > 100, messages, 0) AS messages FROM t",
        "SELECT day, messages - LAG(messages) OVER (ORDER BY day) AS messages FROM t",
        f"SELECT day, messages FROM (SELECT *, {TOTAL} AS x FROM t) y WHERE x > 100",
        f"SELECT x.day, x.messages FROM (SELECT day, messages, {TOTAL} AS total FROM t) x",
        "SELECT day, messages FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY id) AS n FROM t) y WHERE n = 1",
        "SELECT day, messages - LAG(messages IGNORE NULLS) OVER (ORDER BY day) AS messages FROM t",
        "SELECT day, parse_count(messages) AS messages FROM t",
        f"SELECT day, messages, 0 AS total FROM u UNION ALL SELECT day, messages, {TOTAL} FROM t",
        f"{OF_DAY} SELECT t.day, t.messages, y.messages AS messages_of_day FROM t JOIN y ON y.day = t.day",
        f"{OF_DAY} SELECT t.day, y.messages AS of_day, t.messages FROM x AS t JOIN y ON y.day = t.day",
        f"{OF_DAY} SELECT y.total, x.total AS messages FROM x JOIN y ON y.day = x.day",
        f"{OF_DAY} SELECT y.total AS total, x.total AS messages FROM x JOIN y ON y.day = x.day",
    ],
)
def test_a_total_that_is_shown_once_or_beside_the_numbers_is_none(sql: str) -> None:
    assert repeats(sql) == ""


@pytest.mark.parametrize(
    "sql",
    [
        f"WITH {TOTAL} AS total SELECT day, total AS messages FROM t",
        "WITH x AS total SELECT day, total AS messages FROM (SELECT day, SUM(messages) OVER () AS x FROM t) y",
        "SELECT day, runningAccumulate(sumState(messages)) AS messages FROM t GROUP BY day",
    ],
)
def test_clickhouse_has_its_own_words_for_a_total(sql: str) -> None:
    assert repeats(sql, "clickhouse").startswith("each of several rows shows a total")


@pytest.mark.parametrize("inside", ["SELECT a.messages FROM a JOIN a ON TRUE", "SELECT a.messages FROM a"])
def test_what_is_behind_an_unclear_source_is_no_total(inside: str) -> None:
    """Other rules ask about such SQL."""
    query = sqlglot.parse_one(f"SELECT x.messages FROM ({inside}) x", dialect="duckdb")
    assert SpreadTotals(query, behind).among({"messages"}) == ""


def test_a_total_is_found_behind_the_source_after_an_unclear_one() -> None:
    query = sqlglot.parse_one(f"SELECT x AS messages FROM a CROSS JOIN (SELECT {TOTAL} AS x FROM t) y")
    assert SpreadTotals(query, behind).among({"messages"})


def behind(source: sqlglot.exp.Expr) -> sqlglot.exp.Expr | None:
    if isinstance(source, sqlglot.exp.Subquery) and isinstance(source.this, sqlglot.exp.Select):
        return source.this
    raise Unclear("its SQL pivots a table")
