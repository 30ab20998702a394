"""The metrics: what Prometheus may know of a deployment. Pure, and cheap enough for every idle tick.

The state comes in, and metric families come out, for `exposition`. A tick lives for seconds, so nothing here is counted
by a process: counters are the totals of the state, and gauges are what its records say now. No label names a request,
an account or a person, so the number of series does not grow. docs/metrics.md lists them all.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from creditbot.insight.causes import CAUSES
from creditbot.slack_time import time_of
from creditbot.state.codec import State
from creditbot.state.record import TERMINAL, Record
from creditbot.state.totals import BOUNDS, MORE, NO_PONG, NO_RING, Spread, Totals

Number = int | float | Decimal
Labels = Mapping[str, str]

NONE = math.nan
"""The time of something that does not exist now. No comparison with it is true, so it raises no alert."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One number.

    Attributes:
        value: the number.
        labels: name -> value.
        suffix: what follows the family's name, such as "_bucket"; "" for nothing.
    """

    value: Number
    labels: Labels
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Family:
    """One metric.

    Attributes:
        name: without the `_total` of a counter.
        kind: its type.
        meaning: one line.
        unit: the last word of the name, if that is its unit; else "".
        samples: one for each combination of labels.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    meaning: str
    unit: str
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class Deployment:
    """What the metrics need besides the state.

    Attributes:
        products: names of those in the table of products, whose counters begin at zero.
        budget: bytes of state above which nothing new is begun; None for no limit.
        shadow: whether SHADOW is on.
    """

    products: Sequence[str] = ()
    budget: int | None = None
    shadow: bool = False


def families(state: State, deployment: Deployment, now: datetime, *, succeeded: bool) -> tuple[Family, ...]:
    """The metrics at the end of a tick.

    Args:
        state: as the tick left it.
        deployment: what the settings say.
        now: UTC.
        succeeded: whether the tick did. If not, the time of the last success is left out: it stays as it was.
    """
    ticks = [_gauge("last_tick_timestamp_seconds", "When the last tick that could read the state ended.", _time(now))]
    if succeeded:
        ticks.append(_gauge("last_success_timestamp_seconds", "When the last tick that succeeded ended.", _time(now)))
    return (*_totals(state.totals, deployment.products), *_now(state, now), *_sizes(state, deployment), *ticks)


def _totals(totals: Totals, products: Iterable[str]) -> Iterable[Family]:
    ends: dict[str, Number] = {**dict.fromkeys(sorted(TERMINAL), 0), **totals.ends}
    yield _counter("requests_ended", "Requests that ended, by how they ended.", "outcome", ends)
    failures: dict[str, Number] = {**dict.fromkeys(CAUSES, 0), **totals.failures}
    yield _counter("failures", "Attempts at requests that failed, by the kind of the cause.", "cause", failures)
    credited = {**dict.fromkeys(products, Decimal(0)), **totals.credited}
    yield _counter("credited_usd", "USD that creditbot answered with.", "product", credited)
    refused = {"sql": totals.same_sql, "traffic": totals.same_traffic}
    meaning = "Requests that were not answered because the same SQL or traffic was credited before."
    yield _counter("overlaps_refused", meaning, "kind", refused)
    unheard: dict[str, Number] = {**dict.fromkeys((NO_RING, NO_PONG), 0), **totals.unheard}
    meaning = "How often creditbot serve did not hear what Slack should have told it, by what was missing."
    yield _counter("unheard", meaning, "cause", unheard)
    spreads = {"no": totals.answered, "yes": totals.answered_held}
    yield Family(
        "creditbot_time_to_answer_seconds", "histogram",
        "From a request to our reply, apart by whether approvers had to decide.", "seconds",
        tuple(sample for held, spread in spreads.items() for sample in _histogram(spread, {"held": held})),
    )  # fmt: skip


def _now(state: State, now: datetime) -> Iterable[Family]:
    waiting = {k: r for k, r in state.records.items() if not r.terminal and r.status != "held"}
    held = {k: r for k, r in state.records.items() if r.status == "held"}
    yield _gauge("requests_waiting", "Requests that have begun, have not ended and are not held.", len(waiting))
    backing_off = sum(_backs_off(record, now) for record in waiting.values())
    meaning = "Of the requests that wait, those that are not tried again yet, because an attempt failed."
    yield _gauge("requests_backing_off", meaning, backing_off)
    undecided = sum(record.status == "posting" for record in waiting.values())
    yield _gauge("posts_undecided", "Of the requests that wait, those whose reply may or may not exist.", undecided)
    oldest = min((_time(time_of(key.ts)) for key in waiting), default=NONE)
    meaning = "When the oldest request that waits was asked; NaN if none waits."
    yield _gauge("oldest_waiting_timestamp_seconds", meaning, oldest)
    yield _gauge("requests_held", "Requests that wait for approvers.", len(held))
    amounts = (record.result.amount for record in held.values() if record.result)
    yield _gauge("held_usd", "USD that wait for approvers.", sum(amounts, Decimal(0)))
    oldest = min((_time(time_of(key.ts)) for key in held), default=NONE)
    yield _gauge("oldest_held_timestamp_seconds", "When the oldest of them was asked; NaN if none waits.", oldest)
    ends = min((_time(record.hold.until) for record in held.values() if record.hold), default=NONE)
    meaning = "When the next of them ends as denied, unless somebody decides; NaN if none waits."
    yield _gauge("next_hold_end_timestamp_seconds", meaning, ends)


def _backs_off(record: Record, now: datetime) -> bool:
    return record.status in ("failed", "computed") and record.due is not None and now < record.due


def _sizes(state: State, deployment: Deployment) -> Iterable[Family]:
    yield _gauge("state_bytes", "Size of the state.", state.size)
    limit = math.inf if deployment.budget is None else deployment.budget
    yield _gauge("state_limit_bytes", "Size of the state above which no request is begun; +Inf for no limit.", limit)
    yield _gauge("shadow", "1 if SHADOW is on, else 0.", int(deployment.shadow))


def _histogram(spread: Spread, labels: Labels) -> Iterable[Sample]:
    """Each bucket holds those of all smaller bounds, as Prometheus wants it."""
    for bound in (*map(float, BOUNDS), math.inf):
        count = sum(number for below, number in spread.counts.items() if float(below) <= bound)
        yield Sample(count, {**labels, "le": MORE if bound == math.inf else str(bound)}, "_bucket")
    yield Sample(sum(spread.counts.values()), labels, "_count")
    yield Sample(spread.seconds, labels, "_sum")


def _counter(name: str, meaning: str, label: str, values: Mapping[str, Number]) -> Family:
    samples = tuple(Sample(value, {label: one}, "_total") for one, value in values.items())
    return Family(f"creditbot_{name}", "counter", meaning, _unit(name), samples)


def _gauge(name: str, meaning: str, value: Number) -> Family:
    return Family(f"creditbot_{name}", "gauge", meaning, _unit(name), (Sample(value, {}),))


def _unit(name: str) -> str:
    last = name.rpartition("_")[2]
    return last if last in ("seconds", "bytes", "usd") else ""


def _time(moment: datetime) -> float:
    """Seconds since 1970."""
    return round(moment.timestamp(), 3)
