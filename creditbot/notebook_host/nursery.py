"""The process that kernels are forked from: what the notebooks import is imported once, not once per notebook.

Runs as a script in the kernels' own environment, which may not find creditbot: it imports nothing of it. It runs no
notebook code, so a fork of it is as good as a new process: no state of one run can reach another.

Commands on stdin, one JSON object a line:

    {"preload": [MODULE, ...]}                                      once, before the first start
    {"start": NUMBER, "cwd": FOLDER, "kernel": CONNECTION_FILE}     a kernel of our own
    {"start": NUMBER, "cwd": FOLDER, "command": [ARGUMENT, ...]}    another kernel
    {"start": NUMBER, "cwd": FOLDER, "scraps": [NOTEBOOK, FILE]}    reads an executed notebook's scraps into the file
    {"kill": NUMBER}                                                with everything it started

Events on stdout: `{"ended": NUMBER, "status": N}`, N as in `os.waitstatus_to_exitcode`. When stdin ends, or at SIGTERM,
everything ends.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

READ_SCRAPS = "--scraps"
"""As the first argument: do not serve, but read scraps, from the file of the second into that of the third."""

_KERNEL_PARTS = (
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "sqlite3",
    "tornado.platform.asyncio",
)
"""What a kernel imports while it starts, beyond `ipykernel.kernelapp`."""

_ONE_THREAD = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}
"""Keeps the imports of numpy and pyarrow from starting threads, which a fork would lose."""

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


class Nursery:
    """Starts processes, ends them, and says when one has ended.

    Args:
        environ: the environment they see.
        commands: the pipe that commands are read from.
        events: the pipe that events are written to.
    """

    def __init__(self, environ: dict[str, str], commands: int, events: int) -> None:
        self._environ = environ
        self._commands = commands
        self._events = events
        self._wake = os.pipe()
        self._pids: dict[int, int] = {}

    def serve(self) -> NoReturn:
        """Imports ipykernel and obeys commands until stdin ends, then ends with every process below this one."""
        signal.signal(signal.SIGTERM, lambda *_: self._end())
        _import_ipykernel()
        wake, signalled = self._wake
        os.set_blocking(signalled, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(signalled, warn_on_full_buffer=False)
        rest = b""
        while True:
            ready, _, _ = select.select([self._commands, wake], [], [])
            if wake in ready:
                os.read(wake, 4096)
                self._reap()
            if self._commands in ready:
                data = os.read(self._commands, 65536)
                if not data:
                    break
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    self._obey(**json.loads(line))
        self._end()

    def _obey(self, preload: Sequence[str] = (), kill: int = 0, start: int = 0, **what: Sequence[str]) -> None:
        if preload:
            _import(preload)
        if pid := self._pids.get(kill):
            _kill(pid)
        if start:
            self._pids[start] = self._start(**what)  # type: ignore[arg-type]

    def _start(self, cwd: str, kernel: str = "", command: Sequence[str] = (), scraps: Sequence[str] = ()) -> int:
        alone = _one_thread()
        pid = os.fork()
        if pid == 0:
            try:
                self._leave(cwd)
                if command or not alone:
                    _execute(command or _command_for(kernel, scraps))
                elif kernel:
                    _serve_kernel(kernel)
                else:
                    _read_scraps(*scraps)
                os._exit(0)
            except BaseException:  # noqa: BLE001  # a fork must not go on as a second nursery, whatever happens
                traceback.print_exc(file=sys.__stderr__)
            finally:
                os._exit(1)
        return pid

    def _leave(self, cwd: str) -> None:
        """In a fork: leaves the nursery's group, files, signals and environment behind."""
        gc.enable()
        os.setsid()
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        for pipe in (self._commands, self._events, *self._wake):
            os.close(pipe)
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(self._environ)

    def _reap(self) -> None:
        numbers = {pid: number for number, pid in self._pids.items()}
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = ended
                if number := numbers.get(pid):
                    with suppress(ProcessLookupError, PermissionError):
                        os.killpg(pid, signal.SIGKILL)  # what it left running in its group
                    del self._pids[number]
                    event = {"ended": number, "status": os.waitstatus_to_exitcode(status)}
                    os.write(self._events, json.dumps(event).encode() + b"\n")

    def _end(self) -> NoReturn:
        """Kills all kernels and, on Linux, whatever they left behind: orphans come to this process as their reaper."""
        for pid in self._pids.values():
            _kill(pid)
        for pid in _descendants(os.getpid()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        os._exit(0)  # taking so many modules down one by one would only cost time


def _kill(pid: int) -> None:
    """Kills a process of ours, its process group, and the descendants that left the group."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)  # so that it starts no more while we look
    descendants = _descendants(pid)
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    for process in (pid, *descendants):  # itself too: a fork of this very moment has no group yet
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def _descendants(pid: int) -> list[int]:
    """The processes that `pid` started, theirs included, as far as Linux tells (/proc/PID/task/TID/children)."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, path.read_text().split()):
                found += [child, *_descendants(child)]
    return found


def _prctl(option: int, value: int) -> None:
    """Linux's prctl(2); elsewhere nothing (there a kernel notices within a second that its parent is gone)."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(option, value)


def _one_thread() -> bool:
    """Whether a fork may go on without exec: no other thread can have held a lock."""
    with suppress(OSError):
        return len(os.listdir("/proc/self/task")) == 1  # noqa: PTH208  # a count of names, no paths
    return False


def _serve_kernel(connection: str) -> None:
    """Is an ipykernel until it is shut down; what a fork would share with its siblings is drawn anew."""
    from ipykernel.kernelapp import IPKernelApp

    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()  # Python's own `random` does this by itself after a fork
    sys.argv = ["ipykernel_launcher.py", "-f", connection]
    IPKernelApp.launch_instance([*sys.argv[1:], "--HistoryManager.hist_file=:memory:"])


def _read_scraps(executed: str, target: str) -> None:
    """Writes {"scraps": {NAME: VALUE}} or {"error": TEXT}; a table is written as the list of its rows."""
    try:
        from scrapbook import read_notebook  # here, where a notebook needed it anyway: it brings pandas

        scraps = read_notebook(executed).scraps.data_dict
        text = json.dumps({"scraps": scraps}, default=lambda value: value.to_dict(orient="records"))
    except Exception as error:  # noqa: BLE001  # the notebook decides what there is to read
        text = json.dumps({"error": f"{type(error).__name__}: {error}"})
    Path(target).write_text(text, encoding="utf-8")


def _command_for(kernel: str, scraps: Sequence[str]) -> list[str]:
    """What does the same in a process that is more than a fork."""
    if kernel:
        return [sys.executable, "-m", "ipykernel_launcher", "-f", kernel, "--HistoryManager.hist_file=:memory:"]
    return [sys.executable, __file__, READ_SCRAPS, *scraps]


def _execute(command: Sequence[str]) -> NoReturn:
    os.execvp(command[0], list(command))  # noqa: S606  # no shell is meant


def _import_ipykernel() -> None:
    """Imports ipykernel without its debugger: that takes as long as all the rest, and nobody attaches to it."""
    sys.modules["debugpy"] = None  # type: ignore[assignment]  # makes its import fail, as where it is not installed
    importlib.import_module("ipykernel.debugger")
    del sys.modules["debugpy"]
    importlib.import_module("ipykernel.kernelapp")
    _import(_KERNEL_PARTS)


def _import(names: Sequence[str]) -> None:
    """Imports for the forks to come; a failing import is met again, and shown, by the notebook itself."""
    for name in names:
        with suppress(Exception):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()  # keeps the collector from touching, and so copying, the pages that the forks share


def _serve() -> NoReturn:
    gc.disable()  # imports leave next to no garbage, and looking for it takes a tenth of their time; forks enable it
    commands, events = os.dup(0), os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)  # an import that prints must not speak in our name
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    environ = os.environ | {"JPY_PARENT_PID": str(os.getpid())}
    os.environ.update(_ONE_THREAD, JPY_PARENT_PID=str(os.getpid()))
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")  # as ipykernel does, before pyplot
    Nursery(environ, commands, events).serve()


if __name__ == "__main__":
    sys.path.pop(0)  # this file's folder, which is nobody's to import from
    if sys.argv[1:2] == [READ_SCRAPS]:
        _read_scraps(*sys.argv[2:])
    else:
        _serve()
