"""The port `Runner`: has the host process run a notebook, and gives its scraps and outputs to the credit pipeline.

It imports nothing that runs notebooks, such as papermill: an idle tick has no time for that, and this process holds the
bot's secrets.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

from creditbot.adapters.notebooks.host_process import HostEnded, HostProcess
from creditbot.errors import THIS_MACHINE, NotebookStopped, Unreachable
from creditbot.machine.hardening import hide_from_other_processes
from creditbot.model import CreditDays, NotebookRun, Purpose, RequestKey
from creditbot.notebook_host.wire import RunnerSettings, run_in
from creditbot.text import one_line

_MARGIN = 30.0
"""Seconds that the host, which enforces the time limit, may be late before it is killed."""


class NotebookRunner:
    """Runs notebooks with papermill, each in a fresh process.

    Args:
        notebooks: those to expect, the likeliest first: the modules that they import are imported in advance.
        environment: what notebooks see as their environment, see `kernel_environment`.
        seconds: NOTEBOOK_TIMEOUT, for a whole run, the start of its process included.
        keep: KEEP_NOTEBOOKS, which executed notebooks are kept.
        keep_dir: the folder for them; None keeps none.
        values: notebook -> what to set in its policy cell before it runs, name -> value; nothing is set by default.
    """

    def __init__(
        self,
        notebooks: Sequence[Path],
        environment: Mapping[str, str],
        *,
        seconds: float,
        keep: Literal["none", "failed", "all"] = "failed",
        keep_dir: Path | None = None,
        values: Mapping[Path, Mapping[str, str]] = {},
    ) -> None:
        self._environment = {**environment, "NOTEBOOK_TIMEOUT": f"{seconds:g}"}  # warehouses end queries by it
        self._seconds = seconds
        self._settings: RunnerSettings = {
            "notebooks": [str(path.absolute()) for path in notebooks],
            "seconds": seconds,
            "keep": keep,
            "keep_dir": str(keep_dir) if keep_dir else None,
            "values": {str(path.absolute()): dict(names) for path, names in values.items()},
        }
        self._host: HostProcess | None = None
        self._closed = False
        self._lock = threading.Lock()

    def warm(self) -> None:
        """Has a kernel wait for the next run, and starts the host if need be; both happen in the background.

        Raises `Unreachable` if the host cannot be started.
        """
        with suppress(NotebookStopped):  # closed: nothing needs to be warm
            self._live_host().warm()

    def run(
        self,
        notebook: str,
        sql: str,
        days: CreditDays | None = None,
        purpose: Purpose | None = None,  # noqa: ARG002
    ) -> NotebookRun:
        """Runs the notebook, in its own folder, with its parameter `looker` set to `sql`. Safe to call from threads.

        If it has the parameters CREDIT_FROM and CREDIT_TO, it gets the days to credit. No run outlives this process, so
        `purpose` does not matter.

        Raises `NotebookFailed`, or `NotebookStopped` if another try may succeed or the runner is closed. Raises
        `Unreachable` or `Refused` if the warehouse, this machine, or the notebook's file is the cause.
        """
        try:
            reply = self._live_host().run(str(Path(notebook).absolute()), sql, days, self._seconds + _MARGIN)
        except HostEnded as ended:
            reason = f": {one_line(str(ended), 300)}" if str(ended) else ""
            what = f"The process that runs notebooks ended while it ran {notebook}{reason}."
            raise NotebookStopped(what, "If this keeps happening, check the memory limit and the log.") from None
        return run_in(reply)

    def forget(self, request: RequestKey) -> None:
        """See `Runner`. No run outlives this process, so there is nothing to forget."""

    def close(self) -> None:
        """Ends every process that it started. Runs that still wait for their turn are not started."""
        with self._lock:
            host, self._host, self._closed = self._host, None, True
        if host:
            host.close()

    def _live_host(self) -> HostProcess:
        with self._lock:
            if self._closed:
                raise NotebookStopped("Shutting down: no more notebooks are started.", "The next tick will run it.")
            if self._host is None or not self._host.alive:
                if self._host:
                    self._host.close()
                self._host = self._new_host()
            return self._host

    def _new_host(self) -> HostProcess:
        hide_from_other_processes()  # before there is a notebook that could read them
        try:
            return HostProcess(self._environment, self._settings)
        except OSError as error:
            what = f"Notebooks cannot be run on this machine: {error.strerror}: {error.filename}."
            todo = "Make sure that the temporary folder exists, has free space and can be written to."
            raise Unreachable(THIS_MACHINE, what, todo) from None
