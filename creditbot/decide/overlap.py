"""Compares the traffic of a credit with that of other credits: is any of it paid twice?

Footprints come in, and the findings go to `answer`, which holds a credit for a person if traffic is shared or may be.
Pure.

    PROVABLY_DISJOINT   other product, other accounts, other days, or no flagged unit in common: nothing to ask
    UNITS_SHARED        the notebooks flagged the same units: held
    WINDOWS_MEET        the same account and days, and the units of one credit are not known: held
    EVIDENCE_ALIKE      the same numbers of messages on the same days, under other or no names: held
    CANNOT_TELL         too little is known of one of them: nothing to ask, and the summary says so

Windows are never too small (see `creditbot.credit.footprint`), so windows that are apart prove something. They count as
apart only if the same column is restricted: nobody can tell how two columns relate.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from enum import Enum

from creditbot.credit.amount import CENT, format_usd
from creditbot.credit.footprint import (
    Accounts,
    Days,
    Footprint,
    Unit,
    Units,
    Unknown,
    account_key,
    accounts_in_words,
    units_total,
)
from creditbot.decide.hold import HoldKind, HoldReason

_ALIKE = Decimal("0.5")
"""The share of the smaller credit's cost that days with equal numbers must make up: a few may be equal by chance."""


class Overlap(Enum):
    """What a comparison of two footprints shows."""

    PROVABLY_DISJOINT = "provably disjoint"
    UNITS_SHARED = "units shared"
    WINDOWS_MEET = "windows meet"
    EVIDENCE_ALIKE = "evidence alike"
    CANNOT_TELL = "cannot tell"

    @property
    def holds(self) -> bool:
        """Whether a person has to decide."""
        return self in {Overlap.UNITS_SHARED, Overlap.WINDOWS_MEET, Overlap.EVIDENCE_ALIKE}


@dataclass(frozen=True, slots=True)
class Comparison:
    """One footprint compared with another one.

    Attributes:
        overlap: what it shows.
        cost: USD, what the shared units of the first footprint cost; 0 if no unit is known to be shared.
        days: the UTC days of the shared units, sorted.
        unclear: what could not be compared, a clause; "" for any other finding than CANNOT_TELL.
    """

    overlap: Overlap
    cost: Decimal = Decimal(0)
    days: tuple[date, ...] = ()
    unclear: str = ""


class _Relation(Enum):
    APART = "apart"
    MEET = "meet"
    UNKNOWN = "unknown"


_DISJOINT = Comparison(Overlap.PROVABLY_DISJOINT)


def compare(ours: Footprint, other: Footprint) -> Comparison:
    """Compares the traffic of a link of this request with that of another link, of this request or of another one."""
    if ours.product != other.product:
        return _DISJOINT
    accounts = _accounts(ours.accounts, other.accounts)
    if _Relation.APART in {accounts, _exact_days(ours.days, other.days)}:
        return _DISJOINT
    if isinstance(ours.units, Unknown) or isinstance(other.units, Unknown):
        return _by_windows(accounts, ours, other)
    return _by_units(accounts, ours.units, other.units)


def _accounts(ours: Accounts | Unknown, other: Accounts | Unknown) -> _Relation:
    if isinstance(ours, Unknown) or isinstance(other, Unknown):
        return _Relation.UNKNOWN
    one, two = ours.keys, other.keys
    shared = one.keys() & two.keys()
    if any(not one[field] & two[field] for field in shared):
        return _Relation.APART
    is_same = shared or frozenset().union(*one.values()) & frozenset().union(*two.values())
    return _Relation.MEET if is_same else _Relation.UNKNOWN


def _exact_days(ours: Days | Unknown, other: Days | Unknown) -> _Relation:
    """Whether no value of the restricted column is in both windows."""
    if isinstance(ours, Unknown) or isinstance(other, Unknown) or ours.field != other.field:
        return _Relation.UNKNOWN
    starts = [start for start in (ours.start, other.start) if start]
    ends = [end for end in (ours.end, other.end) if end]
    return _Relation.APART if starts and ends and max(starts) >= min(ends) else _Relation.MEET


