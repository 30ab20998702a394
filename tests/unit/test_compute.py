"""A request becomes an amount with its evidence."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from unittest.mock import DEFAULT, Mock, call

import pytest
from typing_extensions import override

from creditbot.credit.compute import Computation, ComputeLimits, CreditCalculator, LinksFailed
from creditbot.credit.footprint import days_in_words
from creditbot.credit.products import ProductTable
from creditbot.credit.sql.check import SqlRules
from creditbot.errors import CreditRefused, NoProduct, NotebookFailed, SqlRefused, Unreachable
from creditbot.intake.requests import Request, read_request
from creditbot.model import CreditDays, LookerLink, NotebookRun, Purpose, Query, Workspace
from tests.support.points import Point, watched
from tests.support.world import World
from tests.support.world_facts import BOTH, CHANNEL, HOST, REQUEST_RULES, TEAM, VERIFY
from tests.support.world_notebooks import FakeResolver, FakeRunner

WORKSPACE = Workspace(TEAM, "https://acme.slack.com/", "U0BOT", "B0BOT", {CHANNEL: "credits"})


@pytest.fixture
def world() -> World:
    return World(amounts={"a": Decimal("10.10"), "b": Decimal("20.20"), "nil": Decimal("0.00")})


def request(world: World, *paths: str) -> Request:
    world.say(" ".join(f"<https://{HOST}/{path}>" for path in paths))
    read = read_request(world.messages[-1], WORKSPACE, REQUEST_RULES)
    assert read
    return read


def compute(world: World, *paths: str, psms: bool = False) -> Computation:
    ports = world.ports()
    limits = ComputeLimits(workers=2)
    calculator = CreditCalculator(ports.resolver, ports.runner, BOTH if psms else VERIFY, SqlRules("duckdb"), limits)
    return calculator.compute(request(world, *paths), world.now)


def problems(world: World, *paths: str, psms: bool = False) -> list[tuple[str, type]]:
    """The last part of each link that failed, with the class of its error."""
    with pytest.raises(LinksFailed) as failed:
        compute(world, *paths, psms=psms)
    return [(link.url.rpartition("/")[2], type(error)) for link, error in failed.value.problems]


class OneAnswer(FakeResolver):
    """A Looker that has the same SQL for every link."""

    def __init__(self, world: World, sql: str) -> None:
        super().__init__(world)
        self._sql = sql

    @override
    def resolve(self, link: LookerLink) -> Query:
        return Query(link, self._sql)


@pytest.mark.parametrize(("shared", "asked"), [(False, ["gone", "a"]), (True, ["gone"])])
def test_only_a_fault_that_all_links_share_ends_a_look_up(world: World, shared: bool, asked: list[str]) -> None:
    """Another fault leaves its link out."""
    resolver = Mock(wraps=world.ports().resolver)
    fault = Unreachable("Looker", "It does not answer.") if shared else SqlRefused("It is no query.")
    assert shared == fault.shared
    resolver.resolve.side_effect = lambda link: (_ for _ in ()).throw(fault) if link.slug == "gone" else DEFAULT
    calculator = CreditCalculator(resolver, world.ports().runner, VERIFY, SqlRules("duckdb"), ComputeLimits(workers=2))
    found = calculator.look_up(request(world, "x/gone", "x/a"), world.now)
    assert asked == [call.args[0].slug for call in resolver.resolve.call_args_list]
    assert asked[1:] == [result.query.link.slug for result in found.results]


def test_the_amount_is_the_exact_sum_over_the_links(world: World) -> None:
    """0.1 + 0.2 is 0.3."""
    assert Decimal("30.30") == compute(world, "x/b", "x/a").amount


def as_far_as(world: World, *paths: str, **options: Any) -> list[tuple[str, str, bool]]:
    """Each link of a request that failed, whose SQL is known: (slug, product, whether a notebook ran)."""
    with pytest.raises(LinksFailed) as failed:
        compute(world, *paths, **options)
    return [(r.query.link.slug, r.product, r.run is not None) for r in failed.value.results]


def test_a_link_beside_one_that_looker_lacks_is_known_by_its_sql(world: World) -> None:
    assert [("a", "", False)] == as_far_as(world, "x/a", "x/gone")


def test_a_link_beside_one_of_no_product_is_known_by_its_product(world: World) -> None:
    assert [("a", "verify", False), ("unfit", "", False)] == as_far_as(world, "x/a", "x/unfit")


def test_a_link_beside_a_failed_notebook_is_known_by_its_credit(world: World) -> None:
    """And the failed one by what its notebook left, if anything."""
    world.fail("notebook", NotebookFailed("Cell 2 failed."))
    assert [False, True] == sorted(ran for _, _, ran in as_far_as(world, "x/a", "x/b"))


def test_the_traffic_of_a_failed_link_is_known_once_its_product_is(world: World) -> None:
    """A person who decides by hand sees whose traffic it is."""
    with pytest.raises(LinksFailed) as failed:
        compute(world, "x/a", "x/unfit")
    assert [f"https://{HOST}/x/a"] == list(failed.value.footprints)


class Watched(FakeRunner):
    """A runner that remembers the days it was told to credit."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.days: list[CreditDays | None] = []

    @override
    def run(
        self, notebook: str, sql: str, days: CreditDays | None = None, purpose: Purpose | None = None
    ) -> NotebookRun:
        self.days.append(days)
        return super().run(notebook, sql, days)


