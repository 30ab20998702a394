"""Compare-and-swap on the bot's memory."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from creditbot.errors import (
    AlreadyCredited,
    StateConflict,
    StateFull,
    StateUnusable,
    StateWriteUnknown,
    Unreachable,
)
from creditbot.ledger import BUDGET, Ledger, State, size_of, understand
from creditbot.model import RequestKey, Workspace
from creditbot.ports import Stored
from creditbot.states import Meta, Notice, Record, move
from tests.fakes import START, MemoryStore, World, ts_of

WORKSPACE = Workspace("T1", "https://acme.slack.com/", "U", "B", {"C1": "credits"}, "abc")
KEY, OTHER = RequestKey("T1", "C1", "1736345678.000100"), RequestKey("T1", "C1", "1736345679.000100")


@pytest.fixture
def world() -> World:
    return World()


def ledger_of(world: World, budget: int = BUDGET) -> Ledger:
    return Ledger(MemoryStore(world), budget=budget)


def claimed() -> Record:
    return move(None, "claimed", START, user="U1")


def test_what_is_swapped_in_is_read_back_field_by_field(world: World) -> None:
    """A record survives the store unchanged: times, amounts and claims included."""
    record = claimed()
    ledger_of(world).swap(KEY, None, record)
    assert {str(KEY): record} == ledger_of(world).read().records


def test_a_decision_on_an_old_record_is_dropped(world: World) -> None:
    """Who claims second does not get the request."""
    first, second = ledger_of(world), ledger_of(world)
    first.read(), second.read()
    first.swap(KEY, None, claimed())
    with pytest.raises(StateConflict):
        second.swap(KEY, None, claimed())


def test_a_record_that_was_changed_and_changed_back_is_not_the_same(world: World) -> None:
    """Equal in all but the nonce is not enough: the decision behind the write was made from another record."""
    ours = claimed()
    ledger_of(world).swap(KEY, None, ours)
    second = ledger_of(world)
    second.read()
    twin = replace(ours, nonce="other")
    ledger_of(world).swap(KEY, ours, twin)
    with pytest.raises(StateConflict):
        second.swap(KEY, ours, move(ours, "computed", START))


def test_a_conflict_with_another_request_is_no_conflict(world: World) -> None:
    """All requests share one version; a write is repeated while its own record stands."""
    first, second = ledger_of(world), ledger_of(world)
    first.read(), second.read()
    first.swap(OTHER, None, claimed())
    second.swap(KEY, None, claimed())
    assert {str(KEY), str(OTHER)} == set(ledger_of(world).read().records)


def test_the_guard_sees_the_state_that_the_write_is_based_on(world: World) -> None:
    """What another process wrote meanwhile is what the guard decides on."""
    ours, theirs = ledger_of(world), ledger_of(world)
    ours.read()
    theirs.swap(OTHER, None, claimed())

    def guard(state: State) -> None:
        if str(OTHER) in state.records:
            raise AlreadyCredited("taken.")

    with pytest.raises(AlreadyCredited):
        ours.swap(KEY, None, claimed(), guard=guard)
    assert str(KEY) not in theirs.read().records


class LosesAnswers(MemoryStore):
    """A store whose next write happens or not, and whose answer is lost."""

    happens = True
    armed = True

    def write(self, values: Mapping[str, str], version: str) -> str:
        if not self.armed:
            return super().write(values, version)
        self.armed = False
        if self.happens:
            super().write(values, version)
        raise StateWriteUnknown("lost.")


@pytest.mark.parametrize("happens", [True, False])
def test_a_write_of_unknown_outcome_is_recognised_by_its_nonce(world: World, happens: bool) -> None:
    """It is read again: there, it is not repeated; not there, it is."""
    store = LosesAnswers(world)
    store.happens = happens
    record = claimed()
    Ledger(store).swap(KEY, None, record)
    assert {str(KEY): record} == ledger_of(world).read().records
    assert 1 == world.version


def test_notices_of_a_swap_are_part_of_the_same_write(world: World) -> None:
    """A dead request and the message about it are never apart."""
    record = claimed()
    ledger = ledger_of(world)
    ledger.swap(KEY, None, record)
    writes = world.version
    ledger.swap(KEY, record, move(record, "dead", START), notices={"n": Notice("due", "1", START, "text")})
    assert writes + 1 == world.version
    assert "due" == ledger_of(world).read().notices["n"].status


def test_ended_requests_older_than_the_window_are_forgotten_once_their_summary_is_there(world: World) -> None:
    """They go with the next write, and the moment up to which that went is kept."""
    old, unsaved, young = (RequestKey("T1", "C1", ts_of(START - timedelta(hours=h))) for h in (100, 99, 1))
    long_ago = START - timedelta(hours=90)
    ledger = ledger_of(world)
    for key, saved in ((old, True), (unsaved, False), (young, True)):
        record = move(None, "claimed", long_ago)
        ledger.swap(key, None, record)
        ledger.swap(key, record, move(record, "skipped", long_ago, saved=saved))
    ledger.forget_before(START - timedelta(hours=72))
    ledger.update_meta(lambda meta: replace(meta, covered_until=START))
    state = ledger_of(world).read()
    assert {str(unsaved), str(young)} == set(state.records)
    assert START - timedelta(hours=100) < (state.meta.forgotten_before or START) < START - timedelta(hours=99)


def test_over_the_budget_nothing_is_begun_but_what_is_under_way_may_end(world: World) -> None:
    """Fail closed before posting, never between posting and remembering it."""
    ledger = ledger_of(world, budget=2_000)
    record = claimed()
    ledger.swap(KEY, None, record)
    posting = move(move(record, "computed", START), "posting", START, reason="x" * 1_900)
    with pytest.raises(StateFull, match="at its limit"):
        ledger.swap(KEY, record, posting)
    ended = move(record, "dead", START, reason="x" * 1_900)
    ledger.swap(KEY, record, ended)
    with pytest.raises(StateFull):
        ledger.swap(OTHER, None, claimed())


def test_the_budget_counts_bytes_not_characters(world: World) -> None:
    """Kubernetes does."""
    assert 3 + 4 == size_of({"key": "üü"})


@pytest.mark.parametrize("broken", ["{", "[]", '{"status": "unheard-of"}', '{"status": "seen"}', "null", ""])
def test_a_value_edited_into_nonsense_is_set_aside(world: World, broken: str) -> None:
    """It does not stop the rest from being read; it moves to the key `corrupt`, cut to 100 KiB."""
    world.values = {str(KEY): broken, "meta": "{}", "of-somebody-else": "kept"}
    ledger = ledger_of(world)
    assert {str(KEY): broken} == ledger.read().broken
    ledger.set_aside(lambda meta: replace(meta, hold_since=START, hold_until=START), {"n": Notice("due", "1", START)})
    assert {"meta", "corrupt", "notice.n", "of-somebody-else"} == set(world.values)
    assert broken == json.loads(world.values["corrupt"])[str(KEY)]
    assert START == ledger.read().meta.hold_since
    assert {} == ledger.read().broken


def test_what_is_set_aside_never_fills_the_state(world: World) -> None:
    """Nonsense of any size is cut."""
    world.values = {str(KEY): "x" * 500_000}
    ledger = ledger_of(world)
    ledger.read()
    ledger.set_aside(lambda meta: meta, {})
    assert 50 * 1024 <= len(world.values["corrupt"]) <= 100 * 1024
    assert json.loads(world.values["corrupt"]).startswith(json.dumps({str(KEY): "xxx"})[:-2])


def test_a_newer_layout_is_refused() -> None:
    """An old version that is rolled back to does not read what it cannot understand."""
    with pytest.raises(StateUnusable, match="newer creditbot"):
        understand(Stored({"meta": '{"schema": 2}'}, "1"))


def test_the_workspace_is_remembered(world: World) -> None:
    """So that an idle tick need not ask who it is."""
    ledger_of(world).update_meta(lambda meta: replace(meta, workspace=WORKSPACE))
    assert WORKSPACE == ledger_of(world).read().meta.workspace


def test_a_409_storm_ends_in_one_sentence(world: World) -> None:
    """A store that conflicts for ever does not keep a tick for ever."""

    class Storm(MemoryStore):
        def write(self, values: object, version: str) -> str:
            raise StateConflict("409.")

    with pytest.raises(Unreachable, match="too often"):
        Ledger(Storm(world)).update_meta(lambda meta: meta)


def test_a_state_is_new_until_a_tick_has_used_it(world: World) -> None:
    """Whatever else it holds, such as a request that `creditbot retry` put there."""
    ledger_of(world).swap(KEY, None, move(None, "seen", START))
    assert ledger_of(world).read().first
    ledger_of(world).update_meta(lambda _: Meta(workspace=WORKSPACE))
    assert not ledger_of(world).read().first


def test_a_state_that_is_lost_while_a_tick_works_stops_it(world: World) -> None:
    """Nothing that was decided before is written on top of an empty state, which would make it look used."""
    ledger = ledger_of(world)
    ledger.update_meta(lambda _: Meta(workspace=WORKSPACE))
    world.values = {}
    world.version += 1
    with pytest.raises(StateUnusable, match="lost"):
        ledger.swap(KEY, None, claimed())
    assert {} == world.values


def test_what_was_edited_into_nonsense_is_not_overwritten(world: World) -> None:
    """Not by whoever finds no record of a request there, and not by an update of the meta."""
    world.values = {str(KEY): "{", "meta": "[", "notice.n": "1"}
    ledger = ledger_of(world)
    with pytest.raises(StateConflict):
        ledger.swap(KEY, None, claimed())
    with pytest.raises(StateConflict):
        ledger.swap_notice("n", None, Notice("due", "1", START))
    with pytest.raises(StateConflict):
        ledger.update_meta(lambda meta: meta)
    assert {str(KEY): "{", "meta": "[", "notice.n": "1"} == world.values


def test_meta_that_is_set_aside_is_kept_as_it_was(world: World) -> None:
    """The evidence is the nonsense, not what takes its place."""
    world.values = {"meta": "[1]"}
    ledger = ledger_of(world)
    ledger.read()
    ledger.set_aside(lambda meta: replace(meta, hold_since=START), {})
    assert "[1]" == json.loads(world.values["corrupt"])["meta"]
    assert START == ledger_of(world).read().meta.hold_since


@pytest.mark.parametrize(
    "broken",
    ['{"status":"seen","nonce":"n","at":"2026-01-08T12:00:00"}',
     '{"status":"claimed","nonce":"n","at":"2026-01-08T12:00:00Z","claim":{"by":"x","until":"2026-01-08T12:00:00"}}'],
)  # fmt: skip
def test_a_time_without_a_zone_is_nonsense(world: World, broken: str) -> None:
    """Nobody can say when it is due, and comparing it would stop every tick."""
    world.values = {str(KEY): broken}
    assert {str(KEY): broken} == ledger_of(world).read().broken


def test_damage_that_another_process_set_aside_is_set_aside_once(world: World) -> None:
    """Two processes that find the same damage tell of it once."""
    first, second = ledger_of(world), ledger_of(world)
    first.read(), second.read()
    first.set_aside(lambda meta: replace(meta, workspace=WORKSPACE), {})
    with pytest.raises(StateConflict, match="set aside by another process"):
        second.set_aside(lambda meta: replace(meta, workspace=WORKSPACE), {})
