"""Gets the traffic that some SQL gives: every value checked, and added up by UTC day, prefix and mode.

The warehouse adds the rows up (`pushdown` writes the query), so that a result of any size takes little memory. Where it
cannot, the rows are read one by one. `values` checks both.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from credit_report.columns import places_of
from credit_report.pushdown import CannotAddUp, dialect_of, no_rows_of, source_of, sums_of
from credit_report.values import Reader, read, readers_of, shown, whole
from credit_report.warehouse import Record, SqlRefused, Warehouse, refuse_cut

Row = dict[str, Any]
Counted = tuple[Row, int]
"""A row, and how many rows of the result it is the sum of."""

MOST_ROWS = 1_000_000
"""Rows that are read one by one at most: this takes half a minute."""
MOST_SUMS = 250_000
"""Sums that there may be at most. They are in memory, and take 2.4 KB each with the report: 0.6 GB, and 11 s."""
_TOO_MANY = (
    f"The SQL gives more than {MOST_SUMS:,} combinations of account, day, prefix, mode and price:"
    " let a prefix be the beginning of many numbers, or ask for fewer accounts or days."
)


@dataclass(frozen=True)
class Traffic:
    """What the SQL gave.

    Attributes:
        count: rows of the result.
        sums: these, added up by account, day, prefix, mode and price; `account` only if the SQL gives it.
        groups: these, added up by day, prefix and mode, in that order; `accounts` says whose messages they are.
        targets: mode -> the share of the pumped attempts that it is to stop.
        note: why the rows were read one by one, a sentence; "" if the warehouse added them up.
    """

    count: int
    sums: list[Row]
    groups: list[Row]
    targets: Mapping[str, Decimal]
    note: str = ""


def load(sql: str, targets: Mapping[str, Decimal], counts: Sequence[str] = ()) -> Traffic:
    """Runs the SQL on the warehouse that WAREHOUSE_URL names, and adds its rows up.

    Args:
        sql: as copied from Looker.
        targets: see `Traffic`; other modes are refused.
        counts: columns that this notebook needs beside COLUMNS.
    """
    if not sql.strip():
        raise ValueError("There is no SQL: paste it, as copied from Looker, into the parameter `looker`.")
    url, note = os.environ.get("WAREHOUSE_URL", ""), ""
    readers = readers_of(targets)
    with Warehouse(url) as warehouse:
        try:
            sums, count = gather(_added_up(warehouse, dialect_of(url), sql, counts, readers), counts)
        except (CannotAddUp, SqlRefused) as reason:
            note = f"The rows were read one by one, because the warehouse did not add them up: {_why(reason)}"
            warehouse.go_back()
            columns, records = warehouse.run(sql.rstrip("; \t\r\n"), streamed=True)  # Trino takes no semicolon
            sums, count = gather(_at_most(MOST_ROWS, read_rows(columns, records, counts, readers), note), counts)
    refuse_cut(sql, count)
    groups = add_up(sums, counts)
    if not sum(group["messages"] for group in groups):
        raise ValueError(f"No message in the {count:,} rows of the result: nothing can be credited.")
    return Traffic(count, sums, groups, targets, note)


def _why(reason: CannotAddUp | SqlRefused) -> str:
    return f"it says {reason.why}" if isinstance(reason, SqlRefused) else f"{reason}."


def read_rows(
    columns: Sequence[str], records: Iterable[Record], counts: Sequence[str], readers: Mapping[str, Reader]
) -> Iterator[Counted]:
    """The rows of a result, one by one. Raises ValueError that names the wrong column, or the row and its value."""
    places = places_of(columns, counts)
    for number, record in enumerate(records, 1):
        try:
            row = {name: read(name, record[place], readers) for name, place in places.items()}
        except ValueError as error:
            raise ValueError(f"Row {number:,} of the result: {error}") from None
        yield row, 1


def _at_most(most: int, rows: Iterable[Counted], note: str) -> Iterator[Counted]:
    for number, row in enumerate(rows):
        if number == most:
            raise ValueError(
                f"The SQL gives more than {most:,} rows. {note} Let the SQL add them up by day, prefix and mode."
            )
        yield row


def _added_up(
    warehouse: Warehouse, dialect: str, sql: str, counts: Sequence[str], readers: Mapping[str, Reader]
) -> Iterator[Counted]:
    """The rows as the warehouse adds them up, by the very values of account, day, prefix, mode and price."""
    source = source_of(sql, dialect)
    columns = warehouse.names_in(source, no_rows_of(source, dialect))
    places = places_of(columns, counts)
    keys = [name for name in ("account", "day", "prefix", "mode", "price_usd") if name in places]
    summed = _summed(counts)
    names = [name for name in ("account", "prefix") if name in places]
    of_keys, of_summed, of_names = ([columns[places[name]] for name in each] for each in (keys, summed, names))
    _, records = warehouse.run(sums_of(source, of_keys, of_summed, MOST_SUMS, dialect, of_names))
    for number, record in enumerate(records):
        if number == MOST_SUMS:
            raise ValueError(_TOO_MANY)
        yield _read_sum(record, keys, summed, readers)


def _read_sum(record: Record, keys: Sequence[str], summed: Sequence[str], readers: Mapping[str, Reader]) -> Counted:
    """One row of the result of `sums_of`. Raises ValueError if a value is wrong in one of the rows that it adds up."""
    place = len(keys)
    raw, count = dict(zip(keys, record, strict=False)), whole(record[place])
    row = {name: _read_of(_rows(count), name, value, raw, readers) for name, value in raw.items()}
    for number, name in enumerate(summed):
        known, lowest, highest, fraction, total = record[place + 1 + 5 * number : place + 6 + 5 * number]
        if missing := count - known:
            _read_of(_rows(missing), name, None, raw, readers)
        for value in (lowest, highest, *([] if fraction is None else [fraction])):
            _read_of("1 or more rows", name, value, raw, readers)
        try:
            row[name] = whole(total)
        except ValueError:
            raise CannotAddUp(f"its sum of {name} is {shown(total)}, not a whole number") from None
    return row, count


def _read_of(rows: str, name: str, value: Any, raw: Row, readers: Mapping[str, Reader]) -> Any:
    """A value of so many rows that have the values `raw`; if it is wrong, the error says which rows these are."""
    try:
        return read(name, value, readers)
    except ValueError as error:
        which = ", ".join(f"{key} {shown(raw[key])}" for key in raw if key not in (name, "price_usd"))
        raise ValueError(f"{rows} of the result, with {which}: {error}") from None


def _rows(count: int) -> str:
    return f"{count:,} row" if count == 1 else f"{count:,} rows"


def _summed(counts: Sequence[str]) -> list[str]:
    return ["attempts", "blocked", "messages", *counts]


def gather(rows: Iterable[Counted], counts: Sequence[str] = ()) -> tuple[list[Row], int]:
    """The rows added up by account, day, prefix, mode and price, in an order of their own; and how many there were."""
    summed, total = _summed(counts), 0
    sums: dict[tuple[Any, ...], Row] = {}
    for row, count in rows:
        total += count
        sum_ = sums.setdefault(_key(row), row)
        if sum_ is not row:
            sum_ |= {name: sum_[name] + row[name] for name in summed}
            sum_["price_usd"] = min(sum_["price_usd"], row["price_usd"], key=str)  # 0.5 and 0.50 are one price
        elif len(sums) > MOST_SUMS:
            raise ValueError(_TOO_MANY)
    return [sums[key] for key in sorted(sums)], total


def _key(row: Row) -> tuple[Any, ...]:
    return row["day"], row["prefix"], row["mode"], row.get("account", ""), row["price_usd"]


def add_up(rows: Sequence[Row], counts: Sequence[str] = ()) -> list[Row]:
    """One row per day, prefix and mode with its counts summed, in that order; its price must be one."""
    summed = _summed(counts)
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
    return [groups[key] for key in sorted(groups)]
