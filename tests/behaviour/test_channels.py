"""Two channels, each with an owner, approvers and products of its own: neither hears of the other's requests."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from creditbot.decide.channel_rules import ChannelRules
from creditbot.decide.policy import Policy
from creditbot.errors import LOOKER, SettingsError, Unreachable
from creditbot.model import RequestKey
from creditbot.state.ledger import Ledger
from tests.support.points import Point
from tests.support.world import World
from tests.support.world_facts import BOTH, CHANNEL, OWNER, RULES
from tests.support.world_slack import direct_channel

EMEA, ROSA, SAM = "C0EMEA", "U0ROSA", "U0SAM"
ALL = RULES.channels.everywhere
RULES_OF_EMEA = ChannelRules(
    ROSA, "Credited {amount}.", cards=True, policy=replace(ALL.policy, approvers=(SAM,), channel="emea-approvals")
)


def with_sections(**sections: ChannelRules) -> dict[str, Any]:
    return {"rules": replace(RULES, channels=replace(RULES.channels, sections=sections)), "products": BOTH}


RULED = with_sections(**{"credit-emea": RULES_OF_EMEA})


@pytest.fixture
def world() -> World:
    world = World(channels={CHANNEL: "credits", EMEA: "credit-emea"})
    world.amounts["big"] = world.amounts["big2"] = Decimal("30000.00")
    world.tick(**RULED)
    return world


def asked(world: World, slug: str, channel: str = EMEA) -> RequestKey:
    return world.ask(slug, channel=channel)


@pytest.mark.parametrize("name", ["credit-emea", EMEA], ids=["by name", "by id"])
def test_failures_are_told_to_the_owner_of_their_channel_alone(world: World, name: str) -> None:
    rules = with_sections(**{name: RULES_OF_EMEA})
    here, there = asked(world, "gone", CHANNEL), asked(world, "gone2")
    world.tick(**rules)
    ((for_owner,), (for_rosa,)) = world.told(OWNER), world.told(ROSA)
    assert world.context().workspace.address(here) in for_owner
    assert world.context().workspace.address(there) in for_rosa
    assert EMEA not in for_owner
    assert CHANNEL not in for_rosa


def test_several_failures_of_two_channels_are_one_message_to_each_owner(world: World) -> None:
    for number in range(2):
        asked(world, f"gone{number}", CHANNEL)
        asked(world, f"gone-emea{number}")
    world.tick(**RULED)
    world.tick(**RULED)
    assert [1, 1] == [len(world.told(OWNER)), len(world.told(ROSA))]


def test_what_concerns_every_request_is_told_to_the_owner_of_the_bot(world: World) -> None:
    asked(world, "abc")
    world.fail("looker", Unreachable(LOOKER, "Looker does not answer."))
    world.tick(**RULED)
    assert ([], 1) == (world.told(ROSA), len(world.told(OWNER)))


def test_a_lost_message_is_looked_for_where_its_owner_would_have_it(world: World) -> None:
    asked(world, "gone")
    world.tick(**RULED)
    world.lose()
    world.ticks(3, **RULED)
    assert ["The state is empty"] == [text[:18] for text in world.told(OWNER)]
    assert 1 == len(world.told(ROSA))


def test_approvers_of_the_channel_are_asked_and_nobody_else_decides(world: World) -> None:
    key = asked(world, "big")
    world.tick(**RULED)
    (question,) = world.questions()
    assert "emea-approvals" == question.channel
    assert f"Who decides: @{SAM}." in question.text
    assert "“Credited $30,000.00.”" in question.text
    world.react("+1", OWNER)
    world.tick(**RULED)
    assert "held" == world.record(key).status
    world.react("+1", SAM)
    world.tick(**RULED)
    assert ["Credited $30,000.00."] == world.replies(key)


def test_each_channel_asks_its_own_approvers(world: World) -> None:
    asked(world, "big", CHANNEL)
    asked(world, "big2")
    world.tick(**RULED)
    assert {direct_channel(OWNER), "emea-approvals"} == {question.channel for question in world.questions()}


def test_without_a_channel_for_approvers_the_owner_of_the_channel_is_asked(world: World) -> None:
    policy = replace(ALL.policy, approvers=(ROSA,))
    asked(world, "big")
    world.tick(**with_sections(**{"credit-emea": replace(RULES_OF_EMEA, policy=policy)}))
    (question,) = world.questions()
    assert direct_channel(ROSA) == question.channel


def test_a_lower_limit_holds_in_its_channel_alone(world: World) -> None:
    low = replace(RULES_OF_EMEA.policy, limits=replace(ALL.policy.limits, request=Decimal(10)))
    rules = with_sections(**{"credit-emea": replace(RULES_OF_EMEA, policy=low)})
    here, there = asked(world, "one", CHANNEL), asked(world, "two")
    world.tick(**rules)
    assert ["answered", "held"] == [world.record(key).status for key in (here, there)]


def test_a_product_that_is_off_in_a_channel_is_left_out_there(world: World) -> None:
    """As one that has no notebook: its link adds nothing to the amount, and the owner of the channel is told."""
    rules = with_sections(**{"credit-emea": replace(RULES_OF_EMEA, products=("verify",))})
    here, there = world.ask("abc", "other1"), world.ask("def", "other2", channel=EMEA)
    world.tick(**rules)
    assert ["Approved, $9,897.60, exceptions"] == world.replies(here)
    assert ["Credited $4,948.80."] == world.replies(there)
    assert ["abc", "other1", "def"] == world.runs
    assert ([], True) == (world.told(OWNER), "does not cover all of its links" in world.told(ROSA)[0])


def test_a_request_for_a_product_that_is_off_in_its_channel_is_skipped(world: World) -> None:
    rules = with_sections(**{"credit-emea": replace(RULES_OF_EMEA, products=("verify",))})
    key = asked(world, "other1")
    world.tick(**rules)
    assert "skipped" == world.record(key).status
    assert [] == world.replies(key)


def test_sql_of_no_product_fails_also_where_products_are_off(world: World) -> None:
    """What is not understood is not another product."""
    rules = with_sections(**{"credit-emea": replace(RULES_OF_EMEA, products=("verify",))})
    key = world.ask("abc", "unfit", channel=EMEA)
    world.tick(**rules)
    assert "given_up" == world.record(key).status


def test_a_hold_whose_channel_leaves_the_file_is_asked_about_again(world: World) -> None:
    """Those who decide everywhere else are asked; votes on the question of before do not count."""
    key = asked(world, "big")
    world.tick(**RULED)
    world.react("+1", SAM)
    world.tick(**with_sections())
    assert "held" == world.record(key).status
    assert [] == world.replies(key)
    (question,) = world.questions()
    assert direct_channel(OWNER) == question.channel
    assert "This question is void" in world.visible_asks()[0].text
    world.change_ask(question.ts, reactions={"+1": (OWNER,)})
    world.ticks(2, **with_sections())
    assert ["Approved, $30,000.00, exceptions"] == world.replies(key)


def test_a_hold_whose_channel_is_no_longer_watched_can_still_be_decided(world: World) -> None:
    key = asked(world, "big")
    world.tick(**RULED)
    ledger, workspace = Ledger(world.ports().state), world.context().workspace
    ledger.update_meta(lambda meta: replace(meta, workspace=replace(workspace, channels={CHANNEL: "credits"})))
    world.tick(**RULED)
    (question,) = world.questions()
    assert direct_channel(OWNER) == question.channel
    world.change_ask(question.ts, reactions={"+1": (OWNER,)})
    world.tick(**RULED)
    assert ["Approved, $30,000.00, exceptions"] == world.replies(key)


def test_a_channel_that_lost_its_name_does_not_lose_its_limit(world: World) -> None:
    """Anybody may rename a channel: what is held there by its section may not be posted for that."""
    low = replace(RULES_OF_EMEA.policy, limits=replace(ALL.policy.limits, request=Decimal(10)))
    rules = with_sections(**{"credit-emea": replace(RULES_OF_EMEA, policy=low)})
    key = asked(world, "one")
    world.tick(**rules)
    ledger, workspace = Ledger(world.ports().state), world.context().workspace
    ledger.update_meta(lambda meta: replace(meta, workspace=replace(workspace, channels={CHANNEL: "credits"})))
    world.ticks(2, **rules)
    assert ("held", []) == (world.record(key).status, world.replies(key))
    (question,) = world.questions()
    assert direct_channel(OWNER) == question.channel
    world.change_ask(question.ts, reactions={"+1": (OWNER,)})
    world.tick(**rules)
    assert ["Approved, $4,948.80, exceptions"] == world.replies(key)


def test_a_section_by_name_of_a_channel_by_id_stops_the_tick(world: World) -> None:
    """Once the channel is renamed, it would stay watched and be answered by the rules of all channels."""
    with pytest.raises(SettingsError) as caught:
        world.tick(**by_id(RULES_OF_EMEA))
    expected = f"The settings watch the channel {EMEA} by its ID, and its section of CHANNELS_FILE, credit-emea, is by"
    assert caught.value.what.startswith(expected)
    assert f"Name the section [{EMEA}]." == caught.value.todo


def by_id(section: ChannelRules) -> dict[str, Any]:
    rules = with_sections(**{"credit-emea": section})
    channels = replace(rules["rules"].channels, by_id=(EMEA,))
    return {**rules, "rules": replace(rules["rules"], channels=channels)}


def test_a_channel_by_id_whose_section_is_lost_holds_every_amount(world: World) -> None:
    """The section may be about it, by a name that it had before. The owner hears that the section has no channel."""
    world.missing["credit-emea"] = "The bot cannot see a channel #credit-emea on Slack."
    world.channels[EMEA] = "emea-credits"
    world.lose()
    here, there = asked(world, "one", CHANNEL), asked(world, "two")
    world.ticks(3, **by_id(RULES_OF_EMEA))
    assert ["answered", "held"] == [world.record(key).status for key in (here, there)]
    assert any("#credit-emea" in text for text in world.told(OWNER))


@pytest.mark.parametrize("point", ["ask.before-send", "ask.after-send", "state.after-write"])
def test_a_hold_survives_a_kill_and_a_file_without_its_channel(world: World, point: Point) -> None:
    """Whatever its first approvers were asked, only those who decide now let it be posted."""
    key = asked(world, "big")
    world.kill(point, 3 if point.startswith("state") else 1, **RULED)
    world.votes = {"+1": (SAM,)}
    world.ticks(3, **with_sections())
    assert [] == world.replies(key)
    for question in world.questions():
        world.change_ask(question.ts, reactions={"+1": (SAM, OWNER)})
    world.ticks(2, **with_sections())
    assert ["Approved, $30,000.00, exceptions"] == world.replies(key)


def test_a_process_that_dies_between_two_owners_tells_each_once(world: World) -> None:
    asked(world, "gone", CHANNEL)
    asked(world, "gone2")
    world.kill("notice.after-send", 1, **RULED)
    world.ticks(4, **RULED)
    assert [1, 1] == [len(world.told(OWNER)), len(world.told(ROSA))]


def test_two_sections_for_one_channel_stop_the_tick(world: World) -> None:
    rules = with_sections(**{"credit-emea": RULES_OF_EMEA, EMEA: RULES_OF_EMEA})
    with pytest.raises(SettingsError, match=f"two sections for one channel: credit-emea and {EMEA}"):
        world.tick(**rules)


def test_talk_of_an_approver_of_another_channel_holds_nothing(world: World) -> None:
    talk = replace(RULES_OF_EMEA.policy, talk="approvers")
    rules = with_sections(**{"credit-emea": replace(RULES_OF_EMEA, policy=talk)})
    first, second = asked(world, "one"), asked(world, "two")
    world.say("looks odd", OWNER, channel=EMEA, thread_ts=first.ts)
    world.say("looks odd", SAM, channel=EMEA, thread_ts=second.ts)
    world.tick(**rules)
    assert ["answered", "held"] == [world.record(key).status for key in (first, second)]


def test_an_idle_tick_asks_for_no_more_than_without_sections(world: World) -> None:
    calls = []
    for options in (with_sections(), RULED):
        world.wait(minutes=5)
        world.counted()
        world.tick(**options)
        calls.append(world.counted())
    assert calls[0] == calls[1] == {"history": 2, "state-read": 1}


def test_the_day_of_all_channels_counts_against_the_limit_of_a_day(world: World) -> None:
    policy = Policy(replace(ALL.policy.limits, day=Decimal(6000)), approvers=(OWNER,), expires=timedelta(hours=72))
    table = replace(
        RULES.channels,
        everywhere=replace(ALL, policy=policy),
        sections={"credit-emea": replace(RULES_OF_EMEA, policy=replace(policy, approvers=(SAM,)))},
    )
    here, there = asked(world, "one", CHANNEL), asked(world, "two")
    world.tick(rules=replace(RULES, channels=table), products=BOTH)
    assert ["answered", "held"] == [world.record(key).status for key in (here, there)]
