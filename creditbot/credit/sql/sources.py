"""Which tables and queries the rows of a SELECT come from, and which of their columns its names mean. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlglot import exp

from creditbot.credit.sql.bounds import Bounds, Ref
from creditbot.credit.sql.tree import QUERIES, conjuncts


class Unclear(Exception):
    """The query is of a kind whose conditions prove nothing about its traffic; the message is the reason."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the rows of a SELECT come from.

    Attributes:
        tables: name -> table or query.
        optional: names of those that a row of the result may lack.
        shadowed: names of columns that may mean a computed column of this very SELECT.
    """

    tables: Mapping[str, exp.Expr]
    optional: frozenset[str]
    shadowed: frozenset[str]

    def ref(self, column: exp.Column) -> Ref | None:
        """The source of a column and its name in it; None if that is not clear."""
        name, table = last(column.name), column.table.lower()
        if table:
            return (table, name) if table in self.tables else None
        is_clear = len(self.tables) == 1 and name not in self.shadowed
        return (next(iter(self.tables)), name) if is_clear else None


def sources_of(select: exp.Select) -> Sources:
    """Where the rows of a SELECT come from."""
    from_ = select.args.get("from_")
    tables: dict[str, exp.Expr] = {}
    optional = set[str]()
    parts: list[tuple[exp.Expr, str]] = [(from_.this, "")] if from_ else []
    parts += [(join.this, join.side or "") for join in select.args.get("joins") or ()]
    parts += [(lateral, "") for lateral in select.args.get("laterals") or ()]
    for place, side in parts:
        source = _without_final(place)
        if joins_inside(source):
            raise Unclear("its SQL joins tables within another join")
        name = source_name(place)
        if not name or name in tables:
            raise Unclear("a table in its SQL has no name of its own")
        if side in {"RIGHT", "FULL"}:
            optional |= tables.keys()
        if side in {"LEFT", "FULL"}:
            optional.add(name)
        tables[name] = source
    if not tables:
        raise Unclear("its SQL reads no table")
    # Some warehouses take a name in WHERE for the column of the result.
    aliased = [column for column in select.expressions if isinstance(column, exp.Alias)]
    same = {column.alias.lower() for column in aliased if last(column.this.unnest().name) == column.alias.lower()}
    plain = {column.alias.lower() for column in aliased if isinstance(column.this.unnest(), exp.Column)} & same
    return Sources(tables, frozenset(optional), frozenset(column.alias.lower() for column in aliased) - plain)


def source_name(place: exp.Expr) -> str:
    """The name of what stands in FROM or after JOIN; "" if it has none."""
    source = _without_final(place)
    name = source.alias_or_name
    if not name and isinstance(source, exp.Unnest) and len(source.alias_column_names) == 1:
        name = source.alias_column_names[0]  # BigQuery's UNNEST(t.tags) AS tag names a column and its table at once
    return str(name).lower()


def _without_final(place: exp.Expr) -> exp.Expr:
    """The source without ClickHouse's FINAL, which takes the latest version of each row."""
    return place.this if isinstance(place, exp.Final) else place


def joins_inside(source: exp.Expr) -> bool:
    """Whether a source or a query is joined with others that its SELECT does not list: `(a JOIN b) AS c`."""
    return bool(source.args.get("joins") or source.args.get("laterals")) and not isinstance(source, exp.Select)


def equated(select: exp.Select, sources: Sources) -> Iterator[tuple[Ref, Ref]]:
    """Pairs of columns that an inner or left join demands to be equal."""
    first = next(iter(sources.tables))
    for number, join in enumerate(select.args.get("joins") or ()):
        name = source_name(join.this)
        if join.side in {"RIGHT", "FULL"} or join.kind in {"ANTI", "SEMI"}:
            continue
        for using in (join.args.get("using") or ()) if number == 0 else ():  # later, it may be of any table before
            yield (first, using.name.lower()), (name, using.name.lower())
        on = join.args.get("on")
        for condition in conjuncts(on) if on else ():
            equal = condition.unnest()
            if not isinstance(equal, exp.EQ):
                continue
            places = [equal.this.unnest(), equal.expression.unnest()]
            refs = [sources.ref(place) if isinstance(place, exp.Column) else None for place in places]
            if refs[0] is None or refs[1] is None:
                continue
            if not join.side or name in {refs[0][0], refs[1][0]}:  # LEFT JOIN keeps rows that do not fulfil its ON
                yield refs[0], refs[1]


def of_traffic(select: exp.Select, sources: Sources, traffic: str, ref: Ref) -> Ref | None:
    """The column of the source of the traffic that a column is, or that a join demands to be equal to it, if any."""
    if ref[0] == traffic:
        return ref
    pairs = [pair for one, other in equated(select, sources) for pair in ((one, other), (other, one))]
    return next((there for here, there in pairs if here == ref and there[0] == traffic), None)


def is_key(select: exp.Select, column: exp.Expr) -> bool:
    """Whether rows are grouped by a column of the result: by itself, by its name, or by its number."""
    group = select.args.get("group")
    number = select.expressions.index(column) + 1
    plain = column.unalias().unnest()
    for key in group.expressions if group else ():
        if isinstance(key, exp.Literal) and key.name == str(number):
            return True
        inner = key.unnest()
        if inner == plain or (isinstance(inner, exp.Column) and not inner.table and inner.name == column.alias):
            return True
    return bool(group and group.args.get("all"))


def outputs(query: exp.Expr) -> list[str] | None:
    """The names of the columns of a query, in lower case; None if they are not all named."""
    names = [column.alias_or_name.lower() for column in selected(query)]
    return names if names and all(names) and "*" not in names else None


def selected(query: exp.Expr) -> list[exp.Expr]:
    """The columns of a query, which are those of its first SELECT."""
    while isinstance(query, exp.Subquery | exp.SetOperation):
        query = query.this
    return query.selects if isinstance(query, exp.Select) else []


def by_position(union: exp.SetOperation, pushed: Mapping[str, Bounds]) -> dict[str, Bounds]:
    """Limits by the names of the left side, as limits by the names of the right side."""
    left, right = outputs(union.this), outputs(union.expression)
    if union.args.get("by_name") or left is None or right is None or len(left) != len(right):
        return {}
    return {right[left.index(name)]: limits for name, limits in pushed.items() if left.count(name) == 1}


def is_plain_star(column: exp.Expr) -> bool:
    """Whether the column is `*` or `t.*`, without exceptions and replacements."""
    star = column.find(exp.Star)
    return column.is_star and star is not None and not any(star.args.values())


def reads_tables(column: exp.Expr) -> bool:
    """Whether a column of a SELECT contains a query over tables."""
    return any(query.find(exp.Table) for query in column.find_all(*QUERIES))


def last(name: str) -> str:
    """The name of a column without the view that Looker puts in front of it."""
    return name.lower().rpartition(".")[2]
