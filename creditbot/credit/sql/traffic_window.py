"""Reads from the conditions of SQL whose traffic it asks for, and of which days.

A parsed query comes in; the `TrafficWindow` goes into the footprint of the credit. A window is never too small: only
conditions that every row of the traffic fulfils count, and a condition that is not understood limits nothing. Pure.

    account_sid = 'AC1' AND day >= '2025-12-01'      account AC1, from 1 December on
    account_sid IN ('AC1', 'AC2')                    both accounts
    account_sid LIKE 'AC%', account_sid <> 'AC1'     no account is named
    account_sid = 'AC1' OR prefix = '+62'            no account is named

A condition on a column of a derived table holds for the column inside it, if the column is passed on as it is. With
several tables, conditions count if they are on the table that the numbers come from, or on one that is joined to it by
an account or by the column that is limited. Where a list of names says what columns are called, none is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from functools import reduce
from typing import Final, NamedTuple

from sqlglot import exp

from creditbot.credit.footprint import (
    COMPUTED_DAYS,
    MADE_ACCOUNT,
    OTHER_ACCOUNT,
    UTC_DAYS,
    Accounts,
    Days,
    TrafficWindow,
    Unknown,
    joined,
    joined_zones,
)
from creditbot.credit.selection import Selection
from creditbot.credit.sql.bounds import Bounds, Box, Ref, Refs, both, either
from creditbot.credit.sql.column_limits import ColumnLimits
from creditbot.credit.sql.naming import Naming
from creditbot.credit.sql.partners import Joins
from creditbot.credit.sql.shown_column import ShownColumn, shown_column
from creditbot.credit.sql.sources import (
    Sources,
    Unclear,
    by_position,
    equated,
    is_key,
    is_plain_star,
    joins_inside,
    last,
    of_traffic,
    reads_tables,
    selected,
    sources_of,
)
from creditbot.credit.sql.spread_totals import SpreadTotals
from creditbot.credit.sql.table_names import Tables, parts_of_name
from creditbot.credit.sql.tree import QUERIES, nodes, row_queries, short
from creditbot.credit.sql.unions import Part, in_union, may_repeat, removes_repeats

_NUMBERS: Final = frozenset({"messages", "blocked", "attempts"})
_NUMBERS_OF_VIEW: Final = tuple(f"_{name}" for name in sorted(_NUMBERS))
"""BigQuery has an underscore, not a dot, between Looker's view and a column."""
_KEYS: Final = frozenset({"id", "key", "pk", "sid"})
"""Names of the columns by which a table names its own rows."""


def window_of(queries: Sequence[tuple[str, exp.Expr]], today: date, account_fields: Sequence[str]) -> TrafficWindow:
    """The window of a query, as each dialect that counts reads it.

    Args:
        queries: (dialect, query) of each reading.
        today: the UTC day on which the SQL would run.
        account_fields: names of the columns that name an account, in lower case.
    """
    return joined(_QueryWalk(query, dialect, today, account_fields).window() for dialect, query in queries)


class _Origin(NamedTuple):
    """Where a column of the result comes from.

    Attributes:
        column: its name in the table that the numbers come from; "" if it is computed, or if that is not clear.
        zone: the time zone that it is shown in; "" if that is not known. COMPUTED_DAYS if there is no column.
    """

    column: str
    zone: str


_COMPUTED = _Origin("", COMPUTED_DAYS)


def _shown_in(inside: str, outside: str) -> str:
    """The zone of a column that a derived table shows in one zone, and the query around it in another one."""
    if COMPUTED_DAYS in (inside, outside):
        return COMPUTED_DAYS
    return inside if outside == UTC_DAYS else outside if inside == UTC_DAYS else ""


