"""The bot's side of the notebook host: a child process that is asked in JSON lines."""

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

_ENDING = 10.0
"""Seconds the host gets to end its processes."""

_SHORT = 60
"""Longest temporary folder that leaves room for a kernel's sockets: their paths end at 107 bytes (unix(7))."""

Answer = dict[str, object]


class HostGone(Exception):
    """The host ended, or was ended; its last words are the message."""


class Host:
    """Starts a host and asks it; safe to use from several threads.

    Args:
        environment: what notebooks see; the host sees the same.
        settings: the rest of the host's first line.

    Raises OSError if there is no place for its files.
    """

    def __init__(self, environment: Mapping[str, str], settings: Mapping[str, object]) -> None:
        self._numbers = itertools.count(1)
        self._asked: dict[int, Future[Answer]] = {}
        self._gone = False
        self._lock = threading.Lock()
        self._folder = _private_folder()
        try:
            environment = {**environment, **_own_folders(self._folder, environment)}
            self._log = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115  # lives as long as the host
        except OSError:
            shutil.rmtree(self._folder)
            raise
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "creditbot.notebook_host"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**environment, "PYTHONPATH": _python_path(environment)},
            start_new_session=True,  # Ctrl-C is for the bot, which then ends the host
        )
        self._send({**settings, "environment": environment, "folder": str(self._folder)})
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def ask(self, question: Mapping[str, object], seconds: float) -> Answer:
        """The answer. Raises `HostGone`; also when there is none after `seconds`, and the host is ended then."""
        number, answer = next(self._numbers), Future[Answer]()
        with self._lock:
            if self._gone:
                raise HostGone
            self._asked[number] = answer
        self._send({**question, "id": number})
        try:
            return answer.result(seconds)
        except TimeoutError:
            self._process.kill()  # the nursery and the kernels follow by themselves
            raise HostGone("it did not answer") from None

    def close(self) -> None:
        """Ends it with all its processes."""
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

    def _send(self, message: Mapping[str, object]) -> None:
        assert self._process.stdin is not None
        with self._lock, suppress(BrokenPipeError, ValueError):  # gone: `_listen` tells those who wait
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                answer = json.loads(line, parse_float=Decimal)
                with self._lock:
                    asked = self._asked.pop(answer["id"])
                asked.set_result(answer)
        self._process.wait()
        with self._lock:
            self._gone = True
        gone = HostGone(self._last_words())
        while self._asked:
            self._asked.popitem()[1].set_exception(gone)

    def _last_words(self) -> str:
        self._log.seek(max(0, self._log.seek(0, os.SEEK_END) - 2000))
        lines = self._log.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _private_folder() -> Path:
    """A new folder that only we can read, with a short path."""
    parent = tempfile.gettempdir()
    return Path(tempfile.mkdtemp(prefix="creditbot-", dir=parent if len(parent) <= _SHORT else "/tmp"))  # noqa: S108


def _own_folders(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Makes folders for what Jupyter and notebooks write for themselves: variable -> folder."""
    own = {"TMPDIR": "tmp", "IPYTHONDIR": "ipython", "JUPYTER_RUNTIME_DIR": "jupyter"}
    home = environment.get("HOME", "")
    if not home or not Path(home).is_dir():
        own["HOME"] = "home"
    elif not os.access(home, os.W_OK) and "MPLCONFIGDIR" not in environment:
        own["MPLCONFIGDIR"] = "matplotlib"  # only this: what else such a home holds can still be read
    for name in own.values():
        (folder / name).mkdir(mode=0o700)
    return {variable: str(folder / name) for variable, name in own.items()}


def _python_path(environment: Mapping[str, str]) -> str:
    """Finds this very creditbot, installed or not."""
    root = str(Path(creditbot.__file__).parent.parent)
    return os.pathsep.join(filter(None, [root, environment.get("PYTHONPATH")]))
