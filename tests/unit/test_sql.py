"""Which SQL may be run, and which SQL is the same."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp
from sqlglot.dialects.dialect import Dialect

from creditbot.credit.sql.check import MAX_SQL, SqlRules
from creditbot.credit.sql.dialects import DIALECTS, WAREHOUSES, dialect_named, dialect_of
from creditbot.credit.sql.reading import SqlQuestion, read_sql
from creditbot.credit.sql.tree import nodes, readings
from creditbot.errors import SettingsError
from tests.support.linear_time import assert_linear
from tests.support.sql import refusal, refused

TRAFFIC = """-- Looker Query Context '{"user_id":7,"history_slug":"5ae1","instance_slug":"acme"}'
SELECT day, prefix, mode, SUM(messages) AS "verify_traffic.messages"
FROM analytics.verify_traffic AS verify_traffic
WHERE (billable_item LIKE '%Authy%') AND day >= DATE '2025-12-01'
GROUP BY 1, 2, 3
ORDER BY 1 DESC;
"""


def test_a_refusal_says_what_and_what_to_do() -> None:
    """Two sentences for a person."""
    error = refused("select a from t limit 500", "duckdb")
    assert error
    assert error.what == "The SQL is cut by LIMIT 500, so rows may be missing."
    assert error.todo == "Take the row limit off the query in Looker."


def test_a_refusal_is_short() -> None:
    """Names come from outside: one line, 60 characters at most."""
    name = "/" + "x" * 100
    assert refusal(f"select * from '{name}'", "duckdb") == f"The SQL reads the file {name[:59]}…."
    assert refusal(f"select * from '{name[:61]}'", "duckdb") == f"The SQL reads the file {name[:59]}…."
    assert refusal(f"select * from '{name[:60]}'", "duckdb") == f"The SQL reads the file {name[:60]}."
    assert refusal("select * from '/a\n b'", "duckdb") == "The SQL reads the file /a b."


@pytest.mark.parametrize(
    ("dialect", "sql"),
    [
        (None, TRAFFIC),
        (None, "select a from t;"),
        (None, "select a from t; -- done"),
        (None, "/* a */ select a from t /* b */"),
        (None, "with a as (select x from t), b as (select * from a) select * from b join a using (x)"),
        (None, "select a from t where x in (select y from u) and exists (select 1 from v)"),
        (None, "(select a from t) union all (select b from u)"),
        (None, "select a, (select max(b) from u where u.a = t.a) from t"),
        (None, "select count(distinct a), 'Überweisung, 支払い' from t where b = 'añadir'"),
        (None, "select my_udf(a), other.udf(b) from t"),
        (None, "select a from range join numbers on range.a = numbers.a"),  # names of functions that are tables here
        ("bigquery", "select `p.d.fn`(a), net.host(b) from `proj-1.analytics.verify_*` where _table_suffix = '202512'"),
        ("bigquery", "select i.price from t left join unnest(t.items) as i"),
        ("bigquery", "select i.price from t, t.items as i"),
        ("trino", "select tag from t cross join unnest(split(tags, ',')) as u (tag)"),
        ("snowflake", "select f.value from t, lateral flatten(input => t.tags) f"),
        ("snowflake", "select f.value from t, table(flatten(input => t.tags)) f"),
        ("databricks", "select /*+ broadcast(t) */ tag from t lateral view explode(tags) x as tag"),
        ("duckdb", "select unnest(tags) from t"),
        ("duckdb", "from t select a"),
        ("duckdb", "select * exclude (a) from t qualify row_number() over (partition by id order by day) = 1"),
        ("postgres", "table t"),
        ("postgres", "select a::date, count(*) filter (where b) from t"),
        (
            "postgres",
            "select * from (t join u using (a)) left join lateral (select b from v where v.a = t.a) x on true",
        ),
        ("postgres", "with recursive a as (select x from t) select * from a"),
        ("postgres", "with t as (select * from t where x > 1) select * from t"),
        ("tsql", "select [a] from [dbo].[t] with (nolock)"),
        ("clickhouse", "with (select max(a) from t) as x select b from u"),
    ],
)
def test_a_read_only_query_over_tables_passes(dialect: str | None, sql: str) -> None:
    """SELECT, WITH and set operations pass, with comments, functions of one's own and lists joined out of columns."""
    assert refusal(sql, dialect) == ""


