"""Requests of the past that are computed again in a world in memory, and what `creditbot replay` prints of them."""

from __future__ import annotations

import threading
from argparse import Namespace
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from creditbot.answer.opinions import SecondOpinions
from creditbot.commands import replay as command
from creditbot.commands.replay_output import HEADER, Totals, comparison_lines, document, replay_json, table_lines
from creditbot.credit.products import ProductTable
from creditbot.credit.sql.check import SqlRules
from creditbot.decide.policy import Limits, OpinionRules, Policy
from creditbot.errors import (
    LOOKER,
    WAREHOUSE,
    NotebookFailed,
    NotebookStopped,
    SettingsError,
    SqlRefused,
    Unreachable,
)
from creditbot.insight.replayer import Replay, Replayer, RulesOfNow, StoredSql
from creditbot.model import CreditDays, LookerLink, NotebookRun, Purpose, Query, RequestKey
from tests.support.opinions import five_percent, keep
from tests.support.world import World
from tests.support.world_facts import BOTH, HOST, REQUEST_RULES, VERIFY
from tests.support.world_notebooks import RememberingSqlReader

BUILT_IN = Policy()
AGAIN = "Share the link again."
ROWS = {"count": 3, "hash": f"sha256:{'1' * 64}", "by_day": {"2025-12-01": 40}}
OTHER_ROWS = {"count": 4, "hash": f"sha256:{'2' * 64}", "by_day": {"2025-12-01": 41}}


@pytest.fixture
def world() -> World:
    world = World()
    world.scraps["rows"] = ROWS
    return world


def replayer(
    world: World, *, looker: bool = True, products: ProductTable = VERIFY, policy: Policy = BUILT_IN
) -> Replayer:
    ports = world.ports()
    resolver = ports.resolver if looker else None
    rules = RulesOfNow(products, SqlRules("duckdb"), lambda _: policy)
    return Replayer(ports.runner, resolver, REQUEST_RULES.host, RememberingSqlReader(), rules)


def again(world: World, key: RequestKey, **options: Any) -> Replay:
    return replayer(world, **options).replay(key, world.summary(key), world.now)


def answered(world: World, *slugs: str, **options: Any) -> RequestKey:
    key = world.ask(*slugs)
    world.tick(**options)
    world.calls.clear()
    return key


def lines(replay: Replay) -> list[str]:
    return list(comparison_lines(replay))


# --- computed again --------------------------------------------------------------------------------------------------


def test_a_request_that_is_computed_again_at_once_is_the_same(world: World) -> None:
    key = answered(world, "abc", "def")
    replay = again(world, key)
    assert replay.comparison
    assert not replay.comparison.changes
    assert ["request", "then", "now", "result"] == [line.split()[0] for line in lines(replay)]
    assert "result     The same. Nothing is known to have changed." in lines(replay)


def test_nothing_is_written_and_nothing_is_posted(world: World) -> None:
    """Looker is asked where the link leads, and the notebook runs; that is all."""
    key = answered(world, "abc")
    before = (dict(world.summaries), dict(world.values or {}), dict(world.pages), dict(world.notebooks))
    again(world, key)
    assert ["looker", "notebook"] == world.calls
    assert before == (world.summaries, world.values, world.pages, world.notebooks)


def test_other_rows_with_another_amount_are_the_cause(world: World) -> None:
    key = answered(world, "abc")
    world.amounts["abc"], world.scraps["rows"] = Decimal("5012.00"), OTHER_ROWS
    replay = again(world, key)
    assert replay.comparison
    assert ("rows", Decimal("63.20")) == (replay.comparison.cause, replay.comparison.difference)
    assert lines(replay)[2:] == [
        "now        $5,012.00 (+$63.20)",
        "result     It differs. The first cause: the rows.",
        "rows       The SQL gives other rows now: 3 then, 4 now.",
        "           2025-12-01: 40 messages then, 41 now.",
        "amount     The credit of the link: $4,948.80 then, $5,012.00 now.",
    ]


