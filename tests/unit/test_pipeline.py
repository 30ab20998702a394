"""A request becomes a credit with its evidence."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest

from creditbot.credit.compute import Computation, LinksFailed, Pipeline
from creditbot.credit.sql.policy import SqlPolicy
from creditbot.errors import CreditRefused, NoProduct, SqlRefused, Unreachable
from creditbot.intake.requests import Request, read_request
from creditbot.model import LookerLink, Query, Workspace
from tests.support.points import Point, watched
from tests.support.world import BOTH, CHANNEL, HOST, POLICY, TEAM, VERIFY, FakeResolver, World

WORKSPACE = Workspace(TEAM, "https://acme.slack.com/", "U0BOT", "B0BOT", {CHANNEL: "credits"})


@pytest.fixture
def world() -> World:
    return World(amounts={"a": Decimal("10.10"), "b": Decimal("20.20"), "nil": Decimal("0.00")})


def request(world: World, *paths: str) -> Request:
    world.say(" ".join(f"<https://{HOST}/{path}>" for path in paths))
    found = read_request(world.messages[-1], WORKSPACE, POLICY)
    assert found
    return found


def compute(world: World, *paths: str, psms: bool = False, max_credit: Decimal | None = None) -> Computation:
    ports = world.ports()
    products = BOTH if psms else VERIFY
    pipeline = Pipeline(ports.resolver, ports.runner, products, SqlPolicy("duckdb"), max_credit, workers=2)
    return pipeline.compute(request(world, *paths))


def problems(world: World, *paths: str, psms: bool = False) -> list[tuple[str, type]]:
    with pytest.raises(LinksFailed) as failed:
        compute(world, *paths, psms=psms)
    return [(link.url.rpartition("/")[2], type(error)) for link, error in failed.value.problems]


def test_the_amount_is_the_exact_sum_over_the_links(world: World) -> None:
    """One result per link, with its SQL, its product and its run, in the order of the message."""
    found = compute(world, "x/b", "x/a")
    assert Decimal("30.30") == found.amount
    assert ["b", "a"] == [result.query.link.slug for result in found.results]
    assert ["verify", "verify"] == [result.product for result in found.results]
    assert 2 == len(set(found.sql))
    assert 1 == len(found.notebooks)


def test_links_that_come_to_the_same_sql_count_once(world: World) -> None:
    """The first of them stands for it."""
    found = compute(world, "x/a", "explore/m/v?qid=a")
    assert Decimal("10.10") == found.amount
    assert ["short"] == [result.query.link.kind for result in found.results]
    assert ["a"] == world.runs


def test_a_skipped_link_has_no_run_and_is_not_credited(world: World) -> None:
    """It is kept as evidence."""
    found = compute(world, "x/other", "x/a")
    assert (Decimal("10.10"), 2, 1) == (found.amount, len(found.results), len(found.sql))
    assert compute(world, "x/other").amount is None


def test_every_link_that_failed_is_named(world: World) -> None:
    """One bad link does not hide another."""
    assert ["gone1", "gone2"] == [url for url, _ in problems(world, "x/gone1", "x/a", "x/gone2")]


def test_no_notebook_runs_if_a_link_has_no_sql(world: World) -> None:
    """No partial total, and no work for none."""
    problems(world, "x/gone", "x/a")
    assert [] == world.runs


def test_sql_of_no_product_fails_where_every_product_is_on(world: World) -> None:
    """And is skipped where one is off."""
    assert [("other", NoProduct)] == problems(world, "x/other", psms=True)


def test_a_link_that_cannot_be_used_fails_with_its_reason(world: World) -> None:
    """Looker is not asked."""
    problems(world, "dashboards/7")
    assert 0 == world.counted()["looker"]


class Asks(FakeResolver):
    """A Looker with one SQL for everything."""

    def __init__(self, world: World, sql: str) -> None:
        super().__init__(world)
        self._sql = sql

    def resolve(self, link: LookerLink) -> Query:
        return Query(link, self._sql)


def test_sql_that_is_refused_does_not_run(world: World) -> None:
    """What a notebook gets has passed the check."""
    asks = Asks(world, "SELECT 'Authy' AS a FROM read_csv('x')")
    pipeline = Pipeline(asks, world.ports().runner, VERIFY, SqlPolicy("duckdb"))
    with pytest.raises(LinksFailed) as failed:
        pipeline.compute(request(world, "x/a"))
    assert [SqlRefused] == [type(error) for _, error in failed.value.problems]
    assert [] == world.runs


def test_a_total_of_zero_is_refused_but_a_zero_in_it_is_not(world: World) -> None:
    """Nobody approves nothing."""
    assert [("nil", CreditRefused)] == problems(world, "x/nil")
    assert Decimal("10.10") == compute(world, "x/nil", "x/a").amount


def test_the_sum_is_held_to_max_credit(world: World) -> None:
    """So that splitting a request does not get around it."""
    with pytest.raises(LinksFailed, match="MAX_CREDIT_USD"):
        compute(world, "x/a", "x/b", max_credit=Decimal("30.29"))
    assert Decimal("30.30") == compute(world, "x/a", "x/b", max_credit=Decimal("30.30")).amount


def test_a_shared_cause_keeps_its_class(world: World) -> None:
    """Whoever handles it must know that it does not count against the request."""
    world.fail("looker", Unreachable("Looker", "Looker is down."))
    assert [("a", Unreachable)] == problems(world, "x/a")


def test_links_are_worked_on_at_the_same_time(world: World) -> None:
    """Two slow queries take as long as one; no more notebooks than workers run at a time."""
    both = threading.Barrier(2, timeout=10)
    world.amid("looker", both.wait)
    world.amid("looker", both.wait)
    assert Decimal("30.30") == compute(world, "x/a", "x/b").amount


def test_one_at_a_time_means_the_calling_thread(world: World) -> None:
    """What tests and cassettes rely on."""
    threads = set()

    def at(_: Point) -> None:
        threads.add(threading.current_thread())

    ports = watched(world.ports(), at)
    pipeline = Pipeline(ports.resolver, ports.runner, VERIFY, SqlPolicy("duckdb"), links_at_once=1)
    pipeline.compute(request(world, "x/a", "x/b"))
    assert {threading.current_thread()} == threads
