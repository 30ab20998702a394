"""A proof comes back from its file as it was, and whatever is changed in it is noticed."""

from __future__ import annotations

import base64
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.evidence.log import Checkpoint, end_of, entry_of, origin_of, with_salts
from creditbot.evidence.merkle import Tree
from creditbot.evidence.proof import Proof, path_to, read_proof, read_root, verify
from creditbot.machine import exact_json
from tests.support.tampering import edit
from tests.support.world_facts import START

ADDRESS = "https://acme.slack.com/archives/C0/p1767873600000002"
SUMMARY: dict[str, Any] = with_salts({
    "credit_amount": Decimal("4948.80"),
    "request": {"key": "T0.C0.1767873600.000002", "author": "U0DANA", "text": "please"},
    "links": [],
    "outcome": {"status": "answered", "at": "2026-01-08T12:00:01.000Z", "reply": "1767873601.000003"},
})  # fmt: skip
ENTRY = entry_of(end_of(SUMMARY), START)


def proof(number: int = 2, size: int = 5) -> Proof:
    """That of the summary above, at some place of a log."""
    entries = {each: ENTRY.encode() if each == number else f"entry {each}".encode() for each in range(size)}
    tree = Tree()
    for each in range(size):
        tree = tree.with_entry(entries[each])
    checkpoint = Checkpoint(origin_of(entries[0]), size, tree.root)
    return Proof(ADDRESS, number, ENTRY, path_to(entries, number, size), checkpoint, f"{ADDRESS}0", START, SUMMARY)


def holds(one: Proof, root: bytes | None = None) -> bool:
    return all(verdict.holds for verdict in verify(one, root)[1])


@given(st.integers(1, 40), st.data())
def test_a_proof_holds_at_every_place_and_comes_back_as_it_was(size: int, data: st.DataObject) -> None:
    one = proof(data.draw(st.integers(0, size - 1)), size)
    assert one == read_proof(str(one).encode())
    assert holds(one, one.checkpoint.root)


ROOT = base64.b64encode(b"x" * 32).decode()


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("number", 1), ("number", -1), ("number", 5), ("path.0", ROOT), ("path", []), ("path.0", ...),
        ("entry", ENTRY.replace("4948.80", "9948.80")), ("entry", "{}"), ("entry", ENTRY + " "),
        ("checkpoint", f"creditbot/x\n5\n{ROOT}\n"), ("request", ADDRESS.replace("C0", "C1")),
        ("request", "another one"), ("summary.credit_amount", Decimal("9948.80")), ("summary.links", [{}]),
        ("summary.request.author", "U0EVE"), ("summary.salts.page", ...),
    ],
)  # fmt: skip
def test_whatever_is_changed_in_a_proof_is_noticed(place: str, value: object) -> None:
    """But for the salt of the page, which somebody may erase."""
    changed = edit(exact_json.read(str(proof())), place, value)
    assert ("summary.salts.page" == place) == holds(read_proof(exact_json.write(changed).encode()))


def test_another_root_than_that_of_slack_is_noticed() -> None:
    """Somebody may make a whole log of their own, with a proof that fits."""
    assert holds(proof())
    assert not holds(proof(), b"x" * 32)


def test_an_erased_person_is_named_and_does_not_count_against_it() -> None:
    summary = edit(edit(SUMMARY, "request.author", ...), "salts", {})
    entry, verdicts = verify(
        replace(proof(), summary={**summary, "salts": {"request.text": SUMMARY["salts"]["request.text"]}})
    )
    assert entry
    assert "Erased from the summary, which is allowed: request.author." == verdicts[-1].text
    assert all(verdict.holds for verdict in verdicts)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"creditbot_proof": 2}', '{"creditbot_proof": 1}', "[" * 100_000,
                '{"creditbot_proof": 1, "number": true, "entry": ""}',
                '{"creditbot_proof": 1, "number": 0, "entry": "", "path": ["?"], "checkpoint": ""}'],
)  # fmt: skip
def test_what_is_not_a_proof_is_refused(content: str) -> None:
    with pytest.raises(ValueError, match=r"^It is not|^It has no|^Its path"):
        read_proof(content.encode())


@given(st.binary(max_size=100))
def test_any_bytes_are_a_proof_or_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"^It is not"):
        read_proof(content)


@pytest.mark.parametrize(
    "shown", ["78" * 32, "78" * 32 + "\n", ROOT, f"creditbot/x\n5\n{ROOT}\n", rf"creditbot/x\n5\n{ROOT}\n"]
)
def test_a_root_is_read_as_people_copy_it(shown: str) -> None:
    assert b"x" * 32 == read_root(shown)


@pytest.mark.parametrize("shown", ["", "78", "creditbot", ROOT[:-2], "zz" * 32])
def test_what_is_not_a_root_is_refused(shown: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 whatever is wrong with it
        read_root(shown)