def test_the_sql_of_then_runs_although_the_link_leads_to_other_sql(world: World) -> None:
    key = answered(world, "abc")
    world.conditions["abc"] = "account_sid = 'AC-other'"
    replay = again(world, key)
    assert replay.comparison
    assert ("sql", Decimal("4948.80")) == (replay.comparison.cause, replay.comparison.now.amount)
    assert "AC-abc" in replay.comparison.now.links[0].sql


def test_the_same_sql_in_other_words_is_the_same(world: World) -> None:
    """A Look may be saved again with its columns in another order."""
    key = answered(world, "abc")
    world.conditions["abc"] = "'AC-abc' = account_sid"
    assert not again(world, key).comparison.changes  # type: ignore[union-attr]


def test_a_link_that_is_gone_does_not_stop_the_replay(world: World) -> None:
    key = answered(world, "abc")
    world.fail("looker", SqlRefused("The Look was deleted.", "Ask its owner."))
    replay = again(world, key)
    assert any("leads to no SQL now: The Look was deleted. Ask its owner." in line for line in lines(replay))
    assert replay.comparison
    assert Decimal("4948.80") == replay.comparison.now.amount


@pytest.mark.parametrize(
    ("url", "problem"),
    [("https://old.looker.com/x/abc", f"It is not a link to {HOST}."), (f"https://{HOST}/dashboards/5", "A dashboard")],
)
def test_an_address_that_is_no_link_now_says_why(world: World, url: str, problem: str) -> None:
    """Looker may have moved, and what counts as a link may be narrower now."""
    key = answered(world, "abc")
    (link,) = world.summary(key)["links"]
    world.summaries[str(key)] = {**world.summary(key), "links": [{**link, "url": url}]}
    replay = again(world, key)
    assert any(problem in line for line in lines(replay))
    assert replay.comparison
    assert "sql" == replay.comparison.cause


def test_without_looker_nobody_asks_where_links_lead(world: World) -> None:
    key = answered(world, "abc")
    world.conditions["abc"] = "account_sid = 'AC-other'"
    assert not again(world, key, looker=False).comparison.changes  # type: ignore[union-attr]
    assert "looker" not in world.calls


DECEMBER = CreditDays(date(2025, 12, 1), date(2026, 1, 1))


class Watched:
    """A runner that tells which days it is to credit, and a resolver that knows Looker's filters."""

    def __init__(self, world: World, filters: Mapping[str, str]) -> None:
        ports = world.ports()
        self._resolver, self._runner = ports.resolver, ports.runner
        self._filters = filters
        self.days: list[CreditDays | None] = []

    def warm(self) -> None: ...

    def close(self) -> None: ...

    def stay_logged_in(self) -> None: ...

    def login(self) -> str:
        return ""

    def resolve(self, link: LookerLink) -> Query:
        return replace(self._resolver.resolve(link), filters=self._filters, query_timezone="UTC")

    def run(
        self, notebook: str, sql: str, days: CreditDays | None = None, purpose: Purpose | None = None
    ) -> NotebookRun:
        self.days.append(days)
        return self._runner.run(notebook, sql, days, purpose)

    def forget(self, request: RequestKey) -> None:
        return


@pytest.mark.parametrize("kept", [True, False])
def test_the_filters_of_then_say_which_days_are_credited(world: World, *, kept: bool) -> None:
    """Where an earlier version kept none, those of now count if the SQL is the same."""
    key = answered(world, "abc")
    document, december = world.summary(key), {"traffic.day": "2025-12"}
    if kept:
        document = {**document, "links": [{**document["links"][0], "filters": december, "query_timezone": "UTC"}]}
    watched = Watched(world, {"traffic.day": "2024-01"} if kept else december)
    rules = RulesOfNow(VERIFY, SqlRules("duckdb"), lambda _: BUILT_IN)
    replayer = Replayer(watched, watched, REQUEST_RULES.host, RememberingSqlReader(), rules)
    assert replayer.replay(key, document, world.now).comparison
    assert [DECEMBER] == watched.days


def test_sql_that_reads_the_clock_is_named_on_another_day(world: World) -> None:
    key = answered(world, "recent")
    assert not again(world, key).comparison.changes  # type: ignore[union-attr]
    world.wait(days=3)
    world.amounts["recent"] = Decimal(1)
    replay = again(world, key)
    assert replay.comparison
    assert "sql" == replay.comparison.cause
    assert any("run on 2026-01-11, it asks for other traffic than on 2026-01-08." in line for line in lines(replay))


