"""The metrics: what they say of a state, and that both formats can be read."""

from __future__ import annotations

import math
import re
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.errors import CreditbotError
from creditbot.insight.exposition import openmetrics, prometheus_text
from creditbot.insight.metrics import Deployment, Family, families
from creditbot.model import RequestKey
from creditbot.slack_time import time_of
from creditbot.state.codec import State
from creditbot.state.totals import Spread, Totals
from tests.behaviour.failures import LOOKER_DOWN
from tests.support.prometheus import Values, of, read_openmetrics, read_prometheus_text, values
from tests.support.world import World
from tests.support.world_facts import START, explore_link

DOC = Path(__file__).parents[2] / "docs/metrics.md"
PRODUCTS = ("verify", "psms")
COUNTED = ("_total", "_bucket", "_count", "_sum")
"""What the names of samples end with that only grow."""


@pytest.fixture
def world() -> World:
    """A workspace in which each effect takes a tenth of a second."""
    return World(step=timedelta(milliseconds=100))


def measured(state: State, now: datetime = START, *, succeeded: bool = True) -> tuple[Family, ...]:
    return families(state, Deployment(PRODUCTS, 900_000, shadow=False), now, succeeded=succeeded)


def shown(world: World) -> Values:
    """What Prometheus reads after the last tick of a world."""
    return values(read_openmetrics(openmetrics(measured(world.state(), world.now))))


def test_both_formats_say_the_same(world: World) -> None:
    """As the parsers of the Prometheus project read them: the one of OpenMetrics is strict."""
    world.ask("abc")
    world.ask("gone")
    world.ask_and_fail("looker", LOOKER_DOWN, "def")
    read = measured(world.state())
    one, other = (values(read_openmetrics(openmetrics(read))), values(read_prometheus_text(prometheus_text(read))))
    assert {k: v for k, v in one.items() if v == v} == {k: v for k, v in other.items() if v == v}
    assert one.keys() == other.keys()


def test_every_metric_keeps_its_type_and_unit() -> None:
    """A counter that is read as a gauge has no rate."""
    read = measured(State())
    types = {family.name: family.kind for family in read}
    assert types == {family.name: family.type for family in read_openmetrics(openmetrics(read))}
    assert types == {family.name: family.type for family in read_prometheus_text(prometheus_text(read))}
    units = {family.name: family.unit for family in read_openmetrics(openmetrics(read))}
    assert ("usd", "seconds", "bytes", "") == (
        units["creditbot_credited_usd"], units["creditbot_last_tick_timestamp_seconds"],
        units["creditbot_state_bytes"], units["creditbot_requests_waiting"],
    )  # fmt: skip


@given(st.text())
def test_any_name_of_a_product_is_read_as_it_is(name: str) -> None:
    """People write them into PRODUCTS_FILE, or into the state."""
    read = measured(State(totals=Totals(credited={name: Decimal("1.50")})))
    for page in (read_openmetrics(openmetrics(read)), read_prometheus_text(prometheus_text(read))):
        assert 1.5 == of(values(page), "credited_usd_total", product=name)


def test_ends_credits_and_times_are_counted(world: World) -> None:
    world.amounts["abc"] = Decimal("12.50")
    key = world.ask("abc")
    world.ask("gone")
    world.tick()
    seconds = (time_of(world.record(key).reply) - time_of(key.ts)).total_seconds()
    read = shown(world)
    assert (1, 1, 0) == tuple(
        of(read, "requests_ended_total", outcome=outcome) for outcome in ("answered", "given_up", "denied")
    )
    assert (12.5, 0) == tuple(of(read, "credited_usd_total", product=product) for product in PRODUCTS)
    assert 1 == of(read, "failures_total", cause="link")
    assert 1 == of(read, "time_to_answer_seconds_count", held="no")
    assert seconds == pytest.approx(of(read, "time_to_answer_seconds_sum", held="no"), abs=0.001)


def test_a_bucket_holds_those_of_all_smaller_bounds() -> None:
    spread = Spread().with_one(20).with_one(90).with_one(1e6)
    read = values(read_openmetrics(openmetrics(measured(State(totals=Totals(answered=spread))))))
    bounds = {"30.0": 1, "60.0": 1, "120.0": 2, "259200.0": 2, "+Inf": 3}
    assert bounds == {le: of(read, "time_to_answer_seconds_bucket", held="no", le=le) for le in bounds}


