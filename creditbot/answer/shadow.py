"""Ends requests in shadow: what would have been said is recorded, and nothing is said.

`posting` calls `end` in the very step in which it would ask the approvers or send the reply. Where the owner would be
told that a request was given up, `failures` ends it in the same way. The record and the summary keep what would have
become of the request. What people answer in its thread later is found by `repair`, and recorded beside that.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

from creditbot.answer.context import TickContext
from creditbot.answer.duplicates import Duplicates
from creditbot.answer.finishing import Finisher
from creditbot.answer.holding import Holds, NotApproved
from creditbot.evidence.summary import TEXT_BYTES
from creditbot.intake.thread import ThreadView
from creditbot.model import RequestKey
from creditbot.state.codec import State
from creditbot.state.record import Record, Would, move
from creditbot.text import shorten


class Shadow:
    """Ends computed requests in shadow. Raises as `posting` does where nothing could be posted."""

    def __init__(self, context: TickContext, finisher: Finisher, duplicates: Duplicates, holds: Holds) -> None:
        self._context = context
        self._finisher = finisher
        self._duplicates = duplicates
        self._holds = holds

    def end(self, key: RequestKey, record: Record, shown: ThreadView) -> Record:
        """Ends a request whose reply would be sent, or whose approvers would be asked, now; `shown` is its thread.

        Returns the record as it is if another request has ended meanwhile that gives a reason to ask.
        """
        assert shown.request
        hold = self._holds.would_ask(key, record, shown)
        if not hold:
            self._duplicates.refuse_remembered(key, record)
        now = self._context.now()
        facts = {"hold": record.hold or hold, "replies": shown.replies, "edited": shown.request.message.edited}
        would: Would = "held" if hold else "answered"
        reason = shorten(" ".join(reason.text for reason in hold.reasons), TEXT_BYTES) if hold else ""
        end = move(record, "shadowed", now, claim=None, due=None, would=would, reason=reason, **facts)
        guard = None if hold else partial(self._guard, key=key, now=now)
        try:
            return self._finisher.finish(key, record, end, guard=guard)
        except NotApproved:
            return record

    def _guard(self, state: State, key: RequestKey, now: datetime) -> None:
        """Called with the very state that the end is based on, as it is for a post."""
        self._duplicates.refuse_known(state, key, now)
        self._holds.refuse_unapproved(state, key, now)
