"""Tables as CSV, as Excel workbooks and as Parquet: read back by programs that know nothing of creditbot."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree as ET

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.adapters.storage.tables import csv_text, table_bytes
from creditbot.model import TableCell, TableColumn
from creditbot.text import one_line

COLUMNS = (
    TableColumn("at", "moment", ""),
    TableColumn("name", "text", ""),
    TableColumn("day", "day", ""),
    TableColumn("usd", "usd", ""),
    TableColumn("n", "number", ""),
)
MOMENT = datetime(2026, 11, 1, 1, 2, 3, tzinfo=timezone(timedelta(hours=1)))
ROWS: list[tuple[TableCell, ...]] = [
    (MOMENT, 'Zürich, "quoted"\nline', date(2026, 10, 31), Decimal("4948.8"), 1),
    (MOMENT, None, None, Decimal("1234567.05"), None),
]
FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\tx",
    "\rx",
    "\n=1",
    "  =1",
    "\uff1d1+1",
    '=HYPERLINK("http://x","y")',
    "=cmd|' /C calc'!A0",
]
_NS = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}


def workbook(rows: list[tuple[TableCell, ...]]) -> tuple[list[list[str | None]], zipfile.ZipFile]:
    """The cells of the sheet's rows below the heading, as text, and the whole file."""
    file = zipfile.ZipFile(io.BytesIO(table_bytes(COLUMNS, rows, "xlsx", "2026-11")))
    strings = ET.fromstring(file.read("xl/sharedStrings.xml")).findall("m:si", _NS)
    texts = ["".join(part.text or "" for part in each.iter(f"{{{_NS['m']}}}t")) for each in strings]
    found = []
    for row in ET.fromstring(file.read("xl/worksheets/sheet1.xml")).iter(f"{{{_NS['m']}}}row"):
        cells = {str(cell.get("r"))[0]: cell for cell in row}
        values: list[str | None] = []
        for letter in "ABCDE":
            cell = cells.get(letter)
            value = None if cell is None else cell.findtext("m:v", namespaces=_NS)
            is_text = cell is not None and cell.get("t") == "s"
            values.append(texts[int(value)] if is_text and value is not None else value)
        found.append(values)
    return found[1:], file


def test_csv_has_a_heading_and_two_places_and_leaves_unknowns_empty() -> None:
    """Times are UTC."""
    assert [
        ["at", "name", "day", "usd", "n"],
        ["2026-11-01 00:02:03", 'Zürich, "quoted" line', "2026-10-31", "4948.80", "1"],
        ["2026-11-01 00:02:03", "", "", "1234567.05", ""],
    ] == list(csv.reader(io.StringIO(csv_text(COLUMNS, ROWS))))
    assert csv_text(COLUMNS, ROWS).encode() == table_bytes(COLUMNS, ROWS, "csv", "x")


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_of_a_csv_is_a_formula(text: str) -> None:
    """Whoever asks for a credit chooses some of these texts, and finance opens the file in a spreadsheet."""
    (_, row) = csv.reader(io.StringIO(csv_text(COLUMNS, [(MOMENT, text, None, Decimal(-1), None)]), newline=""))
    assert [f"'{text.strip()}", "-1.00"] == [row[1], row[3]] or ("x" == row[1] and text.strip() == "x")


@given(text=st.text(max_size=20))
def test_any_text_is_one_cell_of_a_csv_and_no_formula(text: str) -> None:
    """On one line, with an apostrophe in front of what looks like a formula."""
    written = csv_text(COLUMNS, [(None, text, None, None, None)])
    (_, row) = csv.reader(io.StringIO(written, newline=""))
    assert 2 == written.count("\n")
    assert one_line(text).replace("'", "") == row[1].replace("'", "")
    assert not row[1].startswith(("=", "+", "-", "@", "\t", "\r", "\n", " "))


@pytest.mark.parametrize("text", ["AC1;=1+1", "AC1; @SUM(A1)", ";+1;", "a;\uff1d1"])
def test_a_semicolon_begins_no_cell_with_a_formula(text: str) -> None:
    """Where commas are for decimals, a spreadsheet may part the cells of a CSV at semicolons, and mind no quotes."""
    written = csv_text(COLUMNS, [(None, text, None, None, None)])
    cells = [cell.strip(' "') for line in written.splitlines() for cell in line.split(";")]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\uff1d"))]


def test_a_semicolon_in_a_name_stays_as_it_is() -> None:
    assert "AC1; AC2 - old" in csv_text(COLUMNS, [(None, "AC1; AC2 - old", None, None, None)])


@pytest.mark.parametrize("text", [*FORMULAS, "https://x.example", "007", "{=1}"])
def test_no_cell_of_a_workbook_is_a_formula_a_link_or_a_number(text: str) -> None:
    """It is text, and stays text when somebody edits the cell."""
    rows, file = workbook([(MOMENT, text, None, Decimal("1.00"), None)])
    sheet = file.read("xl/worksheets/sheet1.xml").decode()
    assert text.strip() == rows[0][1]
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet
    assert 'quotePrefix="1"' in file.read("xl/styles.xml").decode()


def test_amounts_of_a_workbook_are_numbers_with_two_places() -> None:
    """And times and days are dates of Excel."""
    rows, file = workbook(ROWS)
    assert [["4948.8", "1"], ["1234567.05", None]] == [row[3:] for row in rows]
    formats = file.read("xl/styles.xml").decode()
    assert "yyyy-mm-dd hh:mm:ss" in formats
    assert 'formatCode="#,##0.00"' in formats
    assert 46326 == float(rows[0][2] or 0)  # days since the end of 1899: 2026-10-31
    assert [None, None] == rows[1][1:3]


def test_a_workbook_takes_no_characters_that_break_its_xml() -> None:
    """Nor a text that is longer than a cell."""
    rows, _ = workbook([(MOMENT, "a\0\x01b" + "x" * 40_000, None, Decimal("1.00"), None)])
    assert (rows[0][1] or "").startswith("abx")
    assert 30_000 == len(rows[0][1] or "")


def test_a_workbook_without_rows_has_its_heading() -> None:
    assert [] == workbook([])[0]


def test_parquet_has_exact_amounts_and_types(tmp_path: Path) -> None:
    """More rows than are inserted at once."""
    (tmp_path / "t.parquet").write_bytes(table_bytes(COLUMNS, ROWS * 250, "parquet", "x"))
    with duckdb.connect() as base:
        base.execute("SET TimeZone = 'UTC'")
        table = base.from_parquet(str(tmp_path / "t.parquet"))
        assert ["TIMESTAMP WITH TIME ZONE", "VARCHAR", "DATE", "DECIMAL(18,2)", "BIGINT"] == [
            str(t) for t in table.types
        ]
        rows = table.fetchall()
    assert 500 == len(rows)
    assert ('Zürich, "quoted" line', date(2026, 10, 31), Decimal("4948.80"), 1) == rows[0][1:]
    assert MOMENT == rows[0][0].astimezone(UTC)
    assert (None, None, Decimal("1234567.05"), None) == rows[1][1:]


def test_parquet_without_rows_has_its_columns(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(table_bytes(COLUMNS, [], "parquet", "x"))
    with duckdb.connect() as base:
        table = base.from_parquet(str(tmp_path / "t.parquet"))
        assert (["at", "name", "day", "usd", "n"], []) == (table.columns, table.fetchall())
