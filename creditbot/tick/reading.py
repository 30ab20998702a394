"""Reads the watched channels: what a tick looks at.

Messages come from the `Inbox`; `tick` makes requests of them. A channel that cannot be found or read stops no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from creditbot.answer.context import TickContext
from creditbot.answer.owner import Notices, cause_name
from creditbot.answer.owner_texts import unread_text
from creditbot.errors import CreditbotError, Refused
from creditbot.model import Message
from creditbot.slack_time import time_of
from creditbot.state.record import Meta

OVERLAP = timedelta(hours=1)
"""How much of what was already covered is read again; also how often an idle tick writes how far it has read."""
CLOCK_DOUBT = timedelta(days=1)
"""How wrong the local clock may be when it says where reading starts; what is read is cut by Slack's clock."""


@dataclass(frozen=True, slots=True)
class ChannelReading:
    """What was read.

    Attributes:
        messages: of all channels that could be read, from where reading starts.
        until: UTC; nothing before it can be missing from the messages.
        unread: id of each channel that could not be read -> why; for one that was not found, its name in the settings.
        clock_ahead: how far the local clock is ahead of Slack's, if that is more than `CLOCK_DOUBT`; else zero.
    """

    messages: tuple[Message, ...]
    until: datetime
    unread: Mapping[str, str] = field(default_factory=dict)
    clock_ahead: timedelta = timedelta(0)

    def problems(self, channels: Mapping[str, str]) -> list[str]:
        """What went wrong, one sentence each; `channels` gives the names."""
        found = [
            f"The channel #{channels.get(channel, channel)} cannot be read: {why}"
            for channel, why in self.unread.items()
        ]
        if self.clock_ahead:
            days = self.clock_ahead / timedelta(days=1)
            found.append(f"This machine's clock is {days:.1f} days ahead of Slack's. Set it; I have used Slack's.")
        return found

    def tell(self, context: TickContext, notices: Notices) -> None:
        """Makes the messages to the owner due about channels that cannot be read, once until each can be read again."""
        names = context.workspace.channels
        hours = context.rules.reads_back / timedelta(hours=1)
        lasting = set()
        for channel, why in self.unread.items():
            name = cause_name(f"channel {channel}")
            notices.add(name, unread_text(names.get(channel, channel), why, hours))
            lasting.add(name)
        for name in context.ledger.state.notices.keys() - lasting:
            if name.startswith(cause_name("channel ")):
                notices.forget(name)


def read_channels(context: TickContext, meta: Meta, began: datetime, *, first: bool) -> ChannelReading:
    """Reads every channel. `began` is the local clock's time; it only says where reading starts.

    Raises the first error if no channel can be read. For a first tick, an error that may pass is raised, too: a loss of
    the state could be overlooked.
    """
    clock = context.ports.clock
    oldest = start_of(meta, began, context) - CLOCK_DOUBT
    messages, unread = _read(context, oldest, first=first)
    start = start_of(meta, clock.now(), context)
    if start >= oldest:
        return ChannelReading(_since(messages, start), clock.now(), unread)
    # The local clock is ahead, and what it skipped counts.
    ahead = began - clock.now()
    messages, unread = _read(context, start - OVERLAP, first=first)
    return ChannelReading(_since(messages, start), clock.now(), unread, ahead)


def start_of(meta: Meta, now: datetime, context: TickContext) -> datetime:
    """Where reading starts: LOOKBACK_HOURS ago, or an hour before what is covered if that is earlier."""
    usual = now - context.rules.reads_back
    return min(usual, meta.covered_until - OVERLAP) if meta.covered_until else usual


def _read(context: TickContext, oldest: datetime, *, first: bool) -> tuple[list[Message], dict[str, str]]:
    messages: list[Message] = []
    unread: dict[str, CreditbotError] = {}
    for channel in context.workspace.channels:
        try:
            messages += context.ports.inbox.messages(channel, oldest)
        except CreditbotError as error:
            if first and not isinstance(error, Refused):
                raise
            unread[channel] = error
    if unread and unread.keys() == context.workspace.channels.keys():
        raise next(iter(unread.values()))
    return messages, {**context.workspace.missing, **{channel: str(error) for channel, error in unread.items()}}


def _since(messages: list[Message], start: datetime) -> tuple[Message, ...]:
    return tuple(message for message in messages if time_of(message.ts) >= start)
