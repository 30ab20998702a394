"""A backtest in a world in memory: which requests it takes, what it computes and keeps, and what it prints."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from creditbot.adapters.storage.backtests import ObjectBacktests
from creditbot.commands.backtest import Found, backtest
from creditbot.commands.backtest_output import document, range_in_words, report_lines
from creditbot.commands.backtest_parts import BacktestAssembly
from creditbot.credit.compute import ComputeLimits, CreditCalculator
from creditbot.credit.products import ProductTable
from creditbot.credit.sql.check import SqlRules
from creditbot.decide.opinion_model import LabelledCredit
from creditbot.errors import LOOKER, SLACK, NotebookFailed, Unreachable
from creditbot.insight.backtest import BacktestRow, Outcome, read_backtest
from creditbot.insight.backtest_requests import past_requests
from creditbot.insight.backtester import Backtester, BacktestRules, RememberedQueries
from creditbot.insight.labels import label_in_row
from creditbot.machine import exact_json
from creditbot.machine.processes import Stop
from creditbot.model import HoldKind, LookerLink, Query, RequestKey
from tests.support.world import World
from tests.support.world_facts import BOTH, REFERENCE, REQUEST_RULES, RULES, START, VERIFY
from tests.support.world_notebooks import RememberingSqlReader

SQL = SqlRules("duckdb")
SINCE = START - timedelta(days=200)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def store() -> ObjectBacktests:
    return ObjectBacktests("memory://")


def assembly(
    world: World, store: ObjectBacktests, products: ProductTable = VERIFY, notebooks: Sequence[str] = ("1",)
) -> BacktestAssembly:
    """As `bootstrap.assemble_backtest` makes it, of a process that begins now."""
    ports, reader = world.ports(), RememberingSqlReader()
    queries = RememberedQueries(ports.resolver)
    calculator = CreditCalculator(queries, ports.runner, products, SQL, ComputeLimits(2, 1), reader)
    backtester = Backtester(calculator, queries, reader, BacktestRules(products, SQL, tuple(notebooks)))
    return BacktestAssembly(
        ports.inbox, ports.clock, backtester, store, REQUEST_RULES, RULES.channels, timedelta(days=35), ports.runner,
        reader, Stop(),  # type: ignore[arg-type]
    )  # fmt: skip


def run(world: World, store: ObjectBacktests, *, again: bool = False, **options: Any) -> Found:
    """One run of the command, without its printing; what it did to the world is in `world.calls`."""
    parts = assembly(world, store, **options)
    world.calls.clear()
    return backtest(parts, past_requests(parts.inbox, parts.requests, SINCE, None), 2, again=again)


def asked(world: World, slug: str = "abc", answer: str = REFERENCE, **fields: Any) -> RequestKey:
    """A request that Lee answered an hour later; "" for one that nobody answered."""
    key = world.ask(slug, **fields)
    world.wait(hours=1)
    if answer:
        world.say(answer, user="U0LEE", thread_ts=key.ts)
        world.change(key.ts, replies=1)
    world.wait(hours=1)
    return key


def only(found: Found) -> BacktestRow:
    (row,) = found.rows
    return row


# -- which requests, and what is computed ------------------------------------------------------------------------------


def test_an_answered_request_gets_a_row_with_both_amounts(world: World, store: ObjectBacktests) -> None:
    key = asked(world)
    row = only(run(world, store))
    assert (key, "U0PERSON", "U0LEE") == (row.key, row.requester, row.answer.by)
    assert (Outcome.COMPUTED, Decimal("4948.80"), Decimal("4948.80")) == (row.outcome, row.amount, row.answer.amount)
    assert [("verify", Decimal("4948.80"))] == [(link.product, link.credit) for link in row.links]
    assert row.page == store.address(key)
    assert [row] == read_backtest(store)


def test_requests_that_no_person_answered_are_counted(world: World, store: ObjectBacktests) -> None:
    asked(world, "a1", "")
    asked(world, "b2", "looking into it")
    asked(world, "c3", "Approved!")
    world.stray_reply(asked(world, "d4", ""))
    world.messages = [replace(m, replies=1) for m in world.messages]
    found = run(world, store)
    assert [] == found.rows
    assert (2, 1, 1) == (found.left_out.unanswered, found.left_out.by_bots, found.left_out.unclear)


def test_a_correction_of_our_reply_is_learnt_from_but_not_compared(world: World, store: ObjectBacktests) -> None:
    """What people let stand is not among such corrections, so shares of them would say nothing."""
    world.stray_reply(asked(world, "a1", ""))
    key = asked(world, "b2", "")
    world.stray_reply(key)
    world.say("should have been $4,500", user="U0LEE", thread_ts=key.ts)
    world.messages = [replace(m, replies=1) for m in world.messages]
    run(world, store)
    found = run(world, store)  # which reads the row of the first one
    assert ([], 2, 1, 0) == (found.rows, found.left_out.by_bots, found.left_out.corrected, found.missing)
    (row,) = read_backtest(store)
    label = label_in_row(row)
    assert isinstance(label, LabelledCredit)
    assert (str(key), Decimal(4500)) == (label.key, label.amount)
    assert "People corrected 1 of the bot's." in "\n".join(report_lines(found.rows, found.left_out, "Backtest"))


def test_a_thread_is_read_once_for_all_its_requests(world: World, store: ObjectBacktests) -> None:
    top = asked(world)
    second = world.broadcast(top, "def")
    world.say("Approved, $7.00, exceptions", user="U0LEE", thread_ts=top.ts)
    assert [top, second] == [row.key for row in run(world, store).rows]
    assert 1 == world.calls.count("thread")


def test_nothing_is_written_but_rows_and_pages(world: World, store: ObjectBacktests) -> None:
    asked(world)
    run(world, store)
    assert {"auth", "history", "thread", "looker", "notebook"} == set(world.calls)
    assert not world.summaries
    assert not world.posted()


def test_a_link_that_fails_says_of_which_kind(world: World, store: ObjectBacktests) -> None:
    asked(world)
    world.fail("notebook", NotebookFailed("It raised.", "Mend it."))
    row = only(run(world, store))
    assert (Outcome.NOTEBOOK, None, "It raised.") == (row.outcome, row.amount, row.problem)


def test_links_of_a_product_that_is_off_are_their_own_kind(world: World, store: ObjectBacktests) -> None:
    asked(world, "other1")
    assert Outcome.SWITCHED_OFF is only(run(world, store)).outcome
    assert Outcome.COMPUTED is only(run(world, store, products=BOTH)).outcome


def test_sql_that_reads_the_clock_is_not_computed(world: World, store: ObjectBacktests) -> None:
    """It asks for other days now than when people answered."""
    world.conditions["abc"] = "account_sid = 'AC1' AND day >= CURRENT_DATE - 7"
    asked(world)
    world.wait(days=30)
    assert Outcome.OTHER_DAYS is only(run(world, store)).outcome
    assert not world.runs


def test_a_request_that_takes_itself_back_is_held(world: World, store: ObjectBacktests) -> None:
    key = asked(world)
    world.edit(key, f"{world.visible()[0].text} please ignore")
    for _ in range(2):
        assert [HoldKind.WORDS] == [reason.kind for reason in only(run(world, store)).held]


# -- going on where it stopped -----------------------------------------------------------------------------------------


def test_a_second_run_computes_nothing_again(world: World, store: ObjectBacktests) -> None:
    asked(world)
    first = run(world, store)
    second = run(world, store)
    assert (1, 0) == (first.computed, second.computed)
    assert first.rows == second.rows
    assert ["abc"] == world.runs


@pytest.mark.parametrize("what", ["notebook", "sql", "words", "again"])
def test_a_row_is_computed_again_if_it_is_made_from_something_else(
    world: World, store: ObjectBacktests, what: str
) -> None:
    key = asked(world)
    run(world, store)
    world.amounts["abc"] = Decimal("5.00")
    if what == "sql":
        world.conditions["abc"] = "account_sid = 'AC-other'"
    if what == "words":
        world.edit(key, f"urgent: {world.visible()[0].text}")
    found = run(world, store, again=what == "again", notebooks=("2",) if what == "notebook" else ("1",))
    assert (1, Decimal("5.00")) == (found.computed, only(found).amount)


def test_comments_that_looker_writes_anew_do_not_count(
    world: World, store: ObjectBacktests, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names who asked and when above the same SQL."""
    plain = RememberedQueries.resolve

    def commented(self: RememberedQueries, link: LookerLink) -> Query:
        query = plain(self, link)
        return replace(query, sql=f"-- Looker Query Context '{{\"id\": {len(world.runs)}}}'\n{query.sql}")

    monkeypatch.setattr(RememberedQueries, "resolve", commented)
    asked(world)
    assert [1, 0] == [run(world, store).computed for _ in range(2)]


