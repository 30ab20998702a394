"""Says amounts, durations and counts in few characters, as a report and a message need them. Pure."""

from __future__ import annotations

from decimal import Decimal

from creditbot.credit.amount import format_usd

_UNITS = (("days", 86_400, 2 * 86_400), ("h", 3_600, 3 * 3_600), ("min", 60, 120))
"""Unit of a duration, its seconds, and from how many seconds on it is used."""
_SHORTEST = 0.1


def usd(amount: Decimal | None) -> str:
    """Such as "$4,948.80"; "" for None."""
    return "" if amount is None else format_usd(amount)


def short_usd(amount: float) -> str:
    """Such as "$1.5k" or "$2M", for the axis of a chart."""
    for power, letter in ((1e6, "M"), (1e3, "k")):
        if amount >= power:
            return f"${_figure(amount / power)}{letter}"
    return f"${_figure(amount)}"


def approved_of(answered: int, approved: int) -> str:
    """How many of these answers approvers had to approve, as the end of a clause; "" where nothing was answered."""
    return f", {f'{approved:,}' if approved else 'none'} of them after an approver's yes" if answered else ""


def duration(seconds: float | None) -> str:
    """Such as "45 s", "3.2 min", "5 h" or "2 days"; "-" for None. Nobody needs less than a tenth of a second."""
    if seconds is None:
        return "-"
    if seconds < _SHORTEST:
        return f"under {_SHORTEST} s"
    for unit, size, least in _UNITS:
        if seconds >= least:
            return f"{_figure(seconds / size)} {unit}"
    return f"{_figure(seconds)} s"


def count(number: int, noun: str) -> str:
    """Such as "1 link" or "1,200 links"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _figure(number: float) -> str:
    """Three digits, or all those before the point; never with an exponent."""
    places = 2 if number < 9.995 else 1 if number < 99.95 else 0
    text = f"{number:,.{places}f}"
    return text.rstrip("0").rstrip(".") if places else text
