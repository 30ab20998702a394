"""Replying once: posting, what becomes of it, and credit for the same SQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from creditbot.answer.finishing import Closing
from creditbot.answer.owner import Notices
from creditbot.answer.posting import Replies, Rules
from creditbot.errors import NotebookFailed, PostRefused, PostUnknown, Refused, StateConflict, Unreachable
from creditbot.intake.thread import LATE, REPEATS
from creditbot.model import Marker, RequestKey
from creditbot.ports import Ports
from creditbot.state.ledger import Ledger
from creditbot.state.record import Record, Status
from tests.support.points import Point
from tests.support.ticks import Tick, stopped
from tests.support.world import BOT, BOT_USER, HOST, PERSON, POLICY, REFERENCE, RULES, World

SILENCE = PostUnknown("Slack did not answer.")


@pytest.fixture
def world() -> World:
    """A workspace in which a tick has already been."""
    world = World(step=timedelta(milliseconds=100))
    world.tick()
    return world


def replies_of(ports: Ports, ledger: Ledger) -> Replies:
    """The verbs themselves, for what no tick says."""
    workspace = ledger.read().meta.workspace
    assert workspace
    rules = Rules(RULES.settle, RULES.lookback, RULES.duplicates, RULES.template)
    notices, closing = Notices(ports, ledger, RULES.settle), Closing(ports, ledger, workspace)
    return Replies(ports, ledger, workspace, POLICY, rules, closing, notices)


def test_who_never_was_claimed_took_no_time(world: World) -> None:
    """A record that somebody wrote by hand may not say when it began."""
    key = world.ask("abc")
    world.say(REFERENCE, BOT_USER, thread_ts=key.ts, bot=BOT, marker=_reply_marker(key))
    ports = world.ports()
    ledger = Ledger(ports.state)
    record = Record("claimed", "n", world.now)
    ledger.swap(key, None, record)
    replies = replies_of(ports, ledger)
    ended = replies.closed(key, record, replies.look(key, record))
    assert ended
    assert ("answered", 0.0) == (ended.status, ended.seconds)


def lose(world: World, key: RequestKey | None = None) -> None:
    """The state, or what it says of one request, is not to be read any more."""
    assert world.values
    if key:
        world.values[str(key)] = "?"
    else:
        world.values.clear()
    world.version += 1


def drop(world: World, key: RequestKey) -> None:
    """The state knows nothing of a request, and starts none that was asked until now."""
    assert world.values
    del world.values[str(key)]
    world.version += 1
    Ledger(world.ports().state).update_meta(
        lambda meta: replace(meta, forgotten_before=world.now + timedelta(seconds=1))
    )


# -- posting -----------------------------------------------------------------------------------------------------------


def test_from_the_swap_to_posting_a_reply_may_exist(world: World) -> None:
    """The state says so before anything is sent, with the claim and the time."""
    key = world.ask("abc")
    world.kill("reply.before-send")
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
    assert (world.visible()[-1].ts, None, "") == (record.reply, record.claim, record.reason)
    assert 15 * 60 < record.seconds < 16 * 60


def test_a_posting_has_settled_when_the_settle_time_has_passed_to_the_moment() -> None:
    """No longer, and no shorter."""
    world = World()
    key = world.ask("abc")
    world.fail("reply", SILENCE, after=True)
    world.tick()
    world.wait(minutes=14, seconds=59.999)
    assert 1 == world.tick().waiting
    world.wait(seconds=0.001)
    world.tick()
    assert "answered" == world.record(key).status


def test_posts_of_unknown_outcome_may_go_on_for_lookback_hours_to_the_moment() -> None:
    """Since the first claim, and for two posts at least."""
    world = World()
    key = world.ask("abc")
    world.fail("reply", SILENCE, times=9)
    found = []
    for _ in range(4):
        world.tick(rules=replace(RULES, lookback=timedelta(minutes=30)))
        found.append((world.record(key).status, world.record(key).posts))
        world.wait(minutes=15)
    assert [("posting", 1), ("posting", 2), ("posting", 3), ("posting", 3)] == found
    lost = "The reply was sent 3 times, and Slack never showed it. Answer by hand, after a look."
    assert (
        f"{world.address(key)} is left to you: {lost} I post it no more; I go on looking, and am done with it when its "
        "thread shows an answer or its message is deleted."
    ) == world.told()[-1]


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (lambda w, k: w.say("Approved, $1.00", PERSON, thread_ts=k.ts), "elsewhere"),
        (
            lambda w, k: w.say("ok", BOT_USER, thread_ts=k.ts, bot=BOT, marker=_reply_marker(k)),
            "answered",
        ),
        (lambda w, k: w.delete(k), "withdrawn"),
    ],
)
def test_a_reply_that_is_posted_no_more_is_looked_for_until_its_thread_decides(
    end: Callable[[World, RequestKey], object], status: Status
) -> None:
    """Nothing leaves posting but by what stands in the thread; the owner was asked once."""
    world = World()
    key = world.ask("abc")
    world.fail("reply", SILENCE, times=9)
    rules = replace(RULES, lookback=timedelta(minutes=10))
    for _ in range(5):
        world.tick(rules=rules)
        world.wait(minutes=15)
    assert ("posting", 2, 1) == (world.record(key).status, world.record(key).posts, len(world.told()))
    end(world, key)
    world.tick(rules=rules)
    assert (status, 1) == (world.record(key).status, len(world.told()))


def test_that_a_reply_is_left_to_the_owner_is_told_once_however_long_it_takes(world: World) -> None:
    """What was told of a request is remembered as long as the request."""
    key = world.ask("abc")
    world.fail("reply", SILENCE, times=99)
    for _ in range(20):
        world.tick(rules=replace(RULES, lookback=timedelta(hours=1)))
        world.wait(minutes=30)
    assert "posting" == world.record(key).status
    assert 1 == len([text for text in world.told() if "is left to you" in text])


def test_a_request_that_was_posted_twice_is_posted_no_more_when_lookback_hours_have_passed(world: World) -> None:
    """Two posts are enough."""
    key = world.ask("abc")
    world.fail("reply", SILENCE, times=9)
    world.tick()
    world.wait(hours=72)
    world.tick()
    for _ in range(3):
        world.wait(minutes=16)
        world.tick()
    assert ("posting", 2) == (world.record(key).status, world.record(key).posts)


def test_a_request_that_is_computed_again_says_nothing_of_what_kept_it(world: World) -> None:
    """When it is posted, that is over: when it was due, and why it waited."""
    key = world.ask("abc")
    refusal = PostRefused("Slack limits our rate.", retry=True)
    world.fail("reply", refusal)
    world.tick()
    record = world.record(key)
    assert (str(refusal), True) == (record.reason, record.due is not None)
    world.wait(minutes=2)
    during: list[Record] = []
    world.amid("reply", lambda: during.append(world.record(key)))
    world.tick()
    assert [("posting", None)] == [(record.status, record.due) for record in during]
    assert ("answered", "", None) == (world.record(key).status, world.record(key).reason, world.record(key).due)


def test_a_reply_found_in_the_thread_leaves_no_reason_of_an_earlier_failure(world: World) -> None:
    """What kept the request is over."""
    key = world.ask("abc")
    world.fail("reply", PostRefused("Slack limits our rate.", retry=True))
    world.tick()
    world.say(REFERENCE, BOT_USER, thread_ts=key.ts, bot=BOT, marker=_reply_marker(key))
    world.wait(minutes=2)
    world.tick()
    assert ("answered", "") == (world.record(key).status, world.record(key).reason)


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
    world.kill("thread.before-read")
    world.amounts["abc"] = Decimal("1.00")
    world.wait(minutes=31)
    world.tick()
    assert ([REFERENCE], ["abc"]) == (world.replies(key), world.runs)


def test_a_definite_refusal_leads_back_to_computed(world: World) -> None:
    """Nothing was posted, so nothing has to settle."""
    key = world.ask("abc")
    world.fail("reply", PostRefused("Slack limits our rate.", retry=True))
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


def test_a_send_that_begins_after_30_s_to_the_moment_needs_no_renewal() -> None:
    """It is within them."""
    world = World()
    world.tick()
    world.ask("abc")
    world.counted()
    world.amid("thread", lambda: world.amid("state-write", lambda: world.wait(seconds=30)))
    world.tick()
    assert 4 == world.counted()["state-write"]


@pytest.mark.parametrize("state", ["computed", "posting"])
def test_a_look_that_is_too_old_allows_no_post(world: World, state: Status) -> None:
    """A person may have answered since, as here in the sleep of a laptop: the thread is read again before a post."""
    key = world.ask("abc")
    if state == "posting":
        world.fail("reply", SILENCE)
        world.tick()
        world.wait(minutes=16)

    def sleep(point: Point) -> None:
        if point == "thread.after-read" and not world.replies(key) and key not in slept:
            slept.append(key)
            world.wait(minutes=5)
            world.say("Approved, $4,948.80", PERSON, thread_ts=key.ts)

    slept: list[RequestKey] = []
    world.tick(at=sleep)
    assert ([key], state) == (slept, world.record(key).status)
    world.wait(minutes=31)
    world.tick()
    assert (["Approved, $4,948.80"], "elsewhere") == (world.replies(key), world.record(key).status)


@pytest.mark.parametrize(("seconds", "status"), [(60, "answered"), (60.001, "computed")])
def test_a_look_holds_for_a_minute_to_the_moment(seconds: float, status: Status) -> None:
    """From when it began."""
    world = World()
    key = world.ask("abc")
    world.tick(at=lambda point: world.wait(seconds=seconds) if point == "thread.after-read" else None)
    assert status == world.record(key).status


def test_a_repair_leaves_what_somebody_else_made_of_the_request_meanwhile(world: World) -> None:
    """The reply that is late for a withdrawn request is the right one for the request that has come back."""
    key = world.ask("abc")
    world.fail("reply", SILENCE)
    world.tick()
    world.edit(key, "never mind")
    world.wait(minutes=16)
    world.tick()
    assert ("withdrawn", 1) == (world.record(key).status, world.record(key).posts)
    world.wait(minutes=16)

    def comes_back() -> None:
        world.edit(key, f"<https://{HOST}/x/abc> after all")
        world.tick()

    world.amid("thread", comes_back)
    world.tick()
    assert ([REFERENCE], "answered") == (world.replies(key), world.record(key).status)


def test_a_credit_that_a_person_gave_is_not_given_again(world: World) -> None:
    """Where the bot had computed it: its SQL is known."""
    first = world.ask("abc")
    world.amid("notebook", lambda: world.say("Approved, $4,948.80", PERSON, thread_ts=first.ts))
    world.tick()
    second = world.ask("abc")
    world.tick()
    assert ("elsewhere", "dead") == (world.record(first).status, world.record(second).status)
    assert "credited by another request" in world.told()[0]


def test_a_store_that_is_too_slow_each_time_sends_nothing(world: World) -> None:
    """The request settles, and is tried again."""
    key = world.ask("abc")

    def slow() -> None:
        for _ in range(3):
            world.amid("state-write", lambda: world.wait(seconds=31))

    world.amid("thread", slow)
    world.tick(rules=replace(RULES, attempts=1))
    assert ([], "posting") == (world.replies(key), world.record(key).status)
    why = (
        "Slack or a store answers too slowly to post safely: what its thread showed may have changed. "
        "It is looked at again. I look again"
    )
    assert why in world.told()[0]
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
    before = world.record(key)
    tick.go_on()
    assert ([], before) == (world.replies(key), world.record(key))
    for _ in range(9):
        world.wait(minutes=5)
        world.tick()
    assert [REFERENCE] == world.replies(key)


def test_what_a_hold_forbids_is_said(world: World) -> None:
    """To whoever asks for a post."""
    key = world.ask("abc")
    world.kill("thread.before-read")
    record, ports = world.record(key), world.ports()
    assert record.claim
    ledger = Ledger(ports.state)
    until = world.now + RULES.settle
    ledger.update_meta(lambda meta: replace(meta, hold_since=world.now, hold_until=until))
    forbidden = "Nothing is posted for older requests until the state's loss has settled."
    with pytest.raises(StateConflict, match=f"^{forbidden}$"):
        replies_of(ports, ledger).post(key, record, record.claim)
    assert record == world.record(key)


def test_links_edited_before_the_reply_start_the_request_anew(world: World) -> None:
    """A write of its own, of the same request; what was computed is dropped."""
    key = world.ask("abc")
    world.amid("notebook", lambda: world.edit(key, f"<https://{HOST}/x/def>"))
    before = world.now
    world.kill("state.after-write", nth=3)
    record = world.record(key)
    assert ("seen", PERSON, None) == (record.status, record.user, record.result)
    assert before <= record.at <= world.now


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
    assert [spoiled(world, key, REPEATS)] == world.told()
    assert world.record(key).checked


def spoiled(world: World, key: RequestKey, text: str, reply: int = -1) -> str:
    """What the owner hears of a reply that is edited; `reply` says which of the visible messages it is."""
    where = world.address(replace(key, ts=world.visible()[reply].ts), key)
    return (
        f'I posted a reply that is not to be credited, and edit it to say "{text}" Look whether somebody has credited '
        f"it: {where}"
    )


def test_who_posts_late_leaves_a_posting_of_which_it_sees_nothing_to_who_made_it(world: World) -> None:
    """Its settle time has not passed: what the thread shows now decides nothing."""
    key = world.ask("abc")
    late = stopped(world, "reply.before-send")
    world.wait(minutes=31)
    world.kill("reply.before-send")
    world.lateness = timedelta(minutes=1)
    world.delete(key)
    late.go_on()
    assert "posting" == world.record(key).status


@pytest.mark.parametrize("theirs", ["claimed", "computed", "posting"])
def test_who_posts_late_ends_the_request_that_another_process_works_on(world: World, theirs: Status) -> None:
    """One reply is there: it is the answer, whatever the other process was about to do."""
    key = world.ask("abc")
    late = stopped(world, "reply.before-send")
    world.wait(minutes=31)
    if theirs == "claimed":
        assert world.values
        world.values.clear()  # only where the state is lost a posting is worked on anew
        world.version += 1
        world.tick()
        world.wait(minutes=16)
        world.kill("looker.before-read")
    elif theirs == "computed":
        world.fail("reply", PostRefused("Slack limits our rate.", retry=True))
        world.tick()
    else:
        world.kill("reply.before-send")
    assert theirs == world.record(key).status
    late.go_on()
    record = world.record(key)
    assert ("answered", [REFERENCE], None) == (record.status, world.replies(key), record.claim)
    for _ in range(4):
        world.wait(minutes=16)
        world.tick()
    assert [REFERENCE] == world.replies(key)


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
    return replace(marker, nonce="forged")


def test_a_reply_that_does_not_count_is_no_answer_to_a_retry(world: World) -> None:
    """What says of itself that it is not to be credited answers nothing."""
    key = world.ask("abc")
    world.say(LATE, BOT_USER, thread_ts=key.ts, bot=BOT, marker=_reply_marker(key))
    world.tick()
    assert [LATE, REFERENCE] == world.replies(key)


def _reply_marker(key: RequestKey) -> Marker:
    return Marker("reply", str(key), "earlier")


def test_of_two_replies_the_state_and_the_summary_name_the_one_that_stands(world: World) -> None:
    """The first, although the second was known first."""
    key = world.ask("abc")
    world.lateness = RULES.settle + timedelta(minutes=3)
    world.kill("reply.after-send")
    world.lateness = timedelta(0)
    for _ in range(4):
        world.wait(minutes=16)
        world.tick()
    first, second = world.posted()[str(key)]
    assert (REFERENCE, REPEATS) == (first.text, second.text)
    summary: Any = world.summaries[str(key)]
    assert (first.ts, True, first.ts) == (world.record(key).reply, world.record(key).saved, summary["outcome"]["reply"])


def test_a_second_reply_that_cannot_be_edited_is_left_to_the_owner(world: World) -> None:
    """It is told of, and not tried for ever."""
    key = world.ask("abc")
    for _ in range(2):
        world.say(REFERENCE, BOT_USER, thread_ts=key.ts, bot=BOT, marker=_reply_marker(key))
    refusal = PostRefused("Slack allows no edit of it.", retry=False)
    world.fail("amend", refusal, times=2)
    for _ in range(4):
        world.tick()
        world.wait(minutes=16)
    assert "answered" == world.record(key).status
    second = world.address(replace(key, ts=world.visible()[-1].ts), key)
    assert [
        spoiled(world, key, REPEATS),
        f"{second} could not be edited: {refusal} Delete it by hand.",
    ] == world.told()


def test_a_second_reply_in_a_thread_is_told_with_the_address_of_that_thread(world: World) -> None:
    """The request is a reply itself. It is edited in the same tick, and looked at once more."""
    top = world.say("good morning")
    key = world.ask("abc", thread_ts=top.ts, subtype="thread_broadcast")
    for _ in range(2):
        world.say(REFERENCE, BOT_USER, thread_ts=top.ts, bot=BOT, marker=_reply_marker(key))
    report = world.tick()
    assert [REFERENCE, REPEATS] == [m.text for m in world.visible() if m.marker]
    assert (0, 0, True) == (report.posted, world.record(key).posts, world.record(key).doubled)
    (text,) = world.told()
    assert text.endswith(world.address(replace(key, ts=world.visible()[-1].ts), top))


def test_a_second_reply_whose_edit_failed_is_edited_later(world: World) -> None:
    """The request has ended; that there is something to repair is remembered with it."""
    key = world.ask("abc")
    for _ in range(2):
        world.say(REFERENCE, BOT_USER, thread_ts=key.ts, bot=BOT, marker=_reply_marker(key))
    world.fail("amend", SILENCE)
    world.tick()
    assert [REFERENCE, REFERENCE] == world.replies(key)
    world.wait(minutes=16)
    world.fail("amend", PostRefused("Slack limits our rate.", retry=True))
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
    assert text.startswith(
        f"I could not answer {world.address(second)}\n"
        f"• The same SQL is credited by another request: {world.address(first)}\n"
        "  If it is to be credited again, run `creditbot retry --again` with the address of this request.\n"
    )


def test_a_reply_that_may_be_there_credits_its_sql(world: World) -> None:
    """Until the thread has shown that it is not, and whatever the summaries say."""
    first = world.ask("abc")
    world.fail("reply", SILENCE)
    world.tick()
    second = world.ask("abc")
    world.tick()
    assert ("posting", "dead") == (world.record(first).status, world.record(second).status)


def test_an_answer_credits_its_sql_also_when_its_summary_is_gone(world: World) -> None:
    """The state knows."""
    world.ask("abc")
    world.tick()
    world.summaries.clear()
    second = world.ask("abc")
    world.tick()
    assert [] == world.replies(second)


@pytest.mark.parametrize("forgotten", [False, True], ids=["in the state", "in the summaries"])
def test_the_same_sql_is_free_when_more_than_duplicate_days_have_passed_to_the_moment(forgotten: bool) -> None:
    """By the time of the answer."""
    world = World()
    rules = replace(RULES, duplicates=timedelta(days=1))
    first = world.ask("abc")
    world.tick()
    if forgotten:
        forget(world, first)
    else:
        world.summaries.clear()
    world.wait(days=1)
    second = world.ask("abc")
    world.tick(rules=rules)
    assert [] == world.replies(second)
    world.wait(seconds=0.001)
    third = world.ask("abc")
    world.tick(rules=rules)
    assert [REFERENCE] == world.replies(third)


def forget(world: World, key: RequestKey) -> None:
    """A request that is not read any more, and that the state does not know any more."""
    assert world.values
    del world.values[str(key)]
    world.version += 1
    world.delete(key)


def test_sql_that_was_credited_long_ago_does_not_hide_that_it_was_credited_again(world: World) -> None:
    """Each request that credited it is looked at."""
    rules = replace(RULES, duplicates=timedelta(days=1))
    first = world.ask("abc")
    world.tick(rules=rules)
    world.wait(days=1, hours=1)
    second = world.ask("abc")
    world.tick(rules=rules)
    assert [REFERENCE] == world.replies(second)
    forget(world, first)
    forget(world, second)
    third = world.ask("abc")
    world.tick(rules=rules)
    assert [] == world.replies(third)


def test_a_request_whose_own_summary_is_lost_is_posted_all_the_same(world: World) -> None:
    """The result is in the state."""
    key = world.ask("abc")
    world.kill("thread.before-read")
    world.summaries.clear()
    world.wait(minutes=31)
    world.tick()
    assert [REFERENCE] == world.replies(key)


def test_what_a_person_answered_says_in_its_summary_what_was_asked(world: World) -> None:
    """Nothing was computed for it."""
    key = world.ask("abc")
    world.say("Approved, $1.00", PERSON, thread_ts=key.ts)
    world.tick()
    summary: Any = world.summaries[str(key)]
    assert ("elsewhere", True) == (summary["outcome"]["status"], "qid=abc" in summary["request"]["text"])


@pytest.mark.parametrize("status", ["answered", "elsewhere"])
def test_a_look_that_finds_no_reply_of_ours_changes_none(world: World, status: Status) -> None:
    """A person has deleted it, or answered when our post was on its way and never came."""
    key = world.ask("abc")
    world.fail("reply", SILENCE, times=1)
    world.tick()
    if status == "elsewhere":
        world.say("Approved, $1.00", PERSON, thread_ts=key.ts)
    world.wait(minutes=16)
    world.tick()
    record = world.record(key)
    assert (status, True) == (record.status, bool(record.reply))
    world.messages = [m for m in world.visible() if not m.marker]
    world.wait(minutes=16)
    world.tick()
    assert (record.reply, record.checked + 1) == (world.record(key).reply, world.record(key).checked)


def test_what_a_request_computed_itself_is_nobody_elses(world: World) -> None:
    """Its own summary names the same SQL; that of another one which comes after it counts."""
    first = world.ask("abc")
    world.kill("thread.before-read")
    second = world.ask("abc")
    world.tick()
    assert [REFERENCE] == world.replies(second)
    forget(world, second)
    world.wait(minutes=31)
    world.tick()
    assert "dead" == world.record(first).status
    assert world.address(second) in world.told()[0]


def test_a_request_that_was_answered_in_a_state_that_is_gone_is_no_duplicate_of_itself(world: World) -> None:
    """A copy of the state was put back, and somebody has deleted the reply."""
    key = world.ask("abc")
    world.kill("thread.before-read")
    copy = dict(world.values or {})
    world.wait(minutes=31)
    world.tick()
    world.messages = [m for m in world.messages if not m.marker]
    world.values, world.version = copy, world.version + 1
    world.tick()
    assert [REFERENCE] == world.replies(key)


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
    world.retry(second)
    world.tick()
    assert [] == world.replies(second)
    assert 2 == len(world.told())
    world.retry(second, again="dana@laptop")
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
    world.retry(third, again="dana@laptop")
    world.amid("notebook", lambda: world.edit(third, f"<https://{HOST}/explore/m/v?qid=def>"))
    world.tick()
    assert [] == world.replies(third)
    assert 2 == len(world.told())


def test_two_workers_with_the_same_sql_at_once_credit_it_once(world: World) -> None:
    """The swap to posting is what decides, on the very state that it is written to."""
    first, second = world.ask("abc"), world.ask("abc")

    def run(tick: Tick, effect: str) -> None:
        world.amid(effect, tick.pause)
        world.tick()

    ticks = [Tick(partial(run, effect=effect)) for effect in ("credited", "load")]
    for tick in ticks:  # each has looked into the summaries, also into that of the other, and has not swapped yet
        assert not tick.go_on()
    assert "computed" == world.summaries[str(first)]["outcome"]["status"]  # type: ignore[index]
    assert [True, True] == [tick.go_on() for tick in ticks]
    assert ([REFERENCE], []) == (world.replies(first), world.replies(second))
    (text,) = world.told()
    assert f"The same SQL is credited by another request: {world.address(first)}\n" in text


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


@pytest.mark.parametrize("arrives", [True, False])
@pytest.mark.parametrize("harm", ["damaged", "lost"])
def test_sql_that_may_have_been_answered_when_a_state_was_lost_waits_until_that_shows(
    world: World, harm: str, arrives: bool
) -> None:
    """A later request that no hold concerns is not credited what an earlier one may have been."""
    world.lateness = timedelta(minutes=10)
    first = world.ask("abc")
    world.fail("reply", SILENCE, after=arrives)
    world.tick()
    lose(world, first if harm == "damaged" else None)
    world.tick()
    world.wait(minutes=1)
    second = world.ask("abc")
    world.tick()
    record = world.record(second)
    assert ([], "computed") == (world.replies(second), record.status)
    assert f"The same SQL may be credited by another request: {world.address(first)} It is" in record.reason
    for _ in range(9):
        world.wait(minutes=4)
        world.tick()
    assert ([REFERENCE], []) == (world.replies(first), world.replies(second))
    assert ("answered", "dead") == (world.record(first).status, world.record(second).status)
    assert 2 == len(world.told())


@pytest.mark.parametrize("by", ["us", "a person"])
@pytest.mark.parametrize("broadcast", [False, True])
def test_sql_that_was_answered_before_a_state_was_lost_is_credited_before_its_request_is_looked_at(
    world: World, by: str, broadcast: bool
) -> None:
    """After the hold its thread says so, and who has claimed it may be slower."""
    first = world.say("morning") if broadcast else world.ask("abc")
    thread = first
    if broadcast:
        first = world.ask("abc", thread_ts=thread.ts, subtype="thread_broadcast")
    world.kill("reply.before-send")
    if by == "us":
        world.say(REFERENCE, BOT_USER, thread_ts=thread.ts, bot=BOT, marker=_reply_marker(first))
    else:
        world.say("Approved, $1.00", PERSON, thread_ts=thread.ts)
    lose(world, first)
    world.tick()
    second = world.ask("abc")
    world.wait(minutes=16)
    slow = stopped(world, "thread.before-read")
    world.tick()
    assert world.record(first).status in ("claimed", "computed")
    assert "dead" == world.record(second).status
    slow.go_on()
    assert world.record(first).status in ("answered", "elsewhere")


@pytest.mark.parametrize("why", ["unclear", "forged", "refused"])
def test_where_the_thread_of_a_lost_request_does_not_decide_its_sql_is_left_to_people(world: World, why: str) -> None:
    """The owner gets the addresses of both."""
    first = world.ask("abc")
    world.kill("reply.before-send")
    if why == "forged":
        world.say(REFERENCE, PERSON, thread_ts=first.ts, marker=_reply_marker(first))
    elif why == "unclear":
        world.ask("def", thread_ts=first.ts, subtype="thread_broadcast")
        for amount in ("$1", "$2"):
            world.say(f"Approved, {amount}", PERSON, thread_ts=first.ts)
    drop(world, first)
    world.wait(minutes=1)
    second = world.ask("abc")
    if why == "refused":
        world.amid("thread", lambda: world.fail("thread", Refused("Slack", "Slack refuses it: not_in_channel.")))
    world.tick()
    assert ([], "dead") == (world.replies(second), world.record(second).status)
    reason = "Slack refuses it: not_in_channel." if why == "refused" else "Its thread does not say"
    assert f"The same SQL may be credited by another request: {world.address(first)} {reason}" in world.told()[0]
    assert (
        "\n  Look at both threads; credit by hand, or run `creditbot retry --again` with the address of this request.\n"
    ) in world.told()[0]


def test_sql_that_a_lost_request_was_answered_for_is_free_when_more_than_duplicate_days_have_passed() -> None:
    """To the moment, from when it was computed."""
    world = World()
    rules = replace(RULES, duplicates=timedelta(days=1))
    first = world.ask("abc")
    world.kill("thread.before-read")
    world.say("Approved, $1.00", PERSON, thread_ts=first.ts)
    drop(world, first)
    world.wait(days=1)
    second = world.ask("abc")
    world.tick(rules=rules)
    assert "dead" == world.record(second).status
    world.wait(seconds=0.001)
    third = world.ask("abc")
    world.tick(rules=rules)
    assert [REFERENCE] == world.replies(third)


def test_the_sql_of_a_request_that_a_person_answered_is_credited_when_the_state_has_forgotten_it() -> None:
    """Its summary says so."""
    world = World()
    first = world.ask("abc")
    world.kill("thread.before-read")
    world.say("Approved, $1.00", PERSON, thread_ts=first.ts)
    world.wait(minutes=31)
    world.tick()
    assert "elsewhere" == world.record(first).status
    forget(world, first)
    second = world.ask("abc")
    world.tick()
    assert [] == world.replies(second)
    assert world.address(first) in world.told()[0]


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
