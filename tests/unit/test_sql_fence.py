"""The fence around SQL holds in every dialect that SQL_DIALECT names, and lets people's own tables through."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from creditbot.credit.sql.dialects import DIALECTS
from creditbot.credit.sql.tsql import _STATEMENTS
from tests.support.sql import refusal

# ---- rows come from tables ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", [None, *DIALECTS])
@pytest.mark.parametrize("table", ["dual", "DUAL", "sys.dual"])
def test_rows_from_dual_are_refused(dialect: str | None, table: str) -> None:
    """One row that means nothing, and a SELECT over it makes a credit of constants."""
    assert refusal(f"SELECT 'basic' AS mode, 100000 AS messages FROM {table}", dialect) != ""


@pytest.mark.parametrize(
    ("dialect", "value"),
    [
        ("postgres", "((SELECT TIMESTAMP '2025-12-01'))"),
        ("postgres", "((SELECT (DATE_TRUNC('day', CURRENT_TIMESTAMP) + (-6 || ' day')::INTERVAL)))"),
        ("postgres", "(SELECT CAST('2025-12-01' AS DATE))"),
        ("oracle", "(SELECT TO_DATE('2025-12-01', 'YYYY-MM-DD') FROM dual)"),
        ("snowflake", "(SELECT DATEADD('day', -6, CURRENT_DATE()))"),
        ("bigquery", "(SELECT MAX(x) FROM UNNEST(t.days) AS x)"),
        ("mysql", "(SELECT NOW() - INTERVAL 6 DAY FROM dual)"),
    ],
)
def test_a_sub_query_without_a_table_may_compute_a_value(dialect: str, value: str) -> None:
    """PostgreSQL's date filters in Looker are of this kind. A value is not a row."""
    assert "" == refusal(f"SELECT a FROM t WHERE day >= {value}", dialect)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 AS messages",
        "SELECT * FROM (SELECT 1 AS messages) t",
        "WITH t AS (SELECT 1 AS messages) SELECT * FROM t",
        "SELECT a FROM t UNION ALL SELECT 1",
        "SELECT a FROM t JOIN (SELECT 1 AS a) u USING (a)",
        "SELECT a FROM t CROSS JOIN LATERAL (SELECT 1 AS b) u",
        "SELECT (SELECT max(b) FROM (SELECT 1 AS b) u) FROM t",
    ],
)
def test_a_row_without_a_table_is_refused(sql: str) -> None:
    """Where its rows would be rows of the result or of what is joined to it."""
    assert "without a table" in refusal(sql, "duckdb")


