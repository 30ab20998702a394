"""One request through its states: claims, attempts, failures, and who is told."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from creditbot.errors import (
    LOOKER,
    SLACK,
    STATE_STORE,
    SUMMARY_STORE,
    THIS_MACHINE,
    WAREHOUSE,
    CreditbotError,
    CreditRefused,
    NotebookFailed,
    NotebookStopped,
    PostRefused,
    PostUnknown,
    Refused,
    Unreachable,
)
from creditbot.model import Marker
from creditbot.state.record import Record
from creditbot.tick.worker import CLAIM_LIFE
from tests.support.points import Point
from tests.support.ticks import stopped
from tests.support.world import HOST, PERSON, POLICY, REFERENCE, RULES, Killed, World

LOOKER_DOWN = Unreachable("Looker", "Looker is down.", "It is tried again.")
STOPPED = NotebookStopped("The notebook ran out of time.", "Make it faster.")


@pytest.fixture
def world() -> World:
    """A workspace in which a tick has already been."""
    world = World(step=timedelta(milliseconds=100))
    world.tick()
    return world


# -- claims ------------------------------------------------------------------------------------------------------------


def test_a_claim_says_who_until_when_and_counts_the_attempt_before_the_work(world: World) -> None:
    """Whatever becomes of the process, it is known that it tried."""
    key = world.ask("abc")
    during: list[Record] = []
    world.amid("looker", lambda: during.append(world.record(key)))
    world.tick(name="pod-x")
    (record,) = during
    assert record.claim
    assert ("claimed", "pod-x", 1) == (record.status, record.claim.by, record.attempts)
    assert record.at + CLAIM_LIFE == record.claim.until
    assert (PERSON, "", "") == (record.user, record.thread, record.edited)


def test_a_claim_of_a_bots_request_names_the_bot(world: World) -> None:
    """A workflow form has no user."""
    key = world.ask("abc", user=None, bot="B0FORM")
    world.tick(policy=replace(POLICY, bots=frozenset({"B0FORM"})))
    assert "B0FORM" == world.record(key).user


def test_a_new_claim_says_nothing_of_the_failure_before(world: World) -> None:
    """Until it fails again."""
    key = world.ask("abc")
    world.fail("notebook", STOPPED)
    world.tick()
    assert str(STOPPED) == world.record(key).reason
    world.wait(minutes=2)
    during: list[Record] = []
    world.amid("notebook", lambda: during.append(world.record(key)))
    world.tick()
    assert [("claimed", "", 2)] == [(record.status, record.reason, record.attempts) for record in during]


@pytest.mark.parametrize("failure", [STOPPED, LOOKER_DOWN], ids=["an attempt", "a shared cause"])
def test_the_thread_of_a_request_that_was_tried_before_is_read_before_the_work(
    world: World, failure: CreditbotError
) -> None:
    """Somebody may have answered meanwhile, or deleted it; a fresh one without replies needs no look."""
    world.ask("abc")
    world.fail("notebook" if failure is STOPPED else "looker", failure)
    world.tick()
    assert 0 == world.counted()["thread"]
    world.wait(minutes=2)
    world.tick()
    assert 2 == world.counted()["thread"]


def test_the_thread_of_a_request_whose_process_was_killed_is_read_before_the_work(world: World) -> None:
    """At the first time already."""
    world.ask("abc")
    world.kill("looker.before-read")
    world.wait(minutes=31)
    world.counted()
    world.tick()
    assert 2 == world.counted()["thread"]


def test_a_claim_is_respected_until_it_runs_out(world: World) -> None:
    """Then the next tick takes over, as a second attempt."""
    key = world.ask("abc")
    world.kill("looker.before-read")
    world.wait(minutes=29)
    assert 1 == world.tick().waiting
    world.wait(minutes=2)
    world.tick()
    assert [REFERENCE] == world.replies(key)
    assert 2 == world.record(key).attempts


def test_the_claim_of_a_process_that_is_known_to_be_gone_is_taken_over_at_once(world: World) -> None:
    """On one machine."""
    key = world.ask("abc")
    world.kill("looker.before-read")
    world.tick(runs=lambda _: False)
    assert [REFERENCE] == world.replies(key)


def test_of_two_processes_that_read_the_same_state_one_gets_the_request(world: World) -> None:
    """The other leaves it, and says so."""
    key = world.ask("abc")
    late = world.bot()
    world.amid("history", world.tick)
    report = late.tick()
    assert [REFERENCE] == world.replies(key)
    assert [None] == [record for _, record in report.done]
    assert ["abc"] == world.runs


@pytest.mark.parametrize("point", ["looker.before-read", "notebook.after-run", "thread.before-read"])
def test_a_request_that_kills_its_pod_each_time_ends_dead_and_told(world: World, point: Point) -> None:
    """Not in a loop, whether it kills while its credit is computed or while its thread is read."""
    key = world.ask("abc")
    kills = 0
    for _ in range(12):
        try:
            world.tick(at=lambda reached: _die(world, key.ts) if reached == point else None)
        except Killed:
            kills += 1
        world.wait(minutes=31)
    assert "dead" == world.record(key).status
    assert kills <= RULES.attempts
    (text,) = world.told()
    assert text == (
        f"I could not answer {world.address(key)}\n"
        "• It was given up after 3 attempts that ended without a word.\n"
        "  The process was killed each time: look for memory limits, deadlines and the log.\n"
        "Then edit the message, or run `creditbot retry` with its address; or answer it by hand."
    )
    assert [] == world.replies(key)


def test_an_edit_after_the_last_attempt_reopens_a_request_that_is_given_up(world: World) -> None:
    """Nobody has tried those links yet."""
    key = world.ask("abc")
    for _ in range(RULES.attempts):
        world.kill("looker.before-read")
        world.wait(minutes=31)
    world.edit(key, f"<https://{HOST}/x/def>")
    world.tick()
    assert "dead" == world.record(key).status
    world.tick()
    assert [REFERENCE] == world.replies(key)
    (text,) = world.told()
    assert "It was given up after 3 attempts" in text


def test_an_edit_that_asks_for_the_same_reopens_nothing_that_ended_after_it(world: World) -> None:
    """Those links were tried, and the owner was told."""
    key = world.ask("abc")
    world.kill("thread.before-read")
    world.ask("abc")
    world.tick()
    world.edit(key, f"please, please credit <https://{HOST}/explore/m/v?qid=abc>")
    for _ in range(8):
        world.wait(minutes=10)
        world.tick()
    assert ("dead", 1) == (world.record(key).status, len(world.told()))
    assert ["abc", "abc"] == world.runs


@pytest.mark.parametrize("end", ["killed", "defect"])
def test_an_edit_that_asks_for_the_same_does_not_reopen_what_is_given_up(world: World, end: str) -> None:
    """Whether it killed its process each time, or met a defect of ours."""
    key = world.ask("abc")
    for _ in range(RULES.attempts - 1):
        world.kill("thread.before-read")
        world.wait(minutes=31)
    world.edit(key, f"please, please credit <https://{HOST}/explore/m/v?qid=abc>")
    if end == "killed":
        world.kill("thread.before-read")
        world.wait(minutes=31)
    else:
        world.fail("thread", ZeroDivisionError())
    for _ in range(4):
        world.tick()
        world.wait(minutes=5)
    assert ("dead", 1, ["abc"]) == (world.record(key).status, len(world.told()), world.runs)


def test_an_edited_request_is_given_up_like_any_other(world: World) -> None:
    """The edit that it was claimed with does not start it anew each time."""
    key = world.ask("other")
    world.edit(key, f"<https://{HOST}/x/abc>")
    world.fail("notebook", STOPPED, times=9)
    for _ in range(6):
        world.tick()
        world.wait(minutes=10)
    assert ("dead", RULES.attempts) == (world.record(key).status, world.record(key).attempts)
    assert RULES.attempts == world.calls.count("notebook")


@pytest.mark.parametrize("slug", ["abc", "def"], ids=["the same links", "other links"])
def test_an_edit_before_the_end_of_a_posting_does_not_reopen_it(world: World, slug: str) -> None:
    """A reply to the earlier links may be there: the owner is asked to look, and nothing is computed beside that."""
    key = world.ask("abc")
    world.fail("reply", PostUnknown("Slack did not answer."))
    world.tick()
    world.edit(key, f"credit now <https://{HOST}/explore/m/v?qid={slug}>")
    world.say(REFERENCE, "U0EVE", thread_ts=key.ts, bot="B0EVE", marker=Marker("reply", str(key)))
    for _ in range(4):
        world.wait(minutes=16)
        world.tick()
    assert ("dead", 1, ["abc"]) == (world.record(key).status, len(world.told()), world.runs)


def _die(world: World, ts: str) -> None:
    record = next((r for key, r in world.state().records.items() if key.endswith(ts)), None)
    if record and record.status in ("claimed", "computed"):
        raise Killed


def test_a_request_that_kills_its_pod_takes_no_other_with_it(world: World) -> None:
    """After the first time it is tried alone, and last."""
    others = [world.ask("a"), world.ask("b")]
    killer = world.ask("killer")
    more = world.ask("c")

    def at(point: Point) -> None:
        if point == "notebook.after-run" and world.runs[-1] == "killer":
            raise Killed

    for _ in range(14):
        with suppress(Killed):
            world.tick(at=at)
        world.wait(minutes=16)
    assert [[REFERENCE]] * 3 == [world.replies(key) for key in [*others, more]]
    assert "dead" == world.record(killer).status


def test_fresh_requests_go_before_retries(world: World) -> None:
    """One that fails again and again does not delay the others."""
    world.ask("old")
    world.fail("notebook", STOPPED)
    world.tick()
    world.wait(minutes=10)
    world.ask("new")
    world.tick()
    assert ["new", "old"] == world.runs


# -- failures ----------------------------------------------------------------------------------------------------------


def test_a_permanent_failure_is_told_at_once(world: World) -> None:
    """Trying again would not help."""
    key = world.ask("abc")
    world.fail("notebook", NotebookFailed("The notebook raised KeyError.", "Open it."))
    world.tick()
    record = world.record(key)
    assert ("dead", 1, None, None) == (record.status, record.attempts, record.claim, record.due)
    assert "The notebook raised KeyError. Open it." == record.reason
    (text,) = world.told()
    assert text == (
        f"I could not answer {world.address(key)}\n"
        f"• https://{HOST}/explore/m/v?qid=abc\n"
        "  The notebook raised KeyError.\n"
        "  Open it.\n"
        "Then edit the message, or run `creditbot retry` with its address; or answer it by hand."
    )


def test_the_failures_of_several_links_are_one_reason(world: World) -> None:
    """Each once, in the order of the links."""
    key = world.ask("gone1", "gone2")
    world.tick()
    sentences = [f"The query {slug} does not exist. Share the link again." for slug in ("gone1", "gone2")]
    assert " ".join(sentences) == world.record(key).reason


def test_a_failure_in_a_thread_is_told_with_the_address_of_that_message(world: World) -> None:
    """Slack opens a reply only by an address that names its thread; also the summary keeps that one."""
    top = world.say("good morning")
    key = world.ask("gone", thread_ts=top.ts, subtype="thread_broadcast")
    world.tick()
    assert f"I could not answer {world.address(key, top)}\n" in world.told()[0]
    request: Any = world.summaries[str(key)]["request"]
    assert (world.address(key, top), PERSON) == (request["permalink"], request["author"])


def test_a_request_that_is_reopened_remembers_that_it_was_posted(world: World) -> None:
    """Its first reply may still appear. That it starts anew is a write of its own."""
    key = world.ask("abc")
    world.fail("reply", PostUnknown("Slack did not answer."))
    world.tick()
    world.say(REFERENCE, "U0EVE", thread_ts=key.ts, bot="B0EVE", marker=Marker("reply", str(key)))
    world.wait(minutes=16)
    world.tick()
    assert ("dead", 1) == (world.record(key).status, world.record(key).posts)
    world.edit(key, f"<https://{HOST}/x/def>")
    before = world.now
    world.kill("state.after-write")
    record = world.record(key)
    assert ("seen", PERSON, 1) == (record.status, record.user, record.posts)
    assert before <= record.at <= world.now


def test_a_transient_failure_is_tried_again_and_given_up_after_max_attempts(world: World) -> None:
    """Ever later; the owner is told when it is given up, and not before."""
    key = world.ask("abc")
    world.fail("notebook", STOPPED, times=RULES.attempts)
    waits = []
    for _ in range(RULES.attempts - 1):
        world.tick()
        record = world.record(key)
        assert record.due
        assert ("failed", None) == (record.status, record.claim)
        waits.append(record.due - record.at)
        assert [] == world.told()
        assert 1 == world.tick().waiting
        world.now = record.due
    world.tick()
    assert [timedelta(minutes=1), timedelta(minutes=2)] == waits
    assert ("dead", RULES.attempts) == (world.record(key).status, world.record(key).attempts)
    assert "ran out of time" in world.told()[0]


def test_a_transient_failure_that_passes_is_told_to_nobody(world: World) -> None:
    """The reply is all there is to say."""
    key = world.ask("abc")
    world.fail("notebook", STOPPED, times=2)
    for _ in range(3):
        world.tick()
        world.wait(minutes=5)
    assert ([REFERENCE], []) == (world.replies(key), world.told())


def test_a_shared_cause_is_told_once_and_does_not_count_against_the_requests(world: World) -> None:
    """Several requests, many ticks, one message; and all are answered when it is over."""
    keys = [world.ask(slug) for slug in ("a", "b", "c")]
    world.fail("looker", LOOKER_DOWN, times=200)
    for _ in range(60):
        world.tick()
        world.wait(minutes=5)
    assert [0, 0, 0] == [world.record(key).attempts for key in keys]
    assert ["Requests wait, and I try again by myself: Looker is down. It is tried again."] == world.told()
    world.faults.clear()
    world.wait(hours=4)
    world.tick()
    assert [[REFERENCE]] * 3 == [world.replies(key) for key in keys]


def test_a_shared_cause_is_tried_again_at_least_every_four_hours(world: World) -> None:
    """However long it has lasted; each time says why."""
    key = world.ask("abc")
    world.fail("looker", LOOKER_DOWN, times=99)
    waits = []
    for _ in range(10):
        world.tick()
        record = world.record(key)
        assert record.due
        assert ("failed", str(LOOKER_DOWN)) == (record.status, record.reason)
        waits.append((record.due - record.at) / timedelta(minutes=1))
        world.now = record.due
    assert [1, 2, 4, 8, 16, 32, 64, 128, 240, 240] == waits


@pytest.mark.parametrize(("asked", "minutes"), [(30, 1), (600, 10), (99_999, 240)])
def test_a_service_that_asks_for_more_time_is_given_it(world: World, asked: float, minutes: float) -> None:
    """Never more than what is waited for a service that says nothing."""
    key = world.ask("abc")
    world.fail("looker", Unreachable(LOOKER, "Looker limits our rate.", retry_after=asked))
    world.tick()
    record = world.record(key)
    assert record.due
    assert timedelta(minutes=minutes) == record.due - record.at


def test_a_shared_cause_may_last_for_lookback_hours_to_the_moment() -> None:
    """Since the first claim; the request is given up at the first try after that."""
    world = World()
    key = world.ask("abc")
    world.fail("looker", LOOKER_DOWN, times=9)
    found = []
    for minutes in (0, 1, 2, 4):  # after 0, 1, 3 and 7 minutes
        world.wait(minutes=minutes)
        world.tick(rules=replace(RULES, lookback=timedelta(minutes=3)))
        found.append(world.record(key).status)
    assert ["failed", "failed", "failed", "dead"] == found


def test_a_tick_says_what_kept_its_requests_waiting(world: World) -> None:
    """One sentence a service."""
    world.ask("a")
    world.ask("b")
    world.fail("looker", LOOKER_DOWN, times=2)
    assert [str(LOOKER_DOWN)] == world.tick().errors


def test_a_shared_cause_is_tried_ever_less_often_until_lookback_hours_have_passed(world: World) -> None:
    """Then the request is given up, and the owner told of it."""
    key = world.ask("abc")
    world.fail("looker", LOOKER_DOWN, times=9999)
    world.counted()
    tries = []
    for _ in range(4 * 80):
        world.tick()
        tries.append(world.counted()["looker"])
        world.wait(minutes=15)
    assert sum(tries[:4]) > sum(tries[40:44])
    assert 10 < sum(tries) < 100
    assert "dead" == world.record(key).status
    assert "I could not answer" in world.told()[-1]


def test_a_cause_that_comes_back_after_it_was_over_is_told_again(world: World) -> None:
    """Over is what a request has got through."""
    for _ in range(2):
        key = world.ask("abc")
        world.fail("looker", LOOKER_DOWN)
        world.tick()
        world.tick()
        world.wait(minutes=2)
        world.tick()
        assert "answered" == world.record(key).status or world.record(key).status == "dead"
    assert 2 == sum("Requests wait" in text for text in world.told())


WAREHOUSE_DOWN = Unreachable(WAREHOUSE, "The warehouse is down.")
NOTEBOOK_BROKEN = Refused("the notebook verify.ipynb", "It is no notebook.")
DISK_FULL = Unreachable(SUMMARY_STORE, "The disk is full.")
RATE_LIMITED = PostRefused("Slack limits our rate.", retry=True)
CAUSES = {
    "cause.looker": ("looker", LOOKER_DOWN),
    "cause.the-warehouse": ("notebook", WAREHOUSE_DOWN),
    "cause.this-machine": ("notebook", Unreachable(THIS_MACHINE, "No room is left.")),
    "cause.the-notebook-verify-ipynb": ("notebook", NOTEBOOK_BROKEN),
    "cause.the-summary-store": ("save", DISK_FULL),
    "cause.slack": ("reply", RATE_LIMITED),
}


@pytest.mark.parametrize(("name", "effect", "error"), [(name, *what) for name, what in CAUSES.items()], ids=CAUSES)
def test_a_cause_is_over_when_a_request_has_got_through(
    world: World, name: str, effect: str, error: CreditbotError
) -> None:
    """Each by what it was a cause of."""
    key = world.ask("abc")
    world.fail(effect, error)
    report = world.tick()
    assert [name] == list(world.state().notices)
    assert [str(error)] == report.errors
    world.wait(minutes=2)
    assert world.tick().ok
    assert [REFERENCE] == world.replies(key)
    assert [] == list(world.state().notices)


@pytest.mark.parametrize("name", ["cause.the-warehouse", "cause.slack"])
def test_a_request_whose_links_are_skipped_ends_no_cause_of_what_it_does_not_use(world: World, name: str) -> None:
    """It runs no notebook, and gets no reply."""
    world.ask("abc")
    world.fail(*CAUSES[name])
    world.tick()
    world.ask("other")
    world.tick()
    assert name in world.state().notices


def test_a_request_that_is_withdrawn_ends_no_cause_of_posting(world: World) -> None:
    """Its thread could be read; whether Slack takes replies again nobody has seen."""
    key = world.ask("abc")
    world.fail("reply", RATE_LIMITED)
    world.tick()
    world.edit(key, "never mind")
    world.wait(minutes=2)
    world.tick()
    assert "withdrawn" == world.record(key).status
    assert "cause.slack" in world.state().notices


def test_what_one_request_got_through_is_over_whatever_the_next_one_does(world: World) -> None:
    """A tick is judged as a whole: Slack took a reply, and the links of the next one are skipped."""
    world.ask("a")
    world.fail("reply", RATE_LIMITED)
    world.tick()
    world.ask("b")
    world.ask("other")
    world.tick()
    assert [] == list(world.state().notices)


def test_a_state_that_is_full_is_a_cause_until_a_request_can_be_begun(world: World) -> None:
    """What ends meanwhile shows nothing: ends have room of their own. The owner hears once, and no attempt counts."""
    posting = world.ask("a")
    world.fail("reply", PostUnknown("Slack did not answer."), after=True)
    world.tick()
    key = world.ask("b")
    world.kill("thread.before-read")
    world.wait(minutes=31)
    report = world.tick(budget=100)
    assert [("answered", posting), ("computed", key)] == [(r.status, job.key) for job, r in report.done if r]
    assert (None, 1, 1) == (world.record(key).claim, world.record(key).attempts, world.record(key).returned)
    (error,) = report.errors
    assert "The state is at its limit" in error
    assert [f"Requests wait, and I try again by myself: {error}"] == world.told()
    assert "told" == world.state().notices["cause.the-state-store"].status
    world.wait(minutes=2)
    assert world.tick().ok
    assert [REFERENCE] == world.replies(key)
    assert {} == world.state().notices


def test_a_reply_that_is_found_ends_no_cause(world: World) -> None:
    """It took no room in the state, and Slack took no post."""
    posting = world.ask("a")
    world.fail("reply", PostUnknown("Slack did not answer."), after=True)
    world.tick()
    world.wait(minutes=12)
    key = world.ask("b")
    world.kill("thread.before-read")
    world.wait(minutes=2)
    for _ in range(2):
        world.tick(budget=100, runs=lambda _: False)
        world.wait(minutes=1)
    assert ("answered", "computed") == (world.record(posting).status, world.record(key).status)
    assert [True] == ["The state is at its limit" in text for text in world.told()]
    assert "told" == world.state().notices["cause.the-state-store"].status


def test_an_earlier_reply_that_is_found_before_the_next_ends_no_cause(world: World) -> None:
    """It was posted when the request was worked on before."""
    key = world.ask("abc")
    world.lateness = timedelta(minutes=40)
    world.fail("reply", PostUnknown("Slack did not answer."), after=True)
    world.tick()
    world.wait(minutes=16)
    world.edit(key, "never mind")
    world.tick()
    assert ("withdrawn", 1) == (world.record(key).status, world.record(key).posts)
    world.ask("b")
    world.fail("reply", RATE_LIMITED)
    world.tick()
    world.edit(key, f"<https://{HOST}/explore/m/v?qid=abc>")
    world.amid("notebook", lambda: world.wait(minutes=40))
    world.tick()
    assert ("answered", 1) == (world.record(key).status, world.record(key).posts)
    assert "cause.slack" in world.state().notices


def test_a_cause_is_not_over_while_others_still_meet_it(world: World) -> None:
    """One request that gets through between two that do not is no end of it."""
    world.ask("a")
    world.ask("b")
    world.fail("looker", LOOKER_DOWN)
    world.tick()
    assert "told" == world.state().notices["cause.looker"].status


def test_a_request_for_which_looker_refuses_us_waits_like_one_for_which_it_is_down(world: World) -> None:
    """Wrong credentials concern every request, and somebody can put them right."""
    key = world.ask("abc")
    world.fail("looker", Refused("Looker", "Looker refuses the credentials.", "Check LOOKER_CLIENT_SECRET."))
    world.tick()
    assert "failed" == world.record(key).status
    assert "LOOKER_CLIENT_SECRET" in world.told()[0]


def test_one_permanent_failure_among_transient_ones_is_permanent(world: World) -> None:
    """Waiting for the others would not help."""
    key = world.ask("abc", "gone")
    world.fail("looker", LOOKER_DOWN)
    world.tick()
    assert "dead" == world.record(key).status


def test_an_edit_of_a_failed_request_starts_it_anew(world: World) -> None:
    """At once, and with all its attempts."""
    key = world.ask("abc")
    world.fail("notebook", STOPPED, times=2)
    world.tick()
    world.wait(minutes=2)
    world.tick()
    assert 2 == world.record(key).attempts
    world.edit(key, f"<https://{HOST}/x/def>")
    world.tick()
    assert ([REFERENCE], 1) == (world.replies(key), world.record(key).attempts)


def test_an_edit_that_is_met_while_a_request_is_worked_on_is_worked_on_once(world: World) -> None:
    """It was edited since the channel was read: its links are those of the thread, and so is what is told of them."""
    key = world.ask("abc")
    world.fail("notebook", STOPPED)
    world.tick()
    world.wait(minutes=2)
    world.amid("history", lambda: world.edit(key, f"<https://{HOST}/x/gone>"))
    for _ in range(3):
        world.tick()
        world.wait(minutes=5)
    assert "dead" == world.record(key).status
    assert ["gone" in text for text in world.told()] == [True]


def test_a_store_of_summaries_that_is_down_is_a_shared_cause(world: World) -> None:
    """Nothing is posted whose evidence is not kept."""
    key = world.ask("abc")
    world.fail("save", Unreachable("the summary store", "The disk is full."))
    world.tick()
    assert ("failed", 0) == (world.record(key).status, world.record(key).attempts)
    world.wait(minutes=2)
    world.tick()
    assert [REFERENCE] == world.replies(key)


@pytest.mark.parametrize("broadcast", [False, True], ids=["top level", "in a thread"])
def test_the_summary_of_what_was_computed_is_there_before_anything_is_posted(world: World, broadcast: bool) -> None:
    """Amount, SQL and where it was asked; the state says where it is."""
    top = world.say("good morning") if broadcast else None
    key = world.ask("abc", **({"thread_ts": top.ts, "subtype": "thread_broadcast"} if top else {}))
    world.kill("thread.before-read", nth=2 if broadcast else 1)  # what stands in a thread is looked at first, too
    result = world.record(key).result
    assert result
    summary: Mapping[str, Any] = world.summaries[str(key)]
    assert ("computed", Decimal("4948.80")) == (summary["outcome"]["status"], summary["credit_amount"])
    assert (str(key), world.address(key, top)) == (summary["request"]["key"], summary["request"]["permalink"])
    assert (list(result.sql), result.place) == (summary["credited"], f"memory:{key}")
    assert ("qid=abc" in summary["request"]["text"], PERSON) == (True, summary["request"]["author"])
    assert 1 == len(result.sql)


def test_a_skipped_request_is_nobodys(world: World) -> None:
    """It ended, so nobody works on it."""
    key = world.ask("other")
    world.tick()
    assert ("skipped", None) == (world.record(key).status, world.record(key).claim)


def test_who_lost_a_request_leaves_the_summary_to_who_works_on_it(world: World) -> None:
    """Only an end is written over what was written meanwhile."""
    key = world.ask("abc")
    tick = stopped(world, "summary.before-save")
    world.wait(minutes=31)
    world.kill("looker.before-read")
    tick.go_on()
    assert "claimed" == world.record(key).status
    assert "computed" == dict(world.summaries[str(key)]["outcome"])["status"]  # type: ignore[call-overload]


def test_a_summary_of_the_end_that_could_not_be_written_is_written_later(world: World) -> None:
    """The reply is not undone, and the request not forgotten before."""
    key = world.ask("abc")
    world.amid("reply", lambda: world.fail("save", Unreachable("the summary store", "Full."), times=2))
    world.tick()
    assert ("answered", False) == (world.record(key).status, world.record(key).saved)
    report = world.tick()
    assert ["Full."] == [error.partition(": ")[2] for error in report.errors]
    assert world.tick().ok
    assert world.record(key).saved
    assert "answered" == world.summaries[str(key)]["outcome"]["status"]  # type: ignore[index]


# -- defects -----------------------------------------------------------------------------------------------------------


def test_an_unforeseen_exception_is_tried_again_and_told_when_it_is_given_up(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """It ends neither the tick nor the other requests."""
    bad, good = world.ask("bad"), world.ask("good")
    for _ in range(RULES.attempts):
        world.fail("looker", ZeroDivisionError())
        assert world.tick().ok
        world.wait(minutes=10)
    assert {f"unexpected error on request {bad}"} == {r.getMessage() for r in caplog.records if r.exc_info}
    assert [REFERENCE] == world.replies(good)
    assert "dead" == world.record(bad).status
    assert "creditbot has a defect: ZeroDivisionError." in world.told()[0]


def test_an_unforeseen_exception_after_the_reply_was_sent_does_not_end_the_request(world: World) -> None:
    """Only the thread can tell whether the reply is there."""
    key = world.ask("abc")
    world.fail("reply", ZeroDivisionError(), after=True)
    world.tick()
    assert "posting" == world.record(key).status
    (text,) = world.told()
    assert text == (
        f"Whether my reply to {world.address(key)} arrived is not known: creditbot has a defect: ZeroDivisionError. "
        "The log has the details. I look again by myself, and post it once more only if it cannot be there; look into "
        "its thread if that goes on."
    )
    for _ in range(4):
        world.wait(minutes=16)
        world.tick()
    assert ("answered", [REFERENCE], 1) == (world.record(key).status, world.replies(key), len(world.told()))


def test_an_unforeseen_exception_before_the_claim_fails_the_tick(world: World) -> None:
    """No state can say it, so the exit code does."""
    world.ask("abc")
    world.fail("state-write", ZeroDivisionError())
    assert ["creditbot has a defect: ZeroDivisionError. The log has the details."] == world.tick().errors


# -- posting -----------------------------------------------------------------------------------------------------------


def test_a_reply_that_slack_refuses_for_good_is_told(world: World) -> None:
    """The owner answers by hand."""
    key = world.ask("abc")
    world.fail("reply", PostRefused("The channel is archived.", "Unarchive it.", retry=False))
    world.tick()
    assert ("dead", 0) == (world.record(key).status, world.record(key).posts)
    assert "The channel is archived." in world.told()[0]


def test_a_reply_that_slack_takes_later_waits_without_being_computed_again(world: World) -> None:
    """A rate limit is a cause that all requests share."""
    key = world.ask("abc")
    world.fail("reply", PostRefused("Slack limits our rate.", retry=True))
    world.tick()
    record = world.record(key)
    assert ("computed", 0, 0) == (record.status, record.posts, record.attempts)
    world.wait(minutes=3)
    world.tick()
    assert ([REFERENCE], ["abc"]) == (world.replies(key), world.runs)


def test_a_refusal_is_recorded_also_for_a_request_that_was_taken_over(world: World) -> None:
    """Who takes over a computed request claims it."""
    key = world.ask("abc")
    world.kill("thread.before-read")
    world.wait(minutes=31)
    world.fail("reply", PostRefused("The channel is archived.", retry=False))
    world.tick()
    assert "dead" == world.record(key).status
    assert 1 == len(world.told())


def test_posts_of_unknown_outcome_are_told_when_they_go_on(world: World) -> None:
    """One lost answer is nothing to tell; as many as MAX_ATTEMPTS are; after LOOKBACK_HOURS it is posted no more."""
    key = world.ask("abc")
    world.fail("reply", PostUnknown("Slack did not answer."), times=9999)
    told = []
    for _ in range(5):
        world.tick()
        told.append(len(world.told()))
        world.wait(minutes=16)
    assert [0, 0, 1, 1, 1] == told
    assert "Whether my reply" in world.told()[0]
    world.wait(hours=73)
    world.tick()
    assert "posting" == world.record(key).status
    assert "never showed it" in world.told()[1]


def test_a_request_that_comes_back_after_days_is_still_posted_once_more(world: World) -> None:
    """One unknown post and a long suspension are no reason to give up."""
    key = world.ask("abc")
    world.fail("reply", PostUnknown("Slack did not answer."))
    world.tick()
    world.wait(days=5)
    world.tick()
    assert [REFERENCE] == world.replies(key)


def test_a_posting_whose_thread_cannot_be_read_is_told_as_what_it_is(world: World) -> None:
    """A cause that all requests share, and nothing besides."""
    key = world.ask("abc")
    world.fail("reply", PostUnknown("Slack did not answer."))
    world.tick()
    world.wait(minutes=16)
    world.fail("thread", Unreachable(SLACK, "Slack is slow."))
    world.tick()
    assert "posting" == world.record(key).status
    assert ["Requests wait, and I try again by myself: Slack is slow."] == world.told()


def test_a_posting_in_a_thread_of_unknown_outcome_is_told_with_the_address_of_its_message(world: World) -> None:
    """Which names the thread."""
    top = world.say("good morning")
    key = world.ask("abc", thread_ts=top.ts, subtype="thread_broadcast")
    world.fail("reply", PostUnknown("Slack did not answer."))
    world.tick(rules=replace(RULES, attempts=1))
    assert f"Whether my reply to {world.address(key, top)} arrived" in world.told()[0]


def test_a_claim_that_could_not_be_written_leaves_the_request_as_it_is(world: World) -> None:
    """The state store is a cause that all requests share; nothing was tried."""
    key = world.ask("abc")
    world.fail("notebook", STOPPED)
    world.tick()
    record = world.record(key)
    world.wait(minutes=2)
    world.fail("state-write", Unreachable(STATE_STORE, "The API server is slow."))
    assert ["The API server is slow."] == world.tick().errors
    assert record == world.record(key)


# -- stopping ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("effect", "error"), [("notebook", STOPPED), ("looker", LOOKER_DOWN)], ids=["a notebook", "a wait for a service"]
)
def test_a_request_whose_work_is_ended_by_sigterm_is_released(world: World, effect: str, error: CreditbotError) -> None:
    """At once, without counting the attempt, and told to nobody: the next tick sees whether the service is down."""
    key = world.ask("abc")
    bot = world.bot()

    def stop(_: str, __: object) -> object:
        bot.stop()
        raise error

    world.faults.append((frozenset({effect}), stop))
    assert bot.tick().ok
    record = world.record(key)
    assert ("failed", None, 0, []) == (record.status, record.claim, record.attempts, world.told())
    world.tick()
    assert [REFERENCE] == world.replies(key)


def test_a_reason_is_kept_short_in_the_state(world: World) -> None:
    """Its whole is not needed there, and a few messages with hundreds of bad links would fill the state."""
    key = world.ask(*(f"gone{n}" for n in range(300)))
    world.tick()
    assert "dead" == world.record(key).status
    assert len(world.record(key).reason) < 2_100
    assert "bytes more" in world.record(key).reason


def test_a_request_that_is_stopped_in_every_tick_is_given_up_after_the_window(world: World) -> None:
    """Its notebook takes longer than a tick may: somebody has to hear of that in the end."""
    key = world.ask("abc")

    def stopped(_: str, __: object) -> object:
        bot.stop()
        raise STOPPED

    for _ in range(100):
        world.faults.append((frozenset({"notebook"}), stopped))
        bot = world.bot()
        bot.tick()
        world.faults.clear()
        world.wait(hours=1)
    assert "dead" == world.record(key).status
    (told,) = world.told()
    assert STOPPED.what in told


def test_a_request_that_fails_for_good_while_stopping_is_dead(world: World) -> None:
    """SIGTERM makes no bad request good."""
    key = world.ask("abc")
    bot = world.bot()
    world.amid("looker", bot.stop)
    world.fail("notebook", CreditRefused("The amount is negative."))
    bot.tick()
    assert "dead" == world.record(key).status


def test_requests_wait_for_a_tick_with_fewer_attempts_allowed(world: World) -> None:
    """MAX_ATTEMPTS is read at each tick."""
    key = world.ask("abc")
    world.fail("notebook", STOPPED)
    world.tick(rules=replace(RULES, attempts=1))
    assert "dead" == world.record(key).status