def test_a_correction_since_needs_no_computing(world: World, store: ObjectBacktests) -> None:
    """The row has the last word of people all the same, also where it is kept."""
    key = asked(world)
    run(world, store)
    world.say("Correction: $12.00", user="U0LEE", thread_ts=key.ts)
    found = run(world, store)
    assert (0, Decimal("12.00"), True) == (found.computed, only(found).answer.amount, only(found).answer.corrected)
    assert found.rows == read_backtest(store)


def test_a_service_that_fails_leaves_the_rest_for_the_next_run(world: World, store: ObjectBacktests) -> None:
    asked(world, "a1")
    asked(world, "b2")
    world.fail("looker", Unreachable(LOOKER, "Looker is down."))
    first = run(world, store)
    assert (1, 1, ["Looker is down."]) == (len(first.rows), first.missing, first.errors)
    second = run(world, store)
    assert (2, 1, 0) == (len(second.rows), second.computed, second.missing)


def test_after_some_failures_nothing_more_is_asked(world: World, store: ObjectBacktests) -> None:
    for number in range(40):
        asked(world, f"slug{number}")
    world.fail("looker", Unreachable(LOOKER, "Looker is down."), times=40)
    found = run(world, store)
    assert (0, 40) == (len(found.rows), found.missing)
    assert world.calls.count("looker") < 20


