"""What the policy has to know of other requests: of today's, and of those for the same accounts and months."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from creditbot.answer.context import TickContext
from creditbot.answer.facts import KnownFacts
from creditbot.answer.opinions import SecondOpinions
from creditbot.answer.past_credits import PastCredits
from creditbot.credit.footprint import Accounts, account_key
from creditbot.decide.hold import CreditFacts, LinkFacts, without_traffic
from creditbot.decide.months import AccountMonth
from creditbot.decide.policy import Limits, Policy, TrafficRules
from creditbot.model import RequestKey
from creditbot.slack_time import time_of, ts_of
from creditbot.state.ledger import Ledger
from creditbot.state.record import LinkAmount, Status
from tests.support.world import World
from tests.support.world_facts import OWNER, RULES, TEAM, ruled

LIMITED = Policy(Limits(None, Decimal(10_000), Decimal(100_000)), (OWNER,), traffic=TrafficRules(hold_overlap=False))
FIRST = Decimal("60.00")


@pytest.fixture
def world() -> World:
    world = World()
    world.tick()
    return world


DECEMBER = ("2025-12-01", "2026-01-01")


def ask(
    world: World, slug: str, account: str = "AC1", *, within: tuple[str, str] = DECEMBER, **units: Any
) -> RequestKey:  # fmt: skip
    """A request for an account's month; its notebook flags these days, if any: "d05" is the fifth of December."""
    world.wait(minutes=5)
    world.conditions[slug] = f"account_sid = '{account}' AND day >= '{within[0]}' AND day < '{within[1]}'"
    world.amounts[slug] = FIRST
    if units:
        world.units[slug] = [["", f"2025-12-{day[1:]}", "+62", "basic", 50, str(cost)] for day, cost in units.items()]
    return world.ask(slug)


def answered(world: World, slug: str = "first", **traffic: Any) -> RequestKey:
    key = ask(world, slug, **traffic)
    world.tick()
    assert "answered" == world.record(key).status
    return key


def held(world: World, slug: str = "second", **traffic: Any) -> RequestKey:
    """A request that waits for approvers, whatever its traffic."""
    key = ask(world, slug, **traffic)
    world.tick(rules=ruled(policy=Policy(Limits(request=Decimal(1)), (OWNER,))))
    assert "held" == world.record(key).status
    return key


def known(world: World, key: RequestKey, *, shadow: bool = False) -> CreditFacts:
    """What is known of a request now, in a process that has just started."""
    context = replace(world.context(), rules=ruled(replace(RULES, products=("verify",), shadow=shadow), policy=LIMITED))
    return facts_of(context).read(key, world.record(key))


def facts_of(context: TickContext) -> KnownFacts:
    return KnownFacts(
        context,
        PastCredits(context),
        SecondOpinions(context.rules.channels.everywhere.policy.opinion, context.ports, context.workspace),
    )


