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
from tests.support.world import World
from tests.support.world_facts import START, ts_of
from tests.support.world_stores import MemoryStore

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


# -- conflicts ---------------------------------------------------------------------------------------------------------


def test_a_record_is_read_back_as_it_was_written(world: World) -> None:
    """Times, amounts and claims included."""
    record = claimed()
    ledger_of(world).swap(KEY, None, record)
    assert ledger_of(world).read().records == {KEY: record}


def test_of_two_processes_that_claim_a_request_the_second_is_refused(world: World) -> None:
    first, second = ledger_of(world), ledger_of(world)
    first.read(), second.read()
    first.swap(KEY, None, claimed())
    changed = f"The state of request {KEY} was changed by somebody else."
    with pytest.raises(StateConflict, match=whole(changed)):
        second.swap(KEY, None, claimed())


def test_a_write_based_on_a_newer_record_than_is_remembered_succeeds(world: World) -> None:
    """What a process remembers of the store may be behind: it reads again before it gives up."""
    ours = ledger_of(world)
    ours.read()
    theirs = claimed()
    ledger_of(world).swap(KEY, None, theirs)
    ours.swap(KEY, theirs, move(theirs, "computed", START))
    assert ledger_of(world).read().records[KEY].status == "computed"


def test_the_store_is_read_once_and_again_only_after_a_conflict(world: World) -> None:
    ours, record = ledger_of(world), claimed()
    ours.swap(KEY, None, record)
    ours.swap(OTHER, None, claimed())
    assert world.counted() == {"state-read": 1, "state-write": 2}
    with pytest.raises(StateConflict):
        ours.swap(OTHER, None, claimed())
    assert world.counted() == {"state-read": 1}
    with pytest.raises(StateConflict):
        ledger_of(world).swap(KEY, None, claimed())
    assert world.counted() == {"state-read": 1}
    ledger_of(world).swap(KEY, record, move(record, "computed", START))
    world.counted()
    with pytest.raises(StateConflict):
        ours.swap(KEY, record, move(record, "computed", START))
    assert world.counted() == {"state-read": 1, "state-write": 1}


def test_a_lost_write_is_not_repeated_when_another_took_the_request(world: World) -> None:
    """The store is read once, and that decides."""

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
    assert world.counted() == {"state-read": 1}


def test_a_record_that_was_changed_back_is_another_record(world: World) -> None:
    """It differs in its nonce alone: the decision behind the write was made from another record."""
    ours = claimed()
    ledger_of(world).swap(KEY, None, ours)
    second = ledger_of(world)
    second.read()
    twin = replace(ours, nonce="other")
    ledger_of(world).swap(KEY, ours, twin)
    with pytest.raises(StateConflict):
        second.swap(KEY, ours, move(ours, "computed", START))


def test_writes_of_two_requests_do_not_conflict(world: World) -> None:
    """All requests share one version of the state; a write is repeated while its own record stands."""
    first, second = ledger_of(world), ledger_of(world)
    first.read(), second.read()
    first.swap(OTHER, None, claimed())
    second.swap(KEY, None, claimed())
    assert set(ledger_of(world).read().records) == {KEY, OTHER}


def test_a_guard_sees_what_another_process_wrote_meanwhile(world: World) -> None:
    """It is asked about the very state that the write is based on."""
    ours, theirs = ledger_of(world), ledger_of(world)
    ours.read()
    theirs.swap(OTHER, None, claimed())

    def guard(state: State) -> None:
        if OTHER in state.records:
            raise AlreadyCredited("taken.")

    with pytest.raises(AlreadyCredited):
        ours.swap(KEY, None, claimed(), guard=guard)
    assert KEY not in theirs.read().records


# -- writes of unknown outcome -----------------------------------------------------------------------------------------


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
def test_a_write_of_unknown_outcome_happens_once(world: World, write: Callable[[Ledger], None], happens: bool) -> None:
    """The state is read again: the write is repeated only where its nonce is not there."""
    store = LosesAnswers(world)
    store.happens = happens
    ledger = Ledger(store)
    write(ledger)
    assert world.version == 1
    found = ledger_of(world).read()
    assert ledger.state.records == found.records
    assert ledger.state.notices == found.notices
    assert ledger.state.meta == found.meta
    assert found.records or found.notices or found.meta.nonce


