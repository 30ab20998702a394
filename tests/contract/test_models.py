"""ObjectModels: one suite over memory, a folder and the double that other tests use."""

from __future__ import annotations

from pathlib import Path

import pytest

from creditbot.adapters.storage.models import ObjectModels
from creditbot.errors import Refused
from creditbot.ports import Models
from tests.support.world import World
from tests.support.world_stores import MemoryModels

OLD, NEW = "20261129T101500Z-0123456789ab", "20261130T000000Z-ba9876543210"


@pytest.fixture(params=["folder", "memory", "in tests"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Models:
    uri = f"{tmp_path}/outputs" if request.param == "folder" else "memory://"
    return MemoryModels(World()) if request.param == "in tests" else ObjectModels(uri)


def test_models_come_back_and_the_newest_is_the_last(store: Models) -> None:
    assert [] == store.names()
    store.add(NEW, b"new")
    store.add(OLD, b"old")
    assert [OLD, NEW] == store.names()
    assert b"new" == store.load(NEW)


def test_a_model_that_is_there_stays_as_it_is(store: Models) -> None:
    store.add(OLD, b"old")
    store.add(OLD, b"other")
    assert b"old" == store.load(OLD)


def test_a_model_that_is_not_there_is_none(store: Models) -> None:
    assert store.load(OLD) is None


def test_files_of_other_programs_are_left_alone(tmp_path: Path) -> None:
    store = ObjectModels(str(tmp_path))
    store.add(OLD, b"old")
    for name in ("notes.txt", "latest.json", f"{NEW}.json.swp"):
        (tmp_path / "model" / name).write_text("x")
    assert [OLD] == store.names()


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model").touch()
    with pytest.raises(Refused, match="cannot be written"):
        ObjectModels(str(tmp_path)).add(OLD, b"old")
