"""SQL that counts rows of the traffic more than once says so, whatever makes it count them again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import duckdb
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from creditbot.credit.footprint import Unknown
from creditbot.credit.footprint_text import window_from_json, window_to_json
from tests.support.looker_sql import IDIOMS, SHAPES, looker_sql
from tests.support.sampling import costly
from tests.support.windows import window

VIEWED = "SELECT d.day FROM (SELECT DISTINCT day FROM t) AS d LATERAL VIEW rows_of(d.day) x AS y"
APPLIED = "SELECT d.day FROM (SELECT DISTINCT day FROM t) AS d CROSS APPLY (SELECT id FROM u) AS x"
SHOW = "SELECT t.day, t.prefix, t.messages FROM t"
NUMBERED = "ROW_NUMBER() OVER (ORDER BY id)"
SUMS = "SELECT t.day, SUM(t.messages) AS messages FROM t"


def repeats(sql: str, dialect: str = "duckdb") -> str:
    return window(sql, dialect).repeats


# -- UNION -------------------------------------------------------------------------------------------------------------

OF_PART = f"{SHOW} JOIN a ON a.account_sid = t.account_sid WHERE a.subaccount_sid = '{{}}'"
OF_NUMBERED = "SELECT day, n, messages FROM (SELECT *, UUID() AS n FROM t) AS x"
IN_MODE = "SELECT day, mode, messages FROM t WHERE mode = '{}'"
FIRST, SECOND = "day < '2025-12-16'", "day >= '2025-12-16'"


@pytest.mark.parametrize(
    "sql",
    [
        f"{SHOW} UNION ALL {SHOW}",
        f"{SHOW} WHERE {FIRST} UNION ALL {SHOW}",
        f"{SHOW} WHERE day <= '2025-12-16' UNION ALL {SHOW} WHERE {SECOND}",
        f"{SHOW} WHERE {FIRST} UNION ALL {SHOW} WHERE sent >= '2025-12-20'",
        f"{SHOW} WHERE {FIRST} UNION ALL ({SHOW} WHERE {SECOND} UNION ALL {SHOW} WHERE day = '2025-12-31')",
        f"SELECT * FROM ({SHOW} UNION ALL {SHOW}) x WHERE {FIRST}",
        f"SELECT day, SUM(messages) FROM ({SHOW} UNION ALL {SHOW}) x GROUP BY 1",
        f"WITH x AS ({SHOW}) SELECT * FROM x UNION ALL SELECT * FROM x",
        f"WITH x AS ({SHOW}), y AS (SELECT * FROM x WHERE {FIRST}) SELECT * FROM x UNION ALL SELECT * FROM y",
        f"WITH x AS ({SHOW}), y AS (SELECT * FROM x UNION ALL SELECT * FROM x) SELECT * FROM y",
        f"{SHOW} UNION ALL SELECT day, prefix, messages FROM main.t",
        f"{SHOW} WHERE mode = 'basic' UNION ALL {SHOW} WHERE mode LIKE 'b%'",
        f"{SHOW} WHERE account_sid = 'AC1' UNION ALL {SHOW} WHERE account_sid IN ('ac1', 'AC2')",
        f"{SHOW} UNION SELECT day, prefix, messages + 0 FROM t",
        f"{SHOW} JOIN a ON a.id = t.account_id UNION {SHOW} JOIN a ON a.id = t.account_id",
        f"{SHOW} UNION SELECT day, country, messages FROM t",
        f"{SUMS} GROUP BY 1 UNION {SUMS} WHERE mode = 'basic' GROUP BY 1",
        "SELECT day, messages FROM t UNION ALL BY NAME SELECT day, messages FROM t",
        "SELECT day, messages FROM lr_1a2b1765000000000_t UNION ALL SELECT day, messages FROM lr_1a2b1766000000000_t",
        "SELECT day, messages FROM main.t UNION ALL SELECT day, messages FROM memory.t",
        f"{SHOW} WHERE tier = 1 UNION ALL {SHOW} WHERE tier = 1.0",
        f"{SHOW} WHERE tier = '01' UNION ALL {SHOW} WHERE tier LIKE '1%'",
        f"{SHOW} WHERE ts < '2025-12-16 08:00+08' UNION ALL {SHOW} WHERE ts >= '2025-12-16 00:00+00'",
        'SELECT day, messages FROM t UNION ALL SELECT day, messages FROM "t@v5"',
        'SELECT day, messages FROM t UNION ALL SELECT day, messages FROM "t$data"',
        f"{SHOW} WHERE flag = 't' UNION ALL {SHOW} WHERE flag = 'true'",
        f"{SHOW} WHERE day = '2025-12-01' UNION ALL {SHOW} WHERE day = '2025-12-1'",
        "SELECT prefix AS p, mode AS m, messages FROM t UNION BY NAME SELECT prefix AS m, mode AS p, messages FROM t",
        f"SELECT messages, {NUMBERED} AS n FROM t UNION SELECT messages, {NUMBERED} AS n FROM t WHERE id > 3",
        "SELECT * REPLACE (UUID() AS id) FROM t UNION SELECT * REPLACE (UUID() AS id) FROM t",
        "SELECT day, messages, UUID() AS n FROM t UNION SELECT day, messages, UUID() AS n FROM t",
        f"{OF_NUMBERED} UNION {OF_NUMBERED}",
        f"SELECT * FROM ({IN_MODE.format('basic')} UNION ALL {IN_MODE.format('basic')}) x WHERE mode = 'BASIC'",
        f"SELECT * FROM ({IN_MODE.format('t')} UNION ALL {IN_MODE.format('true')}) x WHERE mode = 'yes'",
        f"SELECT * FROM ({IN_MODE.format('1')} UNION ALL SELECT day, mode, messages FROM t) x WHERE mode = 1.0",
        f"{OF_PART.format('X')} UNION ALL {OF_PART.format('Y')}",
        f"{SHOW} JOIN (SELECT id FROM a UNION ALL SELECT id FROM a) AS b ON b.id = t.account_id",
    ],
)
def test_two_queries_that_may_read_the_same_rows_count_them_twice(sql: str) -> None:
    assert repeats(sql).startswith("it adds up two queries over ")


@pytest.mark.parametrize(
    "sql",
    [
        f"{SHOW} WHERE {FIRST} UNION ALL {SHOW} WHERE {SECOND}",
        f"SELECT * FROM ({SHOW} WHERE {FIRST} UNION ALL {SHOW} WHERE {SECOND}) x WHERE messages > 0",
        f"{SHOW} WHERE day < '2025-12-10' UNION ALL {SHOW} WHERE {SECOND} UNION ALL {SHOW} WHERE day = '2025-12-12'",
        f"WITH x AS ({SHOW}) SELECT * FROM x WHERE {FIRST} UNION ALL SELECT * FROM x WHERE {SECOND}",
        f"{SHOW} WHERE account_sid = 'AC1' UNION ALL {SHOW} WHERE account_sid = 'AC2'",
        f"{SHOW} WHERE mode = 'basic' UNION ALL {SHOW} WHERE mode <> 'basic'",
        f"{SHOW} WHERE mode <> 'basic' UNION ALL {SHOW} WHERE mode = 'basic'",
        f"{SHOW} WHERE tier = 1 UNION ALL {SHOW} WHERE tier = 2",
        f"{SHOW} WHERE tier = 1 UNION ALL {SHOW} WHERE tier <> 1",
        f"{SHOW} WHERE prefix = '+62' UNION ALL {SHOW} WHERE prefix IN ('+92', '+1')",
        f"{SHOW} WHERE item LIKE 'Authy%' UNION ALL {SHOW} WHERE item = 'Programmable SMS'",
        f"{SHOW} WHERE day = '2025-12-01' UNION ALL {SHOW} WHERE day IN ('2025-12-02', '2025-12-03')",
        f"{SHOW} UNION ALL SELECT day, prefix, messages FROM u",
        f"{SHOW} UNION ALL SELECT day, prefix, messages FROM eu.v UNION ALL SELECT day, prefix, messages FROM us.v",
        f"{SHOW} UNION {SHOW}",
        f"{SHOW} WHERE {FIRST} UNION {SHOW} WHERE mode = 'basic'",
        f"SELECT * FROM ({IN_MODE.format('basic')} UNION ALL {IN_MODE.format('max')}) x WHERE mode = 'BASIC'",
        "SELECT day, messages FROM t AS x UNION SELECT day, messages FROM t AS y WHERE mode = 'basic'",
        f"{SHOW} GROUP BY 1, 2, 3 UNION {SHOW} WHERE mode = 'basic'",
        f"{SHOW} EXCEPT {SHOW} WHERE mode = 'basic'",
        f"{SHOW} WHERE prefix IN (SELECT prefix FROM p UNION ALL SELECT prefix FROM p)",
    ],
)
def test_queries_over_other_rows_count_each_row_once(sql: str) -> None:
    assert repeats(sql) == ""


@pytest.mark.parametrize(
    ("query", "most"), [(f"{SHOW} WHERE tier = {{0}}", 60), ("SELECT day, messages FROM t{0}", 150)]
)
def test_more_queries_than_can_be_compared_are_asked_about(query: str, most: int) -> None:
    """Fewer if all of them are over one table."""
    many = [query.format(number) for number in range(most + 1)]
    assert repeats(" UNION ALL ".join(many[:-1])) == ""
    assert repeats(" UNION ALL ".join(many)) == f"it adds up {most + 1} queries, too many to compare"


def test_a_query_that_is_added_up_too_often_is_not_compared() -> None:
    assert repeats(" UNION ALL ".join([SHOW] * 61)).startswith("it adds up two queries over t")
    assert repeats(" UNION ALL ".join([SHOW] * 151)) == "it adds up 151 queries, too many to compare"


# -- joins -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "how"),
    [
        (f"{SHOW}, t AS o", "it joins t with itself"),
        (f"{SHOW} JOIN t AS o ON o.day = t.day", "it joins t with itself"),
        (f"{SHOW} JOIN (SELECT * FROM t) AS o ON o.day = t.day", "it joins t with itself"),
        (f"{SHOW} JOIN (SELECT day, mode FROM t GROUP BY 1, 2) AS o ON o.day = t.day", "it joins t with itself"),
        (f"{SHOW} JOIN (SELECT DISTINCT day, mode FROM t) AS o ON o.day = t.day", "it joins t with itself"),
        (f"{SHOW} JOIN (SELECT day, day AS d FROM t GROUP BY 1, mode) o ON o.day = t.day AND o.d = t.day",
         "it joins t with itself"),
        (f"WITH o AS (SELECT * FROM t) {SUMS} LEFT JOIN o ON o.day = t.day GROUP BY 1", "it joins t with itself"),
        (f"{SHOW} JOIN (SELECT DISTINCT day FROM t) AS d(x) ON d.x = t.day", "it joins t with itself"),
        (f"{SHOW} JOIN (SELECT d.day FROM (SELECT DISTINCT day FROM t) AS d CROSS JOIN u) AS e ON e.day = t.day",
         "it joins t with itself"),
        (f"{SHOW} JOIN (SELECT day AS x, mode FROM (SELECT DISTINCT day, mode FROM t) AS g) AS d ON d.x = t.day",
         "it joins t with itself"),
        (f"{SHOW} JOIN (SELECT DISTINCT ON (id) day FROM t) AS d ON d.day = t.day", "it joins t with itself"),
        (f"{SHOW} JOIN (SELECT day, mode, SUM(messages) AS m FROM t GROUP BY ALL) AS d ON d.day = t.day",
         "it joins t with itself"),
        (f"{SHOW} JOIN (SELECT day, mode FROM t GROUP BY 'a', day) AS d ON d.day = t.day", "it joins t with itself"),
        (f"{SHOW} JOIN (SELECT day FROM t GROUP BY 9) AS d ON d.day = t.day", "it joins t with itself"),
        (f"{SHOW} JOIN (SELECT day FROM t GROUP BY 'a') AS d ON d.day = t.day", "it joins t with itself"),
        (f"{SHOW} JOIN (SELECT DATE_TRUNC('month', day) AS day FROM t GROUP BY day) AS d ON d.day = t.day",
         "it joins t with itself"),
        (f"{SHOW} JOIN (SELECT DISTINCT ts FROM t) AS d ON CAST(d.ts AS DATE) = t.day", "it joins t with itself"),
        (f"{SHOW} CROSS JOIN u WHERE u.mode = (SELECT MAX(t.mode) FROM v)", "it joins u without saying"),
        (f"{SHOW} CROSS JOIN u", "it joins u without saying"),
        (f"{SHOW} JOIN u ON u.id = ANY(t.ids)", "it joins u without saying"),
        (f"{SHOW} CROSS JOIN u WHERE u.mode = (SELECT MAX(v.mode) FROM v)", "it joins u without saying"),
        (f"{SHOW} JOIN u ON TRUE", "it joins u without saying"),
        (f"{SHOW} JOIN u ON u.day > t.day", "it joins u without saying"),
        (f"{SHOW} JOIN u ON u.day = '2025-12-01'", "it joins u without saying"),
        (f"{SHOW} JOIN u ON u.day = t.day OR u.mode = t.mode", "it joins u without saying"),
        (f"{SHOW} JOIN u ON t.day = t.sent", "it joins u without saying"),
        (f"{SHOW} JOIN u ON day = sent", "it joins u without saying"),
        (f"{SHOW} JOIN a ON a.id = t.id CROSS JOIN u", "it joins u without saying"),
        (f"{SHOW} JOIN a USING (id) CROSS JOIN u", "it joins u without saying"),
        (f"{SHOW} NATURAL JOIN a", "it joins a without saying"),
        (f"{SHOW} CROSS JOIN u JOIN a ON a.id = u.id", "it joins u without saying"),
        (f"{SHOW} CROSS JOIN u JOIN a USING (id)", "it joins u without saying"),
        ("SELECT t.day, t.messages FROM u JOIN a USING (id) CROSS JOIN t", "it joins u without saying"),
        (f"{SHOW} CROSS JOIN u LEFT JOIN a ON a.id = t.id AND u.day = t.day", "it joins u without saying"),
        (f"{SHOW} CROSS JOIN u FULL JOIN a ON a.id = t.id AND u.day = t.day", "it joins u without saying"),
        (f"{SHOW} CROSS JOIN u ANTI JOIN a ON u.day = t.day", "it joins u without saying"),
        (f"{SHOW} JOIN (SELECT DISTINCT day, mode FROM t) o ON o.day = t.day JOIN m ON m.mode = o.mode",
         "it joins t with itself"),
        (f"{SHOW} CROSS JOIN (SELECT DISTINCT day FROM t) AS o SEMI JOIN a ON a.day = o.day", "it joins t with itself"),
        (f"{SHOW} CROSS JOIN (SELECT DISTINCT day FROM t) o ASOF JOIN a ON a.day = o.day", "it joins t with itself"),
        (f"{SHOW} JOIN (SELECT DISTINCT day, mode AS day FROM t) AS o ON o.day = t.day", "it joins t with itself"),
        (f"{SHOW} JOIN (SELECT day AS d, mode AS d FROM (SELECT DISTINCT day, mode FROM t) x) AS o ON o.d = t.day",
         "it joins t with itself"),
        (f"{SHOW} JOIN (SELECT DISTINCT day, UPPER(mode) FROM t) o ON o.day = t.day AND o.day + 1 = t.day + 1",
         "it joins t with itself"),
        (f"{SHOW} JOIN (SELECT 'max' AS day FROM t GROUP BY day) o ON o.day = t.mode", "it joins t with itself"),
        (f"{SHOW} JOIN (SELECT MAX(mode) AS day FROM t GROUP BY day) o ON o.day = t.mode", "it joins t with itself"),
        (f"{SHOW} JOIN (SELECT mode || 1 AS day, mode FROM t GROUP BY day, mode) o ON o.mode = t.mode AND o.day = t.m",
         "it joins t with itself"),
        (f"{SHOW} CROSS JOIN (SELECT COUNT(*) FILTER (WHERE TRUE) OVER () AS n FROM t) AS o", "it joins t with itself"),
        (f"{SHOW} CROSS JOIN (SELECT FIRST_VALUE(day IGNORE NULLS) OVER (ORDER BY id) AS d FROM t) AS o",
         "it joins t with itself"),
        (f"{SHOW} JOIN (SELECT a.id FROM a CROSS JOIN u) AS b ON b.id = t.account_id", "it joins u without saying"),
        ("SELECT t.day, o.mode, COUNT(DISTINCT t.id) AS messages FROM t CROSS JOIN t AS o GROUP BY 1, 2",
         "it joins t with itself"),
        ("SELECT t.day, COUNT(DISTINCT t.id) AS messages FROM t CROSS JOIN t AS o GROUP BY t.day, o.mode",
         "it joins t with itself"),
        ("SELECT t.day, COUNT(DISTINCT t.id) OVER (PARTITION BY t.day) AS messages FROM t CROSS JOIN u",
         "it joins u without saying"),
        ("SELECT t.day, FSUM(t.messages) AS messages, COUNT(DISTINCT t.id) AS n FROM t CROSS JOIN u GROUP BY 1",
         "it joins u without saying"),
        ("SELECT day, messages FROM t ORDER BY UNNEST(tags)", "it makes several rows of one by opening a list"),
        ("SELECT day, SUM(messages) AS messages FROM t GROUP BY day, UNNEST(tags)",
         "it makes several rows of one by opening a list"),
        ("SELECT COUNT(DISTINCT id) AS messages, UNNEST(tags) AS tag FROM t GROUP BY 2",
         "it makes several rows of one by opening a list"),
        ("SELECT t.day, t.messages FROM u CROSS JOIN t", "it joins u without saying"),
        (f"{SUMS} CROSS JOIN (SELECT DISTINCT day FROM u) AS d GROUP BY 1", "it joins d without saying"),
        (f"{SHOW}, UNNEST(t.tags) AS x(tag)", "it joins each row with a list"),
        (f"{SHOW} CROSS JOIN LATERAL (SELECT * FROM u WHERE u.day = t.day) AS x", "it joins each row with a list"),
        ("SELECT day, messages, UNNEST(tags) AS tag FROM t", "it makes several rows of one by opening a list"),
        (f"SELECT day, messages FROM ({SHOW} CROSS JOIN u) x WHERE day = '2025-12-01'", "it joins u without saying"),
    ],
)  # fmt: skip
def test_a_join_that_may_repeat_rows_says_so(sql: str, how: str) -> None:
    assert repeats(sql).startswith(how)


@pytest.mark.parametrize(
    "sql",
    [
        f"{SHOW} JOIN a ON a.id = t.account_id",
        f"{SHOW} JOIN a ON LOWER(a.id) = LOWER(t.account_id)",
        f"{SHOW} JOIN a ON a.id = t.account_id AND a.since <= t.day",
        f"{SHOW} LEFT JOIN a USING (account_id) LEFT JOIN p USING (prefix)",
        "SELECT t.day, t.messages FROM a JOIN t USING (account_id)",
        f"{SHOW} LEFT JOIN a ON a.id = t.account_id LEFT JOIN b ON b.id = a.owner AND b.since <= t.day",
        f"{SHOW} JOIN a ON a.id = t.account_id LEFT JOIN a AS parent ON parent.id = a.parent_id",
        "SELECT t.day, t.messages FROM a LEFT JOIN t ON t.account_id = a.id LEFT JOIN b ON b.id = a.owner",
        f"{SHOW} JOIN (SELECT id FROM a WHERE k = 1 UNION ALL SELECT id FROM a WHERE k = 2) b ON b.id = t.account_id",
        f"{SHOW} JOIN (SELECT DATE(ts) AS day, mode FROM t GROUP BY day, mode) d ON d.day = t.day AND d.mode = t.mode",
        f'{SHOW} JOIN (SELECT t.day AS "t.day" FROM t GROUP BY t.day) AS o ON o."t.day" = t.day',
        f"{SHOW} JOIN (SELECT t.day, t.mode FROM t GROUP BY day, mode) AS d ON d.day = t.day AND d.mode = t.mode",
        f"{SHOW}, a WHERE a.id = t.account_id",
        "SELECT t.day, t.messages FROM a JOIN t ON t.account_id = a.id",
        f"{SHOW} JOIN a ON a.id = t.account_id JOIN b ON b.id = a.owner",
        f"{SHOW} SEMI JOIN t AS o ON o.day = t.day",
        f"{SHOW} ANTI JOIN t AS o ON o.day = t.day",
        f"{SHOW} ASOF JOIN t AS o ON o.day = t.day AND o.sent <= t.sent",
        f"{SHOW} JOIN a ON a.id = t.id ASOF JOIN b ON b.id = a.id JOIN c ON c.id = b.id",
        f"{SHOW} CROSS JOIN (SELECT MAX(day) AS last FROM t) AS m WHERE t.day < m.last",
        f"WITH m AS (SELECT MAX(day) AS last FROM t) {SHOW} CROSS JOIN m",
        f"{SHOW} JOIN (SELECT day, SUM(messages) AS all_of_it FROM t GROUP BY 1) AS d ON d.day = t.day",
        f"{SHOW} JOIN (SELECT day AS d, mode AS m FROM t GROUP BY ALL) AS d ON d.d = t.day AND t.mode = d.m",
        f"{SHOW} JOIN (SELECT DISTINCT prefix AS p FROM t) AS x ON t.prefix = x.p",
        f"{SHOW} JOIN (SELECT 1 AS x) AS o ON o.x = t.tier",
        f"{SHOW} JOIN (SELECT day FROM t GROUP BY 1) AS d ON d.day = t.day",
        f"{SHOW} JOIN (SELECT day, SUM(messages) AS m FROM t GROUP BY ALL) AS d ON d.day = t.day",
        f"{SHOW} CROSS JOIN u JOIN v ON v.id = t.id AND u.id = t.id",
        "SELECT t.day, t.messages FROM (SELECT DISTINCT id FROM t) AS a JOIN t USING (id)",
        f"{SHOW} JOIN (SELECT DISTINCT id FROM t) AS a USING (id)",
        f"{SHOW} JOIN a ON a.since <= t.day AND a.id = t.account_id",
        f"{SHOW} JOIN ((SELECT DISTINCT prefix AS p FROM t)) AS x ON t.prefix = x.p",
        "SELECT x.day, x.messages FROM a LEFT JOIN (SELECT id, day, messages FROM t) AS x ON x.id = a.id",
        f"{SHOW} JOIN (SELECT DISTINCT 'x' AS kind, prefix AS p FROM t) AS x ON t.prefix = x.p",
        f"WITH d AS (SELECT DISTINCT day FROM t), e AS (SELECT * FROM d) {SHOW} JOIN e ON e.day = t.day",
        f"WITH d AS (SELECT DISTINCT day FROM t), e AS (SELECT day AS x FROM d) {SHOW} JOIN e ON e.x = t.day",
        "SELECT t.day, COUNT(DISTINCT t.id) AS messages, MIN(t.price) FROM t JOIN t AS o ON o.day = t.day GROUP BY 1",
        f"{SHOW} WHERE t.prefix IN (SELECT u.prefix FROM u CROSS JOIN t)",
        f"{SHOW} JOIN (SELECT a.id FROM a WHERE EXISTS (SELECT 1 FROM t AS o WHERE o.id = a.id)) AS b ON b.id = t.id",
        f"{SHOW} JOIN (SELECT id FROM a EXCEPT SELECT id FROM t) AS b ON b.id = t.id",
        f"{SHOW} WHERE EXISTS (SELECT 1 FROM u CROSS JOIN t)",
    ],
)
def test_a_join_with_one_partner_for_each_row_counts_it_once(sql: str) -> None:
    assert repeats(sql) == ""


@pytest.mark.parametrize(
    ("dialect", "sql", "how"),
    [
        (
            "clickhouse",
            f"{SHOW} ARRAY JOIN tags AS tag",
            "it joins each row with a list or a query of that row, such as UNNEST or LATERAL",
        ),
        (
            "duckdb",
            "SELECT day, messages, UNNEST(tags) AS tag FROM t",
            "it makes several rows of one by opening a list, as UNNEST does",
        ),
        ("tsql", f"{SHOW} JOIN ({APPLIED}) AS e ON e.day = t.day", "it joins t with itself"),
        ("postgres", f"{SHOW} JOIN u ON u.id = ALL(t.ids)", "it joins u without saying"),
        ("databricks", f"{SHOW} JOIN ({VIEWED}) AS e ON e.day = t.day", "it joins t with itself"),
        ("postgres", f"{SHOW}, jsonb_to_recordset(t.tags) AS x(id)", "it joins each row with a list"),
        ("clickhouse", f"{SHOW} ANY LEFT JOIN t AS o ON o.day = t.day", ""),
        ("clickhouse", f"{SHOW} ANY RIGHT JOIN t AS o ON o.day = t.day", "it joins t with itself"),
        ("clickhouse", f"{SHOW} RIGHT SEMI JOIN t AS o ON o.day = t.day", "it joins t with itself"),
        ("clickhouse", f"{SHOW} WHERE arrayJoin(t.tags) <> ''", "it makes several rows of one"),
        ("clickhouse", "WITH arrayJoin(tags) AS tag SELECT day, messages, tag FROM t", "it makes several rows of one"),
        ("clickhouse", f"{SHOW} FINAL JOIN a FINAL ON a.id = t.account_id", ""),
        ("snowflake", f"{SHOW}, LATERAL FLATTEN(input => t.tags) AS f", "it joins each row with a list"),
        ("databricks", f"{SHOW} LATERAL VIEW EXPLODE(t.tags) x AS tag", "it joins each row with a list"),
        (
            "databricks",
            f"{SHOW} LATERAL VIEW EXPLODE(t.tags) x AS tag UNION {SHOW} LATERAL VIEW EXPLODE(t.labels) x AS tag",
            "it joins each row with a list",
        ),
        ("bigquery", f"{SHOW}, t.tags AS tag", "it joins each row with a list"),
        ("bigquery", f"{SHOW} JOIN t.tags AS tag ON tag.of = t.mode", "it joins each row with a list"),
        ("bigquery", f"{SHOW} WHERE 'a' IN UNNEST(t.tags)", ""),
        ("bigquery", f"{SHOW} LEFT JOIN UNNEST(t.tags) AS tag", "it joins each row with a list"),
        ("bigquery", "SELECT COUNT(DISTINCT t.id) AS messages FROM t LEFT JOIN UNNEST(t.tags) AS tag", ""),
        (
            "bigquery",
            "SELECT day, messages FROM `p.d.t_*` UNION ALL SELECT day, messages FROM `p.d.t_20251201`",
            "it adds up two queries over ",
        ),
        ("bigquery", "SELECT day, messages FROM `d.t_20251201` UNION ALL SELECT day, messages FROM `d.t_20251202`", ""),
        (
            "snowflake",
            "SELECT day, messages FROM db..t UNION ALL SELECT day, messages FROM public.t",
            "it adds up two queries over ",
        ),
        (
            "snowflake",
            "SELECT t.day FROM t AT (OFFSET => -60) UNION SELECT t.day FROM t",
            "it adds up two queries over ",
        ),
        ("postgres", f"{SHOW} JOIN LATERAL (SELECT 1 FROM u) AS x ON TRUE", "it joins each row with a list"),
        ("postgres", "SELECT day, messages, jsonb_array_elements(tags) FROM t", "it makes several rows of one"),
    ],
)
def test_each_warehouse_has_its_own_words_for_it(dialect: str, sql: str, how: str) -> None:
    assert repeats(sql, dialect).startswith(how)
    assert bool(repeats(sql, dialect)) == bool(how)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dialect", IDIOMS)
def test_sql_as_looker_writes_it_says_so_where_it_reads_one_table_twice(dialect: str, shape: str) -> None:
    assert bool(repeats(looker_sql(dialect, shape), dialect)) == (shape in {"two joins", "union of views"})


@pytest.mark.parametrize(
    ("dialect", "sql"),
    [
        ("duckdb", f"({SHOW} UNION ALL {SHOW}) UNION (VALUES (1, 2))"),
        ("duckdb", "SELECT COUNT(*) AS messages FROM t CROSS JOIN u"),
        ("duckdb", "SELECT SUM(messages) AS messages FROM t CROSS JOIN u"),
        ("duckdb", "SELECT t.day, t.messages FROM t, UNNEST(t.tags)"),
        ("duckdb", "SELECT x.d, x.m FROM (SELECT day, messages FROM t UNION ALL SELECT * FROM t) AS x(d, m)"),
        ("duckdb", "SELECT day, messages FROM (t CROSS JOIN u)"),
        ("duckdb", "SELECT day, messages, (SELECT MAX(x) FROM v) AS most FROM t CROSS JOIN u"),
        ("duckdb", "SELECT COUNT(DISTINCT t.id || o.id) AS messages FROM t JOIN t AS o ON o.day = t.day"),
        ("duckdb", "SELECT day, messages FROM t UNPIVOT (messages FOR mode IN (basic, max)) AS x"),
        ("duckdb", "SELECT day, (SELECT SUM(messages) FROM t) AS messages FROM t"),
        ("duckdb", "SELECT x.d, x.m FROM (SELECT day, SUM(messages) OVER () FROM t) AS x(d, m)"),
        ("duckdb", "WITH x(d, m) AS (SELECT day, SUM(messages) OVER () FROM t) SELECT d, SUM(m) FROM x GROUP BY 1"),
        ("redshift", "SELECT t.day, t.messages FROM t, t.tags AS tag"),
        ("databricks", "SELECT t.day, t.messages FROM t LATERAL VIEW EXPLODE(t.tags) AS tag"),
        ("bigquery", "SELECT t.day, t.messages FROM t LEFT JOIN UNNEST(t.tags) AS t__tags"),
    ],
)  # fmt: skip
def test_rows_that_may_be_repeated_are_asked_about_in_unclear_sql(dialect: str, sql: str) -> None:
    """Looker's filters may name the accounts and the days that the SQL does not show."""
    found = window(sql, dialect, fields=())
    assert isinstance(found.accounts, Unknown)
    assert found.repeats


