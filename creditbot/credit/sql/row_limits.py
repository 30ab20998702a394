"""Finds limits that leave out rows of a query: the credit would be too small, and nobody would notice.

A row limit counts wherever its rows or keys can reach the result: in the query, in derived tables and common table
expressions that it reads, joined or not, and in `IN (SELECT ... LIMIT 5)`. A limit inside a scalar sub-query does not:
`(SELECT day FROM t ORDER BY day LIMIT 1)` is one value, not a part of the rows. Queries come from
`creditbot.credit.sql.rules`. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from sqlglot import exp

from creditbot.credit.sql.tree import parts_of_query, row_queries, short

_RANKS: Final = (exp.RowNumber, exp.Rank, exp.DenseRank, exp.PercentRank, exp.CumeDist, exp.Ntile)
_RUNNING: Final = (exp.Count, exp.CountIf, exp.Sum)
_COMPARISONS: Final = (exp.LT, exp.LTE, exp.GT, exp.GTE, exp.EQ, exp.NEQ, exp.Between, exp.In, exp.Mod)
# Looker ranks the columns and rows of a pivot, and keeps this many of them, far more than it shows.
_PIVOT_RANK: Final = re.compile(r"z_+pivot_(?:col|row)_rank")
_PIVOT_CAP: Final = 16_384


def row_limit(query: exp.Expr, dialect: str) -> str:
    """The limit that cuts the rows of the query, such as "LIMIT 500" or "a rank (ROW_NUMBER)"; "" if none does."""
    queries = list(row_queries(query, dialect))
    ranks = _rank_columns(queries)
    for part in queries:
        for limit in (part.args.get("limit"), part.args.get("offset")):
            if limit is not None and _cuts(limit):
                rows = _rows(limit)
                number = f" {short(rows.name)}" if isinstance(rows, exp.Literal | exp.Var) else ""
                return f"{limit.key.upper()}{number}"
        if dialect == "oracle" and any(_is_rownum(node) for node in parts_of_query(part)):
            return "ROWNUM"
        for condition in _conditions(part):
            if rank := _rank_filter(condition, ranks):
                return rank
    return ""


def _rows(limit: exp.Expr) -> exp.Expr | None:
    rows: exp.Expr | None = limit.args.get("expression") or limit.args.get("count")
    return rows


def _cuts(limit: exp.Expr) -> bool:
    """Whether the limit leaves rows out. LIMIT ALL, LIMIT NULL, OFFSET 0 and TOP 100 PERCENT do not."""
    rows, options = _rows(limit), limit.args.get("limit_options")
    if isinstance(rows, exp.Null) or (isinstance(rows, exp.Var) and rows.name.upper() == "ALL"):
        return False
    if isinstance(limit, exp.Offset):
        return not (isinstance(rows, exp.Literal) and rows.name == "0")
    whole = isinstance(rows, exp.Literal) and rows.name == "100" and options is not None and options.args.get("percent")
    return not whole


def _is_rownum(node: exp.Expr) -> bool:
    return isinstance(node, exp.Column) and node.name.upper() == "ROWNUM" and not node.table


def _conditions(query: exp.Expr) -> Iterator[exp.Expr]:
    """The comparisons that decide which rows a SELECT keeps."""
    joins = [join.args.get("on") for join in query.args.get("joins") or ()]
    for clause in (query.args.get("where"), query.args.get("having"), query.args.get("qualify"), *joins):
        for node in parts_of_query(clause) if clause is not None else ():
            if isinstance(node, _COMPARISONS):
                yield node


def _rank_columns(queries: Sequence[exp.Expr]) -> dict[str, exp.Window]:
    """The columns of these queries that hold a rank, by name in lower case, each with its window.

    A query may rename a column of another query, so the search repeats until it finds nothing new. If several columns
    share a name, the one that ranks all rows counts.
    """
    columns: dict[str, exp.Window] = {}
    selects = [query for query in queries if isinstance(query, exp.Select)]
    changed = True
    while changed:
        changed = False
        for query in selects:
            names = [name.name.lower() for name in _renamed(query)]
            for number, column in enumerate(query.selects):
                window = _window(column.unalias(), columns)
                if window is None:
                    continue
                for name in {column.alias_or_name.lower(), *names[number : number + 1]}:
                    if name not in columns or (_is_partitioned(columns[name]) and not _is_partitioned(window)):
                        columns[name] = window
                        changed = True
    return columns


def _renamed(query: exp.Expr) -> Sequence[exp.Expr]:
    """The names that a derived table or a common table expression gives the query's columns, if it does."""
    parent = query.parent
    alias = parent.args.get("alias") if isinstance(parent, exp.Subquery | exp.CTE) else None
    return alias.columns if isinstance(alias, exp.TableAlias) else ()


def _window(node: exp.Expr, columns: dict[str, exp.Window]) -> exp.Window | None:
    """The window whose rank the expression is; None if it is not a rank."""
    while isinstance(node, exp.Paren | exp.Cast | exp.Add | exp.Sub):
        node = node.this
    if isinstance(node, exp.Column):
        return columns.get(node.name.lower())
    if isinstance(node, exp.Window):
        ranks = isinstance(node.this, _RANKS) or (isinstance(node.this, _RUNNING) and node.args.get("order"))
        return node if ranks else None
    return None


def _is_partitioned(window: exp.Window) -> bool:
    return bool(window.args.get("partition_by"))


def _rank_filter(comparison: exp.Expr, columns: dict[str, exp.Window]) -> str:
    """How the comparison cuts by a rank; "" if it does not, or if it keeps one row of each group."""
    for side in comparison.iter_expressions():
        window = _window(side, columns)
        if window is None:
            continue
        other = comparison.args.get("expression") if side is comparison.this else comparison.this
        bound = other.name if isinstance(other, exp.Literal) and other.is_int else ""
        first = isinstance(comparison, exp.EQ | exp.LTE | exp.GTE) and bound == "1"
        if first and _is_partitioned(window):
            continue  # one row of each group: this only removes duplicates
        if isinstance(side, exp.Column) and _PIVOT_RANK.fullmatch(side.name) and bound and int(bound) >= _PIVOT_CAP:
            continue
        return f"a rank ({window.this.sql_name()})"
    return ""
