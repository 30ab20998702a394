"""The state is lost or damaged. Older requests wait until Slack shows every earlier reply, so that none repeats."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from creditbot.errors import SUMMARY_STORE, Refused
from creditbot.model import RequestKey
from creditbot.state.codec import DONE
from tests.behaviour.failures import LOOKER_DOWN
from tests.support.world import World
from tests.support.world_facts import REFERENCE, RULES, TEAM, Outcome, short_link, ts_of

NONSENSE = "{nonsense"


# -- a state that is empty ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trace", ["summaries", "threads"])
def test_with_the_state_lost_older_requests_wait_and_newer_ones_do_not(
    trace: str, log_lines: Callable[[str], list[dict[str, object]]]
) -> None:
    """A summary or a reply in a thread proves that the bot ran before, so one of its replies may not be visible yet."""
    world = World(lateness=timedelta(minutes=10))
    visible = world.ask("visible")
    world.tick()
    world.wait(minutes=11)
    hidden = world.ask("hidden")
    world.tick()
    world.lose()
    if trace == "threads":
        world.summaries.clear()
    until = world.now + RULES.settle
    assert world.tick().waiting == 2
    assert world.state().meta.pause_until == until
    world.wait(minutes=1)
    fresh = world.ask("fresh")
    world.tick()
    assert world.runs == ["visible", "hidden", "fresh"]
    world.wait(minutes=4)
    world.ticks(9, minutes=4)
    assert world.runs == ["visible", "hidden", "fresh"]
    assert [world.replies(key) for key in (visible, hidden, fresh)] == [[REFERENCE]] * 3
    (text,) = world.told()
    assert trace in text
    (pause,) = log_lines("pause")
    assert pause["until"] == until
    assert text.startswith(f"{pause['reason']} ")


def test_with_the_state_lost_the_only_reply_is_waited_for_before_it_shows() -> None:
    """Its thread shows nothing yet, but its summary proves that the bot ran before."""
    world = World(lateness=timedelta(minutes=10))
    key = world.ask("abc")
    world.tick()
    world.lose()
    world.ticks(6, minutes=4)
    assert world.outcome(key) == Outcome("answered", replies=[REFERENCE], told=1, runs=["abc"])


def test_a_reply_below_a_broadcast_shows_that_the_state_was_lost() -> None:
    """Slack counts no replies on a broadcast, so the bot reads its thread in any case."""
    world = World(lateness=timedelta(minutes=10))
    top = world.say("morning")
    first = world.broadcast(top, "abc")
    world.tick()
    world.wait(minutes=11)
    second = world.broadcast(top, "def")
    world.tick()
    world.lose()
    world.summaries.clear()
    world.ticks(6, minutes=4)
    assert [m.marker.key for m in world.visible() if m.marker] == [str(first), str(second)]


def test_a_summary_that_cannot_be_read_shows_that_the_state_was_lost() -> None:
    """Only this bot can have written the summary."""
    world = World()
    world.ask("abc")
    world.fail("load", Refused(SUMMARY_STORE, "The summary is not JSON."))
    assert world.tick().waiting == 1
    assert "summaries" in world.told()[0]


def test_a_meta_lost_beside_a_prototypes_list_is_noticed() -> None:
    """A prototype writes a list and no records, so the records prove that this bot ran before."""
    world = World(values={DONE: json.dumps(["1.000000"])}, lateness=timedelta(minutes=10))
    world.ask("abc")
    world.tick()
    assert world.told() == []
    assert world.values
    del world.values["meta"]
    world.version += 1
    world.tick()
    assert world.state().meta.pause_until


def test_a_new_bot_in_a_channel_that_people_answered_does_not_wait() -> None:
    world = World()
    answered = world.ask("a")
    world.say("Approved, $1", "U0BOSS", thread_ts=answered.ts)
    key = world.ask("b")
    world.tick()
    assert world.replies(key) == [REFERENCE]
    assert world.told() == []


def test_a_new_bot_does_not_wait_for_summaries_of_other_channels() -> None:
    """They belong to another state."""
    world = World()
    key = world.ask("abc")
    other = RequestKey(TEAM, "C0OTHER", ts_of(world.now))
    world.summaries[str(other)] = {"credited": []}
    world.tick()
    assert world.replies(key) == [REFERENCE]
    assert world.told() == []


def test_a_broadcast_answered_before_the_loss_keeps_its_summary() -> None:
    """The bot reads its thread before it computes, although Slack counts no replies on a broadcast."""
    world = World()
    key = world.broadcast(world.say("morning"), "abc")
    world.tick()
    before = world.summary(key)
    world.edit(key, short_link("def"))
    world.lose()
    world.ticks(5, minutes=4)
    assert world.record(key).status == "answered"
    assert world.runs == ["abc"]
    assert world.summary(key) == before


def test_a_reply_that_shows_while_the_tick_after_the_pause_reads_counts() -> None:
    """The channel was read before the reply was visible, so the bot reads the thread before it computes again."""
    world = World(lateness=timedelta(minutes=14, seconds=50))
    world.tick()
    key = world.ask("abc")
    world.kill("reply.after-send")
    world.lateness = timedelta(0)
    world.lose()
    world.tick()
    before = world.summary(key)["links"]
    world.amounts["abc"] = Decimal("250.00")
    paused_until = world.state().meta.pause_until
    assert paused_until
    world.now = paused_until - timedelta(seconds=30)
    world.amid("history", lambda: world.wait(seconds=31))
    world.tick()
    assert world.record(key).status == "answered"
    assert world.runs == ["abc"]
    assert world.summary(key)["links"] == before


# -- who notices it ----------------------------------------------------------------------------------------------------


def test_a_pause_survives_the_death_of_the_tick_that_stored_it() -> None:
    """The pause and the message about it are one write: the next tick neither repeats nor forgets either."""
    world = World(lateness=timedelta(minutes=10))
    world.ask("visible")
    world.tick()
    world.wait(minutes=11)
    hidden = world.ask("hidden")
    world.tick()
    world.lose()
    world.kill("state.after-write")
    world.wait(minutes=4)
    world.ticks(6, minutes=4)
    assert world.replies(hidden) == [REFERENCE]
    assert len(world.told()) == 1


@pytest.mark.parametrize("harm", ["lost", "damaged"])
def test_two_processes_that_notice_a_loss_hold_once(harm: str) -> None:
    """The second process neither tells the owner again nor prolongs the hold."""
    world = World()
    key = world.ask("abc")
    world.tick()
    world.wait(minutes=1)
    if harm == "lost":
        world.lose()
    else:
        world.vandalise(key)

    def quicker() -> None:
        world.tick()
        world.wait(minutes=1)

    world.amid("history", quicker)
    world.tick()
    assert len(world.told()) == 1
    world.wait(minutes=6)
    world.ticks(4, minutes=6)
    assert world.record(key).status == "answered"
    assert world.replies(key) == [REFERENCE]


def test_a_state_lost_while_a_tick_works_stops_that_tick(world: World) -> None:
    """If the tick wrote on, the next one could not notice the loss."""
    done = world.ask("done")
    world.tick()
    world.ask("a")
    world.ask("b")
    world.amid("notebook", world.lose)
    report = world.tick()
    assert not report.ok
    assert "lost" in report.errors[0]
    assert world.values == {}
    assert world.tick().waiting == 3
    assert world.replies(done) == [REFERENCE]


def test_what_the_store_found_broken_is_held_like_a_loss(world: World) -> None:
    """The store moves a file that it cannot read aside, and begins with an empty state."""
    world.wait(minutes=1)
    key = world.ask("abc")
    world.values, world.damage = {}, "The file was nonsense."
    assert world.tick().waiting == 1
    assert len(world.told()) == 1
    world.tick_after(minutes=15)
    assert world.replies(key) == [REFERENCE]


def test_the_message_about_a_loss_has_the_time_of_its_write() -> None:
    """Messages are told in the order of their times."""
    world = World()
    world.tick()
    world.values, world.damage = {}, "The file was nonsense."
    world.kill("state.after-write")
    (notice,) = world.state().notices.values()
    assert notice.status == "due"
    assert notice.at == world.now


@pytest.mark.parametrize(("may_read", "times"), [(True, 1), (False, 2)], ids=["im:history", "without"])
def test_failures_told_before_a_loss_are_not_told_again(world: World, *, may_read: bool, times: int) -> None:
    """The owner's conversation shows them. Without im:history, only the state knew."""
    world.can_read_direct = may_read
    key, edited = world.ask("gone"), world.ask("gone")
    world.tick()
    world.wait(minutes=1)
    world.edit(edited, f"{short_link('gone')} now?")
    world.tick()
    assert len(world.told()) == 2
    world.lose()
    world.tick()
    world.tick_after(minutes=15)
    assert [world.record(k).status for k in (key, edited)] == ["given_up", "given_up"]
    assert {notice.status for notice in world.state().notices.values()} == {"told"}
    the_loss, both_failures = 1, 1
    assert len(world.told()) == 2 + the_loss + both_failures * (times - 1)


