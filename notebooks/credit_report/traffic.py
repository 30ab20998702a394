"""Reads the rows of a result, checks every value, and adds the rows up by UTC day, prefix and mode."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from credit_report.warehouse import refuse_cut, run_sql

Row = dict[str, Any]

COLUMNS = ("day", "prefix", "mode", "attempts", "blocked", "messages", "price_usd")
"""What the SQL must give. A notebook may ask for more counts."""
ACCOUNT_COLUMNS = ("account_sid", "account_id", "subaccount_sid", "sub_account_sid")
"""Columns that may name the account. The SQL need not give one."""


@dataclass(frozen=True)
class Traffic:
    """What the SQL gave.

    Attributes:
        rows: one for each row of the result, with every value checked; `account` only if the SQL gives it.
        groups: these, added up by day, prefix and mode, in that order; `accounts` says whose messages they are.
        targets: mode -> the share of the pumped attempts that it is to stop.
    """

    rows: list[Row]
    groups: list[Row]
    targets: Mapping[str, Decimal]


def load(sql: str, targets: Mapping[str, Decimal], counts: Sequence[str] = ()) -> Traffic:
    """Runs the SQL on the warehouse that WAREHOUSE_URL names, and reads its rows.

    Args:
        sql: as copied from Looker.
        targets: see `Traffic`; other modes are refused.
        counts: columns that this notebook needs beside COLUMNS.
    """
    columns, records = run_sql(sql, os.environ.get("WAREHOUSE_URL", ""))
    refuse_cut(sql, len(records))
    rows = read_traffic(columns, records, targets, counts)
    return Traffic(rows, add_up(rows, counts), targets)


def read_traffic(
    columns: Sequence[str], records: Sequence[Sequence[Any]], targets: Iterable[str], counts: Sequence[str] = ()
) -> list[Row]:
    """The warehouse's rows by the names of COLUMNS. Raises ValueError that names the column or value that is wrong.

    Columns are found in any case, with or without Looker's view in front (`verify_traffic.day`); others are ignored.
    """
    wanted = [*COLUMNS[:-1], *counts, COLUMNS[-1]]
    view = _view_of(columns, wanted)
    places = {name: _place_of(view + name, columns) for name in wanted}
    missing = [name for name, place in places.items() if place is None]
    if missing:
        raise ValueError(f"The SQL gives no column {', '.join(missing)}; it gives {', '.join(columns)[:200]}.")
    account = _account_place(view, columns)
    readers = _readers(list(targets))
    return [
        {name: _read(name, record[place], number, readers) for name, place in places.items() if place is not None}
        | ({} if account is None else {"account": str(record[account] or "").strip()})
        for number, record in enumerate(records, 1)
    ]


def _view_of(columns: Sequence[str], wanted: Sequence[str]) -> str:
    """What is before every name in BigQuery, whose columns have no dots: "traffic_" for traffic_day; or ""."""
    names = [column.lower() for column in columns]
    views = {name.removesuffix(wanted[0]) for name in names if name.endswith(f"_{wanted[0]}")}
    whole = [view for view in sorted(views) if all(view + name in names for name in wanted)]
    if len(whole) > 1:
        raise ValueError(f"The SQL gives the columns of {len(whole)} views ({', '.join(whole)}): leave one.")
    return whole[0] if whole else ""


def _place_of(name: str, columns: Sequence[str]) -> int | None:
    places = [place for place, column in enumerate(columns) if column.lower().rpartition(".")[2] == name]
    if len(places) > 1:
        raise ValueError(f"The SQL gives {len(places)} columns {name}: leave one.")
    return places[0] if places else None


def _account_place(view: str, columns: Sequence[str]) -> int | None:
    """Where the account is; None if the SQL gives no such column, or two of the same name."""
    names = [column.lower().rpartition(".")[2] for column in columns]
    return next((names.index(view + name) for name in ACCOUNT_COLUMNS if names.count(view + name) == 1), None)


Reader = tuple[Callable[[Any], Any], str]
"""Reads a value, or raises ValueError; and what it expects, in words."""


def _readers(modes: Sequence[str]) -> dict[str, Reader]:
    """Column -> its reader; "count" is for every other column."""

    def read_mode(value: Any) -> str:
        mode = str(value).strip().lower()
        _require(mode in modes)
        return mode

    return {
        "day": (_read_day, "a UTC day (a date, or text like 2025-12-01)"),
        "prefix": (_read_prefix, "a destination prefix of 1 to 40 characters"),
        "mode": (read_mode, f"one of {', '.join(modes)} (see TARGETS)"),
        "count": (_read_count, "a whole number from 0 to 10^12 (CAST it AS BIGINT)"),
        "price_usd": (_read_price, "a price in USD (CAST it AS DECIMAL(10, 4))"),
    }


def _read(name: str, value: Any, number: int, readers: Mapping[str, Reader]) -> Any:
    """One value in the type of its column. Raises ValueError with the row's number and what was expected."""
    if value is None:
        raise ValueError(f"Row {number} of the result: {name} is NULL.")
    read, expected = readers.get(name, readers["count"])
    try:
        return read(value)
    except (ValueError, ArithmeticError, TypeError):
        shown = repr(value) if isinstance(value, str) else str(value)
        raise ValueError(f"Row {number} of the result: {name} is {shown[:60]}, not {expected}.") from None


