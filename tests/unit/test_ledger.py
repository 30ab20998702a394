"""Compare-and-swap on the bot's memory."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from creditbot.errors import (
    STATE_STORE,
    AlreadyCredited,
    StateConflict,
    StateFull,
    StateUnusable,
    StateWriteUnknown,
    Unreachable,
)
from creditbot.model import RequestKey, Workspace
from creditbot.ports import Stored
from creditbot.slack_time import time_of
from creditbot.state import codec as document
from creditbot.state.codec import CORRUPT_LIMIT, DONE, State, size_of, understand
from creditbot.state.ledger import BUDGET, LIMIT, Ledger
from creditbot.state.record import SCHEMA, Meta, Notice, Record, move
from tests.support.world import START, MemoryStore, World, ts_of

WORKSPACE = Workspace("T1", "https://acme.slack.com/", "U", "B", {"C1": "credits"}, "abc")
NOTICE = Notice("due", "1", START, "text")
KEY, OTHER = RequestKey("T1", "C1", "1736345678.000100"), RequestKey("T1", "C1", "1736345679.000100")


@pytest.fixture
def world() -> World:
    return World()


def ledger_of(world: World, budget: int = BUDGET) -> Ledger:
    return Ledger(MemoryStore(world), budget=budget)


def whole(sentence: str) -> str:
    """A pattern for `match` that takes the sentence and nothing besides."""
    return f"^{re.escape(sentence)}$"


def claimed() -> Record:
    return move(None, "claimed", START, user="U1")


def test_what_is_swapped_in_is_read_back_field_by_field(world: World) -> None:
    """A record survives the store unchanged: times, amounts and claims included."""
    record = claimed()
    ledger_of(world).swap(KEY, None, record)
    assert {KEY: record} == ledger_of(world).read().records


def test_a_decision_on_an_old_record_is_dropped(world: World) -> None:
    """Who claims second does not get the request."""
    first, second = ledger_of(world), ledger_of(world)
    first.read(), second.read()
    first.swap(KEY, None, claimed())
    changed = f"The state of request {KEY} was changed by somebody else."
    with pytest.raises(StateConflict, match=whole(changed)):
        second.swap(KEY, None, claimed())


def test_a_decision_on_a_newer_record_than_was_remembered_is_taken(world: World) -> None:
    """What this process remembers of the store may be behind: it reads again before it gives up."""
    ours = ledger_of(world)
    ours.read()
    theirs = claimed()
    ledger_of(world).swap(KEY, None, theirs)
    ours.swap(KEY, theirs, move(theirs, "computed", START))
    assert "computed" == ledger_of(world).read().records[KEY].status


def test_the_store_is_read_as_often_as_a_decision_needs_it(world: World) -> None:
    """Once at first, not for a write after that, and once more where what is remembered does not fit."""
    ours, record = ledger_of(world), claimed()
    ours.swap(KEY, None, record)
    ours.swap(OTHER, None, claimed())
    assert {"state-read": 1, "state-write": 2} == world.counted()
    with pytest.raises(StateConflict):
        ours.swap(OTHER, None, claimed())
    assert {"state-read": 1} == world.counted()
    with pytest.raises(StateConflict):
        ledger_of(world).swap(KEY, None, claimed())
    assert {"state-read": 1} == world.counted()
    ledger_of(world).swap(KEY, record, move(record, "computed", START))
    world.counted()
    with pytest.raises(StateConflict):
        ours.swap(KEY, record, move(record, "computed", START))
    assert {"state-read": 1, "state-write": 1} == world.counted()


def test_a_lost_write_whose_record_was_taken_meanwhile_is_not_repeated(world: World) -> None:
    """It is read once, and decided on that."""

    class Overtaken(LosesAnswers):
        def read(self) -> Stored:
            if not self.armed and str(KEY) not in (world.values or {}):
                ledger_of(world).swap(KEY, None, claimed())
                world.counted()
            return super().read()

    store = Overtaken(world)
    store.happens = False
    with pytest.raises(StateConflict):
        Ledger(store).swap(KEY, None, claimed())
    assert {"state-read": 1} == world.counted()


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
    assert {KEY, OTHER} == set(ledger_of(world).read().records)


def test_the_guard_sees_the_state_that_the_write_is_based_on(world: World) -> None:
    """What another process wrote meanwhile is what the guard decides on."""
    ours, theirs = ledger_of(world), ledger_of(world)
    ours.read()
    theirs.swap(OTHER, None, claimed())

    def guard(state: State) -> None:
        if OTHER in state.records:
            raise AlreadyCredited("taken.")

    with pytest.raises(AlreadyCredited):
        ours.swap(KEY, None, claimed(), guard=guard)
    assert KEY not in theirs.read().records


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


WRITES: dict[str, Callable[[Ledger], None]] = {
    "a record": lambda ledger: ledger.swap(KEY, None, claimed()),
    "a notice": lambda ledger: ledger.swap_notice("n", None, NOTICE),
    "the meta": lambda ledger: ledger.update_meta(lambda meta: replace(meta, covered_until=START)),
    "a hold": lambda ledger: ledger.set_aside(lambda meta: replace(meta, workspace=WORKSPACE), {}),
}


@pytest.mark.parametrize("happens", [True, False], ids=["happened", "lost"])
@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_write_of_unknown_outcome_is_recognised_by_its_nonce(
    world: World, write: Callable[[Ledger], None], happens: bool
) -> None:
    """It is read again: there, it is not repeated; not there, it is."""
    store = LosesAnswers(world)
    store.happens = happens
    ledger = Ledger(store)
    write(ledger)
    assert 1 == world.version
    found = ledger_of(world).read()
    assert (found.records, found.notices, found.meta) == (ledger.state.records, ledger.state.notices, ledger.state.meta)
    assert found.records or found.notices or found.meta.nonce


def test_a_write_that_lands_after_it_was_not_found_is_recognised_too(world: World) -> None:
    """The repeated write meets it as a conflict: it is our own record that stands there."""

    class Late(MemoryStore):
        late: list[Callable[[], str]]

        def write(self, values: Mapping[str, str], version: str) -> str:
            if not hasattr(self, "late"):
                self.late = [lambda: super(Late, self).write(values, version)]
                raise StateWriteUnknown("lost.")
            if self.late:
                self.late.pop()()
            return super().write(values, version)

    record = claimed()
    ledger = Ledger(Late(world))
    ledger.swap(KEY, None, record)
    assert {KEY: record} == ledger_of(world).read().records == ledger.state.records
    assert 1 == world.version


def test_notices_of_a_swap_are_part_of_the_same_write(world: World) -> None:
    """A dead request and the message about it are never apart."""
    record = claimed()
    ledger = ledger_of(world)
    ledger.swap(KEY, None, record)
    writes = world.version
    ledger.swap(KEY, record, move(record, "given_up", START), notices={"n": Notice("due", "1", START, "text")})
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
    assert {unsaved, young} == set(state.records)
    assert START - timedelta(hours=100) + timedelta(microseconds=1) == state.meta.forgotten_before


def test_what_ended_or_was_asked_at_the_very_moment_is_not_forgotten_yet(world: World) -> None:
    """A request is forgotten when it is older than the window and its end is, too."""
    moment = START - timedelta(hours=72)
    before = moment - timedelta(hours=1)
    ended = {RequestKey("T1", "C1", ts_of(before)): moment, RequestKey("T1", "C1", ts_of(moment)): before}
    ledger = ledger_of(world)
    for key, at in ended.items():
        record = move(None, "claimed", at)
        ledger.swap(key, None, record)
        ledger.swap(key, record, move(record, "skipped", at, saved=True))
    ledger.forget_before(moment)
    ledger.update_meta(lambda meta: meta)
    state = ledger_of(world).read()
    assert (set(ended), None) == (set(state.records), state.meta.forgotten_before)


def test_messages_to_the_owner_are_forgotten_once_they_are_told(world: World) -> None:
    """Unless they are of a cause, which is not over; what waits to be told is never forgotten."""
    moment = START - timedelta(hours=72)
    before = moment - timedelta(hours=1)
    notices = {
        "old": Notice("told", "1", before),
        "young": Notice("told", "2", moment),
        "due": Notice("due", "3", before, "text"),
        "telling": Notice("telling", "4", before, "text"),
        "cause.looker": Notice("told", "5", before),
    }
    ledger = ledger_of(world)
    for name, notice in notices.items():
        ledger.swap_notice(name, None, notice)
    ledger.forget_before(moment)
    ledger.update_meta(lambda meta: meta)
    del notices["old"]
    assert notices == ledger_of(world).read().notices


def test_messages_of_a_prototype_are_forgotten_with_the_window(world: World) -> None:
    """They need not be known for longer than they are read."""
    moment = START - timedelta(hours=72)
    old, edge, young = (ts_of(moment + timedelta(hours=hours)) for hours in (-1, 0, 1))
    world.values = {DONE: json.dumps([young, old, edge])}
    ledger = ledger_of(world)
    assert {old, edge, young} == ledger.read().done
    ledger.forget_before(moment)
    ledger.update_meta(lambda meta: meta)
    assert [edge, young] == json.loads(world.values[DONE])
    forgotten = ledger_of(world).read().meta.forgotten_before
    assert forgotten
    assert time_of(old) < forgotten < moment  # none of them is begun, should the window grow


def test_what_did_not_change_keeps_its_text(world: World) -> None:
    """A state that somebody formatted by hand stays as it is, but for what is written."""
    by_hand = json.dumps({"status": "restarted", "nonce": "n", "at": "2026-01-08T12:00:00Z"}, indent=4)
    world.values = {str(OTHER): by_hand, "of-somebody-else": "kept", "meta": f'{{"schema":{SCHEMA}}}'}
    ledger_of(world).swap(KEY, None, claimed())
    assert (by_hand, "kept") == (world.values[str(OTHER)], world.values["of-somebody-else"])


def test_what_the_store_found_damaged_is_told() -> None:
    """It says so itself, beside what it could read."""
    assert "Cut off." == understand(Stored({}, "1", "Cut off.")).damage


def test_over_the_budget_nothing_is_begun_but_what_is_under_way_may_end(world: World) -> None:
    """Fail closed before posting, never between posting and remembering it."""
    ledger = ledger_of(world, budget=500 * 1024)
    record = claimed()
    ledger.swap(KEY, None, record)
    posting = move(move(record, "computed", START), "posting", START, reason="x" * 600 * 1024)
    with pytest.raises(StateFull) as refused:
        ledger.swap(KEY, record, posting)
    assert str(refused.value) == (
        "The state is at its limit (600 KiB of 500 KiB). Nothing is posted until requests older than LOOKBACK_HOURS "
        "can be forgotten: lower LOOKBACK_HOURS, or find out why summaries cannot be saved."
    )
    ended = move(record, "given_up", START, reason="x" * 600 * 1024)
    ledger.swap(KEY, record, ended)
    with pytest.raises(StateFull):
        ledger.swap(OTHER, None, claimed())


def test_what_fills_the_budget_to_the_last_byte_is_begun(world: World) -> None:
    """One byte less is too little."""
    ledger_of(world).update_meta(lambda meta: meta)
    empty = ledger_of(world).read().size
    ledger_of(world).swap(KEY, None, claimed())
    full = 2 * ledger_of(world).read().size - empty
    with pytest.raises(StateFull):
        ledger_of(world, budget=full - 1).swap(OTHER, None, claimed())
    ledger_of(world, budget=full).swap(OTHER, None, claimed())
    assert full == ledger_of(world).read().size


def test_over_the_budget_also_a_write_that_makes_the_state_smaller_begins_nothing(world: World) -> None:
    """What counts is what is left for the ends of what is begun."""
    record = move(None, "claimed", START, reason="x" * 1_000)
    ledger_of(world).swap(KEY, None, record)
    with pytest.raises(StateFull):
        ledger_of(world, budget=50).swap(KEY, record, move(record, "restarted", START, reason=""))


def test_over_the_budget_requests_under_way_are_no_reason_to_refuse_the_end_of_one(world: World) -> None:
    """Only what this write begins counts."""
    first, second = claimed(), claimed()
    ledger = ledger_of(world)
    ledger.swap(KEY, None, first)
    ledger.swap(OTHER, None, second)
    ledger_of(world, budget=100).swap(KEY, first, move(first, "skipped", START))
    assert "skipped" == ledger_of(world).read().records[KEY].status


def test_over_the_limit_of_the_store_only_what_makes_the_state_no_larger_is_written(world: World) -> None:
    """An end must find room; what makes room must not be refused for want of it."""
    record = claimed()
    ledger_of(world).swap(KEY, None, record)
    ended = move(record, "skipped", START, reason="y" * 10)
    ledger_of(world).swap(KEY, record, ended)
    assert world.values
    world.values["of-somebody-else"] = "x" * LIMIT
    world.version += 1
    for length in (10, 9):
        again = move(ended, "skipped", START, reason="x" * length)
        ledger_of(world).swap(KEY, ended, again)
        ended = again
    with pytest.raises(StateFull):
        ledger_of(world).swap(KEY, ended, move(ended, "skipped", START, reason="x" * 10))


def test_the_budget_counts_bytes_not_characters(world: World) -> None:
    """Kubernetes does."""
    assert 3 + 4 == size_of({"key": "üü"})


@pytest.mark.parametrize("broken", ["{", "[]", '{"status": "unheard-of"}', '{"status": "restarted"}', "null", ""])
def test_a_value_edited_into_nonsense_is_set_aside(world: World, broken: str) -> None:
    """It does not stop the rest from being read; it moves to the key `corrupt`, cut to 100 KiB."""
    world.values = {str(KEY): broken, "meta": "{}", "of-somebody-else": "kept"}
    ledger = ledger_of(world)
    assert {str(KEY): broken} == ledger.read().broken
    ledger.set_aside(lambda meta: replace(meta, hold_before=START, hold_until=START), {"n": Notice("due", "1", START)})
    assert {"meta", "window", "corrupt", "notice.n", "of-somebody-else"} == set(world.values)
    assert broken == json.loads(world.values["corrupt"])[str(KEY)]
    assert START == ledger.read().meta.hold_before
    assert {} == ledger.read().broken


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("meta", {"covered_until": "0001-01-01T00:00:00Z"}), ("meta", {"forgotten_before": "9999-01-01T00:00:00Z"}),
        ("T1.C1.1767873600.000001", {"status": "posting", "nonce": "n", "at": "2100-01-01T00:00:00Z"}),
        ("notice.n", {"status": "telling", "nonce": "n", "at": "2000-12-31T00:00:00Z"}),
    ],
)  # fmt: skip
def test_a_time_that_nobody_means_is_nonsense(world: World, key: str, value: dict[str, str]) -> None:
    """One cannot reckon with it, or waits for it for ever."""
    world.values = {key: json.dumps(value)}
    assert [key] == list(ledger_of(world).read().broken)


@pytest.mark.parametrize(("amount", "broken"), [("-5", True), ("0.00", True), ("NaN", True), ("0.01", False)])
def test_an_amount_that_nobody_posts_is_nonsense(world: World, amount: str, broken: bool) -> None:
    """No credit comes to it."""
    value = {"status": "computed", "nonce": "n", "at": "2026-01-08T12:00:00Z", "result": {"amount": amount}}
    world.values = {str(KEY): json.dumps(value)}
    assert broken == bool(ledger_of(world).read().broken)


@pytest.mark.parametrize("edited", ["x", "1.1234567x", "1736345678", "1736345678.0001.00"])
def test_a_time_of_an_edit_that_is_none_is_nonsense(world: World, edited: str) -> None:
    """Edits are compared by it for every request of a tick."""
    value = json.dumps({"status": "failed", "nonce": "n", "at": "2026-01-08T12:00:00Z", "edited": edited})
    world.values = {str(KEY): value}
    assert {str(KEY): value} == ledger_of(world).read().broken


def test_a_key_that_no_message_can_have_is_somebody_elses(world: World) -> None:
    """It is neither worked on nor set aside."""
    world.values = {"T1.C1.1.1234567x": "{"}
    state = ledger_of(world).read()
    assert ({}, {}) == (state.records, state.broken)


@pytest.mark.parametrize(
    "done", ["5", "null", "[[1]]", '["abc"]', '"abc"', "[1]", '["99999999999999999999.0"]', "[" * 100_000]
)
def test_a_list_of_a_prototype_that_is_nonsense_is_set_aside_too(world: World, done: str) -> None:
    """It stops no tick, and nothing is forgotten by it."""
    world.values = {DONE: done}
    ledger = ledger_of(world)
    assert {DONE: done} == ledger.read().broken
    ledger.forget_before(START)
    ledger.set_aside(lambda meta: replace(meta, workspace=WORKSPACE), {})
    assert ({}, frozenset()) == (ledger.read().broken, ledger.read().done)


def test_meta_of_any_depth_is_nonsense_and_no_newer_layout(world: World) -> None:
    """However deep it is."""
    world.values = {"meta": '{"schema":' + "[" * 100_000}
    assert ["meta"] == list(ledger_of(world).read().broken)


def test_what_is_set_aside_never_fills_the_state(world: World) -> None:
    """Nonsense of any size is cut."""
    world.values = {str(KEY): "x" * 500_000}
    ledger = ledger_of(world)
    ledger.read()
    ledger.set_aside(lambda meta: meta, {})
    assert json.loads(world.values["corrupt"]).startswith(json.dumps({str(KEY): "xxx"})[:-2])


@pytest.mark.parametrize("letter", ["x", '"'])
def test_what_is_set_aside_is_kept_whole_where_it_fits_and_to_the_half_where_escaping_could_double_it(
    world: World, letter: str
) -> None:
    """So that it fits in any case."""
    around = len(json.dumps({str(KEY): ""}))
    room = (CORRUPT_LIMIT - around) // len(json.dumps(letter)[1:-1])
    kept = []
    for length in (room, room + 1):
        world.values = {str(KEY): letter * length}
        ledger_of(world).set_aside(lambda meta: meta, {})
        assert len(world.values["corrupt"]) <= CORRUPT_LIMIT
        kept.append(json.loads(world.values["corrupt"]))
    assert {str(KEY): letter * room} == kept[0]
    assert CORRUPT_LIMIT // 2 - 1 == len(kept[1])


def test_what_was_set_aside_before_is_kept(world: World) -> None:
    """Until it does not fit any more."""
    for broken in ("{", "[", "nonsense"):
        world.values = {**(world.values or {}), str(KEY): broken}
        world.version += 1
        ledger_of(world).set_aside(lambda meta: replace(meta, workspace=WORKSPACE), {})
    assert world.values
    corrupt = json.loads(world.values["corrupt"])
    assert "nonsense" == corrupt[str(KEY)]
    assert {str(KEY): "[", "earlier": json.dumps({str(KEY): "{"})} == json.loads(corrupt["earlier"])


def test_a_newer_layout_is_refused() -> None:
    """An old version that is rolled back to does not read what it cannot understand."""
    newer = (
        "The state was written by a newer creditbot (layout 3; this one knows 2). "
        "Deploy that version again, or a newer one."
    )
    with pytest.raises(StateUnusable, match=whole(newer)):
        understand(Stored({"meta": '{"schema": 3}'}, "1"))
    assert SCHEMA == understand(Stored({"meta": '{"schema": 1}'}, "1")).meta.schema


def test_a_state_that_a_later_version_wrote_is_refused_by_this_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The layout is written whatever it is."""
    monkeypatch.setattr(document, "SCHEMA", SCHEMA + 1)
    ledger_of(world).update_meta(lambda meta: replace(meta, covered_until=START))
    assert world.values
    assert world.values["meta"].startswith(f'{{"schema":{SCHEMA + 1},')
    monkeypatch.undo()
    with pytest.raises(StateUnusable, match="newer creditbot"):
        ledger_of(world).read()