@pytest.mark.parametrize(
    ("dialect", "sql"),
    [
        ("bigquery", "SELECT (SELECT value.string_value FROM UNNEST(t.params) WHERE key = 'page') AS page FROM t"),
        ("bigquery", "SELECT a FROM t WHERE EXISTS (SELECT 1 FROM UNNEST(t.hits) AS h WHERE h.page = 'x')"),
        ("bigquery", "SELECT a FROM t WHERE 'x' IN (SELECT tag FROM UNNEST(t.tags) AS tag)"),
        ("bigquery", "SELECT ARRAY(SELECT x FROM UNNEST(t.tags) AS x ORDER BY x) AS tags FROM t"),
        ("bigquery", "SELECT a FROM t LEFT JOIN UNNEST(t.hits) AS hits LEFT JOIN UNNEST(hits.products) AS product"),
        ("bigquery", "SELECT a FROM t, UNNEST(SPLIT(t.tags, ',')) AS tag"),
        ("bigquery", "SELECT a FROM t, UNNEST(t.session.device.tags.all) AS tag"),
        ("bigquery", "SELECT a FROM t, UNNEST(JSON_EXTRACT_ARRAY(t.payload, '$.items')) AS item"),
        ("snowflake", "SELECT f.value FROM t, LATERAL FLATTEN(INPUT => t.payload:items) f"),
        ("snowflake", "SELECT f.value FROM t, LATERAL FLATTEN(INPUT => PARSE_JSON(t.payload):items) f"),
        ("snowflake", "SELECT s.value FROM t, LATERAL SPLIT_TO_TABLE(t.tags, ',') s"),
        ("snowflake", "SELECT f.value::string FROM t, TABLE(FLATTEN(SPLIT(t.tags, ','))) f"),
        ("postgres", "SELECT e FROM t CROSS JOIN LATERAL jsonb_array_elements(t.payload -> 'items') e"),
        ("postgres", "SELECT e FROM t, unnest(string_to_array(t.tags, ',')) e"),
        ("postgres", "SELECT regexp_split_to_table(tags, ',') FROM t"),
        ("redshift", "SELECT i FROM t, t.items i"),
        ("trino", "SELECT k FROM t CROSS JOIN UNNEST(map_keys(t.attributes)) AS u (k)"),
        ("trino", "SELECT v FROM t CROSS JOIN UNNEST(map_values(t.attributes)) AS u (v)"),
        ("athena", "SELECT e FROM t CROSS JOIN UNNEST(CAST(json_extract(t.payload, '$.items') AS ARRAY(JSON))) u (e)"),
        ("databricks", "SELECT x FROM t LATERAL VIEW OUTER explode(split(t.tags, ',')) u AS x"),
        ("databricks", "SELECT x FROM t LATERAL VIEW posexplode(from_json(t.j, 'array<int>')) u AS p, x"),
        ("clickhouse", "SELECT x FROM db.t AS t ARRAY JOIN t.tags AS x, t.counts AS n"),
        ("clickhouse", "SELECT arrayJoin(splitByChar(',', tags)) FROM t"),
        ("clickhouse", "SELECT a FROM db.t AS t FINAL WHERE item LIKE 'Authy%'"),
        (
            "clickhouse",
            "WITH toDate('2025-12-01') AS start, 5 AS least SELECT a FROM t WHERE day >= start AND n > least",
        ),
        ("bigquery", "SELECT a FROM t, UNNEST(JSON_VALUE_ARRAY(t.payload, '$.tags')) AS tag"),
        ("snowflake", "SELECT f.value FROM t, LATERAL FLATTEN(INPUT => OBJECT_KEYS(t.payload)) f"),
        ("snowflake", "SELECT f.value FROM t, LATERAL FLATTEN(INPUT => STRTOK_TO_ARRAY(t.tags, ',')) f"),
        ("trino", "SELECT e FROM t CROSS JOIN UNNEST(array_distinct(t.tags)) u (e)"),
        ("trino", "SELECT v FROM t CROSS JOIN UNNEST(map_values(t.attributes)) u (v)"),
        ("tsql", "SELECT x.value FROM t CROSS APPLY STRING_SPLIT(t.tags, ',') x"),
    ],
)
def test_the_list_in_a_column_may_be_opened(dialect: str, sql: str) -> None:
    """What it holds is the table's."""
    assert "" == refusal(sql, dialect)


