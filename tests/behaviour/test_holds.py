"""How long approvers have, and what a request that waits for them costs and keeps."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from creditbot.decide.policy import Limits, Policy, TrafficRules
from creditbot.errors import SLACK, Unreachable
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


def test_an_edit_after_the_time_is_asked_about_and_not_denied(world: World, held: RequestKey) -> None:
    world.wait(hours=72)
    edit(world, held)
    world.tick()
    assert "held" == world.record(held).status
    assert world.now < hold_of(world, held).until


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


@pytest.mark.parametrize("minutes", [0, 40], ids=["at once", "later"])
def test_an_edit_of_a_held_request_is_read_once(world: World, held: RequestKey, minutes: int) -> None:
    edit(world, held)
    world.tick()
    world.wait(minutes=minutes)
    world.counted()
    world.tick()
    assert IDLE == dict(world.counted())


def test_words_that_are_asked_about_again_are_read_once(world: World, held: RequestKey) -> None:
    world.say("Denied, do not credit", "U0BOSS", thread_ts=held.ts)
    world.tick()
    assert 2 == len(world.visible_asks())
    world.counted()
    world.tick()
    assert IDLE == dict(world.counted())


def test_what_an_edit_leaves_of_a_denied_request_stays_denied(world: World, held: RequestKey) -> None:
    """The edit came before the no, and the words are the same."""
    world.edit(held, f"please credit <https://{HOST}/explore/m/v?qid=big>")
    world.react("x")
    world.ticks(3)
    (message,) = (m for m in world.visible() if m.ts == held.ts)
    record = world.record(held)
    assert ("denied", message.edited, None) == (record.status, record.edited, record.claim)
    assert 1 == len(world.asks)


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


def test_a_held_request_has_nothing_of_a_failure_after_it_was_computed(world: World) -> None:
    world.amounts["big"] = LARGE
    key = world.ask("big")
    world.amid("save", lambda: world.fail("thread", Unreachable(SLACK, "Slack does not answer.")))
    world.tick()
    assert "computed" == world.record(key).status
    world.wait(hours=1)
    world.tick()
    record = world.record(key)
    assert ("held", 0, 0, None, None, "") == (
        record.status, record.attempts, record.returned, record.claim, record.due, record.reason,
    )  # fmt: skip


def test_a_yes_taken_back_after_a_crash_waits_for_another(world: World, held: RequestKey) -> None:
    world.react("+1")
    world.kill("reply.before-send")
    world.react("+1", remove=True)
    world.ticks(3)
    assert [] == world.told()
    assert [] == world.replies(held)
    assert not world.record(held).terminal
    world.react("+1")
    world.ticks(2)
    assert [LARGE_REPLY] == world.replies(held)


def test_a_question_about_a_denied_request_names_its_evidence(world: World, held: RequestKey) -> None:
    world.react("x")
    world.tick()
    assert f"https://evidence.example.com/{held}.html" in world.told()[0]


# -- questions of their own --------------------------------------------------------------------------------------------


def test_no_vote_on_a_question_before_a_retry_counts_after_it(world: World, held: RequestKey) -> None:
    """It asked about the same, and could not be closed."""
    world.fail("close", Unreachable(SLACK, "Slack does not answer."), times=99)
    world.react("x")
    world.tick()
    world.retry(held)
    world.ticks(2)
    assert ("held", 2) == (world.record(held).status, len(world.asks))


def test_no_vote_before_an_edit_counts_once_the_words_are_back(world: World, held: RequestKey) -> None:
    """The first question asked about the same words, and could not be closed."""
    world.fail("close", Unreachable(SLACK, "Slack does not answer."), times=99)
    edit(world, held)
    world.tick()
    world.wait(minutes=5)
    world.react("+1", question=0)
    world.edit(held, f"please credit <https://{HOST}/explore/m/v?qid=big>")
    world.ticks(2)
    assert ("held", 3) == (world.record(held).status, len(world.asks))


# -- what people are told ----------------------------------------------------------------------------------------------

ROSA, SAM, TIM, UMA = "U0ROSA", "U0SAM", "U0TIM", "U0UMA"
FOUR = under(Policy(approvers=(ROSA, SAM, TIM, UMA)))


@pytest.fixture
def below(world: World) -> tuple[RequestKey, str]:
    """A held request below a thread that four may decide on, and its address."""
    world.amounts["big"] = LARGE
    top = world.say("a thread about something else")
    key = world.broadcast(top, "big")
    world.tick(**FOUR)
    assert "held" == world.record(key).status
    return key, world.address(key, thread=top)


def test_a_question_names_the_address_below_a_thread(world: World, below: tuple[RequestKey, str]) -> None:
    assert f"A credit of $30,000.00 waits for a decision: {below[1]}" == world.visible_asks()[0].text.splitlines()[0]


def test_all_who_denied_it_are_named_with_the_address(world: World, below: tuple[RequestKey, str]) -> None:
    world.react("x", ROSA)
    world.react("x", SAM)
    world.tick(**FOUR)
    assert world.told()[0].startswith(f"I have not answered {below[1]}: @{ROSA}, @{SAM} denied it.")


def test_all_who_contest_it_are_named_with_the_address(world: World, below: tuple[RequestKey, str]) -> None:
    for emoji, user in (("+1", ROSA), ("+1", SAM), ("x", TIM), ("x", UMA)):
        world.react(emoji, user)
    world.ticks(2, **FOUR)
    said = f"@{ROSA}, @{SAM} said yes and @{TIM}, @{UMA} said no to {below[1]}, so nothing happens."
    assert world.visible_asks()[-1].text.startswith(said)


def test_a_deleted_question_is_told_with_the_address(world: World, below: tuple[RequestKey, str]) -> None:
    world.visible_asks().clear()
    world.ticks(3, **FOUR)
    assert world.told()[0].startswith(f"The question to the approvers about {below[1]} was deleted")


def test_a_denial_is_told_once_although_the_state_is_lost(world: World, held: RequestKey) -> None:
    world.react("x")
    world.tick()
    world.lose()
    world.ticks(3)
    world.react("x")
    world.ticks(2)
    assert "denied" == world.record(held).status
    assert 1 == len([text for text in world.told() if text.startswith("I have not answered")])


# -- writes ------------------------------------------------------------------------------------------------------------


def test_a_request_that_no_longer_needs_approval_says_since_when(world: World, held: RequestKey) -> None:
    before = world.record(held).at
    policy = under(Policy(Limits(request=Decimal(50_000)), approvers=(OWNER,)))
    world.kill("thread.before-read", 2, **policy)
    assert "computed" == world.record(held).status
    assert before < world.record(held).at


def test_a_limit_that_another_process_uses_up_meanwhile_holds_a_request(world: World) -> None:
    """The write that allows the post checks the limits on the very state that it changes."""
    policy = under(Policy(Limits(day=Decimal(6000)), approvers=(OWNER,), traffic=TrafficRules(hold_overlap=False)))
    first, others = world.ask("abc"), list[RequestKey]()

    def meanwhile() -> None:
        others.append(world.ask("def"))
        world.tick(**policy)

    world.amid("credited", lambda: None)
    world.amid("credited", meanwhile)
    world.ticks(2, **policy)
    assert ["held", "answered"] == [world.record(key).status for key in (first, *others)]
