"""Ports in memory, with a time of their own: what the bot's decisions are tested against.

`World` is Slack, Looker, the notebooks, the store and the summaries in one; `World.ports()` gives one process's view of
it. Every effect goes through `World.effect`, where tests inject what can go wrong: `World.fail` for the next call of an
effect, `World.faults` for anything else.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from threading import get_ident
from typing import Any, TypeVar

from creditbot import slack_time
from creditbot.answer.context import TickContext
from creditbot.answer.rules import Rules
from creditbot.commands.requests import restart
from creditbot.credit.compute import ComputeLimits, CreditCalculator
from creditbot.credit.products import ProductTable, default_products
from creditbot.credit.sql.check import SqlRules
from creditbot.credit.sql.reading import SqlQuestion, SqlReading, read_sql
from creditbot.decide.channel_rules import ChannelRules, ChannelTable
from creditbot.decide.policy import DEFAULT_LIMIT, Policy
from creditbot.errors import CardRefused, LinkUnusable, PostRefused, StateConflict, StateUnusable, SummaryDamaged
from creditbot.evidence.proof import Proof
from creditbot.insight.audit import Audit, audit
from creditbot.insight.audit_reading import AuditReader, Sources
from creditbot.insight.lookup import Lookup
from creditbot.insight.proving import NoProof, prove
from creditbot.intake.looker_links import looker_host
from creditbot.intake.permalink import Permalink
from creditbot.intake.requests import RequestRules
from creditbot.machine.processes import ThisProcess
from creditbot.model import (
    Card,
    CreditDays,
    LookerLink,
    Marker,
    Message,
    NotebookRun,
    Purpose,
    Query,
    RequestKey,
    Sign,
    Workspace,
)
from creditbot.ports import Kept, Ports, Stored
from creditbot.settings.types import is_member
from creditbot.slack_time import micros_of, time_of
from creditbot.state.codec import State, understand
from creditbot.state.ledger import BUDGET, Ledger
from creditbot.state.record import Record, Status
from creditbot.tick.report import Progress, TickReport
from creditbot.tick.tick import Bot
from tests.support.points import At, Point, nowhere, watched

T = TypeVar("T")
Fault = Callable[[str, Callable[[], Any]], Any]
"""Given an effect, performs it, or not, or later; returns what it gives, or raises what a port raises."""

TEAM, CHANNEL, BOT_USER, BOT, PERSON, OWNER = "T0TEST", "C0TEST", "U0BOT", "B0BOT", "U0PERSON", "U0OWNER"
START = datetime(2026, 1, 8, 12, 0, tzinfo=UTC)
HOST = "acme.looker.com"
REQUEST_RULES = RequestRules(looker_host(f"https://{HOST}"))
RULES = Rules(
    REQUEST_RULES, lookback=timedelta(hours=72), settle=timedelta(minutes=15), attempts=3,
    duplicates=timedelta(days=35), channels=ChannelTable(
        ChannelRules(OWNER, "Approved, {amount}, exceptions", policy=Policy(approvers=(OWNER,)))
    ),
)  # fmt: skip


def ruled(rules: Rules = RULES, **changes: Any) -> Rules:
    """The rules with changes to those of every channel that has no section."""
    return replace(rules, channels=replace(rules.channels, everywhere=replace(rules.channels.everywhere, **changes)))


REFERENCE = "Approved, $4,948.80, exceptions"
VERIFY, BOTH = default_products("verify.ipynb", None), default_products("verify.ipynb", "psms.ipynb")


UNIT_COLUMNS = ["account", "day", "prefix", "mode", "messages", "cost"]


def ts_of(moment: datetime, number: int = 0) -> str:
    """A Slack ts at that moment; `number` keeps messages of one moment apart."""
    return slack_time.ts_of(moment.replace(microsecond=number))


def explore_link(slug: str) -> str:
    """A link to an Explore, as Slack gives it."""
    return f"<https://{HOST}/explore/m/v?qid={slug}>"


def short_link(slug: str) -> str:
    """A short link to an Explore, as Slack gives it."""
    return f"<https://{HOST}/x/{slug}>"


class Killed(BaseException):
    """SIGKILL: nothing in the bot catches it."""


@dataclass
class Post:
    """A message that is on its way to everybody's eyes."""

    message: Message
    visible_at: datetime


@dataclass(frozen=True)
class Outcome:
    """What has come of a request.

    Attributes:
        status: in the state.
        replies: texts in its thread, whoever wrote them.
        told: how many messages the owner got, about whatever.
        runs: slugs that notebooks ran for, in the whole world.
    """

    status: Status
    replies: list[str] = field(default_factory=list)
    told: int = 0
    runs: list[str] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Repeated:
    """What a process does again and again: when next, after how long again, what, and in which thread it works."""

    due: datetime
    every: timedelta
    action: Callable[[], bool]
    thread: int = field(default_factory=get_ident)


