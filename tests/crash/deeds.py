"""What people do to the request q0, which is for $100.00, and how it may end then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from creditbot.model import RequestKey
from tests.crash.scenario import Outcome
from tests.support.world import World
from tests.support.world_facts import HOST

CREDITED = Outcome("answered", ("Approved, $100.00, exceptions",), ())

OF_THE_EDIT = Outcome("answered", ("Approved, $7.00, exceptions",), ())


@dataclass(frozen=True)
class Deed:
    """Something that somebody does.

    Attributes:
        name: in a word.
        act: does it.
        ends: how the request may end; which of them depends on when.
    """

    name: str
    act: Callable[[World, RequestKey], object]
    ends: tuple[Outcome, ...]


def _edit(world: World, key: RequestKey) -> None:
    """Other links, for $7.00."""
    world.edit(key, f"<https://{HOST}/x/q0old>")


def _answer(world: World, key: RequestKey) -> None:
    """Somebody is quicker, or does not see our answer."""
    world.say("Approved, $100.00, exceptions", "U0BOSS", thread_ts=key.ts)


DEEDS = (
    Deed("edit", _edit, (CREDITED._replace(told=("edited",)), OF_THE_EDIT)),
    Deed("delete", World.delete, (CREDITED, Outcome("withdrawn", (), ()), Outcome("", (), ()))),
    Deed("answer", _answer, (CREDITED, Outcome("elsewhere", (), ()))),
)