def _read_day(value: Any) -> date:
    """A date; text in ISO form and timestamps count if they are midnight in UTC."""
    moment = datetime.fromisoformat(value.strip()) if isinstance(value, str) else value
    if isinstance(moment, datetime):
        moment = moment.astimezone(UTC) if moment.tzinfo else moment
        _require(moment.time() == time.min)
        moment = moment.date()
    _require(isinstance(moment, date) and moment.year >= 2000)
    day: date = moment
    return day


def _read_count(value: Any) -> int:
    """A whole number; SUM() gives some warehouses' integers as DECIMAL, so these count, floats do not."""
    _require(isinstance(value, (int, Decimal)) and not isinstance(value, bool) and value == int(value))
    _require(0 <= value < 10**12)
    return int(value)


def _read_price(value: Any) -> Decimal:
    """USD for one message; never a float, which would not be the price that was billed."""
    _require(isinstance(value, (int, Decimal, str)) and not isinstance(value, bool))
    price = Decimal(value)
    _require(price.is_finite() and 0 <= price < 10**6)
    return price


def _read_prefix(value: Any) -> str:
    prefix = str(value).strip()
    _require(0 < len(prefix) <= 40 and prefix.isprintable())
    return prefix


def _require(condition: bool) -> None:
    """Raises ValueError if it does not hold; `_read` says what was expected."""
    if not condition:
        raise ValueError


def add_up(rows: Sequence[Row], counts: Sequence[str] = ()) -> list[Row]:
    """One row per day, prefix and mode with its counts summed, in that order; its price must be one."""
    summed = ["attempts", "blocked", "messages", *counts]
    groups: dict[tuple[date, str, str], Row] = {}
    for row in rows:
        key = row["day"], row["prefix"], row["mode"]
        group = groups.setdefault(key, {**row, **dict.fromkeys(summed, 0), "accounts": {}})
        if group["price_usd"] != row["price_usd"]:
            prices = " and ".join(sorted({str(group["price_usd"]), str(row["price_usd"])}))
            raise ValueError(f"Two prices for {row['prefix']} ({row['mode']}) on {row['day']}: {prices}.")
        for name in summed:
            group[name] += row[name]
        accounts, account = group["accounts"], row.get("account", "")
        accounts[account] = accounts.get(account, 0) + row["messages"]
    if not sum(group["messages"] for group in groups.values()):
        raise ValueError(f"No message in the {len(rows):,} rows of the result: nothing can be credited.")
    return [groups[key] for key in sorted(groups)]
