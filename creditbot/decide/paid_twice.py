"""Says what would be paid twice: one reason for each other request, and for each group of links of one message.

Links with their traffic come in, with the traffic of other credits; `overlap` compares them. The reasons go to
`answer`, which holds the credit and asks approvers. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from creditbot.credit.amount import CENT, format_usd
from creditbot.credit.day_ranges import merged, ranges_in_words
from creditbot.credit.footprint import Accounts, Footprint, Unit, Unknown, units_total
from creditbot.decide.hold import HoldKind, HoldReason
from creditbot.decide.overlap import Comparison, Overlap, compare, compare_with_all, gravest
from creditbot.text import one_line

MOST_ACCOUNTS = 3
"""Accounts that a reason names."""
LONGEST_CLAUSE, LONGEST_NAME = 200, 60
"""Characters of a clause that quotes SQL, and of the name of an account."""


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
        reasons: why a person has to decide: one for each other request, and one for each group of its own links that
            share traffic. What costs most comes first.
        unclear: what could not be compared, one sentence for each other request.
        twice: USD that are paid twice for certain, over all reasons; each flagged row counts once.
        perhaps_more: whether more than that may be paid twice.
    """

    reasons: tuple[HoldReason, ...] = ()
    unclear: tuple[str, ...] = ()
    twice: Decimal = Decimal(0)
    perhaps_more: bool = False

    @property
    def known_twice(self) -> Decimal | None:
        """`twice`; None if no reason knows the share of an overlap."""
        return None if all(reason.twice is None for reason in self.reasons) else self.twice


@dataclass(frozen=True, slots=True)
class _Part:
    """What one link shares.

    Attributes:
        number: of the link, from 0.
        link: it.
        shared: what it shares.
        most: USD of the link that can be paid twice at most.
    """

    number: int
    link: Credited
    shared: Comparison
    most: Decimal

    @property
    def surely(self) -> Decimal:
        """USD that are paid twice for certain."""
        return _share(self.link, self.shared.units)

    @property
    def perhaps(self) -> Decimal:
        """USD that may be paid twice, beside the former: at most."""
        if self.shared.overlap is Overlap.UNITS_SHARED or self.shared.partly:
            return min(self.most, _share_of_cost(self.link, sum(self.shared.partly.values(), Decimal(0))))
        return self.most


@dataclass(frozen=True, slots=True)
class _Case:
    """What the links share with one other request, or with each other.

    Attributes:
        about: as in `HoldReason`.
        who: has it as well, the beginning of a clause.
        parts: what each link shares; never empty.
    """

    about: str
    who: str
    parts: Sequence[_Part]

    @property
    def surely(self) -> Decimal:
        """USD that are paid twice for certain."""
        return sum((part.surely for part in self.parts), Decimal(0))

    @property
    def perhaps(self) -> Decimal:
        """USD that may be paid twice, beside the former."""
        return sum((part.perhaps for part in self.parts), Decimal(0))

    def reason(self, total: Decimal) -> HoldReason:
        """Why a person has to decide; `total` is the amount of the request in USD."""
        is_known = any(part.shared.units for part in self.parts)
        return HoldReason(HoldKind.OVERLAP, _sentence(self, total), self.about, self.surely if is_known else None)


def findings(links: Sequence[Credited], others: Sequence[Other]) -> Findings:
    """Compares the links of a request with each other and with other requests."""
    cases = [_case_within(group, links) for group in _groups(links)]
    unclear = []
    for other in others:
        compared = [compare_with_all(link.footprint, other.footprints) for link in links]
        parts = [
            _Part(number, links[number], shared, links[number].amount)
            for number, shared in enumerate(compared)
            if shared.overlap.holds
        ]
        if parts:
            cases.append(_Case(other.key, _credits(other, parts), parts))
        elif doubts := dict.fromkeys(shared.unclear for shared in compared if shared.unclear):
            unclear.append(f"Not compared with {other.address}: {'; '.join(doubts)}.")
    cases.sort(key=lambda case: -(case.surely + case.perhaps))
    total = sum((link.amount for link in links), Decimal(0))
    return Findings(
        tuple(case.reason(total) for case in cases),
        tuple(unclear),
        _twice(cases, links),
        perhaps_more=any(case.perhaps for case in cases),
    )


def _credits(other: Other, parts: Sequence[_Part]) -> str:
    """The beginning of a clause: who credits the traffic as well, and as which product if that is another one."""
    products = {footprint.product for footprint in other.footprints}
    if any(part.link.footprint.product in products for part in parts):
        return f"{other.address} also credits"
    return f"{other.address} credits as {', '.join(sorted(products))} what may be the same rows as"


def account_reasons(footprints: Sequence[Footprint]) -> tuple[HoldReason, ...]:
    """Why nobody can tell whose traffic links credit: their SQL does not restrict an account to names."""
    links_of: dict[str, list[int]] = {}
    for number, footprint in enumerate(footprints):
        if isinstance(footprint.accounts, Unknown):
            links_of.setdefault(one_line(footprint.accounts.reason, LONGEST_CLAUSE), []).append(number)
    reasons = []
    for why, numbers in links_of.items():
        about = f"links {_numbers_in_words(numbers)}" if len(numbers) > 1 else f"link {numbers[0] + 1}"
        verb = "credit" if len(numbers) > 1 else "credits"
        text = f"Nobody can tell whose traffic {about} {verb}: {why}."
        reasons.append(HoldReason(HoldKind.ACCOUNTS, text, about=about))
    return tuple(reasons)


