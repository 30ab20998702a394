"""Keeps summaries as JSON objects in a folder or a bucket, on obstore.

    summary_<key>.json          one per request, replaced as a whole
    credited/<sha256>/<key>     empty; says in which summary a credited SQL is named, so that no search reads them all

The second is written before the first and only points at it: whatever dies between the two, a summary that credits SQL
is found by it, and a pointer whose summary says nothing of the kind counts for nothing.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from creditbot.errors import SUMMARY_STORE, Refused, ServiceError, Unreachable
from creditbot.machine import exact_json
from creditbot.model import RequestKey
from creditbot.slack_time import is_ts, micros_of
from creditbot.text import one_line

if TYPE_CHECKING:
    from obstore.store import ObjectStore

T = TypeVar("T")

_NAME = re.compile(r"summary_([^/]+)\.json")
_KEY = re.compile(r"[A-Za-z0-9]+\.[A-Za-z0-9]+\.(.+)", re.ASCII)
_OS_ERROR = re.compile(r"\(os error (\d+)\)")
_FULL = {"28", "122"}  # ENOSPC, EDQUOT
_CREDITED = "credited"
_PROBE = "creditbot_check"


class ObjectSummaries:
    """A `ports.SummaryStore`. Making one opens and imports nothing. Safe to share by threads.

    Args:
        uri: OUTPUT_URI: a folder, made if it is missing, or `s3://`, `gs://`, `abfs://` with the credentials that these
            clouds' own environment variables name; `memory://` keeps nothing.
    """

    def __init__(self, uri: str) -> None:
        self._uri = uri.rstrip("/") or "/"
        self._lock = threading.Lock()
        self._opened: ObjectStore | None = None

    def save(self, key: RequestKey, document: Mapping[str, object], credited: Sequence[str] = ()) -> str:
        """Writes the summary of a request and returns its location. Raises `Unreachable` or `Refused`."""
        text = exact_json.write({**document, _CREDITED: list(credited)}) + "\n"
        for sha in credited:
            self._put(f"{_CREDITED}/{sha}/{key}", b"")
        self._put(_name(key), text.encode())
        return f"{self._uri}/{_name(key)}"

    def load(self, key: RequestKey) -> Mapping[str, object] | None:
        """The summary of a request with numbers as Decimal, or None. Raises `Unreachable` or `Refused`."""
        import obstore

        store = self._store()
        try:
            content = self._try(lambda: obstore.get(store, _name(key)).bytes().to_bytes(), "read")
        except FileNotFoundError:
            return None
        return self._read(key, content)

    def credited_by(self, sql_sha256: str) -> Sequence[RequestKey]:
        """The requests whose saved summary names this hash as credited, oldest first."""
        named = self._names(f"{_CREDITED}/{sql_sha256}")
        return [key for key in _keys(named) if sql_sha256 in _credited(self.load(key))]

    def newest_first(self) -> Iterator[tuple[RequestKey, Mapping[str, object]]]:
        """Every summary, the latest request first, read one by one as they are asked for."""
        named = [match[1] for name in self._names("") if (match := _NAME.fullmatch(name))]
        for key in reversed(_keys(named)):
            document = self.load(key)
            if document is not None:
                yield key, document

    def probe(self) -> None:
        """Writes an empty object and removes it; it stays where we may not delete, which saving never needs."""
        import obstore
        from obstore.exceptions import BaseError

        self._put(_PROBE, b"")
        with suppress(BaseError, OSError):
            obstore.delete(self._store(), _PROBE)

    def _put(self, path: str, content: bytes) -> None:
        import obstore

        store = self._store()
        self._try(lambda: obstore.put(store, path, content), "written")

    def _names(self, folder: str) -> list[str]:
        import obstore

        store = self._store()
        listed = self._try(lambda: obstore.list_with_delimiter(store, folder or None)["objects"], "listed")
        return [item["path"].rpartition("/")[2] for item in listed]

    def _read(self, key: RequestKey, content: bytes) -> Mapping[str, object]:
        try:
            document = exact_json.read(content)
        except ValueError:
            document = None
        if isinstance(document, dict):
            return document
        raise Refused(SUMMARY_STORE, f"The summary {self._uri}/{_name(key)} is no longer JSON.", "Move that file away.")

    def _store(self) -> ObjectStore:
        with self._lock:
            if self._opened is None:
                self._opened = self._try(lambda: _open(self._uri), "opened")
            return self._opened

    def _try(self, action: Callable[[], T], done: str) -> T:
        """What the action gives. FileNotFoundError passes where something is read; all else becomes a sentence."""
        from obstore.exceptions import BaseError

        try:
            return action()
        except (BaseError, OSError, ValueError) as failure:
            if done == "read" and isinstance(failure, FileNotFoundError):
                raise
            raise error_for(failure, self._uri, done) from failure


def error_for(failure: Exception, uri: str, done: str) -> ServiceError:
    """The error for what obstore raised when summaries could not be `done`: "written", "read", "listed" or "opened"."""
    from obstore.exceptions import GenericError

    first_line = str(failure).partition("\n")[0]
    reason = one_line(re.sub(r"\?\S*", "", first_line), 300).rstrip(".")  # the query of an address may hold a signature
    what = f"Summaries at {uri} cannot be {done}: {reason}."
    number = _OS_ERROR.search(reason)
    if number and number[1] in _FULL:
        return Unreachable(SUMMARY_STORE, what, "Free some space there.")
    if number or done == "opened" or not isinstance(failure, GenericError):
        return Refused(
            SUMMARY_STORE, what, "Set OUTPUT_URI to a folder or bucket that exists and that we may write to."
        )
    return Unreachable(SUMMARY_STORE, what, "Check that the storage can be reached and that its credentials are set.")


def _open(uri: str) -> ObjectStore:
    from obstore.store import LocalStore, MemoryStore, from_url

    if uri.startswith("memory:"):
        return MemoryStore()
    if "://" not in uri or uri.startswith("file://"):
        return LocalStore(Path(uri.removeprefix("file://")).absolute(), mkdir=True)
    # Not obstore's three minutes: the next tick tries again. Client options here would hide those of the environment.
    return from_url(uri, retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=30)})


def _name(key: RequestKey) -> str:
    return f"summary_{key}.json"


def _keys(names: Iterable[str]) -> list[RequestKey]:
    """The keys among names of files, oldest first; other people's files are left out."""
    keys = [RequestKey.parse(name) for name in names if (match := _KEY.fullmatch(name)) and is_ts(match[1])]
    return sorted(keys, key=lambda key: micros_of(key.ts))


def _credited(document: Mapping[str, object] | None) -> Sequence[object]:
    named = (document or {}).get(_CREDITED)
    return named if isinstance(named, list) else []