def _by_windows(accounts: _Relation, ours: Footprint, other: Footprint) -> Comparison:
    if accounts is not _Relation.MEET:
        return Comparison(Overlap.CANNOT_TELL, unclear=_unclear(ours, other))
    one, two = _span(ours), _span(other)
    if one is None or two is None:
        return Comparison(Overlap.CANNOT_TELL, unclear=_unclear(ours, other))
    first, last = max(one[0], two[0]), min(one[1], two[1])
    if first > last:
        return Comparison(Overlap.CANNOT_TELL, unclear="the days are limited by different columns")
    return Comparison(Overlap.WINDOWS_MEET, days=tuple(dict.fromkeys((first, last))))


def _span(footprint: Footprint) -> tuple[date, date] | None:
    """The first and the last UTC day, from the units where they are known; None if they are not known."""
    if not isinstance(footprint.units, Unknown) and footprint.units:
        days = [unit.day for unit in footprint.units]
        return min(days), max(days)
    return None if isinstance(footprint.days, Unknown) else (footprint.days.first, footprint.days.last)


def _by_units(accounts: _Relation, ours: Units, other: Units) -> Comparison:
    theirs: dict[tuple[date, str, str], set[str]] = {}
    for unit in other:
        theirs.setdefault(_place(unit), set()).add(_key(unit))
    surely = [unit for unit in ours if unit.account and _key(unit) in theirs.get(_place(unit), ())]
    perhaps = [unit for unit in ours if _place(unit) in theirs]
    if accounts is _Relation.MEET:
        perhaps = [unit for unit in perhaps if not unit.account or {_key(unit), ""} & theirs[_place(unit)]]
    shared = perhaps if accounts is _Relation.MEET else surely
    if shared:
        return Comparison(Overlap.UNITS_SHARED, _cost(shared, ours), _days(shared))
    # Prefix and mode are what the SQL calls them, so the same traffic may come under other names.
    numbers = {(unit.day, flagged.messages) for unit, flagged in other.items()}
    alike = [unit for unit, flagged in ours.items() if (unit.day, flagged.messages) in numbers and flagged.messages]
    smaller = min(units_total(ours), units_total(other))
    if alike and _cost(alike, ours) >= _ALIKE * smaller:
        return Comparison(Overlap.EVIDENCE_ALIKE, days=_days(alike))
    if not perhaps:
        return _DISJOINT
    return Comparison(Overlap.CANNOT_TELL, unclear="the accounts of one of them are not known")


def _cost(units: Iterable[Unit], of: Units) -> Decimal:
    return sum((of[unit].cost for unit in units), Decimal(0))


def _place(unit: Unit) -> tuple[date, str, str]:
    return unit.day, unit.prefix, unit.mode


def _key(unit: Unit) -> str:
    return account_key(unit.account) if unit.account else ""


def _days(units: Iterable[Unit]) -> tuple[date, ...]:
    return tuple(sorted({unit.day for unit in units}))


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


# ---- what people read ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Credited:
    """The footprint of one link and its part of an amount.

    Attributes:
        footprint: its traffic.
        amount: USD.
    """

    footprint: Footprint
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Other:
    """Another request that credits traffic.

    Attributes:
        key: its key, as text.
        address: where people find it.
        footprints: its traffic, link by link.
    """

    key: str
    address: str
    footprints: Sequence[Footprint]


@dataclass(frozen=True, slots=True)
class Findings:
    """What comparing a request with the others has shown.

    Attributes:
        reasons: why a person has to decide, one for each other request, and one for each pair of its own links.
        unclear: what could not be compared, one sentence for each other request.
    """

    reasons: tuple[HoldReason, ...] = ()
    unclear: tuple[str, ...] = ()