def test_a_write_that_arrives_after_it_was_not_there_happens_once(world: World) -> None:
    """The repeated write meets it as a conflict: it is its own record that stands there."""

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
    assert ledger_of(world).read().records == {KEY: record}
    assert ledger.state.records == {KEY: record}
    assert world.version == 1


def test_a_record_and_the_message_about_it_are_written_together(world: World) -> None:
    """A request is never given up without the message that says so."""
    record = claimed()
    ledger = ledger_of(world)
    ledger.swap(KEY, None, record)
    writes = world.version
    ledger.swap(KEY, record, move(record, "given_up", START), notices={"n": Notice("due", "1", START, "text")})
    assert world.version == writes + 1
    assert ledger_of(world).read().notices["n"].status == "due"


# -- forgetting --------------------------------------------------------------------------------------------------------


def test_old_requests_are_forgotten_when_they_ended_and_have_a_summary(world: World) -> None:
    """With the next write, which keeps up to which moment requests are forgotten."""
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
    assert set(state.records) == {unsaved, young}
    assert START - timedelta(hours=100) + timedelta(microseconds=1) == state.meta.forgotten_before


def test_requests_that_were_asked_or_ended_at_the_limit_are_not_forgotten(world: World) -> None:
    """A request is forgotten when it is older than the limit and its end is, too."""
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
    assert set(state.records) == set(ended)
    assert state.meta.forgotten_before is None


def test_old_messages_to_the_owner_are_forgotten_when_they_were_told(world: World) -> None:
    """But for those about an outage, which is not over."""
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
    assert ledger_of(world).read().notices == notices


def test_old_entries_of_a_prototypes_list_are_forgotten(world: World) -> None:
    """They need not be known for longer than their messages are read."""
    moment = START - timedelta(hours=72)
    old, edge, young = (ts_of(moment + timedelta(hours=hours)) for hours in (-1, 0, 1))
    world.values = {DONE: json.dumps([young, old, edge])}
    ledger = ledger_of(world)
    assert ledger.read().done == {old, edge, young}
    ledger.forget_before(moment)
    ledger.update_meta(lambda meta: meta)
    assert json.loads(world.values[DONE]) == [edge, young]
    forgotten = ledger_of(world).read().meta.forgotten_before
    assert forgotten
    assert time_of(old) < forgotten < moment  # none of them is begun, should the window grow


def test_a_write_leaves_the_text_of_everything_else_as_it_is(world: World) -> None:
    """A person may have formatted it."""
    by_hand = json.dumps({"status": "restarted", "nonce": "n", "at": "2026-01-08T12:00:00Z"}, indent=4)
    world.values = {str(OTHER): by_hand, "of-somebody-else": "kept", "meta": f'{{"schema":{SCHEMA}}}'}
    ledger_of(world).swap(KEY, None, claimed())
    assert world.values[str(OTHER)] == by_hand
    assert world.values["of-somebody-else"] == "kept"


def test_damage_that_the_store_found_is_passed_on() -> None:
    assert understand(Stored({}, "1", "Cut off.")).damage == "Cut off."


# -- the budget --------------------------------------------------------------------------------------------------------


def test_over_the_budget_nothing_is_begun_but_everything_may_end(world: World) -> None:
    """The state fails before a post, never between a post and its record."""
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


def test_a_request_that_fills_the_budget_to_the_last_byte_is_begun(world: World) -> None:
    """One byte less is too little."""
    ledger_of(world).update_meta(lambda meta: meta)
    empty = ledger_of(world).read().size
    ledger_of(world).swap(KEY, None, claimed())
    full = 2 * ledger_of(world).read().size - empty
    with pytest.raises(StateFull):
        ledger_of(world, budget=full - 1).swap(OTHER, None, claimed())
    ledger_of(world, budget=full).swap(OTHER, None, claimed())
    assert ledger_of(world).read().size == full


def test_over_the_budget_a_smaller_state_is_no_reason_to_begin(world: World) -> None:
    """What counts is the room that is left for the ends of what was begun."""
    record = move(None, "claimed", START, reason="x" * 1_000)
    ledger_of(world).swap(KEY, None, record)
    with pytest.raises(StateFull):
        ledger_of(world, budget=50).swap(KEY, record, move(record, "restarted", START, reason=""))


