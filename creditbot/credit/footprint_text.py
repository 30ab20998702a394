"""Footprints as JSON: how the summary, the state and the process that reads SQL write them down.

    {"product": "verify",
     "accounts": {"account_sid": ["AC1"]},                    or "unknown: REASON"
     "days": ["day", "2025-12-01T00:00:00", "2026-01-01T00:00:00"],     null for a side without limit
     "zone": "America/New_York",                              of the units' days; "" if unknown, left out for UTC
     "naming": "6c1f4a0e",                                    left out if prefix and mode are columns as they stand
     "rows": [["verify_traffic"], {"item": [["=Authy%"]]}, {}],      left out if unknown; see `Selection`
     "repeats": "it joins t with itself, ...",                left out if it counts no row twice, as far as it shows
     "flagged": 27, "cost": 7526.30,                          units and their cost in USD
     "units": "z1:..."}                                       compressed, see `units_to_text`

Pure.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from creditbot.credit.footprint import (
    UTC_DAYS,
    Accounts,
    Days,
    Flagged,
    Footprint,
    TrafficWindow,
    Unit,
    Units,
    Unknown,
    units_total,
    within,
)
from creditbot.credit.selection import Selection

UNITS_BYTES = 24_000
"""For the units of all links of a request: with 200 prefixes and 31 days, a summary stays under 50 KB."""
_FORM = "z1:"
_UNKNOWN = "unknown: "
_MOST_JSON = 4_000_000  # characters that a text of units may unpack to
_FIRST = date(2000, 1, 1)


def window_to_json(window: TrafficWindow) -> dict[str, Any]:
    """A window as JSON."""
    zone = {} if window.zone == UTC_DAYS else {"zone": window.zone}
    naming = {"naming": window.naming} if window.naming else {}
    rows = {} if window.selection is None else {"rows": _selection_to_json(window.selection)}
    repeats = {"repeats": window.repeats} if window.repeats else {}
    whose = {"accounts": _accounts_to_json(window.accounts), "days": _days_to_json(window.days)}
    return {**whose, **zone, **naming, **rows, **repeats}


def window_from_json(fields: Mapping[str, Any]) -> TrafficWindow:
    """The window in JSON; raises ValueError, LookupError, TypeError or AttributeError for anything else."""
    accounts, days = _accounts_from_json(fields["accounts"]), _days_from_json(fields["days"])
    selection = _selection_from_json(fields["rows"]) if "rows" in fields else None
    zone, naming = str(fields.get("zone", UTC_DAYS)), str(fields.get("naming", ""))
    return TrafficWindow(accounts, days, zone, naming, selection, str(fields.get("repeats", "")))


def footprint_to_json(footprint: Footprint, most_bytes: int = UNITS_BYTES) -> dict[str, Any]:
    """A footprint as JSON. Units that take more than `most_bytes` are left out, and the JSON says so."""
    units = footprint.units
    fields = {"product": footprint.product, **window_to_json(footprint.window)}
    if isinstance(units, Unknown):
        return {**fields, "units": _UNKNOWN + units.reason}
    text = units_to_text(units)
    if len(text) > most_bytes:
        text = f"{_UNKNOWN}{len(units):,} flagged rows are too many to keep"
    return {**fields, "flagged": len(units), "cost": units_total(units), "units": text}


def footprint_to_text(footprint: Footprint) -> str:
    """A footprint as the state keeps it: one text, with hashed accounts and without units."""
    return json.dumps(footprint_to_json(footprint.hashed()), separators=(",", ":"))


def footprint_from_text(text: str) -> Footprint:
    """The footprint in a text of `footprint_to_text`; raises ValueError for anything else."""
    return footprint_from_json(json.loads(text))


def footprint_from_json(fields: object) -> Footprint:
    """The footprint in JSON; raises ValueError for anything else."""
    if not isinstance(fields, Mapping):
        raise ValueError("not a footprint")  # noqa: TRY004 - as for a text that is wrong
    try:
        return within(str(fields["product"]), window_from_json(fields), units_from_text(fields["units"]))
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise ValueError("not a footprint") from error


def units_to_text(units: Units) -> str:
    """Units as a short text.

    They are grouped by account, mode and prefix: [account, mode, prefix, price, days, messages, costs]. Each day is the
    distance from the day before it. `costs` is empty if each cost is the price times the messages.
    """
    series: dict[tuple[str, str, str], list[tuple[date, Flagged]]] = {}
    for unit in sorted(units):
        series.setdefault((unit.account, unit.mode, unit.prefix), []).append((unit.day, units[unit]))
    lines = [[*names, *_packed(rows)] for names, rows in series.items()]
    text = json.dumps(lines, separators=(",", ":"), ensure_ascii=False)
    return _FORM + base64.b85encode(zlib.compress(text.encode(), 9)).decode()


def units_from_text(text: object) -> Units | Unknown:
    """The units in a text of `units_to_text`, or why there are none.

    Raises ValueError, TypeError, LookupError or ArithmeticError for anything else.
    """
    if not isinstance(text, str):
        raise ValueError  # noqa: TRY004 - as for a text that is wrong
    if text.startswith(_UNKNOWN):
        return Unknown(text.removeprefix(_UNKNOWN))
    if not text.startswith(_FORM):
        return Unknown("a newer creditbot wrote them")
    try:
        unpacked = zlib.decompressobj().decompress(base64.b85decode(text.removeprefix(_FORM)), _MOST_JSON)
    except zlib.error as error:
        raise ValueError from error
    units: dict[Unit, Flagged] = {}
    for account, mode, prefix, price, days, messages, costs in json.loads(unpacked):
        day = _FIRST
        for number, distance in enumerate(days):
            day += timedelta(days=distance)
            cost = Decimal(costs[number]) if costs else Decimal(price) * messages[number]
            units[Unit(account, day, prefix, mode)] = Flagged(messages[number], cost)
    return units


def _packed(rows: list[tuple[date, Flagged]]) -> list[Any]:
    """Price, distances of days, messages, and costs."""
    first = next((flagged for _, flagged in rows if flagged.messages), None)
    price = (first.cost / first.messages).normalize() if first else Decimal(0)
    is_price = all(price * flagged.messages == flagged.cost for _, flagged in rows)
    days = [day for day, _ in rows]
    distances = [(day - before).days for before, day in zip([_FIRST, *days], days, strict=False)]
    costs = [] if is_price else [str(flagged.cost) for _, flagged in rows]
    return [f"{price:f}" if is_price else "", distances, [flagged.messages for _, flagged in rows], costs]


def _selection_to_json(selection: Selection) -> Any:
    like = {column: sorted(map(sorted, sets)) for column, sets in selection.like.items()}
    return [sorted(selection.tables), like, {column: sorted(patterns) for column, patterns in selection.unlike.items()}]


def _selection_from_json(fields: Any) -> Selection:
    tables, like, unlike = fields
    return Selection(
        frozenset(map(str, tables)),
        {str(column): frozenset(frozenset(map(str, each)) for each in sets) for column, sets in like.items()},
        {str(column): frozenset(map(str, patterns)) for column, patterns in unlike.items()},
    )


def _accounts_to_json(accounts: Accounts | Unknown) -> Any:
    if isinstance(accounts, Unknown):
        return _UNKNOWN + accounts.reason
    return {field: sorted(names) for field, names in accounts.names.items()}


def _accounts_from_json(fields: Any) -> Accounts | Unknown:
    if isinstance(fields, str):
        return Unknown(fields.removeprefix(_UNKNOWN))
    return Accounts({str(field): frozenset(map(str, names)) for field, names in fields.items()})


def _days_to_json(days: Days | Unknown) -> Any:
    if isinstance(days, Unknown):
        return _UNKNOWN + days.reason
    return [days.field, *(moment.isoformat() if moment else None for moment in (days.start, days.end))]


def _days_from_json(fields: Any) -> Days | Unknown:
    if isinstance(fields, str):
        return Unknown(fields.removeprefix(_UNKNOWN))
    field, *moments = fields
    start, end = (datetime.fromisoformat(moment) if moment else None for moment in moments)
    return Days(field, start, end)