def test_sql_that_looker_gives_now_and_nobody_can_read_is_other_sql(world: World) -> None:
    key = answered(world, "abc")
    world.conditions["abc"] = "((("
    assert "sql" == again(world, key).comparison.cause  # type: ignore[union-attr]


def test_a_product_that_was_switched_on_since_is_named(world: World) -> None:
    key = answered(world, "abc", "other")
    replay = again(world, key, products=BOTH)
    assert replay.comparison
    assert "product" == replay.comparison.cause
    assert any("none that is on then, psms now" in line for line in lines(replay))


def test_a_notebook_that_fails_now_is_a_difference(world: World) -> None:
    key = answered(world, "abc")
    world.fail("notebook", NotebookFailed("Cell 3 raised KeyError."))
    replay = again(world, key)
    assert replay.comparison
    assert replay.comparison.differs
    assert "now        none" in lines(replay)
    assert "           Why there is none now: Cell 3 raised KeyError." in lines(replay)


def test_a_limit_that_is_lower_now_is_named(world: World) -> None:
    key = answered(world, "abc")
    replay = again(world, key, policy=Policy(Limits(request=Decimal(1000))))
    assert replay.comparison
    assert "policy" == replay.comparison.cause
    assert any("is above the limit of $1,000.00 for one request." in line for line in lines(replay))


def test_what_a_person_answered_is_compared_by_the_amount_computed(world: World) -> None:
    key = world.ask("abc")
    world.amid("notebook", lambda: world.say("Approved, $1.00, exceptions", "U0LEE", thread_ts=key.ts))
    world.tick()
    assert "elsewhere" == world.record(key).status
    comparison = again(world, key).comparison
    assert comparison
    assert Decimal("4948.80") == comparison.then.amount == comparison.now.amount


# --- not computed again ----------------------------------------------------------------------------------------------


def test_a_request_whose_sql_was_never_known_says_so(world: World) -> None:
    key = answered(world, "gone")
    replay = again(world, key)
    assert (None, False) == (replay.comparison, replay.failed)
    assert (
        "result     It cannot be computed again. No SQL was run for it, so there is none to run again."
        in lines(replay)[1]
    )


def test_a_request_one_of_whose_links_has_no_sql_says_why(world: World) -> None:
    replay = again(world, answered(world, "abc", "gone"))
    assert replay.why_not.startswith("The SQL of 1 of its 2 links was never known. The query gone does not exist.")


def test_a_request_that_somebody_answered_first_has_nothing_to_compare(world: World) -> None:
    """Its summary has the SQL of its links, by which its traffic is known, and no notebook ran on it."""
    key = answered(world, "abc")
    document = world.summary(key)
    link = {name: document["links"][0][name] for name in ("url", "sql", "sql_sha256", "product", "footprint")}
    replay = replayer(world).replay(key, {**document, "credit_amount": None, "links": [link]}, world.now)
    assert replay.why_not.startswith("No notebook ran for it then")
    assert "notebook" not in world.calls


def test_a_notebook_that_runs_out_of_time_is_an_error_and_no_difference(world: World) -> None:
    key = answered(world, "abc")
    world.fail("notebook", NotebookStopped("It took longer than 600 seconds."))
    replay = again(world, key)
    assert (None, True) == (replay.comparison, replay.failed)
    assert "It took longer than 600 seconds." == replay.why_not


@pytest.mark.parametrize(
    ("effect", "error"), [("looker", Unreachable(LOOKER, "Down.")), ("notebook", Unreachable(WAREHOUSE, "Down."))]
)
def test_what_concerns_every_request_ends_the_replay(world: World, effect: str, error: Exception) -> None:
    key = answered(world, "abc")
    world.fail(effect, error)
    with pytest.raises(Unreachable, match="Down"):
        again(world, key)


def test_a_value_that_cannot_be_set_ends_the_replay(world: World) -> None:
    key = answered(world, "abc")
    world.fail("notebook", SettingsError("The notebook has no TARGET."))
    with pytest.raises(SettingsError, match="no TARGET"):
        again(world, key)


