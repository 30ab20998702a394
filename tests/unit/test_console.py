"""What commands print: pure functions over reports, records and summaries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, get_args

import pytest

from creditbot.commands.lookup import Found, Past
from creditbot.commands.output import (
    WORDS,
    ConsoleProgress,
    found_lines,
    history_lines,
    outcome_words,
    tick_lines,
)
from creditbot.model import RequestKey
from creditbot.state.record import Meta, Record, Result, Status
from creditbot.tick.agenda import Job
from creditbot.tick.report import TickReport

NOW = datetime(2026, 1, 9, 12, 0, tzinfo=UTC)
KEY = RequestKey("T0", "C0", "1767960000.000100")
LINK = "https://acme.slack.com/archives/C0/p1767960000000100"


def record(status: Status = "answered", **more: Any) -> Record:
    return Record(status, "nonce", NOW, **more)


def past(status: str, amount: str = "", seconds: float | None = None, reason: str = "") -> Past:
    return Past(KEY, LINK, status, Decimal(amount) if amount else None, seconds, reason)


def test_every_status_has_its_words() -> None:
    """None is forgotten, and all fit the column they stand in."""
    assert set(get_args(Status)) == set(WORDS)
    assert max(map(len, WORDS.values())) <= 18


def test_an_answer_is_told_with_its_amount() -> None:
    """The rest by a few words."""
    assert "answered $4,948.80" == outcome_words(record(result=Result(Decimal("4948.80"))))
    assert "given up" == outcome_words(record("dead"))
    assert "left for later" == outcome_words(None)


def test_progress_is_told_line_by_line() -> None:
    """With the reason below, where there is one that says more."""
    said: list[str] = []
    progress = ConsoleProgress(said.append)
    progress.started(LINK)
    progress.ended(LINK, record("dead", reason="Looker has no Look 7."))
    progress.ended(LINK, record("elsewhere", reason="Answered in the thread."))
    assert [f"      started             {LINK}", f"      given up            {LINK}"] == [
        s.split("\n")[0] for s in said[:2]
    ]
    assert f"{' ' * 26}Looker has no Look 7." == said[1].split("\n")[1]
    assert f"      answered by others  {LINK}" == said[2]
    progress.ended(LINK, record(result=Result(Decimal("8679998.40"))))
    assert f"      answered $8,679,998.40 {LINK}" == said[3]


def test_a_tick_ends_with_a_line() -> None:
    """Whether something was done, waits, or is new at all."""
    job = Job(KEY, None, None)
    done, waiting, idle = (
        TickReport(read=3, done=[(job, record())], waiting=2),
        TickReport(waiting=1),
        TickReport(read=1),
    )
    assert ["1 request worked on, 2 waiting."] == list(tick_lines(done, Meta(), NOW))
    put_off = TickReport(read=3, done=[(job, record("failed"))], waiting=2)
    assert ["1 request worked on, 3 waiting."] == list(tick_lines(put_off, Meta(), NOW))
    assert ["Nothing to do now; 1 request waiting (`creditbot history` lists them)."] == list(
        tick_lines(waiting, Meta(), NOW)
    )
    assert ["Nothing new: 1 message read, every request in them is done."] == list(tick_lines(idle, Meta(), NOW))


def test_what_was_left_is_told_apart() -> None:
    """After a stop, or where another process was first."""
    report = TickReport(done=[(Job(KEY, None, None), record()), (Job(KEY, None, None), None)])
    assert ["1 request worked on, 0 waiting, 1 left for later."] == list(tick_lines(report, Meta(), NOW))


def test_a_hold_is_explained() -> None:
    """Only while it lasts, and something waits."""
    meta = Meta(hold_since=NOW, hold_until=NOW + timedelta(minutes=15))
    lines = list(tick_lines(TickReport(waiting=1), meta, NOW))
    assert "Requests from before 2026-01-09 12:00:00 UTC wait until 2026-01-09 12:15:00 UTC" in lines[1]
    assert 1 == len(list(tick_lines(TickReport(), meta, NOW)))
    assert 1 == len(list(tick_lines(TickReport(waiting=1), meta, NOW + timedelta(minutes=15))))


def test_what_nobody_was_told_is_an_error() -> None:
    """Both kinds."""
    report = TickReport(errors=["The state is gone."], untold=["I could not answer X: Slack is down."])
    assert [
        "error: The state is gone.",
        "error: the owner could not be told: I could not answer X: Slack is down.",
    ] == list(tick_lines(report, Meta(), NOW))[1:]


def test_the_automation_rate_is_of_requests_that_wanted_an_answer() -> None:
    """Those skipped, withdrawn or under way are left out; the mean is of answers."""
    entries = [
        past("answered", "10.00", 4.0), past("answered", "20.00", 6.0), past("elsewhere"), past("dead", reason="No."),
        past("skipped"), past("withdrawn"), past("failed"),
    ]  # fmt: skip
    lines = list(history_lines(entries, 30))
    assert "Automation rate 50%: 2 of 4 requests, 5.0 seconds per request on average." == lines[-1]
    assert f"2026-01-09 12:00  {'given up':<18}  {'':>12}  {LINK}" in lines
    assert f"{' ' * 18}No." in lines


def test_a_history_of_nothing_says_so() -> None:
    """With the days."""
    assert ["No request was answered or given up in the last 7 days."] == list(history_lines([], 7))


def test_a_request_under_way_is_shown_with_its_next_try() -> None:
    """And why it is not answered yet."""
    found = Found(KEY, record("failed", attempts=1, due=NOW, reason="Looker is down."), None)
    assert [
        LINK,
        "status     tried again later, since 2026-01-09 12:00:00 UTC",
        "reason     Looker is down.",
        "next try   2026-01-09 12:00:00 UTC",
        "attempts   1",
    ] == list(found_lines(found, LINK))


def test_a_forgotten_request_is_shown_from_its_summary() -> None:
    """With the links, what was skipped among them, and who had it credited again."""
    summary = {
        "credit_amount": Decimal("12.50"),
        "outcome": {"status": "answered", "at": "2026-01-09T12:00:00.123Z", "attempts": 2, "again": "ann@laptop"},
        "links": [
            {"url": "https://acme.looker.com/looks/1", "product": "verify", "sql_sha256": "a" * 64,
             "notebook_sha256": "b" * 64, "credit": Decimal("12.50")},
            {"url": "https://acme.looker.com/looks/2", "sql_sha256": "c" * 64},
            {"url": "https://acme.looker.com/looks/3", "kind": "look"},
        ],
    }  # fmt: skip
    assert [
        LINK,
        "status     answered, since 2026-01-09 12:00:00 UTC",
        "credit     $12.50",
        "again by   ann@laptop",
        "attempts   2",
        "link       https://acme.looker.com/looks/1",
        "           verify, $12.50, SQL aaaaaaaaaaaa, notebook bbbbbbbbbbbb",
        "link       https://acme.looker.com/looks/2",
        "           skipped: it is of no product that is on, SQL cccccccccccc",
        "link       https://acme.looker.com/looks/3",
        "           its SQL was not kept",
    ] == list(found_lines(Found(KEY, None, summary), LINK))


@pytest.mark.parametrize("ignored", ["It is not a request: it is our own post."])
def test_a_message_that_is_no_request_is_shown_with_why(ignored: str) -> None:
    """And nothing else."""
    assert [LINK, ignored] == list(found_lines(Found(KEY, None, None, ignored), LINK))
