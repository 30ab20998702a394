"""SQL that counts rows of the traffic more than once says so, whatever makes it count them again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import duckdb
import pytest
import sqlglot
from hypothesis import event, given
from hypothesis import strategies as st

from creditbot.credit.footprint import Unknown
from creditbot.credit.footprint_text import window_from_json, window_to_json
from creditbot.credit.sql.repeated_rows import MOST_PARTS
from creditbot.credit.sql.traffic_window import window_of
from creditbot.model import ACCOUNT_FIELDS
from tests.support.looker_sql import IDIOMS, SHAPES, looker_sql
from tests.support.sampling import costly

TODAY = date(2026, 1, 8)
SHOW = "SELECT t.day, t.prefix, t.messages FROM t"
SUMS = "SELECT t.day, SUM(t.messages) AS messages FROM t"


def repeats(sql: str, dialect: str = "duckdb") -> str:
    return window_of([(dialect, sqlglot.parse_one(sql, dialect=dialect))], TODAY, ACCOUNT_FIELDS).repeats


# -- UNION -------------------------------------------------------------------------------------------------------------

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
        f"{SHOW} UNION SELECT day, country, messages FROM t",
        f"{SUMS} GROUP BY 1 UNION {SUMS} WHERE mode = 'basic' GROUP BY 1",
        "SELECT day, messages FROM t UNION ALL BY NAME SELECT day, messages FROM t",
        "SELECT day, messages FROM lr_1a2b1765000000000_t UNION ALL SELECT day, messages FROM lr_1a2b1766000000000_t",
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
        f"{SHOW} WHERE tier = 1 UNION ALL {SHOW} WHERE tier = 2",
        f"{SHOW} UNION ALL SELECT day, prefix, messages FROM u",
        f"{SHOW} UNION ALL SELECT day, prefix, messages FROM eu.v UNION ALL SELECT day, prefix, messages FROM us.v",
        f"{SHOW} UNION {SHOW}",
        f"{SHOW} WHERE {FIRST} UNION {SHOW} WHERE mode = 'basic'",
        f"{SHOW} EXCEPT {SHOW} WHERE mode = 'basic'",
        f"{SHOW} WHERE prefix IN (SELECT prefix FROM p UNION ALL SELECT prefix FROM p)",
    ],
)
def test_queries_over_other_rows_count_each_row_once(sql: str) -> None:
    assert repeats(sql) == ""


def test_more_queries_than_can_be_compared_are_asked_about() -> None:
    many = [f"{SHOW} WHERE tier = {number}" for number in range(MOST_PARTS + 1)]
    assert repeats(" UNION ALL ".join(many[:-1])) == ""
    assert "too many to compare" in repeats(" UNION ALL ".join(many))


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
        (f"{SHOW} CROSS JOIN u", "it joins u without saying"),
        (f"{SHOW} JOIN u ON TRUE", "it joins u without saying"),
        (f"{SHOW} JOIN u ON u.day > t.day", "it joins u without saying"),
        (f"{SHOW} JOIN u ON u.day = '2025-12-01'", "it joins u without saying"),
        (f"{SHOW} JOIN u ON u.day = t.day OR u.mode = t.mode", "it joins u without saying"),
        (f"{SHOW} JOIN u ON t.day = t.sent", "it joins u without saying"),
        (f"{SHOW} JOIN u ON day = sent", "it joins u without saying"),
        (f"{SHOW} JOIN a ON a.id = t.id CROSS JOIN u", "it joins u without saying"),
        (f"{SHOW} JOIN a USING (id) CROSS JOIN u", "it joins u without saying"),
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
        f"{SHOW} NATURAL JOIN a",
        f"{SHOW}, a WHERE a.id = t.account_id",
        "SELECT t.day, t.messages FROM a JOIN t ON t.account_id = a.id",
        f"{SHOW} JOIN a ON a.id = t.account_id JOIN b ON b.id = a.owner",
        f"{SHOW} SEMI JOIN t AS o ON o.day = t.day",
        f"{SHOW} ANTI JOIN t AS o ON o.day = t.day",
        f"{SHOW} ASOF JOIN t AS o ON o.day = t.day AND o.sent <= t.sent",
        f"{SHOW} CROSS JOIN (SELECT MAX(day) AS last FROM t) AS m WHERE t.day < m.last",
        f"WITH m AS (SELECT MAX(day) AS last FROM t) {SHOW} CROSS JOIN m",
        f"{SHOW} JOIN (SELECT day, SUM(messages) AS all_of_it FROM t GROUP BY 1) AS d ON d.day = t.day",
        f"{SHOW} JOIN (SELECT day AS d, mode AS m FROM t GROUP BY ALL) AS d ON d.d = t.day AND t.mode = d.m",
        f"{SHOW} JOIN (SELECT DISTINCT prefix AS p FROM t) AS x ON t.prefix = x.p",
        f"WITH d AS (SELECT DISTINCT day FROM t), e AS (SELECT * FROM d) {SHOW} JOIN e ON e.day = t.day",
        f"WITH d AS (SELECT DISTINCT day FROM t), e AS (SELECT day AS x FROM d) {SHOW} JOIN e ON e.x = t.day",
        "SELECT t.day, COUNT(DISTINCT t.id) AS messages, MIN(t.price) FROM t JOIN t AS o ON o.day = t.day GROUP BY 1",
        f"{SHOW} WHERE t.prefix IN (SELECT u.prefix FROM u CROSS JOIN t)",
        f"{SHOW} WHERE EXISTS (SELECT 1 FROM u CROSS JOIN t)",
    ],
)
def test_a_join_with_one_partner_for_each_row_counts_it_once(sql: str) -> None:
    assert repeats(sql) == ""


@pytest.mark.parametrize(
    ("dialect", "sql", "how"),
    [
        ("clickhouse", f"{SHOW} ARRAY JOIN tags AS tag", "it joins each row with a list"),
        ("clickhouse", f"{SHOW} ANY LEFT JOIN t AS o ON o.day = t.day", ""),
        ("clickhouse", f"{SHOW} FINAL JOIN a FINAL ON a.id = t.account_id", ""),
        ("snowflake", f"{SHOW}, LATERAL FLATTEN(input => t.tags) AS f", "it joins each row with a list"),
        ("databricks", f"{SHOW} LATERAL VIEW EXPLODE(t.tags) x AS tag", "it joins each row with a list"),
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


def test_what_repeats_rows_is_said_of_sql_that_is_otherwise_unclear() -> None:
    found = window_of([("duckdb", sqlglot.parse_one(f"({SHOW} UNION ALL {SHOW}) UNION (VALUES (1, 2))"))], TODAY, ())
    assert isinstance(found.days, Unknown)
    assert found.repeats


def test_what_repeats_rows_survives_being_written_down() -> None:
    found = window_of([("duckdb", sqlglot.parse_one(f"{SHOW} CROSS JOIN u"))], TODAY, ACCOUNT_FIELDS)
    once = window_of([("duckdb", sqlglot.parse_one(SHOW))], TODAY, ACCOUNT_FIELDS)
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
)
_ON = st.one_of(
    st.builds("o.{0} = x.{0}".format, _KEYS),
    st.lists(_KEYS, min_size=2, max_size=2, unique=True).map(lambda two: " AND ".join(f"o.{k} = x.{k}" for k in two)),
    st.sampled_from(["TRUE", "o.day = x.day OR o.mode = x.mode", "x.day = x.day"]),
)


def _joined(base: str, partner: str, on: str, kind: str) -> str:
    return f"SELECT x.id, x.day, x.account_sid, x.mode, x.messages FROM ({base}) x {kind} JOIN {partner} AS o ON {on}"


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
