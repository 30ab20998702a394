"""A small LookML model and the SQL it makes of a query, in DuckDB's dialect.

`looker_operations` asks it for SQL, which the notebooks run on the warehouse. The model `credit` has two Explores over
the tables of `warehouse`. Columns are named by the field alone, without its view, which is what the bundled notebooks
read. Looker's filter expressions are understood as far as these fields need:

    strings   Authy%   -%test%   a,b   ^_ ^% ^, ^- for the characters themselves   blank for any
    dates     2025-12-01   2025-12   2025-12-01 to 2026-01-01 (end excluded)   after DATE   before DATE
    numbers   5   >=5   <5   1,2
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

DEFAULT_LIMIT = "500"


class LookmlError(Exception):
    """The query asks for something this model, or this sandbox, does not have."""


@dataclass(frozen=True)
class View:
    """One Explore: dimensions with their type, and the columns that measures sum up."""

    dimensions: Mapping[str, str]
    measures: tuple[str, ...]


MODELS: Mapping[str, Mapping[str, View]] = {
    "credit": {
        "verify_traffic": View(
            {"day": "date", "account_sid": "string", "billable_item": "string", "prefix": "string", "mode": "string",
             "price_usd": "number"},
            ("attempts", "blocked", "messages", "verified"),
        ),
        "psms_traffic": View(
            {"day": "date", "account_sid": "string", "billable_item": "string", "prefix": "string", "mode": "string",
             "price_usd": "number"},
            ("attempts", "blocked", "messages"),
        ),
    }
}  # fmt: skip


def sql_of(query: Mapping[str, Any], limit: str | None = None, *, comment: str = "") -> str:
    """The SQL of a query; `limit` overrides its own, "-1" lifts it. Raises LookmlError.

    `comment` is put in front as Looker's "context" comment is.
    """
    view = str(query["view"])
    fields = _fields(query)
    lines = [f"-- {comment}"] if comment else []
    lines += ["SELECT", ",\n".join(f"    {column(field)} AS {_name(field)}" for field in fields)]
    lines += [f"FROM {view} AS {view}"]
    conditions = [condition(field, str(expression)) for field, expression in (query.get("filters") or {}).items()]
    lines += _joined("WHERE ", " AND ", [f"({text})" for text in conditions if text])
    dimensions = [str(number) for number, field in enumerate(fields, 1) if _kind(field) != "measure"]
    lines += _joined("GROUP BY ", ", ", dimensions) if len(dimensions) < len(fields) else []
    lines += _joined("ORDER BY ", ", ", _sorts(query, fields))
    lines += _limit(str(limit or query.get("limit") or DEFAULT_LIMIT))
    return "\n".join(lines) + "\n"


def column(field: str) -> str:
    """The SQL of one field. Raises LookmlError."""
    return f"CAST(SUM({field}) AS BIGINT)" if _kind(field) == "measure" else field


def condition(field: str, expression: str) -> str:
    """The SQL of one filter, "" for any value. Raises LookmlError."""
    kind = _kind(field)
    if not expression.strip():
        return ""
    if kind == "measure":
        raise LookmlError(f"The sandbox does not filter on a measure: {field}.")
    make: Callable[[str, str], str] = {"date": _date, "string": _strings, "number": _numbers}[kind]
    return make(field, expression.strip())


def _fields(query: Mapping[str, Any]) -> list[str]:
    for feature in ("filter_expression", "dynamic_fields"):
        if query.get(feature):
            raise LookmlError(f"The sandbox does not know {feature}.")
    fields = [str(field) for field in query.get("fields") or ()]
    if not fields:
        raise LookmlError("Must query at least one dimension or measure.")
    for field in fields:
        if field.partition(".")[0] != query["view"]:
            raise LookmlError(f"Unknown field {field}.")
    if str(query["view"]) not in MODELS.get(str(query["model"]), {}):
        raise LookmlError(f"Unknown explore {query['model']}/{query['view']}.")
    return fields


def _kind(field: str) -> str:
    view, _, name = field.partition(".")
    explore = next((views[view] for views in MODELS.values() if view in views), None)
    if explore and name in explore.measures:
        return "measure"
    if explore and name in explore.dimensions:
        return explore.dimensions[name]
    raise LookmlError(f"Unknown field {field}.")


def _name(field: str) -> str:
    return field.partition(".")[2]


def _joined(start: str, between: str, parts: list[str]) -> list[str]:
    return [start + between.join(parts)] if parts else []


def _sorts(query: Mapping[str, Any], fields: list[str]) -> list[str]:
    """A query without sorts is sorted by its first date or measure, in descending order."""
    sorts = []
    for sort in query.get("sorts") or ():
        field, _, direction = str(sort).partition(" ")
        if field not in fields:
            raise LookmlError(f"Unknown sort {sort}.")
        sorts.append(f"{fields.index(field) + 1}{' DESC' if direction.split()[:1] == ['desc'] else ''}")
    if not sorts:
        sorts = [f"{number} DESC" for number, field in enumerate(fields, 1) if _kind(field) in ("date", "measure")][:1]
    return sorts


def _limit(rows: str) -> list[str]:
    if rows == "-1":
        return []
    if not re.fullmatch("[0-9]{1,9}", rows):
        raise LookmlError(f"The sandbox does not understand the limit {rows!r}.")
    return [f"LIMIT {int(rows)}"]


# -- filter expressions ----------------------------------------------------------------------------------------------


def _strings(field: str, expression: str) -> str:
    alternatives = [part.strip() for part in re.split(r"(?<!\^),", expression)]
    wanted = [_string(field, part) for part in alternatives if not part.startswith("-")]
    unwanted = [_string(field, part[1:], negated=True) for part in alternatives if part.startswith("-")]
    parts = [" OR ".join(wanted)] if len(wanted) < 2 or not unwanted else [f"({' OR '.join(wanted)})"]
    return " AND ".join([part for part in parts if part] + unwanted)


def _string(field: str, text: str, *, negated: bool = False) -> str:
    if re.search(r"(?<!\^)%", text):
        pattern = re.sub(r"\^(?=[^%_^])", "", text)
        escape = " ESCAPE '^'" if "^" in pattern else ""
        return f"{field} {'NOT LIKE' if negated else 'LIKE'} {_quoted(pattern)}{escape}"
    value = re.sub(r"\^(.)", r"\1", text)
    return f"{field} {'<>' if negated else '='} {_quoted(value)}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _date(field: str, expression: str) -> str:
    """A half-open range."""
    match = re.fullmatch(r"(after|before)\s+(\S+)", expression)
    if match:
        return f"{field} {'>=' if match[1] == 'after' else '<'} {_day(_span(match[2])[0])}"
    first, _, end = (part.strip() for part in expression.partition(" to "))
    start, stop = _span(first)
    if end:
        stop = _span(end)[0]
    return f"{field} >= {_day(start)} AND {field} < {_day(stop)}"


def _span(text: str) -> tuple[date, date]:
    """The first day of a day or a month, and the first one after it."""
    year, _, rest = text.replace("/", "-").partition("-")
    month, _, day = rest.partition("-")
    try:
        start = date(int(year), int(month), int(day or 1))
    except ValueError:
        raise LookmlError(f"The sandbox does not understand the date filter {text!r}.") from None
    next_month = (start.replace(day=28) + timedelta(4)).replace(day=1)
    return start, start + timedelta(1) if day else next_month


def _day(day: date) -> str:
    return f"DATE '{day.isoformat()}'"


def _numbers(field: str, expression: str) -> str:
    parts = [re.fullmatch(r"(>=|<=|>|<|)\s*(-?\d+(?:\.\d+)?)", part.strip()) for part in expression.split(",")]
    if not all(parts):
        raise LookmlError(f"The sandbox does not understand the number filter {expression!r}.")
    return " OR ".join(f"{field} {match[1] or '='} {match[2]}" for match in parts if match)
