"""Says where SQL may count a row of the traffic more than once, though it reads a table. Pure.

    SELECT ... FROM t UNION ALL SELECT ... FROM t        counts each row of t twice
    ... WHERE day < '2025-12-16' UNION ALL ... WHERE day >= '2025-12-16'      other rows: the conditions tell them apart
    FROM t UNION ALL SELECT ... FROM u                   other rows, as far as anybody can tell
    FROM t JOIN accounts AS a ON a.id = t.account_id     one account for each row, as far as anybody can tell
    FROM t JOIN t AS o ON o.day = t.day                  a row for each partner
    FROM t CROSS JOIN u, FROM t JOIN u ON u.day > t.day  a row for each row of u
    FROM t, UNNEST(t.tags) AS tag                        a row for each tag
    FROM t CROSS JOIN (SELECT MAX(day) AS last FROM t)   one partner: it is a total over all rows

The queries come from `creditbot.credit.sql.traffic_window`, which knows where the numbers come from. A clause for
people goes into the `TrafficWindow`. COUNT(DISTINCT id) counts each row once, however often a join repeats it. So do
Looker's sums over distinct values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from operator import eq
from typing import Final, NamedTuple, TypeAlias

from sqlglot import exp

from creditbot.credit.footprint import account_key
from creditbot.credit.selection import Selection, table_name
from creditbot.credit.sql.bounds import Bounds, Box
from creditbot.credit.sql.lists import opens_list
from creditbot.credit.sql.sources import Sources, Unclear, is_key, is_plain_star, last
from creditbot.credit.sql.tree import operands, parts_of_query, short

MOST_PARTS = 60
"""Of a UNION that are compared with each other."""
_ONE_PARTNER: Final = frozenset({"ANTI", "ANY", "ASOF", "SEMI"})
"""Kinds of join that give each row one partner at most."""


Tables: TypeAlias = frozenset[tuple[str, ...]]
"""Tables of the warehouse by the parts of their names as written, in lower case."""


class Part(NamedTuple):
    """A query whose rows are, or are among, those of the traffic.

    Attributes:
        box: what each of its rows fulfils.
        tables: those that its rows come from.
    """

    box: Box
    tables: Tables


def in_union(parts: Sequence[Part]) -> str:
    """How a UNION ALL of these may count a row more than once, a clause; "" if it does not."""
    if len(parts) > MOST_PARTS:
        return f"it adds up more than {MOST_PARTS} queries, too many to compare"
    for one, other in combinations(parts, 2):
        if (same := _in_both(one.tables, other.tables)) and not _are_apart(one.box, other.box):
            return f"it adds up two queries over {same}, and no condition says that their rows differ"
    return ""


def removes_repeats(union: exp.SetOperation, sides: Sequence[exp.Expr], is_table: Callable[[exp.Expr], bool]) -> bool:
    """Whether a UNION shows a row once that several of its sides read: they show the columns of one table alike.

    Args:
        union: it.
        sides: the queries that it puts together.
        is_table: whether a source in FROM is a table of the warehouse.
    """
    if not union.args.get("distinct"):
        return False
    shown = set[tuple[str, ...]]()
    for select in sides:
        if not isinstance(select, exp.Select) or select.args.get("joins") or select.args.get("laterals"):
            return False
        from_ = select.args.get("from_")
        if from_ is None or not is_table(from_.this) or select.args.get("group") or select.find(exp.AggFunc):
            return False
        shown.add((*parts_of_name(from_.this), *(column.unalias().sql() for column in select.expressions)))
    return len(shown) == 1


class Joins:
    """Finds the joins that repeat rows.

    Args:
        derived: source in FROM -> the query behind it; None for a table of the warehouse. May raise `Unclear`.
        reads: source in FROM -> the tables of the warehouse that it reads.
    """

    def __init__(
        self,
        derived: Callable[[exp.Expr], exp.Expr | None],
        reads: Callable[[exp.Expr], Tables],
    ) -> None:
        self._derived = derived
        self._reads = reads

    def repeated(self, select: exp.Select, sources: Sources, traffic: str, tables: Tables) -> str:
        """How a SELECT may count a row more than once by what it is joined with, a clause; "" if it does not.

        Args:
            select: it.
            sources: its sources.
            traffic: the name of the source that the numbers come from.
            tables: those that this source reads.
        """
        if _counts_each_once(select):
            return ""
        if any(opens_list(node) for column in select.expressions for node in parts_of_query(column)):
            return "it makes several rows of one by opening a list, as UNNEST does"
        for name, source in sources.tables.items():
            if name != traffic and (clause := self._by_source(select, name, source, tables)):
                return clause
        return ""

    def _by_source(self, select: exp.Select, name: str, source: exp.Expr, tables: Tables) -> str:
        join = next((join for join in select.args.get("joins") or () if _name(join) == name), None)
        if join is not None and _ONE_PARTNER & {join.kind, join.side, join.method}:
            return ""
        is_table = isinstance(source, exp.Table) and isinstance(source.this, exp.Identifier)
        if not is_table and not isinstance(source, exp.Subquery):
            return "it joins each row with a list or a query of that row, such as UNNEST or LATERAL"
        ties = frozenset(_ties(select, name))
        if self._is_one_row(source, ties):
            return ""
        if same := _in_both(tables, self._reads(source)):
            return f"it joins {same} with itself, and nothing says that each row has one partner"
        shown = short(source.alias_or_name)
        return "" if ties else f"it joins {shown} without saying which of its rows belongs to a row of the traffic"

    def _is_one_row(self, source: exp.Expr, columns: frozenset[str]) -> bool:
        """Whether a source is a query that has one row at most for each value of these of its columns."""
        try:
            query = self._derived(source)
        except Unclear:
            return False
        return query is not None and self._has_one_row(query, columns)

    def _has_one_row(self, query: exp.Expr, columns: frozenset[str]) -> bool:
        while isinstance(query, exp.Subquery):
            query = query.this
        if not isinstance(query, exp.Select) or any(opens_list(node) for node in query.walk()):
            return False
        keys = _keys(query)
        return keys <= columns if keys is not None else self._passes_on(query, columns)

    def _passes_on(self, select: exp.Select, columns: frozenset[str]) -> bool:
        """Whether a SELECT shows rows of one other query, which has one row for each value of the columns."""
        from_ = select.args.get("from_")
        if from_ is None or select.args.get("joins") or select.args.get("laterals"):
            return False
        if len(select.expressions) == 1 and is_plain_star(select.expressions[0]):
            return self._is_one_row(from_.this, columns)
        plain = [column for column in select.expressions if isinstance(column.unalias().unnest(), exp.Column)]
        inside = {last(each.unalias().unnest().name) for each in plain if each.alias_or_name.lower() in columns}
        return self._is_one_row(from_.this, frozenset(inside))


def _keys(select: exp.Select) -> frozenset[str] | None:
    """The columns that have no two rows alike: none of them if there is one row; None if that is not clear."""
    shown = [column.alias_or_name.lower() for column in select.expressions]
    if distinct := select.args.get("distinct"):
        return None if distinct.args.get("on") else frozenset(shown)
    group, is_total = select.args.get("group"), [_is_total(column) for column in select.expressions]
    if group is None:
        return frozenset() if any(is_total) else None
    if group.args.get("all"):
        return frozenset(name for name, total in zip(shown, is_total, strict=True) if not total)
    keys = {name: column for name, column in zip(shown, select.expressions, strict=True) if is_key(select, column)}
    every = {column.unalias().sql() for column in keys.values()}
    return frozenset(keys) if len(every) == len(group.expressions) else None


def _is_total(column: exp.Expr) -> bool:
    """Whether a column is a total over rows that become one."""
    return any(
        isinstance(part, exp.AggFunc) and not isinstance(part.parent, exp.Window) for part in parts_of_query(column)
    )


def parts_of_name(table: exp.Table) -> tuple[str, ...]:
    """The name of a table as `Tables` have it."""
    *around, own = (part.name.lower() for part in table.parts)
    return (*around, table_name(own))


def _in_both(some: Tables, others: Tables) -> str:
    """A table that may be among both, for people; "" if there is none. The schema may be left out of its name."""
    same = (one for one in some for other in others if all(map(eq, reversed(one), reversed(other))))
    return next((short(".".join(each)) for each in sorted(same)), "")


def _are_apart(one: Box, other: Box) -> bool:
    """Whether no row fulfils both: they limit a column to other texts, or to other times."""
    shared = one.keys() & other.keys()
    if any(_exclude(one[column], other[column]) for column in shared):
        return True
    return _texts(one).is_apart(_texts(other))


def _exclude(one: Bounds, other: Bounds) -> bool:
    """Whether no value lies within both limits."""
    names = [frozenset(map(account_key, each.names)) for each in (one, other) if each.names is not None]
    return (len(names) == 2 and names[0].isdisjoint(names[1])) or any(
        first.end is not None and second.start is not None and first.end <= second.start
        for first, second in ((one, other), (other, one))
    )


def _texts(box: Box) -> Selection:
    return Selection(
        frozenset(),
        {column: limits.like for column, limits in box.items() if limits.like},
        {column: limits.unlike for column, limits in box.items() if limits.unlike},
    )


def _counts_each_once(select: exp.Select) -> bool:
    """Whether each number of a SELECT counts or adds up distinct values."""
    totals = [total for column in select.expressions for total in column.find_all(exp.AggFunc)]
    numbers = [total for total in totals if not isinstance(total, exp.Min | exp.Max | exp.ApproxDistinct)]
    return bool(totals) and all(isinstance(total.this, exp.Distinct) for total in numbers)


def _conditions(select: exp.Select) -> Iterator[exp.Expr]:
    """Each condition of WHERE and of the joins that all rows fulfil."""
    clauses = [join.args.get("on") for join in select.args.get("joins") or ()]
    where = select.args.get("where")
    for clause in filter(None, (*clauses, where and where.this)):
        yield from operands(clause.unnest()) if isinstance(clause.unnest(), exp.And) else [clause]


def _name(join: exp.Join) -> str:
    """The name of the source that is joined, as `sources_of` gives it."""
    source = join.this.this if isinstance(join.this, exp.Final) else join.this
    return str(source.alias_or_name.lower())


def _ties(select: exp.Select, name: str) -> Iterator[str]:
    """The columns of a source that must equal something of another source; "" for an expression.

    Names of columns without a table tie nothing: they may be of any source.
    """
    first = select.args["from_"].this.alias_or_name.lower()
    for number, join in enumerate(select.args.get("joins") or ()):
        if _name(join) == name or (name == first and number == 0):
            yield from (column.name.lower() for column in join.args.get("using") or ())
            yield from [""] if join.method == "NATURAL" else []
    for condition in _conditions(select):
        equal = condition.unnest()
        if not isinstance(equal, exp.EQ | exp.NullSafeEQ):
            continue
        for side, across in ((equal.this, equal.expression), (equal.expression, equal.this)):
            own, others = ({column.table.lower() for column in each.find_all(exp.Column)} for each in (side, across))
            if own == {name} and others and not others & {name, ""}:
                column = side.unnest()
                yield last(column.name) if isinstance(column, exp.Column) else ""
