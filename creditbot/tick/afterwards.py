"""Whether a tick is followed by a new report, and by the weekly digest. Pure, and cheap enough for every idle tick.

The state comes in, and the answer goes to `creditbot.commands.run_once`, which then has them made from durable records.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from creditbot.state.codec import State

REPORT_AGE = timedelta(hours=1)
"""No tick makes a report before the last one is this old."""
DIGEST_HOUR = 7
"""The weekly digest is sent on Mondays from this hour on, UTC."""
DIGEST_NOTICE = "weekly."
"""Prefix of the names of the notices with weekly digests; a name ends with the Monday of the week that it is about."""


def is_report_due(state: State, now: datetime) -> bool:
    """Whether a request has ended since the last report, and that is an hour old."""
    last = state.meta.reported
    if last and now - last < REPORT_AGE:
        return False
    return any(record.terminal and (last is None or record.at > last) for record in state.records.values())


def digest_due(state: State, now: datetime) -> date | None:
    """The Monday of the week that a digest has to be sent about now; None if the last one is sent."""
    moment = now.astimezone(UTC) - timedelta(hours=DIGEST_HOUR)
    week = moment.date() - timedelta(days=moment.weekday() + 7)
    return None if state.meta.digest_sent and state.meta.digest_sent >= week else week
