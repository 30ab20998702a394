"""Takes out of a notebook what breaks the rules of its format and does not matter for a run.

Editors, converters and merges leave such things, saving the notebook again keeps them, and `papermill` runs it all the
same. preparation.py calls it before it validates: what is still wrong then is a reason to refuse the notebook.
"""

from __future__ import annotations

from typing import Any

_FIELDS = {
    "code": {"id", "cell_type", "metadata", "source", "outputs", "execution_count"},
    "markdown": {"id", "cell_type", "metadata", "source", "attachments"},
    "raw": {"id", "cell_type", "metadata", "source", "attachments"},
}
_FREE = {"papermill", "vscode", "colab"}
"""Metadata of cells that is kept. Other keys say how an editor shows the cell: only whether it is folded is kept."""


def tidy(notebook: dict[str, Any]) -> None:
    """Changes a notebook of format 4, as it is in its file, in place. The rest stays as it is."""
    for key in set(notebook) - {"cells", "metadata", "nbformat", "nbformat_minor"}:
        del notebook[key]
    notebook["nbformat_minor"] = min(_number(notebook.get("nbformat_minor")), 5)
    notebook["metadata"] = _metadata(_mapping(notebook.get("metadata")))
    for cell in notebook.get("cells", ()):
        if isinstance(cell, dict) and isinstance(kind := cell.get("cell_type"), str):
            if kind not in _FIELDS:
                cell["cell_type"] = "raw"  # of an extension: nobody runs it
            _tidy_cell(cell)


def _tidy_cell(cell: dict[str, Any]) -> None:
    for key in set(cell) - _FIELDS[cell["cell_type"]]:
        del cell[key]
    if isinstance(source := cell.get("source") or "", list):
        source = "".join(source)
    cell["source"] = source
    metadata = _mapping(cell.get("metadata"))
    cell["metadata"] = {key: value for key, value in metadata.items() if key in _FREE and isinstance(value, dict)}
    if _mapping(metadata.get("jupyter")).get("source_hidden") is True:
        cell["metadata"]["jupyter"] = {"source_hidden": True}
    cell["metadata"]["tags"] = _tags(metadata.get("tags"))
    if not isinstance(cell.get("attachments", {}), dict):
        del cell["attachments"]
    if cell["cell_type"] == "code":
        cell["outputs"], cell["execution_count"] = [], None  # the run makes new ones


def _tags(tags: Any) -> list[str]:
    tags = [tags] if isinstance(tags, str) else tags
    return sorted({tag for tag in tags if isinstance(tag, str)}) if isinstance(tags, list) else []


def _metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    """The metadata with what a notebook says of its kernel and language, as far as that is usable."""
    kernel, language = _mapping(metadata.get("kernelspec")), _mapping(metadata.get("language_info"))
    kept = dict(metadata)
    for key in ("kernelspec", "language_info", "orig_nbformat", "title", "authors"):
        kept.pop(key, None)
    if not isinstance(kept.get("papermill", {}), dict):
        del kept["papermill"]
    if isinstance(name := kernel.get("name"), str):
        texts = {key: value for key, value in kernel.items() if isinstance(value, str)}
        kept["kernelspec"] = {"display_name": name, **texts}
    elif isinstance(kernel.get("language"), str) and not language:
        language = {"name": kernel["language"]}
    if isinstance(language.get("name"), str):
        kept["language_info"] = {"name": language["name"]}
    return kept


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: Any) -> int:
    return value if isinstance(value, int) and value >= 0 else 5
