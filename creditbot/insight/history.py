"""Reads what is known of all requests of the past: the one way from durable records to `PastRequest`.

The state as it was read, the saved summaries and the list of pages come in; requests come out, oldest first. It holds
nothing that can write, to Slack or to anything else. A summary is read only where the state does not know enough, and
several summaries are read at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta

from creditbot.evidence.log import read_entry
from creditbot.insight.past import PastRequest, past_request
from creditbot.model import RequestKey
from creditbot.ports import Kept, PageFinder, SummaryReader
from creditbot.slack_time import micros_of, time_of
from creditbot.state.codec import State
from creditbot.state.record import Record

_CLOCKS = timedelta(days=1)
"""How far the clock of a storage may be from that of Slack."""


class History:
    """The requests of the past, as they are known at one moment.

    Every verb raises what the summaries and the pages raise.

    Args:
        summaries: reads the saved summaries.
        pages: finds the pages; None if nobody wants to know where they are.
        state: as it was read.
        positions: request -> its place in the log of ends, see `log_positions`; None if nobody wants to know.
    """

    def __init__(
        self, summaries: SummaryReader, pages: PageFinder | None, state: State,
        positions: Mapping[RequestKey, int] | None = None,
    ) -> None:  # fmt: skip
        self._summaries = summaries
        self._pages = pages
        self._state = state
        self._positions = positions or {}

    def asked(self, start: datetime, end: datetime | None = None, *, brief: bool = False) -> list[PastRequest]:
        """The requests that were asked from `start` on and before `end`, oldest first.

        Without an end, every older one that has not ended is among them: it still waits now.

        Args:
            start: UTC.
            end: UTC; None for no end.
            brief: whether what the state knows is enough. It knows status, times, amounts by product, holds and causes
                of the requests of the last days, but neither accounts nor versions, digests or who asked to what.
        """

        def wanted(key: RequestKey, record: Record | None) -> bool:
            is_inside = start <= time_of(key.ts) and (end is None or time_of(key.ts) < end)
            return is_inside or (end is None and record is not None and not record.terminal)

        return self._read(wanted, lambda _: True, brief=brief)

    def during(self, start: datetime, end: datetime) -> list[PastRequest]:
        """What is to be told of a range of time, oldest first.

        These are the requests that were asked or have changed from `start` on, and those that wait, as far as they were
        asked before `end`. A request that was answered within the range is among them, whenever it was asked.

        Args:
            start: UTC.
            end: UTC.
        """

        def wanted(key: RequestKey, _: Record | None) -> bool:
            return time_of(key.ts) < end

        def worth_reading(kept: Kept) -> bool:  # what was not written since cannot tell of an end since
            return time_of(kept.key.ts) >= start or kept.saved >= start - _CLOCKS

        return self._read(wanted, worth_reading, brief=False)

    def _read(
        self, wanted: Callable[[RequestKey, Record | None], bool], worth_reading: Callable[[Kept], bool], *, brief: bool
    ) -> list[PastRequest]:
        records = {key: record for key, record in self._state.records.items() if wanted(key, record)}
        enough = {key for key, record in records.items() if brief and _says_enough(record)}
        named = {
            kept.key
            for kept in self._summaries.kept()
            if (kept.key in records and kept.key not in enough)
            or (kept.key not in self._state.records and wanted(kept.key, None) and worth_reading(kept))
        }
        pages = None if brief or self._pages is None else self._pages
        paged = frozenset(pages.kept()) if pages else frozenset[RequestKey]()
        workspace = self._state.meta.workspace

        def known(key: RequestKey, summary: Mapping[str, object] | None) -> PastRequest:
            record = records.get(key)
            address = workspace.address(key, record.thread if record else "") if workspace else ""
            page = pages.address(key) if pages and key in paged else None
            return past_request(key, record, summary, address, page, self._positions.get(key))

        read = {key: known(key, summary) for key, summary in self._summaries.load_all(in_order(named))}
        return [read[key] if key in read else known(key, None) for key in in_order(read.keys() | records.keys())]


def log_positions(entries: Mapping[int, bytes]) -> Mapping[RequestKey, int]:
    """Request -> number of the last entry about its end. An entry that cannot be read counts for nothing here."""
    positions: dict[RequestKey, int] = {}
    for number in sorted(entries):
        with suppress(ValueError):
            positions[read_entry(entries[number]).key] = number
    return positions


def in_order(keys: Iterable[RequestKey]) -> list[RequestKey]:
    """The keys by the time of their requests, oldest first."""
    return sorted(keys, key=lambda key: micros_of(key.ts))


def _says_enough(record: Record) -> bool:
    """Whether a record tells all that is wanted in brief; those of earlier versions do not know the links' amounts."""
    return record.result is None or bool(record.result.links)
