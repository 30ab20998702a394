"""Runs a notebook from its file to its result, on a kernel from the fork server.

The path and the SQL come from __main__.py, which sends the `NotebookRun`, or the error that is raised instead, to the
bot. papermill executes the cells with the engine in engine.py.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import math
import platform
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import nbformat
import papermill
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError

from creditbot.errors import CreditbotError, NotebookFailed, Refused
from creditbot.model import CreditDays, NotebookRun
from creditbot.notebook_host import failures
from creditbot.notebook_host.blotting import blot
from creditbot.notebook_host.engine import ENGINE, Execution, ParameterChanged
from creditbot.notebook_host.keeper import NotebookKeeper
from creditbot.notebook_host.kernels import KernelLauncher
from creditbot.notebook_host.output_meter import OUTPUT_LIMIT, TooMuchOutput
from creditbot.notebook_host.outputs import cells_with_numbers, cut_streams, read_cells, scraps_of
from creditbot.notebook_host.parameter import CREDIT_FROM, CREDIT_TO, PARAMETER
from creditbot.notebook_host.preparation import PreparedNotebook, prepare
from creditbot.text import one_line

_SCRAPS_SECONDS = 20.0
"""Seconds that reading a notebook's scraps may take."""

_RAN_BY = ("creditbot", "papermill", "scrapbook", "ipykernel", "pandas", "numpy", "duckdb", "sqlalchemy")
"""Packages whose versions a run names, beside Python's."""

_REASON = 10_000
"""Characters of an error that are looked at for its reason."""


class NotebookExecutor:
    """Runs notebooks. Several threads may run one each at the same time.

    Args:
        launcher: starts the kernels.
        seconds: how long a run may take, the start of its kernel included.
        keeper: keeps executed notebooks.
        values: path of a notebook -> what to set in its policy cell.
    """

    def __init__(
        self,
        launcher: KernelLauncher,
        seconds: float,
        keeper: NotebookKeeper,
        values: Mapping[str, Mapping[str, str]] = {},
    ) -> None:
        self._launcher = launcher
        self._seconds = seconds
        self._keeper = keeper
        self._values = values

    def run(self, notebook: str, sql: str, days: CreditDays | None = None) -> NotebookRun:
        """Runs the notebook at this path with its parameter set to `sql`, and with the days to credit if it takes them.

        Raises `NotebookFailed` or `NotebookStopped`, and `Unreachable` or `Refused` if the warehouse is the cause.
        `Refused` also says that the notebook can never be run, and `SettingsError` that a value cannot be set in it,
        see `prepare`.
        """
        started = time.monotonic()
        prepared = prepare(Path(notebook), self._values.get(notebook))
        kernel = self._launcher.kernel(str(prepared.path.parent), prepared.command)
        kernel.begin(prepared.imported)
        execution = Execution(kernel, notebook, sql, _parameters(prepared, days))
        try:
            try:
                self._execute(prepared, execution)
            finally:
                if execution.notebook is not None:
                    blot(execution.notebook)
        except CreditbotError as failure:
            note = self._keeper.keep(prepared.path, execution.notebook, failed=True)
            failure.todo = f"{failure.todo} {note}".strip()
            if execution.notebook is not None:
                failure.run = _left(prepared, execution, {}, started)
            raise
        assert execution.notebook is not None
        self._keeper.keep(prepared.path, execution.notebook, failed=False)
        scraps = self._scraps(prepared, execution.notebook)
        return _left(prepared, execution, scraps, started)

    def _scraps(self, prepared: PreparedNotebook, executed: NotebookNode) -> dict[str, object]:
        glued = scraps_of(executed)
        if glued is None:
            return {}
        try:
            return self._launcher.read_scraps(nbformat.writes(glued), _SCRAPS_SECONDS)  # type: ignore[no-untyped-call]
        except ValueError as error:
            what = f"The scraps that {prepared.path.name} glued cannot be read: {one_line(str(error), 300)}."
            raise NotebookFailed(what, "Glue only text, numbers or JSON values.") from None

    def _execute(self, prepared: PreparedNotebook, execution: Execution) -> None:
        name = prepared.path.name
        patience = math.ceil(self._seconds)  # on a busy machine any step may be slow: only the deadline ends a run
        with _deadline(execution, self._seconds) as expired:
            try:
                papermill.execute_notebook(
                    prepared.notebook,
                    None,
                    parameters={PARAMETER: execution.sql, **execution.parameters},
                    engine_name=ENGINE,
                    kernel_name="python3",
                    language="python",
                    progress_bar=False,
                    autosave_cell_every=0,
                    execution=execution,
                    start_timeout=patience,
                    iopub_timeout=patience,
                )
            except PapermillExecutionError as error:
                cell = _failed_cell(prepared, execution, error)
                kind, reason = _raised(execution, error)
                raise failures.cell_error(name, cell, kind[:_REASON], reason[:_REASON]) from None
            except ParameterChanged:
                raise failures.parameter_changed(name, _last_cell(prepared, execution)) from None
            except TooMuchOutput:
                if execution.notebook is not None:
                    cut_streams(execution.notebook)
                raise failures.too_much_output(name, _last_cell(prepared, execution), OUTPUT_LIMIT) from None
            except DeadKernelError:
                last = _last_cell(prepared, execution)
                if expired.is_set():
                    raise failures.out_of_time(name, last, self._seconds) from None
                if execution.kernel.process.was_too_large:
                    raise failures.out_of_memory(name, last) from None
                raise failures.kernel_died(name, last, execution.kernel.process.status) from None


