"""Keeps the pages of requests beside their summaries, in a folder or a bucket: `evidence/<key>.html`."""

from __future__ import annotations

import re
from collections.abc import Collection

from creditbot.adapters.storage.objects import Objects
from creditbot.model import RequestKey
from creditbot.state.codec import request_key

_NAME = re.compile(r"([^/]+)\.html")
_HTML = "text/html; charset=utf-8"


class ObjectPages:
    """A `ports.Pages`. Making one opens and imports nothing. Safe to share by threads.

    Args:
        uri: OUTPUT_URI, see `Objects`.
        url: EVIDENCE_URL: where people's browsers find OUTPUT_URI; "" if they do not.
    """

    def __init__(self, uri: str, url: str = "") -> None:
        self._objects = Objects(uri)
        self._url = url.rstrip("/")

    def save(self, key: RequestKey, page: str) -> None:
        """See `ports.Pages`."""
        self._objects.put(_path(key), page.encode(), _HTML)

    def load(self, key: RequestKey) -> str | None:
        """See `ports.Pages`."""
        content = self._objects.get(_path(key))
        return None if content is None else content.decode(errors="replace")

    def kept(self) -> Collection[RequestKey]:
        """See `ports.PageFinder`."""
        named = (match[1] for name in self._objects.names("evidence") if (match := _NAME.fullmatch(name)))
        return frozenset(key for text in named if (key := request_key(text)))

    def address(self, key: RequestKey) -> str:
        """See `ports.Pages`."""
        return f"{self._url or self._objects.uri}/{_path(key)}"


def _path(key: RequestKey) -> str:
    return f"evidence/{key}.html"
