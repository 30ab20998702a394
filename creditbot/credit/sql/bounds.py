"""Limits of the values of columns, and how they add up: what conditions come to, however they are combined. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import TypeAlias, TypeVar

from creditbot.credit.sql.same_values import of_both

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the values of one column are limited to; None is no limit.

    Attributes:
        names: texts that it is one of.
        start: the moment it is not before.
        end: the moment it is before.
        like: of each of these sets of patterns, as `creditbot.credit.selection` writes them, it fulfils one.
        unlike: patterns of which it fulfils none.
    """

    names: frozenset[str] | None = None
    start: datetime | None = None
    end: datetime | None = None
    like: frozenset[frozenset[str]] = frozenset()
    unlike: frozenset[str] = frozenset()

    def both(self, other: Bounds) -> Bounds:
        """For values within both limits."""
        names = [each.names for each in (self, other) if each.names is not None]
        starts = [each.start for each in (self, other) if each.start is not None]
        ends = [each.end for each in (self, other) if each.end is not None]
        return Bounds(
            reduce(of_both, names) if names else None,
            max(starts, default=None),
            min(ends, default=None),
            self.like | other.like,
            self.unlike | other.unlike,
        )

    def either(self, other: Bounds) -> Bounds:
        """For values within one of the limits."""
        return Bounds(
            None if self.names is None or other.names is None else self.names | other.names,
            None if self.start is None or other.start is None else min(self.start, other.start),
            None if self.end is None or other.end is None else max(self.end, other.end),
            frozenset(one | two for one in self.like for two in other.like),
            self.unlike & other.unlike,
        )


Ref: TypeAlias = tuple[str, str]
"""The name of a source within its query, and of one of its columns."""
Box: TypeAlias = dict[str, Bounds]
"""Limits by the name of the column in its table."""
Refs: TypeAlias = dict[Ref, Bounds]
"""Limits by source and column."""


def both(one: dict[K, Bounds], other: Mapping[K, Bounds]) -> dict[K, Bounds]:
    """Limits where both sides hold: of every column that one of them limits."""
    return {**one, **{key: one[key].both(limits) if key in one else limits for key, limits in other.items()}}


def either(one: Mapping[K, Bounds], other: Mapping[K, Bounds]) -> dict[K, Bounds]:
    """Limits where one of the sides holds: of the columns that both of them limit."""
    return {key: one[key].either(other[key]) for key in one.keys() & other.keys()}
