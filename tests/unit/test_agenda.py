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
from creditbot.tick.agenda import Agenda, Part, plan
from tests.support.world import START, ts_of

SETTLE = timedelta(minutes=15)
MINUTE = timedelta(minutes=1)
KEY = RequestKey("T1", "C1", ts_of(START))


def request(key: RequestKey = KEY, edited: str = "") -> Request:
    return Request(key, Message("C1", key.ts, user="U1", edited=edited), ())


def record(status: Status, **changes: Any) -> Record:
    return replace(Record(status, "n", START, saved=True), **changes)


def parts(agenda: Agenda) -> list[str]:
    return [part.name for part in Part if agenda[part]]


def part_of(
    known: Record | None, meta: Meta | None = None, *, edited: str = "", read: bool = True, later: timedelta = MINUTE
) -> str:
    state = State(meta or Meta(), {KEY: known} if known else {})
    found = parts(plan(state, [request(edited=edited)] if read else [], START + later, SETTLE))
    assert len(found) <= 1
    return "".join(found)


def claim(until: timedelta = timedelta(minutes=30)) -> Claim:
    return Claim("pod", START + until)


@pytest.mark.parametrize(
    ("known", "part"),
    [
        (None, "START"),
        (record("restarted"), "START"),
        (record("claimed", claim=claim()), "WAITING"),
        (record("claimed", claim=claim(MINUTE)), "CUT_OFF"),
        (record("claimed"), "RETRY"),
        (record("failed", due=START), "RETRY"),
        (record("failed", due=START + MINUTE), "RETRY"),
        (record("failed", due=START + timedelta(hours=1)), "WAITING"),
        (record("computed"), "RETRY"),
        (record("computed", due=START + timedelta(hours=1)), "WAITING"),
        (record("computed", claim=claim()), "WAITING"),
        (record("computed", claim=claim(MINUTE)), "CUT_OFF"),
        (record("posting", claim=claim(MINUTE)), "WAITING"),
        (record("posting", at=START + MINUTE - SETTLE), "FINISH"),
        (record("posting", at=START - SETTLE), "FINISH"),
        (record("posting", at=START + 2 * MINUTE - SETTLE - timedelta(minutes=30)), "FINISH"),
        (record("posting", at=START + MINUTE - SETTLE - timedelta(minutes=30)), "CUT_OFF"),
        (record("posting", at=START - SETTLE, claim=claim(timedelta(days=1))), "FINISH"),
        (record("answered"), ""),
        (record("answered", saved=False), "UNSAVED"),
        (record("given_up", saved=False), "UNSAVED"),
        (record("answered", posts=1, at=START - SETTLE), ""),
        (record("answered", posts=2, at=START - SETTLE), "DOUBTFUL"),
        (record("answered", posts=2, at=START), ""),
        (record("answered", posts=0, doubled=True, at=START - SETTLE), "DOUBTFUL"),
        (record("answered", posts=0, doubled=True, at=START), ""),
        (record("answered", posts=2, at=START - SETTLE, checked=1), ""),
        (record("answered", posts=2, at=START + MINUTE - 4 * SETTLE, checked=1), "DOUBTFUL"),
        (record("answered", posts=2, at=START + 2 * MINUTE - 4 * SETTLE, checked=1), ""),
        (record("answered", posts=2, at=START + MINUTE - 16 * SETTLE, checked=2), "DOUBTFUL"),
        (record("answered", posts=2, at=START - timedelta(days=600), checked=10**9), ""),
        (record("given_up", posts=0, at=START - SETTLE), ""),
        (record("given_up", posts=1, at=START - SETTLE), "DOUBTFUL"),
        (record("given_up", posts=1, at=START + MINUTE - SETTLE), "DOUBTFUL"),
        (record("elsewhere", posts=1, at=START - SETTLE), "DOUBTFUL"),
        (record("withdrawn", posts=1, at=START - SETTLE), "DOUBTFUL"),
    ],
)
def test_where_a_request_stands(known: Record | None, part: str) -> None:
    """A posting waits for the settle time and for nothing else; whoever holds a claim is left alone until it ends."""
    assert part == part_of(known)


@pytest.mark.parametrize(
    ("status", "part"),
    [
        ("restarted", "START"), ("failed", "START"), ("given_up", "START"), ("skipped", "START"),
        ("withdrawn", "START"), ("answered", "EDITED"), ("elsewhere", "EDITED"),
    ],
)  # fmt: skip
def test_where_an_edit_puts_a_request(status: Status, part: str) -> None:
    """What got no reply starts anew, what was answered is told; a request that is under way is not disturbed."""
    assert part == part_of(record(status, due=None), edited="1.1")


