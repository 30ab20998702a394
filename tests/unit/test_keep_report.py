"""The report and the weekly digest that follow a tick."""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from creditbot.commands.report import NAMES_WITHIN, keep_report
from creditbot.commands.run_once import post_digest
from creditbot.errors import PostRefused
from creditbot.model import Names
from creditbot.ports import People
from creditbot.state.ledger import Ledger
from creditbot.tick.report import TickReport
from tests.support.world import World
from tests.support.world_facts import OWNER, RULES, VERIFY

NOW = datetime(2026, 1, 9, 12, 0, tzinfo=UTC)


MONDAY = datetime(2026, 1, 12, 7, 30, tzinfo=UTC)


class KnownPeople:
    """Knows one name; keeps how long it was given."""

    def __init__(self) -> None:
        self.given: list[float] = []

    def names(self, users: Collection[str], within: float) -> Names:
        self.given.append(within)
        return Names(dict.fromkeys(users, "Dana Ortiz"))


def keep(world: World, output_uri: str, people: People | None = None) -> None:
    ports, people = world.ports(), people or KnownPeople()
    parts: dict[str, Any] = {"rules": RULES, "products": VERIFY, "people": lambda: people}
    assembly: Any = SimpleNamespace(ports=ports, ledger=Ledger(ports.state), **parts)
    settings: Any = SimpleNamespace(output_uri=output_uri, evidence_url="")
    keep_report(settings, assembly, NOW)


def test_a_report_that_was_kept_is_remembered(tmp_path: Path) -> None:
    """So that no tick makes another one within the hour."""
    world = World()
    world.ask("abc")
    world.tick()
    keep(world, str(tmp_path))
    assert "$4,948.80" in (tmp_path / "report/index.html").read_text("utf-8")
    assert NOW == world.state().meta.reported


def test_a_report_after_a_tick_names_people(tmp_path: Path) -> None:
    """A tick gives that some seconds, since the next one waits."""
    world, people = World(), KnownPeople()
    world.ask("abc")
    world.tick()
    keep(world, str(tmp_path), people)
    assert "Dana Ortiz (" in (tmp_path / "report/index.html").read_text("utf-8")
    assert [NAMES_WITHIN] == people.given


def test_a_report_that_cannot_be_kept_does_not_fail_the_tick(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The log says why, and the next tick tries it again."""
    (tmp_path / "report").touch()
    world = World()
    world.tick()
    with caplog.at_level(logging.WARNING, "creditbot"):
        keep(world, str(tmp_path))
    assert "the report could not be kept: Summaries at" in caplog.text
    assert world.state().meta.reported is None


def digest_of(world: World, folder: Path, **settings: Any) -> TickReport:
    """One tick, and the digest after it."""
    bot = world.bot()
    report = bot.tick()
    ports = world.ports()
    parts: dict[str, Any] = {"ports": ports, "ledger": bot._ledger, "rules": RULES, "bot": bot, "products": VERIFY,
                             "people": KnownPeople}  # fmt: skip
    assembly: Any = SimpleNamespace(slack=SimpleNamespace(owner=ports.owners.conversation_with(OWNER)), **parts)
    known: Any = SimpleNamespace(**{"output_uri": str(folder), "evidence_url": "", "digest": "owner", **settings})
    post_digest(known, assembly, report)
    return report


def test_the_digest_of_a_week_follows_the_first_tick_of_monday(tmp_path: Path) -> None:
    """With the figures of the week before, and the address of a report that is there."""
    world = World()
    world.ask("abc")
    world.tick()
    world.wait(days=(MONDAY - world.now).total_seconds() / 86_400)
    assert digest_of(world, tmp_path).ok
    first, *_, link = world.told()[-1].splitlines()
    assert first.startswith("2026-01-05 to 2026-01-11 (UTC): $4,948.80 credited for 1 request, 1 asked.")
    assert link == f"Report: {tmp_path}/report/index.html"
    assert "$4,948.80" in (tmp_path / "report/index.html").read_text("utf-8")
    digest_of(world, tmp_path)
    assert 1 == len(world.told())


def test_a_digest_that_cannot_be_made_fails_the_tick(tmp_path: Path) -> None:
    """Nobody else would hear of it; nothing was sent, so the next tick tries it again."""
    world = World()
    world.ask("abc")
    world.tick()
    world.wait(days=(MONDAY - world.now).total_seconds() / 86_400)
    world.fail("tell", PostRefused("The bot is not in the channel.", "Invite it.", retry=True))
    report = digest_of(world, tmp_path)
    assert ["The weekly digest could not be posted: The bot is not in the channel. Invite it."] == report.errors
    assert [] == world.told()


@pytest.mark.parametrize("settings", [{"digest": ""}, {}], ids=["off", "not a Monday"])
def test_no_digest_is_made_at_another_time_or_unasked(tmp_path: Path, settings: dict[str, Any]) -> None:
    world = World()
    world.tick()
    if settings:
        world.wait(days=(MONDAY - world.now).total_seconds() / 86_400)
    assert digest_of(world, tmp_path, **settings).ok
    assert [] == world.told()