def _parameters(prepared: PreparedNotebook, days: CreditDays | None) -> dict[str, str]:
    """The days to credit as parameters of the notebook; those that it does not have are left out.

    Raises `Refused` if it has none, and the SQL gives days that must not be credited.
    """
    if days is None:
        return {}
    missing = [name for name in (CREDIT_FROM, CREDIT_TO) if name not in prepared.parameters]
    if days.has_history and missing:
        what = f"The notebook {prepared.path} has no parameter {' and no parameter '.join(missing)}"
        todo = "Add it to the parameters cell and leave other days out of the credit, or set history_days = 0."
        raise Refused(f"the notebook {prepared.path.name}", f"{what}, and its product has history_days.", todo)
    values = {CREDIT_FROM: days.start, CREDIT_TO: days.end}
    return {name: str(day) for name, day in values.items() if day and name not in missing}


def _left(
    prepared: PreparedNotebook, execution: Execution, scraps: Mapping[str, object], started: float
) -> NotebookRun:
    """What a run left, as far as it got; `started` is by `time.monotonic`."""
    assert execution.notebook is not None
    return NotebookRun(
        scraps=scraps,
        cells=read_cells(execution.notebook, prepared.numbers),
        notebook=execution.path,
        notebook_sha256=prepared.sha256,
        ambiguous_scraps=tuple(execution.ambiguous_scraps),
        versions=_versions(),
        seconds=round(time.monotonic() - started, 3),
        beside={name: hashlib.sha256(content).hexdigest() for name, content in prepared.imported.items()},
    )


@contextmanager
def _deadline(execution: Execution, seconds: float) -> Iterator[threading.Event]:
    """Kills the kernel when the block ends, or after `seconds` if that is earlier; then it also sets the event."""
    expired = threading.Event()

    def expire() -> None:
        expired.set()
        execution.kernel.process.kill()

    timer = threading.Timer(seconds, expire)
    timer.start()
    try:
        yield expired
    finally:
        timer.cancel()
        execution.kernel.process.kill()


def _failed_cell(prepared: PreparedNotebook, execution: Execution, error: PapermillExecutionError) -> int:
    assert execution.notebook is not None
    for number, cell in cells_with_numbers(execution.notebook, prepared.numbers):
        errors = [output.ename for output in cell.get("outputs", ()) if output.output_type == "error"]
        if error.ename in errors or cell.metadata.papermill.exception:
            return number
    return 0


def _raised(execution: Execution, error: PapermillExecutionError) -> tuple[str, str]:
    """Class and text of an error. A cell that shows none of it has told the kernel, or written to stderr."""
    if error.evalue or error.ename != CellExecutionError.__name__:
        return error.ename, error.evalue or _last_complaint(execution)
    kind, text = execution.error or ("", "")
    return (kind, text) if text else (kind or error.ename, _last_complaint(execution))


def _last_complaint(execution: Execution) -> str:
    """What the failed cell last wrote to stderr. IPython reports an unknown magic there, and nowhere else."""
    assert execution.notebook is not None
    failed = [cell for cell in execution.notebook.cells if cell.metadata.get("papermill", {}).get("exception")]
    outputs = [output for cell in failed for output in cell.outputs if output.get("name") == "stderr"]
    return next(
        (
            line
            for output in reversed(outputs)
            for line in reversed(output.text[-_REASON:].splitlines())
            if line.strip()
        ),
        "",
    )


def _last_cell(prepared: PreparedNotebook, execution: Execution) -> int | None:
    """The number of the last cell that began, None before the first."""
    if execution.notebook is None:
        return None
    cells = cells_with_numbers(execution.notebook, prepared.numbers)
    return max((number for number, cell in cells if cell.metadata.papermill.start_time), default=None)


@cache
def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for name in _RAN_BY:
        with suppress(importlib.metadata.PackageNotFoundError):  # creditbot itself may run from its sources
            versions[name] = importlib.metadata.version(name)
    return versions
