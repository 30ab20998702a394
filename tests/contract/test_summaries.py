"""ObjectSummaries: one suite over a folder, memory and a bucket's HTTP, and what storage can go wrong with."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from obstore.exceptions import GenericError, PermissionDeniedError

from creditbot.adapters.storage.objects import error_for
from creditbot.adapters.storage.summaries import ObjectSummaries
from creditbot.errors import Refused, ServiceError, Unreachable
from creditbot.model import RequestKey
from tests.support.http import Answer, HttpStub

OLD, KEY, NEW = (RequestKey("T0TEST", "C0TEST", f"{second}.000100") for second in (999999999, 1736345678, 1736345679))
DOCUMENT = {"credit_amount": Decimal("4948.80"), "note": "Zürich"}
SHA, OTHER = "a" * 64, "b" * 64


@pytest.fixture(params=["folder", "file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectSummaries:
    uris = {"folder": f"{tmp_path}/data/outputs/", "file": f"file://{tmp_path}/outputs", "memory": "memory://"}
    return ObjectSummaries(uris[request.param])


class TestEveryStore:
    def test_a_saved_summary_can_be_loaded(self, store: ObjectSummaries) -> None:
        """A summary comes back with its amounts as Decimal; nothing comes back for another request."""
        location = store.save(KEY, DOCUMENT)
        assert {**DOCUMENT, "credited": []} == store.load(KEY)
        assert location.endswith("/summary_T0TEST.C0TEST.1736345678.000100.json")
        assert store.load(OLD) is None

    def test_saving_again_replaces_the_summary(self, store: ObjectSummaries) -> None:
        """The last summary of a request is its summary."""
        store.save(KEY, DOCUMENT, [SHA])
        store.save(KEY, {"credit_amount": None})
        assert {"credit_amount": None, "credited": []} == store.load(KEY)

    def test_credited_sql_is_found(self, store: ObjectSummaries) -> None:
        """A hash leads to the requests that it was credited for, oldest first."""
        store.save(NEW, DOCUMENT, [SHA, OTHER])
        store.save(OLD, DOCUMENT, [SHA])
        store.save(KEY, DOCUMENT)
        assert [OLD, NEW] == store.credited_by(SHA)
        assert [NEW] == store.credited_by(OTHER)
        assert [] == store.credited_by("c" * 64)

    def test_sql_that_is_no_longer_credited_is_not_found(self, store: ObjectSummaries) -> None:
        """A summary that was replaced by one that credits nothing does not count."""
        store.save(KEY, DOCUMENT, [SHA])
        store.save(KEY, DOCUMENT)
        assert [] == store.credited_by(SHA)

    def test_every_pointer_is_listed_with_the_request_it_leads_to(self, store: ObjectSummaries) -> None:
        """Also one whose summary names its hash no more."""
        assert frozenset() == store.pointers()
        store.save(NEW, DOCUMENT, [SHA, OTHER])
        store.save(OLD, DOCUMENT, [SHA])
        store.save(OLD, DOCUMENT)
        assert {(SHA, NEW), (OTHER, NEW), (SHA, OLD)} == store.pointers()

    def test_all_are_listed_newest_first(self, store: ObjectSummaries) -> None:
        """The history goes by the time of the request, not by the length of its number."""
        assert [] == list(store.newest_first())
        for key in (KEY, OLD, NEW):
            store.save(key, {"key": str(key)}, [SHA])
        assert [NEW, KEY, OLD] == [key for key, _ in store.newest_first()]
        assert [str(NEW), str(KEY), str(OLD)] == [document["key"] for _, document in store.newest_first()]

    def test_what_is_kept_is_listed_with_the_time_of_its_last_write(self, store: ObjectSummaries) -> None:
        """Whoever looks for what changed since need not read the rest."""
        assert [] == store.kept()
        before = datetime.now(UTC) - timedelta(seconds=5)
        for key in (KEY, OLD, NEW):
            store.save(key, {}, [SHA])
        kept = store.kept()
        assert {OLD, KEY, NEW} == {one.key for one in kept}
        assert all(before < one.saved < datetime.now(UTC) + timedelta(seconds=5) for one in kept)

    def test_many_are_read_in_the_order_asked_for(self, store: ObjectSummaries) -> None:
        """More than are read at once. One that is not there is left out, and reading may end early."""
        keys = [RequestKey("T0TEST", "C0TEST", f"{second}.000100") for second in range(1736345600, 1736345700)]
        for number, key in enumerate(keys):
            store.save(key, {"number": number})
        read = store.load_all([OLD, *reversed(keys)])
        assert (keys[-1], {"number": 99, "credited": []}) == next(read)
        assert [*range(98, -1, -1)] == [document["number"] for _, document in read]
        early = store.load_all(keys)
        assert keys[0] == next(early)[0]
        early.close()  # type: ignore[attr-defined]

    def test_a_probe_leaves_nothing(self, store: ObjectSummaries) -> None:
        """It proves that summaries can be written, and is none."""
        store.probe()
        assert [] == list(store.newest_first())


class TestFolder:
    def test_a_probe_is_gone_afterwards(self, tmp_path: Path) -> None:
        """Not even an empty file stays."""
        ObjectSummaries(str(tmp_path)).probe()
        assert [] == list(tmp_path.iterdir())

    def test_each_request_has_one_file_that_other_tools_can_read(self, tmp_path: Path) -> None:
        """The amount is a JSON number with its cents, the text is readable, and nothing half written lies about."""
        location = ObjectSummaries(str(tmp_path)).save(KEY, DOCUMENT)
        text = Path(location).read_text("utf-8")
        assert '"credit_amount": 4948.80,' in text
        assert "Zürich" in text
        assert 4948.8 == json.loads(text)["credit_amount"]
        assert [Path(location)] == list(tmp_path.iterdir())

    def test_a_pointer_without_its_summary_counts_for_nothing(self, tmp_path: Path) -> None:
        """A process that died before its summary was written has credited nothing."""
        store = ObjectSummaries(str(tmp_path))
        Path(store.save(KEY, DOCUMENT, [SHA])).unlink()
        assert [] == store.credited_by(SHA)

    def test_files_of_other_programs_are_left_alone(self, tmp_path: Path) -> None:
        """A file that a prototype or a person put into the folder is not one of our summaries."""
        for name in ("summary_20250108.json", "summary_T.C.1.json", "notes.txt", "summary_T.C.x.y.json"):
            (tmp_path / name).write_text("{")
        (tmp_path / "credited" / SHA).mkdir(parents=True)
        (tmp_path / "credited" / SHA / "x").touch()
        store = ObjectSummaries(str(tmp_path))
        store.save(KEY, DOCUMENT)
        assert [KEY] == [key for key, _ in store.newest_first()]
        assert [] == store.credited_by(SHA)
        assert frozenset() == store.pointers()

    @pytest.mark.parametrize("content", ["", "{", "[]", '"text"'])
    def test_a_damaged_summary_is_reported(self, tmp_path: Path, content: str) -> None:
        """A summary that cannot be read is named: it may be the one that says that SQL was credited."""
        store = ObjectSummaries(str(tmp_path))
        Path(store.save(KEY, DOCUMENT, [SHA])).write_text(content)
        for read in (
            lambda: store.load(KEY),
            lambda: store.credited_by(SHA),
            lambda: list(store.newest_first()),
            lambda: list(store.load_all([KEY])),
        ):
            with pytest.raises(Refused, match=r"summary_T0TEST\.C0TEST\.1736345678\.000100\.json is no longer JSON"):
                read()

    def test_a_folder_that_cannot_be_made_is_refused(self, tmp_path: Path) -> None:
        """A file where the folder should be gives a sentence, for writing and for reading."""
        (tmp_path / "file").touch()
        store = ObjectSummaries(f"{tmp_path}/file/outputs")
        for use in (lambda: store.save(KEY, DOCUMENT), lambda: store.load(KEY), lambda: store.credited_by(SHA)):
            with pytest.raises(Refused, match="cannot be opened: Not a directory") as caught:
                use()
            assert "OUTPUT_URI" in caught.value.todo
            assert "the summary store" == caught.value.service

    def test_a_summary_that_cannot_be_written_is_refused(self, tmp_path: Path) -> None:
        """What stands in the way of one file gives a sentence on one line."""
        (tmp_path / f"summary_{KEY}.json" / "x").mkdir(parents=True)
        with pytest.raises(Refused, match="cannot be written") as caught:
            ObjectSummaries(str(tmp_path)).save(KEY, DOCUMENT)
        assert "\n" not in caught.value.what


class TestTrouble:
    @pytest.mark.parametrize(
        ("failure", "kind", "todo"),
        [
            (GenericError("Unable to copy data to file: No space left on device (os error 28)"), Unreachable, "space"),
            (GenericError("Unable to create file: Read-only file system (os error 30)"), Refused, "OUTPUT_URI"),
            (PermissionDeniedError("403 Forbidden"), Refused, "OUTPUT_URI"),
            (FileNotFoundError("NoSuchBucket"), Refused, "OUTPUT_URI"),
            (GenericError("error sending request"), Unreachable, "reached"),
        ],
    )
    def test_each_failure_has_its_sentence(self, failure: Exception, kind: type[ServiceError], todo: str) -> None:
        """A full disk and a storage that is down pass; missing rights and missing buckets do not."""
        error = error_for(failure, "s3://bucket", "written")
        assert kind is type(error)
        assert todo in error.todo
        assert error.what.startswith("Summaries at s3://bucket cannot be written: ")

    def test_signatures_are_not_shown(self) -> None:
        """The query of a signed address stays out of the sentence, and so does obstore's debugging text."""
        failure = GenericError("GET https://acct.example/x?sv=1&sig=not-a-secret failed\n\nDebug source:\nsecret")
        assert "secret" not in str(error_for(failure, "abfs://c@acct.dfs.core.windows.net", "read"))

    @pytest.mark.parametrize("uri", ["nonsense://x", "abfs://container/outputs"])
    def test_an_address_that_names_no_storage_is_refused(self, uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """A scheme that nobody knows, and a container without an account, are settings to change."""
        monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
        with pytest.raises(Refused, match="cannot be opened"):
            ObjectSummaries(uri).save(KEY, DOCUMENT)


class TestBucket:
    """On S3's HTTP; the other clouds differ only in what obstore sends."""

    @pytest.fixture
    def bucket(self, monkeypatch: pytest.MonkeyPatch) -> HttpStub:
        stub = HttpStub()
        for name, value in {
            "AWS_ENDPOINT_URL": stub.url,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "sandbox",
            "AWS_SECRET_ACCESS_KEY": "not-a-secret",
        }.items():
            monkeypatch.setenv(name, value)
        return stub

    def test_each_summary_is_one_object(self, bucket: HttpStub) -> None:
        """The pointer is written before the summary, each as one object under the prefix."""
        with bucket:
            pointer = f"PUT /acme/bot/credited/{SHA}/{KEY}"
            summary = f"PUT /acme/bot/summary_{KEY}.json"
            for call in (pointer, summary):
                bucket.on(call, Answer(b"", headers={"ETag": '"1"'}))
            location = ObjectSummaries("s3://acme/bot/").save(KEY, DOCUMENT, [SHA])
            assert f"s3://acme/bot/summary_{KEY}.json" == location
            assert [pointer, summary] == bucket.calls
            assert "4948.80" in bucket.requests[1].text

    @pytest.mark.parametrize(
        ("status", "code"), [(403, "AccessDenied"), (403, "SignatureDoesNotMatch"), (404, "NoSuchBucket")]
    )
    def test_an_operation_that_the_cloud_forbids_is_refused(self, bucket: HttpStub, status: int, code: str) -> None:
        """Wrong keys and missing buckets are told at once."""
        with bucket:
            body = f"<Error><Code>{code}</Code></Error>"
            bucket.on(f"PUT /acme/summary_{KEY}.json", Answer(body, status, {"Content-Type": "application/xml"}))
            with pytest.raises(Refused, match="cannot be written"):
                ObjectSummaries("s3://acme").save(KEY, DOCUMENT)
            assert 1 == len(bucket.calls)

    def test_a_probe_notices_a_bucket_that_is_read_only(self, bucket: HttpStub) -> None:
        """Listing it says nothing about writing."""
        with bucket:
            bucket.on("PUT /acme/creditbot_check", Answer("<Error><Code>AccessDenied</Code></Error>", 403))
            with pytest.raises(Refused, match="cannot be written"):
                ObjectSummaries("s3://acme").probe()

    def test_a_bucket_that_forbids_deleting_passes_a_probe(self, bucket: HttpStub) -> None:
        """Saving a summary never deletes one."""
        with bucket:
            bucket.on("PUT /acme/creditbot_check", Answer(b"", headers={"ETag": '"1"'}))
            bucket.on("POST /acme", Answer("<Error><Code>AccessDenied</Code></Error>", 403))
            ObjectSummaries("s3://acme").probe()
            assert ["PUT /acme/creditbot_check", "POST /acme"] == bucket.calls

    def test_a_missing_object_is_not_a_summary(self, bucket: HttpStub) -> None:
        """A 404 on reading means that there is none."""
        with bucket:
            assert ObjectSummaries("s3://acme").load(KEY) is None

    def test_a_storage_that_is_gone_is_unreachable(self, bucket: HttpStub) -> None:
        """A refused connection is given up within seconds."""
        with bucket:
            pass
        with pytest.raises(Unreachable, match="cannot be read"):
            ObjectSummaries("s3://acme").load(KEY)


def test_creating_the_store_opens_and_imports_nothing(tmp_path: Path) -> None:
    """A tick that saves nothing pays nothing, and makes no folder."""
    script = f"""
import sys
from creditbot.adapters.storage.summaries import ObjectSummaries
ObjectSummaries({str(tmp_path / "outputs")!r})
assert "obstore" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)
    assert [] == list(tmp_path.iterdir())
