"""Reads Slack: who we are, which channels we watch, and the messages in them, as values of `model`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from creditbot.adapters.slack.api import PAGE, SlackApi
from creditbot.adapters.slack.errors import CallFailed, read_error
from creditbot.adapters.slack.messages import messages_of
from creditbot.errors import SLACK, Refused, Unreachable
from creditbot.model import Message, Workspace
from creditbot.settings.names import alike
from creditbot.settings.types import channel_name, is_channel_id
from creditbot.slack_time import time_of, ts_of

_LIST_PAGE = 999  # the most Slack allows: listing is limited to 20 pages a minute
_SHARED_HOLDS = 300.0
"""Seconds for which an answer to whether a channel is shared is believed."""
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
        self._channels = [channel_name(channel) for channel in channels]
        self._settings = settings
        self._own = ("", "")
        self._seen: set[str] = set()
        self._colleagues: dict[str, frozenset[str] | None] = {}
        self._shared: dict[str, tuple[float, bool]] = {}

    def workspace(self, remembered: Workspace | None) -> Workspace:
        """See `ports.Inbox`."""
        known = remembered if remembered and remembered.settings == self._settings else None
        workspace = known
        if known is None or known.missing:
            try:
                workspace = self._workspace()
            except Unreachable:
                if known is None:
                    raise
        assert workspace
        self._own = (workspace.team, workspace.enterprise)
        return workspace

    def _workspace(self) -> Workspace:
        """Asks Slack. Raises the reason of the first channel if none can be watched."""
        try:
            me = self._api.read("auth.test").data
        except CallFailed as failed:
            raise read_error(failed) from failed
        channels: dict[str, str] = {}
        missing: dict[str, Refused] = {}
        named = self._by_name(missing)
        for channel in (channel for channel in self._channels if channel not in missing):
            try:
                identity, name = self._channel(channel, named, me)
                channels[identity] = name
            except Refused as error:
                missing[channel] = error
        if not channels:
            raise next(iter(missing.values()))
        return Workspace(
            team=_field(me, "team_id"),
            url=_field(me, "url"),
            user=_field(me, "user_id"),
            bot=str(me.get("bot_id") or ""),
            channels=channels,
            settings=self._settings,
            enterprise=str(me.get("enterprise_id") or ""),
            missing={channel: str(error) for channel, error in missing.items()},
        )

    def messages(self, channel: str, oldest: datetime) -> Sequence[Message]:
        """See `ports.Inbox`."""
        pages = self._api.pages("conversations.history", channel=channel, oldest=ts_of(oldest), limit=PAGE)
        try:
            messages = [message for message in messages_of(pages, channel) if time_of(message.ts) > oldest]
            return self._with_colleagues(_with_counts(messages), channel)
        except CallFailed as failed:
            raise read_error(failed) from failed

    def is_shared(self, channel: str) -> bool:
        """See `ports.Inbox`. Asked at most every five minutes."""
        now = self._api.clock.boot()
        asked, shared = self._shared.get(channel, (None, True))
        if asked is None or now - asked > _SHARED_HOLDS:
            shared = not _is_internal(self._info(channel))
            self._shared[channel] = (now, shared)
        return shared

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

    def channel(self, name: str) -> str:
        """The id of a channel that the bot is in, by its name or id. Raises `CallFailed` or `Refused`."""
        name = channel_name(name)
        if is_channel_id(name):
            return name
        return self._channel(name, self._list({name}), self._api.read("auth.test").data)[0]

    def joined(self, channel: str) -> tuple[str, str]:
        """(id, name) of a channel that the bot is in, by its name or id. Raises `Unreachable` or `Refused`."""
        name = channel_name(channel)
        try:
            named = {} if is_channel_id(name) else self._list({name})
            return self._channel(name, named, self._api.read("auth.test").data)
        except CallFailed as failed:
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
        facts = self._info(channel)
        if _is_internal(facts):
            return None
        teams = facts.get("internal_team_ids")
        return frozenset(team for team in teams if isinstance(team, str)) if isinstance(teams, list) else frozenset()

    def _info(self, channel: str) -> Mapping[str, Any]:
        """Slack's channel object. Raises `Unreachable` or `Refused`."""
        try:
            info = self._api.read("conversations.info", channel=channel).data.get("channel")
        except CallFailed as failed:
            raise read_error(failed) from failed
        return info if isinstance(info, dict) else {}

    def _by_name(self, missing: dict[str, Refused]) -> Mapping[str, Mapping[str, Any]]:
        """The channels that the settings name, by name. All of them are missing if Slack refuses to list any."""
        names = [channel for channel in self._channels if not is_channel_id(channel)]
        try:
            return self._list({*names}) if names else {}
        except CallFailed as failed:
            error = read_error(failed)
            if not isinstance(error, Refused):
                raise error from failed
            missing |= dict.fromkeys(names, error)
            return {}

    def _list(self, names: set[str]) -> dict[str, Mapping[str, Any]]:
        """The channels of these names, by name. Without the scope for one kind of channel, the other kind is listed."""
        failure: CallFailed | None = None
        for kinds in _CHANNEL_KINDS:
            try:
                return _named(self._pages(kinds), names, self._seen)
            except CallFailed as failed:
                if failed.code != "missing_scope":
                    raise
                failure = failure or failed
        assert failure
        raise failure

    def _pages(self, kinds: str) -> Iterable[Mapping[str, Any]]:
        return self._api.pages("conversations.list", types=kinds, exclude_archived=True, limit=_LIST_PAGE)

    def _channel(self, channel: str, named: Mapping[str, Mapping[str, Any]], me: Mapping[str, Any]) -> tuple[str, str]:
        """(id, name) of a channel as the settings name it. Raises `Refused` for one that cannot be watched."""
        if is_channel_id(channel):
            found = self._info(channel)
        elif channel in named:
            found = named[channel]
        else:
            near = alike(channel, self._seen)
            check = f"Check the name (the nearest one is #{near})" if near else "Check the name"
            raise Refused(
                SLACK,
                f"The bot cannot see a channel #{channel} on Slack.",
                f"{check}; invite the bot if the channel is private: /invite @{_bot_name(me)}.",
            )
        identity = _field(found, "id")
        name = channel_name(str(found.get("name") or identity))
        if found.get("is_archived") is True:
            raise Refused(SLACK, f"The channel #{name} is archived.", "Unarchive it, or name another channel.")
        if found.get("is_member") is False:
            todo = f"Invite the bot: /invite @{_bot_name(me)} in that channel."
            raise Refused(SLACK, f"The bot is not in the channel #{name}.", todo)
        return identity, name


