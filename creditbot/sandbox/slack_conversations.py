"""Slack's methods about who and where: tokens, users and conversations."""

from __future__ import annotations

from collections.abc import Callable

from creditbot.sandbox.slack_request import READ, Method, Request, SlackError, cursor, kind_of, make_cursor
from creditbot.sandbox.store import Json
from creditbot.sandbox.world import BOT, BOT_USER, TEAM, TEAM_NAME, TEAM_URL, direct_channel


def api_test(_: Request) -> Json:
    """Says that the API is there."""
    return {}


def auth_test(_: Request) -> Json:
    """Who the token belongs to."""
    return {
        "url": TEAM_URL,
        "team": TEAM_NAME,
        "user": "creditbot",
        "team_id": TEAM,
        "user_id": BOT_USER,
        "bot_id": BOT,
        "is_enterprise_install": False,
    }


def users_info(request: Request) -> Json:
    """One person or bot."""
    request.need("users:read")
    user = request.world.get("user", request.text("user"))
    if not user:
        raise SlackError("user_not_found")
    return {"user": user}


def conversations_list(request: Request) -> Json:
    """All channels of the kinds asked for, in pages."""
    return _channels(request, lambda channel: kind_of(channel) == "public_channel" or BOT_USER in channel["members"])


def users_conversations(request: Request) -> Json:
    """The channels the bot, or a given user, is in."""
    user = request.text("user") or BOT_USER
    return _channels(request, lambda channel: user in channel["members"])


def _channels(request: Request, wanted: Callable[[Json], bool]) -> Json:
    kinds = [kind.strip() for kind in (request.text("types") or "public_channel").split(",")]
    if not set(kinds) <= set(READ):
        raise SlackError("invalid_types")
    for kind in kinds:
        request.need(READ[kind])
    start = cursor(request, "team")
    found = [
        conversation(channel)
        for channel in request.world.all("channel")
        if kind_of(channel) in kinds and wanted(channel) and channel["id"] >= start
        and not (request.flag("exclude_archived") and channel.get("is_archived"))
    ]  # fmt: skip
    size = request.size(100, 999)
    following = make_cursor("team", found[size]["id"]) if len(found) > size else ""
    return {"channels": found[:size], "response_metadata": {"next_cursor": following}}


def conversations_info(request: Request) -> Json:
    """One channel."""
    channel = request.channel(request.text("channel"))
    request.need(READ[kind_of(channel)])
    shown = conversation(channel)
    if request.flag("include_num_members"):
        shown["num_members"] = len(channel["members"])
    return {"channel": shown}


def conversations_join(request: Request) -> Json:
    """Lets the bot into a public channel."""
    request.need("channels:join")
    channel = request.channel(request.text("channel"))
    if kind_of(channel) != "public_channel":
        raise SlackError("method_not_supported_for_channel_type")
    if channel.get("is_archived"):
        raise SlackError("is_archived")
    if BOT_USER in channel["members"]:
        warning = "already_in_channel"
        return {"channel": conversation(channel), "warning": warning, "response_metadata": {"warnings": [warning]}}
    channel["members"].append(BOT_USER)
    with request.world.transaction():
        request.world.put("channel", channel["id"], channel)
        text = f"<@{BOT_USER}> has joined the channel"
        request.world.post(text, channel=channel["id"], user=BOT_USER, subtype="channel_join")
    return {"channel": conversation(channel)}


def conversations_open(request: Request) -> Json:
    """Opens the direct conversation with one user, or with several says that this Slack cannot."""
    request.need("im:write")
    users = [user for user in request.text("users").split(",") if user]
    if request.text("channel"):
        channel = request.channel(request.text("channel"))
        if kind_of(channel) != "im":
            raise SlackError("method_not_supported_for_channel_type")
        users = [channel["user"]]
    if not users:
        raise SlackError("users_list_not_supplied")
    if len(users) > 1:
        raise SlackError("method_not_supported_for_channel_type")
    return open_direct(request, users[0])


def open_direct(request: Request, user: str) -> Json:
    """The bot's conversation with a user, made if there is none yet."""
    person = request.world.get("user", user)
    if not person:
        raise SlackError("user_not_found")
    if person["deleted"]:
        raise SlackError("user_disabled")
    channel = request.world.get("channel", direct_channel(user))
    known = {"no_op": True, "already_open": True} if channel else {}
    if not channel:
        now = int(request.world.clock())
        channel = {"id": direct_channel(user), "is_im": True, "user": user, "created": now, "members": [BOT_USER, user]}
        request.world.put("channel", channel["id"], channel)
    return known | {"channel": conversation(channel) if request.flag("return_im") else {"id": channel["id"]}}


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
        "is_ext_shared": False,
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
