"""Checks a product's notebook for `creditbot check`, without running it: its path comes in, findings go out."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from creditbot.commands.check_result import CheckFindings
from creditbot.notebook_host import try_imports
from creditbot.notebook_host.failures import put_beside
from creditbot.notebook_host.imports import imports_of_cells
from creditbot.notebook_host.preparation import PreparedNotebook, prepare
from creditbot.text import one_line

IMPORT_SECONDS = 60.0
"""How long the imports of a notebook may take; pandas and matplotlib take some seconds the first time."""


def notebook(path: str | None, environ: Mapping[str, str], *, has_warehouse: bool) -> CheckFindings:
    """Whether a notebook can be run. Raises `Refused` if it cannot even be read.

    Args:
        path: of the notebook; None if the product is off.
        environ: the environment that notebooks see.
        has_warehouse: whether WAREHOUSE_URL is set.
    """
    if path is None:
        return [("note", "off: no notebook is set, so its links are skipped")]
    prepared = prepare(Path(path))
    failures = failed_imports(prepared, environ)
    findings: CheckFindings = [("FAIL", f"{path}: {failure}") for failure in failures]
    if not has_warehouse and _reads_warehouse_url(prepared):
        text = f"{path} reads WAREHOUSE_URL, which is not set. Set it to the warehouse on which the SQL runs."
        findings.append(("FAIL", text))
    if not findings:
        findings.append(("ok", f"{path}: has the parameter `looker`, its kernel is installed, and its imports work"))
    return findings + [("note", note) for note in prepared.notes]


def failed_imports(prepared: PreparedNotebook, environ: Mapping[str, str]) -> list[str]:
    """A sentence for each module that the cells import at their top level, and that cannot be imported.

    They are imported by the Python that runs the notebook, in a process of its own.
    """
    names = imports_of_cells(cell.source for cell in prepared.notebook.cells if cell.cell_type == "code")
    python = _python_of(prepared.command)
    with tempfile.TemporaryDirectory() as home:  # where a notebook finds one, too: matplotlib writes there
        try:
            done = subprocess.run(  # noqa: S603  # the Python of a notebook that ticks run as well
                [*python, try_imports.__file__, str(prepared.path.parent.absolute()), json.dumps(names)],
                env={**environ, "HOME": home, "MPLBACKEND": "agg"}, cwd=home, stdin=subprocess.DEVNULL,
                capture_output=True, text=True, errors="replace", timeout=IMPORT_SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return [f"its imports take more than {IMPORT_SECONDS:.0f} s. Import less, or look for what waits."]
        except OSError as error:
            return [f"the Python of its kernel does not start ({error.strerror})."]
    try:
        failed: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        return [f"its imports end the process: {one_line(done.stderr.strip().rpartition(chr(10))[2], 200)}"]
    return [_sentence(name, one_line(reason, 200)) for name, reason in failed.items()]


def _sentence(name: str, reason: str) -> str:
    lacks = re.fullmatch(r"ModuleNotFoundError: No module named '([\w.]+)'.*", reason)
    todo = put_beside(lacks[1]) if lacks else "Correct that."
    return f"`import {name}` fails with {reason.rstrip('.')}. {todo}"


def _python_of(command: tuple[str, ...]) -> list[str]:
    """The kernel's command up to its Python: what follows starts the kernel."""
    if not command:
        return [sys.executable]
    options = next((number for number, part in enumerate(command) if part.startswith("-")), len(command))
    return list(command[:options])


def _reads_warehouse_url(prepared: PreparedNotebook) -> bool:
    """Whether the notebook, or a file beside it that it imports, names the variable."""
    cells = (cell.source for cell in prepared.notebook.cells if cell.cell_type == "code")
    files = (content.decode(errors="replace") for content in prepared.imported.values())
    return any("WAREHOUSE_URL" in source for source in (*cells, *files))
