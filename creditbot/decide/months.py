"""Splits a credit among the accounts and calendar months (UTC) whose traffic it is for. Pure.

The footprint of a link and its amount come in; `policy` compares the shares with the limit per account and month.

With units, a credit is split in proportion to what its units cost. Without them, and for units that may be any of
several accounts, all of it counts for each account and each month: a share may be too large, and is never too small.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import ROUND_UP, Decimal
from typing import NamedTuple

from creditbot.credit.amount import CENT
from creditbot.credit.footprint import (
    MOST_MONTHS,
    Accounts,
    Days,
    Footprint,
    Units,
    Unknown,
    account_key,
    units_total,
)


class AccountMonth(NamedTuple):
    """One account in one calendar month.

    Attributes:
        account: as `account_key` gives it.
        month: its first day, UTC.
    """

    account: str
    month: date


Shares = Mapping[AccountMonth, Decimal]
"""What falls to each account and month, USD, rounded up to the cent."""


def shares_of(footprint: Footprint, amount: Decimal) -> Shares | Unknown:
    """What falls to each account and month of an amount (USD); unknown if an account or a month is not known."""
    if not isinstance(footprint.units, Unknown) and units_total(footprint.units):
        return _by_units(footprint.accounts, footprint.units, amount)
    if isinstance(footprint.accounts, Unknown):
        return _no_accounts(footprint.accounts)
    months = _months(footprint.days)
    if isinstance(months, Unknown):
        return months
    return {AccountMonth(account, month): amount for account in _keys(footprint.accounts) for month in months}


def shares_of_answer(links: Sequence[tuple[Footprint, Decimal]], answered: Decimal | None) -> Shares:
    """What an answer credits to each account and month; links whose traffic is not known are left out.

    Args:
        links: their traffic, with the amounts that were computed (USD).
        answered: USD, the amount that a person answered instead; None for the amounts that were computed.
    """
    total = sum((amount for _, amount in links), Decimal(0))
    if not total:  # a person answered before anything was computed: each link may have got all of it
        every = [shares_of(footprint, answered or Decimal(0)) for footprint, _ in links]
        return {place: share for shares in every if not isinstance(shares, Unknown) for place, share in shares.items()}
    parts = [(footprint, amount if answered is None else amount * answered / total) for footprint, amount in links]
    every = [shares_of(footprint, part) for footprint, part in parts]
    return added(shares for shares in every if not isinstance(shares, Unknown))


def first_month(footprint: Footprint) -> date | Unknown:
    """The first month of the traffic: of its units, or else of its window."""
    if not isinstance(footprint.units, Unknown) and footprint.units:
        return month_of(min(unit.day for unit in footprint.units))
    days = footprint.days
    if isinstance(days, Unknown):
        return Unknown(f"the days are not known ({days.reason})")
    return month_of(days.first) if days.start else Unknown("the SQL does not say when the traffic begins")


def account_names(footprints: Iterable[Footprint]) -> dict[str, str]:
    """Key -> name of every account that the windows or the units of footprints name."""
    names: dict[str, str] = {}
    for footprint in footprints:
        every = [] if isinstance(footprint.accounts, Unknown) else list(footprint.accounts.every)
        if not isinstance(footprint.units, Unknown):
            every += [unit.account for unit in footprint.units if unit.account]
        names |= {account_key(name): name for name in every}
    return names


def added(every: Iterable[Shares]) -> dict[AccountMonth, Decimal]:
    """The sum of several shares for each account and month."""
    total: dict[AccountMonth, Decimal] = {}
    for shares in every:
        for place, amount in shares.items():
            total[place] = total.get(place, Decimal(0)) + amount
    return total


def month_of(day: date) -> date:
    """The first day of the month."""
    return day.replace(day=1)


def next_month(month: date) -> date:
    """The first day of the month after this one; the last month that there is has none after it."""
    last = date.max.replace(day=1)
    return last if month >= last else date(month.year + month.month // 12, month.month % 12 + 1, 1)


def _by_units(accounts: Accounts | Unknown, units: Units, amount: Decimal) -> Shares | Unknown:
    total, costs = units_total(units), dict[AccountMonth, Decimal]()
    for unit, flagged in units.items():
        if unit.account:
            owners = [account_key(unit.account)]
        elif isinstance(accounts, Unknown):
            return _no_accounts(accounts)
        else:
            owners = _keys(accounts)
        for owner in owners:
            place = AccountMonth(owner, month_of(unit.day))
            costs[place] = costs.get(place, Decimal(0)) + flagged.cost
    return {place: (amount * cost / total).quantize(CENT, ROUND_UP) for place, cost in costs.items()}


def _keys(accounts: Accounts) -> list[str]:
    return [account_key(name) for name in accounts.every]


def _no_accounts(why: Unknown) -> Unknown:
    return Unknown(f"the accounts are not known ({why.reason})")


def _months(days: Days | Unknown) -> Sequence[date] | Unknown:
    if isinstance(days, Unknown):
        return Unknown(f"the days are not known ({days.reason})")
    if days.start is None or days.end is None:
        return Unknown("the SQL does not limit the days on both sides")
    if days.empty:
        return Unknown("the SQL allows no day")
    return days.months or Unknown(f"its days lie in more than {MOST_MONTHS} months")
