"""A request is edited or deleted. Before the reply, the latest version counts; after it, the owner is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.behaviour.failures import LOOKER_DOWN, NOTEBOOK_STOPPED, SILENCE
from tests.support.world import World
from tests.support.world_facts import PERSON, REFERENCE, RULES, Outcome, explore_link, short_link

NEW_AMOUNT = "Approved, $7.00, exceptions"

# -- after the reply ---------------------------------------------------------------------------------------------------


def test_links_added_after_the_reply_are_told_once_and_not_answered(world: World) -> None:
    key = world.ask("abc")
    world.tick()
    before = world.record(key)
    world.edit(key, f"{short_link('abc')} {short_link('more')}")
    world.ticks(3, minutes=5)
    assert world.outcome(key) == Outcome("answered", replies=[REFERENCE], told=1, runs=["abc"])
    assert "links have changed" in world.told()[0]
    after = world.record(key)
    assert after.edited > before.edited
    assert after.links != before.links
    assert replace(before, edited=after.edited, links=after.links, nonce=after.nonce) == after
    world.counted()
    world.tick()
    assert world.counted()["state-write"] == 0


def test_links_added_after_a_persons_answer_are_told_once(world: World) -> None:
    """The person who answered did not see the new links."""
    key = world.ask("abc")
    answer = "Approved, $5.00, exceptions"
    world.say(answer, "U0BOSS", thread_ts=key.ts)
    world.tick()
    world.edit(key, f"{short_link('abc')} {short_link('more')}")
    world.ticks(3, minutes=5)
    assert world.outcome(key) == Outcome("elsewhere", replies=[answer], told=1)


def test_an_edit_of_the_words_after_the_reply_is_not_told(world: World) -> None:
    key = world.ask("abc")
    world.tick()
    world.edit(key, f"please! {explore_link('abc')}")
    world.tick()
    assert world.told() == []


# -- before the reply --------------------------------------------------------------------------------------------------


def test_links_edited_while_the_notebook_runs_replace_the_old_ones(world: World) -> None:
    """The bot posts the amount of the links that the message has when it replies."""
    world.amounts = {"new": Decimal("7.00")}
    key = world.ask("abc")
    world.amid("notebook", lambda: world.edit(key, short_link("new")))
    world.tick()
    assert world.replies(key) == [NEW_AMOUNT]
    world.tick()
    assert world.told() == []


def test_a_request_whose_links_were_edited_drops_what_was_computed(world: World) -> None:
    """The restart is a write of its own: if the process dies then, no amount of the old links is left in the state."""
    key = world.ask("abc")
    world.amid("notebook", lambda: world.edit(key, short_link("def")))
    before = world.now
    world.kill("state.after-write", nth=3)
    record = world.record(key)
    assert record.status == "restarted"
    assert record.user == PERSON
    assert record.result is None
    assert before <= record.at <= world.now


def test_links_edited_between_reading_and_work_are_worked_on_once(world: World) -> None:
    """The thread has the latest links, so the owner reads why those failed."""
    key = world.ask_and_fail("notebook", NOTEBOOK_STOPPED)
    world.wait(minutes=2)
    world.amid("history", lambda: world.edit(key, short_link("gone")))
    world.ticks(3, minutes=5)
    assert world.record(key).status == "given_up"
    (text,) = world.told()
    assert "gone" in text


def test_a_request_deleted_while_the_notebook_runs_is_withdrawn(world: World) -> None:
    """The bot posts nothing under a message that is gone, and tells nobody."""
    key = world.ask("abc")
    world.amid("notebook", lambda: world.delete(key))
    world.ticks(6, minutes=5)
    assert world.outcome(key) == Outcome("withdrawn", runs=["abc"])
    assert world.record(key).claim is None
    assert "deleted" in world.record(key).reason


def test_a_request_deleted_after_an_unknown_post_is_withdrawn_once_settled(world: World) -> None:
    key = world.ask_and_fail("reply", SILENCE)
    world.delete(key)
    world.tick()
    assert world.record(key).status == "posting"
    world.tick_after(minutes=16)
    assert world.record(key).status == "withdrawn"


# -- Slack shows an old thread -----------------------------------------------------------------------------------------


def test_a_thread_that_does_not_show_the_request_yet_is_read_again(world: World) -> None:
    """A young request that is missing in its thread does not count as deleted."""
    key = world.ask("abc")
    world.stale = timedelta(minutes=4)
    world.tick()
    assert world.replies(key) == []
    assert world.record(key).status == "computed"
    assert "latest version" in world.record(key).reason
    world.ticks(3, minutes=3)
    assert world.replies(key) == [REFERENCE]
    assert world.told() == []
    assert world.record(key).returned == 2


def test_a_thread_that_does_not_show_an_edit_yet_is_read_again(world: World) -> None:
    """The bot posts the amount of the latest links."""
    world.amounts = {"new": Decimal("7.00")}
    key = world.say("please credit")
    world.wait(minutes=5)
    world.edit(key, short_link("new"))
    world.stale = timedelta(minutes=4)
    world.ticks(4, minutes=3)
    assert world.replies(key) == [NEW_AMOUNT]
    assert world.told() == []


# -- an edit restarts a request ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("slug", ["gone", "other"], ids=["given up", "skipped"])
def test_an_edit_of_a_request_that_got_no_reply_restarts_it(world: World, slug: str) -> None:
    key = world.ask(slug)
    world.tick()
    world.edit(key, short_link("abc"))
    world.tick()
    assert world.replies(key) == [REFERENCE]


def test_a_withdrawn_request_whose_links_come_back_is_answered(world: World) -> None:
    key = world.ask_and_fail("looker", LOOKER_DOWN)
    world.edit(key, "never mind")
    world.tick_after(minutes=5)
    assert world.record(key).status == "withdrawn"
    world.edit(key, short_link("abc"))
    world.tick()
    assert world.replies(key) == [REFERENCE]


def test_an_edit_of_a_failed_request_restarts_it_with_all_its_attempts(world: World) -> None:
    """The request does not wait until the next try of the old links is due."""
    key = world.ask("abc")
    world.fail("notebook", NOTEBOOK_STOPPED, times=2)
    world.tick()
    world.tick_after(minutes=2)
    assert world.record(key).attempts == 2
    world.edit(key, short_link("def"))
    world.tick()
    assert world.replies(key) == [REFERENCE]
    assert world.record(key).attempts == 1


def test_a_restarted_request_remembers_that_it_was_posted(world: World) -> None:
    """Its first reply may still appear in the thread."""
    key = world.ask_and_fail("reply", SILENCE)
    world.forged_reply(key)
    world.tick_after(minutes=16)
    assert world.record(key).status == "given_up"
    assert world.record(key).posts == 1
    world.edit(key, short_link("def"))
    before = world.now
    world.kill("state.after-write")
    record = world.record(key)
    assert record.status == "restarted"
    assert record.user == PERSON
    assert record.posts == 1
    assert before <= record.at <= world.now


def test_new_links_restart_a_request_that_killed_every_process(world: World) -> None:
    """The next tick gives the old links up; the one after it tries the new links."""
    key = world.ask("abc")
    for _ in range(RULES.attempts):
        world.kill("looker.before-read")
        world.wait(minutes=31)
    world.edit(key, short_link("def"))
    world.tick()
    assert world.record(key).status == "given_up"
    world.tick()
    assert world.replies(key) == [REFERENCE]
    (text,) = world.told()
    assert "3 attempts" in text


# -- an edit that changes nothing for an end ---------------------------------------------------------------------------


def test_the_same_links_do_not_restart_a_request_that_ended_after_the_edit(world: World) -> None:
    """Those links were tried, and the owner was told: here, that another request was credited for the same SQL."""
    key = world.ask("abc")
    world.kill("thread.before-read")
    world.ask("abc")
    world.tick()
    world.edit(key, f"please, please credit {explore_link('abc')}")
    world.wait(minutes=10)
    world.ticks(8, minutes=10)
    assert world.outcome(key) == Outcome("given_up", told=1, runs=["abc", "abc"])


@pytest.mark.parametrize("end", ["killed", "defect"])
def test_the_same_links_do_not_restart_a_request_that_is_given_up(world: World, end: str) -> None:
    key = world.ask("abc")
    for _ in range(RULES.attempts - 1):
        world.kill("thread.before-read")
        world.wait(minutes=31)
    world.edit(key, f"please, please credit {explore_link('abc')}")
    if end == "killed":
        world.kill("thread.before-read")
        world.wait(minutes=31)
    else:
        world.fail("thread", ZeroDivisionError())
    world.ticks(4, minutes=5)
    assert world.outcome(key) == Outcome("given_up", told=1, runs=["abc"])


def test_an_edited_request_has_as_many_attempts_as_any_other(world: World) -> None:
    """The edit is stored with the claim, so it does not restart the request again."""
    key = world.ask("other")
    world.edit(key, short_link("abc"))
    world.fail("notebook", NOTEBOOK_STOPPED, times=9)
    world.ticks(6, minutes=10)
    assert world.record(key).status == "given_up"
    assert world.record(key).attempts == RULES.attempts
    assert world.calls.count("notebook") == RULES.attempts


@pytest.mark.parametrize("slug", ["abc", "def"], ids=["the same links", "other links"])
def test_no_links_restart_a_request_whose_reply_may_be_there(world: World, slug: str) -> None:
    """The owner is asked to look at the thread. A second computation could lead to a second credit."""
    key = world.ask_and_fail("reply", SILENCE)
    world.edit(key, f"credit now {explore_link(slug)}")
    world.forged_reply(key)
    world.wait(minutes=16)
    world.ticks(4, minutes=16)
    assert world.outcome(key) == Outcome("given_up", replies=[REFERENCE], told=1, runs=["abc"])


def test_a_thread_that_was_read_before_a_sleep_does_not_show_a_deletion(world: World) -> None:
    """Slack showed the thread as it was before the request; only then did the process sleep."""
    key = world.ask("abc")
    world.wait(minutes=1)
    world.stale = timedelta(minutes=4)
    world.amid("thread", lambda: world.wait(minutes=31))
    world.tick()
    world.stale = timedelta(0)
    world.ticks(3)
    assert "answered" == world.record(key).status


def test_a_link_struck_through_while_its_notebook_runs_is_not_credited(world: World) -> None:
    key = world.ask("abc")
    world.amid("notebook", lambda: world.edit(key, f"~{explore_link('abc')}~"))
    world.ticks(2)
    assert ("given_up", []) == (world.record(key).status, world.replies(key))
    assert "This link is struck through" in world.told()[0]
