"""How long approvers have, and what a request that waits for them costs and keeps."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from creditbot.decide.policy import Limits, Policy
from creditbot.model import RequestKey
from creditbot.state.record import Hold
from tests.support.large_amount import LARGE, LARGE_REPLY, under
from tests.support.world import World
from tests.support.world_facts import HOST, OWNER

IDLE = {"history": 1, "votes": 1, "state-read": 1}


def hold_of(world: World, key: RequestKey) -> Hold:
    hold = world.record(key).hold
    assert hold
    return hold


def edit(world: World, key: RequestKey) -> None:
    """The words change, and the links do not."""
    world.edit(key, f"please credit quickly <https://{HOST}/explore/m/v?qid=big>")


# -- how long ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("voted", [True, False])
def test_a_hold_ends_at_the_very_moment_that_the_question_names(world: World, held: RequestKey, voted: bool) -> None:
    if voted:
        world.react("+1")
    world.step = timedelta(0)
    world.now = hold_of(world, held).until
    world.tick()
    assert ("denied", []) == (world.record(held).status, world.replies(held))


def test_approvers_of_an_edited_request_have_all_of_the_time_again(world: World, held: RequestKey) -> None:
    before = hold_of(world, held).until
    edit(world, held)
    world.tick()
    assert timedelta(minutes=5) <= hold_of(world, held).until - before


def test_another_reason_gives_nobody_more_time(world: World) -> None:
    """Each day of a limit is a reason of its own."""
    policy = under(Policy(Limits(request=None, day=Decimal(20_000)), approvers=(OWNER,)))
    world.amounts["big"] = LARGE
    key = world.ask("big")
    world.tick(**policy)
    before = hold_of(world, key).until
    world.wait(hours=24)
    world.react("+1")
    world.ticks(2, **policy)
    assert (2, before) == (len(world.asks), hold_of(world, key).until)


def test_talk_gives_nobody_more_time(world: World, held: RequestKey) -> None:
    before = hold_of(world, held).until
    world.say("looks odd", "U0BOSS", thread_ts=held.ts)
    world.react("+1")
    world.ticks(2)
    assert (2, before) == (len(world.asks), hold_of(world, held).until)


# -- what it costs and keeps -------------------------------------------------------------------------------------------


def calls_of_a_later_tick(world: World) -> dict[str, int]:
    """What a tick costs once two ticks have read what people wrote."""
    world.ticks(2)
    world.wait(minutes=5)
    world.counted()
    world.tick()
    return dict(world.counted())


def test_a_hold_costs_one_call_to_slack_whatever_was_written_before(world: World) -> None:
    """The edit and the words are remembered, so the thread is not read for them again."""
    world.amounts["big"] = LARGE
    key = world.ask("big")
    world.say("looks odd", "U0BOSS", thread_ts=key.ts)
    edit(world, key)
    assert IDLE == calls_of_a_later_tick(world)


def test_an_edit_of_a_held_request_is_read_once(world: World, held: RequestKey) -> None:
    edit(world, held)
    assert IDLE == calls_of_a_later_tick(world)


def test_votes_that_come_and_go_use_up_no_attempt(world: World, held: RequestKey) -> None:
    """However often a yes is taken back before the post, a later one counts."""
    for _ in range(8):
        world.react("+1")
        world.amid("votes", lambda: world.react("+1", remove=True))
        world.tick()
        record = world.record(held)
        assert ("held", 0, None) == (record.status, record.attempts, record.claim)
    world.react("+1")
    world.tick()
    assert [LARGE_REPLY] == world.replies(held)


def test_a_held_request_has_nothing_of_what_went_wrong_before(world: World, held: RequestKey) -> None:
    """It has all of its attempts again, and `creditbot show` names no old failure."""
    record = world.record(held)
    assert (0, 0, None, None, "") == (record.attempts, record.returned, record.claim, record.due, record.reason)


def test_a_yes_taken_back_after_a_crash_waits_for_another(world: World, held: RequestKey) -> None:
    world.react("+1")
    world.kill("reply.before-send")
    world.react("+1", remove=True)
    world.ticks(3)
    assert [] == world.replies(held)
    assert not world.record(held).terminal
    world.react("+1")
    world.ticks(2)
    assert [LARGE_REPLY] == world.replies(held)


def test_a_question_about_a_denied_request_names_its_evidence(world: World, held: RequestKey) -> None:
    world.react("x")
    world.tick()
    assert f"https://evidence.example.com/{held}.html" in world.told()[0]