@pytest.mark.parametrize(
    ("dialect", "sql"),
    [
        ("postgres", "SELECT jsonb_array_elements('[1,2,3]') FROM t"),
        ("postgres", "SELECT regexp_split_to_table('a,b', ',') FROM t"),
        ("postgres", "SELECT regexp_split_to_table(a || ',b', ',') FROM t"),
        ("postgres", "SELECT string_to_table('1,2', ',') FROM t"),
        ("postgres", "SELECT unnest(string_to_array('1,2', ',')) FROM t"),
        ("postgres", "SELECT unnest(string_to_array('1,2', t.separator)) FROM t"),
        ("postgres", "SELECT unnest('{1,2}'::int[]) FROM t"),
        ("postgres", "SELECT unnest(string_to_array(t.tags, upper(t.separator))) FROM t"),
        ("postgres", "SELECT e FROM jsonb_array_elements(t.payload) e"),
        ("postgres", "SELECT unnest(tags || '{1,2}') FROM t"),
        ("postgres", "SELECT (json_populate_recordset(null::x, '[{}]')).* FROM t"),
        ("postgres", "SELECT a FROM t, jsonb_array_elements('[1,2]') e"),
        ("snowflake", "SELECT a FROM t, LATERAL FLATTEN(INPUT => ARRAY_CAT(t.tags, PARSE_JSON('[1,2]'))) f"),
        ("snowflake", "SELECT a FROM t, LATERAL FLATTEN(INPUT => ARRAY_CONSTRUCT(t.a, 1, 2)) f"),
        ("snowflake", "SELECT a FROM t, TABLE(SPLIT_TO_TABLE(t.a || ',1,2', ',')) s"),
        ("bigquery", "SELECT a FROM t, UNNEST(ARRAY_CONCAT(t.tags, [1, 2])) x"),
        ("bigquery", "SELECT a FROM t, UNNEST(SPLIT(CONCAT(t.a, ',1,2'))) x"),
        ("bigquery", "SELECT a FROM t, UNNEST(JSON_EXTRACT_ARRAY(CONCAT(t.a, '[1]'))) x"),
        ("bigquery", "SELECT d FROM UNNEST(t.days) AS d"),
        ("databricks", "SELECT variant_explode(parse_json('[1,2]')) FROM t"),
        ("databricks", "SELECT a FROM t LATERAL VIEW explode(from_json(concat('[1,', a, ']'), 'array<int>')) u AS x"),
        ("databricks", "SELECT a FROM t LATERAL VIEW posexplode(array(1, 2)) u AS p, x"),
        ("clickhouse", "SELECT arrayJoin(arrayConcat(tags, splitByChar(',', '1,2'))) FROM t"),
        ("clickhouse", "SELECT a FROM t ARRAY JOIN [1, 2] AS x"),
        ("clickhouse", "SELECT a FROM t LEFT ARRAY JOIN splitByChar(',', '1,2') AS x"),
        ("clickhouse", "SELECT a FROM t ARRAY JOIN tags AS x, [1, 2] AS y"),
        ("clickhouse", "SELECT a FROM t ORDER BY a WITH FILL FROM 1 TO 100"),
        ("clickhouse", "SELECT a FROM t ORDER BY a WITH FILL FROM 1 TO 9 INTERPOLATE (m AS 1000)"),
        ("clickhouse", "WITH 1 AS t SELECT a FROM (SELECT 1 AS a) u"),
        ("tsql", "SELECT a FROM t CROSS APPLY OPENJSON('[1,2]') x"),
        ("tsql", "SELECT a FROM t CROSS APPLY STRING_SPLIT('1,2', ',') x"),
        ("trino", "SELECT a FROM t CROSS JOIN UNNEST(repeat(a, 5)) u (x)"),
        ("duckdb", "SELECT unnest(object_keys()) FROM t"),
        ("trino", "SELECT a FROM t CROSS JOIN UNNEST(split('1,2', ',')) u (x)"),
    ],
)
def test_rows_out_of_a_list_that_is_written_down_are_refused(dialect: str, sql: str) -> None:
    """A list in the SQL, or one with something of the SQL in it, makes one row of traffic into many."""
    assert refusal(sql, dialect) != ""


@pytest.mark.parametrize(
    ("dialect", "sql"),
    [
        ("trino", "SELECT x FROM (SELECT id, array_agg(a) AS l FROM t GROUP BY id) d CROSS JOIN UNNEST(d.l) AS u (x)"),
        ("bigquery", "SELECT x FROM (SELECT id, ARRAY_AGG(STRUCT(a, b)) AS l FROM t GROUP BY id) d, UNNEST(d.l) AS x"),
        ("snowflake", "SELECT f.value FROM (SELECT PARSE_JSON(p) AS j FROM t) d, LATERAL FLATTEN(INPUT => d.j:i) f"),
        ("databricks", "SELECT x FROM (SELECT split(tags, ',') AS l FROM t) d LATERAL VIEW explode(l) u AS x"),
        ("databricks", "SELECT x FROM (SELECT collect_set(a) AS l FROM t) d LATERAL VIEW explode(l) u AS x"),
        ("clickhouse", "SELECT arrayJoin(l) FROM (SELECT groupArray(a) AS l FROM t) d"),
        ("duckdb", "SELECT unnest(l) FROM (SELECT array_agg(a) FILTER (WHERE a > 1) AS l FROM t) d"),
        ("bigquery", "SELECT i FROM (SELECT id, ARRAY_AGG(a IGNORE NULLS) AS l FROM t GROUP BY id) d, UNNEST(l) i"),
        ("bigquery", "SELECT i FROM t, UNNEST(IFNULL(t.items, [])) i"),
        ("bigquery", "SELECT i FROM t, UNNEST(IF(ARRAY_LENGTH(t.items) > 0, t.items, [NULL])) i"),
        ("bigquery", "SELECT i FROM t, UNNEST(SPLIT(COALESCE(t.tags, ''), ',')) i"),
        ("postgres", "SELECT e FROM t, jsonb_array_elements(CASE WHEN a THEN t.j ELSE '[]'::jsonb END) e"),
        ("postgres", "SELECT e FROM t, jsonb_array_elements(CASE WHEN a THEN t.j WHEN b THEN NULL END) e"),
        ("bigquery", "SELECT i.p FROM (SELECT t.items AS l FROM t) d, d.l i"),
        ("bigquery", "SELECT ARRAY(SELECT x FROM UNNEST(tags) AS x WHERE x <> '') AS tags FROM t"),
        ("bigquery", "SELECT p.v FROM t, UNNEST(t.hits) AS h, UNNEST(h.products) AS p"),
        ("bigquery", "SELECT a FROM t WHERE item IN UNNEST(['Authy', 'Authy SMS'])"),
        ("postgres", "SELECT unnest(l) FROM (SELECT tags AS l FROM t UNION ALL SELECT labels FROM u) d"),
    ],
)
def test_a_list_that_a_derived_table_takes_from_rows_may_be_opened(dialect: str, sql: str) -> None:
    """One element a row, or a column's own list under another name."""
    assert "" == refusal(sql, dialect)


