"""Replying once: posting, what becomes of it, and credit for the same SQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from creditbot.errors import NotebookFailed, PostRefused, PostUnknown, Unreachable
from creditbot.ledger import Ledger
from creditbot.lookup import Asked, Lookup
from creditbot.model import Marker, RequestKey
from creditbot.points import Point
from creditbot.thread import LATE, REPEATS
from tests.crash.simulation import Tick
from tests.fakes import BOT, BOT_USER, HOST, POLICY, REFERENCE, RULES, World

SILENCE = PostUnknown("Slack did not answer.")


class Killed(BaseException):
    """SIGKILL."""


@pytest.fixture
def world() -> World:
    """A workspace in which a tick has already been."""
    world = World(step=timedelta(milliseconds=100))
    world.tick()
    return world


def kill(world: World, point: Point, nth: int = 1) -> None:
    """A tick that is killed at a passing of a point."""
    passed = 0

    def at(reached: Point) -> None:
        nonlocal passed
        passed += reached == point
        if passed == nth:
            raise Killed

    with pytest.raises(Killed):
        world.tick(at=at)


def stopped(world: World, point: Point) -> Tick:
    """A tick that is stopped at a point."""

    def run(tick: Tick) -> None:
        world.tick(at=lambda reached: tick.pause() if reached == point else None)

    tick = Tick(run)
    assert not tick.go_on()
    return tick


def retry(world: World, key: RequestKey, again: str = "") -> None:
    ports = world.ports()
    Lookup(ports, Ledger(ports.state), POLICY).retry(Asked(key.channel, key.ts, key.ts), again=again)


# -- posting -----------------------------------------------------------------------------------------------------------


def test_from_the_swap_to_posting_a_reply_may_exist(world: World) -> None:
    """The state says so before anything is sent, with the claim and the time."""
    key = world.ask("abc")
    kill(world, "reply.before-send")
    record = world.record(key)
    assert ("posting", 1) == (record.status, record.posts)
    assert record.claim
    assert timedelta(0) <= world.now - record.at < timedelta(seconds=30)


def test_a_posting_is_decided_by_the_thread_once_it_has_settled(world: World) -> None:
    """Until then the thread is not even read."""
    key = world.ask("abc")
    world.fail("reply", SILENCE, after=True)
    world.tick()
    world.counted()
    world.wait(minutes=14)
    assert 1 == world.tick().waiting
    assert 0 == world.counted()["thread"]
    world.wait(minutes=1)
    world.tick()
    record = world.record(key)
    assert ("answered", 1, [REFERENCE]) == (record.status, record.posts, world.replies(key))
    assert world.visible()[-1].ts == record.reply


def test_a_posting_of_which_nothing_is_there_is_posted_once_more(world: World) -> None:
    """With the amount that was computed then, whatever the notebook would say now."""
    key = world.ask("abc")
    world.fail("reply", SILENCE)
    world.tick()
    world.amounts["abc"] = Decimal("1.00")
    world.wait(minutes=16)
    world.tick()
    assert ([REFERENCE], ["abc"], 2) == (world.replies(key), world.runs, world.record(key).posts)


def test_who_takes_over_a_computed_request_posts_what_was_computed(world: World) -> None:
    """No other amount, and no other notebook run."""
    key = world.ask("abc")
    kill(world, "thread.before-read")
    world.amounts["abc"] = Decimal("1.00")
    world.wait(minutes=31)
    world.tick()
    assert ([REFERENCE], ["abc"]) == (world.replies(key), world.runs)


def test_a_definite_refusal_leads_back_to_computed(world: World) -> None:
    """Nothing was posted, so nothing has to settle."""
    key = world.ask("abc")
    world.fail("reply", PostRefused("ratelimited", "Slack limits our rate.", again=True))
    world.tick()
    assert "computed" == world.record(key).status
    world.wait(minutes=2)
    world.tick()
    assert ([REFERENCE], 1) == (world.replies(key), world.record(key).posts)


def test_where_the_thread_cannot_be_read_nothing_is_posted(world: World) -> None:
    """Neither the first time nor for a posting; a later tick tries."""
    key = world.ask("abc")
    world.fail("thread", Unreachable("Slack", "Slack is slow."), times=2)
    world.tick()
    assert "computed" == world.record(key).status
    world.wait(minutes=3)
    world.fail("reply", SILENCE)
    world.tick()
    assert [] == world.replies(key)
    world.faults.clear()
    world.wait(minutes=5)
    world.fail("reply", SILENCE)
    world.tick()
    world.wait(minutes=16)
    world.fail("thread", Unreachable("Slack", "Slack is slow."))
    world.tick()
    assert "posting" == world.record(key).status
    world.tick()
    assert [REFERENCE] == world.replies(key)


def test_a_send_that_does_not_begin_within_30_s_is_renewed(world: World) -> None:
    """The settle time counts from the swap that allows the send: one write more."""
    key = world.ask("abc")
    world.counted()
    world.amid("thread", lambda: world.amid("state-write", lambda: world.wait(seconds=31)))
    world.tick()
    record = world.record(key)
    assert ([REFERENCE], 1) == (world.replies(key), record.posts)
    assert 5 == world.counted()["state-write"]


def test_a_store_that_is_too_slow_each_time_sends_nothing(world: World) -> None:
    """The request settles, and is tried again."""
    key = world.ask("abc")

    def slow() -> None:
        for _ in range(3):
            world.amid("state-write", lambda: world.wait(seconds=31))

    world.amid("thread", slow)
    world.tick()
    assert ([], "posting") == (world.replies(key), world.record(key).status)
    world.wait(minutes=16)
    world.tick()
    assert [REFERENCE] == world.replies(key)


def test_nothing_is_posted_for_a_request_that_a_hold_concerns(world: World) -> None:
    """Also if the hold was stored while the request was worked on."""
    key = world.ask("abc")
    other = world.ask("other")
    tick = stopped(world, "thread.before-read")
    assert world.values
    world.values[str(other)] = "{"
    world.version += 1
    world.tick()
    tick.go_on()
    assert [] == world.replies(key)
    for _ in range(9):
        world.wait(minutes=5)
        world.tick()
    assert [REFERENCE] == world.replies(key)


def test_a_posting_whose_message_was_deleted_ends_as_withdrawn(world: World) -> None:
    """After it has settled."""
    key = world.ask("abc")
    world.fail("reply", SILENCE)
    world.tick()
    world.delete(key)
    world.tick()
    assert "posting" == world.record(key).status
    world.wait(minutes=16)
    world.tick()
    assert "withdrawn" == world.record(key).status


def test_a_posting_that_a_person_answered_ends_as_elsewhere(world: World) -> None:
    """The last look is for people's answers, too."""
    key = world.ask("abc")
    world.fail("reply", SILENCE)
    world.tick()
    world.say(REFERENCE, "U0BOSS", thread_ts=key.ts)
    world.wait(minutes=16)
    world.tick()
    assert ("elsewhere", 1) == (world.record(key).status, len(world.replies(key)))


