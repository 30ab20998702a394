"""People's answers to what the bot has not computed: the SQL alone says which traffic they credit."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from creditbot.credit.compute import MOST_LOOKED_UP
from creditbot.decide.policy import Limits, Policy
from creditbot.model import RequestKey
from tests.behaviour.failures import DISK_FULL, LOOKER_DOWN, NOTEBOOK_FAILED
from tests.support.world import World
from tests.support.world_facts import OWNER, REFERENCE, RULES, Outcome, ruled

ANSWER = "Approved, $60.00, exceptions"
DECEMBER = "account_sid = 'AC1' AND day >= '2025-12-01' AND day < '2026-01-01'"
RULES_OF_ACCOUNTS: dict[str, Any] = {
    "rules": ruled(replace(RULES, products=("verify",)), policy=Policy(Limits(account_month=Decimal(100)), (OWNER,)))
}


def answered_by_hand(world: World, *slugs: str, answer: str = ANSWER, conditions: str = DECEMBER) -> RequestKey:
    """A request that somebody answered before the bot read it."""
    for slug in slugs:
        world.conditions[slug] = conditions
    key = world.ask(*slugs)
    world.say(answer, "U0BOSS", thread_ts=key.ts)
    return key


def reasons(world: World, slug: str, conditions: str = DECEMBER, amount: int = 10, **options: Any) -> list[str]:
    """Why another request for the same account is held."""
    world.wait(minutes=5)
    world.conditions[slug], world.amounts[slug] = conditions, Decimal(amount)
    key = world.ask(slug)
    world.tick(**options)
    hold = world.record(key).hold
    return [reason.text for reason in hold.reasons] if hold else []


@pytest.mark.parametrize("forgotten", [False, True], ids=["the state", "the summaries"])
def test_traffic_that_a_person_credited_is_asked_about(world: World, forgotten: bool) -> None:
    """No notebook has run; the window of the SQL is enough."""
    before = answered_by_hand(world, "first")
    world.tick()
    assert Outcome("elsewhere", replies=[ANSWER]) == world.outcome(before)
    if forgotten:
        world.forget(before)
    (reason,) = reasons(world, "second", f"{DECEMBER} AND TRUE")
    assert reason.startswith("Up to $10.00 of $10.00 may be paid twice")
    assert world.address(before) in reason


def test_other_traffic_is_credited(world: World) -> None:
    answered_by_hand(world, "first")
    world.tick()
    assert [] == reasons(world, "second", "account_sid = 'AC2'")


@pytest.mark.parametrize("forgotten", [False, True], ids=["the state", "the summaries"])
@pytest.mark.parametrize("links", [1, 2])
def test_the_amount_counts_for_the_month_once(world: World, forgotten: bool, links: int) -> None:
    """Of several links nobody knows which got how much; here it is one account and month."""
    before = answered_by_hand(world, *(f"first{number}" for number in range(links)))
    world.tick(**RULES_OF_ACCOUNTS)
    if forgotten:
        world.forget(before)
    texts = reasons(world, "second", amount=41, **RULES_OF_ACCOUNTS)
    assert "With $60.00 already credited to AC1 for December 2025" in texts[0]


def test_an_answer_without_an_amount_counts_for_no_month(world: World) -> None:
    answered_by_hand(world, "first", answer="Approved, $60.00 and $500.00")
    world.tick(**RULES_OF_ACCOUNTS)
    texts = reasons(world, "second", amount=100, **RULES_OF_ACCOUNTS)
    assert ["Up to $100.00 of $100.00 may be paid twice"] == [text.partition(":")[0] for text in texts]


def test_the_summary_has_the_sql_and_the_traffic(world: World) -> None:
    key = answered_by_hand(world, "first")
    world.tick()
    (link,) = world.summary(key)["links"]
    assert "slug = 'first'" in link["sql"]
    assert ("verify", {"account_sid": ["AC1"]}) == (link["footprint"]["product"], link["footprint"]["accounts"])
    assert "unknown: somebody else answered, and no notebook was run" == link["footprint"]["units"]
    outcome = world.summary(key)["outcome"]
    assert ("elsewhere", "U0BOSS", Decimal("60.00")) == (
        outcome["status"], outcome["answer_by"], outcome["answer_amount"],
    )  # fmt: skip
    assert "slug = &#39;first&#39;" in world.pages[str(key)]


@pytest.mark.parametrize("effect", ["looker", "save"])
def test_a_failure_changes_nothing_about_the_end(world: World, effect: str) -> None:
    """And the next look at the thread finds the traffic."""
    key = answered_by_hand(world, "first")
    if effect == "looker":
        world.fail("looker", LOOKER_DOWN)
    else:
        world.fail("save", DISK_FULL, times=2)
    report = world.tick()
    assert ([], "elsewhere", ()) == (report.errors, world.record(key).status, world.record(key).traffic)
    world.wait(minutes=16)
    world.ticks(2)
    assert 1 == len(world.record(key).traffic)
    assert [] == world.told()
    assert reasons(world, "second", f"{DECEMBER} AND TRUE")


def test_a_defect_changes_nothing_about_the_end(world: World) -> None:
    key = answered_by_hand(world, "first")
    world.fail("looker", ZeroDivisionError())
    world.tick()
    assert Outcome("elsewhere", replies=[ANSWER]) == world.outcome(key)


def test_links_that_fail_are_left_out(world: World) -> None:
    key = answered_by_hand(world, "gone", "first", "unfit")
    world.tick()
    assert 1 == len(world.record(key).traffic)


def test_only_some_links_are_looked_up(world: World) -> None:
    """The end of an answered request is worth little work."""
    answered_by_hand(world, *(f"first{number}" for number in range(MOST_LOOKED_UP + 5)))
    world.tick()
    assert MOST_LOOKED_UP == world.counted()["looker"]


def test_looker_that_is_down_is_asked_once(world: World) -> None:
    answered_by_hand(world, "first", "other", "third")
    world.fail("looker", LOOKER_DOWN, times=3)
    world.tick()
    assert 1 == world.counted()["looker"]


def test_traffic_that_is_known_is_not_looked_up_again(world: World) -> None:
    answered_by_hand(world, "first")
    world.tick()
    world.counted()
    world.ticks(3)
    assert 0 == world.counted()["looker"]


def test_a_retry_forgets_the_traffic_of_an_answer(world: World) -> None:
    """It is computed then."""
    key = world.ask("abc")
    answer = world.say(ANSWER, "U0BOSS", thread_ts=key.ts)
    world.tick()
    world.delete(answer)
    world.retry(key)
    world.tick()
    assert ([REFERENCE], ()) == (world.replies(key), world.record(key).traffic)


def test_an_answer_from_before_a_loss_keeps_what_was_computed(world: World) -> None:
    """The summary knows more than the SQL says."""
    world.units["first"] = [["", "2025-12-18", "+62", "basic", 100, "5000.00"]]
    key = answered_by_hand(world, "first", answer="hello")
    world.conditions["first"] = DECEMBER
    world.delete(RequestKey(key.team, key.channel, world.messages[-1].ts))
    world.kill("thread.before-read", nth=1)
    summary = world.summary(key)["links"][0]["footprint"]
    world.say(ANSWER, "U0BOSS", thread_ts=key.ts)
    world.lose()
    world.wait(minutes=31)
    world.ticks(2)
    assert "elsewhere" == world.record(key).status
    assert summary == world.summary(key)["links"][0]["footprint"]
    assert 1 == len(world.record(key).traffic)


# -- answers by hand to what the bot gave up ---------------------------------------------------------------------------


def test_an_answer_by_hand_ends_a_request_that_was_given_up(world: World) -> None:
    """Its traffic counts as credited. It is no longer one that somebody has to answer."""
    world.conditions["first"] = DECEMBER
    key = world.ask("first")
    world.fail("notebook", NOTEBOOK_FAILED)
    world.tick()
    assert ("given_up", ["by_hand"]) == (world.record(key).status, world.signs[key][-1:])
    world.say(ANSWER, "U0BOSS", thread_ts=key.ts)
    world.tick()
    record = world.record(key)
    assert ("elsewhere", "U0BOSS", Decimal("60.00")) == (record.status, record.answer_by, record.answer_amount)
    assert "by_hand" not in world.signs[key]
    assert "elsewhere" == world.summary(key)["outcome"]["status"]
    assert world.address(key) in reasons(world, "second", f"{DECEMBER} AND TRUE")[0]


def test_an_answer_by_hand_ends_a_denied_request(world: World) -> None:
    """The owner hears that the amount is another one."""
    world.amounts["big"] = Decimal("30000.00")
    key = world.ask("big")
    world.tick()
    world.react("x")
    world.tick()
    world.say("Approved, $20,000.00", "U0BOSS", thread_ts=key.ts)
    world.ticks(2)
    assert "elsewhere" == world.record(key).status
    assert "names $20,000.00, but I computed $30,000.00, and have not posted it" in world.told()[-1]


def test_talk_below_a_request_that_was_given_up_is_read_once(world: World) -> None:
    key = world.ask("gone")
    world.tick()
    world.say("I will look", "U0BOSS", thread_ts=key.ts)
    world.tick()
    world.counted()
    world.tick()
    assert ("given_up", 0) == (world.record(key).status, world.counted()["thread"])