@pytest.mark.parametrize(
    ("dialect", "sql"),
    [
        ("postgres", "SELECT u.x FROM (SELECT ARRAY[1, 2] AS l FROM t) d CROSS JOIN LATERAL unnest(d.l) AS u (x)"),
        ("postgres", "WITH d (l) AS (SELECT ARRAY[1, 2] FROM t) SELECT unnest(l) FROM d"),
        ("postgres", "SELECT unnest(l) FROM (SELECT tags AS l FROM t UNION ALL SELECT ARRAY[1, 2] FROM t) d"),
        ("postgres", "SELECT unnest(l) FROM (SELECT ARRAY[1, 2] FROM t) d (l)"),
        ("postgres", "SELECT jsonb_array_elements(j) FROM (SELECT '[1,2]'::jsonb AS j FROM t) d"),
        ("postgres", "SELECT u.x FROM t, unnest(t.tags[1:2]) AS u (x)"),
        ("duckdb", "SELECT [1, 2] AS l, unnest(l) FROM t"),
        ("duckdb", "SELECT unnest(s.l) FROM (SELECT {'l': [1, 2]} AS s FROM t) d"),
        ("bigquery", "SELECT x FROM (SELECT STRUCT([1, 2] AS l) AS s FROM t) d, UNNEST(d.s.l) AS x"),
        ("bigquery", "SELECT x FROM (SELECT * FROM t UNION ALL SELECT a, [1, 2] FROM t) d, UNNEST(d.tags) AS x"),
        ("bigquery", "SELECT i FROM (SELECT [1, 2] AS l FROM t) d, d.l i"),
        ("bigquery", "SELECT i FROM t, UNNEST(IFNULL(t.items, [1, 2])) i"),
        ("bigquery", "SELECT i FROM t, UNNEST(IF(t.a > 0, [1, 2], t.items)) i"),
        ("bigquery", "SELECT i FROM t, UNNEST(SPLIT(COALESCE(t.tags, 'a,b'), ',')) i"),
        ("bigquery", "SELECT i FROM (SELECT COALESCE(t.items, [1, 2]) AS l FROM t) d, UNNEST(d.l) i"),
        ("postgres", "SELECT e FROM t, jsonb_array_elements(CASE WHEN a THEN t.j ELSE '[1,2]'::jsonb END) e"),
        ("bigquery", "SELECT x FROM (SELECT ARRAY_AGG([1, 2]) AS l FROM t) d, UNNEST(d.l) AS x"),
        ("redshift", "SELECT i FROM (SELECT array(1, 2) AS l FROM t) d, d.l i"),
        (
            "snowflake",
            "SELECT f.value FROM (SELECT ARRAY_CONSTRUCT(1, 2) AS l FROM t) d, LATERAL FLATTEN(INPUT => d.l) f",
        ),
        (
            "snowflake",
            "SELECT f.value FROM (SELECT OBJECT_CONSTRUCT('l', a) AS o FROM t) d, LATERAL FLATTEN(INPUT => d.o:l) f",
        ),
        ("clickhouse", "WITH [1, 2] AS l SELECT arrayJoin(l) FROM t"),
        ("clickhouse", "SELECT x FROM (SELECT [1, 2] AS l FROM t) ARRAY JOIN l AS x"),
        ("databricks", "SELECT x FROM (SELECT array(1, 2) AS l FROM t) d LATERAL VIEW explode(l) u AS x"),
        ("trino", "SELECT x FROM (SELECT split(a || ',1', ',') AS l FROM t) d CROSS JOIN UNNEST(l) AS u (x)"),
        ("trino", "SELECT x FROM (SELECT slice(array_agg(a), 1, 9) AS l FROM t) d CROSS JOIN UNNEST(d.l) AS u (x)"),
    ],
)
def test_a_list_that_a_derived_table_writes_down_is_refused(dialect: str, sql: str) -> None:
    """A column is what the derived table computes it from, under whatever name and in whatever place."""
    assert "from a list, not from a column" in refusal(sql, dialect)


