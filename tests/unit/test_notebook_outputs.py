"""What is read from the cells of an executed notebook."""

from __future__ import annotations

from typing import Any

import pytest
from nbformat import NotebookNode, from_dict

from creditbot.notebook_host.outputs import LIMIT, PICTURE_LIMIT, outline_of, read_cells, scraps_in, scraps_of
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
        (displayed(text_plain="<Figure>", image_png="iVBO"), [("image/png", "iVBO"), ("text/plain", "<Figure>")]),
        (displayed(image_png="x" * (PICTURE_LIMIT + 1)), [("image/png", "(not kept)")]),
        (
            {**displayed(image_png="iVBO", text_plain="<Image>"), "metadata": {"image/png": {"alt": "A line."}}},
            [("image/png", "iVBO"), ("text/plain", "A line.")],
        ),
        ({**displayed(image_png="iVBO"), "metadata": {"image/png": {"alt": 5}}}, [("image/png", "iVBO")]),
        ({**displayed(image_png="iVBO"), "metadata": {"image/png": 5}}, [("image/png", "iVBO")]),
        (displayed(image_svg="<svg/>"), [("image/svg", "(not kept)")]),
        ({"output_type": "execute_result", "data": {"application/json": {"a": 1}}}, [("application/json", '{"a": 1}')]),
        ({"output_type": "display_data", "data": {"application/scrapbook.scrap.json+json": {}}}, []),
    ],
)
def test_outputs_are_read_as_text(output: dict[str, Any], texts: list[tuple[str, str]]) -> None:
    """Text is read without colours, its plain form last, and PNGs as they are.

    Other and huge pictures are only mentioned, and scraps are left out: they are read elsewhere.
    """
    assert tuple(texts) == read_cells(executed(output), (1, 2))[-1].outputs


def test_cells_have_the_numbers_of_the_file() -> None:
    """The cell that papermill injected is not in the file."""
    assert [1, 5] == [cell.number for cell in read_cells(executed(), (1, 5))]


def test_only_cells_that_ran_count_as_executed() -> None:
    assert [False, True] == [cell.executed for cell in read_cells(executed(), (1, 5))]


def test_a_long_output_is_cut_and_says_so() -> None:
    """One output cannot fill the memory."""
    long = executed({"output_type": "stream", "text": "x" * (LIMIT + 7)})
    assert (("stream", f"{'x' * LIMIT}\n(7 more characters not kept)"),) == read_cells(long, (1, 2))[-1].outputs


def test_an_outline_has_the_beginnings_of_errors_only() -> None:
    """And it leaves the notebook itself as it is."""
    error = {"output_type": "error", "ename": "KeyError", "evalue": "x" * (LIMIT + 7), "traceback": ["long"]}
    notebook = executed({"output_type": "stream", "text": "x"}, error)
    outputs = [output for cell in outline_of(notebook).cells for output in cell.get("outputs", ())]
    assert [("KeyError", "x" * LIMIT)] == [(output.ename, output.evalue) for output in outputs]
    assert 2 == len(notebook.cells[-1].outputs)


def test_scraps_are_taken_out_of_a_large_notebook() -> None:
    """The rest takes many times its size in the memory of whoever reads it."""
    scrap = {"name": "credit", "data": 5, "encoder": "json", "version": 1}
    glued = {
        "output_type": "display_data", "data": {"application/scrapbook.scrap.json+json": scrap, "text/plain": "x"}
    }  # fmt: skip
    notebook = scraps_of(executed(displayed(text_plain="1"), glued, {"output_type": "stream", "text": "x"}))
    assert notebook is not None
    outputs = [output for cell in notebook.cells for output in cell.outputs]
    assert [{"application/scrapbook.scrap.json+json": scrap}] == [output.data for output in outputs]


def test_a_notebook_that_glued_nothing_has_no_scraps() -> None:
    """Scrapbook is started only for one that did."""
    assert scraps_of(executed(displayed(text_plain="1"), {"output_type": "stream", "text": "x"})) is None


@pytest.mark.parametrize(
    ("data", "scraps"),
    [
        ({"application/scrapbook.scrap.json+json": {"name": "credit", "data": [5]}}, [("credit", [5])]),
        ({"application/papermill.record+json": {"credit": 5, "rows": 1}}, [("credit", 5), ("rows", 1)]),
        ({"application/scrapbook.scrap.json+json": {"data": 5}}, []),
        ({"application/scrapbook.scrap.json+json": "no scrap"}, []),
        ({"text/plain": "5"}, []),
        (["application/scrapbook.scrap.json+json"], []),
        (None, []),
    ],
)
def test_scraps_are_noticed_in_the_data_of_a_message(data: object, scraps: list[tuple[str, object]]) -> None:
    assert scraps == list(scraps_in(data))
