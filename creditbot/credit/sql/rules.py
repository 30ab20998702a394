"""The rules for SQL that may be run: one complete, read-only query over real tables.

Parsed statements come in from `creditbot.credit.sql.check`; a statement that breaks a rule raises `SqlRefused`. Pure.

Every leaf of every FROM must be a table: rows that no table holds (VALUES, a SELECT without FROM, generated series,
recursion, table functions, files) would mint any credit. Two things beside tables pass: UNNEST, EXPLODE and FLATTEN
joined to a table, over a column and without a list written out; and scalar functions that are not known to be harmful,
since every warehouse has many functions of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final

from sqlglot import exp

from creditbot.credit.sql.tree import NAME_LIMIT, CteScope, full_name, name_of, nodes
from creditbot.errors import SqlRefused
from creditbot.text import one_line

_TODO: Final = "Ask with a Look or an Explore over the warehouse's tables."
_QUERIES: Final = (exp.Select, exp.SetOperation, exp.Subquery)
_REFUSED: Final[Mapping[type[exp.Expr], str]] = {
    exp.Into: "writes its result somewhere (INTO)",
    exp.Lock: "locks rows (FOR UPDATE, FOR SHARE)",
    exp.NextValueFor: "takes a number from a sequence",
    exp.Values: "takes rows from VALUES, not from a table",
    exp.Connect: "makes rows by CONNECT BY",
    exp.TableSample: "reads a sample of a table, not all of it",
    exp.QueryTransform: "runs a script (TRANSFORM)",
    exp.UserDefinedFunction: "defines a function",
}
_UNNESTS: Final = (exp.Unnest, exp.Explode, exp.Inline)


# fmt: off
# Functions that make rows or lists out of nothing.
_SERIES: Final = frozenset({
    "array_generate_range", "generate_array", "generate_date_array", "generate_series", "generate_subscripts",
    "generate_timestamp_array", "generator", "numbers", "range", "sequence", "stack",
})
# Functions that read files, the system or the network, run SQL given as text, write, or wait.
_HARMFUL: Final = frozenset({
    "ai_query", "benchmark", "bfilename", "build_scoped_file_url", "build_stage_file_url", "connectby", "crosstab",
    "currval", "current_setting", "external_query", "file", "get_ddl", "get_lock", "get_presigned_url", "getenv",
    "getvariable", "glob", "httpuritype", "java_method", "json_execute_serialized_sql", "lastval", "load_extension",
    "load_file", "nextval", "opendatasource", "openquery", "openrowset", "query", "query_table", "readfile", "reflect",
    "release_all_locks", "release_lock", "remote", "remote_query", "secret", "set_config", "setseed", "setval", "sleep",
    "sleep_ms", "sniff_csv", "sys_eval", "sys_exec", "try_reflect", "try_secret", "ts_stat", "url", "write_log",
    "writefile",
})
_HARMFUL_FAMILIES: Final = re.compile(
    r"(?:binlog_|dblink|dbms_|duckdb_|http_|iceberg_|lo_|parquet_|pg_|pragma_|read_|system\$|utl_|xp_)|\w*_to_xml"
)
# A name in other letters may be an escape that the server decodes: U&"pg\005fread_file".
_PLAIN_NAME: Final = re.compile(r"[\w$.-]+")

# DuckDB reads a file for any table name that ends like one, quoted or not; Spark for `csv`.`path`.
_FILE_NAME: Final = re.compile(
    r"[/\\?]|\.(?:arrows?|avro|csv|duckdb|feather|fgb|geojson|gpkg|gz|ipc|jsonl?|ndjson|orc|parquet|shp|tsv|txt|xlsx?|zst)\b",
    re.IGNORECASE,
)
_SPARK: Final = frozenset({"databricks", "spark"})
_SPARK_FORMATS: Final = frozenset({"avro", "binaryfile", "csv", "delta", "json", "orc", "parquet", "text", "xml"})

_SYSTEM_SCHEMAS: Final = frozenset({
    "account_usage", "information_schema", "mysql", "performance_schema", "pg_catalog", "pg_toast", "sys", "system",
})
_SYSTEM_TABLES: Final = ("duckdb_", "pg_", "sqlite_", "stl_", "stv_", "svl_", "svv_")
# fmt: on


def check_statements(statements: Sequence[exp.Expr], dialect: str, tables: Sequence[str]) -> None:
    """Raises `SqlRefused` unless the statements are one complete read-only query over real tables."""
    if len(statements) != 1:
        amount = f"{len(statements)} statements, not one query" if statements else "empty"
        raise SqlRefused(f"The SQL is {amount}.", _TODO)
    query = statements[0]
    if not isinstance(query, _QUERIES):
        raise SqlRefused(f"The SQL is not a query but {name_of(query)}.", _TODO)
    for node, scope in nodes(query, dialect):
        _check_node(node)
        if isinstance(node, exp.Table):
            _check_name(node, dialect)
            _check_table(node, scope, tables)
    if cut := _cut(query):
        raise SqlRefused(
            f"The SQL is cut by {cut}, so rows may be missing.", "Take the row limit off the query in Looker."
        )


def _check_node(node: exp.Expr) -> None:
    if type(node) in _REFUSED:
        raise SqlRefused(f"The SQL {_REFUSED[type(node)]}.", _TODO)
    if isinstance(node, exp.CTE | exp.Subquery) and not isinstance(node.this, (*_QUERIES, exp.Table)):
        raise SqlRefused(f"The SQL holds {name_of(node.this)}, which is not a SELECT.", _TODO)
    if isinstance(node, exp.Select) and not node.args.get("from_"):
        raise SqlRefused("The SQL has a SELECT without a table.", _TODO)
    if isinstance(node, exp.From | exp.Join | exp.Lateral | exp.TableFromRows):
        beside = () if isinstance(node, exp.From) else (exp.Lateral, exp.TableFromRows, *_UNNESTS)
        if not isinstance(node.this, (exp.Table, exp.Subquery, *beside)):
            raise SqlRefused(f"The SQL takes rows from {name_of(node.this)}, not from a table.", _TODO)
    if isinstance(node, exp.Func):
        _check_function(node)


def _check_function(node: exp.Func) -> None:
    name = name_of(node)
    last = name.lower().rpartition(".")[2]
    if isinstance(node, exp.Anonymous) and not _PLAIN_NAME.fullmatch(name):
        raise SqlRefused(f"The SQL calls a function by the odd name {name}.", _TODO)
    if last in _SERIES:
        raise SqlRefused(f"The SQL makes rows by {name}, out of no table.", _TODO)
    if last in _HARMFUL or _HARMFUL_FAMILIES.match(last):
        raise SqlRefused(f"The SQL calls {name}, which does more than compute.", _TODO)
    if isinstance(node, _UNNESTS) and (not node.find(exp.Column) or node.find(exp.Array)):
        raise SqlRefused(f"The SQL makes rows by {name} out of a list, not out of a column.", _TODO)


def _check_name(table: exp.Table, dialect: str) -> None:
    if not isinstance(table.this, exp.Identifier):
        source = name_of(table.this) if table.this else "a list of functions"
        raise SqlRefused(f"The SQL takes rows from {source}, not from a table.", _TODO)
    full = full_name(table)
    if _FILE_NAME.search(full) or (dialect in _SPARK and table.db.lower() in _SPARK_FORMATS):
        raise SqlRefused(f"The SQL reads the file {one_line(full, NAME_LIMIT)}.", _TODO)


def _check_table(table: exp.Table, scope: CteScope, allowed: Sequence[str]) -> None:
    full = full_name(table)
    readable = scope.readable(table)
    if readable is False:
        raise SqlRefused(f"The SQL makes rows by recursion: {one_line(full, NAME_LIMIT)} reads itself.", _TODO)
    if readable:
        return
    if allowed and not any(_matches(table, pattern) for pattern in allowed):
        raise SqlRefused(
            f"The SQL reads {one_line(full, NAME_LIMIT)}, which is not among SQL_TABLES.",
            "Add it there if credits may come from it.",
        )
    if not allowed and _is_system(full.lower().split(".")):
        raise SqlRefused(
            f"The SQL reads {one_line(full, NAME_LIMIT)}, which tells of the warehouse and not of traffic.", _TODO
        )


def _matches(table: exp.Table, pattern: str) -> bool:
    parts = full_name(table).lower().split(".")
    wanted = pattern.lower().split(".")
    return len(wanted) == len(parts) and all(map(fnmatchcase, parts, wanted))


def _is_system(parts: Sequence[str]) -> bool:
    return not _SYSTEM_SCHEMAS.isdisjoint(parts[:-1]) or parts[-1].startswith(_SYSTEM_TABLES)


def _cut(query: exp.Expr) -> str:
    """What limits the rows of the query, or of all that it takes its rows from, such as "LIMIT 500"; or ""."""
    todo, named = [query], dict[str, exp.Expr]()
    while todo:
        node = todo.pop()
        if with_ := node.args.get("with_"):
            named |= {cte.alias.lower(): cte.this for cte in with_.expressions}
        for limit in (node.args.get("limit"), node.args.get("offset")):
            if limit:
                rows = limit.args.get("expression") or limit.args.get("count")
                number = f" {one_line(rows.name, NAME_LIMIT)}" if isinstance(rows, exp.Literal | exp.Var) else ""
                return f"{limit.key.upper()}{number}"
        where = node.args.get("where")
        if where and any(column.name.upper() == "ROWNUM" for column in where.find_all(exp.Column)):
            return "ROWNUM"
        todo += _feeders(node, named)
    return ""


def _feeders(node: exp.Expr, named: dict[str, exp.Expr]) -> list[exp.Expr]:
    """The queries that all rows of this one come from."""
    if isinstance(node, exp.SetOperation):
        return [node.this, node.expression]
    if isinstance(node, exp.Select) and not node.args.get("joins"):
        source = node.args["from_"].this
        query = source if isinstance(source, exp.Subquery) else named.pop(full_name(source).lower(), None)
        return [query] if query else []
    return [node.this] if isinstance(node, exp.Subquery) else []
