"""What the host sends to the bot, and what the bot makes of it."""

from __future__ import annotations

import json
from concurrent.futures import Future
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from creditbot.errors import CreditbotError, NotebookFailed, NotebookStopped, Refused, Unreachable
from creditbot.model import Cell, CreditDays, NotebookRun
from creditbot.notebook_host.__main__ import _outcome
from creditbot.notebook_host.wire import Reply, days_in, days_on_the_wire, reply_of, run_in

if TYPE_CHECKING:  # it imports papermill
    from creditbot.notebook_host.executor import NotebookExecutor


def over_the_wire(outcome: NotebookRun | CreditbotError) -> Reply:
    """The reply as the bot reads it from the host's line."""
    reply: Reply = json.loads(json.dumps(reply_of(1, outcome)), parse_float=Decimal)
    return reply


def test_a_run_arrives_as_it_was_sent() -> None:
    cells = (Cell(1, "markdown", "# Title"), Cell(2, "code", "1 + 1", executed=True, outputs=(("text/plain", "2"),)))
    run = NotebookRun({"rows": [{"mode": "basic"}]}, cells, "/n.ipynb", "abc", {"python": "3.11"}, seconds=0.25)
    assert run == run_in(over_the_wire(run))


def test_fractions_in_scraps_arrive_as_decimal() -> None:
    run = NotebookRun({"credit": 4948.8}, (), "/n.ipynb", "abc")
    assert {"credit": Decimal("4948.8")} == run_in(over_the_wire(run)).scraps


@pytest.mark.parametrize(
    "failure",
    [
        NotebookFailed("The notebook failed.", "Correct it."),
        NotebookStopped("The kernel ended."),
        Unreachable("the warehouse", "The warehouse is down."),
        Refused("the warehouse", "The warehouse refused the login.", "Check the password."),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_a_failure_is_raised_in_the_bot_as_in_the_host(failure: CreditbotError) -> None:
    with pytest.raises(type(failure)) as raised:
        run_in(over_the_wire(failure))
    assert vars(failure) == vars(raised.value)


def test_a_failure_brings_what_the_notebook_left() -> None:
    failure = NotebookFailed("The notebook failed.", "Correct it.")
    failure.run = NotebookRun({}, (Cell(1, "code", "1/0", True, (("error", "x"),)),), "/n.ipynb", "abc", seconds=0.5)
    with pytest.raises(NotebookFailed) as raised:
        run_in(over_the_wire(failure))
    assert failure.run == raised.value.run


def outcome(error: Exception) -> NotebookRun | CreditbotError:
    """What the host sends when a run ends in this error."""
    executor: Future[NotebookExecutor] = Future()
    executor.set_exception(error)
    return _outcome(executor, {"id": 1, "notebook": "v.ipynb", "sql": "SELECT 1", "days": None})


def test_an_error_for_people_is_sent_as_it_is() -> None:
    refused = Refused("the warehouse", "The warehouse refused the login.", "Check the password.")
    assert refused is outcome(refused)


def test_an_os_error_is_the_machines_failure() -> None:
    failure = outcome(OSError(28, "No space left on device"))
    assert isinstance(failure, Unreachable)
    assert "The notebook v.ipynb could not be run on this machine: [Errno 28] No space left on device." == failure.what


def test_any_other_error_is_the_notebooks_failure() -> None:
    failure = outcome(RuntimeError("odd"))
    assert isinstance(failure, NotebookFailed)
    assert "The notebook v.ipynb could not be run: RuntimeError: odd." == failure.what


@pytest.mark.parametrize(
    "days", [None, CreditDays(None, date(2026, 1, 1)), CreditDays(date(2025, 12, 1), None, has_history=True)]
)
def test_the_days_to_credit_arrive_as_they_were_sent(days: CreditDays | None) -> None:
    assert days == days_in(json.loads(json.dumps(days_on_the_wire(days))))
