"""Repairs what nobody can exclude: a reply that became visible late, or that a process posted after a sleep.

`tick.follow_up` asks for another look at requests that ended in doubt, and `posting` does if another process was
quicker. `thread_check` edits the replies that should not be there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from creditbot.answer.context import TickContext
from creditbot.answer.rules import look_after
from creditbot.answer.thread_check import ThreadCheck, facts_for_shadow, facts_of_answer
from creditbot.intake.thread import LATE, REPEATS, ThreadView
from creditbot.model import RequestKey
from creditbot.state.record import Record, move


class Repair:
    """Looks for our own replies that should not be there, and has them edited. The owner is told about each once.

    Raises `StateConflict` if the request changed meanwhile, and what reading and writing Slack raises.
    """

    def __init__(self, context: TickContext, check: ThreadCheck) -> None:
        self._context = context
        self._check = check

    def check_again(self, key: RequestKey, record: Record, replies: int | None = None) -> None:
        """Looks once more at a request that ended in doubt, and counts the looks in its record.

        A look that was not due yet, but made because the number of replies has changed, does not count. `replies` is
        that number as the channel showed it; None if the request was not among the messages read.
        """
        now, rules = self._context.now(), self._context.rules
        shown = self._check.look(key, record.thread, record.retried)
        standing = self._repair(key, record, shown) or record.reply
        if self._check.end_if_answered_by_hand(key, record, shown):
            return
        due = now - record.at >= look_after(rules.settle, record.checked)
        end: dict[str, Any] = {"reply": standing}
        if record.status == "elsewhere" and shown.answer:
            end |= facts_of_answer(shown)
        if record.status == "shadowed":
            end |= facts_for_shadow(shown)
        saved = record.saved and replace(record, **end) == record  # else a later tick writes the summary again
        changes: dict[str, Any] = {**end, "checked": record.checked + due, "saved": saved}
        missing = record.status == "answered" and not shown.ours
        if not missing or now - record.at >= rules.settle:  # else Slack may show the thread as it was before our reply
            changes["replies"] = shown.replies if replies is None else replies
        self._context.ledger.swap(key, record, move(record, record.status, record.at, **changes))

    def after_conflict(self, key: RequestKey) -> None:
        """Repairs the thread if another process changed the request while we posted: it may show two replies now."""
        current = self._context.ledger.read().records.get(key)
        if current:
            self._repair(key, current, self._check.look(key, current.thread, current.retried))

    def _repair(self, key: RequestKey, record: Record, shown: ThreadView) -> str:
        """Returns the ts of the answer that counts, or "". If it is our reply, a request under way ends as answered."""
        self._context.ledger.confirm(key, record)  # in a request that was restarted meanwhile, the reply is right
        if record.status in ("claimed", "computed", "held", "posting") and shown.ours:  # else its process decides
            self._check.end_if_decided(key, record, shown)
        elif record.status == "answered":
            self._check.edit_surplus(key, record, shown.repeats, REPEATS)
            self._check.tell_if_deleted(key, record, shown)
            self._check.tell_if_amounts_differ(key, record, shown)
        elif record.terminal:
            self._check.edit_surplus(key, record, shown.ours, REPEATS if record.status == "elsewhere" else LATE)
            if record.status != "elsewhere":
                return ""
            self._check.tell_if_unanswered(key, record, shown)
            self._check.tell_if_amounts_differ(key, record, shown)
            return shown.elsewhere
        return shown.ours[0] if shown.ours else ""
