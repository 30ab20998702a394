"""Repairs what nobody can exclude: a reply that became visible late, or that a process posted after a sleep.

`tick.follow_up` asks for another look at requests that ended in doubt, and `posting` does if another process was
quicker. `thread_check` edits the replies that should not be there.
"""

from __future__ import annotations

from creditbot.answer.context import TickContext
from creditbot.answer.thread_check import ThreadCheck
from creditbot.intake.thread import LATE, REPEATS
from creditbot.model import RequestKey
from creditbot.state.record import Record, move


class Repair:
    """Looks for our own replies that should not be there, and has them edited. The owner is told about each once.

    Raises `StateConflict` if the request changed meanwhile, and what reading and writing Slack raises.
    """

    def __init__(self, context: TickContext, check: ThreadCheck) -> None:
        self._context = context
        self._check = check

    def repair(self, key: RequestKey, record: Record) -> str:
        """Returns the ts of our valid reply, or "". If there is one, a request that is under way ends as answered."""
        shown = self._check.look(key, record.thread)
        self._context.ledger.confirm(key, record)  # it may have been restarted: then its reply is right
        if record.status in ("claimed", "computed", "posting") and shown.ours:  # else its process decides
            self._check.end_if_decided(key, record, shown)
        elif record.status == "answered":
            self._check.edit_surplus(key, record, shown.repeats, REPEATS)
        elif record.terminal:
            self._check.edit_surplus(key, record, shown.ours, REPEATS if record.status == "elsewhere" else LATE)
            return ""
        return shown.ours[0] if shown.ours else ""

    def check_again(self, key: RequestKey, record: Record) -> None:
        """Looks once more at a request that ended in doubt, and counts the looks in its record."""
        standing = self.repair(key, record) or record.reply
        saved = record.saved and standing == record.reply
        checked = move(record, record.status, record.at, checked=record.checked + 1, reply=standing, saved=saved)
        self._context.ledger.swap(key, record, checked)

    def after_conflict(self, key: RequestKey) -> None:
        """Repairs the thread if another process changed the request while we posted: it may show two replies now."""
        current = self._context.ledger.read().records.get(key)
        if current:
            self.repair(key, current)
