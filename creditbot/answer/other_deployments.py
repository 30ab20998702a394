"""Notices that another deployment with the same Slack app, but with a state of its own, answers in our channels.

Every deployment makes a random id together with its state, and each of its posts carries the id. If the state is lost,
the id is lost with it, so a post that is older than our id proves nothing. A later post with another id proves that
another deployment is at work.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from creditbot.answer.context import TickContext
from creditbot.answer.owner import Notices
from creditbot.intake.requests import is_ours
from creditbot.machine import logs
from creditbot.model import Message, Workspace
from creditbot.slack_time import micros_of, time_of
from creditbot.state.record import Meta, new_nonce

log = logging.getLogger(__name__)

ADVICE = (
    "Together they may answer one request twice, and neither knows which SQL the other one has credited. Stop one of "
    "them, or give both the same STATE_URI and OUTPUT_URI."
)
"""What two deployments on one channel mean, and what to do."""


def with_deployment_id(meta: Meta, now: datetime) -> Meta:
    """The meta with the id of this deployment; makes the id if there is none yet.

    After a loss of the state, an earlier post may become visible until the end of the pause. So the new id counts only
    from the end of the pause.
    """
    deployed = max(now, meta.pause_until or now)
    return meta if meta.deployment else replace(meta, deployment=new_nonce(), deployed=deployed)


def latest_of_others(messages: Iterable[Message], workspace: Workspace, meta: Meta) -> Message | None:
    """The latest reply of another deployment among the messages; None if there is none.

    If this deployment has no id yet, a reply with any id counts.
    """
    replies = [
        message
        for message in messages
        if message.marker
        and is_ours(message, workspace)
        and message.marker.deployment not in ("", meta.deployment)
        and (meta.deployed is None or time_of(message.ts) > meta.deployed)
    ]
    return max(replies, key=lambda message: micros_of(message.ts), default=None)


def tell_of_others(messages: Iterable[Message], context: TickContext, notices: Notices) -> None:
    """Tells the owner about a reply of another deployment, and again only once the message has been forgotten."""
    meta = context.ledger.state.meta
    found = latest_of_others(messages, context.workspace, meta) if meta.deployment else None
    if found:
        address = context.workspace.permalink(found.channel, found.ts, found.thread)
        text = f"Another deployment of this bot answers in the same channel. {ADVICE} One of its replies: {address}"
        notices.add("other.deployment", text, since=time_of(found.ts))  # the other one may have told it
        logs.event(log, "other deployment", reply=address)
