"""The host's side of the nursery: kernels started ahead or when asked for, and scraps read."""

from __future__ import annotations

import itertools
import json
import secrets
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from creditbot.notebook_host import nursery
from creditbot.notebook_host.syntax import preloads

_CHANNELS = ("shell", "iopub", "stdin", "control", "hb")

_ENDING = 5.0
"""Seconds the nursery gets to end its processes."""


class Process:
    """One process of the nursery's, from the moment it was asked for.

    Attributes:
        number: what the nursery knows it by.
        cwd: the folder it runs in.
        folder: its own folder; gone once it has ended.
        kill: has it killed, and whatever it started; returns at once.
        ended: set once it is gone.
        status: its exit status then, negative for a signal; None if the nursery went first.
    """

    def __init__(self, number: int, cwd: str, folder: Path, kill: Callable[[], object]) -> None:
        self.number = number
        self.cwd = cwd
        self.folder = folder
        self.kill = kill
        self.ended = threading.Event()
        self.status: int | None = None
        folder.mkdir(mode=0o700)

    def end(self, status: int | None) -> None:
        """Notes that it has ended."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.status = status
        self.ended.set()


class Kernel:
    """A Jupyter kernel.

    Attributes:
        process: what it runs in.
        connection: how to talk to it, as in Jupyter's connection file.
    """

    def __init__(self, process: Process) -> None:
        self.process = process
        self.connection: dict[str, int | str | bytes] = {
            "transport": "ipc",  # sockets in a folder of ours: nobody else can connect, and ports do not run out
            "ip": str(process.folder / "s"),
            "key": secrets.token_hex(16),
            "signature_scheme": "hmac-sha256",
            **{f"{channel}_port": number for number, channel in enumerate(_CHANNELS, 1)},
        }
        self.file.write_text(json.dumps(self.connection))

    @property
    def file(self) -> Path:
        """Its connection file."""
        return self.process.folder / "connection.json"


class Nursery:
    """Starts the nursery process and, through it, others. Safe to use from several threads.

    Every verb that starts something raises OSError where its folder cannot be written.

    Args:
        environment: what the processes see as their environment.
        notebooks: paths of the notebooks to come.
        folder: where the sockets go, a short path that only we can read.
    """

    def __init__(self, environment: Mapping[str, str], notebooks: Sequence[str], folder: Path) -> None:
        self._environment = dict(environment)
        self._notebooks = notebooks
        self._folder = folder
        self._numbers = itertools.count(1)
        self._ahead: Kernel | None = None
        self._lock = threading.RLock()
        self._launch()

    def start_ahead(self, cwd: str) -> None:
        """Starts a kernel that the first notebook of this folder will find ready."""
        self._ahead = self._own_kernel(cwd)

    def kernel(self, cwd: str, command: Sequence[str] = ()) -> Kernel:
        """A kernel nobody has used: the one started ahead if it fits, else a new one; returns at once.

        Args:
            cwd: the folder it runs in.
            command: starts another kernel than our own, "{connection_file}" standing for its connection file.
        """
        with self._lock:
            ahead, self._ahead = self._ahead, None
        if ahead and ahead.process.cwd == cwd and not command and not ahead.process.ended.is_set():
            return ahead
        if ahead:
            ahead.process.kill()
        return self._other_kernel(cwd, command) if command else self._own_kernel(cwd)

    def _own_kernel(self, cwd: str) -> Kernel:
        kernel = Kernel(self._process(cwd))
        self._start(kernel.process, kernel=str(kernel.file))
        return kernel

    def _other_kernel(self, cwd: str, command: Sequence[str]) -> Kernel:
        kernel = Kernel(self._process(cwd))
        arguments = [argument.replace("{connection_file}", str(kernel.file)) for argument in command]
        self._start(kernel.process, command=arguments)
        return kernel

    def scraps(self, notebook: str, seconds: float) -> dict[str, object]:
        """What an executed notebook, given as its JSON text, has glued. Raises ValueError if that cannot be read."""
        process = self._process(str(self._folder))
        executed, target = process.folder / "executed.ipynb", self._folder / f"scraps{process.number}.json"
        executed.write_text(notebook, encoding="utf-8")
        self._start(process, scraps=[str(executed), str(target)])
        if not process.ended.wait(seconds):
            process.kill()
            raise ValueError(f"it took longer than {seconds:g} s")
        try:
            result: dict[str, dict[str, object]] = json.loads(target.read_text(encoding="utf-8"))
        except OSError:
            raise ValueError(f"the process that reads them ended with {process.status}") from None
        target.unlink()
        if "error" in result:
            raise ValueError(result["error"])
        return result["scraps"]

    def close(self) -> None:
        """Ends every process and the nursery, and waits for it."""
        assert self._nursery.stdin is not None
        with self._lock, suppress(BrokenPipeError):
            self._nursery.stdin.close()
        self._nursery.terminate()  # it may be in the middle of its imports
        try:
            self._nursery.wait(_ENDING)
        except subprocess.TimeoutExpired:
            self._nursery.kill()

    def _launch(self) -> None:
        self._processes: dict[int, Process] = {}
        self._nursery = subprocess.Popen(  # noqa: S603  # our own script
            [sys.executable, nursery.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self._environment,
        )
        threading.Thread(target=self._listen, args=(self._nursery, self._processes), daemon=True).start()
        warehouse = self._environment.get("WAREHOUSE_URL", "")
        self._command(preload=[name for path in self._notebooks for name in preloads(path, warehouse)])

    def _process(self, cwd: str) -> Process:
        number = next(self._numbers)
        return Process(number, cwd, self._folder / f"k{number}", lambda: self._command(kill=number))

    def _start(self, process: Process, **what: object) -> None:
        with self._lock:
            if self._nursery.poll() is not None:
                self._launch()
            self._processes[process.number] = process
            if not self._command(start=process.number, cwd=process.cwd, **what):
                process.end(None)

    def _command(self, **command: object) -> bool:
        """Sends a command; False if the nursery is gone."""
        assert self._nursery.stdin is not None
        try:
            with self._lock:
                self._nursery.stdin.write(json.dumps(command).encode() + b"\n")
                self._nursery.stdin.flush()
        except (BrokenPipeError, ValueError):
            return False
        return True

    @staticmethod
    def _listen(process: subprocess.Popen[bytes], processes: dict[int, Process]) -> None:
        assert process.stdout is not None
        with process.stdout as events:
            for event in map(json.loads, events):
                processes.pop(event["ended"]).end(event["status"])
        while processes:
            processes.popitem()[1].end(None)
