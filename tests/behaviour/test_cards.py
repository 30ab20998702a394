"""A reply with its card: the text is the same, and whatever happens to the card, there is one reply."""

from __future__ import annotations

from decimal import Decimal

import pytest

from creditbot.errors import SLACK, SUMMARY_STORE, CardRefused, PostRefused, PostUnknown, Unreachable
from creditbot.model import Card, RequestKey
from tests.support.points import Point
from tests.support.world import World
from tests.support.world_facts import OWNER, REFERENCE, RULES, ruled

CARDS = ruled(cards=True)
REFUSED = CardRefused("Slack refused the post: invalid_blocks.")


def cards(world: World, key: RequestKey) -> list[Card | None]:
    """What stands below each of our replies."""
    return [message.content.get("blocks") for message in world.posted().get(str(key), [])]  # type: ignore[misc]


def test_a_reply_has_a_card_below_its_text(world: World) -> None:
    key = world.ask("abc")
    world.tick(rules=CARDS)
    (card,) = cards(world, key)
    assert world.replies(key) == [REFERENCE]
    assert card is not None
    assert card.rows == (("verify", "basic", "$99,999.00", "", "$4,948.80"),)
    assert card.page == f"https://evidence.example.com/{key}.html"


def test_a_reply_of_several_links_has_a_row_for_each(world: World) -> None:
    world.amounts |= {"a": Decimal("10.10"), "b": Decimal("20.20")}
    key = world.ask("a", "b")
    world.tick(rules=CARDS)
    (card,) = cards(world, key)
    assert card is not None
    assert [row[-1] for row in card.rows] == ["$10.10", "$20.20"]


def test_a_reply_that_was_approved_says_by_whom(world: World) -> None:
    world.amounts["big"] = Decimal("30000.00")
    key = world.ask("big")
    world.tick(rules=CARDS)
    world.wait(minutes=5)
    world.react("+1")
    world.ticks(2, rules=CARDS)
    (card,) = cards(world, key)
    assert card is not None
    assert card.approved_by == (OWNER,)


def test_the_setting_text_leaves_the_card_out(world: World) -> None:
    key = world.ask("abc")
    world.tick()
    assert cards(world, key) == [None]


def test_a_channel_that_others_see_gets_the_text_alone(world: World) -> None:
    """Slack Connect: the card is not for them."""
    world.is_shared = True
    key = world.ask("abc")
    world.tick(rules=CARDS)
    assert cards(world, key) == [None]
    assert world.replies(key) == [REFERENCE]


@pytest.mark.parametrize(
    ("effect", "error"),
    [("shared", Unreachable(SLACK, "Slack is slow.")), ("load", Unreachable(SUMMARY_STORE, "The bucket is slow."))],
)
def test_a_card_that_cannot_be_made_does_not_stop_the_reply(world: World, effect: str, error: Exception) -> None:
    key = world.ask("abc")
    world.fail(effect, error)
    assert world.tick(rules=CARDS).ok
    assert world.replies(key) == [REFERENCE]
    assert cards(world, key) == [None]


@pytest.mark.parametrize("links", [7, ["x"], [{"credit": 1}], [{"credit": 1, "sql_sha256": []}]])
def test_a_summary_that_somebody_spoilt_does_not_stop_the_reply(world: World, links: object) -> None:
    key = world.ask("abc")
    world.kill("thread.before-read", rules=CARDS)
    world.wait(minutes=31)
    world.summaries[str(key)] = {**world.summaries[str(key)], "links": links}
    assert world.tick(rules=CARDS).ok
    assert world.replies(key) == [REFERENCE]


def test_a_summary_of_another_run_makes_no_card(world: World) -> None:
    """A suspended process saved it late: the numbers would not be those of the amount."""
    key = world.ask("abc")
    world.kill("thread.before-read", rules=CARDS)
    world.wait(minutes=31)
    world.summaries[str(key)] = {**world.summaries[str(key)], "credit_amount": Decimal("1.00")}
    world.tick(rules=CARDS)
    assert cards(world, key) == [None]
    assert world.replies(key) == [REFERENCE]


