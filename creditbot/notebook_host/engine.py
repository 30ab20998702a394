"""papermill's engine "creditbot": executes a notebook on a forked kernel, without the waits of papermill's own engine.

The executor hands it an `Execution` through papermill and reads the executed notebook from that. It saves four things:
the start of a kernel (it is forked, see fork_server.py), a fixed wait of 200 ms until the kernel is ready (here a
message is sent until it comes back), a graceful shutdown of 400 ms (here SIGKILL: after its last output a kernel is of
no use), and a save of the notebook after each cell (the executor gives papermill no file to save it to).
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, NotebookExecutionManager, papermill_engines
from typing_extensions import override

from creditbot.notebook_host.kernel_client import ForkedKernelClient
from creditbot.notebook_host.kernels import Kernel, KernelLauncher
from creditbot.notebook_host.output_meter import TooMuchOutput
from creditbot.notebook_host.outputs import outline_of, scraps_in
from creditbot.notebook_host.parameter import PARAMETER, PARAMETERS_TAG

ENGINE = "creditbot"

_PADDING = " \t\r\n;"
"""Characters that may be added around SQL without making it other SQL."""

_HASH = (
    f"{PARAMETER!r} in globals() and __import__('hashlib').sha256("
    f"f'{{{PARAMETER}}}'.strip({_PADDING!r}).encode('utf-8', 'surrogatepass')).hexdigest()"
)
"""Evaluated in the kernel after each cell: a hash of the parameter, or False where there is none."""

_LONG = 2**20
"""Bytes of output above which papermill gets an outline of the notebook back.

It writes each line of what it gets as a string of its own, although there is no file to write to.
"""

_MALFORMED = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What nbclient raises at a message of a widget that lacks a field, or has something else in it."""


@dataclass
class Execution:
    """One execution of a notebook: what its caller gives the engine, and what the engine gives back.

    Attributes:
        kernel: executes the cells.
        path: of the notebook's file.
        sql: the parameter, which has to keep its value; None if it may change.
        parameters: further parameters, name -> value.
        notebook: the notebook as far as it was executed; None until the engine begins.
        ambiguous_scraps: names under which the notebook glued different values.
        error: class and text of what the last cell raised, also where it shows nothing of that.
    """

    kernel: Kernel
    path: str
    sql: str | None = None
    parameters: dict[str, str] = field(default_factory=dict)
    notebook: NotebookNode | None = None
    ambiguous_scraps: list[str] = field(default_factory=list)
    error: tuple[str, str] | None = None


class ParameterChanged(Exception):
    """A cell above the parameters cell set the parameter, or one below it changed its value."""


class ForkedKernelManager:
    """What nbclient needs of a kernel manager that it does not own. Whoever made the execution ends the kernel."""

    has_kernel = True

    def __init__(self, client: ForkedKernelClient) -> None:
        self._client = client

    def client(self) -> ForkedKernelClient:
        """The client of the kernel."""
        return self._client

    async def is_alive(self) -> bool:
        """False, so that nbclient does not shut it down."""
        return False

    async def cleanup_resources(self) -> None:
        """Does nothing: the folder of the kernel is removed when its process ends."""


