"""The summary of a request is the evidence of what was credited, so in the end it must agree with the state."""

from __future__ import annotations

from decimal import Decimal

import pytest

from creditbot.errors import SUMMARY_STORE, NotebookFailed, Unreachable
from tests.support.points import Point
from tests.support.ticks import stopped
from tests.support.world import World
from tests.support.world_facts import REFERENCE, short_link

FULL = Unreachable(SUMMARY_STORE, "Full.")


# -- it is written later -----------------------------------------------------------------------------------------------


def test_a_summary_that_fails_after_the_reply_is_written_later(world: World) -> None:
    """The reply stands, and the request is not forgotten before its summary is written."""
    key = world.ask("abc")
    world.amid("reply", lambda: world.fail("save", FULL, times=2))
    world.tick()
    assert world.record(key).status == "answered"
    assert not world.record(key).saved
    assert [error.partition(": ")[2] for error in world.tick().errors] == ["Full."]
    assert world.tick().ok
    assert world.record(key).saved
    assert world.summary(key)["outcome"]["status"] == "answered"


@pytest.mark.parametrize("meddling", ["another tick", "an edit by hand"])
def test_a_summary_that_another_process_wrote_does_not_stop_the_next(world: World, meddling: str) -> None:
    first, second = world.ask("a"), world.ask("b")
    world.tick()
    world.rewrite(first, saved=False)
    world.rewrite(second, saved=False)
    if meddling == "another tick":
        world.amid("save", world.tick)
    else:
        world.amid("save", lambda: world.rewrite(first, reason="edited by hand"))
    world.tick()
    assert world.record(first).saved == (meddling == "another tick")
    assert world.record(second).saved


# -- a process that slept ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("point", ["summary.before-save", "summary.before-close", "notebook.after-run"])
def test_a_process_that_slept_does_not_replace_the_summary_of_an_answer(world: World, point: Point) -> None:
    """Another process took over and answered the request."""
    key = world.ask("abc")
    tick = stopped(world, point)
    world.tick_after(minutes=31)
    world.tick_after(minutes=16)
    assert world.record(key).status == "answered"
    tick.go_on()
    summary = world.summary(key)
    assert summary["outcome"]["status"] == "answered"
    assert summary["credit_amount"] == Decimal("4948.80")
    assert summary["credited"]


def test_a_process_that_slept_does_not_replace_an_answer_with_its_failure(world: World) -> None:
    """The process slept between its last look at the state and its write of the summary, and corrects the summary."""
    key = world.ask("abc")
    world.fail("notebook", NotebookFailed("The notebook raised."))
    tick = stopped(world, "summary.before-close")
    world.tick_after(minutes=31)
    assert world.replies(key) == [REFERENCE]
    while not tick.ended:
        tick.go_on()
    summary = world.summary(key)
    assert summary["outcome"]["status"] == "answered"
    assert summary["credit_amount"] == Decimal("4948.80")
    assert summary.get("computed_amount") is None
    assert summary["credited"]


def test_a_process_that_slept_does_not_replace_the_links_of_an_answer(world: World) -> None:
    """The links were edited meanwhile, and another process answered the new ones."""
    key = world.ask("abc")
    tick = stopped(world, "notebook.after-run")
    world.edit(key, short_link("def"))
    world.tick_after(minutes=31)
    tick.go_on()
    assert [f"<{link['url']}>" for link in world.summary(key)["links"]] == [short_link("def")]


def test_a_process_that_lost_its_request_writes_no_summary_of_its_failure(world: World) -> None:
    """It looks at the state before it writes, so that not even its death can leave a wrong summary."""
    world.ask("abc")
    tick = stopped(world, "looker.after-read")
    world.tick_after(minutes=31)
    world.fail("notebook", NotebookFailed("The notebook raised."))
    world.counted()
    tick.go_on()
    assert tick.ended
    assert world.counted()["save"] == 0


def test_a_process_that_lost_its_request_leaves_its_summary_alone(world: World) -> None:
    """Only the summary of an end is corrected."""
    key = world.ask("abc")
    tick = stopped(world, "summary.before-save")
    world.wait(minutes=31)
    world.kill("looker.before-read")
    tick.go_on()
    assert world.record(key).status == "claimed"
    assert world.summary(key)["outcome"]["status"] == "computed"
