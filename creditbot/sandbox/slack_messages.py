"""Slack's methods about messages: reading a channel and a thread, posting, changing."""

from __future__ import annotations

from creditbot.sandbox.slack_conversations import open_direct
from creditbot.sandbox.slack_request import Method, Request, SlackError, bounds, cursor, more
from creditbot.sandbox.store import Json
from creditbot.sandbox.world import APP, BOT, BOT_USER, TEAM, TEAM_URL

LONGEST_POST, LONGEST_UPDATE = 40_000, 4_000
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


def conversations_history(request: Request) -> Json:
    """A page of what stands in a channel, newest first; replies only if they were broadcast."""
    channel = request.readable()["id"]
    oldest, latest = bounds(request)
    size = request.size(100, 999)
    latest = min(latest, cursor(request, "next_ts") or latest)
    rows = request.world.history(channel, oldest=oldest, latest=latest, limit=size + 1, behind=request.fault.behind)
    request.world.count_read(channel)
    shown = [_shown(request, body) for _, body in rows[:size] if body]
    return {
        "messages": shown,
        "has_more": len(rows) > size,
        "pin_count": 0,
        "channel_actions_ts": None,
        "channel_actions_count": 0,
    } | more(rows[size][0] if len(rows) > size else "")


def conversations_replies(request: Request) -> Json:
    """A page of a thread: its parent, on every page, and replies, oldest first. A reply's own ts gives that reply."""
    channel, ts = request.readable()["id"], request.text("ts")
    oldest, latest = bounds(request)
    oldest = max(oldest, cursor(request, "next_ts"))
    size = max(1, request.size(1000, 1000) - 1)  # the parent counts
    first, rest = _thread_page(request, channel, ts, oldest, latest, size + 1)
    request.world.count_read(channel)
    if not first:
        raise SlackError("thread_not_found")
    following = rest[size]["ts"] if len(rest) > size else ""
    author = first.get("user") or first.get("bot_id")
    replies = [body | {"parent_user_id": author} for body in rest[:size]]
    shown = [_shown(request, body) for body in [first, *replies]]
    return {"messages": shown, "has_more": bool(following)} | more(following)


def _thread_page(
    request: Request, channel: str, ts: str, oldest: str, latest: str, limit: int
) -> tuple[Json | None, list[Json]]:
    world, behind = request.world, request.fault.behind
    head = world.thread_of(channel, ts)
    if head and head != ts:
        single = world.replies(channel, head, oldest=ts, latest=ts, limit=1, behind=behind)
        return (single[0] if single else None), []
    parent = world.history(channel, oldest=ts, latest=ts, limit=1, behind=behind)
    replies = world.replies(channel, ts, oldest=oldest, latest=latest, limit=limit, behind=behind)
    return (parent[0][1] if parent else None), replies


def chat_get_permalink(request: Request) -> Json:
    """The address of a message."""
    channel, ts = request.channel(request.text("channel"))["id"], request.text("message_ts")
    message = _message(request, channel, ts)
    link = f"{TEAM_URL}archives/{channel}/p{ts.replace('.', '')}"
    if message.get("thread_ts", ts) != ts:
        link += f"?thread_ts={message['thread_ts']}&cid={channel}"
    return {"channel": channel, "permalink": link}


def _shown(request: Request, body: Json) -> Json:
    """A message without what was not asked for."""
    if request.flag("include_all_metadata"):
        return body
    return {name: value for name, value in body.items() if name != "metadata"}


def _message(request: Request, channel: str, ts: str) -> Json:
    try:
        return request.world.message(channel, ts)
    except KeyError:
        raise SlackError("message_not_found") from None


def chat_post_message(request: Request) -> Json:
    """Adds a message, stored as it was posted."""
    request.need("chat:write")
    channel = _channel_to_post(request)
    content = _content(request, LONGEST_POST)
    thread_ts = _thread(request, channel)
    wait = request.limits.post(channel)
    if wait:
        raise SlackError("ratelimited", wait=wait)
    author = {"type": "message", "user": BOT_USER, "bot_id": BOT, "app_id": APP, "team": TEAM}
    ts = request.world.write(
        channel,
        _stored(author | {"bot_profile": BOT_PROFILE} | content),
        thread_ts=thread_ts,
        broadcast=request.flag("reply_broadcast"),
        seconds=request.fault.seconds,
        reads=request.fault.reads,
    )
    return {"channel": channel, "ts": ts, "message": request.world.message(channel, ts)}


def chat_update(request: Request) -> Json:
    """Changes one of the bot's own messages; metadata that is not given stays."""
    request.need("chat:write")
    channel, ts = request.channel(request.text("channel"))["id"], request.text("ts")
    with request.world.transaction():
        message = _message(request, channel, ts)
        if message.get("bot_id") != BOT:
            raise SlackError("cant_update_message")
        content = _content(request, LONGEST_UPDATE)
        edited = {"user": BOT_USER, "ts": f"{int(request.world.clock())}.000000"}
        message = _stored(message | content | {"edited": edited})
        request.world.rewrite(channel, ts, message, seconds=request.fault.seconds, reads=request.fault.reads)
    return {"channel": channel, "ts": ts, "text": message["text"], "message": message}


def _channel_to_post(request: Request) -> str:
    """The id of the channel meant: by its id, its name, or by a user for the direct conversation."""
    wanted = request.text("channel")
    names = {c["name"]: c["id"] for c in request.world.all("channel") if not c.get("is_im")}
    if request.world.get("user", wanted):
        wanted = str(open_direct(request, wanted)["channel"]["id"])
    channel = request.channel(names.get(wanted.removeprefix("#"), wanted))
    if channel.get("is_archived"):
        raise SlackError("is_archived")
    if BOT_USER not in channel["members"]:
        raise SlackError("not_in_channel")
    return str(channel["id"])


def _content(request: Request, longest: int) -> Json:
    content: Json = {"text": request.text("text")}
    for name in ("blocks", "attachments"):
        given = request.structure(name, f"invalid_{name}")
        content |= {name: given} if given else {}
    if content == {"text": ""}:
        raise SlackError("no_text")
    if len(content["text"]) > longest:  # only chat.update's page names the error, both answer it
        raise SlackError("msg_too_long")
    metadata = request.structure("metadata", "invalid_metadata_format")
    if metadata is None:
        return content
    if metadata != {} and not (isinstance(metadata, dict) and {"event_type", "event_payload"} <= metadata.keys()):
        raise SlackError("invalid_metadata_schema")
    return content | {"metadata": metadata}


def _stored(message: Json) -> Json:
    """Empty metadata is how Slack is asked to have none."""
    return {name: value for name, value in message.items() if name != "metadata" or value}


def _thread(request: Request, channel: str) -> str | None:
    """The thread to post in: a reply's ts stands for its thread's."""
    given = request.text("thread_ts")
    if not given:
        return None
    head = request.world.thread_of(channel, given)
    if not head or not request.world.thread(head, channel):
        raise SlackError("thread_not_found")  # not on the method's page; what bots get whose request was deleted
    return head


METHODS = {
    "chat.getPermalink": Method(chat_get_permalink, 5, ("channel", "message_ts")),
    "chat.postMessage": Method(chat_post_message, 5, ("channel",), takes_json=True),
    "chat.update": Method(chat_update, 3, ("channel", "ts"), takes_json=True),
    "conversations.history": Method(conversations_history, 3, ("channel",)),
    "conversations.replies": Method(conversations_replies, 3, ("channel", "ts")),
}