class CheckedNotebookClient(PapermillNotebookClient):  # type: ignore[misc]
    """papermill's client, which also looks at the parameter after each cell, and at what is glued."""

    def __init__(self, manager: NotebookExecutionManager, execution: Execution, **traits: Any) -> None:
        super().__init__(manager, **traits)
        self._execution = execution
        self._scraps: dict[str, object] = {}
        self._parameter: str | None = None
        self._injected = False
        self.on_cell_error = self._note_error
        if execution.sql is not None:
            sql = execution.sql.strip(_PADDING).encode("utf-8", "surrogatepass")
            self._right = f"'{hashlib.sha256(sql).hexdigest()}'"
            self.on_cell_executed = self._check_parameter

    @override
    def papermill_execute_cells(self) -> None:
        """Executes the cells; what the last one leaves has to be known, even if it failed as it was expected to."""
        super().papermill_execute_cells()
        succeeded = not any(cell.metadata.papermill.exception for cell in self.nb.cells)
        if self._execution.sql is not None and succeeded and self._parameter != self._right:
            raise ParameterChanged

    def _note_error(self, execute_reply: dict[str, Any], **_: object) -> None:
        """Called by nbclient after a cell that raised something."""
        content = execute_reply["content"]
        self._execution.error = str(content.get("ename", "")), str(content.get("evalue", ""))

    def _check_parameter(self, cell: NotebookNode, execute_reply: dict[str, Any], **_: object) -> None:
        """Called by nbclient after each code cell. Raises `ParameterChanged`."""
        value = execute_reply["content"].get("user_expressions", {}).get(PARAMETER)
        tags = cell.metadata.get("tags", ())
        if value is None or PARAMETERS_TAG in tags:
            self._parameter = None  # unknown after an error; and papermill sets it in the next cell
            return
        self._parameter = value.get("data", {}).get("text/plain")
        self._injected |= "injected-parameters" in tags
        if self._parameter != (self._right if self._injected else "False"):
            raise ParameterChanged

    @override
    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> NotebookNode | None:
        """Takes one message of a cell, and notices scraps before a later one takes their place."""
        for name, value in scraps_in(msg["content"].get("data")):
            if self._scraps.setdefault(name, value) != value and name not in self._execution.ambiguous_scraps:
                self._execution.ambiguous_scraps.append(name)
        output: NotebookNode | None = super().process_message(msg, cell, cell_index)
        return output

    @override
    def handle_comm_msg(self, outs: list[NotebookNode], msg: dict[str, Any], cell_index: int) -> None:
        """Takes a message for a widget. One that is not formed as nbclient expects is for nobody here."""
        with suppress(*_MALFORMED):
            super().handle_comm_msg(outs, msg, cell_index)

    @override
    def set_widgets_metadata(self) -> None:
        """Saves the widgets in the notebook; those that are not formed as nbclient expects are left out."""
        with suppress(*_MALFORMED):
            super().set_widgets_metadata()


class CreditbotEngine(Engine):  # type: ignore[misc]
    """The engine. `papermill --engine creditbot` finds it by the entry point in pyproject.toml."""

    @classmethod
    @override
    def execute_managed_notebook(
        cls,
        nb_man: NotebookExecutionManager,
        kernel_name: str,
        execution: Execution | None = None,
        input_path: object = None,
        start_timeout: float = 60,
        execution_timeout: int | None = None,
        **traits: Any,
    ) -> None:
        """Executes the notebook on the kernel of `execution`; without one, on a new kernel in the current folder."""
        path = input_path if isinstance(input_path, str) else ""
        with nullcontext(execution) if execution else _standalone_execution(path) as current:
            current.notebook = nb_man.nb
            nb_man.nb.metadata.papermill["input_path"] = current.path
            client = ForkedKernelClient(current.kernel, {PARAMETER: _HASH})
            try:
                CheckedNotebookClient(
                    nb_man,
                    current,
                    km=ForkedKernelManager(client),
                    kernel_name=kernel_name,
                    startup_timeout=math.ceil(start_timeout),
                    timeout=execution_timeout,
                    **traits,
                ).execute()
                if execution is not None and client.meter.bytes > _LONG:
                    nb_man.nb = outline_of(nb_man.nb)
            except DeadKernelError:
                if client.meter.exceeded:
                    raise TooMuchOutput from None
                raise
            finally:
                client.close()


@contextmanager
def _standalone_execution(path: str) -> Iterator[Execution]:
    with TemporaryDirectory(prefix="creditbot-") as folder:
        launcher = KernelLauncher(os.environ, [path], Path(folder), apart=False)
        try:
            yield Execution(launcher.kernel(os.getcwd()), path)  # noqa: PTH109  # as papermill's own engine
        finally:
            launcher.close()


papermill_engines.register(ENGINE, CreditbotEngine)
