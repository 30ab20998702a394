"""What `creditbot run-once` prints, and what stops it before it begins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from creditbot.commands.run_once import ConsoleProgress, check_notebooks_exist, outcome_words, tick_lines
from creditbot.credit.products import default_products
from creditbot.errors import SettingsError
from creditbot.model import RequestKey
from creditbot.state.record import Meta, Record, Result, Status
from creditbot.tick.agenda import Job
from creditbot.tick.report import TickReport

NOW = datetime(2026, 1, 9, 12, 0, tzinfo=UTC)
KEY = RequestKey("T0", "C0", "1767960000.000100")
LINK = "https://acme.slack.com/archives/C0/p1767960000000100"
JOB = Job(KEY, None, None)
ANSWERED = Record("answered", "nonce", NOW, result=Result(Decimal("4948.80")))


def record(status: Status, reason: str = "") -> Record:
    return Record(status, "nonce", NOW, reason=reason)


def lines(report: TickReport, meta: Meta | None = None, now: datetime = NOW) -> list[str]:
    """What a tick prints about itself when it ends."""
    return list(tick_lines(report, meta or Meta(), now))


@pytest.mark.parametrize(
    ("after", "words"),
    [(ANSWERED, "answered $4,948.80"), (record("given_up"), "given up"), (None, "left for later")],
    ids=["answered", "given up", "another process has it"],
)
def test_an_outcome_is_a_few_words(after: Record | None, words: str) -> None:
    """An answer has its amount."""
    assert words == outcome_words(after)


def progress_lines(after: Record) -> list[str]:
    """What the terminal shows when a request has got so far."""
    said: list[str] = []
    ConsoleProgress(said.append).ended(LINK, after)
    return said[0].split("\n")


def test_progress_says_when_a_request_is_started() -> None:
    said: list[str] = []
    ConsoleProgress(said.append).started(LINK)
    assert [f"      started             {LINK}"] == said


def test_progress_gives_the_reason_below_the_outcome() -> None:
    expected = [f"      given up            {LINK}", f"{' ' * 26}Looker has no Look 7."]
    assert expected == progress_lines(record("given_up", reason="Looker has no Look 7."))


def test_progress_gives_no_reason_if_somebody_else_answered() -> None:
    """The words say it already."""
    expected = [f"      answered by others  {LINK}"]
    assert expected == progress_lines(record("elsewhere", reason="Answered in the thread."))


def test_a_long_amount_keeps_its_distance_from_the_address() -> None:
    large = Record("answered", "nonce", NOW, result=Result(Decimal("8679998.40")))
    assert [f"      answered $8,679,998.40 {LINK}"] == progress_lines(large)


def test_a_tick_counts_what_it_worked_on_and_what_waits() -> None:
    report = TickReport(read=3, done=[(JOB, ANSWERED)], waiting=2)
    assert ["1 request worked on, 2 waiting."] == lines(report)


def test_a_request_that_will_be_tried_again_waits() -> None:
    report = TickReport(read=3, done=[(JOB, record("failed"))], waiting=2)
    assert ["1 request worked on, 3 waiting."] == lines(report)


def test_a_request_that_was_left_is_counted_apart() -> None:
    """After a stop, or because another process was first."""
    report = TickReport(done=[(JOB, ANSWERED), (JOB, None)])
    assert ["1 request worked on, 0 waiting, 1 left for later."] == lines(report)


def test_a_tick_in_which_all_requests_wait_says_where_to_look() -> None:
    expected = ["Nothing to do now; 1 request waiting (`creditbot history` lists them)."]
    assert expected == lines(TickReport(waiting=1))


def test_an_idle_tick_says_how_much_it_read() -> None:
    assert ["Nothing new: 1 message read, every request in them is done."] == lines(TickReport(read=1))
    held = "Nothing new: 1 message read, 2 requests held for approval (`creditbot holds` lists them)."
    assert [held] == lines(TickReport(read=1, held=2))


HOLD = Meta(pause_before=NOW, pause_until=NOW + timedelta(minutes=15))


def test_a_tick_says_until_when_requests_are_held_back_and_why() -> None:
    expected = (
        "Requests from before 2026-01-09 12:00:00 UTC wait until 2026-01-09 12:15:00 UTC: "
        "the state was lost or damaged, and a reply may not be visible yet."
    )
    assert expected == lines(TickReport(waiting=1), HOLD)[1]


@pytest.mark.parametrize(("waiting", "minutes"), [(0, 0), (1, 15)], ids=["nothing waits", "it is over"])
def test_a_hold_that_holds_nothing_is_not_mentioned(waiting: int, minutes: int) -> None:
    assert 1 == len(lines(TickReport(waiting=waiting), HOLD, NOW + timedelta(minutes=minutes)))


def test_what_nobody_was_told_is_printed_as_an_error() -> None:
    report = TickReport(errors=["The state is gone."], untold=["I could not answer X: Slack is down."])
    assert [
        "error: The state is gone.",
        "error: the owner could not be told: I could not answer X: Slack is down.",
    ] == lines(report)[1:]


def test_a_notebook_that_does_not_exist_stops_the_tick() -> None:
    """The file, its product and the settings to look at are named."""
    assembly: Any = SimpleNamespace(products=default_products("nowhere.ipynb", None))
    with pytest.raises(SettingsError) as caught:
        check_notebooks_exist(assembly)
    assert "The notebook nowhere.ipynb of the product verify does not exist, or cannot be read." == caught.value.what
    assert "Correct NOTEBOOK_PATH, PSMS_NOTEBOOK_PATH or PRODUCTS_FILE." == caught.value.todo
