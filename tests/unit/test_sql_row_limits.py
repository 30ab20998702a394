"""SQL whose rows are cut is refused, however they are cut; a limit that cuts no rows is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.sql import refusal

T = "SELECT day, prefix FROM traffic"


def cut_by(sql: str, dialect: str = "duckdb") -> str:
    """What the refusal says that the rows are cut by; "" if the SQL passes."""
    said = refusal(sql, dialect)
    before, mark, after = said.partition("The SQL is cut by ")
    assert not said or (mark and not before), said
    return after.removesuffix(", so rows may be missing.")


@pytest.mark.parametrize(
    ("sql", "limit"),
    [
        (f"SELECT * FROM ({T} LIMIT 5) t JOIN prefixes p USING (prefix)", "LIMIT 5"),
        (f"SELECT * FROM prefixes p JOIN ({T} LIMIT 5) t USING (prefix)", "LIMIT 5"),
        (f"SELECT * FROM prefixes p LEFT JOIN ({T} OFFSET 5) t ON p.prefix = t.prefix", "OFFSET 5"),
        (f"SELECT * FROM prefixes p, ({T} LIMIT 5) t", "LIMIT 5"),
        (f"WITH t AS ({T} LIMIT 5) SELECT * FROM t CROSS JOIN accounts", "LIMIT 5"),
        (f"WITH t AS ({T} LIMIT 5), u AS (SELECT * FROM t) SELECT * FROM accounts JOIN u USING (prefix)", "LIMIT 5"),
        (f"{T} WHERE prefix IN (SELECT prefix FROM prefixes ORDER BY n LIMIT 5)", "LIMIT 5"),
        (f"{T} WHERE prefix NOT IN (SELECT prefix FROM prefixes LIMIT 5)", "LIMIT 5"),
        (f"{T} WHERE prefix = ANY (SELECT prefix FROM prefixes LIMIT 5)", "LIMIT 5"),
        (f"WITH p AS (SELECT prefix FROM prefixes LIMIT 5) {T} WHERE prefix IN (SELECT prefix FROM p)", "LIMIT 5"),
        (
            "SELECT * FROM accounts a JOIN LATERAL (SELECT * FROM traffic t WHERE t.a = a.a LIMIT 5) t ON true",
            "LIMIT 5",
        ),
        (f"SELECT * FROM (SELECT * FROM ({T} LIMIT 5) a JOIN b USING (prefix)) c JOIN d USING (prefix)", "LIMIT 5"),
        (f"({T}) UNION ALL (SELECT * FROM ({T} LIMIT 5) a JOIN b USING (prefix))", "LIMIT 5"),
    ],
)
def test_a_limit_is_refused_wherever_its_rows_or_keys_are_read(sql: str, limit: str) -> None:
    """Joins, derived tables, common table expressions, keys of IN."""
    assert limit == cut_by(sql)


@pytest.mark.parametrize(
    "sql",
    [
        f"{T} WHERE day = (SELECT day FROM days ORDER BY day DESC LIMIT 1)",
        f"{T} WHERE day >= (SELECT day FROM (SELECT day FROM days LIMIT 30) d ORDER BY day LIMIT 1)",
        "SELECT day, (SELECT name FROM prefixes p WHERE p.prefix = t.prefix LIMIT 1) AS name FROM traffic t",
        "SELECT day FROM traffic t WHERE EXISTS (SELECT 1 FROM prefixes p WHERE p.prefix = t.prefix LIMIT 1)",
        f"WITH last AS (SELECT day FROM days ORDER BY day DESC LIMIT 1) {T} WHERE day = (SELECT day FROM last)",
        f"WITH unused AS (SELECT day FROM days LIMIT 1) {T}",
        "SELECT day, ARRAY(SELECT p FROM prefixes LIMIT 3) FROM traffic",
        f"{T} LIMIT ALL",
        f"{T} LIMIT NULL",
        f"{T} OFFSET 0",
    ],
)
def test_a_limit_that_cuts_no_rows_passes(sql: str) -> None:
    """One value out of several is not a part of the rows."""
    assert "" == cut_by(sql)


TOP = "(SELECT prefix FROM prefixes ORDER BY n LIMIT 5)"


@pytest.mark.parametrize("dialect", ["postgres", "snowflake", "bigquery", "mysql", "duckdb"])
@pytest.mark.parametrize(
    ("sql", "limit"),
    [
        (f"{T} t WHERE EXISTS (SELECT 1 FROM {TOP} p WHERE p.prefix = t.prefix)", "LIMIT 5"),
        (f"{T} t WHERE NOT EXISTS ((SELECT 1 FROM {TOP} p WHERE p.prefix = t.prefix))", "LIMIT 5"),
        (f"{T} t WHERE EXISTS ((SELECT 1 FROM {TOP} p WHERE p.prefix = code))", "LIMIT 5"),
        (f"{T} t WHERE day > 5 OR EXISTS (SELECT 1 FROM {TOP} p WHERE p.prefix = t.prefix)", "LIMIT 5"),
        (f"WITH top AS {TOP} {T} t WHERE EXISTS (SELECT 1 FROM top WHERE top.prefix = t.prefix)", "LIMIT 5"),
        (f"{T} t WHERE EXISTS (SELECT 1 FROM u WHERE u.a = t.a AND u.prefix IN {TOP})", "LIMIT 5"),
        (f"{T} t WHERE (SELECT COUNT(*) FROM {TOP} p WHERE p.prefix = t.prefix) > 0", "LIMIT 5"),
        (f"SELECT t.day FROM t JOIN u ON EXISTS (SELECT 1 FROM {TOP} p WHERE p.prefix = t.prefix)", "LIMIT 5"),
        (f"{T} t WHERE EXISTS ((SELECT 1 FROM prefixes p WHERE p.prefix = t.prefix LIMIT 1))", ""),
        (f"{T} t WHERE id = (SELECT id FROM u WHERE u.a = t.a ORDER BY loaded DESC LIMIT 1)", ""),
        (f"{T} t WHERE prefix >= (SELECT MIN(p.prefix) FROM {TOP} p)", ""),
        (f"SELECT CASE WHEN EXISTS (SELECT 1 FROM {TOP} p WHERE p.prefix = t.prefix) THEN 1 END AS is_top FROM t", ""),
        (f"SELECT (SELECT p.prefix FROM {TOP} p WHERE p.prefix = t.prefix) AS top FROM t", ""),
        (f"{T} t ORDER BY (SELECT p.prefix FROM {TOP} p WHERE p.prefix = t.prefix)", ""),
    ],
)
def test_a_limit_counts_in_what_exists_reads(dialect: str, sql: str, limit: str) -> None:
    """EXISTS, or a value that depends on the row, compares rows as IN does. Its own limit and a label cut nothing."""
    assert limit == cut_by(sql, dialect)


def test_top_100_percent_cuts_nothing() -> None:
    """SQL Server wants it before an ORDER BY in a derived table."""
    assert "" == cut_by("SELECT * FROM (SELECT TOP 100 PERCENT day FROM traffic ORDER BY day) t", "tsql")
    assert "LIMIT 90" == cut_by("SELECT TOP 90 PERCENT day FROM traffic", "tsql")


RANKED = "SELECT day, prefix, row_number() OVER (ORDER BY messages DESC) AS rn FROM traffic"


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT * FROM ({RANKED}) t WHERE rn <= 500",
        f"SELECT * FROM ({RANKED}) t WHERE 500 >= rn",
        f"SELECT * FROM ({RANKED}) t WHERE t.rn BETWEEN 1 AND 500",
        f"SELECT * FROM ({RANKED}) t WHERE rn IN (1, 2, 3)",
        f"SELECT * FROM ({RANKED}) t WHERE rn % 10 = 0",
        f"SELECT * FROM ({RANKED}) t WHERE rn = 1",
        f"SELECT * FROM ({RANKED}) t WHERE day > '2025-12-01' AND (prefix = '+1' OR rn + 1 < 501)",
        f"SELECT * FROM (SELECT rn AS place FROM ({RANKED}) t) u WHERE place <= 500",
        f"WITH t AS ({RANKED}) SELECT * FROM accounts a JOIN t ON t.rn <= 500 AND a.prefix = t.prefix",
        "WITH t (d, p, r) AS (SELECT day, prefix, rank() OVER (ORDER BY messages) FROM traffic) FROM t WHERE r < 501",
        "SELECT * FROM (SELECT day, dense_rank() OVER (ORDER BY day) FROM traffic) t (d, r) WHERE r < 501",
        f"{T} QUALIFY row_number() OVER (ORDER BY day) <= 500",
        f"{T} QUALIFY row_number() OVER (PARTITION BY prefix ORDER BY day) <= 5",
        f"{T} QUALIFY ntile(10) OVER (ORDER BY day) = 1",
        f"{T} QUALIFY percent_rank() OVER (ORDER BY day) < 0.5",
        f"{T} QUALIFY count(*) OVER (ORDER BY day) <= 500",
        "SELECT * FROM (SELECT day, sum(1) OVER (ORDER BY day) AS n FROM traffic) t WHERE n <= 500",
        f"SELECT rn FROM ({RANKED}) t GROUP BY rn HAVING rn <= 500",
    ],
)
def test_a_filter_on_a_rank_is_a_row_limit(sql: str) -> None:
    """The first so many rows, said without LIMIT."""
    assert cut_by(sql).startswith("a rank (")


@pytest.mark.parametrize(
    "sql",
    [
        f"{T} QUALIFY row_number() OVER (PARTITION BY id ORDER BY loaded DESC) = 1",
        f"{T} QUALIFY 1 = row_number() OVER (PARTITION BY id ORDER BY loaded DESC)",
        "SELECT * FROM (SELECT *, rank() OVER (PARTITION BY id ORDER BY loaded) AS r FROM traffic) t WHERE r = 1",
        f"SELECT * FROM ({RANKED}) t WHERE prefix = '+1'",
        "SELECT * FROM (SELECT *, sum(messages) OVER (PARTITION BY day) AS daily FROM traffic) t WHERE daily > 100",
        "SELECT rank FROM ranks WHERE rank <= 500",
    ],
)
def test_a_rank_that_leaves_out_no_traffic_passes(sql: str) -> None:
    """One row of each id removes duplicates; a column that only has such a name is data."""
    assert "" == cut_by(sql)


BY_ID = "SELECT day, id, row_number() OVER (PARTITION BY id ORDER BY loaded DESC) AS rn FROM traffic"


@pytest.mark.parametrize(
    "condition",
    [
        "NOT (rn > 10)", "CASE WHEN rn <= 10 THEN 1 ELSE 0 END = 1", "COALESCE(rn, 0) <= 10", "ABS(rn) <= 10",
        "10 - rn >= 0", "rn * 1 <= 10", "-rn >= -10", "LEAST(rn, 11) <= 10", "rn::text IN ('1', '2')",
        "(rn, day) IN ((1, 'a'))", "rn IN (SELECT n FROM ten)", "EXISTS (SELECT 1 FROM ten WHERE ten.n = t.rn)",
        "mod(rn, 10) = 0", "rn = ANY (ARRAY[1, 2])", "rn <= (SELECT 10)", "POWER(rn, 2) < 100", "rn < 2",
    ],
)  # fmt: skip
def test_a_rank_cuts_however_it_is_compared(condition: str) -> None:
    """In a function, in a tuple, in a sub-query."""
    assert "a rank (ROW_NUMBER)" == cut_by(f"SELECT * FROM ({RANKED}) t WHERE {condition}", "postgres")


@pytest.mark.parametrize("condition", ["rn <= 1", "rn < 2", "1 >= rn", "2 > rn", "rn IS NOT NULL", "rn > 0"])
def test_one_row_of_each_group_is_no_cut(condition: str) -> None:
    """Several ways to say rn = 1, and conditions that always hold."""
    assert "" == cut_by(f"SELECT * FROM ({BY_ID}) t WHERE {condition}", "postgres")


@pytest.mark.parametrize(
    ("sql", "cut"),
    [
        (f"SELECT * FROM (SELECT *, rn <= 10 AS top FROM ({RANKED}) x) y WHERE top", "a rank (ROW_NUMBER)"),
        (
            f"SELECT * FROM (SELECT *, CASE WHEN rn <= 9 THEN day ELSE 0 END AS b FROM ({RANKED}) x) y WHERE b > 0",
            "a rank (ROW_NUMBER)",
        ),
        (f"SELECT * FROM ten JOIN ({RANKED}) x USING (rn)", "a rank (ROW_NUMBER)"),
        (f"SELECT * FROM ten JOIN ({RANKED}) x USING (prefix)", ""),
        (f"SELECT CASE WHEN rn <= 10 THEN prefix ELSE 'Other' END AS bucket, sum(m) FROM ({RANKED}) x GROUP BY 1", ""),
        (f"SELECT * FROM (SELECT *, rn = 1 AS is_latest FROM ({BY_ID}) x) y WHERE is_latest", ""),
        (f"SELECT t.rn FROM traffic t JOIN ({RANKED}) x USING (prefix) WHERE t.rn <= 5", ""),
        (f"SELECT day FROM ({RANKED}) x GROUP BY day HAVING count(DISTINCT rn) > 5 AND count(rn) > 5", ""),
        (f"SELECT day FROM ({RANKED}) x GROUP BY day HAVING min(rn) <= 5", "a rank (ROW_NUMBER)"),
        (f"SELECT day FROM ({RANKED}) x GROUP BY day HAVING count(nullif(rn, 1)) > 0", "a rank (ROW_NUMBER)"),
        (f"{T} QUALIFY ntile(10) OVER (PARTITION BY day ORDER BY m) = 1", "a rank (NTILE)"),
        (f"{T} QUALIFY sum(m) OVER (PARTITION BY day ORDER BY m) <= 1", "a rank (SUM)"),
        (f"{T} QUALIFY count(*) OVER (PARTITION BY id ORDER BY m) = 1", ""),
        ("SELECT id FROM traffic POSITIONAL JOIN ten", "a join of rows by their position"),
    ],
)
def test_a_rank_is_followed_from_query_to_query(sql: str, cut: str) -> None:
    """A label that shows it cuts nothing; a condition on the label does."""
    assert cut == cut_by(sql)


@pytest.mark.parametrize(
    ("dialect", "sql", "cut"),
    [
        (
            "bigquery",
            "SELECT r.* FROM (SELECT ARRAY_AGG(t LIMIT 9) AS l FROM t GROUP BY d) x, UNNEST(x.l) AS r",
            "LIMIT 9",
        ),
        ("bigquery", "SELECT r.* FROM (SELECT ARRAY_AGG(t LIMIT 1) AS l FROM t GROUP BY id) x, UNNEST(x.l) AS r", ""),
        ("bigquery", "SELECT r.* FROM (SELECT ARRAY_AGG(t LIMIT 1) AS l FROM t) x, UNNEST(x.l) AS r", "LIMIT 1"),
        ("bigquery", "SELECT STRING_AGG(mode ORDER BY m LIMIT 3) AS modes, SUM(m) FROM t GROUP BY day", ""),
        ("bigquery", "SELECT a FROM t WHERE p IN UNNEST(ARRAY(SELECT p FROM u ORDER BY m LIMIT 10))", "LIMIT 10"),
        ("bigquery", "SELECT x FROM (SELECT ARRAY(SELECT p FROM u LIMIT 9) AS l FROM t) d, UNNEST(d.l) x", "LIMIT 9"),
        ("postgres", "SELECT a FROM t WHERE p = ANY (ARRAY(SELECT p FROM u LIMIT 10))", "LIMIT 10"),
        ("postgres", "SELECT a FROM t WHERE ARRAY[p] <@ ARRAY(SELECT p FROM u LIMIT 10)", "LIMIT 10"),
        ("duckdb", "SELECT a FROM t WHERE list_contains(ARRAY(SELECT p FROM u LIMIT 10), p)", "LIMIT 10"),
        (
            "trino",
            "SELECT a FROM t WHERE arrays_overlap((SELECT array_agg(p) FROM (SELECT p FROM u LIMIT 9) v), q)",
            "LIMIT 9",
        ),
        ("clickhouse", "SELECT a FROM t PASTE JOIN u", "a join of rows by their position"),
        ("clickhouse", "SELECT a FROM t WHERE rowNumberInAllBlocks() < 10", "a rank (ROWNUMBERINALLBLOCKS)"),
        ("snowflake", "SELECT a FROM t WHERE SEQ4() < 10", "a rank (SEQ4)"),
        (
            "databricks",
            "SELECT a FROM t WHERE monotonically_increasing_id() < 10",
            "a rank (MONOTONICALLY_INCREASING_ID)",
        ),
        ("snowflake", "SELECT a FROM t MATCH_RECOGNIZE (PATTERN (x+) DEFINE x AS a > 1)", "MATCH_RECOGNIZE"),
        (
            "trino",
            "SELECT a FROM (SELECT * FROM t MATCH_RECOGNIZE (PATTERN (x) DEFINE x AS true)) y",
            "MATCH_RECOGNIZE",
        ),
        ("sqlite", "SELECT a FROM t LIMIT -1", ""),
        ("clickhouse", "SELECT a FROM t LIMIT 2 WITH TIES", "LIMIT 2"),
        ("clickhouse", "SELECT a FROM t LIMIT 1, 5", "LIMIT 5"),
        ("clickhouse", "SELECT a FROM t LIMIT 5 BY a", "LIMIT 5"),
        ("tsql", "SELECT TOP (5) WITH TIES a FROM t ORDER BY a", "LIMIT 5"),
        ("tsql", "SELECT TOP 5 PERCENT a FROM t", "LIMIT 5"),
        ("tsql", "SELECT a FROM t ORDER BY a OFFSET 0 ROWS FETCH NEXT 5 ROWS ONLY", "FETCH 5"),
        ("tsql", "SELECT a FROM t ORDER BY a OFFSET 0 ROWS", ""),
        ("postgres", "SELECT a FROM t FETCH FIRST 5 ROWS WITH TIES", "FETCH 5"),
        ("postgres", "SELECT a FROM t LIMIT $1", "LIMIT"),
        ("postgres", "SELECT DISTINCT ON (id) id, m FROM t ORDER BY id, m", ""),
        ("duckdb", "SELECT a FROM t LIMIT 10 PERCENT", "LIMIT 10"),
        ("snowflake", "SELECT a FROM t FETCH 5", "FETCH 5"),
        ("spark", "SELECT a FROM t OFFSET 5", "OFFSET 5"),
    ],
)
def test_a_limit_is_known_in_the_words_of_its_warehouse(dialect: str, sql: str, cut: str) -> None:
    """Limits of lists count where the list is opened or its keys are compared."""
    assert cut == cut_by(sql, dialect)


@pytest.mark.parametrize(
    ("sql", "cut"),
    [
        ("SELECT * FROM (SELECT day, ROWNUM rn FROM traffic) WHERE rn < 5", "ROWNUM"),
        ("SELECT * FROM a JOIN (SELECT day FROM traffic WHERE ROWNUM < 5) b ON a.day = b.day", "ROWNUM"),
        ("SELECT * FROM a WHERE day IN (SELECT day FROM traffic WHERE rownum < 5)", "ROWNUM"),
        ("SELECT day FROM traffic FETCH FIRST 5 PERCENT ROWS ONLY", "FETCH 5"),
        ("SELECT day FROM traffic OFFSET 5 ROWS", "OFFSET 5"),
        ("SELECT day FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.a = t.a AND ROWNUM = 1)", ""),
        (
            "SELECT day FROM t WHERE EXISTS (SELECT 1 FROM (SELECT a FROM u WHERE ROWNUM <= 5) v WHERE v.a = t.a)",
            "ROWNUM",
        ),
    ],
)
def test_the_row_limits_of_oracle(sql: str, cut: str) -> None:
    """ROWNUM cuts even where only its copy is compared, but not the one row that EXISTS asks for."""
    assert cut == cut_by(sql, "oracle")


def test_a_column_named_rownum_is_data_elsewhere() -> None:
    """Only Oracle gives the name a meaning."""
    assert "" == cut_by("SELECT rownum FROM traffic WHERE rownum < 5", "postgres")


@pytest.mark.parametrize(
    ("dialect", "sql", "said"),
    [
        ("clickhouse", f"{T} SETTINGS limit = 5", "SETTINGS"),
        ("clickhouse", f"SELECT * FROM ({T} SETTINGS max_rows_to_read = 5) t", "SETTINGS"),
        ("clickhouse", f"{T} FORMAT JSON", "FORMAT"),
        ("mysql", "SELECT /*+ SET_VAR(sql_select_limit=10) */ day FROM traffic", "SET_VAR"),
        ("clickhouse", f"{T} LIMIT 1 BY day", "LIMIT 1"),
        ("tsql", "SELECT day FROM traffic WITH (READPAST)", "READPAST"),
    ],
)
def test_a_limit_in_the_words_of_one_warehouse_is_refused(dialect: str, sql: str, said: str) -> None:
    """Settings, hints and clauses that no other warehouse has."""
    assert said in refusal(sql, dialect)


@pytest.mark.parametrize(
    ("dialect", "condition"),
    [
        ("postgres", "random() < 0.1"),
        ("mysql", "rand() < 0.1"),
        ("snowflake", "uniform(1, 10, random()) = 1"),
        ("clickhouse", "rand32() % 10 = 0"),
        ("clickhouse", "randCanonical() < 0.1"),
        ("tsql", "ABS(CHECKSUM(NEWID())) % 10 = 0"),
        ("tsql", "CRYPT_GEN_RANDOM(1) < 0x19"),
        ("postgres", "left(gen_random_uuid()::text, 1) = 'a'"),
        ("bigquery", "STARTS_WITH(GENERATE_UUID(), 'a')"),
        ("oracle", "SYS_GUID() < HEXTORAW('19')"),
        ("trino", "CAST(uuid() AS varchar) < '2'"),
    ],
)
def test_a_random_sample_is_refused(dialect: str, condition: str) -> None:
    """It is a part of the traffic, and another one each time."""
    assert "different rows each time" in refusal(f"{T} WHERE {condition}", dialect)


@pytest.mark.parametrize(
    ("dialect", "sql"),
    [
        ("bigquery", "SELECT GENERATE_UUID() AS pk, day FROM traffic"),
        ("snowflake", "SELECT day FROM (SELECT UUID_STRING() AS pk, day FROM traffic) t WHERE day > '2025-12-01'"),
        ("tsql", f"{T} ORDER BY NEWID()"),
        ("oracle", f"{T} WHERE id IN (SELECT id FROM (SELECT SYS_GUID() AS pk, id FROM u) x)"),
        ("mysql", f"{T} WHERE id = UUID_TO_BIN('61f0c404-5cb3-11e7-907b-a6006ad3dba0')"),
        ("clickhouse", f"{T} WHERE toUUID(id) = key"),
    ],
)
def test_a_key_that_leaves_out_no_rows_passes(dialect: str, sql: str) -> None:
    """LookML gives rows a key of their own with UUID(), and compares keys."""
    assert "" == cut_by(sql, dialect)


@pytest.mark.parametrize("cap", [50, 500, 16383])
def test_a_pivot_that_looker_cuts_is_refused(cap: int) -> None:
    """It keeps 16,384 columns of every pivot, and cuts it where it keeps fewer."""
    inner = "SELECT *, DENSE_RANK() OVER (ORDER BY mode) AS z__pivot_col_rank FROM traffic"
    assert "a rank (DENSE_RANK)" == cut_by(f"SELECT * FROM ({inner}) bb WHERE z__pivot_col_rank <= {cap}")
    assert "" == cut_by(f"SELECT * FROM ({inner}) bb WHERE z__pivot_col_rank <= 16384")


WRAPPERS = st.sampled_from(
    [
        "SELECT * FROM ({}) a{n}",
        "SELECT * FROM ({}) a{n} JOIN b{n} USING (prefix)",
        "SELECT * FROM b{n} LEFT JOIN ({}) a{n} USING (prefix)",
        "WITH a{n} AS ({}) SELECT * FROM a{n}",
        "WITH a{n} AS ({}), c{n} AS (SELECT * FROM a{n}) SELECT * FROM b{n} JOIN c{n} USING (prefix)",
        "SELECT * FROM b{n} WHERE prefix IN (SELECT prefix FROM ({}) a{n})",
        "SELECT * FROM b{n} UNION ALL ({})",
        "({}) EXCEPT SELECT * FROM b{n}",
        "SELECT prefix, sum(messages) AS messages FROM ({}) a{n} GROUP BY prefix",
    ]
)
CUTS = st.sampled_from(
    [
        f"{T} LIMIT 7",
        f"{T} OFFSET 7",
        f"{T} QUALIFY row_number() OVER (ORDER BY day) <= 7",
        f"SELECT * FROM ({RANKED}) r WHERE rn <= 7",
    ]
)


@given(CUTS, st.lists(WRAPPERS, max_size=5))
def test_no_query_around_a_cut_hides_it(sql: str, wrappers: list[str]) -> None:
    """However deep it stands, and whatever is joined to it."""
    for number, wrapper in enumerate(wrappers):
        sql = wrapper.replace("{n}", str(number)).replace("{}", sql)
    assert cut_by(sql)


@given(st.lists(WRAPPERS, max_size=5))
def test_what_is_not_cut_passes_however_it_is_wrapped(wrappers: list[str]) -> None:
    """The wrappers themselves cut nothing."""
    sql = T
    for number, wrapper in enumerate(wrappers):
        sql = wrapper.replace("{n}", str(number)).replace("{}", sql)
    assert "" == cut_by(sql)