@dataclass
class World:
    """Everything outside the bot.

    Attributes:
        now: the one true time.
        step: how long each effect takes.
        channels: that the bot is a member of; people write in `CHANNEL` unless a test names another one.
        missing: channels that the settings name and that cannot be watched -> why.
        messages: of the channel and its threads, in any order.
        pending, pending_direct: posts that are accepted and not visible yet.
        direct: messages to owners.
        pending_asks, asks: messages to the approvers, likewise.
        votes: emoji -> ids of those who react with it to each question as soon as it is posted.
        unapproved: keys of requests that were answered with more than the default limit although the owner's yes did
            not stand alone on their question when it was last read.
        values, version: the state; `None` is a store that does not exist.
        damage: what the store says that it found broken, until it is written again.
        summaries: by key.
        saved: key -> when its summary was last saved.
        pages: by key.
        notebooks: hash -> files.
        log, checkpoints: the files of the log of ends, by number and by size.
        models: of second opinions, by name.
        pointers: (hash of what is credited, request) of each pointer to a summary; only an audit looks at them.
        signs: those on each request, in the order in which they were put.
        is_shared: whether people of other organisations see the channel.
        refuses_card: whether Slack refuses the card of a reply.
        amounts: slug of a link -> the credit its notebook gives.
        conditions: slug of a link -> the conditions in its SQL on accounts and days.
        units: slug of a link -> the rows of units that its notebook glues.
        scraps: what every notebook glues besides.
        runs: slugs that notebooks ran for.
        ended: requests whose end the runner was told, in order.
        calls: names of all effects, in order.
        faults: (names of effects, what happens instead) that wait for the next effect of such a name.
        repeated: what processes do again and again while they do something else.
        can_read_direct: whether the bot has im:history.
        lateness: how long the bot's posts take to become visible.
        stale: a thread read shows the bot's replies and the requests as they were this long ago; people's answers as
            they are, since nobody can know about one that comes after the look. So does a look at direct messages.
        clock_error: how much a process that starts now is ahead of the one true time by its reading of Slack's clock.
        late_writes: writes of the state that arrive after the next read.
        sql: ts of our reply -> hashes of the SQL that its request's summary credited when it was posted.
        other: the state and the summaries of another deployment, once `other_deployment` was asked for.
    """

    now: datetime = START
    step: timedelta = timedelta(0)
    channels: dict[str, str] = field(default_factory=lambda: {CHANNEL: "credits"})
    missing: dict[str, str] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    pending: list[Post] = field(default_factory=list)
    direct: list[Message] = field(default_factory=list)
    pending_asks: list[Post] = field(default_factory=list)
    asks: list[Message] = field(default_factory=list)
    votes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unapproved: list[str] = field(default_factory=list)
    pending_direct: list[Post] = field(default_factory=list)
    values: dict[str, str] | None = field(default_factory=dict)
    version: int = 0
    damage: str = ""
    summaries: dict[str, Mapping[str, object]] = field(default_factory=dict)
    saved: dict[str, datetime] = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)
    notebooks: dict[str, Mapping[str, bytes]] = field(default_factory=dict)
    log: dict[int, bytes] = field(default_factory=dict)
    checkpoints: dict[int, str] = field(default_factory=dict)
    models: dict[str, bytes] = field(default_factory=dict)
    pointers: set[tuple[str, RequestKey]] = field(default_factory=set)
    signs: dict[RequestKey, list[Sign]] = field(default_factory=dict)
    is_shared: bool = False
    refuses_card: bool = False
    amounts: dict[str, Decimal] = field(default_factory=dict)
    conditions: dict[str, str] = field(default_factory=dict)
    units: dict[str, list[list[object]]] = field(default_factory=dict)
    scraps: dict[str, object] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)
    ended: list[RequestKey] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    faults: list[tuple[frozenset[str], Fault]] = field(default_factory=list)
    repeated: list[Repeated] = field(default_factory=list)
    can_read_direct: bool = True
    lateness: timedelta = timedelta(0)
    stale: timedelta = timedelta(0)
    clock_error: timedelta = timedelta(0)
    sql: dict[str, tuple[str, ...]] = field(default_factory=dict)
    late_writes: list[Callable[[], object]] = field(default_factory=list)
    other: World | None = None
    _versions: dict[str, list[tuple[datetime, Message]]] = field(default_factory=dict)
    _approved: dict[str, bool] = field(default_factory=dict)
    _landed: dict[str, datetime] = field(default_factory=dict)
    _number: int = 0
    _state: State | None = None

    def effect(self, name: str, do: Callable[[], T]) -> T:
        """Performs one effect, or lets the fault that waits for it happen."""
        self.calls.append(name)
        self.now += self.step
        for waiting in self.faults:
            if name in waiting[0]:
                self.faults.remove(waiting)
                result: T = waiting[1](name, do)
                return result
        return do()

    def fail(self, name: str, error: Exception, *, times: int = 1, after: bool = False) -> None:
        """Lets the next calls of an effect fail: before anything happened, or after it happened."""

        def fault(_: str, do: Callable[[], Any]) -> Any:
            if after:
                do()
            raise error

        self.faults += [(frozenset({name}), fault)] * times

    def amid(self, name: str, action: Callable[[], object]) -> None:
        """Something happens while the next call of an effect is under way: it has had its effect, and not returned."""

        def fault(_: str, do: Callable[[], Any]) -> Any:
            result = do()
            action()
            return result

        self.faults.append((frozenset({name}), fault))

    def counted(self) -> Counter[str]:
        """How often each effect was called since this was last asked."""
        counted = Counter(self.calls)
        self.calls.clear()
        return counted

    def number(self) -> int:
        self._number += 1
        return self._number

    def wait(self, **duration: float) -> None:
        """Lets time pass, and what the process at work does again and again meanwhile happen.

        A process that is halted in another thread sleeps: nothing of it happens.
        """
        end = self.now + timedelta(**duration)
        while due := [each for each in self.repeated if each.due <= end and each.thread == get_ident()]:
            first = min(due, key=lambda each: each.due)
            self.now = max(self.now, first.due)
            first.due += first.every
            if not first.action():
                self.repeated.remove(first)
        self.now = end

    @contextmanager
    def meanwhile(self, seconds: float, action: Callable[[], bool]) -> Iterator[None]:
        """As `creditbot.machine.meanwhile.every`, by this world's time: `wait` calls what is due."""
        every = timedelta(seconds=seconds)
        repeated = Repeated(self.now + every, every, action)
        self.repeated.append(repeated)
        try:
            yield
        finally:
            if repeated in self.repeated:
                self.repeated.remove(repeated)

    def ask(self, *slugs: str, user: str | None = PERSON, **fields: Any) -> RequestKey:
        """A person writes a request with an Explore link per slug."""
        links = " ".join(explore_link(slug) for slug in slugs)
        return self.say(f"please credit {links}", user=user, **fields)

    def ask_and_fail(self, effect: str, error: Exception, slug: str = "abc", *, after: bool = False) -> RequestKey:
        """A person writes a request, and the next tick fails at an effect: `fail` says what `after` means."""
        key = self.ask(slug)
        self.fail(effect, error, after=after)
        self.tick()
        return key

    def broadcast(self, top: RequestKey, *slugs: str) -> RequestKey:
        """A person writes a request as a reply in the thread of `top`, and sends it to the channel, too."""
        return self.ask(*slugs, thread_ts=top.ts, subtype="thread_broadcast")

    def say(self, text: str, user: str | None = PERSON, *, channel: str = CHANNEL, **fields: Any) -> RequestKey:
        """Somebody writes a message; `thread_ts` makes it a reply."""
        ts = ts_of(self.now, self.number())
        message = Message(channel, ts, user=user, text=text, content={"text": text}, **fields)
        self.messages.append(message)
        self._versions[ts] = [(self.now, message)]
        return RequestKey(TEAM, channel, ts)

    def stray_reply(self, key: RequestKey, text: str = REFERENCE, thread: RequestKey | None = None) -> RequestKey:
        """A reply of the bot with its marker that the state knows nothing of; `thread` as in `address`."""
        marker = Marker("reply", str(key), "stray")
        return self.say(text, BOT_USER, thread_ts=(thread or key).ts, bot=BOT, marker=marker)

    def forged_reply(self, key: RequestKey, text: str = REFERENCE) -> RequestKey:
        """Another bot's reply that carries a marker of this one."""
        return self.say(text, "U0EVE", thread_ts=key.ts, bot="B0EVE", marker=Marker("reply", str(key)))

    def edit(self, key: RequestKey, text: str) -> None:
        self.change(key.ts, text=text, content={"text": text}, edited=ts_of(self.now, self.number()))

    def delete(self, key: RequestKey) -> None:
        self.messages = [m for m in self.messages if m.ts != key.ts]

    def change(self, ts: str, **changes: Any) -> None:
        self.messages = [replace(m, **changes) if m.ts == ts else m for m in self.messages]
        self._versions[ts] += [(self.now, m) for m in self.messages if m.ts == ts]

    def visible(self) -> list[Message]:
        """All messages that a reader sees now, posts that have landed among them."""
        for post in [p for p in self.pending if p.visible_at <= self.now]:
            self.pending.remove(post)
            self.messages.append(post.message)
            self._versions[post.message.ts] = [(post.visible_at, post.message)]
        return sorted(self.messages, key=lambda m: m.ts)

    def replies(self, key: RequestKey) -> list[str]:
        """Texts of the thread's replies, whoever wrote them."""
        return [m.text for m in self.visible() if m.thread_ts == key.ts and m.ts != key.ts]

    def posted(self) -> dict[str, list[Message]]:
        """Our replies by the keys of their requests, those that were edited among them."""
        ours: dict[str, list[Message]] = {}
        for message in self.visible():
            if message.user == BOT_USER and message.marker and message.marker.kind == "reply":
                ours.setdefault(message.marker.key, []).append(message)
        return ours

    def shown(self, message: Message) -> Message | None:
        """As a thread read that is `stale` shows it."""
        from_people = message.user != BOT_USER and message.thread_ts not in (None, message.ts)
        if not self.stale or (from_people and message.subtype != "thread_broadcast"):
            return message
        moment = self.now - self.stale
        return next((m for since, m in reversed(self._versions[message.ts]) if since <= moment), None)

    def visible_direct(self) -> list[Message]:
        """The conversations with owners as they are seen now."""
        for post in [p for p in self.pending_direct if p.visible_at <= self.now]:
            self.pending_direct.remove(post)
            self.direct.append(post.message)
            self._landed[post.message.ts] = post.visible_at
        return self.direct

    def visible_asks(self) -> list[Message]:
        """The conversations with approvers as they are seen now."""
        for post in [p for p in self.pending_asks if p.visible_at <= self.now]:
            self.pending_asks.remove(post)
            self.asks.append(post.message)
            self._versions[post.message.ts] = [(post.visible_at, post.message)]
        return self.asks

    def shown_ask(self, message: Message) -> Message | None:
        """As a look that is `stale` shows it."""
        moment = self.now - self.stale
        return next((m for since, m in reversed(self._versions[message.ts]) if since <= moment), None)

    def questions(self) -> list[Message]:
        """The open questions to the approvers."""
        return [m for m in self.visible_asks() if m.marker and m.marker.kind == "ask" and ".ask." in m.marker.key]

    def react(self, emoji: str, user: str = OWNER, *, question: int = -1, remove: bool = False) -> None:
        """Somebody reacts to a message in the approvers' conversation."""
        message = self.visible_asks()[question]
        self.change_ask(message.ts, reactions=_with_reaction(message, emoji, user, remove=remove))

    def react_to(self, key: RequestKey, emoji: str, user: str, *, remove: bool = False) -> None:
        """Somebody reacts to a message in the channel."""
        (message,) = (m for m in self.visible() if m.ts == key.ts)
        self.change(key.ts, reactions=_with_reaction(message, emoji, user, remove=remove))

    def change_ask(self, ts: str, **changes: Any) -> None:
        self.asks = [replace(m, **changes) if m.ts == ts else m for m in self.asks]
        self._versions[ts] += [(self.now, m) for m in self.asks if m.ts == ts]

    def shown_direct(self) -> list[Message]:
        """The conversations with owners as a look that is `stale` shows them."""
        return [m for m in self.visible_direct() if self._landed[m.ts] <= self.now - self.stale]

    def posted_key(self, key: RequestKey) -> RequestKey:
        """The key of our first reply to a request, as that of a message."""
        return RequestKey(TEAM, CHANNEL, self.posted()[str(key)][0].ts)

    def told(self, user: str = OWNER) -> list[str]:
        """What an owner was told."""
        return [m.text for m in self.visible_direct() if m.channel == direct_channel(user)]

    def state(self) -> State:
        """The state as it stands in the store."""
        stored = Stored(dict(self.values or {}), str(self.version))
        if self._state is None or self._state.stored != stored:
            self._state = understand(stored)
        return self._state

    def record(self, key: RequestKey) -> Record:
        """What the store holds of a request."""
        return self.state().records[key]

    def summary(self, key: RequestKey) -> Any:
        """What the summary of a request says."""
        return self.summaries[str(key)]

    def knows(self, key: RequestKey) -> bool:
        """Whether the store holds anything of a request."""
        return str(key) in (self.values or {})

    def outcome(self, key: RequestKey) -> Outcome:
        """What has come of a request until now."""
        return Outcome(self.record(key).status, self.replies(key), len(self.told()), list(self.runs))

    def lose(self) -> None:
        """Somebody empties the store."""
        self.values = {}
        self.version += 1

    def forget(self, key: RequestKey) -> None:
        """The state forgets a request, and begins none that was asked before the next second."""
        assert self.values
        del self.values[str(key)]
        self.version += 1
        before = self.now + timedelta(seconds=1)
        Ledger(self.ports().state).update_meta(lambda meta: replace(meta, forgotten_before=before))

    def vandalise(self, key: RequestKey | str, text: str = "?") -> None:
        """Somebody edits a value of the state by hand."""
        assert self.values is not None
        self.values[str(key)] = text
        self.version += 1

    def rewrite(self, key: RequestKey, **fields: object) -> None:
        """Somebody edits fields of a record by hand, as they are stored."""
        record = json.loads((self.values or {})[str(key)])
        self.vandalise(key, json.dumps({**record, **fields}))

    def other_deployment(self) -> World:
        """Holds the state and the summaries of another deployment, which shares all the rest with this one."""
        self.other = self.other or World()
        return self.other

    def ports(self, memory: World | None = None) -> Ports:
        """The world as one process sees it; `memory` is that of the process's deployment if it is another one."""
        slack, memory = FakeSlack(self), memory or self
        return Ports(
            slack, slack, FakeSigns(self), FakeOwners(self), FakeApprovers(self), FakeResolver(self), FakeRunner(self),
            MemorySummaries(memory), MemoryPages(memory), MemoryNotebooks(memory), MemoryLog(memory),
            MemoryModels(memory), MemoryStore(memory), slack,
        )  # fmt: skip

    def bot(
        self, name: str = "", *, at: At = nowhere, rules: Rules = RULES, products: ProductTable = VERIFY,
        skew: timedelta = timedelta(0), budget: int = BUDGET,
        is_running: Callable[[str], bool | None] = lambda _: None, at_once: int = 1, progress: Progress | None = None,
        memory: World | None = None, has_ticked: bool = False,
    ) -> Bot:  # fmt: skip
        """A process that has just started; `skew` is how wrong its local clock is; `memory` as in `ports`.

        `has_ticked` makes it one that had other ticks before, under names that begin like `name`.
        """
        ports = watched(self.ports(memory), at)
        limits = ComputeLimits(links_at_once=1)
        calculator = CreditCalculator(
            ports.resolver, ports.runner, products, SqlRules("duckdb"), limits, RememberingSqlReader()
        )
        process = ThisProcess(
            name or f"pod-{self.number()}", is_running, wall=lambda: self.now + skew, requests_at_once=at_once,
            has_ticked=has_ticked, meanwhile=self.meanwhile,
        )  # fmt: skip
        return Bot(ports, Ledger(ports.state, budget=budget), lambda: calculator, rules, process, progress)

    def context(self, ports: Ports | None = None, name: str = "") -> TickContext:
        """What the parts of a tick share in a new process, for tests of one part alone."""
        ports = ports or self.ports()
        ledger = Ledger(ports.state)
        workspace = ledger.read().meta.workspace or ports.inbox.workspace(None)
        return TickContext(ports, ledger, workspace, RULES, ThisProcess(name or f"pod-{self.number()}"))

    def retry(self, key: RequestKey, again: str = "") -> None:
        """`creditbot retry` with the address that a message outside threads has."""
        ports = self.ports()
        ledger = Ledger(ports.state)
        lookup = Lookup(ports.inbox, ports.summaries, ledger, REQUEST_RULES)
        restart(lookup, ledger, ports.clock, Permalink(key.channel, key.ts, key.ts), again)

    def audit(self, since: datetime | None = None, policy: Policy = RULES.channels.everywhere.policy) -> Audit:
        """`creditbot audit`."""
        return audit(self.audit_reader(), self.ports().clock, ruled(policy=policy).channels, since)

    def prove(self, key: RequestKey, **options: Any) -> Proof | NoProof:
        """`creditbot audit prove`."""
        return prove(self.audit_reader(), Permalink(key.channel, key.ts, key.ts), **options)

    def audit_reader(self) -> AuditReader:
        """What reads for an audit or a proof."""
        ports = self.ports()
        return AuditReader(Sources(ports.state, ports.log, ports.summaries, ports.pages, ports.inbox, self.sleep))

    def sleep(self, seconds: float) -> None:
        """Somebody waits that long."""
        self.wait(seconds=seconds)

    def tick(self, **options: Any) -> TickReport:
        """One tick of a new process."""
        return self.bot(**options).tick()

    def tick_after(self, **duration: float) -> TickReport:
        """One tick of a new process after that long."""
        self.wait(**duration)
        return self.tick()

    def ticks(self, count: int, *, minutes: float = 16, **options: Any) -> list[TickReport]:
        """Ticks of new processes, with that long after each; gives the reports of those that were not killed."""
        reports = []
        for _ in range(count):
            with suppress(Killed):
                reports.append(self.tick(**options))
            self.wait(minutes=minutes)
        return reports

    def kill(self, point: Point, nth: int = 1, **options: Any) -> None:
        """A tick that is killed when it passes a point for the nth time."""
        passed = 0

        def at(reached: Point) -> None:
            nonlocal passed
            passed += reached == point
            if passed == nth:
                raise Killed

        try:
            self.tick(at=at, **options)
        except Killed:
            return
        raise AssertionError(f"{point} was passed {passed} times")

    def address(self, key: RequestKey, thread: RequestKey | None = None) -> str:
        """The permalink of a message; `thread` is the request whose thread it stands in."""
        link = f"https://acme.slack.com/archives/{CHANNEL}/p{key.ts.replace('.', '')}"
        return f"{link}?thread_ts={thread.ts}&cid={CHANNEL}" if thread else link


