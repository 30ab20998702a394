"""Reads tables with a `credit` column that a notebook shows under a heading "Summary Info".

The cells of an executed notebook come in; rows of text go to `creditbot.credit.amount`, which reads the amounts. Pure.

This is how people write notebooks: a markdown heading, and after it a cell that shows a table, made by pandas or by
hand. Only cells that were executed in this run count. A table is refused if a person could read it differently: if it
is cut off, struck through or hidden, if its rows do not fit its header, or if another table shows other credits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from creditbot.errors import CreditRefused
from creditbot.model import Cell
from creditbot.text.html_tags import BrokenTag, Tag, html_parts

Row: TypeAlias = dict[str, str]
"""Column -> text, as the notebook shows it; columns in lower case."""
Table: TypeAlias = list[Row]

HEADING = "Summary Info"

_HEADING_TEXT = re.compile(r"summary[\s_-]+info\b", re.IGNORECASE)
_MARKDOWN_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]*([^#\s].*)")
_HTML_HEADING = re.compile(r"\s*<h([1-6])\b[^>]*>(.*)", re.IGNORECASE)
_BOLD_LINE = re.compile(r"\s*(?:\*\*|__|<b>|<strong>)\s*([^*_<>]+?)\s*(?:\*\*|__|</b>|</strong>):?\s*", re.IGNORECASE)
_BOLD_LEVEL = 7
_UNDERLINE = re.compile(r" {0,3}(=+|-+)\s*")
_FENCE = re.compile(r" {0,3}(?:```|~~~)")
_SIZE = re.compile(r"(\d{1,9}) rows (?:x|\N{MULTIPLICATION SIGN}) \d+ columns")
_ELLIPSES = frozenset({"..", "..."})
_WORD = re.compile(r"\S+")
_GAP = re.compile(r" {2,}|\t+")
_RULE = re.compile(r"\s*[-=]{2,}(?:\s+[-=]{2,})*\s*")
_DIGIT = re.compile(r"\d")
_CURRENCY = r"(?:(?<![a-z])(?:AUD|BRL|CAD|CHF|CNY|EUR|GBP|INR|JPY|MXN|euros?|pounds?)(?![a-z])|[€£¥₹])"
_OTHER_CURRENCY = re.compile(_CURRENCY, re.IGNORECASE)
_SAYS_OTHER_CURRENCY = re.compile(rf"(?:\bin|\bcurrency\W{{0,3}}(?:is)?)\s{{0,3}}{_CURRENCY}", re.IGNORECASE)
_CREDIT_IN_USD = re.compile(r"credit(?:[ _]amount)?(?:,?[ _]*[(\[]?(?:in )?(?:usd|us\$|\$)[)\]]?)?")
_FORMATTED_WITH_ONE_PLACE = re.compile(r".*[$,].*\.\d\b.*|.*\.\d\s*usd\s*", re.IGNORECASE)
_ROUNDS = re.compile(
    r"precision|float_format|\.1f"
    # to one place, to none or to tens: of the credit, or of a whole table
    r"|^(?=.*credit|[^\[\"'\n]*$).*round\((?:[^()\n]*,)?\s*(?!\s*(?:decimals\s*=\s*)?[2-9])[^(),\n]*\)",
    re.MULTILINE,
)
_PRINTED = frozenset({"text/plain", "stream"})
_SAID = _PRINTED | {"text/markdown", "text/html"}
_TODO = "Show one table with plain amounts there; or glue a scrap named credit."


def summary_tables(cells: Sequence[Cell]) -> list[Table]:
    """The tables with a `credit` column under the heading, one of each that shows the same credits.

    Raises `CreditRefused` for a table that is cut off, or that cannot be read with certainty.
    """
    tables: list[Table] = []
    others = any(_OTHER_CURRENCY.search(title) for title in _titles(cells))
    for cell in under_heading(cells):
        unseen = _plain_twins(cell.outputs)
        for number, (kind, text) in enumerate(cell.outputs):
            others |= kind in _SAID and _SAYS_OTHER_CURRENCY.search(text) is not None
            if kind == "text/html":
                others |= _has_other_currency(text)
                tables += _checked(text, html_tables(text), unreadable=has_unreadable_html(text))
            elif kind in _PRINTED and number not in unseen:
                tables += _checked(text, list(printed_tables(text)), unreadable=has_unreadable_print(text))
            elif kind == "text/markdown":
                tables += _checked(text, [], unreadable=any(map(_looks_like_credits, _blocks(text))))
    if tables and others:
        raise CreditRefused(f"A table under {HEADING!r} has a credit in another currency.", _TODO)
    _check_places(cells, tables)
    different: list[Table] = []
    for table in tables:
        if all(_credits(table) != _credits(other) for other in different):
            different.append(table)
    return different


def _check_places(cells: Sequence[Cell], tables: Sequence[Table]) -> None:
    """Raises `CreditRefused` if a credit has one place because a format rounds, and not because it ends in a zero."""
    credits_ = [row["credit"] for table in tables for row in table]
    rounds = any(_ROUNDS.search(cell.source) for cell in cells)
    one_place = re.compile(r"\D*[\d,]+\.\d") if rounds else _FORMATTED_WITH_ONE_PLACE
    if any(one_place.fullmatch(credit) for credit in credits_):
        raise CreditRefused(f"The table under {HEADING!r} shows a credit without its cents.", _TODO)


def _plain_twins(outputs: Sequence[tuple[str, str]]) -> set[int]:
    """Which outputs are plain text that nobody sees: that of a table which is shown as HTML.

    IPython puts the plain text of an object in front of its HTML, others behind it.
    """
    twins = set[int]()
    for number, (kind, text) in enumerate(outputs):
        if kind != "text/html" or not any(_names_credit(shown.lines) for shown in _parsed(text)):
            continue
        beside = (other for other in (number - 1, number + 1) if 0 <= other < len(outputs) and other not in twins)
        twin = next((other for other in beside if outputs[other][0] == "text/plain"), None)
        if twin is not None:
            twins.add(twin)
    return twins


def _checked(text: str, tables: Sequence[Table], *, unreadable: bool) -> list[Table]:
    if unreadable:
        raise CreditRefused(f"A table under {HEADING!r} cannot be read with certainty.", _TODO)
    with_credit = [table for table in tables if "credit" in table[0]]
    for table in with_credit:
        _check_whole(text, table)
    return with_credit


def _credits(table: Table) -> list[str]:
    """The credits of a table, sorted and in one notation, to compare it with others."""
    numbers = ("".join(re.findall(r"[\d.()-]", row["credit"])) for row in table)
    return sorted(number.rstrip("0").rstrip(".") if "." in number else number for number in numbers)


def _check_whole(text: str, table: Table) -> None:
    size = _SIZE.search(text)  # pandas prints the size of a table that it cuts off
    cells = [cell for row in table for pair in row.items() for cell in pair]
    if (size and int(size[1]) != len(table)) or not _ELLIPSES.isdisjoint(cells):
        raise CreditRefused(
            f"The table under {HEADING!r} is cut off.",
            "Raise pandas' display.max_rows and max_columns in the notebook.",
        )
    if not all("." in row["credit"] or not _DIGIT.search(row["credit"]) for row in table):
        raise CreditRefused(f"The table under {HEADING!r} shows a credit without its cents.", _TODO)


def under_heading(cells: Sequence[Cell]) -> Iterator[Cell]:
    """The executed code cells, from the heading to the next heading of its level or above."""
    level = 0
    for cell in cells:
        if cell.kind != "markdown":
            if level and cell.executed:
                yield cell
            continue
        for depth, title in _headings(cell.source):
            if _HEADING_TEXT.search(title):
                level = depth
            elif depth <= level:
                level = 0


def _titles(cells: Sequence[Cell]) -> Iterator[str]:
    """The headings "Summary Info", as the notebook has them."""
    titles = (title for cell in cells if cell.kind == "markdown" for _, title in _headings(cell.source))
    return (title for title in titles if _HEADING_TEXT.search(title))


def _headings(markdown: str) -> Iterator[tuple[int, str]]:
    """(level, text) of each heading. Lines in code blocks do not count."""
    fenced, before = False, ""
    for line in markdown.splitlines():
        if _FENCE.match(line):
            fenced, line = not fenced, ""  # noqa: PLW2901 - no underline may refer to it
        elif fenced:
            continue
        elif match := _MARKDOWN_HEADING.match(line):
            yield len(match[1]), match[2]
        elif match := _HTML_HEADING.match(line):
            yield int(match[1]), match[2]
        elif match := _BOLD_LINE.fullmatch(line):
            yield _BOLD_LEVEL, match[1]
        elif before.strip() and (match := _UNDERLINE.fullmatch(line)):
            yield 1 if "=" in match[1] else 2, before
        before = line


def html_tables(html: str) -> list[Table]:
    """The tables in an HTML text that are closed and whose rows are as wide as their header."""
    return [table for shown in _parsed(html) if not shown.doubtful and (table := _html_table(shown.lines))]


def has_unreadable_html(html: str) -> bool:
    """Whether the text has a table with a credit that a person may read differently from `html_tables`."""
    tables = [shown for shown in _parsed(html) if _names_credit(shown.lines)]
    return any(shown.doubtful or not _html_table(shown.lines) for shown in tables)


def _has_other_currency(html: str) -> bool:
    """Whether a table has a column such as "Credit (EUR)"."""
    cells = (cell.strip() for shown in _parsed(html) for _, cells in shown.lines for cell in cells)
    return any(cell.casefold().startswith("credit") and _OTHER_CURRENCY.search(cell) for cell in cells)


def _parsed(html: str) -> list[_Shown]:
    reader = _TableReader()
    for part in html_parts(html):
        if isinstance(part, BrokenTag):
            reader.broken = True
        elif isinstance(part, Tag):
            reader.end(part.name) if part.closing else reader.begin(part)
        else:
            reader.add(part)
    return reader.result()


def _names_credit(lines: Sequence[tuple[bool, list[str]]]) -> bool:
    """Whether the table has a column of credits, with something in it."""
    has_credit = any(_column(cell) == "credit" for _, cells in lines for cell in cells)
    return has_credit and any(_DIGIT.search(cell) for _, cells in lines for cell in cells)


def _html_table(lines: Sequence[tuple[bool, list[str]]]) -> Table:
    head = [cells for in_head, cells in lines if in_head] or [cells for _, cells in lines[:1]]
    rows = [cells for _, cells in lines[len(head) :]]
    # pandas writes the name of an index on a second header line, where the first one is blank.
    header = [next((text for text in column if text.strip()), "") for column in zip(*head, strict=False)]
    return _table(header, rows)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    names = [_column(name) for name in header]
    if any(len(row) != len(header) for row in rows) or names.count("credit") > 1:
        return []
    return [{name: _flat(text) for name, text in zip(names, row, strict=True) if name} for row in rows]


def _column(name: str) -> str:
    """The name of a column: in lower case, and "credit" also for "Credit (USD)"."""
    flat = _flat(name).casefold()
    return "credit" if _CREDIT_IN_USD.fullmatch(flat) else flat


def _flat(text: str) -> str:
    return " ".join(text.split())


@dataclass(slots=True)
class _Shown:
    """A table in HTML.

    Attributes:
        lines: whether each line stands in the head, and its cells.
        doubtful: whether a person sees something else than its text: a part is hidden, struck through or raised.
    """

    lines: list[tuple[bool, list[str]]] = field(default_factory=list)
    doubtful: bool = False


_DOUBTFUL_TAGS = frozenset({"bdo", "del", "ruby", "s", "select", "strike", "sub", "sup", "textarea"})
_ZERO = r"(?:0?\.)?0+(?![.\d])"
_DOUBTFUL_STYLE = re.compile(
    rf"(?<![-\w])(?:display:none|visibility:(?:hidden|collapse)|(?:font-size|opacity|(?:max-)?(?:width|height)):{_ZERO}"
    r"|position:(?:absolute|fixed)|clip(?:-path)?:|transform:|text-indent:-|letter-spacing:-|unicode-bidi:|direction:rtl"
    r"|content:|color:transparent)|line-through"
)
_WHITE = re.compile(r"(?<![-\w])color:(?:white|#fff(?:fff)?)\b")
_BLOCKS = frozenset({
    "blockquote", "br", "dd", "details", "div", "dl", "dt", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p",
    "pre", "section", "summary", "ul",
})  # fmt: skip
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
_UNSEEN = frozenset({"iframe", "noscript", "script", "style", "template", "title"})


class _TableReader:
    """Collects every table.

    Attributes:
        broken: the HTML has something like a tag that does not end, so a browser may show something else.
    """

    def __init__(self) -> None:
        self.broken = False
        self._tables: list[_Shown] = []
        self._sheet_hides = False
        self._shown = _Shown()
        self._open: list[str] = []
        self._hidden_at: int | None = None
        self._in_head = False
        self._in_cell = False

    def begin(self, tag: Tag) -> None:
        """Takes a tag that begins an element."""
        name = tag.name
        if self._hidden_at is None and _is_hidden(tag.attributes):
            self._hidden_at = len(self._open)
        if name not in _VOID:
            self._open.append(name)
        if name == "table":
            self._shown = _Shown()
        elif name in {"thead", "tbody"}:
            self._in_head = name == "thead"
        elif name == "tr":
            self._shown.lines.append((self._in_head, []))
        elif name in {"td", "th"} and self._shown.lines:
            self._shown.lines[-1][1].append("")
            self._in_cell = True
        elif name in _DOUBTFUL_TAGS and self._in_cell:
            self._shown.doubtful = True
        elif name in _BLOCKS:
            self.add(" ")

    def end(self, name: str) -> None:
        """Takes a tag that ends an element."""
        if name in _BLOCKS:
            self.add(" ")
        if name == "table":
            self._tables.append(self._shown)
            self._shown = _Shown()
        elif name == "thead":
            self._in_head = False
        if name in {"table", "tr", "td", "th"}:
            self._in_cell = False
        if name in self._open:
            while self._open.pop() != name:
                pass
            if self._hidden_at is not None and len(self._open) <= self._hidden_at:
                self._hidden_at = None

    def add(self, text: str) -> None:
        """Takes the text between two tags."""
        if "style" in self._open and _DOUBTFUL_STYLE.search(re.sub(r"\s+", "", text.casefold())):
            self._sheet_hides = True  # cells that pandas' Styler hides, perhaps; which, only a browser tells
        says_something = bool(text.strip()) and _UNSEEN.isdisjoint(self._open)
        is_hidden = self._hidden_at is not None and "table" in self._open
        is_other_currency = "caption" in self._open and _OTHER_CURRENCY.search(text)
        is_unseen = self._in_cell and bool(text.strip()) and not says_something
        if is_unseen or (says_something and (is_hidden or is_other_currency)):
            self._shown.doubtful = True
        if self._in_cell and self._shown.lines[-1][1]:
            self._shown.lines[-1][1][-1] += text

    def result(self) -> list[_Shown]:
        """Every table; one that does not end is doubtful."""
        if self._shown.lines:
            self._tables.append(self._shown)
            self._shown.doubtful = True
        for table in self._tables:
            table.doubtful |= self._sheet_hides or self.broken
        return self._tables


def _is_hidden(attributes: Mapping[str, str]) -> bool:
    """Whether an element is invisible or struck through."""
    style = re.sub(r"\s+", "", attributes.get("style", "").casefold())
    is_white = _WHITE.search(style) is not None and "background" not in style
    return "hidden" in attributes or is_white or _DOUBTFUL_STYLE.search(style) is not None


def printed_tables(text: str) -> Iterator[Table]:
    """The printed tables. Blank lines surround each table, and separate the parts of one that pandas wrapped."""
    so_far: Table | None = None
    for block in _blocks(text):
        part = _printed(block)
        if so_far is not None:
            same = len(part) == len(so_far)
            part = [left | right for left, right in zip(so_far, part, strict=True)] if same else []
        wraps = block[0].rstrip().endswith("\\")
        so_far = part if wraps else None
        if part and not wraps:
            yield part


def has_unreadable_print(text: str) -> bool:
    """Whether the text has something like a table with a credit that `printed_tables` cannot read."""
    blocks = [block for block in _blocks(text) if _looks_like_credits(block)]
    return len(blocks) > sum("credit" in table[0] for table in printed_tables(text))


def _looks_like_credits(lines: Sequence[str]) -> bool:
    """Whether a line of names that include "credit" is above a line with a number."""
    names = re.split(r"[\s,;|]+", lines[0].rstrip(" \\").casefold())
    return "credit" in names and not _DIGIT.search(lines[0]) and len(lines) > 1 and bool(_DIGIT.search(lines[-1]))


def _blocks(text: str) -> Iterator[list[str]]:
    for block in re.split(r"\n[^\S\n]*\n", text):
        lines = [line for line in block.splitlines() if line.strip()]
        if lines:
            yield lines


def _printed(lines: Sequence[str]) -> Table:
    """A table with or without a rule below its header."""
    if len(lines) > 1 and _RULE.fullmatch(lines[1]):
        lines = [lines[0], *lines[2:]]
    return _aligned(lines) or _spaced(lines)


def _aligned(lines: Sequence[str]) -> Table:
    """A table as pandas prints it: each value below its name, perhaps with the number of the row in front."""
    header, *rows = [list(_WORD.finditer(line.rstrip(" \\"))) for line in lines]
    index: list[str] = []
    if len(header) > 1 and rows and len(rows[0]) == 1:  # the name of the index, on a line of its own
        index = [rows.pop(0)[0][0]]
    elif rows and len(rows[0]) == len(header) + 1:
        index = [""]
        if not all(len(row) > 1 and _is_apart(row) for row in rows):
            return []
    if not all(_below(*pair) for row in rows for pair in zip(header, row[len(index) :], strict=False)):
        return []
    return _table([*index, *(name[0] for name in header)], [[cell[0] for cell in row] for row in rows])


def _spaced(lines: Sequence[str]) -> Table:
    """A table printed by hand: its columns are separated by two spaces or a tab, and need not be aligned."""
    header, *rows = [_GAP.split(line.strip()) for line in lines]
    return _table(header, rows) if len(header) > 1 and rows else []


def _is_apart(row: Sequence[re.Match[str]]) -> bool:
    """Whether the first number of a line is the number of the row, not the thousands of "4 948.80"."""
    between = row[0].string[row[0].end() : row[1].start()]
    return not between.isspace() or between.count(" ") > 1 or not _DIGIT.match(row[1][0])


def _below(name: re.Match[str], cell: re.Match[str]) -> bool:
    """Whether a cell is printed below its name. If a name contains a space, its parts have other cells below them."""
    return name.start() < cell.end() and cell.start() < name.end()