@pytest.mark.parametrize(
    ("dialect", "sql", "said"),
    [
        ("mysql", "SELECT @rn := @rn + 1 AS rn, a FROM t", "sets the variable rn"),
        ("snowflake", "SELECT a FROM t CHANGES(INFORMATION => DEFAULT) AT(OFFSET => -60)", "changes of a table"),
        ("clickhouse", "SELECT * FROM (SHOW TABLES)", "SHOW, which is not a SELECT"),
    ],
)
def test_statements_in_the_place_of_values_and_tables_are_refused(dialect: str, sql: str, said: str) -> None:
    """Variables, change logs, and what the parser takes for a table with an alias."""
    assert said in refusal(sql, dialect)


@pytest.mark.parametrize(
    ("dialect", "clause"),
    [
        ("clickhouse", "GROUP BY prefix WITH TOTALS"),
        ("clickhouse", "GROUP BY prefix WITH ROLLUP"),
        ("postgres", "GROUP BY ROLLUP (prefix)"),
        ("snowflake", "GROUP BY CUBE (prefix, mode)"),
        ("trino", "GROUP BY GROUPING SETS ((prefix), ())"),
    ],
)
def test_totals_among_the_rows_are_refused(dialect: str, clause: str) -> None:
    """They would be credited a second time."""
    assert "rows of totals" in refusal(f"SELECT prefix, sum(messages) FROM t {clause}", dialect)


# ---- functions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        "UTL_HTTP.REQUEST('http://x')", "sys.UTL_HTTP.REQUEST('x')", "DBMS_XMLGEN.GETXML('select * from secret')",
        "dbms_xmlgen.getxmltype('select 1 from t')", "DBMS_LDAP.INIT('x', 80)", "DBMS_PIPE.RECEIVE_MESSAGE('x', 10)",
        "UTL_INADDR.get_host_address('x')", "sys.dbms_java.runjava('x')", "DBURITYPE('x').getclob()",
        "XDBURITYPE('x').getclob()", "HTTPURITYPE('x').getclob()", "CTXSYS.DRITHSX.SN(1, 'x')",
        "DBMS_CRYPTO.RANDOMBYTES(4)", "x.UTL_FILE.FOPEN('a', 'b', 'r')",
        "UTL_INADDR.GET_HOST_NAME", '"SYS"."UTL_INADDR"."GET_HOST_NAME"', "dbms_pipe.unique_session_name",
        "SYS.DBMS_RANDOM.VALUE", "DBMS_RANDOM.NORMAL", "APEX_UTIL.GET_SESSION", "CTXSYS.DRITHSX.SN",
    ],
)  # fmt: skip
def test_the_packages_of_oracle_are_refused(call: str) -> None:
    """A package says what its functions may do, whatever their names are, and with or without brackets."""
    assert "does more than compute" in refusal(f"SELECT {call} FROM t", "oracle")


@pytest.mark.parametrize(
    ("dialect", "sql"),
    [
        ("oracle", "SELECT DBMS_CRYPTO.HASH(UTL_RAW.CAST_TO_RAW(id), 2) FROM t"),
        ("oracle", "SELECT t.dbms_name, utl.price, my_package.price FROM t JOIN utl USING (id)"),
        ("postgres", "SELECT pg_catalog.lower(a) FROM t"),
        ("bigquery", "SELECT net.host(a), `p.d.fn`(a), p.d.fn(a) FROM t"),
        ("snowflake", "SELECT analytics.public.price(a) FROM t"),
    ],
)
def test_other_qualified_functions_pass(dialect: str, sql: str) -> None:
    """Hashes of Looker's symmetric aggregates, and functions of one's own."""
    assert "" == refusal(sql, dialect)