@pytest.mark.parametrize("schema", ['"2"', "0", "-1", "1.0", "true", "null", "[]"])
def test_a_layout_that_never_was_is_nonsense(world: World, schema: str) -> None:
    """It is set aside like any other value that somebody edited."""
    world.values = {"meta": f'{{"schema":{schema}}}'}
    assert ["meta"] == list(ledger_of(world).read().broken)


def test_the_workspace_is_remembered(world: World) -> None:
    """So that an idle tick need not ask who it is."""
    ledger_of(world).update_meta(lambda meta: replace(meta, workspace=WORKSPACE))
    assert WORKSPACE == ledger_of(world).read().meta.workspace


def test_a_409_storm_ends_in_one_sentence(world: World) -> None:
    """A store that conflicts for ever does not keep a tick for ever."""

    class Storm(MemoryStore):
        def write(self, values: object, version: str) -> str:
            raise StateConflict("409.")

    with pytest.raises(Unreachable) as refused:
        Ledger(Storm(world)).update_meta(lambda meta: meta)
    assert "Gave up writing the state: other processes keep changing it." == str(refused.value)
    assert STATE_STORE == refused.value.service


def test_a_state_is_new_until_a_tick_has_used_it(world: World) -> None:
    """Whatever else it holds, such as a request that `creditbot retry` put there."""
    ledger_of(world).swap(KEY, None, move(None, "restarted", START))
    assert ledger_of(world).read().first
    ledger_of(world).update_meta(lambda _: Meta(workspace=WORKSPACE))
    assert not ledger_of(world).read().first


