"""`creditbot replay` after a tick on the sandbox: what it finds changed."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import duckdb
import pytest

from tests.support.office import Office

pytestmark = pytest.mark.kernels


def test_replay_finds_every_request_unchanged(worked: Office) -> None:
    """What was answered is computed again, to the cent; nothing is posted, and no file of the bot changes."""
    files = {path: path.read_bytes() for path in (worked.folder / "data").rglob("*") if path.is_file()}
    before = worked.sandbox.world.messages()
    done = worked.run("replay", "--since", "2026-01-01", "--json")
    found = json.loads(done.out, parse_float=str)
    assert 0 == done.code
    assert (4, 0, 2, "9041.97", "9041.97") == tuple(
        found[name] for name in ("same", "differ", "not_computed", "then", "now")
    )
    assert [[]] * 4 == [one["changes"] for one in found["requests"] if not one["why_not"]]
    assert [[]] * 4 == [one["not_known"] for one in found["requests"] if not one["why_not"]]
    summaries = [json.loads(path.read_bytes()) for path in (worked.folder / "data/outputs").glob("summary_*.json")]
    kept = [notebook for summary in summaries for notebook in summary.get("notebooks", {}).values()]
    assert all("credit_report/credit.py" in notebook["beside"] for notebook in kept)
    assert 4 == len(kept)
    assert before == worked.sandbox.world.messages()
    assert files == {path: path.read_bytes() for path in (worked.folder / "data").rglob("*") if path.is_file()}


def test_replay_names_the_traffic_that_came_late(worked: Office, tmp_path: Path) -> None:
    """By day and prefix, with both values, in a copy of the warehouse; the notebook of then is used."""
    copy = tmp_path / "later.duckdb"
    shutil.copy(worked.sandbox.warehouse, copy)
    with duckdb.connect(str(copy)) as connection:
        connection.execute(
            "UPDATE verify_traffic SET messages = messages + 1000, attempts = attempts + 1000 "
            "WHERE account_sid = 'AC-sandbox-0001' AND day = '2025-12-20' AND prefix = '+62'"
        )
    done = worked.run(
        "replay", worked.permalink("SMS pumping"), "--stored-notebooks", "--out", f"{tmp_path}/out",
        WAREHOUSE_URL=f"duckdb:///{copy}",
    )  # fmt: skip
    assert 1 == done.code
    assert re.search(r"^then       \$4,948\.80, computed .* UTC$", done.out, re.MULTILINE)
    assert re.search(r"^now        \$[\d,.]+ \(\+\$[\d,.]+\)$", done.out, re.MULTILINE)
    assert "result     It differs. The first cause: the rows.\n" in done.out
    assert re.search(r"^ +2025-12-20: [\d,]+ messages then, [\d,]+ now\.$", done.out, re.MULTILINE)
    assert re.search(r"2025-12-20 \+62: [\d,]+ \(.*\) flagged then, [\d,]+ \(.*\) now\.", done.out)
    assert {".json", ".html"} == {path.suffix for path in (tmp_path / "out").iterdir()}


def test_replay_answers_what_another_target_would_have_given(worked: Office) -> None:
    """The credit that the formula gives by hand: 7526.30 x (0.85 - 0.416) / (1 - 0.416) is 5593.18."""
    done = worked.run("replay", worked.permalink("SMS pumping"), "--set", "verify:TARGETS.basic=0.85")
    assert 1 == done.code
    assert "now        $5,593.18 (+$644.38)\nresult     It differs. The first cause: the policy.\n" in done.out


def test_replay_of_a_message_that_is_no_request_is_an_error(worked: Office) -> None:
    done = worked.run("replay", worked.permalink("Why do the answers"))
    assert 2 == done.code
    assert done.sentence.startswith("It is not a request")


def test_replay_ends_with_2_if_looker_refuses(worked: Office) -> None:
    """Nobody takes that for "nothing differs" or "something does"."""
    done = worked.run("replay", worked.permalink("SMS pumping"), LOOKER_CLIENT_SECRET="wrong")
    assert 2 == done.code
    assert "does not accept the API key" in done.sentence
