"""Says in a line or two what a request asks for: in which words, and for which accounts and days.

For the question to the approvers and the messages to the owner. Pure.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence

from creditbot.credit.day_ranges import DayRange, merged, ranges_in_words, ranges_of
from creditbot.credit.footprint import Accounts, Days, Footprint, Unknown, unknown_in_words
from creditbot.text import one_line

LONGEST_QUOTE = 500
"""Characters of the request that a message quotes."""
LONGEST_ADDRESS = 80
"""Characters of an address within the quote, so that the words around it have room."""
LONGEST_CLAUSE = 150
MOST_ACCOUNTS = 5
MOST_WINDOWS = 4
"""Groups of accounts with days of their own that are named for one product."""
_ADDRESS = re.compile(r"https?://[^\s<>]+")


def quoted(text: str, limit: int = LONGEST_QUOTE) -> str:
    """The words of a request on one line, as people read them in Slack."""
    plain = re.sub(r"<([@#!]?)([^<>|]+)(?:\|[^<>]*)?>", r"\1\2", text)
    shown = _ADDRESS.sub(lambda address: one_line(address[0], LONGEST_ADDRESS), html.unescape(plain))
    return one_line(shown, limit)


def traffic_by_product(footprints: Iterable[Footprint]) -> Mapping[str, str]:
    """Product -> accounts and days, such as "AC1, AC2, 2025-12-01 to 2025-12-31"; what is unknown with the reason."""
    products: dict[str, list[Footprint]] = {}
    for footprint in footprints:
        products.setdefault(footprint.product, []).append(footprint)
    return {product: _in_words(each) for product, each in products.items()}


def _in_words(footprints: Sequence[Footprint]) -> str:
    days_of: dict[tuple[str, ...] | str, list[Footprint]] = {}
    for footprint in footprints:
        accounts = footprint.accounts
        whose = tuple(accounts.every) if isinstance(accounts, Accounts) else _unknown("account", accounts)
        days_of.setdefault(whose, []).append(footprint)
    accounts_of: dict[str, list[tuple[str, ...] | str]] = {}
    for whose, each in days_of.items():
        accounts_of.setdefault(_days(each), []).append(whose)
    windows = [f"{_accounts(every)}, {days}" for days, every in accounts_of.items()]
    more = f"; and {len(windows) - MOST_WINDOWS} more" if len(windows) > MOST_WINDOWS else ""
    return "; ".join(windows[:MOST_WINDOWS]) + more


def _accounts(every: Sequence[tuple[str, ...] | str]) -> str:
    named = dict.fromkeys(name for whose in every if not isinstance(whose, str) for name in whose)
    hashed = [name for name in named if name.startswith("#")]
    names = [one_line(name, LONGEST_CLAUSE) for name in named if name not in hashed]
    more = [f"{len(names) - MOST_ACCOUNTS} more"] if len(names) > MOST_ACCOUNTS else []
    lost = [f"{len(hashed)} whose names the summary no longer has"] if hashed else []
    unknown = [whose for whose in every if isinstance(whose, str)]
    return ", ".join([*names[:MOST_ACCOUNTS], *more, *lost, *unknown])


def _days(footprints: Sequence[Footprint]) -> str:
    known = [footprint.days for footprint in footprints if isinstance(footprint.days, Days)]
    ranges = merged(DayRange(days.first, days.last) for days in known)
    parts = [ranges_in_words(ranges)] if ranges else []
    for footprint in footprints:
        if isinstance(footprint.days, Unknown):
            flagged = "" if isinstance(footprint.units, Unknown) else ranges_in_words(_flagged(footprint))
            parts.append(_unknown("days", footprint.days) + (f", flagged {flagged}" if flagged else ""))
    return ", ".join(dict.fromkeys(parts))


def _flagged(footprint: Footprint) -> Sequence[DayRange]:
    assert not isinstance(footprint.units, Unknown)
    return ranges_of({unit.day for unit in footprint.units})


def _unknown(what: str, value: Unknown) -> str:
    return f"{what} {one_line(unknown_in_words(value), LONGEST_CLAUSE)}"
