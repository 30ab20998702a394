"""Slack's methods about reactions: adding, removing and reading them.

They read and change the messages of the world. `conversations.history` and `conversations.replies` show reactions, too.
"""

from __future__ import annotations

import re

from creditbot.sandbox.slack_call import Method, SlackCall, SlackError
from creditbot.sandbox.slack_messages import message_of, permalink, shown
from creditbot.sandbox.store import Json
from creditbot.sandbox.world import BOT_USER
from creditbot.slack_time import is_ts

EMOJI = re.compile(r"[a-z0-9_'+-]+(?:::skin-tone-[2-6])?")
"""What the name of a reaction looks like: "+1", "white_check_mark", "+1::skin-tone-3"."""


def reactions_add(call: SlackCall) -> Json:
    """The bot reacts to a message."""
    call.need("reactions:write")
    channel, ts = _message_named(call)
    fault = call.fault
    if not call.world.react(ts, _name(call), channel=channel, user=BOT_USER, seconds=fault.seconds, reads=fault.reads):
        raise SlackError("already_reacted")
    return {}


def reactions_remove(call: SlackCall) -> Json:
    """The bot takes its own reaction back."""
    call.need("reactions:write")
    channel, ts = _message_named(call)
    fault = call.fault
    if not call.world.unreact(
        ts, _name(call), channel=channel, user=BOT_USER, seconds=fault.seconds, reads=fault.reads
    ):
        raise SlackError("no_reaction")
    return {}


def reactions_get(call: SlackCall) -> Json:
    """A message with its reactions; `full` gives everybody who reacted, however many they are."""
    call.need("reactions:read")
    channel, ts = _message_named(call)
    message = message_of(call, channel, ts)
    body = shown(call, message, all_users=call.flag("full")) | {"permalink": permalink(channel, message)}
    return {"type": "message", "channel": channel, "message": body}


def _message_named(call: SlackCall) -> tuple[str, str]:
    """Channel and ts of the message that the arguments name."""
    if not call.text("channel") or not call.text("timestamp"):
        raise SlackError("no_item_specified")
    channel, ts = call.channel(call.text("channel")), call.text("timestamp")
    if not is_ts(ts):
        raise SlackError("bad_timestamp")
    if channel.get("is_archived"):
        raise SlackError("is_archived")
    message_of(call, channel["id"], ts)
    return str(channel["id"]), ts


def _name(call: SlackCall) -> str:
    name = call.text("name")
    if not EMOJI.fullmatch(name):
        raise SlackError("invalid_name")
    return name


METHODS = {
    "reactions.add": Method(reactions_add, 3, ("name",), takes_json=True),
    "reactions.get": Method(reactions_get, 3),
    "reactions.remove": Method(reactions_remove, 2, ("name",), takes_json=True),
}
