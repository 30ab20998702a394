"""What `creditbot check` says about a warehouse, and how its lines look."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from creditbot.commands.check import CheckResult, ask_warehouse, notebook, shadow
from creditbot.errors import Unreachable
from creditbot.state.record import Meta

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def test_a_result_is_one_line_in_columns() -> None:
    """Whatever its text holds."""
    result = CheckResult("Looker login", "FAIL", "It refuses us.\n  Set the key.")
    assert "FAIL  Looker login        It refuses us. Set the key." == str(result)
    assert not result.ok
    assert CheckResult("limits", "note", "").ok


def test_a_warehouse_that_answers_passes(tmp_path: Path) -> None:
    """Nothing is written to it."""
    duckdb.connect(str(tmp_path / "w.duckdb")).close()
    before = (tmp_path / "w.duckdb").read_bytes()
    ask_warehouse(f"duckdb:///{tmp_path}/w.duckdb")
    assert before == (tmp_path / "w.duckdb").read_bytes()


def test_the_connection_to_a_warehouse_is_closed(tmp_path: Path) -> None:
    """SQLAlchemy would keep it open."""
    ask_warehouse(f"sqlite:///{tmp_path}/w.sqlite")
    assert tmp_path / "w.sqlite" not in [file.resolve() for file in Path("/proc/self/fd").iterdir()]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("duckdb:////nowhere/w.duckdb", "The file of WAREHOUSE_URL cannot be opened (IOException)."),
        ("nothing://user:hunter2@host/db", "No driver for the nothing of WAREHOUSE_URL is installed."),
        ("hunter2", "WAREHOUSE_URL is not an address."),
        ("sqlite:////nowhere/hunter2", "WAREHOUSE_URL does not answer (OperationalError)."),
    ],
)
def test_a_warehouse_that_does_not_answer_is_explained(url: str, said: str) -> None:
    """With what to do. The password is in neither sentence."""
    with pytest.raises(Unreachable) as raised:
        ask_warehouse(url)
    assert said == raised.value.what
    assert raised.value.todo
    assert "hunter2" not in str(raised.value)


# --- notebooks -------------------------------------------------------------------------------------------------------


def test_a_bundled_notebook_without_its_folder_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every run of it would fail."""
    monkeypatch.setattr(sys, "path", [place for place in sys.path if Path(place) != NOTEBOOKS])
    monkeypatch.delitem(sys.modules, "credit_report", raising=False)
    copy = tmp_path / "verify_credit.ipynb"
    copy.write_bytes((NOTEBOOKS / copy.name).read_bytes())
    notes = [text for verdict, text in notebook(str(copy)) if verdict == "note"]
    (note,) = notes
    assert note == (
        "It imports credit_report, which is neither in its folder nor installed. Copy the folder credit_report to the "
        "notebook's folder: it belongs beside a copy of a bundled notebook."
    )
    assert ["ok"] == [verdict for verdict, _ in notebook(str(NOTEBOOKS / copy.name))]


# --- shadow ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("is_on", "meta", "verdict", "said"),
    [
        (True, Meta(), "note", "SHADOW is on"),
        (False, Meta(shadow=True), "note", "SHADOW was on until now"),
        (False, Meta(live_since=datetime(2026, 1, 9, tzinfo=UTC)), "ok", "from before 2026-01-09 00:00:00 UTC"),
    ],
)
def test_a_shadow_is_reported_while_it_matters(is_on: bool, meta: Meta, verdict: str, said: str) -> None:
    ((found, text),) = shadow(meta, is_on=is_on)
    assert verdict == found
    assert said in text


def test_a_deployment_that_never_was_in_shadow_hears_nothing_of_it() -> None:
    assert [] == shadow(Meta(), is_on=False)
