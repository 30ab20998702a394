"""Keeps the report beside the summaries, in a folder or a bucket: `report/index.html`."""

from __future__ import annotations

from creditbot.adapters.storage.objects import BrowsableObjects
from creditbot.evidence.places import REPORT


class ObjectReport:
    """A `ports.ReportStore`, made like `BrowsableObjects`. That opens and imports nothing. Threads may share it."""

    def __init__(self, uri: str, url: str = "") -> None:
        self._objects = BrowsableObjects(uri, url)

    def save(self, page: str) -> None:
        """See `ports.ReportStore`."""
        self._objects.put_page(REPORT, page)

    def address(self) -> str:
        """See `ports.ReportStore`."""
        return self._objects.address(REPORT)
