"""Why a notebook gave no result, in a sentence."""

from __future__ import annotations

import re
import signal
from contextlib import suppress

from creditbot.errors import WAREHOUSE, CreditbotError, NotebookFailed, NotebookStopped, Refused, Unreachable
from creditbot.notebook_host.outputs import plain

_PYTHON = {
    "ConnectionAbortedError",
    "ConnectionError",
    "ConnectionRefusedError",
    "ConnectionResetError",
    "TimeoutError",
    "gaierror",
}
_HTTP = {"ConnectTimeout", "ConnectTimeoutError", "MaxRetryError", "NewConnectionError", "ReadTimeout"}
_SERVICES = {"ServiceUnavailable", "TrinoConnectionError"}
_DUCKDB = {"ConnectionException", "IOException"}  # no such database, or a writer has it locked

UNREACHABLE = frozenset(_PYTHON | _HTTP | _SERVICES | _DUCKDB)
"""Names of errors that say that the warehouse was not reached, whatever their message."""

AMBIGUOUS = frozenset({"DatabaseError", "InterfaceError", "OperationalError"})
"""Names that database drivers give to nearly everything (PEP 249): their message decides."""

_NO_CONNECTION = re.compile(
    r"connection (was )?(refused|reset|closed|aborted)|timed? ?out|timeout expired|unreachable|no route to host"
    r"|(could not|cannot|can't|unable to|failed to) (connect|establish|open|translate|resolve)"
    r"|name or service not known|server closed",
    re.IGNORECASE,
)
_NO_ACCESS = re.compile(
    r"(authentication|login|log in|sign-in) (has )?(failed|denied)|failed (authentication|login)"
    r"|incorrect (username|user name|password)|(invalid|wrong) (credentials|password)|access denied for user",
    re.IGNORECASE,
)
_PASSWORD = re.compile(
    r"(?<=://)[^/\s@]*:[^/\s]*(?=@)"  # user:password@, the password with an @ of its own too
    r"|\b((?:password|pwd|token|secret|private_key)[^=&;\s]*=\s*['\"]?)[^&;\s'\"]+",
    re.IGNORECASE,
)


def line(text: str, limit: int = 300) -> str:
    """A text of a notebook's as one line that can be shown: short, no control characters, no password of a URL."""
    text = " ".join(plain(_PASSWORD.sub(lambda found: f"{found[1] or ''}***", text)).split())
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def raised(notebook: str, cell: int, name: str, message: str) -> CreditbotError:
    """The failure behind an error that a cell raised.

    Args:
        notebook: its file name.
        cell: number of the cell.
        name: class of the error, such as "KeyError".
        message: what it said.
    """
    said = line(f"{name}: {message}".rstrip(": ")).rstrip(".")
    if name in AMBIGUOUS and _NO_ACCESS.search(message):
        what = f"The warehouse refused us in cell {cell} of {notebook}: {said}."
        return Refused(WAREHOUSE, what, "Check the user and the password in WAREHOUSE_URL.")
    if name in UNREACHABLE or (name in AMBIGUOUS and _NO_CONNECTION.search(message)):
        what = f"The warehouse could not be reached from cell {cell} of {notebook}: {said}."
        return Unreachable(WAREHOUSE, what, "It is tried again; check WAREHOUSE_URL if this goes on.")
    what = f"The notebook {notebook} failed in cell {cell} with {said}."
    return NotebookFailed(what, "Correct the notebook, or the request.")


def out_of_time(notebook: str, cell: int | None, seconds: float) -> NotebookStopped:
    """The time limit ended it."""
    what = f"The notebook {notebook} ran longer than {seconds:g} s and was stopped{_where(cell)}."
    return NotebookStopped(what, "Raise NOTEBOOK_TIMEOUT if it needs that long.")


def kernel_died(notebook: str, cell: int | None, status: int | None) -> NotebookStopped:
    """Its process ended by itself; `status` as in `Kernel.status`."""
    reason = "" if status is None else f" with exit status {status}"
    if status is not None and status < 0:
        reason = f" by signal {-status}"
        with suppress(ValueError):
            reason = f" by {signal.Signals(-status).name}"
    todo = "It may have run out of memory: look at the limits." if status == -signal.SIGKILL else ""
    return NotebookStopped(f"The kernel of {notebook} ended{reason}{_where(cell)}.", todo)


def too_much_output(notebook: str, cell: int | None, limit: int) -> NotebookFailed:
    """It printed without end."""
    what = f"The notebook {notebook} wrote more than {limit // 2**20} MiB of output and was stopped{_where(cell)}."
    return NotebookFailed(what, "Print less.")


def _where(cell: int | None) -> str:
    return f" in cell {cell}" if cell else " before its first cell"
