"""Keeps notebooks from reading the bot's secrets out of other processes.

The bot calls `hide_from_other_processes` for itself, and the notebook host `confine` for itself and its notebooks.
"""

from __future__ import annotations

import os
import struct
import sys

_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 4, 38

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
"""The system calls of landlock(7), which have the same numbers on every machine that Python is built for."""

_CAPABILITIES = struct.pack("=Ii", 0x20080522, 0)
"""The header of capget(2) and capset(2): their third version, and this thread."""

_SYS_PTRACE, _SYS_ADMIN, _PERFMON = 1 << 19, 1 << 21, 1 << 38
"""Capabilities that only root has. With any of them a process can look into every other."""

_VERSION_FLAG, _PATH_BENEATH, _REFER = 1, 1, 1 << 13

_LEAST_VERSION = 2
"""Came with Linux 5.19. Before, Landlock always forbade moving files from one folder to another, which notebooks do."""


def hide_from_other_processes() -> None:
    """On Linux, makes /proc/PID/environ and /proc/PID/mem of this process root's, see prctl(2).

    Processes of the same user, such as a notebook's kernel, could read them otherwise. This does not hide files: a
    notebook can read a `.env` that the user can read. Nor does it hide programs that are started from here.
    """
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0)


def can_be_confined() -> bool:
    """Whether `confine` works on this system: it needs Linux 5.19 with Landlock on."""
    if sys.platform != "linux":
        return False
    return _landlock(_CREATE_RULESET, None, 0, _VERSION_FLAG) >= _LEAST_VERSION


def confine() -> None:
    """From now on this thread, and every process that it starts, cannot look into processes from before.

    Those are the bot and whatever started it, such as a shell or `make`, whose environment may hold the bot's secrets.
    Landlock forbids a restricted process to trace those outside (/proc/PID/environ and /proc/PID/mem, whoever the user
    is), and needs some restriction for that: moving files between folders, which is then allowed everywhere. Programs
    that would run as another user, such as sudo, no longer can. Root gives up the capabilities that overrule Landlock.
    Does nothing where `can_be_confined` says no.
    """
    if not can_be_confined():
        return
    import ctypes

    _drop_capabilities(~(_SYS_PTRACE | _SYS_ADMIN | _PERFMON))
    ruleset = _landlock(_CREATE_RULESET, struct.pack("=Q", _REFER), 8, 0)
    root = os.open("/", os.O_PATH | os.O_CLOEXEC)
    try:
        _landlock(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", _REFER, root), 0)
        ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, *map(ctypes.c_ulong, (1, 0, 0, 0)))
        _landlock(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(root)
        os.close(ruleset)


def _drop_capabilities(keep: int) -> None:
    """Takes from this thread's three sets, each in two halves, every capability that is not in `keep`."""
    import ctypes

    library, sets = ctypes.CDLL(None), ctypes.create_string_buffer(24)
    library.capget(_CAPABILITIES, sets)
    masks = (keep & 0xFFFFFFFF,) * 3 + (keep >> 32 & 0xFFFFFFFF,) * 3
    kept = (half & mask for half, mask in zip(struct.unpack("=6I", sets), masks, strict=True))
    library.capset(_CAPABILITIES, struct.pack("=6I", *kept))


def _landlock(call: int, *arguments: int | bytes | None) -> int:
    """The result of a system call; -1 if the kernel has no Landlock, or has it switched off."""
    import ctypes

    words = (ctypes.c_ulong(argument) if isinstance(argument, int) else argument for argument in arguments)
    result: int = ctypes.CDLL(None).syscall(ctypes.c_long(call), *words)
    return result