@pytest.mark.parametrize(
    "sql",
    [
        "select * from 'traffic.csv'",
        "select * from '/etc/passwd.csv'",
        "select * from '/data/traffic'",
        'select * from "traffic.parquet"',
        "select * from traffic.json",  # DuckDB reads that file, without quotes too
        "select * from 's3://bucket/traffic.csv.gz'",
        "select * from 'c:\\traffic'",
        "select * from 'traffic_?'",
        "select * from t where a in (select b from 'x.csv')",
        "with t as (select * from 'x.csv') select * from t",
        "select * from t join 'x.tsv' using (a)",
    ],
)
def test_a_file_named_as_a_table_is_refused(sql: str) -> None:
    """DuckDB reads a file by its name in FROM, and the parser sees a plain table."""
    assert "reads the file" in refusal(sql, "duckdb")
    assert refusal(sql) != ""  # and so it is where nobody says that the warehouse is not DuckDB


def test_spark_reads_a_file_behind_a_format() -> None:
    """`csv`.`name` is a file to Spark, and a table in a schema to others."""
    sql = "select * from csv.traffic"
    assert "reads the file csv.traffic" in refusal(sql, "databricks")
    assert refusal(sql, "trino") == ""


@pytest.mark.parametrize(
    ("dialect", "sql", "named"),
    [
        ("duckdb", "select * from read_csv('x.csv')", "READ_CSV"),
        ("duckdb", "select * from t join read_text('x') on true", "READ_TEXT"),
        ("duckdb", "select * from glob('*')", "GLOB"),
        ("duckdb", "select * from iceberg_scan('x')", "ICEBERG_SCAN"),
        ("duckdb", "select * from query('select 1')", "QUERY"),
        ("duckdb", "select * from duckdb_secrets()", "DUCKDB_SECRETS"),
        ("duckdb", "select * from range(5)", "GENERATE_SERIES"),
        ("duckdb", "select * from t, range(5)", "GENERATE_SERIES"),
        ("postgres", "select * from generate_series(1, 5)", "GENERATE_SERIES"),
        ("postgres", "select * from lateral f(1)", "F"),
        ("postgres", "select * from rows from (f())", "a list of functions"),
        ("postgres", "select * from xmltable('x' passing t.x)", "XML_TABLE"),
        ("mysql", "select * from t join json_table(t.x, '$' columns(a int path '$')) j", "JSON_TABLE"),
        ("bigquery", "select * from external_query('a', 'select 1')", "EXTERNAL_QUERY"),
        ("bigquery", "select * from unnest([1, 2])", "UNNEST"),
        ("snowflake", "select * from table(generator(rowcount => 5))", "GENERATOR"),
        ("snowflake", "select * from t, table(generator(rowcount => 5))", "GENERATOR"),
        ("snowflake", "select * from @stage/file", "@STAGE/FILE"),
        ("snowflake", "select * from identifier('x')", "DYNAMIC_IDENTIFIER"),
        ("trino", "select * from table(system.query(query => 'x'))", "TABLE"),
        ("databricks", "select * from stack(2, 1, 2)", "STACK"),
        ("tsql", "select * from openrowset('x')", "OPENROWSET"),
    ],
)
def test_a_function_as_a_table_is_refused(dialect: str, sql: str, named: str) -> None:
    """A function in FROM reads what it likes, or makes rows that no table holds."""
    assert f"takes rows from {named}, not from a table" in refusal(sql, dialect)


