"""How many cores this process may use: a container's limit counts, not the machine it runs on."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path


def workers_default(root: Path = Path("/")) -> int:
    """The default of WORKERS: the cores that affinity and cgroup limits leave, at least 1; part of a core is one.

    Args:
        root: where `proc` and `sys` are.
    """
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([affinity, *(math.ceil(quota) for quota in _quotas(root))]))


def _quotas(root: Path) -> Iterator[float]:
    """The CPU limits, in cores, of this process's cgroup and of those above it (cgroups(7))."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":  # version 2
            for folder in _upwards(root / "sys/fs/cgroup", path):
                yield from _cores(*_read(folder / "cpu.max").split())
        elif "cpu" in controllers.split(","):
            for folder in _upwards(root / "sys/fs/cgroup/cpu", path):
                yield from _cores(_read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us"))


def _upwards(mount: Path, path: str) -> Iterator[Path]:
    """The cgroup's folder and those above it; in a container perhaps only the mount exists, and is the container's."""
    folder = mount / path.strip("/")
    yield from (place for place in [folder, *folder.parents] if place.is_relative_to(mount))


def _cores(quota: str = "", period: str = "") -> Iterator[float]:
    """Nothing where there is no limit: "max", "-1", or no such file."""
    if quota.strip().isdecimal() and period.strip().isdecimal():
        yield int(quota) / int(period)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
