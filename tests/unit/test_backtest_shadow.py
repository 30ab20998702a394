"""The report about what was recorded in shadow: the same figures, from the state and the summaries."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from creditbot.commands.backtest_output import range_in_words, report_lines
from creditbot.decide.policy import Limits, Policy
from creditbot.errors import NotebookFailed
from creditbot.insight.backtest import BacktestRow, Outcome
from creditbot.insight.backtest_figures import backtest_figures
from creditbot.insight.backtest_requests import LeftOut
from creditbot.insight.backtest_shadow import shadow_rows
from creditbot.insight.history import History
from creditbot.model import HoldKind, RequestKey
from creditbot.state.codec import understand
from tests.support.world import World
from tests.support.world_facts import OWNER, REFERENCE, RULES, START, ruled

SHADOW = replace(RULES, shadow=True)


@pytest.fixture
def world() -> World:
    return World(step=timedelta(milliseconds=100))


def asked(world: World, slug: str, answer: str = REFERENCE, **options: Any) -> RequestKey:
    """A request that a tick computed in shadow, and that Lee answered later."""
    key = world.ask(slug)
    world.tick(rules=SHADOW, **options)
    if answer:
        world.wait(hours=1)
        world.say(answer, user="U0LEE", thread_ts=key.ts)
        world.change(key.ts, replies=1)
        world.tick(rules=SHADOW, **options)
    return key


def rows(world: World) -> tuple[list[BacktestRow], LeftOut]:
    ports = world.ports()
    return shadow_rows(History(ports.summaries, ports.pages, understand(ports.state.read())).asked(START))


def only(world: World) -> BacktestRow:
    ((row,), _) = rows(world)
    return row


def test_what_would_have_been_answered_is_compared_with_people(world: World) -> None:
    key = asked(world, "abc", "Approved, $4,900.00, exceptions")
    row = only(world)
    assert (key, "U0LEE", Outcome.COMPUTED) == (row.key, row.answer.by, row.outcome)
    assert (Decimal("48.80"), True) == (row.difference, row.would_answer)
    assert row.page
    assert row.seconds is not None
    assert 0 < row.seconds < 60


def test_what_would_have_been_held_keeps_its_reasons(world: World) -> None:
    policy = Policy(approvers=(OWNER,), limits=Limits(request=Decimal(100)))
    key = world.ask("abc")
    for _ in range(2):
        world.tick(rules=ruled(SHADOW, policy=policy))
        world.say("Denied", user="U0LEE", thread_ts=key.ts)
        world.change(key.ts, replies=1)
        world.wait(hours=1)
    row = only(world)
    assert ([HoldKind.REQUEST_LIMIT], True) == ([reason.kind for reason in row.held], row.answer.refused)
    assert (1, 0) == (backtest_figures([row]).held.refused, len(backtest_figures([row]).disagreements))


def test_what_would_have_failed_has_no_amount(world: World) -> None:
    world.fail("notebook", NotebookFailed("It raised.", "Mend it."))
    asked(world, "abc")
    row = only(world)
    assert (Outcome.NOTEBOOK, None, False) == (row.outcome, row.amount, row.would_answer)
    assert "It raised." in row.problem


def test_the_same_sql_again_would_have_been_refused(world: World) -> None:
    asked(world, "abc")
    asked(world, "abc", "Denied: duplicate")
    assert [Outcome.COMPUTED, Outcome.ALREADY_CREDITED] == [row.outcome for row in rows(world)[0]]


def test_only_what_people_answered_after_creditbot_is_compared(world: World) -> None:
    """Neither what nobody answered, nor what was answered first, nor anything from without SHADOW."""
    asked(world, "a1", "")
    first = world.ask("b2")
    world.say(REFERENCE, user="U0LEE", thread_ts=first.ts)
    world.tick(rules=SHADOW)
    found, left_out = rows(world)
    assert ([], 1, 0) == (found, left_out.unanswered, left_out.by_bots)


def test_the_report_is_the_same_as_that_of_a_backtest(world: World) -> None:
    asked(world, "abc")
    found, left_out = rows(world)
    lines = list(report_lines(found, left_out, f"Shadow {range_in_words(START, START + timedelta(days=9))}"))
    assert "Shadow since 2026-01-08 and before 2026-01-17 (UTC): 1 request that a person answered." == lines[0]
    assert any(line.startswith("automation rate") and "1 of 1" in line for line in lines)