@pytest.mark.parametrize(
    ("dialect", "sql", "said"),
    [
        ("postgres", "select * from (values ('+62', 100)) as v (prefix, messages)", "VALUES"),
        ("postgres", "values (1)", "VALUES"),
        ("postgres", "with a as (values (1)) select * from a", "VALUES"),
        ("databricks", "select * from values (1)", "VALUES"),
        ("duckdb", "select * from t join (values (1)) v (a) using (a)", "VALUES"),
        ("duckdb", "select 1", "without a table"),
        ("duckdb", "select", "without a table"),
        ("duckdb", "select 'basic' as mode, 100 as messages", "without a table"),
        ("duckdb", "select a, b from t union all select 'x', 100", "without a table"),
        ("duckdb", "with t as (select 1 as a) select * from t", "without a table"),
        ("duckdb", "select * from (select 100 as messages) x", "without a table"),
        ("duckdb", "select (select a from (select 1) y) from (with b as (from t) from b) z", "without a table"),
        ("duckdb", "select * from (with b as (from t) from b) z where a = (from (select 1) y)", "without a table"),
        ("postgres", "select * from t cross join lateral (select 1) x", "without a table"),
        (
            "postgres",
            "with recursive n as (select 1 from t union all select n + 1 from n) select * from n",
            "recursion",
        ),
        ("snowflake", "with n as (select x from t union all select x + 1 from n) select * from n", "recursion"),
        ("postgres", "with recursive a as (select x from b), b as (select x from t) select * from a", "recursion"),
        ("snowflake", "select * from t connect by level < 100", "CONNECT BY"),
        ("postgres", "select generate_series(1, 5) from t", "GENERATE_SERIES"),
        ("trino", "select * from t cross join unnest(sequence(1, 100)) as u (n)", "generates rows"),
        ("trino", "select * from t cross join unnest(sequence(1, t.a)) as u (n)", "generates rows"),
        ("snowflake", "select array_generate_range(1, 5) from t", "GENERATE_SERIES"),
        (
            "bigquery",
            "select * from t cross join unnest(generate_date_array('2025-01-01', '2025-02-01'))",
            "generates rows",
        ),
        ("duckdb", "select unnest([1, 2]) from t", "from a list"),
        ("duckdb", "select * from t, unnest([t.a, 100, 200])", "from a list"),
        ("duckdb", "select * from t, unnest(array_of(5))", "from a list"),
        ("databricks", "select inline(array(struct(1))) from t", "from a list"),
    ],
)
def test_rows_that_no_table_holds_are_refused(dialect: str, sql: str, said: str) -> None:
    """Whoever could write rows into the SQL could write any credit."""
    assert said in refusal(sql, dialect)


@pytest.mark.parametrize(
    ("dialect", "sql", "said"),
    [
        ("postgres", "with a as (delete from t returning *) select * from a", "DELETE"),
        ("postgres", "with a as (insert into t select * from u returning *) select * from a", "INSERT"),
        ("postgres", "with a as (update t set x = 1 returning *) select * from a", "UPDATE"),
        ("postgres", "select * into x from t", "INTO"),
        ("mysql", "select a into @a from t", "INTO"),
        ("mysql", "select a from t into outfile '/tmp/x'", "not one query"),
        ("postgres", "select * from t for update", "locks"),
        ("postgres", "select * from t where a in (select a from u for share)", "locks"),
        ("mysql", "select * from t lock in share mode", "locks"),
        ("tsql", "select next value for s from t", "sequence"),
        ("spark", "select transform(a) using '/bin/sh' as (b) from t", "script"),
        ("trino", "with function f() returns int return 1 select f() from t", "defines a function"),
        ("duckdb", "select * from (describe t)", "DESCRIBE"),
        ("duckdb", "insert into t select * from u", "INSERT"),
        ("duckdb", "update t set a = 1", "UPDATE"),
        ("duckdb", "delete from t", "DELETE"),
        ("snowflake", "merge into t using u on a = b when matched then delete", "MERGE"),
        ("duckdb", "create table x as select * from t", "CREATE"),
        ("duckdb", "drop table t", "DROP"),
        ("duckdb", "alter table t add column x int", "ALTER"),
        ("duckdb", "copy t to 'x.csv'", "COPY"),
        ("duckdb", "attach 'x.db'", "ATTACH"),
        ("duckdb", "pragma version", "PRAGMA"),
        ("duckdb", "install httpfs", "INSTALL"),
        ("duckdb", "set x = 1", "SET"),
        ("duckdb", "use x", "USE"),
        ("duckdb", "call f()", "CALL"),
        ("duckdb", "vacuum", "VACUUM"),
        ("duckdb", "export database 'x'", "not one query"),
        ("duckdb", "explain select a from t", "EXPLAIN"),
        ("duckdb", "summarize t", "SUMMARIZE"),
        ("duckdb", "pivot t on a using sum(b)", "PIVOT"),
        ("postgres", "grant all on t to x", "GRANT"),
        ("postgres", "do $$ begin end $$", "DO"),
        ("redshift", "unload ('select 1') to 's3://x'", "UNLOAD"),
        ("snowflake", "execute immediate 'drop table t'", "EXECUTE"),
        ("bigquery", "export data options (uri = 'x') as select a from t", "EXPORT"),
        ("duckdb", "select a from t; drop table t", "2 statements"),
        ("postgres", "begin; select a from t; commit", "3 statements"),
        ("duckdb", "", "is empty."),
        ("duckdb", " ; -- nothing", "empty"),
        ("duckdb", "select a from t)", "not one query"),
    ],
)
def test_what_writes_or_is_no_query_is_refused(dialect: str, sql: str, said: str) -> None:
    """One query and nothing else: no DML, in CTEs either, no INTO, locks, DDL or commands."""
    assert said in refusal(sql, dialect)


