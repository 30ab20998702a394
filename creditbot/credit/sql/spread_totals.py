"""Says where each of several rows shows a total over all of them: whoever adds the rows up counts it again. Pure.

SUM(messages) OVER (PARTITION BY day) AS messages        the total of the day, once for each of its rows
SELECT x.total AS messages FROM (... AS total ...) x     the same
SUM(messages) AS messages ... GROUP BY day               once
RANK() OVER (ORDER BY messages) AS messages_rank         no total
CASE WHEN SUM(messages) OVER () > 9 THEN messages END    the total only decides which rows count
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Final

from sqlglot import exp

from creditbot.credit.sql.sources import Unclear, last, selected, sources_of
from creditbot.credit.sql.tree import QUERIES

_PLACES: Final = (exp.CumeDist, exp.DenseRank, exp.Ntile, exp.PercentRank, exp.Rank, exp.RowNumber)
"""Functions that say where a row stands among others."""
_AROUND: Final = (exp.Filter, exp.IgnoreNulls, exp.RespectNulls, exp.WithinGroup)


class SpreadTotals:
    """Finds numbers that are totals over rows that stay.

    Args:
        query: the statement.
        derived: source in FROM -> the query behind it; None for a table of the warehouse. May raise `Unclear`.
    """

    def __init__(self, query: exp.Expr, derived: Callable[[exp.Expr], exp.Expr | None]) -> None:
        self._query = query
        self._derived = derived
        self._seen = set[tuple[int, str | int]]()
        self._values = {cte.alias.lower(): cte.this for cte in query.find_all(exp.CTE) if cte.args.get("scalar")}

    def among(self, numbers: Collection[str]) -> str:
        """How the result repeats a total in one of its numbers, a clause; "" if it does not."""
        if any(self._repeats(self._query, name) for name in _columns_of(self._query, numbers)):
            return "each of several rows shows a total over all of them, as SUM(...) OVER (...) does"
        return ""

    def _repeats(self, query: exp.Expr, name: str | int) -> bool:
        """Whether a column of a query, by its name or by its place, is such a total or is made of one."""
        if (id(query), name) in self._seen:
            return False
        self._seen.add((id(query), name))
        if isinstance(query, exp.Subquery):
            return self._repeats(query.this, name)
        if isinstance(query, exp.SetOperation):
            return self._repeats(query.this, name) or self._repeats(query.expression, _place(query, name))
        return isinstance(query, exp.Select) and self._is_spread(query, name)

    def _is_spread(self, select: exp.Select, name: str | int) -> bool:
        if isinstance(name, int):
            found = select.expressions[name : name + 1]
        else:
            found = [
                column for column in _named(select) if column.alias_or_name.lower() == name or column.find(exp.Columns)
            ]
            if not found and any(column.is_star for column in select.expressions):
                return self._is_spread_inside(self._tables(select).values(), name)
        return any(self._is_total(part, select) for column in found for part in _values(column.unalias()))

    def _is_total(self, part: exp.Expr, select: exp.Select) -> bool:
        """Whether a part of a number is a total over other rows, or a column that is one."""
        if isinstance(part, exp.Window):
            return not _is_place(part)
        if isinstance(part, exp.Anonymous) and part.name.lower() == "runningaccumulate":
            return True  # ClickHouse's sum of all rows before
        if not isinstance(part, exp.Column):
            return False
        names = [each.name.lower() for each in part.parts]  # of the source, of the column, of a field of a struct
        tables = self._tables(select)
        inside = [tables[names[0]]] if names[0] in tables else tables.values()
        return self._is_named_total(names[0], select) or any(self._is_spread_inside(inside, name) for name in names)

    def _is_named_total(self, name: str, select: exp.Select) -> bool:
        """Whether ClickHouse's WITH calls a total so, or the SELECT itself does."""
        value = self._values.get(name)
        if value is not None and any(self._is_total(inner, select) for inner in _values(value)):
            return True
        return self._repeats(select, name)

    def _is_spread_inside(self, sources: Iterable[exp.Expr], name: str) -> bool:
        """Whether a column of one of these sources is such a total."""
        return any(self._repeats(query, name) for query in self._behind(sources))

    def _behind(self, sources: Iterable[exp.Expr]) -> Iterator[exp.Expr]:
        for source in sources:
            try:
                query = self._derived(source)
            except Unclear:
                continue
            if query is not None:
                yield query

    @staticmethod
    def _tables(select: exp.Select) -> Mapping[str, exp.Expr]:
        try:
            return sources_of(select).tables
        except Unclear:
            return {}


def _columns_of(query: exp.Expr, numbers: Collection[str]) -> Iterator[str]:
    """The columns of the result that notebooks take for the numbers, with or without Looker's view in front."""
    names = [column.alias_or_name.lower() for column in selected(query)]
    exact = [name for name in names if last(name) in numbers]
    ends = [name for name in names for number in numbers if name.endswith(f"_{number}")]  # BigQuery has no dots
    views = {name.removesuffix(number) for name in ends for number in numbers if name.endswith(number)}
    whole = [view + number for view in views for number in numbers if all(view + each in names for each in numbers)]
    yield from [*exact, *whole] or ends
    yield from numbers  # also those of `*`, and those that only the right side of a UNION BY NAME shows


def _named(select: exp.Select) -> Iterator[exp.Expr]:
    """The columns of a SELECT that have names, also those in `* REPLACE (...)` and `* RENAME (...)`."""
    for column in select.expressions:
        star = column.find(exp.Star) if column.is_star else None
        if star is None:
            yield column
        else:
            yield from (*(star.args.get("replace") or ()), *(star.args.get("rename") or ()))


def _place(union: exp.SetOperation, name: str | int) -> str | int:
    """The column of the right side of a UNION that has the place of one of the left side."""
    names = [column.alias_or_name.lower() for column in selected(union)]
    is_clear = isinstance(name, str) and name in names and not union.args.get("by_name") and "*" not in names
    return names.index(str(name)) if is_clear else name


def _values(node: exp.Expr) -> Iterator[exp.Expr]:
    """The parts of an expression that its value is made of, without conditions and without what is inside a window."""
    todo = [node]
    while todo:
        part = todo.pop()
        yield part
        if isinstance(part, exp.Case):
            todo += [branch.args["true"] for branch in part.args.get("ifs") or ()]
            todo += filter(None, [part.args.get("default")])
        elif isinstance(part, exp.If):
            todo += filter(None, [part.args.get("true"), part.args.get("false")])
        elif not isinstance(part, (exp.Window, *QUERIES)):
            todo += part.iter_expressions()


def _is_place(window: exp.Window) -> bool:
    """Whether a window function says where a row stands, or takes the value of its neighbour."""
    function = window.this
    while isinstance(function, _AROUND):
        function = function.this
    if isinstance(function, exp.Lag | exp.Lead):
        offset = function.args.get("offset")
        return offset is None or isinstance(offset, exp.Literal)
    return isinstance(function, _PLACES)