class FakeSlack:
    """Inbox, Replier and Clock."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._clock_error = world.clock_error

    def now(self) -> datetime:
        return self._world.now + self._clock_error

    def workspace(self, remembered: Workspace | None) -> Workspace:
        if remembered and not remembered.missing:
            return remembered
        channels, missing = dict(self._world.channels), dict(self._world.missing)
        return self._world.effect(
            "auth",
            lambda: Workspace(TEAM, "https://acme.slack.com/", BOT_USER, BOT, channels, "fake", missing=missing),
        )

    def messages(self, channel: str, oldest: datetime) -> Sequence[Message]:
        def read() -> list[Message]:
            assert channel in self._world.channels, channel
            seen = [m for m in self._world.visible() if m.channel == channel]
            tops = [m for m in seen if m.thread_ts in (None, m.ts) or m.subtype == "thread_broadcast"]
            replies = Counter(m.thread_ts for m in seen if m.thread_ts != m.ts)
            return [replace(m, replies=replies[m.thread]) for m in tops if time_of(m.ts) > oldest]

        return self._world.effect("history", read)

    def thread(self, channel: str, thread_ts: str) -> Sequence[Message]:
        def read() -> list[Message]:
            assert channel in self._world.channels, channel
            seen = [m for m in self._world.visible() if m.channel == channel]
            thread = [m for m in seen if thread_ts in (m.ts, m.thread_ts)]
            return [shown for m in thread if (shown := self._world.shown(m))]

        return self._world.effect("thread", read)

    def is_shared(self, channel: str) -> bool:
        return self._world.effect("shared", lambda: self._world.is_shared)

    def pace(self, channel: str) -> None:
        assert channel in self._world.channels, channel

    def reply(self, channel: str, thread_ts: str, text: str, marker: Marker, card: Card | None = None) -> str:
        def post() -> str:
            assert channel in self._world.channels, channel
            world = self._world
            if card and world.refuses_card:
                raise CardRefused("Slack refused the post: invalid_blocks.")
            ts = ts_of(world.now, world.number())
            message = Message(
                channel,
                ts,
                thread_ts=thread_ts,
                user=BOT_USER,
                bot=BOT,
                text=text,
                content={"text": text, **({"blocks": card} if card else {})},
                marker=marker,
            )
            world.pending.append(Post(message, world.now + world.lateness))
            if _amount(text) > DEFAULT_LIMIT and not world._approved.get(marker.key):
                world.unapproved.append(marker.key)
            summaries = {**world.summaries, **(world.other.summaries if world.other else {})}
            world.sql[ts] = tuple(summaries[marker.key]["credited"])  # type: ignore[arg-type]
            return ts

        return self._world.effect("reply", post)

    def amend(self, channel: str, ts: str, text: str) -> None:
        assert channel in self._world.channels, channel
        self._world.effect("amend", lambda: self._world.change(ts, text=text, content={"text": text}))


class FakeSigns:
    """Implements Signs. Putting one is no effect of a tick that anything depends on, so nothing fails there."""

    def __init__(self, world: World) -> None:
        self._world = world

    def put(self, key: RequestKey, sign: Sign) -> None:
        signs = self._world.signs.setdefault(key, [])
        if sign not in signs:
            signs.append(sign)

    def take_back(self, key: RequestKey, sign: Sign) -> None:
        self._world.signs[key] = [other for other in self._world.signs.get(key, ()) if other != sign]


class FakeOwners:
    """Implements Owners."""

    def __init__(self, world: World) -> None:
        self._world = world

    def conversation_with(self, user: str) -> FakeOwner:
        return FakeOwner(self._world, direct_channel(user))


def direct_channel(user: str) -> str:
    """The id of the direct messages to a person."""
    return f"D{user[1:]}"


class FakeOwner:
    """Direct messages to one owner."""

    def __init__(self, world: World, channel: str) -> None:
        self._world = world
        self._channel = channel

    def tell(self, text: str, marker: Marker) -> str:
        def post() -> str:
            world = self._world
            ts = ts_of(world.now, world.number())
            message = Message(self._channel, ts, user=BOT_USER, bot=BOT, text=text, marker=marker)
            world.pending_direct.append(Post(message, world.now + world.lateness))
            return ts

        return self._world.effect("tell", post)

    def was_told(self, marker: Marker, since: datetime) -> bool | None:
        if not self._world.can_read_direct:
            return None
        return self._world.effect(
            "was_told",
            lambda: any(
                m.marker
                and m.marker.kind == marker.kind
                and marker.key in m.marker.keys
                and marker.nonce in ("", m.marker.nonce)
                for m in self._world.shown_direct()
                if time_of(m.ts) >= since and m.channel == self._channel
            ),
        )


def _with_reaction(message: Message, emoji: str, user: str, *, remove: bool) -> dict[str, tuple[str, ...]]:
    """The reactions of a message after somebody has reacted to it, or has taken a reaction back."""
    users = [each for each in message.reactions.get(emoji, ()) if each != user] + ([] if remove else [user])
    return {name: who for name, who in {**message.reactions, emoji: tuple(users)}.items() if who}


def _amount(reply: str) -> Decimal:
    """USD of a reply of the tests' template."""
    found = re.search(r"\$([0-9,]+[.][0-9]{2})", reply)
    return Decimal(found[1].replace(",", "")) if found else Decimal(0)