@pytest.mark.parametrize(
    "call",
    [
        "getenv('X')", "read_text('x')", "current_setting('x')", "pg_read_file('x')", "pg_catalog.pg_sleep(9)",
        "dblink('x', 'y')", "lo_import('x')", "query_to_xml('select 1', true, true, '')", "load_file('x')", "sleep(9)",
        "nextval('s')", "system$wait(9)", "reflect('a', 'b')", "xp_cmdshell('x')", "file('x')", "url('x')",
        "benchmark(9, 1)", "PG_Read_File('x')", "get_presigned_url('a', 'b')", "http_get('x')", "java_method('a', 'b')",
    ],
)  # fmt: skip
def test_a_function_that_reads_the_system_is_refused(call: str) -> None:
    """Functions known to read files, the system or the network, to write, or to wait are refused anywhere."""
    assert [] == [dialect for dialect in DIALECTS if not refusal(f"select a from t where b = {call}", dialect)]


@pytest.mark.parametrize(
    ("dialect", "sql"),
    [
        ("postgres", "select \"pg_read_file\"('x') from t"),
        ("postgres", "select \"pg_catalog.pg_read_file\"('x') from t"),
        ("duckdb", "select 'x'.read_text() from t"),
        ("duckdb", "select list_transform(a, x -> getenv(x)) from t"),
    ],
)
def test_a_harmful_function_is_found_however_it_is_called(dialect: str, sql: str) -> None:
    """Quotes, methods and lambdas do not hide a function."""
    assert "does more than compute" in refusal(sql, dialect)


def test_a_function_by_an_escaped_name_is_refused() -> None:
    """The server decodes the name; the parser does not."""
    assert "odd name" in refusal("select U&\"pg\\005fread_file\"('x') from t", "postgres")


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("select /*! sleep(5), */ a from t", "MySQL runs"),
        ("select /*M! sleep(5), */ a from t", "MariaDB runs"),
        ("select {# a #} b from t", "template"),
        ("select {{ a }} from t", "template"),
        ("select a from t where {% condition x %} b {% endcondition %}", "template"),
        ("select ${TABLE}.a from t", "template"),
        ("select a from t\0", "NUL"),
        ("#legacySQL\nselect a from d.t, d.u", "legacy dialect"),
        ("-- Looker\n  #LegacySql\nselect a from d.t", "legacy dialect"),
    ],
)
def test_text_that_hides_from_the_parser_is_refused(sql: str, said: str) -> None:
    """A server may run text that the parser takes for a comment; a template is not SQL yet."""
    assert said in refusal(sql)
    assert "\0" not in refusal(sql)


def test_the_mark_that_hides_is_named() -> None:
    """So that it is found in a long query."""
    assert refusal("select {{ a }} from t") == "The SQL contains a template that was not filled in ({{)."
    assert refusal("select a from t\0") == "The SQL contains a NUL character."


