"""Keeps executed notebooks for people to look at (KEEP_NOTEBOOKS)."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import nbformat

Policy = Literal["none", "failed", "all"]


class Keeper:
    """Writes executed notebooks into a folder.

    Args:
        policy: which are kept.
        folder: where; None keeps none.
    """

    def __init__(self, policy: Policy, folder: Path | None) -> None:
        self._policy = policy
        self._folder = folder

    def keep(self, source: Path, executed: nbformat.NotebookNode | None, *, failed: bool) -> str:
        """Keeps a notebook, as far as it was executed, if it is to be kept: a sentence about where, or ""."""
        wanted = self._policy == "all" or (self._policy == "failed" and failed)
        if not wanted or self._folder is None or executed is None:
            return ""
        moment = datetime.now(UTC)
        path = self._folder / f"{source.stem}-{moment:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}.ipynb"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            path.write_text(nbformat.writes(executed), encoding="utf-8")  # type: ignore[no-untyped-call]
        except OSError as error:
            return f"The executed notebook could not be kept in {self._folder}: {error.strerror}."
        return f"The executed notebook is {path}."
