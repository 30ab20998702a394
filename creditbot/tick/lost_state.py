"""Detects that the state was lost or damaged, and pauses older requests: our reply may not be visible yet.

The signs of a loss come from the state itself, the summaries and the threads. The pause is stored in the state's
`meta`. `agenda` and `posting` respect it, and the owner is told.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from creditbot.answer.context import TickContext
from creditbot.answer.owner import due
from creditbot.errors import Refused, StateConflict
from creditbot.intake.requests import Request, is_ours
from creditbot.machine import logs
from creditbot.model import RequestKey
from creditbot.slack_time import micros_of, time_of
from creditbot.state.codec import State
from creditbot.state.record import Meta, move

CLOCK_BEHIND = timedelta(seconds=1)
"""How far our reading of Slack's clock may lag: a message may seem to come from this far in the future."""
_MOST_NAMES = 5

log = logging.getLogger(__name__)


def pause_if_lost(context: TickContext, state: State, requests: Sequence[Request]) -> None:
    """Pauses older requests for one settle time if the state was lost or damaged.

    `requests` are those of the channel. The same write moves unreadable entries aside, and their requests start again.
    Raises what Slack, the state and the summaries raise.
    """
    damage = _damage(context, state, requests)
    if not damage:
        return
    now = context.now()
    until = now + context.rules.settle
    lost = _live_since(context, requests) if state.first else None

    def pause(meta: Meta) -> Meta:
        meta = replace(meta, workspace=context.workspace, pause_before=now + CLOCK_BEHIND, pause_until=until)
        return replace(meta, live_since=lost or meta.live_since)

    text = (
        f"{damage} Requests from before now are paused until {until:%H:%M} UTC and will then be checked against their "
        "threads, so that nothing is answered twice. Please find out what changed the state."
    )
    restarted = {key: move(None, "restarted", now) for key in state.broken_requests}
    with suppress(StateConflict):  # another process was quicker
        context.ledger.set_aside(pause, {f"damage.{now:%Y%m%dT%H%M%S}": due(text, now)}, restarted)
        logs.event(log, "pause", reason=damage, until=until)


def _damage(context: TickContext, state: State, requests: Sequence[Request]) -> str:
    """What is wrong with the state, one sentence; "" if it is sound, or empty because it is new."""
    if state.broken:
        more = f" and {len(state.broken) - _MOST_NAMES} more" if len(state.broken) > _MOST_NAMES else ""
        names = ", ".join(sorted(state.broken)[:_MOST_NAMES])
        return f"These entries of the state could not be read; they are kept under `corrupt`: {names}{more}."
    if state.damage or not state.first:
        return state.damage
    if state.done and not state.records:  # only a prototype was here before
        return ""
    if any(_has_summary(context, request.key) for request in requests):
        return "The state is empty, but there are summaries of requests that are in the channel."
    if _answered_before(context, requests):
        return (
            "The state is empty, but threads in the channel contain replies by the bot: either the state was lost, or "
            "another deployment of the bot answers here, too. Two deployments with the same Slack app must share one "
            "STATE_URI."
        )
    return ""


def _live_since(context: TickContext, requests: Sequence[Request]) -> datetime | None:
    """Until when a lost state was in shadow, by the summaries; None if they do not say that it ever was.

    If the latest request that has a summary was in shadow, those after it may have been, too.
    """
    from creditbot.evidence.summary import outcome_of  # nothing that an idle tick needs

    is_latest = True
    for request in sorted(requests, key=lambda request: micros_of(request.key.ts), reverse=True):
        outcome = outcome_of(_summary(context, request.key) or {})
        if outcome and outcome.in_shadow:
            return context.now() if is_latest else time_of(request.key.ts) + timedelta(microseconds=1)
        is_latest = is_latest and outcome is None
    return None


def _summary(context: TickContext, key: RequestKey) -> Mapping[str, object] | None:
    with suppress(Refused):  # there is one, though it cannot be read
        return context.ports.summaries.load(key)
    return None


def _has_summary(context: TickContext, key: RequestKey) -> bool:
    try:
        return context.ports.summaries.load(key) is not None
    except Refused:
        return True  # there is one, though it cannot be read


def _answered_before(context: TickContext, requests: Sequence[Request]) -> bool:
    threads = dict.fromkeys(
        (request.key.channel, request.message.thread) for request in requests if request.may_be_answered
    )
    inbox = context.ports.inbox
    return any(is_ours(message, context.workspace) for thread in threads for message in inbox.thread(*thread))
