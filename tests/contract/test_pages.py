"""ObjectPages: one suite over a folder, memory and a bucket's HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest

from creditbot.adapters.storage.pages import ObjectPages
from creditbot.errors import Refused
from creditbot.model import RequestKey
from tests.support.http import Answer, HttpStub

KEY = RequestKey("T0TEST", "C0TEST", "1736345678.000100")
NAME = "evidence/T0TEST.C0TEST.1736345678.000100.html"


@pytest.fixture(params=["folder", "file", "memory"])
def pages(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectPages:
    uris = {"folder": f"{tmp_path}/data/outputs/", "file": f"file://{tmp_path}/outputs", "memory": "memory://"}
    return ObjectPages(uris[request.param])


def test_a_page_comes_back_as_it_was_saved(pages: ObjectPages) -> None:
    assert pages.load(KEY) is None
    pages.save(KEY, "<p>Zürich</p>")
    pages.save(KEY, "<p>Genève</p>")
    assert pages.load(KEY) == "<p>Genève</p>"


def test_the_requests_that_have_a_page_are_listed(pages: ObjectPages) -> None:
    assert set() == set(pages.kept())
    pages.save(KEY, "<p>1</p>")
    assert {KEY} == set(pages.kept())


def test_other_files_beside_the_pages_are_no_pages(tmp_path: Path) -> None:
    (tmp_path / "evidence").mkdir()
    for name in ("notes.html", "T.C.x.html", "T0TEST.C0TEST.1736345678.000100.txt"):
        (tmp_path / "evidence" / name).touch()
    assert set() == set(ObjectPages(str(tmp_path)).kept())


def test_a_page_is_a_file_beside_the_summaries(tmp_path: Path) -> None:
    ObjectPages(str(tmp_path)).save(KEY, "<p>1</p>")
    assert (tmp_path / NAME).read_text() == "<p>1</p>"


@pytest.mark.parametrize(
    ("uri", "url", "address"),
    [
        ("data/outputs/", "", f"data/outputs/{NAME}"),
        ("s3://bucket/credits", "", f"s3://bucket/credits/{NAME}"),
        (
            "s3://bucket/credits",
            "https://evidence.example.com/credits/",
            f"https://evidence.example.com/credits/{NAME}",
        ),
    ],
)
def test_the_address_of_a_page_is_where_people_find_it(uri: str, url: str, address: str) -> None:
    assert ObjectPages(uri, url).address(KEY) == address


def test_a_bucket_is_told_that_a_page_is_html(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a browser offers to save it."""
    with HttpStub() as bucket:
        bucket.on(f"PUT /bucket/credits/{NAME}", Answer(b"", headers={"ETag": '"1"'}))
        for name, value in {
            "AWS_ENDPOINT_URL": bucket.url, "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "made-up", "AWS_SECRET_ACCESS_KEY": "made-up-too",
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        ObjectPages("s3://bucket/credits").save(KEY, "<p>1</p>")
    assert bucket.requests[0].headers["content-type"] == "text/html; charset=utf-8"


def test_a_page_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / NAME / "x").mkdir(parents=True)
    with pytest.raises(Refused, match="cannot be written"):
        ObjectPages(str(tmp_path)).save(KEY, "<p>1</p>")
