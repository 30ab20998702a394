"""Checks whether another request already credits the same SQL.

The state knows recent requests; the summaries know those that the state has forgotten or lost. `posting` asks before it
posts, and `creditbot retry --again` overrides the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from creditbot.answer.context import TickContext
from creditbot.credit.sql.words import recognised_by
from creditbot.errors import AlreadyCredited, NotYet, Refused, ThreadUnclear
from creditbot.evidence.summary import outcome_of
from creditbot.intake.answers import Reading
from creditbot.intake.thread import ThreadView
from creditbot.model import RequestKey
from creditbot.state.codec import State
from creditbot.state.record import Record, is_credited


class Duplicates:
    """Refuses to credit the same SQL twice within DUPLICATE_DAYS.

    Each method raises `AlreadyCredited` if another request credits the SQL of this one.

    Args:
        context: of the tick.
        look: reads the thread of another request.
    """

    def __init__(self, context: TickContext, look: Callable[[RequestKey], ThreadView]) -> None:
        self._context = context
        self._look = look

    def refuse_known(self, state: State, key: RequestKey, now: datetime) -> None:
        """Checks the state alone. It is called with the very state that the swap to posting is based on."""
        record = state.records[key]
        if record.overridden_by or not record.result:
            return
        oldest, sql = now - self._context.rules.duplicates, recognised_by(record.result.sql)
        in_shadow = self._context.in_shadow(key, record)
        for other, theirs in state.records.items():
            if other != key and _credited_sql(theirs, oldest, in_shadow=in_shadow) & sql:
                raise self._already(other)

    def refuse_remembered(self, key: RequestKey, record: Record) -> None:
        """Checks the summaries, for requests that the state has forgotten or that were lost with a state.

        Raises `NotYet` or `ThreadUnclear` if another request may credit the SQL, but nobody can tell (yet).
        """
        if record.overridden_by or not record.result:
            return
        now, summaries = self._context.now(), self._context.ports.summaries
        others = dict.fromkeys(
            other for sql in recognised_by(record.result.sql) for other in summaries.credited_by(sql)
        )
        others.pop(key, None)
        for other in others:
            outcome = outcome_of(summaries.load(other) or {})
            if outcome is None or outcome.at < now - self._context.rules.duplicates:
                continue
            if is_credited(outcome, in_shadow=self._context.in_shadow(key, record)):
                raise self._already(other)
            if outcome.status in ("computed", "held", "shadowed"):
                self._refuse_if_answered(other, now)

    def _refuse_if_answered(self, other: RequestKey, now: datetime) -> None:
        """Reads the thread of a request last known as computed: only that shows whether a lost state had posted it."""
        if self._context.ledger.state.pauses(other, now):
            raise NotYet(
                f"The request {self._context.workspace.address(other)} may already credit the same SQL.",
                "The bot will check again.",
            )
        try:
            shown = self._look(other)
        except Refused as error:
            raise self._unclear(other, str(error)) from error
        if shown.ours or shown.elsewhere:
            raise self._already(other)
        if shown.forged or shown.unclear or any(words.reading is Reading.DOUBT for words in shown.words):
            raise self._unclear(other, "Its thread does not show whether it was answered.")

    def _unclear(self, other: RequestKey, why: str) -> ThreadUnclear:
        return ThreadUnclear(
            f"The request {self._context.workspace.address(other)} may already credit the same SQL. {why}",
            "Look at both threads. Then credit by hand, or run `creditbot retry --again` with the address of this "
            "request.",
        )

    def _already(self, other: RequestKey) -> AlreadyCredited:
        return AlreadyCredited(
            f"The request {self._context.workspace.address(other)} already credits the same SQL.",
            "To credit it a second time, run `creditbot retry --again` with the address of this request.",
        )


def _credited_sql(record: Record, oldest: datetime, *, in_shadow: bool) -> set[str]:
    """Hashes of the SQL that this request credits, whether we or a person answered it."""
    if not is_credited(record, in_shadow=in_shadow) or record.at < oldest or not record.result:
        return set()
    return set(record.result.sql)
