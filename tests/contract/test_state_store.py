"""One contract for every state store. test_configmap_state.py runs it for a ConfigMap, tests/cluster on a real API."""

import multiprocessing
from collections.abc import Callable, Iterator
from multiprocessing.context import SpawnProcess
from pathlib import Path

import pytest

from creditbot.adapters.storage.file_state import FileStore
from creditbot.errors import StateConflict, Unreachable
from creditbot.ports import StateStore
from tests.support.store_contract import StoreContract
from tests.support.world import World
from tests.support.world_stores import MemoryStore


class TestMemoryStore(StoreContract):
    """The store of the tests keeps the contract too."""

    @pytest.fixture
    def open_store(self) -> Callable[[], StateStore]:
        world = World()
        return lambda: MemoryStore(world)


class TestFileStore(StoreContract):
    """The store of a laptop."""

    @pytest.fixture
    def open_store(self, tmp_path: Path) -> Callable[[], StateStore]:
        return lambda: FileStore(tmp_path / "data" / "state.json")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "processed_messages.json"


def test_a_missing_or_empty_file_is_an_empty_state(path: Path) -> None:
    """A first run needs no file."""
    assert {} == FileStore(path).read().values
    path.write_text(" \n")
    assert {} == FileStore(path).read().values


def test_the_file_is_readable_json(path: Path) -> None:
    """People read it with jq: values are JSON, not text in JSON."""
    FileStore(path).write({"T.C.1736345678.000100": '{"status":"answered"}'}, "")
    assert '"status": "answered"' in path.read_text()


def test_a_corrupt_file_is_kept_aside_and_never_overwritten(path: Path) -> None:
    """Reading reports it, writing moves it away first, and a second one gets another name."""
    for number, text in enumerate(("{ this is not json", "[" * 100_000), 1):
        path.write_text(text)
        stored = FileStore(path).read()
        assert f"{path.name}.corrupt-{number}" in stored.damage
        FileStore(path).write({}, stored.version)
        assert text == path.with_name(f"{path.name}.corrupt-{number}").read_text()


def test_a_full_disk_loses_nothing(path: Path) -> None:
    """The sentence names the file, and what was written before is still there."""
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    version = FileStore(path).write({"meta": "1"}, "")
    path.with_name(f"{path.name}.new").symlink_to("/dev/full")
    with pytest.raises(Unreachable) as caught:
        FileStore(path).write({"meta": "2"}, version)
    assert f"No space is left to write {path}" in caught.value.what
    assert "space" in caught.value.todo
    assert {"meta": "1"} == FileStore(path).read().values


@pytest.mark.parametrize(
    "text",
    [
        '["1736345678.123456", "1736345679.000001"]',
        '{"1736345678.123456": {"credit": 3}, "1736345679.000001": true}',
        '{"processed": [{"ts": "1736345678.123456", "channel": "C1"}, {"ts": "1736345679.000001"}], "version": 3}',
        '{"version": "1.0", "processed": ["1736345678.123456", "1736345679.000001"]}',
    ],
)
def test_a_prototypes_file_is_taken_over(path: Path, text: str) -> None:
    """Whatever its shape, every message id in it counts as done, and it is kept until something is written."""
    path.write_text(text)
    stored = FileStore(path).read()
    assert '["1736345678.123456", "1736345679.000001"]' == stored.values["done"]
    FileStore(path).write(stored.values, stored.version)
    assert stored.values == FileStore(path).read().values


def test_a_file_of_somebody_else_stops_the_tick(path: Path) -> None:
    """A file that is neither ours nor a prototype's is not touched."""
    path.write_text('{"name": "package", "dependencies": {}}')
    with pytest.raises(Exception, match="neither creditbot's state nor a list") as caught:
        FileStore(path).read()
    assert "STATE_URI" in str(caught.value)


def test_a_folder_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    """Not a traceback: which path, and what to do."""
    (tmp_path / "file").write_text("")
    with pytest.raises(Exception, match="cannot be used") as caught:
        FileStore(tmp_path / "file" / "state.json").write({}, "")
    assert "STATE_URI" in str(caught.value)


def _count(path: str, times: int) -> None:
    store, done = FileStore(Path(path)), 0
    while done < times:
        stored = store.read()
        try:
            store.write({"meta": str(int(stored.values.get("meta", "0")) + 1)}, stored.version)
        except StateConflict:
            continue
        done += 1


@pytest.fixture
def processes() -> Iterator[list[SpawnProcess]]:
    started: list[SpawnProcess] = []
    yield started
    for process in started:
        process.kill()


@pytest.mark.kernels
def test_two_processes_lose_no_write(path: Path, processes: list[SpawnProcess]) -> None:
    """Each of 2 x 50 compare-and-swaps counts exactly once."""
    for _ in range(2):
        process = multiprocessing.get_context("spawn").Process(target=_count, args=(str(path), 50))
        process.start()
        processes.append(process)
    for process in processes:
        process.join(60)
    assert "100" == FileStore(path).read().values["meta"]
