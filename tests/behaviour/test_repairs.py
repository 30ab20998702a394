"""Replies that should not be there, such as a second one to the same request, are edited to say so."""

from __future__ import annotations

from datetime import timedelta

import pytest

from creditbot.errors import PostRefused
from creditbot.intake.thread import LATE, REPEATS
from creditbot.state.record import Status
from creditbot.tick.follow_up import MOST_LOOKS
from tests.behaviour.failures import RATE_LIMITED, SILENCE
from tests.support.ticks import stopped
from tests.support.world import World
from tests.support.world_facts import REFERENCE, RULES, Outcome, short_link

# -- two replies -------------------------------------------------------------------------------------------------------


def test_the_second_of_two_replies_is_edited_and_the_owner_told_once(world: World) -> None:
    key = world.ask("abc")
    for _ in range(2):
        world.stray_reply(key)
    world.ticks(3, minutes=20)
    assert world.outcome(key) == Outcome("answered", replies=[REFERENCE, REPEATS], told=1)


def test_a_process_that_slept_before_its_post_repairs_what_it_did(world: World) -> None:
    """Another process answered meanwhile, so the reply of this one is edited."""
    key = world.ask("abc")
    tick = stopped(world, "reply.before-send")
    world.tick_after(minutes=31)
    assert world.replies(key) == [REFERENCE]
    tick.go_on()
    assert world.replies(key) == [REFERENCE, REPEATS]
    world.wait(minutes=16)
    world.ticks(3, minutes=16)
    assert len(world.told()) == 1
    assert world.record(key).checked


def test_a_second_reply_that_shows_after_the_settle_time_is_edited(world: World) -> None:
    """A request with two posts is looked at once more, and not again."""
    key = world.ask("abc")
    world.lateness = timedelta(minutes=20)
    world.fail("reply", SILENCE, after=True)
    world.tick()
    world.lateness = timedelta(0)
    world.wait(minutes=16)
    world.ticks(3, minutes=16)
    assert sorted(world.replies(key)) == sorted([REFERENCE, REPEATS])
    assert len(world.told()) == 1
    world.counted()
    world.tick()
    assert world.counted()["thread"] == 0


def test_a_request_with_two_posts_is_looked_at_ever_later(world: World) -> None:
    key = world.ask_and_fail("reply", SILENCE)
    looks = []
    for minutes in (15, 15, 60):
        world.tick_after(minutes=minutes)
        looks.append(world.record(key).checked)
    assert looks == [0, 1, 2]


def test_of_two_replies_state_and_summary_name_the_first(world: World) -> None:
    """Although the bot saw the second reply first."""
    key = world.ask("abc")
    world.lateness = RULES.settle + timedelta(minutes=3)
    world.kill("reply.after-send")
    world.lateness = timedelta(0)
    world.wait(minutes=16)
    world.ticks(4, minutes=16)
    first, second = world.posted()[str(key)]
    assert first.text == REFERENCE
    assert second.text == REPEATS
    assert world.record(key).reply == first.ts
    assert world.record(key).saved
    assert world.summary(key)["outcome"]["reply"] == first.ts


def test_a_second_reply_in_anothers_thread_is_edited_in_the_same_tick(world: World) -> None:
    """The request is a reply itself. It is marked for one more look, although this tick posted nothing."""
    top = world.say("good morning")
    key = world.broadcast(top, "abc")
    for _ in range(2):
        world.stray_reply(key, thread=top)
    report = world.tick()
    assert [m.text for m in world.visible() if m.marker] == [REFERENCE, REPEATS]
    assert report.posted == 0
    assert world.record(key).posts == 0
    assert world.record(key).doubled
    assert len(world.told()) == 1


def test_an_edit_of_a_second_reply_that_fails_is_tried_again(world: World) -> None:
    """The state remembers that there is something to repair, although the request has ended."""
    key = world.ask("abc")
    for _ in range(2):
        world.stray_reply(key)
    world.fail("amend", SILENCE)
    world.tick()
    assert world.replies(key) == [REFERENCE, REFERENCE]
    world.wait(minutes=16)
    world.fail("amend", RATE_LIMITED)
    assert not world.tick().ok
    assert world.tick().ok
    assert world.outcome(key) == Outcome("answered", replies=[REFERENCE, REPEATS], told=1)


