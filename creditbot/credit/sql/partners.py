"""Says whether a join gives each row of the traffic one partner at most, or repeats it. Pure.

FROM t JOIN accounts AS a ON a.id = t.account_id     one account for each row, as far as anybody can tell
FROM t JOIN t AS o ON o.day = t.day                  a row for each partner
FROM t CROSS JOIN u, FROM t JOIN u ON u.day > t.day  a row for each row of u
FROM t CROSS JOIN u JOIN v ON v.id = u.id            the same: v belongs to a row of u, and u to none of t
FROM t, UNNEST(t.tags) AS tag                        a row for each tag
FROM t CROSS JOIN (SELECT MAX(day) AS last FROM t)   one partner: it is a total over all rows

`creditbot.credit.sql.traffic_window` asks it for each SELECT on the way to the traffic. COUNT(DISTINCT id) counts each
row once, however often a join repeats it. Looker's sums over distinct values do the same, unless they are grouped by a
column of a partner.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Final, NamedTuple

from sqlglot import exp

from creditbot.credit.sql.lists import makes_rows, makes_rows_of_list
from creditbot.credit.sql.sources import Sources, Unclear, is_plain_star, joins_inside, last, source_name
from creditbot.credit.sql.table_names import Tables, in_both
from creditbot.credit.sql.tree import conjuncts, parts_of_query, short

_ONE_PARTNER: Final = frozenset({"ANY", "ASOF"})
"""Kinds of join that give each row of the left side one partner at most."""
_NO_PARTNER: Final = frozenset({"ANTI", "SEMI"})
"""Kinds of join that only decide which rows of the left side stay."""
_OTHER_SIDE: Final = frozenset({"FULL", "RIGHT"})


class _Tie(NamedTuple):
    """What a row of a source must equal.

    Attributes:
        column: its column; "" for an expression.
        others: the sources of what it equals.
    """

    column: str
    others: frozenset[str]


class _Read(NamedTuple):
    """What a SELECT reads.

    Attributes:
        sources: its sources.
        tables: those that the source of the traffic reads.
        ties: name of a source -> its ties.
        words: name of a source -> the words of its join.
    """

    sources: Sources
    tables: Tables
    ties: Mapping[str, Sequence[_Tie]]
    words: Mapping[str, frozenset[str]]

    def is_joined(self, name: str, kinds: frozenset[str]) -> bool:
        """Whether the join of a source is of one of these kinds."""
        return not kinds.isdisjoint(self.words.get(name, ()))


class Joins:
    """Finds the joins that repeat rows.

    Args:
        derived: source in FROM -> the query behind it; None for a table of the warehouse. May raise `Unclear`.
        reads: source in FROM -> the tables of the warehouse that it reads.
        own: source in FROM -> how the query behind it may repeat its own rows, a clause; "" if it does not.
    """

    def __init__(
        self,
        derived: Callable[[exp.Expr], exp.Expr | None],
        reads: Callable[[exp.Expr], Tables],
        own: Callable[[exp.Expr], str],
    ) -> None:
        self._derived = derived
        self._reads = reads
        self._own = own

    def repeated(self, select: exp.Select, sources: Sources, traffic: str, tables: Tables) -> str:
        """How a SELECT may count a row more than once by what it is joined with, a clause; "" if it does not.

        Args:
            select: it.
            sources: its sources.
            traffic: the name of the source that the numbers come from.
            tables: those that this source reads.
        """
        if makes_rows(select):
            return "it makes several rows of one by opening a list, as UNNEST does"
        if _counts_each_once(select, traffic):
            return ""
        read = _Read(sources, tables, _ties_of(select, traffic), _joined_as(select))
        known = frozenset({traffic})
        waiting = [name for name in sources.tables if name != traffic and not read.is_joined(name, _NO_PARTNER)]
        while found := [name for name in waiting if self._has_one(read, name, known)]:
            known |= frozenset(found)
            waiting = [name for name in waiting if name not in known]
        return self._how(read, waiting[0]) if waiting else ""

    def _has_one(self, read: _Read, name: str, known: frozenset[str]) -> bool:
        """Whether a source has one row at most for each row of the sources that are known to have one."""
        source = read.sources.tables[name]
        if read.is_joined(name, _ONE_PARTNER) and known.issuperset(takewhile(name.__ne__, read.sources.tables)):
            return True  # of those before it
        if _is_list(source, read.sources):
            return False
        ties = frozenset(tie.column for tie in read.ties.get(name, ()) if tie.others <= known)
        if self._is_one_row(source, ties):
            return True
        return bool(ties) and not in_both(read.tables, self._reads(source)) and not self._own(source)

    def _how(self, read: _Read, name: str) -> str:
        source = read.sources.tables[name]
        if _is_list(source, read.sources):
            return "it joins each row with a list or a query of that row, such as UNNEST or LATERAL"
        if same := in_both(read.tables, self._reads(source)):
            return f"it joins {same} with itself, and nothing says that each row has one partner"
        shown = short(source.alias_or_name)
        return self._own(source) or f"it joins {shown} without saying which of its rows belongs to a row of the traffic"

    def _is_one_row(self, source: exp.Expr, columns: frozenset[str]) -> bool:
        """Whether a source is a query that has one row at most for each value of these of its columns."""
        try:
            query = self._derived(source)
        except Unclear:
            return False
        return query is not None and self._has_one_row(query, columns)

    def _has_one_row(self, query: exp.Expr, columns: frozenset[str]) -> bool:
        while isinstance(query, exp.Subquery) and not joins_inside(query):
            query = query.this
        if not isinstance(query, exp.Select) or any(map(makes_rows_of_list, query.walk())):
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
        names = [last(column.alias_or_name) for column in select.expressions]
        columns &= {name for name in names if names.count(name) == 1}
        plain = [column for column in select.expressions if isinstance(column.unalias().unnest(), exp.Column)]
        inside = {last(each.unalias().unnest().name) for each in plain if last(each.alias_or_name) in columns}
        return self._is_one_row(from_.this, frozenset(inside))


def _keys(select: exp.Select) -> frozenset[str] | None:
    """The columns that have no two rows alike: none of them if there is one row; None if that is not clear."""
    group, every = select.args.get("group"), select.expressions
    keys: list[exp.Expr | None]
    if distinct := select.args.get("distinct"):
        keys = [column for column in every if not isinstance(column.unalias().unnest(), exp.Literal)]
        keys += [None] if distinct.args.get("on") else []
    elif group is None:
        return frozenset() if any(map(_is_total, every)) else None
    elif group.args.get("all"):
        keys = [column for column in every if not _is_total(column)]
    else:
        keys = [_shown_key(select, key) for key in group.expressions]
    shown = [last(column.alias_or_name) for column in every]
    names = [last(key.alias_or_name) if key is not None else "" for key in keys]
    return frozenset(names) if all(name and shown.count(name) == 1 for name in names) else None


def _shown_key(select: exp.Select, key: exp.Expr) -> exp.Expr | None:
    """The column of the result by which GROUP BY groups; None if the result does not show it."""
    if isinstance(key, exp.Literal):
        number = int(key.name) if key.is_int else 0
        at: exp.Expr | None = select.expressions[number - 1] if 0 < number <= len(select.expressions) else None
        return at
    key = key.unnest()
    column: exp.Expr
    for column in select.expressions:
        if column.unalias().unnest() == key or (
            isinstance(key, exp.Column)
            and not key.table
            and key.name == column.alias_or_name
            and _is_meant(select, column)
        ):
            return column
    return None


def _is_meant(select: exp.Select, column: exp.Expr) -> bool:
    """Whether the alias of a column means the column in GROUP BY, and not a column of the table that is called so.

    Where a warehouse prefers the table's, the column must be made of what is grouped: a constant, a total, other keys.
    """
    inner = column.unalias().unnest()
    used = {last(part.name) for part in inner.find_all(exp.Column)}
    if isinstance(inner, exp.Column) and used == {column.alias_or_name.lower()}:
        return True
    keys = {last(part.name) for key in select.args["group"].expressions for part in key.find_all(exp.Column)}
    return bool(used) and not used & keys and inner.find(exp.AggFunc) is None


def _is_total(column: exp.Expr) -> bool:
    """Whether a column is a total over rows that become one."""
    return any(
        isinstance(part, exp.AggFunc) and part.find_ancestor(exp.Window) is None for part in parts_of_query(column)
    )


def _is_list(source: exp.Expr, sources: Sources) -> bool:
    """Whether a source is a list or a query of each row: UNNEST, LATERAL, BigQuery's `FROM t, t.tags`."""
    if isinstance(source, exp.Table) and isinstance(source.this, exp.Identifier):
        return len(source.parts) > 1 and source.parts[0].name.lower() in sources.tables
    return not isinstance(source, exp.Subquery)


