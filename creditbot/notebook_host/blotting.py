"""Takes the secrets of a notebook's environment, such as the password in WAREHOUSE_URL, out of what it leaves."""

from __future__ import annotations

from typing import Any

from nbformat import NotebookNode

from creditbot.text.known_secrets import without_known_secrets


def blot(notebook: NotebookNode) -> None:
    """Takes known secrets out of the sources and outputs of an executed notebook, in place."""
    for cell in notebook.cells:
        cell.source = without_known_secrets(cell.source)
        for output in cell.get("outputs", ()):
            for key in {"text", "ename", "evalue", "traceback", "data", "metadata"} & output.keys():
                output[key] = _blotted(output[key])


def _blotted(value: Any) -> Any:
    match value:
        case str():
            return without_known_secrets(value)
        case dict():
            return type(value)({without_known_secrets(key): _blotted(part) for key, part in value.items()})
        case list():
            return [_blotted(part) for part in value]
    return value