def test_a_tick_in_which_all_requests_back_off_can_be_seen(world: World) -> None:
    """It does nothing and exits with 0."""
    key = world.ask_and_fail("looker", LOOKER_DOWN)
    read = shown(world)
    assert (1, 1) == (of(read, "requests_waiting"), of(read, "requests_backing_off"))
    assert time_of(key.ts).timestamp() == pytest.approx(of(read, "oldest_waiting_timestamp_seconds"), abs=0.001)
    assert 1 == of(read, "failures_total", cause="unreachable")
    assert world.tick().ok
    assert 1 == of(shown(world), "requests_backing_off")


def test_a_request_whose_wait_is_over_does_not_back_off(world: World) -> None:
    world.ask_and_fail("looker", LOOKER_DOWN)
    world.wait(minutes=2)
    read = shown(world)
    assert (1, 0) == (of(read, "requests_waiting"), of(read, "requests_backing_off"))


def test_a_post_of_unknown_outcome_is_undecided(world: World) -> None:
    key = world.ask("abc")
    world.tick()
    world.rewrite(key, status="posting")
    read = shown(world)
    assert (1, 1, 0) == tuple(of(read, n) for n in ("requests_waiting", "posts_undecided", "requests_backing_off"))


def test_held_requests_have_an_amount_and_an_end(world: World) -> None:
    world.amounts["big"] = Decimal("30000.00")
    key = world.ask("big")
    world.tick()
    hold = world.record(key).hold
    assert hold
    read = shown(world)
    assert (0, 1, 30000.0) == tuple(of(read, name) for name in ("requests_waiting", "requests_held", "held_usd"))
    assert hold.until.timestamp() == pytest.approx(of(read, "next_hold_end_timestamp_seconds"), abs=0.001)
    assert time_of(key.ts).timestamp() == pytest.approx(of(read, "oldest_held_timestamp_seconds"), abs=0.001)


def test_times_of_what_does_not_exist_raise_no_alert() -> None:
    """NaN is neither larger nor smaller than anything."""
    read = values(read_openmetrics(openmetrics(measured(State()))))
    names = ("oldest_waiting_timestamp_seconds", "oldest_held_timestamp_seconds", "next_hold_end_timestamp_seconds")
    assert all(math.isnan(of(read, name)) for name in names)


def test_a_failed_tick_does_not_say_when_the_last_one_succeeded() -> None:
    """What is published already stays: only a success replaces it."""
    names = [{family.name for family in measured(State(), succeeded=succeeded)} for succeeded in (True, False)]
    assert {"creditbot_last_success_timestamp_seconds"} == names[0] - names[1]


def test_a_state_without_a_limit_is_never_nearly_full() -> None:
    page = openmetrics(families(State(), Deployment(), START, succeeded=True))
    assert "creditbot_state_limit_bytes +Inf\n" in page


def test_the_number_of_series_does_not_grow_with_requests(world: World) -> None:
    """Neither a request nor an account, a person or a channel is a label."""
    before = shown(world).keys()
    for slug in ("abc", "def", "gone", "big"):
        world.ask(slug)
    world.ticks(3)
    assert before == shown(world).keys()


def test_whoever_computes_the_metrics_gets_the_same(world: World) -> None:
    """They are functions of the state: the process that answered knows no more than another one."""
    world.ask("abc")
    bot = world.bot()
    bot.tick()
    assert measured(bot._ledger.state) == measured(world.state())


def test_the_page_of_metrics_lists_them_all() -> None:
    """Each with its type and the labels that it has."""
    rows = re.findall(r"^\| `(creditbot_\w+)` \| (\w+) \| (.*?) \|", DOC.read_text(), re.MULTILINE)
    assert {name: (kind, labels) for name, kind, labels in rows} == {
        f"{family.name}_total" if family.kind == "counter" else family.name: (
            family.kind,
            ", ".join(f"`{label}`" for label in family.samples[0].labels if label != "le"),
        )
        for family in measured(State())
    }


def test_counters_never_go_down(world: World) -> None:
    """Whatever happens to requests: they fail, are edited, deleted, started again, answered by people, forgotten."""
    before: Values = {}
    keys: list[RequestKey] = []
    for number in range(12):
        keys.append(world.ask(("abc", "gone", "def")[number % 3]))
        if number % 4 == 3:
            world.fail("looker", LOOKER_DOWN)
        world.tick()
        change = (partial(world.edit, text=explore_link(f"new{number}")), world.delete, world.retry)[number % 3]
        with suppress(CreditbotError):  # what was answered is not started again
            change(keys[-1 - number % 2])
        world.ticks(2, minutes=600)
        counters = {key: value for key, value in shown(world).items() if key[0].endswith(COUNTED)}
        assert [] == [key for key, value in before.items() if counters[key] < value]
        before = counters
    assert len(world.state().records) < len(keys)
