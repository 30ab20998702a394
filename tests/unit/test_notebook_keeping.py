"""Which executed notebooks are kept."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from creditbot.notebook_host.keeping import Keeper, Policy

EXECUTED = nbformat.v4.new_notebook()  # type: ignore[no-untyped-call]
SOURCE = Path("folder/verify.ipynb")


@pytest.mark.parametrize(
    ("policy", "failed", "kept"),
    [("none", True, 0), ("failed", True, 1), ("failed", False, 0), ("all", True, 1), ("all", False, 1)],
)
def test_the_policy_decides(tmp_path: Path, policy: Policy, failed: bool, kept: int) -> None:
    """KEEP_NOTEBOOKS says which, and a sentence where; the folder is made when it is needed."""
    folder = tmp_path / "kept"
    told = Keeper(policy, folder).keep(SOURCE, EXECUTED, failed=failed)
    files = list(folder.glob("verify-*.ipynb"))
    assert kept == len(files)
    assert [f"The executed notebook is {file}." for file in files] == ([told] if told else [])


def test_nothing_to_keep_is_not_kept(tmp_path: Path) -> None:
    """Without a folder, or before anything was executed, there is nothing to say."""
    assert "" == Keeper("all", None).keep(SOURCE, EXECUTED, failed=True)
    assert "" == Keeper("all", tmp_path).keep(SOURCE, None, failed=True)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """Keeping is a service, not a reason to fail: the sentence says why it was not possible."""
    (tmp_path / "file").write_text("")
    told = Keeper("all", tmp_path / "file").keep(SOURCE, EXECUTED, failed=True)
    assert f"The executed notebook could not be kept in {tmp_path}/file: File exists." == told
