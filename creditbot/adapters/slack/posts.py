"""Writes to Slack: replies in threads, and direct messages to owners.

Each post is one request on the wire, sent before its deadline and at the rate that Slack allows.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import Any

from creditbot.adapters.slack.api import PAGE, SlackApi
from creditbot.adapters.slack.errors import CallFailed, rate_limited, read_error, todo, write_error
from creditbot.adapters.slack.messages import escaped, fitting, mentioning, messages_of, metadata
from creditbot.adapters.slack.pacing import Pacer
from creditbot.adapters.slack.wire import NOT_JSON, Deadline
from creditbot.errors import PostRefused, PostUnknown
from creditbot.intake.requests import is_ours
from creditbot.model import Card, Marker, Message, Workspace
from creditbot.slack_time import is_ts, ts_of


class SlackPoster:
    """Sends one post within one deadline, at a rate that Slack allows. The base of every class that posts."""

    def __init__(self, api: SlackApi, pacer: Pacer) -> None:
        self._api = api
        self._pacer = pacer

    def post(self, deadline: Deadline, channel: str, text: str, marker: Marker, **more: object) -> str:
        """Posts `text`, which fits and is escaped, and returns the post's ts; raises `PostRefused` or `PostUnknown`."""
        if not self._pacer.wait(channel, deadline.remaining):
            raise rate_limited()
        answer = self.send(
            deadline, "chat.postMessage", channel=channel, text=text, metadata=metadata(marker),
            unfurl_links=False, unfurl_media=False, mrkdwn=False, **more,
        )  # fmt: skip
        if not is_ts(answer.get("ts")):
            raise PostUnknown("Slack accepted a post, but its answer does not say which message it is.")
        return str(answer["ts"])

    def send(self, deadline: Deadline, method: str, **arguments: object) -> Mapping[str, Any]:
        """Sends one write; raises `PostRefused` or `PostUnknown`."""
        try:
            return self._api.write(method, deadline, **arguments).data
        except CallFailed as failed:
            if failed.limited:
                self._pacer.block(failed.retry_after or 1.0)
            raise write_error(failed) from failed


class SlackReplier(SlackPoster):
    """Replies in threads. Implements `ports.Replier`. Safe to use from several threads.

    Args:
        api: the way to Slack.
        turns: paces those who are about to post.
        posts: paces the posts themselves; shared with `SlackOwner`.
    """

    def __init__(self, api: SlackApi, turns: Pacer, posts: Pacer) -> None:
        super().__init__(api, posts)
        self._turns = turns

    def pace(self, channel: str) -> None:
        """See `ports.Replier`."""
        self._turns.wait(channel)

    def reply(self, channel: str, thread_ts: str, text: str, marker: Marker, card: Card | None = None) -> str:
        """See `ports.Replier`."""
        deadline = self._api.write_deadline()
        return self.post(deadline, channel, fitting(text), marker, thread_ts=thread_ts, **_blocks(text, card))

    def amend(self, channel: str, ts: str, text: str) -> None:
        """See `ports.Replier`. Keeps the metadata, and removes the blocks of a card, which people would read first."""
        deadline = self._api.write_deadline()
        self.send(deadline, "chat.update", channel=channel, ts=ts, text=escaped(text), blocks=[])


class OwnPosts:
    """Knows which posts are ours: a marker proves nothing, every app can write one.

    Args:
        api: is asked once who we are.
    """

    def __init__(self, api: SlackApi) -> None:
        self._api = api

    def include(self, message: Message) -> bool:
        """Whether we posted a message. Raises `CallFailed`."""
        return is_ours(message, self._me)

    @cached_property
    def _me(self) -> Workspace:
        me = self._api.read("auth.test").data
        return Workspace("", "", str(me.get("user_id") or ""), str(me.get("bot_id") or ""), {})


class SlackOwner(SlackPoster):
    """Writes to one owner. Implements `ports.Teller`.

    Args:
        api: the way to Slack.
        user: the owner's user id.
        posts: paces the posts; shared with `SlackReplier`.
        own: knows which posts are ours.
    """

    def __init__(self, api: SlackApi, user: str, posts: Pacer, own: OwnPosts) -> None:
        super().__init__(api, posts)
        self._user = user
        self._own = own
        self._conversation = ""

    def tell(self, text: str, marker: Marker) -> str:
        """See `ports.Teller`."""
        deadline = self._api.write_deadline()
        try:
            channel = self._open(deadline)
        except CallFailed as failed:
            what = f"Slack did not open a conversation with the owner {self._user}: {failed.explanation}."
            raise PostRefused(what, todo(failed), retry=True) from failed
        return self.post(deadline, channel, mentioning(fitting(text)), marker)

    def was_told(self, marker: Marker, since: datetime) -> bool | None:
        """See `ports.Teller`. A marker without a nonce is found with any nonce."""
        try:
            return stands_in(self.conversation(), self._api, self._own, marker, since)
        except CallFailed as failed:
            if failed.code == "missing_scope":
                return None
            raise read_error(failed) from failed

    def _open(self, deadline: Deadline) -> str:
        """The id of the conversation; asked for once. Raises `CallFailed`."""
        if not self._conversation:
            channel = self._api.write("conversations.open", deadline, users=self._user).data.get("channel")
            identity = channel.get("id") if isinstance(channel, dict) else None
            if not isinstance(identity, str):
                raise CallFailed("conversations.open", NOT_JSON, status=200)
            self._conversation = identity
        return self._conversation

    def conversation(self) -> str:
        """The id of the direct messages. Raises `CallFailed`."""
        return self._open(self._api.write_deadline())


class SlackOwners:
    """Implements `ports.Owners`.

    Args:
        api: the way to Slack.
        posts: paces the posts; shared with everything that posts.
        own: knows which posts are ours.
    """

    def __init__(self, api: SlackApi, posts: Pacer, own: OwnPosts) -> None:
        self._api = api
        self._posts = posts
        self._own = own
        self._owners: dict[str, SlackOwner] = {}

    def conversation_with(self, user: str) -> SlackOwner:
        """See `ports.Owners`."""
        if user not in self._owners:
            self._owners[user] = SlackOwner(self._api, user, self._posts, self._own)
        return self._owners[user]


def stands_in(channel: str, api: SlackApi, own: OwnPosts, marker: Marker, since: datetime) -> bool:
    """Whether a conversation shows our message with this marker from `since` on. Raises `CallFailed`."""
    pages = api.pages(
        "conversations.history", channel=channel, oldest=ts_of(since), limit=PAGE, include_all_metadata=True
    )
    return any(_matches(said.marker, marker) and own.include(said) for said in messages_of(pages, channel))


def _matches(found: Marker | None, wanted: Marker) -> bool:
    if found is None or found.kind != wanted.kind or wanted.key not in found.keys:
        return False
    return not wanted.nonce or found.nonce == wanted.nonce


def _blocks(text: str, card: Card | None) -> dict[str, object]:
    """The argument of a post that shows a card under its text."""
    if card is None:
        return {}
    from creditbot.adapters.slack.cards import blocks_of  # nothing that an idle tick needs

    blocks = blocks_of(text, card)
    return {"blocks": blocks} if blocks else {}
