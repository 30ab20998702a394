"""What keeps a notebook from reading the bot's secrets out of the bot."""

from __future__ import annotations

import sys

_PR_SET_DUMPABLE = 4


def hide_from_other_processes() -> None:
    """On Linux, makes /proc/PID/environ and /proc/PID/mem of this process root's, see prctl(2).

    Processes of the same user, such as a notebook's kernel, could read them otherwise. It does not hide files: a `.env`
    that the user can read, a notebook can read. Programs started from here can be read again, once they are executed.
    """
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0)
