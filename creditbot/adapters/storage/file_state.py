"""The state in one JSON file: readable with jq, written atomically, safe under several processes of one machine.

    {"version": "5f0c...", "meta": {...}, "T0123.C0123.1736345678.123456": {"status": "answered", ...}}

A file that is not JSON is kept aside as NAME.corrupt-N when the state is next written, never overwritten. A prototype's
file is taken over: every string or key in it of the form "1736345678.123456" counts as done.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from creditbot.errors import STATE_STORE, Refused, StateConflict, StateUnusable, Unreachable
from creditbot.ports import Stored
from creditbot.slack_time import TS
from creditbot.state.codec import DONE

_VERSION = re.compile("[0-9a-f]{16}")
"""What we write there; a prototype may have a "version" of its own, such as "1.0"."""
_MESSAGE = re.compile(TS, re.ASCII)


class FileStore:
    """Implements `StateStore` on a file; a lock file beside it keeps writers apart."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Stored:
        """A missing file is empty. Raises `StateUnusable` for somebody else's file, `Refused`, `Unreachable`."""
        return self._understand(self._bytes())

    def write(self, values: Mapping[str, str], version: str) -> str:
        """Replaces the file if it still is what `version` was read from; raises `StateConflict` otherwise."""
        with self._locked():
            found = self._understand(self._bytes())
            if found.version != version:
                raise StateConflict(f"{self._path} was changed by another process.")
            if found.damage:
                self._path.rename(self._aside())
            new = secrets.token_hex(8)
            document = {"version": new, **{key: json.loads(text) for key, text in sorted(values.items())}}
            self._replace(json.dumps(document, indent=1, ensure_ascii=False).encode())
            return new

    def _bytes(self) -> bytes:
        with _sentences(self._path):
            try:
                return self._path.read_bytes()
            except FileNotFoundError:
                return b""

    def _understand(self, content: bytes) -> Stored:
        if not content.strip():
            return Stored({}, "")
        try:
            document = json.loads(content)
        except (ValueError, RecursionError):
            aside = self._aside()
            return Stored({}, f"corrupt:{len(content)}", f"{self._path} could not be read; it is kept as {aside.name}.")
        if isinstance(document, dict) and _VERSION.fullmatch(str(document.get("version"))):
            return Stored(
                {key: json.dumps(value, ensure_ascii=False) for key, value in document.items() if key != "version"},
                document["version"],
            )
        return self._take_over(document)

    def _take_over(self, document: object) -> Stored:
        done = sorted(set(_timestamps(document)))
        if not done and document:
            raise StateUnusable(
                f"{self._path} is neither creditbot's state nor a list of processed messages.",
                "Move it away, or set STATE_URI to another file.",
            )
        return Stored({DONE: json.dumps(done)} if done else {}, f"prototype:{len(done)}")

    def _aside(self) -> Path:
        taken = {path.name for path in self._path.parent.glob(f"{self._path.name}.corrupt-*")}
        return next(
            self._path.with_name(name)
            for number in range(1, len(taken) + 2)
            if (name := f"{self._path.name}.corrupt-{number}") not in taken
        )

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with _sentences(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            beside = self._path.with_name(f"{self._path.name}.lock")
            lock = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
            finally:
                os.close(lock)

    def _replace(self, content: bytes) -> None:
        new = self._path.with_name(f"{self._path.name}.new")
        with new.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _timestamps(value: object) -> Iterator[str]:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str) and _MESSAGE.fullmatch(item):
            yield item
        elif isinstance(item, dict):
            waiting += [*item.keys(), *item.values()]
        elif isinstance(item, list):
            waiting += item


@contextmanager
def _sentences(path: Path) -> Iterator[None]:
    """Turns the file system's errors into ours."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Unreachable(STATE_STORE, f"No space is left to write {path}.", "Free some space.") from error
        raise Refused(
            STATE_STORE,
            f"{path} cannot be used: {error.strerror or error}.",
            "Check its folder's rights, or set STATE_URI.",
        ) from error