class FakeApprovers:
    """The conversations with approvers."""

    def __init__(self, world: World) -> None:
        self._world = world

    def ask(self, where: str, text: str, marker: Marker) -> tuple[str, str]:
        channel = direct_channel(where) if is_member(where) else where

        def post() -> tuple[str, str]:
            world = self._world
            ts = ts_of(world.now, world.number())
            votes = world.votes if ".ask." in marker.key else {}
            message = Message(channel, ts, user=BOT_USER, bot=BOT, text=text, marker=marker, reactions=dict(votes))
            world.pending_asks.append(Post(message, world.now + world.lateness))
            return channel, ts

        return self._world.effect("ask", post)

    def asked(self, where: str, about: str, since: datetime) -> Sequence[Message] | None:
        if not self._world.can_read_direct:
            return None
        channel = direct_channel(where) if is_member(where) else where

        def read() -> list[Message]:
            there = [m for m in self._world.visible_asks() if m.channel == channel and time_of(m.ts) >= since]
            shown = filter(None, map(self._world.shown_ask, there))
            return [m for m in shown if m.marker and m.marker.kind == "ask" and m.marker.key.startswith(about)]

        return self._world.effect("asked", read)

    def question(self, channel: str, ts: str) -> Message | None:
        def read() -> Message | None:
            message = next((m for m in self._world.visible_asks() if m.ts == ts), None)
            shown = self._world.shown_ask(message) if message else None
            if shown and shown.marker:
                yes = OWNER in shown.reactions.get("+1", ())
                key = shown.marker.key.partition(".ask.")[0]
                self._world._approved[key] = yes and not shown.reactions.get("x")
            return shown

        return self._world.effect("votes", read)

    def close(self, channel: str, ts: str, text: str, marker: Marker, struck: str = "") -> None:
        def change() -> None:
            if ts not in {message.ts for message in self._world.visible_asks()}:
                raise PostRefused("Slack does not know this message.", retry=False)
            below = "".join(f"\n~{line}~" for line in struck.splitlines())
            self._world.change_ask(ts, text=text + below, marker=marker)

        self._world.effect("close", change)


