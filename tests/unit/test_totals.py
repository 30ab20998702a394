"""What has happened in all: each end and each failure is counted once, and nothing is ever subtracted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.errors import StateWriteUnknown
from creditbot.model import HoldKind, HoldReason, RequestKey
from creditbot.state.codec import TOTALS, understand
from creditbot.state.record import Hold, LinkAmount, Record, Result, Status, move
from creditbot.state.totals import BOUNDS, MORE, UNKNOWN_PRODUCT, Spread, Totals, with_change
from tests.support.world import World
from tests.support.world_facts import START, ts_of

KEY = RequestKey("T1", "C1", ts_of(START))
CLAIMED = move(None, "claimed", START)
AMOUNT = Result(Decimal("12.50"), links=(LinkAmount("verify", Decimal("10.00")), LinkAmount("psms", Decimal("2.50"))))


def posting(result: Result = AMOUNT, hold: Hold | None = None) -> Record:
    return move(move(CLAIMED, "computed", START, result=result), "posting", START, posts=1, hold=hold)


def answered(before: Record, seconds: float = 90.0) -> Record:
    return move(before, "answered", START, reply=ts_of(START + timedelta(seconds=seconds)))


def counted(*records: Record | None, totals: Totals | None = None) -> Totals:
    """The sums after a request has taken these steps."""
    totals = totals or Totals()
    for before, after in zip((None, *records), records, strict=False):
        totals = with_change(totals, KEY, before, after)
    return totals


def hold(kind: HoldKind) -> Hold:
    return Hold("digest", "policy", (HoldReason(kind, "A reason."),), "ask", START)


def test_an_answer_counts_with_its_amount_and_its_time() -> None:
    totals = counted(CLAIMED, before := posting(), answered(before))
    assert {"answered": 1} == totals.ends
    assert {"verify": Decimal("10.00"), "psms": Decimal("2.50")} == totals.credited
    assert Spread({"120": 1}, 90.0) == totals.answered
    assert Spread() == totals.answered_held


def test_an_answer_after_approval_has_a_time_of_its_own() -> None:
    """How long people take to decide says nothing about creditbot."""
    before = posting(hold=hold(HoldKind.REQUEST_LIMIT))
    totals = counted(before, answered(before, 7200))
    assert (Spread(), Spread({"14400": 1}, 7200.0)) == (totals.answered, totals.answered_held)


def test_an_amount_of_an_earlier_version_belongs_to_no_product() -> None:
    before = posting(Result(Decimal("7.00")))
    assert {UNKNOWN_PRODUCT: Decimal("7.00")} == counted(before, answered(before)).credited


def test_an_answer_that_was_only_found_in_its_thread_does_not_count() -> None:
    """It was posted, and counted, before the state was lost."""
    assert Totals() == counted(CLAIMED, move(CLAIMED, "answered", START, reply=ts_of(START)))


def test_a_request_that_starts_again_ends_again() -> None:
    end = move(CLAIMED, "given_up", START, cause="sql")
    again = move(end, "restarted", START, cause="")
    totals = counted(CLAIMED, end, again, claimed := move(again, "claimed", START), move(claimed, "elsewhere", START))
    assert {"given_up": 1, "elsewhere": 1} == totals.ends


def test_an_end_that_is_written_again_counts_once() -> None:
    end = move(CLAIMED, "given_up", START, cause="sql")
    totals = counted(CLAIMED, end, move(end, "given_up", START, saved=True))
    assert ({"given_up": 1}, {"sql": 1}) == (totals.ends, totals.failures)


def test_a_person_who_answers_what_was_given_up_is_another_end() -> None:
    end = move(CLAIMED, "given_up", START, cause="sql")
    assert {"given_up": 1, "elsewhere": 1} == counted(end, move(end, "elsewhere", START)).ends


@pytest.mark.parametrize("status", ["failed", "computed", "held"])
def test_an_attempt_that_failed_counts_by_its_cause(status: Status) -> None:
    """Whatever the request goes back to."""
    before = replace(CLAIMED, status=status) if status != "failed" else CLAIMED
    off = move(before, status, START, cause="unreachable", due=START + timedelta(minutes=1))
    totals = counted(before, off, again := move(off, status if status != "failed" else "claimed", START))
    assert {"unreachable": 1} == totals.failures
    later = move(again, status, START, cause="refused", due=START + timedelta(minutes=2))
    assert {"unreachable": 1, "refused": 1} == with_change(totals, KEY, again, later).failures


def test_a_request_that_fails_for_good_in_shadow_is_a_failure() -> None:
    """So is one that is given up; one that would have been answered is not."""
    failed = move(CLAIMED, "shadowed", START, would="refused", cause="sql")
    assert ({"shadowed": 1}, {"sql": 1}) == (counted(CLAIMED, failed).ends, counted(CLAIMED, failed).failures)
    assert {} == counted(CLAIMED, move(CLAIMED, "shadowed", START, would="answered")).failures


def test_a_cause_that_was_overcome_is_not_counted_again() -> None:
    """The record keeps what the request once waited for."""
    off = move(CLAIMED, "failed", START, cause="unreachable", due=START + timedelta(minutes=1))
    again = move(off, "claimed", START)
    posted = move(move(again, "computed", START, result=AMOUNT), "posting", START, posts=1)
    assert {"unreachable": 1} == counted(CLAIMED, off, again, posted, answered(posted)).failures


def test_a_wait_without_a_cause_is_not_a_failure() -> None:
    assert Totals() == counted(CLAIMED, move(CLAIMED, "failed", START, due=START))


def test_an_answer_before_its_request_took_no_time() -> None:
    """Slack's clock and ours may differ."""
    before = posting()
    assert Spread({"30": 1}, 0.0) == counted(before, answered(before, -5)).answered


