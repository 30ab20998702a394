"""Reads the thread of a request, and ends the request if there is nothing left to post.

Threads come from the `Inbox`; an end goes to `finishing`. Our own replies that should not be there are edited, so that
nobody credits them, and the owner is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from creditbot.answer.context import TickContext
from creditbot.answer.finishing import Finisher
from creditbot.answer.other_deployments import tell_of_others
from creditbot.answer.owner import Notices
from creditbot.answer.owner_texts import deleted_text, differs_text, unanswered_text
from creditbot.errors import NotYet, PostRefused, ThreadUnclear
from creditbot.intake.answers import Reading, amounts_in, read_answer
from creditbot.intake.requests import is_ours
from creditbot.intake.thread import REPEATS, ThreadView, is_behind, view
from creditbot.model import RequestKey
from creditbot.slack_time import time_of
from creditbot.state.record import ANSWERED, UNANSWERED, Record, move


class ThreadCheck:
    """Reads threads and acts on what they show. Raises what reading and writing Slack raises."""

    def __init__(self, context: TickContext, finisher: Finisher, notices: Notices) -> None:
        self._context = context
        self._finisher = finisher
        self._notices = notices

    def look(self, key: RequestKey, thread: str = "", retried: datetime | None = None) -> ThreadView:
        """Reads the thread of a request as it is now.

        Pass `thread` if it is known. Otherwise a broadcast reply takes a second read, because a read by its own ts
        returns only the reply itself. `retried` as in `view`.
        """
        looked = self._context.now()
        messages = self._context.ports.inbox.thread(key.channel, thread or key.ts)
        own = next((message for message in messages if message.ts == key.ts), None)
        if own and own.thread != (thread or key.ts):
            messages = self._context.ports.inbox.thread(key.channel, own.thread)
        tell_of_others(messages, self._context, self._notices)
        shown = view(messages, key, self._context.workspace, self._context.rules.requests, retried)
        return replace(shown, looked=looked)

    def end_if_decided(self, key: RequestKey, record: Record, shown: ThreadView) -> Record | None:
        """Ends the request if its thread shows that there is nothing to post; None if a reply is wanted.

        Raises `ThreadUnclear` if the thread does not decide, and `NotYet` if it does not decide yet.
        """
        end = self._end_shown(key, record, shown)
        if end is None:
            return None
        doubled = bool(shown.repeats)  # stored with the end: a later tick edits them if this process dies first
        ended = self._finisher.finish(key, record, replace(end, doubled=doubled), request=shown.request)
        self.edit_surplus(key, record, shown.repeats, REPEATS)
        self.tell_if_amounts_differ(key, ended, shown)
        return ended

    def _end_shown(self, key: RequestKey, record: Record, shown: ThreadView) -> Record | None:
        now = self._context.now()
        if shown.ours:
            return answered(record, now, shown.ours[0], shown.replies)
        if shown.forged:
            raise ThreadUnclear(
                "A reply in the thread carries our marker, but somebody else posted it.",
                "Find out who posted it, and credit by hand.",
            )
        if shown.elsewhere:
            return answered_by_others(record, now, shown)
        if is_behind(shown.own, key, record.edited, shown.looked or now, self._context.rules.settle):
            raise NotYet("Slack does not show the latest version of the request yet.", "The next tick reads it again.")
        if shown.request is None:
            return move(record, "withdrawn", now, claim=None, reason="The message or its Looker links were deleted.")
        if shown.unclear:
            raise ThreadUnclear(shown.unclear, "Look at the thread and credit by hand.")
        return None

    def end_if_answered_by_hand(self, key: RequestKey, record: Record, shown: ThreadView) -> bool:
        """Ends a request that the bot has not answered as answered by others, if its thread shows an answer now."""
        if record.status not in UNANSWERED or not shown.elsewhere:
            return False
        end = answered_by_others(record, self._context.now(), shown)
        self.tell_if_amounts_differ(key, self._finisher.finish(key, record, end, request=shown.request), shown)
        return True

    def tell_if_unanswered(self, key: RequestKey, record: Record, shown: ThreadView) -> None:
        """Tells the owner that an answer by others is no longer in its thread, and that no other answer is there."""
        stands = shown.elsewhere or shown.ours or shown.forged
        if record.reply and shown.request and not stands:  # the thread of a deleted request shows nothing
            address = self._context.workspace.address(key, record.thread)
            self._notices.add(f"{key}.unanswered.{record.reply}", unanswered_text(address))

    def tell_if_amounts_differ(self, key: RequestKey, record: Record, shown: ThreadView) -> None:
        """Tells the owner about people's replies that name other amounts than the one computed, once about each."""
        if record.status not in ANSWERED or not record.result:
            return
        for remark in shown.remarks:
            amounts = amounts_in(remark.text)
            if amounts and record.result.amount not in amounts and not is_ours(remark, self._context.workspace):
                address = self._context.workspace.permalink(key.channel, remark.ts, record.thread or key.ts)
                text = differs_text(address, amounts, record.result.amount, posted=record.status == "answered")
                self._notices.add(f"{key}.differs.{remark.ts}", text)

    def tell_if_deleted(self, key: RequestKey, record: Record, shown: ThreadView) -> None:
        """Tells the owner that our reply is no longer in its thread. It is not posted again: somebody took it back."""
        settled = self._context.now() - record.at >= self._context.rules.settle
        if record.reply and shown.request and not shown.ours and settled:
            address = self._context.workspace.address(key, record.thread)
            self._notices.add(f"{key}.deleted.{record.reply}", deleted_text(address))

    def edit_surplus(self, key: RequestKey, record: Record, replies: Sequence[str], text: str) -> None:
        """Edits our replies (their ts) to say `text`, so that nobody credits them. Tells the owner once about each."""
        for ts in replies:
            address = self._context.workspace.permalink(key.channel, ts, record.thread or key.ts)
            self._notices.add(
                f"{key}.repeat.{ts}",
                f'I posted a reply by mistake. I am editing it to say "{text}" Please check that nobody acted on it: '
                f"{address}",
                since=time_of(ts),  # another deployment may have told it
            )
            try:
                self._context.ports.replier.amend(key.channel, ts, text)
            except PostRefused as error:
                if error.retry:
                    raise
                self._notices.add(f"{key}.stays.{ts}", f"I could not edit {address}: {error} Please delete it by hand.")


