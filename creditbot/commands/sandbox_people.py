"""What people do in the sandbox, a command each: post, edit, delete, react, and save a Look.

Options come from `cli`; the world in the sandbox's folder changes, so that each command also works beside a
`sandbox serve`. `creditbot.sandbox.people` and `.new_look` do the work.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from creditbot.commands.sandbox import looker_url, open_world, program, program_call, say_aside
from creditbot.errors import SettingsError

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path

    from creditbot.sandbox.world import SandboxWorld

_LOCAL = re.compile(r"http://(?:127\.0\.0\.1|localhost):(?P<port>[0-9]+)")


def post(options: Namespace) -> int:
    """Posts a message as a person who types it, in a thread or in the channel."""
    from creditbot.sandbox import people
    from creditbot.sandbox.world import LOOKER

    with open_world(options.folder) as world:
        text = _with_stored_links(world, options.text)
        ts = people.post(
            world,
            text,
            author=options.author,
            thread=options.thread,
            channel=options.channel,
            broadcast=options.broadcast,
        )
        looker = looker_url(world)
    if options.thread or LOOKER in text:
        print(f"Posted as {ts}. `{program_call(options)} run` reads it.")
    else:
        print(f"Posted as {ts}. It is not a request: it has no link to the Looker of this sandbox, {looker}.")
    return 0


def edit(options: Namespace) -> int:
    """Edits a message as its author."""
    from creditbot.sandbox import people

    with open_world(options.folder) as world:
        address = people.edit(world, options.message, _with_stored_links(world, options.text))
    print(f"Edited {address.ts}.")
    return 0


def delete(options: Namespace) -> int:
    """Deletes a message."""
    from creditbot.sandbox import people

    with open_world(options.folder) as world:
        address = people.delete(world, options.message)
    print(f"Deleted {address.ts}.")
    return 0


def react(options: Namespace) -> int:
    """Adds a person's reaction to a message, or takes it back."""
    from creditbot.sandbox import people

    change = people.unreact if options.remove else people.react
    with open_world(options.folder) as world:
        address = change(world, options.message, options.emoji, person=options.author)
    print(f"{'Took the reaction back from' if options.remove else 'Reacted to'} {address.ts}.")
    return 0


def add_look(options: Namespace) -> int:
    """Saves a new Look and prints its address; says aside if no traffic fits."""
    from creditbot.sandbox.new_look import DECEMBER, TrafficLook, save_sql, save_traffic, why_empty

    described = (options.account, options.dates, options.product, options.filter, options.fields, options.limit)
    if options.sql is not None and any(value is not None for value in described):
        raise SettingsError(
            "--sql already says all that the Look shows.",
            "Leave --account, --product, --dates, --filter, --fields and --limit out.",
        )
    if options.sql is None and options.account is None:
        raise SettingsError("A Look needs something to show.", "Pass --account ACCOUNT, or --sql SQL.")
    with open_world(options.folder) as world:
        if options.sql is not None:
            address, empty = save_sql(world, options.sql, options.title), ""
        else:
            traffic = TrafficLook(
                options.account,
                options.product or "verify",
                options.dates or DECEMBER,
                tuple(options.filter or ()),
                tuple(options.fields.split(",")) if options.fields else (),
                options.limit or "",
            )
            address = save_traffic(world, traffic, options.title)
            empty = why_empty(traffic, _warehouse(options.folder))
        print(_with_looker_address(world, address))
    if empty:
        say_aside(empty)
    return 0


def seed_history(options: Namespace) -> int:
    """Adds half a year of requests that people answered, for a backtest."""
    from creditbot.sandbox.history import seed_history as add

    with open_world(options.folder) as world:
        seeded = add(world, _warehouse(options.folder), options.requests)
    print(f"Added {seeded.requests} requests that were asked from {seeded.first} to {seeded.last} (UTC).")
    print("Where the sandbox is served, this compares creditbot with the people who answered them:")
    print(f"  {program()} backtest --since {seeded.first}")
    return 0


def _warehouse(folder: Path) -> Path:
    """The sandbox's warehouse, made if there is none yet."""
    from creditbot.sandbox.sandbox import WAREHOUSE_FILE
    from creditbot.sandbox.warehouse import make_warehouse

    warehouse = folder / WAREHOUSE_FILE
    if not warehouse.exists():
        make_warehouse(warehouse)
    return warehouse


def _with_stored_links(world: SandboxWorld, text: str) -> str:
    """A text that a person typed, with the sandbox's Looker named as the world keeps it: without a port.

    Any port at which it was ever served counts: a second command may serve the same world at another one.
    """
    from creditbot.sandbox.world import LOOKER

    ports = {str(item["port"]) for item in world.all("looker_port")}
    return _LOCAL.sub(lambda match: LOOKER if match["port"] in ports else match[0], text)


def _with_looker_address(world: SandboxWorld, address: str) -> str:
    """A stored address as a person can use it."""
    from creditbot.sandbox.world import LOOKER

    return address.replace(LOOKER, looker_url(world))
