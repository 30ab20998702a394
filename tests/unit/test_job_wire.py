"""What goes between the bot and the pod of a Job arrives as it was sent, and what nobody sent is not believed."""

from __future__ import annotations

import json
import math
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.adapters.jobs.__main__ import environment_of
from creditbot.adapters.jobs.wire import ResultDamaged, Task, receipt_for, result_of, run_of, task_in
from creditbot.errors import CreditbotError, NotebookFailed, Unreachable
from creditbot.model import Cell, CreditDays, NotebookRun

TASK = Task(
    "/app/n.ipynb", "select 'é'", CreditDays(date(2025, 12, 1), None, has_history=True), {"TARGET": "0.9"}, 600.0,
    {"PATH": "/of/the/bot", "WAREHOUSE_URL": "of the bot", "OTHER": "1"}, ("WAREHOUSE_URL",), "s3://b/c", "runs/x.json",
)  # fmt: skip
TEXT = st.text(st.characters(exclude_categories=[]), max_size=20)
SCRAP = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
CELL = st.builds(
    Cell, st.integers(1, 99), st.sampled_from(["code", "markdown"]), TEXT, st.booleans(),
    st.lists(st.tuples(TEXT, TEXT), max_size=2).map(tuple),
)  # fmt: skip
RUN = st.builds(
    NotebookRun, st.dictionaries(TEXT, SCRAP, max_size=3), st.lists(CELL, max_size=3).map(tuple), TEXT, TEXT,
    st.dictionaries(TEXT, TEXT, max_size=2), st.floats(0, 600), st.lists(TEXT, max_size=2).map(tuple),
    st.dictionaries(TEXT, TEXT, max_size=2),
)  # fmt: skip


def test_a_task_arrives_as_it_was_sent() -> None:
    assert TASK == task_in(TASK.text())


def test_a_notebook_sees_the_bots_variables_and_its_pods_own() -> None:
    """PATH is the pod's. Of the rest of the pod's environment it sees what NOTEBOOK_ENV names, which goes first."""
    pod = {"PATH": "/of/the/pod", "WAREHOUSE_URL": "of the pod", "AWS_SECRET_ACCESS_KEY": "made-up"}
    assert {"PATH": "/of/the/pod", "WAREHOUSE_URL": "of the pod", "OTHER": "1"} == environment_of(TASK, pod)


@given(RUN)
def test_a_run_arrives_with_every_digit(run: NotebookRun) -> None:
    """Amounts are Decimal, and texts may hold half a surrogate pair."""
    result = result_of(run)
    assert run == run_of(result, receipt_for(result))


def test_a_number_that_is_none_arrives_as_such() -> None:
    result = result_of(NotebookRun({"rate": math.nan}, (), "n", "h"))
    assert math.isnan(run_of(result, receipt_for(result)).scraps["rate"])  # type: ignore[arg-type]


@given(RUN, TEXT)
def test_a_failure_arrives_with_what_the_notebook_had_left(run: NotebookRun, what: str) -> None:
    for error in (NotebookFailed(what, "Do it."), Unreachable("the warehouse", what)):
        error.run = run
        result = result_of(error)
        with pytest.raises(type(error)) as raised:
            run_of(result, receipt_for(result))
        got = raised.value
        assert (what, error.todo, error.service, run) == (got.what, got.todo, got.service, got.run)


@given(st.recursive(SCRAP, lambda inner: st.dictionaries(st.sampled_from(["run", "failure", "kind", "what"]), inner)))
def test_whatever_a_pod_leaves_is_a_run_a_failure_or_damaged(reply: object) -> None:
    """Nothing else is raised, whatever notebook code writes."""
    result = json.dumps(reply, default=str).encode()
    with pytest.raises((ResultDamaged, CreditbotError)):
        run_of(result, receipt_for(result))


def test_an_amount_that_is_no_number_is_damaged() -> None:
    result = b'{"run": {"scraps": {"a": {"$decimal": "many"}}}}'
    with pytest.raises(ResultDamaged, match="not JSON"):
        run_of(result, receipt_for(result))
    assert Decimal("1.10") == run_of(*_with(b'{"$decimal": "1.10"}')).scraps["a"]


def _with(value: bytes) -> tuple[bytes, str]:
    result = b'{"run": {"scraps": {"a": ' + value + b'}, "cells": [], "notebook": "n", "notebook_sha256": "h"}}'
    return result, receipt_for(result)
