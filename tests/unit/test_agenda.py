"""What a tick has to do, from the state and the messages it read."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from creditbot.intake.requests import Request
from creditbot.model import Message, RequestKey
from creditbot.state.codec import State
from creditbot.state.record import Claim, Meta, Record, Status
from creditbot.tick.agenda import Agenda, plan
from tests.support.world import START, ts_of

SETTLE = timedelta(minutes=15)
MINUTE = timedelta(minutes=1)
KEY = RequestKey("T1", "C1", ts_of(START))
PARTS = ("finish", "fresh", "again", "cut_off", "edited", "unsaved", "doubtful", "waiting")


def request(key: RequestKey = KEY, edited: str = "") -> Request:
    return Request(key, Message("C1", key.ts, user="U1", edited=edited), ())


def record(status: Status, **changes: Any) -> Record:
    return replace(Record(status, "n", START, saved=True), **changes)


def parts(agenda: Agenda) -> list[str]:
    return [part for part in PARTS if getattr(agenda, part)]


def part_of(
    known: Record | None, meta: Meta | None = None, *, edited: str = "", read: bool = True, later: timedelta = MINUTE
) -> str:
    state = State(meta or Meta(), {str(KEY): known} if known else {})
    found = parts(plan(state, [request(edited=edited)] if read else [], START + later, SETTLE))
    assert len(found) <= 1
    return "".join(found)


def claim(until: timedelta = timedelta(minutes=30)) -> Claim:
    return Claim("pod", START + until)


@pytest.mark.parametrize(
    ("known", "part"),
    [
        (None, "fresh"),
        (record("seen"), "fresh"),
        (record("claimed", claim=claim()), "waiting"),
        (record("claimed", claim=claim(MINUTE)), "cut_off"),
        (record("claimed"), "again"),
        (record("failed", due=START), "again"),
        (record("failed", due=START + MINUTE), "again"),
        (record("failed", due=START + timedelta(hours=1)), "waiting"),
        (record("computed"), "again"),
        (record("computed", due=START + timedelta(hours=1)), "waiting"),
        (record("computed", claim=claim()), "waiting"),
        (record("computed", claim=claim(MINUTE)), "cut_off"),
        (record("posting", claim=claim(MINUTE)), "waiting"),
        (record("posting", at=START + MINUTE - SETTLE), "finish"),
        (record("posting", at=START - SETTLE), "finish"),
        (record("posting", at=START + 2 * MINUTE - SETTLE - timedelta(minutes=30)), "finish"),
        (record("posting", at=START + MINUTE - SETTLE - timedelta(minutes=30)), "cut_off"),
        (record("posting", at=START - SETTLE, claim=claim(timedelta(days=1))), "finish"),
        (record("answered"), ""),
        (record("answered", saved=False), "unsaved"),
        (record("dead", saved=False), "unsaved"),
        (record("answered", posts=1, at=START - SETTLE), ""),
        (record("answered", posts=2, at=START - SETTLE), "doubtful"),
        (record("answered", posts=2, at=START), ""),
        (record("answered", posts=0, doubled=True, at=START - SETTLE), "doubtful"),
        (record("answered", posts=0, doubled=True, at=START), ""),
        (record("answered", posts=2, at=START - SETTLE, checked=1), ""),
        (record("answered", posts=2, at=START + MINUTE - 4 * SETTLE, checked=1), "doubtful"),
        (record("answered", posts=2, at=START + 2 * MINUTE - 4 * SETTLE, checked=1), ""),
        (record("answered", posts=2, at=START + MINUTE - 16 * SETTLE, checked=2), "doubtful"),
        (record("answered", posts=2, at=START - timedelta(days=600), checked=10**9), ""),
        (record("dead", posts=0, at=START - SETTLE), ""),
        (record("dead", posts=1, at=START - SETTLE), "doubtful"),
        (record("dead", posts=1, at=START + MINUTE - SETTLE), "doubtful"),
        (record("elsewhere", posts=1, at=START - SETTLE), "doubtful"),
        (record("withdrawn", posts=1, at=START - SETTLE), "doubtful"),
    ],
)
def test_where_a_request_stands(known: Record | None, part: str) -> None:
    """A posting waits for the settle time and for nothing else; whoever holds a claim is left alone until it ends."""
    assert part == part_of(known)


@pytest.mark.parametrize(
    ("status", "part"),
    [
        ("seen", "fresh"), ("failed", "fresh"), ("dead", "fresh"), ("skipped", "fresh"), ("withdrawn", "fresh"),
        ("answered", "edited"), ("elsewhere", "edited"),
    ],
)  # fmt: skip
def test_where_an_edit_puts_a_request(status: Status, part: str) -> None:
    """What got no reply starts anew, what was answered is told; a request that is under way is not disturbed."""
    assert part == part_of(record(status, due=None), edited="1.1")


@pytest.mark.parametrize("status", ["claimed", "computed", "posting"])
def test_an_edit_does_not_disturb_work(status: Status) -> None:
    """The thread is read before the reply."""
    assert "waiting" == part_of(record(status, claim=claim()), edited="1.1")


@pytest.mark.parametrize("status", ["failed", "dead", "answered"])
def test_an_older_edit_is_none(status: Status) -> None:
    """Slack may show the channel as it was before the edit that was worked on."""
    known = record(status, due=START + timedelta(days=1), edited="10.1")
    waits = "waiting" if status == "failed" else ""
    assert [waits, waits, waits] == [part_of(known, edited=edited) for edited in ("", "9.1", "10.1")]


def test_a_failed_request_that_is_edited_does_not_wait_for_its_turn() -> None:
    """It is another request now."""
    assert "fresh" == part_of(record("failed", due=START + timedelta(days=1)), edited="1.1")


def test_a_request_that_is_not_read_any_more_is_driven_from_the_state() -> None:
    """Whatever its age."""
    assert "again" == part_of(record("failed"), read=False, later=timedelta(days=30))
    assert "" == part_of(record("dead"), read=False)


def test_a_hold_keeps_older_requests_waiting() -> None:
    """New and known ones, until it ends; what came after it, and what has ended, goes on."""
    hold = Meta(hold_since=START + MINUTE, hold_until=START + SETTLE)
    assert "waiting" == part_of(None, hold)
    assert "waiting" == part_of(record("computed"), hold)
    assert "waiting" == part_of(record("posting", at=START - SETTLE), hold)
    assert "fresh" == part_of(None, hold, later=SETTLE)
    for since in (START - MINUTE, START):
        assert "fresh" == part_of(None, Meta(hold_since=since, hold_until=START + SETTLE))
    assert "unsaved" == part_of(record("dead", saved=False), hold)


def test_what_was_forgotten_is_not_begun_again() -> None:
    """Only `creditbot retry` does that: it leaves a record."""
    assert "" == part_of(None, Meta(forgotten_before=START + MINUTE))
    assert "fresh" == part_of(record("seen"), Meta(forgotten_before=START + MINUTE))
    assert "fresh" == part_of(None, Meta(forgotten_before=START))


def test_what_a_prototype_did_is_done() -> None:
    """Its list is of messages."""
    state = State(done=frozenset({KEY.ts}))
    assert [] == parts(plan(state, [request()], START, SETTLE))


def test_the_claim_of_a_process_that_is_gone_need_not_run_out() -> None:
    """Unless it was posting."""
    state = State(records={str(KEY): record("claimed", claim=claim())})
    assert ["cut_off"] == parts(plan(state, [], START, SETTLE, lambda name: name != "pod"))
    state = State(records={str(KEY): record("posting", claim=claim())})
    assert ["waiting"] == parts(plan(state, [], START, SETTLE, lambda _: False))


def test_the_claim_of_a_process_that_is_known_to_run_does_not_run_out() -> None:
    """Its notebooks may take longer than a claim lasts where no deadline ends the process."""
    state = State(records={str(KEY): record("claimed", claim=claim(MINUTE))})
    later = START + timedelta(hours=1)
    assert ["waiting"] == parts(plan(state, [], later, SETTLE, lambda name: name == "pod"))
    assert ["cut_off"] == parts(plan(state, [], later, SETTLE, lambda _: None))
    assert ["cut_off"] == parts(plan(state, [], START + timedelta(days=2), SETTLE, lambda _: True))  # it hangs
    state = State(records={str(KEY): record("posting", at=START - SETTLE, claim=claim())})
    assert ["finish"] == parts(plan(state, [], START, SETTLE, lambda _: True))


def test_each_part_is_oldest_first_and_fresh_requests_go_before_retries() -> None:
    """By Slack's time, as numbers; what may have its reply already goes before all."""
    nine, ten, eleven, twelve, eight, seven = (RequestKey("T1", "C1", f"{s}.000000") for s in (9, 10, 11, 12, 8, 7))
    posted = record("posting", at=START - SETTLE)
    state = State(records={str(nine): record("failed"), str(twelve): posted, str(seven): record("computed")})
    agenda = plan(state, [request(key) for key in (eleven, eight, ten)], START, SETTLE)
    assert [twelve, eight, ten, eleven, seven, nine] == [job.key for job in agenda.requests]


def test_an_agenda_of_those_who_wait_is_idle() -> None:
    """Nothing is to do for anything else."""
    assert Agenda(waiting=plan(State(), [request()], START, SETTLE).fresh).idle
    for part in PARTS[:-1]:
        assert not Agenda(**{part: plan(State(), [request()], START, SETTLE).fresh}).idle
