"""Tells people something in one channel, such as the weekly digest."""

from __future__ import annotations

from datetime import datetime

from creditbot.adapters.slack.api import SlackApi
from creditbot.adapters.slack.errors import CallFailed, read_error
from creditbot.adapters.slack.inbox import SlackInbox
from creditbot.adapters.slack.messages import fitting, mentioning
from creditbot.adapters.slack.pacing import Pacer
from creditbot.adapters.slack.posts import OwnPosts, SlackPoster, stands_in
from creditbot.errors import PostRefused, Refused
from creditbot.model import Marker


class SlackChannel(SlackPoster):
    """Implements `ports.Teller`.

    Args:
        api: the way to Slack.
        channel: its name or its id.
        inbox: finds a channel by its name.
        posts: paces the posts; shared with everything that posts.
        own: knows which posts are ours.
    """

    def __init__(self, api: SlackApi, channel: str, inbox: SlackInbox, posts: Pacer, own: OwnPosts) -> None:
        super().__init__(api, posts)
        self._channel = channel
        self._inbox = inbox
        self._own = own

    def tell(self, text: str, marker: Marker) -> str:
        """See `ports.Teller`."""
        try:
            channel, _ = self._inbox.joined(self._channel)
        except Refused as refused:
            raise PostRefused(refused.what, refused.todo, retry=True) from refused
        return self.post(self._api.write_deadline(), channel, mentioning(fitting(text)), marker)

    def was_told(self, marker: Marker, since: datetime) -> bool | None:
        """See `ports.Teller`."""
        channel, _ = self._inbox.joined(self._channel)
        try:
            return stands_in(channel, self._api, self._own, marker, since)
        except CallFailed as failed:
            if failed.code == "missing_scope":
                return None
            raise read_error(failed) from failed

    def name(self) -> str:
        """The channel's name; nothing is posted. Raises `Unreachable`, or `Refused` if we may not post there."""
        return self._inbox.joined(self._channel)[1]