def findings(links: Sequence[Credited], others: Sequence[Other]) -> Findings:
    """Compares the links of a request with each other and with other requests."""
    reasons: list[HoldReason] = []
    unclear: list[str] = []
    for number, link in enumerate(links):
        for before in range(number):
            found = compare(link.footprint, links[before].footprint)
            if found.overlap.holds:
                pair = f"links {before + 1} and {number + 1}"
                text = _sentence([(link, found)], link.amount, f"{pair} of this message both have")
                reasons.append(HoldReason(HoldKind.OVERLAP, text, pair, _known_twice([(link, found)])))
    for other in others:
        compared = [(link, _worst(link.footprint, other.footprints)) for link in links]
        held = [(link, found) for link, found in compared if found.overlap.holds]
        if held:
            total = sum((link.amount for link in links), Decimal(0))
            text = _sentence(held, total, f"{other.address} also credits")
            reasons.append(HoldReason(HoldKind.OVERLAP, text, other.key, _known_twice(held)))
            continue
        doubts = dict.fromkeys(found.unclear for _, found in compared if found.unclear)
        if doubts:
            unclear.append(f"Not compared with {other.address}: {'; '.join(doubts)}.")
    return Findings(tuple(reasons), tuple(unclear))


def account_reasons(footprints: Sequence[Footprint]) -> tuple[HoldReason, ...]:
    """A reason for each link whose SQL does not restrict an account to names."""
    return tuple(
        HoldReason(
            HoldKind.ACCOUNTS,
            f"Nobody can tell whose traffic link {number} credits: {footprint.accounts.reason}.",
            about=f"link {number}",
        )
        for number, footprint in enumerate(footprints, 1)
        if isinstance(footprint.accounts, Unknown)
    )


_ORDER = (Overlap.UNITS_SHARED, Overlap.WINDOWS_MEET, Overlap.EVIDENCE_ALIKE, Overlap.CANNOT_TELL)


def _worst(ours: Footprint, others: Sequence[Footprint]) -> Comparison:
    compared = [compare(ours, other) for other in others]
    ranked = [found for overlap in _ORDER for found in compared if found.overlap is overlap]
    return max(ranked, key=lambda found: (-_ORDER.index(found.overlap), found.cost)) if ranked else _DISJOINT


def _sentence(held: Sequence[tuple[Credited, Comparison]], total: Decimal, who: str) -> str:
    """What would be paid twice, to whom, and for which days."""
    days = sorted({day for _, found in held for day in found.days})
    when = days_in_words_of(days)
    whose = ", ".join(dict.fromkeys(accounts_in_words(link.footprint.accounts) for link, _ in held))
    twice = _known_twice(held)
    if twice is not None:
        return (
            f"{format_usd(twice)} of {format_usd(total)} would be paid twice: {who} the same flagged rows for {when}."
        )
    if any(found.overlap is Overlap.WINDOWS_MEET for _, found in held):
        product = held[0][0].footprint.product
        return f"Up to {format_usd(total)} may be paid twice: {who} {product} traffic of {whose} for {when}."
    return f"{format_usd(total)} may be paid twice: {who} the same numbers of messages for {when}."


def _known_twice(held: Sequence[tuple[Credited, Comparison]]) -> Decimal | None:
    """USD that would be paid twice; None if no unit is known to be shared."""
    if not any(found.overlap is Overlap.UNITS_SHARED for _, found in held):
        return None
    return sum((_paid_twice(link, found) for link, found in held), Decimal(0))


def _paid_twice(link: Credited, found: Comparison) -> Decimal:
    """The part of the amount that the shared units make up by their cost."""
    if found.overlap is not Overlap.UNITS_SHARED or isinstance(link.footprint.units, Unknown):
        return Decimal(0)
    total = units_total(link.footprint.units)
    return (link.amount * found.cost / total).quantize(CENT, ROUND_HALF_UP) if total else Decimal(0)


def days_in_words_of(days: Sequence[date]) -> str:
    """Such as "2025-12-18 to 2025-12-25"; the days are sorted."""
    if not days or days[0] == date.min or days[-1] == date.max:
        return "the same days"
    return str(days[0]) if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
