"""Whether a tick is followed by a new report. Pure, and cheap enough for every idle tick.

The state comes in, and the answer goes to `creditbot.commands.run_once`, which then has it made from durable records.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from creditbot.state.codec import State

REPORT_AGE = timedelta(hours=1)
"""No tick makes a report before the last one is this old."""


def is_report_due(state: State, now: datetime) -> bool:
    """Whether a request has ended since the last report, and that is an hour old."""
    last = state.meta.reported
    if last and now - last < REPORT_AGE:
        return False
    return any(record.terminal and (last is None or record.at > last) for record in state.records.values())
