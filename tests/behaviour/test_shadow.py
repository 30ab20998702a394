"""SHADOW=true: what would have been said is recorded, and nobody reads anything of it in Slack."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from creditbot.decide.approval import approval_digest
from creditbot.errors import NotebookStopped, Unreachable
from creditbot.model import RequestKey
from tests.support.ticks import stopped
from tests.support.world import World
from tests.support.world_facts import REFERENCE, RULES

SHADOW = replace(RULES, shadow=True)
BOSS = "U0BOSS"


def watch(world: World, **options: Any) -> None:
    """One tick in shadow."""
    world.tick(rules=SHADOW, **options)


def end(world: World, key: RequestKey) -> tuple[str, str]:
    """How a request ended, and what would have become of it."""
    return world.record(key).status, world.record(key).would


def nothing_is_written(world: World) -> bool:
    """No reply, no edit, no reaction, no question and no direct message."""
    written = [m for m in world.visible() if m.user == "U0BOT"] + world.visible_direct() + world.visible_asks()
    return not written and not any(world.signs.values())


def approve(world: World, key: RequestKey, text: str = "Approved, $4,900.00, exceptions") -> RequestKey:
    """A person answers in the thread of a request."""
    return world.say(text, BOSS, thread_ts=key.ts)


# -- what is recorded --------------------------------------------------------------------------------------------------


def test_an_amount_that_would_be_answered_is_recorded_not_posted(world: World) -> None:
    key = world.ask("abc")
    watch(world)
    assert ("shadowed", "answered") == end(world, key)
    assert nothing_is_written(world)
    summary = world.summary(key)
    assert (None, Decimal("4948.80")) == (summary["credit_amount"], summary["computed_amount"])
    assert ("shadowed", "answered", True) == tuple(summary["outcome"][name] for name in ("status", "would", "shadow"))


def test_an_amount_that_would_be_asked_about_keeps_the_reasons(world: World) -> None:
    world.amounts["abc"] = Decimal("30000.00")
    key = world.ask("abc")
    watch(world)
    assert ("shadowed", "held") == end(world, key)
    assert "above the limit" in world.summary(key)["outcome"]["reason"]
    assert nothing_is_written(world)


def test_a_shadowed_request_keeps_what_would_have_been_decided_on(world: World) -> None:
    """For the same words, the same result and under the same policy, a live tick asks about the same digest."""
    world.amounts["abc"] = Decimal("30000.00")
    key = world.ask("abc")
    watch(world)
    record, policy = world.record(key), SHADOW.channels.everywhere.policy
    assert record.hold
    assert record.result
    (message,) = (m for m in world.visible() if m.ts == key.ts)
    assert approval_digest(message.text, record.result, policy) == record.hold.digest
    assert ("", policy.digest) == (record.hold.ask, record.hold.policy)
    assert timedelta(0) <= record.at + policy.expires - record.hold.until < timedelta(minutes=1)


def test_a_held_request_from_before_the_shadow_is_never_answered(world: World) -> None:
    """Even if the ticks in shadow did not get to it, and an approver says yes."""
    world.amounts["abc"] = Decimal("30000.00")
    key = world.ask("abc")
    world.tick()
    world.fail("thread", Unreachable("Slack", "Slack does not answer."), times=9)
    watch(world)
    world.faults.clear()
    assert "held" == world.record(key).status
    world.react("+1")
    world.wait(hours=1)
    world.tick()
    assert ("shadowed", []) == (world.record(key).status, world.replies(key))


def test_a_retry_after_the_shadow_waits_like_any_other_hold(world: World) -> None:
    world.amounts["abc"] = Decimal("30000.00")
    key = world.ask("abc")
    watch(world)
    world.wait(minutes=5)
    world.tick()
    world.wait(minutes=5)
    world.retry(key)
    world.ticks(2)
    assert "held" == world.record(key).status
    world.counted()
    world.tick()
    assert {"history": 1, "votes": 1, "state-read": 1} == dict(world.counted())


def test_a_request_that_would_be_refused_keeps_the_reason(world: World) -> None:
    key = world.ask("gone")
    watch(world)
    assert ("shadowed", "refused") == end(world, key)
    assert "does not exist" in world.summary(key)["outcome"]["reason"]
    assert nothing_is_written(world)


def test_a_request_that_fails_each_time_is_recorded_as_failed(world: World) -> None:
    key = world.ask("abc")
    world.fail("notebook", NotebookStopped("The notebook ran out of time."), times=9)
    for _ in range(4):
        watch(world)
        world.wait(minutes=20)
    assert ("shadowed", "failed") == end(world, key)
    assert nothing_is_written(world)


def test_the_page_says_what_would_have_been_said(world: World) -> None:
    key = world.ask("abc")
    watch(world)
    assert "It would have posted this amount" in world.pages[str(key)]


def test_what_people_answered_before_ends_as_in_live_ticks(world: World) -> None:
    """Also where the amounts differ: the summary has both, and nobody is told."""
    key = world.ask("abc")
    world.amid("notebook", lambda: approve(world, key))
    watch(world)
    assert "elsewhere" == world.record(key).status
    assert Decimal("4948.80") == world.summary(key)["computed_amount"]
    assert (BOSS, Decimal("4900.00")) == (world.record(key).answer_by, world.record(key).answer_amount)
    assert [] == world.told()


def test_a_service_that_is_down_is_told_to_the_owner(world: World) -> None:
    """A shadow that cannot work has to be repaired."""
    world.ask("abc")
    world.fail("looker", Unreachable("Looker", "Looker does not answer."))
    watch(world)
    assert 1 == len(world.told())
    assert "Looker does not answer." in world.told()[0]


def test_the_report_counts_no_reply_and_names_the_shadow(world: World) -> None:
    world.ask("abc")
    report = world.tick(rules=SHADOW)
    assert (0, True, 1) == (report.posted, report.shadow, report.count("shadowed"))
    assert report.fields()["shadow"] is True


# -- what people answer afterwards -------------------------------------------------------------------------------------


def test_an_answer_after_the_end_is_recorded_with_who_and_when(world: World) -> None:
    key = world.ask("abc")
    watch(world)
    world.wait(minutes=5)
    answer = approve(world, key)
    watch(world)
    watch(world)  # writes the summary again
    record = world.record(key)
    assert ("shadowed", "answered") == end(world, key)
    assert (answer.ts, BOSS, Decimal("4900.00")) == (record.reply, record.answer_by, record.answer_amount)
    outcome = world.summary(key)["outcome"]
    assert (BOSS, Decimal("4900.00")) == (outcome["answer_by"], outcome["answer_amount"])
    assert outcome["answer_at"].startswith("2026-01-08T12:05")
    assert nothing_is_written(world)


def test_a_denial_after_the_end_is_recorded_as_no_credit(world: World) -> None:
    key = world.ask("abc")
    watch(world)
    world.wait(minutes=5)
    approve(world, key, "Denied, do not credit")
    watch(world)
    watch(world)
    assert (BOSS, Decimal(0)) == (world.record(key).answer_by, world.record(key).answer_amount)
    assert 0 == world.summary(key)["outcome"]["answer_amount"]


def test_an_answer_that_is_edited_later_is_read_again(world: World) -> None:
    """An edit does not change the number of replies, so the thread is read again now and then."""
    key = world.ask("abc")
    watch(world)
    answer = approve(world, key)
    watch(world)
    world.wait(minutes=20)
    world.edit(answer, "Approved, $4,948.80, exceptions")
    watch(world)
    watch(world)
    assert Decimal("4948.80") == world.record(key).answer_amount


def test_an_idle_shadow_reads_no_thread(world: World) -> None:
    key = world.ask("abc")
    watch(world)
    watch(world)
    world.counted()
    watch(world)
    counted = world.counted()
    assert (0, 0) == (counted["thread"], counted["state-write"])
    assert ("shadowed", "answered") == end(world, key)


# -- what is asked again -----------------------------------------------------------------------------------------------


def test_an_edit_of_a_request_that_would_be_refused_starts_it_again(world: World) -> None:
    key = world.ask("gone")
    watch(world)
    world.wait(minutes=1)
    world.edit(key, "credit <https://acme.looker.com/x/abc>")
    watch(world)
    assert ("shadowed", "answered") == end(world, key)
    assert nothing_is_written(world)


def test_an_edit_of_a_request_that_would_be_answered_changes_nothing(world: World) -> None:
    key = world.ask("abc")
    watch(world)
    world.wait(minutes=1)
    world.edit(key, "credit <https://acme.looker.com/x/gone>")
    watch(world)
    assert ("shadowed", "answered") == end(world, key)
    assert ["abc"] == world.runs
    assert nothing_is_written(world)


# -- the same SQL and the same traffic ---------------------------------------------------------------------------------


def test_the_same_sql_would_be_refused_the_second_time(world: World) -> None:
    world.ask("abc")
    watch(world)
    second = world.ask("abc")
    watch(world)
    assert ("shadowed", "refused") == end(world, second)
    assert "already credits the same SQL" in world.record(second).reason


def test_the_same_traffic_would_be_asked_about_the_second_time(world: World) -> None:
    """Two at once, too: what would have been said is decided on the very state that is written."""
    for slug in ("one", "two"):
        world.conditions[slug] = "account_sid = 'AC1' AND day >= DATE '2025-12-01' AND day < DATE '2026-01-01'"
    first, second = world.ask("one"), world.ask("two")
    slow = stopped(world, "summary.before-close", rules=SHADOW)
    watch(world)
    while not slow.go_on():
        pass
    assert [("shadowed", "answered"), ("shadowed", "held")] == sorted(end(world, key) for key in (first, second))
    assert nothing_is_written(world)


@pytest.mark.parametrize("forgotten", [False, True], ids=["the state", "the summaries"])
def test_what_only_would_have_been_answered_does_not_stop_a_reply(world: World, forgotten: bool) -> None:
    """It was never paid: neither by the same SQL nor by the same traffic."""
    world.conditions |= dict.fromkeys(("one", "two"), "account_sid = 'AC1'")
    shadowed = world.ask("one")
    watch(world)
    world.wait(minutes=5)
    world.tick()
    if forgotten:
        world.forget(shadowed)
    world.wait(minutes=5)
    same_sql, same_traffic = world.ask("one"), world.ask("two")
    world.tick()
    assert [REFERENCE] == world.replies(same_sql)
    assert "held" == world.record(same_traffic).status  # because of the reply that was just posted
    assert world.address(same_sql) in world.record(same_traffic).hold.reasons[0].text  # type: ignore[union-attr]


@pytest.mark.parametrize("forgotten", [False, True], ids=["the state", "the summaries"])
@pytest.mark.parametrize(("slug", "status"), [("one", "given_up"), ("two", "held")], ids=["same SQL", "same traffic"])
def test_what_a_person_paid_in_shadow_is_not_paid_again(world: World, forgotten: bool, slug: str, status: str) -> None:
    """Also where the answer came after the last tick in shadow."""
    world.conditions |= dict.fromkeys(("one", "two"), "account_sid = 'AC1'")
    shadowed = world.ask("one")
    watch(world)
    world.wait(minutes=5)
    approve(world, shadowed)
    if forgotten:
        watch(world)
        watch(world)
        world.forget(shadowed)
    world.tick()
    world.wait(minutes=5)
    again = world.ask(slug)
    world.tick()
    assert (status, []) == (world.record(again).status, world.replies(again))


def test_an_answer_in_the_minute_before_counts_for_the_same_traffic(world: World) -> None:
    world.conditions |= dict.fromkeys(("one", "two"), "account_sid = 'AC1'")
    shadowed = world.ask("one")
    watch(world)
    world.tick_after(minutes=5)
    world.wait(seconds=1)
    again = world.ask("two")
    approve(world, shadowed)
    world.tick()
    assert ("held", []) == (world.record(again).status, world.replies(again))


# -- on and off --------------------------------------------------------------------------------------------------------


def test_off_again_nothing_is_posted_into_old_threads(world: World) -> None:
    """Whether their requests had ended, were under way, or had not been seen yet."""
    ended = world.ask("ended")
    watch(world)
    under_way = world.ask("abc")
    world.kill("summary.after-save", rules=SHADOW)
    unseen = world.ask("unseen")
    world.ticks(4)
    for key in (ended, under_way, unseen):
        assert ("shadowed", "answered") == end(world, key)
    assert nothing_is_written(world)


def test_off_again_what_is_asked_from_then_on_is_answered(world: World) -> None:
    world.ask("old")
    watch(world)
    world.wait(minutes=5)
    world.tick()
    world.wait(seconds=1)
    key = world.ask("abc")
    world.tick()
    assert [REFERENCE] == world.replies(key)


def test_off_again_an_edit_in_an_old_thread_is_not_answered(world: World) -> None:
    key = world.ask("gone")
    watch(world)
    world.tick_after(minutes=5)
    world.edit(key, "credit <https://acme.looker.com/x/abc>")
    world.tick_after(minutes=5)
    assert ("shadowed", "answered") == end(world, key)
    assert nothing_is_written(world)


def test_off_again_a_retry_is_answered(world: World) -> None:
    """Somebody wants an answer now."""
    key = world.ask("abc")
    watch(world)
    world.tick_after(minutes=5)
    world.wait(seconds=1)
    world.retry(key)
    world.tick()
    assert [REFERENCE] == world.replies(key)


def test_a_retry_in_shadow_is_not_answered_later(world: World) -> None:
    key = world.ask("abc")
    watch(world)
    world.wait(minutes=5)
    world.retry(key)
    watch(world)
    world.ticks(3)
    assert ("shadowed", "answered") == end(world, key)
    assert nothing_is_written(world)


def test_a_question_of_before_is_neither_counted_nor_touched(world: World) -> None:
    """It is struck through once SHADOW is off again."""
    world.amounts["abc"] = Decimal("30000.00")
    key = world.ask("abc")
    world.tick()
    world.react("+1")
    (question,) = world.questions()
    watch(world)
    assert ("shadowed", "held") == end(world, key)
    assert [question.text] == [message.text for message in world.visible_asks()]
    world.ticks(2)
    assert [] == world.replies(key)
    assert [] == world.questions()


@pytest.mark.parametrize("lateness", [0, 10], ids=["never there", "there after a while"])
def test_a_reply_of_unknown_outcome_is_only_looked_for(world: World, lateness: int) -> None:
    """It was sent before SHADOW was on."""
    key = world.ask("abc")
    world.kill("reply.after-send" if lateness else "reply.before-send")
    for _ in range(3):
        world.wait(minutes=16)
        watch(world)
    expected = ("answered", "") if lateness else ("shadowed", "answered")
    assert expected == end(world, key)
    assert ([REFERENCE] if lateness else []) == world.replies(key)


def test_a_failure_that_was_due_before_is_still_told(world: World) -> None:
    key = world.ask("gone")
    world.kill("notice.before-send")
    world.ticks(2, rules=SHADOW)
    assert 1 == len([text for text in world.told() if world.address(key) in text])


def test_a_live_process_posts_nothing_once_another_is_in_shadow(world: World) -> None:
    """Somebody turns SHADOW on while a tick works."""
    key = world.ask("abc")
    live = stopped(world, "looker.before-read")
    watch(world)
    assert live.go_on()
    world.ticks(3, rules=SHADOW)
    assert [] == world.replies(key)


# -- the state is lost -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kill", ["", "summary.after-save", "summary.after-close"])
def test_off_again_with_the_state_lost_nothing_is_posted(world: World, kill: str) -> None:
    """The summaries say that the requests were in shadow."""
    key = world.ask("abc")
    if kill:
        world.kill(kill, rules=SHADOW)  # type: ignore[arg-type]
    else:
        watch(world)
    world.lose()
    unseen = world.ask("unseen")
    world.ticks(5)
    assert "shadowed" == world.record(key).status == world.record(unseen).status
    assert [] == world.replies(key) == world.replies(unseen)


def test_a_lost_state_takes_the_ends_in_shadow_from_the_summaries(world: World) -> None:
    key = world.ask("abc")
    watch(world)
    world.lose()
    world.ticks(3, rules=SHADOW)
    assert ("shadowed", "answered") == end(world, key)
    assert ["abc"] == world.runs
    approve(world, key)
    world.ticks(2, rules=SHADOW)
    assert Decimal("4900.00") == world.summary(key)["outcome"]["answer_amount"]


def test_with_the_state_lost_requests_after_the_shadow_are_answered(world: World) -> None:
    shadowed = world.ask("old")
    watch(world)
    world.tick_after(minutes=5)
    world.wait(seconds=1)
    live = world.ask("first")
    world.tick()
    world.lose()
    key = world.ask("abc")
    world.ticks(4)
    assert ([], [REFERENCE], [REFERENCE]) == tuple(map(world.replies, (shadowed, live, key)))


def test_a_spoilt_meta_entry_does_not_end_the_shadow(world: World) -> None:
    key = world.ask("abc")
    world.kill("summary.after-save", rules=SHADOW)
    world.vandalise("meta")
    world.ticks(4)
    assert ("shadowed", []) == (world.record(key).status, world.replies(key))
