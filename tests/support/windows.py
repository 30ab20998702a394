"""What SQL says of its traffic, on a day of the tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import sqlglot

from creditbot.credit.footprint import TrafficWindow
from creditbot.credit.sql.traffic_window import window_of
from creditbot.model import ACCOUNT_FIELDS

TODAY = date(2026, 1, 8)


def window(sql: str, *dialects: str, fields: Sequence[str] = ACCOUNT_FIELDS) -> TrafficWindow:
    """The window of SQL that each of these dialects reads, DuckDB's if none is named."""
    read = [(dialect, sqlglot.parse_one(sql, dialect=dialect)) for dialect in dialects or ("duckdb",)]
    return window_of(read, TODAY, fields)