def test_over_the_budget_a_request_may_end_while_others_are_under_way(world: World) -> None:
    """Only what this write begins counts."""
    first, second = claimed(), claimed()
    ledger = ledger_of(world)
    ledger.swap(KEY, None, first)
    ledger.swap(OTHER, None, second)
    ledger_of(world, budget=100).swap(KEY, first, move(first, "skipped", START))
    assert ledger_of(world).read().records[KEY].status == "skipped"


def test_over_the_stores_limit_only_writes_that_need_no_room_succeed(world: World) -> None:
    """What makes room must not be refused for want of it."""
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


def test_the_budget_counts_bytes_and_not_characters(world: World) -> None:
    """As Kubernetes does."""
    assert size_of({"key": "üü"}) == 3 + 4


# -- what cannot be read -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("broken", ["{", "[]", '{"status": "unheard-of"}', '{"status": "restarted"}', "null", ""])
def test_a_value_that_cannot_be_read_is_set_aside(world: World, broken: str) -> None:
    """The rest is read; the value moves to the key `corrupt`."""
    world.values = {str(KEY): broken, "meta": "{}", "of-somebody-else": "kept"}
    ledger = ledger_of(world)
    assert ledger.read().broken == {str(KEY): broken}
    ledger.set_aside(
        lambda meta: replace(meta, pause_before=START, pause_until=START), {"n": Notice("due", "1", START)}
    )
    assert set(world.values) == {"meta", "window", "corrupt", "notice.n", "of-somebody-else"}
    assert json.loads(world.values["corrupt"])[str(KEY)] == broken
    assert ledger.read().meta.pause_before == START
    assert ledger.read().broken == {}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("meta", {"covered_until": "0001-01-01T00:00:00Z"}), ("meta", {"forgotten_before": "9999-01-01T00:00:00Z"}),
        ("T1.C1.1767873600.000001", {"status": "posting", "nonce": "n", "at": "2100-01-01T00:00:00Z"}),
        ("notice.n", {"status": "telling", "nonce": "n", "at": "2000-12-31T00:00:00Z"}),
    ],
)  # fmt: skip
def test_a_time_far_from_now_cannot_be_read(world: World, key: str, value: dict[str, str]) -> None:
    """It cannot be reckoned with, or a tick would wait for it for years."""
    world.values = {key: json.dumps(value)}
    assert list(ledger_of(world).read().broken) == [key]


@pytest.mark.parametrize(("amount", "broken"), [("-5", True), ("0.00", True), ("NaN", True), ("0.01", False)])
def test_an_amount_that_is_never_posted_cannot_be_read(world: World, amount: str, broken: bool) -> None:
    value = {"status": "computed", "nonce": "n", "at": "2026-01-08T12:00:00Z", "result": {"amount": amount}}
    world.values = {str(KEY): json.dumps(value)}
    assert bool(ledger_of(world).read().broken) == broken


@pytest.mark.parametrize("edited", ["x", "1.1234567x", "1736345678", "1736345678.0001.00"])
def test_a_time_of_an_edit_that_is_not_a_ts_cannot_be_read(world: World, edited: str) -> None:
    """Edits are compared by it, for every request of a tick."""
    value = json.dumps({"status": "failed", "nonce": "n", "at": "2026-01-08T12:00:00Z", "edited": edited})
    world.values = {str(KEY): value}
    assert ledger_of(world).read().broken == {str(KEY): value}


def test_a_key_that_no_request_can_have_is_left_alone(world: World) -> None:
    """It is neither worked on nor set aside: it may be somebody else's."""
    world.values = {"T1.C1.1.1234567x": "{"}
    state = ledger_of(world).read()
    assert state.records == {}
    assert state.broken == {}


@pytest.mark.parametrize(
    "done", ["5", "null", "[[1]]", '["abc"]', '"abc"', "[1]", '["99999999999999999999.0"]', "[" * 100_000]
)
def test_a_prototypes_list_that_cannot_be_read_is_set_aside(world: World, done: str) -> None:
    """It stops no tick, and nothing is forgotten by it."""
    world.values = {DONE: done}
    ledger = ledger_of(world)
    assert ledger.read().broken == {DONE: done}
    ledger.forget_before(START)
    ledger.set_aside(lambda meta: replace(meta, workspace=WORKSPACE), {})
    assert ledger.read().broken == {}
    assert ledger.read().done == frozenset()


