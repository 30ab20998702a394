"""Slack's methods about messages: they read channels and threads of the world, post into it, and change posts."""

from __future__ import annotations

from creditbot.sandbox.slack_blocks import check_blocks
from creditbot.sandbox.slack_call import Method, SlackCall, SlackError, bounds, cursor, more
from creditbot.sandbox.slack_conversations import open_direct
from creditbot.sandbox.store import Json
from creditbot.sandbox.world import APP, BOT, BOT_USER, TEAM, TEAM_URL

LONGEST_POST, LONGEST_UPDATE = 40_000, 4_000
REACTION_USERS = 50
"""How many of the people who reacted a message names; its `count` counts all. Slack does not document its number."""
BOT_PROFILE = {
    "id": BOT,
    "app_id": APP,
    "user_id": BOT_USER,
    "name": "creditbot",
    "team_id": TEAM,
    "deleted": False,
    "updated": 0,
    "icons": {},
}


def conversations_history(call: SlackCall) -> Json:
    """A page of the messages in a channel, newest first; replies only if they were broadcast."""
    channel = call.readable()["id"]
    oldest, latest = bounds(call)
    size = call.size(100, 999)
    latest = min(latest, cursor(call, "next_ts") or latest)
    rows = call.world.history(channel, oldest=oldest, latest=latest, limit=size + 1, behind=call.fault.behind)
    call.world.count_read(channel)
    messages = [shown(call, body) for _, body in rows[:size] if body]
    return {
        "messages": messages,
        "has_more": len(rows) > size,
        "pin_count": 0,
        "channel_actions_ts": None,
        "channel_actions_count": 0,
    } | more(rows[size][0] if len(rows) > size else "")


def conversations_replies(call: SlackCall) -> Json:
    """A page of a thread: its parent, on every page, and replies, oldest first. A reply's own ts gives that reply."""
    channel, ts = call.readable()["id"], call.text("ts")
    oldest, latest = bounds(call)
    oldest = max(oldest, cursor(call, "next_ts"))
    size = max(1, call.size(1000, 1000) - 1)  # the parent counts
    first, rest = _thread_page(call, channel, ts, oldest, latest, size + 1)
    call.world.count_read(channel)
    if not first:
        raise SlackError("thread_not_found")
    following = rest[size]["ts"] if len(rest) > size else ""
    author = first.get("user") or first.get("bot_id")
    replies = [body | {"parent_user_id": author} for body in rest[:size]]
    messages = [shown(call, body) for body in [first, *replies]]
    return {"messages": messages, "has_more": bool(following)} | more(following)


def _thread_page(
    call: SlackCall, channel: str, ts: str, oldest: str, latest: str, limit: int
) -> tuple[Json | None, list[Json]]:
    world, behind = call.world, call.fault.behind
    head = world.thread_of(channel, ts)
    if head and head != ts:
        single = world.replies(channel, head, oldest=ts, latest=ts, limit=1, behind=behind)
        return (single[0] if single else None), []
    parent = world.history(channel, oldest=ts, latest=ts, limit=1, behind=behind)
    replies = world.replies(channel, ts, oldest=oldest, latest=latest, limit=limit, behind=behind)
    return (parent[0][1] if parent else None), replies


def chat_get_permalink(call: SlackCall) -> Json:
    """The address of a message."""
    channel, ts = call.channel(call.text("channel"))["id"], call.text("message_ts")
    return {"channel": channel, "permalink": permalink(channel, message_of(call, channel, ts))}


def permalink(channel: str, message: Json) -> str:
    """The address of a message, as *Copy link* gives it."""
    ts = message["ts"]
    link = f"{TEAM_URL}archives/{channel}/p{ts.replace('.', '')}"
    in_thread = message.get("thread_ts", ts) != ts
    return f"{link}?thread_ts={message['thread_ts']}&cid={channel}" if in_thread else link


def shown(call: SlackCall, body: Json, *, all_users: bool = False) -> Json:
    """A message as a call gets it: metadata only if the call wants it, and of many who reacted only the first."""
    message = dict(body)
    if not call.flag("include_all_metadata"):
        message.pop("metadata", None)
    if "reactions" in message and not all_users:
        message["reactions"] = [each | {"users": each["users"][:REACTION_USERS]} for each in message["reactions"]]
    return message