ELSEWHERE = {
    "postgres": [
        "aws_s3.query_export_to_s3('x')", "aws_lambda.invoke('f', '{}')", "azure_storage.blob_put('a', 'b')",
        "cron.schedule('x', 'y')", "xpath_table('a', 'b', 'c', 'd', 'e')", "vault.decrypt('x')", "net.http_post('x')",
        "ts_parse('default', 'a b')", "aclexplode('{}')", "each('a=>1')", "_pg_expandarray('{1,2}')",
        "jsonb_path_query_tz('[1,2]', '$[*]')",
    ],
    "mysql": ["keyring_key_fetch('x')", "mysql.lambda_sync('a', 'b')", "audit_log_read()"],
    "oracle": [
        "SYS_XMLGEN('x')", "SYS_DBURIGEN('x')", "APEX_WEB_SERVICE.MAKE_REST_REQUEST('x')", "sys.kupp$proc.x('a')",
        "ORDSYS.ORDIMAGE.x('a')", "s.nextval",
    ],
    "snowflake": ["AI_COMPLETE('m', 'x')", "AI_SENTIMENT('x')", "TO_FILE('@s', 'x')", "s.nextval"],
    "bigquery": ["AI.GENERATE_BOOL('x')", "OBJ.GET_ACCESS_URL('x', 'r')", "ML.GENERATE_TEXT('x')"],
    "databricks": ["list_secrets()", "vector_search('x')"],
    "clickhouse": ["evalMLMethod(m, 1)", "showCertificate()", "hasColumnInTable('a', 'b', 'c')", "getSetting('x')"],
    "duckdb": ["which_secret('a', 'b')", "load_aws_credentials()", "prompt('x')"],
    "sqlite": ["edit('x')", "fts3_tokenizer('x')", "eval('select 1')", "zipfile('x')"],
    "tsql": ["fn_get_audit_file('x', 1, 2)", "sys.fn_xe_file_target_read_file('a', 1, 2, 3)", "fn_dblog(NULL, NULL)"],
}  # fmt: skip


@pytest.mark.parametrize("dialect", ELSEWHERE)
def test_what_extensions_and_services_add_is_refused(dialect: str) -> None:
    """Exports, models, keys, schedules, logs."""
    assert [] == [call for call in ELSEWHERE[dialect] if not refusal(f"SELECT {call}, a FROM t", dialect)]


@pytest.mark.parametrize(
    ("dialect", "call"),
    [
        ("mysql", "master_pos_wait('x', 1)"),
        ("mysql", "wait_for_executed_gtid_set('x', 1)"),
        ("clickhouse", "sleepEachRow(3)"),
        ("clickhouse", "joinGet('secret', 'a', 1)"),
        ("clickhouse", "catboostEvaluate('/m', a)"),
        ("databricks", "ai_gen('x')"),
        ("snowflake", "SNOWFLAKE.CORTEX.COMPLETE('x', a)"),
        ("postgres", "table_to_xmlschema('x', true, true, '')"),
    ],
)
def test_functions_that_wait_or_ask_elsewhere_are_refused(dialect: str, call: str) -> None:
    """One list for all dialects."""
    assert "does more than compute" in refusal(f"SELECT {call} FROM t", dialect)


# ---- tables ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sql_tables", [(), ("verify_traffic",)])
@pytest.mark.parametrize(
    "condition",
    [
        "a IN secret", "a NOT IN secret", "a GLOBAL IN db.secret", "a IN (secret)", "(a, b) IN system.users",
        "in(a, secret)", "notIn(a, secret)", "globalIn(a, secret)",
    ],
)  # fmt: skip
def test_a_table_behind_in_of_clickhouse_is_refused(condition: str, sql_tables: tuple[str, ...]) -> None:
    """To the parser it is a column."""
    assert refusal(f"SELECT a FROM verify_traffic WHERE {condition}", "clickhouse", sql_tables) != ""


@pytest.mark.parametrize(
    "condition", ["a IN ('x')", "a IN (1, 2)", "a IN (b, c)", "a IN (SELECT a FROM verify_traffic)"]
)
def test_lists_and_sub_queries_behind_in_pass(condition: str) -> None:
    """As in every dialect."""
    assert "" == refusal(f"SELECT a FROM verify_traffic WHERE {condition}", "clickhouse", ("verify_traffic",))


