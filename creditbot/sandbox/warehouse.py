"""The sandbox's warehouse: a DuckDB file with the traffic of a few accounts, one row per UTC day, prefix and mode.

`make_warehouse` writes it; notebooks read it, by the SQL that the sandbox's Looker gives. Nothing in it is random.
AC-sandbox-0001 has the reference month: December 2025 gives the row

    mode basic, msg_count 35644, fraud_cost $7,526.30, block_rate 0.416, credit $4,948.80

The others: -0002 two modes and more rows than Looker's default limit, so that a query cut by it gives less; -0003
Programmable SMS, pumped in its last ten days; -0004 nothing to credit; -0005, -0006 and -0007 one small attack each;
-0008-1 and -0008-2, two accounts of one customer, one each. AC-sandbox-0404 has no rows.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

VERIFY_ITEM, PSMS_ITEM = "Authy SMS Outbound", "Programmable SMS - Outbound SMS"
VERIFY_COLUMNS = (
    "day DATE, account_sid VARCHAR, billable_item VARCHAR, prefix VARCHAR, mode VARCHAR, attempts BIGINT,"
    " blocked BIGINT, messages BIGINT, verified BIGINT, price_usd DECIMAL(10,4)"
)
PSMS_COLUMNS = VERIFY_COLUMNS.replace(" verified BIGINT,", "")


@dataclass(frozen=True)
class Destination:
    """A country that messages go to, and what a quiet day there looks like.

    Attributes:
        price: USD a message.
        base, spread: a quiet day has from `base` to `base + spread - 1` messages.
    """

    prefix: str
    country: str
    price: str
    base: int
    spread: int

    def quiet(self, n: int) -> int:
        """Messages of real people on the n-th day, counted from 1."""
        return self.base + (7 * n * n + 3 * n) % self.spread


@dataclass(frozen=True)
class Attack:
    """Pumped messages: what got through and was billed, and what was blocked, day by day.

    Attributes:
        first: the day it starts, counted from 1.
    """

    prefix: str
    first: int
    pumped: Sequence[int]
    blocked: Sequence[int]

    def on(self, n: int) -> tuple[int, int]:
        """Billed and blocked messages of the n-th day."""
        index = n - self.first
        return (self.pumped[index], self.blocked[index]) if 0 <= index < len(self.pumped) else (0, 0)


@dataclass(frozen=True)
class Period:
    """So many days from a first one on."""

    first: date
    days: int


@dataclass(frozen=True)
class Traffic:
    """What one account sends in one mode."""

    account: str
    item: str
    mode: str
    period: Period
    destinations: Sequence[Destination]
    attacks: Sequence[Attack] = ()

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Rows in the order of VERIFY_COLUMNS."""
        attacks = {attack.prefix: attack for attack in self.attacks}
        for destination in self.destinations:
            for n in range(1, self.period.days + 1):
                billed, blocked = attacks[destination.prefix].on(n) if destination.prefix in attacks else (0, 0)
                quiet = destination.quiet(n)
                verified = quiet - quiet * 12 // 100
                item = f"{self.item} - {destination.country}" if self.item == VERIFY_ITEM else self.item
                day, messages = self.period.first + timedelta(n - 1), quiet + billed
                counts = (messages + blocked, blocked, messages, verified)
                yield (day, self.account, item, destination.prefix, self.mode, *counts, Decimal(destination.price))


_DESTINATIONS = (
    Destination("+1", "United States", "0.0083", 312, 19),
    Destination("+44", "United Kingdom", "0.0420", 88, 9),
    Destination("+62", "Indonesia", "0.3840", 14, 5),
    Destination("+234", "Nigeria", "0.2875", 6, 3),
    Destination("+994", "Azerbaijan", "0.3310", 2, 2),
)
_MORE_DESTINATIONS = (
    Destination("+225", "Côte d'Ivoire", "0.2410", 5, 4),
    Destination("+33", "France", "0.0725", 61, 8),
    Destination("+49", "Germany", "0.0910", 74, 7),
    Destination("+63", "Philippines", "0.1980", 23, 6),
    Destination("+880", "Bangladesh", "0.3120", 3, 3),
)
_REFERENCE = (
    Attack("+62", 18, (640, 1520, 2460, 2790, 2110, 1240, 167), (90, 640, 1650, 2110, 1730, 1180, 540)),
    Attack("+234", 20, (320, 1040, 1790, 1450, 850, 398), (40, 400, 970, 1140, 800, 330)),
    Attack("+994", 22, (220, 810, 1470, 1640, 880, 337), (30, 370, 940, 1290, 950, 300)),
)
_DECEMBER, _NOVEMBER_ON = Period(date(2025, 12, 1), 31), Period(date(2025, 11, 15), 47)