def test_a_state_that_is_lost_while_a_tick_works_stops_it(world: World) -> None:
    """Nothing that was decided before is written on top of an empty state, which would make it look used."""
    ledger = ledger_of(world)
    ledger.update_meta(lambda _: Meta(workspace=WORKSPACE))
    world.values = {}
    world.version += 1
    lost = "The state was lost while this tick worked. The next tick reads the threads before it answers."
    with pytest.raises(StateUnusable, match=whole(lost)):
        ledger.swap(KEY, None, claimed())
    assert {} == world.values


def test_how_far_was_read_and_forgotten_is_written_twice(world: World) -> None:
    """Under a key of its own, and nothing else of meta."""
    ledger = ledger_of(world)
    ledger.update_meta(
        lambda meta: replace(meta, covered_until=START, forgotten_before=START - timedelta(hours=1), hold_before=START)
    )
    assert world.values
    assert {
        "schema": SCHEMA,
        "covered_until": "2026-01-08T12:00:00Z",
        "forgotten_before": "2026-01-08T11:00:00Z",
    } == json.loads(world.values["window"])
    world.values["meta"] = "?"
    meta = ledger_of(world).read().meta
    assert (START, START - timedelta(hours=1), None) == (meta.covered_until, meta.forgotten_before, meta.hold_before)