def facts_of_answer(shown: ThreadView) -> dict[str, Any]:
    """Who gave the answer that counts, and for how much, as fields of a record."""
    if shown.answer is None:
        return {"answer_by": "", "answer_amount": None}
    amounts = amounts_in(shown.answer.text)
    amount = next(iter(amounts)) if len(amounts) == 1 else None
    return {"answer_by": shown.answer.bot or shown.answer.user or "", "answer_amount": amount}  # a bot has a user, too


def facts_for_shadow(shown: ThreadView) -> dict[str, Any]:
    """What people answered to a shadowed request, as fields of a record: also that there is no credit."""
    if shown.answer is None:
        for remark in reversed(shown.remarks):
            if remark.bot is None and read_answer(remark.text) is Reading.REFUSAL:
                return {"reply": remark.ts, "answer_by": remark.user or "", "answer_amount": Decimal(0)}
    return {"reply": shown.elsewhere, **facts_of_answer(shown)}


def answered_by_others(record: Record, now: datetime, shown: ThreadView) -> Record:
    """The record of a request that a person or another bot has answered."""
    found: dict[str, Any] = {"reply": shown.elsewhere, "replies": shown.replies, **facts_of_answer(shown)}
    return move(record, "elsewhere", now, claim=None, reason="Answered in the thread.", **found)


def answered(record: Record, now: datetime, reply: str, replies: int) -> Record:
    """The record of a request whose reply is in the thread; `reply` is its ts, `replies` how many the thread has."""
    seconds = (now - record.began).total_seconds() if record.began else 0.0
    return move(record, "answered", now, reply=reply, replies=replies, claim=None, reason="", seconds=seconds)
