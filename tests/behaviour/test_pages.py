"""The page of a request: it is there whatever became of the request, and nothing ever waits for it."""

from __future__ import annotations

import logging
from decimal import Decimal

import pytest

from creditbot.credit.products import default_products
from creditbot.decide.policy import Limits, Policy
from creditbot.errors import SUMMARY_STORE, NotebookFailed, Unreachable
from creditbot.model import Cell, NotebookRun, RequestKey
from tests.support.points import Point
from tests.support.ticks import stopped
from tests.support.world import World
from tests.support.world_facts import OWNER, REFERENCE, ruled, short_link

DOWN = Unreachable(SUMMARY_STORE, "The bucket is down.")


def page(world: World, key: RequestKey) -> str:
    return world.pages[str(key)]


# -- it is there -------------------------------------------------------------------------------------------------------


def test_an_answered_request_has_a_page(world: World) -> None:
    key = world.ask("abc")
    world.tick()
    assert "creditbot has posted this amount" in page(world, key)
    assert "<h1>$4,948.80</h1>" in page(world, key)


def test_the_page_is_there_before_the_reply(world: World) -> None:
    """Whoever reads the reply can look."""
    key = world.ask("abc")
    world.kill("reply.before-send")
    assert "has not been posted yet" in page(world, key)


def test_a_request_with_a_bad_link_has_a_page_with_what_is_known(world: World) -> None:
    """The SQL of the links that could be read, and what went wrong with the others."""
    key = world.ask("abc", "gone")
    world.tick()
    assert "The query gone does not exist." in page(world, key)
    assert "slug = &#39;abc&#39;" in page(world, key)
    assert "Needs a person" in page(world, key)


def test_a_refused_amount_has_a_page_with_the_sql_and_the_notebook(world: World) -> None:
    world.amounts["abc"] = Decimal("100000.00")
    key = world.ask("abc")
    world.tick()
    assert "above the fraud cost" in page(world, key)
    assert "slug = &#39;abc&#39;" in page(world, key)
    assert "verify.ipynb" in page(world, key)


def test_a_held_sum_has_a_page_with_the_credit_of_each_link(world: World) -> None:
    """And with the sum, on which a person decides."""
    world.amounts |= {"a": Decimal("600.00"), "b": Decimal("700.00")}
    key = world.ask("a", "b")
    world.tick(rules=ruled(policy=Policy(Limits(request=Decimal(1000)), approvers=(OWNER,))))
    assert "$600.00 + $700.00 = $1,300.00" in page(world, key)
    assert "The amount of $1,300.00 is above the limit of $1,000.00 for one request." in page(world, key)
    assert "Nobody has voted yet." in page(world, key)
    assert "<h1>$1,300.00</h1>" in page(world, key)
    assert "computed, not posted" in page(world, key)


def test_the_page_of_an_approved_amount_says_who_approved_it(world: World) -> None:
    world.amounts["abc"] = Decimal("30000.00")
    key = world.ask("abc")
    world.tick()
    world.react("+1")
    world.tick()
    assert f"{OWNER} said yes (first seen" in page(world, key)


def test_a_notebook_that_failed_shows_how_far_it_got(world: World) -> None:
    failed = NotebookFailed("Cell 2 failed.", "Correct it.")
    cells = (Cell(1, "code", "print(1)", True, (("stream", "155 rows"),)), Cell(2, "code", "1/0", True))
    failed.run = NotebookRun({}, cells, "verify.ipynb", "b" * 64)
    key = world.ask("abc")
    world.fail("notebook", failed)
    world.tick()
    assert "155 rows" in page(world, key)
    assert "Cell 2 failed." in page(world, key)


def test_a_request_whose_products_are_off_has_a_page(world: World) -> None:
    key = world.ask("abc")
    world.tick(products=default_products(None, None))
    assert "Skipped" in page(world, key)


def test_a_request_that_killed_every_process_has_a_page(world: World) -> None:
    key = world.ask("abc")
    for _ in range(3):
        world.kill("looker.before-read")
        world.wait(minutes=31)
    world.tick()
    assert "the process was killed each time" in page(world, key)


def test_a_request_that_a_person_answered_keeps_its_computed_amount(world: World) -> None:
    key = world.ask("abc")
    world.amid("notebook", lambda: world.say("Approved, $1, ok", "U0LEE", thread_ts=key.ts))
    world.tick()
    assert "Answered by others" in page(world, key)
    assert "<h1>$4,948.80</h1>" in page(world, key)


def test_an_edit_makes_another_page(world: World) -> None:
    key = world.ask("gone")
    world.tick()
    world.wait(minutes=1)
    world.edit(key, f"credit please {short_link('abc')}")
    world.tick()
    assert "slug = &#39;abc&#39;" in page(world, key)
    assert "does not exist" not in page(world, key)


def test_the_owner_reads_where_the_page_is(world: World) -> None:
    key = world.ask("gone")
    world.tick()
    assert f"What I know about it: https://evidence.example.com/{key}.html" in world.told()[0]


# -- nothing waits for it ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("effect", ["page-save", "page-load"])
def test_a_page_that_cannot_be_kept_is_a_line_in_the_log(
    world: World, effect: str, caplog: pytest.LogCaptureFixture
) -> None:
    key = world.ask("abc")
    world.fail(effect, DOWN, times=9)
    with caplog.at_level(logging.WARNING):
        report = world.tick()
    assert report.ok
    assert world.replies(key) == [REFERENCE]
    assert f"the page of request {key} could not be kept: The bucket is down." in caplog.messages


def test_a_notebook_that_cannot_be_kept_does_not_stop_the_reply(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:  # fmt: skip
    key = world.ask("abc")
    world.fail("notebook-keep", DOWN)
    with caplog.at_level(logging.WARNING):
        assert world.tick().ok
    assert world.replies(key) == [REFERENCE]
    assert any(line.startswith("the notebook verify.ipynb (") for line in caplog.messages)


def test_a_defect_in_making_a_page_does_not_stop_the_reply(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("creditbot.evidence.page.page_of", lambda *_: 1 / 0)
    key = world.ask("abc")
    assert world.tick().ok
    assert world.replies(key) == [REFERENCE]


@pytest.mark.parametrize("point", ["page.before-save", "page.after-save"])
def test_a_process_that_dies_at_its_page_is_followed_by_another(world: World, point: Point) -> None:
    key = world.ask("abc")
    world.kill(point)
    world.wait(minutes=31)
    world.tick()
    assert world.replies(key) == [REFERENCE]
    assert "creditbot has posted this amount" in page(world, key)


def test_a_process_that_slept_does_not_replace_the_page_of_an_answer(world: World) -> None:
    """Another process took over and answered the request."""
    key = world.ask("abc")
    tick = stopped(world, "page.before-save")
    world.wait(minutes=31)
    world.tick()
    world.wait(minutes=16)
    while not tick.go_on():
        pass
    assert "creditbot has posted this amount" in page(world, key)


def test_an_end_that_is_saved_late_reaches_its_page(world: World) -> None:
    key = world.ask("abc")
    world.amid("reply", lambda: world.fail("save", DOWN, times=2))
    world.tick()
    assert "has not been posted yet" in page(world, key)
    world.ticks(2)
    assert "creditbot has posted this amount" in page(world, key)


def test_whoever_decides_by_hand_sees_whose_traffic_it_is(world: World) -> None:
    key = world.ask("abc")
    world.fail("notebook", NotebookFailed("Cell 2 failed."))
    world.tick()
    assert "<dt>Accounts</dt>" in page(world, key)
    assert "<dt>Days</dt>" in page(world, key)
