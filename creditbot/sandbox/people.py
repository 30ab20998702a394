"""What the people of the sandbox do in Slack, in the words of a person who scripts them.

Names, addresses and emoji come as text from `creditbot sandbox` commands; each function turns them into ids, changes
the world, and raises `SettingsError` with a sentence where that cannot be done.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from creditbot.errors import SettingsError
from creditbot.sandbox.composer import typed
from creditbot.sandbox.slack_reactions import EMOJI
from creditbot.sandbox.store import Json
from creditbot.sandbox.world import CHANNEL, TEAM, SandboxWorld
from creditbot.slack_time import TS

_PERMALINK = re.compile(
    r"https?://[\w.-]+/archives/(?P<channel>[CGD]\w+)/p(?P<seconds>\d{10})(?P<micros>\d{6})", re.ASCII
)
_SKIN_TONES = {chr(0x1F3FB + n): f"::skin-tone-{n + 2}" for n in range(5)}
_NAMES_OF_EMOJI = {
    "✅": "white_check_mark", "✔": "heavy_check_mark", "👍": "+1", "❌": "x", "👎": "-1", "👀": "eyes",
    "✋": "raised_hand", "⚠": "warning", "🎉": "tada", "🙏": "pray", "❤": "heart",
    "🚫": "no_entry_sign", "⛔": "no_entry", "🛑": "octagonal_sign",
}  # fmt: skip
_OTHER_NAMES = {"thumbsup": "+1", "thumbsdown": "-1", "hand": "raised_hand"}
"""Names that people type -> the ones under which Slack keeps a reaction."""
_WHERE_TS_STAND = "`creditbot sandbox show` prints the TS of each message."


@dataclass(frozen=True)
class Address:
    """The place of a message."""

    channel: str
    ts: str


def post(
    world: SandboxWorld, text: str, *, author: str, thread: str = "", channel: str = "", broadcast: bool = False
) -> str:  # fmt: skip
    """Posts a message, in a thread if one of its messages is named; the new message's ts.

    A `channel` that does not exist is made, with everybody and the bot in it; "" is that of the credit requests.
    """
    if channel and thread:
        raise SettingsError("A reply is posted where its thread is.", "Name --thread or --channel.")
    if broadcast and not thread:
        raise SettingsError("--broadcast shows a reply in the channel as well.", "Name the thread with --thread TS.")
    person = person_called(world, author)
    parent = _thread_of(world, thread) if thread else None
    return world.post(
        **_content(world, text),
        **_from_elsewhere(person),
        user=person["id"],
        channel=parent.channel if parent else _channel_called(world, channel) if channel else CHANNEL,
        thread_ts=parent.ts if parent else None,
        broadcast=broadcast,
    )


def _channel_called(world: SandboxWorld, name: str) -> str:
    """The id of the channel of this name, which is made if there is none."""
    bare = name.removeprefix("#")
    if not re.fullmatch(r"[a-z0-9_-]{1,80}", bare):
        raise SettingsError(f"{name!r} is not the name of a channel.", "Use lower-case letters, digits, - and _.")
    found = next((channel for channel in world.all("channel") if channel.get("name") == bare), None)
    if found:
        return str(found["id"])
    id_ = "C0" + re.sub(r"[-_]", "", bare).upper()
    world.put("channel", id_, {**(world.get("channel", CHANNEL) or {}), "id": id_, "name": bare, "purpose": ""})
    return id_


def edit(world: SandboxWorld, message: str, text: str) -> Address:
    """Edits a message as its author."""
    address = address_of(world, message)
    if world.message(address.channel, address.ts).get("bot_id"):
        raise SettingsError(
            f"The message {address.ts} was posted by an app, and only that app can edit it.",
            "Delete it, or reply to it with --thread.",
        )
    world.edit(address.ts, channel=address.channel, **_content(world, text))
    return address


def delete(world: SandboxWorld, message: str) -> Address:
    """Deletes a message: people their own, an admin of the workspace anybody's, the bot's included."""
    address = address_of(world, message)
    world.delete(address.ts, channel=address.channel)
    return address


def react(world: SandboxWorld, message: str, emoji: str, *, person: str) -> Address:
    """Adds a person's reaction to a message; one that is there already stays."""
    address = address_of(world, message)
    world.react(address.ts, emoji_name(emoji), channel=address.channel, user=person_called(world, person)["id"])
    return address


