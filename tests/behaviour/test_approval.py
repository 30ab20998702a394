"""Amounts that a person decides on: who is asked, whose votes count, and what is posted then."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest

from creditbot.decide.policy import Band, Limits, Policy
from creditbot.errors import SLACK, PostUnknown, Refused, Unreachable
from creditbot.model import RequestKey
from tests.support.large_amount import LARGE, LARGE_REPLY, under
from tests.support.world import World
from tests.support.world_facts import BOT_USER, HOST, OWNER, PERSON

ROSA, SAM = "U0ROSA", "U0SAM"


def test_a_large_amount_is_held_and_not_posted(world: World, held: RequestKey) -> None:
    assert ("held", []) == (world.record(held).status, world.replies(held))


def test_the_approvers_are_asked_once(world: World, held: RequestKey) -> None:
    world.ticks(3)
    assert 1 == len(world.visible_asks())


def test_the_question_says_who_asks_for_what_and_why(world: World, held: RequestKey) -> None:
    (question,) = world.questions()
    assert question.text == (
        f"A credit of $30,000.00 waits for a decision: {world.address(held)}\n"
        f"Asked by @{PERSON}: “please credit https://{HOST}/explore/m/v?qid=big”\n"
        "For verify: AC-big, any day\n"
        "Why it waits:\n"
        "• The amount of $30,000.00 is above the limit of $25,000.00 for one request.\n"
        f"Yes (✅ or 👍 on this message): I will reply “{LARGE_REPLY}” once.\n"
        "No (❌ or 👎): I will not reply, and somebody has to answer by hand.\n"
        f"Who decides: @{OWNER}.\n"
        "Without a decision before 2026-01-11 12:00 UTC the request ends as denied.\n"
        f"Evidence: https://evidence.example.com/{held}.html\n"
        f"Approval digest of exactly what you decide on: {world.record(held).hold.digest[:12]}"  # type: ignore[union-attr]
    )


@pytest.mark.parametrize("emoji", ["white_check_mark", "+1", "+1::skin-tone-2", "+1::skin-tone-6", "thumbsup"])
def test_a_yes_of_an_approver_posts_the_amount(world: World, held: RequestKey, emoji: str) -> None:
    world.react(emoji)
    world.tick()
    assert ("answered", [LARGE_REPLY]) == (world.record(held).status, world.replies(held))


@pytest.mark.parametrize("emoji", ["x", "-1", "-1::skin-tone-4", "thumbsdown"])
def test_a_no_of_an_approver_ends_the_request(world: World, held: RequestKey, emoji: str) -> None:
    world.react(emoji)
    world.tick()
    assert ("denied", []) == (world.record(held).status, world.replies(held))
    assert world.told()[0].startswith(f"I have not answered {world.address(held)}: @{OWNER} denied it.")


@pytest.mark.parametrize("emoji", ["eyes", "tada", "heavy_plus_sign", "white_check_mark_button"])
def test_any_other_emoji_decides_nothing(world: World, held: RequestKey, emoji: str) -> None:
    world.react(emoji)
    world.tick()
    assert "held" == world.record(held).status


@pytest.mark.parametrize("user", [PERSON, "U0STRANGER", BOT_USER], ids=["who asked", "a stranger", "the bot"])
def test_a_vote_that_does_not_count_decides_nothing(world: World, user: str) -> None:
    policy = under(Policy(approvers=(OWNER, PERSON, BOT_USER)))
    world.amounts["big"] = LARGE
    key = world.ask("big")
    world.tick(**policy)
    world.react("+1", user)
    world.tick(**policy)
    assert "held" == world.record(key).status


def test_no_vote_of_a_stranger_stops_an_approval(world: World, held: RequestKey) -> None:
    world.react("x", "U0STRANGER")
    world.react("+1")
    world.tick()
    assert "answered" == world.record(held).status


def test_a_yes_and_a_no_decide_nothing_and_are_told_once(world: World) -> None:
    policy = under(Policy(approvers=(ROSA, SAM)))
    world.amounts["big"] = LARGE
    key = world.ask("big")
    world.tick(**policy)
    world.react("+1", ROSA)
    world.react("x", SAM)
    world.ticks(3, **policy)
    assert ("held", []) == (world.record(key).status, world.replies(key))
    assert [f"@{ROSA} said yes and @{SAM} said no to {world.address(key)}"] == [
        m.text.partition(",")[0] for m in world.asks[1:]
    ]


def test_a_no_that_is_taken_back_lets_a_yes_count(world: World) -> None:
    policy = under(Policy(approvers=(ROSA, SAM)))
    world.amounts["big"] = LARGE
    key = world.ask("big")
    world.tick(**policy)
    world.react("+1", ROSA, question=0)
    world.react("x", SAM, question=0)
    world.tick(**policy)
    world.react("x", SAM, question=0, remove=True)
    world.tick(**policy)
    assert [LARGE_REPLY] == world.replies(key)


def test_a_quorum_counts_distinct_people(world: World) -> None:
    policy = under(Policy(approvers=(ROSA, SAM), bands=(Band(Decimal(1000), 2),)))
    world.amounts["big"] = LARGE
    key = world.ask("big")
    world.tick(**policy)
    world.react("+1", ROSA)
    world.react("+1::skin-tone-3", ROSA)
    world.react("white_check_mark", ROSA)
    world.tick(**policy)
    assert "held" == world.record(key).status
    world.react("+1", SAM)
    world.tick(**policy)
    assert [LARGE_REPLY] == world.replies(key)


def test_a_hold_that_nobody_decides_on_ends_as_denied(world: World, held: RequestKey) -> None:
    world.wait(hours=72)
    world.tick()
    assert "denied" == world.record(held).status
    assert "Nobody decided on it before 2026-01-11 12:00 UTC." == world.record(held).reason


def test_a_yes_just_before_the_end_of_the_time_counts(world: World, held: RequestKey) -> None:
    hold = world.record(held).hold
    assert hold
    world.react("+1")
    world.now = hold.until - timedelta(seconds=10)
    world.tick()
    assert [LARGE_REPLY] == world.replies(held)


def test_an_open_hold_costs_one_call_to_slack(world: World, held: RequestKey) -> None:
    world.counted()
    world.tick()
    assert {"history": 1, "votes": 1, "state-read": 1} == dict(world.counted())


def test_a_vote_that_is_taken_back_before_the_post_does_not_count(world: World, held: RequestKey) -> None:
    world.react("+1")
    world.amid("votes", lambda: world.react("+1", remove=True))
    world.tick()
    assert ("held", []) == (world.record(held).status, world.replies(held))


def test_an_edit_of_the_words_voids_the_approval(world: World, held: RequestKey) -> None:
    """The links are the same, so nothing is computed again."""
    world.react("+1")
    world.edit(held, f"please credit quickly <https://{HOST}/explore/m/v?qid=big>")
    world.tick()
    assert ("held", []) == (world.record(held).status, world.replies(held))
    assert world.runs == ["big"]
    assert 1 == len(world.questions())
    assert "quickly" in world.questions()[0].text


def test_a_void_question_is_struck_through(world: World, held: RequestKey) -> None:
    world.edit(held, f"please credit quickly <https://{HOST}/explore/m/v?qid=big>")
    world.tick()
    old = world.asks[0].text.splitlines()
    assert old[0].startswith("This question is void")
    assert all(line.startswith("~") and line.endswith("~") for line in old[1:])


def test_a_vote_on_a_void_question_does_not_count(world: World, held: RequestKey) -> None:
    world.edit(held, f"please credit quickly <https://{HOST}/explore/m/v?qid=big>")
    world.tick()
    world.react("+1", question=0)
    world.tick()
    assert ("held", []) == (world.record(held).status, world.replies(held))


def test_an_edit_of_the_links_computes_again_and_asks_again(world: World, held: RequestKey) -> None:
    world.amounts["bigger"] = Decimal("40000.00")
    world.react("+1")
    world.edit(held, f"please credit <https://{HOST}/explore/m/v?qid=bigger>")
    world.tick()
    assert ("held", []) == (world.record(held).status, world.replies(held))
    world.react("+1")
    world.tick()
    assert ["Approved, $40,000.00, exceptions"] == world.replies(held)


def test_an_edit_to_a_small_amount_needs_no_approval(world: World, held: RequestKey) -> None:
    world.edit(held, f"please credit <https://{HOST}/explore/m/v?qid=small>")
    world.tick()
    assert ["Approved, $4,948.80, exceptions"] == world.replies(held)
    assert [] == world.questions()


def test_another_policy_asks_again(world: World, held: RequestKey) -> None:
    world.react("+1")
    stricter = under(Policy(Limits(request=Decimal(20_000)), approvers=(OWNER,)))
    world.tick(**stricter)
    assert ("held", []) == (world.record(held).status, world.replies(held))
    assert ["above the limit of $20,000.00"] == [q.text[q.text.index("above") :][:29] for q in world.questions()]


def test_a_policy_that_allows_the_amount_posts_it(world: World, held: RequestKey) -> None:
    world.tick(**under(Policy(Limits(request=Decimal(50_000)), approvers=(OWNER,))))
    assert [LARGE_REPLY] == world.replies(held)
    assert [] == world.questions()


def test_an_approved_question_says_what_came_of_it(world: World, held: RequestKey) -> None:
    world.react("+1")
    world.tick()
    assert f"Approved by @{OWNER}, and answered: {world.address(held)}" == world.asks[0].text.splitlines()[0]


def test_the_summary_keeps_who_approved_what_and_when(world: World, held: RequestKey) -> None:
    hold = world.record(held).hold
    assert hold
    world.step = timedelta(0)
    seen = f"{world.now:%Y-%m-%dT%H:%M:%S}.{world.now.microsecond // 1000:03}Z"
    world.react("+1")
    world.tick()
    kept = world.summary(held)["outcome"]["approval"]
    assert hold.digest == kept["digest"]
    assert ["The amount of $30,000.00 is above the limit of $25,000.00 for one request."] == [
        reason["text"] for reason in kept["reasons"]
    ]
    assert [{"by": OWNER, "vote": "yes", "first_seen": seen}] == kept["votes"]


def test_the_summary_of_a_held_request_keeps_the_amount_apart(world: World, held: RequestKey) -> None:
    summary = world.summary(held)
    assert (None, LARGE, "held") == (summary["credit_amount"], summary["computed_amount"], summary["outcome"]["status"])


def test_a_person_who_answers_a_held_request_ends_it(world: World, held: RequestKey) -> None:
    world.say("Approved, $30,000.00", "U0BOSS", thread_ts=held.ts)
    world.tick()
    assert "elsewhere" == world.record(held).status
    assert [] == world.questions()


def test_a_held_request_that_is_deleted_is_not_posted(world: World, held: RequestKey) -> None:
    world.wait(minutes=16)
    world.delete(held)
    world.react("+1")
    world.tick()
    assert ("withdrawn", []) == (world.record(held).status, world.replies(held))


def test_a_question_of_unknown_outcome_is_asked_once(world: World) -> None:
    world.amounts["big"] = LARGE
    key = world.ask("big")
    world.fail("ask", PostUnknown("Slack did not answer."), after=True)
    world.ticks(3)
    assert 1 == len(world.asks)
    world.react("+1")
    world.tick()
    assert [LARGE_REPLY] == world.replies(key)


@pytest.mark.parametrize("copy", [min, max], ids=["the late one", "the one asked again"])
def test_votes_on_either_copy_of_a_question_count(world: World, copy: Callable[[list[str]], str]) -> None:
    """One that landed late was taken for lost and asked again, so that it stands there twice."""
    world.amounts["big"] = LARGE
    key = world.ask("big")
    world.lateness = timedelta(minutes=40)
    world.fail("ask", PostUnknown("Slack did not answer."), after=True)
    world.tick()
    world.lateness = timedelta(0)
    world.wait(minutes=16)
    world.tick()
    world.wait(minutes=30)
    assert 2 == len(world.questions())
    ts = copy([question.ts for question in world.questions()])
    world.react("+1", question=[m.ts for m in world.asks].index(ts))
    world.tick()
    assert [LARGE_REPLY] == world.replies(key)
    assert [] == world.questions()


def test_a_lost_state_finds_the_question_and_its_votes(world: World, held: RequestKey) -> None:
    world.react("+1")
    world.lose()
    world.ticks(3)
    assert [LARGE_REPLY] == world.replies(held)
    assert 1 == len(world.asks)


def test_an_approval_that_crashes_before_the_post_is_posted_once(world: World, held: RequestKey) -> None:
    world.react("+1")
    world.kill("reply.before-send")
    world.ticks(3)
    assert [LARGE_REPLY] == world.replies(held)


def test_a_yes_taken_back_after_a_crash_posts_nothing(world: World, held: RequestKey) -> None:
    world.react("+1")
    world.kill("reply.before-send")
    world.react("+1", remove=True)
    world.react("x")
    world.ticks(3)
    assert ("denied", []) == (world.record(held).status, world.replies(held))


def test_two_ticks_at_once_post_an_approved_amount_once(world: World, held: RequestKey) -> None:
    world.react("+1")
    world.amid("votes", world.tick)
    world.tick()
    assert [LARGE_REPLY] == world.replies(held)


def test_a_retry_of_a_denied_request_asks_again(world: World, held: RequestKey) -> None:
    world.react("x")
    world.tick()
    world.retry(held)
    world.tick()
    assert "held" == world.record(held).status
    world.react("+1")
    world.tick()
    assert [LARGE_REPLY] == world.replies(held)


def test_a_day_limit_holds_what_would_exceed_it(world: World) -> None:
    policy = under(Policy(Limits(day=Decimal(6000)), approvers=(OWNER,)))
    first, second = world.ask("abc"), world.ask("def")
    world.tick(**policy)
    assert ["answered", "held"] == [world.record(key).status for key in (first, second)]


def test_of_two_workers_at_once_one_is_held_by_a_day_limit(world: World) -> None:
    policy = under(Policy(Limits(day=Decimal(6000)), approvers=(OWNER,)))
    first, second = world.ask("abc"), world.ask("def")
    world.amid("thread", lambda: None)
    world.tick(at_once=2, **policy)
    assert ["answered", "held"] == sorted(world.record(key).status for key in (first, second))


def test_the_limit_of_yesterday_does_not_hold_today(world: World) -> None:
    policy = under(Policy(Limits(day=Decimal(6000)), approvers=(OWNER,)))
    world.ask("abc")
    world.tick(**policy)
    world.wait(hours=12)
    second = world.ask("def")
    world.tick(**policy)
    assert "answered" == world.record(second).status


def test_an_approval_does_not_cover_a_reason_that_came_later(world: World, held: RequestKey) -> None:
    """The approvers were asked about the amount, and not about the limit of the day."""
    policy = under(Policy(Limits(request=Decimal(10_000), day=Decimal(31_000)), approvers=(OWNER,)))
    world.tick(**policy)
    world.ask("abc")
    world.tick(**policy)
    world.react("+1")
    world.tick(**policy)
    assert ("held", []) == (world.record(held).status, world.replies(held))
    assert "above the limit of $31,000.00" in world.questions()[0].text


def test_a_question_that_was_deleted_is_told_to_the_owner_once(world: World, held: RequestKey) -> None:
    world.visible_asks().clear()
    world.ticks(3)
    assert "held" == world.record(held).status
    assert [f"The question to the approvers about {world.address(held)} was deleted"] == [
        text.partition(",")[0] for text in world.told()
    ]


def test_a_question_that_was_never_sent_is_no_deleted_one(world: World) -> None:
    world.amounts["big"] = LARGE
    key = world.ask("big")
    world.fail("ask", Unreachable(SLACK, "Slack does not answer."), times=9)
    world.ticks(4)
    assert ("held", 0) == (world.record(key).status, world.counted()["votes"])
    assert [] == [text for text in world.told() if "was deleted" in text]


def test_a_question_that_is_not_visible_yet_is_no_deleted_one(world: World) -> None:
    world.amounts["big"] = LARGE
    world.ask("big")
    world.lateness = timedelta(minutes=10)
    world.tick()
    world.wait(minutes=5)
    world.tick()
    assert [] == world.told()


def test_votes_that_cannot_be_read_are_an_error_of_the_tick(world: World, held: RequestKey) -> None:
    world.react("+1")
    world.fail("votes", Refused(SLACK, "The bot may not see who reacted.", "Add the scope."))
    report = world.tick()
    assert ["The bot may not see who reacted. Add the scope."] == report.errors
    assert "held" == world.record(held).status
    world.tick()
    assert [LARGE_REPLY] == world.replies(held)


@pytest.mark.parametrize("asked_again", [False, True])
def test_a_hold_by_a_day_limit_ends_as_denied_like_any_other(world: World, asked_again: bool) -> None:
    """Each day is a reason of its own, but it gives nobody more time."""
    policy = under(Policy(Limits(request=None, day=Decimal(20_000)), approvers=(OWNER,)))
    world.amounts["big"] = LARGE
    key = world.ask("big")
    world.tick(**policy)
    if asked_again:
        world.wait(hours=24)
        world.react("+1")
        world.ticks(2, **policy)
        assert 2 == len(world.asks)
    world.wait(hours=72)
    world.ticks(2, **policy)
    assert ("denied", []) == (world.record(key).status, world.replies(key))
    assert world.told()[0].startswith(f"I have not answered {world.address(key)}: Nobody decided on it before")
