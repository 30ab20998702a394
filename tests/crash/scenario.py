"""Requests of every sort, and how a run over them ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

from creditbot.answer.owner import is_open
from creditbot.intake.thread import UNCOUNTED
from creditbot.model import Marker, Message, RequestKey
from creditbot.state.record import ANSWERED, Record
from tests.support.world import World
from tests.support.world_facts import BOT, BOT_USER, HOST, OWNER

EARLIER = "earlier"
"""Claim in the marker of replies that were there before the first tick."""


class Outcome(NamedTuple):
    """What became of one request.

    Attributes:
        status: in the state.
        replies: texts of our replies in its thread that stand, repetitions that say so left out.
        told: what the owner was told about it: "failed" or "edited", each as often as it was said.
    """

    status: str
    replies: tuple[str, ...]
    told: tuple[str, ...]


class Counts(NamedTuple):
    """What a run comes to.

    Attributes:
        duplicates: second replies that we posted.
        repaired: those of them that were found and edited to say that they do not count.
        losses: requests that were neither answered nor given up with a word to the owner.
    """

    duplicates: int
    repaired: int
    losses: int


@dataclass
class Scenario:
    """A world with requests in it.

    Attributes:
        world: before the first tick.
        groups: requests that ask for the same SQL stand in one group: which of them is answered does not matter.
    """

    world: World = field(default_factory=lambda: World(step=timedelta(milliseconds=200)))
    groups: dict[str, list[RequestKey]] = field(default_factory=dict)

    def outcomes(self) -> Mapping[str, Sequence[Outcome]]:
        """How it ended, by group."""
        return {name: sorted(self.outcome(key) for key in keys) for name, keys in self.groups.items()}

    def outcome(self, key: RequestKey) -> Outcome:
        """How it ended for one request."""
        record = self.world.state().records.get(key)
        replies = tuple(reply.text for reply in self.replies(key) if reply.text not in UNCOUNTED)
        told = sorted(what for message in self.world.visible_direct() for what in _about(message, key))
        return Outcome(record.status if record else "", replies, tuple(t for t in told if t in ("failed", "edited")))

    def replies(self, key: RequestKey) -> list[Message]:
        """Our replies to a request, those that were edited among them."""
        return self.world.posted().get(str(key), [])

    def counted(self) -> Counts:
        """What it comes to."""
        there = {message.ts for message in self.world.messages}
        outcomes = [self.outcome(key) for key in self.requests if key.ts in there]
        ends = ("answered", "elsewhere", "withdrawn", "skipped", "shadowed")
        losses = sum(o.status not in ends and "failed" not in o.told for o in outcomes)
        posted = [[m for m in self.replies(key) if m.marker and m.marker.nonce != EARLIER] for key in self.requests]
        edited = sum(m.text in UNCOUNTED for replies in posted for m in replies)
        return Counts(sum(max(0, len(replies) - 1) for replies in posted), edited, losses)

    @property
    def requests(self) -> list[RequestKey]:
        """All requests."""
        return [key for keys in self.groups.values() for key in keys]


def _about(message: Message, key: RequestKey) -> list[str]:
    """What a message to the owner says about this request."""
    names = message.marker.keys if message.marker else ()
    words = [name.removeprefix(f"{key}.").partition(".")[0] for name in names if name.startswith(f"{key}.")]
    known = ("edited", "repeat", "stays", "posting", "lost", "deleted", "left-out")
    return [word if word in known else "failed" for word in words]


def twice_told(world: World) -> list[str]:
    """What the owner was told more than once. A shared cause may come back and be told again."""
    told = [name for m in world.visible_direct() if m.marker for name in m.marker.keys if not name.startswith("cause.")]
    return [name for name in dict.fromkeys(told) if told.count(name) > 1]


def _unsound_questions(world: World, *, avoidable: bool) -> list[str]:
    """What is wrong with the questions to the approvers, and with what came of them."""
    asked = [m.marker.key for m in world.visible_asks() if m.marker]
    open_ones = [m.marker.key for m in world.questions() if m.marker]
    found = [f"answered without an approval: {key}" for key in world.unapproved]
    found += [f"left open: {name}" for name in open_ones if avoidable and not is_open(world.state(), name)]
    found += [f"asked twice: {name}" for name in dict.fromkeys(asked) if avoidable and asked.count(name) > 1]
    return found


def unsound(scenario: Scenario, *, avoidable: bool = True) -> list[str]:
    """What may not be, whatever happened: sentences, none if all is well.

    `avoidable` asks for no second post at all; otherwise it is enough that each is repaired.
    """
    world, state = scenario.world, scenario.world.state()
    found = [f"told twice: {name}" for name in twice_told(world)] if avoidable else []
    found += _unsound_questions(world, avoidable=avoidable)
    if avoidable and scenario.counted().duplicates:
        found.append("a second reply was posted")
    for key in scenario.requests:
        outcome, record = scenario.outcome(key), state.records.get(key)
        if len(outcome.replies) > 1:
            found.append(f"{key} has {len(outcome.replies)} replies")
        if record is None and key.ts not in {message.ts for message in world.messages}:
            continue  # deleted before anybody saw it
        if record is None or not record.terminal:
            found.append(f"{key} was lost: {record}")
            continue
        if record.status == "answered" and not outcome.replies:
            found.append(f"{key} counts as answered without a reply")
        if record.status not in ("answered", "given_up") and outcome.replies:
            found.append(f"{key} is {record.status} and has a reply")
        if record.status == "given_up" and (outcome.replies or "failed" not in outcome.told):
            found.append(f"{key} is dead: {outcome}")
        if record.result and outcome.replies and f"${record.result.amount:,.2f}" not in outcome.replies[0]:
            found.append(f"{key} was answered with another amount than is recorded: {outcome} {record.result}")
        found += _unsound_summary(world, key, record)
    return found


def _unsound_summary(world: World, key: RequestKey, record: Record) -> list[str]:
    summary = world.summaries.get(str(key), {})
    outcome = summary.get("outcome")
    if not isinstance(outcome, Mapping) or outcome.get("status") != record.status:
        return [f"the summary of {key} says {outcome}, the state {record.status}"]
    credited = record.result.sql if record.result and record.status in ANSWERED else ()
    if set(credited) - set(summary["credited"]) or (summary["credited"] and record.status not in ANSWERED):  # type: ignore[call-overload]
        return [f"the summary of {key}, {record.status}, credits {summary['credited']}"]
    return []


# -- requests of every sort ------------------------------------------------------------------------------------------


def ok(scenario: Scenario, name: str) -> None:
    """One link."""
    scenario.groups[name] = [scenario.world.ask(name)]


def several_links(scenario: Scenario, name: str) -> None:
    """Three links, two of them to the same SQL."""
    links = f"<https://{HOST}/x/{name}> <https://{HOST}/explore/m/v?qid={name}> <https://{HOST}/x/{name}b>"
    scenario.groups[name] = [scenario.world.say(links)]


def failing(scenario: Scenario, name: str) -> None:
    """A link to nothing."""
    scenario.groups[name] = [scenario.world.ask(name, f"gone{name}")]


def zero(scenario: Scenario, name: str) -> None:
    """A credit of zero."""
    scenario.world.amounts[name] = Decimal("0.00")
    scenario.groups[name] = [scenario.world.ask(name)]


def skipped(scenario: Scenario, name: str) -> None:
    """A link that is for no product."""
    scenario.groups[name] = [scenario.world.ask(f"other{name}")]


def same_sql(scenario: Scenario, name: str) -> None:
    """Two requests for the same credit."""
    scenario.groups[name] = [scenario.world.ask(name), scenario.world.ask(name)]


def edited(scenario: Scenario, name: str) -> None:
    """Edited before anybody saw it."""
    key = scenario.world.ask(f"{name}old")
    scenario.world.edit(key, f"<https://{HOST}/x/{name}>")
    scenario.groups[name] = [key]


def in_a_thread(scenario: Scenario, name: str) -> None:
    """A request, and another in its thread that is also sent to the channel."""
    first = scenario.world.ask(name)
    second = scenario.world.ask(f"{name}b", thread_ts=first.ts, subtype="thread_broadcast")
    scenario.groups |= {name: [first], f"{name}b": [second]}


def answered_by_a_person(scenario: Scenario, name: str) -> None:
    """Somebody was quicker."""
    key = scenario.world.ask(name)
    scenario.world.say("Approved, $1.00, exceptions", "U0BOSS", thread_ts=key.ts)
    scenario.groups[name] = [key]


def answered_twice(scenario: Scenario, name: str) -> None:
    """Two of our replies, from before the state was lost and made again."""
    key = scenario.world.ask(name)
    for _ in range(2):
        marker = Marker("reply", str(key), EARLIER)
        scenario.world.say("Approved, $2.00, exceptions", BOT_USER, thread_ts=key.ts, bot=BOT, marker=marker)
    scenario.groups[name] = [key]


def held(scenario: Scenario, name: str) -> None:
    """An amount that an approver says yes to, as soon as the question is there."""
    scenario.world.amounts[name] = Decimal("30000.00")
    scenario.world.votes = {"+1": (OWNER,)}
    scenario.groups[name] = [scenario.world.ask(name)]


Sort = Callable[[Scenario, str], None]
SORTS: tuple[Sort, ...] = (
    ok, several_links, failing, zero, skipped, same_sql, edited, in_a_thread, answered_by_a_person, held,
)  # fmt: skip


def scenario_of(sorts: Sequence[Sort], *, used: bool = True) -> Scenario:
    """A scenario with a request of each sort; `used` lets a tick go before, as on any day but the first."""
    scenario = Scenario()
    if used:
        scenario.world.tick()
    fill(scenario, sorts)
    scenario.world.calls.clear()
    return scenario


def fill(scenario: Scenario, sorts: Sequence[Sort]) -> None:
    """Adds a request of each sort, 20 s apart."""
    for number, sort in enumerate(sorts):
        name = f"q{number}"
        scenario.world.amounts |= {name: Decimal(100 + number), f"{name}b": Decimal(50), f"{name}old": Decimal(7)}
        sort(scenario, name)
        scenario.world.wait(seconds=20)