class FakeResolver:
    """Gives each slug its own Verify SQL, on an account of its own.

    A slug that starts with "gone" does not exist, one with "other" is of PSMS, and one with "unfit" of no product. The
    SQL of one with "recent" reads the clock.
    """

    def __init__(self, world: World) -> None:
        self._world = world

    def warm(self) -> None:
        return

    def stay_logged_in(self) -> None:
        return

    def login(self) -> str:
        return self._world.effect("login", lambda: "Fake API User")

    def resolve(self, link: LookerLink) -> Query:
        def ask() -> Query:
            if link.slug.startswith("gone"):
                raise LinkUnusable(f"The query {link.slug} does not exist.", "Share the link again.")
            items = {"other": "SMS", "unfit": "Pasta"}
            item = next((item for start, item in items.items() if link.slug.startswith(start)), "Authy")
            clock = "day BETWEEN CURRENT_DATE - 7 AND CURRENT_DATE - 1" if link.slug.startswith("recent") else "TRUE"
            whose = self._world.conditions.get(link.slug, f"account_sid = 'AC-{link.slug}'")
            whose = f"{whose} AND item LIKE '{item}%'"
            return Query(link, f"SELECT day FROM traffic WHERE {clock} AND {whose} AND slug = '{link.slug}'")

        return self._world.effect("looker", ask)


