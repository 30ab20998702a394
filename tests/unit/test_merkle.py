"""The Merkle tree, against the vectors of Certificate Transparency's own tests and against its definition."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.evidence.merkle import EMPTY_ROOT, Tree, inclusion_path, leaf_hash, root_from_path

ENTRIES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
"""The leaves of the tests of github.com/google/certificate-transparency."""
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
"""Their roots, one entry more each time. pymerkle 7.0.0 gives the same."""
PATH_OF_3 = (
    "0298d122906dcfc10892cb53a73992fc5b9f493ea4c9badb27b791b4127a7fe7",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
)
"""The path of the fourth of all eight, as pymerkle 7.0.0 gives it."""

SOME_ENTRIES = st.lists(st.binary(max_size=4), min_size=1, max_size=40)


def tree(entries: Sequence[bytes]) -> Tree:
    grown = Tree()
    for entry in entries:
        grown = grown.with_entry(entry)
    return grown


def by_definition(entries: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, word for word."""
    if not entries:
        return hashlib.sha256(b"").digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    split = max(2**power for power in range(8) if 2**power < len(entries))
    return hashlib.sha256(b"\x01" + by_definition(entries[:split]) + by_definition(entries[split:])).digest()


@pytest.mark.parametrize("size", range(1, 9))
def test_the_roots_are_those_of_certificate_transparency(size: int) -> None:
    assert ROOTS[size - 1] == tree(ENTRIES[:size]).root.hex()


def test_a_path_is_that_of_another_implementation() -> None:
    assert list(PATH_OF_3) == [step.hex() for step in inclusion_path(list(map(leaf_hash, ENTRIES)), 3)]


def test_a_tree_without_entries_has_a_root() -> None:
    assert EMPTY_ROOT == Tree().root == by_definition([])


@given(SOME_ENTRIES)
def test_every_root_is_that_of_the_definition(entries: list[bytes]) -> None:
    assert by_definition(entries) == tree(entries).root


@given(SOME_ENTRIES, st.data())
def test_every_path_leads_to_the_root(entries: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(entries) - 1))
    path = inclusion_path(list(map(leaf_hash, entries)), index)
    assert tree(entries).root == root_from_path(entries[index], index, len(entries), path)


@given(SOME_ENTRIES, st.data())
def test_another_entry_leads_elsewhere(entries: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(entries) - 1))
    path = inclusion_path(list(map(leaf_hash, entries)), index)
    assert tree(entries).root != root_from_path(entries[index] + b"!", index, len(entries), path)


@given(st.lists(st.binary(max_size=4), min_size=2, max_size=40, unique=True), st.data())
def test_another_order_has_another_root(entries: list[bytes], data: st.DataObject) -> None:
    other = data.draw(st.permutations(entries))
    assert (tree(entries).root == tree(other).root) == (entries == other)


def test_a_path_of_the_wrong_length_proves_nothing() -> None:
    path = inclusion_path(list(map(leaf_hash, ENTRIES)), 3)
    with pytest.raises(ValueError, match="too short"):
        root_from_path(ENTRIES[3], 3, 8, path[:-1])
    with pytest.raises(ValueError, match="too long"):
        root_from_path(ENTRIES[3], 3, 8, [*path, path[0]])


@pytest.mark.parametrize(("index", "size"), [(8, 8), (-1, 8), (0, 0)])
def test_no_entry_is_outside_its_tree(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="no entry"):
        root_from_path(b"", index, size, [])
    with pytest.raises(IndexError):
        inclusion_path(list(map(leaf_hash, ENTRIES[:size])), index)


def test_a_tree_with_too_few_peaks_is_refused() -> None:
    with pytest.raises(ValueError, match="peaks"):
        Tree(3, (b"",))
