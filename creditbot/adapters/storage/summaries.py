"""Keeps summaries as JSON objects in a folder or a bucket.

    summary_<key>.json          one per request, replaced as a whole
    credited/<sha256>/<key>     empty; says in which summary a credited SQL is named, so that no search reads them all

The second is written before the first and only points at it: whatever dies between the two, a summary that credits SQL
is found by it, and a pointer whose summary says nothing of the kind counts for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from creditbot.adapters.storage.objects import Objects
from creditbot.errors import SUMMARY_STORE, SummaryDamaged
from creditbot.machine import exact_json
from creditbot.model import RequestKey
from creditbot.ports import Kept
from creditbot.slack_time import is_ts, micros_of

_NAME = re.compile(r"summary_([^/]+)\.json")
_KEY = re.compile(r"[A-Za-z0-9]+\.[A-Za-z0-9]+\.(.+)", re.ASCII)
_CREDITED = "credited"
_PROBE = "creditbot_check"


class ObjectSummaries:
    """A `ports.SummaryStore`. Making one opens and imports nothing. Safe to share by threads.

    Args:
        uri: OUTPUT_URI, see `Objects`.
    """

    def __init__(self, uri: str) -> None:
        self._objects = Objects(uri)

    def save(self, key: RequestKey, document: Mapping[str, object], credited: Sequence[str] = ()) -> str:
        """Writes the summary of a request and returns its location. Raises `Unreachable` or `Refused`."""
        text = exact_json.write({**document, _CREDITED: list(credited)}) + "\n"
        for sha in credited:
            self._objects.put(f"{_CREDITED}/{sha}/{key}", b"")
        self._objects.put(_name(key), text.encode())
        return f"{self._objects.uri}/{_name(key)}"

    def load(self, key: RequestKey) -> Mapping[str, object] | None:
        """The summary of a request with numbers as Decimal, or None. Raises `Unreachable` or `Refused`."""
        content = self._objects.get(_name(key))
        return None if content is None else self._read(key, content)

    def credited_by(self, sql_sha256: str) -> Sequence[RequestKey]:
        """The requests whose saved summary names this hash as credited, oldest first."""
        named = self._objects.names(f"{_CREDITED}/{sql_sha256}")
        return [key for key in _keys(named) if sql_sha256 in _credited(self.load(key))]

    def kept(self) -> Sequence[Kept]:
        """See `ports.SummaryReader`."""
        saved = {match[1]: at for name, at in self._objects.saved("").items() if (match := _NAME.fullmatch(name))}
        return [Kept(key, saved[str(key)]) for key in _keys(saved)]

    def pointers(self) -> frozenset[tuple[str, RequestKey]]:
        """See `ports.SummaryReader`."""
        places = (name.partition("/") for name in self._objects.names_below(_CREDITED))
        return frozenset((sha, key) for sha, _, name in places for key in _keys([name]))

    def load_all(self, keys: Iterable[RequestKey]) -> Iterator[tuple[RequestKey, Mapping[str, object]]]:
        """See `ports.SummaryReader`."""
        named = {_name(key): key for key in keys}
        for name, content in self._objects.get_all(named):
            if content is not None:
                yield named[name], self._read(named[name], content)

    def newest_first(self) -> Iterator[tuple[RequestKey, Mapping[str, object]]]:
        """Every summary, the latest request first, read one by one as they are asked for."""
        for kept in reversed(self.kept()):
            document = self.load(kept.key)
            if document is not None:
                yield kept.key, document

    def probe(self) -> None:
        """Writes an empty object and removes it; it stays where we may not delete, which saving never needs."""
        self._objects.put(_PROBE, b"")
        self._objects.remove(_PROBE)

    def _read(self, key: RequestKey, content: bytes) -> Mapping[str, object]:
        try:
            document = exact_json.read(content)
        except ValueError:
            document = None
        if isinstance(document, dict):
            return document
        place = f"{self._objects.uri}/{_name(key)}"
        raise SummaryDamaged(SUMMARY_STORE, f"The summary {place} is no longer JSON.", "Move that file away.")


def _name(key: RequestKey) -> str:
    return f"summary_{key}.json"


def _keys(names: Iterable[str]) -> list[RequestKey]:
    """The keys among names of files, oldest first; other people's files are left out."""
    keys = [RequestKey.parse(name) for name in names if (match := _KEY.fullmatch(name)) and is_ts(match[1])]
    return sorted(keys, key=lambda key: micros_of(key.ts))


def _credited(document: Mapping[str, object] | None) -> Sequence[object]:
    named = (document or {}).get(_CREDITED)
    return named if isinstance(named, list) else []