def test_a_dictionary_of_clickhouse_is_a_table_to_sql_tables() -> None:
    """Where tables are listed, what a dictionary holds is not among them."""
    sql = "SELECT dictGet('prices', 'usd', prefix) FROM verify_traffic"
    assert "" == refusal(sql, "clickhouse")
    assert "dictionary" in refusal(sql, "clickhouse", ("verify_traffic",))


@pytest.mark.parametrize(
    ("dialect", "table"),
    [
        ("oracle", "all_users"),
        ("oracle", "DBA_USERS"),
        ("oracle", "v$session"),
        ("oracle", "gv$sql"),
        ("oracle", "user_source"),
        ("oracle", "user_tab_columns"),
        ("oracle", "sys.user$"),
        ("oracle", "t@link"),
        ("oracle", "s.t@link.example"),
        ("oracle", "global_name"),
        ("oracle", "role_tab_privs"),
        ("oracle", "all_all_tables"),
        ("oracle", "user_recyclebin"),
        ("oracle", "nls_session_parameters"),
        ("tsql", "master..sysobjects"),
        ("tsql", "sysobjects"),
        ("tsql", "dbo.syslogins"),
        ("tsql", "[sys].[objects]"),
        ("tsql", "server.db.dbo.t"),
        ("tsql", "msdb.dbo.sysjobs"),
        ("postgres", "pg_authid"),
        ("redshift", "svv_tables"),
        ("redshift", "stl_query"),
        ("snowflake", "SNOWFLAKE.ACCOUNT_USAGE.LOGIN_HISTORY"),
        ("duckdb", "sqlite_master"),
        ("clickhouse", "system.users"),
        ("clickhouse", "system.one"),
        ("trino", "system.runtime.queries"),
        ("trino", '"secret$partitions"'),
        ("athena", '"secret$files"'),
        ("mysql", "mysql.user"),
        ("databricks", "system.access.audit"),
        ("sqlite", "sqlite_schema"),
        ("postgres", "information_schema.tables"),
    ],
)
def test_the_catalogues_of_every_warehouse_are_refused(dialect: str, table: str) -> None:
    """Users, sources, sessions, logs, and tables of other servers."""
    assert refusal(f"SELECT a FROM {table}", dialect) != ""


@pytest.mark.parametrize(
    ("dialect", "table"),
    [
        ("redshift", "pipegen.pg_verify_messages"),
        ("postgres", "public.pg_verify"),
        ("redshift", "raw.stl_traffic"),
        ("duckdb", "raw.duckdb_traffic"),
        ("snowflake", "pg_verify_messages"),
        ("bigquery", "raw.svv_traffic"),
        ("snowflake", '"RAW"."JSON"."VERIFY_TRAFFIC"'),
        ("snowflake", "RAW.PARQUET.VERIFY"),
        ("snowflake", "PROD.TXT.T"),
        ("snowflake", "analytics.system.verify"),
        ("bigquery", "`proj.json.verify_traffic`"),
        ("postgres", "sys.verify"),
        ("databricks", "main.json.verify_traffic"),
        ("oracle", "analytics.user_traffic"),
        ("oracle", "user_traffic"),
        ("tsql", "dbo.system_messages"),
        ("trino", '"lr$abc_traffic"'),
        ("mysql", "system.traffic"),
        ("duckdb", "a.csv.t"),
    ],
)
def test_names_that_only_look_like_a_system_s_pass(dialect: str, table: str) -> None:
    """A prefix counts without a schema only, and in its own dialect only."""
    assert "" == refusal(f"SELECT a FROM {table}", dialect)


# ---- SQL Server needs no semicolon ---------------------------------------------------------------------------------