def message_of(call: SlackCall, channel: str, ts: str) -> Json:
    """A message as it was last written; a SlackError if there is none."""
    try:
        return call.world.message(channel, ts)
    except KeyError:
        raise SlackError("message_not_found") from None


def chat_post_message(call: SlackCall) -> Json:
    """Adds a message, stored as it was posted."""
    call.need("chat:write")
    channel = _channel_to_post(call)
    content = _content(call, LONGEST_POST)
    thread_ts = _thread(call, channel)
    wait = call.limits.post(channel)
    if wait:
        raise SlackError("ratelimited", wait=wait)
    author = {"type": "message", "user": BOT_USER, "bot_id": BOT, "app_id": APP, "team": TEAM}
    ts = call.world.write(
        channel,
        _stored(author | {"bot_profile": BOT_PROFILE} | content),
        thread_ts=thread_ts,
        broadcast=call.flag("reply_broadcast"),
        seconds=call.fault.seconds,
        reads=call.fault.reads,
    )
    return {"channel": channel, "ts": ts, "message": call.world.message(channel, ts)}


def chat_update(call: SlackCall) -> Json:
    """Changes one of the bot's own messages; without new metadata, the old one stays."""
    call.need("chat:write")
    channel, ts = call.channel(call.text("channel"))["id"], call.text("ts")
    with call.world.transaction():
        message = message_of(call, channel, ts)
        if message.get("bot_id") != BOT:
            raise SlackError("cant_update_message")
        content = _content(call, LONGEST_UPDATE)
        edited = {"user": BOT_USER, "ts": f"{int(call.world.clock())}.000000"}
        message = _stored(message | content | {"edited": edited})
        call.world.rewrite(channel, ts, message, seconds=call.fault.seconds, reads=call.fault.reads)
    return {"channel": channel, "ts": ts, "text": message["text"], "message": message}


def _channel_to_post(call: SlackCall) -> str:
    """The id of the channel meant: by its id, its name, or by a user for the direct conversation."""
    wanted = call.text("channel")
    names = {c["name"]: c["id"] for c in call.world.all("channel") if not c.get("is_im")}
    if call.world.get("user", wanted):
        wanted = str(open_direct(call, wanted)["channel"]["id"])
    channel = call.channel(names.get(wanted.removeprefix("#"), wanted))
    if channel.get("is_archived"):
        raise SlackError("is_archived")
    if BOT_USER not in channel["members"]:
        raise SlackError("not_in_channel")
    return str(channel["id"])


def _content(call: SlackCall, longest: int) -> Json:
    content: Json = {"text": call.text("text")}
    blocks = call.structure("blocks", "invalid_blocks")
    check_blocks(blocks)
    content |= {"blocks": blocks} if isinstance(blocks, list) else {}
    attachments = call.structure("attachments", "invalid_attachments")
    content |= {"attachments": attachments} if attachments else {}
    if not any(content.values()):
        raise SlackError("no_text")
    if len(content["text"]) > longest:  # only chat.update's page names the error, both answer it
        raise SlackError("msg_too_long")
    metadata = call.structure("metadata", "invalid_metadata_format")
    if metadata is None:
        return content
    if metadata != {} and not (isinstance(metadata, dict) and {"event_type", "event_payload"} <= metadata.keys()):
        raise SlackError("invalid_metadata_schema")
    return content | {"metadata": metadata}


def _stored(message: Json) -> Json:
    """Without empty metadata and blocks, which tell Slack to remove them."""
    return {name: value for name, value in message.items() if name not in {"metadata", "blocks"} or value}


def _thread(call: SlackCall, channel: str) -> str | None:
    """The thread to post in: a reply's ts stands for its thread's."""
    thread_ts = call.text("thread_ts")
    if not thread_ts:
        return None
    head = call.world.thread_of(channel, thread_ts)
    if not head or not call.world.thread(head, channel):
        raise SlackError("thread_not_found")  # not on the method's page; what bots get whose request was deleted
    return head


METHODS = {
    "chat.getPermalink": Method(chat_get_permalink, 5, ("channel", "message_ts")),
    "chat.postMessage": Method(chat_post_message, 5, ("channel",), takes_json=True),
    "chat.update": Method(chat_update, 3, ("channel", "ts"), takes_json=True),
    "conversations.history": Method(conversations_history, 3, ("channel",)),
    "conversations.replies": Method(conversations_replies, 3, ("channel", "ts")),
}