def test_a_meta_that_is_nested_too_deep_cannot_be_read(world: World) -> None:
    """It does not count as that of a newer version, however it begins."""
    world.values = {"meta": '{"schema":' + "[" * 100_000}
    assert list(ledger_of(world).read().broken) == ["meta"]


def test_a_value_that_is_set_aside_is_cut(world: World) -> None:
    """Nonsense of any size must not fill the state."""
    world.values = {str(KEY): "x" * 500_000}
    ledger = ledger_of(world)
    ledger.read()
    ledger.set_aside(lambda meta: meta, {})
    assert json.loads(world.values["corrupt"]).startswith(json.dumps({str(KEY): "xxx"})[:-2])


@pytest.mark.parametrize("letter", ["x", '"'])
def test_a_value_that_is_set_aside_is_kept_whole_where_it_fits(world: World, letter: str) -> None:
    """Where it does not, half the room is used: escaping can double a text."""
    around = len(json.dumps({str(KEY): ""}))
    room = (CORRUPT_LIMIT - around) // len(json.dumps(letter)[1:-1])
    kept = []
    for length in (room, room + 1):
        world.values = {str(KEY): letter * length}
        ledger_of(world).set_aside(lambda meta: meta, {})
        assert len(world.values["corrupt"]) <= CORRUPT_LIMIT
        kept.append(json.loads(world.values["corrupt"]))
    assert kept[0] == {str(KEY): letter * room}
    assert len(kept[1]) == CORRUPT_LIMIT // 2 - 1


def test_values_that_were_set_aside_before_are_kept(world: World) -> None:
    """While there is room."""
    for broken in ("{", "[", "nonsense"):
        world.values = {**(world.values or {}), str(KEY): broken}
        world.version += 1
        ledger_of(world).set_aside(lambda meta: replace(meta, workspace=WORKSPACE), {})
    assert world.values
    corrupt = json.loads(world.values["corrupt"])
    assert corrupt[str(KEY)] == "nonsense"
    assert json.loads(corrupt["earlier"]) == {str(KEY): "[", "earlier": json.dumps({str(KEY): "{"})}


# -- layouts -----------------------------------------------------------------------------------------------------------


def test_a_state_of_a_newer_layout_is_refused() -> None:
    """A version that is rolled back to must not read what it cannot understand."""
    newer = (
        "The state was written by a newer creditbot (layout 4; this one knows 3). "
        "Deploy that version again, or a newer one."
    )
    with pytest.raises(StateUnusable, match=whole(newer)):
        understand(Stored({"meta": '{"schema": 4}'}, "1"))
    assert understand(Stored({"meta": '{"schema": 1}'}, "1")).meta.schema == SCHEMA