@pytest.mark.parametrize(
    ("dialect", "sql", "cut"),
    [
        ("duckdb", "select a from t limit 500", "LIMIT 500"),
        ("duckdb", "select a from t limit 5%", "LIMIT 5"),
        ("duckdb", "select a from t limit 5 + 5", "LIMIT"),
        ("mysql", "select a from t limit 5, 10", "LIMIT 10"),
        ("trino", "select a from t fetch first 500 rows only", "FETCH 500"),
        ("trino", "select a from t fetch next row only", "FETCH"),
        ("trino", "select a from t offset 5", "OFFSET 5"),
        ("tsql", "select top 500 a from t", "LIMIT 500"),
        ("redshift", "select top 500 a from t", "LIMIT 500"),
        ("oracle", "select * from (select a from t) where rownum <= 500", "ROWNUM"),
        ("bigquery", "from t |> limit 5", "LIMIT 5"),
        ("duckdb", "(select a from t limit 5)", "LIMIT 5"),
        ("duckdb", "select a from t union all select a from u limit 5", "LIMIT 5"),
        ("duckdb", "(select a from t limit 5) union all select a from u", "LIMIT 5"),
        ("duckdb", "select a from t union all (select a from u limit 5)", "LIMIT 5"),
        ("duckdb", "select sum(a) from (select a from t limit 5) x", "LIMIT 5"),
        ("duckdb", "with q as (select a from t limit 5), r as (select * from q) select * from r", "LIMIT 5"),
        ("duckdb", "with q as (from t limit 5) select * from (with r as (select a from q) select * from r)", "LIMIT 5"),
        ("databricks", "select * from (select a from t limit 5) x lateral view explode(a) y as z", "LIMIT 5"),
    ],
)
def test_a_row_limit_is_refused_with_the_limit(dialect: str, sql: str, cut: str) -> None:
    """A credit on rows that were cut would be too small, and nobody would see it."""
    assert refusal(sql, dialect) == f"The SQL is cut by {cut}, so rows may be missing."


@pytest.mark.parametrize(
    "sql",
    [
        "select a, (select b from u where u.a = t.a order by c limit 1) from t",
        "with q as (select a from t limit 5) select * from main.q",  # another q
        "with q as (select a from q) select * from q",
    ],
)
def test_a_limit_that_does_not_cut_the_result_passes(sql: str) -> None:
    """A limit in a sub-query that gives one value belongs to the question."""
    assert refusal(sql, "duckdb") == ""


@pytest.mark.parametrize("sql", ["select a from t tablesample (10 percent)", "select a from t using sample 10"])
def test_a_sample_is_refused(sql: str) -> None:
    """A sample of the traffic gives a part of the credit."""
    assert "sample" in refusal(sql, "duckdb")


@pytest.mark.parametrize(
    ("dialect", "sql"),
    [
        ("postgres", "select * from information_schema.tables"),
        ("postgres", "select * from pg_catalog.pg_authid"),
        ("postgres", "select * from pg_stat_activity"),
        ("snowflake", "select * from snowflake.account_usage.query_history"),
        ("bigquery", "select * from `p.d.INFORMATION_SCHEMA.TABLES`"),
        ("bigquery", "select * from p.d.INFORMATION_SCHEMA.TABLES"),
        ("mysql", "select * from mysql.user"),
        ("redshift", "select * from stl_query"),
        ("duckdb", "select * from duckdb_settings"),
    ],
)
def test_system_tables_are_refused_unless_they_are_listed(dialect: str, sql: str) -> None:
    """They are about the warehouse and not about traffic. SQL_TABLES may still name them."""
    assert "not about traffic" in refusal(sql, dialect)
    assert refusal(sql, dialect, ("*", "*.*", "*.*.*", "*.*.*.*")) == ""


