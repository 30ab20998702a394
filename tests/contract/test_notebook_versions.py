"""ObjectNotebooks: one suite over a folder, memory and a bucket's HTTP."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from creditbot.adapters.storage.notebooks import MOST_BYTES, ObjectNotebooks
from creditbot.errors import Refused
from creditbot.model import NotebookRun
from creditbot.notebook_host.imports import hash_of
from creditbot.text.known_secrets import know_secrets
from tests.support.http import Answer, HttpStub
from tests.support.notebooks import code, write_notebook

CONTENT = b'{"cells": [], "note": "Z\xc3\xbcrich"}'
SHA = hashlib.sha256(CONTENT).hexdigest()
PLACE = f"notebook_versions/{SHA}/verify.ipynb"


@pytest.fixture(params=["folder", "file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectNotebooks:
    uris = {"folder": f"{tmp_path}/data/outputs/", "file": f"file://{tmp_path}/outputs", "memory": "memory://"}
    return ObjectNotebooks(uris[request.param])


@pytest.fixture
def run(tmp_path: Path) -> NotebookRun:
    """A run of the notebook as its file is now."""
    return run_of(tmp_path, CONTENT)


def run_of(folder: Path, content: bytes) -> NotebookRun:
    path = folder / "verify.ipynb"
    path.write_bytes(content)
    return NotebookRun({}, (), str(path), hashlib.sha256(content).hexdigest())


def test_a_notebook_is_found_by_its_hash(store: ObjectNotebooks, run: NotebookRun) -> None:
    """Byte for byte, so that the hash still fits."""
    assert store.load(SHA) is None
    assert "" == store.keep(run)
    assert {"verify.ipynb": CONTENT} == store.load(SHA)


def test_a_notebook_is_kept_with_what_it_imports_from_its_folder(store: ObjectNotebooks, tmp_path: Path) -> None:
    """In the order in which they are hashed."""
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "tables.py").write_text("import rates")
    (tmp_path / "rates.py").write_text("RATE = 1")
    path = write_notebook(tmp_path / "verify.ipynb", code("import report"))
    version = {
        "verify.ipynb": path.read_bytes(), "rates.py": b"RATE = 1", "report/tables.py": b"import rates",
    }  # fmt: skip
    run = NotebookRun({}, (), str(path), hash_of(version))
    assert "" == store.keep(run)
    assert version == store.load(run.notebook_sha256)
    assert list(version) == list(store.load(run.notebook_sha256) or ())


def test_both_versions_of_a_notebook_are_kept(store: ObjectNotebooks, run: NotebookRun, tmp_path: Path) -> None:
    store.keep(run)
    later = run_of(tmp_path, b"{}")
    store.keep(later)
    assert {"verify.ipynb": CONTENT} == store.load(SHA)
    assert {"verify.ipynb": b"{}"} == store.load(later.notebook_sha256)


def test_a_notebook_that_changed_since_it_ran_is_not_kept(store: ObjectNotebooks, run: NotebookRun) -> None:
    """Under its hash there would be another notebook."""
    Path(run.notebook).write_text("{}")
    assert "Its file has changed since it ran." == store.keep(run)
    assert store.load(SHA) is None


def test_a_notebook_that_is_gone_is_not_kept(store: ObjectNotebooks, run: NotebookRun) -> None:
    Path(run.notebook).unlink()
    assert "Its file has changed since it ran." == store.keep(run)


def test_a_notebook_with_a_secret_is_not_kept(store: ObjectNotebooks, tmp_path: Path) -> None:
    """It cannot be kept without the secret either: its hash would not fit."""
    know_secrets(["made-up-Secret-0815"])
    run = run_of(tmp_path, b'{"source": "connect(\'made-up-Secret-0815\')"}')
    assert "It holds a secret; take the secret out of it." == store.keep(run)
    assert store.load(run.notebook_sha256) is None


def test_a_notebook_that_is_too_large_is_not_kept(store: ObjectNotebooks, tmp_path: Path) -> None:
    run = run_of(tmp_path, b" " * (MOST_BYTES + 1))
    assert store.keep(run).startswith("It is larger than 4 MiB")
    assert "" == store.keep(run), "it is said once"


def test_what_is_kept_is_never_replaced(tmp_path: Path, run: NotebookRun) -> None:
    """Another process keeps the same version, and finds it kept."""
    kept = tmp_path / "outputs" / PLACE
    kept.parent.mkdir(parents=True)
    kept.write_text("written by somebody else")
    assert "" == ObjectNotebooks(f"{tmp_path}/outputs").keep(run)
    assert "written by somebody else" == kept.read_text()


def test_a_kept_notebook_that_was_changed_counts_as_not_kept(tmp_path: Path, run: NotebookRun) -> None:
    store = ObjectNotebooks(f"{tmp_path}/outputs")
    store.keep(run)
    (tmp_path / "outputs" / PLACE).write_text("{}")
    assert store.load(SHA) is None


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path, run: NotebookRun) -> None:
    (tmp_path / "outputs").touch()
    with pytest.raises(Refused, match="cannot be opened"):
        ObjectNotebooks(f"{tmp_path}/outputs").keep(run)


@pytest.mark.parametrize("status", [200, 412])
def test_a_bucket_is_told_to_create_and_not_to_replace(
    monkeypatch: pytest.MonkeyPatch, run: NotebookRun, status: int
) -> None:
    """412 is what it answers where there is such an object."""
    with HttpStub() as bucket:
        bucket.on(f"PUT /bucket/credits/{PLACE}", Answer(b"", status, headers={"ETag": '"1"'}))
        for name, value in {
            "AWS_ENDPOINT_URL": bucket.url, "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "made-up", "AWS_SECRET_ACCESS_KEY": "made-up-too",
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        store = ObjectNotebooks("s3://bucket/credits")
        assert ["", ""] == [store.keep(run), store.keep(run)]
    (request,) = bucket.requests
    assert "*" == request.headers["if-none-match"]