def test_the_sql_of_then_comes_without_looker() -> None:
    """It is a resolver like that of Looker, and asks nobody."""
    query = Query(LookerLink("look", "https://a"), "SELECT 1")
    resolver = StoredSql({"https://a": query})
    resolver.warm()
    assert ("", query) == (resolver.login(), resolver.resolve(query.link))


# --- the table -------------------------------------------------------------------------------------------------------


def table(world: World, *keys: RequestKey, **options: Any) -> tuple[list[str], Totals]:
    totals, printed = Totals(), [HEADER]
    for key in keys:
        replay = again(world, key, **options)
        totals.add(replay)
        printed += table_lines(replay)
    return [*printed, *totals.lines()], totals


def test_the_table_has_a_row_for_each_request_and_the_totals(world: World) -> None:
    first, second, gone = answered(world, "abc"), answered(world, "def"), answered(world, "gone")
    world.amounts["def"], world.scraps["rows"] = Decimal("5012.00"), OTHER_ROWS
    printed, totals = table(world, first, second, gone)
    address = "https://acme.slack.com/archives/C0TEST/p"
    assert [line.partition(address)[0].rstrip() for line in printed] == [
        "asked (UTC)               then           now    difference  cause         request",
        "2026-01-08 12:00     $4,948.80     $4,948.80",
        "                  The same amount, although this has changed: rows.",
        "2026-01-08 12:00     $4,948.80     $5,012.00       +$63.20  the rows",
        "                  The SQL gives other rows now: 3 then, 4 now.",
        "                  2025-12-01: 40 messages then, 41 now.",
        "                  Also changed: amount.",
        "2026-01-08 12:00                not computed",
        f"{' ' * 18}No SQL was run for it, so there is none to run again. The query gone does not exist. {AGAIN}",
        "2 requests computed again: 1 the same, 1 differs. 1 could not be computed again.",
        "In all $9,897.60 then, $9,960.80 now, +$63.20.",
    ]
    assert 1 == totals.exit_code


def test_a_difference_without_a_known_cause_shows_all_that_changed(world: World) -> None:
    key = answered(world, "abc")
    world.amounts["abc"] = Decimal("1.00")
    printed, totals = table(world, key)
    assert "not known" in printed[1]
    assert "The credit of the link: $4,948.80 then, $1.00 now." in printed[2]
    assert (1, "In all $4,948.80 then, $1.00 now, -$4,947.80.") == (totals.exit_code, printed[-1])


def test_no_request_is_said_in_words() -> None:
    assert ["There was no request in that time."] == list(Totals().lines())


def test_requests_that_differ_are_told_from_errors(world: World) -> None:
    key = answered(world, "abc")
    _, same = table(world, key)
    world.fail("notebook", NotebookStopped("Too slow."))
    printed, stopped = table(world, key)
    assert [0, 2] == [same.exit_code, stopped.exit_code]
    assert printed[-1] == "0 requests computed again: 0 the same, 0 differ. 1 could not be computed again."


def test_the_json_has_every_request_and_the_totals(world: World) -> None:
    key = answered(world, "abc")
    totals, replay = Totals(), again(world, key)
    totals.add(replay)
    read: Mapping[str, Any] = document([replay_json(replay)], totals)
    assert {"requests", "same", "differ", "not_computed", "then", "now"} == read.keys()
    (request,) = read["requests"]
    assert {"key": str(key), "asked": "2026-01-08T12:00:00Z", "why_not": None} == {
        name: request[name] for name in ("key", "asked", "why_not")
    }
    assert {"key", "permalink", "asked", "why_not"} == replay_json(Replay(key, "", why_not="None.")).keys()


# --- the command -----------------------------------------------------------------------------------------------------


def options(**given: Any) -> Namespace:
    defaults: dict[str, Any] = {
        "permalink": None, "since": None, "until": None, "with_notebook": [], "set": [], "stored_notebooks": False,
        "without_looker": False, "out": None, "json": False,
    }  # fmt: skip
    return Namespace(**defaults | given)


