"""The fork server, the process that kernels are forked from. It imports what the notebooks need once for all of them.

It is started by kernels.py as a script in the notebooks' environment, which may not find creditbot: it imports nothing
of creditbot. It runs no code of a notebook, so its forks are as good as new processes: nothing leaks from one run into
another.

Commands come on stdin, one JSON object a line:

    {"preload": [MODULE, ...]}                                      once, before the first start
    {"start": NUMBER, "cwd": FOLDER, "kernel": CONNECTION_FILE}     a kernel on this Python
    {"start": NUMBER, "cwd": FOLDER, "command": [ARGUMENT, ...]}    a kernel on another Python
    {"start": NUMBER, "cwd": FOLDER, "scraps": [NOTEBOOK, FILE]}    reads an executed notebook's scraps into the file
    {"start": ..., "environ": {NAME: VALUE}}                        the same with more environment variables
    {"kill": NUMBER}                                                kills that process and everything it started

Events go to stdout: `{"ended": NUMBER, "status": N, "memory": BOOL}`, N as from `os.waitstatus_to_exitcode`; "memory"
says that the server killed the process because the container's memory was nearly full. When stdin ends, and at SIGTERM,
the server ends with all its processes.

Each process adopts the orphans of what it starts, so that they end with it, however they were started.
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
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

READ_SCRAPS = "--scraps"
"""The first argument of the script if it is to read scraps, of the file in its second into the file in its third."""

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
"""Keeps numpy and pyarrow from starting threads when they are imported: a fork has only one thread."""

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36

_FULL = 0.9
"""Part of the container's memory that may be taken before the largest process is killed."""

_GLANCE = 0.02
"""Seconds between two looks at the memory. A kernel takes perhaps 3 GB a second."""


