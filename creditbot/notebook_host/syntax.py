"""Parses the code cells of a notebook, which may contain IPython's own syntax, without running them."""

from __future__ import annotations

import ast
import json
import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PRELOADABLE = frozenset({"duckdb", "matplotlib", "numpy", "pandas", "pyarrow", "pydantic", "scrapbook", "sqlalchemy"})
"""Packages whose import starts nothing and depends only on the environment."""

_RUNS_ITS_BODY = re.compile(r"%%(time|timeit|capture|prun)\b")
"""Cell magics whose body is Python that runs with the notebook's own variables."""

_PARSING = threading.Lock()
"""Python counts how deep a tree is for all threads together, and some versions raise SystemError if two build one."""

_RUN_BY_MAGIC = re.compile(r"%{1,2}(?:time|timeit|prun)\s+(?:-[a-z](?:\s*\d+)?\s+)*(?!-)(.+)")
_ASSIGNED_BY_MAGIC = re.compile(r"([A-Za-z_]\w*)\s*=\s*[%!]")


def parse_cell(source: str) -> ast.Module | None:
    """The syntax tree of a code cell without IPython's lines (`%magic`, `!command`, `help?`); None if it is invalid."""
    for text in (source, _without_magics(source)):
        with suppress(SyntaxError, ValueError), _PARSING:
            return ast.parse(text)
    return None


def _without_magics(source: str) -> str:
    lines = source.lstrip().splitlines()
    while lines and lines[0].startswith("%%"):
        if not _RUNS_ITS_BODY.match(lines[0]):
            return ""
        setup = _RUN_BY_MAGIC.match(lines[0])
        lines[:1] = [setup[1]] if setup else []
    return "\n".join(map(_without_magic, lines))


def _without_magic(line: str) -> str:
    code = line.lstrip()
    indent = line[: len(line) - len(code)]
    if statement := _RUN_BY_MAGIC.match(code):
        return indent + statement[1]
    if assigned := _ASSIGNED_BY_MAGIC.match(code):
        return f"{indent}{assigned[1]} = None"
    return f"{indent}pass" if code.startswith(("%", "!", "?")) or code.endswith("?") else line


def modules_to_preload(notebook: str, warehouse: str = "") -> list[str]:
    """The modules of `PRELOADABLE` packages that a notebook imports, in its order.

    Empty for a file that is not a notebook: the run will say so.

    Args:
        notebook: its path.
        warehouse: WAREHOUSE_URL. A notebook for any warehouse imports SQLAlchemy, which DuckDB does not need.
    """
    unneeded = "sqlalchemy" if warehouse.startswith("duckdb:") else ""
    names = [name for name in _imports(notebook) if name.partition(".")[0] in PRELOADABLE - {unneeded}]
    return list(dict.fromkeys(names))


def _imports(notebook: str) -> Iterator[str]:
    try:
        cells = json.loads(Path(notebook).read_bytes())["cells"]
        sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    for tree in filter(None, map(parse_cell, sources)):
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module
                yield from (f"{node.module}.{alias.name}" for alias in node.names)
