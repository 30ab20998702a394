"""What a page shows of a notebook, part by part."""

from __future__ import annotations

import pytest

from creditbot.evidence.notebook_view import LONGEST_ALTERNATIVE, MOST_PARTS, PagePart, Room, parts_of
from creditbot.model import Cell
from tests.unit.test_png import png


def room(text: int = 50_000, pictures: int = 50_000) -> Room:
    return Room(text, pictures)


def code(*outputs: tuple[str, str], source: str = "") -> Cell:
    return Cell(3, "code", source, True, outputs)


def kinds(*outputs: tuple[str, str]) -> list[tuple[str, str]]:
    """(kind, text) of what is shown of a cell with these outputs."""
    return [(part.kind, part.text) for part in parts_of([code(*outputs)], room())]


def test_text_tables_and_pictures_are_shown_in_order() -> None:
    parts = kinds(
        ("stream", "155 rows\n"), ("text/html", "<table><tr><td>1</td></tr></table>"), ("image/png", png()),
        ("error", "KeyError: 'day'"),
    )  # fmt: skip
    assert parts == [
        ("text", "155 rows"),
        ("table", ""),
        ("picture", "Picture from cell 3"),
        ("error", "KeyError: 'day'"),
    ]


def test_a_heading_is_a_heading_and_the_words_below_it_are_kept() -> None:
    parts = parts_of([Cell(1, "markdown", "## Flagged *traffic*\n\nAbove the line.")], room())
    assert parts == [PagePart("heading", "Flagged *traffic*", number=1), PagePart("words", "Above the line.", number=1)]


def test_markdown_without_a_heading_is_words() -> None:
    assert parts_of([Cell(1, "markdown", "Just words.")], room()) == [PagePart("words", "Just words.", number=1)]


def test_a_picture_is_described_by_the_heading_above_it() -> None:
    cells = [Cell(1, "markdown", "# Plots"), code(("image/png", png()))]
    assert parts_of(cells, room())[-1].text == "Picture from cell 3, below the heading “Plots”"


def test_a_picture_is_described_by_its_alternative_text() -> None:
    """On one line, and not without end."""
    words = f"A line\nthat rises.     {'x' * 9_000}"
    (part,) = parts_of([code(("image/png", png()), ("text/plain", words))], room())
    assert (part.kind, part.text[:20]) == ("picture", "A line that rises. x")
    assert len(part.text) <= LONGEST_ALTERNATIVE


def test_a_picture_whose_plain_text_says_nothing_is_described_by_its_place() -> None:
    assert kinds(("image/png", png()), ("text/plain", "<Figure size 640x480>")) == [("picture", "Picture from cell 3")]


def test_the_source_of_a_cell_is_shown_as_code() -> None:
    assert parts_of([code(source="show(summary)")], room()) == [PagePart("code", "show(summary)", number=3)]


def test_raw_cells_are_left_out() -> None:
    assert parts_of([Cell(1, "raw", "<b>x</b>")], room()) == []


def test_the_plain_text_of_a_table_or_picture_is_left_out() -> None:
    shown = kinds(
        ("text/html", "<b>1</b>"), ("text/plain", "<Table>"), ("image/png", png()), ("text/plain", "<Figure>")
    )
    assert [kind for kind, _ in shown] == ["text", "picture"]


def test_plain_text_of_its_own_is_shown() -> None:
    assert kinds(("text/plain", "42"), ("text/plain", "43")) == [("text", "42"), ("text", "43")]


@pytest.mark.parametrize(
    "kind", ["image/svg+xml", "application/javascript", "text/markdown", "text/latex", "application/vnd.plotly.v1+json"]
)
def test_other_types_are_named_and_nothing_more(kind: str) -> None:
    """Their plain text, where they have one, is shown."""
    shown = kinds((kind, "<svg onload=alert(1)>"), ("text/plain", "Figure()"))
    assert shown == [("note", f"An output of the type {kind} is not shown."), ("text", "Figure()")]


def test_a_picture_that_cannot_be_drawn_is_mentioned() -> None:
    (kind, text), *_ = kinds(("image/png", "(not kept)"))
    assert kind == "note"
    assert "A picture is not shown" in text


def test_a_picture_without_room_is_mentioned_with_its_size() -> None:
    parts = parts_of([code(("image/png", png()))], room(pictures=10))
    assert [part.kind for part in parts] == ["note"]
    assert "no room" in parts[0].text


def test_a_table_loses_its_last_rows_to_the_room_that_is_left() -> None:
    html = "<table>" + "<tr><td>cell</td></tr>" * 50 + "</table>"
    (part,) = parts_of([code(("text/html", html))], room(text=400))
    assert part.table is not None
    assert (len(part.table.rows), part.table.more_rows) == (11, 39)


def test_a_table_without_room_for_a_row_is_mentioned() -> None:
    (part,) = parts_of([code(("text/html", "<table><tr><td>cell</td></tr></table>"))], room(text=20))
    assert part.kind == "note"


def test_text_without_room_is_mentioned() -> None:
    (part,) = parts_of([code(("stream", "x" * 500))], room(text=100))
    assert part.kind == "note"


def test_room_counts_what_escaping_adds() -> None:
    space = room(text=1_000)
    (part,) = parts_of([code(("stream", "<" * 900))], space)
    assert len(part.text) * 4 < 1_200


def test_an_endless_notebook_is_cut() -> None:
    parts = parts_of([code(*[("stream", "x")] * 1000)], room())
    assert len(parts) == MOST_PARTS + 1
    assert parts[-1].kind == "note"


def test_secrets_and_control_characters_are_taken_out() -> None:
    ((_, text),) = kinds(("stream", "trino://bot:hunter22@host \x1b[31mred\x1b[0m \u202ereversed"))
    assert text == "trino://***@host red reversed"