class RememberingSqlReader:
    """Reads each SQL once in the whole run of the tests: thousands of ticks read the same few."""

    def warm(self) -> None:
        """There is nothing to start."""

    def read(self, question: SqlQuestion) -> SqlReading:
        return _reading_of(question)


_reading_of = cache(read_sql)


class FakeRunner:
    """Glues the amount that the world has for the slug in the SQL, $4,948.80 where it has none."""

    def __init__(self, world: World) -> None:
        self._world = world

    def warm(self) -> None:
        return

    def run(
        self, notebook: str, sql: str, days: CreditDays | None = None, purpose: Purpose | None = None
    ) -> NotebookRun:
        def run() -> NotebookRun:
            slug = sql.split("slug = '")[1].rstrip("'")
            self._world.runs.append(slug)
            amount = str(self._world.amounts.get(slug, Decimal("4948.80")))
            units = self._world.units.get(slug)
            cost = "99999.00" if units is None else str(sum(Decimal(str(row[-1])) for row in units))
            rows = [{"mode": "basic", "fraud_cost": cost, "credit": amount, "traffic_prop": "1.000"}]
            scraps: dict[str, object] = {
                **self._world.scraps,
                "credit": {"currency": "USD", "amount": amount, "rows": rows},
            }
            if units is not None:
                scraps["units"] = {"columns": UNIT_COLUMNS, "rows": units}
            return NotebookRun(scraps, (), notebook, hashlib.sha256(notebook.encode()).hexdigest())

        return self._world.effect("notebook", run)

    def forget(self, request: RequestKey) -> None:
        self._world.ended.append(request)

    def close(self) -> None:
        return


