"""The bot's memory: records of requests and notices, changed only by compare-and-swap.

The whole state is one small document under one version, so conflicts between different requests are normal. After one
the document is read again, and the write is repeated only if *this request's record* is still, field by field, the one
that the decision was made from; otherwise `StateConflict` says that the decision no longer holds.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from creditbot.errors import (
    STATE_STORE,
    CreditbotError,
    StateConflict,
    StateFull,
    StateUnusable,
    StateWriteUnknown,
    Unreachable,
)
from creditbot.model import RequestKey
from creditbot.ports import StateStore, Stored
from creditbot.slack_time import time_of
from creditbot.state.codec import CAUSE, NOTICE, State, size_of, understand, values_after
from creditbot.state.record import Meta, Notice, Record, new_nonce

BUDGET = 900 * 1024  # bytes; a ConfigMap holds 1 MiB of keys and values
LIMIT = 1000 * 1024  # bytes for the ends of requests that were begun within the budget
RETRIES = 60  # conflicts in a row before a write is given up

_NEEDS_ROOM = frozenset({"seen", "claimed", "posting"})
T = TypeVar("T")


Guard = Callable[[State], None]


class Ledger:
    """Reads and changes the state. Safe to use from several threads; one write is under way at a time."""

    def __init__(self, store: StateStore, *, budget: int | None = BUDGET) -> None:
        self._store = store
        self._budget = budget
        self._lock = threading.RLock()
        self._state: State | None = None
        self._forget_before: datetime | None = None

    def read(self) -> State:
        """The state as the store has it now: one read. Raises `StateUnusable` if it was lost since the last one."""
        with self._lock:
            state = understand(self._store.read())
            if self._state and not self._state.first and state.first and "meta" not in state.broken:
                raise StateUnusable(
                    "The state was lost while this tick worked.", "The next tick reads the threads before it answers."
                )
            self._state = state
            return state

    @property
    def state(self) -> State:
        """The state as this process last saw it."""
        return self._state or self.read()

    def forget_before(self, moment: datetime) -> None:
        """From now on each write also drops what ended before `moment` and left its summary."""
        self._forget_before = moment

    def confirm(self, key: RequestKey, expected: Record) -> None:
        """Reads the state, and raises `StateConflict` if the record is not `expected` any more."""
        _expect(self.read(), str(key), expected)

    def swap(
        self,
        key: RequestKey,
        expected: Record | None,
        new: Record | None,
        *,
        guard: Guard | None = None,
        notices: Mapping[str, Notice] | None = None,
    ) -> None:
        """Replaces the record of a request, and adds notices in the same write.

        `guard` is called with each state that the write is about to be based on, and may raise to call it off.
        Raises `StateConflict` if the record is not `expected` any more, `StateFull` if there is no room.
        """

        def change(state: State) -> State:
            _expect(state, str(key), expected)
            if guard:
                guard(state)
            return replace(
                state,
                records=_with(state.records, str(key), new),
                notices={**(notices or {}), **state.notices},  # one that exists is not told again
            )

        self._write(change, lambda state: state.records.get(str(key)) == new)

    def swap_notice(self, name: str, expected: Notice | None, new: Notice | None) -> None:
        """Replaces a notice. Raises as `swap` does."""

        def change(state: State) -> State:
            if state.notices.get(name) != expected or NOTICE + name in state.broken:
                raise StateConflict(f"The notice {name} was changed by somebody else.")
            return replace(state, notices=_with(state.notices, name, new))

        self._write(change, lambda state: state.notices.get(name) == new)

    def update_meta(self, update: Callable[[Meta], Meta]) -> None:
        """Changes what is remembered beside the requests; `update` is called again after a conflict.

        Raises `StateConflict` while it cannot be understood: `set_aside` comes first.
        """
        nonce = new_nonce()

        def change(state: State) -> State:
            if "meta" in state.broken:
                raise StateConflict("What is remembered beside the requests was changed into nonsense.")
            return replace(state, meta=replace(update(state.meta), nonce=nonce))

        self._write(change, lambda state: state.meta.nonce == nonce)

    def set_aside(
        self, update: Callable[[Meta], Meta], notices: Mapping[str, Notice], records: Mapping[str, Record] | None = None
    ) -> None:
        """Moves what could not be understood to the key `corrupt`, cut to 100 KiB.

        The meta is changed, the notices are added, and `records` take the place of those that could not be understood,
        in the same write. Raises `StateConflict` if another process was quicker: nothing is damaged or lost any more.
        """
        nonce = new_nonce()

        def change(state: State) -> State:
            if not (state.broken or state.damage or state.first):
                raise StateConflict("What was damaged or lost was set aside by another process.")
            return replace(
                state,
                broken={},
                meta=replace(update(state.meta), nonce=nonce),
                notices={**notices, **state.notices},
                records={**state.records, **{key: new for key, new in (records or {}).items() if key in state.broken}},
            )

        self._write(change, lambda state: state.meta.nonce == nonce)

    def _write(self, change: Callable[[State], State], written: Callable[[State], bool]) -> None:
        with self._lock:
            state, fresh = (self._state, False) if self._state else (self.read(), True)
            for _ in range(RETRIES):
                try:
                    new = self._forget(change(state))
                    values = values_after(state, new)
                    self._check_room(state, new, values)
                except CreditbotError:
                    if fresh:
                        raise
                    state, fresh = self.read(), True  # what we remembered may be behind: decide on what is there
                    continue
                try:
                    version = self._store.write(values, state.stored.version)
                except (StateConflict, StateWriteUnknown):
                    state, fresh = self.read(), True
                    if written(state):  # a conflict, too, may be with our own write that landed late
                        return
                else:
                    self._state = replace(new, stored=Stored(values, version))
                    return
            raise Unreachable(STATE_STORE, "The state is changed by others too often for a write to get through.")

    def _forget(self, state: State) -> State:
        """Drops what ended before the window and left its summary, and remembers how far that went."""
        if self._forget_before is None or "meta" in state.broken:  # that is for the next tick to see
            return state
        old = {key for key, record in state.records.items() if self._forgettable(key, record)}
        done = {ts for ts in state.done if time_of(ts) < self._forget_before}
        moments = [time_of(RequestKey.parse(key).ts) for key in old] + [time_of(ts) for ts in done]
        if moments:
            before = max(filter(None, (state.meta.forgotten_before, max(moments) + timedelta(microseconds=1))))
            state = replace(
                state,
                records={key: record for key, record in state.records.items() if key not in old},
                done=state.done - done,
                meta=replace(state.meta, forgotten_before=before),
            )
        return replace(state, notices={n: v for n, v in state.notices.items() if not self._stale(state, n, v)})

    def _forgettable(self, key: str, record: Record) -> bool:
        assert self._forget_before
        return (
            record.terminal
            and record.saved
            and record.at < self._forget_before
            and time_of(RequestKey.parse(key).ts) < self._forget_before
        )

    def _stale(self, state: State, name: str, notice: Notice) -> bool:
        """A cause is told anew when it is over, and what concerns a request only when that is forgotten."""
        assert self._forget_before
        kept = name.startswith(CAUSE) or ".".join(name.split(".")[:4]) in state.records
        return notice.status == "told" and notice.at < self._forget_before and not kept

    def _check_room(self, old: State, new: State, values: Mapping[str, str]) -> None:
        if self._budget is None:
            return
        starts = not old.broken and any(
            record.status in _NEEDS_ROOM and old.records.get(key) is not record for key, record in new.records.items()
        )
        size = size_of(values)
        if size > (self._budget if starts else LIMIT) and (starts or size > size_of(old.stored.values)):
            raise StateFull(
                f"The state is at its limit ({size // 1024} KiB of {self._budget // 1024} KiB).",
                "Nothing is posted until requests older than LOOKBACK_HOURS can be forgotten: "
                "lower LOOKBACK_HOURS, or find out why summaries cannot be saved.",
            )


def _expect(state: State, key: str, expected: Record | None) -> None:
    if state.records.get(key) != expected or key in state.broken:
        raise StateConflict(f"The state of request {key} was changed by somebody else.")


def _with(mapping: Mapping[str, T], key: str, value: T | None) -> dict[str, T]:
    """A copy with one key set, or removed."""
    if value is None:
        return {k: v for k, v in mapping.items() if k != key}
    return {**mapping, key: value}
