"""The state's document: what stands in it, and how it is read and written. Pure.

    meta              what is remembered beside the requests, see `Meta`
    window            of that, how far was read and forgotten: counts where meta is missing or nonsense
    T0.C0.17363...    the record of a request, by `str(RequestKey)`
    notice.NAME       a message to the owner
    done              messages that a prototype had processed
    corrupt           what could not be understood, moved aside

Values are JSON texts. Keys that are not ours stay as they are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from creditbot.errors import StateUnusable
from creditbot.model import RequestKey
from creditbot.ports import Stored
from creditbot.slack_time import is_ts, time_of
from creditbot.state.record import SCHEMA, Meta, Notice, Record

MIGRATIONS: tuple[Callable[[dict[str, Any]], dict[str, Any]], ...] = ()
"""What makes `meta` of layout n one of layout n + 1, the step from 1 first; SCHEMA is one more than there are steps."""
CORRUPT_LIMIT = 100 * 1024
"""Characters of the value `corrupt`."""
DONE = "done"
"""Key under which the messages stand that a prototype had processed: a JSON list of ts."""
WINDOW = "window"
"""Key of the second copy of how far was read and forgotten: whoever edits `meta` by hand may lose it."""
NOTICE = "notice."
"""How keys of messages to the owner begin."""
CAUSE = "cause."
"""How names of notices of a shared cause begin: they stay until it is over."""


@dataclass(frozen=True, slots=True)
class State:
    """The document, understood.

    Attributes:
        meta: what is remembered beside the requests.
        records: `str(RequestKey)` -> record.
        notices: id -> message to the owner.
        done: ts of messages that a prototype had processed: they are never worked on.
        broken: key -> text of values that could not be understood; not yet moved aside.
        damage: a sentence on what the store itself found broken, or "".
        stored: what it was read from.
    """

    meta: Meta = field(default_factory=Meta)
    records: Mapping[str, Record] = field(default_factory=dict)
    notices: Mapping[str, Notice] = field(default_factory=dict)
    done: frozenset[str] = frozenset()
    broken: Mapping[str, str] = field(default_factory=dict)
    damage: str = ""
    stored: Stored = field(default_factory=lambda: Stored({}, ""))

    @property
    def first(self) -> bool:
        """No tick has used it yet: it is new, or everything was lost."""
        return self.meta.workspace is None

    def doubts(self, key: RequestKey) -> bool:
        """Whether a request was there when the state was lost or damaged: its thread may know more than its record."""
        return self.meta.hold_since is not None and time_of(key.ts) < self.meta.hold_since

    def holds(self, key: RequestKey, now: datetime) -> bool:
        """Whether such a request waits, because a post of ours may not be visible yet."""
        return self.doubts(key) and self.meta.hold_until is not None and now < self.meta.hold_until

    @property
    def size(self) -> int:
        """Bytes of keys and values."""
        return size_of(self.stored.values)


def size_of(values: Mapping[str, str]) -> int:
    """Bytes that keys and values take, as Kubernetes counts them."""
    return sum(len(key) + len(value.encode()) for key, value in values.items())


def understand(stored: Stored) -> State:
    """Reads the document; values that are not ours to understand end in `broken`.

    Raises `StateUnusable` if a newer version wrote it.
    """
    meta: Meta | None = None
    window, records, notices, broken, done = Meta(), {}, {}, {}, frozenset[str]()
    for key, text in stored.values.items():
        try:
            if key == "meta":
                meta = _load(Meta, _migrated(text))
            elif key == WINDOW:
                window = _load(Meta, _migrated(text))
            elif key.startswith(NOTICE):
                notices[key.removeprefix(NOTICE)] = _load(Notice, text)
            elif key == DONE:
                done = _load_done(text)
            elif is_request(key):
                records[key] = _load(Record, text)
        except ValueError:
            broken[key] = text
    return State(window if meta is None else meta, records, notices, done, broken, stored.damage, stored)


def _migrated(meta: str) -> str:
    """The text of `meta` in the layout of today. ValueError where it says no layout that ever was."""
    try:
        found = json.loads(meta)
        schema = found.get("schema", 1)
    except (AttributeError, RecursionError) as error:
        raise ValueError from error
    if type(schema) is not int or schema < 1:
        raise ValueError
    if schema > SCHEMA:
        raise StateUnusable(
            f"The state was written by a newer creditbot (layout {schema}; this one knows {SCHEMA}).",
            "Deploy that version again, or a newer one.",
        )
    for step in MIGRATIONS[schema - 1 :]:
        found = step(found)
    return json.dumps({**found, "schema": SCHEMA})


def is_request(key: str) -> bool:
    """Whether a key of the document is that of a request's record."""
    try:
        return is_ts(RequestKey.parse(key).ts)
    except ValueError:
        return False


