"""The wire between the bot and the host: one JSON object a line, in both directions.

    bot -> host   first    {"environment": {...}, "folder": PATH, "notebooks": [PATH, ...], "seconds": N,
                            "keep": "failed", "keep_dir": PATH or null, "values": {...}}                 `HostSettings`
    bot -> host   then     {"id": 1, "notebook": PATH, "sql": TEXT, "days": {...} or null}               `RunRequest`
                           or {"warm": true}, which has no reply                                        `WarmRequest`
    host -> bot   replies  {"id": 1, "run": {...}} or {"id": 1, "failure": {...}}                        `Reply`

Replies come in the order in which the runs end. The bot's end is adapters/notebooks/host_process.py, the host's end is
__main__.py. The host has ended when its stdout ends, and the bot when the host's stdin does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any, Literal, NotRequired, TypedDict

from creditbot import errors
from creditbot.errors import CreditbotError, ServiceError
from creditbot.model import Cell, CreditDays, NotebookRun


class RunnerSettings(TypedDict):
    """What the bot's settings say about runs.

    Attributes:
        notebooks: absolute paths of the notebooks to expect, the likeliest first.
        seconds: NOTEBOOK_TIMEOUT, the start of a kernel included.
        keep: KEEP_NOTEBOOKS.
        keep_dir: the folder for executed notebooks; None keeps none.
        values: absolute path of a notebook -> what to set in its policy cell, see `what_if`.
    """

    notebooks: list[str]
    seconds: float
    keep: Literal["none", "failed", "all"]
    keep_dir: str | None
    values: NotRequired[Mapping[str, Mapping[str, str]]]


class HostSettings(RunnerSettings):
    """The first line.

    Attributes:
        environment: what notebooks see as their environment.
        folder: an empty folder for files of the host's own; the host removes it.
    """

    environment: dict[str, str]
    folder: str


class DaysOnTheWire(TypedDict):
    """A `CreditDays`, its dates in ISO form."""

    start: str | None
    end: str | None
    has_history: bool


class WarmRequest(TypedDict):
    """A line to the host that asks for a kernel to wait for the next run."""

    warm: Literal[True]


class RunRequest(TypedDict):
    """Any other line to the host.

    Attributes:
        id: comes back in the reply.
        notebook: absolute path.
        sql: becomes the notebook's parameter `looker`.
        days: those to credit, for its parameters CREDIT_FROM and CREDIT_TO; null if nobody knows them.
    """

    id: int
    notebook: str
    sql: str
    days: DaysOnTheWire | None


class Reply(TypedDict, total=False):
    """A line from the host, with either a run or a failure; `run_in` reads it."""

    id: int
    run: dict[str, Any]
    failure: dict[str, Any]


def days_on_the_wire(days: CreditDays | None) -> DaysOnTheWire | None:
    """The days of a request as they are sent."""
    if days is None:
        return None
    start, end = (str(day) if day else None for day in (days.start, days.end))
    return {"start": start, "end": end, "has_history": days.has_history}


def days_in(sent: DaysOnTheWire | None) -> CreditDays | None:
    """The days in a request."""
    if sent is None:
        return None
    start, end = (date.fromisoformat(day) if day else None for day in (sent["start"], sent["end"]))
    return CreditDays(start, end, sent["has_history"])


def reply_of(number: int, outcome: NotebookRun | CreditbotError) -> Reply:
    """The reply to the request of this number."""
    if isinstance(outcome, CreditbotError):
        failure = {"kind": type(outcome).__name__, "what": outcome.what, "todo": outcome.todo}
        left = {"run": asdict(outcome.run)} if outcome.run else {}
        return {"id": number, "failure": {**failure, "service": outcome.service, **left}}
    return {"id": number, "run": asdict(outcome)}


def run_in(reply: Reply) -> NotebookRun:
    """The run in a reply, its fractions read as Decimal. Raises the failure where there was one."""
    if "failure" in reply:
        raise _error(reply["failure"])
    return _run(reply["run"])


def _run(run: Mapping[str, Any]) -> NotebookRun:
    cells = tuple(Cell(**{**cell, "outputs": tuple(map(tuple, cell["outputs"]))}) for cell in run["cells"])
    ambiguous = tuple(run["ambiguous_scraps"])
    return NotebookRun(**{**run, "cells": cells, "ambiguous_scraps": ambiguous, "seconds": float(run["seconds"])})


def _error(failure: Mapping[str, Any]) -> CreditbotError:
    kind: type[CreditbotError] = getattr(errors, failure["kind"])
    error: CreditbotError
    if issubclass(kind, ServiceError):
        error = kind(failure["service"], failure["what"], failure["todo"])
    else:
        error = kind(failure["what"], failure["todo"])
    if "run" in failure:
        error.run = _run(failure["run"])
    return error
