"""Which column an expression shows, and what a comparison of it with a constant says of the column itself. Pure.

A column may be cast to a day, cut to a month, or shown in another time zone; then the limits of the column are wider
than those of the expression.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final
from zoneinfo import ZoneInfo

from sqlglot import exp

from creditbot.credit.footprint import FARTHEST, in_utc
from creditbot.credit.selection import any_case
from creditbot.credit.sql.bounds import Bounds
from creditbot.credit.sql.moments import DAY, TICK, UTC_NAMES, Span, after, floor_of, unit_of, zone_of

TEXT_TYPES: Final = (exp.DType.VARCHAR, exp.DType.TEXT, exp.DType.CHAR, exp.DType.NVARCHAR)


@dataclass(frozen=True, slots=True)
class ShownColumn:
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

    def limits(self, kind: type[exp.Expr], span: Span) -> Bounds:
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
        return self._in_utc(Bounds(None, start, end))

    def _in_utc(self, limits: Bounds) -> Bounds:
        if self.zone is None:
            return limits
        zone = self.zone
        if isinstance(zone, str):
            start = limits.start - FARTHEST if limits.start else None
            return replace(limits, start=start, end=limits.end + FARTHEST if limits.end else None)
        start = in_utc(limits.start, zone)[0] if limits.start else None
        return replace(limits, start=start, end=in_utc(limits.end, zone)[1] if limits.end else None)

    def passed(self, limits: Bounds) -> Bounds:
        """Limits of a value that a derived table makes of the column, as limits of the column."""
        end = limits.end
        if self.unit and end is not None and floor_of(end, self.unit) != end:
            end = after(floor_of(end, self.unit), self.unit)
        names, like = (limits.names, any_case(limits.like)) if self.is_text else (None, frozenset())
        return self._in_utc(Bounds(names, limits.start, end, like))


def shown_column(node: exp.Expr) -> ShownColumn | None:
    """The column that an expression shows, perhaps cast, cut or in another zone; None for anything else."""
    node = node.unnest()
    if isinstance(node, exp.Column):
        return ShownColumn(node) if not node.is_star else None
    inner = _inside(node)
    place = shown_column(inner) if inner is not None else None
    if place is None or inner is None:
        return None
    if isinstance(node, exp.Upper | exp.Lower | exp.Trim | exp.Collate):
        return place
    if isinstance(node, exp.Cast) and node.to.is_type(*TEXT_TYPES) and not node.to.expressions:
        return place
    place = replace(place, is_text=False)
    if isinstance(node, exp.AtTimeZone | exp.ConvertTimezone):
        inner = inner.unnest()
        is_first = place.zone is None or (isinstance(node, exp.AtTimeZone) and isinstance(inner, exp.AtTimeZone))
        return replace(place, zone=_zone_shown(node)) if is_first and not place.unit else None
    if node.args.get("zone") is not None:
        if place.zone is not None or place.unit:
            return None
        is_inverse = isinstance(node, exp.Timestamp)  # TIMESTAMP(x, zone) reads what clocks in the zone show
        place = replace(place, zone="" if is_inverse else zone_of(node.args["zone"]) or "")
    if isinstance(node, exp.TimestampTrunc | exp.DateTrunc | exp.DatetimeTrunc):
        unit = unit_of(node.args.get("unit")) or "day"
        known = unit in {"day", "week", "month", "quarter", "year"} and not place.unit
        return replace(place, unit=unit) if known else None
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
        is_text = to.is_type(*TEXT_TYPES) and not to.expressions
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


def name_in(node: exp.Expr) -> str | None:
    """The text of a literal, without blanks around it; None for anything else."""
    node = node.unnest()
    while isinstance(node, exp.Upper | exp.Lower) or (isinstance(node, exp.Cast) and node.to.is_type(*TEXT_TYPES)):
        node = node.this.unnest()
    return node.name.strip() if isinstance(node, exp.Literal | exp.National) else None
