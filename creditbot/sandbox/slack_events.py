"""Which events Slack makes of a change of a message, as an app gets them that subscribes to messages and reactions.

A change comes from the world; the events go to `slack_socket`, which sends them.
"""

from __future__ import annotations

from collections.abc import Iterator

from creditbot.sandbox.slack_call import kind_of
from creditbot.sandbox.store import Json, MessageChange
from creditbot.sandbox.world import APP, BOT_USER, TEAM, SandboxWorld

CHANNEL_TYPES = {"public_channel": "channel", "private_channel": "group"}
"""Of these kinds of conversation the app gets messages (`message.channels`, `message.groups`); of others, reactions."""


def events_of(world: SandboxWorld, change: MessageChange) -> Iterator[Json]:
    """The events of one change; none for channels that the bot is not in."""
    channel = world.get("channel", change.channel)
    if channel is None or BOT_USER not in channel.get("members", ()):
        return
    now = f"{world.clock():.6f}"
    kind = CHANNEL_TYPES.get(kind_of(channel))
    if kind and _plain(change.before) != _plain(change.after):
        yield _message(change, now) | {"channel": change.channel, "channel_type": kind}
    yield from _reactions(change, now)


def envelope_payload(event: Json, number: str) -> Json:
    """What Slack sends around an event; `number` makes its id."""
    return {
        "team_id": TEAM,
        "api_app_id": APP,
        "event": event,
        "type": "event_callback",
        "event_id": f"Ev{number}",
        "event_time": int(float(event["event_ts"])),
        "authorizations": [{"team_id": TEAM, "user_id": BOT_USER, "is_bot": True, "is_enterprise_install": False}],
        "is_ext_shared_channel": False,
    }


def _message(change: MessageChange, now: str) -> Json:
    before, after = _plain(change.before), _plain(change.after)
    hidden = {"type": "message", "hidden": True, "ts": now, "event_ts": now}
    if after is None:
        return hidden | {"subtype": "message_deleted", "deleted_ts": change.ts, "previous_message": before}
    if before is None:
        return after | {"event_ts": change.ts}
    return hidden | {"subtype": "message_changed", "message": after, "previous_message": before}


def _plain(body: Json | None) -> Json | None:
    """A message without its reactions, which have events of their own."""
    return body and {name: value for name, value in body.items() if name != "reactions"}


def _reactions(change: MessageChange, now: str) -> Iterator[Json]:
    before, after = _votes(change.before), _votes(change.after)
    if change.after is None:
        return
    item = {"type": "message", "channel": change.channel, "ts": change.ts}
    common = {"item": item, "item_user": change.after.get("user"), "event_ts": now}
    for kind, votes in (("reaction_added", after - before), ("reaction_removed", before - after)):
        for reaction, user in sorted(votes):
            yield {"type": kind, "user": user, "reaction": reaction} | common


def _votes(body: Json | None) -> set[tuple[str, str]]:
    """(emoji, user) of each reaction."""
    reactions = (body or {}).get("reactions", ())
    return {(str(reaction["name"]), user) for reaction in reactions for user in reaction["users"]}
