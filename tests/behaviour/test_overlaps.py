"""The same traffic is credited once, however it is asked for; a person decides on the rest."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from creditbot.decide.policy import Policy, TrafficRules
from creditbot.model import RequestKey
from tests.support.ticks import Tick
from tests.support.world import World
from tests.support.world_facts import REFERENCE, ruled

DECEMBER = "account_sid = 'AC1' AND day >= DATE '2025-12-01' AND day < DATE '2026-01-01'"
AMOUNT = Decimal("50.00")
REPLY = "Approved, $50.00, exceptions"


def unit(day: int, messages: int = 100, *, prefix: str = "+62") -> list[object]:
    """A unit of December, at $1.00 for a message."""
    return ["", f"2025-12-{day:02}", prefix, "basic", messages, f"{messages}.00"]


def link(world: World, slug: str, conditions: str = DECEMBER, *units: list[object], amount: Decimal = AMOUNT) -> str:
    """A link whose SQL has these conditions, and whose notebook flags these units (none: it does not say)."""
    world.conditions[slug], world.amounts[slug] = conditions, amount
    if units:
        world.units[slug] = list(units)
    return slug


def without(**changes: Any) -> dict[str, Any]:
    """Ticks under the default policy, but for these rules about traffic."""
    return {"rules": ruled(policy=Policy(traffic=replace(TrafficRules(), **changes)))}


@pytest.fixture
def first(world: World) -> RequestKey:
    """A credit of $50.00 for AC1's December, whose notebook flagged 18 and 19 December."""
    key = world.ask(link(world, "first", DECEMBER, unit(18), unit(19)))
    world.tick()
    assert [REPLY] == world.replies(key)
    return key


def reasons(world: World, key: RequestKey) -> list[str]:
    """Why a request is held; nothing if it is not."""
    hold = world.record(key).hold
    return [reason.text for reason in hold.reasons] if hold else []


def ask(world: World, *slugs: str, **options: Any) -> RequestKey:
    world.wait(minutes=5)
    key = world.ask(*slugs)
    world.tick(**options)
    return key


def test_summaries_of_other_accounts_are_not_read(world: World) -> None:
    """The state tells that they are apart, and each summary may be in a bucket."""
    loads = []
    for number in range(3):
        others = link(world, f"of{number}", f"account_sid = 'AC{number}'", unit(18, 100 + number))
        world.counted()
        assert [REPLY] == world.replies(ask(world, others))
        loads.append(world.counted()["load"])
    assert [1, 1, 1] == loads


# -- units -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("forgotten", [False, True], ids=["the state", "the summaries"])
@pytest.mark.parametrize(
    ("conditions", "units", "twice"),
    [
        (f"{DECEMBER} AND prefix LIKE '%'", [unit(18), unit(19)], "$50.00 of $50.00 would be"),
        ("account_sid = 'AC1' AND day BETWEEN '2025-12-01' AND '2026-01-01'", [unit(18), unit(19)],
         "$50.00 of $50.00 would be"),
        ("account_sid IN ('AC1', 'AC2')", [unit(18), unit(19), unit(20, 200)], "Up to $25.00 of $50.00 may be"),
        ("account_sid = ' ac1' AND day = '2025-12-18'", [unit(18, 70)], "$50.00 of $50.00 would be"),
        ("account_id = 7", [["AC1", *unit(18)[1:]], ["AC1", *unit(19)[1:]]], "Up to $50.00 of $50.00 may be"),
    ],
)  # fmt: skip
def test_flagged_rows_that_were_credited_are_asked_about(
    world: World, first: RequestKey, forgotten: bool, conditions: str, units: list[list[object]], twice: str
) -> None:
    """With the dollars that would be paid twice, and the address of the first credit."""
    if forgotten:
        world.forget(first)
    second = ask(world, link(world, "second", conditions, *units))
    (reason,) = reasons(world, second)
    assert world.replies(second) == []
    assert world.address(first) in reason
    assert reason.startswith(f"{twice} paid twice: ")


@pytest.mark.parametrize("forgotten", [False, True], ids=["the state", "the summaries"])
@pytest.mark.parametrize("units", [[], [unit(18, 70)]], ids=["units not known", "another number"])
def test_a_sub_account_of_the_same_days_is_asked_about(
    world: World, first: RequestKey, forgotten: bool, units: list[list[object]]
) -> None:
    """Nobody knows which account it belongs to, so the account's credit may contain it."""
    if forgotten:
        world.forget(first)
    second = ask(world, link(world, "second", "sub_account_sid = 'S1' AND day = '2025-12-18'", *units))
    (reason,) = reasons(world, second)
    assert f"{world.address(first)} also credits traffic that may be some of the verify traffic of S1" in reason