DAY = datetime(2026, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, "the address of one request, or --since"),
        ({"permalink": "https://a", "since": DAY}, "the address of one request, or --since"),
        ({"permalink": "https://a", "until": DAY}, "--until goes with --since"),
        ({"since": DAY, "stored_notebooks": True, "set": ["A=1"]}, "--stored-notebooks runs the old notebooks"),
    ],
)
def test_options_that_do_not_go_together_are_refused(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        command.run(options(**given))


def test_since_and_until_choose_by_when_a_request_was_asked(world: World) -> None:
    """Oldest first; the end is not included."""
    keys = []
    for slug in ("a", "b", "c", "d"):
        keys.append(answered(world, slug))
        world.wait(days=1)
    start = datetime(2026, 1, 9, 12, tzinfo=UTC)
    summaries = world.ports().summaries
    chosen = command._since(summaries, options(since=start, until=start + timedelta(days=2)))
    assert keys[1:3] == [key for key, _ in chosen]
    assert keys[1:] == [key for key, _ in command._since(summaries, options(since=start))]


def test_results_come_in_the_order_of_the_requests() -> None:
    """Although several are computed at a time, and no more than a few are held."""
    first_may_end, taken = threading.Event(), []

    def items() -> Iterator[int]:
        for number in range(20):
            taken.append(number)
            yield number

    def step(number: int) -> int:
        if number == 1:
            first_may_end.set()
        assert number != 0 or first_may_end.wait(10)
        return number * 10

    results = command.in_turn(step, items(), 2)
    assert 0 == next(results)
    assert len(taken) < 6
    assert [number * 10 for number in range(1, 20)] == list(results)


def test_an_error_ends_the_others() -> None:
    def step(number: int) -> int:
        if number == 3:
            raise Unreachable(WAREHOUSE, "Down.")
        return number

    with pytest.raises(Unreachable):
        list(command.in_turn(step, range(1000), 2))


def test_out_gets_the_comparison_and_the_page_of_now(world: World, tmp_path: Path) -> None:
    key, gone = answered(world, "abc"), answered(world, "gone")
    for one in (key, gone):
        command._write(tmp_path / "out", again(world, one))
    assert f'"key": "{key}"' in (tmp_path / f"out/{key}.json").read_text()
    assert "This was computed on demand. Nothing was posted." in (tmp_path / f"out/{key}.html").read_text()
    assert {f"{key}.json", f"{key}.html", f"{gone}.json"} == {path.name for path in (tmp_path / "out").iterdir()}


def test_out_that_cannot_be_written_is_refused(world: World, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="cannot be written to"):
        command._write(tmp_path / "file", Replay(answered(world, "abc"), ""))


def test_a_request_of_which_nothing_was_computed_is_an_error(world: World) -> None:
    class Parts:
        ports, rules = world.ports(), Namespace(requests=replace(REQUEST_RULES))

        def __init__(self) -> None:
            from creditbot.state.ledger import Ledger

            self.ledger = Ledger(self.ports.state)

    assembly: Any = Parts()
    key = world.ask("abc")
    with pytest.raises(SettingsError, match="has not been started yet"):
        command._one(assembly, world.address(key))
    world.tick()
    assert (key, world.summary(key)) == command._one(assembly, world.address(key))


# -- second opinion ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_on", [True, False])
def test_a_replay_prints_what_people_usually_credit_for_it_now(world: World, is_on: bool) -> None:
    """Only where the policy asks for it."""
    keep(world.models, five_percent())
    key = answered(world, "abc")
    opinions = SecondOpinions(OpinionRules(hold=is_on), world.ports(), None)
    replay = command.with_second_opinion(again(world, key), opinions)
    printed = [line for line in comparison_lines(replay) if line.startswith("opinion    Too few to judge by days")]
    document = replay_json(replay)
    assert [is_on] * 3 == [len(printed) == 1, "second_opinion" in document, "second_opinion" in replay.summary]


def test_a_replay_without_an_amount_asks_for_no_second_opinion(world: World) -> None:
    key = answered(world, "abc")
    world.fail("notebook", NotebookFailed("It raised.", "Mend it."))
    replay = again(world, key)
    assert replay == command.with_second_opinion(replay, SecondOpinions(OpinionRules(hold=True), world.ports(), None))
