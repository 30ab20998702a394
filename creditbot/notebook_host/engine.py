"""papermill's engine "creditbot": the same notebook, run on a kernel that is ready sooner and gone at once.

Four parts of what a run takes under papermill's own engine are left out: the kernel's boot (it is forked, see
nursery.py), a fixed wait of 200 ms for readiness (here: until our own message has come back), a graceful shutdown of
400 ms (here: SIGKILL, nothing of the kernel is wanted after its outputs), and saving the notebook after each cell
(`execute` names no file).
"""

from __future__ import annotations

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

from creditbot.notebook_host.kernels import Kernel, Nursery

ENGINE = "creditbot"
OUTPUT_LIMIT = 32 * 2**20
"""Characters of output a notebook may write: they are held in memory."""

_PROBE = 0.1
"""Seconds without a message after which a starting kernel is asked again."""

_RECONNECT = 5
"""Milliseconds: the kernel's sockets appear while we connect, and zmq would look for them again only after 100."""


@dataclass
class Run:
    """One run of a notebook, shared by its caller and the engine.

    Attributes:
        kernel: runs it.
        source: path of the notebook's file.
        executed: the notebook as far as it was executed; None before.
        flooded: whether it was ended for writing too much.
    """

    kernel: Kernel
    source: str
    executed: NotebookNode | None = None
    flooded: bool = False


class Client(AsyncKernelClient):
    """Talks to the kernel of a run."""

    def __init__(self, kernel: Kernel) -> None:
        super().__init__()
        self._process = kernel.process
        self.load_connection_info(kernel.connection)  # type: ignore[arg-type]  # its TypedDict
        self.context.reconnect_ivl = _RECONNECT

    @override
    def start_channels(
        self, shell: bool = True, iopub: bool = True, stdin: bool = False, hb: bool = False, control: bool = False
    ) -> None:
        """Opens channels, by default the two that are used."""
        super().start_channels(shell, iopub, stdin, hb, control)

    @override
    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Returns once a message of ours has come back: it is up, and its outputs reach us."""
        deadline = time.monotonic() + (timeout or math.inf)
        asked: set[str] = set()
        while time.monotonic() < deadline:
            asked.add(self.kernel_info())
            if await self._idle_after(asked):
                return
            if self._process.ended.is_set():
                break
        raise DeadKernelError("The kernel did not start")

    async def _idle_after(self, asked: set[str]) -> bool:
        """Whether the kernel is done with one of these; False when it is time to ask again."""
        while True:
            try:
                message = await self.iopub_channel.get_msg(timeout=_PROBE)
            except Empty:
                return False
            if message["msg_type"] == "iopub_welcome":
                return False  # we are subscribed from here on: what was asked before may have been missed
            if message["parent_header"].get("msg_id") in asked and message["content"].get("execution_state") == "idle":
                return True

    @override
    async def is_alive(self) -> bool:
        """As the nursery tells it."""
        return not self._process.ended.is_set()

    def close(self) -> None:
        """Closes the channels and, with the context, their thread."""
        self.shell_channel.stop()
        self.iopub_channel.stop()
        self.context.destroy(linger=0)


class Manager:
    """As much of a kernel manager as nbclient asks one that it does not own; the caller of the run ends the kernel."""

    has_kernel = True

    def __init__(self, client: Client) -> None:
        self._client = client

    def client(self) -> Client:
        """The client of the kernel."""
        return self._client

    async def is_alive(self) -> bool:
        """False: there is nothing for nbclient to shut down."""
        return False

    async def cleanup_resources(self) -> None:
        """Nothing: the kernel's folder goes with its process."""


class NotebookClient(PapermillNotebookClient):  # type: ignore[misc]
    """papermill's client, with a bound on what a notebook may write."""

    def __init__(self, manager: NotebookExecutionManager, run: Run, **traits: Any) -> None:
        super().__init__(manager, **traits)
        self._run = run
        self._written = 0

    @override
    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> NotebookNode | None:
        """Takes one message of a cell's."""
        texts = [msg["content"].get("text"), *msg["content"].get("data", {}).values()]
        self._written += sum(len(text) for text in texts if isinstance(text, str))
        if self._written > OUTPUT_LIMIT and not self._run.flooded:
            self._run.flooded = True
            self._run.kernel.process.kill()
        output: NotebookNode | None = super().process_message(msg, cell, cell_index)
        return output


class CreditbotEngine(Engine):  # type: ignore[misc]
    """The engine; `papermill --engine creditbot` finds it by its entry point."""

    @classmethod
    @override
    def execute_managed_notebook(
        cls,
        nb_man: NotebookExecutionManager,
        kernel_name: str,
        run: Run | None = None,
        input_path: object = None,
        start_timeout: float = 60,
        execution_timeout: int | None = None,
        **traits: Any,
    ) -> None:
        """Executes the notebook on the kernel of `run`; without one, on a kernel of its own in the current folder."""
        with _alone(input_path if isinstance(input_path, str) else "") if run is None else nullcontext(run) as this:
            this.executed = nb_man.nb
            nb_man.nb.metadata.papermill["input_path"] = this.source
            client = Client(this.kernel)
            try:
                NotebookClient(
                    nb_man,
                    this,
                    km=Manager(client),
                    kernel_name=kernel_name,
                    startup_timeout=math.ceil(start_timeout),
                    timeout=execution_timeout,
                    **traits,
                ).execute()
            finally:
                client.close()


@contextmanager
def _alone(source: str) -> Iterator[Run]:
    with TemporaryDirectory(prefix="creditbot-") as folder:
        nursery = Nursery(os.environ, [source], Path(folder))
        try:
            yield Run(nursery.kernel(os.getcwd()), source)  # noqa: PTH109  # as papermill's own engine
        finally:
            nursery.close()


papermill_engines.register(ENGINE, CreditbotEngine)
