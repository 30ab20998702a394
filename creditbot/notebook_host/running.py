"""Runs one notebook in the host and says what it left, or why it left nothing."""

from __future__ import annotations

import importlib.metadata
import math
import platform
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import nbformat
import papermill
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError

from creditbot.errors import CreditbotError, NotebookFailed
from creditbot.notebook_host import failures
from creditbot.notebook_host.engine import ENGINE, OUTPUT_LIMIT, Run
from creditbot.notebook_host.keeping import Keeper
from creditbot.notebook_host.kernels import Nursery
from creditbot.notebook_host.outputs import cells, has_scraps, numbered
from creditbot.notebook_host.preparing import PARAMETER, Prepared, prepare

_SCRAPS_SECONDS = 20.0
"""Seconds that reading a notebook's scraps may take."""


class NotebookHost:
    """Runs notebooks, several at a time if asked from several threads.

    Args:
        nursery: gives the kernels.
        seconds: how long a notebook may run, the start of its kernel included.
        keeper: keeps executed notebooks.
    """

    def __init__(self, nursery: Nursery, seconds: float, keeper: Keeper) -> None:
        self._nursery = nursery
        self._seconds = seconds
        self._keeper = keeper

    def run(self, notebook: str, sql: str) -> dict[str, object]:
        """Runs it with the parameter set to `sql`: what `model.NotebookRun` takes, in plain values.

        Raises `NotebookFailed`, `NotebookStopped`, and `Unreachable` or `Refused` where the warehouse is the cause.
        """
        started = time.monotonic()
        prepared = prepare(Path(notebook))
        kernel = self._nursery.kernel(str(prepared.path.parent), prepared.command)
        run = Run(kernel, notebook)
        try:
            self._execute(prepared, run, sql)
        except CreditbotError as failure:
            failure.todo = f"{failure.todo} {self._keeper.keep(prepared.path, run.executed, failed=True)}".strip()
            raise
        assert run.executed is not None
        self._keeper.keep(prepared.path, run.executed, failed=False)
        return {
            "scraps": self._scraps(prepared, run.executed),
            "cells": cells(run.executed, prepared.numbers),
            "notebook": notebook,
            "notebook_sha256": prepared.sha256,
            "versions": _versions(),
            "seconds": round(time.monotonic() - started, 3),
        }

    def _scraps(self, prepared: Prepared, executed: NotebookNode) -> dict[str, object]:
        if not has_scraps(executed):
            return {}
        try:
            return self._nursery.scraps(nbformat.writes(executed), _SCRAPS_SECONDS)  # type: ignore[no-untyped-call]
        except ValueError as error:
            what = f"What the notebook {prepared.path.name} glued cannot be read: {failures.line(str(error))}."
            raise NotebookFailed(what, "Glue text, numbers, or JSON.") from None

    def _execute(self, prepared: Prepared, run: Run, sql: str) -> None:
        name = prepared.path.name
        patience = math.ceil(self._seconds)  # everything may lag on a busy machine: only the deadline ends a run
        with _deadline(run, self._seconds) as expired:
            try:
                papermill.execute_notebook(
                    prepared.notebook,
                    None,
                    parameters={PARAMETER: sql},
                    engine_name=ENGINE,
                    kernel_name="python3",
                    language="python",
                    progress_bar=False,
                    autosave_cell_every=0,
                    run=run,
                    start_timeout=patience,
                    iopub_timeout=patience,
                )
            except PapermillExecutionError as error:
                raise failures.raised(name, _failed_cell(prepared, run, error), error.ename, error.evalue) from None
            except DeadKernelError:
                cell = _last_cell(prepared, run)
                if expired.is_set():
                    raise failures.out_of_time(name, cell, self._seconds) from None
                if run.flooded:
                    raise failures.too_much_output(name, cell, OUTPUT_LIMIT) from None
                raise failures.kernel_died(name, cell, run.kernel.process.status) from None


@contextmanager
def _deadline(run: Run, seconds: float) -> Iterator[threading.Event]:
    """Kills the kernel at the end and, should that come first, after `seconds`: then the event is set."""
    expired = threading.Event()

    def expire() -> None:
        expired.set()
        run.kernel.process.kill()

    timer = threading.Timer(seconds, expire)
    timer.start()
    try:
        yield expired
    finally:
        timer.cancel()
        run.kernel.process.kill()


def _failed_cell(prepared: Prepared, run: Run, error: PapermillExecutionError) -> int:
    assert run.executed is not None
    for number, cell in numbered(run.executed, prepared.numbers):
        raised = [output.ename for output in cell.get("outputs", ()) if output.output_type == "error"]
        if error.ename in raised or cell.metadata.papermill.exception:
            return number
    return 0


def _last_cell(prepared: Prepared, run: Run) -> int | None:
    """The number of the cell that was being executed, None before the first."""
    if run.executed is None:
        return None
    cells = numbered(run.executed, prepared.numbers)
    return max((number for number, cell in cells if cell.metadata.papermill.start_time), default=None)


@cache
def _versions() -> dict[str, str]:
    packages = {name: importlib.metadata.version(name) for name in ("papermill", "scrapbook", "ipykernel", "pandas")}
    return {"python": platform.python_version(), **packages}