def _groups(links: Sequence[Credited]) -> list[list[int]]:
    """The numbers, from 0, of links that share traffic with each other, directly or by way of others, in order."""
    groups: list[list[int]] = []
    for number, link in enumerate(links):
        meets = [
            group
            for group in groups
            if any(compare(link.footprint, links[other].footprint).overlap.holds for other in group)
        ]
        groups = [group for group in groups if group not in meets]
        groups.append(sorted([number, *(other for group in meets for other in group)]))
    return sorted(group for group in groups if len(group) > 1)


def _case_within(group: Sequence[int], links: Sequence[Credited]) -> _Case:
    """What each link of a group shares with those before it: the first one pays for traffic once."""
    parts = []
    for place, number in enumerate(group):
        before = [links[other] for other in group[:place]]
        shared = compare_with_all(links[number].footprint, [link.footprint for link in before])
        if shared.overlap.holds:
            most = min(links[number].amount, sum((link.amount for link in before), Decimal(0)))
            parts.append(_Part(number, links[number], shared, most))
    about = f"links {_numbers_in_words(group)}"
    return _Case(about, f"{about} of this message {'both ' if len(group) == 2 else ''}have", parts)


def _twice(cases: Sequence[_Case], links: Sequence[Credited]) -> Decimal:
    """USD that are paid twice for certain; a unit of a link that several others have counts once."""
    parts = [part for case in cases for part in case.parts]
    shared = [
        (link, {unit for part in parts if part.number == n for unit in part.shared.units})
        for n, link in enumerate(links)
    ]
    return sum((_share(link, units) for link, units in shared), Decimal(0))


def _share(link: Credited, shared: Iterable[Unit]) -> Decimal:
    """The part of a link's amount, in USD, that these of its units make up by their cost."""
    units = link.footprint.units
    cost = Decimal(0) if isinstance(units, Unknown) else sum((units[unit].cost for unit in shared), Decimal(0))
    return _share_of_cost(link, cost)


def _share_of_cost(link: Credited, cost: Decimal) -> Decimal:
    """The part of a link's amount, in USD, that this much of its cost makes up."""
    units = link.footprint.units
    if isinstance(units, Unknown) or not (total := units_total(units)):
        return Decimal(0)
    return (link.amount * cost / total).quantize(CENT, ROUND_HALF_UP)


def _sentence(case: _Case, total: Decimal) -> str:
    """What would be paid twice, by whom, and for which days."""
    kind = gravest(part.shared.overlap for part in case.parts)
    parts = [part for part in case.parts if part.shared.overlap is kind]
    if any(part.shared.units for part in parts):
        more = f", and up to {format_usd(case.perhaps)} more may be" if case.perhaps else ""
        twice = f"{format_usd(case.surely)} of {format_usd(total)} would be paid twice{more}"
        return f"{twice}: {case.who} the same flagged rows for {_days(parts)}."
    twice = f"Up to {format_usd(case.perhaps)} of {format_usd(total)} may be paid twice"
    what = _WHAT[kind].format(whose=_whose(parts), days=_days(parts))
    return f"{twice}: {case.who} {what}."


_WHAT = {
    Overlap.UNITS_SHARED: "flagged rows of {whose} for {days}, and the SQL of one of them does not tell accounts apart",
    Overlap.WINDOWS_MEET: "{whose} for {days}",
    Overlap.EVIDENCE_ALIKE: "the same numbers of messages for {days}",
    Overlap.ACCOUNTS_UNCLEAR: "traffic that may be some of the {whose} for {days}: another column names its accounts",
}
"""What is shared, where nobody knows how much of it."""


def _whose(parts: Iterable[_Part]) -> str:
    """Such as "verify traffic of AC1": the accounts that both name, or else those of the links."""
    each = list(parts)
    every = dict.fromkeys(name for part in each for name in sorted(part.shared.accounts))
    if not every:
        named = (part.link.footprint.accounts for part in each)
        every = dict.fromkeys(name for accounts in named if isinstance(accounts, Accounts) for name in accounts.every)
    names = list(every)
    more = f" and {len(names) - MOST_ACCOUNTS} more" if len(names) > MOST_ACCOUNTS else ""
    products = ", ".join(dict.fromkeys(part.link.footprint.product for part in each))
    return f"{products} traffic of {', '.join(one_line(name, LONGEST_NAME) for name in names[:MOST_ACCOUNTS])}{more}"


def _days(parts: Sequence[_Part]) -> str:
    ranges = merged(days for part in parts for days in part.shared.days)
    if not ranges or ranges[0].first == date.min or ranges[-1].last == date.max:
        return "the same days"
    return ranges_in_words(ranges)


def _numbers_in_words(group: Sequence[int]) -> str:
    """Such as "1 and 2", "1 to 8" or "1, 3 and 4"."""
    numbers = [str(number + 1) for number in group]
    if len(group) > 2 and group[-1] - group[0] == len(group) - 1:
        return f"{numbers[0]} to {numbers[-1]}"
    return f"{', '.join(numbers[:-1])} and {numbers[-1]}"
