"""Computes the credit of judged rows, what other decisions would change in it, and what creditbot gets of it. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from credit_report.traffic import Row, Traffic

UNIT_COLUMNS = ("account", "day", "prefix", "mode", "messages", "cost")
CENT, THOUSANDTH = Decimal("0.01"), Decimal("0.001")


def flagged(row: Row, allowance: int | None, line: int | None) -> Row:
    """The row with the messages above its line flagged, and what they cost; a row without a line is not judged."""
    count = 0 if line is None else max(0, row["messages"] - line)
    return {**row, "allowance": allowance, "line": line, "flagged": count, "cost": count * row["price_usd"]}


def summarise(judged: Sequence[Row], targets: Mapping[str, Decimal]) -> list[Row]:
    """One row per mode, as under Summary Info."""
    total = sum_of(judged, "messages")
    by_mode = {mode: [row for row in judged if row["mode"] == mode] for mode in targets}
    return [_summary_row(mode, rows, total, targets[mode]) for mode, rows in by_mode.items() if rows]


def _summary_row(mode: str, rows: Sequence[Row], total: int, target: Decimal) -> Row:
    """The credit of one mode, and what it follows from; `total` is the messages of all modes."""
    count = sum_of(rows, "messages")
    fraud_cost = rounded(sum((row["cost"] for row in rows), Decimal(0)), CENT)
    rate = block_rate(sum_of(rows, "blocked"), sum_of(rows, "flagged"))
    return {
        "mode": mode,
        "traffic_prop": rounded(Decimal(count) / total, THOUSANDTH),
        "msg_count": count,
        "fraud_cost": fraud_cost,
        "block_rate": rate,
        "credit": credit_of(target, fraud_cost, rate),
    }


def block_rate(blocked: int, flagged: int) -> Decimal:
    """Share of the pumped attempts that Fraud Guard stopped, to three places; 0 if there were none."""
    pumped = blocked + flagged
    return rounded(Decimal(blocked) / pumped, THOUSANDTH) if pumped else Decimal("0.000")


def credit_of(target: Decimal, fraud_cost: Decimal, rate: Decimal) -> Decimal:
    """USD that go back: the fees on the gap between the target and the block rate as printed."""
    if rate == 1:
        return Decimal("0.00")
    return rounded(fraud_cost * max(Decimal(0), target - rate) / (1 - rate), CENT)


def sensitivity(judged: Sequence[Row], targets: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """What other decisions would change in the credit, USD: a target by 0.01, the allowance by one message a row."""
    now = total_of(summarise(judged, targets))
    changed: dict[str, Decimal] = {}
    for words, step in (("each target 0.01 higher", CENT), ("each target 0.01 lower", -CENT)):
        others = {mode: min(Decimal(1), max(Decimal(0), target + step)) for mode, target in targets.items()}
        changed[words] = total_of(summarise(judged, others)) - now
    for words, more in (("each allowance 1 message higher", 1), ("each allowance 1 message lower", -1)):
        changed[words] = total_of(summarise([_moved(row, more) for row in judged], targets)) - now
    return changed


def _moved(row: Row, more: int) -> Row:
    """The row as if its allowance were other; one that is not judged, or allows nothing, is as it was."""
    allowance = row["allowance"]
    if allowance is None or allowance + more < 0:
        return row
    return flagged(row, allowance + more, row["line"] + more)


def total_of(summary: Sequence[Row]) -> Decimal:
    """The credit of all modes, USD."""
    return sum((row["credit"] for row in summary), Decimal("0.00"))


def rounded(value: Decimal, unit: Decimal) -> Decimal:
    """To the unit, half up."""
    return value.quantize(unit, ROUND_HALF_UP)


def dollars(amount: Decimal) -> str:
    """As people write it: $4,948.80 or -$12.50."""
    return f"{'-' if amount < 0 else ''}${rounded(abs(amount), CENT):,}"


def sum_of(rows: Sequence[Row], name: str) -> Any:
    """The sum of one column; 0 if there are no rows."""
    return sum(row[name] for row in rows)


def units_of(judged: Sequence[Row]) -> list[list[Any]]:
    """What was flagged by account, UTC day, prefix and mode: messages and their cost as text."""
    return [
        [account, str(row["day"]), row["prefix"], row["mode"], count, str(count * row["price_usd"])]
        for row in judged
        if row["flagged"]
        for account, count in shares(row)
    ]


def shares(row: Row) -> list[tuple[str, int]]:
    """The flagged messages of a row by account, in proportion to its messages; the first one gets what is left."""
    counts = [(account, row["flagged"] * sent // row["messages"]) for account, sent in row["accounts"].items()]
    first, count = counts[0]
    return [(first, count + row["flagged"] - sum(count for _, count in counts)), *counts[1:]]


def policy_scrap(policy: Mapping[str, Any]) -> dict[str, str]:
    """The values of the policy as text; those of a dict have its name in front: "TARGETS.basic"."""
    texts: dict[str, str] = {}
    for name, value in policy.items():
        parts = {f"{name}.{key}": part for key, part in value.items()} if isinstance(value, dict) else {name: value}
        texts |= {place: str(part) for place, part in parts.items()}
    return texts


def rows_scrap(traffic: Traffic) -> dict[str, Any]:
    """What the SQL gave, in short: the same traffic gives the same hash, however its rows were ordered and split."""
    lines = sorted(json.dumps([str(value) for _, value in sorted(row.items())]) for row in traffic.sums)
    by_day: dict[str, int] = {}
    for row in traffic.sums:
        by_day[str(row["day"])] = by_day.get(str(row["day"]), 0) + row["messages"]
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    return {"count": traffic.count, "hash": f"sha256:{digest}", "by_day": dict(sorted(by_day.items()))}
