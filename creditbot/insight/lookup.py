"""Finds what is known of requests: of the one that a permalink names, and of all since some day.

It reads the state, the saved summaries and, for a message that neither knows, its thread. `creditbot history` and
`creditbot show` print what it finds. It changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from creditbot.credit.footprint import traffic_in_words
from creditbot.evidence.summary import footprints_in, outcome_fields
from creditbot.intake.permalink import Permalink
from creditbot.intake.requests import RequestRules, links_of, why_not
from creditbot.intake.thread import view
from creditbot.model import RequestKey, Workspace
from creditbot.ports import Inbox, SummaryStore
from creditbot.slack_time import micros_of, time_of
from creditbot.state.codec import State
from creditbot.state.ledger import Ledger
from creditbot.state.record import Record

_PREVIOUS_BOT = "The previous bot processed this message. Its thread shows whether it was answered."
_NOT_STARTED = (
    "It is a request that has not been started yet. If it is older than LOOKBACK_HOURS, run `creditbot retry`."
)


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """All that is known of one request.

    Attributes:
        key: its identity.
        record: what the state holds of it; None if the state has forgotten it or never knew it.
        summary: its saved summary; None if there is none.
        ignored: why nothing is known of it, one sentence; "" if something is.
    """

    key: RequestKey
    record: Record | None
    summary: Mapping[str, Any] | None
    ignored: str = ""

    @property
    def status(self) -> str:
        """How it stands, as in `creditbot.state.record`: by the state, else by its summary; "" if neither says."""
        if self.record:
            return self.record.status
        return str(outcome_fields(self.summary or {}).get("status", ""))


@dataclass(frozen=True, slots=True)
class PastRequest:
    """One request as `creditbot history` lists it.

    Attributes:
        key: its identity.
        permalink: its address.
        status: as in `creditbot.state.record`.
        amount: USD, None if we did not answer it.
        seconds: from claim to reply, None if we did not answer it.
        reason: why it ended so, or "".
        skipped: how many of its links the amount leaves out, because their product is off.
        traffic: which traffic was computed, a line for each link: product, accounts, days.
        answer_by: id of the person or bot that answered it instead, or "".
        answer_amount: USD that this answer names; None if it names no single amount.
    """

    key: RequestKey
    permalink: str
    status: str
    amount: Decimal | None
    seconds: float | None
    reason: str
    skipped: int = 0
    traffic: tuple[str, ...] = ()
    answer_by: str = ""
    answer_amount: Decimal | None = None


class Lookup:
    """Finds requests. Every verb raises what Slack, the state and the summaries raise."""

    def __init__(self, inbox: Inbox, summaries: SummaryStore, ledger: Ledger, rules: RequestRules) -> None:
        self._inbox = inbox
        self._summaries = summaries
        self._ledger = ledger
        self._rules = rules

    def find(self, permalink: Permalink) -> RequestFacts:
        """What is known of a request. Its message is read only if nothing is known of it."""
        state, workspace = self._read()
        key = RequestKey(workspace.team, permalink.channel, permalink.ts)
        record, summary = state.records.get(key), self._summaries.load(key)
        if record or summary:
            return RequestFacts(key, record, summary)
        ignored = _PREVIOUS_BOT if permalink.ts in state.done else self._why_not(permalink, workspace) or _NOT_STARTED
        return RequestFacts(key, None, None, ignored)

    def why_not_a_request(self, permalink: Permalink) -> str:
        """Why the message, as it reads now, is not a request, one sentence; "" if it is one."""
        _, workspace = self._read()
        return self._why_not(permalink, workspace)

    def shows_answer(self, key: RequestKey, thread: str) -> bool:
        """Whether the thread of a request, by the ts of its parent, shows an answer now, whoever wrote it."""
        _, workspace = self._read()
        shown = view(self._inbox.thread(key.channel, thread), key, workspace, self._rules)
        return bool(shown.elsewhere or shown.ours or shown.forged)

    def past(self, since: datetime) -> list[PastRequest]:
        """Every request since then and every older one that has not ended, oldest first.

        They come from the summaries, and from the state where that knows more.
        """
        state, workspace = self._read()
        past: dict[RequestKey, PastRequest] = {}
        for key, summary in self._summaries.newest_first():
            if time_of(key.ts) < since:
                break
            past[key] = _by_summary(key, summary, workspace)
        for key, record in state.records.items():
            in_summary = record.terminal and record.saved
            if not in_summary or (key not in past and time_of(key.ts) >= since):
                known = past.get(key)
                past[key] = replace(_by_record(key, record, workspace), traffic=known.traffic if known else ())
        return sorted(past.values(), key=lambda request: micros_of(request.key.ts))

    def _read(self) -> tuple[State, Workspace]:
        state = self._ledger.read()
        return state, self._inbox.workspace(state.meta.workspace)

    def _why_not(self, permalink: Permalink, workspace: Workspace) -> str:
        if permalink.channel not in workspace.channels:
            return f"The channel {permalink.channel} is not watched (SLACK_CHANNELS)."
        messages = self._inbox.thread(permalink.channel, permalink.thread)
        message = next((m for m in messages if m.ts == permalink.ts), None)
        if message is None:
            return "There is no such message, or the bot cannot see it."
        if reason := why_not(message, workspace, self._rules):
            return f"It is not a request: {reason}"
        if not links_of(message, self._rules):
            return f"It is not a request: it has no link to {self._rules.host}."
        return ""


def _by_summary(key: RequestKey, summary: Mapping[str, Any], workspace: Workspace) -> PastRequest:
    outcome = outcome_fields(summary)
    status = str(outcome.get("status", "unknown"))
    amount = summary.get("credit_amount") if status == "answered" else None
    address = str(summary.get("request", {}).get("permalink") or workspace.address(key))
    seconds = outcome.get("seconds")
    reason = str(outcome.get("reason", ""))
    links = [link for link in summary.get("links", []) if "sql_sha256" in link]
    skipped = sum(not link.get("product") for link in links)
    traffic = tuple(dict.fromkeys(map(traffic_in_words, footprints_in(summary))))
    return PastRequest(
        key, address, status, amount, float(seconds) if seconds else None, reason, skipped, traffic,
        str(outcome.get("answer_by", "")), outcome.get("answer_amount"),
    )  # fmt: skip


def _by_record(key: RequestKey, record: Record, workspace: Workspace) -> PastRequest:
    amount = record.result.amount if record.result and record.status == "answered" else None
    address = workspace.address(key, record.thread)
    skipped = record.result.skipped if record.result else 0
    return PastRequest(
        key, address, record.status, amount, record.seconds or None, record.reason, skipped,
        answer_by=record.answer_by, answer_amount=record.answer_amount,
    )  # fmt: skip
