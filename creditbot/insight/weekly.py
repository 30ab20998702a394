"""Writes the weekly digest: five lines on a week against the week before, and a link to the report. Pure.

Figures come in, and a text for Slack comes out; `answer` posts it. Like the report, it is made from durable records
alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta

from creditbot.insight.causes import Cause, cause_of
from creditbot.insight.figures import Failed, Figures, figures
from creditbot.insight.past import PastRequest
from creditbot.insight.wording import count, duration, usd

WEEK = timedelta(days=7)
_MOST_CAUSES = 3
"""Causes of failures that are named."""
_DECIDED = ("approved", "denied", "expired", "waiting", "ended without a decision")


def week_of(monday: date) -> tuple[datetime, datetime]:
    """The first moment of a week and that of the next one, UTC."""
    start = datetime.combine(monday, time(tzinfo=UTC))
    return start, start + WEEK


def weekly_digest(requests: Sequence[PastRequest], start: datetime, end: datetime, report: str) -> str:
    """The digest of a week.

    Args:
        requests: those that were asked or answered in it or in the week before; others do no harm.
        start: UTC, its first moment.
        end: UTC, exclusive.
        report: where the report is.
    """
    now, before = figures(requests, start, end), figures(requests, start - WEEK, start)
    last = end - timedelta(microseconds=1)
    lines = [
        f"{start:%Y-%m-%d} to {last:%Y-%m-%d} (UTC): {_credited(now)}. Week before: {_credited(before)}.",
        f"Held for a person: {_held(now)}. Week before: {_held(before)}.",
        f"Refused or failed: {_failed(now)} Week before: {_number_failed(before)}.",
        f"Time to answer: {_answered(now)}. Week before: {_answered(before)}.",
        f"Traffic asked for again: {_again(now)}. Week before: {_again(before)}.",
        f"Report: {report}",
    ]
    return "\n".join(lines)


def _credited(week: Figures) -> str:
    return f"{usd(week.credited)} credited for {count(len(week.largest), 'request')}, {len(week.asked):,} asked"


def _held(week: Figures) -> str:
    """How many, and how they were decided."""
    if not week.held:
        return "none"
    decided = Counter(map(_decision, week.held))
    return f"{len(week.held):,} ({', '.join(f'{decided[how]:,} {how}' for how in _DECIDED if decided[how])})"


def _decision(request: PastRequest) -> str:
    if not request.terminal:
        return "waiting"
    if request.status == "denied":
        return "denied" if request.deciders else "expired"
    return "approved" if request.status == "answered" else "ended without a decision"


def _failed(week: Figures) -> str:
    """How many, for which causes, and what to do about each. Ends with a full stop."""
    if not week.failed:
        return "none."
    named = week.failed[:_MOST_CAUSES]
    parts = [_cause(cause_of(one.kind), len(one.requests)) for one in named]
    rest = _requests(week.failed[_MOST_CAUSES:])
    more = [f"Other reasons ({rest:,}): see the report."] if rest else []
    return f"{_number_failed(week)}. {' '.join([*parts, *more])}"


def _cause(cause: Cause, requests: int) -> str:
    """Such as `The SQL was refused (2). Look at the reasons.`."""
    return f"{cause.words[0].upper()}{cause.words[1:]} ({requests:,}). {cause.todo}"


def _number_failed(week: Figures) -> str:
    return f"{_requests(week.failed):,}" if week.failed else "none"


def _requests(failed: Iterable[Failed]) -> int:
    return sum(len(one.requests) for one in failed)


def _answered(week: Figures) -> str:
    measured = week.to_answer
    if not measured.count:
        return "nothing was answered without approvers"
    return f"median {duration(measured.median)}, 95 of 100 within {duration(measured.p95)}"


def _again(week: Figures) -> str:
    twice = week.twice
    found = count(twice.overlaps + twice.repeats, "request")
    return f"{found}, {usd(twice.not_paid)} not paid twice"