def _is_internal(facts: Mapping[str, Any]) -> bool:
    """Whether nobody of another organisation is in a channel, or is asked into it; only if Slack says so."""
    return facts.get("is_ext_shared") is False and facts.get("is_pending_ext_shared") is not True


def _with_counts(messages: Sequence[Message]) -> list[Message]:
    """The messages; a reply sent to the channel has the count of its thread, if the parent is among the messages."""
    counts = {message.ts: message.replies for message in messages}
    return [m if m.replies else replace(m, replies=counts.get(m.thread, 0)) for m in messages]


def _named(pages: Iterable[Mapping[str, Any]], names: set[str], seen: set[str]) -> dict[str, Mapping[str, Any]]:
    """Reads pages until every name was found; all names on these pages are added to `seen`."""
    found: dict[str, Mapping[str, Any]] = {}
    for page in pages:
        channels = page.get("channels")
        for channel in channels if isinstance(channels, list) else []:
            if isinstance(channel, dict) and isinstance(channel.get("name"), str):
                seen.add(name := channel_name(channel["name"]))
                if name in names:
                    found.setdefault(name, channel)
        if found.keys() == names:
            break
    return found


def _bot_name(me: Mapping[str, Any]) -> str:
    """What the bot is called; Slack's reference allows a user without a name."""
    return str(me.get("user") or "NAME")


def _field(answer: Mapping[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise Refused(SLACK, f"Slack's answer lacks the field {name}.", "Check SLACK_API_URL.")
    return value
