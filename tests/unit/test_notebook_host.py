"""What the bot hears from the host of a notebook that cannot be run."""

from __future__ import annotations

import os
from concurrent.futures import Future
from pathlib import Path

import pytest
from nbformat import from_dict

from creditbot.errors import NotebookFailed, Refused
from creditbot.notebook_host.__main__ import _answer
from creditbot.notebook_host.keeping import Keeper
from creditbot.notebook_host.kernels import Nursery
from creditbot.notebook_host.preparing import prepare
from creditbot.notebook_host.running import NotebookHost
from tests.support.notebooks import code, write_notebook

_SCRAP = "application/scrapbook.scrap.json+json"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            OSError(28, "No space left on device"),
            {"kind": "Unreachable", "service": "this machine",
             "what": "The notebook v.ipynb could not be run on this machine: [Errno 28] No space left on device.",
             "todo": "Make room in the temporary folder, and see that it can be written."},
        ),
        (
            RuntimeError("odd"),
            {"kind": "NotebookFailed", "service": "", "todo": "Open it in Jupyter and see whether it runs there.",
             "what": "The notebook v.ipynb could not be run: RuntimeError: odd."},
        ),
        (
            Refused("the warehouse", "The warehouse refused us.", "Check the password."),
            {"kind": "Refused", "service": "the warehouse", "what": "The warehouse refused us.",
             "todo": "Check the password."},
        ),
    ],
)  # fmt: skip
def test_every_failure_is_told_as_a_sentence(error: Exception, expected: dict[str, str]) -> None:
    """Its kind and its service come along, so that the bot can raise the same."""
    host: Future[NotebookHost] = Future()
    host.set_exception(error)
    assert {"failure": expected} == _answer(host, {"id": 1, "notebook": "v.ipynb", "sql": "SELECT 1"})


def test_scraps_that_cannot_be_read_are_told_with_the_reason(tmp_path: Path) -> None:
    """They are scrapbook's by their type only."""
    nursery = Nursery({"PATH": os.environ["PATH"]}, [], tmp_path)
    host = NotebookHost(nursery, 60, Keeper("none", None))
    prepared = prepare(write_notebook(tmp_path / "v.ipynb", code('looker = ""', "parameters")))
    output = {"output_type": "display_data", "metadata": {}, "data": {_SCRAP: "nothing of its"}}
    cells = [{**code(""), "id": "glue", "outputs": [output]}]
    executed = from_dict({**prepared.notebook, "cells": cells})  # type: ignore[no-untyped-call]
    try:
        with pytest.raises(NotebookFailed, match=r"What the notebook v\.ipynb glued cannot be read: \w+: ") as caught:
            host._scraps(prepared, executed)
    finally:
        nursery.close()
    assert "Glue text, numbers, or JSON." == caught.value.todo
