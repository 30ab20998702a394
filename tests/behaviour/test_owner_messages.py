"""What the owner reads: what each message is about, where that is, and that each is sent once.

The sentences themselves stand in tests/sentences.txt, as they are sent in the situations of tests/situations.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from creditbot.answer.owner import GATHER
from creditbot.errors import PostRefused
from creditbot.intake.thread import REPEATS
from creditbot.model import RequestKey
from tests.behaviour.failures import ARCHIVED, DISK_FULL, LOOKER_DOWN, NOTEBOOK_FAILED, SILENCE
from tests.sentences import LIST, as_sent
from tests.situations import SITUATIONS, Stage, play
from tests.support.points import Point
from tests.support.world import World
from tests.support.world_facts import HOST, PERSON, RULES, short_link


def the_message(world: World) -> str:
    """The only message that the owner got."""
    (text,) = world.told()
    return text


def last_of_thread(world: World, request: RequestKey, thread: RequestKey | None = None) -> str:
    """The address of the last message of a request's thread."""
    return world.address(replace(request, ts=world.visible()[-1].ts), thread or request)


# -- word for word -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.__name__)
def test_people_read_what_the_list_of_sentences_shows(situation: Callable[[Stage], None]) -> None:
    """After a change of prose, `make sentences` writes the list."""
    title = str(situation.__doc__).partition("\n")[0]
    example = LIST.read_text(encoding="utf-8").partition(f"\n\n{title}\n")[2].partition("\n\n")[0]
    assert [f"    {line}" for line in as_sent(play(situation))] == example.splitlines()


# -- a request that could not be answered ------------------------------------------------------------------------------


def test_the_owner_reads_which_link_failed_why_and_what_to_do(world: World) -> None:
    key = world.ask_and_fail("notebook", NOTEBOOK_FAILED)
    request, _, _, link, what, todo, page, _ = the_message(world).splitlines()
    assert request.endswith(world.address(key))
    assert link == f"• https://{HOST}/explore/m/v?qid=abc"
    assert what == f"  {NOTEBOOK_FAILED.what}"
    assert todo == f"  {NOTEBOOK_FAILED.todo}"
    assert page.endswith(f"/{key}.html")


def test_the_owner_does_not_read_of_links_that_worked(world: World) -> None:
    world.ask("abc", "gone")
    world.tick()
    assert [f"• https://{HOST}/explore/m/v?qid=gone"] == [
        line for line in the_message(world).splitlines() if "•" in line
    ]


def test_the_owner_reads_how_often_a_request_killed_its_process(world: World) -> None:
    key = world.ask("abc")
    for _ in range(RULES.attempts):
        world.kill("looker.before-read")
        world.wait(minutes=31)
    world.tick()
    assert world.address(key) in the_message(world)
    assert f"{RULES.attempts} attempts" in the_message(world)


def test_the_owner_reads_the_address_that_names_the_thread_of_a_reply(world: World) -> None:
    """Slack opens a reply only by that address. The summary keeps the same one."""
    top = world.say("good morning")
    key = world.broadcast(top, "gone")
    world.tick()
    assert world.address(key, top) in the_message(world)
    assert world.summary(key)["request"]["permalink"] == world.address(key, top)
    assert world.summary(key)["request"]["author"] == PERSON


def test_the_owner_reads_what_keeps_all_requests_waiting(world: World) -> None:
    world.ask_and_fail("looker", LOOKER_DOWN)
    assert the_message(world).endswith(str(LOOKER_DOWN))


def test_the_owner_reads_where_links_changed_after_the_answer(world: World) -> None:
    top = world.say("morning")
    key = world.broadcast(top, "abc")
    world.tick()
    world.edit(key, short_link("def"))
    world.tick()
    assert world.address(key, top) in the_message(world)


# -- a reply of unknown outcome ----------------------------------------------------------------------------------------


def test_the_owner_reads_which_defect_made_a_reply_uncertain(world: World) -> None:
    key = world.ask_and_fail("reply", ZeroDivisionError(), after=True)
    assert world.address(key) in the_message(world)
    assert "ZeroDivisionError" in the_message(world)


def test_the_owner_reads_the_thread_of_an_uncertain_reply_in_the_address(world: World) -> None:
    top = world.say("good morning")
    key = world.broadcast(top, "abc")
    world.fail("reply", SILENCE)
    world.tick(rules=replace(RULES, attempts=1))
    assert world.address(key, top) in the_message(world)


def test_the_owner_reads_of_an_unfinished_reply_before_it_is_tried_again(world: World) -> None:
    """No tick has finished the reply yet, so it may kill this one, too."""
    key = world.ask("abc")
    world.kill("reply.before-send")
    world.wait(minutes=46)
    world.kill("thread.before-read")
    assert world.address(key) in the_message(world)


def test_the_owner_reads_how_often_a_reply_was_sent_that_slack_never_shows(world: World) -> None:
    key = world.ask("abc")
    world.fail("reply", SILENCE, times=9)
    world.ticks(4, minutes=15, rules=replace(RULES, lookback=timedelta(minutes=20)))
    assert world.address(key) in the_message(world)
    assert "2 times" in the_message(world)


