"""What the cells of an executed notebook left, in text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from nbformat import NotebookNode

from creditbot.notebook_host.preparing import ADDED_TAGS

LIMIT = 200_000
"""Characters kept of one output; the summary keeps fewer."""

_SCRAPS = ("application/scrapbook.scrap", "application/papermill.record")
_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")


def plain(text: str) -> str:
    """The text without colours and control characters."""
    return _CONTROL.sub("", text)


def numbered(notebook: NotebookNode, numbers: Sequence[int]) -> Iterator[tuple[int, NotebookNode]]:
    """The notebook's cells as its file has them, each with its number there: without those that papermill added."""
    own = (cell for cell in notebook.cells if not ADDED_TAGS & set(cell.metadata.get("tags", ())))
    return zip(numbers, own, strict=True)


def cells(notebook: NotebookNode, numbers: Sequence[int]) -> list[dict[str, object]]:
    """The cells as `model.Cell` takes them."""
    return [
        {
            "number": number,
            "kind": cell.cell_type,
            "source": cell.source,
            "executed": cell.get("execution_count") is not None,
            "outputs": [part for output in cell.get("outputs", ()) for part in _texts(output)],
        }
        for number, cell in numbered(notebook, numbers)
    ]


def _texts(output: NotebookNode) -> Iterator[tuple[str, str]]:
    """(type, text) of an output's text forms; of another form only that there was one."""
    if output.output_type == "stream":
        yield "stream", _cut(plain(output.text))
    elif output.output_type == "error":
        yield "error", _cut(plain("\n".join([f"{output.ename}: {output.evalue}", *output.traceback])))
    else:
        for mime, data in output.data.items():
            if mime.startswith("text/"):
                yield mime, _cut(data)
            elif mime == "application/json":
                yield mime, _cut(json.dumps(data))
            elif not mime.startswith(_SCRAPS):
                yield mime, "(not kept)"


def _cut(text: str) -> str:
    return text if len(text) <= LIMIT else f"{text[:LIMIT]}\n({len(text) - LIMIT} more characters not kept)"


def has_scraps(notebook: NotebookNode) -> bool:
    """Whether something was glued with scrapbook."""
    outputs = (output for cell in notebook.cells for output in cell.get("outputs", ()))
    return any(mime.startswith(_SCRAPS) for output in outputs for mime in output.get("data", ()))
