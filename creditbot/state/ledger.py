"""The bot's memory: records of requests and notices to the owner, changed only by compare-and-swap.

A `StateStore` reads and writes the document; `answer` and `tick` decide which record replaces which. The whole state is
one small document with one version, so conflicts between different requests are normal. After a conflict the document
is read again. The write is repeated only if *this request's record* still equals, field by field, the one that the
decision was made from; otherwise `StateConflict` says that the decision no longer holds.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

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
from creditbot.state.codec import CAUSE, NOTICE, WEEKLY, State, request_of, size_of, understand, values_after
from creditbot.state.log_head import LogHead
from creditbot.state.record import SCHEMA, Meta, Notice, Record, new_nonce
from creditbot.state.totals import with_change, with_unheard
from creditbot.state.weekly import Weekly

BUDGET = 900 * 1024  # bytes; no work begins above this. A ConfigMap holds 1 MiB of keys and values
LIMIT = 1000 * 1024  # bytes; requests that were begun may still be ended up to this size
RETRIES = 60  # conflicts in a row before a write is given up

_NEEDS_ROOM = frozenset({"restarted", "claimed", "posting"})
K = TypeVar("K")
T = TypeVar("T")


Guard = Callable[[State], None]


class _Draft(NamedTuple):
    """A write that is about to be tried: the state before and after it, and the document after it."""

    old: State
    new: State
    values: Mapping[str, str]


class Ledger:
    """Reads and changes the state. Safe to use from several threads; one write is under way at a time."""

    def __init__(self, store: StateStore, *, budget: int | None = BUDGET) -> None:
        self._store = store
        self._budget = budget
        self._lock = threading.RLock()
        self._state: State | None = None
        self._forget_before: datetime | None = None

    def read(self) -> State:
        """Reads the state once from the store. Raises `StateUnusable` if it was lost since the last read."""
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

    @property
    def seen(self) -> State | None:
        """The state as this process last saw it; None if it could not be read yet."""
        return self._state

    def forget_before(self, moment: datetime) -> None:
        """From now on, each write also drops requests that ended before `moment` and whose summaries are saved."""
        self._forget_before = moment

    def confirm(self, key: RequestKey, expected: Record) -> None:
        """Reads the state, and raises `StateConflict` if the stored record is not `expected`."""
        _expect(self.read(), key, expected)

    def swap(
        self,
        key: RequestKey,
        expected: Record | None,
        new: Record | None,
        *,
        guard: Guard | None = None,
        notices: Mapping[str, Notice] | None = None,
        append: Callable[[LogHead | None], LogHead] | None = None,
    ) -> None:
        """Replaces the record of a request; adds notices, and an entry to the log of ends, in the same write.

        The totals of the state grow in it, too.
        `guard` is called with each state that the write is about to be based on. It may raise to call the write off.
        `append` gives the log's head with the entry. Raises `StateConflict` if the stored record is not `expected`,
        `StateFull` if there is no room.
        """

        def change(state: State) -> State:
            _expect(state, key, expected)
            if guard:
                guard(state)
            return replace(
                state,
                log=append(state.log) if append else state.log,
                totals=with_change(state.totals, key, expected, new),
                records=_with(state.records, key, new),
                notices={**(notices or {}), **state.notices},  # one that exists is not sent a second time
            )

        self._write(change, lambda state: state.records.get(key) == new)

    def add_unheard(self, counts: Mapping[str, int]) -> None:
        """Adds to the totals what `creditbot serve` should have heard from Slack: cause -> how often.

        If the answer to the write is lost it may count twice, which harms nobody.
        """
        self._write(lambda state: replace(state, totals=with_unheard(state.totals, counts)), lambda _: False)

    def swap_notice(self, name: str, expected: Notice | None, new: Notice | None) -> None:
        """Replaces a notice. Raises as `swap` does."""
        self.swap_notices({name: (expected, new)})

    def swap_notices(self, changes: Mapping[str, tuple[Notice | None, Notice | None]]) -> None:
        """Replaces all of these notices, or none: name -> (the expected one, the new one). Raises as `swap` does."""

        def change(state: State) -> State:
            notices = state.notices
            for name, (expected, new) in changes.items():
                if state.notices.get(name) != expected or NOTICE + name in state.broken:
                    raise StateConflict(f"The notice {name} was changed by somebody else.")
                notices = _with(notices, name, new)
            return replace(state, notices=notices)

        self._write(change, lambda state: all(state.notices.get(name) == new for name, (_, new) in changes.items()))

    def swap_weekly(self, expected: Weekly | None, new: Weekly) -> None:
        """Replaces what is known of the weekly digest. Raises as `swap` does."""

        def change(state: State) -> State:
            if state.weekly != expected or WEEKLY in state.broken:
                raise StateConflict("The weekly digest was changed by somebody else.")
            return replace(state, weekly=new)

        self._write(change, lambda state: state.weekly == new)

    def update_log(self, update: Callable[[LogHead | None], LogHead]) -> None:
        """Changes the head of the log; `update` is called again after a conflict, perhaps with its own result."""
        wanted: list[LogHead] = []

        def change(state: State) -> State:
            wanted.append(update(state.log))
            return replace(state, log=wanted[-1])

        self._write(change, lambda state: state.log in wanted)

    def update_meta(self, update: Callable[[Meta], Meta]) -> None:
        """Changes the `meta` entry; `update` is called again after a conflict.

        Raises `StateConflict` while the `meta` entry cannot be read: `set_aside` comes first.
        """
        nonce = new_nonce()

        def change(state: State) -> State:
            if "meta" in state.broken:
                raise StateConflict("The state's `meta` entry cannot be read.")
            return replace(state, meta=replace(update(state.meta), nonce=nonce))

        self._write(change, lambda state: state.meta.nonce == nonce)

    def set_aside(
        self,
        update: Callable[[Meta], Meta],
        notices: Mapping[str, Notice],
        records: Mapping[RequestKey, Record] | None = None,
    ) -> None:
        """Moves entries that could not be read to the key `corrupt`, cut to 100 KiB.

        The same write changes the meta, adds the notices, and puts `records` in place of those that could not be read.
        Raises `StateConflict` if another process was quicker and there is no damage left.
        """
        nonce = new_nonce()

        def change(state: State) -> State:
            if not (state.broken or state.damage or state.first):
                raise StateConflict("Another process has already set the damaged entries aside.")
            replaced = {key: new for key, new in (records or {}).items() if str(key) in state.broken}
            return replace(
                state,
                broken={},
                meta=replace(update(state.meta), nonce=nonce),
                notices={**notices, **state.notices},
                records={**state.records, **replaced},
            )

        self._write(change, lambda state: state.meta.nonce == nonce)

    def _write(self, change: Callable[[State], State], landed: Callable[[State], bool]) -> None:
        """Applies a change to the state as it is now, and again after each conflict, until a write succeeds.

        `landed` looks at a later state and returns whether our write is in it: the conflict may be with our own write,
        if the store took it but its answer was lost.
        """
        with self._lock:
            draft = self._first_draft(change)
            for _ in range(RETRIES):
                try:
                    version = self._store.write(draft.values, draft.old.stored.version)
                except (StateConflict, StateWriteUnknown):
                    state = self.read()
                    if landed(state):
                        return
                    draft = self._draft(change, state)
                else:
                    self._state = replace(draft.new, stored=Stored(draft.values, version), layout=SCHEMA)
                    return
            raise Unreachable(STATE_STORE, "Gave up writing the state: other processes keep changing it.")

    def _first_draft(self, change: Callable[[State], State]) -> _Draft:
        """Tries the change on the state as last seen. That may be old, so only a fresh read may refuse the change."""
        if self._state:
            with suppress(CreditbotError):
                return self._draft(change, self._state)
        return self._draft(change, self.read())

    def _draft(self, change: Callable[[State], State], old: State) -> _Draft:
        new = self._forget(change(old))
        values = values_after(old, new)
        self._check_room(old, new, values)
        return _Draft(old, new, values)

    def _forget(self, state: State) -> State:
        """Drops requests that ended before the window and have their summary, and remembers how far back that went."""
        if self._forget_before is None or "meta" in state.broken:  # a later tick sets it aside first
            return state
        old = {key for key, record in state.records.items() if self._forgettable(key, record)}
        done = {ts for ts in state.done if time_of(ts) < self._forget_before}
        moments = [time_of(key.ts) for key in old] + [time_of(ts) for ts in done]
        if moments:
            before = max(filter(None, (state.meta.forgotten_before, max(moments) + timedelta(microseconds=1))))
            state = replace(
                state,
                records={key: record for key, record in state.records.items() if key not in old},
                done=state.done - done,
                meta=replace(state.meta, forgotten_before=before),
            )
        return replace(state, notices={n: v for n, v in state.notices.items() if not self._stale(state, n, v)})

    def _forgettable(self, key: RequestKey, record: Record) -> bool:
        assert self._forget_before
        return (
            record.terminal
            and record.saved
            and record.at < self._forget_before
            and time_of(key.ts) < self._forget_before
        )

    def _stale(self, state: State, name: str, notice: Notice) -> bool:
        """Whether to drop a notice. One about a request stays as long as it, one about an outage until its end."""
        assert self._forget_before
        kept = name.startswith(CAUSE) or request_of(name) in state.records
        return notice.status == "told" and notice.at < self._forget_before and not kept

    def _check_room(self, old: State, new: State, values: Mapping[str, str]) -> None:
        """Work begins only within the budget. Writes that end work, or make the state smaller, may use the reserve."""
        if self._budget is None:
            return
        size = size_of(values)
        begins = not old.broken and any(
            record.status in _NEEDS_ROOM and old.records.get(key) is not record for key, record in new.records.items()
        )
        full = size > self._budget if begins else size > max(LIMIT, size_of(_unchanged(old)))
        if full:
            raise StateFull(
                f"The state is at its limit ({size // 1024} KiB of {self._budget // 1024} KiB).",
                "Nothing is posted until requests older than LOOKBACK_HOURS can be forgotten: "
                "lower LOOKBACK_HOURS, or find out why summaries cannot be saved.",
            )


def _unchanged(state: State) -> Mapping[str, str]:
    """The document as a write that changes nothing would leave it: in the layout of today, which may be longer."""
    return values_after(state, state) if state.layout < SCHEMA else state.stored.values


def _expect(state: State, key: RequestKey, expected: Record | None) -> None:
    if state.records.get(key) != expected or str(key) in state.broken:
        raise StateConflict(f"The state of request {key} was changed by somebody else.")


def _with(mapping: Mapping[K, T], key: K, value: T | None) -> dict[K, T]:
    """A copy with one key set, or removed."""
    if value is None:
        return {k: v for k, v in mapping.items() if k != key}
    return {**mapping, key: value}