def with_history(world: World, sql: str, history_days: int) -> tuple[Computation, list[CreditDays | None]]:
    """The computation of a link with this SQL, for a product with so many days of history; and the days to credit."""
    runner = Watched(world)
    product = replace(VERIFY.products[0], history_days=history_days)
    table = ProductTable((replace(VERIFY.rules[0], product=product),))
    calculator = CreditCalculator(OneAnswer(world, sql), runner, table, SqlRules("duckdb"))
    return calculator.compute(request(world, "x/a"), world.now), runner.days


LOOKS_BACK = "SELECT * FROM authy WHERE day >= '2025-11-17' AND day < '2026-01-01' AND slug = 'a'"


def test_history_is_no_part_of_what_is_credited(world: World) -> None:
    """The notebook is told, and the footprint is that of the days after it."""
    computation, days = with_history(world, LOOKS_BACK, 14)
    assert [CreditDays(date(2025, 12, 1), date(2026, 1, 1), has_history=True)] == days
    assert ["2025-12-01 to 2025-12-31"] == [days_in_words(footprint.days) for footprint in computation.footprints]


def test_without_history_the_days_of_the_sql_are_credited(world: World) -> None:
    computation, days = with_history(world, LOOKS_BACK, 0)
    assert [CreditDays(date(2025, 11, 17), date(2026, 1, 1))] == days
    assert ["2025-11-17 to 2025-12-31"] == [days_in_words(footprint.days) for footprint in computation.footprints]


def test_history_without_a_first_day_is_refused(world: World) -> None:
    with pytest.raises(LinksFailed, match="does not say on which day it begins"):
        with_history(world, "SELECT * FROM authy WHERE slug = 'a'", 14)


def test_a_refused_amount_keeps_the_run_that_gave_it(world: World) -> None:
    world.amounts["a"] = Decimal("100000.00")  # above its fraud cost
    assert [("a", "verify", True)] == as_far_as(world, "x/a")


def test_a_refused_sum_keeps_the_credits_of_its_links(world: World) -> None:
    world.amounts |= {"a": Decimal("0.00"), "b": Decimal("0.00")}
    with pytest.raises(LinksFailed) as failed:
        compute(world, "x/a", "x/b")
    assert [Decimal("0.00"), Decimal("0.00")] == [r.credit.amount for r in failed.value.results if r.credit]


def test_the_results_are_in_the_order_of_the_links(world: World) -> None:
    """With the product of each, for the evidence."""
    results = compute(world, "x/b", "x/a").results
    assert [("b", "verify"), ("a", "verify")] == [(result.query.link.slug, result.product) for result in results]


def test_every_sql_and_every_notebook_is_named_once(world: World) -> None:
    """The two links have other SQL and run in the same notebook. Each SQL is kept by its meaning, text and words."""
    computation = compute(world, "x/b", "x/a")
    assert ["1", "1", "2", "2", "text", "text"] == sorted(
        fingerprint.partition("-")[0] for fingerprint in set(computation.sql)
    )
    assert 1 == len(computation.notebooks)


def test_links_with_the_same_sql_count_once(world: World) -> None:
    """The first of them stands for both."""
    computation = compute(world, "x/a", "explore/m/v?qid=a")
    assert Decimal("10.10") == computation.amount
    assert ["short"] == [result.query.link.kind for result in computation.results]
    assert ["a"] == world.runs


def test_a_skipped_link_is_kept_as_evidence_and_not_credited(world: World) -> None:
    """The others are credited."""
    computation = compute(world, "x/other", "x/a")
    assert Decimal("10.10") == computation.amount
    assert ["", "verify"] == [result.product for result in computation.results]
    assert [computation.results[1].sql_sha256] == list(computation.sql[:1])


def test_a_request_with_nothing_but_skipped_links_has_no_amount(world: World) -> None:
    """No amount is not an amount of zero."""
    assert compute(world, "x/other").amount is None


def test_every_link_that_failed_is_named(world: World) -> None:
    """One bad link does not hide another."""
    assert ["gone1", "gone2"] == [url for url, _ in problems(world, "x/gone1", "x/a", "x/gone2")]


def test_no_notebook_runs_if_a_link_has_no_sql(world: World) -> None:
    """There is no partial total, so there is nothing to compute."""
    problems(world, "x/gone", "x/a")
    assert [] == world.runs


