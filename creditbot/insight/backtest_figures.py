"""The figures of a backtest: counts, shares with their intervals, and differences in USD. Pure.

Rows come in, `BacktestFigures` come out; `creditbot backtest` prints them. Amounts are compared only where both sides
have one: refusals of people and answers that name several amounts are counted on their own.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from creditbot.credit.amount import CENT
from creditbot.insight.backtest import BacktestRow, Outcome
from creditbot.insight.figures import Times, times
from creditbot.model import HoldKind

_Z = 1.959963984540054
"""The 97.5 % quantile of the standard normal distribution: 95 % lie within it on both sides."""
_PERCENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Share:
    """How many of a number.

    Attributes:
        count: how many.
        of: out of how many.
    """

    count: int
    of: int

    @property
    def share(self) -> float | None:
        """From 0 to 1; None of nothing."""
        return self.count / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float]:
        """Within which the share of all requests lies with 95 % confidence, if these are a sample of them."""
        return wilson(self.count, self.of)


def wilson(count: int, of: int) -> tuple[float, float]:
    """The Wilson score interval of a share at 95 %, both ends from 0 to 1; (0, 1) of nothing.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the American
    Statistical Association 22 (1927), 209-212. It keeps its coverage for shares near 0 and 1, and for few requests.
    """
    if not of:
        return 0.0, 1.0
    share, z2 = count / of, _Z * _Z
    middle = share + z2 / (2 * of)
    half = _Z * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    low, high = (middle - half) / (1 + z2 / of), (middle + half) / (1 + z2 / of)
    return (0.0 if count == 0 else max(0.0, low)), (1.0 if count == of else min(1.0, high))


class Closeness(Enum):
    """How close creditbot's amount is to that of people."""

    EXACT = "exact"
    CENT = "within a cent"
    PERCENT = "within 1 %"
    OTHER = "otherwise"


def closeness(ours: Decimal, theirs: Decimal) -> Closeness:
    """How close our amount is to that of people, both USD; 1 % is of theirs."""
    distance = abs(ours - theirs)
    if distance == 0:
        return Closeness.EXACT
    if distance <= CENT:
        return Closeness.CENT
    return Closeness.PERCENT if distance <= _PERCENT * abs(theirs) else Closeness.OTHER


def disagrees(row: BacktestRow) -> bool:
    """Whether the amounts are more than a cent apart, or people refused what creditbot would have answered."""
    if row.answer.refused:
        return row.would_answer
    return row.difference is not None and abs(row.difference) > CENT


