"""Which executed notebooks are kept (KEEP_NOTEBOOKS)."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from creditbot.notebook_host.keeper import KeepPolicy, NotebookKeeper

EXECUTED = nbformat.v4.new_notebook()  # type: ignore[no-untyped-call]
SOURCE = Path("folder/verify.ipynb")


@pytest.mark.parametrize(
    ("policy", "failed", "count"),
    [("none", True, 0), ("failed", True, 1), ("failed", False, 0), ("all", True, 1), ("all", False, 1)],
)
def test_the_policy_says_which_notebooks_are_kept(tmp_path: Path, policy: KeepPolicy, failed: bool, count: int) -> None:
    """The folder is made when it is needed."""
    NotebookKeeper(policy, tmp_path / "kept").keep(SOURCE, EXECUTED, failed=failed)
    assert count == len(list((tmp_path / "kept").glob("verify-*.ipynb")))


def test_the_sentence_says_where_the_notebook_is(tmp_path: Path) -> None:
    sentence = NotebookKeeper("all", tmp_path).keep(SOURCE, EXECUTED, failed=True)
    assert f"The executed notebook is {next(tmp_path.iterdir())}." == sentence


def test_there_is_no_sentence_if_nothing_was_to_be_kept(tmp_path: Path) -> None:
    assert "" == NotebookKeeper("failed", tmp_path).keep(SOURCE, EXECUTED, failed=False)


def test_without_a_folder_nothing_is_kept() -> None:
    assert "" == NotebookKeeper("all", None).keep(SOURCE, EXECUTED, failed=True)


def test_a_notebook_that_was_never_begun_is_not_kept(tmp_path: Path) -> None:
    assert "" == NotebookKeeper("all", tmp_path).keep(SOURCE, None, failed=True)


def test_a_folder_that_cannot_be_written_to_is_no_failure(tmp_path: Path) -> None:
    """The sentence says why the notebook was not kept."""
    (tmp_path / "file").write_text("")
    sentence = NotebookKeeper("all", tmp_path / "file").keep(SOURCE, EXECUTED, failed=True)
    assert f"The executed notebook could not be kept in {tmp_path}/file: File exists." == sentence
