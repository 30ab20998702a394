"""Finds what a notebook imports, without running it: packages to load in advance, and Python files in its own folder.

The fork server loads the packages, see kernels.py. The files count as part of the notebook, see preparation.py. A file
counts if a cell names it in an import or in `%run`, or if a file that counts does; of a package, every file counts.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from creditbot.notebook_host.syntax import parse_cell

PRELOADABLE = frozenset(
    {"duckdb", "matplotlib", "numpy", "pandas", "pyarrow", "pydantic", "scrapbook", "sqlalchemy", "sqlglot"}
)
"""Packages whose import starts nothing and depends only on the environment."""

_RUN = re.compile(r"^\s*%run\s+(?:-\S+\s+)*[\"']?([\w./-]+?)(?:\.py)?[\"']?(?:\s|$)", re.MULTILINE)


def modules_to_preload(notebook: str, warehouse: str = "") -> list[str]:
    """The modules of `PRELOADABLE` packages that a notebook and the files beside it import, in their order.

    Empty for a file that is not a notebook: the run will say so.

    Args:
        notebook: its path.
        warehouse: WAREHOUSE_URL. A notebook for any warehouse imports SQLAlchemy, which DuckDB does not need.
    """
    unneeded = "sqlalchemy" if warehouse.startswith("duckdb:") else ""
    path = Path(notebook)
    try:
        content = path.read_bytes()
    except OSError:
        return []
    beside = [file.decode(errors="replace") for file in files_beside(path.parent, content).values()]
    imported = (name for source in [*_sources(content), *beside] for name in _imports(source))
    return list(dict.fromkeys(name for name in imported if name.partition(".")[0] in PRELOADABLE - {unneeded}))


def version_of(notebook: Path, content: bytes) -> dict[str, bytes]:
    """What a notebook is made of: relative path, with "/" -> content; its own file first, then `files_beside`."""
    return {notebook.name: content, **files_beside(notebook.parent, content)}


def hash_of(version: Mapping[str, bytes]) -> str:
    """The hash that tells two versions of a notebook apart: of its own file, if that is all of it.

    Else it is what `sha256sum NOTEBOOK FILE... | sha256sum` prints in the notebook's folder, for the files in the order
    of their paths.
    """
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in version.items()}
    if len(hashes) == 1:
        return next(iter(hashes.values()))
    return hashlib.sha256("".join(f"{sha256}  {name}\n" for name, sha256 in hashes.items()).encode()).hexdigest()


def files_beside(folder: Path, notebook: bytes) -> dict[str, bytes]:
    """The Python files in a notebook's folder that its code cells import, also by way of each other.

    Relative path, with "/" -> content, sorted by path. Files that cannot be read are left out: the run will say so.

    Args:
        folder: where the notebook is.
        notebook: the content of its file.
    """
    files: dict[str, bytes] = {}
    waiting = [name for source in _sources(notebook) for name in _names(source)]
    while waiting:
        for path in _files_of(folder, waiting.pop()):
            name = path.relative_to(folder).as_posix()
            if name not in files:
                with suppress(OSError):
                    files[name] = path.read_bytes()
                    waiting += _names(files[name].decode(errors="replace"))
    return dict(sorted(files.items()))


def imports_of_cells(cells: Iterable[str]) -> list[str]:
    """The modules that code cells import at their top level, in their order: a run cannot do without any of them.

    An import within a function, a condition or a `try` may never happen, or may fail and be caught.
    """
    trees = (parse_cell(cell) for cell in cells)
    statements = (statement for tree in trees if tree for statement in tree.body)
    return list(dict.fromkeys(name for statement in statements for name in _modules_of(statement)))


def _modules_of(statement: ast.stmt) -> list[str]:
    match statement:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=str(module), level=0):
            return [module]
    return []


def _sources(notebook: bytes) -> list[str]:
    """The code cells; none if it is not a notebook. Before format 4 they were in worksheets."""
    try:
        document = json.loads(notebook)
        sheets = document.get("worksheets") or [document]
        cells = [cell for sheet in sheets for cell in sheet["cells"] if cell["cell_type"] == "code"]
        return ["".join(cell.get("source") or cell.get("input") or "") for cell in cells]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


def _files_of(folder: Path, name: str) -> list[Path]:
    """The file of a module, or every Python file of a package."""
    if not name.isidentifier():  # nothing outside of the folder
        return []
    module, package = folder / f"{name}.py", folder / name
    inside = sorted(package.rglob("*.py")) if package.is_dir() else []
    return [module, *inside] if module.is_file() else inside


def _names(source: str) -> Iterator[str]:
    """The first parts of the names that some code imports, and the files that it runs."""
    yield from (name.partition(".")[0] for name in _imports(source))
    yield from (match.partition("/")[0] for match in _RUN.findall(source))


@lru_cache(512)
def _imports(source: str) -> tuple[str, ...]:
    """The full names; remembered, because every run of a notebook asks for the same ones."""
    return tuple(_imports_in(parse_cell(source) or ast.Module([], [])))


def _imports_in(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), names=names, level=0):
                yield module
                yield from (f"{module}.{alias.name}" for alias in names)
            case (
                ast.Call(func=ast.Name(id="__import__" | "import_module"), args=[ast.Constant(value=str(name)), *_])
                | ast.Call(func=ast.Attribute(attr="import_module"), args=[ast.Constant(value=str(name)), *_])
            ):
                yield name
