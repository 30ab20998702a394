"""ObjectBacktests: one suite over a folder and memory."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from creditbot.adapters.storage.backtests import ObjectBacktests
from creditbot.model import RequestKey

OLD, NEW = RequestKey("T0TEST", "C0TEST", "999999999.000100"), RequestKey("T0TEST", "C0TEST", "1736345678.000100")


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectBacktests:
    return ObjectBacktests(f"{tmp_path}/outputs" if request.param == "folder" else "memory://")


def test_rows_come_back_by_the_time_of_their_requests(store: ObjectBacktests) -> None:
    """With exact amounts, and the last one where a row was written again."""
    store.save(NEW, {"amount": Decimal("1.10")}, "<p>1</p>")
    store.save(NEW, {"amount": Decimal("2.20")})
    store.save(OLD, {"amount": None})
    assert [(OLD, {"amount": None}), (NEW, {"amount": Decimal("2.20")})] == list(store.load_all())


def test_a_store_without_rows_is_empty(store: ObjectBacktests) -> None:
    assert [] == list(store.load_all())


def test_a_row_that_is_no_json_is_left_out(tmp_path: Path) -> None:
    """So are pages, and files of other people."""
    store = ObjectBacktests(str(tmp_path))
    store.save(NEW, {}, "<p>1</p>")
    (tmp_path / f"backtest/{OLD}.json").write_text('{"amount": ')
    (tmp_path / "backtest/notes.json").write_text("{}")
    assert [(NEW, {})] == list(store.load_all())
    assert "<p>1</p>" == (tmp_path / f"backtest/{NEW}.html").read_text()


def test_the_report_is_one_of_the_pages_and_no_row(store: ObjectBacktests) -> None:
    assert store.save_report("<p>1</p>").endswith("/backtest/index.html")
    assert [] == list(store.load_all())


def test_people_find_a_page_where_they_find_the_outputs() -> None:
    assert f"data/outputs/backtest/{NEW}.html" == ObjectBacktests("data/outputs/").address(NEW)
    assert f"https://x.example/backtest/{NEW}.html" == ObjectBacktests("s3://b", "https://x.example/").address(NEW)