# -- a record that cannot be read --------------------------------------------------------------------------------------


def test_a_record_that_cannot_be_read_is_set_aside_and_its_request_waits(world: World) -> None:
    """A reply that is not visible yet is found before the request is answered again."""
    key = world.ask("abc")
    world.lateness = timedelta(minutes=10)
    world.tick()
    world.vandalise(key, NONSENSE)
    assert world.tick().waiting == 1
    assert world.values
    assert json.loads(world.values["corrupt"])[str(key)] == NONSENSE
    world.wait(minutes=4)
    world.ticks(6, minutes=4)
    assert world.outcome(key) == Outcome("answered", replies=[REFERENCE], told=1, runs=["abc"])


def test_an_old_request_whose_record_cannot_be_read_is_worked_on(world: World) -> None:
    """The request is too old to be read from the channel. Its key names the message, and Slack shows its thread."""
    key = world.ask("abc")
    world.wait(hours=100)
    world.fail("looker", LOOKER_DOWN)
    world.tick()
    world.vandalise(key, NONSENSE)
    world.ticks(3, minutes=15)
    assert world.replies(key) == [REFERENCE]
    assert world.record(key).status == "answered"


def test_a_broadcast_whose_record_is_nonsense_is_found_in_its_thread(world: World) -> None:
    """The answer stands in the thread of another message; only Slack knows which."""
    top = world.say("morning")
    key = world.broadcast(top, "abc")
    world.kill("looker.before-read")
    world.say("Approved, $1.00", "U0BOSS", thread_ts=top.ts)
    world.vandalise(key)
    world.ticks(6, minutes=61, rules=replace(RULES, lookback=timedelta(hours=1), settle=timedelta(hours=5)))
    assert world.record(key).status == "elsewhere"
    assert world.runs == []


