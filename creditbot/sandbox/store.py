"""Versioned messages and other items (users, channels, Looks ...) in one SQLite file.

A message is never changed in place. Each write adds a version, so that a read can also show the world of a moment ago
(a stale read), or leave out what has not landed yet. Several processes may use the file at once: every write is one
transaction, and no two messages get the same `ts`.
"""

from __future__ import annotations

import contextlib
import json
import math
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from creditbot.sandbox.http import UnixClock
from creditbot.slack_time import ts_of_micros

Json = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS things (kind TEXT, id TEXT, body TEXT NOT NULL, PRIMARY KEY (kind, id));
CREATE TABLE IF NOT EXISTS versions (
  rev INTEGER PRIMARY KEY AUTOINCREMENT,
  channel TEXT NOT NULL, ts TEXT NOT NULL,
  thread_ts TEXT,                       -- of a reply
  top INTEGER NOT NULL,                 -- is in the channel itself: not a reply, or a broadcast one
  body TEXT,                            -- NULL once deleted
  visible_at REAL NOT NULL, unseen INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS by_ts ON versions (channel, ts, rev);
CREATE INDEX IF NOT EXISTS by_thread ON versions (channel, thread_ts, ts);
CREATE INDEX IF NOT EXISTS unlanded ON versions (channel) WHERE unseen > 0;
"""
_SHOWN = """v.rev = (SELECT MAX(w.rev) FROM versions w WHERE w.channel = v.channel AND w.ts = v.ts
             AND w.rev <= :rev AND w.visible_at <= :now AND w.unseen = 0)"""


@dataclass(frozen=True)
class StoredMessage:
    """One version of a message.

    Attributes:
        ts: its id.
        thread_ts: of a reply, the ts of its thread; else None.
        body: as Slack shows it; None once it was deleted.
    """

    ts: str
    thread_ts: str | None
    body: Json | None


@dataclass(frozen=True)
class MessageChange:
    """One write of a message.

    Attributes:
        number: of the write; a later one has a larger number.
        channel, ts: of the message.
        thread_ts: of a reply, the ts of its thread; else None.
        before, after: the message; None where there was none, or where it is deleted.
    """

    number: int
    channel: str
    ts: str
    thread_ts: str | None
    before: Json | None
    after: Json | None


class Store:
    """The file. `clock` gives the time of every message."""

    def __init__(self, path: Path, clock: UnixClock = time.time) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.clock = clock
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA synchronous = OFF")  # a world of play may be lost with the machine's power
        with self.transaction():
            for statement in _SCHEMA.split(";\n"):
                self._db.execute(statement)

    def close(self) -> None:
        """Lets go of the file."""
        with self._lock:
            self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything in it happens at once, for every thread and process; may be nested."""
        with self._lock:
            if self._db.in_transaction:
                yield
                return
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    # -- items: users, channels, Looker's content, the sandbox's own settings -------------------------------------

    def put(self, kind: str, id_: str, body: Mapping[str, Any]) -> None:
        """Stores an item, in place of an earlier one."""
        with self.transaction():
            self._db.execute("INSERT OR REPLACE INTO things VALUES (?, ?, ?)", (kind, id_, json.dumps(body)))

    def get(self, kind: str, id_: str) -> Json | None:
        """An item, or None."""
        rows = self.read("SELECT body FROM things WHERE kind = ? AND id = ?", (kind, id_))
        return dict(json.loads(rows[0][0])) if rows else None

    def all(self, kind: str) -> list[Json]:
        """Every item of a kind, by id."""
        rows = self.read("SELECT body FROM things WHERE kind = ? ORDER BY id", (kind,))
        return [json.loads(body) for (body,) in rows]

    # -- messages ----------------------------------------------------------------------------------------------------

    def add(self, channel: str, row: StoredMessage, *, top: bool, seconds: float = 0.0, reads: int = 0) -> None:
        """Adds a version, not shown before so many seconds and reads of the channel have passed."""
        body = None if row.body is None else json.dumps(row.body)
        visible_at = self.clock() + seconds if seconds else 0.0
        with self.transaction():
            self._db.execute(
                "INSERT INTO versions (channel, ts, thread_ts, top, body, visible_at, unseen)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (channel, row.ts, row.thread_ts, int(top), body, visible_at, reads),
            )

    def select(self, where: str, order: str, behind: int, **values: Any) -> list[StoredMessage]:
        """The rows that are shown now, or were before the last `behind` writes; `where` calls a version `v`."""
        last = self.last_change() - behind if behind else math.inf
        rows = self.read(
            f"SELECT v.ts, v.thread_ts, v.body FROM versions v WHERE {where} AND {_SHOWN} ORDER BY {order}",  # noqa: S608
            values | {"rev": last, "now": self.clock()},
        )
        return [StoredMessage(ts, thread_ts, json.loads(body) if body else None) for ts, thread_ts, body in rows]

    def latest(self, channel: str, ts: str) -> tuple[StoredMessage, bool] | None:
        """A message as it was last written, shown or not, and whether it is in the channel itself."""
        rows = self.read(
            "SELECT thread_ts, body, top FROM versions WHERE channel = ? AND ts = ? ORDER BY rev DESC LIMIT 1",
            (channel, ts),
        )
        if not rows:
            return None
        thread_ts, body, top = rows[0]
        return StoredMessage(ts, thread_ts, json.loads(body) if body else None), bool(top)

    def last_change(self) -> int:
        """The number of the latest write of a message; 0 if there was none."""
        return int(self.read("SELECT COALESCE(MAX(rev), 0) FROM versions")[0][0])

    def changes_after(self, number: int) -> list[MessageChange]:
        """The writes of messages after that one, in their order, shown or not."""
        rows = self.read(
            "SELECT v.rev, v.channel, v.ts, v.thread_ts, v.body, (SELECT w.body FROM versions w WHERE w.channel ="
            " v.channel AND w.ts = v.ts AND w.rev < v.rev ORDER BY w.rev DESC LIMIT 1)"
            " FROM versions v WHERE v.rev > ? ORDER BY v.rev",
            (number,),
        )
        return [
            MessageChange(rev, channel, ts, thread_ts, *(json.loads(body) if body else None for body in (old, new)))
            for rev, channel, ts, thread_ts, new, old in rows
        ]

    def channel_of(self, ts: str) -> str | None:
        """The channel that a message is or was in; None if there never was one with this ts."""
        rows = self.read("SELECT channel FROM versions WHERE ts = ? LIMIT 1", (ts,))
        return str(rows[0][0]) if rows else None

    def count_read(self, channel: str) -> None:
        """Counts one more read of a channel, for messages that are shown only after so many reads."""
        if self.read("SELECT 1 FROM versions WHERE channel = ? AND unseen > 0 LIMIT 1", (channel,)):
            with self.transaction():
                self._db.execute("UPDATE versions SET unseen = unseen - 1 WHERE channel = ? AND unseen > 0", (channel,))

    def land(self) -> None:
        """Shows everything that was still held back."""
        with self.transaction():
            self._db.execute("UPDATE versions SET unseen = 0, visible_at = 0 WHERE unseen > 0 OR visible_at > 0")

    def next_ts(self) -> str:
        """A `ts` of this moment that no message has yet; call it in a transaction."""
        last = self.get("meta", "ts") or {"micros": 0}
        micros = max(int(self.clock() * 1_000_000), last["micros"] + 1)
        self.put("meta", "ts", {"micros": micros})
        return ts_of_micros(micros)

    def read(self, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[Any]:
        """The rows of a query."""
        with self._lock:
            return self._db.execute(sql, values).fetchall()
