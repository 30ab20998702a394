"""Reads from the conditions of SQL whose traffic it asks for, and of which days.

A parsed query comes in; the `TrafficWindow` goes into the footprint of the credit. A window is never too small: only
conditions that every row of the traffic fulfils count, and a condition that is not understood limits nothing. Pure.

    account_sid = 'AC1' AND day >= '2025-12-01'      account AC1, from 1 December on
    account_sid IN ('AC1', 'AC2')                    both accounts
    account_sid LIKE 'AC%', account_sid <> 'AC1'     no account is named
    account_sid = 'AC1' OR prefix = '+62'            no account is named

A condition on a column of a derived table holds for the column inside it, if the column is passed on as it is. With
several tables, conditions count if they are on the table that the numbers come from, or on one that is joined to it by
an account or by the column that is limited.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final, TypeAlias, TypeVar
from zoneinfo import ZoneInfo

from sqlglot import exp

from creditbot.credit.footprint import FARTHEST, Accounts, Days, TrafficWindow, Unknown, in_utc, joined
from creditbot.credit.sql.moments import (
    DAY,
    TICK,
    UTC_NAMES,
    Span,
    after,
    floor_of,
    moment_of,
    unit_of,
    zone_of,
)
from creditbot.credit.sql.tree import QUERIES, nodes, operands, short

K = TypeVar("K")

_NUMBERS: Final = frozenset({"messages", "blocked", "attempts"})
_TEXT_TYPES: Final = (exp.DType.VARCHAR, exp.DType.TEXT, exp.DType.CHAR, exp.DType.NVARCHAR)
_MIRRORED: Final[Mapping[type[exp.Expr], type[exp.Expr]]] = {
    exp.GT: exp.LT, exp.LT: exp.GT, exp.GTE: exp.LTE, exp.LTE: exp.GTE, exp.EQ: exp.EQ, exp.NullSafeEQ: exp.EQ,
    exp.NEQ: exp.NEQ,
}  # fmt: skip
_DENIED: Final[Mapping[type[exp.Expr], type[exp.Expr]]] = {
    exp.GT: exp.LTE, exp.LT: exp.GTE, exp.GTE: exp.LT, exp.LTE: exp.GT, exp.EQ: exp.NEQ, exp.NEQ: exp.EQ,
}  # fmt: skip


def window_of(queries: Sequence[tuple[str, exp.Expr]], today: date, account_fields: Sequence[str]) -> TrafficWindow:
    """The window of a query, as each dialect that counts reads it.

    Args:
        queries: (dialect, query) of each reading.
        today: the UTC day on which the SQL would run.
        account_fields: names of the columns that name an account, in lower case.
    """
    return joined(_Conditions(query, dialect, today, account_fields).window() for dialect, query in queries)


@dataclass(frozen=True, slots=True)
class _Bounds:
    """What the values of one column are limited to; None is no limit.

    Attributes:
        names: texts that it is one of.
        start: the moment it is not before.
        end: the moment it is before.
    """

    names: frozenset[str] | None = None
    start: datetime | None = None
    end: datetime | None = None

    def both(self, other: _Bounds) -> _Bounds:
        """For values within both limits."""
        names = [each.names for each in (self, other) if each.names is not None]
        starts = [each.start for each in (self, other) if each.start is not None]
        ends = [each.end for each in (self, other) if each.end is not None]
        return _Bounds(
            frozenset.intersection(*names) if names else None, max(starts, default=None), min(ends, default=None)
        )

    def either(self, other: _Bounds) -> _Bounds:
        """For values within one of the limits."""
        return _Bounds(
            None if self.names is None or other.names is None else self.names | other.names,
            None if self.start is None or other.start is None else min(self.start, other.start),
            None if self.end is None or other.end is None else max(self.end, other.end),
        )


@dataclass(frozen=True, slots=True)
class _Sources:
    """Where the rows of a SELECT come from.

    Attributes:
        tables: name -> table or query.
        optional: names of those that a row of the result may lack.
        shadowed: names of columns that may mean a computed column of this very SELECT.
    """

    tables: Mapping[str, exp.Expr]
    optional: frozenset[str]
    shadowed: frozenset[str]

    def ref(self, column: exp.Column) -> _Ref | None:
        """The source of a column and its name in it; None if that is not clear."""
        name, table = _last(column.name), column.table.lower()
        if table:
            return (table, name) if table in self.tables else None
        is_clear = len(self.tables) == 1 and name not in self.shadowed
        return (next(iter(self.tables)), name) if is_clear else None


_Ref: TypeAlias = tuple[str, str]  # the name of a source within its query, and of one of its columns
_Box: TypeAlias = dict[str, _Bounds]  # by the name of the column in its table
_Refs: TypeAlias = dict[_Ref, _Bounds]


@dataclass(frozen=True, slots=True)
class _Place:
    """A column as a condition compares it.

    Attributes:
        column: the column itself.
        unit: what its times are cut to, such as "day"; "" if they are not cut.
        zone: the zone that its times are shown in; None for UTC, "" for one that is not known.
        is_text: nothing changes its value but capitals and blanks.
    """

    column: exp.Column
    unit: str = ""
    zone: ZoneInfo | str | None = None
    is_text: bool = True

    def limits(self, kind: type[exp.Expr], span: Span) -> _Bounds:
        """The limits of the column if the comparison with the constant holds."""
        start = span.first if kind in {exp.EQ, exp.GT, exp.GTE} else None
        end = None
        if kind is exp.LT:
            end = span.last
            if self.unit and floor_of(end, self.unit) != end:
                end = after(floor_of(end, self.unit), self.unit)
        elif kind in {exp.EQ, exp.LTE}:
            end = span.last + (DAY if span.whole_days else TICK)
            if self.unit:
                end = max(end, after(floor_of(span.last, self.unit), self.unit))
        return self._in_utc(_Bounds(None, start, end))

    def _in_utc(self, limits: _Bounds) -> _Bounds:
        if self.zone is None:
            return limits
        zone = self.zone
        if isinstance(zone, str):
            start = limits.start - FARTHEST if limits.start else None
            return replace(limits, start=start, end=limits.end + FARTHEST if limits.end else None)
        start = in_utc(limits.start, zone)[0] if limits.start else None
        return replace(limits, start=start, end=in_utc(limits.end, zone)[1] if limits.end else None)

    def passed(self, limits: _Bounds) -> _Bounds:
        """Limits of a value that a derived table makes of the column, as limits of the column."""
        end = limits.end
        if self.unit and end is not None and floor_of(end, self.unit) != end:
            end = after(floor_of(end, self.unit), self.unit)
        return self._in_utc(_Bounds(limits.names if self.is_text else None, limits.start, end))


class _Unclear(Exception):
    """The query is of a kind whose conditions prove nothing about its traffic; the message is the reason."""


class _Conditions:
    def __init__(self, query: exp.Expr, dialect: str, today: date, account_fields: Sequence[str]) -> None:
        self._query = query
        self._today = today
        self._fields = tuple(account_fields)
        self._scopes = {id(node): scope for node, scope in nodes(query, dialect) if isinstance(node, exp.Table)}
        self._entered = set[int]()
        self._boxes: dict[tuple[int, frozenset[tuple[str, _Bounds]]], _Box] = {}
        self._origins: dict[tuple[int, str], str | None] = {}
        self._not_named: list[str] = []

    def window(self) -> TrafficWindow:
        try:
            box = self._box(self._query, {})
            return TrafficWindow(self._accounts(box), self._days(box))
        except _Unclear as unclear:
            return TrafficWindow(Unknown(str(unclear)), Unknown(str(unclear)))

    # ---- results -----------------------------------------------------------------------------------------------------

    def _accounts(self, box: _Box) -> Accounts | Unknown:
        named = {field: limits.names for field in self._fields if (limits := box.get(field)) and limits.names}
        if named:
            return Accounts({field: names for field, names in named.items() if names})
        if self._not_named:
            return Unknown(f"no condition names the account in full ({self._not_named[0]})")
        return Unknown("no condition names the account")

    def _days(self, box: _Box) -> Days | Unknown:
        limited = {name: limits for name, limits in box.items() if limits.start or limits.end}
        shown = self._shown_day()
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

    def _shown_day(self) -> str | None:
        """The column behind the column `day` of the result; None if there is none or if it is computed."""
        names = [name for name in _outputs(self._query) or () if name == "day" or name.endswith((".day", "_day"))]
        return self._origin(self._query, names[0]) if len(names) == 1 else None

    # ---- queries -----------------------------------------------------------------------------------------------------

    def _box(self, query: exp.Expr, pushed: Mapping[str, _Bounds]) -> _Box:
        """What every row of the traffic fulfils, if the columns of the result are within `pushed`."""
        if isinstance(query, exp.Subquery):
            return self._box(query.this, pushed)
        if isinstance(query, exp.Except | exp.Intersect):
            return self._box(query.this, pushed)
        if isinstance(query, exp.SetOperation):
            left = self._box(query.this, pushed)
            right = self._box(query.expression, _by_position(query, pushed))
            return {name: left[name].either(right[name]) for name in left.keys() & right.keys()}
        if isinstance(query, exp.Select):
            return self._select(query, pushed)
        raise _Unclear("its SQL is not a plain query")

    def _select(self, select: exp.Select, pushed: Mapping[str, _Bounds]) -> _Box:
        if any(_reads_tables(column) for column in select.expressions):
            raise _Unclear("a column of its SQL is a query of its own")
        sources = _sources(select)
        refs: _Refs = {}
        for clause in filter(None, (select.args.get("prewhere"), select.args.get("where"))):
            refs = _both(refs, self._when(clause.this, sources, truth=True))
        for name, limits in pushed.items():
            place = self._output(select, name, sources)
            if place is not None and (ref := sources.ref(place.column)) is not None:
                refs = _both(refs, {ref: place.passed(limits)})
        return self._from_sources(select, sources, refs)

    def _from_sources(self, select: exp.Select, sources: _Sources, refs: _Refs) -> _Box:
        traffic = self._traffic_source(select, sources)
        refs, box = self._moved(select, sources, traffic, refs)
        inside = {column: limits for (source, column), limits in refs.items() if source == traffic}
        derived = self._derived(sources.tables[traffic])
        if derived is None:
            return _both(box, inside)
        if id(derived) in self._entered or (traffic in sources.optional and not inside):  # it may read itself
            return box
        asked = id(derived), frozenset(inside.items())
        if asked not in self._boxes:
            self._entered.add(id(derived))
            self._boxes[asked] = self._box(derived, inside)
            self._entered.discard(id(derived))
        return _both(box, self._boxes[asked])

    def _derived(self, source: exp.Expr | None) -> exp.Expr | None:
        """The query behind a source; None for a table of the warehouse."""
        if isinstance(source, exp.Table):
            if source.args.get("pivots"):
                raise _Unclear("its SQL pivots a table")
            cte = self._scopes[id(source)].cte_of(source) if isinstance(source.this, exp.Identifier) else None
            return None if cte is None else cte.this
        if isinstance(source, exp.Subquery) and isinstance(source.this, QUERIES) and not source.args.get("pivots"):
            return source.this
        raise _Unclear("its numbers come from something that is not a table")

    def _traffic_source(self, select: exp.Select, sources: _Sources) -> str:
        """The source that the numbers come from."""
        if len(sources.tables) == 1:
            return next(iter(sources.tables))
        named = [column for column in select.expressions if _last(column.alias_or_name) in _NUMBERS]
        sums = [total for column in select.expressions for total in column.find_all(exp.AggFunc)]
        from_ = set[str]()
        for part in named or sums or select.expressions:
            for column in part.find_all(exp.Column):
                ref = sources.ref(column)
                if ref is None:
                    raise _Unclear("several tables are joined, and a column does not say which one it belongs to")
                from_.add(ref[0])
        if len(from_) != 1:
            raise _Unclear("several tables are joined, and its numbers do not come from one of them")
        return from_.pop()

    def _moved(self, select: exp.Select, sources: _Sources, traffic: str, refs: _Refs) -> tuple[_Refs, _Box]:
        """The limits with those that a join carries over to the traffic, and those of a joined table of accounts."""
        box: _Box = {}
        for one, other in list(_equated(select, sources)):
            for here, there in ((one, other), (other, one)):
                if here[0] == traffic or there[0] != traffic:
                    continue
                if here in refs:
                    refs = _both(refs, {there: refs[here]})
                if here[1] in self._fields or there[1] in self._fields:
                    accounts = {
                        column: _Bounds(limits.names)
                        for (source, column), limits in refs.items()
                        if source == here[0] and column in self._fields
                    }
                    box = _both(box, accounts)
        return refs, box

    # ---- columns -----------------------------------------------------------------------------------------------------

    def _output(self, select: exp.Select, name: str, sources: _Sources) -> _Place | None:
        """The column of a source that a column of the result passes on; None if it is computed."""
        if any(column.find(exp.Window) for column in select.expressions):
            return None  # a total over other rows, too
        found = [column for column in select.expressions if column.alias_or_name.lower() == name]
        if not found and len(sources.tables) == 1 and any(map(_is_plain_star, select.expressions)):
            return _Place(exp.column(name, table=next(iter(sources.tables))))
        place = _place(found[0].unalias()) if len(found) == 1 else None
        if place is None:
            return None
        is_total = bool(select.args.get("group")) or any(column.find(exp.AggFunc) for column in select.expressions)
        return place if not is_total or _is_key(select, found[0]) else None

    def _origin(self, query: exp.Expr, name: str) -> str | None:
        """The name that a column of the result has in its table; None if it is computed, or is not always the same."""
        if (id(query), name) not in self._origins:
            self._origins[id(query), name] = None  # for a query that reads itself
            self._origins[id(query), name] = self._origin_in(query, name)
        return self._origins[id(query), name]

    def _origin_in(self, query: exp.Expr, name: str) -> str | None:
        if isinstance(query, exp.Subquery):
            return self._origin(query.this, name)
        if isinstance(query, exp.SetOperation):
            left = self._origin(query.this, name)
            others = _by_position(query, {name: _Bounds()})
            right = self._origin(query.expression, next(iter(others), ""))
            return left if left == right else None
        if not isinstance(query, exp.Select):
            return None
        sources = _sources(query)
        place = self._output(query, name, sources)
        ref = sources.ref(place.column) if place is not None else None
        if ref is None:
            return None
        derived = self._derived(sources.tables[ref[0]])
        if derived is None:
            return ref[1]
        return self._origin(derived, ref[1])

    # ---- conditions --------------------------------------------------------------------------------------------------

    def _when(self, node: exp.Expr, sources: _Sources, *, truth: bool) -> _Refs:
        """The limits of each column if the condition has this truth."""
        node = node.unnest()
        if isinstance(node, exp.Not):
            return self._when(node.this, sources, truth=not truth)
        if isinstance(node, exp.And | exp.Or):
            sides = [self._when(side, sources, truth=truth) for side in operands(node)]
            combine = _both if isinstance(node, exp.And) == truth else _either
            limits = sides[0]
            for side in sides[1:]:
                limits = combine(limits, side)
            return limits
        if type(node) in _MIRRORED:
            kind = _MIRRORED[type(node)] if _place(node.this) is None else type(node)
            kind = exp.EQ if kind is exp.NullSafeEQ else kind
            sides_ = (node.this, node.expression) if _place(node.this) is not None else (node.expression, node.this)
            return self._compared(kind if truth else _DENIED[kind], *sides_, sources)
        if isinstance(node, exp.Between) and truth and not node.args.get("symmetric"):
            low = self._compared(exp.GTE, node.this, node.args["low"], sources)
            return _both(low, self._compared(exp.LTE, node.this, node.args["high"], sources))
        if isinstance(node, exp.In) and truth and node.expressions and not node.args.get("query"):
            limits = self._compared(exp.EQ, node.this, node.expressions[0], sources)
            for value in node.expressions[1:]:
                limits = _either(limits, self._compared(exp.EQ, node.this, value, sources))
            return limits
        if isinstance(node, exp.Like | exp.ILike) and truth and _is_whole(node.expression):
            return self._compared(exp.EQ, node.this, node.expression, sources)
        self._note(node)
        return {}

    def _compared(self, kind: type[exp.Expr], left: exp.Expr, right: exp.Expr, sources: _Sources) -> _Refs:
        place = _place(left)
        ref = sources.ref(place.column) if place is not None else None
        if place is None or ref is None:
            return {}
        limits = _Bounds()
        name, span = _name(right), moment_of(right, self._today)
        if kind is exp.EQ and name is not None and place.is_text:
            limits = _Bounds(frozenset({name}))
        if span is not None and kind is not exp.NEQ:
            limits = limits.both(place.limits(kind, span))
        if limits == _Bounds():
            self._note(left.parent or left)
            return {}
        return {ref: limits}

    def _note(self, node: exp.Expr) -> None:
        """Remembers a condition on an account that names none."""
        columns = [column for column in node.find_all(exp.Column) if _last(column.name) in self._fields]
        if columns:
            self._not_named.append(short(node.sql()))


def _place(node: exp.Expr) -> _Place | None:
    """The column that an expression shows, perhaps cast, cut or in another zone; None for anything else."""
    node = node.unnest()
    if isinstance(node, exp.Column):
        return _Place(node) if not node.is_star else None
    inner = _inside(node)
    place = _place(inner) if inner is not None else None
    if place is None or inner is None:
        return None
    if isinstance(node, exp.Upper | exp.Lower | exp.Trim | exp.Collate):
        return place
    if isinstance(node, exp.Cast) and node.to.is_type(*_TEXT_TYPES) and not node.to.expressions:
        return place
    place = replace(place, is_text=False)
    if isinstance(node, exp.AtTimeZone | exp.ConvertTimezone):
        inner = inner.unnest()
        is_first = place.zone is None or (isinstance(node, exp.AtTimeZone) and isinstance(inner, exp.AtTimeZone))
        return replace(place, zone=_zone_shown(node)) if is_first and not place.unit else None
    if isinstance(node, exp.TimestampTrunc | exp.DateTrunc | exp.DatetimeTrunc):
        unit = unit_of(node.args.get("unit")) or "day"
        known = unit in {"day", "week", "month", "quarter", "year"} and not place.unit
        if not known or (node.args.get("zone") is not None and place.zone is not None):
            return None
        return (
            replace(place, unit=unit, zone=zone_of(node.args["zone"]) or "")
            if node.args.get("zone")
            else (replace(place, unit=unit))
        )
    if _is_day(node):
        return replace(place, unit=place.unit or "day")
    return place


def _inside(node: exp.Expr) -> exp.Expr | None:
    """The operand of a function that keeps what matters of a column."""
    if isinstance(node, exp.ConvertTimezone):
        return node.args["timestamp"]  # type: ignore[no-any-return]
    if isinstance(node, exp.Convert):
        return node.expression if _is_day(node) else None
    if isinstance(node, exp.Trim | exp.Collate):
        return node.this if isinstance(node, exp.Collate) or not node.expression else None
    if isinstance(node, exp.Cast):
        to = node.to
        is_time = any(part in to.this.name for part in ("TIMESTAMP", "DATETIME")) if not to.is_type("date") else True
        is_text = to.is_type(*_TEXT_TYPES) and not to.expressions
        return node.this if is_time or is_text else None
    if isinstance(node, exp.TimeToStr | exp.ToChar):
        return node.this if _is_day(node) else None
    plain = (
        exp.Upper, exp.Lower, exp.AtTimeZone, exp.TimestampTrunc, exp.DateTrunc, exp.DatetimeTrunc, exp.Date,
        exp.TsOrDsToDate, exp.Timestamp, exp.TsOrDsToTimestamp, exp.TsOrDsToDatetime, exp.TimeStrToTime,
    )  # fmt: skip
    if isinstance(node, plain):
        return node.this if isinstance(node.this, exp.Expr) else None
    if isinstance(node, exp.Anonymous) and node.name.lower() in {"todate", "to_date", "trunc"}:
        return node.expressions[0] if len(node.expressions) == 1 else None
    return None


def _is_day(node: exp.Expr) -> bool:
    """Whether the value is a day, as a date or as text like 2025-12-01."""
    if isinstance(node, exp.Cast):
        return node.to.is_type("date")
    if isinstance(node, exp.Convert):
        return node.text("style") in {"23", "120", "121"} and "10" in node.this.sql()
    if isinstance(node, exp.TimeToStr | exp.ToChar):
        return node.text("format").replace("strict", "") in {"%Y-%m-%d", "%F", "YYYY-MM-DD"}
    return isinstance(node, exp.Date | exp.TsOrDsToDate | exp.Anonymous)


def _zone_shown(node: exp.Expr) -> ZoneInfo | str | None:
    """The zone that a column is shown in, if its own is UTC; "" if that is not known."""
    if isinstance(node, exp.ConvertTimezone):
        source, target = node.args.get("source_tz"), node.args["target_tz"]
    else:
        inner = node.this.unnest()
        source, target = (inner.args["zone"] if isinstance(inner, exp.AtTimeZone) else None), node.args["zone"]
    from_, into = zone_of(source), zone_of(target)
    if from_ is None or from_.key not in UTC_NAMES or into is None:
        return ""
    return into


def _name(node: exp.Expr) -> str | None:
    """The text of a literal, without blanks around it; None for anything else."""
    node = node.unnest()
    while isinstance(node, exp.Upper | exp.Lower) or (isinstance(node, exp.Cast) and node.to.is_type(*_TEXT_TYPES)):
        node = node.this.unnest()
    return node.name.strip() if isinstance(node, exp.Literal | exp.National) else None


def _is_whole(pattern: exp.Expr) -> bool:
    """Whether the pattern of a LIKE is a text without wildcards."""
    return isinstance(pattern, exp.Literal) and not set("%_\\^") & set(pattern.name)


def _last(name: str) -> str:
    """The name of a column without the view that Looker puts in front of it."""
    return name.lower().rpartition(".")[2]


def _sources(select: exp.Select) -> _Sources:
    """Where the rows of a SELECT come from."""
    from_ = select.args.get("from_")
    tables: dict[str, exp.Expr] = {}
    optional = set[str]()
    parts: list[tuple[exp.Expr, str]] = [(from_.this, "")] if from_ else []
    parts += [(join.this, join.side or "") for join in select.args.get("joins") or ()]
    parts += [(lateral, "") for lateral in select.args.get("laterals") or ()]
    for source, side in parts:
        name = source.alias_or_name.lower()
        if not name or name in tables:
            raise _Unclear("a table in its SQL has no name of its own")
        if side in {"RIGHT", "FULL"}:
            optional |= tables.keys()
        if side in {"LEFT", "FULL"}:
            optional.add(name)
        tables[name] = source
    if not tables:
        raise _Unclear("its SQL reads no table")
    # Some warehouses take a name in WHERE for the column of the result.
    aliased = [column for column in select.expressions if isinstance(column, exp.Alias)]
    same = {column.alias.lower() for column in aliased if _last(column.this.unnest().name) == column.alias.lower()}
    plain = {column.alias.lower() for column in aliased if isinstance(column.this.unnest(), exp.Column)} & same
    return _Sources(tables, frozenset(optional), frozenset(column.alias.lower() for column in aliased) - plain)


def _equated(select: exp.Select, sources: _Sources) -> Iterator[tuple[_Ref, _Ref]]:
    """Pairs of columns that an inner or left join demands to be equal."""
    first = next(iter(sources.tables))
    for join in select.args.get("joins") or ():
        name = join.this.alias_or_name.lower()
        if join.side in {"RIGHT", "FULL"} or join.kind in {"ANTI", "SEMI"}:
            continue
        for using in join.args.get("using") or ():
            yield (first, using.name.lower()), (name, using.name.lower())
        on = join.args.get("on")
        for condition in operands(on.unnest()) if isinstance(on and on.unnest(), exp.And) else filter(None, [on]):
            equal = condition.unnest()
            if not isinstance(equal, exp.EQ):
                continue
            places = [equal.this.unnest(), equal.expression.unnest()]
            refs = [sources.ref(place) if isinstance(place, exp.Column) else None for place in places]
            if refs[0] is not None and refs[1] is not None:
                yield refs[0], refs[1]


def _is_key(select: exp.Select, column: exp.Expr) -> bool:
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


def _outputs(query: exp.Expr) -> list[str] | None:
    """The names of the columns of a query, in lower case; None if they are not all named."""
    while isinstance(query, exp.Subquery | exp.SetOperation):
        query = query.this
    names = [column.alias_or_name.lower() for column in query.selects] if isinstance(query, exp.Select) else []
    return names if names and all(names) and "*" not in names else None


def _by_position(union: exp.SetOperation, pushed: Mapping[str, _Bounds]) -> dict[str, _Bounds]:
    """Limits by the names of the left side, as limits by the names of the right side."""
    left, right = _outputs(union.this), _outputs(union.expression)
    if union.args.get("by_name") or left is None or right is None or len(left) != len(right):
        return {}
    return {right[left.index(name)]: limits for name, limits in pushed.items() if left.count(name) == 1}


def _is_plain_star(column: exp.Expr) -> bool:
    """Whether the column is `*` or `t.*`, without exceptions and replacements."""
    star = column.find(exp.Star)
    return column.is_star and star is not None and not any(star.args.values())


def _reads_tables(column: exp.Expr) -> bool:
    """Whether a column of a SELECT contains a query over tables."""
    return any(query.find(exp.Table) for query in column.find_all(*QUERIES))


def _both(one: dict[K, _Bounds], other: Mapping[K, _Bounds]) -> dict[K, _Bounds]:
    return {**one, **{key: one[key].both(limits) if key in one else limits for key, limits in other.items()}}


def _either(one: Mapping[K, _Bounds], other: Mapping[K, _Bounds]) -> dict[K, _Bounds]:
    return {key: one[key].either(other[key]) for key in one.keys() & other.keys()}
