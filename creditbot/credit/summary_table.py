"""Tables with a `credit` column that a notebook shows under a heading "Summary Info".

The cells of a notebook that ran come in; rows of text go to `creditbot.credit.amount`, which reads the amounts. Pure.

What people's notebooks do: a markdown heading, and a cell after it that shows a pandas table. Only cells that ran in
this run count. A table as HTML is preferred to one in print, which pandas may wrap; several like tables are one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from typing import TypeAlias

from typing_extensions import override

from creditbot.errors import CreditRefused
from creditbot.model import Cell

Row: TypeAlias = dict[str, str]
"""Column -> text, as the notebook shows it; columns in lower case."""
Table: TypeAlias = list[Row]

HEADING = "Summary Info"

_MARKDOWN_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*)")
_HTML_HEADING = re.compile(r"\s*<h([1-6])\b[^>]*>(.*)", re.IGNORECASE)
_UNDERLINE = re.compile(r" {0,3}(=+|-+)\s*")
_FENCE = re.compile(r" {0,3}(?:```|~~~)")
_SIZE = re.compile(r"(\d{1,9}) rows (?:x|\N{MULTIPLICATION SIGN}) \d+ columns")
_ELLIPSES = frozenset({"..", "..."})
_WORD = re.compile(r"\S+")
_PRINTED = frozenset({"text/plain", "stream"})


def summary_tables(cells: Sequence[Cell]) -> list[Table]:
    """The different tables with a `credit` column under the heading; those in HTML, or else those in print.

    Raises `CreditRefused` for one that pandas did not show whole.
    """
    outputs = [output for cell in under_heading(cells) for output in cell.outputs]
    shown = [(text, table) for kind, text in outputs if kind == "text/html" for table in html_tables(text)]
    printed = [(text, table) for kind, text in outputs if kind in _PRINTED for table in printed_tables(text)]
    return _different(shown) or _different(printed)


def _different(tables: Sequence[tuple[str, Table]]) -> list[Table]:
    different: list[Table] = []
    for text, table in tables:
        if "credit" in table[0] and table not in different:
            _check_whole(text, table)
            different.append(table)
    return different


def _check_whole(text: str, table: Table) -> None:
    size = _SIZE.search(text)  # pandas tells the size of a table that it cuts
    cells = [cell for row in table for pair in row.items() for cell in pair]
    if (size and int(size[1]) != len(table)) or not _ELLIPSES.isdisjoint(cells):
        raise CreditRefused(
            f"The table under {HEADING!r} is cut off.",
            "Raise pandas' display.max_rows and max_columns in the notebook.",
        )


def under_heading(cells: Sequence[Cell]) -> Iterator[Cell]:
    """The code cells that ran, from the heading to the next one of its level or above."""
    level = 0
    for cell in cells:
        if cell.kind != "markdown":
            if level and cell.executed:
                yield cell
            continue
        for depth, title in _headings(cell.source):
            if HEADING.casefold() in title.casefold():
                level = depth
            elif depth <= level:
                level = 0


def _headings(markdown: str) -> Iterator[tuple[int, str]]:
    """(level, text) of each heading, not of lines in code blocks."""
    fenced, before = False, ""
    for line in markdown.splitlines():
        if _FENCE.match(line):
            fenced, line = not fenced, ""  # noqa: PLW2901 - what follows is under no text
        elif fenced:
            continue
        elif match := _MARKDOWN_HEADING.match(line):
            yield len(match[1]), match[2]
        elif match := _HTML_HEADING.match(line):
            yield int(match[1]), match[2]
        elif before.strip() and (match := _UNDERLINE.fullmatch(line)):
            yield 1 if "=" in match[1] else 2, before
        before = line


def html_tables(html: str) -> list[Table]:
    """The tables of an HTML text that are closed and whose rows are as wide as their header."""
    parser = _TableParser()
    parser.feed(html)
    parser.close()
    return [table for lines in parser.tables if (table := _html_table(lines))]


def _html_table(lines: Sequence[tuple[bool, list[str]]]) -> Table:
    head = [cells for in_head, cells in lines if in_head] or [cells for _, cells in lines[:1]]
    rows = [cells for _, cells in lines[len(head) :]]
    # pandas writes the name of an index on a second header line, where the first one is blank.
    header = [next((text for text in column if text.strip()), "") for column in zip(*head, strict=False)]
    return _table(header, rows)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    names = [_flat(name).casefold() for name in header]
    if any(len(row) != len(header) for row in rows) or names.count("credit") > 1:
        return []
    return [{name: _flat(text) for name, text in zip(names, row, strict=True) if name} for row in rows]


def _flat(text: str) -> str:
    return " ".join(text.split())


class _TableParser(HTMLParser):
    """Collects the lines of every closed table: whether it stands in the head, and its cells."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[list[tuple[bool, list[str]]]] = []
        self._lines: list[tuple[bool, list[str]]] = []
        self._in_head = False
        self._in_cell = False

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self._lines = []
        elif tag in {"thead", "tbody"}:
            self._in_head = tag == "thead"
        elif tag == "tr":
            self._lines.append((self._in_head, []))
        elif tag in {"td", "th"} and self._lines:
            self._lines[-1][1].append("")
            self._in_cell = True

    @override
    def handle_endtag(self, tag: str) -> None:
        if tag == "table":
            self.tables.append(self._lines)
            self._lines = []
        elif tag == "thead":
            self._in_head = False
        if tag in {"table", "tr", "td", "th"}:
            self._in_cell = False

    @override
    def handle_data(self, data: str) -> None:
        if self._in_cell and self._lines[-1][1]:
            self._lines[-1][1][-1] += data


def printed_tables(text: str) -> Iterator[Table]:
    """The tables that pandas printed; blank lines stand around each and between the parts of a wrapped one."""
    so_far: Table | None = None
    for block in re.split(r"\n[^\S\n]*\n", text):
        lines = [line for line in block.splitlines() if line.strip()]
        part = _printed(lines)
        if so_far is not None:
            same = len(part) == len(so_far)
            part = [left | right for left, right in zip(so_far, part, strict=True)] if same else []
        wraps = bool(lines) and lines[0].rstrip().endswith("\\")
        so_far = part if wraps else None
        if part and not wraps:
            yield part


def _printed(lines: Sequence[str]) -> Table:
    header, *rows = [list(_WORD.finditer(line.rstrip(" \\"))) for line in lines] or [[]]
    index: list[str] = []
    if len(header) > 1 and rows and len(rows[0]) == 1:  # the name of the index, on a line of its own
        index = [rows.pop(0)[0][0]]
    elif rows and len(rows[0]) == len(header) + 1:
        index = [""]
    if not all(_below(*pair) for row in rows for pair in zip(header, row[len(index) :], strict=False)):
        return []
    return _table([*index, *(name[0] for name in header)], [[cell[0] for cell in row] for row in rows])


def _below(name: re.Match[str], cell: re.Match[str]) -> bool:
    """Whether a cell stands below its name; where a name has a space in it, others stand below its parts."""
    return name.start() < cell.end() and cell.start() < name.end()