def test_a_state_that_a_later_version_wrote_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every version writes its layout."""
    monkeypatch.setattr(document, "SCHEMA", SCHEMA + 1)
    ledger_of(world).update_meta(lambda meta: replace(meta, covered_until=START))
    assert world.values
    assert world.values["meta"].startswith(f'{{"schema":{SCHEMA + 1},')
    monkeypatch.undo()
    with pytest.raises(StateUnusable, match="newer creditbot"):
        ledger_of(world).read()


@pytest.mark.parametrize("schema", ['"2"', "0", "-1", "1.0", "true", "null", "[]"])
def test_a_layout_that_never_existed_cannot_be_read(world: World, schema: str) -> None:
    """It is set aside like any other value that somebody edited."""
    world.values = {"meta": f'{{"schema":{schema}}}'}
    assert list(ledger_of(world).read().broken) == ["meta"]


# -- a state that is new, lost or damaged ------------------------------------------------------------------------------


def test_the_workspace_is_remembered(world: World) -> None:
    """So that an idle tick need not ask Slack who it is."""
    ledger_of(world).update_meta(lambda meta: replace(meta, workspace=WORKSPACE))
    assert ledger_of(world).read().meta.workspace == WORKSPACE


def test_a_store_that_conflicts_each_time_ends_the_write(world: World) -> None:
    """It must not keep a tick busy without end."""

    class Storm(MemoryStore):
        def write(self, values: object, version: str) -> str:
            raise StateConflict("409.")

    with pytest.raises(Unreachable) as refused:
        Ledger(Storm(world)).update_meta(lambda meta: meta)
    assert str(refused.value) == "Gave up writing the state: other processes keep changing it."
    assert refused.value.service == STATE_STORE


def test_a_state_is_new_until_a_tick_has_used_it(world: World) -> None:
    """Whatever else it holds, such as a request that `creditbot retry` put there."""
    ledger_of(world).swap(KEY, None, move(None, "restarted", START))
    assert ledger_of(world).read().first
    ledger_of(world).update_meta(lambda _: Meta(workspace=WORKSPACE))
    assert not ledger_of(world).read().first


def test_a_state_that_is_lost_while_a_tick_works_stops_the_tick(world: World) -> None:
    """What it would write on top of an empty state would make that look used."""
    ledger = ledger_of(world)
    ledger.update_meta(lambda _: Meta(workspace=WORKSPACE))
    world.lose()
    lost = "The state was lost while this tick worked. The next tick reads the threads before it answers."
    with pytest.raises(StateUnusable, match=whole(lost)):
        ledger.swap(KEY, None, claimed())
    assert world.values == {}


def test_how_far_was_read_and_forgotten_survives_the_loss_of_meta(world: World) -> None:
    """Both are written under a key of their own, too; nothing else of meta is."""
    ledger = ledger_of(world)
    ledger.update_meta(
        lambda meta: replace(meta, covered_until=START, forgotten_before=START - timedelta(hours=1), pause_before=START)
    )
    assert world.values
    assert json.loads(world.values["window"]) == {
        "schema": SCHEMA,
        "covered_until": "2026-01-08T12:00:00Z",
        "forgotten_before": "2026-01-08T11:00:00Z",
    }
    world.values["meta"] = "?"
    meta = ledger_of(world).read().meta
    assert meta.covered_until == START
    assert meta.forgotten_before == START - timedelta(hours=1)
    assert meta.pause_before is None


def test_a_value_that_cannot_be_read_is_not_overwritten(world: World) -> None:
    """Not by a process that finds no record of a request there, and not by an update of the meta."""
    world.values = {str(KEY): "{", "meta": "[", "notice.n": "1"}
    ledger = ledger_of(world)
    with pytest.raises(StateConflict):
        ledger.swap(KEY, None, claimed())
    with pytest.raises(StateConflict, match=whole("The notice n was changed by somebody else.")):
        ledger.swap_notice("n", None, NOTICE)
    nonsense = "The state's `meta` entry cannot be read."
    with pytest.raises(StateConflict, match=whole(nonsense)):
        ledger.update_meta(lambda meta: meta)
    assert world.values == {str(KEY): "{", "meta": "[", "notice.n": "1"}


def test_a_meta_that_is_set_aside_is_kept_as_it_was(world: World) -> None:
    """The evidence is the nonsense, not what takes its place."""
    world.values = {"meta": "[1]"}
    ledger = ledger_of(world)
    ledger.read()
    ledger.set_aside(lambda meta: replace(meta, pause_before=START), {})
    assert json.loads(world.values["corrupt"])["meta"] == "[1]"
    assert ledger_of(world).read().meta.pause_before == START


@pytest.mark.parametrize(
    "broken",
    ['{"status":"restarted","nonce":"n","at":"2026-01-08T12:00:00"}',
     '{"status":"claimed","nonce":"n","at":"2026-01-08T12:00:00Z","claim":{"by":"x","until":"2026-01-08T12:00:00"}}'],
)  # fmt: skip
def test_a_time_without_a_zone_cannot_be_read(world: World, broken: str) -> None:
    """Nobody can say when it is due, and comparing it would stop every tick."""
    world.values = {str(KEY): broken}
    assert ledger_of(world).read().broken == {str(KEY): broken}


def test_two_processes_set_the_same_damage_aside_once(world: World) -> None:
    """The second is refused, and tells nobody of it."""
    first, second = ledger_of(world), ledger_of(world)
    first.read(), second.read()
    first.set_aside(lambda meta: replace(meta, workspace=WORKSPACE), {})
    quicker = "Another process has already set the damaged entries aside."
    with pytest.raises(StateConflict, match=whole(quicker)):
        second.set_aside(lambda meta: replace(meta, workspace=WORKSPACE), {})
