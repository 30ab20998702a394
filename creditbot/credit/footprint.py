"""Which traffic a credit is for: product, accounts, days, and the units that its notebook flagged.

Accounts and days come from `creditbot.credit.sql.traffic_window`, the units from the notebook's scrap `units`. A
footprint goes into the summary, and into the state with its accounts hashed. `creditbot.decide.overlap` compares it
with those of other credits. Pure.

What cannot be told is `Unknown`, with the reason. A window is never too small: all of the traffic lies within it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from creditbot.credit.selection import Selection, joined_selections

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

UNITS = "units"
"""The scrap of a notebook that lists what it flagged."""
_COLUMNS = ("account", "day", "prefix", "mode", "messages", "cost")
_MOST_TOKENS = 20
"""Accounts of one credit that are remembered one by one."""
_DEAREST = 3
"""How many units a credit is found again by: those that cost most."""
MOST_MONTHS = 36
"""The months of a longer window are not told apart."""
_TICK = timedelta(microseconds=1)
UTC_DAYS = "UTC"
"""The zone of days that the SQL does not convert."""
COMPUTED_DAYS = "?"
"""Stands for a zone if the SQL computes the days that it shows, or shows months: any day may be behind one of them."""
FARTHEST = timedelta(hours=14)
"""No time zone is farther from UTC."""
TWO_READINGS = "the SQL reads differently in different dialects"
OTHER_ACCOUNT = "the account that its SQL names is not that of the traffic but of a table joined with it"
MADE_ACCOUNT = "its SQL makes the account that it shows"
"""Reasons of `Unknown.is_certain`; a window keeps the words, as JSON has it."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """What cannot be told.

    Attributes:
        reason: why, a clause for people: "no condition names the account".
    """

    reason: str

    @property
    def is_certain(self) -> bool:
        """Whether it stays so, whatever Looker's filters name: the SQL may take it from another account."""
        return self.reason in {OTHER_ACCOUNT, MADE_ACCOUNT, TWO_READINGS}


@dataclass(frozen=True, slots=True)
class Accounts:
    """The accounts that all of the traffic belongs to.

    Attributes:
        names: field -> the accounts that it is restricted to, as written or as `account_key` gives them; never empty.
    """

    names: Mapping[str, frozenset[str]]

    @property
    def every(self) -> Sequence[str]:
        """All accounts, sorted, each once."""
        return sorted({account_key(name): name for names in self.names.values() for name in sorted(names)}.values())

    @property
    def keys(self) -> Mapping[str, frozenset[str]]:
        """Field -> the accounts as they are compared."""
        return {field: frozenset(map(account_key, names)) for field, names in self.names.items()}


