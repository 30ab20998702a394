"""The rules for SQL that may be run: one complete, read-only query over real tables.

Parsed statements come in from `creditbot.credit.sql.check`; a statement that breaks a rule raises `SqlRefused`. Pure.

Every leaf of every FROM must be a table. Rows that come from no table (VALUES, a SELECT without FROM, DUAL, generated
series, recursion, table functions, files) could produce any credit. Two other things pass: UNNEST, EXPLODE and FLATTEN
of a list that a column holds, and a sub-query without a table that stands for a value, as in PostgreSQL's
`day >= (SELECT TIMESTAMP '2025-12-01')`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final

from sqlglot import exp

from creditbot.credit.sql import tsql
from creditbot.credit.sql.catalogs import is_elsewhere, is_file, is_one_row_table, is_system_table
from creditbot.credit.sql.functions import TODO, check_call_without_brackets, check_function
from creditbot.credit.sql.lists import Lists, opens_list
from creditbot.credit.sql.row_limits import row_limit
from creditbot.credit.sql.tree import QUERIES, CteScope, full_name, is_value, name_of, nodes, row_queries, short
from creditbot.errors import SqlRefused

_REFUSED: Final[Mapping[type[exp.Expr], str]] = {
    exp.Into: "writes its result somewhere (INTO)",
    exp.Lock: "locks rows (FOR UPDATE, FOR SHARE)",
    exp.NextValueFor: "takes a number from a sequence",
    exp.Values: "takes rows from VALUES, not from a table",
    exp.Connect: "generates rows with CONNECT BY",
    exp.WithFill: "generates rows (WITH FILL), not from a table",
    exp.TableSample: "reads a sample of a table, not all of it",
    exp.QueryTransform: "runs a script (TRANSFORM)",
    exp.UserDefinedFunction: "defines a function",
}
_SEQUENCES: Final = frozenset({"oracle", "snowflake"})
"""Dialects in which `s.nextval` takes a number from the sequence s."""
_STATEMENTS: Final = frozenset({"CHECK", "DESC", "DESCRIBE", "EXISTS", "EXPLAIN", "SHOW"})
"""Statements that the parser takes for a table with an alias, where they stand in brackets."""
_SET_BY_HINT: Final = ("SET_VAR", "RESOURCE_GROUP")


def check_statements(statements: Sequence[exp.Expr], dialect: str, tables: Sequence[str], *, sure: bool = True) -> None:
    """Raises `SqlRefused` unless the statements are one complete, read-only query over real tables.

    Args:
        statements: the SQL as parsed in the dialect.
        dialect: one of DIALECTS.
        tables: SQL_TABLES.
        sure: whether the warehouse is known to speak the dialect. If not, it may be SQL Server.
    """
    if len(statements) != 1:
        amount = f"{len(statements)} statements, not one query" if statements else "empty"
        raise SqlRefused(f"The SQL is {amount}.", TODO)
    query = statements[0]
    if not isinstance(query, QUERIES):
        raise SqlRefused(f"The SQL is not a query but {name_of(query)}.", TODO)
    lists = Lists(query)
    for node, scope in nodes(query, dialect):
        _check_node(node, dialect, lists)
        if dialect == "tsql" or not sure:
            tsql.check_node(node)
        if isinstance(node, exp.Table):
            _check_name(node, dialect)
            _check_table(node, scope, dialect, tables)
        elif tables and isinstance(node, exp.Anonymous) and node.name.lower().startswith("dictget"):
            raise SqlRefused(f"The SQL reads a dictionary with {node.name}, which is not among SQL_TABLES.", TODO)
    if totals := _totals(query, dialect):
        raise SqlRefused(f"The SQL adds rows of totals ({totals}), which would be credited twice.", TODO)
    if limit := row_limit(query, dialect):
        raise SqlRefused(
            f"The SQL is cut by {limit}, so rows may be missing.", "Take the row limit off the query in Looker."
        )


def _check_node(node: exp.Expr, dialect: str, lists: Lists) -> None:
    if type(node) in _REFUSED:
        raise SqlRefused(f"The SQL {_REFUSED[type(node)]}.", TODO)
    if isinstance(node, exp.Func):
        check_function(node, dialect)
        lists.check(node)
    elif isinstance(node, exp.Hint):
        _check_hint(node)
    elif isinstance(node, exp.Select):
        _check_select(node)
    elif isinstance(node, exp.From | exp.Join | exp.Lateral | exp.TableFromRows):
        _check_source(node, lists)
    elif isinstance(node, exp.CTE | exp.Subquery):
        _check_query_inside(node)
    elif isinstance(node, exp.Column):
        _check_column(node, dialect)
    elif isinstance(node, exp.PropertyEQ) and isinstance(node.this, exp.Parameter):
        raise SqlRefused(f"The SQL sets the variable {short(node.this.name)}.", TODO)  # MySQL's @row := @row + 1
    if dialect == "clickhouse" and isinstance(node, exp.In):
        _check_in(node)


def _check_column(column: exp.Column, dialect: str) -> None:
    if dialect in _SEQUENCES and column.table and column.name.lower() == "nextval":
        raise SqlRefused(f"The SQL {_REFUSED[exp.NextValueFor]}.", TODO)
    if dialect == "oracle":
        check_call_without_brackets(column)


def _totals(query: exp.Expr, dialect: str) -> str:
    """The part that adds rows of totals to the result, such as "ROLLUP"; "" if there is none."""
    for part in row_queries(query, dialect):
        group = part.args.get("group")
        for node in group.iter_expressions() if group else ():
            if isinstance(node, exp.Rollup | exp.Cube | exp.GroupingSets):
                return name_of(node)
        if group and group.args.get("totals"):
            return "TOTALS"
    return ""


def _check_query_inside(node: exp.Expr) -> None:
    gives_name_to_value = node.args.get("scalar")  # in ClickHouse: WITH toDate('2025-12-01') AS start
    statement = node.this.name.upper() if isinstance(node.this, exp.Table) else ""  # ClickHouse has `(SHOW TABLES)`
    if not gives_name_to_value and (not isinstance(node.this, (*QUERIES, exp.Table)) or statement in _STATEMENTS):
        raise SqlRefused(f"The SQL contains {statement or name_of(node.this)}, which is not a SELECT.", TODO)


def _check_select(select: exp.Select) -> None:
    if not select.args.get("from_") and not is_value(select):
        raise SqlRefused("The SQL has a SELECT without a table.", TODO)
    if select.args.get("settings"):
        raise SqlRefused("The SQL changes settings of the server (SETTINGS).", TODO)
    if select.args.get("format"):
        raise SqlRefused("The SQL asks for another output format (FORMAT).", TODO)


def _check_source(node: exp.Expr, lists: Lists) -> None:
    """Checks that FROM, JOIN and LATERAL take rows from tables, from queries, or from lists in columns."""
    source = node.this
    if isinstance(node, exp.Join) and node.kind == "ARRAY":
        lists.check_array_join(node)
    elif isinstance(source, exp.Final):
        source = source.this  # ClickHouse merges rows of one key
    elif opens_list(source) or isinstance(source, exp.Lateral | exp.TableFromRows):
        # A list alone in FROM comes from no table. In a sub-query for a value, it comes from the query around it.
        if not isinstance(node, exp.From) or _is_from_of_value(node):
            return
        raise SqlRefused(f"The SQL takes rows from {name_of(source)}, not from a table.", TODO)
    if not isinstance(source, exp.Table | exp.Subquery) and not (isinstance(node, exp.Join) and node.kind == "ARRAY"):
        raise SqlRefused(f"The SQL takes rows from {name_of(source)}, not from a table.", TODO)


def _is_from_of_value(node: exp.Expr | None) -> bool:
    """Whether the node is the FROM of a sub-query that stands for a value."""
    return isinstance(node, exp.From) and node.parent is not None and is_value(node.parent)


def _check_in(node: exp.In) -> None:
    """ClickHouse takes a name to the right of IN for a table."""
    names = [node.args.get("field"), *(node.expressions if len(node.expressions) == 1 else ())]
    for name in names:
        if isinstance(name, exp.Column | exp.Dot):
            raise SqlRefused(f"The SQL reads the table {short(name.sql())} with IN.", TODO)


def _check_hint(hint: exp.Hint) -> None:
    for part in hint.expressions:
        if part.name.upper().startswith(_SET_BY_HINT):
            raise SqlRefused(f"The SQL changes settings of the server with a hint ({part.name.upper()}).", TODO)


def _check_name(table: exp.Table, dialect: str) -> None:
    if isinstance(table.this, exp.Identifier):
        name = full_name(table)
        if is_file(name, table, dialect):
            raise SqlRefused(f"The SQL reads the file {short(name)}.", TODO)
    elif not opens_list(table.this):
        source = name_of(table.this) if table.this else "a list of functions"
        raise SqlRefused(f"The SQL takes rows from {source}, not from a table.", TODO)
    elif isinstance(table.parent, exp.From):
        raise SqlRefused(f"The SQL takes rows from {name_of(table.this)}, not from a table.", TODO)


def _check_table(table: exp.Table, scope: CteScope, dialect: str, allowed: Sequence[str]) -> None:
    if not isinstance(table.this, exp.Identifier):
        return
    if table.args.get("changes"):
        raise SqlRefused("The SQL reads the changes of a table (CHANGES), not the table.", TODO)
    name = full_name(table)
    readable = scope.readable(table)
    if readable is False:
        raise SqlRefused(f"The SQL generates rows by recursion: {short(name)} reads itself.", TODO)
    if readable:
        return
    if is_one_row_table(table):
        if not (
            isinstance(table.parent, exp.From) and table.parent.parent is not None and is_value(table.parent.parent)
        ):
            raise SqlRefused(f"The SQL takes a row from {short(name).upper()}, not from a table.", TODO)
        return
    if allowed and not any(_matches(table, pattern) for pattern in allowed):
        raise SqlRefused(
            f"The SQL reads {short(name)}, which is not among SQL_TABLES.", "Add it there if credits may come from it."
        )
    if not allowed and is_system_table(table, dialect):
        raise SqlRefused(f"The SQL reads {short(name)}, which is about the warehouse and not about traffic.", TODO)
    if not allowed and is_elsewhere(table, dialect):
        raise SqlRefused(f"The SQL reads {short(name)}, a table of another database server.", TODO)


def _matches(table: exp.Table, pattern: str) -> bool:
    parts = full_name(table).lower().split(".")
    wanted = pattern.lower().split(".")
    return len(wanted) == len(parts) and all(map(fnmatchcase, parts, wanted))
