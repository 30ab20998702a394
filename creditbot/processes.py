"""Names for processes, so that a claim says who made it and a laptop can tell that its maker is gone."""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path


def name() -> str:
    """A name no other process has: "HOST/PID/START/RANDOM"; START is the kernel's start time of the process."""
    pid = os.getpid()
    return f"{socket.gethostname()}/{pid}/{_started(pid)}/{secrets.token_hex(4)}"


def gone(claimant: str) -> bool:
    """Whether the process of that name was on this machine and has ended. False whenever that cannot be told."""
    try:
        host, pid, started, _ = claimant.rsplit("/", 3)
        number = int(pid)
    except ValueError:
        return False
    if host != socket.gethostname() or not started:
        return False
    return _started(number) != started


def _started(pid: int) -> str:
    """Field 22 of /proc/PID/stat (proc(5)), which a reused pid does not share; "" where there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]
