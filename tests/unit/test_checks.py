"""What `creditbot check` says about a warehouse, and how its lines look."""

from __future__ import annotations

import os
import socket
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from creditbot.commands.check import second_opinion, shadow
from creditbot.commands.check_notebooks import notebook
from creditbot.commands.check_result import CheckResult, attempt, begin
from creditbot.commands.check_warehouse import ask_warehouse, look_for
from creditbot.errors import Unreachable
from creditbot.state.record import Meta
from tests.support.notebooks import code, write_notebook
from tests.support.opinions import five_percent, keep
from tests.support.world import World
from tests.support.world_stores import MemoryModels

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


# --- second opinion ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_on", [True, False])
@pytest.mark.parametrize(("days", "age"), [(0, "made today"), (1, "made 1 day ago"), (40, "made 40 days ago")])
def test_the_model_in_force_is_named_with_its_age(is_on: bool, days: int, age: str) -> None:
    models: dict[str, bytes] = {}
    keep(models, five_percent(fitted=datetime.now(UTC) - timedelta(days=400)))
    name = keep(models, five_percent(fitted=datetime.now(UTC) - timedelta(days=days, minutes=5)))
    says = ("on", "is in force") if is_on else ("off", "holds nothing")
    expected = f"{says[0]}: the model {name}, {age} from 12 answers of people, {says[1]}"
    assert [("ok", expected)] == second_opinion(MemoryModels(World(models=models)), is_on=is_on)


def test_a_second_opinion_without_a_model_is_noted_where_it_is_wanted() -> None:
    nothing = MemoryModels(World())
    assert [] == second_opinion(nothing, is_on=False)
    ((verdict, text),) = second_opinion(nothing, is_on=True)
    assert ("note", True) == (verdict, "`creditbot model fit`" in text)


def test_a_model_that_cannot_be_read_is_a_failure_where_it_counts() -> None:
    """Where a second opinion is on, requests wait until somebody has looked. Where it is off, nobody reads it."""
    models = MemoryModels(World(models={"20260105T120000Z-0123456789ab": b"{}"}))
    (result,) = attempt("second opinion", lambda: second_opinion(models, is_on=True))
    assert ("FAIL", True) == (result.verdict, "cannot be read" in result.text)
    assert [] == second_opinion(models, is_on=False)


# --- hosts ------------------------------------------------------------------------------------------------------------


def test_a_warehouse_whose_host_does_not_listen_is_found_at_once() -> None:
    """Drivers wait for minutes, and try again."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound and not listening: the port is nobody else's, and refuses
        with pytest.raises(Unreachable, match="does not answer"):
            look_for(f"trino://bot:hunter2@127.0.0.1:{nobody.getsockname()[1]}/db", 5.0)


@pytest.mark.parametrize("url", ["duckdb:////tmp/w.duckdb", "snowflake://bot@account/db", "hunter2", "http://[::1"])
def test_an_address_without_host_and_port_is_left_to_its_driver(url: str) -> None:
    look_for(url, 5.0)


# --- notebooks -------------------------------------------------------------------------------------------------------


def saved(folder: Path, *cells: str) -> str:
    """The path of a notebook with a parameter and these cells."""
    return str(write_notebook(folder / "n.ipynb", *map(code, ('looker = ""', *cells))))


def checked(path: str | None, *, has_warehouse: bool = True) -> dict[str, list[str]]:
    """Verdict -> the texts that have it."""
    findings = notebook(path, {"PATH": os.environ["PATH"]}, has_warehouse=has_warehouse)
    return {verdict: [text for it, text in findings if it == verdict] for verdict, _ in findings}


def test_a_notebook_whose_imports_fail_is_named_with_each_of_them(tmp_path: Path) -> None:
    """A module that is not installed, and one beside the notebook that fails itself."""
    (tmp_path / "broken.py").write_text("1 / 0")
    (tmp_path / "beside.py").write_text("")
    path = saved(tmp_path, "import json, nowhere.at_all", "import broken\nimport beside")
    missing, failing = checked(path)["FAIL"]
    assert "`import nowhere.at_all` fails with ModuleNotFoundError: No module named 'nowhere'. Put nowhere" in missing
    assert "`import broken` fails with ZeroDivisionError: division by zero. Correct that." in failing


def test_a_copy_of_a_bundled_notebook_needs_its_folder(tmp_path: Path) -> None:
    """Every run of it would fail."""
    copy = tmp_path / "verify_credit.ipynb"
    copy.write_bytes((NOTEBOOKS / copy.name).read_bytes())
    (text,) = checked(str(copy))["FAIL"]
    assert "`import credit_report` fails with ModuleNotFoundError" in text
    assert "Copy the folder credit_report to the notebook's folder" in text


def test_an_import_that_may_fail_is_not_tried(tmp_path: Path) -> None:
    """Within a `try`, a condition or a function."""
    path = saved(tmp_path, "try:\n    import nowhere\nexcept ImportError:\n    pass", "def f():\n    import nowhere")
    assert ["ok"] == list(checked(path))


def test_imports_that_end_the_process_are_a_failure_as_well(tmp_path: Path) -> None:
    (tmp_path / "ending.py").write_text("import os; os._exit(3)")
    (text,) = checked(saved(tmp_path, "import ending"))["FAIL"]
    assert "its imports end the process" in text


@pytest.mark.parametrize(("has_warehouse", "verdict"), [(True, "ok"), (False, "FAIL")])
def test_a_notebook_that_reads_warehouse_url_needs_it(tmp_path: Path, has_warehouse: bool, verdict: str) -> None:
    """Also where only a module beside it reads it, as with the bundled ones."""
    (tmp_path / "warehouse.py").write_text("import os; URL = os.environ.get('WAREHOUSE_URL')")
    found = checked(saved(tmp_path, "from warehouse import URL"), has_warehouse=has_warehouse)
    assert [verdict] == list(found)
    assert has_warehouse or "reads WAREHOUSE_URL, which is not set" in found["FAIL"][0]


# --- in the background -----------------------------------------------------------------------------------------------


def test_a_question_in_the_background_is_answered_or_raises() -> None:
    """Where somebody waits for its answer."""
    assert 3 == begin(lambda: 3)()
    with pytest.raises(ZeroDivisionError):
        begin(lambda: 1 // 0)()


def test_a_question_without_an_answer_in_time_is_given_up() -> None:
    """What it raises then is what was given for that."""
    with pytest.raises(Unreachable, match="It did not answer"):
        begin(threading.Event().wait, silence=Unreachable("the warehouse", "It did not answer."), seconds=0)()


def test_a_question_that_times_out_by_itself_says_so() -> None:
    def asks() -> None:
        raise TimeoutError("of its own")

    with pytest.raises(TimeoutError, match="of its own"):
        begin(asks, silence=Unreachable("Slack", "It did not answer."), seconds=60)()
