"""What is kept of an executed notebook's cells."""

from __future__ import annotations

from typing import Any

import pytest
from nbformat import NotebookNode, from_dict

from creditbot.notebook_host.outputs import LIMIT, cells, has_scraps, plain
from tests.support.notebooks import code, markdown


def executed(*outputs: dict[str, Any]) -> NotebookNode:
    """A notebook as papermill leaves it: an injected cell, then one cell with these outputs."""
    cell = {**code("source"), "execution_count": 2, "outputs": list(outputs)}
    injected = {**code('looker = "select 1"', "injected-parameters"), "execution_count": 1}
    node: NotebookNode = from_dict({"cells": [markdown("# Title"), injected, cell]})  # type: ignore[no-untyped-call]
    return node


def displayed(**data: object) -> dict[str, Any]:
    """An output in these forms, `_` standing for the slash."""
    return {"output_type": "display_data", "data": {mime.replace("_", "/"): value for mime, value in data.items()}}


@pytest.mark.parametrize(
    ("output", "texts"),
    [
        ({"output_type": "stream", "name": "stdout", "text": "\x1b[31mred\x1b[0m\r\n"}, [("stream", "red\n")]),
        (
            {"output_type": "error", "ename": "KeyError", "evalue": "'x'", "traceback": ["\x1b[0;31mKeyError\x1b[0m"]},
            [("error", "KeyError: 'x'\nKeyError")],
        ),
        (displayed(text_html="<b>1</b>", text_plain="1"), [("text/html", "<b>1</b>"), ("text/plain", "1")]),
        (displayed(image_png="iVBO", text_plain="<Figure>"), [("image/png", "(not kept)"), ("text/plain", "<Figure>")]),
        ({"output_type": "execute_result", "data": {"application/json": {"a": 1}}}, [("application/json", '{"a": 1}')]),
        ({"output_type": "display_data", "data": {"application/scrapbook.scrap.json+json": {}}}, []),
    ],
)
def test_text_is_kept(output: dict[str, Any], texts: list[tuple[str, str]]) -> None:
    """Text is kept without colours; of pictures only that there was one; of scraps nothing, they are read apart."""
    assert texts == cells(executed(output), (1, 2))[-1]["outputs"]


def test_cells_have_the_files_numbers() -> None:
    """The injected cell is not one of the file's; a cell that did not run says so."""
    title, cell = cells(executed(), (1, 5))
    assert (1, "markdown", False) == (title["number"], title["kind"], title["executed"])
    assert (5, "code", True) == (cell["number"], cell["kind"], cell["executed"])


def test_a_long_output_is_cut() -> None:
    """One output cannot fill the memory; how much is missing is said."""
    long = executed({"output_type": "stream", "text": "x" * (LIMIT + 7)})
    outputs: Any = cells(long, (1, 2))[-1]["outputs"]
    ((_, text),) = outputs
    assert text.endswith("x\n(7 more characters not kept)")
    assert len(text) < LIMIT + 100


def test_scraps_are_noticed() -> None:
    """Only a notebook that glued something is read with scrapbook."""
    glued = {"output_type": "display_data", "data": {"application/scrapbook.scrap.text+json": {}}}
    assert has_scraps(executed(glued))
    assert not has_scraps(executed(displayed(text_plain="1"), {"output_type": "stream", "text": "x"}))


def test_control_characters_go() -> None:
    """What could move a terminal's cursor goes; line breaks, tabs and letters stay."""
    assert "a\tb\nçd" == plain("\x1b[2Ja\tb\n\x07ç\x1b[1;31md\x00")
