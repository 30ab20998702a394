"""Who works on a request, and in which order: claims of processes, and several requests at a time."""

from __future__ import annotations

import threading
from concurrent import futures
from contextlib import suppress
from datetime import timedelta

import pytest

from creditbot.errors import STATE_STORE, CreditbotError, Unreachable
from creditbot.state.record import Record
from creditbot.tick.claims import CLAIM_LIFE
from tests.behaviour.failures import LOOKER_DOWN, NOTEBOOK_STOPPED
from tests.support.points import Point
from tests.support.world import World
from tests.support.world_facts import PERSON, REFERENCE, Killed

# -- claims ------------------------------------------------------------------------------------------------------------


def test_a_claim_is_stored_before_the_work_and_counts_as_an_attempt(world: World) -> None:
    """If the process dies, the state still says that it tried."""
    key = world.ask("abc")
    during: list[Record] = []
    world.amid("looker", lambda: during.append(world.record(key)))
    world.tick(name="pod-x")
    (record,) = during
    assert record.status == "claimed"
    assert record.attempts == 1
    assert record.claim
    assert record.claim.by == "pod-x"
    assert record.claim.until == record.at + CLAIM_LIFE
    assert record.user == PERSON
    assert record.thread == ""
    assert record.edited == ""


def test_a_new_claim_drops_the_reason_of_the_failure_before(world: World) -> None:
    key = world.ask_and_fail("notebook", NOTEBOOK_STOPPED)
    assert world.record(key).reason == str(NOTEBOOK_STOPPED)
    world.wait(minutes=2)
    during: list[Record] = []
    world.amid("notebook", lambda: during.append(world.record(key)))
    world.tick()
    (record,) = during
    assert record.status == "claimed"
    assert record.attempts == 2
    assert record.reason == ""


def test_a_claim_is_respected_until_it_runs_out(world: World) -> None:
    """Then the next tick takes the request over, as a second attempt."""
    key = world.ask("abc")
    world.kill("looker.before-read")
    assert world.tick_after(minutes=29).waiting == 1
    world.tick_after(minutes=2)
    assert world.replies(key) == [REFERENCE]
    assert world.record(key).attempts == 2


def test_a_claim_lasts_as_long_as_the_work(world: World) -> None:
    """Others leave the request alone, however long its notebook takes; and it was tried once."""
    key = world.ask("abc")
    waiting: list[int] = []

    def take_long() -> None:
        for _ in range(4):
            world.wait(minutes=25)
            waiting.append(world.tick().waiting)

    world.amid("notebook", take_long)
    world.tick(name="pod-x")
    assert [1, 1, 1, 1] == waiting
    assert ["abc"] == world.runs
    assert ([REFERENCE], 1) == (world.replies(key), world.record(key).attempts)


def test_a_claim_is_renewed_once_the_state_answers_again(world: World) -> None:
    key = world.ask("abc")
    waiting: list[int] = []

    def take_long() -> None:
        world.fail("state-write", Unreachable(STATE_STORE, "The state does not answer."), times=2)
        world.wait(minutes=29)
        world.wait(minutes=29)
        waiting.append(world.tick().waiting)

    world.amid("notebook", take_long)
    world.tick()
    assert ([1], ["abc"], [REFERENCE]) == (waiting, world.runs, world.replies(key))


def test_the_claim_of_a_killed_process_runs_out_however_long_it_worked(world: World) -> None:
    """Half an hour after it was last renewed, as without a renewal."""
    key = world.ask("abc")
    world.amid("looker", lambda: world.wait(hours=2))
    world.kill("notebook.before-run")
    assert 1 == world.tick_after(minutes=19).waiting
    world.tick_after(minutes=12)
    assert ([REFERENCE], 2) == (world.replies(key), world.record(key).attempts)


def test_a_process_that_slept_renews_no_claim_that_another_one_took(world: World) -> None:
    """It gives the request up, and its own result is thrown away."""
    key = world.ask("abc")

    def sleep() -> None:
        world.now += timedelta(minutes=40)
        world.tick()
        world.wait(hours=1)

    world.amid("notebook", sleep)
    report = world.tick()
    assert [None] == [record for _, record in report.done]
    assert ([REFERENCE], "answered") == (world.replies(key), world.record(key).status)


def test_the_claim_of_a_process_that_is_gone_is_taken_over_at_once(world: World) -> None:
    """A process on the same machine can see that the other one is gone."""
    key = world.ask("abc")
    world.kill("looker.before-read")
    world.tick(is_running=lambda _: False)
    assert world.replies(key) == [REFERENCE]


def test_of_two_processes_with_the_same_state_one_gets_the_request(world: World) -> None:
    key = world.ask("abc")
    late = world.bot()
    world.amid("history", world.tick)
    report = late.tick()
    assert [record for _, record in report.done] == [None]
    assert world.replies(key) == [REFERENCE]
    assert world.runs == ["abc"]


