"""What people write below a request, or in it, before the bot has answered: it may hold the request."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from creditbot.answer.thread_words import MOST_WORDS
from creditbot.decide.policy import Policy, Talkers
from creditbot.intake.thread import NO_REACTIONS
from creditbot.model import RequestKey
from tests.behaviour.failures import SILENCE
from tests.support.world import World
from tests.support.world_facts import BOT_USER, OWNER, PERSON, REFERENCE, Outcome, explore_link, ruled

BOSS, SAM = "U0BOSS", "U0SAM"
EXACT = "Approved, $812.40, exceptions"


def talk(of: Talkers, *approvers: str) -> dict[str, Any]:
    """Ticks under a policy about plain talk."""
    return {"rules": ruled(policy=Policy(approvers=approvers or (OWNER,), talk=of))}


def reasons(world: World, key: RequestKey) -> list[str]:
    hold = world.record(key).hold
    return [reason.text for reason in hold.reasons] if hold else []


def say(world: World, key: RequestKey, text: str, user: str = BOSS) -> RequestKey:
    return world.say(text, user, thread_ts=key.ts)


@pytest.fixture
def odd(world: World) -> RequestKey:
    """A request that is held, because a colleague wrote that it looks odd."""
    key = world.ask("abc")
    say(world, key, "looks odd")
    world.tick()
    world.wait(minutes=5)
    return key


# -- words of others ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("meanwhile", [False, True], ids=["before the bot", "while the notebook runs"])
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Denied, do not credit", f"@{BOSS} wrote in the thread: “Denied, do not credit”."),
        ("hold on", f"@{BOSS} wrote in the thread: “hold on”."),
        ("looks odd", f"@{BOSS} wrote in the thread: “looks odd”."),
        ("any update?", f"@{BOSS} wrote in the thread: “any update?”"),
        ("", f"@{BOSS} wrote in the thread: a message without text."),
        ("Approved", f"@{BOSS} wrote what may be an answer: “Approved”."),
        ("Approved? I see $5,000", f"@{BOSS} wrote what may be an answer: “Approved? I see $5,000”."),
    ],
)
def test_any_word_of_another_person_holds_a_request(world: World, text: str, reason: str, meanwhile: bool) -> None:
    """The amount is computed, nothing is posted, and the approvers read who wrote what."""
    key = world.ask("abc")
    if meanwhile:
        world.amid("notebook", lambda: say(world, key, text))
    else:
        say(world, key, text)
    world.ticks(2)
    assert Outcome("held", replies=[text], runs=["abc"]) == world.outcome(key)
    assert [reason] == reasons(world, key)
    (question,) = world.questions()
    assert f"• {reason}" in question.text


def test_a_yes_posts_below_the_words(world: World, odd: RequestKey) -> None:
    world.react("+1")
    world.tick()
    assert ["looks odd", REFERENCE] == world.replies(odd)


def test_a_no_posts_nothing_below_the_words(world: World, odd: RequestKey) -> None:
    world.react("x")
    world.tick()
    assert ("denied", ["looks odd"]) == (world.record(odd).status, world.replies(odd))


def test_a_retry_says_that_a_person_has_looked(world: World) -> None:
    """Only what is written after it holds the request again."""
    key = world.ask("abc")
    say(world, key, "Denied")
    world.tick()
    world.react("x")
    world.tick()
    world.wait(minutes=5)
    world.retry(key)
    world.tick()
    assert ["Denied", REFERENCE] == world.replies(key)


def test_an_answer_of_a_person_ends_what_words_hold(world: World, odd: RequestKey) -> None:
    say(world, odd, EXACT)
    world.tick()
    assert ("elsewhere", ["looks odd", EXACT]) == (world.record(odd).status, world.replies(odd))
    assert [] == world.questions()


def test_words_that_were_edited_are_asked_about_again(world: World) -> None:
    """They said something else when the approver said yes."""
    key = world.ask("abc")
    words = say(world, key, "looks odd")
    world.tick()
    world.edit(words, "Denied")
    world.react("+1")
    world.tick()
    assert ("held", ["Denied"]) == (world.record(key).status, world.replies(key))
    assert [f"@{BOSS} wrote in the thread: “Denied”."] == reasons(world, key)


def test_words_that_were_deleted_still_wait_for_the_approvers(world: World) -> None:
    """They were asked, so they decide."""
    key = world.ask("abc")
    words = say(world, key, "looks odd")
    world.tick()
    world.delete(words)
    world.ticks(2)
    assert ("held", []) == (world.record(key).status, world.replies(key))
    world.react("+1")
    world.tick()
    assert [REFERENCE] == world.replies(key)


def test_what_bots_say_holds_nothing(world: World) -> None:
    key = world.ask("abc")
    world.say("Denied", None, bot="B0ALERTS", thread_ts=key.ts)
    world.tick()
    assert ["Denied", REFERENCE] == world.replies(key)


def test_talk_after_the_reply_changes_nothing(world: World) -> None:
    key = world.ask("abc")
    world.tick()
    say(world, key, "looks odd")
    world.ticks(3)
    assert Outcome("answered", replies=[REFERENCE, "looks odd"], runs=["abc"]) == world.outcome(key)


def test_talk_about_an_earlier_request_of_the_thread_holds_only_that(world: World) -> None:
    first = world.ask("abc")
    say(world, first, "looks odd")
    second = world.broadcast(first, "def")
    world.tick()
    assert ["held", "answered"] == [world.record(key).status for key in (first, second)]


def test_many_words_are_counted(world: World) -> None:
    """The question stays short; a "no" comes first."""
    key = world.ask("abc")
    for number in range(MOST_WORDS + 2):
        say(world, key, f"word {number}")
    say(world, key, "Denied")
    world.tick()
    texts = reasons(world, key)
    assert MOST_WORDS + 1 == len(texts)
    assert f"@{BOSS} wrote in the thread: “Denied”." == texts[0]
    assert "There are 3 more messages in the thread." == texts[-1]


def test_long_words_are_cut_in_the_question(world: World) -> None:
    key = world.ask("abc")
    say(world, key, "odd " * 200)
    world.tick()
    (reason,) = reasons(world, key)
    assert len(reason) < 300


# -- reactions on the request ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("emoji", ["x", "-1::skin-tone-4", "no_entry_sign", "woman-gesturing-no"])
@pytest.mark.parametrize("user", [BOSS, PERSON])
def test_a_no_as_a_reaction_on_the_request_holds_it(world: World, emoji: str, user: str) -> None:
    """Of another person, and of the person who asked, who takes the request back with it. No policy lets it pass."""
    key = world.ask("abc")
    world.react_to(key, emoji, user)
    world.tick(**talk("nobody"))
    assert ("held", []) == (world.record(key).status, world.replies(key))
    who = "The person who asked takes the request back" if user == PERSON else f"@{user} says no to the request"
    shown = NO_REACTIONS[emoji.partition("::")[0]]
    assert [f"{who}, by a reaction on it: {shown}."] == reasons(world, key)
    (question,) = world.questions()
    assert reasons(world, key)[0] in question.text


def test_a_reaction_while_the_notebook_runs_is_read_before_the_post(world: World) -> None:
    key = world.ask("abc")
    world.amid("notebook", lambda: world.react_to(key, "x", BOSS))
    world.tick()
    assert ("held", []) == (world.record(key).status, world.replies(key))


def test_a_reaction_that_is_taken_back_before_the_post_holds_nothing(world: World) -> None:
    key = world.ask("abc")
    world.react_to(key, "x", BOSS)
    world.amid("notebook", lambda: world.react_to(key, "x", BOSS, remove=True))
    world.tick()
    assert [REFERENCE] == world.replies(key)


@pytest.mark.parametrize(("emoji", "user"), [("eyes", OWNER), ("+1", BOSS), ("raised_hand", BOT_USER), ("x", BOT_USER)])
def test_other_reactions_and_our_own_hold_nothing(world: World, emoji: str, user: str) -> None:
    """Somebody who looks has not spoken, and our own reactions are signs."""
    key = world.ask("abc")
    world.react_to(key, emoji, user)
    world.tick()
    assert [REFERENCE] == world.replies(key)


def test_a_reaction_after_the_reply_changes_nothing(world: World) -> None:
    key = world.ask("abc")
    world.tick()
    world.react_to(key, "x", BOSS)
    world.ticks(3)
    assert Outcome("answered", replies=[REFERENCE], runs=["abc"]) == world.outcome(key)


def test_a_yes_posts_although_the_no_still_stands(world: World) -> None:
    """The approvers were shown it. A second emoji of the same person is nothing new, a second person is."""
    key = world.ask("abc")
    world.react_to(key, "x", BOSS)
    world.tick()
    world.react_to(key, "-1", BOSS)
    world.react_to(key, "-1", SAM)
    world.react("+1")
    world.tick()
    assert ("held", 2) == (world.record(key).status, len(world.visible_asks()))
    says = "says no to the request, by a reaction on it"
    assert [f"@{BOSS} {says}: ❌ 👎.", f"@{SAM} {says}: 👎."] == reasons(world, key)
    world.react("+1")
    world.tick()
    assert [REFERENCE] == world.replies(key)


def test_a_retry_does_not_settle_a_reaction(world: World) -> None:
    """Nobody knows whether it is from before: a reaction carries no time."""
    key = world.ask("abc")
    world.react_to(key, "x", BOSS)
    world.tick()
    world.react("x")
    world.tick()
    world.retry(key)
    world.tick()
    assert ("held", []) == (world.record(key).status, world.replies(key))
    world.react("+1")
    world.tick()
    assert [REFERENCE] == world.replies(key)


def test_a_reaction_above_a_reply_that_got_lost_leaves_it_to_people(world: World) -> None:
    key = world.ask_and_fail("reply", SILENCE)
    world.react_to(key, "x", BOSS)
    world.ticks(3)
    assert Outcome("given_up", told=1, runs=["abc"]) == world.outcome(key)


# -- words while a request is held -------------------------------------------------------------------------------------


def test_talk_about_a_held_request_asks_nobody_again(world: World, odd: RequestKey) -> None:
    """A thread in which people discuss a hold would void one question after the other."""
    for text in ("why?", "the dates"):
        say(world, odd, text)
        world.tick()
    assert 1 == len(world.visible_asks())


def test_a_yes_before_talk_was_shown_asks_once_more(world: World, odd: RequestKey) -> None:
    """The approvers may not have read it. The new question has all of it."""
    say(world, odd, "the dates are wrong I think")
    world.react("+1")
    world.ticks(2)
    assert ("held", 2) == (world.record(odd).status, len(world.visible_asks()))
    assert "the dates are wrong I think" in world.questions()[0].text
    world.react("+1")
    world.tick()
    assert REFERENCE == world.replies(odd)[-1]


def test_the_talk_of_an_approver_who_says_yes_asks_nobody(world: World, odd: RequestKey) -> None:
    """Approvers know what they wrote."""
    say(world, odd, "fine for me, I looked at it", OWNER)
    world.react("+1")
    world.tick()
    assert ["looks odd", "fine for me, I looked at it", REFERENCE] == world.replies(odd)


def test_a_persons_no_on_a_held_request_asks_again_at_once(world: World, odd: RequestKey) -> None:
    """Whatever the approvers say before they have read it. The hold does not last longer for it."""
    hold = world.record(odd).hold
    assert hold
    say(world, odd, "Denied, do not credit")
    world.react("+1")
    world.tick()
    assert ("held", 2) == (world.record(odd).status, len(world.visible_asks()))
    again = world.record(odd).hold
    assert again
    assert (hold.until, f"@{BOSS} wrote in the thread: “Denied, do not credit”.") == (
        again.until, again.reasons[0].text,
    )  # fmt: skip


def test_a_no_of_an_approver_who_said_yes_is_asked_about(world: World, odd: RequestKey) -> None:
    say(world, odd, "Denied", OWNER)
    world.react("+1")
    world.tick()
    assert "held" == world.record(odd).status


def test_words_before_a_large_amount_are_reasons_of_one_question(world: World) -> None:
    world.amounts["big"] = Decimal("30000.00")
    key = world.ask("big")
    say(world, key, "looks odd")
    world.tick()
    assert 2 == len(reasons(world, key))
    assert 1 == len(world.visible_asks())


# -- words while the outcome of a post is unknown ----------------------------------------------------------------------


@pytest.mark.parametrize("text", ["Denied, do not credit", "looks odd"])
def test_words_below_a_reply_that_got_lost_leave_it_to_people(world: World, text: str) -> None:
    """Nothing is posted below them: the first post may still appear."""
    key = world.ask_and_fail("reply", SILENCE)
    say(world, key, text)
    world.ticks(3)
    assert Outcome("given_up", replies=[text], told=1, runs=["abc"]) == world.outcome(key)
    said = f"somebody wrote or reacted there. @{BOSS} wrote in the thread: “{text}”."
    assert f"{said} Look at the thread and credit by hand." in " ".join(world.told()[0].split())


def test_approved_words_do_not_stop_a_second_try(world: World, odd: RequestKey) -> None:
    world.react("+1")
    world.fail("reply", SILENCE)
    world.ticks(3)
    assert ["looks odd", REFERENCE] == world.replies(odd)


# -- words of the person who asked -------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["please ignore", "wait", "don't", "wrong link", "Please ignore this, wrong account"])
def test_who_asked_may_take_the_request_back_in_the_thread(world: World, text: str) -> None:
    key = world.ask("abc")
    say(world, key, text, PERSON)
    world.ticks(2)
    assert Outcome("held", replies=[text], runs=["abc"]) == world.outcome(key)
    assert [f"The person who asked takes the request back: “{text}”."] == reasons(world, key)


@pytest.mark.parametrize("words", ["Edit: please ignore", "wait", "Don't credit this yet", "Sorry, wrong link."])
@pytest.mark.parametrize("edited", [False, True])
def test_who_asked_may_take_the_request_back_in_the_message(world: World, words: str, edited: bool) -> None:
    """From the beginning, or by an edit while the notebook runs."""
    text = f"please credit {explore_link('abc')}\n{words}"
    if edited:
        key = world.ask("abc")
        world.amid("notebook", lambda: world.edit(key, text))
    else:
        key = world.say(text)
    world.ticks(2)
    assert ("held", []) == (world.record(key).status, world.replies(key))
    assert ["The message itself takes the request back."] == reasons(world, key)


@pytest.mark.parametrize("text", ["it is urgent", "Approved by my manager, up to $5,000", "approved", "thanks!"])
def test_other_words_of_who_asked_hold_nothing(world: World, text: str) -> None:
    """Nobody answers the own request."""
    key = world.ask("abc")
    say(world, key, text, PERSON)
    world.tick()
    assert Outcome("answered", replies=[text, REFERENCE], runs=["abc"]) == world.outcome(key)


def test_an_answer_by_who_asked_is_none(world: World) -> None:
    """But two answers in one thread may be paid twice, so the approvers are asked."""
    key = world.ask("abc")
    say(world, key, EXACT, PERSON)
    world.tick()
    assert ("held", [EXACT]) == (world.record(key).status, world.replies(key))
    assert [f"The person who asked wrote what may be an answer: “{EXACT}”."] == reasons(world, key)


def test_another_amount_by_who_asked_is_told(world: World) -> None:
    key = world.ask("abc")
    world.tick()
    say(world, key, EXACT, PERSON)
    world.ticks(2)
    (text,) = world.told()
    assert "names $812.40, but I answered $4,948.80" in text


# -- what the policy says ----------------------------------------------------------------------------------------------


def test_a_policy_may_let_talk_pass(world: World) -> None:
    key = world.ask("abc")
    say(world, key, "looks odd")
    world.tick(**talk("nobody"))
    assert ["looks odd", REFERENCE] == world.replies(key)


@pytest.mark.parametrize("text", ["Denied", "hold on", "Approved", "Approved? I see $5,000"])
def test_no_policy_lets_a_no_pass(world: World, text: str) -> None:
    key = world.ask("abc")
    say(world, key, text)
    world.tick(**talk("nobody"))
    assert ("held", [text]) == (world.record(key).status, world.replies(key))


@pytest.mark.parametrize(("user", "status"), [(SAM, "held"), (BOSS, "answered")])
def test_a_policy_may_listen_to_approvers_only(world: World, user: str, status: str) -> None:
    key = world.ask("abc")
    say(world, key, "looks odd", user)
    world.tick(**talk("approvers", OWNER, SAM))
    assert status == world.record(key).status


# -- our reply is deleted ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("in_a_thread", [False, True])
@pytest.mark.parametrize("minutes", [0, 20, 600])
def test_a_deleted_reply_is_told_and_not_posted_again(world: World, in_a_thread: bool, minutes: int) -> None:
    """Whoever deleted it may have meant that there is no credit."""
    key = world.broadcast(world.say("morning"), "abc") if in_a_thread else world.ask("abc")
    world.tick()
    world.wait(minutes=minutes)
    world.delete(world.posted_key(key))
    world.ticks(8, minutes=200)
    assert [] == [m for m in world.messages if m.user == BOT_USER]
    (text,) = world.told()
    assert "was deleted. I will not post it again." in text