@pytest.mark.parametrize(
    ("sql", "tables", "passes"),
    [
        ("select * from verify_traffic", ("verify_traffic",), True),
        ("select * from Verify_Traffic", ("VERIFY_traffic",), True),
        ("select * from analytics.verify_traffic", ("analytics.*",), True),
        ("select * from analytics.verify_traffic", ("other", "analytics.verify_*"), True),
        ("select * from analytics.verify_traffic", ("verify_traffic",), False),
        ("select * from verify_traffic", ("analytics.verify_traffic",), False),
        ("select * from other.analytics.verify_traffic", ("analytics.*",), False),
        ("select * from verify_traffic where a in (select a from payroll)", ("verify_traffic",), False),
        ("select * from verify_traffic union all select * from payroll", ("verify_traffic",), False),
        ("with payroll as (select * from verify_traffic) select * from payroll", ("verify_traffic",), True),
        ("with a as (with b as (select 1 from t) select * from b) select * from b", ("t",), False),
        ("with a as (select * from b), b as (select * from t) select * from a", ("t",), False),
        ("with payroll as (select * from payroll) select * from payroll", ("verify_traffic",), False),
        ("with payroll as (select * from verify_traffic) select * from hr.payroll", ("verify_traffic",), False),
        ('with "Payroll" as (select * from verify_traffic) select * from payroll', ("verify_traffic",), False),
        ('with Payroll as (select * from verify_traffic) select * from "payroll"', ("verify_traffic",), True),
        ("with a as (select * from t) select * from (with b as (select * from a) select * from b) z", ("t",), True),
        ("with a as (select * from t) select * from (with b as (select * from t) select * from a) z", ("t",), True),
        ("select * from verify_traffic where a in (with q as (select a from verify_traffic) select a from q)",
         ("verify_traffic",), True),
    ],
)  # fmt: skip
def test_sql_tables_narrows_what_may_be_read(sql: str, tables: tuple[str, ...], passes: bool) -> None:
    """Every table must be listed as it is written; a common table expression is only what it is in scope for."""
    assert passes is (refusal(sql, "postgres", tables) == "")


def test_a_name_means_what_the_warehouse_takes_it_for() -> None:
    """Snowflake reads an unquoted name as one in capitals, so this is not a common table expression."""
    sql = 'with "payroll" as (select * from t) select * from payroll'
    assert "PAYROLL" in refusal(sql, "snowflake", ("t",)).upper()
    assert refusal(sql, "duckdb", ("t",)) == ""


def test_sql_tables_names_a_bigquery_table_with_or_without_its_quotes() -> None:
    """BigQuery's one pair of back-ticks around all parts is no other name."""
    assert refusal("select * from `acme.analytics.traffic`", None, ("acme.analytics.*",)) == ""


def test_without_a_dialect_every_dialect_that_reads_the_sql_decides() -> None:
    """One reading that is not read-only is enough to refuse, and one dialect that reads it is enough to pass."""
    assert refusal("select a from `proj-1.d.t`") == ""
    hidden = "select a from t where b = 1 # getenv(2)"  # to MySQL the rest of the line is a comment, to Postgres XOR
    assert refusal(hidden, "mysql") == ""
    assert "GETENV" in refusal(hidden)
    names = ", ".join(WAREHOUSES)
    assert refusal("this is no SQL at all") == f"The SQL is not one query in any of {names}."


@pytest.mark.parametrize(
    "sql",
    [
        "select " + "(" * 5000 + "1" + ")" * 5000 + " from t",
        "select * from " + "(select * from " * 2000 + "t" + ")" * 2000,
        "select " + "not " * 20_000 + "a from t",
        "select " + "case when " * 5000,
        "(" * MAX_SQL,
    ],
)
@pytest.mark.slow
def test_deep_nesting_is_refused_and_not_a_crash(sql: str) -> None:
    """The parser's recursion ends in a sentence."""
    assert "not one query" in refusal(sql, "duckdb")


def test_what_is_too_deep_for_a_rule_is_refused() -> None:
    """It is parsed, and its tree is deeper than what writes a part of it into a sentence."""
    question = SqlQuestion("select a from t where a in x" + ".y" * 400, SqlRules("clickhouse"), (), date(2026, 1, 7))
    refused_for = read_sql(question).refusal
    assert refused_for
    assert refused_for.what == "The SQL is nested too deeply to be read."


def test_long_sql_is_refused_before_it_is_parsed() -> None:
    """MAX_SQL characters are the most."""
    long = "select a from t where b in (" + ",".join(["1"] * 500_000) + ")"
    assert refusal(long) == f"The SQL has {len(long):,} characters; the limit is {MAX_SQL:,}."
    assert refusal("select a from t".ljust(MAX_SQL), "duckdb") == ""


@pytest.mark.parametrize(
    "wide",
    [
        lambda size: "with " + ", ".join(f"a{n} as (select x from t)" for n in range(size)) + " select * from a1",
        lambda size: "select a from t " + "union all select a from t " * size,
        lambda size: "select a from t where " + " and ".join(["a = 'x'"] * size),
        lambda size: "select a from t where " + " or ".join(["case when a = 1 then 'x' else 'y' end = 'x'"] * size),
    ],
    ids=["tables", "unions", "and", "or"],
)
@pytest.mark.slow
def test_wide_sql_passes_in_time(wide: Callable[[int], str]) -> None:
    """Time grows with the length of the SQL and not with its square."""

    def read(size: int) -> None:
        assert refusal(wide(size), "duckdb") == ""

    assert_linear(read, 800)


