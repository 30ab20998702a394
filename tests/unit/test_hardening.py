"""What another process of the same user can read from our process."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

from creditbot.machine.hardening import hide_from_other_processes

NOBODY = 65534


def readable(hidden: bool) -> bool:
    """Whether a child of a process that is not root's can read its environment.

    The two are forks, as an unprivileged user may not be able to execute this Python.
    """
    pid = os.fork()
    if pid == 0:
        if os.getuid() == 0:
            os.setuid(NOBODY)
        ctypes.CDLL(None).prctl(4, 1)  # as after exec: changing the user hides a process as well
        if hidden:
            hide_from_other_processes()
        os._exit(_child_reads())
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1


def _child_reads() -> int:
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        ctypes.CDLL(None).prctl(4, 1)
        try:
            Path(f"/proc/{parent}/environ").read_bytes()
        except PermissionError:
            os._exit(0)
        os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.skipif(sys.platform != "linux", reason="prctl(2) is Linux's")
def test_a_hidden_process_cannot_be_read() -> None:
    """Another process of the same user reads our environment before, and not after."""
    script = "from tests.unit.test_hardening import readable; print(readable(hidden=False), readable(hidden=True))"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert "True False" == done.stdout.strip()
