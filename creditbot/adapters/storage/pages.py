"""Keeps the pages of requests beside their summaries, in a folder or a bucket: `evidence/<key>.html`."""

from __future__ import annotations

import re
from collections.abc import Collection

from creditbot.adapters.storage.objects import BrowsableObjects
from creditbot.evidence.places import EVIDENCE, page_path
from creditbot.model import RequestKey
from creditbot.state.codec import request_key

_NAME = re.compile(r"([^/]+)\.html")


class ObjectPages:
    """A `ports.Pages`, made like `BrowsableObjects`. That opens and imports nothing. Threads may share it."""

    def __init__(self, uri: str, url: str = "") -> None:
        self._objects = BrowsableObjects(uri, url)

    def save(self, key: RequestKey, page: str) -> None:
        """See `ports.Pages`."""
        self._objects.put_page(page_path(key), page)

    def load(self, key: RequestKey) -> str | None:
        """See `ports.Pages`."""
        content = self._objects.get(page_path(key))
        return None if content is None else content.decode(errors="replace")

    def kept(self) -> Collection[RequestKey]:
        """See `ports.PageFinder`."""
        named = (match[1] for name in self._objects.names(EVIDENCE) if (match := _NAME.fullmatch(name)))
        return frozenset(key for text in named if (key := request_key(text)))

    def address(self, key: RequestKey) -> str:
        """See `ports.Pages`."""
        return self._objects.address(page_path(key))
