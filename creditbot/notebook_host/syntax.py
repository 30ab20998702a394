"""Parses the code cells of a notebook, which may contain IPython's own syntax, without running them."""

from __future__ import annotations

import ast
import re
import threading
from contextlib import suppress

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