def test_a_defect_in_one_request_leaves_the_others(world: World, store: ObjectBacktests) -> None:
    asked(world, "a1")
    asked(world, "b2")
    world.fail("looker", ZeroDivisionError("made up"))
    found = run(world, store)
    assert (1, 1) == (len(found.rows), found.missing)
    assert ["creditbot has a defect: ZeroDivisionError. The log has the details."] == found.errors


def test_a_thread_that_cannot_be_read_leaves_the_rest(world: World, store: ObjectBacktests) -> None:
    asked(world, "a1")
    asked(world, "b2")
    world.fail("thread", Unreachable(SLACK, "Slack is down."))
    found = run(world, store)
    assert (2, ["Slack is down."]) == (found.missing, found.errors)


def test_nothing_that_ends_with_the_process_is_kept(world: World, store: ObjectBacktests) -> None:
    """A notebook that was stopped with us says nothing about its request."""
    asked(world)
    parts = assembly(world, store)
    world.amid("notebook", parts.stop.ask)
    backtest(parts, past_requests(parts.inbox, parts.requests, SINCE, None), 2)
    assert [] == read_backtest(store)


# -- what is printed ---------------------------------------------------------------------------------------------------


def test_the_report_names_every_disagreement_with_its_page(world: World, store: ObjectBacktests) -> None:
    world.amounts |= {"def": Decimal("100.00")}
    same, other = asked(world, "abc"), asked(world, "def", "Approved, $150.00, exceptions")
    found = run(world, store)
    text = "\n".join(report_lines(found.rows, found.left_out, f"Backtest {range_in_words(SINCE, None)}"))
    assert "exact                             1 of 2 = 50.0% (95 % interval: 9.5% to 90.5%)" in text
    (line,) = [line for line in text.splitlines() if other.ts.replace(".", "") in line and "$150.00" in line]
    assert ["$150.00", "$100.00", "-$50.00"] == line.split()[2:5]
    assert store.address(other) in text
    assert store.address(same) not in text
    assert re.search(r"^automation rate +95% +2 of 2 = 100.0%", text, re.MULTILINE)


def test_a_backtest_without_requests_says_so(world: World, store: ObjectBacktests) -> None:
    found = run(world, store)
    lines = list(report_lines(found.rows, found.left_out, f"Backtest {range_in_words(SINCE, None)}"))
    assert ["Backtest since 2025-06-22 (UTC): 0 requests that a person answered."] == lines


def test_the_json_has_every_row(world: World, store: ObjectBacktests) -> None:
    key = asked(world)
    found = run(world, store)
    read = exact_json.read(exact_json.write(document(found.rows, found.left_out, found.missing)))
    assert isinstance(read, dict)
    assert [str(key)] == [row["key"] for row in read["rows"]]
    assert Decimal("4948.80") == read["differences"]["by_people"]
