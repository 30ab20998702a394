"""Works out the moments that constants of SQL mean, in the spellings of all dialects that Looker writes.

Nodes of a parsed query come in; `traffic_window` compares columns with the `Span` that goes out. Pure.

    TIMESTAMP '2025-12-01'                      DATE_ADD('month', 1, TIMESTAMP '2025-12-01')
    (SELECT TIMESTAMP '2025-12-01')             DATEADD(day, -6, DATE_TRUNC('day', GETDATE()))

Of a clock only the day is known, and the zone of some values is not known. So a constant becomes a span of moments, one
of which is meant. A constant that is not understood becomes None.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlglot import exp

from creditbot.credit.footprint import FARTHEST, in_utc

DAY: Final = timedelta(days=1)
TICK: Final = timedelta(microseconds=1)
UTC_NAMES: Final = frozenset({"UTC", "Etc/UTC", "GMT", "Etc/GMT", "Z"})


@dataclass(frozen=True, slots=True)
class Span:
    """Moments in UTC, without a zone; a constant is one of them.

    Attributes:
        first: the first.
        last: the last.
        whole_days: the constant names a day: compared with a date or a timestamp, it may mean all of that day.
    """

    first: datetime
    last: datetime
    whole_days: bool = False

    def moved(self, move: Callable[[datetime], datetime]) -> Span:
        """The span after the same change of each of its moments."""
        return replace(self, first=move(self.first), last=move(self.last))

    def in_utc(self, zone: ZoneInfo) -> Span:
        """The span in UTC, if it is what clocks in the zone show."""
        return replace(self, first=in_utc(self.first, zone)[0], last=in_utc(self.last, zone)[1])

    def widened(self) -> Span:
        """The span if the zone of the constant is not known."""
        return Span(self.first - FARTHEST, self.last + FARTHEST)


_ISO: Final = re.compile(
    r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)?\s*(?:Z|UTC|[+-]\d\d(?::?\d\d)?)?", re.IGNORECASE
)
_CLOCKS: Final = (exp.CurrentDate, exp.CurrentDatetime, exp.CurrentTimestamp, exp.Localtimestamp, exp.UtcTimestamp)
_CLOCK_NAMES: Final = frozenset({"now", "getdate", "today", "sysdate", "getutcdate", "sysutcdatetime"})
_PASSED_ON: Final = (
    exp.Paren, exp.Timestamp, exp.TsOrDsToDatetime, exp.TsOrDsToTimestamp, exp.TimeStrToTime, exp.FromISO8601Timestamp,
)  # fmt: skip
_TO_DAY: Final = (exp.TsOrDsToDate, exp.Date, exp.DateStrToDate)
_ADDED: Final = (exp.DateAdd, exp.TsOrDsAdd, exp.DatetimeAdd, exp.TimestampAdd)
_SUBTRACTED: Final = (exp.DateSub, exp.DatetimeSub, exp.TimestampSub)
_TRUNCATED: Final = (exp.TimestampTrunc, exp.DateTrunc, exp.DatetimeTrunc)
_NAMED_PASSED_ON: Final = frozenset({"todatetime", "todatetime64", "timestamp", "to_timestamp", "todate", "to_date"})
_NAMED_UNITS: Final = {f"add{unit}s": unit for unit in ("day", "week", "month", "quarter", "year", "hour")}
_UNIT_NAMES: Final = {"dd": "day", "ddd": "day", "j": "day", "mm": "month", "yyyy": "year", "yy": "year", "hh": "hour"}
_MONTHS: Final = {"month": 1, "quarter": 3, "year": 12}
_STEPS: Final = {
    "second": timedelta(seconds=1), "minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": DAY,
    "week": 7 * DAY,
}  # fmt: skip


def moment_of(node: exp.Expr | None, today: date) -> Span | None:
    """What a constant means; None if the node is not a constant, or is one that is not understood.

    `today` is the UTC day on which the SQL would run.
    """
    try:
        return _Constants(today).span(node)
    except (ValueError, OverflowError):  # a day or a number that does not exist
        return None


def floor_of(moment: datetime, unit: str) -> datetime:
    """The beginning of the day, week, month, quarter or year of a moment. Raises ValueError for another unit."""
    day = datetime.combine(moment.date(), time.min)
    if unit == "day":
        return day
    if unit == "week":
        return day - timedelta(days=day.weekday())
    if unit in _MONTHS:
        months = _MONTHS[unit]
        return day.replace(month=(day.month - 1) // months * months + 1, day=1)
    raise ValueError(unit)


def after(moment: datetime, unit: str, count: int = 1) -> datetime:
    """So many units later. Raises ValueError for a unit that is not known."""
    if unit in _STEPS:
        return moment + count * _STEPS[unit]
    months = moment.year * 12 + moment.month - 1 + count * _MONTHS.get(unit, 0)
    if unit not in _MONTHS:
        raise ValueError(unit)
    year, month = divmod(months, 12)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, calendar.monthrange(year, month + 1)[1]))


def unit_of(node: exp.Expr | None) -> str:
    """The unit that an argument names, in lower case and in the singular: "day"."""
    name = node.name.lower() if node is not None else ""
    return _UNIT_NAMES.get(name, name.removesuffix("s"))


def zone_of(node: exp.Expr | None) -> ZoneInfo | None:
    """The time zone that an argument names; None if this machine does not know such a zone."""
    if not isinstance(node, exp.Literal):
        return None
    try:
        return ZoneInfo(node.name)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        return None


def to_zone(moment: datetime, zone: ZoneInfo) -> datetime:
    """What clocks in the zone show at a moment in UTC."""
    return moment.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)


class _Constants:
    def __init__(self, today: date) -> None:
        self._now = Span(datetime.combine(today, time.min), datetime.combine(today, time.min) + DAY - TICK)
        self._readers: tuple[tuple[Any, Callable[[Any], Span | None]], ...] = (
            (exp.Literal, _literal),
            (_CLOCKS, self._clock),
            (exp.Subquery | exp.Select, self._selected),
            (exp.Cast | exp.Convert, self._cast),
            (exp.StrToDate | exp.StrToTime, self._parsed),
            (_TO_DAY, lambda node: _day(self._without_zone(node))),
            (_PASSED_ON, self._without_zone),
            (exp.AtTimeZone | exp.ConvertTimezone, self._zoned),
            (_TRUNCATED, self._truncated),
            (exp.AddMonths, lambda node: self._added(node.this, "month", _count(node.expression))),
            (_ADDED, lambda node: self._added(node.this, _unit(node), _count(node.expression))),
            (_SUBTRACTED, lambda node: self._added(node.this, _unit(node), _count(node.expression), -1)),
            (exp.Add, lambda node: self._added(node.this, *_interval(node.expression))),
            (exp.Sub, lambda node: self._added(node.this, *_interval(node.expression), -1)),
            (exp.Anonymous, self._named),
        )

    def span(self, node: exp.Expr | None) -> Span | None:
        return next((read(node) for kinds, read in self._readers if isinstance(node, kinds)), None)

    def _clock(self, node: exp.Expr) -> Span | None:
        has_zone = isinstance(node, exp.CurrentDate | exp.CurrentDatetime) and node.this is not None
        now = self._now.widened() if has_zone else self._now
        return _day(now) if isinstance(node, exp.CurrentDate) else now

    def _without_zone(self, node: exp.Expr) -> Span | None:
        return self.span(node.this) if node.args.get("zone") is None else None

    def _parsed(self, node: exp.StrToDate | exp.StrToTime) -> Span | None:
        is_iso = node.text("format").replace("strict", "").startswith("%Y-%m-%d")
        return self.span(node.this) if is_iso else None

    def _selected(self, node: exp.Expr) -> Span | None:
        """A query of one constant, as Looker writes it for PostgreSQL and Oracle."""
        inner = node.unnest() if isinstance(node, exp.Subquery) else node
        if not isinstance(inner, exp.Select) or len(inner.expressions) != 1:
            return None
        sources = [table.name.lower() for table in inner.find_all(exp.Table)]
        return self.span(inner.expressions[0].unalias()) if sources in ([], ["dual"]) else None

    def _cast(self, node: exp.Expr) -> Span | None:
        to, value = (node.args["to"], node.this) if isinstance(node, exp.Cast) else (node.this, node.expression)
        inner, name = self.span(value), to.this.name if isinstance(to, exp.DataType) else ""
        if name in {"DATE", "DATE32"}:
            return _day(inner)
        return inner if "TIMESTAMP" in name or "DATETIME" in name else None

    def _zoned(self, node: exp.Expr) -> Span | None:
        if isinstance(node, exp.AtTimeZone):
            inner, source, target = node.this, None, node.args["zone"]
            if isinstance(inner, exp.AtTimeZone):  # what clocks show in one zone, shown in another
                inner, source = inner.this, inner.args["zone"]
        else:
            inner, source, target = node.args["timestamp"], node.args.get("source_tz"), node.args["target_tz"]
        span, into, out_of = self.span(inner), zone_of(target), zone_of(source)
        if span is None:
            return None
        if into is None or into.key not in UTC_NAMES or (out_of is None and not isinstance(node, exp.AtTimeZone)):
            return span.widened()
        return span if out_of is None else span.in_utc(out_of)

    def _truncated(self, node: exp.Expr) -> Span | None:
        inner, zone = self.span(node.this), node.args.get("zone")
        if inner is None:
            return None
        unit, known = _unit(node), zone_of(zone)
        if zone is None:
            return replace(inner.moved(lambda moment: floor_of(moment, unit)), whole_days=True)
        if known is None:
            return None
        return inner.moved(lambda moment: floor_of(to_zone(moment, known), unit)).in_utc(known)

    def _added(self, node: exp.Expr, unit: str, count: int | None, sign: int = 1) -> Span | None:
        inner = self.span(node)
        if inner is None or count is None:
            return None
        keeps_days = inner.whole_days and unit not in {"hour", "minute", "second"}
        return replace(inner.moved(lambda moment: after(moment, unit, sign * count)), whole_days=keeps_days)

    def _named(self, node: exp.Anonymous) -> Span | None:
        name, arguments = node.name.lower(), node.expressions
        if name in _CLOCK_NAMES:
            return _day(self._now) if name == "today" else self._now
        if name in _NAMED_UNITS and len(arguments) == 2:
            return self._added(arguments[0], _NAMED_UNITS[name], _count(arguments[1]))
        if name in _NAMED_PASSED_ON and len(arguments) == 1:
            inner = self.span(arguments[0])
            return _day(inner) if name.endswith("date") else inner
        return None


def _literal(node: exp.Literal) -> Span | None:
    text = node.name.strip()
    if not node.is_string or not _ISO.fullmatch(text):
        return None
    moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", re.sub(r"\s*UTC\Z", "Z", text, flags=re.IGNORECASE)))
    shown = moment.replace(tzinfo=None)  # what a timestamp without a zone takes '08:00+08' for, as PostgreSQL's does
    in_utc_ = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo is not None else shown
    return Span(min(shown, in_utc_), max(shown, in_utc_), whole_days=len(text) == 10)


def _unit(node: exp.Expr) -> str:
    return unit_of(node.args.get("unit")) or "day"


def _day(span: Span | None) -> Span | None:
    return span and Span(floor_of(span.first, "day"), floor_of(span.last, "day"), whole_days=True)


def _count(node: exp.Expr | None) -> int | None:
    """A whole number, perhaps negative or in quotes; None for anything else."""
    sign = 1
    while isinstance(node, exp.Paren | exp.Neg):
        sign *= -1 if isinstance(node, exp.Neg) else 1
        node = node.this
    if isinstance(node, exp.Literal) and re.fullmatch(r"\s*-?\d{1,6}\s*", node.name):
        return sign * int(node.name)
    return None


def _interval(node: exp.Expr) -> tuple[str, int | None]:
    """Unit and number of INTERVAL 1 MONTH and of what PostgreSQL writes, (1 || ' month')::INTERVAL; days in Oracle."""
    if isinstance(node, exp.Interval):
        return _worded(node.this) if node.args.get("unit") is None else (unit_of(node.args["unit"]), _count(node.this))
    if isinstance(node, exp.Cast) and node.to.is_type(exp.DType.INTERVAL):
        return _worded(node.this)
    return "day", _count(node)


def _worded(node: exp.Expr | None) -> tuple[str, int | None]:
    """Unit and number of '1 month' or (1 || ' month')."""
    node = node.unnest() if node is not None else None
    if isinstance(node, exp.DPipe) and isinstance(node.expression, exp.Literal):
        return node.expression.name.strip().lower().removesuffix("s"), _count(node.this)
    words = re.fullmatch(
        r"\s*(-?\d{1,6})\s+([a-z]+)\s*", node.name if isinstance(node, exp.Literal) else "", re.IGNORECASE
    )
    return (words[2].removesuffix("s"), int(words[1])) if words else ("day", None)