@pytest.mark.parametrize("forgotten", [False, True], ids=["the state", "the summaries"])
@pytest.mark.parametrize(
    ("shown", "twice"),
    [("", "Up to $50.00 of $50.00 may be"), ("S1", "Up to $50.00 of $50.00 may be"),
     ("AC1", "$50.00 of $50.00 would be")],
)  # fmt: skip
def test_a_sub_account_is_a_part_of_the_account_that_its_sql_names(
    world: World, first: RequestKey, forgotten: bool, shown: str, twice: str
) -> None:
    """Whichever of the two columns the result shows."""
    if forgotten:
        world.forget(first)
    conditions = "account_sid = 'AC1' AND sub_account_sid = 'S1' AND day = '2025-12-18'"
    second = ask(world, link(world, "second", conditions, [shown, *unit(18, 70)[1:]]))
    (reason,) = reasons(world, second)
    assert reason.startswith(f"{twice} paid twice: {world.address(first)} also credits ")


def test_a_sub_account_is_compared_by_its_account_if_both_are_named(world: World, first: RequestKey) -> None:
    conditions = "account_sid = 'AC2' AND sub_account_sid = 'S1' AND day = '2025-12-18'"
    assert [REPLY] == world.replies(ask(world, link(world, "second", conditions, unit(18))))


def test_other_flagged_rows_of_the_same_account_are_credited(world: World, first: RequestKey) -> None:
    second = ask(world, link(world, "second", f"{DECEMBER} AND prefix = '+1'", unit(18, 60, prefix="+1")))
    assert [REPLY] == world.replies(second)


@pytest.mark.parametrize(
    "conditions",
    [
        "account_sid = 'AC2' AND day = '2025-12-18'",
        "account_sid = 'AC1' AND day >= '2026-01-01'",
        "account_sid = 'AC1' AND day < '2025-12-01'",
    ],
)
def test_other_accounts_and_other_days_are_credited(world: World, first: RequestKey, conditions: str) -> None:
    """They are apart whatever the notebook says, so nothing need be known of the units."""
    second = ask(world, link(world, "second", conditions))
    assert [REPLY] == world.replies(second)


def test_a_credit_that_a_lost_state_finds_in_its_thread_is_compared(world: World, first: RequestKey) -> None:
    """The record knows the reply again, and the summary for what it was."""
    world.lose()
    world.ticks(3)
    assert (None, "answered") == (world.record(first).result, world.record(first).status)
    second = ask(world, link(world, "second", f"{DECEMBER} AND prefix LIKE '%'", unit(18), unit(19)))
    assert world.address(first) in reasons(world, second)[0]


def test_a_hold_that_a_lost_state_has_not_read_yet_is_compared(world: World) -> None:
    """Its reply may be on its way, while a later request need not wait."""
    first = world.ask(link(world, "first", DECEMBER, unit(18, 40_000), amount=Decimal("30000.00")))
    world.tick()
    assert "held" == world.record(first).status
    world.lose()
    world.tick()
    world.wait(seconds=2)
    second = ask(world, link(world, "second", f"{DECEMBER} AND prefix LIKE '%'", unit(18)))
    assert world.address(first) in reasons(world, second)[0]


def test_a_credit_of_over_400_days_ago_is_not_compared(world: World, first: RequestKey) -> None:
    world.forget(first)
    world.wait(days=401)
    second = ask(world, link(world, "second", f"{DECEMBER} AND TRUE", unit(18)))
    assert [REPLY] == world.replies(second)


def test_the_same_numbers_without_an_account_are_asked_about(world: World, first: RequestKey) -> None:
    """Without an account they are a reason as well, unless the policy says otherwise."""
    world.forget(first)
    second = ask(world, link(world, "second", "TRUE", unit(18), unit(19)), **without(account_required=False))
    (reason,) = reasons(world, second)
    assert "credits the same numbers of messages for 2025-12-18 to 2025-12-19" in reason


# -- windows -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("forgotten", [False, True], ids=["the state", "the summaries"])
def test_windows_that_meet_are_asked_about_where_units_are_not_known(world: World, forgotten: bool) -> None:
    before = ask(world, link(world, "first"))
    if forgotten:
        world.forget(before)
    second = ask(world, link(world, "second", "account_sid = 'AC1' AND day > '2025-12-30'"))
    (reason,) = reasons(world, second)
    assert reason == (
        f"Up to $50.00 of $50.00 may be paid twice: {world.address(before)} also credits verify traffic of AC1 for "
        "2025-12-30 to 2025-12-31."
    )


def test_a_relative_window_is_other_traffic_a_week_later(world: World) -> None:
    conditions = "account_sid = 'AC1' AND day >= CURRENT_DATE - 7 AND day < CURRENT_DATE"
    before = ask(world, link(world, "recent1", conditions))
    same_day = ask(world, link(world, "recent2", conditions))
    world.wait(days=7)
    later = ask(world, link(world, "recent3", conditions))
    assert ([REPLY], [], [REPLY]) == (world.replies(before), world.replies(same_day), world.replies(later))


