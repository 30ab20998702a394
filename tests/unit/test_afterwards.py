"""When a tick is followed by a new report."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from creditbot.model import RequestKey
from creditbot.state.codec import State
from creditbot.state.record import Meta, Record
from creditbot.tick.afterwards import is_report_due

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
