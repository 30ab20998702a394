"""Finds limits that leave out rows of a query: the credit would be too small, and nobody would notice.

A row limit counts wherever its rows or keys can reach the result: in the query, in derived tables and common table
expressions that it reads, joined or not, and in `IN (SELECT ... LIMIT 5)`. A limit inside a scalar sub-query does not:
`(SELECT day FROM t ORDER BY day LIMIT 1)` is one value, not a part of the rows. `EXISTS` and scalar sub-queries that
depend on the row are like `IN`: a limit in what they read counts, their own does not. Queries come from
`creditbot.credit.sql.rules`. Pure.

A condition on a rank is also a limit. It does not matter how the rank is computed and compared:

    WHERE rn <= 10, QUALIFY RANK() OVER (...) < 5, JOIN ten USING (rn)      cut
    rn = 1 with ROW_NUMBER() OVER (PARTITION BY id ORDER BY loaded)         one row of each group: removes duplicates
    CASE WHEN rn <= 10 THEN prefix ELSE 'Other' END AS bucket               shows a rank, and keeps all rows
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sqlglot import exp

from creditbot.credit.sql.lists import opens_list
from creditbot.credit.sql.tree import (
    Meanings,
    column_meanings,
    is_one_value,
    name_of,
    operands,
    parts_of_query,
    row_queries,
    short,
)

_RANKS: Final = (exp.RowNumber, exp.Rank, exp.DenseRank, exp.PercentRank, exp.CumeDist, exp.Ntile)
_RUNNING: Final = (exp.Count, exp.CountIf, exp.Sum)
_FIRST_IS_ONE: Final = (exp.RowNumber, exp.Rank, exp.DenseRank, exp.Count)
"""Ranks that give 1 to the first row of each group, and to the rows that are equal to it."""
_ROW_NUMBERS: Final = frozenset({
    "monotonically_increasing_id", "rownumberinallblocks", "rownumberinblock", "seq1", "seq2", "seq4", "seq8",
})  # fmt: skip
"""Functions that number the rows without a window."""
_MIRRORED: Final[Mapping[type[exp.Expr], type[exp.Expr]]] = {
    exp.GT: exp.LT, exp.LT: exp.GT, exp.GTE: exp.LTE, exp.LTE: exp.GTE,
}  # fmt: skip
# Looker ranks the columns and rows of a pivot, and keeps this many of them, far more than it shows.
_PIVOT_RANK: Final = re.compile(r"z_+pivot_(?:col|row)_rank")
_PIVOT_CAP: Final = 16_384


def row_limit(query: exp.Expr, dialect: str) -> str:
    """The limit that cuts the rows of the query, such as "LIMIT 500" or "a rank (ROW_NUMBER)"; "" if none does."""
    queries = list(row_queries(query, dialect, compared=True))
    ranks = _Ranks(queries, column_meanings(query))
    opens_lists = any(opens_list(node) for node in query.walk())
    for part in queries:
        gives_rows = not is_one_value(part)
        limits = (part.args.get("limit"), part.args.get("offset")) if gives_rows else ()
        for limit in (*limits, *(_limits_of_lists(part) if opens_lists else ())):
            if limit is not None and _cuts(limit):
                rows = _rows(limit)
                number = f" {short(rows.name)}" if isinstance(rows, exp.Literal | exp.Var) else ""
                return f"{limit.key.upper()}{number}"
        if part.args.get("match"):
            return "MATCH_RECOGNIZE"
        for join in part.args.get("joins") or ():
            if "PASTE" in (join.kind, join.method) or "POSITIONAL" in (join.kind, join.method):
                return "a join of rows by their position"
        if dialect == "oracle" and gives_rows and any(_is_rownum(node) for node in parts_of_query(part)):
            return "ROWNUM"
        if rank := ranks.filter_in(part):
            return f"a rank ({rank})"
    return ""


def _limits_of_lists(query: exp.Expr) -> Iterator[exp.Expr]:
    """The limits of lists, as in `ARRAY_AGG(t LIMIT 5)` and `ARRAY(SELECT ... LIMIT 5)`: a query around may open them.

    A list of one element for each group removes duplicates.
    """
    for node in parts_of_query(query):
        if isinstance(node, exp.Limit) and isinstance(node.parent, exp.AggFunc):
            rows = _rows(node)
            if not (isinstance(rows, exp.Literal) and rows.name == "1" and query.args.get("group")):
                yield node
        elif isinstance(node, exp.Array):
            yield from (item.args["limit"] for item in node.expressions if item.args.get("limit"))


def _rows(limit: exp.Expr) -> exp.Expr | None:
    rows: exp.Expr | None = limit.args.get("expression") or limit.args.get("count")
    return rows


def _cuts(limit: exp.Expr) -> bool:
    """Whether the limit leaves rows out. LIMIT ALL, NULL and -1, OFFSET 0 and TOP 100 PERCENT do not."""
    rows, options = _rows(limit), limit.args.get("limit_options")
    if isinstance(rows, exp.Null) or (isinstance(rows, exp.Var) and rows.name.upper() == "ALL"):
        return False
    if isinstance(limit, exp.Offset):
        return not (isinstance(rows, exp.Literal) and rows.name == "0")
    if isinstance(rows, exp.Neg):
        return False  # SQLite's word for all rows; others refuse it
    whole = isinstance(rows, exp.Literal) and rows.name == "100" and options is not None and options.args.get("percent")
    return not whole


def _is_rownum(node: exp.Expr) -> bool:
    return isinstance(node, exp.Column) and node.name.upper() == "ROWNUM" and not node.table


class _Ranks:
    """The ranks in some queries, and the conditions on them.

    Args:
        queries: the queries whose rows reach the result.
        meanings: what the names of columns stand for.
    """

    def __init__(self, queries: Sequence[exp.Expr], meanings: Meanings) -> None:
        self._columns: dict[str, exp.Expr] = {}  # of the columns that depend on a rank, by name
        self._derived = set[str]()  # the names of those that are computed from one: rn <= 10 AS top
        self._meanings = meanings
        known = {id(column.unalias()) for query in queries if isinstance(query, exp.Select) for column in query.selects}
        changed = True
        while changed:  # a query may compute a rank of what another one ranks
            changed = False
            for name, expressions in meanings.named.items():
                for expression in expressions:
                    rank = self._rank_in(expression) if id(expression) in known else None
                    if rank is None:
                        continue
                    if not self._is_rank(expression) and name not in self._derived:
                        self._derived.add(name)
                        changed = True
                    if self._is_news(name, rank):
                        self._columns[name] = rank
                        changed = True

    def filter_in(self, query: exp.Expr) -> str:
        """The function whose rank decides which rows the query keeps; "" if none does."""
        joins = query.args.get("joins") or ()
        clauses = [query.args.get("where"), query.args.get("having"), query.args.get("qualify")]
        for clause in (*clauses, *(join.args.get("on") for join in joins)):
            rank = self._rank_in(clause) if clause is not None else None
            if rank is not None:
                return _name_of_rank(rank)
        named = (column.name.lower() for join in joins for column in join.args.get("using") or ())
        return next((_name_of_rank(self._columns[name]) for name in named if name in self._columns), "")

    def _is_news(self, name: str, rank: exp.Expr) -> bool:
        """Whether a rank is to be the one of a name. If several ranks have it, one of all rows counts."""
        return name not in self._columns or (_is_of_groups(self._columns[name]) and not _is_of_groups(rank))

    def _rank_in(self, expression: exp.Expr) -> exp.Expr | None:
        """A rank that the value of an expression depends on, outside of harmless conditions; None if there is none."""
        todo = [expression]
        while todo:
            node = todo.pop()
            if self._is_harmless(node) or _counts_values(node):
                continue
            rank = self._rank(node)
            if rank is not None:
                return rank
            below = operands(node) if isinstance(node, exp.Or) else node.iter_expressions()
            todo += [child for child in below if not isinstance(child, exp.With)]
        return None

    def _is_rank(self, expression: exp.Expr) -> bool:
        """Whether an expression that depends on a rank is that rank."""
        while isinstance(expression, exp.Cast | exp.Paren):
            expression = expression.this
        if isinstance(expression, exp.Column):
            return expression.name.lower() not in self._derived
        return isinstance(expression, exp.Window)

    def _rank(self, node: exp.Expr) -> exp.Expr | None:
        """The rank that a window, or a column of this name, is; None if it is not a rank."""
        if isinstance(node, exp.Column):
            return None if self._meanings.is_of_table(node) else self._columns.get(node.name.lower())
        if isinstance(node, exp.Window):
            ranks = isinstance(node.this, _RANKS) or (isinstance(node.this, _RUNNING) and node.args.get("order"))
            return node if ranks else None
        numbers = isinstance(node, exp.Func) and (node.name if isinstance(node, exp.Anonymous) else node.sql_name())
        return node if numbers and numbers.lower() in _ROW_NUMBERS else None

    def _is_harmless(self, node: exp.Expr) -> bool:
        """Whether a condition keeps all rows, or one row of each group."""
        if isinstance(node, exp.Or):
            return any(self._is_uncut_pivot(side.unnest()) for side in operands(node))
        if isinstance(node, exp.Is):
            return isinstance(node.expression, exp.Null)
        return self._is_uncut_pivot(node) or self._keeps_first(node)

    def _is_uncut_pivot(self, node: exp.Expr) -> bool:
        if not isinstance(node, exp.LTE) or not isinstance(node.this, exp.Column):
            return False
        bound = node.expression.name
        return bool(_PIVOT_RANK.fullmatch(node.this.name)) and bound.isdigit() and int(bound) >= _PIVOT_CAP

    def _keeps_first(self, node: exp.Expr) -> bool:
        """Whether the node compares a rank so that the first of each group stays: `rn = 1`, `2 > rn`, `rn >= 1`."""
        kind, side, bound = type(node), node.args.get("this"), node.args.get("expression")
        if isinstance(side, exp.Literal):
            kind, side, bound = _MIRRORED.get(kind, kind), bound, side
        if not isinstance(bound, exp.Literal) or not isinstance(side, exp.Expr):
            return False
        rank = self._rank(side.unnest()) if self._is_rank(side) else None
        if not isinstance(rank, exp.Window) or not isinstance(rank.this, _FIRST_IS_ONE):
            return False
        if (kind, bound.name) in {(exp.GTE, "1"), (exp.GT, "0")}:
            return True  # all of them
        return (kind, bound.name) in {(exp.EQ, "1"), (exp.LTE, "1"), (exp.LT, "2")} and _is_of_groups(rank)


def _counts_values(node: exp.Expr) -> bool:
    """Whether the node is COUNT(x) or COUNT(DISTINCT x): how many rows there are, whatever numbers them."""
    counted = node.this if isinstance(node, exp.Count) and not isinstance(node.parent, exp.Window) else None
    if isinstance(counted, exp.Distinct):
        return all(isinstance(part, exp.Column) for part in counted.expressions)
    return isinstance(counted, exp.Column)


def _is_of_groups(rank: exp.Expr) -> bool:
    return bool(rank.args.get("partition_by"))


def _name_of_rank(rank: exp.Expr) -> str:
    function = rank.this if isinstance(rank, exp.Window) else rank
    return name_of(function)
