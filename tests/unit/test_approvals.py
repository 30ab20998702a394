"""`creditbot holds`, `approve` and `deny`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from creditbot.commands.approvals import Ballot, hold_lines, people_of_holds
from creditbot.decide.channel_rules import ChannelTable
from creditbot.decide.policy import Policy
from creditbot.errors import SettingsError
from creditbot.intake.permalink import Permalink
from creditbot.model import Names, RequestKey
from creditbot.state.ledger import Ledger
from tests.support.world import World
from tests.support.world_facts import PERSON, ruled

ROSA, SAM = "U0ROSA", "U0SAM"
NAMES = {ROSA: "Rosa Ruiz", PERSON: "Pia Person"}
POLICY = Policy(approvers=(ROSA, SAM, PERSON))
RULED: dict[str, Any] = {"rules": ruled(policy=POLICY)}
REPLY = "Approved, $30,000.00, exceptions"


@pytest.fixture
def world() -> World:
    """A world in which $30,000.00 is held."""
    world = World(amounts={"big": Decimal("30000.00")})
    world.tick(**RULED)
    world.ask("big")
    world.tick(**RULED)
    return world


@pytest.fixture
def key(world: World) -> RequestKey:
    (key,) = world.state().records
    return key


def channels_under(policy: Policy) -> ChannelTable:
    return ruled(policy=policy).channels


def cast(world: World, key: RequestKey, by: str, *, yes: bool, policy: Policy = POLICY) -> None:
    ports = world.ports()
    ballot = Ballot(ports.inbox, Ledger(ports.state), ports.clock, channels_under(policy))
    ballot.cast(Permalink(key.channel, key.ts, key.ts), by, yes=yes, typed_by="rosa@host")


def refusal(world: World, key: RequestKey, by: str, policy: Policy = POLICY) -> str:
    with pytest.raises(SettingsError) as caught:
        cast(world, key, by, yes=True, policy=policy)
    return str(caught.value)


def listed(world: World) -> Sequence[str]:
    state, workspace, channels = world.state(), world.ports().inbox.workspace(None), channels_under(POLICY)
    people = people_of_holds(state, workspace, channels)
    names = Names({user: name for user, name in NAMES.items() if user in people})
    return [*hold_lines(state, workspace, channels, names)]


def test_a_typed_yes_is_acted_on_by_the_next_tick(world: World, key: RequestKey) -> None:
    cast(world, key, ROSA, yes=True)
    assert [] == world.replies(key)
    world.tick(**RULED)
    assert [REPLY] == world.replies(key)


def test_a_typed_no_ends_the_request(world: World, key: RequestKey) -> None:
    cast(world, key, SAM, yes=False)
    world.tick(**RULED)
    assert "denied" == world.record(key).status


def test_a_typed_no_and_a_reaction_contest_each_other(world: World, key: RequestKey) -> None:
    world.react("+1", ROSA)
    cast(world, key, SAM, yes=False)
    world.tick(**RULED)
    assert "held" == world.record(key).status


def test_a_typed_vote_can_be_changed(world: World, key: RequestKey) -> None:
    cast(world, key, SAM, yes=False)
    cast(world, key, SAM, yes=True)
    world.tick(**RULED)
    assert [REPLY] == world.replies(key)


def test_the_summary_keeps_who_typed_a_vote(world: World, key: RequestKey) -> None:
    cast(world, key, ROSA, yes=True)
    world.tick(**RULED)
    (vote,) = world.summary(key)["outcome"]["approval"]["votes"]
    assert {"by": ROSA, "vote": "yes", "first_seen": "2026-01-08T12:00:00.000Z", "typed_by": "rosa@host"} == vote


def test_who_asked_cannot_approve_by_command(world: World, key: RequestKey) -> None:
    said = f"{PERSON} asked for this credit, so this vote does not count. Let somebody else decide."
    assert said == refusal(world, key, PERSON)


def test_a_stranger_cannot_approve_by_command(world: World, key: RequestKey) -> None:
    said = f"U0EVE is not an approver. --by takes the member ID of one of them: {ROSA}, {SAM}, {PERSON}."
    assert said == refusal(world, key, "U0EVE")


def test_what_is_not_held_cannot_be_approved(world: World) -> None:
    other = world.ask("small")
    world.tick(**RULED)
    assert refusal(world, other, ROSA).startswith("This request does not wait for an approval.")


def test_a_vote_under_another_policy_is_refused(world: World, key: RequestKey) -> None:
    other = replace(POLICY, expires=timedelta(hours=1))
    assert refusal(world, key, ROSA, other).startswith("The policy has changed since the approvers were asked.")


def test_a_vote_after_the_time_to_decide_is_refused(world: World, key: RequestKey) -> None:
    world.wait(hours=72)
    assert refusal(world, key, ROSA).startswith("The time to decide on this request is over")


def test_a_vote_is_stored_although_a_tick_writes_meanwhile(world: World, key: RequestKey) -> None:
    world.react("+1", SAM)
    world.amid("auth", lambda: None)
    before = world.record(key)

    def seen_by_a_tick() -> None:
        world.rewrite(key, nonce="another")

    world.amid("state-read", seen_by_a_tick)
    cast(world, key, ROSA, yes=True)
    assert before.nonce != world.record(key).nonce
    assert [ROSA] == [vote.by for vote in world.record(key).hold.votes]  # type: ignore[union-attr]


def test_what_waits_is_listed_with_whom_it_waits_for(world: World, key: RequestKey) -> None:
    cast(world, key, ROSA, yes=True)
    hold = world.record(key).hold
    assert hold
    since, until = "2026-01-08 12:00:00 UTC", "2026-01-11 12:00:00 UTC"
    assert listed(world) == [
        f"  $30,000.00  {world.address(key)}",
        f"              asked by Pia Person ({PERSON})",
        f"              held since {since}, until {until}, approval digest {hold.digest[:12]}",
        f"              waits for 1 of: Rosa Ruiz ({ROSA}): yes, {SAM}",
        "              The amount of $30,000.00 is above the limit of $25,000.00 for one request.",
        "1 request held for approval.",
    ]


def test_a_list_of_nothing_says_so() -> None:
    assert ["0 requests held for approval."] == listed(World())


def test_an_approver_who_says_no_in_both_ways_is_named_once(world: World, key: RequestKey) -> None:
    cast(world, key, ROSA, yes=False)
    world.react("x", ROSA)
    world.tick(**RULED)
    assert f"@{ROSA} denied it." == world.record(key).reason