def test_a_record_that_cannot_be_read_is_restarted_in_a_full_state_too(world: World) -> None:
    """The new record takes the room of the text that could not be read."""
    key = world.ask("abc")
    world.tick()
    world.vandalise(key, "?" * 1000)
    world.tick(budget=1000)
    assert world.record(key).status == "restarted"
    assert world.state().broken == {}


def test_records_that_make_no_sense_stop_nothing_else(world: World) -> None:
    """A `computed` record without an amount is computed again. A `posting` one stays, and the owner is told."""
    odd, doubtful = world.ask("a"), world.ask("b")
    at = (world.now - timedelta(hours=1)).isoformat()
    for key, status in ((odd, "computed"), (doubtful, "posting")):
        world.vandalise(key, json.dumps({"status": status, "nonce": "by-hand", "at": at}))
    good = world.ask("c")
    world.ticks(12, minutes=20)
    assert world.replies(good) == [REFERENCE]
    assert world.replies(odd) == [REFERENCE]
    assert world.outcome(doubtful) == Outcome("posting", told=1, runs=["c", "a"])


# -- meta that cannot be read ------------------------------------------------------------------------------------------


def test_a_meta_edited_into_nonsense_in_a_suspension_loses_no_request(world: World) -> None:
    """The oldest request that the state still holds says how far the bot had read."""
    for slug in ("a", "b"):
        world.ask(slug)
        world.tick()
        world.wait(minutes=50)
    key = world.ask("abc")
    world.wait(days=5)
    world.vandalise("meta", NONSENSE)
    world.kill("state.after-write")
    world.wait(minutes=4)
    world.ticks(5, minutes=4)
    assert world.replies(key) == [REFERENCE]


def test_a_meta_and_its_copy_edited_into_nonsense_are_those_of_a_new_state(world: World) -> None:
    """Nothing says how far the bot had read, so it reads LOOKBACK_HOURS back."""
    world.vandalise("meta", "nonsense")
    world.vandalise("window", "nonsense")
    world.wait(minutes=1)
    key = world.ask("abc")
    world.ticks(5, minutes=4)
    assert world.replies(key) == [REFERENCE]
    assert world.values
    assert json.loads(world.values["corrupt"]) == {"meta": "nonsense", "window": "nonsense"}
    assert json.loads(world.values["window"]).keys() == {"schema", "covered_until"}


@pytest.mark.slow
@pytest.mark.parametrize("harm", ["nonsense", "missing"])
def test_a_meta_that_is_gone_brings_no_forgotten_request_back(world: World, harm: str) -> None:
    """Although the state holds an older request, one that was retried."""
    old = world.ask("gone")
    world.tick()
    forgotten = []
    for _ in range(80):
        world.wait(hours=1)
        forgotten.append(world.ask("gone"))
        world.tick()
    world.retry(old)
    world.fail("looker", LOOKER_DOWN, times=99)
    world.tick()
    assert world.record(old).status == "failed"
    assert not any(world.knows(key) for key in forgotten[:5])
    before = set(world.state().records)
    if harm == "missing":
        assert world.values
        del world.values["meta"]
        world.version += 1
    else:
        world.vandalise("meta", NONSENSE)
    world.ticks(5, minutes=4)
    assert set(world.state().records) <= before


@pytest.mark.parametrize("effect", ["history", "looker"])
def test_a_meta_edited_into_nonsense_while_a_tick_works_is_set_aside(world: World, effect: str) -> None:
    """That tick does not overwrite it, not even to forget a request; the next tick sets it aside."""
    world.ask("abc")
    world.tick()
    world.tick_after(hours=70)
    world.wait(hours=4)
    world.ask("def")
    world.amid(effect, lambda: world.vandalise("meta", NONSENSE))
    world.tick()
    assert world.values
    assert world.values["meta"] == NONSENSE
    world.tick()
    assert json.loads(world.values["corrupt"])["meta"] == NONSENSE
