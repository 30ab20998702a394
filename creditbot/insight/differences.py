"""The differences between two computations of one link, each with both values and in words. Pure.

Two `ComputedLink` come in, and what is known of where the link leads now; `creditbot.insight.replay` puts the `Change`
values in order. A value that is not known on one side is never a difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, Literal

from creditbot.credit.amount import format_usd
from creditbot.credit.footprint import Flagged
from creditbot.insight.computed import ComputedLink, Place

Kind = Literal["sql", "product", "notebook", "versions", "rows", "policy", "flagged", "amount"]
DETAILS = 12
"""Days, places and names that a difference lists one by one; of more, it says how many there are."""
_VALUE = 200  # characters of the value of a parameter
_NOTHING = Flagged(0, Decimal(0))


@dataclass(frozen=True, slots=True)
class Lead:
    """Where a link leads now.

    Attributes:
        then: hash of the old SQL, as it is read on the old day.
        now: hash of the SQL that the link leads to, read by the same day; "" if nobody followed the link.
        problem: why it leads to no SQL, one sentence or two, or "".
        other_days: the old day and today, if the old SQL reads the clock: it asks for other traffic now.
    """

    then: str
    now: str = ""
    problem: str = ""
    other_days: tuple[date, date] | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One difference.

    Attributes:
        kind: what differs.
        link: address of the link; "" for the request as a whole.
        words: one sentence with both values, or with as much of them as a person reads.
        before, now: both values, as JSON; None if there is none on that side.
        details: further lines, each with both values.
        alone: whether the answer may be another for this reason alone, whatever the amounts are.
    """

    kind: Kind
    link: str
    words: str
    before: Any = None
    now: Any = None
    details: tuple[str, ...] = ()
    alone: bool = False


def of_lead(url: str, lead: Lead) -> Iterator[Change]:
    """Whether a link leads to other SQL or to none, or its old SQL to other days."""
    if lead.problem:
        words = f"The link leads to no SQL now: {lead.problem}"
        yield Change("sql", url, words, lead.then, None, alone=True)
    elif lead.now and lead.now != lead.then:
        before, after = _short(lead.then), _short(lead.now)
        words = f"The link leads to other SQL now: {before} then, {after} now. The old SQL was run."
        yield Change("sql", url, words, lead.then, lead.now, alone=True)
    if lead.other_days:
        first, second = map(str, lead.other_days)
        words = f"The SQL reads the clock: run on {second}, it asks for other traffic than on {first}."
        yield Change("sql", url, words, first, second)


def of_link(then: ComputedLink, now: ComputedLink, values: Mapping[str, str]) -> Iterator[Change]:
    """What differs between two computations from the same SQL, in the order from the SQL to the amount.

    Args:
        then: the first computation.
        now: the second one.
        values: what was set in the policy cell for today's.
    """
    yield from _product(then, now)
    yield from _notebook(then, now)
    yield from _versions(then, now)
    rows = list(_rows(then, now))
    yield from rows
    yield from _parameters(then, now, values)
    if not rows:
        yield from _flagged(then, now)
    yield from _amount(then, now)


def _product(then: ComputedLink, now: ComputedLink) -> Iterator[Change]:
    if then.problem or now.problem or then.product == now.product:
        return
    before, after = (one.product or "none that is on" for one in (then, now))
    words = f"The SQL is of another product now: {before} then, {after} now."
    yield Change("product", then.url, words, then.product or None, now.product or None)


def _notebook(then: ComputedLink, now: ComputedLink) -> Iterator[Change]:
    if not then.notebook_sha256 or not now.notebook_sha256 or then.notebook_sha256 == now.notebook_sha256:
        return
    before, after = (f"{Path(one.notebook).name} {_short(one.notebook_sha256)}" for one in (then, now))
    words = f"The notebook is another one: {before} then, {after} now."
    yield Change("notebook", then.url, words, _identity(then), _identity(now), tuple(_parts(then, now)))


def _identity(link: ComputedLink) -> dict[str, Any]:
    return {
        "notebook": link.notebook,
        "sha256": link.notebook_sha256,
        "cells": list(link.cells) if link.cells is not None else None,
        "beside": dict(link.beside) if link.beside is not None else None,
    }


def _parts(then: ComputedLink, now: ComputedLink) -> Iterator[str]:
    """Which cells of the notebook differ, and which of the files beside it."""
    if then.cells is None or now.cells is None or then.beside is None or now.beside is None:
        yield "Which cells differ is not known."
        return
    lines = [*_cells(then.cells, now.cells), *_files(then.beside, now.beside)]
    yield from _few(lines, "cells and files") or ["Its cells are the same: what is stored beside them has changed."]


def _cells(then: Sequence[str], now: Sequence[str]) -> Iterator[str]:
    """Cells that are gone have their numbers in the old notebook, others in today's."""
    for what, first, last, start, end in SequenceMatcher(None, then, now, autojunk=False).get_opcodes():
        if what == "equal":
            continue
        pairs = min(last - first, end - start)
        for place in range(pairs):
            yield f"Cell {start + place + 1} changed: {then[first + place]} then, {now[start + place]} now."
        yield from (
            f"Cell {place + 1} of the old notebook is gone: {then[place]}." for place in range(first + pairs, last)
        )
        yield from (f"Cell {place + 1} is new: {now[place]}." for place in range(start + pairs, end))


