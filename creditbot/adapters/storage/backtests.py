"""Keeps what a backtest found beside the summaries: `backtest/<key>.json`, a row each, and `backtest/<key>.html`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress

from creditbot.adapters.storage.objects import BrowsableObjects
from creditbot.evidence.places import BACKTEST, BACKTEST_REPORT
from creditbot.machine import exact_json
from creditbot.model import RequestKey
from creditbot.slack_time import micros_of
from creditbot.state.codec import request_key

_NAME = re.compile(r"([^/]+)\.json")


class ObjectBacktests:
    """A `ports.BacktestStore`, made like `BrowsableObjects`. That opens and imports nothing. Threads may share it."""

    def __init__(self, uri: str, url: str = "") -> None:
        self._objects = BrowsableObjects(uri, url)

    def save(self, key: RequestKey, row: Mapping[str, object], page: str | None = None) -> None:
        """See `ports.BacktestStore`."""
        if page is not None:
            self._objects.put_page(f"{BACKTEST}/{key}.html", page)
        self._objects.put(f"{BACKTEST}/{key}.json", f"{exact_json.write(row)}\n".encode())

    def load_all(self) -> Iterator[tuple[RequestKey, Mapping[str, object]]]:
        """See `ports.BacktestStore`."""
        named = (match[1] for name in self._objects.names(BACKTEST) if (match := _NAME.fullmatch(name)))
        keys = sorted((key for text in named if (key := request_key(text))), key=lambda key: micros_of(key.ts))
        for key, (_, content) in zip(
            keys, self._objects.get_all(f"{BACKTEST}/{key}.json" for key in keys), strict=True
        ):
            with suppress(ValueError):
                row = exact_json.read(content or b"")
                if isinstance(row, dict):
                    yield key, row

    def address(self, key: RequestKey) -> str:
        """See `ports.BacktestStore`."""
        return self._objects.address(f"{BACKTEST}/{key}.html")

    def save_report(self, page: str) -> str:
        """See `ports.BacktestStore`."""
        self._objects.put_page(BACKTEST_REPORT, page)
        return self._objects.address(BACKTEST_REPORT)
