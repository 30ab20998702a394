"""What the owner reads, word for word, and that each message is sent once.

Other tests of this folder count the owner's messages or look for a few words; the sentences are held here.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from creditbot.errors import PostRefused
from creditbot.intake.thread import REPEATS
from creditbot.model import RequestKey
from tests.behaviour.failures import LOOKER_DOWN, NOTEBOOK_FAILED, SILENCE
from tests.support.points import Point
from tests.support.world import HOST, PERSON, RULES, World, short_link

WHAT_TO_DO = "When that is fixed, edit the message or run `creditbot retry` with its address. Or answer by hand."


def in_thread(world: World, request: RequestKey, thread: RequestKey | None = None) -> str:
    """The address of the last message of a request's thread."""
    return world.address(replace(request, ts=world.visible()[-1].ts), thread or request)


# -- a request that could not be answered ------------------------------------------------------------------------------


def test_the_owner_reads_which_link_failed_why_and_what_to_do(world: World) -> None:
    key = world.ask("abc")
    world.fail("notebook", NOTEBOOK_FAILED)
    world.tick()
    (text,) = world.told()
    assert text == (
        f"I could not answer {world.address(key)}\n"
        f"• https://{HOST}/explore/m/v?qid=abc\n"
        "  The notebook raised KeyError.\n"
        "  Open it.\n"
        f"{WHAT_TO_DO}"
    )


def test_the_owner_does_not_read_of_links_that_worked(world: World) -> None:
    key = world.ask("abc", "gone")
    world.tick()
    (text,) = world.told()
    assert text == (
        f"I could not answer {world.address(key)}\n"
        f"• https://{HOST}/explore/m/v?qid=gone\n"
        "  The query gone does not exist.\n"
        "  Share the link again.\n"
        f"{WHAT_TO_DO}"
    )


def test_the_owner_reads_of_a_request_that_killed_every_process(world: World) -> None:
    key = world.ask("abc")
    for _ in range(RULES.attempts):
        world.kill("looker.before-read")
        world.wait(minutes=31)
    world.tick()
    (text,) = world.told()
    assert text == (
        f"I could not answer {world.address(key)}\n"
        "• Given up after 3 attempts: the process was killed each time.\n"
        "  Check memory limits, job deadlines and the log.\n"
        f"{WHAT_TO_DO}"
    )


def test_the_owner_reads_the_address_that_names_the_thread_of_a_reply(world: World) -> None:
    """Slack opens a reply only by that; the summary keeps the same one."""
    top = world.say("good morning")
    key = world.broadcast(top, "gone")
    world.tick()
    (text,) = world.told()
    assert f"I could not answer {world.address(key, top)}\n" in text
    assert world.summary(key)["request"]["permalink"] == world.address(key, top)
    assert world.summary(key)["request"]["author"] == PERSON


# -- an outage ---------------------------------------------------------------------------------------------------------


def test_the_owner_reads_what_keeps_all_requests_waiting(world: World) -> None:
    world.ask("abc")
    world.fail("looker", LOOKER_DOWN)
    world.tick()
    assert world.told() == ["Requests are on hold; I will keep trying: Looker is down. It is tried again."]


# -- an edit after the answer ------------------------------------------------------------------------------------------


def test_the_owner_reads_of_links_that_changed_after_the_answer(world: World) -> None:
    top = world.say("morning")
    key = world.broadcast(top, "abc")
    world.tick()
    world.edit(key, short_link("def"))
    world.tick()
    (text,) = world.told()
    assert text == (
        f"{world.address(key, top)} was already answered, and its links have changed since. I will not answer "
        "it again. If the new links need a credit, please answer by hand."
    )


# -- a reply of unknown outcome ----------------------------------------------------------------------------------------


def test_the_owner_reads_of_a_reply_that_a_defect_made_uncertain(world: World) -> None:
    key = world.ask("abc")
    world.fail("reply", ZeroDivisionError(), after=True)
    world.tick()
    (text,) = world.told()
    assert text == (
        f"I don't know whether my reply to {world.address(key)} was posted: creditbot has a defect: ZeroDivisionError. "
        "The log has the details. I will check again and repost only if it is definitely not there. If this message is "
        "hours old, please look at the thread."
    )


def test_the_owner_reads_the_thread_of_an_uncertain_reply_in_the_address(world: World) -> None:
    top = world.say("good morning")
    key = world.broadcast(top, "abc")
    world.fail("reply", SILENCE)
    world.tick(rules=replace(RULES, attempts=1))
    (text,) = world.told()
    assert f"I don't know whether my reply to {world.address(key, top)} was posted" in text