def test_an_answer_whose_place_is_not_known_has_no_time() -> None:
    before = posting()
    totals = counted(before, move(before, "answered", START, reply=""))
    assert ({"answered": 1}, Spread()) == (totals.ends, totals.answered)


def test_times_are_added_up_to_the_millisecond() -> None:
    assert Spread({"30": 2}, 0.247) == Spread().with_one(0.1234).with_one(0.1238)


@pytest.mark.parametrize(
    ("status", "fields", "refused"),
    [
        ("given_up", {"cause": "already credited"}, (1, 0)),
        ("given_up", {"cause": "sql"}, (0, 0)),
        ("denied", {"hold": hold(HoldKind.OVERLAP)}, (0, 1)),
        ("denied", {"hold": hold(HoldKind.REQUEST_LIMIT)}, (0, 0)),
        ("denied", {}, (0, 0)),
        ("elsewhere", {"hold": hold(HoldKind.OVERLAP)}, (0, 0)),
    ],
)
def test_a_refused_overlap_is_the_same_sql_or_denied_traffic(
    status: Status, fields: Mapping[str, object], refused: tuple[int, int]
) -> None:
    before = move(CLAIMED, "computed", START, result=AMOUNT)
    totals = counted(before, move(before, status, START, **fields))
    assert refused == (totals.same_sql, totals.same_traffic)


def test_a_record_that_is_removed_or_unchanged_counts_for_nothing() -> None:
    end = move(CLAIMED, "withdrawn", START)
    assert {"withdrawn": 1} == counted(CLAIMED, end, end, None).ends


@given(st.floats(0, 1e7))
def test_a_time_falls_below_the_first_bound_that_is_not_smaller(seconds: float) -> None:
    (bound,) = Spread().with_one(seconds).counts
    below = [one for one in BOUNDS if one < seconds]
    assert (MORE if len(below) == len(BOUNDS) else str(BOUNDS[len(below)])) == bound


@pytest.mark.parametrize(
    "text",
    ['{"ends":{"answered":-1}}', '{"credited":{"verify":"-1"}}', '{"credited":{"verify":"NaN"}}', '{"same_sql":-1}',
     '{"answered":{"counts":{"soon":1}}}', '{"answered":{"counts":{"30":-1}}}', '{"answered":{"seconds":-1}}',
     '{"same_traffic":-1}', '{"failures":{"sql":-1}}'],
)  # fmt: skip
def test_sums_that_somebody_spoilt_are_set_aside(text: str) -> None:
    """They become zero, which Prometheus takes for a restart, and are not lost: they move to `corrupt`."""
    world = World()
    world.tick()
    world.vandalise(TOTALS, text)
    assert {TOTALS: text} == understand(world.ports().state.read()).broken
    world.tick()
    assert Totals() == world.state().totals
    assert TOTALS in json.loads((world.values or {})["corrupt"])


# --- whole ticks ------------------------------------------------------------------------------------------------------


def test_what_is_forgotten_stays_counted() -> None:
    """The state forgets requests after LOOKBACK_HOURS; the sums do not."""
    world = World()
    key = world.ask("abc")
    world.tick()
    world.ask("gone")
    world.tick_after(days=9)
    world.ask("def")
    world.tick_after(days=9)
    assert not world.knows(key)
    assert {"answered": 2, "given_up": 1} == world.state().totals.ends


def test_an_end_whose_write_is_repeated_counts_once() -> None:
    """The store took the write and its answer was lost."""
    world = World()
    world.ask("abc")
    for nth in range(1, 12):
        world.fail("state-write", StateWriteUnknown("lost"), after=bool(nth % 2))
    world.ticks(6)
    assert ({"answered": 1}, 1) == (world.state().totals.ends, sum(world.state().totals.answered.counts.values()))


def test_two_ticks_at_once_count_an_answer_once() -> None:
    world = World()
    world.ask("abc")
    late = world.bot()
    world.amid("history", world.tick)
    late.tick()
    assert {"answered": 1} == world.state().totals.ends


def test_a_lost_state_counts_no_answer_a_second_time() -> None:
    """It begins at zero; the replies that stand in the threads were counted by the one that is lost."""
    world = World()
    world.ask("abc")
    world.tick()
    world.lose()
    world.ticks(3)
    assert {} == world.state().totals.ends
    world.ask("def")
    world.ticks(2)
    assert {"answered": 1} == world.state().totals.ends
