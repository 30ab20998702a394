"""Compares the traffic of a credit with that of other credits: is any of it paid twice?

Two footprints come in, and what they share goes to `paid_twice`. Pure.

    UNITS_SHARED        the notebooks flagged the same units, or units that contain some of each other: held
    WINDOWS_MEET        the same account and days, and the units are not known, or cannot be compared: held
    EVIDENCE_ALIKE      the same numbers of messages on the same days, under other or no names: held
    ACCOUNTS_UNCLEAR    the same units or days, of accounts that different columns name: held
    CANNOT_TELL         too little is known of one of them: nothing to ask, and the summary says so
    PROVABLY_DISJOINT   other rows, other accounts, other days, or no flagged unit in common: nothing to ask

Another product is other rows, unless the same table may give the same rows to both: then the days count as well. Tables
of other names are other rows too, as far as anybody can tell. Within one product, names of tables prove nothing.
Days that the SQL computes, such as months, prove nothing, and neither do those of two columns, such as the day on which
a message was sent and the day on which it was billed: then windows count unless the units are the same. Prefixes
and modes that two queries make in different ways prove nothing either: then the days count on which both flagged.
Windows are never too small (see `creditbot.credit.footprint`), so windows that are apart prove something. They count as
apart only if the same column is restricted: nobody can tell how two columns relate. So an account of one column may be
part of one of another column, as a sub-account is.

A unit of several accounts contains one of each of them. How much of it they share is not known, but never more than the
smaller one costs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from itertools import product as pairs

from creditbot.credit.day_ranges import DayRange, merged, ranges_of
from creditbot.credit.footprint import (
    COMPUTED_DAYS,
    UTC_DAYS,
    Accounts,
    Days,
    Footprint,
    Unit,
    Units,
    Unknown,
    account_key,
    units_total,
)

_ALIKE = Decimal("0.5")
"""The share of the smaller credit's cost that days with equal numbers must make up: a few may be equal by chance."""


class Overlap(Enum):
    """What a comparison of two footprints shows, the gravest finding first."""

    UNITS_SHARED = "units shared"
    WINDOWS_MEET = "windows meet"
    EVIDENCE_ALIKE = "evidence alike"
    ACCOUNTS_UNCLEAR = "accounts unclear"
    CANNOT_TELL = "cannot tell"
    PROVABLY_DISJOINT = "provably disjoint"

    @property
    def holds(self) -> bool:
        """Whether a person has to decide."""
        return self not in {Overlap.PROVABLY_DISJOINT, Overlap.CANNOT_TELL}


