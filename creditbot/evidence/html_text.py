"""Reads what a notebook shows as HTML into plain text and tables, so that none of its markup reaches a page. Pure.

HTML from a notebook comes in; `notebook_view` puts the parts into a page, which escapes them. Nothing is trusted: a
script, a style, a comment and every attribute but `colspan` and `rowspan` are dropped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from creditbot.text import one_line
from creditbot.text.html_tags import Tag, html_parts

MOST_ROWS = 60
MOST_COLUMNS = 16
LONGEST_CELL = 160
"""Characters of one cell."""
MOST_TABLES = 20

_NUMBER = re.compile(r"[-(\u2212]?(?:US)?\$?-?[\d,]*\.?\d+(?:e[-+]?\d+)?\s?%?\)?", re.IGNORECASE)
_UNSEEN = frozenset({"script", "style", "template", "title", "noscript", "iframe", "object", "svg", "textarea"})
_BREAKS = frozenset({"br", "div", "p", "li", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "tr", "hr"})


@dataclass(frozen=True, slots=True)
class TableCell:
    """One cell of a table.

    Attributes:
        text: on one line, without markup.
        heading: whether it names a row or a column.
        columns, rows: how many of each it covers.
        number: whether it reads best aligned to the right: an amount or a count, or the heading of one.
    """

    text: str
    heading: bool = False
    columns: int = 1
    rows: int = 1
    number: bool = False


@dataclass(slots=True)
class ShownTable:
    """A table as far as a page shows it.

    Attributes:
        rows: at most MOST_ROWS of them, each with at most MOST_COLUMNS cells.
        more_rows: how many rows were left out.
        more_cells: how many cells were left out of the rows that are shown.
    """

    rows: list[list[TableCell]] = field(default_factory=list)
    more_rows: int = 0
    more_cells: int = 0


def read_html(text: str) -> list[str | ShownTable]:
    """The texts and tables of some HTML, in their order; a table inside a table becomes text of its cell."""
    reader = _Reader()
    unseen = ""
    for part in html_parts(text):
        if isinstance(part, Tag):
            if not unseen and part.name in _UNSEEN and not part.closing:
                unseen = part.name
            elif not unseen:
                reader.add_tag(part)
            elif part.closing and part.name == unseen:
                unseen = ""
        elif isinstance(part, str) and not unseen:
            reader.add_text(part)
    return reader.result()


class _Reader:
    """Collects texts and tables."""

    def __init__(self) -> None:
        self._parts: list[str | ShownTable] = []
        self._text: list[str] = []
        self._table: ShownTable | None = None
        self._depth = 0
        self._cell: Tag | None = None
        self._tables = 0

    def add_text(self, text: str) -> None:
        if text and (self._table is None or self._cell is not None):
            self._text.append(text)

    def add_tag(self, tag: Tag) -> None:
        name, closing = tag.name, tag.closing
        if name == "table":
            self._add_table_tag(closing=closing)
        elif self._table is None or self._depth > 1:
            if name in _BREAKS or name in {"td", "th"}:
                self.add_text(" " if self._table else "\n")
        elif name == "tr":
            self._end_cell()
            if not closing:
                self._begin_row()
        elif name in {"td", "th"}:
            self._end_cell()
            if not closing:
                self._cell = tag
        elif name in _BREAKS:
            self.add_text(" ")

    def _add_table_tag(self, *, closing: bool) -> None:
        self._depth = max(0, self._depth - 1) if closing else self._depth + 1
        if closing and self._depth == 0:
            self._end_table()
        elif self._depth == 1 and not closing:
            self._end_text()
            self._table = ShownTable()

    def result(self) -> list[str | ShownTable]:
        """What was collected; a table that does not end is shown as far as it goes."""
        if self._table is not None:
            self._end_table()
        self._end_text()
        return self._parts

    def _begin_row(self) -> None:
        assert self._table
        if len(self._table.rows) < MOST_ROWS:
            self._table.rows.append([])
        else:
            self._table.more_rows += 1

    def _end_cell(self) -> None:
        cell, text = self._cell, "".join(self._text)
        self._cell = None
        self._text.clear()
        if cell is None or self._table is None or self._table.more_rows or not self._table.rows:
            return
        row = self._table.rows[-1]
        if len(row) == MOST_COLUMNS:
            self._table.more_cells += 1
            return
        shown = one_line(text[: 10 * LONGEST_CELL], LONGEST_CELL)
        heading = cell.name == "th"
        columns, rows = _span(cell, "colspan", MOST_COLUMNS), _span(cell, "rowspan", MOST_ROWS)
        is_number = not heading and _NUMBER.fullmatch(shown) is not None
        row.append(TableCell(shown, heading, columns, rows, is_number))

    def _end_table(self) -> None:
        self._end_cell()
        table, self._table, self._depth = self._table, None, 0
        if table is None:
            return
        table.rows = [row for row in table.rows if row]
        if len(table.rows) > 1 and len(table.rows[0]) == len(table.rows[1]):
            pairs = zip(*table.rows[:2], strict=True)
            table.rows[0] = [replace(head, number=head.heading and below.number) for head, below in pairs]
        self._tables += 1
        if table.rows and self._tables <= MOST_TABLES:
            self._parts.append(table)

    def _end_text(self) -> None:
        lines = [" ".join(line.split()) for line in "".join(self._text).splitlines()]
        self._text.clear()
        text = "\n".join(line for line in lines if line)
        if text:
            self._parts.append(text)


def _span(cell: Tag, name: str, most: int) -> int:
    """How many columns or rows a cell covers."""
    digits = cell.attributes.get(name, "").strip()
    return min(max(1, int(digits)), most) if digits.isascii() and digits.isdigit() and len(digits) <= 4 else 1