# -- repairs -----------------------------------------------------------------------------------------------------------


def test_who_fails_to_remember_its_reply_repairs_what_it_did(world: World) -> None:
    """A process that slept before its send: the later reply is edited, the owner told once."""
    key = world.ask("abc")
    tick = stopped(world, "reply.before-send")
    world.wait(minutes=31)
    world.tick()
    assert [REFERENCE] == world.replies(key)
    tick.go_on()
    assert [REFERENCE, REPEATS] == world.replies(key)
    for _ in range(3):
        world.wait(minutes=16)
        world.tick()
    (text,) = world.told()
    assert REPEATS in text
    assert world.record(key).checked


def test_a_second_reply_that_becomes_visible_after_the_settle_time_is_found(world: World) -> None:
    """A request that took two posts is looked at once more."""
    key = world.ask("abc")
    world.lateness = timedelta(minutes=20)
    world.fail("reply", SILENCE, after=True)
    world.tick()
    world.lateness = timedelta(0)
    for _ in range(3):
        world.wait(minutes=16)
        world.tick()
    assert sorted([REFERENCE, REPEATS]) == sorted(world.replies(key))
    assert 1 == len(world.told())
    world.counted()
    world.wait(minutes=16)
    world.tick()
    assert 0 == world.counted()["thread"]


@pytest.mark.parametrize(
    ("end", "text"),
    [("elsewhere", REPEATS), ("withdrawn", LATE), ("dead", LATE)],
    ids=["elsewhere", "withdrawn", "dead"],
)
def test_a_reply_that_comes_when_its_request_has_ended_otherwise_does_not_count(
    world: World, end: str, text: str
) -> None:
    """Somebody else answered, or the owner was asked to: two credits must not come of it."""
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
        world.say("Approved, $1.00", "U0EVE", thread_ts=key.ts, bot="B0EVE", marker=_marker(world))
    world.tick()
    assert end == world.record(key).status
    for _ in range(3):
        world.wait(minutes=16)
        world.tick()
    assert text in world.replies(key)
    assert REFERENCE not in world.replies(key)
    assert 1 == sum("is not to be credited" in told for told in world.told())
    assert world.record(key).checked