def _load_done(text: str) -> frozenset[str]:
    found: list[str] = _adapters()[list].validate_json(text)
    if not all(map(is_ts, found)):
        raise ValueError
    return frozenset(found)


def values_after(old: State, new: State) -> dict[str, str]:
    """The document after a change; what did not change keeps its text, and keys that are not ours stay."""
    values = dict(old.stored.values)
    if old.broken and not new.broken:
        aside = {key: values.pop(key) for key in old.broken}
        if "corrupt" in values:
            aside["earlier"] = values["corrupt"]
        values["corrupt"] = _cut(json.dumps(aside))
    _update(values, "", old.records, new.records)
    _update(values, NOTICE, old.notices, new.notices)
    if new.done != old.done:
        values[DONE] = json.dumps(sorted(new.done))
    if new.meta != old.meta:
        values["meta"] = _dump(new.meta)
        values[WINDOW] = _dump(_window(new.meta))
    return values


def _window(meta: Meta) -> Meta:
    return Meta(covered_until=meta.covered_until, forgotten_before=meta.forgotten_before)


def _update(values: dict[str, str], prefix: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    for key in old.keys() - new.keys():
        del values[prefix + key]
    for key, value in new.items():
        if old.get(key) is not value:
            values[prefix + key] = _dump(value)


def _cut(text: str) -> str:
    """JSON text of at most 100 KiB: what is longer becomes the beginning of it, as a string."""
    return text if len(text) <= CORRUPT_LIMIT else json.dumps(text[: CORRUPT_LIMIT // 2 - 1])  # escaping may double it


@lru_cache(maxsize=10_000)
def _load(kind: type, text: str) -> Any:
    """Raises ValueError for what is not of that kind, and for times that cannot be compared or reckoned with.

    The document is read several times a tick, and most of it is as it was.
    """
    value = _adapters()[kind].validate_json(text)
    claim = getattr(value, "claim", None)
    times = [v for x in (value, claim) if x for v in _fields(x) if isinstance(v, datetime)]
    if any(moment.tzinfo is None or not 2000 < moment.year < 2100 for moment in times):
        raise ValueError("a time without a zone, or one that nobody means")
    if kind is Record and value.edited and not is_ts(value.edited):
        raise ValueError("an edit without a time")
    if kind is Record and value.result and value.result.amount <= 0:
        raise ValueError("an amount that nobody posts")
    return value


def _fields(value: Any) -> list[Any]:
    return [getattr(value, field.name) for field in fields(value)]


def _dump(value: Record | Notice | Meta) -> str:
    text: str = _adapters()[type(value)].dump_json(value, exclude_defaults=True).decode()
    if not isinstance(value, Meta):
        return text
    layout = {"schema": SCHEMA}  # also while it is the default: a later version reads it
    return json.dumps({**layout, **json.loads(text)}, separators=(",", ":"))


@cache
def _adapters() -> dict[type, Any]:
    from pydantic import TypeAdapter

    return {**{kind: TypeAdapter(kind) for kind in (Meta, Record, Notice)}, list: TypeAdapter(list[str])}
