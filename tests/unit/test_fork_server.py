"""The fork server: which process it ends when the container's memory is nearly full, and how it knows that."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from creditbot.notebook_host.fork_server import ContainerMemory

MIB = 2**20

Version = Callable[..., ContainerMemory]


def version_1(root: Path, usage: int, limit: int, cache: int, group: str = "pod") -> ContainerMemory:
    """A container whose memory is counted by version 1 of cgroups; sizes in MiB."""
    folder = root / "memory" / group
    folder.mkdir(parents=True)
    (folder / "memory.usage_in_bytes").write_text(f"{usage * MIB}\n")
    (folder / "memory.limit_in_bytes").write_text(f"{limit * MIB}\n")
    stat = f"inactive_file 0\nactive_file 0\ntotal_inactive_file {cache * MIB}\ntotal_active_file 0\n"
    (folder / "memory.stat").write_text(stat)
    (root / "membership").write_text("4:cpu,cpuacct:/pod\n3:memory:/pod\n0::/\n")
    return ContainerMemory(root, root / "membership")


def version_2(root: Path, usage: int, limit: int | str, cache: int, group: str = "") -> ContainerMemory:
    """A container whose memory is counted by version 2."""
    folder = root / group
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "memory.current").write_text(f"{usage * MIB}\n")
    (folder / "memory.max").write_text(f"{limit * MIB if isinstance(limit, int) else limit}\n")
    (folder / "memory.stat").write_text(f"anon 5\nfile 7\ninactive_file 0\nactive_file {cache * MIB}\n")
    (root / "membership").write_text("0::/pod\n")
    return ContainerMemory(root, root / "membership")


VERSIONS = pytest.mark.parametrize("version", [version_1, version_2])


@VERSIONS
@pytest.mark.parametrize(
    ("usage", "cache", "full"), [(900, 0, False), (940, 0, True), (1000, 200, False), (1020, 50, True)]
)
def test_memory_is_nearly_full_above_nine_tenths(
    tmp_path: Path, version: Version, usage: int, cache: int, full: bool
) -> None:
    """What Linux keeps of files does not count: it gives that up."""
    assert full == version(tmp_path, usage, 1024, cache).is_nearly_full()


@VERSIONS
def test_a_group_below_the_root_is_looked_at_where_it_is_visible(tmp_path: Path, version: Version) -> None:
    assert version(tmp_path, 1000, 1024, 0, "pod").is_nearly_full()


@pytest.mark.parametrize("limit", ["max", "", 2**43])
def test_a_machine_without_a_limit_is_never_full(tmp_path: Path, limit: str | int) -> None:
    memory = version_2(tmp_path, 10**6, limit, 0)
    assert (memory.is_limited, memory.is_nearly_full()) == (False, False)


def test_a_machine_without_cgroups_has_no_limit(tmp_path: Path) -> None:
    assert not ContainerMemory(tmp_path, tmp_path / "nowhere").is_limited


SERVER = """
import os, sys
from pathlib import Path
from creditbot.notebook_host.fork_server import ForkServer

class Memory:
    is_limited = True
    def is_nearly_full(self):
        return Path(sys.argv[1]).exists()

ForkServer(dict(os.environ), os.dup(0), os.dup(1), Memory()).serve()
"""
LARGE = """
x = bytearray(60 * 2**20)
print("ready", file=open("ready", "w"))
import time
time.sleep(600)
"""


@pytest.mark.kernels
def test_the_largest_process_is_killed_when_memory_is_nearly_full(tmp_path: Path) -> None:
    """A small one that started something large counts as large."""
    (tmp_path / "large.py").write_text(LARGE)
    os.mkfifo(tmp_path / "ready")
    commands = [["sleep", "600"], ["sh", "-c", f"{sys.executable} large.py & wait"]]
    script = [sys.executable, "-c", SERVER, str(tmp_path / "full")]
    with subprocess.Popen(script, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        for number, command in enumerate(commands, 1):
            server.stdin.write(json.dumps({"start": number, "cwd": str(tmp_path), "command": command}) + "\n")
        server.stdin.flush()
        assert "ready\n" == (tmp_path / "ready").read_text()
        (tmp_path / "full").touch()
        event = json.loads(server.stdout.readline())
        server.stdin.close()
    assert {"ended": 2, "status": -9, "memory": True} == event
