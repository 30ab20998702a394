"""Keeps the models of second opinions in a folder or a bucket: `model/NAME.json`, created once and never replaced."""

from __future__ import annotations

import re
from collections.abc import Sequence

from creditbot.adapters.storage.objects import Objects

_FOLDER = "model"
_NAME = re.compile(r"(\d{8}T\d{6}Z-[0-9a-f]{12})\.json", re.ASCII)


class ObjectModels:
    """A `ports.Models`. Making one opens and imports nothing. Safe to share by threads.

    Args:
        uri: OUTPUT_URI, see `Objects`.
    """

    def __init__(self, uri: str) -> None:
        self._objects = Objects(uri)

    def add(self, name: str, content: bytes) -> None:
        """See `ports.Models`."""
        self._objects.create(f"{_FOLDER}/{name}.json", content)

    def names(self) -> Sequence[str]:
        """See `ports.Models`. Files of other programs are left alone."""
        return sorted(match[1] for name in self._objects.names(_FOLDER) if (match := _NAME.fullmatch(name)))

    def load(self, name: str) -> bytes | None:
        """See `ports.Models`."""
        return self._objects.get(f"{_FOLDER}/{name}.json")

    def address(self, name: str) -> str:
        """See `ports.Models`."""
        return f"{self._objects.uri}/{_FOLDER}/{name}.json"
