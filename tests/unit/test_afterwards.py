"""When a tick is followed by a new report, and by a weekly digest."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from creditbot.model import RequestKey
from creditbot.state.codec import State
from creditbot.state.record import Meta, Record
from creditbot.tick.afterwards import digest_due, is_report_due

NOW = datetime(2026, 1, 8, 12, 0, tzinfo=UTC)
KEY = RequestKey("T0", "C0", "1767873600.000100")


def ended(ago: timedelta, reported: timedelta | None, status: str = "answered") -> State:
    """A request that ended so long ago, and a report that is so old."""
    record = Record(status, "n", NOW - ago)  # type: ignore[arg-type]
    return State(Meta(reported=None if reported is None else NOW - reported), {KEY: record})


@pytest.mark.parametrize(
    ("state", "is_due"),
    [
        (State(), False),
        (ended(timedelta(minutes=1), None), True),
        (ended(timedelta(minutes=1), None, "held"), False),
        (ended(timedelta(minutes=1), timedelta(minutes=59)), False),
        (ended(timedelta(minutes=1), timedelta(minutes=60)), True),
        (ended(timedelta(hours=9), timedelta(hours=8)), False),
    ],
    ids=["nothing ended", "no report yet", "not ended", "too early", "an hour later", "nothing new"],
)
def test_a_report_is_made_an_hour_after_the_last_if_a_request_ended(state: State, *, is_due: bool) -> None:
    """An idle tick pays for none; and the last end of a day is not left out until the next one."""
    assert is_due is is_report_due(state, NOW)


@pytest.mark.parametrize(
    ("now", "sent", "week"),
    [
        (datetime(2026, 1, 12, 7, 0, tzinfo=UTC), None, date(2026, 1, 5)),
        (datetime(2026, 1, 12, 6, 59, tzinfo=UTC), date(2025, 12, 29), None),
        (datetime(2026, 1, 12, 7, 0, tzinfo=UTC), date(2025, 12, 29), date(2026, 1, 5)),
        (datetime(2026, 1, 18, 23, 0, tzinfo=UTC), date(2026, 1, 5), None),
        (datetime(2026, 2, 11, 9, 0, tzinfo=UTC), date(2026, 1, 5), date(2026, 2, 2)),
    ],
    ids=["never sent", "Monday, too early", "Monday at seven", "sent already", "after an outage of weeks"],
)
def test_a_digest_is_due_once_a_week(now: datetime, sent: date | None, week: date | None) -> None:
    """It is about the week before, from Monday to Sunday; weeks that nobody was told of are not made up for."""
    assert week == digest_due(State(Meta(digest_sent=sent)), now)