def test_unclear_sql_that_reads_one_table_once_repeats_nothing() -> None:
    assert repeats("SELECT d, m FROM t AS x(d, m)") == ""


def test_what_repeats_rows_survives_being_written_down() -> None:
    found, once = window(f"{SHOW} CROSS JOIN u"), window(SHOW)
    assert window_from_json(window_to_json(found)) == found
    assert "repeats" not in window_to_json(once)


# -- on a real engine --------------------------------------------------------------------------------------------------

DAYS = [date(2025, 12, 1) + timedelta(day) for day in range(6)]


@pytest.fixture(scope="module")
def traffic() -> Iterator[duckdb.DuckDBPyConnection]:
    """Two tables with the same columns: each has a row for each day, account and mode."""
    with duckdb.connect() as connection:
        for table in ("t", "u"):
            connection.execute(
                f"CREATE TABLE {table} (id INT, day DATE, account_sid VARCHAR, mode VARCHAR, messages INT)"
            )
            rows = [(day, account, mode, 7) for day in DAYS for account in ("AC1", "AC2") for mode in ("basic", "max")]
            values = [(number, *row) for number, row in enumerate(rows)]
            connection.executemany(f"INSERT INTO {table} VALUES (?, ?, ?, ?, ?)", values)
        yield connection


