"""Finds what is known of a request that a permalink names, and why a message is not one.

It reads the state, the saved summaries and, for a message that neither knows, its thread. `creditbot show` prints what
it finds, and `creditbot retry` starts from it. It changes nothing. `history` reads all requests at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from creditbot.evidence.summary import outcome_fields
from creditbot.insight.history import History
from creditbot.insight.past import PastRequest
from creditbot.intake.permalink import Permalink
from creditbot.intake.requests import RequestRules, links_of, why_not
from creditbot.intake.thread import view
from creditbot.model import RequestKey, Workspace
from creditbot.ports import Inbox, SummaryStore
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

        See `creditbot.insight.history`.
        """
        return History(self._summaries, None, self._ledger.read()).asked(since)

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
