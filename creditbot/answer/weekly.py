"""Posts the weekly digest, once: to the owner, or to the channel that DIGEST names.

    an older week ──> sending      claimed by compare-and-swap, before it is sent
    sending ──> sent               Slack took it, or shows it after the settle time
    sending ──> refused            Slack definitely did not take it; it is tried again an hour later
    sending, refused ──> sending   the conversation does not show it

It is looked for before each send, because its name survives a lost state. Where the bot may not read the conversation,
a digest that may have been posted is not posted again: none is better than two. One that cannot be posted within a day
is left out.

The text comes in from `creditbot.insight`, which cannot post; the digest goes to a `Teller`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from creditbot.answer.context import TickContext
from creditbot.answer.owner import SEND_WITHIN
from creditbot.errors import PostRefused, PostUnknown, StateConflict
from creditbot.model import Marker
from creditbot.ports import Teller
from creditbot.state.codec import State
from creditbot.state.record import new_nonce
from creditbot.state.weekly import Weekly

HOUR = time(7, tzinfo=UTC)
"""When the digest is due on Mondays."""
LATEST = timedelta(days=1)
"""How long after that it is still posted."""
AGAIN = timedelta(hours=1)
"""How long after a refusal it is tried again."""
_WEEK = timedelta(days=7)


def week_due(state: State, now: datetime, settle: timedelta) -> date | None:
    """The Monday of the week that a digest has to be posted, or looked for, about now; None for none.

    Pure, and cheap enough for every idle tick. `settle` is POST_SETTLE_SECONDS.
    """
    today = now.astimezone(UTC).date()
    monday = today - timedelta(days=today.weekday())
    begins, last, week = datetime.combine(monday, HOUR), state.weekly, monday - _WEEK
    if not begins <= now < begins + LATEST or state.meta.shadow:
        return None
    if last is None or last.week < week:
        return week
    waits = {"sending": settle, "refused": AGAIN}.get(last.status)
    return week if last.week == week and waits is not None and now - last.at >= waits else None


def digest_name(week: date) -> str:
    """The key in the marker of the digest about a week."""
    return f"weekly.{week}"


class WeeklyDigest:
    """Posts the digest of a week.

    Args:
        context: of the tick that it follows.
        teller: where it goes.
    """

    def __init__(self, context: TickContext, teller: Teller) -> None:
        self._context = context
        self._ledger = context.ledger
        self._teller = teller

    def post(self, text: Callable[[date], str]) -> None:
        """Posts it if it is due; `text` makes it, given the Monday of its week.

        Raises what Slack, the state and `text` raise; it is then tried again by a later tick. If another process posts
        it, nothing happens.
        """
        state, now = self._ledger.state, self._context.now()
        week = week_due(state, now, self._context.rules.settle)
        if week is None or self._context.stopping or self._context.rules.shadow:
            return
        with suppress(StateConflict):
            base = state.weekly
            if self._is_there(base, week):
                self._ledger.swap_weekly(base, Weekly(week, "sent", new_nonce(), now))
            else:
                self._send(base, week, text(week))

    def _is_there(self, base: Weekly | None, week: date) -> bool:
        """Whether the conversation shows it, or nobody can tell and it may have been posted."""
        began = datetime.combine(week + _WEEK, time(tzinfo=UTC))
        found = self._teller.was_told(Marker("notice", digest_name(week)), began)
        return (base is not None and base.week == week) if found is None else found

    def _send(self, base: Weekly | None, week: date, text: str) -> None:
        sending = Weekly(week, "sending", new_nonce(), self._context.now())
        self._ledger.swap_weekly(base, sending)
        if self._context.now() - sending.at > SEND_WITHIN:
            raise PostUnknown("The state store answers too slowly to send a message safely.")
        marker = Marker("notice", digest_name(week), sending.nonce, self._context.deployment)
        try:
            self._teller.tell(text, marker)
        except PostRefused:
            self._move(sending, "refused")
            raise
        self._move(sending, "sent")

    def _move(self, sending: Weekly, status: Literal["sent", "refused"]) -> None:
        self._ledger.swap_weekly(sending, Weekly(sending.week, status, new_nonce(), self._context.now()))
