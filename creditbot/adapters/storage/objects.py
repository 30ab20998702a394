"""Named objects in a folder or a bucket, on obstore: the other modules of this folder keep theirs with it."""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from creditbot.errors import SUMMARY_STORE, Refused, ServiceError, Unreachable
from creditbot.text import one_line

if TYPE_CHECKING:
    from obstore.store import ObjectStore

T = TypeVar("T")

_OS_ERROR = re.compile(r"\(os error (\d+)\)")
_AT_ONCE = 16
"""Objects that are read at the same time: a bucket answers many calls at once, each after some 20 ms."""
_BATCH = 4
"""Objects that one task reads in turn: to hand each of 10,000 files to a thread by itself costs as much as reading."""
_HTML = "text/html; charset=utf-8"
"""What a bucket tells browsers of a page."""
_FULL = {"28", "122"}  # ENOSPC, EDQUOT


class Objects:
    """The objects at one place. Making one opens and imports nothing. Safe to share by threads.

    Every verb raises `Unreachable` or `Refused`.

    Args:
        uri: OUTPUT_URI: a folder, made if it is missing, or `s3://`, `gs://`, `abfs://` with the credentials that these
            clouds' own environment variables name; `memory://` keeps nothing.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri.rstrip("/") or "/"
        self._lock = threading.Lock()
        self._opened: ObjectStore | None = None

    def put(self, path: str, content: bytes, kind: str = "") -> None:
        """Writes an object, replacing an earlier one. `kind` is its MIME type, which a bucket tells browsers."""
        import obstore

        store = self._store()
        attributes = {"Content-Type": kind} if kind and not self._is_folder else None
        self._try(lambda: obstore.put(store, path, content, attributes=attributes), "written")

    def create(self, path: str, content: bytes) -> bool:
        """Writes an object if there is none; False if there is one, which stays as it is."""
        import obstore
        from obstore.exceptions import AlreadyExistsError

        store = self._store()

        def put() -> bool:
            try:
                obstore.put(store, path, content, mode="create")
            except AlreadyExistsError:
                return False
            return True

        return self._try(put, "written")

    def get(self, path: str, most: int | None = None) -> bytes | None:
        """The content of an object, or None. One of more than `most` bytes is not read, and raises `Refused`."""
        import obstore

        store = self._store()

        def read() -> bytes:
            found = obstore.get(store, path)
            if most is not None and found.meta["size"] > most:
                raise ValueError(f"{path} has {found.meta['size']} bytes, and at most {most} are read")
            return found.bytes().to_bytes()

        try:
            return self._try(read, "read")
        except FileNotFoundError:
            return None

    def get_all(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
        """(path, content or None) of each object, in the order of the paths; several are read at once.

        No more than a few dozen are held at a time.
        """
        from concurrent.futures import ThreadPoolExecutor

        def get_each(batch: Sequence[str]) -> list[tuple[str, bytes | None]]:
            return [(path, self.get(path)) for path in batch]

        waiting = iter(paths)
        batches = iter(lambda: tuple(islice(waiting, _BATCH)), ())
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="objects") as pool:
            ahead = deque(pool.submit(get_each, batch) for batch in islice(batches, 2 * _AT_ONCE))
            try:
                while ahead:
                    yield from ahead.popleft().result()
                    ahead.extend(pool.submit(get_each, batch) for batch in islice(batches, 1))
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def names(self, folder: str) -> list[str]:
        """The names of the objects right in a folder, without it; "" is the place itself."""
        return list(self.saved(folder))

    def names_below(self, folder: str) -> list[str]:
        """The names of the objects in a folder and in those inside it, with these and without the folder itself."""
        import obstore

        store = self._store()
        listed = self._try(lambda: list(obstore.list(store, f"{folder}/")), "listed")
        return [item["path"].removeprefix(f"{folder}/") for batch in listed for item in batch]

    def saved(self, folder: str) -> dict[str, datetime]:
        """The same names -> when each object was last written, UTC."""
        import obstore

        store = self._store()
        listed = self._try(lambda: obstore.list_with_delimiter(store, folder or None)["objects"], "listed")
        return {item["path"].rpartition("/")[2]: item["last_modified"] for item in listed}

    def remove(self, path: str) -> None:
        """Removes an object, if we may."""
        import obstore
        from obstore.exceptions import BaseError

        with suppress(BaseError, OSError):
            obstore.delete(self._store(), path)

    @property
    def _is_folder(self) -> bool:
        return "://" not in self.uri or self.uri.startswith("file://")

    def _store(self) -> ObjectStore:
        with self._lock:
            if self._opened is None:
                self._opened = self._try(lambda: _open(self.uri), "opened")
            return self._opened

    def _try(self, action: Callable[[], T], done: str) -> T:
        """What the action gives. FileNotFoundError passes where something is read; all else becomes a sentence."""
        from obstore.exceptions import BaseError

        try:
            return action()
        except (BaseError, OSError, ValueError) as failure:
            if done == "read" and isinstance(failure, FileNotFoundError):
                raise
            raise error_for(failure, self.uri, done) from failure


class BrowsableObjects(Objects):
    """The objects at one place, of which some are pages that people open in a browser.

    Args:
        uri: OUTPUT_URI, see `Objects`.
        url: EVIDENCE_URL: where people's browsers find OUTPUT_URI; "" if they do not.
    """

    def __init__(self, uri: str, url: str = "") -> None:
        super().__init__(uri)
        self._url = url.rstrip("/") or self.uri

    def put_page(self, path: str, page: str) -> None:
        """Writes a page in HTML, replacing an earlier one."""
        self.put(path, page.encode(), _HTML)

    def address(self, path: str) -> str:
        """Where people find an object: for their browsers if EVIDENCE_URL is known, else its path or URI."""
        return f"{self._url}/{path}"


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
