"""Reads Slack: who we are, which channels we watch, and the messages in them, as values of `model`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from creditbot.adapters.slack.api import PAGE, SlackApi
from creditbot.adapters.slack.errors import CallFailed, read_error
from creditbot.adapters.slack.messages import messages_of
from creditbot.errors import SLACK, Refused
from creditbot.model import Message, Workspace
from creditbot.slack_time import time_of, ts_of

_LIST_PAGE = 999  # the most Slack allows: listing is limited to 20 pages a minute
_CHANNEL_ID = re.compile(r"[CG](?=[A-Z]*[0-9])[A-Z0-9]{4,}", re.ASCII)  # names have no capitals
_CHANNEL_KINDS = ("public_channel,private_channel", "public_channel", "private_channel")


class SlackInbox:
    """Reads the watched channels. Implements `ports.Inbox`.

    Args:
        api: the way to Slack.
        channels: the channels to watch as a person names them: names with or without "#", or ids.
        settings: fingerprint of the settings that decide what `workspace` returns.
    """

    def __init__(self, api: SlackApi, channels: Sequence[str], settings: str) -> None:
        self._api = api
        self._channels = [channel.strip().removeprefix("#") for channel in channels]
        self._settings = settings
        self._own = ("", "")
        self._colleagues: dict[str, frozenset[str] | None] = {}

    def workspace(self, remembered: Workspace | None) -> Workspace:
        """See `ports.Inbox`."""
        if remembered and remembered.settings == self._settings:
            self._own = (remembered.team, remembered.enterprise)
            return remembered
        try:
            me = self._api.read("auth.test").data
            channels = [self._channel(found, me) for found in self._find(me)]
        except CallFailed as failed:
            raise read_error(failed) from failed
        self._own = (_field(me, "team_id"), str(me.get("enterprise_id") or ""))
        return Workspace(
            team=_field(me, "team_id"),
            url=_field(me, "url"),
            user=_field(me, "user_id"),
            bot=str(me.get("bot_id") or ""),
            channels=dict(channels),
            settings=self._settings,
            enterprise=self._own[1],
        )

    def messages(self, channel: str, oldest: datetime) -> Sequence[Message]:
        """See `ports.Inbox`."""
        pages = self._api.pages("conversations.history", channel=channel, oldest=ts_of(oldest), limit=PAGE)
        try:
            messages = [message for message in messages_of(pages, channel) if time_of(message.ts) > oldest]
            return self._with_colleagues(messages, channel)
        except CallFailed as failed:
            raise read_error(failed) from failed

    def thread(self, channel: str, thread_ts: str) -> Sequence[Message]:
        """See `ports.Inbox`."""
        pages = self._api.pages(
            "conversations.replies", channel=channel, ts=thread_ts, limit=PAGE, include_all_metadata=True
        )
        try:
            return self._with_colleagues(messages_of(pages, channel), channel)
        except CallFailed as failed:
            if failed.code in {"thread_not_found", "message_not_found"}:
                return ()
            raise read_error(failed) from failed

    def _with_colleagues(self, messages: list[Message], channel: str) -> list[Message]:
        """The messages; those of colleagues in a sister workspace of our organisation name ours in its place."""
        team, enterprise = self._own
        if not enterprise or all(message.user_team in (None, *self._own) for message in messages):
            return messages
        if channel not in self._colleagues:
            self._colleagues[channel] = self._teams_of_ours(channel)
        ours = self._colleagues[channel]
        return [
            replace(m, user_team=team) if m.user_team and (ours is None or m.user_team in ours) else m for m in messages
        ]

    def _teams_of_ours(self, channel: str) -> frozenset[str] | None:
        """The sister workspaces that share a channel; None for all, in a channel that nobody else can be in."""
        info = self._api.read("conversations.info", channel=channel).data.get("channel")
        facts = info if isinstance(info, dict) else {}
        if facts.get("is_ext_shared") is False and facts.get("is_pending_ext_shared") is not True:
            return None
        teams = facts.get("internal_team_ids")
        return frozenset(team for team in teams if isinstance(team, str)) if isinstance(teams, list) else frozenset()

    def _find(self, me: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """Slack's channel objects, in the order of the settings. Lists the workspace's channels only for names."""
        names = {channel.lower() for channel in self._channels if not _CHANNEL_ID.fullmatch(channel)}
        named = self._list(names) if names else {}
        found: list[Mapping[str, Any]] = []
        for channel in self._channels:
            if _CHANNEL_ID.fullmatch(channel):
                answer = self._api.read("conversations.info", channel=channel).data.get("channel")
                found.append(answer if isinstance(answer, dict) else {})
            elif channel.lower() in named:
                found.append(named[channel.lower()])
            else:
                raise Refused(
                    SLACK,
                    f"The bot cannot see a channel #{channel} on Slack.",
                    f"Check the name; invite the bot if the channel is private: /invite @{me.get('user')}.",
                )
        return found

    def _list(self, names: set[str]) -> dict[str, Mapping[str, Any]]:
        """The channels of these names, by name. Without the scope for one kind of channel, the other kind is listed."""
        failure: CallFailed | None = None
        for kinds in _CHANNEL_KINDS:
            try:
                return _named(self._pages(kinds), names)
            except CallFailed as failed:
                if failed.code != "missing_scope":
                    raise
                failure = failure or failed
        assert failure
        raise failure

    def _pages(self, kinds: str) -> Iterable[Mapping[str, Any]]:
        return self._api.pages("conversations.list", types=kinds, exclude_archived=True, limit=_LIST_PAGE)

    def _channel(self, found: Mapping[str, Any], me: Mapping[str, Any]) -> tuple[str, str]:
        identity, name = _field(found, "id"), str(found.get("name") or found.get("id"))
        if found.get("is_archived") is True:
            raise Refused(SLACK, f"The channel #{name} is archived.", "Unarchive it, or name another channel.")
        if found.get("is_member") is False:
            todo = f"Invite the bot: /invite @{me.get('user')} in that channel."
            raise Refused(SLACK, f"The bot is not in the channel #{name}.", todo)
        return identity, name


def _named(pages: Iterable[Mapping[str, Any]], names: set[str]) -> dict[str, Mapping[str, Any]]:
    """Reads pages until every name was found."""
    found: dict[str, Mapping[str, Any]] = {}
    for page in pages:
        channels = page.get("channels")
        for channel in channels if isinstance(channels, list) else []:
            if isinstance(channel, dict) and channel.get("name") in names:
                found.setdefault(channel["name"], channel)
        if found.keys() == names:
            break
    return found


def _field(answer: Mapping[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise Refused(SLACK, f"Slack's answer lacks the field {name}.", "Check SLACK_API_URL.")
    return value
