"""Which messages are requests. Pure.

A request is a top-level message, or a reply also sent to the channel (a thread broadcast), written by a person of our
workspace, with at least one link to our Looker.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from creditbot.intake.looker_links import LookerHost, looker_links
from creditbot.model import LookerLink, Message, RequestKey, Workspace

NOBODY = frozenset({
    "channel_join", "channel_leave", "channel_topic", "channel_purpose", "channel_name", "channel_archive",
    "channel_unarchive", "group_join", "group_leave", "group_topic", "group_purpose", "group_name", "group_archive",
    "group_unarchive", "channel_posting_permissions", "channel_convert_to_private", "pinned_item", "unpinned_item",
    "bot_add", "bot_remove", "reminder_add", "tombstone", "ekm_access_denied", "sh_room_created",
})  # fmt: skip
"""Subtypes that Slack itself writes about what happened; nobody asks anything in them."""
SLACKBOT = "USLACKBOT"
"""Slack's own user, the same in every workspace: its reminders and set answers repeat what somebody once wrote."""


@dataclass(frozen=True, slots=True)
class Request:
    """A message that asks for a credit.

    Attributes:
        key: its identity.
        message: the message as it was last read.
        links: its links to our Looker, each once.
    """

    key: RequestKey
    message: Message
    links: tuple[LookerLink, ...]

    @property
    def may_be_answered(self) -> bool:
        """Whether its thread may hold an answer: Slack counts replies on the parent of a thread only."""
        return self.message.replies > 0 or self.message.thread != self.key.ts

    @property
    def fingerprint(self) -> str:
        """Says whether two readings of the message ask for the same: a hash of what its links mean."""
        meaning = [{k: v for k, v in asdict(link).items() if k not in ("url", "unusable")} for link in self.links]
        return hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class RequestRules:
    """Whose messages count: as requests, and as answers to them.

    Attributes:
        host: the Looker whose links count.
        requesters: user ids that may ask; empty means everybody of our workspace.
        bots: bot ids whose messages count like a person's (workflow forms).
        previous_bots: bot ids whose replies count as answers.
    """

    host: LookerHost
    requesters: frozenset[str] = frozenset()
    bots: frozenset[str] = frozenset()
    previous_bots: frozenset[str] = frozenset()


def why_not(message: Message, workspace: Workspace, rules: RequestRules) -> str:
    """Why nobody who may ask wrote this message, one sentence; "" if it may be a request, whatever its links."""
    if is_ours(message, workspace):
        return "it is our own post."
    if message.subtype in NOBODY:
        return f"it is a notice of Slack's ({message.subtype})."
    if message.thread_ts and message.thread_ts != message.ts and message.subtype != "thread_broadcast":
        return "it is a reply in a thread; send it to the channel as well to make it a request."
    if message.user == SLACKBOT:
        return "Slackbot wrote it."
    if message.bot is not None:
        return "" if message.bot in rules.bots else f"an app wrote it ({message.bot}); ALLOWED_BOTS does not name it."
    if message.user is None:
        return "nobody is named as its author."
    if message.user_team and message.user_team != workspace.team:
        return "a member of another workspace wrote it."
    if rules.requesters and message.user not in rules.requesters:
        return f"REQUESTERS does not name its author ({message.user})."
    return ""


def is_ours(message: Message, workspace: Workspace) -> bool:
    """Whether we posted it: the poster is us, whatever the message says."""
    if message.bot is not None and workspace.bot:
        return message.bot == workspace.bot
    return message.user is not None and message.user == workspace.user


def read_request(message: Message, workspace: Workspace, rules: RequestRules) -> Request | None:
    """The request that a message is, or None."""
    if why_not(message, workspace, rules):
        return None
    links = looker_links(message.content, rules.host)
    if not links:
        return None
    return Request(RequestKey(workspace.team, message.channel, message.ts), message, tuple(links))


def requests_in(messages: Sequence[Message], workspace: Workspace, rules: RequestRules) -> list[Request]:
    """The requests among the messages, in the order given."""
    found = (read_request(message, workspace, rules) for message in messages)
    return [request for request in found if request]