# -- Slack refuses the card --------------------------------------------------------------------------------------------


def test_a_card_that_slack_refuses_leaves_one_reply_of_text(world: World) -> None:
    key = world.ask("abc")
    world.fail("reply", REFUSED)
    assert world.tick(rules=CARDS).ok
    assert world.replies(key) == [REFERENCE]
    assert cards(world, key) == [None]
    assert world.record(key).posts == 1


def test_the_text_alone_has_a_swap_and_a_marker_of_its_own(world: World) -> None:
    """As every post has: if the outcome is unknown, its marker is what the thread is searched for."""
    key = world.ask("abc")
    nonces: list[str] = []

    def refuse(*_: object) -> None:
        nonces.append(world.record(key).nonce)
        raise REFUSED

    world.faults.append((frozenset({"reply"}), refuse))
    world.tick(rules=CARDS)
    (message,) = world.posted()[str(key)]
    assert message.marker is not None
    assert len(nonces) == 1
    assert message.marker.nonce not in nonces


def test_a_text_that_is_refused_as_well_is_not_tried_a_third_time(world: World) -> None:
    key = world.ask("abc")
    world.fail("reply", REFUSED)
    world.fail("reply", PostRefused("Slack refused the post: is_archived.", retry=False))
    world.tick(rules=CARDS)
    assert world.replies(key) == []
    assert world.record(key).status == "given_up"


def test_a_post_of_unknown_outcome_is_not_followed_by_its_text(world: World) -> None:
    """It may have been accepted, card and all."""
    key = world.ask("abc")
    world.fail("reply", PostUnknown("Slack may or may not have accepted a post."), after=True)
    world.tick(rules=CARDS)
    assert world.replies(key) == [REFERENCE]
    world.ticks(3, rules=CARDS)
    assert world.replies(key) == [REFERENCE]


def test_a_text_of_unknown_outcome_is_found_in_the_thread(world: World) -> None:
    key = world.ask("abc")
    world.fail("reply", REFUSED)
    world.fail("reply", PostUnknown("Slack may or may not have accepted a post."), after=True)
    world.ticks(3, rules=CARDS)
    assert world.replies(key) == [REFERENCE]
    assert world.record(key).status == "answered"


@pytest.mark.parametrize("point", ["state.before-write", "state.after-write"])
@pytest.mark.parametrize("nth", [3, 4, 5, 6])
def test_a_process_that_dies_around_the_refusal_leaves_one_reply(world: World, point: Point, nth: int) -> None:
    """The writes are: claimed, computed, posting, computed again, posting again, answered."""
    key = world.ask("abc")
    world.fail("reply", REFUSED)
    world.kill(point, nth, rules=CARDS)
    for _ in range(4):
        world.wait(minutes=31)
        world.tick(rules=CARDS)
    assert world.replies(key) == [REFERENCE]


def test_a_text_alone_is_not_sent_on_an_old_look_at_the_thread(world: World) -> None:
    """Slack took its time to refuse the card, and somebody answered meanwhile."""
    key = world.ask("abc")

    def refuse_late(*_: object) -> None:
        world.say("Approved, $1, ok", "U0LEE", thread_ts=key.ts)
        world.wait(seconds=70)
        raise REFUSED

    world.faults.append((frozenset({"reply"}), refuse_late))
    world.ticks(3, rules=CARDS)
    assert world.replies(key) == ["Approved, $1, ok"]
    assert world.record(key).status == "elsewhere"


# -- repairs -----------------------------------------------------------------------------------------------------------


def test_a_second_reply_that_is_edited_loses_its_card(world: World) -> None:
    """People read the card first, and it would still show an amount."""
    key = world.ask("abc")
    world.fail("reply", PostUnknown("Slack may or may not have accepted a post."), after=True)
    world.lateness = RULES.settle * 2
    world.tick(rules=CARDS)
    world.lateness *= 0
    world.ticks(6, rules=CARDS)
    assert [text == REFERENCE for text in world.replies(key)].count(True) == 1
    assert [card is None for card in cards(world, key)].count(False) == 1
