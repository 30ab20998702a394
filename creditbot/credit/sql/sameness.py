"""Decides which SQL counts as the same, so that the same traffic is not credited twice.

Parsed SQL comes in; its fingerprint is stored with the request and kept for DUPLICATE_DAYS. Pure.

Two queries are the same if they differ only in comments, layout, meaningless capitals, brackets, the order of columns,
conditions or rows, or the build time in the name of a derived table of Looker's. SQL that reads the clock ("the last 7
days") asks for different traffic on each day, so it counts as the same only within one UTC day.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, Final

from sqlglot import exp
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers

from creditbot.credit.sql.tree import operands

VERSION: Final = "2"
"""The version of the fingerprint. Versions differ in the fingerprint of the same SQL, so it is stored with each."""

# "LR$PJ6OK1764633600123_verify": a key of the table's definition, its build time in milliseconds, its name.
_BUILD: Final = re.compile(r"(?P<key>L[A-Z][$_]\w*?)\d{13}(?P<name>_\w+)", re.IGNORECASE)

_BUILD_TIME: Final = re.compile(r"\d{13}_")

_CLOCKS: Final = (
    exp.CurrentDate, exp.CurrentDatetime, exp.CurrentTime, exp.CurrentTimestamp, exp.CurrentTimestampLTZ,
    exp.Localtime, exp.Localtimestamp, exp.Systimestamp, exp.UtcDate, exp.UtcTime, exp.UtcTimestamp,
)  # fmt: skip
_CLOCK_NAMES: Final = frozenset({
    "clock_timestamp", "curdate", "current_date", "current_datetime", "current_time", "current_timestamp", "curtime",
    "getdate", "getutcdate", "localtime", "localtimestamp", "now", "now64", "nowinblock",
    "statement_timestamp", "sysdate", "sysdatetime", "sysdatetimeoffset", "systimestamp", "sysutcdatetime",
    "timeofday", "today", "transaction_timestamp", "unix_timestamp", "utc_date", "utc_time", "utc_timestamp",
    "yesterday",
})  # fmt: skip
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
        return node.name.lower() in _CLOCK_NAMES
    if isinstance(node, exp.Column):  # in Oracle without brackets
        return not node.table and not node.this.args.get("quoted") and node.name.lower() in _CLOCK_NAMES
    # PostgreSQL's DATE 'today'
    return (
        isinstance(node, exp.Cast)
        and isinstance(node.this, exp.Literal)
        and node.this.name.strip().lower() in _CLOCK_WORDS
    )


def _statement_text(query: exp.Expr, dialect: str) -> str:
    # Two tables of MySQL whose names differ in capitals only are taken for one.
    rules = "mysql, normalization_strategy = case_insensitive" if dialect == "mysql" else dialect
    return _query_text(normalize_identifiers(query.copy(), dialect=rules).unnest())


def _query_text(query: exp.Expr) -> str:
    """The text of the whole query. The order of its rows and columns makes no difference to a credit."""
    if not isinstance(query, exp.Select):
        return _text(query, frozenset() if _order_counts(query) else frozenset({"order"}))
    columns, group = list(query.expressions), query.args.get("group")
    keys = [_column_of(key, columns) for key in group.expressions] if group else []
    left_out = {"expressions"} | ({"group"} if group and not _group_is_special(group) else set())
    if not _order_counts(query):
        left_out.add("order")
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
        return f"<{name}>"
    if isinstance(node, exp.Parameter):  # how the Databricks dialect parses the name of such a table
        return f"({node.key} {_BUILD_TIME.sub('_', node.name)})"
    if isinstance(node, exp.And | exp.Or):
        return f"({node.key} {' '.join(sorted(map(_text, operands(node))))})"
    if isinstance(node, exp.EQ | exp.NEQ | exp.NullSafeEQ | exp.NullSafeNEQ):
        return f"({node.key} {' '.join(sorted([_text(node.this), _text(node.expression)]))})"
    parts = [f"{name}={text}" for name, text in _arguments(node) if name not in left_out]
    return f"({node.key} {' '.join(parts)})"


def _arguments(node: exp.Expr) -> Iterator[tuple[str, str]]:
    for name, value in sorted(node.args.items()):
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
