"""A proof of an end: made from the log and the one reply that vouches for it, and checked with nothing else."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from creditbot.evidence.log import Checkpoint, read_entry
from creditbot.evidence.proof import Proof, read_proof, verify
from creditbot.insight.proving import NoProof
from creditbot.model import RequestKey
from tests.support import tampering as do
from tests.support.tampering import Past, new_past
from tests.support.world import World


@pytest.fixture
def past() -> Past:
    """A history that nobody has tampered with."""
    return new_past()


def proof_of(past: Past, key: RequestKey) -> Proof:
    proof = past.world.prove(key)
    assert isinstance(proof, Proof)
    return proof


def shown_by_slack(past: Past, proof: Proof) -> bytes:
    """The root in the metadata of the reply that a proof names."""
    posts = [message for posts in past.world.posted().values() for message in posts]
    (witness,) = [m for m in posts if f"/p{m.ts.replace('.', '')}?" in proof.reply]
    assert witness.marker
    return Checkpoint.parse(witness.marker.checkpoint).root


@pytest.mark.parametrize("name", ["plain", "failed", "elsewhere", "large", "twice"])
def test_every_anchored_end_has_a_proof_that_slack_vouches_for(past: Past, name: str) -> None:
    """The proof is read from its file, and the root from Slack."""
    proof = read_proof(str(proof_of(past, getattr(past, name))).encode())
    entry, verdicts = verify(proof, shown_by_slack(past, proof))
    assert entry
    assert getattr(past, name) == entry.key
    assert [True, True, True] == [verdict.holds for verdict in verdicts]


def test_a_proof_reads_no_more_of_slack_than_it_needs(past: Past) -> None:
    """One thread, that of the next request that was answered after it."""
    past.world.counted()
    proof_of(past, past.large)
    assert {"thread": 1, "history": 0}.items() <= {"history": 0, **past.world.counted()}.items()


def test_the_newest_end_has_a_proof_without_a_witness(past: Past) -> None:
    proof = proof_of(past, past.last)
    assert ("", None, 7) == (proof.reply, proof.replied, proof.checkpoint.size)
    assert all(verdict.holds for verdict in verify(proof)[1])


def test_a_proof_without_the_summary_names_nobody(past: Past) -> None:
    proof = past.world.prove(past.large, with_summary=False)
    assert isinstance(proof, Proof)
    assert [True] == [verdict.holds for verdict in verify(proof)[1]]
    assert [] == [name for name in ("U0PERSON", "U0OWNER", "please credit") if name in str(proof)]


def test_the_proof_is_of_the_last_end(past: Past) -> None:
    """An answer whose traffic was found later has two entries."""
    assert past.number(past.elsewhere) == proof_of(past, past.elsewhere).number == 3


def test_a_changed_summary_is_in_the_proof_and_does_not_fit(past: Past) -> None:
    do.edit_summary(past, past.large, "credit_amount", Decimal("1.00"))
    proof = proof_of(past, past.large)
    assert [True, False] == [verdict.holds for verdict in verify(proof)[1]]


def test_there_is_no_proof_from_a_log_that_slack_contradicts(past: Past) -> None:
    do.edit_entry_of(past, past.failed, "end.at", "2026-01-01T00:00:00.000Z")
    refused = past.world.prove(past.failed)
    assert isinstance(refused, NoProof)
    assert "vouches for other entries. Run `creditbot audit`." in refused.why


def test_there_is_no_proof_behind_a_missing_entry(past: Past) -> None:
    del past.world.log[0]
    assert NoProof("An entry before it is missing from the log. Run `creditbot audit`.") == past.world.prove(past.large)


def test_a_request_that_has_not_ended_has_no_proof(world: World) -> None:
    key = world.ask("abc")
    world.tick()
    refused = world.prove(replace(key, ts="1767873600.999999"))
    assert isinstance(refused, NoProof)
    assert refused.why.startswith("The log of ends has no entry about it")
    waiting = world.ask("def")
    world.kill("log.before-write")
    assert NoProof("Its entry waits for its file. The next tick writes it.") == world.prove(waiting)


def test_the_proof_of_a_request_in_a_thread_is_found_from_there(world: World) -> None:
    top = world.ask("abc")
    world.tick_after(minutes=5)
    world.broadcast(top, "def")
    world.tick_after(minutes=5)
    world.lose()
    proof = world.prove(top)
    assert isinstance(proof, Proof)
    assert f"?thread_ts={top.ts}" in proof.reply
    assert top == read_entry(proof.entry.encode()).key
