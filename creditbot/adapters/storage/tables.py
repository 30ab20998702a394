"""Writes a table as CSV, as an Excel workbook or as Parquet.

Columns and rows come in, typed; text or bytes come out. Amounts are numbers with two places in every format, and every
text is on one line. Text comes from Slack, Looker and SQL, so a cell must never become a formula: in CSV an apostrophe
goes in front of it, as OWASP advises for "CSV injection"; a workbook says of the cell itself that it is text.
"""

from __future__ import annotations

import csv
import io
import re
import tempfile
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from creditbot.model import TableCell, TableColumn
from creditbot.text import one_line

Format = Literal["csv", "xlsx", "parquet"]
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What spreadsheets take for the beginning of a formula, full-width forms too. Tabs and line ends do not get so far."""
_AFTER_SEMICOLON = re.compile(rf"(;\s*)(?=[{re.escape(''.join(_FORMULA))}])")
"""Where a spreadsheet with a comma for decimals, which parts cells at semicolons, would find a formula in a text."""
_LONGEST = 30_000
"""Characters of a text; a cell of a workbook holds 32,767."""
_PARQUET = {
    "text": "VARCHAR",
    "usd": "DECIMAL(18, 2)",
    "moment": "TIMESTAMP WITH TIME ZONE",
    "day": "DATE",
    "number": "BIGINT",
}
_AT_ONCE = 200
_WIDTHS = {"text": 24, "usd": 14, "moment": 20, "day": 12, "number": 8}


def table_bytes(columns: Sequence[TableColumn], rows: Iterable[Sequence[TableCell]], form: Format, sheet: str) -> bytes:
    """The table as a file of this format; `sheet` is the name of the workbook's sheet."""
    if form == "csv":
        return csv_text(columns, rows).encode()
    clean = ([one_line(cell, _LONGEST) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return _workbook(columns, clean, sheet) if form == "xlsx" else _parquet(columns, clean)


def csv_text(columns: Sequence[TableColumn], rows: Iterable[Sequence[TableCell]]) -> str:
    """The table as CSV with a heading; what is not known is empty, times are UTC."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([column.name for column in columns])
    writer.writerows([_csv_cell(cell) for cell in row] for row in rows)
    return out.getvalue()


def _csv_cell(cell: TableCell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, Decimal):
        return f"{cell:.2f}"
    if isinstance(cell, datetime):
        return f"{cell.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    if isinstance(cell, str):
        return _harmless(cell)
    return str(cell)


def _harmless(text: str) -> str:
    """The text on one line, with an apostrophe in front of whatever a spreadsheet would take for a formula.

    A line end could begin another row, and a semicolon another cell, with a formula of its own: not every program that
    reads CSV minds quotes, or takes commas for separators.
    """
    line = _AFTER_SEMICOLON.sub(r"\1'", one_line(text, _LONGEST))
    return f"'{line}" if line.startswith(_FORMULA) else line


def _workbook(columns: Sequence[TableColumn], rows: Iterable[Sequence[TableCell]], sheet: str) -> bytes:
    import xlsxwriter

    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(out, options) as book:
        page = book.add_worksheet(sheet)
        heading = book.add_format({"bold": True, "bottom": 1})
        text = book.add_format({"num_format": "@", "quote_prefix": True})
        forms = {
            "usd": book.add_format({"num_format": "#,##0.00"}),
            "moment": book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
            "day": book.add_format({"num_format": "yyyy-mm-dd"}),
            "number": book.add_format({"num_format": "0"}),
        }
        for place, column in enumerate(columns):
            page.write_string(0, place, column.name, heading)
            page.set_column(place, place, _WIDTHS[column.kind])
        count = 0
        for count, row in enumerate(rows, 1):
            for place, (column, cell) in enumerate(zip(columns, row, strict=True)):
                if isinstance(cell, str):
                    page.write_string(count, place, cell, text)
                elif cell is not None:
                    _write(page, count, place, cell, forms[column.kind])
        page.freeze_panes(1, 0)
        page.autofilter(0, 0, count, len(columns) - 1)
    return out.getvalue()


def _write(page: Any, row: int, place: int, cell: Decimal | datetime | date | int, form: Any) -> None:
    if isinstance(cell, datetime):
        page.write_datetime(row, place, cell.astimezone(UTC).replace(tzinfo=None), form)
    elif isinstance(cell, date):
        page.write_datetime(row, place, datetime(cell.year, cell.month, cell.day), form)  # noqa: DTZ001  # no time of day
    else:
        page.write_number(row, place, float(cell), form)  # a workbook has no other numbers; cents stay exact to 10**13


def _parquet(columns: Sequence[TableColumn], rows: Iterable[Sequence[TableCell]]) -> bytes:
    import duckdb

    kinds = ", ".join(f'"{column.name}" {_PARQUET[column.kind]}' for column in columns)
    with duckdb.connect(":memory:") as base, tempfile.TemporaryDirectory() as folder:
        base.execute("SET TimeZone = 'UTC'")
        base.execute(f"CREATE TABLE credits ({kinds})")
        one, waiting = f"({', '.join('?' for _ in columns)})", iter(rows)
        while some := list(islice(waiting, _AT_ONCE)):  # row by row it takes a hundred times as long
            values = ", ".join([one] * len(some))
            base.execute(f"INSERT INTO credits VALUES {values}", [cell for row in some for cell in row])  # noqa: S608
        file = Path(folder) / "credits.parquet"
        base.execute(f"COPY credits TO '{file}' (FORMAT parquet)")
        return file.read_bytes()
