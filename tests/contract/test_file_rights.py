"""Files are written for their owner alone unless the settings say otherwise, by every adapter that writes some."""

from __future__ import annotations

import io
import stat
from decimal import Decimal
from pathlib import Path

import pytest

from creditbot.adapters.metrics.metrics_file import MetricsFile
from creditbot.adapters.storage.file_state import FileStore
from creditbot.adapters.storage.log_files import ObjectLog
from creditbot.adapters.storage.notebooks import ObjectNotebooks
from creditbot.adapters.storage.pages import ObjectPages
from creditbot.adapters.storage.report import ObjectReport
from creditbot.adapters.storage.summaries import ObjectSummaries
from creditbot.cli import main
from creditbot.machine.file_rights import Readers, readable_by
from creditbot.model import NotebookRun, RequestKey
from creditbot.notebook_host.imports import hash_of, version_of
from tests.support.notebooks import code, write_notebook

KEY = RequestKey("T0", "C0", "1767873600.000002")


def write_everything(folder: Path) -> None:
    """Each store makes its folders and files, and writes one of them a second time."""
    uri = str(folder / "outputs")
    for _ in range(2):
        ObjectSummaries(uri).save(KEY, {"amount": Decimal(1)}, ["a" * 64])
        ObjectPages(uri).save(KEY, "<p>")
        ObjectReport(uri).save("<p>")
        ObjectLog(uri).add(0, b"{}")
        ObjectLog(uri).add_checkpoint(1, "?")
        store = FileStore(folder / "state/state.json")
        store.write({"meta": "{}"}, store.read().version)
    notebook = write_notebook(folder / "n.ipynb", code("looker = ''"))
    sha = hash_of(version_of(notebook, notebook.read_bytes()))
    assert "" == ObjectNotebooks(uri).keep(NotebookRun({}, (), str(notebook), sha))
    notebook.unlink()


@pytest.mark.parametrize(("readers", "file", "directory"), [
    ("owner", 0o600, 0o700), ("group", 0o640, 0o750), ("everyone", 0o644, 0o755),
])  # fmt: skip
def test_files_are_readable_by_those_whom_the_settings_name(
    tmp_path: Path, readers: Readers, file: int, directory: int
) -> None:
    readable_by(readers)
    write_everything(tmp_path)
    written = {path: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")}
    assert 10 < len(written)
    lock = tmp_path / "state/state.json.lock"  # empty, and for processes of the owner
    assert {lock: 0o600} | {path: directory if path.is_dir() else file for path in written if path != lock} == written


def test_every_command_writes_for_its_owner_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that needs no settings, before any of its code has run."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"https://acme.looker.com/looks/1")))
    assert 0 == main(["links", "--host", "acme.looker.com"])
    (tmp_path / "written").touch()
    assert 0o600 == stat.S_IMODE((tmp_path / "written").stat().st_mode)


def test_metrics_stay_readable_for_who_collects_them(tmp_path: Path) -> None:
    """node_exporter is another user, and a metric names nobody."""
    readable_by("owner")
    MetricsFile(tmp_path / "creditbot.prom").publish("# HELP x y\nx 1\n", whole=True)
    assert 0o644 == stat.S_IMODE((tmp_path / "creditbot.prom").stat().st_mode)
