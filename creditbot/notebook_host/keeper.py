"""Writes executed notebooks into a folder where people can look at them (KEEP_NOTEBOOKS)."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import nbformat

_LONG = 2**20
"""Characters of a file above which the lines of an output are not written one by one."""

KeepPolicy = Literal["none", "failed", "all"]


class NotebookKeeper:
    """Writes executed notebooks into a folder.

    Args:
        policy: which of them.
        folder: made when it is needed; None keeps none.
    """

    def __init__(self, policy: KeepPolicy, folder: Path | None) -> None:
        self._policy = policy
        self._folder = folder

    def keep(self, source: Path, executed: nbformat.NotebookNode | None, *, failed: bool) -> str:
        """Writes the notebook, as far as it was executed, if the policy says so.

        Returns a sentence that says where it is, or why it could not be written; "" if it was not to be kept.
        """
        wanted = self._policy == "all" or (self._policy == "failed" and failed)
        if not wanted or self._folder is None or executed is None:
            return ""
        now = datetime.now(UTC)
        path = self._folder / f"{source.stem}-{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}.ipynb"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_text(_text(executed), encoding="utf-8")
        except OSError as error:
            return f"The executed notebook could not be kept in {self._folder}: {error.strerror}."
        return f"The executed notebook is {path}."


def _text(notebook: nbformat.NotebookNode) -> str:
    """The text of its file. Each line as a string of its own, as Jupyter writes them, takes too much memory if long."""
    text: str = nbformat.writes(notebook, split_lines=False)  # type: ignore[no-untyped-call]
    return text if len(text) > _LONG else nbformat.writes(notebook)  # type: ignore[no-untyped-call]
