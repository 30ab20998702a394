"""Keeps the report beside the summaries, in a folder or a bucket: `report/index.html`."""

from __future__ import annotations

from creditbot.adapters.storage.objects import Objects
from creditbot.adapters.storage.pages import HTML
from creditbot.evidence.places import REPORT


class ObjectReport:
    """A `ports.ReportStore`. Making one opens and imports nothing. Safe to share by threads.

    Args:
        uri: OUTPUT_URI, see `Objects`.
        url: EVIDENCE_URL: where people's browsers find OUTPUT_URI; "" if they do not.
    """

    def __init__(self, uri: str, url: str = "") -> None:
        self._objects = Objects(uri)
        self._url = url.rstrip("/")

    def save(self, page: str) -> None:
        """See `ports.ReportStore`."""
        self._objects.put(REPORT, page.encode(), HTML)

    def address(self) -> str:
        """See `ports.ReportStore`."""
        return f"{self._url or self._objects.uri}/{REPORT}"
