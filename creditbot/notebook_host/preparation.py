"""Reads a notebook from its file, refuses it if it cannot be run, and makes the copy that is run.

A notebook takes the SQL in a parameter named `looker`, which one of its cells sets to a fixed text: `looker = ""`.
papermill injects the SQL below the cell with the tag "parameters". If no cell had the tag, papermill would inject above
the first cell, and the fixed text would overwrite the SQL. So the copy has the tag on the cell that sets `looker`.
"""

from __future__ import annotations

import json
import re
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager, NoSuchKernel
from nbformat import NotebookNode

from creditbot.errors import Refused, SettingsError
from creditbot.notebook_host.imports import hash_of, version_of
from creditbot.notebook_host.parameter import PARAMETERS_TAG, UnusableParameter, names_set_in, parameter_cell
from creditbot.notebook_host.tidying import tidy
from creditbot.notebook_host.what_if import POLICY_TAG, CannotSet, with_values
from creditbot.text import one_line

ADDED_TAGS = frozenset({"injected-parameters", "papermill-error-cell-tag"})
"""Tags of the cells that papermill adds. The file of a notebook that was executed before has such cells."""

_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")

_DEFAULT_KERNEL, _PYTHON = "python3", "python"
_IS_PYTHON = re.compile(r"i?python[23]?", re.IGNORECASE)
_OWN_PYTHON = {"python", "python3", f"python{sys.version_info[0]}.{sys.version_info[1]}", sys.executable}


@dataclass(frozen=True, slots=True)
class PreparedNotebook:
    """A notebook that can be run.

    Attributes:
        path: its file.
        sha256: of the file as it was read, and of the files beside it that it imports; see `imports.hash_of`.
        notebook: the copy that is run.
        numbers: for each cell of the copy its number in the file, counted from 1.
        command: starts the kernel, with "{connection_file}" for a path; empty for a kernel on creditbot's own Python.
        notes: sentences for the person who runs `creditbot check`.
        imported: the Python files beside it that it imports: relative path -> content.
        parameters: the names that its parameters cell sets.
    """

    path: Path
    sha256: str
    notebook: NotebookNode
    numbers: tuple[int, ...]
    command: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    imported: Mapping[str, bytes] = field(default_factory=dict)
    parameters: frozenset[str] = frozenset()


def prepare(path: Path, values: Mapping[str, str] | None = None) -> PreparedNotebook:
    """Reads a notebook and makes the copy that is run.

    Args:
        path: its file.
        values: what to set in the policy cell of the copy, see `what_if`.

    Raises `Refused` if it cannot be run at all, and `SettingsError` if it has no place for a value.
    """
    data = _read(path)
    notebook = _notebook(path, data)
    numbered = [(number, cell) for number, cell in enumerate(notebook.cells, 1) if not _tags(cell) & ADDED_TAGS]
    notebook.cells = [cell for _, cell in numbered]
    if values:
        _set(path, notebook, values)
    parameters = _tag_parameter(path, notebook)
    command, notes = _kernel(path, notebook)
    version = version_of(path, data)
    return PreparedNotebook(
        path=path,
        sha256=hash_of(version),
        notebook=notebook,
        numbers=tuple(number for number, _ in numbered),
        command=command,
        notes=notes,
        imported={name: content for name, content in version.items() if name != path.name},
        parameters=parameters,
    )


def _unusable(path: Path, what: str, todo: str) -> Refused:
    """The error for a notebook that no request can use: requests wait until somebody has corrected it."""
    return Refused(f"the notebook {path.name}", what, todo)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise _unusable(path, f"The notebook {path} does not exist.", "Check the path in the settings.") from None
    except OSError as error:
        raise _unusable(
            path, f"The notebook {path} cannot be read: {error.strerror}.", "Check the permissions of the file."
        ) from None