def _counts_each_once(select: exp.Select, traffic: str) -> bool:
    """Whether each number of a SELECT counts or adds up distinct values of the traffic, in groups of the traffic."""
    group = select.args.get("group")
    shown = [*select.expressions, *(group.expressions if group else ())]
    totals = [total for column in shown for total in column.find_all(exp.AggFunc)]
    numbers = [total for total in totals if not isinstance(total, exp.Min | exp.Max | exp.ApproxDistinct)]
    return (
        bool(totals)
        and all(isinstance(total.this, exp.Distinct) for total in numbers)
        and all(column.table.lower() == traffic for part in shown for column in part.find_all(exp.Column))
        and not any(part.find(exp.Window) for part in shown)
        and all(call.find_ancestor(exp.Distinct) for part in shown for call in part.find_all(exp.Anonymous))
    )


def _joined_as(select: exp.Select) -> Mapping[str, frozenset[str]]:
    """The words of the join of each source; none if it has no join, or if that keeps the rows of its right side."""
    return {
        source_name(join.this): frozenset({join.kind, join.side, join.method} if join.side not in _OTHER_SIDE else ())
        for join in select.args.get("joins") or ()
    }


def _conditions(select: exp.Select) -> Iterator[tuple[exp.Expr, str]]:
    """Each condition of WHERE and of the joins, and the source without whose rows it need not hold; "" for none.

    LEFT JOIN also keeps rows for which its ON does not hold, and ANTI JOIN keeps only those.
    """
    joins = select.args.get("joins") or ()
    clauses = [
        (join.args.get("on"), source_name(join.this) if join.side in {"FULL", "LEFT"} else "")
        for join in joins
        if join.kind != "ANTI"
    ]
    where = select.args.get("where")
    for clause, only_for in [*clauses, (where and where.this, "")]:
        if clause is not None:
            yield from ((condition, only_for) for condition in conjuncts(clause))


