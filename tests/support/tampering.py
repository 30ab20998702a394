"""What somebody can do to a history who may write the bucket, the state or Slack.

A history is made by real ticks in the in-memory world. Each deed changes what stands there, as a person would change
files, the state, or posts.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from typing import Any

from creditbot.evidence.log import Checkpoint, end_digest, end_of, entry_of, origin_of, read_entry
from creditbot.evidence.merkle import Tree
from creditbot.evidence.page_parts import page_parts
from creditbot.machine import exact_json
from creditbot.model import Marker, RequestKey
from creditbot.state.codec import LOG
from creditbot.state.log_head import LogHead
from tests.support.world import World
from tests.support.world_facts import BOT, BOT_USER, CHANNEL, OWNER, REFERENCE, TEAM

DECEMBER = "account_sid = 'AC1' AND day >= DATE '2025-12-01' AND day < DATE '2026-01-01'"


@dataclass
class Past:
    """A world in which requests of every sort have ended.

    Attributes:
        world: with everything that is kept of them.
        plain: answered without a person, first of all; its end is entry 0.
        failed: given up.
        elsewhere: a person answered it.
        large: held for its amount, approved and answered.
        twice: held because `plain` credits some of its traffic, approved and answered.
        last: answered in the last tick. Its reply vouches for every entry but its own.
    """

    world: World
    plain: RequestKey
    failed: RequestKey
    elsewhere: RequestKey
    large: RequestKey
    twice: RequestKey
    last: RequestKey

    def number(self, key: RequestKey) -> int:
        """Of the last entry about a request."""
        return max(n for n, content in self.world.log.items() if read_entry(content).key == key)

    def reply(self, key: RequestKey) -> str:
        """The ts of our reply."""
        return self.world.posted()[str(key)][0].ts

    def copied(self) -> Past:
        """One that may be changed."""
        return replace(self, world=copy.deepcopy(self.world))


def unit(day: int) -> list[object]:
    """100 messages of a day of December, at $1.00 each."""
    return ["", f"2025-12-{day:02}", "+62", "basic", 100, "100.00"]


def new_past() -> Past:
    """A history of its own."""
    return _past().copied()


@cache
def _past() -> Past:
    world = World(votes={"+1": (OWNER,)})
    world.tick()
    for slug, days in (("plain", (18, 19)), ("twice", (19, 20))):
        world.conditions[slug], world.amounts[slug] = DECEMBER, Decimal("50.00")
        world.units[slug] = list(map(unit, days))
    world.amounts["large"] = Decimal("30000.00")
    keys = []
    for slug in ("plain", "gone", "theirs", "large", "twice", "last"):
        world.wait(minutes=5)
        keys.append(world.ask(slug))
        if slug == "theirs":
            world.say("Approved, $1.00, exceptions", "U0BOSS", thread_ts=keys[-1].ts)
        world.ticks(3, minutes=1)
    statuses = [world.record(key).status for key in keys]
    assert ["answered", "given_up", "elsewhere", "answered", "answered", "answered"] == statuses
    return Past(world, *keys)


# -- files ------------------------------------------------------------------------------------------------------------


def edit(document: Any, place: str, value: object) -> Any:
    """A copy of a JSON value with another one somewhere in it; ... removes it."""
    changed = copy.deepcopy(document)
    *way, last = [int(step) if step.isdigit() else step for step in place.split(".")]
    inner = changed
    for step in way:
        inner = inner[step]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    return changed


def edit_summary(past: Past, key: RequestKey, place: str, value: object) -> None:
    """Edits a summary's file."""
    past.world.summaries[str(key)] = edit(past.world.summary(key), place, value)


def spoil_summary(past: Past, key: RequestKey) -> None:
    """Writes something into a summary's file that is not JSON."""
    past.world.summaries[str(key)] = "?"  # type: ignore[assignment]


def edit_entry(past: Past, number: int, place: str, value: object) -> None:
    """Edits an entry's file."""
    document = edit(exact_json.read(past.world.log[number]), place, value)
    past.world.log[number] = exact_json.canonical(document)


def edit_entry_of(past: Past, key: RequestKey, place: str, value: object) -> None:
    """Edits the file of the last entry about a request."""
    edit_entry(past, past.number(key), place, value)


def edit_state(past: Past, key: RequestKey, place: str, value: object) -> None:
    """Edits a record of the state."""
    assert past.world.values
    record = edit(json.loads(past.world.values[str(key)]), place, value)
    past.world.vandalise(key, json.dumps(record))