def test_the_owner_reads_of_a_reply_that_no_tick_comes_to_an_end_with(world: World) -> None:
    """Before it is tried again, which may end this tick, too."""
    key = world.ask("abc")
    world.kill("reply.before-send")
    world.wait(minutes=46)
    world.kill("thread.before-read")
    (text,) = world.told()
    assert text.startswith(
        f"I don't know whether my reply to {world.address(key)} was posted: No run has been able to finish it yet. "
    )


def test_the_owner_reads_of_a_reply_that_slack_never_shows(world: World) -> None:
    key = world.ask("abc")
    world.fail("reply", SILENCE, times=9)
    world.ticks(4, minutes=15, rules=replace(RULES, lookback=timedelta(minutes=20)))
    (text,) = world.told()
    assert text == (
        f"Please answer {world.address(key)} by hand: Slack never showed the reply, although it was sent 2 times. "
        "Look at the thread first. I have stopped posting. I will close the request once I see an answer in the thread "
        "or the message is deleted."
    )


# -- a reply that should not be there ----------------------------------------------------------------------------------


def spoiled(address: str) -> str:
    """What the owner reads of a second reply."""
    return (
        f'I posted a reply by mistake. I am editing it to say "{REPEATS}" Please check that nobody acted on it: '
        f"{address}"
    )


def test_the_owner_reads_where_a_second_reply_was_edited(world: World) -> None:
    key = world.ask("abc")
    for _ in range(2):
        world.stray_reply(key)
    world.tick()
    assert world.told() == [spoiled(in_thread(world, key))]


def test_the_owner_reads_the_thread_of_a_second_reply_in_the_address(world: World) -> None:
    """The request is a reply itself."""
    top = world.say("good morning")
    key = world.broadcast(top, "abc")
    for _ in range(2):
        world.stray_reply(key, thread=top)
    world.tick()
    assert world.told() == [spoiled(in_thread(world, key, top))]


def test_the_owner_reads_which_reply_to_delete_where_slack_allows_no_edit(world: World) -> None:
    key = world.ask("abc")
    for _ in range(2):
        world.stray_reply(key)
    world.fail("amend", PostRefused("Slack allows no edit of it.", retry=False))
    world.tick()
    second = in_thread(world, key)
    assert world.told() == [
        spoiled(second),
        f"I could not edit {second}: Slack allows no edit of it. Please delete it by hand.",
    ]


# -- a lost state ------------------------------------------------------------------------------------------------------


def test_the_owner_reads_how_long_older_requests_wait_after_a_loss() -> None:
    world = World()
    world.tick()
    world.values, world.damage = {}, "The file was nonsense."
    world.tick()
    (text,) = world.told()
    assert text == (
        f"The file was nonsense. Requests from before now are on hold until {world.now + RULES.settle:%H:%M} UTC and "
        "will then be checked against their threads, so that nothing is answered twice. Please find out what changed "
        "the state."
    )


@pytest.mark.parametrize(("number", "more"), [(1, ""), (5, ""), (6, " and 1 more"), (7, " and 2 more")])
def test_the_owner_reads_the_first_five_records_that_cannot_be_read(world: World, number: int, more: str) -> None:
    """The others are in `corrupt`, too."""
    keys = sorted(str(world.ask("abc")) for _ in range(number))
    for key in keys:
        world.vandalise(key)
    world.tick()
    assert world.told()[0].startswith(
        "These entries of the state could not be read; they are kept under `corrupt`: "
        f"{', '.join(keys[:5])}{more}. Requests from before now"
    )


# -- each is sent once -------------------------------------------------------------------------------------------------


def test_a_message_that_may_be_there_is_sent_again_after_the_settle_time(world: World) -> None:
    """Only if the conversation does not show it by then."""
    world.ask("gone")
    world.fail("tell", SILENCE)
    report = world.tick()
    assert len(report.untold) == 1
    world.wait(minutes=14)
    world.tick()
    assert world.told() == []
    world.wait(minutes=1)
    world.tick()
    assert len(world.told()) == 1


def test_a_message_that_may_be_there_and_shows_is_not_sent_again(world: World) -> None:
    world.ask("gone")
    world.fail("tell", SILENCE, after=True)
    world.ticks(4, minutes=16)
    assert len(world.told()) == 1


@pytest.mark.parametrize("point", ["notice.before-send", "notice.after-send"])
def test_a_process_that_dies_around_a_message_leaves_the_owner_with_one(world: World, point: Point) -> None:
    world.ask("gone")
    world.kill(point)
    world.ticks(4, minutes=16)
    assert len(world.told()) == 1