def _notebook(path: Path, data: bytes) -> NotebookNode:
    try:
        text = data.decode("utf-8-sig")
        document = json.loads(text)
        if document.get("nbformat") != 4:
            document = nbformat.convert(nbformat.reader.reads(text), 4)  # type: ignore[no-untyped-call]
        tidy(document)
        notebook: NotebookNode = nbformat.v4.upgrade(nbformat.from_dict(document))  # type: ignore[no-untyped-call]
        _give_ids(notebook)
        nbformat.validate(notebook)
    except (ValueError, TypeError, KeyError, AttributeError, nbformat.ValidationError) as error:
        reason = one_line(str(error).strip().partition("\n")[0], 200).rstrip(".")
        todo = "Open it in Jupyter and save it again."
        raise _unusable(path, f"The notebook {path} is not a valid notebook: {reason}.", todo) from None
    return notebook


def _give_ids(notebook: NotebookNode) -> None:
    """Gives an id to each cell that has none of its own. nbformat would only warn of it."""
    used = {None}
    for cell in notebook.cells:
        if cell.get("id") in used or not _ID.fullmatch(str(cell["id"])):
            cell["id"] = secrets.token_hex(4)
        used.add(cell["id"])


def _tags(cell: NotebookNode) -> set[str]:
    return set(cell.metadata["tags"])


def _tag_parameter(path: Path, notebook: NotebookNode) -> frozenset[str]:
    """Leaves the tag "parameters" on the one cell that sets the parameter; returns the names that this cell sets."""
    try:
        found = parameter_cell([cell for cell in notebook.cells if cell.cell_type == "code"])
    except UnusableParameter as unusable:
        raise _unusable(path, f"The notebook {path} {unusable.what}.", unusable.todo) from None
    for cell in notebook.cells:
        cell.metadata["tags"] = sorted(_tags(cell) - {PARAMETERS_TAG})
    found.metadata["tags"].append(PARAMETERS_TAG)
    return names_set_in(found.source)


def _set(path: Path, notebook: NotebookNode, values: Mapping[str, str]) -> None:
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and POLICY_TAG in _tags(cell)]
    try:
        sources = with_values([cell.source for cell in cells], values)
    except CannotSet as problem:
        todo = "Write PRODUCT:NAME=VALUE for a value that only one product has." if problem.missing else ""
        raise SettingsError(f"The notebook {path} {problem}.", todo) from None
    for cell, source in zip(cells, sources, strict=True):
        cell.source = source


def _kernel(path: Path, notebook: NotebookNode) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Command and notes of a `PreparedNotebook`. Raises `Refused` if it is not written in Python."""
    name = notebook.metadata.get("kernelspec", {}).get("name") or _DEFAULT_KERNEL
    spec = _installed(name)
    language = _language(notebook) or (spec.language if spec else _PYTHON)
    if not _IS_PYTHON.fullmatch(language):
        raise _unusable(path, f"The notebook {path} is written in {language}.", "Only Python notebooks can be run.")
    if spec is None:
        return (), (f"Its kernel {name} is not installed here. The notebook runs on creditbot's own Python instead.",)
    own = "ipykernel_launcher" in spec.argv and spec.argv[0] in _OWN_PYTHON and not spec.env
    return ((), ()) if own else (_command(spec), (f"The notebook runs on the installed kernel {name}.",))


def _language(notebook: NotebookNode) -> str:
    """The language that the notebook names, or ""."""
    metadata = notebook.metadata
    return metadata.get("language_info", {}).get("name") or metadata.get("kernelspec", {}).get("language") or ""


def _installed(name: str) -> KernelSpec | None:
    try:
        return KernelSpecManager().get_kernel_spec(name)
    except (NoSuchKernel, ValueError):  # ValueError: nothing can have such a name
        return None


def _command(spec: KernelSpec) -> tuple[str, ...]:
    """As jupyter_client does, replaces a plain "python" by the Python that runs this process."""
    program = sys.executable if spec.argv[0] in _OWN_PYTHON else spec.argv[0]
    variables = [f"{name}={value}" for name, value in spec.env.items()]
    arguments = [argument.replace("{resource_dir}", spec.resource_dir) for argument in spec.argv[1:]]
    return (*(["env", *variables] if variables else []), program, *arguments)
