"""The host's side of the fork server: starts kernels and readers of scraps, and notices when they end.

The commands that it writes and the events that it reads are described in fork_server.py.
"""

from __future__ import annotations

import itertools
import json
import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from creditbot.notebook_host import fork_server
from creditbot.notebook_host.imports import modules_to_preload
from creditbot.notebook_host.run_folder import fill_run_folder, make_run_folder, put_files, show_changes

_CHANNELS = ("shell", "iopub", "stdin", "control", "hb")

_ENDING = 5.0
"""Seconds the fork server gets to end its processes."""

_LONGEST_WAIT = 3600.0
"""Seconds for which a kernel waits for its run. What cleans up a temporary folder may remove older files from it."""


class ForkedProcess:
    """A process that the fork server is to start, has started, or has seen end.

    Attributes:
        number: what commands and events call it.
        cwd: the folder it belongs to: a notebook's, for a kernel.
        folder: a folder of its own, removed when it has ended.
        kill: asks the fork server to kill it and whatever it started; returns at once.
        ended: set when it has ended.
        status: its exit status then, negative for a signal; None if the fork server ended first.
        was_too_large: whether it was killed because the memory was nearly full.
    """

    def __init__(self, number: int, cwd: str, folder: Path, kill: Callable[[], object]) -> None:
        self.number = number
        self.cwd = cwd
        self.folder = folder
        self.kill = kill
        self.ended = threading.Event()
        self.status: int | None = None
        self.was_too_large = False
        folder.mkdir(mode=0o700)

    def mark_ended(self, status: int | None, *, was_too_large: bool = False) -> None:
        """Says how it ended, and removes its folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.status, self.was_too_large = status, was_too_large
        self.ended.set()


class Kernel:
    """A Jupyter kernel.

    Attributes:
        process: the process that it runs in.
        connection: the content of its Jupyter connection file.
        work: the folder that it works in, if that is one of its own; else None. It is empty until `begin`.
        started: when it was started, by `time.monotonic`.
    """

    def __init__(self, process: ForkedProcess) -> None:
        self.process = process
        self.work: Path | None = None
        self.started = time.monotonic()
        self.connection: dict[str, int | str | bytes] = {
            "transport": "ipc",  # sockets in a private folder: nobody else can connect, and ports do not run out
            "ip": str(process.folder / "s"),
            "key": secrets.token_hex(16),
            "signature_scheme": "hmac-sha256",
            **{f"{channel}_port": number for number, channel in enumerate(_CHANNELS, 1)},
        }
        self.file.write_text(json.dumps(self.connection))

    def begin(self, files: Mapping[str, bytes]) -> None:
        """Fills its working folder for a run that begins now. Raises OSError.

        Args:
            files: the files beside the notebook as they were read for this run, so that it imports exactly these.
        """
        if self.work is not None:
            fill_run_folder(self.work, Path(self.process.cwd))
            put_files(self.work, files)
            show_changes(self.work)

    def may_run(self, cwd: str) -> bool:
        """Whether it can still be used for a notebook of this folder."""
        waited = time.monotonic() - self.started
        return self.process.cwd == cwd and waited < _LONGEST_WAIT and not self.process.ended.is_set()

    @property
    def file(self) -> Path:
        """Its connection file."""
        return self.process.folder / "connection.json"


class KernelLauncher:
    """Starts the fork server and, through it, kernels and readers of scraps. Safe to use from several threads.

    Every method that starts a process raises OSError if the folder cannot be written to.

    Args:
        environment: the environment of all these processes.
        notebooks: paths of the notebooks to expect; the fork server imports what they import.
        folder: private, with a short path, because the kernels' sockets are in it.
        apart: whether each kernel gets folders of its own, see run_folder.py; else it runs in the folder as it is.
    """

    def __init__(
        self, environment: Mapping[str, str], notebooks: Sequence[str], folder: Path, *, apart: bool = True
    ) -> None:
        self._environment = dict(environment)
        self._notebooks = notebooks
        self._folder = folder
        self._apart = apart
        self._numbers = itertools.count(1)
        self._waiting: Kernel | None = None
        self._lock = threading.RLock()
        self._launch()

    def prestart(self, cwd: str) -> None:
        """Has a kernel wait for the next run of a notebook of this folder, unless one waits already."""
        with self._lock:
            before = self._waiting
            if before and before.may_run(cwd):
                return
            self._waiting = self._own_kernel(cwd)
        if before:
            before.process.kill()

    def kernel(self, cwd: str, command: Sequence[str] = ()) -> Kernel:
        """An unused kernel: the one that waits if it fits, else a new one, which may not be ready yet.

        Args:
            cwd: the folder of the notebook.
            command: starts a kernel of another Python, with "{connection_file}" for the path of its connection file.
        """
        with self._lock:
            waiting, self._waiting = self._waiting, None
        if waiting and not command and waiting.may_run(cwd):
            return waiting
        if waiting:
            waiting.process.kill()
        return self._other_kernel(cwd, command) if command else self._own_kernel(cwd)

    def _own_kernel(self, cwd: str) -> Kernel:
        kernel = Kernel(self._process(cwd))
        self._start(kernel.process, kernel=str(kernel.file), **self._folders(kernel))
        return kernel

    def _other_kernel(self, cwd: str, command: Sequence[str]) -> Kernel:
        kernel = Kernel(self._process(cwd))
        arguments = [argument.replace("{connection_file}", str(kernel.file)) for argument in command]
        self._start(kernel.process, command=arguments, **self._folders(kernel))
        return kernel

    def _folders(self, kernel: Kernel) -> dict[str, object]:
        """Makes the folders of a kernel; what the fork server has to know of them."""
        if not self._apart:
            return {}
        process = kernel.process
        made = make_run_folder(process.folder, Path(process.cwd), self._environment)
        kernel.work = Path(made.cwd)
        return {"cwd": made.cwd, "environ": made.environ}

    def read_scraps(self, notebook: str, seconds: float) -> dict[str, object]:
        """What an executed notebook glued: name -> value. A process of its own reads them, for at most `seconds`.

        `notebook` is the text of its file. Raises ValueError if the scraps cannot be read.
        """
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
        """Ends the fork server with all its processes, and waits for it."""
        assert self._server.stdin is not None
        with self._lock, suppress(BrokenPipeError):
            self._server.stdin.close()
        self._server.terminate()  # it may be in the middle of its imports
        try:
            self._server.wait(_ENDING)
        except subprocess.TimeoutExpired:
            self._server.kill()

    def _launch(self) -> None:
        self._processes: dict[int, ForkedProcess] = {}
        self._server = subprocess.Popen(  # noqa: S603  # our own script
            [sys.executable, fork_server.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self._environment,
        )
        threading.Thread(target=self._listen, args=(self._server, self._processes), daemon=True).start()
        warehouse = self._environment.get("WAREHOUSE_URL", "")
        self._command(preload=[name for path in self._notebooks for name in modules_to_preload(path, warehouse)])

    def _process(self, cwd: str) -> ForkedProcess:
        number = next(self._numbers)
        return ForkedProcess(number, cwd, self._folder / f"k{number}", lambda: self._command(kill=number))

    def _start(self, process: ForkedProcess, **options: object) -> None:
        with self._lock:
            if self._server.poll() is not None:
                self._launch()
            self._processes[process.number] = process
            if not self._command(**{"start": process.number, "cwd": process.cwd, **options}):
                process.mark_ended(None)

    def _command(self, **command: object) -> bool:
        """Sends a command; False if the fork server has ended."""
        assert self._server.stdin is not None
        try:
            with self._lock:
                self._server.stdin.write(json.dumps(command).encode() + b"\n")
                self._server.stdin.flush()
        except (BrokenPipeError, ValueError):
            return False
        return True

    @staticmethod
    def _listen(server: subprocess.Popen[bytes], processes: dict[int, ForkedProcess]) -> None:
        assert server.stdout is not None
        with server.stdout as events:
            for event in map(json.loads, events):
                processes.pop(event["ended"]).mark_ended(event["status"], was_too_large=event["memory"])
        while processes:
            processes.popitem()[1].mark_ended(None)
