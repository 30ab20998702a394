"""What a tick has to do, from the state and the messages it read."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from creditbot.intake.requests import Request
from creditbot.model import Message, RequestKey
from creditbot.state.codec import State
from creditbot.state.record import Claim, Meta, Record, Status
from creditbot.tick.agenda import Agenda, Part, plan
from tests.support.world_facts import START, ts_of

SETTLE = timedelta(minutes=15)
MINUTE = timedelta(minutes=1)
KEY = RequestKey("T1", "C1", ts_of(START))


def request(key: RequestKey = KEY, edited: str = "", replies: int = 0) -> Request:
    return Request(key, Message("C1", key.ts, user="U1", edited=edited, replies=replies), ())


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
        (record("elsewhere", at=START), ""),
        (record("elsewhere", at=START - SETTLE), "DOUBTFUL"),
        (record("elsewhere", at=START - SETTLE, checked=1), ""),
        (record("elsewhere", at=START + MINUTE - 4 * SETTLE, checked=1), "DOUBTFUL"),
        (record("elsewhere", at=START, saved=False), "UNSAVED"),
        (record("withdrawn", posts=1, at=START - SETTLE), "DOUBTFUL"),
    ],
)
def test_a_record_decides_what_is_done_with_its_request(known: Record | None, part: str) -> None:
    """A posting waits for the settle time and nothing else; whoever holds a claim is left alone until it ends."""
    assert part_of(known) == part


@pytest.mark.parametrize("status", ["answered", "elsewhere", "given_up", "denied", "skipped"])
@pytest.mark.parametrize(("replies", "part"), [(0, "DOUBTFUL"), (1, ""), (2, "DOUBTFUL")])
def test_a_thread_with_another_number_of_replies_is_read(status: Status, replies: int, part: str) -> None:
    """One more may be a second answer, one less may be the answer."""
    state = State(records={KEY: record(status, replies=1)})
    assert parts(plan(state, [request(replies=replies)], START + MINUTE, SETTLE)) == [part] * bool(part)


def test_talk_below_a_deleted_request_is_not_read() -> None:
    state = State(records={KEY: record("withdrawn")})
    assert parts(plan(state, [request(replies=3)], START + MINUTE, SETTLE)) == []


@pytest.mark.parametrize(
    ("status", "part"),
    [
        ("restarted", "START"), ("failed", "START"), ("given_up", "START"), ("skipped", "START"),
        ("withdrawn", "START"), ("answered", "EDITED"), ("elsewhere", "EDITED"),
    ],
)  # fmt: skip
def test_an_edit_restarts_a_request_without_reply_and_is_told_after_one(status: Status, part: str) -> None:
    assert part_of(record(status, due=None), edited="1.1") == part


@pytest.mark.parametrize("status", ["claimed", "computed", "posting"])
def test_an_edit_does_not_disturb_a_request_that_is_worked_on(status: Status) -> None:
    """Its thread is read before the reply."""
    assert part_of(record(status, claim=claim()), edited="1.1") == "WAITING"


@pytest.mark.parametrize("status", ["failed", "given_up", "answered"])
def test_an_edit_that_was_worked_on_already_does_not_count(status: Status) -> None:
    """Slack may show the channel as it was before."""
    known = record(status, due=START + timedelta(days=1), edited="10.1")
    waits = "WAITING" if status == "failed" else ""
    assert [part_of(known, edited=edited) for edited in ("", "9.1", "10.1")] == [waits, waits, waits]


def test_an_edited_request_does_not_wait_until_its_next_try_is_due() -> None:
    """It asks for something else now."""
    assert part_of(record("failed", due=START + timedelta(days=1)), edited="1.1") == "START"


def test_an_unfinished_request_is_worked_on_when_no_reading_shows_it() -> None:
    """Whatever its age."""
    assert part_of(record("failed"), read=False, later=timedelta(days=30)) == "RETRY"
    assert part_of(record("given_up"), read=False) == ""


HOLD = Meta(pause_before=START + MINUTE, pause_until=START + SETTLE)


@pytest.mark.parametrize(
    "known", [None, record("computed"), record("posting", at=START - SETTLE)], ids=["new", "computed", "posting"]
)
def test_a_hold_keeps_older_requests_waiting(known: Record | None) -> None:
    assert part_of(known, HOLD) == "WAITING"


def test_a_hold_ends() -> None:
    assert part_of(None, HOLD, later=SETTLE) == "START"


@pytest.mark.parametrize("before", [START - MINUTE, START])
def test_a_hold_does_not_concern_requests_that_came_after_it(before: datetime) -> None:
    assert part_of(None, replace(HOLD, pause_before=before)) == "START"


def test_a_hold_does_not_concern_requests_that_have_ended() -> None:
    assert part_of(record("given_up", saved=False), HOLD) == "UNSAVED"


def test_a_forgotten_request_is_not_begun_again() -> None:
    """Only `creditbot retry` does that: it leaves a record."""
    assert part_of(None, Meta(forgotten_before=START + MINUTE)) == ""
    assert part_of(record("restarted"), Meta(forgotten_before=START + MINUTE)) == "START"
    assert part_of(None, Meta(forgotten_before=START)) == "START"


def test_a_request_on_a_prototypes_list_is_done() -> None:
    state = State(done=frozenset({KEY.ts}))
    assert parts(plan(state, [request()], START, SETTLE)) == []


def test_the_claim_of_a_process_that_is_gone_need_not_run_out() -> None:
    """Unless it was posting."""
    state = State(records={KEY: record("claimed", claim=claim())})
    assert parts(plan(state, [], START, SETTLE, lambda name: name != "pod")) == ["CUT_OFF"]
    state = State(records={KEY: record("posting", claim=claim())})
    assert parts(plan(state, [], START, SETTLE, lambda _: False)) == ["WAITING"]


def test_the_claim_of_a_running_process_lasts_a_day_longer() -> None:
    """Its notebooks may take longer than a claim lasts where no deadline ends the process; after a day it hangs."""
    state = State(records={KEY: record("claimed", claim=claim(MINUTE))})
    later = START + timedelta(hours=1)
    assert parts(plan(state, [], later, SETTLE, lambda name: name == "pod")) == ["WAITING"]
    assert parts(plan(state, [], later, SETTLE, lambda _: None)) == ["CUT_OFF"]
    assert parts(plan(state, [], START + timedelta(days=2), SETTLE, lambda _: True)) == ["CUT_OFF"]
    state = State(records={KEY: record("posting", at=START - SETTLE, claim=claim())})
    assert parts(plan(state, [], START, SETTLE, lambda _: True)) == ["FINISH"]


def test_new_requests_go_before_retries_and_older_ones_first() -> None:
    """By Slack's time, as numbers; what may have its reply already goes before all."""
    nine, ten, eleven, twelve, eight, seven = (RequestKey("T1", "C1", f"{s}.000000") for s in (9, 10, 11, 12, 8, 7))
    posted = record("posting", at=START - SETTLE)
    state = State(records={nine: record("failed"), twelve: posted, seven: record("computed")})
    agenda = plan(state, [request(key) for key in (eleven, eight, ten)], START, SETTLE)
    assert [job.key for job in agenda.answerable] == [twelve, eight, ten, eleven, seven, nine]


def test_an_agenda_of_waiting_requests_is_idle() -> None:
    jobs = plan(State(), [request()], START, SETTLE)[Part.START]
    assert Agenda({Part.WAITING: jobs}).idle
    for part in set(Part) - {Part.WAITING, Part.DONE}:
        assert not Agenda({part: jobs}).idle, part
