"""Reads the traits of a request in its summary: what a second opinion compares its credit by. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from creditbot.credit.footprint import Units, Unknown, units_total
from creditbot.credit.traits import Traits, traits_of
from creditbot.evidence.fields import mapping, mappings, number
from creditbot.evidence.formula import share
from creditbot.evidence.summary import footprints_in


def traits_in(summary: Mapping[str, Any]) -> Traits | None:
    """The traits of the credit that a summary shows; None if it does not say what every credited link cost."""
    links = [_link(link) for link in mappings(summary.get("links")) if "credit" in link]
    known = [link for link in links if link]
    return traits_of(known) if len(known) == len(links) else None


def _link(link: Mapping[str, Any]) -> Traits | None:
    """The traits of one link. A table of which rows were left out says neither its cost nor its block rate."""
    product, rows = str(link.get("product", "")), [] if link.get("rows_left_out") else mappings(link.get("rows"))
    cost, footprints = _cost(rows), footprints_in({"links": [link]})
    units: Units | Unknown = footprints[0].units if footprints else Unknown("")
    rate = _block_rate(rows, cost) if cost else None
    if isinstance(units, Unknown):
        return None if cost is None else Traits(product, cost, rate)
    days, prefixes = len({unit.day for unit in units}), len({unit.prefix for unit in units})
    return Traits(product, units_total(units) if cost is None else cost, rate, days, prefixes)


def _cost(rows: list[Mapping[str, Any]]) -> Decimal | None:
    """USD, the sum over the rows; None if a row does not name it, or there is none."""
    costs = [number(row.get("fraud_cost")) for row in rows]
    known = [cost for cost in costs if cost is not None]
    return sum(known, Decimal(0)) if known and len(known) == len(costs) else None


def _block_rate(rows: list[Mapping[str, Any]], cost: Decimal) -> float | None:
    """The mean over the rows, each weighed by its fraud cost; None if a row that cost something does not name it.

    `cost` is the sum of their fraud costs, USD, and not zero.
    """
    weighed = Decimal(0)
    for row in rows:
        weight, rate = number(row.get("fraud_cost")), share(mapping(row.get("columns")).get("block_rate"))
        if weight and rate is None:
            return None
        weighed += (weight or 0) * (rate or 0)
    return float(weighed / cost)