def unreact(world: SandboxWorld, message: str, emoji: str, *, person: str) -> Address:
    """Takes a person's reaction back."""
    address, name, who = address_of(world, message), emoji_name(emoji), person_called(world, person)
    if not world.unreact(address.ts, name, channel=address.channel, user=who["id"]):
        raise SettingsError(
            f"{who['real_name']} has not reacted to the message {address.ts} with :{name}:.",
            "`creditbot sandbox show` prints the reactions to each message.",
        )
    return address


def address_of(world: SandboxWorld, message: str) -> Address:
    """Where the message with this TS or permalink is."""
    text = message.strip()
    match = _PERMALINK.match(text)
    if not match and not re.fullmatch(TS, text, re.ASCII):
        raise SettingsError(f"{message!r} is neither a TS nor the address of a message.", _WHERE_TS_STAND)
    ts = f"{match['seconds']}.{match['micros']}" if match else text
    channel = match["channel"] if match else world.channel_of(ts) or ""
    try:
        world.message(channel, ts)
    except KeyError:
        raise SettingsError(f"There is no message {message.strip()} in the sandbox.", _WHERE_TS_STAND) from None
    return Address(channel, ts)


def person_called(world: SandboxWorld, name: str) -> Json:
    """The person with this name (the real one, the short one or the member ID), in any case."""
    people = _people(world)
    wanted = name.strip().removeprefix("@").casefold()
    for person in people:
        if wanted in (person["real_name"].casefold(), person["name"].casefold(), person["id"].casefold()):
            return person
    listed = ", ".join(f"{person['real_name']} ({person['name']})" for person in people)
    raise SettingsError(f"Nobody in the sandbox is called {name!r}.", f"Its people are {listed}.")


def emoji_name(text: str) -> str:
    """Slack's name of an emoji that is given by name, with or without colons, or as the character itself."""
    name = text.strip().strip(":")
    if not name.isascii():
        plain = name.replace("\ufe0f", "")
        tone = _SKIN_TONES.get(plain[-1:], "")
        name = _NAMES_OF_EMOJI.get(plain[:-1] if tone else plain, "") + tone
    base, separator, tone = name.partition("::")
    name = _OTHER_NAMES.get(base, base) + separator + tone
    if not EMOJI.fullmatch(name):
        shown = unicodedata.normalize("NFC", text)
        raise SettingsError(f"{shown!r} is not an emoji that the sandbox knows.", "Give its name, such as +1 or eyes.")
    return name


def _people(world: SandboxWorld) -> list[Json]:
    """Everybody but apps, among whom Slack counts its own Slackbot."""
    return [user for user in world.all("user") if not user["is_bot"] and user["id"] != "USLACKBOT"]


def _thread_of(world: SandboxWorld, message: str) -> Address:
    """The first message of the thread that a message is in."""
    address = address_of(world, message)
    return Address(address.channel, world.thread_of(address.channel, address.ts) or address.ts)


def _content(world: SandboxWorld, text: str) -> Json:
    if not text.strip():
        raise SettingsError("A message needs some text.")
    users = world.all("user")
    members = {user[key].lower(): user["id"] for key in ("name", "real_name") for user in users}
    return typed(text, members)


def _from_elsewhere(person: Json) -> Json:
    """What Slack adds to the message of somebody from another workspace."""
    team = person["team_id"]
    return {} if team == TEAM else {"team": team, "user_team": team, "source_team": team}
