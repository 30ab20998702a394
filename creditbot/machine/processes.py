"""This process: its name, by which a claim says who made it, and whether it was asked to stop.

On one machine, the name in a claim shows whether the process that made the claim still runs.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from creditbot.machine.meanwhile import Meanwhile, every

_NAP = 0.2  # seconds


def name() -> str:
    """A name no other process has: "HOST/PID/START/RANDOM"; START is the kernel's start time of the process."""
    pid = os.getpid()
    return f"{socket.gethostname()}/{pid}/{_started(pid)}/{secrets.token_hex(4)}"


def is_running(claimant: str) -> bool | None:
    """Whether the process of that name, which was on this machine, runs; None whenever that cannot be told."""
    try:
        host, pid, started, _ = claimant.rsplit("/", 3)
        number = int(pid)
    except ValueError:
        return None
    if host != socket.gethostname() or not started:
        return None
    return _started(number) == started


class Stop:
    """Whether the process was asked to stop.

    A signal handler asks, perhaps while its own thread sleeps. That is why this is not an `Event`: setting an `Event`
    that the same thread waits for can deadlock.
    """

    def __init__(self, nap: Callable[[float], object] = time.sleep) -> None:
        self._nap = nap
        self.asked = False

    def ask(self) -> None:
        """Asks the process to stop: from now on nothing new is begun, and `sleep` returns at once."""
        self.asked = True

    def sleep(self, seconds: float) -> bool:
        """Waits for so many seconds, or until the process is asked to stop; returns whether it was asked."""
        while seconds > 0 and not self.asked:
            self._nap(min(seconds, _NAP))
            seconds -= _NAP
        return self.asked


@dataclass(frozen=True, slots=True)
class ThisProcess:
    """This process as it appears to others, and what it knows about them.

    Attributes:
        name: says in a claim who made it; no other process has the same.
        is_running: whether the process of a claim still runs, by its name; None where that cannot be told.
        stop: whether this process was asked to stop.
        wall: the local clock, UTC. It may be wrong: what matters is timed by Slack's clock.
        requests_at_once: how many requests are worked on at a time. They mostly wait: for Slack, Looker or a notebook.
            With 1 everything happens in the calling thread.
        has_ticked: whether it had a tick before this one, as in `creditbot serve`.
        meanwhile: does something again and again while something else is done.
    """

    name: str = field(default_factory=name)
    is_running: Callable[[str], bool | None] = lambda _: None
    stop: Stop = field(default_factory=Stop)
    wall: Callable[[], datetime] = lambda: datetime.now(UTC)
    requests_at_once: int = 1
    has_ticked: bool = False
    meanwhile: Meanwhile = every

    def again(self) -> Self:
        """This process under another name, for its next tick."""
        return replace(self, name=f"{_unnamed(self.name)}/{secrets.token_hex(4)}", has_ticked=True)

    def still_works(self, claimant: str) -> bool | None:
        """Whether the process of an earlier claim still works on it; None where that cannot be told.

        This process does not: its earlier ticks have ended, and so has their work.
        """
        if self.has_ticked and _unnamed(claimant) == _unnamed(self.name):
            return False
        return self.is_running(claimant)


def _unnamed(name: str) -> str:
    """What the names of one process have in common."""
    return name.rpartition("/")[0]


def _started(pid: int) -> str:
    """When a process began, which a reused pid does not share; "" where there is no such process."""
    return _started_by_proc(pid) if Path("/proc/self/stat").exists() else _started_by_ps(pid)


def _started_by_proc(pid: int) -> str:
    """Field 22 of /proc/PID/stat (proc(5)), in ticks since the system began."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]


def _started_by_ps(pid: int) -> str:
    """The same from `ps`, which every system has; exact to the second."""
    import subprocess

    try:
        shown = subprocess.run(  # noqa: S603  # our own number
            ["ps", "-o", "lstart=", "-p", str(pid)],  # noqa: S607  # wherever a system keeps it
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    except OSError:
        return ""
    return shown.stdout.strip()
