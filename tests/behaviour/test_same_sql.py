"""The same SQL is credited once in DUPLICATE_DAYS, whether the state or only a summary remembers the first credit."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from creditbot.decide.policy import Policy, TrafficRules
from creditbot.errors import SLACK, Refused
from tests.behaviour.failures import SILENCE
from tests.support.ticks import Tick, stopped
from tests.support.world import World
from tests.support.world_facts import REFERENCE, explore_link, ruled

ANY_TRAFFIC = ruled(policy=Policy(traffic=TrafficRules(hold_overlap=False)))
"""Only the SQL is compared; the traffic is the same for longer."""
ONE_DAY = replace(ANY_TRAFFIC, duplicates=timedelta(days=1))
NOT_IN_CHANNEL = Refused(SLACK, "Slack refuses it: not_in_channel.")


# -- credited already --------------------------------------------------------------------------------------------------


def test_the_second_request_for_the_same_sql_is_not_answered(world: World) -> None:
    """The owner gets both addresses, and the command that overrides it."""
    first, second = world.ask("abc"), world.ask("abc")
    world.tick()
    assert world.replies(first) == [REFERENCE]
    assert world.replies(second) == []
    (text,) = world.told()
    refused, _, _, why, todo, *_ = text.splitlines()
    assert world.address(second) in refused
    assert world.address(first) in why
    assert "`creditbot retry --again`" in todo


def test_sql_that_reads_the_clock_is_credited_again_next_week(world: World) -> None:
    """A Look of the last seven days asks for other traffic then."""
    world.ask("recent")
    world.tick()
    same_day = world.ask("recent")
    world.tick()
    world.wait(days=7)
    next_week = world.ask("recent")
    world.tick()
    assert world.replies(same_day) == []
    assert world.replies(next_week) == [REFERENCE]


def test_sql_with_fixed_dates_is_not_credited_again_next_week(world: World) -> None:
    """It asks for the same traffic whenever it runs."""
    world.ask("abc")
    world.tick()
    world.wait(days=7)
    next_week = world.ask("abc")
    world.tick()
    assert world.replies(next_week) == []


def test_sql_of_the_version_before_is_recognised(world: World) -> None:
    """A state of that time holds the bare hash."""
    first = world.ask("abc")
    world.tick()
    result = world.record(first).result
    assert result
    (before,) = [fingerprint for fingerprint in result.sql if fingerprint.startswith("1-")]
    assert world.values
    stored = json.loads(world.values[str(first)])["result"]
    world.rewrite(first, result={**stored, "sql": [before.removeprefix("1-")]})
    second = world.ask("abc")
    world.tick()
    assert world.replies(second) == []


def test_the_same_text_is_recognised_where_its_fingerprint_has_changed(world: World) -> None:
    """Another SQL_DIALECT, or another version of the parser, reads the same text in another way."""
    first = world.ask("abc")
    world.tick()
    assert world.values
    stored = json.loads(world.values[str(first)])["result"]
    others = [fingerprint for fingerprint in stored["sql"] if fingerprint.startswith("text-")]
    world.rewrite(first, result={**stored, "sql": ["2-of-another-dialect", *others]})
    second = world.ask("abc")
    world.tick()
    assert world.replies(second) == []


def test_one_link_in_common_is_enough_to_refuse_the_second_request(world: World) -> None:
    """Part of the amount would be credited twice."""
    world.ask("a", "b")
    second = world.ask("b", "c")
    world.tick()
    assert world.replies(second) == []


def test_a_reply_that_may_be_there_credits_its_sql(world: World) -> None:
    """Until the thread proves that the reply is missing."""
    first = world.ask_and_fail("reply", SILENCE)
    second = world.ask("abc")
    world.tick()
    assert world.record(first).status == "posting"
    assert world.record(second).status == "given_up"


def test_sql_that_a_person_credited_while_the_bot_computed_it_is_credited(world: World) -> None:
    first = world.ask("abc")
    world.amid("notebook", lambda: world.say("Approved, $4,948.80", "U0BOSS", thread_ts=first.ts))
    world.tick()
    second = world.ask("abc")
    world.tick()
    assert world.record(first).status == "elsewhere"
    assert world.record(second).status == "given_up"
    assert world.address(first) in world.told()[0]


def test_two_workers_with_the_same_sql_at_once_credit_it_once(world: World) -> None:
    """The write that allows the post checks the very state that it changes."""
    first, second = world.ask("abc"), world.ask("abc")

    def run(tick: Tick, effect: str, nth: int) -> None:
        for _ in range(nth - 1):  # traffic is looked for first
            world.amid(effect, lambda: None)
        world.amid(effect, tick.pause)
        world.tick()

    ticks = [Tick(partial(run, effect=effect, nth=nth)) for effect, nth in (("credited", 6), ("load", 1))]
    for tick in ticks:  # each has looked into the summaries, also into that of the other, and has not written yet
        assert not tick.go_on()
    assert world.summary(first)["outcome"]["status"] == "computed"
    assert all(tick.go_on() for tick in ticks)
    assert world.replies(first) == [REFERENCE]
    assert world.replies(second) == []
    (text,) = world.told()
    assert world.address(first) in text


# -- not credited ------------------------------------------------------------------------------------------------------


def test_sql_that_was_computed_and_not_credited_is_free(world: World) -> None:
    first = world.ask("abc")
    world.amid("notebook", lambda: world.delete(first))
    world.ticks(5, minutes=5)
    assert world.record(first).status == "withdrawn"
    second = world.ask("abc")
    world.tick()
    assert world.replies(second) == [REFERENCE]


def test_a_request_is_not_refused_for_what_it_computed_itself(world: World) -> None:
    """The first request's own summary does not count against it, but that of the second, which was answered, does."""
    first = world.ask("abc")
    world.kill("thread.before-read")
    second = world.ask("abc")
    world.tick()
    assert world.replies(second) == [REFERENCE]
    world.forget(second)
    world.tick_after(minutes=31)
    assert world.record(first).status == "given_up"
    assert world.address(second) in world.told()[0]