@pytest.fixture
def far_east() -> Iterator[None]:
    """The clock of this machine shows a time zone that is 13 hours ahead of UTC."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "EAST-13")
        time.tzset()
        yield
    time.tzset()


def month(facts: CreditFacts, month: int = 12) -> Decimal | None:
    """USD that others credit to AC1 for a month of 2025."""
    day = datetime(2025, month, 1, tzinfo=UTC).date()
    return facts.credited_before.get(AccountMonth(account_key("AC1"), day))


def rewritten(world: World, key: RequestKey, **outcome: Any) -> None:
    """The summary of a request with another outcome."""
    summary = world.summary(key)
    world.summaries[str(key)] = {**summary, "outcome": {**summary["outcome"], **outcome}}


def shadowed(world: World, key: RequestKey) -> None:
    """An answered request, as one that would have been answered in shadow."""
    rewritten(world, key, status="shadowed", would="answered", shadow=True, reply="")
    world.rewrite(key, status="shadowed", would="answered", reply="")


# -- the request itself ------------------------------------------------------------------------------------------------


def test_each_link_is_known_with_its_amount_and_its_traffic(world: World) -> None:
    facts = known(world, held(world))
    assert [(FIRST, "verify", Accounts({"account_sid": frozenset({"AC1"})}))] == [
        (link.amount, link.footprint.product, link.footprint.accounts) for link in facts.links
    ]


@pytest.mark.parametrize(
    ("links", "product"), [([["verify", "60.00"]], "verify"), ([], "")], ids=["amounts of links", "one amount"]
)
def test_of_what_an_earlier_version_computed_only_amounts_are_known(
    world: World, links: list[list[str]], product: str
) -> None:
    key = held(world)
    record = world.record(key)
    assert record.result
    of_links = tuple(LinkAmount(product, Decimal(amount)) for product, amount in links)
    earlier = replace(record, result=replace(record.result, traffic=(), links=of_links))
    context = replace(world.context(), rules=ruled(policy=LIMITED))
    facts = facts_of(context).of(world.state(), key, earlier, world.now)
    assert (LinkFacts(FIRST, without_traffic(product)),) == facts.links


def test_a_request_is_as_old_as_its_last_edit(world: World) -> None:
    key = held(world)
    context = replace(world.context(), rules=ruled(policy=LIMITED))
    record = world.record(key)
    for edited, asked in (("", time_of(key.ts)), (ts_of(world.now), world.now)):
        facts = facts_of(context).of(world.state(), key, replace(record, edited=edited), world.now)
        assert abs(asked - facts.asked) < timedelta(milliseconds=1)


# -- one day -----------------------------------------------------------------------------------------------------------


def test_what_was_answered_today_is_added_up(world: World) -> None:
    answered(world)
    answered(world, "more", account="AC2")
    assert 2 * FIRST == known(world, held(world)).credited_that_day


def test_a_request_does_not_count_against_itself(world: World) -> None:
    facts = known(world, answered(world))
    assert (Decimal(0), None) == (facts.credited_that_day, month(facts))


def test_what_is_being_posted_counts_already(world: World) -> None:
    """Another worker may be about to post it."""
    first = answered(world)
    world.rewrite(first, status="posting")
    assert FIRST == known(world, held(world)).credited_that_day


def test_what_waits_for_approvers_does_not_count(world: World) -> None:
    held(world, "first")
    assert 0 == known(world, held(world)).credited_that_day


@pytest.mark.usefixtures("far_east")
@pytest.mark.parametrize("lost", [False, True], ids=["the state", "the summaries"])
def test_a_day_is_one_of_utc_wherever_the_bot_runs(world: World, lost: bool) -> None:
    answered(world)
    if lost:
        world.lose()
        world.tick()
    facts = known(world, held(world))
    assert (f"{world.now:%Y-%m-%d}", FIRST) == (facts.day, facts.credited_that_day)


def test_the_summaries_are_read_once_for_what_was_lost_today(world: World) -> None:
    answered(world)
    world.lose()
    world.tick()
    key = held(world)
    facts = facts_of(replace(world.context(), rules=ruled(policy=LIMITED)))
    facts.read(key, world.record(key))
    before = world.counted()["list"]
    assert FIRST == facts.read(key, world.record(key)).credited_that_day
    assert before > world.counted()["list"]


def test_without_limits_nothing_is_added_up(world: World) -> None:
    answered(world)
    world.lose()
    world.tick()
    key = held(world)
    world.counted()
    facts = facts_of(replace(world.context(), rules=ruled(policy=Policy(Limits(None), (OWNER,)))))
    assert {} == facts.read(key, world.record(key)).credited_before
    assert 0 == world.counted()["list"]


def test_what_was_answered_yesterday_does_not_count(world: World) -> None:
    answered(world)
    world.wait(days=1)
    assert 0 == known(world, held(world)).credited_that_day


def test_after_a_loss_today_the_summaries_say_what_was_answered(world: World) -> None:
    answered(world)
    world.lose()
    world.tick()
    assert FIRST == known(world, held(world)).credited_that_day


def test_after_a_loss_yesterday_no_summary_is_read_for_today(world: World) -> None:
    """The state has everything since."""
    answered(world)
    world.lose()
    world.tick()
    world.wait(days=1)
    key = held(world)
    world.counted()
    assert 0 == known(world, key).credited_that_day
    assert 0 == world.counted()["list"]


@pytest.mark.parametrize(
    ("outcome", "counts"),
    [
        ({}, True),
        ({"status": "given_up"}, False),
        ({"status": "computed"}, False),
        ({"at": "2026-01-07T23:59:59.000Z"}, False),
        ({"at": "never"}, False),
    ],
)
def test_of_the_summaries_only_answers_of_today_count(world: World, outcome: dict[str, Any], counts: bool) -> None:
    rewritten(world, answered(world), **outcome)
    world.lose()
    world.tick()
    assert (FIRST if counts else 0) == known(world, held(world)).credited_that_day


def test_a_summary_without_an_amount_counts_for_nothing(world: World) -> None:
    key = answered(world)
    world.summaries[str(key)] = {**world.summary(key), "credit_amount": None}
    world.lose()
    world.tick()
    assert 0 == known(world, held(world)).credited_that_day


@pytest.mark.parametrize(("minutes", "counts"), [(-1, True), (0, True), (1, False)])
def test_summaries_are_read_as_far_back_as_an_answer_of_today_may_be_asked(
    world: World, minutes: int, counts: bool
) -> None:
    """A request may wait for LOOKBACK_HOURS, and then for its approvers, and be answered on the day that just began."""
    key = answered(world)
    answered(world, "later", account="AC2")
    world.lose()
    world.tick()
    second = held(world)
    oldest = world.now - RULES.lookback - LIMITED.expires - timedelta(days=1)
    old = RequestKey(TEAM, key.channel, ts_of(oldest - timedelta(minutes=minutes)))
    world.summaries[str(old)] = world.summaries.pop(str(key))
    world.saved[str(old)] = world.saved.pop(str(key))
    assert (2 * FIRST if counts else FIRST) == known(world, second).credited_that_day


@pytest.mark.parametrize("is_lost", [True, False], ids=["lost", "forgotten"])
def test_what_a_summary_said_gives_way_to_a_state_that_has_it_again(world: World, is_lost: bool) -> None:
    """Another process may read the request again after the summaries were read."""
    first = answered(world)
    known_before = world.record(first)
    if is_lost:
        world.lose()
        world.tick()
    else:
        world.forget(first)
    second = held(world)
    facts = facts_of(replace(world.context(), rules=ruled(policy=LIMITED)))
    facts.read(second, world.record(second))
    state = world.state()

    def with_first(status: Status) -> CreditFacts:
        again = replace(state, records={**state.records, first: replace(known_before, status=status)})
        return facts.of(again, second, world.record(second), world.now)

    found = [with_first("answered"), with_first("held")]
    assert [(FIRST, FIRST), (0, None)] == [(each.credited_that_day, month(each)) for each in found]


# -- one account and month ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("forgotten", [False, True], ids=["the state", "the summaries"])
def test_what_an_account_got_for_the_month_is_known(world: World, forgotten: bool) -> None:
    first = answered(world)
    answered(world, "apart", account="AC2")
    second = held(world)
    if forgotten:
        world.forget(first)
    assert FIRST == month(known(world, second))


@pytest.mark.parametrize("forgotten", [False, True], ids=["the state", "the summaries"])
def test_units_say_for_which_month_a_credit_was(world: World, forgotten: bool) -> None:
    """The state has no units, so the summary is read where they make the difference."""
    first = answered(world, within=("2025-11-01", "2026-01-01"), d05=100)
    second = held(world, within=("2025-11-01", "2025-12-01"))
    if forgotten:
        world.forget(first)
    facts = known(world, second)
    assert (None, FIRST) == (month(facts, 11), month(facts, 12))


def test_summaries_of_credits_to_other_accounts_are_not_read(world: World) -> None:
    """The state says whose traffic they are for."""
    answered(world, account="AC2")
    key = held(world)
    world.counted()
    known(world, key)
    assert 1 == world.counted()["load"]


@pytest.mark.parametrize(("minutes", "counts"), [(-1, False), (0, True)])
def test_summaries_from_before_the_traffic_was_sent_are_not_read(world: World, minutes: int, counts: bool) -> None:
    """Nobody credits what is not there yet. December begins 14 hours earlier in the first time zone than in UTC."""
    first = answered(world)
    second = held(world)
    world.forget(first)
    begin = datetime(2025, 11, 30, 10, tzinfo=UTC) + timedelta(minutes=minutes)
    old = RequestKey(TEAM, first.channel, ts_of(begin))
    world.summaries[str(old)] = world.summaries.pop(str(first))
    world.counted()
    assert (FIRST if counts else None) == month(known(world, second))
    assert 1 + counts == world.counted()["load"]


def test_a_summary_is_read_once_of_a_credit_that_the_state_has(world: World) -> None:
    """One of each request."""
    answered(world)
    key = held(world)
    world.counted()
    known(world, key)
    assert 2 == world.counted()["load"]


@pytest.mark.parametrize("retried", [False, True])
def test_a_retried_request_counts_what_was_really_answered(world: World, retried: bool) -> None:
    """A request from the time of shadow counts what would have been answered, until somebody wants an answer now."""
    first = answered(world)
    second = held(world)
    shadowed(world, first)
    live = world.now + timedelta(minutes=1)
    Ledger(world.ports().state).update_meta(lambda meta: replace(meta, live_since=live))

    def found() -> CreditFacts:
        facts = facts_of(replace(world.context(), rules=ruled(policy=LIMITED)))
        return facts.read(second, replace(world.record(second), retried=live if retried else None))

    assert ((0, None) if retried else (FIRST, FIRST)) == (found().credited_that_day, month(found()))
    world.forget(first)
    assert (None if retried else FIRST) == month(found())


def test_in_shadow_units_say_for_which_month_a_credit_would_be(world: World) -> None:
    first = answered(world, within=("2025-11-01", "2026-01-01"), d05=100)
    second = held(world, within=("2025-11-01", "2025-12-01"))
    shadowed(world, first)
    facts = known(world, second, shadow=True)
    assert (None, FIRST) == (month(facts, 11), month(facts, 12))


def test_nothing_is_known_before_it_was_read(world: World) -> None:
    """The swap asks by the state alone; what the state has is known all the same."""
    answered(world)
    key = held(world)
    context = replace(world.context(), rules=ruled(policy=LIMITED))
    facts = facts_of(context).of(world.state(), key, world.record(key), world.now)
    assert FIRST == month(facts)


@pytest.mark.parametrize("shadow", [False, True])
def test_what_would_be_answered_in_shadow_counts_in_shadow(world: World, shadow: bool) -> None:
    first = answered(world)
    second = held(world)
    shadowed(world, first)
    facts = known(world, second, shadow=shadow)
    assert (FIRST if shadow else None, FIRST if shadow else 0) == (month(facts), facts.credited_that_day)
    world.rewrite(first, would="held")
    assert 0 == known(world, second, shadow=shadow).credited_that_day
    world.rewrite(first, would="answered")
    world.forget(first)
    assert (FIRST if shadow else None) == month(known(world, second, shadow=shadow))


@pytest.mark.parametrize("forgotten", [False, True], ids=["the state", "the summaries"])
def test_in_shadow_an_answer_of_people_counts_with_their_amount(world: World, forgotten: bool) -> None:
    first = answered(world)
    second = held(world)
    reply = world.record(first).reply
    rewritten(world, first, status="shadowed", reply=reply, answer_amount=Decimal("45.00"))
    world.rewrite(first, status="shadowed", answer_amount="45.00", reply=reply)
    if forgotten:
        world.forget(first)
    assert Decimal("45.00") == month(known(world, second))


@pytest.mark.parametrize("forgotten", [False, True], ids=["the state", "the summaries"])
@pytest.mark.parametrize(("answer", "amount"), [("$45.00", "45.00"), ("$45.00 and $500.00", "0")])
def test_an_answer_before_anything_was_computed_counts_whole(
    world: World, answer: str, amount: str, forgotten: bool
) -> None:
    """Nobody knows how much of it is for which link; without a single amount, nobody knows any."""
    first = ask(world, "first")
    world.say(f"Approved, {answer}", "U0BOSS", thread_ts=first.ts)
    world.tick()
    second = held(world)
    if forgotten:
        world.forget(first)
    assert Decimal(amount) == month(known(world, second))


@pytest.mark.parametrize("change", ["no outcome", "no links", "a footprint that cannot be read"])
def test_a_summary_of_which_too_little_is_known_counts_for_nothing(world: World, change: str) -> None:
    first = answered(world)
    second = held(world)
    world.forget(first)
    summary = dict(world.summary(first))
    if change == "no outcome":
        del summary["outcome"]
    elif change == "no links":
        del summary["links"]
    else:
        summary["links"] = [{**link, "footprint": {"product": 7}} for link in summary["links"]]
    world.summaries[str(first)] = summary
    assert None is month(known(world, second))