def _ties_of(select: exp.Select, traffic: str) -> Mapping[str, Sequence[_Tie]]:
    """The ties of each source.

    Names of columns without a table tie nothing: they may be of any source. NATURAL joins tie nothing, either: nobody
    sees by which columns, and without a common one each row is joined with each.
    """
    ties: dict[str, list[_Tie]] = {}
    before = [source_name(select.args["from_"].this)]
    for join in select.args.get("joins") or ():
        joined, using = source_name(join.this), [column.name.lower() for column in join.args.get("using") or ()]
        if using:
            ties.setdefault(joined, []).extend(_Tie(column, frozenset(before)) for column in using)
        if len(before) == 1:
            ties.setdefault(before[0], []).extend(_Tie(column, frozenset({joined})) for column in using)
        before.append(joined)
    for condition, only_for in _conditions(select):
        equal = condition.unnest()
        if not isinstance(equal, exp.EQ | exp.NullSafeEQ) or _compares_with_several(equal):
            continue
        sides = [(side, _tables(side)) for side in (equal.this, equal.expression)]
        for (side, own), (_, others) in (sides, sides[::-1]):
            if len(own) != 1 or not others or own & others or only_for not in {"", traffic, *own}:
                continue
            column, name = side.unnest(), next(iter(own))
            ties.setdefault(name, []).append(_Tie(last(column.name) if isinstance(column, exp.Column) else "", others))
    return ties


def _compares_with_several(equal: exp.Expr) -> bool:
    """Whether a side of an equality is a query, or `ANY` or `ALL` of a list."""
    calls = (call.name.upper() for call in equal.find_all(exp.Anonymous))
    return equal.find(exp.Any, exp.Query) is not None or "ALL" in calls


def _tables(node: exp.Expr) -> frozenset[str]:
    return frozenset(column.table.lower() for column in node.find_all(exp.Column))
