"""The bot's end of the wire: starts the host process, sends it requests, and gives its replies to those who wait.

What goes over the wire is described in creditbot/notebook_host/wire.py.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import creditbot
from creditbot.model import CreditDays
from creditbot.notebook_host.wire import (
    HostSettings,
    Reply,
    RunnerSettings,
    RunRequest,
    WarmRequest,
    days_on_the_wire,
)

_ENDING = 10.0
"""Seconds that the host gets to end its processes."""

_LONGEST_PARENT = 60
"""Characters of a temporary folder that leave room for the kernels' sockets: unix(7) limits a path to 107 bytes."""


class HostEnded(Exception):
    """The host ended before it replied, or was killed because it did not reply. The message is its last line."""


class HostProcess:
    """Starts the host and has it run notebooks. Safe to use from several threads.

    Args:
        environment: of the host and of the notebooks.
        settings: what else the host has to know.

    Raises OSError if there is no room for its files.
    """

    def __init__(self, environment: Mapping[str, str], settings: RunnerSettings) -> None:
        self._numbers = itertools.count(1)
        self._waiting: dict[int, Future[Reply]] = {}
        self._ended = False
        self._lock = threading.Lock()
        self._folder = _private_folder()
        try:
            variables = {**environment, **_own_folders(self._folder, environment)}
            self._log = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115  # lives as long as the host
        except OSError:
            shutil.rmtree(self._folder)
            raise
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "creditbot.notebook_host"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**variables, "PYTHONPATH": _python_path(variables)},
            start_new_session=True,  # Ctrl-C is for the bot, which then ends the host
        )
        self._send(HostSettings(**settings, environment=variables, folder=str(self._folder)))
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def run(self, notebook: str, sql: str, days: CreditDays | None, seconds: float) -> Reply:
        """The reply to a request. Raises `HostEnded`, and kills the host if it does not reply within `seconds`."""
        number, reply = next(self._numbers), Future[Reply]()
        with self._lock:
            if self._ended:
                raise HostEnded
            self._waiting[number] = reply
        self._send(RunRequest(id=number, notebook=notebook, sql=sql, days=days_on_the_wire(days)))
        try:
            return reply.result(seconds)
        except TimeoutError:
            self._process.kill()  # the fork server and the kernels end by themselves
            raise HostEnded("it did not answer") from None

    def warm(self) -> None:
        """Has a kernel wait for the next run; returns at once."""
        self._send(WarmRequest(warm=True))

    def close(self) -> None:
        """Ends the host with all its processes."""
        assert self._process.stdin is not None
        with self._lock, suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(_ENDING)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._listener.join()
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _send(self, message: HostSettings | RunRequest | WarmRequest) -> None:
        assert self._process.stdin is not None
        with self._lock, suppress(BrokenPipeError, ValueError):  # it has ended: those who wait hear it from `_listen`
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                reply = json.loads(line, parse_float=Decimal)
                with self._lock:
                    future = self._waiting.pop(reply["id"])
                future.set_result(reply)
        self._process.wait()
        with self._lock:
            self._ended = True
        ended = HostEnded(self._last_line())
        while self._waiting:
            self._waiting.popitem()[1].set_exception(ended)

    def _last_line(self) -> str:
        self._log.seek(max(0, self._log.seek(0, os.SEEK_END) - 2000))
        lines = self._log.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _private_folder() -> Path:
    """A new folder with a short path, which other users cannot read."""
    parent = tempfile.gettempdir()
    short = parent if len(parent) <= _LONGEST_PARENT else "/tmp"  # noqa: S108
    return Path(tempfile.mkdtemp(prefix="creditbot-", dir=short))


def _own_folders(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Makes folders for the files that Jupyter and notebooks write: environment variable -> path of its folder."""
    own = {"TMPDIR": "tmp", "IPYTHONDIR": "ipython", "JUPYTER_RUNTIME_DIR": "jupyter"}
    home = environment.get("HOME", "")
    if not home or not Path(home).is_dir():
        own["HOME"] = "home"
    elif not os.access(home, os.W_OK) and "MPLCONFIGDIR" not in environment:
        own["MPLCONFIGDIR"] = "matplotlib"  # HOME itself stays: notebooks may read files there
    for name in own.values():
        (folder / name).mkdir(mode=0o700)
    return {variable: str(folder / name) for variable, name in own.items()}


def _python_path(environment: Mapping[str, str]) -> str:
    """Makes the host import the same creditbot as this process, installed or not."""
    root = str(Path(creditbot.__file__).parent.parent)
    return os.pathsep.join(filter(None, [root, environment.get("PYTHONPATH")]))