@given(st.text())
def test_any_text_is_answered_with_a_sentence_or_passes(text: str) -> None:
    """Whatever Looker sends, nothing but `SqlRefused` comes out."""
    refusal(text)


WORDS = re.findall(
    r"\S+",
    """
    select from where with as recursive a b t u ( ) , . * + - = <> 'x' 1 union all left join on using lateral explode
    unnest values table limit offset fetch first rows only top over order by group having case when then else end not
    in is null like and or cast int array interval for update into insert delete pivot tablesample :: @s $1 ? range
    """,
)


@given(st.lists(st.sampled_from(WORDS), max_size=20), st.sampled_from(DIALECTS))
def test_any_words_of_sql_are_answered_with_a_sentence_or_pass(words: list[str], dialect: str) -> None:
    """Nor does SQL in any order and dialect break the check."""
    refusal(" ".join(["select a from t", *words]), dialect)
    refusal(" ".join(words), dialect)


STARTS = [
    "select a from t",
    "with a as (select b from t) select a from t",
    "select (select b from u) from (with a as (select b from t), b as (select c from a) select * from b) z",
]


@given(st.lists(st.sampled_from(WORDS), max_size=20), st.sampled_from(STARTS))
def test_no_part_of_the_sql_is_overlooked(words: list[str], start: str) -> None:
    """Every node of a tree is looked at, whatever it hangs on."""
    for dialect, statements in readings(" ".join([start, *words]), None):
        for tree in statements:
            seen = {id(node) for node, _ in nodes(tree, dialect)}
            assert [] == [node for node in tree.walk() if id(node) not in seen and not isinstance(node, exp.With)]


def test_dialects_are_those_of_the_parser() -> None:
    """Every name that SQL_DIALECT may have is one that sqlglot knows."""
    assert all(Dialect.get(name) for name in DIALECTS)
    assert set(WAREHOUSES) < set(DIALECTS)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("duckdb", "duckdb"), (" BigQuery ", "bigquery"), ("postgresql", "postgres"), ("mssql", "tsql")],
)
def test_a_dialect_is_found_by_its_name(name: str, expected: str) -> None:
    """Capitals, spaces and SQLAlchemy's names make no difference."""
    assert expected == dialect_named(name)


def test_an_unknown_dialect_names_the_known_ones() -> None:
    """A typing mistake in SQL_DIALECT is answered with what it may be."""
    with pytest.raises(SettingsError) as caught:
        dialect_named("klingon")
    assert "klingon" in caught.value.what
    assert all(name in caught.value.todo for name in DIALECTS)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("duckdb:///data/warehouse.duckdb", "duckdb"),
        ("trino://me@trino.acme.example:443/hive", "trino"),
        ("snowflake://me:pw@acme/db", "snowflake"),
        ("bigquery://proj", "bigquery"),
        ("redshift+redshift_connector://me@host/db", "redshift"),
        ("postgresql+psycopg://me@host/db", "postgres"),
        ("mysql+pymysql://host/db", "mysql"),
        ("mariadb://host/db", "mysql"),
        ("databricks://token:x@host", "databricks"),
        ("awsathena+rest://host", "athena"),
        ("mssql+pyodbc://host", "tsql"),
        ("teradata://host", None),
        ("", None),
    ],
)
def test_the_warehouse_tells_its_dialect(url: str, expected: str | None) -> None:
    """WAREHOUSE_URL's scheme names the dialect while SQL_DIALECT does not."""
    assert expected == dialect_of(url)


def test_importing_costs_an_idle_tick_nothing() -> None:
    """sqlglot is imported by the first check, not by the modules."""
    code = (
        "import sys, creditbot.credit.sql.check, creditbot.credit.sql.reading;"
        "import creditbot.credit.products, creditbot.credit.amount;"
        "print([name for name in sys.modules if name.startswith(('sqlglot', 'pandas'))])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