def rebuild(past: Past) -> None:
    """Writes every checkpoint and the head in the state again, so that they fit the entries as they are now."""
    world = past.world
    tree = Tree()
    roots = {}
    for number in range(len(world.log)):
        tree = tree.with_entry(world.log[number])
        roots[tree.size] = str(Checkpoint(origin_of(world.log[0]), tree.size, tree.root))
    world.checkpoints = {size: roots[size] for size in world.checkpoints if size in roots}
    head = world.state().log
    assert head
    peaks = tuple(peak.hex() for peak in tree.peaks)
    world.vandalise(LOG, _head_text(replace(head, origin=origin_of(world.log[0]), size=tree.size, peaks=peaks)))


def _head_text(head: LogHead) -> str:
    document = {"since": head.since.isoformat(), "origin": head.origin, "size": head.size, "peaks": list(head.peaks)}
    return json.dumps(document)


def rewrite(past: Past, key: RequestKey, changes: Mapping[str, object]) -> None:
    """Rewrites an end everywhere but in Slack: summary, entry, checkpoints, and the state's head and record."""
    for place, value in changes.items():
        edit_summary(past, key, place, value)
    page = page_parts(past.world.pages[str(key)])
    number, end = past.number(key), end_of(past.world.summary(key), page)
    past.world.log[number] = entry_of(end, read_entry(past.world.log[number]).logged).encode()
    rebuild(past)
    edit_state(past, key, "logged", end_digest(end))
    if "credit_amount" in changes:
        edit_state(past, key, "result.amount", str(changes["credit_amount"]))


def forget(past: Past, key: RequestKey) -> None:
    """Removes all that the bucket and the state have of one request, whose entry is the last one."""
    world = past.world
    number = past.number(key)
    assert number == len(world.log) - 1
    del world.log[number], world.summaries[str(key)], world.pages[str(key)]
    assert world.values
    del world.values[str(key)]
    rebuild(past)


def swap_entries(past: Past, one: int, two: int) -> None:
    """Exchanges two entries."""
    log = past.world.log
    log[one], log[two] = log[two], log[one]


def insert_entry(past: Past, number: int, content: bytes) -> None:
    """Puts an entry before another one."""
    later = {n + 1: text for n, text in past.world.log.items() if n >= number}
    past.world.log |= {**later, number: content}


def begin_again(past: Past) -> None:
    """Removes the log and the state; the ticks that follow log again what the threads show."""
    world = past.world
    world.log.clear()
    world.checkpoints.clear()
    world.lose()
    world.ticks(4)


# -- Slack -------------------------------------------------------------------------------------------------------------


def edit_reply(past: Past, key: RequestKey, text: str, shows_it: bool = True) -> None:
    """Edits our reply. Slack shows that a message was edited; `shows_it` leaves that out."""
    world = past.world
    edited = f"{int(world.now.timestamp())}.000000" if shows_it else ""
    world.change(past.reply(key), text=text, content={"text": text}, edited=edited)


def change_marker(past: Past, key: RequestKey, **changes: Any) -> None:
    """Edits the metadata of our reply."""
    ts = past.reply(key)
    (message,) = [m for m in past.world.messages if m.ts == ts]
    assert message.marker
    past.world.change(ts, marker=replace(message.marker, **changes))


def remove_marker(past: Past, key: RequestKey) -> None:
    """Takes the metadata off our reply."""
    past.world.change(past.reply(key), marker=None)


def delete_reply(past: Past, key: RequestKey) -> None:
    """Deletes our reply."""
    past.world.delete(RequestKey(TEAM, CHANNEL, past.reply(key)))


def delete_thread(past: Past, key: RequestKey) -> None:
    """Deletes a request with its whole thread."""
    past.world.messages = [m for m in past.world.messages if key.ts not in (m.ts, m.thread_ts)]


def post(past: Past, thread: RequestKey, about: RequestKey | None, text: str = REFERENCE) -> None:
    """Posts with the bot's token: with the marker of a request, or without one."""
    marker = Marker("reply", str(about), "stolen") if about else None
    past.world.say(text, BOT_USER, thread_ts=thread.ts, bot=BOT, marker=marker)


def second_reply(past: Past, key: RequestKey) -> None:
    """Posts another reply to a request, as the bot would."""
    post(past, key, key)


Deed = Callable[[Past], object]
