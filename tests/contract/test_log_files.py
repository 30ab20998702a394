"""ObjectLog: one suite over memory, a folder and a bucket's HTTP. Every file is created once."""

from __future__ import annotations

from pathlib import Path

import pytest

from creditbot.adapters.storage.log_files import ObjectLog
from creditbot.errors import Refused
from creditbot.ports import LogStore
from tests.support.http import Answer, HttpStub
from tests.support.world import World
from tests.support.world_stores import MemoryLog


@pytest.fixture(params=["folder", "file", "memory", "in tests"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> LogStore:
    uris = {"folder": f"{tmp_path}/data/outputs/", "file": f"file://{tmp_path}/outputs", "memory": "memory://"}
    return MemoryLog(World()) if request.param == "in tests" else ObjectLog(uris[request.param])


class TestEveryStore:
    def test_entries_come_back_under_their_numbers(self, store: LogStore) -> None:
        assert {} == store.entries()
        for number in (0, 1, 12_345):
            assert b"%d" % number == store.add(number, b"%d" % number)
        assert {0: b"0", 1: b"1", 12_345: b"12345"} == store.entries()

    def test_an_entry_that_exists_is_returned_and_stays(self, store: LogStore) -> None:
        store.add(0, b"first")
        assert b"first" == store.add(0, b"second")
        assert {0: b"first"} == store.entries()

    def test_so_does_a_checkpoint(self, store: LogStore) -> None:
        assert "a\n" == store.add_checkpoint(1, "a\n") == store.add_checkpoint(1, "b\n")
        assert {1: "a\n"} == store.checkpoints()


class TestFolder:
    def test_each_entry_is_a_file_with_exactly_its_bytes(self, tmp_path: Path) -> None:
        log = ObjectLog(str(tmp_path))
        log.add(7, b'{"a":1}')
        log.add_checkpoint(8, "o\n8\nx\n")
        assert b'{"a":1}' == (tmp_path / "log/entries/000000007.json").read_bytes()
        assert "o\n8\nx\n" == (tmp_path / "log/checkpoints/000000008.txt").read_text()

    def test_files_of_other_programs_are_left_alone(self, tmp_path: Path) -> None:
        log = ObjectLog(str(tmp_path))
        log.add(0, b"0")
        for name in ("notes.txt", "1.json", "000000001.json.swp"):
            (tmp_path / "log/entries" / name).write_text("x")
        assert {0: b"0"} == log.entries()

    def test_a_folder_that_cannot_be_written_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "log").touch()
        with pytest.raises(Refused, match="cannot be written"):
            ObjectLog(str(tmp_path)).add(0, b"0")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> HttpStub:
    stub = HttpStub()
    for name, value in {
        "AWS_ENDPOINT_URL": stub.url, "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "made-up", "AWS_SECRET_ACCESS_KEY": "made-up-too",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    return stub


PUT = "PUT /acme/bot/log/entries/000000000.json"
GET = "GET /acme/bot/log/entries/000000000.json"


class TestBucket:
    def test_the_bucket_itself_refuses_to_replace_a_file(self, bucket: HttpStub) -> None:
        """The condition is part of the one request, so two processes at once cannot both write."""
        with bucket:
            bucket.on(PUT, Answer(b"", headers={"ETag": '"1"'}))
            ObjectLog("s3://acme/bot").add(0, b"ours")
        assert "*" == bucket.requests[0].headers["if-none-match"]

    def test_what_is_there_already_is_read(self, bucket: HttpStub) -> None:
        with bucket:
            bucket.on(PUT, Answer(b"", 412))
            headers = {"ETag": '"1"', "Last-Modified": "Thu, 08 Jan 2026 12:00:00 GMT"}
            bucket.on(GET, Answer(b"theirs", headers=headers))
            assert b"theirs" == ObjectLog("s3://acme/bot").add(0, b"ours")
        assert [PUT, GET] == bucket.calls
