"""Keeps the metrics in a file, METRICS_FILE: written whole, then renamed, so that nobody reads half of it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from creditbot.errors import METRICS, Refused

_BLOCK = re.compile(r"^# HELP (\S+) .*\n(?:(?!# (?:HELP|EOF)).*\n)*", re.MULTILINE)
"""One metric with all of its lines, as we write it."""
_END = "# EOF\n"
_FOR_COLLECTORS = 0o644
"""What collects metrics runs as another user, whoever may read all other files; a metric names nobody."""


class MetricsFile:
    """A `ports.MetricsTarget`. Making one touches nothing.

    Args:
        path: the file. If its name ends in `.prom`, node_exporter reads it, which does not know OpenMetrics.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.takes_openmetrics = path.suffix != ".prom"

    def publish(self, page: str, *, whole: bool) -> None:
        """See `ports.MetricsTarget`."""
        new = self._path.with_name(f".{self._path.name}.{os.getpid()}.new")  # node_exporter reads names in .prom only
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            content = page if whole else with_others(page, self._before())
            try:
                new.write_text(content, encoding="utf-8")
                new.chmod(_FOR_COLLECTORS)
                new.replace(self._path)
            finally:
                new.unlink(missing_ok=True)
        except OSError as error:
            reason = f"The metrics could not be written to {self._path}: {error.strerror or error}."
            raise Refused(METRICS, reason, "Check METRICS_FILE, and the rights on its folder.") from error

    def _before(self) -> str:
        try:
            return self._path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""


def with_others(page: str, before: str) -> str:
    """The page with the metrics that only the page before it has."""
    names = {match[1] for match in _BLOCK.finditer(page)}
    others = "".join(match[0] for match in _BLOCK.finditer(before) if match[1] not in names)
    body = page.removesuffix(_END)
    return f"{body}{others}{page[len(body) :]}"