@pytest.mark.parametrize("status", ["claimed", "computed", "posting"])
def test_an_edit_does_not_disturb_work(status: Status) -> None:
    """The thread is read before the reply."""
    assert "WAITING" == part_of(record(status, claim=claim()), edited="1.1")


@pytest.mark.parametrize("status", ["failed", "given_up", "answered"])
def test_an_older_edit_is_none(status: Status) -> None:
    """Slack may show the channel as it was before the edit that was worked on."""
    known = record(status, due=START + timedelta(days=1), edited="10.1")
    waits = "WAITING" if status == "failed" else ""
    assert [waits, waits, waits] == [part_of(known, edited=edited) for edited in ("", "9.1", "10.1")]


def test_a_failed_request_that_is_edited_does_not_wait_for_its_turn() -> None:
    """It is another request now."""
    assert "START" == part_of(record("failed", due=START + timedelta(days=1)), edited="1.1")


def test_a_request_that_is_not_read_any_more_is_driven_from_the_state() -> None:
    """Whatever its age."""
    assert "RETRY" == part_of(record("failed"), read=False, later=timedelta(days=30))
    assert "" == part_of(record("given_up"), read=False)


def test_a_hold_keeps_older_requests_waiting() -> None:
    """New and known ones, until it ends; what came after it, and what has ended, goes on."""
    hold = Meta(hold_before=START + MINUTE, hold_until=START + SETTLE)
    assert "WAITING" == part_of(None, hold)
    assert "WAITING" == part_of(record("computed"), hold)
    assert "WAITING" == part_of(record("posting", at=START - SETTLE), hold)
    assert "START" == part_of(None, hold, later=SETTLE)
    for since in (START - MINUTE, START):
        assert "START" == part_of(None, Meta(hold_before=since, hold_until=START + SETTLE))
    assert "UNSAVED" == part_of(record("given_up", saved=False), hold)


def test_what_was_forgotten_is_not_begun_again() -> None:
    """Only `creditbot retry` does that: it leaves a record."""
    assert "" == part_of(None, Meta(forgotten_before=START + MINUTE))
    assert "START" == part_of(record("restarted"), Meta(forgotten_before=START + MINUTE))
    assert "START" == part_of(None, Meta(forgotten_before=START))


def test_what_a_prototype_did_is_done() -> None:
    """Its list is of messages."""
    state = State(done=frozenset({KEY.ts}))
    assert [] == parts(plan(state, [request()], START, SETTLE))


def test_the_claim_of_a_process_that_is_gone_need_not_run_out() -> None:
    """Unless it was posting."""
    state = State(records={KEY: record("claimed", claim=claim())})
    assert ["CUT_OFF"] == parts(plan(state, [], START, SETTLE, lambda name: name != "pod"))
    state = State(records={KEY: record("posting", claim=claim())})
    assert ["WAITING"] == parts(plan(state, [], START, SETTLE, lambda _: False))


def test_the_claim_of_a_process_that_is_known_to_run_does_not_run_out() -> None:
    """Its notebooks may take longer than a claim lasts where no deadline ends the process."""
    state = State(records={KEY: record("claimed", claim=claim(MINUTE))})
    later = START + timedelta(hours=1)
    assert ["WAITING"] == parts(plan(state, [], later, SETTLE, lambda name: name == "pod"))
    assert ["CUT_OFF"] == parts(plan(state, [], later, SETTLE, lambda _: None))
    assert ["CUT_OFF"] == parts(plan(state, [], START + timedelta(days=2), SETTLE, lambda _: True))  # it hangs
    state = State(records={KEY: record("posting", at=START - SETTLE, claim=claim())})
    assert ["FINISH"] == parts(plan(state, [], START, SETTLE, lambda _: True))


def test_each_part_is_oldest_first_and_fresh_requests_go_before_retries() -> None:
    """By Slack's time, as numbers; what may have its reply already goes before all."""
    nine, ten, eleven, twelve, eight, seven = (RequestKey("T1", "C1", f"{s}.000000") for s in (9, 10, 11, 12, 8, 7))
    posted = record("posting", at=START - SETTLE)
    state = State(records={nine: record("failed"), twelve: posted, seven: record("computed")})
    agenda = plan(state, [request(key) for key in (eleven, eight, ten)], START, SETTLE)
    assert [twelve, eight, ten, eleven, seven, nine] == [job.key for job in agenda.answerable]


def test_an_agenda_of_those_who_wait_is_idle() -> None:
    """Nothing is to do for anything else."""
    jobs = plan(State(), [request()], START, SETTLE)[Part.START]
    assert Agenda({Part.WAITING: jobs}).idle
    for part in set(Part) - {Part.WAITING, Part.DONE}:
        assert not Agenda({part: jobs}).idle, part
