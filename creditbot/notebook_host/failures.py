"""Turns what ended a run into an error with a sentence for the owner, and decides whose failure it was.

What a cell raised comes from the executor as text: the error's class exists only in the kernel.
"""

from __future__ import annotations

import re
import signal

from creditbot.errors import WAREHOUSE, CreditbotError, NotebookFailed, NotebookStopped, Refused, Unreachable
from creditbot.text import one_line

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
_DUCKDB = {"ConnectionException", "IOException"}  # there is no such database, or another process has it locked

UNREACHABLE = frozenset(_PYTHON | _HTTP | _SERVICES | _DUCKDB)
"""Classes of errors that mean, whatever their message, that the warehouse could not be reached."""

AMBIGUOUS = frozenset({"DatabaseError", "InterfaceError", "OperationalError"})
"""Classes that database drivers raise for nearly everything (PEP 249): the message decides."""

BUNDLED = "credit_report"
"""What the bundled notebooks import from their folder."""

_NO_MODULE = re.compile(r"No module named '(\w+)")
_NO_CONNECTION = re.compile(
    r"connection (was )?(refused|reset|closed|aborted)|timed? ?out|timeout expired|unreachable|no route to host"
    r"|(could not|cannot|can't|unable to|failed to) (connect|establish|open|translate|resolve)"
    r"|name or service not known|server closed",
    re.IGNORECASE,
)
_NO_ACCESS = re.compile(
    r"(authentication|login|log in|sign-in) (has )?(failed|denied)|failed (authentication|login)"
    r"|incorrect (username|user name|password)|(invalid|wrong) (credentials|password)|access denied for user"
    r"|no pg_hba\.conf entry|not permitted to log in|\berror 40[13]\b",
    re.IGNORECASE,
)


def cell_error(notebook: str, cell: int, name: str, message: str) -> CreditbotError:
    """The error for what a cell raised: the notebook's failure, or that of the warehouse.

    Args:
        notebook: its file name.
        cell: number of the cell.
        name: class of the error, such as "KeyError".
        message: the text of the error.
    """
    error = one_line(f"{name}: {message}".rstrip(": "), 300).rstrip(".")
    if (name in AMBIGUOUS or name == ConnectionError.__name__) and is_about_login(message):
        what = f"The warehouse refused the login from cell {cell} of {notebook}: {error}."
        return Refused(WAREHOUSE, what, "Check the user and the password in WAREHOUSE_URL.")
    if name in UNREACHABLE or (name in AMBIGUOUS and _NO_CONNECTION.search(message)):
        what = f"The warehouse could not be reached from cell {cell} of {notebook}: {error}."
        return Unreachable(WAREHOUSE, what, "The bot will try again. Check WAREHOUSE_URL if this keeps happening.")
    what = f"The notebook {notebook} failed in cell {cell} with {error}."
    if name == "ModuleNotFoundError" and (missing := _NO_MODULE.search(message)):
        return NotebookFailed(what, put_beside(missing[1]))
    return NotebookFailed(what, "Correct the notebook or the request.")


def is_about_login(message: str) -> bool:
    """Whether a database driver says that the user or the password is wrong, or that the user may not log in."""
    return _NO_ACCESS.search(message) is not None


def put_beside(module: str) -> str:
    """What to do about a module that a notebook imports and that is not there."""
    if module == BUNDLED:
        return f"Copy the folder {BUNDLED} to the notebook's folder: it belongs beside a copy of a bundled notebook."
    return f"Put {module} into the notebook's folder, or install its package where creditbot runs."


def parameter_changed(notebook: str, cell: int | None) -> Refused:
    """The error for a run in which `looker` was not the SQL of the request."""
    what = f"The notebook {notebook} set looker to something other than the SQL of the request{_where(cell)}."
    return Refused(f"the notebook {notebook}", what, "Use another name for that value, so that looker stays the SQL.")


def out_of_time(notebook: str, cell: int | None, seconds: float) -> NotebookStopped:
    """The error for a run that reached the time limit, given in seconds."""
    what = f"The notebook {notebook} ran longer than {seconds:g} s and was stopped{_where(cell)}."
    return NotebookStopped(what, "Raise NOTEBOOK_TIMEOUT if it needs more time.")


def out_of_memory(notebook: str, cell: int | None) -> NotebookStopped:
    """The error for a run that was ended because the container's memory was nearly full."""
    what = f"The notebook {notebook} needed more memory than there is and was stopped{_where(cell)}."
    return NotebookStopped(what, "Raise the memory limit, or lower WORKERS.")


def kernel_died(notebook: str, cell: int | None, status: int | None) -> NotebookStopped:
    """The error for a kernel whose process ended by itself; `status` as in `ForkedProcess`."""
    if status is None:
        ending = "ended"
    elif status < 0:
        ending = f"was killed by {_signal_name(-status)}"
    else:
        ending = f"ended with exit status {status}"
    todo = "Run it in Jupyter to find out why."
    if status == -signal.SIGKILL:
        todo = "If it ran out of memory, raise the memory limit or lower WORKERS."
    return NotebookStopped(f"The kernel of {notebook} {ending}{_where(cell)}.", todo)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def too_much_output(notebook: str, cell: int | None, limit: int) -> NotebookFailed:
    """The error for a run that wrote more than `limit` characters of output."""
    what = f"The notebook {notebook} wrote more than {limit // 2**20} MiB of output and was stopped{_where(cell)}."
    return NotebookFailed(what, "Make the notebook print less.")


def _where(cell: int | None) -> str:
    return f" in cell {cell}" if cell else " before its first cell"