# -- a reply that should not be there ----------------------------------------------------------------------------------


def test_the_owner_reads_where_a_second_reply_was_edited(world: World) -> None:
    key = world.ask("abc")
    for _ in range(2):
        world.stray_reply(key)
    world.tick()
    assert last_of_thread(world, key) in the_message(world)
    assert REPEATS in the_message(world)


def test_the_owner_reads_the_thread_of_a_second_reply_in_the_address(world: World) -> None:
    """The request is a reply itself."""
    top = world.say("good morning")
    key = world.broadcast(top, "abc")
    for _ in range(2):
        world.stray_reply(key, thread=top)
    world.tick()
    assert last_of_thread(world, key, top) in the_message(world)


def test_the_owner_reads_which_reply_to_delete_where_slack_allows_no_edit(world: World) -> None:
    key = world.ask("abc")
    for _ in range(2):
        world.stray_reply(key)
    refusal = PostRefused("Slack allows no edit of it.", retry=False)
    world.fail("amend", refusal)
    world.tick()
    _, text = world.told()
    assert last_of_thread(world, key) in text
    assert str(refusal) in text


# -- a lost state ------------------------------------------------------------------------------------------------------


def test_the_owner_reads_how_long_older_requests_wait_after_a_loss() -> None:
    world = World()
    world.tick()
    world.values, world.damage = {}, "The file was nonsense."
    world.tick()
    assert the_message(world).startswith("The file was nonsense. ")
    assert f"{world.now + RULES.settle:%H:%M} UTC" in the_message(world)


@pytest.mark.parametrize(("number", "more"), [(1, ""), (5, ""), (6, " and 1 more"), (7, " and 2 more")])
def test_the_owner_reads_the_first_five_records_that_cannot_be_read(world: World, number: int, more: str) -> None:
    """The others are only in `corrupt`."""
    keys = sorted(str(world.ask("abc")) for _ in range(number))
    for key in keys:
        world.vandalise(key)
    world.tick()
    assert f": {', '.join(keys[:5])}{more}." in world.told()[0]


# -- each is sent once -------------------------------------------------------------------------------------------------


def test_a_message_that_may_be_there_is_sent_again_after_the_settle_time(world: World) -> None:
    """Only if the conversation does not show it by then."""
    world.ask("gone")
    world.fail("tell", SILENCE)
    report = world.tick()
    assert len(report.untold) == 1
    world.tick_after(minutes=14)
    assert world.told() == []
    world.tick_after(minutes=1)
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


# -- everything told arrives -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at_once", [1, 2])
def test_the_failures_of_one_tick_are_one_message_at_its_end(world: World, at_once: int) -> None:
    """However many requests are worked on at a time."""
    keys = [world.ask(slug) for slug in ("gone1", "abc", "gone2")]
    world.tick(at_once=at_once)
    first, *entries = the_message(world).split("\n\n")
    assert "I could not answer 2 requests." == first
    assert [f"1. {world.address(keys[0])}", f"2. {world.address(keys[2])}"] == [e.splitlines()[0] for e in entries]
    assert "reply" in world.calls[: world.calls.index("tell")]


def test_a_failure_does_not_wait_long_for_the_end_of_a_tick(world: World) -> None:
    """The next request may take as long as it likes."""
    world.ask("gone")
    slow, _ = world.ask("abc"), world.ask("def")
    world.amid("notebook", lambda: world.wait(seconds=GATHER.total_seconds()))
    world.tick()
    replies = [number for number, call in enumerate(world.calls) if call == "reply"]
    assert world.calls.index("tell") < replies[-1]
    assert world.replies(slow)


def test_a_failure_is_told_by_the_next_tick_if_this_one_is_killed(world: World) -> None:
    """Before the request that killed it is tried again."""
    world.ask("gone")
    world.ask("abc")
    world.kill("notebook.before-run")
    assert [] == world.told()
    world.wait(minutes=31)
    world.kill("notebook.before-run")
    assert 1 == len(world.told())


def test_the_owner_reads_who_asked_in_which_words_for_which_account(world: World) -> None:
    """The SQL of the link was read, and its notebook failed."""
    world.ask_and_fail("notebook", NOTEBOOK_FAILED)
    lines = the_message(world).splitlines()
    assert f"Asked by @{PERSON}: “please credit https://{HOST}/explore/m/v?qid=abc”" == lines[1]
    assert "For verify: AC-abc, any day" == lines[2]


def test_the_owner_reads_for_which_account_a_computed_credit_was(world: World) -> None:
    world.ask("abc")
    world.ask("abc")
    world.tick()
    assert "For verify: AC-abc, any day" in the_message(world).splitlines()


def test_a_summary_that_cannot_be_read_leaves_out_the_account(world: World) -> None:
    key = world.ask("abc")

    def refuse(_: str, __: Callable[[], object]) -> None:
        world.fail("load", DISK_FULL, times=9)
        raise ARCHIVED

    world.faults.append((frozenset({"reply"}), refuse))
    world.tick()
    assert world.record(key).status == "given_up"
    assert "For verify" not in the_message(world)
