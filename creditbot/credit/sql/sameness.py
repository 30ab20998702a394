"""Decides which SQL counts as the same, so that the same traffic is not credited twice.

Parsed SQL comes in; its fingerprint is stored with the request and kept for DUPLICATE_DAYS. Pure.

Two queries are the same if they differ only in comments, layout, meaningless capitals, brackets, the order of columns,
conditions or rows, or the build time in the name of a derived table of Looker's. SQL that reads the clock ("the last 7
days") asks for different traffic on each day, so it counts as the same only within one UTC day.

The parsed tree depends on the dialect and on the parser. `creditbot.credit.sql.words` therefore adds a fingerprint of
the text, by which the same text stays the same SQL when SQL_DIALECT or the parser changes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

from sqlglot import exp
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers

from creditbot.credit.sql.tree import operands

VERSION: Final = "2"
"""The version of the fingerprint. Versions differ in the fingerprint of the same SQL, so it is stored with each."""

# "LR$PJ6OK1764633600123_verify": a key of the table's definition, its build time in milliseconds, its name.
_BUILD: Final = re.compile(r"(?P<key>L[A-Z][$_]\w*?)\d{13}(?P<name>_\w+)", re.IGNORECASE)

_PLAIN: Final = re.compile(r"[^'\\<>()]+")  # a name that cannot be taken for a part of the text around it

_BUILD_TIME: Final = re.compile(r"\d{13}_")

_MINDS_FUNCTIONS: Final = frozenset({"bigquery", "clickhouse"})
"""Dialects in which capitals tell functions apart."""

# Conditions and their opposites; comparisons that are read from the right.
_DENIED: Final[Mapping[type[exp.Expr], str]] = {exp.EQ: "neq", exp.NEQ: "eq"}
_DENIABLE: Final = (exp.Between, exp.ILike, exp.In, exp.Is, exp.Like)
_SWAPPED: Final[Mapping[type[exp.Expr], str]] = {exp.GT: "lt", exp.GTE: "lte"}

_CLOCKS: Final = (
    exp.CurrentDate, exp.CurrentDatetime, exp.CurrentTime, exp.CurrentTimestamp, exp.CurrentTimestampLTZ,
    exp.Localtime, exp.Localtimestamp, exp.Systimestamp, exp.UtcDate, exp.UtcTime, exp.UtcTimestamp,
)  # fmt: skip
_CLOCK_NAMES: Final = frozenset({
    "clock_timestamp", "curdate", "current_date", "current_datetime", "current_localtime", "current_localtimestamp",
    "current_time", "current_timestamp", "curtime", "get_current_time", "get_current_timestamp", "getdate",
    "getutcdate", "localtime", "localtimestamp", "now", "now64", "nowinblock", "statement_timestamp", "sysdate",
    "sysdatetime", "sysdatetimeoffset", "systimestamp", "sysutcdatetime", "timeofday", "today",
    "transaction_timestamp", "utc_date", "utc_time", "utc_timestamp", "yesterday",
})  # fmt: skip
_CLOCK_COLUMNS: Final = frozenset({
    "current_date", "current_time", "current_timestamp", "localtime", "localtimestamp", "utc_date", "utc_time",
    "utc_timestamp",
})  # fmt: skip
"""Clocks that need no brackets. A column may have such a name only in quotes or behind its table."""
_CLOCK_IF_EMPTY: Final = frozenset({"date", "datetime", "julianday", "time", "unix_timestamp", "unixepoch"})
"""Functions that read the clock if nothing is given to them, or one of the words below."""
_CLOCK_WORDS: Final = frozenset({"now", "today", "tomorrow", "yesterday"})


def fingerprint(readings: Sequence[tuple[str, exp.Expr]], day: date) -> str:
    """The fingerprint of SQL, equal for the same SQL: "2-" and 64 hexadecimal digits.

    Args:
        readings: the query as each dialect that counts reads it. Two queries must be the same in all of them.
        day: the UTC day on which it runs.
    """
    texts = [_statement_text(query, dialect) for dialect, query in readings]
    if any(_reads_clock(node) for _, query in readings for node in query.walk()):
        texts.append(day.isoformat())
    return fingerprint_of_text("\n".join(dict.fromkeys(texts)))


def fingerprint_of_text(text: str) -> str:
    """The fingerprint of SQL that could not be parsed as one query: a hash of its text."""
    return f"{VERSION}-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _reads_clock(node: exp.Expr) -> bool:
    if isinstance(node, _CLOCKS):
        return True
    if isinstance(node, exp.Anonymous):
        name, arguments = node.name.lower(), node.expressions
        is_age_today = name == "age" and len(arguments) == 1
        return name in _CLOCK_NAMES or is_age_today or (name in _CLOCK_IF_EMPTY and _means_now(arguments))
    if isinstance(node, exp.Date | exp.TsOrDsToTimestamp):
        return _means_now([node.this] if node.this else [])
    if isinstance(node, exp.Column):
        return not node.table and not node.this.args.get("quoted") and node.name.lower() in _CLOCK_COLUMNS
    if isinstance(node, exp.HistoricalData):  # Snowflake's t AT (OFFSET => -3600)
        return str(node.args.get("kind")).upper() == "OFFSET"
    return isinstance(node, exp.Cast) and _is_clock_word(node.this)  # PostgreSQL's DATE 'today'


def _means_now(arguments: Sequence[exp.Expr]) -> bool:
    return not arguments or _is_clock_word(arguments[0])


def _is_clock_word(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and node.name.strip().lower() in _CLOCK_WORDS


def _statement_text(query: exp.Expr, dialect: str) -> str:
    # Two tables of MySQL whose names differ in capitals only are taken for one.
    rules = "mysql, normalization_strategy = case_insensitive" if dialect == "mysql" else dialect
    tree = normalize_identifiers(query.copy(), dialect=rules)
    if dialect not in _MINDS_FUNCTIONS:
        for function in tree.find_all(exp.Anonymous, exp.AnonymousAggFunc):
            function.set("this", function.name.lower())
    return _query_text(tree.unnest())


def _query_text(query: exp.Expr) -> str:
    """The text of the whole query. The order of its rows and columns makes no difference to a credit."""
    if not isinstance(query, exp.Select):
        return _text(query, frozenset() if _order_counts(query) else frozenset({"order"}))
    if _order_counts(query):  # a number in ORDER BY means a place among the columns
        return _text(query)
    columns, group = list(query.expressions), query.args.get("group")
    keys = [_column_of(key, columns) for key in group.expressions] if group else []
    left_out = {"expressions", "order"} | ({"group"} if group and not _group_is_special(group) else set())
    parts = [_text(query, frozenset(left_out)), *sorted(map(_text, columns))]
    if "group" in left_out:
        parts += ["BY", *sorted(map(_text, keys))]
    return " ".join(parts)


def _order_counts(query: exp.Expr) -> bool:
    """Whether the order of the rows decides which rows there are."""
    distinct, order = query.args.get("distinct"), query.args.get("order")
    keeps_first = isinstance(distinct, exp.Distinct) and distinct.args.get("on")
    makes_rows = order is not None and order.find(exp.WithFill)
    return bool(query.args.get("limit") or query.args.get("offset") or keeps_first or makes_rows)


def _group_is_special(group: exp.Expr) -> bool:
    return any(value for name, value in group.args.items() if name != "expressions")


def _column_of(key: exp.Expr, columns: list[exp.Expr]) -> exp.Expr:
    """The column that a number in GROUP BY refers to; any other expression stays as it is."""
    if isinstance(key, exp.Literal) and key.is_int and 0 < int(key.name) <= len(columns):
        return columns[int(key.name) - 1].unalias()
    return key


def _text(node: exp.Expr, left_out: frozenset[str] = frozenset()) -> str:
    """A text that is equal for nodes with the same meaning."""
    if isinstance(node, exp.Paren):
        return _text(node.this)
    if isinstance(node, exp.Identifier):
        name = _BUILD.sub(r"\g<key>\g<name>", node.name)
        return f"<{name}>" if _PLAIN.fullmatch(name) else f"<{name!r}>"
    if isinstance(node, exp.Parameter):  # how the Databricks dialect parses the name of such a table
        return f"({node.key} {_BUILD_TIME.sub('_', node.name)})"
    if isinstance(node, exp.And | exp.Or):
        return f"({node.key} {' '.join(sorted(map(_text, operands(node))))})"
    if isinstance(node, exp.EQ | exp.NEQ | exp.NullSafeEQ | exp.NullSafeNEQ):
        return f"({node.key} {_sides(node)})"
    if type(node) in _SWAPPED:
        return f"({_SWAPPED[type(node)]} expression={_text(node.this)} this={_text(node.expression)})"
    denied: exp.Expr = node.this.unnest() if isinstance(node, exp.Not) else node
    if denied is not node and type(denied) in _DENIED:
        return f"({_DENIED[type(denied)]} {_sides(denied)})"
    if denied is not node and isinstance(denied, _DENIABLE) and not denied.args.get("negate"):
        parts = sorted([*_arguments(denied), ("negate", "True")])
        return f"({denied.key} {' '.join(f'{name}={text}' for name, text in parts)})"
    parts = [(name, text) for name, text in _arguments(node) if name not in left_out]
    return f"({node.key} {' '.join(f'{name}={text}' for name, text in parts)})"


def _sides(comparison: exp.Expr) -> str:
    return " ".join(sorted([_text(comparison.this), _text(comparison.expression)]))


def _arguments(node: exp.Expr) -> Iterator[tuple[str, str]]:
    for name, value in sorted(node.args.items()):
        if isinstance(node, exp.Join) and name == "kind" and (value == "INNER" or (value == "OUTER" and node.side)):
            continue  # words that say nothing
        text = _value(value)
        if not text:
            continue
        if isinstance(node, exp.In) and name == "expressions":
            text = " ".join(sorted(map(_text, value)))
        yield name, text


def _value(value: Any) -> str:
    """The text of an argument; "" where it says nothing."""
    if isinstance(value, exp.Expr):
        return _text(value)
    if isinstance(value, list):
        return f"[{' '.join(map(_value, value))}]" if value else ""
    return repr(value) if value else ""