@dataclass(frozen=True, slots=True)
class Days:
    """The time that all of the traffic lies in: half-open, in UTC, as datetimes without a zone.

    Attributes:
        field: the column that is restricted; "" if none is.
        start: the first moment; None if nothing limits the beginning.
        end: the first moment that is too late; None if nothing limits the end.
    """

    field: str
    start: datetime | None = None
    end: datetime | None = None

    @property
    def first(self) -> date:
        """The first UTC day."""
        return self.start.date() if self.start else date.min

    @property
    def last(self) -> date:
        """The last UTC day."""
        return (self.end - _TICK).date() if self.end else date.max

    @property
    def empty(self) -> bool:
        """Whether no moment lies in it."""
        return self.start is not None and self.end is not None and self.start >= self.end

    @property
    def months(self) -> Sequence[date]:
        """The first days of its calendar months; none if it is open or empty, or has more than MOST_MONTHS."""
        if self.start is None or self.end is None or self.empty:
            return ()
        first, last = (day.year * 12 + day.month - 1 for day in (self.first, self.last))
        every = range(first, last + 1)
        return [date(number // 12, number % 12 + 1, 1) for number in every] if len(every) <= MOST_MONTHS else ()


@dataclass(frozen=True, slots=True)
class TrafficWindow:
    """What the conditions of SQL say about its traffic.

    Attributes:
        accounts: whose it is.
        days: when it was.
        zone: the time zone of the days that the result shows; "" if it is not known, or COMPUTED_DAYS.
        naming: how the SQL makes the prefix and the mode that the result shows: "" if they are columns of these names
            as a table has them, else a hash. Units of SQL that makes them in two ways cannot be compared by them.
        selection: which rows of which tables it asks for; None if that is not known.
        repeats: how it may count a row more than once, a clause about the SQL; "" if it does not, as far as it shows.
    """

    accounts: Accounts | Unknown
    days: Days | Unknown
    zone: str = UTC_DAYS
    naming: str = ""
    selection: Selection | None = None
    repeats: str = ""


class Unit(NamedTuple):
    """The smallest piece of traffic that is credited.

    Attributes:
        account: whose it is, as written; "" if it is one of the footprint's accounts.
        day: as the result of the SQL shows it, in the time zone of the footprint.
        prefix: the destination, such as "+62".
        mode: the Fraud Guard mode.
    """

    account: str
    day: date
    prefix: str
    mode: str


@dataclass(frozen=True, slots=True)
class Flagged:
    """What was flagged of one unit.

    Attributes:
        messages: how many.
        cost: USD, exact.
    """

    messages: int
    cost: Decimal


Units: TypeAlias = Mapping[Unit, Flagged]


@dataclass(frozen=True, slots=True)
class Footprint:
    """The traffic that one link is credited for.

    Attributes:
        product: name of the product.
        accounts: whose traffic it is.
        days: when it was.
        units: what the notebook flagged.
        zone: the time zone of the units' days; "" if it is not known, or COMPUTED_DAYS.
        naming: how the SQL makes the prefix and the mode of the units, as in `TrafficWindow`.
        selection: which rows of which tables it is, as in `TrafficWindow`.
        repeats: how the SQL may count a row more than once, as in `TrafficWindow`.
    """

    product: str
    accounts: Accounts | Unknown
    days: Days | Unknown
    units: Units | Unknown
    zone: str = UTC_DAYS
    naming: str = ""
    selection: Selection | None = None
    repeats: str = ""

    @property
    def window(self) -> TrafficWindow:
        """What is known of it without a notebook."""
        return TrafficWindow(self.accounts, self.days, self.zone, self.naming, self.selection, self.repeats)

    def hashed(self) -> Footprint:
        """The same with hashes in place of accounts and without the units, which are many: as the state keeps it."""
        accounts = self.accounts
        if isinstance(accounts, Accounts):
            few = len(accounts.every) <= _MOST_TOKENS
            accounts = Accounts(accounts.keys) if few else Unknown(f"more than {_MOST_TOKENS} accounts")
        return replace(self, accounts=accounts, units=Unknown("the summary has them"))

    def tokens(self) -> tuple[str, ...]:
        """The names under which the credit is found again: by account, or by product if there are too many.

        Also by the numbers of messages of its dearest units, so that it is found if the accounts of one are not known,
        and by column and month for credits that name their accounts by other columns. If its months are not known, or
        too many, every credit of the product looks at it.
        """
        by_column = [self._column_token(column, month) for column in self._columns for month in ("", *self._months)]
        return (*self._own_tokens, *by_column, *(() if self._months else (self.product_token,)))

    def search_tokens(self, columns: Iterable[str] = ()) -> tuple[str, ...]:
        """The names under which other credits of the same traffic are found, whose accounts any of these columns names.

        A credit that restricts a column of this one is found by its account.
        """
        others = [column for column in columns if self._columns and column not in self._columns]
        by_column = [self._column_token(column, month) for column in others for month in self._months or ("",)]
        return (*self._own_tokens, self.product_token, *by_column)

    @property
    def _own_tokens(self) -> tuple[str, ...]:
        names = self.accounts.every if isinstance(self.accounts, Accounts) and self._columns else ()
        by_account = [_token(self.product, account_key(name)) for name in names] or [self.product_token]
        return (*by_account, *(_token(self.product, f"{unit.day} {count}") for unit, count in self._dearest()))

    @property
    def _columns(self) -> Sequence[str]:
        """Those that name the accounts; none if these are unknown, or too many to be remembered one by one."""
        if isinstance(self.accounts, Unknown) or len(self.accounts.every) > _MOST_TOKENS:
            return ()
        return sorted(self.accounts.names)

    @property
    def _months(self) -> Sequence[str]:
        return () if isinstance(self.days, Unknown) else [f"{month:%Y-%m}" for month in self.days.months]

    def _column_token(self, column: str, month: str) -> str:
        return _token(self.product, f"by {column} {month}")

    @property
    def product_token(self) -> str:
        """The name under which credits of the product are found whose accounts are unknown, or too many."""
        return _token(self.product, "*")

    def _dearest(self) -> list[tuple[Unit, int]]:
        if isinstance(self.units, Unknown):
            return []
        ranked = sorted(self.units.items(), key=lambda item: (-item[1].cost, item[0]))
        return [(unit, flagged.messages) for unit, flagged in ranked[:_DEAREST]]


def footprint_of(product: str, window: TrafficWindow, scraps: Mapping[str, object], cost: Decimal | None) -> Footprint:
    """The footprint of one link.

    Args:
        product: name of its product.
        window: what its SQL says.
        scraps: what its notebook glued.
        cost: USD, the fraud cost that the credit names; None if it names none. The units must add up to it.
    """
    return within(product, window, _units(window.accounts, scraps, cost))


def within(product: str, window: TrafficWindow, units: Units | Unknown) -> Footprint:
    """The footprint of units that lie in a window."""
    return Footprint(
        product, window.accounts, window.days, units, window.zone, window.naming, window.selection, window.repeats
    )


def search_tokens(
    footprints: Iterable[Footprint], products: Iterable[str] = (), columns: Iterable[str] = ()
) -> tuple[str, ...]:
    """The names under which other credits of the same traffic are found, each once.

    Args:
        footprints: of the links of a request.
        products: which may have been credited the same traffic as well.
        columns: which may name the accounts of the same product, besides those of the footprints.
    """
    own, names = list(footprints), tuple(columns)
    others = [replace(footprint, product=name, units=Unknown("")) for footprint in own for name in products]
    found = [token for footprint in own for token in footprint.search_tokens(names)]
    return tuple(dict.fromkeys([*found, *(token for footprint in others for token in footprint.search_tokens())]))


def tokens_of(footprints: Iterable[Footprint]) -> tuple[str, ...]:
    """The names under which a request with these footprints is found again, each once."""
    return tuple(dict.fromkeys(token for footprint in footprints for token in footprint.tokens()))


def account_key(name: str) -> str:
    """An account as it is compared and as the state keeps it: a hash, "#" and 16 hexadecimal digits.

    Warehouses differ in whether capitals, blanks and zeros in front count, so none of them does. The key of a key is
    the key.
    """
    if name.startswith("#"):
        return name
    text = name.strip().casefold()
    if text.isascii() and text.replace(".", "", 1).isdigit():
        text = f"{Decimal(text).normalize():f}"
    return "#" + hashlib.sha256(f"account {text}".encode("utf-8", "surrogatepass")).hexdigest()[:16]


def units_total(units: Units) -> Decimal:
    """What the units cost, USD."""
    return sum((flagged.cost for flagged in units.values()), Decimal(0))


def traffic_in_words(footprint: Footprint) -> str:
    """Such as "verify, AC1, 2025-12-01 to 2025-12-31"; what is not known is said with the reason."""
    accounts, days = footprint.accounts, footprint.days
    parts = (
        footprint.product,
        f"account {accounts_in_words(accounts)}" if isinstance(accounts, Unknown) else accounts_in_words(accounts),
        f"days {days_in_words(days)}" if isinstance(days, Unknown) else days_in_words(days),
    )
    return ", ".join(parts)


def unknown_in_words(value: Unknown) -> str:
    """Such as "unknown: no condition names the account"."""
    return f"unknown: {value.reason}"


def units_in_words(units: Units | Unknown) -> str:
    """How much was flagged."""
    if isinstance(units, Unknown):
        return unknown_in_words(units)
    messages = sum(flagged.messages for flagged in units.values())
    return f"{messages:,} messages in {len(units):,} rows, ${units_total(units):,.2f}"


def accounts_in_words(accounts: Accounts | Unknown) -> str:
    """The accounts with commas between, or "unknown: REASON"."""
    if isinstance(accounts, Unknown):
        return unknown_in_words(accounts)
    return ", ".join(accounts.every)


def days_in_words(days: Days | Unknown) -> str:
    """Such as "2025-12-01 to 2025-12-31", both days included, or "unknown: REASON"."""
    if isinstance(days, Unknown):
        return unknown_in_words(days)
    if days.start is None and days.end is None:
        return "any day"
    if days.start is None:
        return f"until {days.last}"
    if days.end is None:
        return f"from {days.first} on"
    return f"{days.first} to {days.last}" if days.first != days.last else str(days.first)


def _units(accounts: Accounts | Unknown, scraps: Mapping[str, object], cost: Decimal | None) -> Units | Unknown:
    glued = next((value for name, value in scraps.items() if name.strip().casefold() == UNITS), None)
    if glued is None:
        return Unknown("the notebook does not say which rows it flagged")
    try:
        units = _of_accounts(read_units(glued), accounts)
    except (ValueError, TypeError, LookupError, InvalidOperation):
        return Unknown("the notebook's list of flagged rows cannot be read")
    if cost is not None and abs(units_total(units) - cost) > Decimal("0.01") * max(1, len(units)):
        return Unknown("the notebook's flagged rows do not add up to its fraud cost")
    return units


def read_units(glued: object) -> Units:
    """The units in a scrap {"columns": [...], "rows": [[...], ...]}. Rows of one unit are added up.

    Raises ValueError, TypeError, LookupError or InvalidOperation for anything else.
    """
    if not isinstance(glued, Mapping) or not isinstance(glued["rows"], list):
        raise ValueError  # noqa: TRY004 - as for any other shape
    places = [list(glued["columns"]).index(name) for name in _COLUMNS]
    units: dict[Unit, Flagged] = {}
    for row in glued["rows"]:
        account, day, prefix, mode, messages, cost = (row[place] for place in places)
        unit = Unit(str(account or "").strip(), date.fromisoformat(day), str(prefix), str(mode))
        _add(units, unit, _flagged(messages, cost))
    return units


def _flagged(messages: object, cost: object) -> Flagged:
    """Raises ValueError or InvalidOperation if one is not a number of messages, or the other is not a cost."""
    if not isinstance(messages, int) or isinstance(messages, bool) or messages < 0:
        raise ValueError
    paid = Decimal(str(cost))
    if not paid.is_finite() or paid < 0:
        raise ValueError
    return Flagged(messages, paid)


def _add(units: dict[Unit, Flagged], unit: Unit, more: Flagged) -> None:
    before = units.get(unit, Flagged(0, Decimal(0)))
    units[unit] = Flagged(before.messages + more.messages, before.cost + more.cost)


def _of_accounts(units: Units, accounts: Accounts | Unknown) -> Units:
    """The units with the accounts that the conditions allow; what a row of the result says can be any text."""
    if isinstance(accounts, Unknown):
        return units
    every = accounts.every
    by_key = {account_key(name): name for name in every}
    only = every[0] if len(every) == 1 else ""
    allowed: dict[Unit, Flagged] = {}
    for unit, flagged in units.items():
        account = only or (by_key.get(account_key(unit.account), "") if unit.account else "")
        _add(allowed, unit._replace(account=account), flagged)
    return allowed


def in_utc(moment: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """UTC of what clocks in the zone show: two moments where clocks are put back or forward, else the same twice."""
    both = [moment.replace(tzinfo=zone, fold=fold).astimezone(UTC).replace(tzinfo=None) for fold in (0, 1)]
    return min(both), max(both)


def joined(windows: Iterable[TrafficWindow]) -> TrafficWindow:
    """The window of SQL that has several readings, one window each: it contains all of them."""
    every = list(windows)
    first, *others = every
    accounts, days = first.accounts, first.days
    for other in others:
        accounts = _either_accounts(accounts, other.accounts)
        days = _either_days(days, other.days)
    return TrafficWindow(
        accounts,
        days,
        joined_zones(window.zone for window in every),
        joined_namings(window.naming for window in every),
        joined_selections([window.selection for window in every]),
        next((window.repeats for window in every if window.repeats), ""),
    )


def joined_zones(zones: Iterable[str]) -> str:
    """The zone of days that are shown in any of these."""
    each = set(zones)
    return COMPUTED_DAYS if COMPUTED_DAYS in each else each.pop() if len(each) == 1 else ""


def joined_namings(namings: Iterable[str]) -> str:
    """The naming of prefixes and modes that are made in any of these ways."""
    each = sorted(set(namings))
    return each[0] if len(each) == 1 else naming_of(" or ".join(each))


def naming_of(how: str) -> str:
    """The naming of prefixes and modes that are made as a text says."""
    return hashlib.sha256(how.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _either_accounts(one: Accounts | Unknown, other: Accounts | Unknown) -> Accounts | Unknown:
    if isinstance(one, Unknown):
        return other if isinstance(other, Unknown) and other.is_certain else one
    if isinstance(other, Unknown):
        return other
    names = {field: one.names[field] | other.names[field] for field in one.names.keys() & other.names.keys()}
    return Accounts(names) if names else Unknown(TWO_READINGS)


def _either_days(one: Days | Unknown, other: Days | Unknown) -> Days | Unknown:
    if isinstance(one, Unknown) or isinstance(other, Unknown):
        return one if isinstance(one, Unknown) else other
    if one.field != other.field:
        return Unknown(TWO_READINGS)
    start = None if one.start is None or other.start is None else min(one.start, other.start)
    end = None if one.end is None or other.end is None else max(one.end, other.end)
    return Days(one.field, start, end)


def _token(product: str, name: str) -> str:
    return f"traffic-{hashlib.sha256(f'{product} {name}'.encode()).hexdigest()[:32]}"
