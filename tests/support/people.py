"""People who answer requests by habit: generated labels of which it is known how they came about."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

from creditbot.credit.traits import Traits
from creditbot.decide.opinion_model import LabelledCredit

TARGETS = {"verify": 0.8, "psms": 0.85}


def answers(
    random: Random, count: int, *, noise: float = 0.1, psms: float = 0.3, start: int = 0
) -> list[LabelledCredit]:
    """So many answers, one a day: the formula of the bundled notebooks, from which people stray by so much.

    One in twenty is far away, as where somebody credits only a part.
    """
    return [_answer(random, start + number, noise, psms) for number in range(count)]


def otherwise(labels: list[LabelledCredit], factor: float) -> list[LabelledCredit]:
    """The same people with another habit: they credit so many times as much."""
    return [replace(label, amount=(label.amount * Decimal(factor)).quantize(Decimal("0.01"))) for label in labels]


def _answer(random: Random, number: int, noise: float, psms: float) -> LabelledCredit:
    product = "psms" if random.random() < psms else "verify"
    days, prefixes = random.randint(1, 31), random.randint(1, 12)
    cost = Decimal(f"{math.exp(random.gauss(6.5, 1.0)) * (days * prefixes) ** 0.3:.2f}") + 1
    rate = round(random.uniform(0.0, 0.7), 3)
    share = (TARGETS[product] - rate) / (1 - rate)
    stray = random.gauss(0, noise) if random.random() > 0.05 else random.gauss(-0.5, 0.5)
    amount = max(Decimal("0.01"), Decimal(f"{float(cost) * share * math.exp(stray):.2f}"))
    at = datetime(2026, 1, 1, 12, tzinfo=UTC) + timedelta(days=number)
    key = f"T1.C1.{int(at.timestamp()) - 3600}.000100"
    return LabelledCredit(key, at, amount, Traits(product, cost, rate, days, prefixes))