def test_a_request_is_not_refused_for_its_own_deleted_answer(world: World) -> None:
    """Somebody restored an older copy of the state and deleted the reply."""
    key = world.ask("abc")
    world.kill("thread.before-read")
    copy = dict(world.values or {})
    world.tick_after(minutes=31)
    world.messages = [m for m in world.messages if not m.marker]
    world.values, world.version = copy, world.version + 1
    world.tick()
    assert world.replies(key) == [REFERENCE]


# -- the owner overrides it --------------------------------------------------------------------------------------------


def test_a_retry_alone_is_refused_again(world: World) -> None:
    world.ask("abc")
    second = world.ask("abc")
    world.tick()
    world.retry(second)
    world.tick()
    assert world.replies(second) == []
    assert len(world.told()) == 2


def test_a_retry_that_overrides_the_refusal_is_answered_and_says_by_whom(world: World) -> None:
    """In the state and in the summary."""
    world.ask("abc")
    second = world.ask("abc")
    world.tick()
    world.retry(second, again="dana@laptop")
    world.tick()
    assert world.replies(second) == [REFERENCE]
    assert world.record(second).overridden_by == "dana@laptop"
    assert world.summary(second)["outcome"]["overridden_by"] == "dana@laptop"


def test_an_override_does_not_hold_for_links_that_are_edited_afterwards(world: World) -> None:
    world.ask("abc")
    world.ask("def")
    third = world.ask("abc")
    world.tick()
    world.retry(third, again="dana@laptop")
    world.amid("notebook", lambda: world.edit(third, explore_link("def")))
    world.tick()
    assert world.replies(third) == []
    assert len(world.told()) == 2


# -- after DUPLICATE_DAYS ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("known_by", ["the state", "the summaries"])
def test_sql_is_free_when_more_than_duplicate_days_have_passed(known_by: str) -> None:
    """The days count from the moment at which the answer was stored."""
    world = World()
    first = world.ask("abc")
    world.tick()
    if known_by == "the summaries":
        world.forget(first)
    else:
        world.summaries.clear()
    world.wait(days=1)
    second = world.ask("abc")
    world.tick(rules=ONE_DAY)
    assert world.replies(second) == []
    world.wait(seconds=0.001)
    third = world.ask("abc")
    world.tick(rules=ONE_DAY)
    assert world.replies(third) == [REFERENCE]


def test_sql_a_person_answered_before_a_loss_is_free_after_duplicate_days() -> None:
    """The days count from the computation, because nothing says when the person answered."""
    world = World()
    first = world.ask("abc")
    world.kill("thread.before-read")
    world.say("Approved, $1.00", "U0BOSS", thread_ts=first.ts)
    world.forget(first)
    world.wait(days=1)
    second = world.ask("abc")
    world.tick(rules=ONE_DAY)
    assert world.record(second).status == "given_up"
    world.wait(seconds=0.001)
    third = world.ask("abc")
    world.tick(rules=ONE_DAY)
    assert world.replies(third) == [REFERENCE]


def test_an_old_credit_does_not_hide_a_later_one_for_the_same_sql(world: World) -> None:
    """The bot looks at every request that credited the SQL."""
    first = world.ask("abc")
    world.tick(rules=ONE_DAY)
    world.wait(days=1, hours=1)
    second = world.ask("abc")
    world.tick(rules=ONE_DAY)
    assert world.replies(second) == [REFERENCE]
    world.forget(first)
    world.forget(second)
    world.wait(minutes=1)
    third = world.ask("abc")
    world.tick(rules=ONE_DAY)
    assert world.replies(third) == []


# -- what still remembers it ------------------------------------------------------------------------------------------


def test_the_state_knows_of_an_answer_whose_summary_is_gone(world: World) -> None:
    world.ask("abc")
    world.tick()
    world.summaries.clear()
    second = world.ask("abc")
    world.tick()
    assert world.replies(second) == []