PLACES = [
    "SELECT a FROM t {}",
    "SELECT a FROM t AS x {}",
    "SELECT a FROM t x {}",
    "SELECT a {} FROM t",
    "SELECT a FROM t WHERE a = 1 {}",
    "SELECT a FROM t GROUP BY a {}",
    "SELECT a FROM t ORDER BY a {}",
    "SELECT a FROM t JOIN u ON t.a = u.a {}",
    "SELECT a FROM t JOIN u {} ON t.a = u.a",
    "SELECT a FROM (SELECT a FROM t) x {}",
    "SELECT a FROM (SELECT a FROM t) {}",
    "SELECT a FROM t UNION ALL SELECT a FROM u {}",
    "WITH x AS (SELECT a FROM t) SELECT a FROM x {}",
    "SELECT a FROM t WITH (NOLOCK) {}",
    "SELECT a FROM t AS [x] {}",
    "SELECT a FROM t OPTION (RECOMPILE) {}",
    "SELECT a FROM t ORDER BY a OFFSET 0 ROWS {}",
    "SELECT a FROM t GROUP BY a HAVING count(*) > 1 {}",
    "SELECT a FROM t CROSS APPLY (SELECT b FROM u WHERE u.a = t.a) x {}",
    "SELECT a FROM t FOR XML AUTO {}",
]


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES)
def test_a_statement_where_a_name_may_stand_is_refused(place: str) -> None:
    """SQL Server runs it; to the parser it is an alias."""
    statements = [place.format(word + tail) for word in sorted(_STATEMENTS) for tail in ("", "('x')", " sp_who", " 5")]
    assert [] == [sql for sql in statements if not refusal(sql, "tsql")]


@pytest.mark.parametrize("statement", ["SHUTDOWN", "EXEC('DROP TABLE x')", "EXECUTE(N'x')"])
def test_nor_does_it_pass_where_no_dialect_is_set(statement: str) -> None:
    """The warehouse may be SQL Server then."""
    assert refusal(f"SELECT a FROM verify_traffic {statement}") != ""


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a AS [open], b AS [set] FROM [dbo].[t]",
        "SELECT t.open, t.send, t.[end] FROM t",
        "SELECT open FROM t WITH (NOLOCK)",
        "SELECT CASE WHEN a = 1 THEN 2 END AS b FROM t",
        "SELECT a b, c AS d FROM dbo.t x JOIN db.dbo.u y ON x.a = y.a",
    ],
)
def test_names_in_brackets_and_columns_pass(sql: str) -> None:
    """Where a value is expected no statement can begin."""
    assert "" == refusal(sql, "tsql")


@pytest.mark.parametrize("hint", ["TABLOCKX", "HOLDLOCK, UPDLOCK", "XLOCK", "NOLOCK, TABLOCK", "READPAST"])
def test_hints_that_lock_are_refused(hint: str) -> None:
    """Others cannot write while they hold; READPAST leaves out rows that are locked."""
    assert "has the hint" in refusal(f"SELECT a FROM t WITH ({hint})", "tsql")


def test_the_word_use_behind_a_table_is_refused() -> None:
    """To the parser it begins a hint of MySQL, to SQL Server a statement."""
    said = "The SQL has USE after a table, and SQL Server may run it as a statement."
    assert said == refusal("SELECT a FROM t AS x USE INDEX ('x')", "tsql")


# ---- by generator ------------------------------------------------------------------------------------------------

MINTS = [
    "(SELECT 'Authy' AS item, 100000 AS messages)",
    "(SELECT 'Authy' AS item, 100000 AS messages FROM dual)",
    "(SELECT * FROM (VALUES ('Authy', 100000)) AS v (item, messages))",
    "(SELECT x FROM t CROSS JOIN UNNEST(ARRAY[1, 2]) AS u (x))",
    "(SELECT generate_series(1, 100) FROM t)",
]
AROUND = [
    "SELECT * FROM {} m",
    "SELECT * FROM t JOIN {} m ON t.a = m.a",
    "SELECT * FROM t UNION ALL {}",
    "WITH m AS {} SELECT * FROM m",
    "WITH m AS {} SELECT * FROM t JOIN m ON t.a = m.a",
    "SELECT * FROM (SELECT * FROM {} m) n",
    "SELECT * FROM t WHERE a IN (SELECT a FROM {} m)",
    "SELECT (SELECT max(a) FROM {} m) FROM t",
]


@given(
    st.sampled_from(MINTS),
    st.lists(st.sampled_from(AROUND), min_size=1, max_size=4),
    st.sampled_from(["postgres", "trino", "duckdb", "redshift", "athena", "presto"]),
)
@example(MINTS[0], [AROUND[3]], "postgres")
def test_rows_out_of_nothing_are_refused_wherever_they_stand(mint: str, around: list[str], dialect: str) -> None:
    """However many queries stand around them."""
    sql = mint
    for query in around:
        sql = f"({query.format(sql)})"
    assert refusal(sql, dialect) != ""
