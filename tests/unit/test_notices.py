"""Messages to the owner: each is told once, whatever dies in between."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from creditbot.answer.owner import GATHER, Notices, cause_name, due, failure
from creditbot.errors import SLACK, PostRefused, PostUnknown, Unreachable
from creditbot.model import RequestKey
from creditbot.state.ledger import Ledger
from creditbot.state.record import Notice, Record
from tests.support.points import At, nowhere, watched
from tests.support.world import World
from tests.support.world_facts import START

SILENCE = PostUnknown("Slack did not answer.")
LOOKER_DOWN = cause_name("Looker")


@pytest.fixture
def world() -> World:
    return World()


def notices(world: World, at: At = nowhere) -> Notices:
    """Those of a process that has just started."""
    return Notices(world.context(watched(world.ports(), at)))


def deliver(world: World) -> list[str]:
    """A new process sends what is due; gives what it could not send."""
    return notices(world).deliver()


def statuses(world: World) -> dict[str, str]:
    return {name: notice.status for name, notice in world.state().notices.items()}


# -- told once ---------------------------------------------------------------------------------------------------------


def test_a_due_message_is_told_once(world: World) -> None:
    """By whichever process comes first."""
    notices(world).add("n", "Something failed.")
    assert deliver(world) == []
    assert deliver(world) == []
    assert world.told() == ["Something failed."]


def test_a_message_that_was_told_does_not_keep_its_text(world: World) -> None:
    """The state has a budget."""
    notices(world).add("n", "Something failed.")
    deliver(world)
    assert world.state().notices["n"].status == "told"
    assert world.state().notices["n"].text == ""


def test_a_message_carries_a_marker_with_its_name(world: World) -> None:
    notices(world).add("n", "Something failed.")
    deliver(world)
    (message,) = world.visible_direct()
    assert message.marker
    assert message.marker.kind == "notice"
    assert message.marker.key == "n"


def test_a_second_message_of_the_same_name_is_not_told(world: World) -> None:
    """Whether it is added before or after the first was told."""
    notices(world).add("n", "first")
    notices(world).add("n", "second")
    deliver(world)
    notices(world).add("n", "third")
    deliver(world)
    assert world.told() == ["first"]


def test_messages_are_told_in_the_order_they_became_due(world: World) -> None:
    for name in ("z", "a", "m"):
        notices(world).add(name, name)
        world.wait(seconds=1)
    deliver(world)
    assert world.told() == ["z", "a", "m"]


def test_every_write_of_a_message_has_a_nonce_and_a_time_of_its_own(world: World) -> None:
    """No two processes take one write for another; the settle time counts from the last one."""
    writes: list[Notice] = []

    def look() -> None:
        writes.append(world.state().notices["n"])
        world.wait(seconds=10)

    notices(world).add("n", "text")
    look()
    world.amid("state-write", look)
    world.fail("tell", PostRefused("Slack limits our rate.", retry=True))
    deliver(world)
    look()
    world.amid("tell", look)
    deliver(world)
    look()
    assert [notice.status for notice in writes] == ["due", "telling", "due", "telling", "told"]
    assert len({notice.nonce for notice in writes}) == 5
    assert [notice.at for notice in writes] == [START + timedelta(seconds=seconds) for seconds in (0, 10, 20, 30, 40)]


def test_a_process_that_has_to_stop_leaves_the_next_message_due(world: World) -> None:
    for name in ("first", "second"):
        notices(world).add(name, name)
        world.wait(seconds=1)
    context = world.context()
    world.amid("tell", context.process.stop.ask)
    assert Notices(context).deliver() == []
    assert world.told() == ["first"]
    deliver(world)
    assert world.told() == ["first", "second"]


def test_two_processes_tell_each_message_once(world: World) -> None:
    """Whoever loses the write does not send."""
    notices(world).add("n", "text")
    first = notices(world)
    notices(world).add("later", "more")
    second = notices(world)
    assert first.deliver() == []
    assert second.deliver() == []
    assert world.told() == ["text", "more"]


def test_a_message_that_slack_refuses_stays_due_and_is_reported_each_time(world: World) -> None:
    """The tick that could not tell it fails; the report has its first line."""
    notices(world).add("n", "text\nmore")
    world.fail("tell", PostRefused("The owner has left.", "Set SLACK_USER_ID.", retry=False), times=2)
    assert deliver(world) == ["text: The owner has left. Set SLACK_USER_ID."]
    assert statuses(world) == {"n": "due"}
    assert len(deliver(world)) == 1
    assert deliver(world) == []
    assert world.told() == ["text\nmore"]


def test_a_message_is_not_sent_more_than_30_s_after_its_write(world: World) -> None:
    """The settle time counts from the write; after it the message is sent."""
    notices(world).add("n", "text")
    world.amid("state-write", lambda: world.wait(seconds=31))
    assert deliver(world) == ["text: The state store answers too slowly to send a message safely."]
    assert world.told() == []
    world.wait(minutes=16)
    world.amid("state-write", lambda: world.wait(seconds=30))
    deliver(world)
    assert world.told() == ["text"]


# -- of unknown outcome ------------------------------------------------------------------------------------------------


def test_a_message_of_unknown_outcome_is_looked_for_when_it_must_show(world: World) -> None:
    """Nothing is sent or looked for before; there, it is told."""
    notices(world).add("n", "text")
    world.fail("tell", SILENCE, after=True)
    assert deliver(world) == ["text: Slack did not answer."]
    world.wait(minutes=14, seconds=59)
    deliver(world)
    assert world.calls.count("was_told") == 0
    world.wait(seconds=1)
    deliver(world)
    assert world.calls.count("tell") == 1
    assert world.told() == ["text"]
    assert statuses(world) == {"n": "told"}


def test_a_message_of_unknown_outcome_that_does_not_show_is_sent_again(world: World) -> None:
    notices(world).add("n", "text")
    world.fail("tell", SILENCE)
    deliver(world)
    world.wait(minutes=16)
    assert deliver(world) == []
    assert world.told() == ["text"]


def test_a_message_is_looked_for_before_anything_is_written(world: World) -> None:
    notices(world).add("n", "text")
    world.fail("tell", SILENCE, after=True)
    deliver(world)
    world.wait(minutes=15)
    process = notices(world, world.calls.append)
    world.calls.clear()
    process.deliver()
    assert world.calls == [
        "notice.before-look", "was_told", "notice.after-look", "state.before-write", "state-write", "state.after-write",
    ]  # fmt: skip


def test_without_im_history_a_message_of_unknown_outcome_is_sent_twice(world: World) -> None:
    """Twice is better than never; one that Slack has confirmed is known by the state alone."""
    world.can_read_direct = False
    notices(world).add("certain", "certain")
    deliver(world)
    notices(world).add("unknown", "unknown")
    world.fail("tell", SILENCE, after=True)
    for _ in range(4):
        deliver(world)
        world.wait(minutes=16)
    assert world.told() == ["certain", "unknown", "unknown"]


# -- told before the state was lost, perhaps ---------------------------------------------------------------------------


def remember(world: World, name: str, began: timedelta) -> None:
    """A message that a lost state may have known, of something that began that long ago."""
    Ledger(world.ports().state).swap_notice(name, None, due(name, world.now, world.now - began))


def test_a_message_that_a_lost_state_may_have_known_is_looked_for_first(world: World) -> None:
    """Whichever posting of it is there; one of another name is another message."""
    notices(world).add("n", "first")
    deliver(world)
    world.lose()
    world.wait(minutes=1)
    remember(world, "n", timedelta(seconds=61))
    remember(world, "m", timedelta(seconds=61))
    assert deliver(world) == []
    assert statuses(world) == {"n": "told", "m": "told"}
    assert {notice.text for notice in world.state().notices.values()} == {""}
    assert world.told() == ["first", "m"]


def test_a_message_from_before_what_it_would_be_about_is_another_one(world: World) -> None:
    notices(world).add("n", "first")
    deliver(world)
    world.lose()
    world.wait(minutes=1)
    remember(world, "n", timedelta(seconds=59))
    deliver(world)
    assert world.told() == ["first", "n"]


def test_a_message_that_may_be_known_is_sent_where_nobody_may_look(world: World) -> None:
    """Told twice is better than never."""
    world.can_read_direct = False
    remember(world, "n", timedelta(hours=1))
    assert deliver(world) == []
    assert world.told() == ["n"]


def test_a_message_that_may_be_known_waits_while_slack_is_slow(world: World) -> None:
    """What could not be told is reported; the next tick looks again."""
    remember(world, "n", timedelta(hours=1))
    world.fail("was_told", Unreachable(SLACK, "Slack is slow."))
    assert deliver(world) == ["n: Slack is slow."]
    assert world.told() == []
    assert deliver(world) == []
    assert world.told() == ["n"]


def test_the_look_before_the_first_send_takes_its_steps_in_order(world: World) -> None:
    """Nothing is written before the bot knows whether the message must be sent."""
    remember(world, "n", timedelta(hours=1))
    process = notices(world, world.calls.append)
    world.calls.clear()
    process.deliver()
    assert world.calls == [
        "notice.before-look", "was_told", "notice.after-look",
        "state.before-write", "state-write", "state.after-write",
        "notice.before-send", "tell", "notice.after-send",
        "state.before-write", "state-write", "state.after-write",
    ]  # fmt: skip


# -- outages -----------------------------------------------------------------------------------------------------------


def test_an_outage_that_is_over_can_be_told_again(world: World) -> None:
    """But for one whose message still waits to be told: that one stays."""
    notices(world).add(LOOKER_DOWN, "down")
    notices(world).over("Looker")
    deliver(world)
    notices(world).over("Looker")
    assert statuses(world) == {}
    notices(world).over("Looker")
    notices(world).add(LOOKER_DOWN, "down again")
    deliver(world)
    assert world.told() == ["down", "down again"]


def test_an_outage_that_another_process_has_met_since_is_not_over(world: World) -> None:
    """Whoever says that it is over says so of the one that it knows."""
    notices(world).add(LOOKER_DOWN, "down")
    deliver(world)
    late = notices(world)
    notices(world).over("Looker")
    notices(world).add(LOOKER_DOWN, "down again")
    late.over("Looker")
    assert statuses(world) == {LOOKER_DOWN: "due"}


def test_the_message_of_an_earlier_outage_does_not_count_for_the_next(world: World) -> None:
    """The marker says which posting a message is of."""
    for answer_lost in (False, True):
        notices(world).add(LOOKER_DOWN, "down")
        if answer_lost:
            world.fail("tell", SILENCE)
        deliver(world)
        world.wait(minutes=16)
        deliver(world)
        notices(world).over("Looker")
    assert world.told() == ["down", "down"]


@pytest.mark.parametrize(
    ("service", "name"),
    [
        ("the state store", "cause.the-state-store"),
        ("the notebook Crédit.ipynb", "cause.the-notebook-cr-dit-ipynb"),
    ],
)
def test_the_name_of_an_outage_can_be_a_key_of_a_configmap(service: str, name: str) -> None:
    assert cause_name(service) == name


# -- several failures --------------------------------------------------------------------------------------------------

FAILED = tuple(f"T0.C0.176787360{number}.000001.failed.0" for number in range(3))


def fail(world: World, *names: str, long: bool = False) -> None:
    for name in names:
        text = f"I could not answer {name}{'x' * 7_000 if long else ''}"
        Ledger(world.ports().state).swap_notice(name, None, due(text, world.now, world.now - timedelta(hours=1)))
        world.wait(seconds=1)


def test_several_failures_are_told_in_one_message(world: World) -> None:
    """Each is marked as told, and the marker names all of them."""
    fail(world, *FAILED)
    assert deliver(world) == []
    (message,) = world.visible_direct()
    one, two, three = FAILED
    assert f"I could not answer 3 requests.\n\n1. {one}\n\n2. {two}\n\n3. {three}" == message.text
    assert message.marker
    assert FAILED == message.marker.keys
    assert dict.fromkeys(FAILED, "told") == statuses(world)


def test_failures_that_one_message_has_no_room_for_get_another_one(world: World) -> None:
    fail(world, *FAILED, long=True)
    deliver(world)
    assert [FAILED[:1], FAILED[1:2], FAILED[2:]] == [m.marker.keys for m in world.visible_direct() if m.marker]


def test_failures_that_were_told_together_before_a_loss_are_found_again(world: World) -> None:
    fail(world, *FAILED)
    deliver(world)
    world.lose()
    fail(world, *FAILED)
    assert deliver(world) == []
    assert 1 == len(world.told())
    assert dict.fromkeys(FAILED, "told") == statuses(world)


def test_a_new_failure_beside_those_that_were_told_is_told_alone(world: World) -> None:
    fail(world, *FAILED[:2])
    deliver(world)
    world.lose()
    fail(world, *FAILED)
    deliver(world)
    assert [FAILED[:2], FAILED[2:]] == [m.marker.keys for m in world.visible_direct() if m.marker]


@pytest.mark.parametrize("arrives", [True, False])
def test_failures_of_unknown_outcome_are_looked_for_and_sent_together(world: World, arrives: bool) -> None:
    fail(world, *FAILED)
    world.fail("tell", SILENCE, after=arrives)
    assert [f"I could not answer {name}: {SILENCE}" for name in FAILED] == deliver(world)
    world.wait(minutes=16)
    assert [] == deliver(world)
    assert 1 == len(world.told())


def test_failures_that_slack_refuses_stay_due(world: World) -> None:
    fail(world, *FAILED)
    world.fail("tell", PostRefused("Slack limits our rate.", retry=True))
    assert 3 == len(deliver(world))
    assert {"due"} == set(statuses(world).values())
    assert {0} == {notice.sends for notice in world.state().notices.values()}
    assert [] == deliver(world)
    assert 1 == len(world.told())


def test_of_two_processes_one_tells_several_failures(world: World) -> None:
    fail(world, *FAILED)
    first, second = notices(world), notices(world)
    assert ([], []) == (first.deliver(), second.deliver())
    assert 1 == len(world.told())


def test_in_the_midst_of_a_tick_failures_wait_for_others(world: World) -> None:
    """But not for long; what else is due does not wait."""
    fail(world, *FAILED)
    process = notices(world)
    assert not process.has_due()
    process.add("n", "Something else.")
    assert process.has_due()
    process.deliver(midway=True)
    assert ["Something else."] == world.told()
    world.wait(seconds=GATHER.total_seconds())
    assert notices(world).has_due()
    notices(world).deliver(midway=True)
    assert 2 == len(world.told())


# -- names and texts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edited", "retried", "rest", "since"),
    [
        ("", None, "0", START + timedelta(microseconds=1)),
        ("1767873700.000001", None, "1767873700.000001", START + timedelta(microseconds=1)),
        ("", START + timedelta(hours=1), "0.20260108T130000.000000", START + timedelta(hours=1)),
    ],
    ids=["as asked", "edited", "retried"],
)
def test_a_failure_has_one_name_for_each_edit_and_each_retry(
    edited: str, retried: datetime | None, rest: str, since: datetime
) -> None:
    """By which the conversation shows it where the state was lost, also to a later version."""
    key = RequestKey("T1", "C1", "1767873600.000001")
    name, notice = failure(key, Record("given_up", "n", START, edited=edited, retried=retried), "text")
    assert name == f"{key}.failed.{rest}"
    assert notice == Notice("due", notice.nonce, START, "text", since=since)


def test_a_due_message_keeps_when_it_became_due() -> None:
    notice = due("x", START)
    assert notice == Notice("due", notice.nonce, START, "x")
