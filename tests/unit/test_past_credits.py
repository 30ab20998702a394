"""What is known of past credits: by their records alone, and by their summaries."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from creditbot.answer.past_credits import REMEMBERED, PastCredits, brief, is_forgotten, may_credit, traffic_of
from creditbot.credit.footprint import Footprint, Unknown
from creditbot.credit.footprint_text import footprint_to_text
from creditbot.decide.paid_twice import Credited
from creditbot.evidence.summary import Outcome
from creditbot.model import RequestKey
from creditbot.slack_time import ts_of
from creditbot.state.codec import State
from creditbot.state.record import LinkAmount, Meta, Record, Result, Status, Would
from tests.support.footprints import NO_UNITS, OURS
from tests.support.world import World
from tests.support.world_facts import CHANNEL, START, TEAM

KEY = RequestKey(TEAM, CHANNEL, ts_of(START))
TEXT = footprint_to_text(OURS)
TOKEN = "a-token"


def record(status: Status = "answered", *, traffic: tuple[str, ...] = (TEXT,), **changes: Any) -> Record:
    """A record with an amount of $45.50."""
    return Record(status, "nonce", START, result=Result(Decimal("45.50"), traffic=traffic), **changes)


def past(world: World) -> PastCredits:
    return PastCredits(world.context())


@pytest.fixture
def first(world: World) -> RequestKey:
    """A request that was answered, whose notebook has flagged a row."""
    world.conditions["first"] = "account_sid = 'AC1'"
    world.units["first"] = [["", "2025-12-18", "+62", "basic", 100, "4999.00"]]
    key = world.ask("first")
    world.tick()
    world.counted()
    return key


@pytest.fixture
def world() -> World:
    world = World()
    world.tick()
    return world


# -- one request -------------------------------------------------------------------------------------------------------


def test_the_links_of_a_request_have_their_units_and_their_amounts(world: World, first: RequestKey) -> None:
    """The summary is read once."""
    known = past(world)
    for _ in range(2):
        (link,) = known.links(first, world.record(first))
        assert not isinstance(link.footprint.units, Unknown)
        assert (1, Decimal("4948.80")) == (len(link.footprint.units), link.amount)
    assert 1 == world.counted()["load"]


def test_what_is_known_without_reading_has_no_units(world: World, first: RequestKey) -> None:
    known, of_first = past(world), world.record(first)
    (link,) = known.known_links(first, of_first)
    assert isinstance(link.footprint.units, Unknown)
    assert Decimal("4948.80") == link.amount
    known.links(first, of_first)
    world.counted()
    assert known.links(first, of_first) == known.known_links(first, of_first)
    assert 0 == world.counted()["load"]


def test_links_that_were_kept_are_not_read(world: World, first: RequestKey) -> None:
    known, mine = past(world), [Credited(OURS, Decimal(1))]
    known.keep(first, world.record(first), mine)
    assert mine == known.links(first, world.record(first))
    assert 0 == world.counted()["load"]


def test_another_computation_is_read_again(world: World, first: RequestKey) -> None:
    """An edit has given the request other traffic meanwhile."""
    known, other = past(world), record()
    known.links(first, world.record(first))
    assert [Credited(brief(other)[0], Decimal("45.50"))] == known.links(first, other)
    assert [Credited(brief(other)[0], Decimal("45.50"))] == known.known_links(first, other)


def test_a_summary_that_is_gone_leaves_what_the_state_has(world: World, first: RequestKey) -> None:
    del world.summaries[str(first)]
    (link,) = past(world).links(first, world.record(first))
    assert isinstance(link.footprint.units, Unknown)


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [
        (("40.00", "5.50"), ["40.00", "5.50"]),
        (("45.50",), ["45.50", "0"]),
        ((), ["45.50", "0"]),
    ],
)
def test_without_the_amounts_of_the_links_the_first_has_all_of_it(
    world: World, amounts: tuple[str, ...], expected: list[str]
) -> None:
    links = tuple(LinkAmount("verify", Decimal(amount)) for amount in amounts)
    two = replace(record(), result=Result(Decimal("45.50"), traffic=(TEXT, TEXT), links=links))
    assert list(map(Decimal, expected)) == [link.amount for link in past(world).known_links(KEY, two)]


def test_an_answer_before_anything_was_computed_has_no_amounts(world: World) -> None:
    by_hand = Record("elsewhere", "nonce", START, traffic=(TEXT,))
    assert [Credited(brief(by_hand)[0], Decimal(0))] == past(world).known_links(KEY, by_hand)


def test_the_traffic_is_that_of_the_result_or_else_of_the_answer() -> None:
    assert (TEXT,) == traffic_of(record())
    assert ("theirs",) == traffic_of(Record("elsewhere", "nonce", START, traffic=("theirs",)))
    assert () == traffic_of(replace(record(traffic=()), traffic=("theirs",)))


def test_footprints_of_a_later_version_are_left_out() -> None:
    assert [NO_UNITS.product] == [each.product for each in brief(record(traffic=("{}", TEXT, "?")))]
    assert all(isinstance(each, Footprint) for each in brief(record()))


# -- what was forgotten ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("minutes", "found"), [(-1, True), (0, True), (1, False)])
def test_credits_of_the_last_400_days_are_found(world: World, minutes: int, found: bool) -> None:
    """Each once, whatever names it has, and each name is looked up once."""
    asked = world.now - REMEMBERED - timedelta(minutes=minutes)
    key = RequestKey(TEAM, CHANNEL, ts_of(asked))
    world.summaries[str(key)] = {"credited": [TOKEN, "another"]}
    known = past(world)
    world.counted()
    for _ in range(2):
        assert ([key] if found else []) == known.named([TOKEN, "another", "nobody's"])
    assert 3 == world.counted()["credited"]
    assert timedelta(days=400) == REMEMBERED


def test_a_summary_is_read_once(world: World, first: RequestKey) -> None:
    known = past(world)
    assert known.summary(first) == known.summary(first) == world.summary(first)
    assert 1 == world.counted()["load"]
    assert {} == known.summary(KEY)


@pytest.mark.parametrize(
    ("status", "shadow", "would", "reply", "in_shadow", "counts"),
    [
        ("answered", False, "", "1.0", False, True),
        ("computed", False, "", "", False, True),
        ("held", False, "", "", False, True),
        ("computed", True, "", "", False, False),
        ("computed", True, "", "", True, True),
        ("given_up", False, "", "", False, False),
        ("shadowed", True, "answered", "", False, False),
        ("shadowed", True, "answered", "", True, True),
        ("shadowed", True, "held", "", True, False),
        ("shadowed", True, "held", "1.0", False, True),
    ],
)
def test_a_summary_may_mean_a_credit(
    status: Status, shadow: bool, would: Would, reply: str, in_shadow: bool, counts: bool
) -> None:
    """What was only computed may have been answered before a state was lost; not in shadow."""
    outcome = Outcome(status, START, shadow, would, reply)
    assert counts == may_credit(outcome, in_shadow=in_shadow)


LOST = Meta(pause_before=START + timedelta(days=1))


@pytest.mark.parametrize(
    ("known", "meta", "forgotten"),
    [
        (None, Meta(), True),
        (record(), Meta(), False),
        (record(), LOST, False),
        (Record("elsewhere", "n", START, traffic=(TEXT,)), Meta(), False),
        (Record("elsewhere", "n", START), Meta(), True),
        (Record("answered", "n", START), Meta(), True),
        (Record("shadowed", "n", START, would="answered"), Meta(), True),
        (Record("claimed", "n", START), Meta(), False),
        (Record("claimed", "n", START), LOST, True),
        (Record("given_up", "n", START), LOST, False),
    ],
)  # fmt: skip
def test_a_summary_counts_where_the_state_does_not_know_the_traffic(
    known: Record | None, meta: Meta, forgotten: bool
) -> None:
    """It has forgotten it, or was lost since and only knows again that there was an answer."""
    state = State(meta=meta, records={KEY: known} if known else {})
    assert forgotten == is_forgotten(state, KEY)