def test_what_was_edited_into_nonsense_is_not_overwritten(world: World) -> None:
    """Not by whoever finds no record of a request there, and not by an update of the meta."""
    world.values = {str(KEY): "{", "meta": "[", "notice.n": "1"}
    ledger = ledger_of(world)
    with pytest.raises(StateConflict):
        ledger.swap(KEY, None, claimed())
    with pytest.raises(StateConflict, match=whole("The notice n was changed by somebody else.")):
        ledger.swap_notice("n", None, NOTICE)
    nonsense = "The state's `meta` entry cannot be read."
    with pytest.raises(StateConflict, match=whole(nonsense)):
        ledger.update_meta(lambda meta: meta)
    assert {str(KEY): "{", "meta": "[", "notice.n": "1"} == world.values


def test_meta_that_is_set_aside_is_kept_as_it_was(world: World) -> None:
    """The evidence is the nonsense, not what takes its place."""
    world.values = {"meta": "[1]"}
    ledger = ledger_of(world)
    ledger.read()
    ledger.set_aside(lambda meta: replace(meta, hold_before=START), {})
    assert "[1]" == json.loads(world.values["corrupt"])["meta"]
    assert START == ledger_of(world).read().meta.hold_before


@pytest.mark.parametrize(
    "broken",
    ['{"status":"restarted","nonce":"n","at":"2026-01-08T12:00:00"}',
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
    quicker = "Another process has already set the damaged entries aside."
    with pytest.raises(StateConflict, match=whole(quicker)):
        second.set_aside(lambda meta: replace(meta, workspace=WORKSPACE), {})
