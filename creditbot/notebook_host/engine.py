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
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from queue import Empty
from tempfile import TemporaryDirectory
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, NotebookExecutionManager, papermill_engines
from typing_extensions import override

from creditbot.notebook_host.kernels import Kernel, KernelLauncher
from creditbot.notebook_host.parameter import PARAMETER, PARAMETERS_TAG

ENGINE = "creditbot"
OUTPUT_LIMIT = 32 * 2**20
"""Characters of output that a notebook may write: they are held in memory."""

_PADDING = " \t\r\n;"
"""What may stand around SQL without making it other SQL."""

_HASH = (
    f"{PARAMETER!r} in globals() and __import__('hashlib').sha256("
    f"f'{{{PARAMETER}}}'.strip({_PADDING!r}).encode('utf-8', 'surrogatepass')).hexdigest()"
)
"""Evaluated in the kernel after each cell: a hash of the parameter, or False where there is none."""

_PROBE = 0.1
"""Seconds without a message after which a starting kernel is sent another probe."""

_RECONNECT = 5
"""Milliseconds between two attempts to connect. The kernel's sockets appear at any moment; zmq would wait for 100."""


@dataclass
class Execution:
    """One execution of a notebook: what its caller gives the engine, and what the engine gives back.

    Attributes:
        kernel: executes the cells.
        path: of the notebook's file.
        sql: the parameter, which has to keep its value; None if it may change.
        notebook: the notebook as far as it was executed; None until the engine begins.
        flooded: whether the kernel was killed because it wrote too much.
    """

    kernel: Kernel
    path: str
    sql: str | None = None
    notebook: NotebookNode | None = None
    flooded: bool = False


class ParameterChanged(Exception):
    """A cell above the parameters cell set the parameter, or one below it changed its value."""


class ForkedKernelClient(AsyncKernelClient):
    """Talks to the kernel of an execution."""

    def __init__(self, kernel: Kernel) -> None:
        super().__init__()
        self._process = kernel.process
        self.load_connection_info(kernel.connection)  # type: ignore[arg-type]  # its TypedDict
        self.context.reconnect_ivl = _RECONNECT

    @override
    def start_channels(
        self, shell: bool = True, iopub: bool = True, stdin: bool = False, hb: bool = False, control: bool = False
    ) -> None:
        """Opens channels; only the two that are used are opened by default."""
        super().start_channels(shell, iopub, stdin, hb, control)

    @override
    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Returns when a probe has come back: the kernel is up, and its outputs reach us."""
        deadline = time.monotonic() + (timeout or math.inf)
        probes: set[str] = set()
        while time.monotonic() < deadline:
            probes.add(self.kernel_info())
            if await self._idle_after(probes):
                return
            if self._process.ended.is_set():
                break
        raise DeadKernelError("The kernel did not start")

    async def _idle_after(self, probes: set[str]) -> bool:
        """True when the kernel is done with one of these messages; False when it is time to send another."""
        while True:
            try:
                message = await self.iopub_channel.get_msg(timeout=_PROBE)
            except Empty:
                return False
            if message["msg_type"] == "iopub_welcome":
                return False  # we subscribed only now, and may have missed the replies to earlier probes
            if message["parent_header"].get("msg_id") in probes and message["content"].get("execution_state") == "idle":
                return True

    @override
    async def is_alive(self) -> bool:
        """Whether the fork server has not reported its end."""
        return not self._process.ended.is_set()

    @override
    def execute(self, code: str, *args: Any, **options: Any) -> str:
        """Has a cell executed; the reply also says which value the parameter has then."""
        message: str = super().execute(code, *args, **{**options, "user_expressions": {PARAMETER: _HASH}})
        return message

    def close(self) -> None:
        """Closes the channels and, with the context, their thread."""
        self.shell_channel.stop()
        self.iopub_channel.stop()
        self.context.destroy(linger=0)


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


class LimitedNotebookClient(PapermillNotebookClient):  # type: ignore[misc]
    """papermill's client, which also kills a kernel that writes more than OUTPUT_LIMIT."""

    def __init__(self, manager: NotebookExecutionManager, execution: Execution, **traits: Any) -> None:
        super().__init__(manager, **traits)
        self._execution = execution
        self._written = 0
        self._parameter: str | None = None
        self._injected = False
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
        """Takes one message of a cell."""
        self._written += _size(msg["content"])
        if self._written > OUTPUT_LIMIT:
            if not self._execution.flooded:
                self._execution.flooded = True
                self._execution.kernel.process.kill()
            if msg["msg_type"] != "status":
                return None  # nor is it kept
        output: NotebookNode | None = super().process_message(msg, cell, cell_index)
        return output


def _size(value: object) -> int:
    """Characters of all texts in the content of a message, whatever they are for."""
    match value:
        case str() | bytes():
            return len(value)
        case dict():
            return sum(_size(key) + _size(part) for key, part in value.items())
        case list():
            return sum(map(_size, value)) + len(value)
    return 1


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
            client = ForkedKernelClient(current.kernel)
            try:
                LimitedNotebookClient(
                    nb_man,
                    current,
                    km=ForkedKernelManager(client),
                    kernel_name=kernel_name,
                    startup_timeout=math.ceil(start_timeout),
                    timeout=execution_timeout,
                    **traits,
                ).execute()
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