def test_a_second_reply_that_cannot_be_edited_is_left_to_the_owner(world: World) -> None:
    """One message says that there is a second reply, another that it could not be edited. No later tick tries again."""
    key = world.ask("abc")
    for _ in range(2):
        world.stray_reply(key)
    world.fail("amend", PostRefused("Slack allows no edit of it.", retry=False), times=2)
    world.ticks(4, minutes=16)
    assert world.outcome(key) == Outcome("answered", replies=[REFERENCE, REFERENCE], told=2)


@pytest.mark.parametrize("status", ["answered", "elsewhere"])
def test_a_look_that_finds_no_reply_of_ours_changes_no_answer(world: World, status: Status) -> None:
    """A person has deleted the reply, or has answered a request whose reply never appeared."""
    key = world.ask_and_fail("reply", SILENCE)
    if status == "elsewhere":
        world.say("Approved, $1.00", "U0BOSS", thread_ts=key.ts)
    world.tick_after(minutes=16)
    before = world.record(key)
    assert before.status == status
    assert before.reply
    world.messages = [m for m in world.visible() if not m.marker]
    world.tick_after(minutes=16)
    assert world.record(key).reply == before.reply
    assert world.record(key).checked == before.checked + 1


# -- replies that others delete or add ---------------------------------------------------------------------------------


def test_a_reply_that_was_deleted_is_told_once_and_not_posted_again(world: World) -> None:
    key = world.ask("abc")
    world.tick()
    world.wait(minutes=16)
    (reply,) = world.posted()[str(key)]
    world.messages.remove(reply)
    world.ticks(4)
    assert world.outcome(key) == Outcome("answered", replies=[], told=1, runs=["abc"])
    assert "was deleted" in world.told()[0]
    assert world.address(key) in world.told()[0]


def test_a_reply_that_slack_does_not_show_yet_is_not_taken_for_deleted(world: World) -> None:
    """For as long as the settle time, Slack may show the channel and the thread as they were before the reply."""
    world.lateness = timedelta(minutes=14)
    key = world.ask("abc")
    world.ticks(8, minutes=4)
    assert world.outcome(key) == Outcome("answered", replies=[REFERENCE], told=0, runs=["abc"])


def test_a_deleted_request_with_its_deleted_reply_is_not_told(world: World) -> None:
    key = world.ask("abc")
    world.tick()
    world.wait(minutes=16)
    world.messages = []
    world.ticks(3)
    assert world.told() == []
    assert world.record(key).status == "answered"


def test_a_second_reply_that_no_process_knows_of_is_edited(world: World) -> None:
    """The channel shows that the thread has two replies, although the request has one post only."""
    key = world.ask("abc")
    world.tick()
    world.stray_reply(key)
    world.tick()
    assert world.outcome(key) == Outcome("answered", replies=[REFERENCE, REPEATS], told=1, runs=["abc"])


def test_talk_below_a_reply_costs_one_look(world: World) -> None:
    key = world.ask("abc")
    world.tick()
    world.counted()
    world.say("thanks!", thread_ts=key.ts)
    world.ticks(3)
    assert world.counted()["thread"] == 1
    assert world.told() == []
    assert world.record(key).checked == 0


def test_talk_below_many_replies_is_read_over_several_ticks(world: World) -> None:
    """Slack limits how often threads are read, and requests need them more."""
    keys = [world.ask(f"q{number}") for number in range(MOST_LOOKS + 5)]
    world.tick()
    for key in keys:
        world.say("thanks!", thread_ts=key.ts)
    looks = []
    for _ in range(3):
        world.counted()
        assert world.tick().ok
        looks.append(world.counted()["thread"])
    assert looks == [MOST_LOOKS, 5, 0]


def test_a_thread_that_nobody_writes_in_is_not_read_again(world: World) -> None:
    """Neither that of a request in another thread."""
    top = world.ask("abc")
    world.broadcast(top, "def")
    world.tick()
    world.tick()
    world.counted()
    world.ticks(3)
    assert world.counted()["thread"] == 0