class _QueryWalk:
    def __init__(self, query: exp.Expr, dialect: str, today: date, account_fields: Sequence[str]) -> None:
        self._query = query
        self._dialect = dialect
        self._fields = tuple(account_fields)
        self._scopes = {id(node): scope for node, scope in nodes(query, dialect) if isinstance(node, exp.Table)}
        self._entered = set[int]()
        self._parts: dict[tuple[int, frozenset[tuple[str, Bounds]]], Part] = {}
        self._origins: dict[tuple[int, str], _Origin] = {}
        self._limits = ColumnLimits(today, account_fields)
        self._joins = Joins(self._derived, self._reads, self._repeats_in)
        self._read: dict[int, Tables] = {}
        self._names_other_account = False

    def window(self) -> TrafficWindow:
        naming = Naming(self._query_behind, self._traffic_source).of(self._query)
        try:
            box, tables, _, repeats = self._part(self._query, {})
            repeats = repeats or SpreadTotals(self._query, self._query_behind).among(_NUMBERS)
            shown = self._shown_day()
            days = self._days(box, shown.column)
            selection = self._selection(box, tables)
            return TrafficWindow(self._accounts(box), days, shown.zone, naming, selection, repeats)
        except Unclear as unclear:
            why = Unknown(str(unclear))
            may = may_repeat(row_queries(self._query, self._dialect))
            repeats = f"nobody can tell how its SQL puts rows together ({unclear})" if may else ""
            return TrafficWindow(why, why, COMPUTED_DAYS, naming, repeats=repeats)

    # ---- results -----------------------------------------------------------------------------------------------------

    def _accounts(self, box: Box) -> Accounts | Unknown:
        named = {field: limits.names for field in self._fields if (limits := box.get(field)) and limits.names}
        if named:
            accounts = Accounts({field: names for field, names in named.items() if names})
            if len(accounts.every) > 1 and not self._shows_own_accounts():
                return Unknown(MADE_ACCOUNT)  # so that of a flagged row may be any of them
            return accounts
        if self._names_other_account:
            return Unknown(OTHER_ACCOUNT)
        if self._limits.not_named:
            return Unknown(f"no condition names the account in full ({self._limits.not_named[0]})")
        return Unknown("no condition names the account")

    def _shows_own_accounts(self) -> bool:
        """Whether each account that the result shows is that of the traffic."""
        shown, select = selected(self._query), self._query.unnest()
        stars = [column for column in shown if column.is_star]
        if stars and not (isinstance(select, exp.Select) and all(map(is_plain_star, stars)) and self._is_table(select)):
            return False
        names = [column.alias_or_name.lower() for column in shown]
        named = [name for name in names for field in self._fields if last(name) == field or name.endswith(f"_{field}")]
        return all(self._origin(self._query, name).column in self._fields for name in named)

    def _is_table(self, select: exp.Select) -> bool:
        """Whether the only source is a table of the warehouse."""
        sources = sources_of(select).tables
        return len(sources) == 1 and all(self._derived(source) is None for source in sources.values())

    def _days(self, box: Box, day: str) -> Days | Unknown:
        limited = {name: limits for name, limits in box.items() if limits.start or limits.end}
        shown = day or None
        if shown is None and len(limited) > 1:
            limited = {name: limits for name, limits in limited.items() if limits.start and limits.end} or limited
        if shown is None and len(limited) == 1:
            shown = next(iter(limited))
        if shown is None and limited:
            return Unknown(f"conditions limit several columns ({', '.join(sorted(map(short, limited)))})")
        if shown is None or shown not in limited:
            return Days("")
        days = Days(shown, limited[shown].start, limited[shown].end)
        return Unknown("its conditions contradict each other") if days.empty else days

    def _selection(self, box: Box, tables: Tables) -> Selection:
        """Which rows of which tables. Accounts are compared elsewhere."""
        texts = {name: limits for name, limits in box.items() if name not in self._fields}
        return Selection(
            frozenset(table[-1] for table in tables),
            {name: limits.like for name, limits in texts.items() if limits.like},
            {name: limits.unlike for name, limits in texts.items() if limits.unlike},
        )

    def _shown_day(self) -> _Origin:
        """The column behind the column `day` of the result."""
        shown = selected(self._query)
        names = [column.alias_or_name.lower() for column in shown]
        days = [name for name in names if name == "day" or name.endswith((".day", "_day"))]
        days += ["day" for column in shown if column.is_star]
        return self._origin(self._query, days[0]) if len(days) == 1 else _COMPUTED

    # ---- queries -----------------------------------------------------------------------------------------------------

    def _part(self, query: exp.Expr, pushed: Mapping[str, Bounds]) -> Part:
        """What every row of the traffic fulfils, if the columns of the result are within `pushed`, and its tables."""
        if joins_inside(query):
            raise Unclear("its SQL joins tables within another join")
        if isinstance(query, exp.Subquery | exp.Except | exp.Intersect):
            return self._part(query.this, pushed)
        if isinstance(query, exp.SetOperation):
            return self._union(query, pushed)
        if isinstance(query, exp.Select):
            return self._select(query, pushed)
        raise Unclear("its SQL is not a plain query")

    def _union(self, union: exp.SetOperation, pushed: Mapping[str, Bounds]) -> Part:
        sides = list(_sides(union, pushed))
        parts = [self._part(side, limits) for side, limits in sides]
        repeats = next((part.repeats for part in parts if part.repeats), "")
        if not removes_repeats(union, [side.unnest() for side, _ in sides], self._is_of_warehouse):
            repeats = repeats or in_union(parts)
        box, own = (reduce(either, boxes) for boxes in ([p.box for p in parts], [p.own for p in parts]))
        return Part(box, frozenset().union(*(part.tables for part in parts)), own, repeats)

    def _select(self, select: exp.Select, pushed: Mapping[str, Bounds]) -> Part:
        if any(reads_tables(column) for column in select.expressions):
            raise Unclear("a column of its SQL is a query of its own")
        sources = sources_of(select)
        refs: Refs = {}
        for clause in filter(None, (select.args.get("prewhere"), select.args.get("where"))):
            refs = both(refs, self._limits.when(clause.this, sources, truth=True))
        for name, limits in pushed.items():
            place = self._output(select, name, sources)
            if place is not None and (ref := sources.ref(place.column)) is not None:
                refs = both(refs, {ref: place.passed(limits)})
        traffic = self._traffic_source(select, sources)
        part = self._from_sources(select, sources, traffic, refs)
        repeats = part.repeats or self._joins.repeated(select, sources, traffic, part.tables)
        return part._replace(repeats=repeats)

    def _from_sources(self, select: exp.Select, sources: Sources, traffic: str, refs: Refs) -> Part:
        refs, box = self._moved(select, sources, traffic, refs)
        inside = {column: limits for (source, column), limits in refs.items() if source == traffic}
        derived = self._derived(sources.tables[traffic])
        if derived is None:
            return Part(both(box, inside), self._reads(sources.tables[traffic]), inside)
        if id(derived) in self._entered:  # it reads itself
            return Part(box, frozenset(), {})
        part = self._part_behind(derived, inside)
        if traffic in sources.optional and not inside:
            return Part(box, part.tables, {}, part.repeats)
        return part._replace(box=both(box, part.box))

    def _part_behind(self, query: exp.Expr, pushed: Mapping[str, Bounds]) -> Part:
        """As `_part`, of a query that another one reads: it may do so several times."""
        asked = id(query), frozenset(pushed.items())
        if asked not in self._parts:
            self._entered.add(id(query))
            try:
                self._parts[asked] = self._part(query, pushed)
            finally:
                self._entered.discard(id(query))
        return self._parts[asked]

    def _repeats_in(self, source: exp.Expr) -> str:
        """How the query behind a source that is joined repeats rows of its own, as far as that is clear."""
        with suppress(Unclear):
            query = self._query_behind(source)
            if query is not None and id(query) not in self._entered:  # it may read itself
                return self._part_behind(query, {}).repeats
        return ""

    def _derived(self, source: exp.Expr) -> exp.Expr | None:
        """The query behind a source that calls its columns as the query does; None for a table of the warehouse."""
        query = self._query_behind(source)
        named = [source, query.parent if query is not None else None]
        if any(isinstance(each, exp.Table | exp.DerivedTable | exp.CTE) and each.alias_column_names for each in named):
            raise Unclear("a list of names in its SQL says what columns are called")
        return query

    def _query_behind(self, source: exp.Expr) -> exp.Expr | None:
        """The query behind a source; None for a table of the warehouse."""
        if isinstance(source, exp.Table):
            if source.args.get("pivots"):
                raise Unclear("its SQL pivots a table")
            cte = self._scopes[id(source)].cte_of(source) if isinstance(source.this, exp.Identifier) else None
            return None if cte is None else cte.this
        if isinstance(source, exp.Subquery) and isinstance(source.this, QUERIES) and not source.args.get("pivots"):
            return source.this
        raise Unclear("its numbers come from something that is not a table")

    def _is_of_warehouse(self, source: exp.Expr) -> bool:
        return isinstance(source, exp.Table) and self._query_behind(source) is None

    def _reads(self, source: exp.Expr) -> Tables:
        """The tables of the warehouse that a source reads."""
        if id(source) not in self._read:
            self._read[id(source)] = frozenset()  # for a query that reads itself
            self._read[id(source)] = self._rows_of(source)
        return self._read[id(source)]

    def _rows_of(self, source: exp.Expr) -> Tables:
        """As `_reads`, without tables that only decide which rows stay: those of WHERE and of EXCEPT."""
        if isinstance(source, exp.Table) and isinstance(source.this, exp.Identifier):
            cte = self._scopes[id(source)].cte_of(source)
            inside = [] if cte is None else [cte.this]
        elif isinstance(source, exp.Select):
            from_ = source.args.get("from_")
            inside = [from_.this] if from_ else []
        elif isinstance(source, exp.Except | exp.Intersect | exp.Subquery | exp.Final):
            inside = [source.this]
        elif isinstance(source, exp.SetOperation):
            inside = [source.this, source.expression]
        else:
            inside = [table for table in source.find_all(exp.Table) if table is not source]
        own = {parts_of_name(source)} if isinstance(source, exp.Table) and not inside else set[tuple[str, ...]]()
        inside += [join.this for join in source.args.get("joins") or ()] + (source.args.get("laterals") or [])
        return frozenset(own).union(*map(self._reads, inside))

    def _traffic_source(self, select: exp.Select, sources: Sources) -> str:
        """The source that the numbers come from."""
        if len(sources.tables) == 1:
            return next(iter(sources.tables))
        named = [column for column in select.expressions if last(column.alias_or_name) in _NUMBERS] or [
            column for column in select.expressions if column.alias_or_name.lower().endswith(_NUMBERS_OF_VIEW)
        ]
        sums = [total for column in select.expressions for total in column.find_all(exp.AggFunc)]
        from_ = set[str]()
        for part in named or sums or select.expressions:
            for column in part.find_all(exp.Column):
                ref = sources.ref(column)
                if ref is None:
                    raise Unclear("several tables are joined, and a column does not say which one it belongs to")
                from_.add(ref[0])
        if len(from_) != 1:
            raise Unclear("several tables are joined, and its numbers do not come from one of them")
        return from_.pop()

    def _moved(self, select: exp.Select, sources: Sources, traffic: str, refs: Refs) -> tuple[Refs, Box]:
        """The limits with those that a join carries over to the traffic, and those of a joined table of accounts."""
        box: Box = {}
        for one, other in list(equated(select, sources)):
            for here, there in ((one, other), (other, one)):
                if here[0] == traffic or there[0] != traffic:
                    continue
                if here in refs:
                    refs = both(refs, {there: refs[here]})
                if there[1] in self._fields:
                    box = both(box, self._joined_accounts(sources.tables[here[0]], here, there[1], refs))
        return refs, box

    def _joined_accounts(self, table: exp.Expr, here: Ref, there: str, refs: Refs) -> Box:
        """The accounts that a table is limited to with which the traffic is joined by account.

        Args:
            table: it.
            here: its name, and the column by which it is joined.
            there: the column of the traffic that must equal that one.
            refs: the limits.
        """
        derived, box = self._derived(table), Box()
        own = here[1] if derived is None else self._origin(derived, here[1]).column
        for (source, column), limits in refs.items():
            if source == here[0] and column in self._fields:
                field = column if derived is None else self._origin(derived, column).column
                if field in self._fields and self._is_of_account(own, there, field):
                    box = both(box, {field: Bounds(limits.names)})
                else:
                    self._names_other_account = True
        return box

    def _is_of_account(self, own: str, there: str, field: str) -> bool:
        """Whether a row of a table of accounts that is joined by a column is about the very account of the traffic.

        It is not if it is joined by another account that it names, such as `parent_sid`. Nor is it if the traffic has
        a column `field` of its own, and that is the one by which it is joined.
        """
        is_key = own in _KEYS or own in self._fields or there == own or there.endswith(f"_{own}")
        return field == own or (is_key and there != field)

    # ---- columns -----------------------------------------------------------------------------------------------------

    def _output(self, select: exp.Select, name: str, sources: Sources) -> ShownColumn | None:
        """The column of a source that a column of the result passes on; None if it is computed."""
        if any(column.find(exp.Window) for column in select.expressions):
            return None  # a total over other rows, too
        found = [column for column in select.expressions if column.alias_or_name.lower() == name]
        if not found and len(sources.tables) == 1 and any(map(is_plain_star, select.expressions)):
            return ShownColumn(exp.column(name, table=next(iter(sources.tables))))
        place = shown_column(found[0].unalias()) if len(found) == 1 else None
        if place is None:
            return None
        is_total = bool(select.args.get("group")) or any(column.find(exp.AggFunc) for column in select.expressions)
        return place if not is_total or is_key(select, found[0]) else None

    def _origin(self, query: exp.Expr, name: str) -> _Origin:
        """Where a column of the result comes from."""
        if (id(query), name) not in self._origins:
            self._origins[id(query), name] = _COMPUTED  # for a query that reads itself
            self._origins[id(query), name] = self._origin_in(query, name)
        return self._origins[id(query), name]

    def _origin_in(self, query: exp.Expr, name: str) -> _Origin:
        if isinstance(query, exp.Subquery):
            return self._origin(query.this, name)
        if isinstance(query, exp.SetOperation):
            left = self._origin(query.this, name)
            others = by_position(query, {name: Bounds()})
            right = self._origin(query.expression, next(iter(others), ""))
            column = left.column if left.column == right.column else ""
            return _Origin(column, joined_zones([left.zone, right.zone]))
        if not isinstance(query, exp.Select):
            return _COMPUTED
        sources = sources_of(query)
        place = self._output(query, name, sources)
        if place is None or place.unit not in ("", "day"):
            return _COMPUTED
        ref = self._own(place.column, name, sources)
        if ref is not None:
            ref = of_traffic(query, sources, self._traffic_source(query, sources), ref)
        if ref is None:
            return _COMPUTED
        zone = UTC_DAYS if place.zone is None else str(place.zone)
        derived = self._derived(sources.tables[ref[0]])
        if derived is None:
            return _Origin(ref[1], zone)
        inside = self._origin(derived, ref[1])
        return inside._replace(zone=_shown_in(inside.zone, zone))

    @staticmethod
    def _own(column: exp.Column, name: str, sources: Sources) -> Ref | None:
        """The source of a column within the column `name` of the result, which cannot mean itself."""
        if not column.table and len(sources.tables) == 1 and last(column.name) == name:
            return next(iter(sources.tables)), name
        return sources.ref(column)


def _sides(union: exp.SetOperation, pushed: Mapping[str, Bounds]) -> Iterator[tuple[exp.Expr, Mapping[str, Bounds]]]:
    """The queries that a chain of UNIONs of one kind puts together, and the limits of the columns of each."""
    for side, limits in ((union.this, pushed), (union.expression, by_position(union, pushed))):
        inner = side
        while isinstance(inner, exp.Subquery) and not inner.args.get("with_"):
            inner = inner.this
        if type(inner) is type(union) and inner.args.get("distinct") == union.args.get("distinct"):
            yield from _sides(inner, limits)
        else:
            yield side, limits
