"""Writes and reads notebook files for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

PYTHON = {"name": "python3", "display_name": "Python 3", "language": "python"}

Cell = dict[str, Any]


def code(source: str, *tags: str) -> Cell:
    """A code cell that was not executed."""
    return {**_cell("code", source, *tags), "outputs": [], "execution_count": None}


def markdown(source: str) -> Cell:
    """A markdown cell."""
    return _cell("markdown", source)


def _cell(kind: str, source: str, *tags: str) -> Cell:
    return {"cell_type": kind, "metadata": {"tags": list(tags)}, "source": source}


def write_notebook(path: Path, *cells: Cell, minor: int = 4, **metadata: Any) -> Path:
    """Writes a Python notebook, or one with this metadata."""
    metadata = metadata or {"kernelspec": PYTHON}
    document = {"nbformat": 4, "nbformat_minor": minor, "metadata": metadata, "cells": cells}
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def cells_of(path: Path) -> list[Cell]:
    """The cells of a notebook file, each text in one piece."""
    cells: list[Cell] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [{**cell, "source": "".join(cell["source"])} for cell in cells]
