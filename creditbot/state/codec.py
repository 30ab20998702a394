"""The document that the state is stored as: its keys, and how each value is read and written.

Pure: a store's texts (`ports.Stored`) become a `State`, and a changed `State` becomes texts again.

    meta              everything that is not about one request, see `Meta`
    window            a copy of how far was read and forgotten, and of what is in shadow; used if meta is missing or
                      unreadable
    T0.C0.17363...    the record of a request, by `str(RequestKey)`
    notice.NAME       a message to the owner
    log               the head of the log of ends, see `log_head`
    totals            what has happened in all, see `totals`
    weekly            the last weekly digest, see `weekly`
    done              messages that a prototype had processed
    corrupt           values that could not be read, moved aside

Values are JSON texts. Keys of other programs stay as they are. A document in an older layout is read through
`migrations`, and the next write stores its meta and its records in the new layout.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from creditbot.errors import StateUnusable
from creditbot.model import RequestKey
from creditbot.ports import Stored
from creditbot.slack_time import is_ts, time_of
from creditbot.state.log_head import LogHead
from creditbot.state.migrations import migrated_meta, migrated_record
from creditbot.state.record import SCHEMA, Meta, Notice, Record
from creditbot.state.totals import Totals
from creditbot.state.weekly import Weekly

CORRUPT_LIMIT = 100 * 1024
"""Characters of the value `corrupt`."""
DONE = "done"
"""Key of the messages that a prototype had processed: a JSON list of ts."""
WINDOW = "window"
"""Key of the copy of how far was read and forgotten, in case somebody spoils `meta` by hand."""
LOG = "log"
"""Key of the head of the log of ends."""
TOTALS = "totals"
"""Key of what has happened in all."""
WEEKLY = "weekly"
"""Key of the last weekly digest."""
NOTICE = "notice."
"""Prefix of the keys of messages to the owner."""
CAUSE = "cause."
"""Prefix of the names of notices about a shared cause; they stay until the cause is over."""

_ALONE = {LOG: LogHead, TOTALS: Totals, WEEKLY: Weekly}
"""Keys of which there is one, and what stands there; a version that does not know such a key leaves it alone."""


@dataclass(frozen=True, slots=True)
class State:
    """The document as it was read.

    Attributes:
        meta: everything that is not about one request.
        records: one for each request.
        notices: name -> message to the owner.
        log: the head of the log of ends; None before the first end, and after a loss.
        totals: what has happened in all.
        done: ts of messages that a prototype had processed; they are never worked on.
        broken: key -> text of the values that could not be read and are not yet moved aside.
        damage: a sentence on the damage that the store itself found, or "".
        stored: the texts that this was read from.
        layout: the layout that `stored` was written in.
        weekly: the last weekly digest; None before the first.
    """

    meta: Meta = field(default_factory=Meta)
    records: Mapping[RequestKey, Record] = field(default_factory=dict)
    notices: Mapping[str, Notice] = field(default_factory=dict)
    log: LogHead | None = None
    totals: Totals = field(default_factory=Totals)
    done: frozenset[str] = frozenset()
    broken: Mapping[str, str] = field(default_factory=dict)
    damage: str = ""
    stored: Stored = field(default_factory=lambda: Stored({}, ""))
    layout: int = SCHEMA
    weekly: Weekly | None = None

    @property
    def first(self) -> bool:
        """Whether no tick has used this state yet: it is new, or everything was lost."""
        return self.meta.workspace is None

    @property
    def broken_requests(self) -> tuple[RequestKey, ...]:
        """The requests whose records could not be read."""
        return tuple(key for text in self.broken if (key := request_key(text)))

    def doubts(self, key: RequestKey) -> bool:
        """Whether a request is older than a loss of the state: its thread may know more than its record."""
        return self.meta.pause_before is not None and time_of(key.ts) < self.meta.pause_before

    def pauses(self, key: RequestKey, now: datetime) -> bool:
        """Whether a request is paused, because Slack may not show our reply yet."""
        return self.doubts(key) and self.meta.pause_until is not None and now < self.meta.pause_until

    def in_shadow(self, key: RequestKey, retried: datetime | None = None) -> bool:
        """Whether nothing may be said about a request: the latest tick was in shadow, or the request is from before.

        `retried` is when somebody last ran `creditbot retry` on it: that is a wish for an answer now.
        """
        if self.meta.shadow or self.meta.live_since is None:
            return self.meta.shadow
        asked = time_of(key.ts)
        return max(asked, retried or asked) < self.meta.live_since

    @property
    def size(self) -> int:
        """Bytes of keys and values."""
        return size_of(self.stored.values)


def size_of(values: Mapping[str, str]) -> int:
    """Bytes that keys and values take, as Kubernetes counts them."""
    return sum(len(key) + len(value.encode()) for key, value in values.items())


def understand(stored: Stored) -> State:
    """Reads the document. Our own values that cannot be read end up in `broken`.

    Raises `StateUnusable` if a newer version wrote it.
    """
    layout = _layout(stored.values)
    meta: Meta | None = None
    window, done = Meta(), frozenset[str]()
    alone: dict[str, Any] = {}
    records: dict[RequestKey, Record] = {}
    notices: dict[str, Notice] = {}
    broken: dict[str, str] = {}
    for name, text in stored.values.items():
        try:
            if name == "meta":
                meta = _load(Meta, text, _layout_of(text))
            elif name == WINDOW:
                window = _load(Meta, text, _layout_of(text))
            elif name.startswith(NOTICE):
                notices[name.removeprefix(NOTICE)] = _load(Notice, text, layout)
            elif name in _ALONE:
                alone[name] = _load(_ALONE[name], text, SCHEMA)
            elif name == DONE:
                done = _load_done(text)
            elif key := request_key(name):
                records[key] = _load(Record, text, layout)
        except ValueError:
            broken[name] = text
    meta = window if meta is None else meta
    log, totals, weekly = alone.get(LOG), alone.get(TOTALS) or Totals(), alone.get(WEEKLY)
    return State(meta, records, notices, log, totals, done, broken, stored.damage, stored, layout, weekly)


def _layout(values: Mapping[str, str]) -> int:
    """The layout that a document was written in. If its number is lost but there are requests, it is taken for 1."""
    for name in ("meta", WINDOW):
        try:
            if name in values:
                return _layout_of(values[name])
        except ValueError:
            continue
    return 1 if any(map(request_key, values)) else SCHEMA


def _layout_of(meta: str) -> int:
    """Raises ValueError for a text that is not a `meta`, and `StateUnusable` for a layout newer than ours."""
    layout = _object(meta).get("schema", 1)
    if type(layout) is not int or layout < 1:
        raise ValueError
    if layout > SCHEMA:
        raise StateUnusable(
            f"The state was written by a newer creditbot (layout {layout}; this one knows {SCHEMA}).",
            "Deploy that version again, or a newer one.",
        )
    return layout


def _object(text: str) -> dict[str, Any]:
    """Raises ValueError for anything but a JSON object."""
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise ValueError from error
    if not isinstance(value, dict):
        raise ValueError  # noqa: TRY004 what cannot be read is a ValueError, whatever is wrong with it
    return value


def request_key(name: str) -> RequestKey | None:
    """The request whose record is stored under this key of the document; None for any other key."""
    try:
        key = RequestKey.parse(name)
    except ValueError:
        return None
    return key if is_ts(key.ts) else None


def request_of(notice: str) -> RequestKey | None:
    """The request that the notice with this name is about; None if it is about all of them."""
    return request_key(".".join(notice.split(".")[:4]))


def _load_done(text: str) -> frozenset[str]:
    timestamps: list[str] = _adapter(list[str]).validate_json(text)
    if not all(map(is_ts, timestamps)):
        raise ValueError
    return frozenset(timestamps)


def values_after(old: State, new: State) -> dict[str, str]:
    """The document after a change. Values that did not change keep their text, and keys of other programs stay."""
    values = dict(old.stored.values)
    rewrite = old.layout < SCHEMA
    if old.broken and not new.broken:
        aside = {key: values.pop(key) for key in old.broken}
        if "corrupt" in values:
            aside["earlier"] = values["corrupt"]
        values["corrupt"] = _cut(json.dumps(aside))
    _update(values, "", old.records, new.records, rewrite=rewrite)
    _update(values, NOTICE, old.notices, new.notices)
    if new.done != old.done:
        values[DONE] = json.dumps(sorted(new.done))
    if new.log and new.log is not old.log:
        values[LOG] = _dump(new.log)
    if new.totals != old.totals:
        values[TOTALS] = _dump(new.totals)
    if new.weekly and new.weekly is not old.weekly:
        values[WEEKLY] = _dump(new.weekly)
    window = Meta(
        covered_until=new.meta.covered_until, forgotten_before=new.meta.forgotten_before,
        shadow=new.meta.shadow, live_since=new.meta.live_since,
    )  # fmt: skip
    for name, meta in (("meta", new.meta), (WINDOW, window)):
        if new.meta != old.meta or (rewrite and name not in new.broken):
            values[name] = _dump(meta)
    return values


def _update(
    values: dict[str, str], prefix: str, old: Mapping[Any, Any], new: Mapping[Any, Any], *, rewrite: bool = False
) -> None:
    for key in old.keys() - new.keys():
        del values[f"{prefix}{key}"]
    for key, value in new.items():
        if rewrite or old.get(key) is not value:
            values[f"{prefix}{key}"] = _dump(value)


def _cut(text: str) -> str:
    """JSON text of at most 100 KiB. A longer text is replaced by its beginning, as a JSON string."""
    return text if len(text) <= CORRUPT_LIMIT else json.dumps(text[: CORRUPT_LIMIT // 2 - 1])  # escaping may double it


@lru_cache(maxsize=10_000)
def _load(kind: type, text: str, layout: int) -> Any:
    """Raises ValueError for a text of another kind, for times without a zone, and for absurd values.

    Cached, because a tick reads the document several times and most of it does not change.
    """
    if layout < SCHEMA and kind is not Notice:
        old = _object(text)
        text = json.dumps(migrated_meta(old, layout) if kind is Meta else migrated_record(old, layout))
    value = _adapter(kind).validate_json(text)
    hold = getattr(value, "hold", None)
    parts = filter(None, (value, getattr(value, "claim", None), hold, *(hold.votes if hold else ())))
    times = [v for part in parts for v in _fields(part) if isinstance(v, datetime)]
    if any(moment.tzinfo is None or not 2000 < moment.year < 2100 for moment in times):
        raise ValueError("a time without a zone, or outside this century")
    if kind is Record and value.edited and not is_ts(value.edited):
        raise ValueError("an edit without a time")
    if kind is Record and value.result and value.result.amount <= 0:
        raise ValueError("an amount that is not above zero")
    return value


def _fields(value: Any) -> list[Any]:
    return [getattr(value, field.name) for field in fields(value)]


def _dump(value: Record | Notice | Meta | LogHead | Totals | Weekly) -> str:
    kind: type = type(value)
    text: str = _adapter(kind).dump_json(value, exclude_defaults=True).decode()
    if not isinstance(value, Meta):
        return text
    layout = {"schema": SCHEMA}  # written even while it is the default, because a later version reads it
    return json.dumps({**layout, **json.loads(text)}, separators=(",", ":"))


def prepare() -> None:
    """Makes what reads and writes each kind of value, before there is one: for a process that stays."""
    for kind in (Meta, Record, Notice, *_ALONE.values()):
        _adapter(kind)


@cache
def _adapter(kind: Any) -> Any:
    """Reads and writes values of one kind. Each is made when a document has such a value, as it takes milliseconds."""
    from pydantic import TypeAdapter

    return TypeAdapter(kind)