def _marker(world: World) -> Marker:
    marker = world.pending[0].message.marker
    assert marker
    return replace(marker, claim="forged")


def test_a_reply_that_does_not_count_is_no_answer_to_a_retry(world: World) -> None:
    """What says of itself that it is not to be credited answers nothing."""
    key = world.ask("abc")
    world.say(LATE, BOT_USER, thread_ts=key.ts, bot=BOT, marker=_reply_marker(key))
    world.tick()
    assert [LATE, REFERENCE] == world.replies(key)


def _reply_marker(key: RequestKey) -> Marker:
    return Marker("reply", str(key), "earlier")


def test_a_second_reply_that_cannot_be_edited_is_left_to_the_owner(world: World) -> None:
    """It is told of, and not tried for ever."""
    key = world.ask("abc")
    for _ in range(2):
        world.say(REFERENCE, BOT_USER, thread_ts=key.ts, bot=BOT, marker=_reply_marker(key))
    refusal = PostRefused("edit_window_closed", "Slack allows no edit of it.", again=False)
    world.fail("amend", refusal, times=2)
    for _ in range(4):
        world.tick()
        world.wait(minutes=16)
    assert "answered" == world.record(key).status
    assert ["Delete it by hand." in text for text in world.told()] == [False, True]


def test_a_second_reply_whose_edit_failed_is_edited_later(world: World) -> None:
    """The request has ended; that there is something to repair is remembered with it."""
    key = world.ask("abc")
    for _ in range(2):
        world.say(REFERENCE, BOT_USER, thread_ts=key.ts, bot=BOT, marker=_reply_marker(key))
    world.fail("amend", SILENCE)
    world.tick()
    assert [REFERENCE, REFERENCE] == world.replies(key)
    world.wait(minutes=16)
    world.fail("amend", PostRefused("ratelimited", "Slack limits our rate.", again=True))
    assert not world.tick().ok
    assert world.tick().ok
    assert [REFERENCE, REPEATS] == world.replies(key)
    assert 1 == len(world.told())


# -- the same SQL ------------------------------------------------------------------------------------------------------


def test_the_same_sql_is_credited_once(world: World) -> None:
    """The owner gets both permalinks, and how to override it."""
    first, second = world.ask("abc"), world.ask("abc")
    world.tick()
    assert ([REFERENCE], []) == (world.replies(first), world.replies(second))
    (text,) = world.told()
    for key in (first, second):
        assert f"/p{key.ts.replace('.', '')}" in text
    assert "--again" in text


def test_one_link_in_common_is_enough(world: World) -> None:
    """Part of the amount would be credited twice."""
    world.ask("a", "b")
    second = world.ask("b", "c")
    world.tick()
    assert [] == world.replies(second)


def test_what_the_state_has_forgotten_is_found_in_the_summaries(world: World) -> None:
    """Until DUPLICATE_DAYS have passed."""
    first = world.ask("abc")
    world.tick()
    for day in range(6):
        world.wait(days=1)
        world.ask(f"day{day}")
        world.tick()
    assert str(first) not in world.state().records
    second = world.ask("abc")
    world.tick()
    assert [] == world.replies(second)
    assert f"/p{first.ts.replace('.', '')}" in world.told()[0]
    world.wait(days=30)
    third = world.ask("abc")
    world.tick()
    assert [REFERENCE] == world.replies(third)


def test_after_duplicate_days_it_may_be_credited_again(world: World) -> None:
    """By the time of the answer, also while the state still knows it."""
    rules = replace(RULES, duplicates=timedelta(days=1))
    world.ask("abc")
    world.tick(rules=rules)
    world.wait(hours=23)
    second = world.ask("abc")
    world.tick(rules=rules)
    world.wait(hours=2)
    third = world.ask("abc")
    world.tick(rules=rules)
    assert ([], [REFERENCE]) == (world.replies(second), world.replies(third))


def test_retry_again_credits_the_same_sql_twice_and_says_who_wanted_it(world: World) -> None:
    """In the state and in the summary; without --again it is refused once more."""
    world.ask("abc")
    second = world.ask("abc")
    world.tick()
    retry(world, second)
    world.tick()
    assert [] == world.replies(second)
    assert 2 == len(world.told())
    retry(world, second, again="dana@laptop")
    world.tick()
    assert [REFERENCE] == world.replies(second)
    assert "dana@laptop" == world.record(second).again
    assert "dana@laptop" == world.summaries[str(second)]["outcome"]["again"]  # type: ignore[index]


