"""Messages to the owner: each told once, whatever dies in between."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from creditbot.answer.owner import Notices, cause_name, due, failure, failure_text
from creditbot.errors import SLACK, CreditbotError, LinkUnusable, PostRefused, PostUnknown, Unreachable
from creditbot.model import RequestKey
from creditbot.state.ledger import Ledger
from creditbot.state.record import Notice, Record
from tests.support.points import At, nowhere, watched
from tests.support.world import HOST, START, World

SETTLE = timedelta(minutes=15)


@pytest.fixture
def world() -> World:
    return World()


def notices(world: World, at: At = nowhere) -> Notices:
    """Another process."""
    return Notices(world.context(watched(world.ports(), at)))


def deliver(world: World) -> list[str]:
    return notices(world).deliver()


def test_what_is_due_is_told_once(world: World) -> None:
    """By whichever process comes first; and its text is not kept."""
    notices(world).add("n", "Something failed.")
    assert [] == deliver(world) + deliver(world)
    assert ["Something failed."] == world.told()
    (said,) = world.direct
    assert said.marker
    assert ("notice", "n") == (said.marker.kind, said.marker.key)
    assert ("told", "") == (world.state().notices["n"].status, world.state().notices["n"].text)


def test_every_write_of_a_message_has_a_nonce_and_a_time_of_its_own(world: World) -> None:
    """No two processes take one write for another; the settle time counts from the last one."""
    seen: list[Notice] = []

    def look() -> None:
        seen.append(world.state().notices["n"])
        world.wait(seconds=10)

    notices(world).add("n", "text")
    look()
    refusal = PostRefused("Slack limits our rate.", retry=True)
    world.amid("state-write", look)
    world.fail("tell", refusal)
    deliver(world)
    look()
    world.amid("tell", look)
    deliver(world)
    look()
    assert ["due", "telling", "due", "telling", "told"] == [notice.status for notice in seen]
    assert 5 == len({notice.nonce for notice in seen})
    assert [START + timedelta(seconds=seconds) for seconds in (0, 10, 20, 30, 40)] == [notice.at for notice in seen]


def test_nothing_more_is_told_once_the_process_is_asked_to_stop(world: World) -> None:
    """What is due stays due: a later tick tells it."""
    for name in ("first", "second"):
        notices(world).add(name, name)
        world.wait(seconds=1)
    context = world.context()
    world.amid("tell", context.process.stop.ask)
    assert [] == Notices(context).deliver()
    assert ["first"] == world.told()
    deliver(world)
    assert ["first", "second"] == world.told()


def test_a_name_is_told_once(world: World) -> None:
    """Adding it again, before or after it was told, changes nothing."""
    notices(world).add("n", "first")
    notices(world).add("n", "second")
    deliver(world)
    notices(world).add("n", "third")
    deliver(world)
    assert ["first"] == world.told()


def test_messages_are_told_in_the_order_they_became_due(world: World) -> None:
    """As they happened."""
    for name in ("z", "a", "m"):
        notices(world).add(name, name)
        world.wait(seconds=1)
    deliver(world)
    assert ["z", "a", "m"] == world.told()


def test_one_of_unknown_outcome_is_looked_for_when_it_must_have_become_visible(world: World) -> None:
    """There, it is told; nothing is sent before that time."""
    notices(world).add("n", "text")
    world.fail("tell", PostUnknown("Slack did not answer."), after=True)
    assert ["text: Slack did not answer."] == deliver(world)
    world.wait(minutes=14, seconds=59)
    deliver(world)
    assert {"was_told": 0, "tell": 1} == {name: world.calls.count(name) for name in ("was_told", "tell")}
    world.wait(seconds=1)
    deliver(world)
    assert (["text"], "told") == (world.told(), world.state().notices["n"].status)


def test_a_look_takes_its_steps_in_order(world: World) -> None:
    """It is looked for before anything is written."""
    notices(world).add("n", "text")
    world.fail("tell", PostUnknown("Slack did not answer."), after=True)
    deliver(world)
    world.wait(minutes=15)
    process = notices(world, world.calls.append)
    world.calls.clear()
    process.deliver()
    assert world.calls == [
        "notice.before-look", "was_told", "notice.after-look", "state.before-write", "state-write", "state.after-write",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("edited", "retried", "rest", "since"),
    [
        ("", None, "0", START + timedelta(microseconds=1)),
        ("1767873700.000001", None, "1767873700.000001", START + timedelta(microseconds=1)),
        ("", START + timedelta(hours=1), "0.20260108T130000.000000", START + timedelta(hours=1)),
    ],
)
def test_a_failure_has_one_name_for_each_edit_and_each_retry(
    edited: str, retried: datetime | None, rest: str, since: datetime
) -> None:
    """By which it is found in the conversation, also where the state was lost and by a later version."""
    key = RequestKey("T1", "C1", "1767873600.000001")
    dead = Record("given_up", "n", START, edited=edited, retried=retried)
    name, notice = failure(key, dead, "text")
    assert f"{key}.failed.{rest}" == name
    assert ("due", "text", START, since) == (notice.status, notice.text, notice.at, notice.since)


def remembered(world: World, name: str, text: str, since: timedelta) -> None:
    """A notice that a state may have known which was lost, of something that began `since` ago."""
    ports = world.ports()
    Ledger(ports.state).swap_notice(name, None, due(text, world.now, world.now - since))


def test_one_that_may_have_been_told_before_is_looked_for_before_it_is_first_sent(world: World) -> None:
    """With any claim, from then on; one of another name, or from before, is another one."""
    notices(world).add("n", "first")
    deliver(world)
    world.values = {}
    world.version += 1
    world.wait(minutes=1)
    for name, since in (("n", 61), ("m", 61)):
        remembered(world, name, name, timedelta(seconds=since))
    assert [] == deliver(world)
    assert {"n": ("told", ""), "m": ("told", "")} == {
        name: (notice.status, notice.text) for name, notice in world.state().notices.items()
    }
    assert ["first", "m"] == world.told()
    world.values = {}
    world.version += 1
    remembered(world, "n", "n", timedelta(seconds=59))
    deliver(world)
    assert ["first", "m", "n"] == world.told()


def test_one_that_may_have_been_told_before_is_sent_where_that_may_not_be_read(world: World) -> None:
    """Told twice is better than never."""
    world.can_read_direct = False
    remembered(world, "n", "text", timedelta(hours=1))
    assert [] == deliver(world)
    assert ["text"] == world.told()


def test_one_that_may_have_been_told_before_waits_where_nobody_can_say(world: World) -> None:
    """A conversation that cannot be read now is read by the next tick, and what could not be told is reported."""
    remembered(world, "n", "text", timedelta(hours=1))
    world.fail("was_told", Unreachable(SLACK, "Slack is slow."))
    assert ["text: Slack is slow."] == deliver(world)
    assert [] == deliver(world)
    assert ["text"] == world.told()


def test_the_look_before_the_first_send_takes_its_steps_in_order(world: World) -> None:
    """Nothing is written before it is known whether it is to be sent."""
    remembered(world, "n", "text", timedelta(hours=1))
    process = notices(world, world.calls.append)
    world.calls.clear()
    process.deliver()
    assert world.calls == [
        "notice.before-look", "was_told", "notice.after-look",
        "state.before-write", "state-write", "state.after-write",
        "notice.before-send", "tell", "notice.after-send",
        "state.before-write", "state-write", "state.after-write",
    ]  # fmt: skip


def test_one_that_is_not_there_is_sent_again(world: World) -> None:
    """Never none without somebody being told."""
    notices(world).add("n", "text")
    world.fail("tell", PostUnknown("Slack did not answer."))
    deliver(world)
    world.wait(minutes=16)
    assert [] == deliver(world)
    assert ["text"] == world.told()


def test_without_im_history_the_state_alone_says_what_was_told(world: World) -> None:
    """What was told is not told again; one of unknown outcome is, for twice is better than never."""
    world.can_read_direct = False
    notices(world).add("certain", "certain")
    deliver(world)
    notices(world).add("unknown", "unknown")
    world.fail("tell", PostUnknown("Slack did not answer."), after=True)
    for _ in range(4):
        deliver(world)
        world.wait(minutes=16)
    assert ["certain", "unknown", "unknown"] == world.told()


def test_the_name_of_a_cause_is_one_that_a_configmap_takes() -> None:
    """Whatever a notebook is called; what a ConfigMap does not take cannot be told either."""
    assert "cause.the-notebook-cr-dit-ipynb" == cause_name("the notebook Crédit.ipynb")


def test_of_very_many_links_the_owner_reads_some() -> None:
    """Any member can write a message of hundreds."""
    problems = [(f"https://{HOST}/x/{n}", LinkUnusable("It is gone.", "")) for n in range(13)]
    text = failure_text("https://acme.slack.com/1", problems)
    points = [line[2:] for line in text.splitlines() if line.startswith("•")]
    assert [f"https://{HOST}/x/9", "and 3 more links"] == points[-2:]
    assert "more" not in failure_text("https://acme.slack.com/1", problems[:10])


def test_one_that_slack_refuses_stays_due_and_is_reported_each_time(world: World) -> None:
    """The tick that could not tell it fails."""
    notices(world).add("n", "text\nmore")
    world.fail("tell", PostRefused("The owner has left.", "Set SLACK_USER_ID.", retry=False), times=2)
    assert ["text: The owner has left. Set SLACK_USER_ID."] == deliver(world)
    assert "due" == world.state().notices["n"].status
    assert 1 == len(deliver(world))
    assert [] == deliver(world)
    assert ["text\nmore"] == world.told()


def test_another_process_that_tells_it_is_left_alone(world: World) -> None:
    """Who loses the swap does not send."""
    notices(world).add("n", "text")
    first = notices(world)
    notices(world).add("later", "more")
    second = notices(world)
    assert [] == first.deliver() + second.deliver()
    assert ["text", "more"] == world.told()


def test_one_that_the_store_keeps_too_long_is_not_sent(world: World) -> None:
    """Between the swap and the send no more than 30 s may go by."""
    notices(world).add("n", "text")
    world.amid("state-write", lambda: world.wait(seconds=31))
    assert ["text: The state store answers too slowly to tell the owner safely."] == deliver(world)
    assert [] == world.told()
    world.wait(minutes=16)
    world.amid("state-write", lambda: world.wait(seconds=30))
    deliver(world)
    assert ["text"] == world.told()


def test_a_cause_that_is_over_can_be_told_again(world: World) -> None:
    """Once it was told; one that waits to be told stays."""
    name = cause_name("Looker")
    notices(world).add(name, "down")
    notices(world).over("Looker")
    deliver(world)
    notices(world).over("Looker")
    assert name not in world.state().notices
    notices(world).over("Looker")
    notices(world).add(name, "down again")
    deliver(world)
    assert ["down", "down again"] == world.told()


def test_a_cause_that_another_process_has_told_of_anew_is_left_to_it(world: World) -> None:
    """Who says that it is over says so of the one it knows."""
    name = cause_name("Looker")
    notices(world).add(name, "down")
    deliver(world)
    late = notices(world)
    notices(world).over("Looker")
    notices(world).add(name, "down again")
    late.over("Looker")
    assert "due" == world.state().notices[name].status


def test_a_cause_told_of_an_hour_ago_is_not_taken_for_the_one_of_now(world: World) -> None:
    """The marker has a claim."""
    for answer_lost in (False, True):
        notices(world).add(cause_name("Looker"), "down")
        if answer_lost:
            world.fail("tell", PostUnknown("Slack did not answer."))
        deliver(world)
        world.wait(minutes=16)
        deliver(world)
        notices(world).over("Looker")
    assert ["down", "down"] == world.told()


def test_the_name_of_a_cause_can_be_a_key() -> None:
    """Of a ConfigMap."""
    assert "cause.the-state-store" == cause_name("the state store")


def test_a_failure_says_where_which_link_what_and_what_to_do() -> None:
    """And what the reader can do in any case."""
    text = failure_text(
        "https://acme.slack.com/archives/C1/p1",
        [("https://acme.looker.com/x/a", LinkUnusable("There is no query a.", "Share it again.")),
         ("", CreditbotError("The thread is unclear."))],
    )  # fmt: skip
    assert [
        "I could not answer https://acme.slack.com/archives/C1/p1",
        "• https://acme.looker.com/x/a",
        "  There is no query a.",
        "  Share it again.",
        "• The thread is unclear.",
    ] == text.splitlines()[:5]
    assert "creditbot retry" in text


def test_a_due_notice_keeps_when_it_became_due() -> None:
    """It is told in that order."""
    assert ("due", START, "x") == (due("x", START).status, due("x", START).at, due("x", START).text)
