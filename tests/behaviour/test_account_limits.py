"""What an account may get for one month, which accounts are always asked about, and how old traffic may be."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.decide.policy import Limits, Policy, TrafficRules
from creditbot.model import RequestKey
from tests.support.sampling import costly
from tests.support.world import World
from tests.support.world_facts import BOTH, HOST, OWNER, RULES, ruled

LIMIT = Decimal(100)
RULES_OF_PRODUCTS = replace(RULES, products=("verify", "psms"))


def limited(limit: Decimal | None = LIMIT, **traffic: Any) -> dict[str, Any]:
    """Ticks under a limit per account and month, and with these rules about traffic."""
    policy = Policy(Limits(account_month=limit), (OWNER,), traffic=TrafficRules(**traffic))
    return {"rules": ruled(RULES_OF_PRODUCTS, policy=policy), "products": BOTH}


def link(
    world: World, slug: str, account: str = "AC1", *days: str, amount: int = 60, within: tuple[str, str] | None = None
) -> str:
    """A link on an account whose notebook flags as much on each of these days (none: it does not say)."""
    first, last = within or ("2025-12-01", "2026-01-01")
    world.conditions[slug] = f"account_sid = '{account}' AND day >= '{first}' AND day < '{last}'"
    world.amounts[slug] = Decimal(amount)
    if days:
        world.units[slug] = [["", day, f"+{slug}", "basic", 50 + len(slug), "500.00"] for day in days]
    return slug


def ask(world: World, *slugs: str, minutes: int = 5, **options: Any) -> RequestKey:
    world.wait(minutes=minutes)
    key = world.ask(*slugs)
    world.tick(**(options or limited()))
    return key


def reasons(world: World, key: RequestKey) -> list[str]:
    hold = world.record(key).hold
    return [reason.text for reason in hold.reasons] if hold else []


def test_a_request_within_the_limit_of_its_account_is_answered(world: World) -> None:
    """Also of an account that got something before."""
    days = {"a": "2025-12-05", "b": "2025-12-06"}
    keys = [ask(world, link(world, slug, "AC1", day, amount=50)) for slug, day in days.items()]
    assert ["answered", "answered"] == [world.record(key).status for key in keys]


@pytest.mark.parametrize("known", ["the state", "the summaries", "the thread"])
@pytest.mark.parametrize("second", ["b", "otherb"], ids=["the same product", "another product"])
def test_more_than_an_account_may_get_for_a_month_is_held(world: World, known: str, second: str) -> None:
    """Also where a state that was lost only knows again that the first one was answered."""
    first = ask(world, link(world, "a", "AC1", "2025-12-05"))
    if known == "the summaries":
        world.forget(first)
    if known == "the thread":
        world.lose()
        world.ticks(3, **limited())
    key = ask(world, link(world, second, "AC1", "2025-12-06"))
    (reason,) = reasons(world, key)
    assert reason == (
        "With $60.00 already credited to AC1 for December 2025, its total for that month would be $120.00, above the "
        "limit of $100.00."
    )
    assert "answered" == world.record(ask(world, link(world, "c", "AC1", "2025-12-07", amount=40))).status


def test_the_month_is_that_of_the_traffic(world: World) -> None:
    """Both are credited in January."""
    ask(world, link(world, "a", "AC1", "2025-12-05"))
    january = ask(world, link(world, "b", "AC1", "2026-01-02", within=("2026-01-01", "2026-01-08")))
    assert "answered" == world.record(january).status


def test_another_account_has_a_limit_of_its_own(world: World) -> None:
    ask(world, link(world, "a", "AC1", "2025-12-05"))
    assert "answered" == world.record(ask(world, link(world, "b", "AC2", "2025-12-05"))).status


def test_traffic_of_two_months_is_split_by_its_units(world: World) -> None:
    """Half of it is of each month: $60.00 and $40.00 are within the limit of both."""
    both = ("2025-12-01", "2026-02-01")
    ask(world, link(world, "a", "AC1", "2025-12-31", "2026-01-01", amount=120, within=both))
    within = ask(world, link(world, "b", "AC1", "2025-12-05", amount=40))
    above = ask(world, link(world, "c", "AC1", "2025-12-06", amount=1))
    assert ["answered", "held"] == [world.record(key).status for key in (within, above)]


def test_without_units_traffic_counts_for_each_of_its_months(world: World) -> None:
    ask(world, link(world, "a", within=("2025-12-31", "2026-01-02")), **limited(hold_overlap=False))
    for slug, within in (("b", ("2025-12-01", "2025-12-31")), ("c", ("2026-01-02", "2026-01-08"))):
        assert "held" == world.record(ask(world, link(world, slug, within=within))).status


def test_two_links_of_one_message_are_added_up(world: World) -> None:
    one, two = link(world, "a", "AC1", "2025-12-05"), link(world, "b", "AC1", "2025-12-06")
    (reason,) = reasons(world, ask(world, one, two))
    assert "With $0.00 already credited to AC1 for December 2025" in reason
    assert "$120.00" in reason


@pytest.mark.parametrize("at_once", [1, 2])
def test_of_two_requests_of_one_tick_one_is_held(world: World, at_once: int) -> None:
    keys = [world.ask(link(world, slug, "AC1", "2025-12-05")) for slug in ("a", "b")]
    world.tick(at_once=at_once, **limited())
    assert ["answered", "held"] == sorted(world.record(key).status for key in keys)


def test_a_credit_that_comes_meanwhile_is_seen_by_the_swap(world: World) -> None:
    """Another tick posts while this one looks at the thread: the write that allows the post checks again."""
    first = world.ask(link(world, "a", "AC1", "2025-12-05"))
    world.kill("thread.before-read", **limited())
    second = world.ask(link(world, "b", "AC1", "2025-12-06"))
    world.wait(minutes=31)
    world.amid("thread", lambda: world.tick(**limited()))
    world.tick(**limited())
    assert ["answered", "held"] == sorted(world.record(key).status for key in (first, second))


def test_units_are_read_where_they_make_the_difference(world: World) -> None:
    """The window of the first credit is of both months; only its summary says that all of it was in January."""
    both = ("2025-12-01", "2026-02-01")
    ask(world, link(world, "a", "AC1", "2026-01-02", within=both))
    december = ask(world, link(world, "b", "AC1", "2025-12-05"))
    assert "answered" == world.record(december).status


def test_a_persons_answer_counts_with_its_own_amount(world: World) -> None:
    first = world.ask(link(world, "a", "AC1", "2025-12-05"))
    world.amid("notebook", lambda: world.say("Approved, $90.00", "U0BOSS", thread_ts=first.ts))
    world.tick(**limited())
    assert "elsewhere" == world.record(first).status
    within = ask(world, link(world, "b", "AC1", "2025-12-06", amount=10))
    above = ask(world, link(world, "c", "AC1", "2025-12-07", amount=1))
    assert ["answered", "held"] == [world.record(key).status for key in (within, above)]
    assert "With $100.00 already credited to AC1" in reasons(world, above)[0]


@pytest.mark.parametrize("words", ["Approved, $90.00", "Approved, $40.00 and $50.00"], ids=["one amount", "two"])
def test_a_persons_answer_that_the_state_has_forgotten_counts(world: World, words: str) -> None:
    """With its amount; if it names several, with what was computed."""
    first = world.ask(link(world, "a", "AC1", "2025-12-05"))
    world.amid("notebook", lambda: world.say(words, "U0BOSS", thread_ts=first.ts))
    world.tick(**limited())
    world.forget(first)
    key = ask(world, link(world, "b", "AC1", "2025-12-06", amount=41))
    if words == "Approved, $90.00":
        assert "With $90.00 already" in reasons(world, key)[0]
    else:
        assert "With $60.00 already" in reasons(world, key)[0]


def test_a_held_request_counts_for_nobody(world: World) -> None:
    held = ask(world, link(world, "a", "AC1", "2025-12-05", amount=101))
    second = ask(world, link(world, "b", "AC1", "2025-12-06", amount=100))
    assert ["held", "answered"] == [world.record(key).status for key in (held, second)]


def test_an_account_that_is_unknown_is_asked_about(world: World) -> None:
    world.conditions["a"] = "day = '2025-12-05'"
    key = ask(world, "a", **limited(account_required=False))
    (reason,) = reasons(world, key)
    assert reason.endswith("cannot be checked for link 1: the accounts are not known (no condition names the account).")


def test_days_without_an_end_are_asked_about(world: World) -> None:
    world.conditions["a"] = "account_sid = 'AC1' AND day >= '2025-12-05'"
    assert ["the SQL does not limit the days on both sides."] == [
        text.partition("link 1: ")[2] for text in reasons(world, ask(world, "a"))
    ]


def test_a_credit_of_an_earlier_version_cannot_be_checked(world: World) -> None:
    """It kept no traffic."""
    key = world.ask(link(world, "a"))
    world.kill("thread.before-read", **limited(None))
    world.rewrite(key, result={"amount": "60.00"})
    world.wait(minutes=31)
    world.tick(**limited())
    assert ["an earlier version computed this credit)."] == [
        text.partition("not known (")[2] for text in reasons(world, key)
    ]


def test_a_yes_lets_an_account_get_more(world: World) -> None:
    key = ask(world, link(world, "a", "AC1", "2025-12-05", amount=101))
    world.react("+1")
    world.tick(**limited())
    assert ["Approved, $101.00, exceptions"] == world.replies(key)


def test_an_approval_does_not_cover_the_limit_of_another_account(world: World) -> None:
    """Another request was credited meanwhile: that is a reason which the approvers were not shown."""
    one, two = link(world, "a", "AC1", "2025-12-05", amount=101), link(world, "b", "AC2", "2025-12-05")
    key = ask(world, one, two)
    ask(world, link(world, "c", "AC2", "2025-12-06", amount=41))
    world.react("+1")
    world.tick(**limited())
    assert ("held", 2) == (world.record(key).status, len(reasons(world, key)))


def test_only_summaries_since_the_month_began_are_read(world: World) -> None:
    """Nobody credits traffic before it is sent. Summaries of other accounts are not found at all."""
    november = ask(world, link(world, "a", "AC1", "2025-11-05", within=("2025-11-01", "2025-12-01")), **limited(None))
    world.forget(november)
    world.wait(days=40)
    for slug, account in (("b", "AC1"), ("c", "AC2")):
        world.forget(ask(world, link(world, slug, account, "2026-02-01", within=("2026-02-01", "2026-03-01"))))
    loads = []
    for account in ("AC1", "AC3"):
        world.counted()
        slug = link(world, f"d{account}", account, "2026-02-02", amount=1, within=("2026-02-02", "2026-02-03"))
        ask(world, slug, **limited(hold_overlap=False))
        loads.append(world.counted()["load"])
    assert 1 == loads[0] - loads[1]


# -- accounts and age --------------------------------------------------------------------------------------------------


def test_an_account_on_the_list_is_always_asked_about(world: World) -> None:
    key = ask(world, link(world, "a", "AC1", "2025-12-05", amount=1), **limited(None, always_ask=("ac1",)))
    assert ["Link 1 is for ac1: a person decides on every credit for this account."] == reasons(world, key)


@pytest.mark.parametrize(("days", "held"), [(22, False), (23, True)])
def test_traffic_that_is_too_old_is_asked_about(world: World, days: int, held: bool) -> None:
    """The claims of December end on 30 January. It is 8 January now."""
    world.wait(days=days)
    key = ask(world, link(world, "a", "AC1", "2025-12-05"), **limited(None, claim_days=30))
    assert held == bool(reasons(world, key))


def test_an_edit_asks_again_at_its_own_time(world: World) -> None:
    """Who edits a message into a request after the claims have ended asks too late."""
    world.wait(days=22)
    key = world.say("hello")
    world.wait(days=1)
    slug = link(world, "a", "AC1", "2025-12-05")
    world.edit(key, f"please credit <https://{HOST}/explore/m/v?qid={slug}>")
    world.tick(**limited(None, claim_days=30))
    assert "and it was asked for on 2026-01-31." in reasons(world, key)[0]


# -- in any order ------------------------------------------------------------------------------------------------------

DAYS = ["2025-12-30", "2025-12-31", "2026-01-01", "2026-01-02"]
links = st.tuples(st.sampled_from(["AC1", "AC2"]), st.lists(st.sampled_from(DAYS), unique=True), st.integers(1, 90))
requests = st.lists(
    st.tuples(
        st.lists(links, min_size=1, max_size=2), st.sampled_from(["at once", "later", "later, and forgotten"])
    ),
    min_size=2, max_size=3,
)  # fmt: skip


@costly(4)
@given(asked=requests)
def test_no_account_gets_more_than_its_limit_unasked(asked: list[tuple[list[tuple[str, list[str], int]], str]]) -> None:
    """Whatever is asked for in one message, in one tick or later, and whatever the state has forgotten."""
    world, options = World(step=timedelta(milliseconds=100)), limited(hold_overlap=False)
    credited: dict[tuple[str, str], Fraction] = {}
    parts: dict[RequestKey, list[tuple[str, list[str], int]]] = {}
    for number, (every, how) in enumerate(asked):
        slugs = [
            link(world, f"r{number}l{at}", account, *days, amount=amount, within=("2025-12-01", "2026-02-01"))
            for at, (account, days, amount) in enumerate(every)
        ]
        key = world.ask(*slugs)
        parts[key] = every
        if how != "at once":
            world.tick(**options)
            world.wait(minutes=5)
        if how == "later, and forgotten" and world.record(key).terminal:
            world.forget(key)
            world.wait(minutes=5)
    world.tick(at_once=2, **options)
    for key, every in parts.items():
        for account, days, amount in every if world.replies(key) else ():
            for day in days:
                place = account, day[:7]
                credited[place] = credited.get(place, Fraction(0)) + Fraction(amount, len(days))
    assert all(total <= LIMIT for total in credited.values())