def _files(then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({**then, **now}):
        if then.get(name) != now.get(name):
            before, after = then.get(name, "none"), now.get(name, "none")
            yield f"The file {name} that it imports changed: {before} then, {after} now."


def _versions(then: ComputedLink, now: ComputedLink) -> Iterator[Change]:
    """What an old version did not name is not known, and is therefore not a difference."""
    if not now.versions:
        return
    names = [name for name, version in then.versions.items() if now.versions.get(name) != version]
    if not names:
        return
    pairs = (f"{name} {then.versions[name]} then, {now.versions.get(name, 'none')} now" for name in names)
    words = f"It ran on other versions: {'; '.join(pairs)}."
    before = {name: then.versions[name] for name in names}
    yield Change("versions", then.url, words, before, {name: now.versions.get(name) for name in names})


def _rows(then: ComputedLink, now: ComputedLink) -> Iterator[Change]:
    if then.rows is None or now.rows is None or then.rows.hash == now.rows.hash:
        return
    if then.rows.count == now.rows.count:
        words = f"The SQL gives other rows now: {then.rows.count:,} then, as many now, and not the same ones."
    else:
        words = f"The SQL gives other rows now: {then.rows.count:,} then, {now.rows.count:,} now."
    days = []
    if then.rows.by_day and now.rows.by_day:
        for day in sorted(then.rows.by_day.keys() | now.rows.by_day.keys()):
            before, after = (rows.by_day.get(day, 0) for rows in (then.rows, now.rows))
            if before != after:
                days.append(f"{day}: {_messages(before)} then, {after:,} now.")
    details = (*_few(days, "days"), *_few(list(_places(then, now)), "days and prefixes"))
    yield Change("rows", then.url, words, _rows_json(then), _rows_json(now), details)


def _rows_json(link: ComputedLink) -> dict[str, Any]:
    assert link.rows
    by_day = {str(day): messages for day, messages in sorted(link.rows.by_day.items())}
    return {"count": link.rows.count, "hash": link.rows.hash, "by_day": by_day, "flagged": _flagged_json(link)}


def _parameters(then: ComputedLink, now: ComputedLink, values: Mapping[str, str]) -> Iterator[Change]:
    before, after = then.parameters, now.parameters
    if (before is None or after is None) and values and now.notebook_sha256:
        lines = [f"{name}: {value} now." for name, value in values.items()]
        words = f"The policy cell of the notebook was set otherwise: {', '.join(values)}."
        yield Change("policy", then.url, words, None, dict(values), tuple(_few(lines, "values")))
    if before is None or after is None or before == after:
        return
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    lines = [f"{name}: {_value(before, name)} then, {_value(after, name)} now." for name in names]
    words = f"The policy cell of the notebook says otherwise: {', '.join(names)}."
    old, new = ({name: values.get(name) for name in names} for values in (before, after))
    yield Change("policy", then.url, words, old, new, tuple(_few(lines, "values")))


def _value(values: Mapping[str, str], name: str) -> str:
    text = values.get(name, "none")
    return text if len(text) <= _VALUE else f"{text[:_VALUE]}..."


def _flagged(then: ComputedLink, now: ComputedLink) -> Iterator[Change]:
    if lines := list(_places(then, now)):
        before, after = (_flagged_in_words(one) for one in (then, now))
        words = f"The notebook flags other traffic now: {before} then, {after} now."
        details = tuple(_few(lines, "days and prefixes"))
        yield Change("flagged", then.url, words, _flagged_json(then), _flagged_json(now), details)


def _places(then: ComputedLink, now: ComputedLink) -> Iterator[str]:
    """What was flagged otherwise, by day and prefix; nothing if one side is not known."""
    if then.flagged is None or now.flagged is None:
        return
    for place in sorted(then.flagged.keys() | now.flagged.keys()):
        before, after = (one.get(place, _NOTHING) for one in (then.flagged, now.flagged))
        if before != after:
            yield f"{place.day} {place.prefix}: {_piece(before)} flagged then, {_piece(after)} now."


def _piece(flagged: Flagged) -> str:
    return f"{flagged.messages:,} ({format_usd(flagged.cost)})"


def _flagged_in_words(link: ComputedLink) -> str:
    every = (link.flagged or {}).values()
    cost = sum((flagged.cost for flagged in every), Decimal(0))
    return f"{_messages(sum(flagged.messages for flagged in every))} for {format_usd(cost)}"


def _messages(number: int) -> str:
    return "1 message" if number == 1 else f"{number:,} messages"


def _flagged_json(link: ComputedLink) -> list[dict[str, Any]] | None:
    if link.flagged is None:
        return None
    return [_place_json(place, flagged) for place, flagged in sorted(link.flagged.items())]


def _place_json(place: Place, flagged: Flagged) -> dict[str, Any]:
    return {"day": str(place.day), "prefix": place.prefix, "messages": flagged.messages, "cost": flagged.cost}


def _amount(then: ComputedLink, now: ComputedLink) -> Iterator[Change]:
    if then.credit == now.credit and (then.credit is not None or then.problem == now.problem):
        return
    words = f"The credit of the link: {amount_in_words(then.credit)} then, {amount_in_words(now.credit)} now."
    reasons = (("then", then.problem), ("now", now.problem))
    details = tuple(f"Why there was none then: {text}" if when == "then" else f"Why there is none now: {text}"
                    for when, text in reasons if text)  # fmt: skip
    yield Change("amount", then.url, words, then.credit, now.credit, details)


def amount_in_words(amount: Decimal | None) -> str:
    """Such as "$4,948.80", or "none"."""
    return "none" if amount is None else format_usd(amount)


def _few(lines: list[str], what: str) -> list[str]:
    rest = len(lines) - DETAILS
    return [*lines[:DETAILS], f"And {rest:,} more {what}."] if rest > 0 else lines


def _short(digest: str) -> str:
    """The first digits of a hash; the fingerprints of SQL have their version in front."""
    return digest.rpartition("-")[2][:12] or "none"