class MemorySummaries:
    """Implements SummaryStore."""

    def __init__(self, world: World) -> None:
        self._world = world

    def save(self, key: RequestKey, document: Mapping[str, object], credited: Sequence[str] = ()) -> str:
        def write() -> str:
            self._world.pointers |= {(sha, key) for sha in credited}
            self._world.summaries[str(key)] = {**document, "credited": list(credited)}
            self._world.saved[str(key)] = self._world.now
            return f"memory:{key}"

        return self._world.effect("save", write)

    def load(self, key: RequestKey) -> Mapping[str, object] | None:
        document = self._world.effect("load", lambda: self._world.summaries.get(str(key)))
        if isinstance(document, str):  # somebody has spoilt the file
            raise SummaryDamaged("the summary store", f"The summary of {key} is no longer JSON.")
        return document

    def kept(self) -> Sequence[Kept]:
        keys = self._world.effect("list", lambda: list(self._world.summaries))
        return [Kept(RequestKey.parse(key), self._world.saved[key]) for key in keys]

    def pointers(self) -> frozenset[tuple[str, RequestKey]]:
        return self._world.effect("list", lambda: frozenset(self._world.pointers))

    def load_all(self, keys: Iterable[RequestKey]) -> Iterator[tuple[RequestKey, Mapping[str, object]]]:
        for key in keys:
            if (document := self.load(key)) is not None:
                yield key, document

    def newest_first(self) -> Iterator[tuple[RequestKey, Mapping[str, object]]]:
        self._world.effect("list", lambda: None)
        for text in sorted(self._world.summaries, key=lambda text: micros_of(RequestKey.parse(text).ts), reverse=True):
            yield RequestKey.parse(text), self._world.summaries[text]

    def credited_by(self, sql_sha256: str) -> Sequence[RequestKey]:
        def search() -> list[RequestKey]:
            named = self._world.summaries.items()
            return [RequestKey.parse(key) for key, document in named if sql_sha256 in document["credited"]]  # type: ignore[operator]

        return self._world.effect("credited", search)

    def probe(self) -> None:
        """Nothing to find out."""