_CONDITION = st.one_of(
    st.builds("day < DATE '{}'".format, st.sampled_from(DAYS)),
    st.builds("day >= DATE '{}'".format, st.sampled_from(DAYS)),
    st.builds("day = DATE '{}'".format, st.sampled_from(DAYS)),
    st.builds("account_sid = '{}'".format, st.sampled_from(["AC1", "AC2", "ac1"])),
    st.builds(
        "mode {} '{}'".format, st.sampled_from(["=", "<>", "LIKE", "NOT LIKE"]), st.sampled_from(["basic", "m%"])
    ),
    st.sampled_from(["TRUE", "NOT (mode = 'max' AND account_sid = 'AC1')", "mode = 'max' OR day < DATE '2025-12-03'"]),
)
_WHERE = st.lists(_CONDITION, min_size=1, max_size=2).map(" AND ".join)
_COLUMNS = "id, day, account_sid, mode, messages"
_BASE = st.one_of(
    st.builds("SELECT {} FROM t WHERE {}".format, st.sampled_from([_COLUMNS, "*"]), _WHERE),
    st.builds("SELECT {} FROM (SELECT * FROM t WHERE {}) x WHERE {}".format, st.just(_COLUMNS), _WHERE, _WHERE),
)
_KEYS = st.sampled_from(["id", "day", "account_sid", "mode"])
_PARTNERS = st.one_of(
    st.just("t"),
    st.builds(
        "(SELECT DISTINCT {} FROM t)".format, st.lists(_KEYS, min_size=1, max_size=2, unique=True).map(", ".join)
    ),
    st.builds("(SELECT {0}, MAX(id) AS top FROM t GROUP BY {0})".format, _KEYS),
    st.builds("(SELECT {0}, mode AS m FROM t GROUP BY ALL)".format, _KEYS),
    st.builds("(SELECT * FROM (SELECT DISTINCT {} FROM t) y)".format, _KEYS),
    st.just("(SELECT MAX(day) AS top FROM t)"),
    st.builds("(SELECT {} AS {} FROM t GROUP BY ALL)".format, _KEYS, _KEYS),
    st.builds("(SELECT MAX({}) AS {} FROM t GROUP BY {})".format, _KEYS, _KEYS, _KEYS),
    st.builds("(SELECT {0}, {1} AS {2} FROM (SELECT DISTINCT {0}, {1} FROM t) y)".format, _KEYS, _KEYS, _KEYS),
    st.builds("(SELECT {}, COUNT(*) FILTER (WHERE TRUE) OVER () AS n FROM t)".format, _KEYS),
)
_ON = st.one_of(
    st.builds("o.{0} = x.{0}".format, _KEYS),
    st.lists(_KEYS, min_size=2, max_size=2, unique=True).map(lambda two: " AND ".join(f"o.{k} = x.{k}" for k in two)),
    st.sampled_from(["TRUE", "o.day = x.day OR o.mode = x.mode", "x.day = x.day"]),
)

