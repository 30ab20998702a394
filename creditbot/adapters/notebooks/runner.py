"""Runs notebooks in processes of their own: the port `Runner` on `creditbot.notebook_host`.

Nothing heavy is imported here, and nothing of what the host imports: the bot's process holds the secrets.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from creditbot import errors
from creditbot.adapters.notebooks.process import Host, HostGone
from creditbot.errors import THIS_MACHINE, CreditbotError, NotebookStopped, ServiceError, Unreachable
from creditbot.machine.hardening import hide_from_other_processes
from creditbot.model import Cell, NotebookRun

_MARGIN = 30.0
"""Seconds beyond the time limit after which the host itself is taken for dead: it enforces the limit."""


class NotebookRunner:
    """Runs notebooks with papermill, each in a fresh process that ends with it.

    Args:
        notebooks: those that may be run, the likeliest first: what they import is imported before it is needed.
        environment: what they see as their environment, see `kernel_environment`.
        seconds: NOTEBOOK_TIMEOUT, for a whole run, the start of its process included.
        keep: KEEP_NOTEBOOKS, which executed notebooks are kept.
        keep_dir: where; None keeps none.
    """

    def __init__(
        self,
        notebooks: Sequence[Path],
        environment: Mapping[str, str],
        *,
        seconds: float,
        keep: Literal["none", "failed", "all"] = "failed",
        keep_dir: Path | None = None,
    ) -> None:
        self._environment = dict(environment)
        self._seconds = seconds
        self._settings = {
            "notebooks": [str(path.absolute()) for path in notebooks],
            "seconds": seconds,
            "keep": keep,
            "keep_dir": str(keep_dir) if keep_dir else None,
        }
        self._host: Host | None = None
        self._closed = False
        self._lock = threading.Lock()

    def warm(self) -> None:
        """Starts the host, whose imports go on in the background. Raises `Unreachable` if this machine has no room."""
        with suppress(NotebookStopped):  # closed: nothing will be run
            self._live_host()

    def run(self, notebook: str, sql: str) -> NotebookRun:
        """Runs the notebook with its `looker` parameter set to `sql`. Safe to call from several threads.

        It runs in the folder it stands in. Raises `NotebookFailed`, `NotebookStopped`, and `Unreachable` or `Refused`
        where the warehouse, or the state of this machine, is the cause. `NotebookStopped`, too, once it is closed.
        """
        question = {"notebook": str(Path(notebook).absolute()), "sql": sql}
        try:
            answer = self._live_host().ask(question, self._seconds + _MARGIN)
        except HostGone as gone:
            what = f"The process that runs notebooks ended while it ran {notebook}"
            raise NotebookStopped(f"{what}: {gone}." if str(gone) else f"{what}.", "It is tried again.") from None
        if "failure" in answer:
            raise _failure(answer["failure"])
        return _run(answer["run"])

    def close(self) -> None:
        """Ends every process it started, for good: what waits for its turn is not run any more."""
        with self._lock:
            host, self._host, self._closed = self._host, None, True
        if host:
            host.close()

    def _live_host(self) -> Host:
        with self._lock:
            if self._closed:
                raise NotebookStopped("No notebook is run any more, because the process ends.", "It is tried again.")
            if self._host is None or not self._host.alive:
                if self._host:
                    self._host.close()
                self._host = self._new_host()
            return self._host

    def _new_host(self) -> Host:
        hide_from_other_processes()  # before there is a notebook that could look
        try:
            return Host(self._environment, self._settings)
        except OSError as error:
            what = f"Notebooks cannot be run on this machine: {error.strerror}: {error.filename}."
            todo = "Make room in the temporary folder, and see that it can be written."
            raise Unreachable(THIS_MACHINE, what, todo) from None


def _failure(told: Any) -> CreditbotError:
    """The host's error, as the same class here."""
    kind: type[CreditbotError] = getattr(errors, told["kind"])
    if issubclass(kind, ServiceError):
        return kind(told["service"], told["what"], told["todo"])
    return kind(told["what"], told["todo"])


def _run(left: Any) -> NotebookRun:
    cells = (Cell(**{**cell, "outputs": tuple(map(tuple, cell["outputs"]))}) for cell in left["cells"])
    return NotebookRun(**{**left, "cells": tuple(cells), "seconds": float(left["seconds"])})
