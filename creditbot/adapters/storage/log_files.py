"""Keeps the log of ends in a folder or a bucket, one small file for each entry, created once and never replaced.

log/entries/000000012.json        the entry with this number, from 0 on
log/checkpoints/000000013.txt     the checkpoint of that many entries
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from creditbot.adapters.storage.objects import Objects

_ENTRIES, _CHECKPOINTS = "log/entries", "log/checkpoints"
_NAME = re.compile(r"(\d{9,12})\.(?:json|txt)", re.ASCII)


class ObjectLog:
    """A `ports.LogStore`. Making one opens and imports nothing. Safe to share by threads.

    Args:
        uri: OUTPUT_URI, see `Objects`.
    """

    def __init__(self, uri: str) -> None:
        self._objects = Objects(uri)

    def add(self, number: int, entry: bytes) -> bytes:
        """See `ports.LogStore`."""
        return self._create(f"{_ENTRIES}/{number:09d}.json", entry)

    def entries(self) -> Mapping[int, bytes]:
        """See `ports.LogStore`."""
        return self._all(_ENTRIES)

    def add_checkpoint(self, size: int, checkpoint: str) -> str:
        """See `ports.LogStore`."""
        return self._create(f"{_CHECKPOINTS}/{size:09d}.txt", checkpoint.encode()).decode(errors="replace")

    def checkpoints(self) -> Mapping[int, str]:
        """See `ports.LogStore`."""
        return {size: text.decode(errors="replace") for size, text in self._all(_CHECKPOINTS).items()}

    def _create(self, path: str, content: bytes) -> bytes:
        """What a file holds, once it was created with this content or was there before."""
        there = None if self._objects.create(path, content) else self._objects.get(path)
        return content if there is None else there

    def _all(self, folder: str) -> Mapping[int, bytes]:
        numbers = {
            f"{folder}/{name}": int(match[1])
            for name in self._objects.names(folder)
            if (match := _NAME.fullmatch(name))
        }
        return {numbers[path]: content for path, content in self._objects.get_all(numbers) if content is not None}
