"""The default number of workers follows affinity and the limits of cgroups."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from creditbot.machine.cores import workers_default

AFFINITY = len(os.sched_getaffinity(0))


def tree(root: Path, files: dict[str, str]) -> Path:
    """A machine's `proc` and `sys` with these files."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


CGROUP, V2, V1 = "proc/self/cgroup", "sys/fs/cgroup", "sys/fs/cgroup/cpu"


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        pytest.param({}, AFFINITY, id="no cgroups"),
        pytest.param({CGROUP: "0::/\n"}, AFFINITY, id="version 2, no limit file"),
        pytest.param({CGROUP: "0::/\n", f"{V2}/cpu.max": "max 100000\n"}, AFFINITY, id="version 2, unlimited"),
        pytest.param({CGROUP: "0::/\n", f"{V2}/cpu.max": "100000 100000\n"}, 1, id="version 2, one core"),
        pytest.param({CGROUP: "0::/\n", f"{V2}/cpu.max": "25000 100000\n"}, 1, id="a quarter of a core is one"),
        pytest.param({CGROUP: "0::/\n", f"{V2}/cpu.max": "120000 100000\n"}, min(2, AFFINITY), id="1.2 cores are two"),
        pytest.param(
            {CGROUP: "0::/pod/box\n", f"{V2}/pod/box/cpu.max": "max 100000\n", f"{V2}/pod/cpu.max": "100000 100000\n"},
            1,
            id="the limit of a cgroup above counts",
        ),
        pytest.param(
            {CGROUP: "4:cpu,cpuacct:/docker/x\n1:name=systemd:/\n", f"{V1}/cpu.cfs_quota_us": "100000\n"}
            | {f"{V1}/cpu.cfs_period_us": "100000\n"},
            1,
            id="version 1, seen from inside a container",
        ),
        pytest.param(
            {CGROUP: "4:cpu:/\n", f"{V1}/cpu.cfs_quota_us": "-1\n", f"{V1}/cpu.cfs_period_us": "100000\n"},
            AFFINITY,
            id="version 1, unlimited",
        ),
    ],
)
def test_workers_follow_the_limits(tmp_path: Path, files: dict[str, str], limit: int) -> None:
    """The smallest of affinity and all limits counts, and there is at least one worker."""
    assert limit == workers_default(tree(tmp_path, files))


def test_workers_on_this_machine() -> None:
    """On the machine itself there is at least one and at most one a core."""
    assert 1 <= workers_default() <= AFFINITY
