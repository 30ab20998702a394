"""Turns the cells of an executed notebook into the few kinds of parts that a page shows. Pure.

Cells come from a `NotebookRun`; the parts go to `page`, whose template escapes every text in them. A page shows texts,
tables that `html_text` reads out of text/html, and PNG pictures. For anything else that a notebook displays (SVG,
JavaScript, widgets, Markdown, ...) the page names only its type.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from markupsafe import escape

from creditbot.evidence.html_text import ShownTable, read_html
from creditbot.evidence.png import Picture, read_png
from creditbot.model import Cell
from creditbot.text import one_line, printable, shorten, without_secrets

LONGEST_HTML = 200_000
"""Characters of one HTML output that are read."""
LONGEST_TEXT = 6_000
"""Bytes of one text, table or source on the page."""
LONGEST_ALTERNATIVE = 2_000
"""Characters of the alternative text of a picture."""
MOST_PARTS = 400
"""Parts that one notebook is shown as."""
_CELL_BYTES = 30
"""What the markup around a cell of a table takes."""
_OMITTED = "(The rest is left out: this page has no room for it.)"

Kind = Literal["heading", "words", "text", "error", "code", "table", "picture", "note"]


@dataclass(frozen=True, slots=True)
class PagePart:
    """One piece of a notebook on a page.

    Attributes:
        kind: what it is. `words` are what the analyst wrote below a heading, `text` is what a cell printed, and a
            `note` says what was left out, and why.
        text: the heading, the text, the source or the note; of a picture, its alternative text.
        table: of a table.
        picture: of a picture.
        number: of the cell it comes from.
    """

    kind: Kind
    text: str = ""
    table: ShownTable | None = None
    picture: Picture | None = None
    number: int = 0


class Room:
    """Bytes of HTML that the parts of one notebook may take.

    Args:
        text: for texts, tables and sources.
        pictures: for pictures, in base64.
    """

    def __init__(self, text: int, pictures: int) -> None:
        self._text = text
        self._pictures = pictures

    def for_text(self, text: str, most: int = LONGEST_TEXT) -> str:
        """As much of the text as fits, printable and without secrets; it says what was cut. "" if nothing fits."""
        allowed = min(most, self._text)
        if allowed < 200 and len(text) > allowed:
            return ""
        shown = _cut(text, allowed)
        while (size := html_size(shown)) > self._text:  # escaping makes it longer
            allowed = allowed // 2
            shown = _cut(text, allowed)
        self._text -= size
        return shown

    def takes_table(self, table: ShownTable) -> bool:
        """Whether the table fits; then it counts. Its last rows are left out until it does."""
        sizes = [sum(html_size(cell.text) + _CELL_BYTES for cell in row) for row in table.rows]
        while len(sizes) > 1 and sum(sizes) > self._text:
            sizes.pop()
            table.rows.pop()
            table.more_rows += 1
        if sum(sizes) > self._text:
            return False
        self._text -= sum(sizes)
        return True

    def takes_picture(self, picture: Picture) -> bool:
        """Whether the picture fits; then it counts."""
        if len(picture.data) > self._pictures:
            return False
        self._pictures -= len(picture.data)
        return True


def _cut(text: str, limit: int) -> str:
    """As `shorten`, but without reading megabytes that are not shown."""
    most = 2 * limit + 1_000
    if len(text) <= most:
        return shorten(text, limit)
    start = without_secrets(printable(text[:most])).encode()[:limit].decode(errors="ignore")
    return f"{start}… ({len(text) - len(start):,} characters more)"


def html_size(text: str) -> int:
    """Bytes that a text takes in HTML."""
    return len(escape(text).encode())


def parts_of(cells: Sequence[Cell], room: Room) -> list[PagePart]:
    """What a page shows of a notebook, in the notebook's order."""
    parts: list[PagePart] = []
    heading = ""
    for cell in cells:
        for part in _parts_of_cell(cell, heading, room):
            if len(parts) == MOST_PARTS:
                return [*parts, PagePart("note", _OMITTED, number=cell.number)]
            heading = part.text if part.kind == "heading" else heading
            parts.append(part)
    return parts


def _parts_of_cell(cell: Cell, heading: str, room: Room) -> Iterator[PagePart]:
    if cell.kind == "markdown":
        yield from _markdown(cell, room)
        return
    if cell.kind != "code":
        return
    if cell.source.strip():
        source = room.for_text(cell.source)
        yield PagePart("code", source, number=cell.number) if source else PagePart("note", _OMITTED, number=cell.number)
    for kind, text, plain in _seen(cell.outputs):
        if kind == "image/png":
            yield _picture(cell.number, text, _alternative(cell.number, plain, heading), room)
        else:
            yield from _output(cell.number, kind, text, room)


def _markdown(cell: Cell, room: Room) -> Iterator[PagePart]:
    """A heading is a heading; the text below is shown as it was typed."""
    first, _, rest = cell.source.strip().partition("\n")
    if first.startswith("#"):
        yield PagePart("heading", room.for_text(one_line(first.lstrip("#"), 200)), number=cell.number)
    else:
        rest = f"{first}\n{rest}"
    if rest.strip() and (text := room.for_text(rest.strip())):
        yield PagePart("words", text, number=cell.number)


def _seen(outputs: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str, str]]:
    """(type, text, plain text or "") of the outputs.

    The plain text of one that is shown in a better form is not an output of its own: it comes directly after that one.
    """
    richer = False
    for (kind, text), (next_kind, next_text) in pairwise([*outputs, ("", "")]):
        if not (kind == "text/plain" and richer):
            yield kind, text, next_text if next_kind == "text/plain" else ""
        richer = kind in {"text/html", "image/png"} or (richer and kind not in {"text/plain", "stream", "error"})


def _output(number: int, kind: str, text: str, room: Room) -> Iterator[PagePart]:
    if kind in {"stream", "text/plain", "error"}:
        if text.strip():
            shown = room.for_text(text.strip("\n"))
            name: Kind = "error" if kind == "error" else "text"
            yield PagePart(name, shown, number=number) if shown else PagePart("note", _OMITTED, number=number)
    elif kind == "text/html":
        yield from _html(number, text, room)
    else:
        yield PagePart("note", f"An output of the type {one_line(kind, 60)} is not shown.", number=number)


def _html(number: int, text: str, room: Room) -> Iterator[PagePart]:
    for part in read_html(text[:LONGEST_HTML]):
        if isinstance(part, ShownTable):
            fits = room.takes_table(part)
            yield PagePart("table", table=part, number=number) if fits else PagePart("note", _OMITTED, number=number)
        else:
            shown = room.for_text(part)
            yield PagePart("text", shown, number=number) if shown else PagePart("note", _OMITTED, number=number)


def _alternative(number: int, plain: str, heading: str) -> str:
    """What a picture shows, in the notebook's words; else where it comes from: "<Figure size 640x480>" says nothing."""
    if plain.strip() and not plain.lstrip().startswith("<"):
        return plain
    return f"Picture from cell {number}" + (f", below the heading “{heading}”" if heading else "")


def _picture(number: int, text: str, alternative: str, room: Room) -> PagePart:
    picture = read_png(text)
    if picture is None:
        return PagePart("note", "A picture is not shown: it is too large, damaged or not a PNG.", number=number)
    if not room.takes_picture(picture):
        size = len(picture.data) * 3 // 4 // 1024
        return PagePart("note", f"A picture of {size:,} KB is not shown: this page has no room for it.", number=number)
    words = room.for_text(one_line(alternative, LONGEST_ALTERNATIVE))
    return PagePart("picture", words, picture=picture, number=number)