# -- the thread is read before the work --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("effect", "failure"),
    [("notebook", NOTEBOOK_STOPPED), ("looker", LOOKER_DOWN)],
    ids=["an attempt", "a shared cause"],
)
def test_a_second_try_reads_the_thread_before_the_work(world: World, effect: str, failure: CreditbotError) -> None:
    """Somebody may have answered meanwhile. A first try reads an empty thread only before the reply."""
    world.ask_and_fail(effect, failure)
    assert world.counted()["thread"] == 0
    world.tick_after(minutes=2)
    assert world.counted()["thread"] == 2


def test_a_process_that_takes_over_reads_the_thread_first(world: World) -> None:
    world.ask("abc")
    world.kill("looker.before-read")
    world.wait(minutes=31)
    world.counted()
    world.tick()
    assert world.counted()["thread"] == 2


def test_a_reply_that_is_also_a_request_has_its_thread_read_twice(world: World) -> None:
    """Once before it is computed and once before the reply. The channel says in which thread the request stands."""
    world.broadcast(world.say("morning"), "abc")
    world.tick()
    assert world.counted()["thread"] == 2


# -- the order ---------------------------------------------------------------------------------------------------------


def test_requests_are_begun_oldest_first(world: World) -> None:
    for slug in ("a", "b", "c"):
        world.ask(slug)
        world.wait(seconds=10)
    world.messages.reverse()
    world.tick()
    assert world.runs == ["a", "b", "c"]


def test_fresh_requests_are_begun_before_those_that_failed(world: World) -> None:
    """A request that fails again and again does not delay the others."""
    world.ask_and_fail("notebook", NOTEBOOK_STOPPED, "old")
    world.wait(minutes=10)
    world.ask("new")
    world.tick()
    assert world.runs == ["new", "old"]


def test_a_request_that_kills_its_process_takes_no_other_with_it(world: World) -> None:
    """After the first time, the request is worked on alone and last."""
    others = [world.ask("a"), world.ask("b")]
    killer = world.ask("killer")
    others.append(world.ask("c"))

    def at(point: Point) -> None:
        if point == "notebook.after-run" and world.runs[-1] == "killer":
            raise Killed

    for _ in range(14):
        with suppress(Killed):
            world.tick(at=at)
        world.wait(minutes=16)
    assert [world.replies(key) for key in others] == [[REFERENCE]] * 3
    assert world.record(killer).status == "given_up"


# -- several at a time -------------------------------------------------------------------------------------------------


def test_a_request_that_waits_does_not_keep_others_waiting(world: World) -> None:
    first, second = world.ask("slow"), world.ask("quick")
    answered = threading.Event()
    waited: list[bool] = []
    world.amid("looker", lambda: waited.append(answered.wait(10)))
    world.amid("reply", answered.set)
    world.tick(at_once=2)
    assert waited == [True]
    assert world.replies(first) == [REFERENCE]
    assert world.replies(second) == [REFERENCE]


@pytest.mark.parametrize(
    ("at_once", "slugs"), [(1, ("a", "b")), (4, ("c",))], ids=["one at a time", "one request alone"]
)
def test_one_request_after_the_other_needs_no_thread(world: World, at_once: int, slugs: tuple[str, ...]) -> None:
    threads: list[threading.Thread] = []
    for slug in slugs:
        world.ask(slug)
        world.amid("looker", lambda: threads.append(threading.current_thread()))
    world.tick(at_once=at_once)
    assert threads == [threading.current_thread()] * len(slugs)


def test_no_more_requests_are_worked_on_at_a_time_than_allowed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backlog must not open a connection for each request."""
    sizes: list[int] = []

    class Pool(futures.ThreadPoolExecutor):
        def __init__(self, size: int) -> None:
            sizes.append(size)
            super().__init__(size)

    monkeypatch.setattr(futures, "ThreadPoolExecutor", Pool)
    for slug in ("a", "b", "c"):
        world.ask(slug)
    world.tick(at_once=2)
    assert sizes == [2]


def test_many_requests_at_a_time_are_answered_once_each(world: World) -> None:
    """Six requests ask for the SQL of six others and are refused: threads share one view of the state."""
    keys = [world.ask(f"q{n % 6}") for n in range(12)]
    world.tick(at_once=4)
    assert sorted(len(world.replies(key)) for key in keys) == [0] * 6 + [1] * 6
    (text,) = world.told()
    assert text.startswith("I could not answer 6 requests.")


def test_requests_that_may_have_killed_a_process_are_worked_on_one_by_one(world: World) -> None:
    """If one of them does so again, no other request is lost with it."""
    first, second = world.ask("a"), world.ask("b")
    for _ in range(2):
        world.kill("looker.before-read")
    world.wait(minutes=31)
    world.kill("notebook.before-run", at_once=4)
    assert [world.record(key).attempts for key in (first, second)] == [2, 1]
    world.tick(at_once=4)
    assert world.replies(second) == [REFERENCE]