_KINDS = st.sampled_from(["", "LEFT", "RIGHT"])


def _joined(base: str, partner: str, on: str, kind: str) -> str:
    return f"SELECT x.id, x.day, x.account_sid, x.mode, x.messages FROM ({base}) x {kind} JOIN {partner} AS o ON {on}"


def _chained(base: str, partner: str, on: tuple[str, str, str], kinds: tuple[str, str], key: str) -> str:
    """Two joins, of which the second one is with something of the first one, and may also say how the first one is."""
    first, second, tied = on
    return (
        f"SELECT x.id, x.day, x.account_sid, x.mode, x.messages FROM ({base}) x {kinds[0]} JOIN {partner} AS o"
        f" ON {first} {kinds[1]} JOIN (SELECT DISTINCT {key} FROM u) AS p ON p.{key} = {tied}.{key} AND {second}"
    )


def _twice(inner: str, one: str, other: str) -> str:
    return f"WITH w AS ({inner}) SELECT * FROM w WHERE {one} UNION ALL SELECT * FROM w WHERE {other}"


_QUERY = st.recursive(
    _BASE,
    lambda inner: st.one_of(
        st.builds("SELECT {2} FROM ({0}) a UNION ALL SELECT {2} FROM ({1}) b".format, inner, inner, st.just(_COLUMNS)),
        st.builds("SELECT {2} FROM ({0}) a UNION SELECT {2} FROM ({1}) b".format, inner, inner, st.just(_COLUMNS)),
        st.builds(_twice, inner, _WHERE, _WHERE),
        st.builds("SELECT {} FROM ({}) x WHERE {}".format, st.just(_COLUMNS), inner, _WHERE),
        st.builds(_joined, inner, _PARTNERS, _ON, st.sampled_from(["", "LEFT", "SEMI", "ANTI"])),
        st.builds(
            _chained,
            inner,
            _PARTNERS,
            st.tuples(_ON, _ON, st.sampled_from(["o", "x"])),
            st.tuples(_KINDS, st.one_of(_KINDS, st.sampled_from(["FULL", "SEMI", "ANTI"]))),
            _KEYS,
        ),
    ),
    max_leaves=3,
)  # fmt: skip


@costly(2)
@given(sql=_QUERY)
def test_sql_that_shows_a_row_twice_when_it_runs_says_so(traffic: duckdb.DuckDBPyConnection, sql: str) -> None:
    """A partner of another table may be alone, as far as anybody can tell, so all of them are queries over t."""
    try:
        found = traffic.execute(f"SELECT id, COUNT(*) FROM ({sql}) every GROUP BY 1 HAVING COUNT(*) > 1").fetchall()
    except duckdb.BinderException:
        event("a column that the partner does not have")
        return
    said = repeats(sql)
    event(f"{'rows' if found else 'no row'} twice, {said[:25] or 'nothing'} said")
    assert said or not found, sql
