"""The half year that `creditbot sandbox seed-history` makes: the same everywhere, and with people's quirks."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from creditbot.errors import SettingsError
from creditbot.insight.peoples_answers import NoAnswer, PeoplesAnswer, answers_in
from creditbot.intake.looker_links import looker_host
from creditbot.intake.requests import RequestRules, requests_in
from creditbot.model import Message, RequestKey, Workspace
from creditbot.sandbox.history import Seeded, seed_history
from creditbot.sandbox.seed import seed
from creditbot.sandbox.warehouse import make_warehouse
from creditbot.sandbox.world import BOT, BOT_USER, CHANNEL, LOOKER, TEAM, TEAM_URL, SandboxWorld

NOW = datetime(2026, 6, 30, 12, 0, tzinfo=UTC)
RULES = RequestRules(looker_host(LOOKER))
WORKSPACE = Workspace(TEAM, TEAM_URL, BOT_USER, BOT, {CHANNEL: "credits"})
Answers = dict[RequestKey, PeoplesAnswer | NoAnswer]


def make(folder: Path, requests: int, now: datetime = NOW) -> tuple[Seeded, Answers]:
    """A history in a new folder, and what people answered in it."""
    folder.mkdir()
    make_warehouse(folder / "w.duckdb")
    with SandboxWorld(folder / "world.sqlite", now.timestamp) as world:
        seed(world, messages=False)
        seeded = seed_history(world, folder / "w.duckdb", requests)
        return seeded, answers(world)


def answers(world: SandboxWorld) -> Answers:
    top = [message_of(body) for body in world.messages()]
    found: Answers = {}
    for request in requests_in(top, WORKSPACE, RULES):
        thread = [message_of(body) for body in world.thread(request.message.thread)]
        found |= answers_in(thread, [request.key], WORKSPACE, RULES)
    return found


def message_of(body: dict[str, str]) -> Message:
    thread, user = body.get("thread_ts"), body.get("user")
    return Message(CHANNEL, body["ts"], thread, user, subtype=body.get("subtype", ""), text=body["text"], content=body)


def test_a_history_has_so_many_requests_over_half_a_year(tmp_path: Path) -> None:
    seeded, found = make(tmp_path / "a", 90)
    assert Seeded(90, date(2025, 12, 30), date(2026, 6, 25)) == seeded
    assert 90 == len(found)


def test_its_amounts_do_not_depend_on_the_day(tmp_path: Path) -> None:
    """So that what the docs show stays true."""
    amounts = [
        [answer.amount for answer in make(tmp_path / name, 45, now)[1].values() if isinstance(answer, PeoplesAnswer)]
        for name, now in (("a", NOW), ("b", datetime(2027, 2, 3, 4, 5, tzinfo=UTC)))
    ]
    assert amounts[0] == amounts[1]
    assert len(set(amounts[0])) > 30


def test_people_answer_in_their_own_ways(tmp_path: Path) -> None:
    """Each quirk is there, and every plain answer is read as one."""
    kinds: Counter[str] = Counter()
    for answer in make(tmp_path / "a", 90)[1].values():
        if isinstance(answer, NoAnswer):
            kinds["unclear" if answer.unclear else "nobody"] += 1
            continue
        kinds["refused"] += answer.refused
        kinds["corrected"] += answer.corrected
        kinds["large"] += answer.amount is not None and answer.amount > Decimal(25_000)
        kinds["rounded"] += answer.amount is not None and answer.amount % 1 == 0
        assert answer.refused or answer.amount
    assert all(kinds[kind] >= 1 for kind in ("unclear", "nobody", "refused", "corrected", "large", "rounded")), kinds


def test_a_second_history_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "a", 3)
    with (
        SandboxWorld(tmp_path / "a/world.sqlite", NOW.timestamp) as world,
        pytest.raises(SettingsError, match=re.escape("sandbox reset")),
    ):
        seed_history(world, tmp_path / "a/w.duckdb", 3)


def test_the_warehouse_has_the_traffic_of_every_account(tmp_path: Path) -> None:
    """Beside what it had before."""
    make(tmp_path / "a", 20)
    with duckdb.connect(str(tmp_path / "a/w.duckdb"), read_only=True) as connection:
        tables = "SELECT account_sid FROM verify_traffic UNION ALL SELECT account_sid FROM psms_traffic"
        names = [row[0] for row in connection.execute(f"SELECT DISTINCT account_sid FROM ({tables})").fetchall()]
    assert "AC-sandbox-0001" in names
    assert len([name for name in names if name.startswith("AC-history-")]) >= 15
