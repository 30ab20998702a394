"""Decides which Slack messages are requests. Pure.

The messages come from `Inbox`; the requests go to `creditbot.tick`.

A request is a top-level message, or a reply also sent to the channel (a thread broadcast), written by a person of our
workspace, with at least one link to our Looker.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from creditbot.intake.looker_links import STRUCK, LookerHost, looker_links
from creditbot.model import LookerLink, Message, RequestKey, Workspace

NOTICES = frozenset({
    "channel_join", "channel_leave", "channel_topic", "channel_purpose", "channel_name", "channel_archive",
    "channel_unarchive", "group_join", "group_leave", "group_topic", "group_purpose", "group_name", "group_archive",
    "group_unarchive", "channel_posting_permissions", "channel_convert_to_private", "pinned_item", "unpinned_item",
    "bot_add", "bot_remove", "reminder_add", "tombstone", "ekm_access_denied", "sh_room_created",
})  # fmt: skip
"""Subtypes of the notices that Slack itself writes about events: nobody asks for anything in them."""
SLACKBOT = "USLACKBOT"
"""Slack's own user, with the same id in every workspace. Its reminders and canned answers only repeat old texts."""


@dataclass(frozen=True, slots=True)
class Request:
    """A message that asks for a credit.

    Attributes:
        key: identifies it.
        message: the message, as Slack last showed it.
        links: its links to our Looker, each once.
    """

    key: RequestKey
    message: Message
    links: tuple[LookerLink, ...]

    @property
    def may_be_answered(self) -> bool:
        """Whether its thread may hold an answer. Slack counts replies only on the parent of a thread."""
        return self.message.replies > 0 or self.message.thread != self.key.ts

    @property
    def fingerprint(self) -> str:
        """A hash of the meaning of its links: it changes only if an edit makes the links ask for something else."""
        meaning = [{k: v for k, v in asdict(link).items() if k not in ("url", "unusable")} for link in self.links]
        struck = [{"struck": number} for number, link in enumerate(self.links) if link.unusable == STRUCK]
        return hashlib.sha256(json.dumps(meaning + struck, sort_keys=True).encode()).hexdigest()[:16]


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
    """Why a message cannot be a request, one clause; "" if it can, provided that it has a link to our Looker."""
    if is_ours(message, workspace):
        return "it is the bot's own post."
    if message.subtype in NOTICES:
        return f"it is a notice from Slack ({message.subtype})."
    if message.thread_ts and message.thread_ts != message.ts and message.subtype != "thread_broadcast":
        return "it is a reply in a thread; send it to the channel as well to make it a request."
    if message.subtype == "thread_broadcast" and _is_answer(message.text):
        return "it is an answer to the request above it."
    if message.user == SLACKBOT:
        return "Slackbot wrote it."
    if message.bot is not None:
        return "" if message.bot in rules.bots else f"an app wrote it ({message.bot}); ALLOWED_BOTS does not list it."
    if message.user is None:
        return "it has no author."
    if message.user_team and message.user_team not in (workspace.team, workspace.enterprise):
        return "a member of another workspace wrote it."
    if rules.requesters and message.user not in rules.requesters:
        return f"REQUESTERS does not list its author ({message.user})."
    return ""


def _is_answer(text: str) -> bool:
    from creditbot.intake.answers import is_exact_answer  # most ticks need none of its expressions

    return is_exact_answer(text)


def is_ours(message: Message, workspace: Workspace) -> bool:
    """Whether we posted a message: Slack names us as its poster, whatever its text says."""
    if message.bot is not None and workspace.bot:
        return message.bot == workspace.bot
    return message.user is not None and message.user == workspace.user


def read_request(message: Message, workspace: Workspace, rules: RequestRules) -> Request | None:
    """The message as a request; None if it is not one."""
    if why_not(message, workspace, rules):
        return None
    links = links_of(message, rules)
    return Request(RequestKey(workspace.team, message.channel, message.ts), message, links) if links else None


def links_of(message: Message, rules: RequestRules) -> tuple[LookerLink, ...]:
    """The links to our Looker in a message, each once. The attachments of apps that may ask are read, too."""
    return tuple(looker_links(message.content, rules.host, from_app=message.bot is not None))


def requests_in(messages: Sequence[Message], workspace: Workspace, rules: RequestRules) -> list[Request]:
    """The requests among the messages, in their order."""
    requests = (read_request(message, workspace, rules) for message in messages)
    return [request for request in requests if request]