def gravest(found: Iterable[Overlap]) -> Overlap:
    """The gravest of several findings; PROVABLY_DISJOINT if there are none."""
    every = {*found, Overlap.PROVABLY_DISJOINT}
    return next(kind for kind in Overlap if kind in every)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One footprint compared with another one.

    Attributes:
        overlap: what it shows.
        units: the units of the first footprint that are shared; none if no unit is known to be.
        days: the UTC days that are shared, or may be.
        unclear: what could not be compared, a clause; "" for any other finding than CANNOT_TELL.
        partly: other units of the first footprint that may be shared -> USD of their cost that are shared at most.
        accounts: those of the first footprint that the other one names as well; none if that is not known.
    """

    overlap: Overlap
    units: frozenset[Unit] = frozenset()
    days: tuple[DayRange, ...] = ()
    unclear: str = ""
    partly: Mapping[Unit, Decimal] = field(default_factory=dict)
    accounts: frozenset[str] = frozenset()


class _Relation(Enum):
    APART = "apart"
    MEET = "meet"
    UNKNOWN = "unknown"
    OTHER_COLUMNS = "other columns"
    """They are named by different columns, such as an account and one of its sub-accounts: they may meet."""

    @property
    def may_meet(self) -> bool:
        """Whether traffic of the same days is asked about."""
        return self in {_Relation.MEET, _Relation.OTHER_COLUMNS}

    @property
    def overlap(self) -> Overlap:
        """What it shows of the same days, if accounts may meet."""
        return Overlap.WINDOWS_MEET if self is _Relation.MEET else Overlap.ACCOUNTS_UNCLEAR


_DISJOINT = Comparison(Overlap.PROVABLY_DISJOINT)


def compare(ours: Footprint, other: Footprint) -> Comparison:
    """Compares the traffic of a link of this request with that of another link, of this request or of another one."""
    found = _compare(ours, other)
    return replace(found, accounts=_in_common(ours.accounts, other.accounts)) if found.overlap.holds else found


def _compare(ours: Footprint, other: Footprint) -> Comparison:
    if ours.product != other.product:
        return _compare_products(ours, other)
    accounts = _accounts(ours.accounts, other.accounts)
    if _Relation.APART in {accounts, _exact_days(ours.days, other.days)}:
        return _DISJOINT
    if not isinstance(ours.units, Unknown) and not isinstance(other.units, Unknown):
        found = _by_units(accounts, ours, other)
        if found.overlap is Overlap.PROVABLY_DISJOINT and ours.naming != other.naming:
            found = _by_days(accounts, ours, other)
        days_tell = COMPUTED_DAYS not in {ours.zone, other.zone} and not _are_of_two_columns(ours.days, other.days)
        if found.overlap is not Overlap.PROVABLY_DISJOINT or days_tell:
            return found
    return _by_windows(accounts, _placed(ours), _placed(other))


def _compare_products(ours: Footprint, other: Footprint) -> Comparison:
    """Compares credits for two products: the same rows of one table may be both, as far as their SQL says.

    Each product has a method of its own, so the flagged messages differ although the rows are the same.
    """
    accounts = _accounts(ours.accounts, other.accounts)
    if not accounts.may_meet or _exact_days(ours.days, other.days) is _Relation.APART:
        return _DISJOINT
    if ours.selection is None or other.selection is None or ours.selection.is_apart(other.selection):
        return _DISJOINT
    if isinstance(ours.units, Unknown) or isinstance(other.units, Unknown):
        found = _by_windows(accounts, ours, other)
    else:
        found = _by_days(accounts, ours, other)
    if found.overlap.holds and ours.selection.has_other_tables(other.selection):
        return Comparison(
            Overlap.CANNOT_TELL, unclear="they are credited as two products, and their tables may be views of one"
        )
    return found if found.overlap.holds else _DISJOINT


def _placed(footprint: Footprint) -> Footprint:
    """The footprint without units whose days say nothing of when the traffic was."""
    if footprint.zone != COMPUTED_DAYS or isinstance(footprint.units, Unknown):
        return footprint
    return replace(footprint, units=Unknown("the SQL computes the days that it shows"))


def compare_with_all(ours: Footprint, others: Sequence[Footprint]) -> Comparison:
    """Compares the traffic of a link with that of all links of another request: the gravest finding, over all of them.

    Units that several of the others share with it are there once.
    """
    compared = [compare(ours, other) for other in others]
    overlap = gravest(found.overlap for found in compared)
    if overlap is Overlap.PROVABLY_DISJOINT:
        return _DISJOINT
    alike = [found for found in compared if found.overlap is overlap]
    return Comparison(
        overlap,
        frozenset().union(*(found.units for found in alike)),
        merged(days for found in alike for days in found.days),
        next((found.unclear for found in alike if found.unclear), ""),
        _partly(ours, alike),
        frozenset().union(*(found.accounts for found in alike)),
    )


def _partly(ours: Footprint, each: Sequence[Comparison]) -> Mapping[Unit, Decimal]:
    """The units that may be shared with any of several others, and are not for certain with one of them."""
    surely = frozenset[Unit]().union(*(found.units for found in each))
    partly = dict[Unit, Decimal]()
    for found in each:
        for unit, cost in found.partly.items():
            if unit not in surely and not isinstance(ours.units, Unknown):
                partly[unit] = min(partly.get(unit, Decimal(0)) + cost, ours.units[unit].cost)
    return partly


def _accounts(ours: Accounts | Unknown, other: Accounts | Unknown) -> _Relation:
    if isinstance(ours, Unknown) or isinstance(other, Unknown):
        return _Relation.UNKNOWN
    one, two = ours.keys, other.keys
    if any(not one[field] & two[field] for field in one.keys() & two.keys()):
        return _Relation.APART
    return _Relation.MEET if _in_common(ours, other) else _Relation.OTHER_COLUMNS


def _in_common(ours: Accounts | Unknown, other: Accounts | Unknown) -> frozenset[str]:
    """The accounts that both name, as the first one does, in whatever columns."""
    if isinstance(ours, Unknown) or isinstance(other, Unknown):
        return frozenset()
    theirs = frozenset().union(*other.keys.values())
    return frozenset(name for name in ours.every if account_key(name) in theirs)


def _exact_days(ours: Days | Unknown, other: Days | Unknown) -> _Relation:
    """Whether no value of the restricted column is in both windows."""
    if isinstance(ours, Unknown) or isinstance(other, Unknown) or ours.field != other.field:
        return _Relation.UNKNOWN
    starts = [start for start in (ours.start, other.start) if start]
    ends = [end for end in (ours.end, other.end) if end]
    return _Relation.APART if starts and ends and max(starts) >= min(ends) else _Relation.MEET


def _are_of_two_columns(ours: Days | Unknown, other: Days | Unknown) -> bool:
    """Whether two credits restrict two columns, so that the same row may have another day in each of them."""
    if isinstance(ours, Unknown) or isinstance(other, Unknown):
        return False
    return bool(ours.field and other.field) and ours.field != other.field


def _by_windows(accounts: _Relation, ours: Footprint, other: Footprint) -> Comparison:
    one, two = _span(ours), _span(other)
    if not accounts.may_meet or one is None or two is None:
        return Comparison(Overlap.CANNOT_TELL, unclear=_unclear(ours, other))
    first, last = max(one[0], two[0]), min(one[1], two[1])
    if first > last:
        return Comparison(Overlap.CANNOT_TELL, unclear="the days are limited by different columns")
    return Comparison(accounts.overlap, days=(DayRange(first, last),))


def _span(footprint: Footprint) -> tuple[date, date] | None:
    """The first and the last UTC day, from the units where they are known; None if they are not known."""
    if not isinstance(footprint.units, Unknown) and footprint.units:
        days, apart = [unit.day for unit in footprint.units], timedelta(_days_apart(footprint.zone, UTC_DAYS))
        return min(days) - apart, max(days) + apart
    return None if isinstance(footprint.days, Unknown) else (footprint.days.first, footprint.days.last)


def _days_apart(zone: str, other: str) -> int:
    """By how many days the day of one message may differ between two time zones, as far as that is known."""
    if zone == other and zone not in ("", COMPUTED_DAYS):
        return 0
    return 1 if UTC_DAYS in {zone, other} else 2


def _by_units(accounts: _Relation, ours: Footprint, other: Footprint) -> Comparison:
    """Compares what was flagged. Between time zones, the same traffic may be on the day before or after."""
    assert not isinstance(ours.units, Unknown)
    assert not isinstance(other.units, Unknown)
    days_apart = _days_apart(ours.zone, other.zone)
    around = [timedelta(days) for days in range(-days_apart, days_apart + 1)]
    theirs: dict[_Place, dict[str, Decimal]] = {}
    for (unit, flagged), days in pairs(other.units.items(), around):
        costs = theirs.setdefault((unit.day + days, unit.prefix, unit.mode), {})
        costs[_key(unit)] = costs.get(_key(unit), Decimal(0)) + flagged.cost
    surely, partly = _shared(accounts, ours, other, theirs)
    if surely or (partly and accounts is _Relation.MEET):
        partly = partly if accounts.may_meet else {}
        return Comparison(Overlap.UNITS_SHARED, surely, _days([*surely, *partly]), partly=partly)
    # Prefix and mode are what the SQL calls them, so the same traffic may come under other names.
    numbers = {(unit.day + days, flagged.messages) for (unit, flagged), days in pairs(other.units.items(), around)}
    alike = [
        unit for unit, flagged in ours.units.items() if (unit.day, flagged.messages) in numbers and flagged.messages
    ]
    smaller = min(units_total(ours.units), units_total(other.units))
    if alike and _cost(alike, ours.units) >= _ALIKE * smaller:
        return Comparison(Overlap.EVIDENCE_ALIKE, days=_days(alike))
    if not partly:
        return _DISJOINT
    if accounts is _Relation.OTHER_COLUMNS:
        return Comparison(Overlap.ACCOUNTS_UNCLEAR, days=_days(partly), partly=partly)
    return Comparison(Overlap.CANNOT_TELL, unclear="the accounts of one of them are not known")


_Place = tuple[date, str, str]


def _shared(
    accounts: _Relation, ours: Footprint, other: Footprint, theirs: Mapping[_Place, Mapping[str, Decimal]]
) -> tuple[frozenset[Unit], Mapping[Unit, Decimal]]:
    """The units of the first footprint that both have, and those that others may share: USD of their cost at most.

    `theirs` has the cost of the other units by place and account, which is "" for one of all accounts of `other`.
    """
    assert not isinstance(ours.units, Unknown)
    surely, partly, names = set[Unit](), dict[Unit, Decimal](), _Names(ours, other)
    is_same = accounts is _Relation.MEET and _every_key(ours.accounts) == _every_key(other.accounts)
    for unit, flagged in ours.units.items():
        costs = theirs.get(_place(unit), {})
        if (unit.account or is_same) and _key(unit) in costs:
            surely.add(unit)
        elif found := [cost for key, cost in costs.items() if not names.are_apart(_key(unit), key)]:
            partly[unit] = min(sum(found, Decimal(0)), flagged.cost)
    return frozenset(surely), partly


class _Names:
    """Tells the accounts apart that the units of two footprints name."""

    def __init__(self, ours: Footprint, other: Footprint) -> None:
        one, two = ({} if isinstance(each.accounts, Unknown) else each.accounts.keys for each in (ours, other))
        self._both = [(one[field], two[field]) for field in one.keys() & two.keys()]

    def are_apart(self, one: str, other: str) -> bool:
        """Whether units of two accounts, each "" for any of several, are of different ones: a column of both says so.

        An account and one of its sub-accounts have different names as well, in different columns.
        """
        return one != other and any(one in ours and other in theirs for ours, theirs in self._both)


def _every_key(accounts: Accounts | Unknown) -> frozenset[str]:
    assert not isinstance(accounts, Unknown)
    return frozenset().union(*accounts.keys.values())


def _by_days(accounts: _Relation, ours: Footprint, other: Footprint) -> Comparison:
    """Compares the days on which something was flagged, where prefixes and modes cannot be compared."""
    assert not isinstance(ours.units, Unknown)
    assert not isinstance(other.units, Unknown)
    days_apart = _days_apart(ours.zone, other.zone)
    flagged: dict[date, set[str]] = {}
    for unit, days in pairs(other.units, range(-days_apart, days_apart + 1)):
        flagged.setdefault(unit.day + timedelta(days), set()).add(_key(unit))
    names = _Names(ours, other)
    shared = [
        unit for unit in ours.units if any(not names.are_apart(_key(unit), key) for key in flagged.get(unit.day, ()))
    ]
    if not shared:
        return _DISJOINT
    if accounts.may_meet:
        return Comparison(accounts.overlap, days=_days(shared))
    return Comparison(Overlap.CANNOT_TELL, unclear="their SQL makes prefixes and modes in different ways")


def _cost(units: Iterable[Unit], of: Units) -> Decimal:
    return sum((of[unit].cost for unit in units), Decimal(0))


def _place(unit: Unit) -> tuple[date, str, str]:
    return unit.day, unit.prefix, unit.mode


def _key(unit: Unit) -> str:
    return account_key(unit.account) if unit.account else ""


def _days(units: Iterable[Unit]) -> tuple[DayRange, ...]:
    return ranges_of({unit.day for unit in units})


def _unclear(ours: Footprint, other: Footprint) -> str:
    """The first thing that is not known."""
    parts = (
        (name, value)
        for footprint in (ours, other)
        for name, value in (
            ("accounts", footprint.accounts), ("days", footprint.days), ("flagged rows", footprint.units),
        )
    )  # fmt: skip
    return next(
        f"the {name} of one of them are not known ({value.reason})"
        for name, value in parts
        if isinstance(value, Unknown)
    )
