"""What the owner asks about single requests: which one a permalink means, what became of it, and doing it again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from creditbot.errors import SettingsError
from creditbot.intake.looker_links import looker_links
from creditbot.intake.requests import RequestRules, why_not
from creditbot.model import RequestKey, Workspace
from creditbot.ports import Ports
from creditbot.slack_time import TS, order, time_of
from creditbot.state.codec import State
from creditbot.state.ledger import Ledger
from creditbot.state.record import ANSWERED, Record, move, reopened

_PERMALINK = re.compile(
    r"https://[\w.-]+/archives/(?P<channel>[CGD][A-Z0-9]+)/p(?P<seconds>\d{10})(?P<micros>\d{6})"
    rf"(?:\?(?:[^#]*&)?thread_ts=(?P<thread>{TS}))?"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """The message that a permalink means.

    Attributes:
        channel, ts: where it stands.
        thread: ts of its thread's parent, its own outside threads.
    """

    channel: str
    ts: str
    thread: str


def read_permalink(text: str) -> Asked:
    """Raises `SettingsError` for anything but the address Slack's "Copy link" gives."""
    match = _PERMALINK.match(text.strip())
    if not match:
        raise SettingsError(
            f"{text!r} is not the address of a Slack message.",
            "Use Copy link in the message's menu: https://WORKSPACE.slack.com/archives/CHANNEL/pNUMBER",
        )
    ts = f"{match['seconds']}.{match['micros']}"
    return Asked(match["channel"], ts, match["thread"] or ts)


@dataclass(frozen=True, slots=True)
class Found:
    """All that is known of a request.

    Attributes:
        key: its identity.
        record: what the state says, None if it has forgotten it or never knew it.
        summary: the saved summary, None if there is none.
        ignored: why the message is no request, where nothing is known of it; else "".
    """

    key: RequestKey
    record: Record | None
    summary: Mapping[str, Any] | None
    ignored: str = ""


@dataclass(frozen=True, slots=True)
class Past:
    """One request as `creditbot history` lists it.

    Attributes:
        key: its identity.
        permalink: its address.
        status: as in `creditbot.state.record`.
        amount: USD, None if it was not answered by us.
        seconds: from claim to reply, None if it was not answered by us.
        reason: why it ended so, or "".
    """

    key: RequestKey
    permalink: str
    status: str
    amount: Decimal | None
    seconds: float | None
    reason: str


class Lookup:
    """Answers questions about single requests. Every verb raises what Slack, the state and the summaries raise."""

    def __init__(self, ports: Ports, ledger: Ledger, policy: RequestRules) -> None:
        self._ports = ports
        self._ledger = ledger
        self._policy = policy

    def find(self, asked: Asked) -> Found:
        """What is known of a request; the message itself is read where nothing is."""
        state, workspace = self._known()
        key = RequestKey(workspace.team, asked.channel, asked.ts)
        record, summary = state.records.get(str(key)), self._ports.summaries.load(key)
        if record or summary:
            return Found(key, record, summary)
        if asked.ts in state.done:
            return Found(key, None, None, "It was processed by the bot that was here before.")
        waits = "It is a request, and was not worked on yet; if it is older than LOOKBACK_HOURS, use `creditbot retry`."
        return Found(key, None, None, self._no_request(asked, workspace) or waits)

    def _known(self) -> tuple[State, Workspace]:
        state = self._ledger.read()
        return state, self._ports.inbox.workspace(state.meta.workspace)

    def _no_request(self, asked: Asked, workspace: Workspace) -> str:
        """Why the message, as it is now, is no request; "" if it is one."""
        if asked.channel not in workspace.channels:
            return f"The channel {asked.channel} is not watched (SLACK_CHANNELS)."
        messages = self._ports.inbox.thread(asked.channel, asked.thread)
        message = next((m for m in messages if m.ts == asked.ts), None)
        if message is None:
            return "There is no such message, or we cannot see it."
        if reason := why_not(message, workspace, self._policy):
            return f"It is not a request: {reason}"
        if not looker_links(message.content, self._policy.host):
            return f"It is not a request: it has no link to {self._policy.host}."
        return ""

    def past(self, since: datetime) -> list[Past]:
        """Every request since then, oldest first: from the summaries, and from the state where it knows more."""
        state, workspace = self._known()
        found: dict[str, Past] = {}
        for key, summary in self._ports.summaries.newest_first():
            if time_of(key.ts) < since:
                break
            found[str(key)] = _past_of_summary(key, summary, workspace)
        for text, record in state.records.items():
            key = RequestKey.parse(text)
            if text not in found or not (record.terminal and record.saved):
                amount = record.result.amount if record.result and record.status == "answered" else None
                where = workspace.permalink(key.channel, key.ts, record.thread)
                found[text] = Past(key, where, record.status, amount, record.seconds or None, record.reason)
        return [found[text] for text in sorted(found, key=lambda text: order(found[text].key.ts))]

    def retry(self, asked: Asked, *, again: str = "") -> Found:
        """Puts a request where the next tick starts it anew. `again` names who wants the same SQL credited twice.

        Raises `SettingsError` for one that was answered, or may be about to be, and for what is no request.
        """
        state, workspace = self._known()
        key = RequestKey(workspace.team, asked.channel, asked.ts)
        record = state.records.get(str(key))
        summary: Mapping[str, Any] | None = self._ports.summaries.load(key)
        status = record.status if record else (summary or {}).get("outcome", {}).get("status", "")
        if refusal := _refusal(status, forgotten=record is None):
            raise SettingsError(refusal)
        if reason := self._no_request(asked, workspace):
            raise SettingsError(reason)
        now = self._ports.clock.now()
        thread = asked.thread if asked.thread != asked.ts else ""
        asked_for = {"again": again, "retried": now}
        seen = reopened(record, now, **asked_for) if record else move(None, "seen", now, thread=thread, **asked_for)
        self._ledger.swap(key, record, seen)
        return Found(key, seen, summary)


def _past_of_summary(key: RequestKey, summary: Mapping[str, Any], workspace: Workspace) -> Past:
    outcome = summary.get("outcome", {})
    amount = summary.get("credit_amount") if outcome.get("status") == "answered" else None
    where = str(summary.get("request", {}).get("permalink") or workspace.permalink(key.channel, key.ts))
    seconds = outcome.get("seconds")
    return Past(
        key, where, str(outcome.get("status", "unknown")), amount, float(seconds) if seconds else None,
        str(outcome.get("reason", "")),
    )  # fmt: skip


def _refusal(status: str, *, forgotten: bool) -> str:
    """Why a request of that status is not started anew; "" if it may be."""
    if status in ANSWERED:
        return "This request was answered; it is not answered twice. Answer by hand if need be."
    if forgotten or status in ("failed", "dead", "skipped", "withdrawn"):
        return ""
    if status == "posting":
        return "A reply to this request may be on its way; the next ticks find out. Nothing to retry yet."
    return f"This request is already under way ({status}); the next tick goes on with it."
