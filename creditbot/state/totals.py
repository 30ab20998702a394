"""What has happened in all, as sums that only grow: the counters of the metrics.

Pure. `ledger` adds to them in the very write that stores an end or a failure, so none is left out and none is counted
twice, whatever process dies. What is forgotten later stays counted. A state that is lost begins again at zero.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import chain

from creditbot.model import HoldKind, RequestKey
from creditbot.slack_time import is_ts, time_of
from creditbot.state.record import Record

BOUNDS = (30, 60, 120, 300, 600, 1800, 3600, 14_400, 86_400, 259_200)
"""Seconds: up to three days, after which a hold has ended."""
MORE = "+Inf"
"""Stands for the bound of what took longer than all bounds."""
NO_RING, NO_PONG = "no_ring", "no_pong"
"""What `creditbot serve` can fail to hear: an event about a request, and the answer to a ping."""
UNKNOWN_PRODUCT = "unknown"
"""Takes the place of the product where an earlier version computed the amount and kept no links."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How long things took.

    Attributes:
        counts: upper bound in seconds, or `MORE` -> how many took no longer, but longer than the bound below.
        seconds: the sum.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    def with_one(self, seconds: float) -> Spread:
        """The spread with one more."""
        bound = next((str(bound) for bound in BOUNDS if seconds <= bound), MORE)
        return Spread({**self.counts, bound: self.counts.get(bound, 0) + 1}, round(self.seconds + seconds, 3))


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums since the state began, or since the version that began to count.

    Attributes:
        ends: status -> how often requests ended so. A request that starts again ends again. Our answer that was only
            found in its thread does not count: it was counted before the state was lost.
        failures: kind of the cause -> how often an attempt failed, whatever became of the request.
        credited: product -> USD that we answered with.
        same_sql: how many requests were refused because their SQL was credited before.
        same_traffic: how many were denied that shared, or perhaps shared, traffic with another credit.
        answered, answered_held: from the request to our reply, where nobody had to decide, and where approvers did.
        unheard: cause -> how often `creditbot serve` did not hear what Slack should have told it.
    """

    ends: Mapping[str, int] = field(default_factory=dict)
    failures: Mapping[str, int] = field(default_factory=dict)
    credited: Mapping[str, Decimal] = field(default_factory=dict)
    same_sql: int = 0
    same_traffic: int = 0
    answered: Spread = field(default_factory=Spread)
    answered_held: Spread = field(default_factory=Spread)
    unheard: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises ValueError for sums that somebody edited into nonsense."""
        spreads = (self.answered, self.answered_held)
        named = (self.ends, self.failures, self.unheard)
        counts = chain(*(counts.values() for counts in named), *(spread.counts.values() for spread in spreads))
        numbers = [*counts, self.same_sql, self.same_traffic, *(spread.seconds for spread in spreads)]
        if not all(0 <= number < float("inf") for number in numbers):
            raise ValueError("a sum that is not a number from zero on")
        if not all(amount.is_finite() and amount >= 0 for amount in self.credited.values()):
            raise ValueError("an amount that is not a number from zero on")
        for bound in chain(*(spread.counts for spread in spreads)):
            float(bound)


def with_change(totals: Totals, key: RequestKey, before: Record | None, after: Record | None) -> Totals:
    """The sums once the record of a request has changed."""
    if after is None:
        return totals
    is_end = after.terminal and (before is None or before.status != after.status)
    was_put_off = after.due is not None and (before is None or before.due != after.due)
    if after.cause and (was_put_off or (is_end and after.status in ("given_up", "shadowed"))):
        totals = replace(totals, failures=_with_one(totals.failures, after.cause))
    if not is_end or (after.status == "answered" and not after.posts):
        return totals
    totals = replace(totals, ends=_with_one(totals.ends, after.status))
    if after.status == "answered":
        return _with_answer(totals, key, after)
    if after.status == "given_up" and after.cause == "already credited":
        return replace(totals, same_sql=totals.same_sql + 1)
    if after.status == "denied" and after.hold and any(r.kind is HoldKind.OVERLAP for r in after.hold.reasons):
        return replace(totals, same_traffic=totals.same_traffic + 1)
    return totals


def with_unheard(totals: Totals, counts: Mapping[str, int]) -> Totals:
    """The sums once `creditbot serve` has noticed what it did not hear: cause -> how often."""
    return replace(totals, unheard=Counter(totals.unheard) + Counter(counts))


def _with_answer(totals: Totals, key: RequestKey, answered: Record) -> Totals:
    if answered.result:
        credited = dict(totals.credited)
        parts = [(link.product, link.amount) for link in answered.result.links]
        for product, amount in parts or [(UNKNOWN_PRODUCT, answered.result.amount)]:
            credited[product] = credited.get(product, Decimal(0)) + amount
        totals = replace(totals, credited=credited)
    if not is_ts(answered.reply):
        return totals
    seconds = max(0.0, (time_of(answered.reply) - time_of(key.ts)).total_seconds())
    if answered.hold:
        return replace(totals, answered_held=totals.answered_held.with_one(seconds))
    return replace(totals, answered=totals.answered.with_one(seconds))


def _with_one(counts: Mapping[str, int], name: str) -> Mapping[str, int]:
    return {**counts, name: counts.get(name, 0) + 1}
