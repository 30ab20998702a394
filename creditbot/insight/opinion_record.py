"""Says how often second opinions held so far: each answer of a person is compared with what was said before it. Pure.

Labels and models come in. An answer is judged by the newest model that had been made before it, which has not learnt
from it. Months come out, and those in which more answers lay outside than chance explains.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from creditbot.credit.footprint import Unknown
from creditbot.decide.opinion_model import LabelledCredit, OpinionModel
from creditbot.decide.policy import OpinionRules
from creditbot.decide.second_opinion import Opinion, opinion_on

CHANCE = 0.01
"""A month counts as drift if so many answers outside, or more, are less likely than this by chance."""


@dataclass(frozen=True, slots=True)
class Judged:
    """An answer, and what had been said about such requests before it was given.

    Attributes:
        label: the answer.
        opinion: what was usual, or why nobody could tell.
    """

    label: LabelledCredit
    opinion: Opinion | Unknown

    @property
    def by_interval(self) -> bool:
        """Whether it was compared with an interval; median and MAD promise no share."""
        return isinstance(self.opinion, Opinion) and self.opinion.percent is not None

    @property
    def below(self) -> bool:
        """Whether the answer is less than what was usual."""
        return isinstance(self.opinion, Opinion) and self.label.amount < self.opinion.low

    @property
    def above(self) -> bool:
        """Whether the answer is more than what was usual."""
        return isinstance(self.opinion, Opinion) and self.label.amount > self.opinion.high


@dataclass(frozen=True, slots=True)
class Month:
    """The answers of one UTC month.

    Attributes:
        name: such as "2026-11".
        judged: the answers, oldest first.
        percent: of answers that the intervals are meant to hold.
    """

    name: str
    judged: tuple[Judged, ...]
    percent: int

    @property
    def in_intervals(self) -> tuple[Judged, ...]:
        """Those that were compared with an interval."""
        return tuple(one for one in self.judged if one.by_interval)

    @property
    def outside(self) -> tuple[Judged, ...]:
        """Those of them that lay outside."""
        return tuple(one for one in self.in_intervals if one.below or one.above)

    @property
    def by_median(self) -> int:
        """How many were compared with median and MAD, because there were too few answers."""
        return sum(isinstance(one.opinion, Opinion) and not one.by_interval for one in self.judged)

    @property
    def not_judged(self) -> int:
        """How many were compared with nothing."""
        return sum(isinstance(one.opinion, Unknown) for one in self.judged)

    @property
    def expected(self) -> float:
        """How many answers outside are to be expected, if people answer as they did."""
        return len(self.in_intervals) * (1 - self.percent / 100)

    @property
    def drifts(self) -> bool:
        """Whether chance hardly explains how many answers lay outside."""
        return at_least(len(self.outside), len(self.in_intervals), 1 - self.percent / 100) < CHANCE


def months(labels: Sequence[LabelledCredit], models: Sequence[OpinionModel], rules: OpinionRules) -> list[Month]:
    """The months in which people answered after a model was made, oldest first.

    Args:
        labels: what people answered.
        models: every model that was made.
        rules: how wide the intervals are.
    """
    by_month: dict[str, list[Judged]] = {}
    in_order = sorted(models, key=lambda model: (model.fitted, model.name))
    for label in sorted(labels, key=lambda label: (label.at, label.key)):
        earlier = [model for model in in_order if model.fitted < label.at]
        if earlier:
            opinion = opinion_on(label.traits, earlier[-1], rules)
            by_month.setdefault(f"{label.at:%Y-%m}", []).append(Judged(label, opinion))
    return [Month(name, tuple(judged), rules.percent) for name, judged in by_month.items()]


def at_least(count: int, of: int, share: float) -> float:
    """How likely it is that at least so many of so many happen, if each does with this probability: a binomial tail."""
    return math.fsum(math.comb(of, n) * share**n * (1 - share) ** (of - n) for n in range(count, of + 1))
