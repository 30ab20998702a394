"""Which rows of which tables SQL asks for, as far as texts say it: 'Authy%' of the column item, and no 'SMS%'.

`creditbot.credit.sql.traffic_window` reads it from the conditions, and `creditbot.decide.overlap` asks whether two
selections can have a row in common: what two products credit may be the same rows, under two conditions. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product as pairs

MOST_PATTERNS, LONGEST_PATTERN = 10, 60
"""Of a comparison, and characters of each and of the name of a column: what is more limits nothing."""
_UNCLEAR = re.compile(r"[\\^\[\]\0]")
"""Has another meaning in the patterns of some warehouses."""
_BUILD_TIME = re.compile(r"(l[a-z][$_]\w*?)\d{13}(?=_\w)")
_ANY_CASE, _AS_IS = "~", "="


@dataclass(frozen=True, slots=True)
class Selection:
    """What every row fulfils.

    Attributes:
        tables: the names of those that the traffic comes from, as `table_name` gives them.
        like: column -> sets of patterns, as `pattern_of` writes them. Each row fulfils one of each set.
        unlike: column -> patterns that no row fulfils.
    """

    tables: frozenset[str]
    like: Mapping[str, frozenset[frozenset[str]]] = field(default_factory=dict)
    unlike: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def told_by(self, is_telling: Callable[[str], bool]) -> Selection:
        """The same without columns about which nothing telling is said, such as names of customers."""

        def about(column: str) -> bool:
            patterns = frozenset().union(*self.like.get(column, ()), self.unlike.get(column, ()))
            return len(column) <= LONGEST_PATTERN and any(map(is_telling, patterns))

        return Selection(
            self.tables,
            {column: sets for column, sets in self.like.items() if about(column)},
            {column: patterns for column, patterns in self.unlike.items() if about(column)},
        )

    def has_other_tables(self, other: Selection) -> bool:
        """Whether no table has the same name. One of them may still be a view of one of the others."""
        return self.tables.isdisjoint(other.tables)

    def is_apart(self, other: Selection) -> bool:
        """Whether no row can be in both, by texts that exclude each other."""
        return any(
            exclude_each_other(self.like[column], other.like[column]) for column in self.like.keys() & other.like.keys()
        ) or any(
            are_ruled_out(one.like[column], two.unlike[column])
            for one, two in ((self, other), (other, self))
            for column in one.like.keys() & two.unlike.keys()
        )


def pattern_of(text: str, *, is_whole: bool, any_case: bool) -> str:
    """A text, or a pattern of LIKE with its % and _, as a selection has it; "" if it cannot be compared."""
    if _UNCLEAR.search(text) or len(text) > LONGEST_PATTERN or (is_whole and set("%_") & set(text)):
        return ""
    return _ANY_CASE + text.casefold() if any_case else _AS_IS + text


def exclude_each_other(some: frozenset[frozenset[str]], others: frozenset[frozenset[str]]) -> bool:
    """Whether no text fulfils one pattern of each of these sets, and one of each of those."""
    return any(all(_exclude(one, two) for one, two in pairs(*sets)) for sets in pairs(some, others))


def are_ruled_out(like: frozenset[frozenset[str]], unlike: frozenset[str]) -> bool:
    """Whether no text fulfils one pattern of each of these sets, and none of the others."""
    return any(all(any(_is_within(one, other) for other in unlike) for one in patterns) for patterns in like)


def any_case(like: frozenset[frozenset[str]]) -> frozenset[frozenset[str]]:
    """The same sets for texts that may differ in capitals."""
    return frozenset(frozenset(_ANY_CASE + each[1:].casefold() for each in patterns) for patterns in like)


def table_name(name: str) -> str:
    """A table's name as a selection has it: in lower case, without the time that Looker puts into it at each build."""
    return _BUILD_TIME.sub(r"\1", name.lower())


def joined_selections(each: Sequence[Selection | None]) -> Selection | None:
    """What SQL selects that has several readings: any row of their tables, unless they agree."""
    known = [selection for selection in each if selection]
    if len(known) < len(each):
        return None
    if all(other == known[0] for other in known):
        return known[0]
    return Selection(frozenset[str]().union(*(selection.tables for selection in known)))


def _exclude(one: str, other: str) -> bool:
    """Whether no text fulfils both patterns, whatever the capitals: their beginnings or their ends differ."""
    first, second = one[1:].casefold(), other[1:].casefold()
    if not set("%_") & set(first):
        return not _regex(second).fullmatch(first)
    if not set("%_") & set(second):
        return not _regex(first).fullmatch(second)
    return _differ(*(re.split("[%_]", each)[0] for each in (first, second))) or _differ(
        *(re.split("[%_]", each)[-1][::-1] for each in (first, second))
    )


def _differ(one: str, other: str) -> bool:
    return not one.startswith(other) and not other.startswith(one)


def _is_within(like: str, unlike: str) -> bool:
    """Whether each text that fulfils the one pattern fulfils the other one."""
    if unlike[0] == _AS_IS and like[0] == _ANY_CASE:
        return False
    inner, outer = like[1:], unlike[1:]
    if unlike[0] == _ANY_CASE:
        inner, outer = inner.casefold(), outer.casefold()
    return bool(_regex(outer).fullmatch(re.sub("[%_]", "\0", inner)))


def _regex(pattern: str) -> re.Pattern[str]:
    """Each text between two % is looked for once, at its first place (an atomic group): else 30 of them take hours."""
    first, *others = (_fixed(part) for part in pattern.split("%"))
    if not others:
        return re.compile(first)
    middle = "".join(f"(?>.*?{part})" for part in others[:-1])
    return re.compile(f"{first}{middle}.*{others[-1]}", re.DOTALL)


def _fixed(part: str) -> str:
    return "".join(r"[^\0]" if letter == "_" else re.escape(letter) for letter in part)