# -- accounts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("conditions", "why"),
    [
        ("day = '2025-12-18'", "no condition names the account"),
        ("account_sid LIKE 'AC%'", "no condition names the account in full (account_sid LIKE 'AC%')"),
    ],
)
def test_a_link_that_names_no_account_is_asked_about(world: World, conditions: str, why: str) -> None:
    key = ask(world, link(world, "all", conditions))
    assert [f"Nobody can tell whose traffic link 1 credits: {why}."] == reasons(world, key)


def test_a_policy_may_do_without_accounts(world: World) -> None:
    key = ask(world, link(world, "all", "TRUE"), **without(account_required=False))
    assert [REPLY] == world.replies(key)


def test_a_policy_may_do_without_the_question_about_overlap(world: World, first: RequestKey) -> None:
    key = ask(world, link(world, "second", f"{DECEMBER} AND TRUE", unit(18)), **without(hold_overlap=False))
    assert [REPLY] == world.replies(key)


# -- links of one message ----------------------------------------------------------------------------------------------


def test_two_links_of_one_message_that_overlap_are_asked_about(world: World) -> None:
    one, two = link(world, "one", DECEMBER, unit(18)), link(world, "two", f"{DECEMBER} AND TRUE", unit(18), unit(19))
    key = ask(world, one, two)
    (reason,) = reasons(world, key)
    assert reason.startswith("$25.00 of $100.00 would be paid twice: links 1 and 2 of this message both have the same")


def test_many_overlapping_links_of_a_message_are_one_line_of_the_question(world: World) -> None:
    ask(world, *(link(world, f"n{n}", f"{DECEMBER} AND {n} = {n}", unit(18)) for n in range(8)))
    lines = world.questions()[0].text.splitlines()
    assert "For verify: AC1, 2025-12-01 to 2025-12-31" == lines[2]
    assert (
        "• $350.00 of $400.00 would be paid twice: links 1 to 8 of this message have the same flagged rows for "
        "2025-12-18."
    ) == lines[4]
    assert lines[5].startswith("Yes (")


def test_the_question_says_what_several_reasons_come_to_together(world: World, first: RequestKey) -> None:
    second = ask(world, link(world, "second", f"{DECEMBER} AND TRUE", unit(18), unit(19), unit(20)))
    world.wait(minutes=5)
    world.react("white_check_mark")
    world.tick()
    third = ask(world, link(world, "third", f"{DECEMBER} AND 1 = 1", unit(18), unit(20)))
    assert [world.address(second), world.address(first)] == [text.split()[7] for text in reasons(world, third)]
    assert "In all, $50.00 of $50.00 would be paid twice." in world.questions()[0].text.splitlines()


def test_the_question_says_that_more_than_what_is_certain_may_be_paid(world: World, first: RequestKey) -> None:
    """The rows of one of the other credits are not known."""
    second = ask(world, link(world, "second", f"{DECEMBER} AND TRUE"))
    world.wait(minutes=5)
    world.react("white_check_mark")
    world.tick()
    third = ask(world, link(world, "third", f"{DECEMBER} AND 1 = 1", unit(18), unit(20)))
    assert {world.address(second), world.address(first)} < set(" ".join(reasons(world, third)).split())
    assert "In all, at least $25.00 of $50.00 would be paid twice." in world.questions()[0].text.splitlines()


@pytest.mark.parametrize("in_shadow", [False, True])
@pytest.mark.parametrize(
    ("units", "twice"), [([unit(18), unit(20)], Decimal("25.00")), ([], None)], ids=["known rows", "no rows"]
)
def test_a_hold_keeps_what_would_surely_be_paid_twice(
    world: World, first: RequestKey, units: list[list[object]], twice: Decimal | None, in_shadow: bool
) -> None:
    rules = replace(ruled(), shadow=in_shadow)
    hold = world.record(ask(world, link(world, "second", f"{DECEMBER} AND TRUE", *units), rules=rules)).hold
    assert hold
    assert twice == hold.twice


def test_a_credit_that_is_saved_while_another_is_computed_is_compared(world: World, first: RequestKey) -> None:
    """Another deployment that shares the summaries may save one after this request was compared for the first time."""
    saved = world.summaries.pop(str(first))
    world.forget(first)
    world.amid("save", lambda: world.summaries.update({str(first): saved}))
    second = ask(world, link(world, "second", f"{DECEMBER} AND TRUE", unit(18)))
    assert ("held", []) == (world.record(second).status, world.replies(second))
    assert world.address(first) in reasons(world, second)[0]


def test_two_links_of_one_message_with_other_traffic_are_added_up(world: World) -> None:
    one, two = link(world, "one", DECEMBER, unit(18)), link(world, "two", "account_sid = 'AC2'", unit(18))
    assert ["Approved, $100.00, exceptions"] == world.replies(ask(world, one, two))


