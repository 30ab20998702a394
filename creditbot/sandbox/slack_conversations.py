"""Slack's methods about who and where: tokens, users and conversations, as the world has them."""

from __future__ import annotations

from collections.abc import Callable

from creditbot.sandbox.slack_call import READ, Method, SlackCall, SlackError, cursor, kind_of, make_cursor
from creditbot.sandbox.store import Json
from creditbot.sandbox.world import BOT, BOT_USER, TEAM, TEAM_NAME, TEAM_URL, direct_channel


def api_test(_: SlackCall) -> Json:
    """Says that the API is there."""
    return {}


def auth_test(call: SlackCall) -> Json:
    """Who the token belongs to."""
    organisation = {"enterprise_id": call.world.enterprise} if call.world.enterprise else {}
    return {
        "url": TEAM_URL,
        "team": TEAM_NAME,
        "user": "creditbot",
        "team_id": TEAM,
        "user_id": BOT_USER,
        "bot_id": BOT,
        "is_enterprise_install": False,
        **organisation,
    }


def users_info(call: SlackCall) -> Json:
    """One person or bot."""
    call.need("users:read")
    user = call.world.get("user", call.text("user"))
    if not user:
        raise SlackError("user_not_found")
    return {"user": user}


def conversations_list(call: SlackCall) -> Json:
    """All channels of the kinds that the call names, in pages."""
    return _channels(call, lambda channel: kind_of(channel) == "public_channel" or BOT_USER in channel["members"])


def users_conversations(call: SlackCall) -> Json:
    """The channels that the bot, or the user of the call, is in."""
    user = call.text("user") or BOT_USER
    return _channels(call, lambda channel: user in channel["members"])


def _channels(call: SlackCall, wanted: Callable[[Json], bool]) -> Json:
    kinds = [kind.strip() for kind in (call.text("types") or "public_channel").split(",")]
    if not set(kinds) <= set(READ):
        raise SlackError("invalid_types")
    for kind in kinds:
        call.need(READ[kind])
    start = cursor(call, "team")
    channels = [
        conversation(channel)
        for channel in call.world.all("channel")
        if kind_of(channel) in kinds and wanted(channel) and channel["id"] >= start
        and not (call.flag("exclude_archived") and channel.get("is_archived"))
    ]  # fmt: skip
    size = call.size(100, 999)
    following = make_cursor("team", channels[size]["id"]) if len(channels) > size else ""
    return {"channels": channels[:size], "response_metadata": {"next_cursor": following}}


def conversations_info(call: SlackCall) -> Json:
    """One channel."""
    channel = call.channel(call.text("channel"))
    call.need(READ[kind_of(channel)])
    shown = conversation(channel)
    if call.flag("include_num_members"):
        shown["num_members"] = len(channel["members"])
    return {"channel": shown}


def conversations_join(call: SlackCall) -> Json:
    """Lets the bot into a public channel."""
    call.need("channels:join")
    channel = call.channel(call.text("channel"))
    if kind_of(channel) != "public_channel":
        raise SlackError("method_not_supported_for_channel_type")
    if channel.get("is_archived"):
        raise SlackError("is_archived")
    if BOT_USER in channel["members"]:
        warning = "already_in_channel"
        return {"channel": conversation(channel), "warning": warning, "response_metadata": {"warnings": [warning]}}
    channel["members"].append(BOT_USER)
    with call.world.transaction():
        call.world.put("channel", channel["id"], channel)
        text = f"<@{BOT_USER}> has joined the channel"
        call.world.post(text, channel=channel["id"], user=BOT_USER, subtype="channel_join")
    return {"channel": conversation(channel)}


def conversations_open(call: SlackCall) -> Json:
    """Opens the direct conversation with one user; this Slack cannot open one with several users."""
    call.need("im:write")
    users = [user for user in call.text("users").split(",") if user]
    if call.text("channel"):
        channel = call.channel(call.text("channel"))
        if kind_of(channel) != "im":
            raise SlackError("method_not_supported_for_channel_type")
        users = [channel["user"]]
    if not users:
        raise SlackError("users_list_not_supplied")
    if len(users) > 1:
        raise SlackError("method_not_supported_for_channel_type")
    return open_direct(call, users[0])


def open_direct(call: SlackCall, user: str) -> Json:
    """The bot's conversation with a user, made if there is none yet."""
    person = call.world.get("user", user)
    if not person:
        raise SlackError("user_not_found")
    if person["deleted"]:
        raise SlackError("user_disabled")
    channel = call.world.get("channel", direct_channel(user))
    already_open = {"no_op": True, "already_open": True} if channel else {}
    if not channel:
        now = int(call.world.clock())
        channel = {"id": direct_channel(user), "is_im": True, "user": user, "created": now, "members": [BOT_USER, user]}
        call.world.put("channel", channel["id"], channel)
    return already_open | {"channel": conversation(channel) if call.flag("return_im") else {"id": channel["id"]}}


def conversation(channel: Json) -> Json:
    """A channel as Slack shows it."""
    if kind_of(channel) == "im":
        shown = {key: channel[key] for key in ("id", "created", "is_im", "user")}
        return shown | {"is_org_shared": False, "is_user_deleted": False, "is_open": True, "priority": 0}
    private = kind_of(channel) == "private_channel"
    return {
        "id": channel["id"],
        "name": channel["name"],
        "name_normalized": channel["name"],
        "is_channel": not private,
        "is_group": private,
        "is_im": False,
        "is_mpim": False,
        "is_private": private,
        "is_archived": bool(channel.get("is_archived")),
        "is_general": False,
        "is_member": BOT_USER in channel["members"],
        "is_shared": False,
        "is_ext_shared": bool(channel.get("is_ext_shared")),
        "is_org_shared": False,
        "is_pending_ext_shared": False,
        "pending_shared": [],
        "context_team_id": TEAM,
        "created": channel["created"],
        "updated": channel["created"] * 1000,
        "creator": channel["creator"],
        "unlinked": 0,
        "topic": {"value": "", "creator": "", "last_set": 0},
        "purpose": {"value": channel.get("purpose", ""), "creator": "", "last_set": 0},
        "previous_names": [],
        "num_members": len(channel["members"]),
    }


METHODS = {
    "api.test": Method(api_test, 4, needs_token=False),
    "auth.test": Method(auth_test, 5, takes_json=True),
    "conversations.info": Method(conversations_info, 3, ("channel",)),
    "conversations.join": Method(conversations_join, 3, ("channel",), takes_json=True),
    "conversations.list": Method(conversations_list, 2),
    "conversations.open": Method(conversations_open, 3, takes_json=True),
    "users.conversations": Method(users_conversations, 3),
    "users.info": Method(users_info, 4, ("user",)),
}
