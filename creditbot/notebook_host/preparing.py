"""What has to be true of a notebook before it is run, and the copy that is run.

A notebook takes the SQL in a parameter named `looker`: a cell that sets it to a fixed text, `looker = ""`. papermill
injects after the cell tagged "parameters" and, without the tag, above everything, where the fixed text would win: so
the copy has the tag on that very cell.
"""

from __future__ import annotations

import ast
import hashlib
import secrets
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager, NoSuchKernel
from nbformat import NotebookNode

from creditbot.errors import Refused
from creditbot.notebook_host.syntax import parsed

PARAMETER = "looker"
PARAMETERS_TAG = "parameters"
ADDED_TAGS = frozenset({"injected-parameters", "papermill-error-cell-tag"})
"""On the cells that papermill adds; a notebook it executed once has them in its file."""

_OURS, _PYTHON = "python3", "python"
_OWN_PYTHON = {"python", "python3", f"python{sys.version_info[0]}.{sys.version_info[1]}", sys.executable}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A notebook that can be run.

    Attributes:
        path: its file.
        sha256: of the file as it was read.
        notebook: the copy that is run.
        numbers: for each cell of the copy its 1-based number in the file.
        command: the kernel it names, where that is another than ours, with "{connection_file}"; empty for ours.
        notes: what a person may want to know, one sentence each.
    """

    path: Path
    sha256: str
    notebook: NotebookNode
    numbers: tuple[int, ...]
    command: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def prepare(path: Path) -> Prepared:
    """Reads a notebook and makes the copy that is run. Raises `Refused` if it cannot be run at all."""
    data = _read(path)
    notebook = _notebook(path, data)
    numbered = [(number, cell) for number, cell in enumerate(notebook.cells, 1) if not _tags(cell) & ADDED_TAGS]
    notebook.cells = [cell for _, cell in numbered]
    _tag_parameter(path, notebook)
    command, notes = _kernel(path, notebook)
    return Prepared(
        path=path,
        sha256=hashlib.sha256(data).hexdigest(),
        notebook=notebook,
        numbers=tuple(number for number, _ in numbered),
        command=command,
        notes=notes,
    )


def _unusable(path: Path, what: str, todo: str) -> Refused:
    """A cause that every request of the product shares: requests wait until the notebook is mended."""
    return Refused(f"the notebook {path.name}", what, todo)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise _unusable(path, f"The notebook {path} does not exist.", "Check the path in the settings.") from None
    except OSError as error:
        raise _unusable(path, f"The notebook {path} cannot be read: {error.strerror}.", "Check its rights.") from None


def _notebook(path: Path, data: bytes) -> NotebookNode:
    try:
        notebook: NotebookNode = nbformat.convert(nbformat.reader.reads(data.decode()), 4)  # type: ignore[no-untyped-call]
        notebook = nbformat.v4.upgrade(notebook)  # type: ignore[no-untyped-call]
        _give_ids(notebook)
        nbformat.validate(notebook)
    except (ValueError, TypeError, KeyError, AttributeError, nbformat.ValidationError) as error:
        reason = str(error).strip().partition("\n")[0][:200].rstrip(".")
        todo = "Open it in Jupyter and save it again."
        raise _unusable(path, f"The notebook {path} is not a valid notebook: {reason}.", todo) from None
    return notebook


def _give_ids(notebook: NotebookNode) -> None:
    """Gives a cell an id of its own where the tool that wrote the file did not; nbformat only warns."""
    used = {None}
    for cell in notebook.cells:
        if cell.get("id") in used:
            cell["id"] = secrets.token_hex(4)
        used.add(cell["id"])


def _tags(cell: NotebookNode) -> set[str]:
    return set(cell.metadata.get("tags", ()))


def _tag_parameter(path: Path, notebook: NotebookNode) -> None:
    """Leaves the tag "parameters" on the one cell that sets the parameter."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    fixed = [cell for cell in code if _fixes_parameter(cell.source)]
    setting = [cell for cell in code if PARAMETERS_TAG in _tags(cell) and _sets_parameter(cell.source)] or fixed
    if not setting:
        raise _unusable(
            path,
            f"The notebook {path} has no parameter named {PARAMETER}.",
            f'Add a code cell `{PARAMETER} = ""` above the first that uses it, with the tag "{PARAMETERS_TAG}".',
        )
    if any(cell is not setting[0] for cell in [*setting, *fixed]):
        raise _unusable(
            path,
            f"The notebook {path} sets {PARAMETER} in more than one cell: the last would replace the SQL.",
            f"Keep one of them, above the first cell that uses {PARAMETER}.",
        )
    for cell in notebook.cells:
        cell.metadata["tags"] = sorted(_tags(cell) - {PARAMETERS_TAG})
    setting[0].metadata["tags"].append(PARAMETERS_TAG)


def _sets_parameter(source: str) -> bool:
    tree = parsed(source)
    names = (node for node in ast.walk(tree) if isinstance(node, ast.Name)) if tree else ()
    return any(name.id == PARAMETER and isinstance(name.ctx, ast.Store) for name in names)


def _fixes_parameter(source: str) -> bool:
    """Whether a cell sets the parameter, at its top level, to a text that does not depend on what it was."""
    tree = parsed(source)
    return tree is not None and any(PARAMETER in _fixed_names(statement) for statement in tree.body)


def _fixed_names(statement: ast.stmt) -> Iterator[str]:
    match statement:
        case ast.Assign(targets=targets, value=ast.Constant()):
            yield from (target.id for target in targets if isinstance(target, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant()):
            yield name


def _kernel(path: Path, notebook: NotebookNode) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The command of the kernel that the notebook names (empty: ours), and notes about it."""
    named = notebook.metadata.get("kernelspec", {})
    name = named.get("name") or _OURS
    spec = _installed(name)
    language = notebook.metadata.get("language_info", {}).get("name") or named.get("language")
    language = language or (spec.language if spec else _PYTHON)
    if language.lower() not in {_PYTHON, "ipython"}:
        raise _unusable(path, f"The notebook {path} is written in {language}.", "Only Python notebooks can be run.")
    if spec is None:
        return (), (f"Its kernel {name} is not installed here: it runs on creditbot's own Python.",)
    own = "ipykernel_launcher" in spec.argv and spec.argv[0] in _OWN_PYTHON and not spec.env
    return ((), ()) if own else (_command(spec), (f"It runs on the installed kernel {name}.",))


def _installed(name: str) -> KernelSpec | None:
    try:
        return KernelSpecManager().get_kernel_spec(name)
    except (NoSuchKernel, ValueError):  # ValueError: nothing can have such a name
        return None


def _command(spec: KernelSpec) -> tuple[str, ...]:
    """As jupyter_client starts it: a bare "python" is the one that runs us."""
    program = sys.executable if spec.argv[0] in _OWN_PYTHON else spec.argv[0]
    variables = [f"{name}={value}" for name, value in spec.env.items()]
    arguments = [argument.replace("{resource_dir}", spec.resource_dir) for argument in spec.argv[1:]]
    return (*(["env", *variables] if variables else []), program, *arguments)
