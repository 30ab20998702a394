"""What another process of the same user can read from our process."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from creditbot.machine.hardening import can_be_confined, confine, hide_from_other_processes

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


def confined_reads() -> list[str]:
    """What a confined process with all rights of this one does: looks into its parent and itself, and moves a file."""
    parent, folder = os.getpid(), Path(tempfile.mkdtemp())
    read, write = os.pipe()
    if os.fork() == 0:
        confine()
        done = [name for name in (str(parent), "self") if _can_read(f"/proc/{name}/environ")]
        (folder / "a").mkdir()
        (folder / "a" / "file").touch()
        (folder / "a" / "file").rename(folder / "file")
        os.write(
            write, " ".join([*done, *(path.name for path in folder.iterdir())]).replace(str(parent), "parent").encode()
        )
        os._exit(0)
    os.close(write)
    shown = os.read(read, 1000).decode().split()
    shutil.rmtree(folder)
    return sorted(shown)


def _can_read(file: str) -> bool:
    try:
        Path(file).read_bytes()
    except PermissionError:
        return False
    return True


@pytest.mark.skipif(not can_be_confined(), reason="needs Landlock of Linux 5.19")
def test_a_confined_process_cannot_look_into_its_parent() -> None:
    """It can look into itself, and files can be moved from one folder to another as before."""
    script = "from tests.unit.test_hardening import confined_reads; print(*confined_reads())"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert "a file self" == done.stdout.strip()
