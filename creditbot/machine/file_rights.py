"""Who on this machine may read what this process writes: summaries, pages, the log of ends, state, notebooks, its log.

It is the process's umask, so that no file is readable for a moment before its rights are set, and that the processes
which run notebooks inherit it. obstore's store for folders has no mode of its own.
"""

from __future__ import annotations

import os
from typing import Literal

Readers = Literal["owner", "group", "everyone"]
_UMASKS: dict[Readers, int] = {"owner": 0o077, "group": 0o027, "everyone": 0o022}


def readable_by(readers: Readers) -> None:
    """From now on, new files and folders can be read by these alone: 0600 and 0700, 0640 and 0750, or 0644 and 0755.

    Nobody but their owner may write them. What is there already keeps its rights until it is written again.
    """
    os.umask(_UMASKS[readers])