@pytest.mark.parametrize("psms", [False, True])
def test_sql_of_no_product_fails_its_message(world: World, psms: bool) -> None:
    """What is not understood is not another product, whichever products are on."""
    assert [("unfit", NoProduct)] == problems(world, "x/unfit", "x/a", psms=psms)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a FROM (t WHERE item = 'SMS'",
        "CREATE TABLE x.LR$A1764633600123_t AS (SELECT * FROM t)\nSELECT a FROM x.LR$A1764633600123_t WHERE b = 'SMS'",
        "SELECT a FROM t WHERE item = 'SMS'; DROP TABLE t",
    ],
    ids=["unreadable", "being built", "two statements"],
)
def test_sql_that_was_not_read_is_not_skipped(world: World, sql: str) -> None:
    """Though PSMS is off, and it mentions SMS."""
    calculator = CreditCalculator(OneAnswer(world, sql), world.ports().runner, VERIFY, SqlRules("duckdb"))
    with pytest.raises(LinksFailed) as failed:
        calculator.compute(request(world, "x/a"), world.now)
    assert [SqlRefused] == [type(error) for _, error in failed.value.problems]


def test_sql_of_a_product_that_is_off_may_be_any_query(world: World) -> None:
    """It is skipped, so it does not run."""
    resolver = OneAnswer(world, "SELECT a FROM t WHERE item = 'SMS' LIMIT 5")
    calculator = CreditCalculator(resolver, world.ports().runner, VERIFY, SqlRules("duckdb"))
    assert calculator.compute(request(world, "x/a"), world.now).amount is None


def test_looker_is_not_asked_about_an_unusable_link(world: World) -> None:
    """The link itself says what is wrong with it."""
    problems(world, "dashboards/7")
    assert 0 == world.counted()["looker"]


def test_sql_that_is_refused_does_not_run(world: World) -> None:
    """What a notebook gets has passed the check."""
    resolver = OneAnswer(world, "SELECT a FROM read_csv('x') WHERE item = 'Authy'")
    calculator = CreditCalculator(resolver, world.ports().runner, VERIFY, SqlRules("duckdb"))
    with pytest.raises(LinksFailed) as failed:
        calculator.compute(request(world, "x/a"), world.now)
    assert [SqlRefused] == [type(error) for _, error in failed.value.problems]
    assert [] == world.runs


def test_a_total_of_zero_is_refused(world: World) -> None:
    """There is nothing to approve."""
    assert [("nil", CreditRefused)] == problems(world, "x/nil")


def test_a_link_may_add_zero_to_the_total(world: World) -> None:
    """Only the sum has to be more than zero."""
    assert Decimal("10.10") == compute(world, "x/nil", "x/a").amount


def test_the_first_request_finds_its_parts_warm() -> None:
    """What both of them start in the background takes as long as reading the channels."""
    runner, resolver = Mock(), Mock()
    CreditCalculator(resolver, runner, VERIFY, SqlRules("duckdb")).warm()
    runner.warm.assert_called_once_with()
    resolver.warm.assert_called_once_with()


def test_a_shared_cause_keeps_its_class(world: World) -> None:
    """Whoever handles it must know that it does not count against the request."""
    world.fail("looker", Unreachable("Looker", "Looker is down."))
    assert [("a", Unreachable)] == problems(world, "x/a")


def test_links_are_worked_on_at_the_same_time(world: World) -> None:
    """Each of two queries waits for the other one to have begun."""
    both = threading.Barrier(2, timeout=10)
    world.amid("looker", both.wait)
    world.amid("looker", both.wait)
    assert Decimal("30.30") == compute(world, "x/a", "x/b").amount


def test_one_link_at_a_time_stays_in_the_calling_thread(world: World) -> None:
    """Tests and cassettes rely on it."""
    threads = set()

    def at(_: Point) -> None:
        threads.add(threading.current_thread())

    ports = watched(world.ports(), at)
    limits = ComputeLimits(links_at_once=1)
    CreditCalculator(ports.resolver, ports.runner, VERIFY, SqlRules("duckdb"), limits).compute(
        request(world, "x/a", "x/b"), world.now
    )
    assert {threading.current_thread()} == threads


def test_sql_that_reads_the_clock_is_credited_again_another_day(world: World) -> None:
    """A Look of the last seven days asks for other traffic a week later."""
    sql = "SELECT a FROM t WHERE item = 'Authy' AND day > CURRENT_DATE - 7 AND slug = 'a'"
    calculator = CreditCalculator(OneAnswer(world, sql), world.ports().runner, VERIFY, SqlRules("duckdb"))
    asked = request(world, "x/a")
    days = (world.now, world.now + timedelta(hours=6), world.now + timedelta(days=7))
    first, later, next_week = (calculator.compute(asked, now).results[0].sql_sha256 for now in days)
    assert first == later
    assert first != next_week


def test_a_process_that_stays_is_logged_in_before_it_computes() -> None:
    """It starts what computes, then logs in; a process that ends after its tick does not log in until it has to."""
    parts = Mock()
    calculator = CreditCalculator(
        parts.looker, parts.notebooks, VERIFY, SqlRules("duckdb"), ComputeLimits(workers=2), parts.sql
    )
    started = [call.notebooks.warm(), call.looker.warm(), call.sql.warm()]
    calculator.warm()
    assert started == parts.mock_calls
    parts.reset_mock()
    calculator.stay_warm()
    assert [*started, call.looker.stay_logged_in()] == parts.mock_calls
