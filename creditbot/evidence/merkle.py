"""The Merkle tree of RFC 6962, section 2.1: one hash, the root, stands for a list of entries in their order. Pure.

The bytes of entries come in; roots and proofs come out. Changing, removing, adding or moving any entry gives another
root. `creditbot.evidence.log` says what an entry is.

    leaf    SHA-256(0x00 || entry)
    node    SHA-256(0x01 || left || right); the left subtree is full and holds the largest power of two below the size
    path    the hashes that lead from one leaf to the root, the one beside the leaf first (section 2.1.1)
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

EMPTY_ROOT = hashlib.sha256().digest()
"""The root of a tree without entries."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of one entry."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Tree:
    """As much of a tree as it takes to add entries and to know its root: the roots of its full subtrees.

    Attributes:
        size: how many entries it has.
        peaks: the root of each full subtree, the largest first; one for each bit of the size that is set.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        """Raises ValueError if the peaks cannot be those of a tree of this size."""
        if self.size < 0 or len(self.peaks) != self.size.bit_count():
            raise ValueError(f"a tree of {self.size} entries does not have {len(self.peaks)} peaks")

    def with_entry(self, entry: bytes) -> Tree:
        """The tree with one more entry at its end."""
        peaks, new, full = list(self.peaks), leaf_hash(entry), self.size
        while full & 1:
            new = node_hash(peaks.pop(), new)
            full >>= 1
        return Tree(self.size + 1, (*peaks, new))

    @property
    def root(self) -> bytes:
        """The hash that stands for all entries."""
        if not self.peaks:
            return EMPTY_ROOT
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node_hash(peak, root)
        return root


def inclusion_path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The path from one leaf to the root of the tree of all these leaf hashes. Raises IndexError."""
    if not 0 <= index < len(leaves):
        raise IndexError(index)
    if len(leaves) == 1:
        return []
    split = _largest_power_of_two_below(len(leaves))
    left, right = leaves[:split], leaves[split:]
    if index < split:
        return [*inclusion_path(left, index), _root_of(right)]
    return [*inclusion_path(right, index - split), _root_of(left)]


def root_from_path(entry: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root that the path leads to. Raises ValueError if the path is too short or too long for such a tree.

    The entry is in the tree exactly if this is the tree's root.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} entries has no entry {index}")
    root, last, rest = leaf_hash(entry), size - 1, list(path)
    while last:
        if index & 1 or index < last:  # else it has nothing beside it on this level
            if not rest:
                raise ValueError("the path is too short")
            beside = rest.pop(0)
            root = node_hash(beside, root) if index & 1 else node_hash(root, beside)
        index, last = index >> 1, last >> 1
    if rest:
        raise ValueError("the path is too long")
    return root


def _root_of(leaves: Sequence[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    split = _largest_power_of_two_below(len(leaves))
    return node_hash(_root_of(leaves[:split]), _root_of(leaves[split:]))


def _largest_power_of_two_below(size: int) -> int:
    return 1 << (size - 1).bit_length() - 1