VERIFY = (
    Traffic("AC-sandbox-0001", VERIFY_ITEM, "basic", _DECEMBER, _DESTINATIONS, _REFERENCE),
    Traffic("AC-sandbox-0002", VERIFY_ITEM, "basic", _DECEMBER, _DESTINATIONS + _MORE_DESTINATIONS,
            (Attack("+225", 9, (310, 720, 940, 505), (60, 380, 610, 420)),)),
    Traffic("AC-sandbox-0002", VERIFY_ITEM, "standard", _DECEMBER, _DESTINATIONS + _MORE_DESTINATIONS,
            (Attack("+880", 28, (180, 460, 390), (240, 1310, 1120)),)),
    Traffic("AC-sandbox-0004", VERIFY_ITEM, "basic", _DECEMBER, _DESTINATIONS),
    Traffic("AC-sandbox-0005", VERIFY_ITEM, "basic", _DECEMBER, _DESTINATIONS,
            (Attack("+234", 11, (95, 410, 365, 120), (15, 170, 260, 90)),)),
    Traffic("AC-sandbox-0006", VERIFY_ITEM, "basic", _DECEMBER, _DESTINATIONS,
            (Attack("+62", 4, (130, 560, 720, 240), (20, 260, 410, 150)),)),
    Traffic("AC-sandbox-0007", VERIFY_ITEM, "basic", _DECEMBER, _DESTINATIONS,
            (Attack("+994", 19, (160, 480, 610, 330), (25, 230, 470, 280)),)),
    Traffic("AC-sandbox-0008-1", VERIFY_ITEM, "basic", _DECEMBER, _DESTINATIONS,
            (Attack("+62", 13, (140, 520, 610, 190), (20, 240, 380, 130)),)),
    Traffic("AC-sandbox-0008-2", VERIFY_ITEM, "basic", _DECEMBER, _DESTINATIONS,
            (Attack("+234", 14, (85, 350, 300), (15, 150, 210)),)),
)  # fmt: skip
PSMS = (
    Traffic("AC-sandbox-0003", PSMS_ITEM, "standard", _NOVEMBER_ON, _DESTINATIONS,
            (Attack("+62", 38, (420, 980, 1730, 2210, 1840, 1120, 640, 310, 150, 80),
                    (110, 640, 1580, 2400, 2310, 1490, 880, 420, 190, 90)),)),
)  # fmt: skip


def make_warehouse(path: Path) -> None:
    """Writes the warehouse, in place of an earlier one; readers never see half of it."""
    import duckdb

    path.parent.mkdir(parents=True, exist_ok=True)
    building = path.with_name(f".{path.name}.{os.getpid()}")
    with duckdb.connect(str(building)) as connection:
        _fill(connection, "verify_traffic", VERIFY_COLUMNS, [row for each in VERIFY for row in each.rows()])
        without_verified = [row[:8] + row[9:] for each in PSMS for row in each.rows()]
        _fill(connection, "psms_traffic", PSMS_COLUMNS, without_verified)
    building.replace(path)


def add_traffic(path: Path, verify: Sequence[Traffic], psms: Sequence[Traffic]) -> None:
    """Adds traffic to a warehouse; readers never see half of it."""
    import shutil

    import duckdb

    building = path.with_name(f".{path.name}.{os.getpid()}")
    shutil.copyfile(path, building)
    with duckdb.connect(str(building)) as connection:
        _insert(connection, "verify_traffic", [row for each in verify for row in each.rows()])
        _insert(connection, "psms_traffic", [row[:8] + row[9:] for each in psms for row in each.rows()])
    building.replace(path)


def has_rows(path: Path, sql: str) -> bool:
    """Whether a query gives any."""
    import duckdb

    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(sql).fetchone() is not None


def _fill(connection: Any, table: str, columns: str, rows: Sequence[tuple[Any, ...]]) -> None:
    connection.execute(f"CREATE TABLE {table} ({columns})")
    _insert(connection, table, rows)


def _insert(connection: Any, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if not rows:
        return
    by_column = [list(values) for values in zip(*rows, strict=True)]
    unnested = ", ".join("unnest(?)" for _ in by_column)
    connection.execute(f"INSERT INTO {table} SELECT {unnested}", by_column)
