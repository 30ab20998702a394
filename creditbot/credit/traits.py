"""The traits of a request by which its credit is compared with other credits: how much, for how long, for what. Pure.

`creditbot.evidence.traits` reads them in a summary, and the rows of a backtest have them. The second opinion compares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Traits:
    """What is known of the traffic of a link, or of all links of a request.

    Attributes:
        product: name of its product; of several, joined by " and ".
        fraud_cost: USD, what the flagged messages cost.
        block_rate: share of the pumped attempts that was blocked, 0 to 1; None if it is not known.
        days: how many days have flagged messages; None if that is not known. Of several links, the most.
        prefixes: how many destination prefixes have some; None if that is not known. Of several links, the most.
    """

    product: str
    fraud_cost: Decimal
    block_rate: float | None = None
    days: int | None = None
    prefixes: int | None = None


def traits_of(links: Sequence[Traits]) -> Traits | None:
    """The traits of a request, from those of its links; None if it has no fraud cost to compare by.

    The block rate is the mean of those of the links, each weighed by its fraud cost.
    """
    cost = sum((link.fraud_cost for link in links), Decimal(0))
    if cost <= 0:
        return None
    rates = [(link.block_rate, link.fraud_cost) for link in links if link.fraud_cost]
    known = [float(weight) * rate for rate, weight in rates if rate is not None]
    return Traits(
        " and ".join(sorted({link.product for link in links})),
        cost,
        sum(known) / float(cost) if len(known) == len(rates) else None,
        _most([link.days for link in links]),
        _most([link.prefixes for link in links]),
    )


def _most(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return max(known) if len(known) == len(counts) else None
