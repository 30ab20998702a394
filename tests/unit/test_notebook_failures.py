"""The sentence for what ended a run, and whose failure it was."""

from __future__ import annotations

import pytest

from creditbot.errors import CreditbotError, NotebookFailed, Refused, Unreachable
from creditbot.notebook_host import failures


@pytest.mark.parametrize(
    ("name", "message", "kind"),
    [
        ("KeyError", "'price_usd'", NotebookFailed),
        ("ValueError", "connection refused", NotebookFailed),
        ("ConnectionError", "The warehouse does not open", Unreachable),
        ("ConnectionError", 'The warehouse does not open: FATAL: password authentication failed for user "b"', Refused),
        ("ConnectionError", "The warehouse does not open: error 401: b'Unauthorized'", Refused),
        ("IOException", "IO Error: Cannot open database", Unreachable),
        (
            "OperationalError",
            '(psycopg2.OperationalError) connection to server at "w" failed: Connection refused',
            Unreachable,
        ),
        ("OperationalError", "could not translate host name", Unreachable),
        ("DatabaseError", "250001: Failed to connect to DB", Unreachable),
        ("OperationalError", "no such table: traffic", NotebookFailed),
        ("OperationalError", 'FATAL: password authentication failed for user "bot"', Refused),
        ("DatabaseError", "Incorrect username or password was specified", Refused),
        ("ProgrammingError", "access denied for user", NotebookFailed),
    ],
)
def test_an_error_in_a_cell_is_the_notebooks_or_the_warehouses(
    name: str, message: str, kind: type[CreditbotError]
) -> None:
    """It is the warehouse's only if its class, or its message from a database driver, says so."""
    assert kind is type(failures.cell_error("n.ipynb", 4, name, message))


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (
            failures.cell_error("n.ipynb", 2, "KeyError", "'x'"),
            "The notebook n.ipynb failed in cell 2 with KeyError: 'x'.",
        ),
        (
            failures.cell_error("n.ipynb", 2, "StopIteration", ""),
            "The notebook n.ipynb failed in cell 2 with StopIteration.",
        ),
        (
            failures.cell_error("n.ipynb", 2, "ReadTimeout", "10 s"),
            "The warehouse could not be reached from cell 2 of n.ipynb: ReadTimeout: 10 s.",
        ),
        (
            failures.cell_error("n.ipynb", 2, "DatabaseError", "login failed"),
            "The warehouse refused the login from cell 2 of n.ipynb: DatabaseError: login failed.",
        ),
        (
            failures.out_of_time("n.ipynb", 3, 600.0),
            "The notebook n.ipynb ran longer than 600 s and was stopped in cell 3.",
        ),
        (
            failures.out_of_time("n.ipynb", None, 0.5),
            "The notebook n.ipynb ran longer than 0.5 s and was stopped before its first cell.",
        ),
        (failures.kernel_died("n.ipynb", 3, -9), "The kernel of n.ipynb was killed by SIGKILL in cell 3."),
        (failures.kernel_died("n.ipynb", 3, -99), "The kernel of n.ipynb was killed by signal 99 in cell 3."),
        (failures.kernel_died("n.ipynb", 1, 3), "The kernel of n.ipynb ended with exit status 3 in cell 1."),
        (failures.kernel_died("n.ipynb", None, None), "The kernel of n.ipynb ended before its first cell."),
        (
            failures.too_much_output("n.ipynb", 1, 2 * 2**20),
            "The notebook n.ipynb wrote more than 2 MiB of output and was stopped in cell 1.",
        ),
    ],
    ids=lambda value: "" if isinstance(value, CreditbotError) else value[:40],
)
def test_a_failure_says_what_happened_and_where(failure: CreditbotError, sentence: str) -> None:
    assert sentence == failure.what


def test_a_kernel_that_was_killed_may_have_run_out_of_memory() -> None:
    assert "memory" in failures.kernel_died("n.ipynb", 3, -9).todo


def test_a_run_that_ended_early_may_be_tried_again() -> None:
    assert failures.out_of_time("n", 1, 1).retry
    assert failures.kernel_died("n", 1, 1).retry


def test_a_notebook_that_writes_without_end_is_not_tried_again() -> None:
    """It would do so again."""
    assert not failures.too_much_output("n", 1, 1).retry


@pytest.mark.parametrize(
    ("message", "todo"),
    [
        (
            "No module named 'credit_report'",
            "Copy the folder credit_report to the notebook's folder: it belongs beside a copy of a bundled notebook.",
        ),
        ("No module named 'rates.usd'", "Put rates into the notebook's folder, or install its package where creditbot"),
        ("nobody knows", "Correct the notebook or the request."),
    ],
)
def test_a_module_that_is_missing_belongs_beside_the_notebook(message: str, todo: str) -> None:
    failure = failures.cell_error("n.ipynb", 2, "ModuleNotFoundError", message)
    assert failure.what == f"The notebook n.ipynb failed in cell 2 with ModuleNotFoundError: {message}."
    assert failure.todo.startswith(todo)


def test_the_text_of_an_error_is_made_safe_to_show() -> None:
    """It is one short line without passwords."""
    failure = failures.cell_error("n.ipynb", 2, "ValueError", "trino://bot:s3cret@w/db\n" + "x" * 400)
    shown = f"ValueError: trino://***@w/db {'x' * 270}…"
    assert f"The notebook n.ipynb failed in cell 2 with {shown}." == failure.what
    assert 300 == len(shown)