class ForkServer:
    """Forks processes, kills them, and reports when one has ended.

    Args:
        environ: the environment of the processes.
        commands: the pipe that commands are read from.
        events: the pipe that events are written to.
        memory: of the container.
    """

    def __init__(self, environ: dict[str, str], commands: int, events: int, memory: ContainerMemory) -> None:
        self._environ = environ
        self._commands = commands
        self._events = events
        self._memory = memory
        self._wake = os.pipe()
        self._pids: dict[int, int] = {}
        self._too_large: int | None = None

    def serve(self) -> NoReturn:
        """Imports ipykernel and obeys commands until stdin ends, then ends with all its processes."""
        signal.signal(signal.SIGTERM, lambda *_: self._end())
        _import_ipykernel()
        wake, signalled = self._wake
        os.set_blocking(signalled, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(signalled, warn_on_full_buffer=False)
        rest = b""
        while True:
            watches = self._pids and self._memory.is_limited
            ready, _, _ = select.select([self._commands, wake], [], [], _GLANCE if watches else None)
            if watches and self._too_large is None and self._memory.is_nearly_full():
                self._kill_the_largest()
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

    def _obey(self, preload: Sequence[str] = (), kill: int = 0, start: int = 0, **options: Any) -> None:
        if preload:
            _import(preload)
        if pid := self._pids.get(kill):
            _kill(pid)
        if start:
            self._pids[start] = self._start(**options)

    def _start(
        self,
        cwd: str,
        kernel: str = "",
        command: Sequence[str] = (),
        scraps: Sequence[str] = (),
        environ: Mapping[str, str] | None = None,
    ) -> int:
        alone = _one_thread()
        pid = os.fork()
        if pid == 0:
            try:
                self._become_child(cwd, environ or {})
                if command or not alone:
                    _execute(command or _command_for(kernel, scraps))
                elif kernel:
                    _serve_kernel(kernel)
                else:
                    _read_scraps(*scraps)
                os._exit(0)
            except BaseException:  # noqa: BLE001  # whatever happens, a fork must not become a second server
                traceback.print_exc(file=sys.__stderr__)
            finally:
                os._exit(1)
        return pid

    def _become_child(self, cwd: str, environ: Mapping[str, str]) -> None:
        """In a fork: gives up the server's process group, pipes, signal handlers and environment."""
        gc.enable()
        os.setsid()
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)
        with suppress(OSError):  # no Linux
            Path("/proc/self/oom_score_adj").write_text("1000")  # if memory runs out, this goes first, and not the bot
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        for pipe in (self._commands, self._events, *self._wake):
            os.close(pipe)
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(self._environ)
        os.environ.update(environ)
        if "tempfile" in sys.modules:
            vars(sys.modules["tempfile"])["tempdir"] = (
                None  # an import of the server may have asked for the server's own
            )

    def _reap(self) -> None:
        with suppress(ChildProcessError):
            while (child := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = child
                for number in [number for number, forked in self._pids.items() if forked == pid]:  # not for an orphan
                    self._report_end(number, os.waitstatus_to_exitcode(status))

    def _report_end(self, number: int, status: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pids.pop(number), signal.SIGKILL)  # what it left running in its group
        for orphan in set(_children(os.getpid())) - set(self._pids.values()):  # what it left running elsewhere
            _kill(orphan)
        event = {"ended": number, "status": status, "memory": number == self._too_large}
        if number == self._too_large:
            self._too_large = None
        os.write(self._events, json.dumps(event).encode() + b"\n")

    def _kill_the_largest(self) -> None:
        """Kills the process that takes the most memory, together with what it started."""
        self._too_large = max(self._pids, key=lambda number: sum(map(_memory_of, _family(self._pids[number]))))
        _kill(self._pids[self._too_large])

    def _end(self) -> NoReturn:
        """Kills all processes."""
        for pid in _children(os.getpid()):
            _kill(pid)
        os._exit(0)  # an orderly exit would tear down hundreds of modules


class ContainerMemory:
    """The memory of the container that this process runs in, as Linux's cgroups count it, in version 1 or 2.

    Attributes:
        is_limited: whether there is a limit; never where there is no Linux.

    Args:
        root: where the cgroups are mounted.
        membership: a file as /proc/self/cgroup, which says where below the root this process belongs.
    """

    def __init__(self, root: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")) -> None:
        self._usage = self._stat = Path()
        self._limit = 0.0
        with suppress(OSError, ValueError):
            self._find(root, membership.read_text())
        self.is_limited = self._limit > 0

    def _find(self, root: Path, membership: str) -> None:
        """Raises OSError or ValueError if there is no limit. Only the group itself is looked at, not those above it."""
        places = {kinds: place.lstrip("/") for _, kinds, place in (line.split(":", 2) for line in membership.split())}
        old = "memory" in places
        usage, limit = ("usage_in_bytes", "limit_in_bytes") if old else ("current", "max")
        mounted = root / "memory" if old else root
        group = mounted / places["memory" if old else ""]
        if not group.is_dir():
            group = mounted  # a container sees its own group as the root
        self._usage, self._stat = group / f"memory.{usage}", group / "memory.stat"
        size = int((group / f"memory.{limit}").read_text())
        self._limit = size if size < 2**60 else 0  # version 1 writes a very large number for none

    def is_nearly_full(self) -> bool:
        """Whether little is left, and no cache of files that Linux would give up; never without a limit."""
        if not self.is_limited:
            return False
        with suppress(OSError, ValueError):
            usage = int(self._usage.read_text())
            if usage > _FULL * self._limit:
                counts = dict(line.split() for line in self._stat.read_text().splitlines())
                cache = (int(counts.get(f"total_{name}", counts[name])) for name in ("inactive_file", "active_file"))
                return usage - sum(cache) > _FULL * self._limit
        return False


def _kill(pid: int) -> None:
    """Kills a process and all that it started."""
    stopped: set[int] = set()
    while running := set(_family(pid)) - stopped:  # until none can start another while we look
        for process in running:
            _signal(process, signal.SIGSTOP)
        stopped |= running
    for process in stopped:
        _signal(process, signal.SIGKILL)


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _family(pid: int) -> list[int]:
    """A process, those that it started, and those that they started; only the process if there is no Linux /proc."""
    family = [pid]
    for member in family:
        family += _children(member)
    return family


def _children(pid: int) -> list[int]:
    pids: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            pids += map(int, path.read_text().split())
    return pids


def _memory_of(pid: int) -> int:
    """Pages of memory that a process holds; 0 where that cannot be told."""
    with suppress(OSError, ValueError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return 0


def _prctl(option: int, value: int) -> None:
    """Calls Linux's prctl(2). Elsewhere it does nothing; there a kernel polls for the end of its parent."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(option, value)


def _one_thread() -> bool:
    """Whether a fork may run on without exec: with a second thread, a lock could be held forever."""
    with suppress(OSError):
        return len(os.listdir("/proc/self/task")) == 1  # noqa: PTH208  # a count of names, no paths
    return False


def _serve_kernel(connection: str) -> None:
    """Runs an ipykernel until it is shut down. It is seeded, because all forks share the server's random state."""
    from ipykernel.kernelapp import IPKernelApp

    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()  # Python's own `random` does this by itself after a fork
    sys.argv = ["ipykernel_launcher.py", "-f", connection]
    kernel = IPKernelApp.instance()
    kernel.initialize([*sys.argv[1:], "--HistoryManager.hist_file=:memory:"])  # type: ignore[no-untyped-call]
    _wait_rather_than_drop(kernel.iopub_thread)
    kernel.start()  # type: ignore[no-untyped-call]


def _wait_rather_than_drop(outputs: Any) -> None:
    """Has ipykernel's thread for outputs wait while the host is slow: ZeroMQ would drop what it has no room for."""
    import zmq

    outputs.schedule(lambda: outputs.socket.setsockopt(zmq.XPUB_NODROP, 1))


def _read_scraps(executed: str, target: str) -> None:
    """Writes {"scraps": {NAME: VALUE}} or {"error": TEXT} to the target; a table becomes the list of its rows."""
    try:
        from scrapbook import read_notebook  # not in the server: only some notebooks need pandas

        scraps = read_notebook(executed).scraps.data_dict
        text = json.dumps({"scraps": scraps}, default=lambda value: value.to_dict(orient="records"))
    except Exception as error:  # noqa: BLE001  # the notebook decides what is in the file
        text = json.dumps({"error": f"{type(error).__name__}: {error}"})
    Path(target).write_text(text, encoding="utf-8")


def _command_for(kernel: str, scraps: Sequence[str]) -> list[str]:
    """The command that does the same in a new Python."""
    if kernel:
        return [sys.executable, "-m", "ipykernel_launcher", "-f", kernel, "--HistoryManager.hist_file=:memory:"]
    return [sys.executable, __file__, READ_SCRAPS, *scraps]


def _execute(command: Sequence[str]) -> NoReturn:
    os.execvp(command[0], list(command))  # noqa: S606  # without a shell


def _import_ipykernel() -> None:
    """Imports ipykernel without debugpy, which takes as long as all the rest and which nobody uses here."""
    sys.modules["debugpy"] = None  # type: ignore[assignment]  # its import fails, as if it was not installed
    importlib.import_module("ipykernel.debugger")
    del sys.modules["debugpy"]
    importlib.import_module("ipykernel.kernelapp")
    _import(_KERNEL_PARTS)


def _import(names: Sequence[str]) -> None:
    """Imports modules for the forks to share. A failing import is ignored: the notebook will fail in it and show it."""
    for name in names:
        with suppress(Exception):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()  # the collector would touch, and so copy, pages that the forks share


def _serve() -> NoReturn:
    gc.disable()  # imports leave almost no garbage, and looking for it takes a tenth of their time; forks enable it
    commands, events = os.dup(0), os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)  # what an import prints must not get between the events
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    environ = os.environ | {"JPY_PARENT_PID": str(os.getpid())}
    os.environ.update(_ONE_THREAD, JPY_PARENT_PID=str(os.getpid()))
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")  # as ipykernel does, before pyplot
    ForkServer(environ, commands, events, ContainerMemory()).serve()


if __name__ == "__main__":
    sys.path.pop(0)  # this file's folder: nothing may be imported from it
    if sys.argv[1:2] == [READ_SCRAPS]:
        _read_scraps(*sys.argv[2:])
    else:
        _serve()
