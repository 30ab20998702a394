"""What can go wrong, and what it does to the next effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from creditbot.errors import NotebookStopped, PostRefused, PostUnknown, StateWriteUnknown, Unreachable
from tests.support.points import Point
from tests.support.world import World
from tests.support.world_facts import RULES

Kind = Literal[
    "SIGKILL", "exception", "timeout before", "timeout after", "lands after the next scan", "stale thread read",
    "stale look at direct messages", "429", "409", "card refused",
    "SIGSTOP across a takeover",
]  # fmt: skip

LATENESS = STALENESS = RULES.settle / 2 - timedelta(seconds=30)
"""Even together, and after the 30 s in which a send may begin, under the settle time."""

Do = Callable[[], Any]

SLACK_READS = frozenset({"history", "thread", "was_told", "asked", "votes"})
POSTS = frozenset({"reply", "tell", "amend", "ask", "close"})
SUMMARIES = frozenset({"save", "load", "credited", "log-read", "log-write"})
EFFECTS = SLACK_READS | POSTS | SUMMARIES | {"looker", "notebook", "state-read", "state-write"}


class Injected(Exception):
    """An exception that nobody has thought of."""


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        kind: what.
        point: where the process is when it does; what concerns an effect happens to the next effect that it can.
        nth: at which passing of that point, over all processes.
        ticks: for SIGSTOP, how many ticks of other processes go by before SIGCONT; None: until they find nothing to do.
        leap: for SIGSTOP, how much time goes by then without any tick.
    """

    kind: Kind
    point: Point
    nth: int = 1
    ticks: int | None = None
    leap: timedelta = timedelta(0)

    def __str__(self) -> str:
        return f"{self.kind} at {self.point} #{self.nth}"


def timeout(effect: str) -> Exception:
    """What a port raises when no answer comes."""
    if effect == "state-write":
        return StateWriteUnknown("Whether the state was written is not known.")
    if effect in POSTS:
        return PostUnknown("Slack did not answer.")
    if effect == "notebook":
        return NotebookStopped("The notebook ran out of time.")
    return Unreachable(_service(effect), f"No answer to {effect}.")


def _service(effect: str) -> str:
    if effect in SUMMARIES:
        return "the summary store"
    return {"state-read": "the state store", "looker": "Looker"}.get(effect, "Slack")


def arm(world: World, kind: Kind, late: timedelta) -> None:
    """Lets the next effect that this kind of fault concerns suffer it; `late` is how late a late post is visible."""
    effects, fault = _FAULTS[kind]
    world.faults.append((effects, lambda effect, do: fault(world, effect, do, late)))


def _timeout_before(_: World, effect: str, __: Do, ___: timedelta) -> Any:
    raise timeout(effect)


def _timeout_after(_: World, effect: str, do: Do, __: timedelta) -> Any:
    do()
    raise timeout(effect)


def _late(world: World, effect: str, do: Do, late: timedelta) -> Any:
    """The answer is lost, and the effect comes when the bot has looked for it and not seen it."""
    if effect == "state-write":
        world.late_writes.append(do)
    else:
        world.lateness, before = late, world.lateness
        do()
        world.lateness = before
    raise timeout(effect)


def _stale(world: World, _: str, do: Do, __: timedelta) -> Any:
    world.stale = STALENESS
    result = do()
    world.stale = timedelta(0)
    return result


def _limited(_: World, effect: str, __: Do, ___: timedelta) -> Any:
    if effect in POSTS:
        raise PostRefused("Slack limits our rate.", "It is tried again.", retry=True)
    raise Unreachable("Slack", "Slack limits our rate.", retry_after=30)


def _card_refused(world: World, _: str, do: Do, __: timedelta) -> Any:
    """Slack takes the text of a reply, but not the blocks below it."""
    world.refuses_card = True
    try:
        return do()
    finally:
        world.refuses_card = False


def _conflict(world: World, _: str, do: Do, __: timedelta) -> Any:
    """Somebody else wrote something that has nothing to do with it."""
    assert world.values is not None
    world.values["of-somebody-else"] = str(world.version)
    world.version += 1
    return do()


_FAULTS: Mapping[Kind, tuple[frozenset[str], Callable[[World, str, Do, timedelta], Any]]] = {
    "timeout before": (EFFECTS, _timeout_before),
    "timeout after": (EFFECTS, _timeout_after),
    "lands after the next scan": (frozenset({"reply", "tell", "ask", "state-write"}), _late),
    "stale thread read": (frozenset({"thread", "votes"}), _stale),
    "stale look at direct messages": (frozenset({"was_told", "asked"}), _stale),
    "429": (SLACK_READS | POSTS, _limited),
    "card refused": (frozenset({"reply"}), _card_refused),
    "409": (frozenset({"state-write"}), _conflict),
}
