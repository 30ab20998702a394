"""Reads the cells of an executed notebook: their source, and their outputs as text, for `model.Cell`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from copy import copy

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook, new_output

from creditbot.model import Cell
from creditbot.notebook_host.preparation import ADDED_TAGS
from creditbot.text import printable

PICTURE_LIMIT = 400_000
"""Characters of a picture in base64; a larger one is only mentioned."""
LIMIT = 200_000
"""Characters that are kept of one output. The summary keeps fewer."""

_RECORD = "application/papermill.record"
_SCRAPS = ("application/scrapbook.scrap", _RECORD)
"""How MIME types of scraps begin: scrapbook's, and those that papermill wrote before there was scrapbook."""


def cells_with_numbers(notebook: NotebookNode, numbers: Sequence[int]) -> Iterator[tuple[int, NotebookNode]]:
    """The cells of the notebook's file with their numbers in it. The cells that papermill added are left out."""
    own = (cell for cell in notebook.cells if not ADDED_TAGS & set(cell.metadata.get("tags", ())))
    return zip(numbers, own, strict=True)


def read_cells(notebook: NotebookNode, numbers: Sequence[int]) -> tuple[Cell, ...]:
    """Every cell of the notebook's file; `numbers` are their numbers in it."""
    return tuple(
        Cell(
            number=number,
            kind=cell.cell_type,
            source=cell.source,
            executed=cell.get("execution_count") is not None,
            outputs=tuple(text for output in cell.get("outputs", ()) for text in _texts(output)),
        )
        for number, cell in cells_with_numbers(notebook, numbers)
    )


def _texts(output: NotebookNode) -> Iterator[tuple[str, str]]:
    """(type, text) of each form of an output that is text or a small PNG, the plain text last.

    The plain text of a picture that has an alternative text is that. Another form is only mentioned; scraps are left
    out.
    """
    if output.output_type == "stream":
        yield "stream", _cut(printable(output.text))
    elif output.output_type == "error":
        yield "error", _cut(printable("\n".join([f"{output.ename}: {output.evalue}", *output.traceback])))
    else:
        forms = dict(output.data)
        alternative = output.get("metadata", {}).get("image/png", {})
        if "image/png" in forms and isinstance(alternative, dict) and isinstance(alternative.get("alt"), str):
            forms["text/plain"] = alternative["alt"]
        for mime, data in sorted(forms.items(), key=lambda form: form[0] == "text/plain"):
            if mime == "image/png" and isinstance(data, str) and len(data) <= PICTURE_LIMIT:
                yield mime, data
            elif mime.startswith("text/"):
                yield mime, _cut(data)
            elif mime == "application/json":
                yield mime, _cut(json.dumps(data))
            elif not mime.startswith(_SCRAPS):
                yield mime, "(not kept)"


def _cut(text: str) -> str:
    return text if len(text) <= LIMIT else f"{text[:LIMIT]}\n({len(text) - LIMIT} more characters not kept)"


def cut_streams(notebook: NotebookNode) -> None:
    """Cuts what the cells printed to LIMIT characters an output, in place. In a file each may take ten bytes."""
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if output.output_type == "stream":
                output.text = _cut(output.text)


def outline_of(notebook: NotebookNode) -> NotebookNode:
    """The notebook with copies of its cells, and with no outputs but the beginnings of errors."""
    outline = copy(notebook)
    outline.cells = [copy(cell) for cell in notebook.cells]
    for cell in outline.cells:
        errors = [output for output in cell.get("outputs", ()) if output.output_type == "error"]
        short = [{"ename": error.ename[:LIMIT], "evalue": error.evalue[:LIMIT]} for error in errors]
        if "outputs" in cell:
            cell.outputs = [new_output("error", **error) for error in short]  # type: ignore[no-untyped-call]
    return outline


def scraps_in(data: object) -> Iterator[tuple[str, object]]:
    """(name, value as it is encoded) of each scrap in the data of one message, whatever that is."""
    if not isinstance(data, dict):
        return
    for mime, payload in data.items():
        if not mime.startswith(_SCRAPS) or not isinstance(payload, dict):
            continue
        if mime.startswith(_RECORD):
            yield from payload.items()
        elif isinstance(name := payload.get("name"), str):
            yield name, payload.get("data")


def scraps_of(notebook: NotebookNode) -> NotebookNode | None:
    """A notebook with the scraps that this one glued and nothing else; None if it glued nothing.

    The rest may be large, and takes many times its size in a reader's memory.
    """
    datas = [
        {mime: value for mime, value in output.get("data", {}).items() if mime.startswith(_SCRAPS)}
        for cell in notebook.cells
        for output in cell.get("outputs", ())
    ]
    outputs = [new_output("display_data", data) for data in datas if data]  # type: ignore[no-untyped-call]
    if not outputs:
        return None
    cell = new_code_cell(outputs=outputs)  # type: ignore[no-untyped-call]
    only: NotebookNode = new_notebook(cells=[cell])  # type: ignore[no-untyped-call]
    return only
