"""The log of ends: each end is in it once and for all, whatever dies, and nothing that Slack vouches for is lost."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from creditbot.errors import Unreachable
from creditbot.evidence.log import Checkpoint, checkpoint_of, end_digest, end_of, origin_of, read_entry
from creditbot.evidence.merkle import Tree
from creditbot.evidence.page_parts import page_parts
from creditbot.model import RequestKey
from creditbot.state.codec import LOG
from creditbot.state.ledger import Ledger
from tests.support.ticks import stopped
from tests.support.world import World

DOWN = Unreachable("the summary store", "It is down.")


def logged(world: World) -> list[tuple[RequestKey, str]]:
    """(request, status) of each entry, in order; asserts that there is no gap."""
    assert list(range(len(world.log))) == sorted(world.log)
    entries = [read_entry(world.log[number]) for number in sorted(world.log)]
    return [(entry.key, entry.end["status"]) for entry in entries]


def root(world: World, size: int) -> bytes:
    tree = Tree()
    for number in range(size):
        tree = tree.with_entry(world.log[number])
    return tree.root


def is_sound(world: World) -> bool:
    """The state, the checkpoints and the replies agree with the entries."""
    head = world.state().log
    assert head
    vouched = [m.marker.checkpoint for posts in world.posted().values() for m in posts if m.marker]
    known = [Checkpoint.parse(text) for text in (*world.checkpoints.values(), *filter(None, vouched))]
    known.append(checkpoint_of(head) or Checkpoint("", 0, Tree().root))
    return not head.waiting and all(point.root == root(world, point.size) for point in known)


def test_each_end_becomes_one_entry(world: World) -> None:
    answered, given_up = world.ask("abc"), world.ask("gone")
    world.ticks(3)
    assert [(answered, "answered"), (given_up, "given_up")] == sorted(logged(world), key=lambda pair: pair[0].ts)
    assert is_sound(world)


def test_the_entry_is_of_the_saved_summary_and_page(world: World) -> None:
    key = world.ask("abc")
    world.tick()
    end = end_of(world.summary(key), page_parts(world.pages[str(key)]))
    assert end == read_entry(world.log[0]).end
    assert end_digest(end) == world.record(key).logged


def test_a_reply_vouches_for_the_entries_before_it(world: World) -> None:
    for slug in ("abc", "def", "ghi"):
        world.ask(slug)
        world.tick_after(minutes=5)
    vouched = [posts[0].marker.checkpoint for posts in world.posted().values() if posts[0].marker]
    assert ["", *(str(Checkpoint(origin_of(world.log[0]), size, root(world, size))) for size in (1, 2))] == vouched


def test_an_end_that_changes_is_logged_again(world: World) -> None:
    """An answer whose traffic is found, and one that replaces it: the last entry is of the summary as it is."""
    key = world.ask("abc")
    world.say("Approved, $1.00, exceptions", "U0BOSS", thread_ts=key.ts)
    world.tick()
    first = next(m for m in world.messages if m.text.startswith("Approved"))
    world.messages.remove(first)
    world.say("Approved, $2.00, exceptions", "U0BOSS", thread_ts=key.ts)
    world.ticks(3)
    entries = [read_entry(world.log[number]) for number in sorted(world.log)]
    assert ["1.00", "1.00", "2.00"] == [str(entry.end["answer_amount"]) for entry in entries]
    assert end_of(world.summary(key), page_parts(world.pages[str(key)])) == entries[-1].end


def test_a_request_that_starts_again_is_logged_again(world: World) -> None:
    key = world.ask("gone")
    world.tick()
    world.retry(key)
    world.ticks(2)
    assert [(key, "given_up"), (key, "given_up")] == logged(world)


def test_an_idle_tick_neither_reads_nor_writes_the_log(world: World) -> None:
    world.ask("abc")
    world.tick()
    world.counted()
    world.tick()
    assert {"log-read", "log-write"}.isdisjoint(world.counted())


def test_files_that_cannot_be_written_are_written_by_the_next_tick(world: World) -> None:
    world.ask("abc")
    world.fail("log-write", DOWN)
    report = world.tick()
    assert report.errors == ["The log of ends could not be written: It is down."]
    assert not world.log
    world.tick()
    assert is_sound(world)
    assert 1 == len(world.log)


def test_a_log_that_cannot_be_read_delays_no_reply(world: World) -> None:
    key = world.ask("abc")
    world.fail("log-read", DOWN)
    world.tick()
    assert "answered" == world.record(key).status
    assert not world.record(key).saved
    world.tick()
    assert [(key, "answered")] == logged(world)


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("point", ["log.before-write", "log.after-write"])
def test_a_process_that_dies_at_the_files_leaves_no_gap(world: World, point: str, nth: int) -> None:
    world.ask("abc")
    world.kill(point, nth)  # type: ignore[arg-type]
    world.ask("def")
    world.ticks(2)
    assert 2 == len(logged(world))
    assert is_sound(world)


def test_two_ticks_at_once_write_the_same_files(world: World) -> None:
    """The second one finds the entry and the checkpoint that the first one wrote, and adds its own."""
    world.ask("abc")
    first = stopped(world, "log.before-write")
    world.ask("def")
    world.tick()
    assert 2 == len(logged(world))
    first.go_on()
    while not first.ended:
        first.go_on()
    assert 2 == len(logged(world))
    assert is_sound(world)


def test_many_ends_at_once_do_not_wait_in_the_state(world: World) -> None:
    for number in range(45):
        world.ask(f"q{number}")
    world.tick()
    assert 45 == len(logged(world))
    assert {20, 40, 45} == set(world.checkpoints)


class TestLoss:
    def test_the_log_goes_on_after_the_state_is_lost(self, world: World) -> None:
        """What is found again in the threads is in the log already, so it is not logged again."""
        keys = [world.ask("abc"), world.ask("def")]
        world.ticks(2)
        before = dict(world.log)
        world.lose()
        world.ask("ghi")
        world.ticks(4)
        assert ["answered"] * 3 == [status for _, status in logged(world)]
        assert before.items() <= world.log.items()
        assert {world.record(key).logged for key in keys} == {read_entry(entry).digest for entry in before.values()}
        assert is_sound(world)

    def test_an_entry_that_was_lost_with_the_state_is_logged_later(self, world: World) -> None:
        """Slack vouches only for entries that have their files."""
        first = world.ask("abc")
        world.kill("log.before-write")
        world.lose()
        second = world.ask("def")
        world.ticks(4)
        assert {first, second} == {key for key, _ in logged(world)}
        assert is_sound(world)

    @pytest.mark.parametrize("damage", ["?", "{}", '{"since":"2026-01-08T12:00:00Z","size":3,"peaks":[]}'])
    def test_a_head_that_cannot_be_read_is_made_from_the_files(self, world: World, damage: str) -> None:
        world.ask("abc")
        world.tick()
        world.vandalise(LOG, damage)
        world.ask("def")
        world.ticks(3)
        assert 2 == len(logged(world))
        assert is_sound(world)

    def test_a_state_from_a_copy_goes_on_behind_the_files(self, world: World) -> None:
        """What the older state does not know comes first; nothing is overwritten, and no number is used twice."""
        world.ask("abc")
        world.tick()
        assert world.values
        older = dict(world.values)
        world.ask("def")
        world.tick_after(minutes=5)
        before = dict(world.log)
        world.values, world.version = older, world.version + 1
        world.ticks(3)
        world.ask("ghi")
        world.ticks(2)
        assert before.items() <= world.log.items()
        assert is_sound(world)

    def test_a_head_that_vanishes_before_the_end_is_stored_stops_the_write(self, world: World) -> None:
        world.ask("abc")
        world.tick()
        world.ask("def")

        def vanish() -> None:
            assert world.values
            del world.values[LOG]
            world.version += 1

        world.amid("page-load", vanish)
        world.ticks(4)
        assert 2 == len({key for key, _ in logged(world)})
        assert is_sound(world)


def test_a_checkpoint_that_was_changed_is_told_once(world: World) -> None:
    """The log is not the one that the state knows, so the owner is told; replies go out all the same."""
    world.ask("abc")
    world.tick()
    world.checkpoints[2] = "another"
    key = world.ask("def")
    world.ticks(3)
    assert "answered" == world.record(key).status
    assert 1 == sum("`creditbot audit`" in text for text in world.told())


def test_an_end_of_an_earlier_version_is_logged_by_a_later_one(world: World) -> None:
    """A version without a log may have ended it, after this one had begun the log."""
    world.ask("abc")
    world.tick()
    key = world.ask("def")
    world.tick_after(minutes=5)
    del world.log[1], world.checkpoints[2]
    record = world.record(key)
    ledger = Ledger(world.ports().state)
    ledger.swap(key, ledger.read().records[key], replace(record, logged="", nonce="x"))
    head = ledger.state.log
    assert head
    one = replace(head, size=1, peaks=(Tree().with_entry(world.log[0]).root.hex(),))
    ledger.update_log(lambda _: one)
    world.tick()
    assert 2 == len(logged(world))
    assert is_sound(world)


def test_ends_from_before_the_log_are_left_alone(world: World) -> None:
    key = world.ask("abc")
    world.tick()
    assert world.values
    del world.values[LOG]
    world.values[str(key)] = json.dumps(
        {name: value for name, value in json.loads(world.values[str(key)]).items() if name != "logged"}
    )
    world.log.clear()
    world.checkpoints.clear()
    world.ask("def")
    world.ticks(2)
    assert 1 == len(world.log)
