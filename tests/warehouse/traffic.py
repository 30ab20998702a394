"""The tables of every engine, and SQL over them as Looker writes it.

The rows are those of three of the sandbox's accounts, each split in two: half an hour after midnight UTC, and half an
hour before. In New York the first half belongs to the day before: if a day is not read in UTC, the credit differs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from itertools import count
from typing import Any

from creditbot.sandbox.analyst import psms_credit, verify_credit
from creditbot.sandbox.warehouse import PSMS, VERIFY, Traffic
from tests.support.looker_sql import IDIOMS

READABLE = ("verify_traffic", "psms_traffic", "verify_sample")
TABLES = (*READABLE, "other_traffic")
HALVES = (time(0, 30), time(23, 30))
COLUMNS = {
    "id": "BIGINT", "created_at": "TIMESTAMP", "account_sid": "VARCHAR(40)", "billable_item": "VARCHAR(80)",
    "prefix": "VARCHAR(10)", "mode": "VARCHAR(10)", "attempts": "BIGINT", "blocked": "BIGINT", "messages": "BIGINT",
    "verified": "BIGINT", "price_usd": "DECIMAL(10, 4)",
}  # fmt: skip
COUNTS = {"verify": ("attempts", "blocked", "messages", "verified"), "psms": ("attempts", "blocked", "messages")}
ACCOUNTS = {"verify": "AC-sandbox-0002", "psms": "AC-sandbox-0003"}
"""Two modes and ten prefixes; one mode, and a history before the month."""
LOADED = ("AC-sandbox-0001", *ACCOUNTS.values())
_MOMENT = {
    "duckdb": "{c} AT TIME ZONE 'UTC'",
    "postgres": "{c} AT TIME ZONE 'UTC'",
    "trino": "with_timezone({c}, 'UTC')",
}
INEXACT = {"duckdb": "DOUBLE", "postgres": "DOUBLE PRECISION", "trino": "DOUBLE"}
"""Dialect -> the type of a number that is not exact."""
_DOCUMENT = {"duckdb": "JSON", "postgres": "JSONB", "trino": "VARCHAR"}
"""Dialect -> the type of a JSON column; Looker's SQL reads JSON out of text in Trino."""


def statements(dialect: str) -> Iterator[str]:
    """What makes the tables of TABLES. Nobody but their owner reads other_traffic."""
    columns = [f"CAST({name} AS {kind}) AS {name}" for name, kind in COLUMNS.items()]
    columns += [
        f"{_MOMENT[dialect].replace('{c}', 'CAST(created_at AS TIMESTAMP)')} AS created_tz",
        f"CAST(price_usd AS {INEXACT[dialect]}) AS price_inexact",
        f'CAST(\'{{"mode": "basic"}}\' AS {_DOCUMENT[dialect]}) AS payload',
    ]
    for table, traffic in (("verify_traffic", VERIFY), ("psms_traffic", PSMS)):
        wanted = [each for each in traffic if each.account in LOADED]
        yield f"CREATE TABLE {table} AS SELECT {', '.join(columns)} FROM {_values(dialect, list(_rows(wanted)))}"
    yield "CREATE TABLE verify_sample AS SELECT * FROM verify_traffic WHERE id <= 40"
    yield "CREATE TABLE other_traffic AS SELECT * FROM verify_sample"


def _rows(traffic: Sequence[Traffic]) -> Iterator[list[str | int]]:
    """Rows in the order of COLUMNS."""
    ids = count(1)
    for day, account, item, prefix, mode, *counts, price in (row for each in traffic for row in each.rows()):
        for odd, moment in enumerate(HALVES):
            halves = [(whole + odd) // 2 for whole in counts]
            yield [next(ids), f"{day} {moment}", account, item, prefix, mode, *halves, str(price)]


def _values(dialect: str, rows: Sequence[Sequence[str | int]]) -> str:
    """The rows as something that can be selected from. Trino takes seconds to read a VALUES of hundreds of rows."""
    if dialect == "trino":
        types = ", ".join("VARCHAR" if isinstance(value, str) else "BIGINT" for value in rows[0])
        source = f"UNNEST(CAST(JSON_PARSE({_quoted(json.dumps(rows))}) AS ARRAY(ROW({types}))))"
    else:
        lines = (", ".join(_quoted(value) if isinstance(value, str) else str(value) for value in row) for row in rows)
        source = f"(VALUES {', '.join(f'({line})' for line in lines)})"
    return f"{source} AS traffic ({', '.join(COLUMNS)})"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def credit_by_hand(product: str) -> Decimal:
    """USD for the account of ACCOUNTS, as the sandbox's analyst works it out in plain decimals."""
    traffic = {"verify": VERIFY, "psms": PSMS}[product]
    rows: list[tuple[Any, ...]] = [row for each in traffic if each.account == ACCOUNTS[product] for row in each.rows()]
    return {"verify": verify_credit, "psms": psms_credit}[product](rows)


@dataclass(frozen=True)
class Asked:
    """What Looker is asked for; `{c}` is a column of the view.

    Attributes:
        day: the expression of the day; None for that of the dialect's own date dimension.
        count: the expression of a measure.
        price: the expression of the price.
        dot: whether names are `view.field`, else `view_field`.
        derived: whether the view is a derived table in a WITH.
    """

    day: str | None = None
    count: str = "COALESCE(SUM({c} ), 0)"
    price: str = "{v}.price_usd"
    dot: bool = True
    derived: bool = False


def looker_sql(dialect: str, product: str = "verify", asked: Asked = Asked()) -> str:
    """The SQL that Looker writes for an account's traffic, with a row for each day, prefix and mode."""
    view = f"{product}_traffic"
    words = IDIOMS[dialect]
    day = (asked.day or words.day).replace("{c}", f"{view}.created_at").replace("{v}", view)
    shown = [
        (day, "day"), (f"{view}.account_sid", "account_sid"), (f"{view}.prefix", "prefix"), (f"{view}.mode", "mode"),
        (asked.price.replace("{v}", view), "price_usd"),
        *((asked.count.replace("{c}", f"{view}.{name}"), name) for name in COUNTS[product]),
    ]  # fmt: skip
    dot = "." if asked.dot else "_"
    columns = ",\n".join(f'    {expression}  AS "{view}{dot}{name}"' for expression, name in shown)
    item = "Authy%" if product == "verify" else "Programmable SMS%"
    conditions = [
        f"({view}.account_sid ) = '{ACCOUNTS[product]}'",
        f"({view}.billable_item LIKE '{item}')",
        f"(( {view}.created_at  ) >= (TIMESTAMP '2025-11-01 00:00:00'))",
        f"(( {view}.created_at  ) < (TIMESTAMP '2026-01-01 00:00:00'))",
    ]
    source = f"{view}  AS {view}"
    before = ""
    if asked.derived:
        before = f"WITH {view}_raw AS (SELECT * FROM {view}\n  WHERE messages >= 0\n  )\n"
        source = f"{view}_raw AS {view}"
    return (
        f"{before}SELECT\n{columns}\nFROM {source}\nWHERE {' AND '.join(conditions)}\n"
        f"GROUP BY\n    1,\n    2,\n    3,\n    4,\n    5\nORDER BY\n    1 DESC{words.nulls_last}"
    )