# -- decisions ---------------------------------------------------------------------------------------------------------


def test_a_yes_credits_the_traffic_a_second_time(world: World, first: RequestKey) -> None:
    """It may be a correction that is meant to be credited again."""
    second = ask(world, link(world, "second", f"{DECEMBER} AND TRUE", unit(18)))
    world.wait(minutes=5)
    world.react("white_check_mark")
    world.tick()
    assert [REPLY] == world.replies(second)


def test_a_retry_that_overrides_asks_nobody(world: World, first: RequestKey) -> None:
    second = ask(world, "first")
    world.retry(second, again="dana@laptop")
    world.tick()
    assert [REPLY] == world.replies(second)


def test_a_held_request_credits_nothing_and_stops_no_other(world: World) -> None:
    held = ask(world, link(world, "all", "TRUE", unit(18)))
    second = ask(world, link(world, "second", DECEMBER, unit(18)))
    assert ("held", [REPLY]) == (world.record(held).status, world.replies(second))


def test_traffic_that_a_person_credited_is_asked_about(world: World) -> None:
    """The answer came while the bot computed."""
    before = world.ask(link(world, "first", DECEMBER, unit(18)))
    world.amid("notebook", lambda: world.say("Approved, $50.00", "U0BOSS", thread_ts=before.ts))
    world.tick()
    second = ask(world, link(world, "second", f"{DECEMBER} AND TRUE", unit(18)))
    assert "elsewhere" == world.record(before).status
    assert world.address(before) in reasons(world, second)[0]


def test_two_workers_with_the_same_traffic_at_once_credit_it_once(world: World) -> None:
    """The write that allows the post checks the very state that it changes."""
    one = world.ask(link(world, "one", DECEMBER, unit(18)))
    two = world.ask(link(world, "two", f"{DECEMBER} AND TRUE", unit(18)))

    def run(tick: Tick) -> None:
        for _ in range(2):  # the traffic is looked for before the SQL
            world.amid("credited", lambda: None)
        world.amid("credited", tick.pause)
        world.tick()

    ticks = [Tick(partial(run)) for _ in range(2)]
    for tick in ticks:
        assert not tick.go_on()
    assert all(tick.go_on() for tick in ticks)
    statuses = {world.record(one).status, world.record(two).status}
    assert {"answered", "held"} == statuses
    assert 1 == len(world.replies(one) + world.replies(two))


def test_a_summary_of_another_run_leaves_the_window_to_compare(world: World, first: RequestKey) -> None:
    """The state says which run the amount is from; the units are in the summary only."""
    world.summaries[str(first)] = {**world.summary(first), "links": []}
    second = ask(world, link(world, "second", f"{DECEMBER} AND TRUE", unit(18)))
    assert reasons(world, second)[0].startswith("Up to $50.00 of $50.00 may be paid twice")


def test_traffic_that_an_earlier_version_computed_is_not_held(world: World, first: RequestKey) -> None:
    """It kept no footprint."""
    world.rewrite(first, result={"amount": "50.00"})
    world.summaries.clear()
    second = ask(world, link(world, "second", f"{DECEMBER} AND TRUE", unit(18)))
    assert [REPLY] == world.replies(second)


def test_the_reference_is_still_credited(world: World) -> None:
    assert [REFERENCE] == world.replies(ask(world, "abc"))


def test_an_expired_claim_does_not_hide_a_credit(world: World) -> None:
    """A computed request that waits while another one is answered is compared again before it is posted."""
    one = world.ask(link(world, "one", DECEMBER, unit(18)))
    world.kill("thread.before-read")
    two = ask(world, link(world, "two", f"{DECEMBER} AND TRUE", unit(18)))
    world.now += timedelta(minutes=31)
    world.tick()
    assert ([], [REPLY]) == (world.replies(one), world.replies(two))
    assert world.address(two) in reasons(world, one)[0]


def test_what_could_not_be_compared_stands_in_the_summary(world: World, first: RequestKey) -> None:
    """Nobody is asked about it."""
    second = ask(world, link(world, "second", "account_sid = 'AC1' AND day > '2025-12-20' AND day < '2025-12-10'"))
    assert [REPLY] == world.replies(second)
    (doubt,) = world.summary(second)["not_compared"]
    why = "the days of one of them are not known (its conditions contradict each other)"
    assert f"Not compared with {world.address(first)}: {why}." == doubt


def test_without_the_question_about_overlap_nothing_is_compared(world: World, first: RequestKey) -> None:
    contradictory = link(world, "second", "account_sid = 'AC1' AND day > '2025-12-20' AND day < '2025-12-10'")
    assert "not_compared" not in world.summary(ask(world, contradictory, **without(hold_overlap=False)))
