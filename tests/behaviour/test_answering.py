"""A request is answered in its thread with one amount: which links count, and what is kept of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from creditbot.credit.products import ProductTable
from creditbot.decide.policy import Limits, Policy
from creditbot.model import Marker
from tests.behaviour.failures import SILENCE
from tests.support.world import World
from tests.support.world_facts import (
    BOTH,
    OWNER,
    PERSON,
    REFERENCE,
    REQUEST_RULES,
    RULES,
    VERIFY,
    explore_link,
    ruled,
    short_link,
)


def test_a_request_is_answered_once_however_many_ticks_follow(world: World) -> None:
    key = world.ask("abc")
    world.tick()
    assert world.replies(key) == [REFERENCE]
    world.counted()
    assert all(report.ok for report in world.ticks(11, minutes=5))
    assert world.replies(key) == [REFERENCE]
    assert world.counted()["reply"] == 0


def test_the_reply_carries_a_marker_of_its_request_and_its_posting(world: World) -> None:
    key = world.ask("abc")
    world.tick()
    marker = world.visible()[-1].marker
    assert isinstance(marker, Marker)
    assert marker.kind == "reply"
    assert marker.key == str(key)
    assert marker.nonce


def test_the_reply_is_the_sum_over_all_links(world: World) -> None:
    world.amounts = {"a": Decimal("1000.10"), "b": Decimal("200.20")}
    key = world.ask("a", "b")
    world.tick()
    assert world.replies(key) == ["Approved, $1,200.30, exceptions"]


def test_two_links_to_the_same_sql_count_once(world: World) -> None:
    key = world.say(f"{short_link('c')} and {explore_link('c')}")
    world.tick()
    assert world.replies(key) == [REFERENCE]


@pytest.mark.parametrize("text", ["good morning", "<https://other.looker.com/explore/m/v?qid=abc>"])
def test_a_message_without_a_link_to_our_looker_is_not_a_request(world: World, text: str) -> None:
    world.say(text)
    world.tick()
    assert world.counted()["state-write"] == 0


def test_a_link_of_a_product_that_is_off_is_left_out_of_the_total(world: World) -> None:
    key = world.ask("other", "abc")
    world.tick()
    assert world.replies(key) == [REFERENCE]


def test_a_reply_that_does_not_cover_all_links_says_so(
    world: World, log_lines: Callable[[str], list[dict[str, object]]]
) -> None:
    """The owner is told once; the summary and the log line say it, too."""
    key = world.ask("other", "other2", "abc")
    world.ticks(3)
    (text,) = world.told()
    assert world.address(key) in text
    assert "no product is on for the SQL of 2 of them" in text
    assert world.summary(key)["note"].endswith("for the SQL of 2 of 3.")
    assert [line["skipped_links"] for line in log_lines("request")] == [2]


def test_a_reply_that_is_found_later_is_told_to_leave_links_out(world: World) -> None:
    """Its post had an unknown outcome."""
    world.ask("other", "abc")
    world.fail("reply", SILENCE, after=True)
    world.ticks(3)
    assert len(world.told()) == 1


def test_a_reply_that_covers_all_links_tells_nobody(world: World) -> None:
    key = world.ask("other", "abc")
    world.tick(products=BOTH)
    assert world.told() == []
    assert "note" not in world.summary(key)


def test_a_request_with_links_of_products_that_are_off_gets_no_reply(
    world: World, log_lines: Callable[[str], list[dict[str, object]]]
) -> None:
    """Without PSMS the request may be for another team. A log line and a summary record that it was skipped."""
    key = world.ask("other")
    world.tick()
    assert world.replies(key) == []
    assert world.told() == []
    assert world.record(key).status == "skipped"
    assert world.record(key).claim is None
    assert [line["outcome"] for line in log_lines("request")] == ["skipped"]
    assert world.summary(key)["outcome"]["status"] == "skipped"


@pytest.mark.parametrize("products", [VERIFY, BOTH], ids=["psms off", "psms on"])
def test_a_link_of_no_product_fails_the_whole_request(world: World, products: ProductTable) -> None:
    """There is no total of some of the links: what is not understood is not another product."""
    key = world.ask("unfit", "abc")
    world.tick(products=products)
    assert world.replies(key) == []
    assert len(world.told()) == 1


def test_a_total_of_zero_is_told_and_not_posted(world: World) -> None:
    world.amounts = {"abc": Decimal("0.00")}
    key = world.ask("abc")
    world.tick()
    assert world.replies(key) == []
    assert "$0.00" in world.told()[0]


def test_a_link_of_zero_does_not_stop_the_others(world: World) -> None:
    world.amounts = {"a": Decimal("0.00"), "b": Decimal("7.00")}
    key = world.ask("a", "b")
    world.tick()
    assert world.replies(key) == ["Approved, $7.00, exceptions"]


@pytest.mark.parametrize("slugs", [("big",), ("a", "b")], ids=["one link", "their sum"])
def test_a_credit_above_max_credit_usd_is_held_and_not_posted(world: World, slugs: tuple[str, ...]) -> None:
    """Splitting a request over several links does not get around the limit."""
    world.amounts = {"big": Decimal("1000.01"), "a": Decimal("500.00"), "b": Decimal("500.01")}
    key = world.ask(*slugs)
    world.tick(rules=ruled(policy=Policy(Limits(request=Decimal(1000)), approvers=(OWNER,))))
    assert ("held", []) == (world.record(key).status, world.replies(key))


def test_two_requests_in_one_thread_get_a_reply_each(world: World) -> None:
    """The second is a reply that was also sent to the channel; a plain reply is not a request."""
    world.amounts = {"b": Decimal("2.00")}
    first = world.ask("a")
    second = world.broadcast(first, "b")
    plain = world.ask("c", thread_ts=first.ts)
    world.tick()
    assert [m.marker.key for m in world.visible() if m.marker] == [str(first), str(second)]
    assert world.replies(first)[-2:] == [REFERENCE, "Approved, $2.00, exceptions"]
    assert world.record(second).thread == first.ts
    assert not world.knows(plain)


# -- what is kept of an answer -----------------------------------------------------------------------------------------


def test_the_state_keeps_how_an_answer_came_about(world: World) -> None:
    key = world.ask("abc")
    world.step = timedelta(seconds=1)
    world.tick()
    record = world.record(key)
    assert record.status == "answered"
    assert record.attempts == 1
    assert record.posts == 1
    assert record.saved
    assert record.claim is None
    assert record.seconds > 5
    assert record.result
    assert record.result.amount == Decimal("4948.80")
    assert record.reply in [m.ts for m in world.visible()]


def test_the_state_names_the_bot_that_asked_where_no_person_did(world: World) -> None:
    """A workflow form posts as a bot and has no user."""
    key = world.ask("abc", user=None, bot="B0FORM")
    world.tick(rules=replace(RULES, requests=replace(REQUEST_RULES, bots=frozenset({"B0FORM"}))))
    assert world.record(key).user == "B0FORM"


@pytest.mark.parametrize("broadcast", [False, True], ids=["top level", "in a thread"])
def test_a_summary_says_what_was_computed_before_anything_is_posted(world: World, broadcast: bool) -> None:
    top = world.say("good morning") if broadcast else None
    key = world.broadcast(top, "abc") if top else world.ask("abc")
    world.kill("thread.before-read", nth=2 if broadcast else 1)  # what stands in a thread is looked at first, too
    result = world.record(key).result
    assert result
    assert len(result.sql) == 3  # by today's version of what is the same, by its text, and by the version before
    assert result.location == f"memory:{key}"
    summary = world.summary(key)
    assert summary["outcome"]["status"] == "computed"
    assert summary["credit_amount"] == Decimal("4948.80")
    assert summary["credited"][:3] == list(result.sql)
    assert summary["credited"][3].startswith("traffic-")
    request = summary["request"]
    assert request["key"] == str(key)
    assert request["permalink"] == world.address(key, top)
    assert request["author"] == PERSON
    assert "qid=abc" in request["text"]
