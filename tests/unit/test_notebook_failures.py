"""Why a notebook gave no result, in words."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.errors import CreditbotError, NotebookFailed, NotebookStopped, Refused, Unreachable
from creditbot.notebook_host import failures


@pytest.mark.parametrize(
    ("name", "message", "kind"),
    [
        ("KeyError", "'price_usd'", NotebookFailed),
        ("ValueError", "connection refused", NotebookFailed),
        ("ConnectionError", "The warehouse does not open", Unreachable),
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
def test_an_error_of_a_cell_has_its_kind(name: str, message: str, kind: type[CreditbotError]) -> None:
    """Only an error whose name, or whose driver's message, says so is the warehouse's."""
    failure = failures.raised("n.ipynb", 4, name, message)
    assert kind is type(failure)
    assert "cell 4" in failure.what
    assert "n.ipynb" in failure.what
    assert failure.what.endswith(".")


def test_the_sentences() -> None:
    """Each names the notebook and says what happened."""
    assert (
        "The notebook n.ipynb failed in cell 2 with KeyError: 'x'."
        == failures.raised("n.ipynb", 2, "KeyError", "'x'").what
    )
    assert (
        "The notebook n.ipynb failed in cell 2 with StopIteration."
        == failures.raised("n.ipynb", 2, "StopIteration", "").what
    )
    assert (
        "The notebook n.ipynb ran longer than 600 s and was stopped in cell 3."
        == failures.out_of_time("n.ipynb", 3, 600.0).what
    )
    assert (
        "The notebook n.ipynb ran longer than 0.5 s and was stopped before its first cell."
        == failures.out_of_time("n.ipynb", None, 0.5).what
    )
    assert "The kernel of n.ipynb ended by SIGKILL in cell 3." == failures.kernel_died("n.ipynb", 3, -9).what
    assert "memory" in failures.kernel_died("n.ipynb", 3, -9).todo
    assert "The kernel of n.ipynb ended by signal 99 in cell 3." == failures.kernel_died("n.ipynb", 3, -99).what
    assert "The kernel of n.ipynb ended with exit status 3 in cell 1." == failures.kernel_died("n.ipynb", 1, 3).what
    assert "The kernel of n.ipynb ended before its first cell." == failures.kernel_died("n.ipynb", None, None).what
    assert (
        "The notebook n.ipynb wrote more than 2 MiB of output and was stopped in cell 1."
        == failures.too_much_output("n.ipynb", 1, 2 * 2**20).what
    )


def test_only_what_another_try_may_not_meet_is_tried_again() -> None:
    """A notebook that raises, or writes without end, does so again."""
    assert NotebookStopped is type(failures.out_of_time("n", 1, 1))
    assert NotebookStopped is type(failures.kernel_died("n", 1, 1))
    assert not failures.too_much_output("n", 1, 1).retry


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("trino://bot:s3cret@w.example/db", "trino://***@w.example/db"),
        ("trino://bot:p@ss:w@w.example/db", "trino://***@w.example/db"),
        ("https://w.example/?user=a&password=s3cret&x=1", "https://w.example/?user=a&password=***&x=1"),
        ("Driver={X};PWD=s3cret;UID=a", "Driver={X};PWD=***;UID=a"),
        ("https://w.example/a:b@c", "https://w.example/a:b@c"),
        ("two\n  lines\x1b[31m!", "two lines!"),
    ],
)
def test_what_a_notebook_says_is_shown_safely(text: str, shown: str) -> None:
    """One line, no password of a URL, no control characters."""
    assert shown == failures.line(text)


@given(st.text(), st.from_regex(re.compile(r"[a-z0-9]{8,20}"), fullmatch=True))
def test_no_password_survives(text: str, password: str) -> None:
    """Whatever stands around a URL, its password is not shown, and the line is short."""
    shown = failures.line(
        f"{text.replace(password, '')} snowflake://bot:{password}@account/db {text.replace(password, '')}"
    )
    assert password not in shown
    assert len(shown) <= 300
    assert shown.isprintable() or not re.search(r"[\x00-\x1f\x7f]", shown)
