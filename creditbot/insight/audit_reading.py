"""Reads what an audit compares: the log, the state, summaries, pages, and the replies in Slack.

It holds readers alone: nothing here can write, to Slack or to anything else. Summaries and pages come one by one, so
that nobody has to hold all of them. Slack limits how often threads are read; the reader waits as long as Slack asks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import TypeVar

from creditbot.errors import SummaryDamaged, Unreachable
from creditbot.insight.audit_log import LogFiles
from creditbot.insight.audit_replies import Posts, posts_in
from creditbot.insight.audit_requests import Saved
from creditbot.model import Message, RequestKey, Workspace
from creditbot.ports import Inbox, LogReader, PageReader, StateReader, SummaryReader
from creditbot.slack_time import time_of
from creditbot.state.codec import State, understand

T = TypeVar("T")

_AT_ONCE = 16
"""Pages that are read at the same time."""
_CHUNK = 64
"""Summaries that are held at the same time."""
_TRIES = 5
"""How often the log is read again because a tick wrote it, and how often Slack may ask us to wait for one read."""
A_MINUTE = 50
"""Threads that Slack lets an app read in a minute, about."""
_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Sources:
    """Where an audit reads.

    Attributes:
        state, log, summaries, pages: what creditbot keeps.
        inbox: Slack.
        sleep: waits so many seconds.
        tell: is told what takes long, in a sentence.
    """

    state: StateReader
    log: LogReader
    summaries: SummaryReader
    pages: PageReader
    inbox: Inbox
    sleep: Callable[[float], object] = field(default=time.sleep, repr=False)
    tell: Callable[[str], object] = field(default=lambda _: None, repr=False)


class AuditReader:
    """Reads for one audit. Every verb raises what the sources raise."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def state(self) -> State:
        """The state as it is now."""
        return understand(self._sources.state.read())

    def log(self) -> tuple[LogFiles, State]:
        """The log and the state that belongs to it: it is read again if a tick has added something meanwhile."""
        before = self.state()
        entries, checkpoints, after = self._sources.log.entries(), self._sources.log.checkpoints(), self.state()
        for _ in range(_TRIES):
            if after.log == before.log:
                break
            before, entries = after, self._sources.log.entries()
            checkpoints, after = self._sources.log.checkpoints(), self.state()
        return LogFiles(entries, checkpoints, before.log), before

    def workspace(self, state: State) -> Workspace:
        """Who we are on Slack, and which channels are watched."""
        return self._sources.inbox.workspace(state.meta.workspace)

    def kept(self) -> frozenset[RequestKey]:
        """The requests that have a summary."""
        return frozenset(kept.key for kept in self._sources.summaries.kept())

    def pointers(self) -> frozenset[tuple[str, RequestKey]]:
        """The pointers by which credits are found again."""
        return self._sources.summaries.pointers()

    def posts(self, keys: Collection[RequestKey], state: State, workspace: Workspace, since: datetime | None) -> Posts:
        """The replies in Slack: of these requests, and in every other thread that was begun since then.

        A channel that is no longer watched is not read.
        """
        oldest = since - timedelta(microseconds=1) if since else _BEGINNING
        read = partial(self._sources.inbox.messages, oldest=oldest)
        tops = [self._patiently(partial(read, channel)) for channel in workspace.channels]
        found = {(m.channel, m.ts): m for messages in tops for m in messages}
        parents = {(m.channel, m.thread) for m in found.values() if m.replies or m.thread != m.ts}
        threads: dict[RequestKey, tuple[str, str]] = {}
        for key in keys:
            if key.team == workspace.team and key.channel in workspace.channels:
                own, record = found.get((key.channel, key.ts)), state.records.get(key)
                threads[key] = key.channel, own.thread if own else (record.thread if record else "") or key.ts
        places = sorted(parents | set(threads.values()))
        if len(places) > A_MINUTE:
            self._sources.tell(f"Reading {len(places)} threads of Slack, which lets us read about {A_MINUTE} a minute.")
        shown = {place: self._thread(*place) for place in places}
        found |= {(m.channel, m.ts): m for messages in shown.values() for m in messages}
        marked, unmarked = posts_in(found.values(), workspace)
        there = frozenset(key for key, place in threads.items() if shown[place])
        return Posts(marked, unmarked, there, threads.keys() - there)

    def posts_of(self, key: RequestKey, state: State, workspace: Workspace) -> Posts:
        """The replies in the thread of one request; none if its channel is no longer watched."""
        if key.team != workspace.team or key.channel not in workspace.channels:
            return Posts()
        record = state.records.get(key)
        return Posts(*posts_in(self._thread(key.channel, (record.thread if record else "") or key.ts), workspace))

    def _thread(self, channel: str, ts: str) -> Sequence[Message]:
        """A thread; a reply that was also sent to the channel leads to the thread that it stands in."""
        inbox = self._sources.inbox
        messages = self._patiently(partial(inbox.thread, channel, ts))
        own = next((message for message in messages if message.ts == ts), None)
        if own and own.thread != ts:
            messages = self._patiently(partial(inbox.thread, channel, own.thread))
        return messages

    def _patiently(self, read: Callable[[], T]) -> T:
        """What a read of Slack gives, after as many waits as Slack asks for, within reason."""
        for _ in range(_TRIES):
            try:
                return read()
            except Unreachable as error:
                if error.retry_after is None:
                    raise
                self._sources.sleep(error.retry_after)
        return read()

    def saved(self, keys: Iterable[RequestKey]) -> Iterator[tuple[RequestKey, Saved]]:
        """What OUTPUT_URI has of each request, in the order of the keys."""
        waiting = iter(keys)
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="audit") as pool:
            while chunk := list(islice(waiting, _CHUNK)):
                pages = pool.map(self._sources.pages.load, chunk)
                for key, saved, page in zip(chunk, self._summaries(chunk), pages, strict=True):
                    yield key, Saved(saved.summary, page, saved.is_damaged)

    def _summaries(self, keys: Sequence[RequestKey]) -> list[Saved]:
        try:
            found = dict(self._sources.summaries.load_all(keys))
        except SummaryDamaged:
            return [self._summary(key) for key in keys]
        return [Saved(found.get(key)) for key in keys]

    def _summary(self, key: RequestKey) -> Saved:
        try:
            return Saved(dict(self._sources.summaries.load_all([key])).get(key))
        except SummaryDamaged:
            return Saved(is_damaged=True)


def asked_since(keys: Iterable[RequestKey], since: datetime | None) -> set[RequestKey]:
    """Those of the requests that were asked since then; None for all."""
    return {key for key in keys if since is None or time_of(key.ts) >= since}
