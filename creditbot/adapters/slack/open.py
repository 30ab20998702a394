"""Puts the adapters for Slack together: one set for one token."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from creditbot.adapters.slack.api import SlackApi, TimeLimits
from creditbot.adapters.slack.approvers import SlackApprovers
from creditbot.adapters.slack.channel import SlackChannel
from creditbot.adapters.slack.inbox import SlackInbox
from creditbot.adapters.slack.pacing import Pacer
from creditbot.adapters.slack.posts import OwnPosts, SlackOwner, SlackOwners, SlackReplier
from creditbot.adapters.slack.signs import SlackSigns
from creditbot.adapters.slack.wire import Network
from creditbot.machine.clock import SlackClock, boottime
from creditbot.machine.processes import Stop

if TYPE_CHECKING:
    from creditbot.adapters.slack.doorbell import SlackDoorbell

POST_INTERVAL = 1.0
"""Slack takes about one post a second and channel."""


@dataclass(frozen=True, slots=True)
class SlackAdapters:
    """What creditbot does on Slack, as ports.

    Attributes:
        api: plain calls, for `creditbot check`.
        inbox, replier, signs, owners, approvers, clock: the ports of these names.
        owner: the conversation with the bot's owner.
        posts: paces everything that is posted.
        own: knows which posts are ours.
    """

    api: SlackApi
    inbox: SlackInbox
    replier: SlackReplier
    signs: SlackSigns
    owners: SlackOwners
    approvers: SlackApprovers
    clock: SlackClock
    owner: SlackOwner
    posts: Pacer
    own: OwnPosts

    def channel(self, name: str) -> SlackChannel:
        """A channel in which we tell people something, by its name or id; nothing is asked yet."""
        return SlackChannel(self.api, name, self.inbox, self.posts, self.own)


def open_slack(
    token: str, api_url: str, channels: Sequence[str], owner: str, *, stop: Stop | None = None,
    sleep: Callable[[float], object] = time.sleep, boot: Callable[[], float] = boottime,
    limits: TimeLimits = TimeLimits(), network: Network = Network(),  # noqa: B008  # frozen
) -> SlackAdapters:  # fmt: skip
    """Puts the adapters together; nothing is asked yet.

    Args:
        token: bot token.
        api_url: base address of the methods.
        channels: channels to watch, names with or without "#", or ids.
        owner: user id of the bot's owner.
        stop: once the process is asked to stop, no read is tried again.
        sleep: waits for the turn to post. A stop does not cut that short: a post has a deadline of its own.
        boot: the clock that waits and deadlines are measured by, in seconds.
        limits: how long calls may take.
        network: how Slack is reached.
    """
    clock = SlackClock(boot)
    api = SlackApi(token, api_url, clock, stop or Stop(sleep), limits, network)
    posts = Pacer(POST_INTERVAL, boot, sleep)
    inbox = SlackInbox(api, channels, fingerprint(token, api_url, channels))
    own = OwnPosts(api)
    owners = SlackOwners(api, posts, own)
    return SlackAdapters(
        api,
        inbox,
        SlackReplier(api, Pacer(POST_INTERVAL, boot, sleep), posts),
        SlackSigns(api),
        owners,
        SlackApprovers(api, inbox, owners, posts, own),
        clock,
        owners.conversation_with(owner),
        posts,
        own,
    )


def open_doorbell(
    app_token: str, api_url: str, stop: Stop, *, network: Network = Network(), **options: float  # noqa: B008  # frozen
) -> SlackDoorbell:  # fmt: skip
    """The doorbell of the app with this app-level token; nothing is asked yet.

    Args:
        app_token: SLACK_APP_TOKEN.
        api_url: base address of the methods; plain http allows a websocket without TLS.
        stop: once the process is asked to stop, nothing is tried again.
        network: how Slack is reached.
        options: of `SlackDoorbell`.
    """
    from creditbot.adapters.slack.doorbell import SlackDoorbell

    api = SlackApi(app_token, api_url, SlackClock(), stop, TimeLimits(), network)
    return SlackDoorbell(api, network, is_plain=api_url.startswith("http://"), **options)


def fingerprint(token: str, api_url: str, channels: Sequence[str]) -> str:
    """Names the settings that decide who we are and what we watch, without showing the token.

    If a version of creditbot asks Slack for something else, the name changes, so that Slack is asked again.
    """
    return hashlib.sha256(json.dumps([api_url, token, list(channels), "enterprise"]).encode()).hexdigest()[:16]