# -- a reply that comes after all --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "text"),
    [("elsewhere", REPEATS), ("withdrawn", LATE), ("given_up", LATE)],
    ids=["a person answered", "the links were removed", "the owner was asked"],
)
def test_a_reply_that_shows_after_its_request_ended_does_not_count(world: World, end: Status, text: str) -> None:
    """Otherwise two credits could be given."""
    key = world.ask("abc")
    world.lateness = timedelta(minutes=20)
    world.fail("reply", SILENCE, after=True)
    world.tick()
    world.wait(minutes=15)
    if end == "elsewhere":
        world.say("Approved, $1.00", "U0BOSS", thread_ts=key.ts)
    elif end == "withdrawn":
        world.edit(key, "never mind")
    else:
        world.forged_reply(key, "Approved, $1.00")
    world.tick()
    assert world.record(key).status == end
    world.wait(minutes=16)
    world.ticks(3, minutes=16)
    assert text in world.replies(key)
    assert REFERENCE not in world.replies(key)
    assert sum("by mistake" in told for told in world.told()) == 1
    assert world.record(key).checked


def test_a_reply_that_does_not_count_does_not_answer_the_request(world: World) -> None:
    """As after `creditbot retry` of a request whose late reply was edited."""
    key = world.ask("abc")
    world.stray_reply(key, LATE)
    world.tick()
    assert world.replies(key) == [LATE, REFERENCE]


def test_a_late_reply_is_right_for_a_request_that_has_come_back(world: World) -> None:
    """The links were removed, and put back while the bot was looking at the thread."""
    key = world.ask_and_fail("reply", SILENCE)
    world.edit(key, "never mind")
    world.tick_after(minutes=16)
    assert world.record(key).status == "withdrawn"
    assert world.record(key).posts == 1
    world.wait(minutes=16)

    def comes_back() -> None:
        world.edit(key, f"{short_link('abc')} after all")
        world.tick()

    world.amid("thread", comes_back)
    world.tick()
    assert world.record(key).status == "answered"
    assert world.replies(key) == [REFERENCE]


# -- a late post meets another process ---------------------------------------------------------------------------------


def test_a_late_post_that_the_thread_does_not_show_decides_nothing(world: World) -> None:
    """Another process has posted since, and the settle time of that post has not passed."""
    key = world.ask("abc")
    late = stopped(world, "reply.before-send")
    world.wait(minutes=31)
    world.kill("reply.before-send")
    world.lateness = timedelta(minutes=1)
    world.delete(key)
    late.go_on()
    assert world.record(key).status == "posting"


@pytest.mark.parametrize("theirs", ["claimed", "computed", "posting"])
def test_a_late_post_answers_a_request_that_another_process_works_on(world: World, theirs: Status) -> None:
    """The thread has one reply, and that is the answer, whatever the other process was about to do."""
    key = world.ask("abc")
    late = stopped(world, "reply.before-send")
    world.wait(minutes=31)
    if theirs == "claimed":
        world.lose()  # only after a loss is a posting worked on from its start
        world.tick()
        world.wait(minutes=16)
        world.kill("looker.before-read")
    elif theirs == "computed":
        world.fail("reply", RATE_LIMITED)
        world.tick()
    else:
        world.kill("reply.before-send")
    assert world.record(key).status == theirs
    late.go_on()
    assert world.record(key).status == "answered"
    assert world.record(key).claim is None
    assert world.replies(key) == [REFERENCE]
    world.wait(minutes=16)
    world.ticks(4, minutes=16)
    assert world.replies(key) == [REFERENCE]


def test_the_thread_of_a_broadcast_is_read_once_to_look_for_a_late_reply(world: World) -> None:
    key = world.broadcast(world.say("morning"), "abc")
    world.fail("reply", SILENCE, after=True)
    world.ticks(2)
    assert world.record(key).status == "answered"
    world.rewrite(key, posts=2)
    world.wait(minutes=16)
    world.counted()
    world.tick()
    assert world.record(key).checked == 1
    assert world.counted()["thread"] == 1
