"""Asks approvers, in a channel or in direct messages, and reads how they react.

A question is one post, sent like every other post. The adapter reads it, with its reactions, from the conversation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from creditbot.adapters.slack.api import PAGE, SlackApi
from creditbot.adapters.slack.errors import CallFailed, read_error, todo
from creditbot.adapters.slack.inbox import SlackInbox
from creditbot.adapters.slack.messages import (
    PERSON,
    escaped,
    fitting,
    mentioning,
    message_of,
    messages_of,
    metadata,
)
from creditbot.adapters.slack.pacing import Pacer
from creditbot.adapters.slack.posts import OwnPosts, SlackOwners, SlackPoster
from creditbot.errors import SLACK, PostRefused, Refused
from creditbot.model import Marker, Message
from creditbot.settings.types import is_member
from creditbot.slack_time import is_ts, ts_of

LONGEST_UPDATE = 3_900
"""Characters of a changed post, escapes counted; Slack refuses one of more than 4,000."""


class SlackApprovers(SlackPoster):
    """The conversations with approvers. Implements `ports.Approvers`.

    Args:
        api: the way to Slack.
        inbox: finds a channel by its name.
        owners: open direct messages.
        posts: paces the posts; shared with everything that posts.
        own: knows which posts are ours.
    """

    def __init__(self, api: SlackApi, inbox: SlackInbox, owners: SlackOwners, posts: Pacer, own: OwnPosts) -> None:
        super().__init__(api, posts)
        self._inbox = inbox
        self._owners = owners
        self._own = own
        self._ids: dict[str, str] = {}

    def ask(self, where: str, text: str, marker: Marker) -> tuple[str, str]:
        """See `ports.Approvers`."""
        try:
            channel = self._conversation(where)
        except CallFailed as failed:
            what = f"Slack does not show the conversation with the approvers: {failed.explanation}."
            raise PostRefused(what, todo(failed), retry=True) from failed
        except Refused as refused:
            raise PostRefused(refused.what, refused.todo, retry=True) from refused
        deadline = self._api.write_deadline()
        return channel, self.post(deadline, channel, mentioning(fitting(text)), marker)

    def asked(self, where: str, about: str, since: datetime) -> Sequence[Message] | None:
        """See `ports.Approvers`."""
        try:
            channel = self._conversation(where)
            pages = self._api.pages(
                "conversations.history", channel=channel, oldest=ts_of(since), limit=PAGE, include_all_metadata=True
            )
            return [said for said in messages_of(pages, channel) if self._is_asked(said, about)]
        except CallFailed as failed:
            if failed.code == "missing_scope":
                return None
            raise read_error(failed) from failed

    def question(self, channel: str, ts: str) -> Message | None:
        """See `ports.Approvers`. One call, unless Slack names only some of those who reacted."""
        try:
            return self._question(channel, ts)
        except CallFailed as failed:
            if failed.code in ("message_not_found", "thread_not_found"):
                return None
            if failed.code == "missing_scope":
                raise Refused(
                    SLACK,
                    "The bot may not see who reacted to a question to the approvers.",
                    "Add the scope reactions:read to the Slack app and install it again; or decide with `creditbot "
                    "approve` and `creditbot deny`.",
                ) from failed
            raise read_error(failed) from failed

    def close(self, channel: str, ts: str, text: str, marker: Marker, struck: str = "") -> None:
        """See `ports.Approvers`."""
        below = "".join(f"\n~{line}~" for line in struck.splitlines() if line)
        plain = {"channel": channel, "ts": ts, "text": mentioning(escaped(text + below)[:LONGEST_UPDATE])}
        change = plain | {"metadata": metadata(marker)}
        if not struck:
            self.send(self._api.write_deadline(), "chat.update", **change)
            return
        try:
            self.send(self._api.write_deadline(), "chat.update", **change, blocks=[_struck(text, struck)])
        except PostRefused as error:
            if error.retry:
                raise
            self.send(self._api.write_deadline(), "chat.update", **change)  # without blocks, if those were refused

    def _question(self, channel: str, ts: str) -> Message | None:
        try:
            page = self._api.read(
                "conversations.history", channel=channel, oldest=ts, latest=ts, inclusive=True, limit=1
            ).data
        except CallFailed as failed:
            if failed.code != "missing_scope":
                raise
            return self._with_all_reactions(channel, ts)
        raws = page.get("messages")
        found = raws if isinstance(raws, list) else []
        raw = next((each for each in found if isinstance(each, dict) and each.get("ts") == ts), None)
        if raw is None:
            return None
        return self._with_all_reactions(channel, ts) if _is_cut_short(raw) else message_of(raw, channel)

    def _with_all_reactions(self, channel: str, ts: str) -> Message | None:
        answer = self._api.read("reactions.get", channel=channel, timestamp=ts, full=True).data
        raw = answer.get("message")
        return message_of(raw, channel) if isinstance(raw, dict) and is_ts(raw.get("ts")) else None

    def _conversation(self, where: str) -> str:
        """The id of the channel or of the direct messages; asked for once. Raises `CallFailed` or `Refused`."""
        if where not in self._ids:
            direct = self._owners.conversation_with(where) if is_member(where) else None
            self._ids[where] = direct.conversation() if direct else self._inbox.channel(where)
        return self._ids[where]

    def _is_asked(self, message: Message, about: str) -> bool:
        marker = message.marker
        return bool(marker and marker.kind == "ask" and marker.key.startswith(about) and self._own.include(message))


def _is_cut_short(raw: Mapping[str, Any]) -> bool:
    """Whether Slack names only some of those who reacted."""
    reactions = raw.get("reactions")
    return isinstance(reactions, list) and any(
        isinstance(each, dict) and each.get("count") != len(each.get("users") or ()) for each in reactions
    )


def _struck(text: str, struck: str) -> Mapping[str, object]:
    """A block with the text, and below it the other one struck through; it holds whatever the text looks like."""
    elements = [*_elements(text, {}), {"type": "text", "text": "\n\n"}, *_elements(struck, {"style": {"strike": True}})]
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]}


def _elements(text: str, style: Mapping[str, object]) -> Iterable[Mapping[str, object]]:
    for number, part in enumerate(PERSON.split(text)):
        if number % 2:
            yield {"type": "user", "user_id": part, **style}
        elif part:
            yield {"type": "text", "text": part[:LONGEST_UPDATE], **style}
