"""Amounts that people do not usually credit: a model of their answers holds them, and lets nothing pass."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from creditbot.decide.hold import HoldKind
from creditbot.decide.policy import OpinionRules, Policy
from creditbot.model import RequestKey
from tests.support.opinions import FITTED, five_percent, keep, label, made, shares
from tests.support.world import World
from tests.support.world_facts import OWNER, ruled

ON: dict[str, Any] = {"rules": ruled(policy=Policy(approvers=(OWNER,), opinion=OpinionRules(hold=True)))}
"""Ticks that ask for a second opinion. The notebook's fraud cost is always $99,999.00."""


@pytest.fixture
def held(world: World) -> RequestKey:
    """A request for $9,000.00 of a fraud cost of $99,999.00; people usually credit five percent."""
    keep(world.models, five_percent())
    world.amounts["abc"] = Decimal("9000.00")
    key = world.ask("abc")
    world.tick(**ON)
    return key


def test_an_amount_that_people_do_not_usually_credit_is_held(world: World, held: RequestKey) -> None:
    assert ("held", []) == (world.record(held).status, world.replies(held))
    (reason,) = world.record(held).hold.reasons  # type: ignore[union-attr]
    assert HoldKind.OPINION is reason.kind
    assert reason.text == (
        "$9,000.00 is unusual for such traffic: too few to judge by days, prefixes and block rate; 12 answers of "
        "people for verify are usually 1.4% to 8.5% of the fraud cost, here $1,449.98 to $8,449.92; the three most "
        "alike were $51.00 of $1,000.00 (https://acme.slack.com/archives/C1/p1735689611000100), "
        "$50.00 of $1,000.00 (https://acme.slack.com/archives/C1/p1735689610000100) and "
        "$49.00 of $1,000.00 (https://acme.slack.com/archives/C1/p1735689609000100)."
    )


def test_the_question_the_summary_and_the_page_name_the_reason(world: World, held: RequestKey) -> None:
    said = "$9,000.00 is unusual for such traffic: too few"
    (question,) = world.questions()
    assert said in question.text
    assert said in world.summary(held)["outcome"]["approval"]["reasons"][0]["text"]
    assert said in world.pages[str(held)]


def test_a_yes_posts_exactly_the_amount_that_was_computed(world: World, held: RequestKey) -> None:
    world.react("+1")
    world.tick(**ON)
    assert ["Approved, $9,000.00, exceptions"] == world.replies(held)


def test_an_amount_as_usual_is_answered_and_the_summary_says_what_is_usual(world: World) -> None:
    keep(world.models, five_percent())
    key = world.ask("abc")
    world.tick(**ON)
    assert ["Approved, $4,948.80, exceptions"] == world.replies(key)
    assert world.summary(key)["second_opinion"].startswith("Too few to judge by days, prefixes and block rate; 12 ")
    assert "<dt>Second opinion</dt><dd>Too few to judge" in world.pages[str(key)]


def test_a_second_opinion_lets_nothing_pass_that_the_policy_holds(world: World) -> None:
    keep(world.models, five_percent())
    strict = replace(ON["rules"].channels.everywhere.policy, limits=replace(Policy().limits, request=Decimal(1000)))
    key = world.ask("abc")
    world.tick(rules=ruled(policy=strict))
    assert [HoldKind.REQUEST_LIMIT] == [reason.kind for reason in world.record(key).hold.reasons]  # type: ignore[union-attr]


def test_without_the_setting_no_model_is_read(world: World) -> None:
    keep(world.models, five_percent())
    world.amounts["abc"] = Decimal("9000.00")
    key = world.ask("abc")
    world.tick()
    assert ["Approved, $9,000.00, exceptions"] == world.replies(key)
    assert "models" not in world.counted()
    assert "second_opinion" not in world.summary(key)


def test_the_summary_of_what_was_just_computed_is_not_read_for_it(world: World) -> None:
    keep(world.models, five_percent())
    loads = []
    for slug, options in (("abc", {}), ("def", ON)):
        world.ask(slug)
        world.counted()
        world.tick(**options)
        loads.append(world.counted()["load"])
    assert loads[0] == loads[1]


def test_without_a_model_nothing_is_held_and_the_summary_says_so(world: World) -> None:
    key = world.ask("abc")
    world.tick(**ON)
    assert "answered" == world.record(key).status
    assert "There is none: `creditbot model fit` has not made a model yet." == world.summary(key)["second_opinion"]


def test_with_too_few_answers_nothing_is_held_and_the_summary_says_so(world: World) -> None:
    keep(world.models, five_percent(9))
    key = world.ask("abc")
    world.tick(**ON)
    assert "answered" == world.record(key).status
    said = "There is none: people have answered 9 requests for verify, and it takes 10."
    assert said == world.summary(key)["second_opinion"]


def test_nothing_passes_because_a_model_was_damaged(world: World) -> None:
    """The requests wait, and the owner is told once; another model mends it."""
    name = keep(world.models, five_percent())
    world.models[name] = world.models[name].replace(b"48.00", b"98.00")
    keys = [world.ask("one"), world.ask("two")]
    world.ticks(2, **ON)
    assert [[], []] == [world.replies(key) for key in keys]
    (told,) = [text for text in world.told() if "second opinion" in text]
    assert f"The model {name} of the second opinion cannot be read: it was changed after it was made." in told
    keep(world.models, five_percent(fitted=FITTED + timedelta(days=1)))
    world.wait(hours=1)
    world.ticks(2, **ON)
    assert ["answered", "answered"] == [world.record(key).status for key in keys]


def test_the_newest_model_is_asked(world: World) -> None:
    keep(world.models, five_percent(fitted=FITTED + timedelta(seconds=1)))
    keep(world.models, made(shares(12)))
    key = world.ask("abc")
    world.tick(**ON)
    assert "answered" == world.record(key).status


def test_another_model_that_finds_the_amount_unusual_asks_again(world: World, held: RequestKey) -> None:
    keep(world.models, five_percent(13, fitted=FITTED + timedelta(days=1)))
    world.react("+1")
    world.tick(**ON)
    assert ("held", []) == (world.record(held).status, world.replies(held))
    assert 2 == len(world.visible_asks())
    world.react("+1")
    world.tick(**ON)
    assert ["Approved, $9,000.00, exceptions"] == world.replies(held)


def test_an_approval_stands_if_another_model_finds_the_amount_usual(world: World, held: RequestKey) -> None:
    keep(world.models, made([label(n, f"{88 + n % 4}.00") for n in range(12)], fitted=FITTED + timedelta(days=1)))
    world.react("+1")
    world.tick(**ON)
    assert ["Approved, $9,000.00, exceptions"] == world.replies(held)


def test_to_ask_for_a_second_opinion_voids_approvals_of_before(world: World) -> None:
    assert Policy().digest != ON["rules"].channels.everywhere.policy.digest
    assert Policy().digest == Policy(opinion=OpinionRules()).digest


def test_in_shadow_the_hold_is_recorded(world: World) -> None:
    keep(world.models, five_percent())
    world.amounts["abc"] = Decimal("9000.00")
    key = world.ask("abc")
    world.tick(rules=replace(ON["rules"], shadow=True))
    assert ("shadowed", "held") == (world.record(key).status, world.record(key).would)