def test_a_summary_knows_of_an_answer_that_the_state_has_forgotten(world: World) -> None:
    first = world.ask("abc")
    world.tick()
    for day in range(6):
        world.wait(days=1)
        world.ask(f"day{day}")
        world.tick()
    assert not world.knows(first)
    second = world.ask("abc")
    world.tick()
    assert world.replies(second) == []
    assert world.address(first) in world.told()[0]
    world.wait(days=30)
    third = world.ask("abc")
    world.tick(rules=ANY_TRAFFIC)
    assert world.replies(third) == [REFERENCE]


def test_a_summary_knows_of_a_persons_answer_that_the_state_has_forgotten() -> None:
    world = World()
    first = world.ask("abc")
    world.kill("thread.before-read")
    world.say(REFERENCE, "U0BOSS", thread_ts=first.ts)
    world.tick_after(minutes=31)
    assert world.record(first).status == "elsewhere"
    world.forget(first)
    world.wait(minutes=1)
    second = world.ask("abc")
    world.tick()
    assert world.replies(second) == []
    assert world.address(first) in world.told()[0]


def test_a_summary_knows_of_an_answer_before_the_state_was_lost(world: World) -> None:
    """The summary keeps the SQL when the answer is found in the thread after the loss."""
    first = world.ask("abc")
    world.tick()
    world.lose()
    world.wait(minutes=5)
    world.ticks(5, minutes=5)
    assert world.record(first).result is None
    second = world.ask("abc")
    world.tick()
    assert world.replies(second) == []


# -- a loss in the middle ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arrives", [True, False], ids=["it was", "it was not"])
@pytest.mark.parametrize("harm", ["damaged", "lost"])
def test_sql_that_may_be_answered_already_waits_until_the_loss_settles(world: World, harm: str, arrives: bool) -> None:
    """The hold does not concern the later request, but it must not get the credit that the earlier one may have got."""
    world.lateness = timedelta(minutes=10)
    first = world.ask_and_fail("reply", SILENCE, after=arrives)
    if harm == "damaged":
        world.vandalise(first)
    else:
        world.lose()
    world.tick()
    world.wait(minutes=1)
    second = world.ask("abc")
    world.tick()
    assert world.replies(second) == []
    assert world.record(second).status == "computed"
    assert world.address(first) in world.record(second).reason
    world.wait(minutes=4)
    world.ticks(9, minutes=4)
    assert world.replies(first) == [REFERENCE]
    assert world.replies(second) == []
    assert world.record(first).status == "answered"
    assert world.record(second).status == "given_up"
    assert len(world.told()) == 2


@pytest.mark.parametrize("by", ["us", "a person"])
@pytest.mark.parametrize("broadcast", [False, True], ids=["top level", "in a thread"])
def test_a_thread_shows_an_answer_before_a_loss_to_other_requests_at_once(
    world: World, by: str, broadcast: bool
) -> None:
    """The process that works on the lost request may be slower than the one that asks."""
    top = world.say("morning")
    first = world.broadcast(top, "abc") if broadcast else world.ask("abc")
    thread = top if broadcast else first
    world.kill("reply.before-send")
    if by == "us":
        world.stray_reply(first, thread=thread)
    else:
        world.say("Approved, $1.00", "U0BOSS", thread_ts=thread.ts)
    world.vandalise(first)
    world.tick()
    second = world.ask("abc")
    world.wait(minutes=16)
    slow = stopped(world, "thread.before-read")
    world.tick()
    assert world.record(first).status in ("claimed", "computed")
    assert world.record(second).status == "given_up"
    slow.go_on()
    assert world.record(first).status in ("answered", "elsewhere")


@pytest.mark.parametrize(
    ("why", "reason"),
    [("unclear", "thread does not show"), ("forged", "thread does not show"), ("refused", str(NOT_IN_CHANNEL))],
    ids=["two answers", "somebody else's reply", "a thread that Slack does not show"],
)
def test_sql_of_a_lost_request_with_an_unclear_thread_is_left_to_people(world: World, why: str, reason: str) -> None:
    """The owner gets the addresses of both requests."""
    first = world.ask("abc")
    world.kill("reply.before-send")
    if why == "forged":
        world.forged_reply(first)
    elif why == "unclear":
        world.broadcast(first, "def")
        for amount in ("$1", "$2"):
            world.say(f"Approved, {amount}", "U0BOSS", thread_ts=first.ts)
    world.forget(first)
    world.wait(minutes=1)
    second = world.ask("abc")
    if why == "refused":
        world.amid("thread", lambda: world.fail("thread", NOT_IN_CHANNEL))
    world.tick()
    assert world.replies(second) == []
    assert world.record(second).status == "given_up"
    (text,) = world.told()
    refused, _, _, why_not, todo, *_ = text.splitlines()
    assert world.address(second) in refused
    assert world.address(first) in why_not
    assert reason in why_not
    assert "`creditbot retry --again`" in todo