def test_an_override_is_for_the_links_it_was_given_for(world: World) -> None:
    """After an edit the usual rule holds."""
    world.ask("abc")
    world.ask("def")
    third = world.ask("abc")
    world.tick()
    retry(world, third, again="dana@laptop")
    world.amid("notebook", lambda: world.edit(third, f"<https://{HOST}/explore/m/v?qid=def>"))
    world.tick()
    assert [] == world.replies(third)
    assert 2 == len(world.told())


def test_two_workers_with_the_same_sql_at_once_credit_it_once(world: World) -> None:
    """The swap to posting is what decides, on the very state that it is written to."""
    first, second = world.ask("abc"), world.ask("abc")

    def run(tick: Tick) -> None:
        world.amid("credited", tick.pause)
        world.tick()

    ticks = [Tick(run), Tick(run)]
    for tick in ticks:  # each has looked into the summaries, and has not swapped yet
        assert not tick.go_on()
    assert [True, True] == [tick.go_on() for tick in ticks]
    assert [[], [REFERENCE]] == sorted([world.replies(first), world.replies(second)])
    assert 1 == len(world.told())


def test_sql_that_was_computed_and_not_credited_is_free(world: World) -> None:
    """A dead or withdrawn request credits nothing."""
    first = world.ask("abc")
    world.amid("notebook", lambda: world.delete(first))
    for _ in range(5):
        world.tick()
        world.wait(minutes=5)
    assert "withdrawn" == world.record(first).status
    second = world.ask("abc")
    world.tick()
    assert [REFERENCE] == world.replies(second)


def test_sql_answered_before_a_state_was_lost_is_still_credited(world: World) -> None:
    """What the summary says of it survives that the request is found answered anew."""
    first = world.ask("abc")
    world.tick()
    world.values = {}
    world.version += 1
    for _ in range(5):
        world.wait(minutes=5)
        world.tick()
    assert world.record(first).result is None
    second = world.ask("abc")
    world.tick()
    assert [] == world.replies(second)


# -- summaries ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("point", ["summary.before-save", "summary.before-close", "notebook.after-run"])
def test_a_process_that_slept_does_not_replace_the_summary_of_who_took_over(world: World, point: Point) -> None:
    """What counts is what the state says in the end."""
    key = world.ask("abc")
    tick = stopped(world, point)
    world.wait(minutes=31)
    world.tick()
    world.wait(minutes=16)
    world.tick()
    assert "answered" == world.record(key).status
    tick.go_on()
    summary = world.summaries[str(key)]
    assert "answered" == summary["outcome"]["status"]  # type: ignore[index]
    assert summary["credited"]
    assert Decimal("4948.80") == summary["credit_amount"]


def test_a_process_that_slept_does_not_replace_an_answer_with_its_failure(world: World) -> None:
    """It stands between its last look at the state and its write of the summary: what it wrote is put right."""
    key = world.ask("abc")
    world.fail("notebook", NotebookFailed("The notebook raised."))
    tick = stopped(world, "summary.before-close")
    world.wait(minutes=31)
    world.tick()
    assert [REFERENCE] == world.replies(key)
    while not tick.ended:
        tick.go_on()
    summary = world.summaries[str(key)]
    assert "answered" == summary["outcome"]["status"]  # type: ignore[index]
    assert (Decimal("4948.80"), None) == (summary["credit_amount"], summary.get("computed_amount"))
    assert summary["credited"]


def test_a_process_that_slept_while_computing_leaves_the_evidence_of_who_took_over(world: World) -> None:
    """The links of an answer are those that it was for."""
    key = world.ask("abc")
    tick = stopped(world, "notebook.after-run")
    world.edit(key, f"<https://{HOST}/x/def>")
    world.wait(minutes=31)
    world.tick()
    tick.go_on()
    assert [f"https://{HOST}/x/def"] == [link["url"] for link in world.summaries[str(key)]["links"]]  # type: ignore[attr-defined]


def test_a_process_that_lost_its_request_writes_no_summary_of_its_failure(world: World) -> None:
    """It looks at the state before it writes, so that not even its death can leave the wrong end there."""
    world.ask("abc")
    tick = stopped(world, "looker.after-read")
    world.wait(minutes=31)
    world.tick()
    world.fail("notebook", NotebookFailed("The notebook raised."))
    world.counted()
    tick.go_on()
    assert tick.ended
    assert 0 == world.counted()["save"]
