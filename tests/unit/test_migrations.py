"""A state that an older version wrote is read, worked on, and written in the layout of today."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from creditbot.evidence.summary import outcome_fields
from creditbot.model import RequestKey
from creditbot.ports import Stored
from creditbot.state.codec import State, size_of, understand, values_after
from creditbot.state.ledger import LIMIT, Ledger
from creditbot.state.migrations import STEPS, migrated_meta, migrated_record
from creditbot.state.record import SCHEMA
from tests.support.world import World

WRITTEN: dict[str, Any] = json.loads((Path(__file__).parents[1] / "states" / "layout_1.json").read_text())
"""What version 0.1.0 left when its process was killed with requests in every state, and what its summaries say."""
ANSWERED, GIVEN_UP, AGAIN, RESTARTED, POSTING, COMPUTED = (
    RequestKey.parse(f"T0TEST.C0TEST.{ts}")
    for ts in (
        "1767873600.000002", "1767873630.000003", "1767873660.000007", "1767873665.000010", "1767873695.000015",
        "1767873725.000017",
    )
)  # fmt: skip


@pytest.fixture
def state() -> State:
    return understand(Stored(WRITTEN["values"], "1"))


def without(*names: str) -> State:
    """The same state after somebody removed entries by hand."""
    return understand(Stored({name: text for name, text in WRITTEN["values"].items() if name not in names}, "1"))


def test_every_entry_of_an_older_state_can_be_read(state: State) -> None:
    assert {} == state.broken


def test_statuses_of_an_older_state_have_their_names_of_today(state: State) -> None:
    assert {
        ANSWERED: "answered", GIVEN_UP: "given_up", AGAIN: "answered", RESTARTED: "restarted", POSTING: "posting",
        COMPUTED: "computed",
    } == {key: record.status for key, record in state.records.items()}  # fmt: skip


def test_who_overrode_a_refusal_is_still_known(state: State) -> None:
    assert "dana@laptop" == state.records[AGAIN].overridden_by


def test_where_a_summary_stands_is_still_known(state: State) -> None:
    result = state.records[POSTING].result
    assert result is not None
    assert f"memory:{POSTING}" == result.location


def test_a_pause_of_an_older_state_still_counts(state: State) -> None:
    assert state.meta.pause_before
    assert state.pauses(COMPUTED, state.meta.pause_before)


@pytest.mark.parametrize("lost", [("meta",), ("window",), ("meta", "window")])
def test_records_are_read_where_the_number_of_the_layout_is_lost(lost: tuple[str, ...], state: State) -> None:
    assert state.records == without(*lost).records


def test_the_next_write_leaves_nothing_in_the_old_layout(state: State) -> None:
    new = replace(state, meta=replace(state.meta, nonce="another"))
    rewritten = understand(Stored(values_after(state, new), "2"))
    assert SCHEMA == rewritten.layout
    assert (new.records, new.notices, new.meta) == (rewritten.records, rewritten.notices, rewritten.meta)


def test_a_write_after_the_number_was_lost_says_it_again() -> None:
    state = without("meta", "window")
    assert SCHEMA == understand(Stored(values_after(state, state), "2")).layout


def test_a_meta_that_cannot_be_read_is_not_overwritten_by_a_migration() -> None:
    values = {**WRITTEN["values"], "meta": "?"}
    state = understand(Stored(values, "1"))
    assert "?" == values_after(state, state)["meta"]


def test_a_state_of_today_keeps_the_text_of_what_did_not_change(state: State) -> None:
    values = values_after(state, state)
    today = understand(Stored(values, "2"))
    assert values == values_after(today, replace(today, meta=replace(today.meta)))


def test_requests_of_an_older_state_are_worked_on_as_before() -> None:
    world = World(values=dict(WRITTEN["values"]))
    world.now = max(record.at for record in world.state().records.values())
    world.wait(hours=2)
    world.tick()
    assert world.state().layout == SCHEMA


@pytest.mark.parametrize(
    ("written", "today"),
    [
        ({"status": "dead", "again": "ann"}, {"status": "given_up", "overridden_by": "ann"}),
        ({"status": "seen"}, {"status": "restarted"}),
        ({"status": "answered", "result": {"place": "x"}}, {"status": "answered", "result": {"location": "x"}}),
        ({"status": 7, "result": None}, {"status": 7, "result": None}),
        ({"status": "given_up", "overridden_by": "ann"}, {"status": "given_up", "overridden_by": "ann"}),
    ],
)
def test_a_record_of_layout_1_is_renamed(written: dict[str, Any], today: dict[str, Any]) -> None:
    assert today == migrated_record(written, 1)


def test_meta_of_layout_1_is_renamed() -> None:
    assert {"pause_before": "x", "schema": SCHEMA} == migrated_meta({"hold_since": "x"}, 1)


def test_what_is_in_the_layout_of_today_stays_as_it_is() -> None:
    assert {"status": "dead"} == migrated_record({"status": "dead"}, SCHEMA)


def test_there_is_a_step_from_each_layout_to_the_next() -> None:
    assert SCHEMA - 1 == len(STEPS)


def test_outcomes_of_older_summaries_are_told_in_the_words_of_today() -> None:
    outcome = outcome_fields({"outcome": WRITTEN["outcomes"][str(AGAIN)]})
    assert ("answered", "dana@laptop") == (outcome["status"], outcome["overridden_by"])
    assert "given_up" == outcome_fields({"outcome": WRITTEN["outcomes"][str(GIVEN_UP)]})["status"]


def test_a_state_in_which_nothing_was_written_is_in_the_layout_of_today() -> None:
    assert SCHEMA == understand(Stored({}, "")).layout


def test_the_window_says_the_layout_where_meta_cannot_be_read(state: State) -> None:
    today = values_after(state, state)
    assert SCHEMA == understand(Stored({**today, "meta": "?"}, "1")).layout


def test_a_meta_that_names_no_layout_is_in_the_first() -> None:
    """It says so only while that is the default: the first version left the number out at times."""
    meta = '{"hold_since": "2026-01-08T12:00:00Z"}'
    assert understand(Stored({"meta": meta}, "1")).meta.pause_before


def test_meta_of_today_stays_as_it_is() -> None:
    assert {"hold_since": "x", "schema": SCHEMA} == migrated_meta({"hold_since": "x"}, SCHEMA)


def test_a_ledger_remembers_that_it_has_written_the_layout_of_today() -> None:
    """It would write every record again with each write."""
    world = World(values=dict(WRITTEN["values"]))
    ledger = Ledger(world.ports().state)
    assert 1 == ledger.read().layout
    ledger.update_meta(lambda meta: meta)
    assert SCHEMA == ledger.state.layout


def test_the_window_names_the_layout_while_meta_cannot_be_read() -> None:
    """An older version would take the new records for broken ones if the document still claimed its layout."""
    state = understand(Stored({**WRITTEN["values"], "meta": "?"}, "1"))
    assert SCHEMA == json.loads(values_after(state, state)["window"])["schema"]


def test_a_full_state_of_an_older_layout_can_still_be_written() -> None:
    """Its records are longer in the layout of today; only a write that adds to them needs room."""
    record = {"status": "dead", "nonce": "n", "at": "2026-01-09T12:00:00Z", "again": "bob", "reason": "r" * 400}
    values = {"meta": WRITTEN["values"]["meta"]}
    entry = json.dumps(record)
    for number in range((LIMIT - 2_000) // (len(entry) + 24)):
        values[f"T0.C0.17{number:08d}.000100"] = entry
    assert size_of(values) < LIMIT
    world = World(values=values)
    Ledger(world.ports().state).update_meta(lambda meta: meta)
    assert size_of(world.values or {}) > LIMIT
