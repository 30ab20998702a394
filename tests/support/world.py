"""Ports in memory, with a time of their own: what the bot's decisions are tested against.

`World` is Slack, Looker, the notebooks, the store and the summaries in one; `World.ports()` gives one process's view of
it. Every effect goes through `World.effect`, where tests inject what can go wrong: `World.fail` for the next call of an
effect, `World.faults` for anything else.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from threading import get_ident
from typing import Any

from creditbot.answer.context import TickContext
from creditbot.answer.rules import Rules
from creditbot.commands.requests import restart
from creditbot.credit.compute import ComputeLimits, CreditCalculator
from creditbot.credit.products import ProductTable
from creditbot.credit.sql.check import SqlRules
from creditbot.decide.policy import Policy
from creditbot.evidence.proof import Proof
from creditbot.insight.audit import Audit, audit
from creditbot.insight.audit_reading import AuditReader, Sources
from creditbot.insight.lookup import Lookup
from creditbot.insight.proving import NoProof, prove
from creditbot.intake.permalink import Permalink
from creditbot.machine.processes import ThisProcess
from creditbot.model import (
    Marker,
    Message,
    RequestKey,
    Sign,
)
from creditbot.ports import Ports, Stored
from creditbot.state.codec import State, understand
from creditbot.state.ledger import BUDGET, Ledger
from creditbot.state.record import Record
from creditbot.tick.report import Progress, TickReport
from creditbot.tick.tick import Bot
from tests.support.points import At, Point, nowhere, watched
from tests.support.world_facts import (
    BOT,
    BOT_USER,
    CHANNEL,
    OWNER,
    PERSON,
    REFERENCE,
    REQUEST_RULES,
    RULES,
    START,
    TEAM,
    VERIFY,
    Fault,
    Killed,
    Outcome,
    Post,
    Repeated,
    T,
    explore_link,
    ruled,
    ts_of,
)
from tests.support.world_notebooks import FakeResolver, FakeRunner, RememberingSqlReader
from tests.support.world_slack import FakeApprovers, FakeOwners, FakeSigns, FakeSlack, direct_channel
from tests.support.world_stores import (
    MemoryLog,
    MemoryModels,
    MemoryNotebooks,
    MemoryPages,
    MemoryStore,
    MemorySummaries,
)


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


def _with_reaction(message: Message, emoji: str, user: str, *, remove: bool) -> dict[str, tuple[str, ...]]:
    """The reactions of a message after somebody has reacted to it, or has taken a reaction back."""
    users = [each for each in message.reactions.get(emoji, ()) if each != user] + ([] if remove else [user])
    return {name: who for name, who in {**message.reactions, emoji: tuple(users)}.items() if who}