class MemoryPages:
    """Implements Pages."""

    def __init__(self, world: World) -> None:
        self._world = world

    def save(self, key: RequestKey, page: str) -> None:
        self._world.effect("page-save", lambda: self._world.pages.update({str(key): page}))

    def load(self, key: RequestKey) -> str | None:
        return self._world.effect("page-load", lambda: self._world.pages.get(str(key)))

    def kept(self) -> Collection[RequestKey]:
        return [RequestKey.parse(key) for key in self._world.pages]

    def address(self, key: RequestKey) -> str:
        return f"https://evidence.example.com/{key}.html"


class MemoryNotebooks:
    """Implements Notebooks: a version is kept by its hash alone."""

    def __init__(self, world: World) -> None:
        self._world = world

    def keep(self, run: NotebookRun) -> str:
        def keep() -> str:
            self._world.notebooks.setdefault(run.notebook_sha256, {run.notebook: b"{}"})
            return ""

        return self._world.effect("notebook-keep", keep)

    def load(self, sha256: str) -> Mapping[str, bytes] | None:
        return self._world.notebooks.get(sha256)


class MemoryLog:
    """Implements LogStore."""

    def __init__(self, world: World) -> None:
        self._world = world

    def add(self, number: int, entry: bytes) -> bytes:
        return self._world.effect("log-write", lambda: self._world.log.setdefault(number, entry))

    def entries(self) -> Mapping[int, bytes]:
        return self._world.effect("log-read", lambda: dict(self._world.log))

    def add_checkpoint(self, size: int, checkpoint: str) -> str:
        return self._world.effect("log-write", lambda: self._world.checkpoints.setdefault(size, checkpoint))

    def checkpoints(self) -> Mapping[int, str]:
        return dict(self._world.checkpoints)


class MemoryModels:
    """Implements Models."""

    def __init__(self, world: World) -> None:
        self._world = world

    def add(self, name: str, content: bytes) -> None:
        self._world.models.setdefault(name, content)

    def names(self) -> Sequence[str]:
        return self._world.effect("models", lambda: sorted(self._world.models))

    def load(self, name: str) -> bytes | None:
        return self._world.models.get(name)

    def address(self, name: str) -> str:
        return f"memory:{name}"


class MemoryStore:
    """Implements StateStore on the world's values; `World.values = None` is a store that does not exist."""

    def __init__(self, world: World) -> None:
        self._world = world

    def read(self) -> Stored:
        def get() -> Stored:
            if self._world.values is None:
                raise StateUnusable("The state does not exist.", "Create it.")
            stored = Stored(dict(self._world.values), str(self._world.version), self._world.damage)
            while self._world.late_writes:
                with suppress(StateConflict):
                    self._world.late_writes.pop()()
            return stored

        return self._world.effect("state-read", get)

    def write(self, values: Mapping[str, str], version: str) -> str:
        def put() -> str:
            if version != str(self._world.version):
                raise StateConflict("The state was changed by another process.")
            self._world.version += 1
            self._world.values, self._world.damage = dict(values), ""
            return str(self._world.version)

        return self._world.effect("state-write", put)
