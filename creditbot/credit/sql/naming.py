"""Says how SQL makes the prefix and the mode that its result shows: whether other SQL may call them otherwise. Pure.

    prefix, t.mode                                    columns as the table has them, by these names
    CASE WHEN prefix = '+62' THEN 'ID' END AS prefix  made by an expression
    country AS prefix                                 another column
    FROM t JOIN countries AS c: c.prefix AS prefix    a column of a table that the numbers do not come from

Notebooks name what they flag by prefix and mode. So what two queries flag can be compared only if both make these names
in the same way. The same expression of one LookML dimension is the same way, whatever its table is called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sqlglot import exp
from sqlglot.errors import SqlglotError

from creditbot.credit.footprint import naming_of
from creditbot.credit.sql.bounds import Bounds
from creditbot.credit.sql.shown_column import TEXT_TYPES
from creditbot.credit.sql.sources import (
    Sources,
    Unclear,
    by_position,
    is_plain_star,
    last,
    of_traffic,
    outputs,
    sources_of,
)

NAMES = ("prefix", "mode")
"""The columns of the result by which notebooks name what they flag."""


class Naming:
    """How a query makes the columns of NAMES.

    Args:
        derived: source in FROM -> the query behind it; None for a table of the warehouse. May raise `Unclear`.
        traffic: SELECT and its sources -> the source that the numbers come from. May raise `Unclear`.
    """

    def __init__(
        self,
        derived: Callable[[exp.Expr], exp.Expr | None],
        traffic: Callable[[exp.Select, Sources], str],
    ) -> None:
        self._derived = derived
        self._traffic = traffic
        self._made: dict[tuple[int, str], str] = {}

    def of(self, query: exp.Expr) -> str:
        """As in `TrafficWindow`; that of the whole query if it is not clear where the columns come from."""
        try:
            made = [self._column(query, name) for name in NAMES]
        except Unclear:
            return naming_of(_text(query))
        return "" if made == [*NAMES] else naming_of(", ".join(made))

    def _column(self, query: exp.Expr, name: str) -> str:
        """How a column of NAMES is made, with or without the view that BigQuery has in front of its name."""
        found = _called(name, outputs(query) or ())
        return self._made_of(query, found[0] if len(found) == 1 else name)

    def _made_of(self, query: exp.Expr, name: str) -> str:
        """How a column of a query is made: the name of a column of a table, or an expression over such columns."""
        if (id(query), name) not in self._made:
            self._made[id(query), name] = last(name)  # for a query that reads itself
            self._made[id(query), name] = self._made_in(query, name)
        return self._made[id(query), name]

    def _made_in(self, query: exp.Expr, name: str) -> str:
        if isinstance(query, exp.Subquery):
            return self._made_of(query.this, name)
        if isinstance(query, exp.SetOperation):
            right = name if query.args.get("by_name") else next(iter(by_position(query, {name: Bounds()})), name)
            sides = {self._made_of(query.this, name), self._made_of(query.expression, right)}
            return " or ".join(sorted(sides))
        if not isinstance(query, exp.Select):
            return _text(query)
        sources = sources_of(query)
        names = [column.alias_or_name.lower() for column in query.expressions]
        called = [name] if name in names else _called(name, names)
        columns = [column for column, its in zip(query.expressions, names, strict=True) if its in called]
        if len(columns) == 1:
            return self._expression(columns[0].unalias(), query, sources)
        stars = [column for column in query.expressions if column.is_star]
        if columns or not all(map(is_plain_star, stars)):
            return _text(query)
        return self._from_any(name, query, sources)

    def _expression(self, node: exp.Expr, select: exp.Select, sources: Sources) -> str:
        node = node.unnest()
        while isinstance(node, exp.Cast) and node.to.is_type(*TEXT_TYPES) and not node.to.expressions:
            node = node.this.unnest()
        if isinstance(node, exp.Column):
            return self._of_column(node, select, sources)

        def named(part: exp.Expr) -> exp.Expr:
            return exp.column(self._of_column(part, select, sources)) if isinstance(part, exp.Column) else part

        return _text(node.transform(named))

    def _of_column(self, column: exp.Column, select: exp.Select, sources: Sources) -> str:
        ref = sources.ref(column)
        if ref is None:
            return self._from_any(last(column.name), select, sources)
        return self._of_source(*ref, select, sources)

    def _of_source(self, source: str, name: str, select: exp.Select, sources: Sources) -> str:
        """How a column of a source is made. What the traffic is joined with may call it anything, row by row."""
        traffic = self._traffic_in(select, sources) or next(iter(sources.tables))
        ref = of_traffic(select, sources, traffic, (source, name))
        return self._passed_on(*ref, sources) if ref else f"{last(name)} of {source} in {_text(select)}"

    def _traffic_in(self, select: exp.Select, sources: Sources) -> str:
        """The source of the traffic; "" if that is not clear, and then nothing is known of the traffic, either."""
        try:
            return self._traffic(select, sources)
        except Unclear:
            return ""

    def _from_any(self, name: str, select: exp.Select, sources: Sources) -> str:
        """How a column is made that does not say which source it is of: by each source that may have it."""
        every = [source for source in sources.tables if self._may_have(source, name, sources)]
        if self._traffic_in(select, sources):
            made = {self._of_source(source, name, select, sources) for source in every}
        else:
            made = {self._passed_on(source, name, sources) for source in every}
        return " or ".join(sorted(made)) or last(name)

    def _may_have(self, source: str, name: str, sources: Sources) -> bool:
        if len(sources.tables) == 1:
            return True
        try:
            derived = self._derived(sources.tables[source])
        except Unclear:  # such as the elements of an array of the table beside it
            return False
        names = outputs(derived) if derived is not None else None
        return names is None or name in names or bool(_called(name, names))

    def _passed_on(self, source: str, name: str, sources: Sources) -> str:
        table = sources.tables[source]
        try:
            derived = self._derived(table)
        except Unclear:  # such as a pivot, or a function that gives rows
            return f"{last(name)} of {_text(table)}"
        named = table if table.alias_column_names else derived.parent if derived is not None else None
        if isinstance(named, exp.DerivedTable | exp.Table | exp.CTE) and named.alias_column_names:
            return f"{last(name)} of {_text(named)}"  # FROM (...) AS x(prefix, mode)
        return last(name) if derived is None else self._made_of(derived, name)


def _called(name: str, columns: Iterable[str]) -> list[str]:
    """Those of some columns that have a name, also with Looker's view in front: "v.prefix", in BigQuery "v_prefix"."""
    columns, bare = list(columns), last(name)
    found = [each for each in columns if last(each) == bare]
    return found or [each for each in columns if bare in NAMES and each.endswith(f"_{bare}")]


def _text(node: exp.Expr) -> str:
    """SQL that names a node; its tree where sqlglot reads what it cannot write."""
    try:
        return node.sql(comments=False)
    except (ValueError, TypeError, AttributeError, SqlglotError):
        return repr(node)