@dataclass(frozen=True, slots=True)
class Differences:
    """How far the amounts of creditbot are from those of people, in USD.

    Attributes:
        compared: requests with an amount on each side.
        theirs: the sum of what people credited to them.
        signed: creditbot's sum less theirs.
        absolute: the sum of the distances.
        largest: the largest distance; 0 if nothing was compared.
    """

    compared: int
    theirs: Decimal
    signed: Decimal
    absolute: Decimal
    largest: Decimal


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What people did with some requests.

    Attributes:
        same: credited the same, to the cent.
        other_amount: credited another amount.
        corrected: changed their mind later, whatever their last word is; also counted in one of the others.
        refused: said that there is no credit.
        unclear: answered without naming one amount, or creditbot has no amount.
    """

    same: int
    other_amount: int
    corrected: int
    refused: int
    unclear: int


@dataclass(frozen=True, slots=True)
class BacktestFigures:
    """What a backtest shows.

    Attributes:
        requests: how many requests people answered.
        refused: how many of them they refused.
        agreed_refusals: of those, how many creditbot would not have answered either.
        answerable: those with an amount, of all.
        why_not: the outcomes of the others, the most frequent first.
        close: how close the amounts are, of those with an amount on each side.
        differences: of the same requests.
        would_answer: those that nobody would have had to decide on, of all: the automation rate.
        would_hold: those that approvers would have been asked about, of those with an amount.
        hold_kinds: why, with how many requests; one may have several reasons.
        answered, held: what people did with those that creditbot would have answered, and would have held.
        wrong: of those that creditbot would have answered and people gave a clear answer to: people refused, or
            credited an amount more than a cent away.
        seconds: what computing took.
        people: seconds from the request to the answer of people, of those that creditbot would have answered.
        saved: seconds of waiting in all that creditbot would have saved these.
        disagreements: rows that disagree, the largest distance first.
    """

    requests: int
    refused: Share
    agreed_refusals: Share
    answerable: Share
    why_not: Sequence[tuple[Outcome, int]]
    close: Mapping[Closeness, Share]
    differences: Differences
    would_answer: Share
    would_hold: Share
    hold_kinds: Sequence[tuple[HoldKind, int]]
    answered: Verdicts
    held: Verdicts
    wrong: Share
    seconds: Times
    people: Times
    saved: float
    disagreements: Sequence[BacktestRow]


def backtest_figures(rows: Sequence[BacktestRow]) -> BacktestFigures:
    """The figures of these rows."""
    computed = [row for row in rows if row.amount is not None and row.outcome is not Outcome.ALREADY_CREDITED]
    compared = [row for row in rows if row.difference is not None]
    would = [row for row in rows if row.would_answer]
    held = [row for row in rows if row.would_hold]
    clear = [row for row in would if row.answer.refused or row.difference is not None]
    waits = {row.key: max(0.0, (row.answer.at - row.asked_at).total_seconds()) for row in would}
    near = Counter(closeness(row.amount or Decimal(0), row.answer.amount or Decimal(0)) for row in compared)
    kinds = Counter(kind for row in held for kind in {reason.kind for reason in row.held})
    return BacktestFigures(
        requests=len(rows),
        refused=_share(rows, lambda row: row.answer.refused),
        agreed_refusals=_share([row for row in rows if row.answer.refused], lambda row: not row.would_answer),
        answerable=Share(len(computed), len(rows)),
        why_not=Counter(row.outcome for row in rows if row.outcome is not Outcome.COMPUTED).most_common(),
        close={kind: Share(near[kind], len(compared)) for kind in Closeness},
        differences=_differences([row.difference for row in compared if row.difference is not None], compared),
        would_answer=Share(len(would), len(rows)),
        would_hold=Share(len(held), len(computed)),
        hold_kinds=sorted(kinds.items(), key=lambda item: (-item[1], item[0].value)),
        answered=_verdicts(would),
        held=_verdicts(held),
        wrong=_share(clear, disagrees),
        seconds=times(row.seconds for row in rows if row.seconds is not None),
        people=times(waits.values()),
        saved=sum(max(0.0, waits[row.key] - (row.seconds or 0.0)) for row in would),
        disagreements=sorted(filter(disagrees, rows), key=_largest_first),
    )


def _share(rows: Sequence[BacktestRow], counts: Callable[[BacktestRow], bool]) -> Share:
    return Share(sum(map(counts, rows)), len(rows))


def _differences(distances: Sequence[Decimal], compared: Iterable[BacktestRow]) -> Differences:
    return Differences(
        len(distances),
        sum((row.answer.amount or Decimal(0) for row in compared), Decimal("0.00")),
        sum(distances, Decimal("0.00")),
        sum(map(abs, distances), Decimal("0.00")),
        max(map(abs, distances), default=Decimal("0.00")),
    )


def _verdicts(rows: Sequence[BacktestRow]) -> Verdicts:
    same = sum(row.difference is not None and not disagrees(row) for row in rows)
    refused = sum(row.answer.refused for row in rows)
    other = sum(row.difference is not None and disagrees(row) for row in rows)
    corrected = sum(row.answer.corrected for row in rows)
    return Verdicts(same, other, corrected, refused, len(rows) - same - refused - other)


def _largest_first(row: BacktestRow) -> tuple[Decimal, float]:
    distance = row.difference if row.difference is not None else row.amount or Decimal(0)
    return -abs(distance), row.asked_at.timestamp()
