"""Answers of people, and models that were made by hand from them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from creditbot.credit.traits import Traits
from creditbot.decide.opinion_model import (
    TRAITS,
    LabelledCredit,
    Learnt,
    OpinionModel,
    model_bytes,
    name_for,
    traits_as_numbers,
    with_expected,
)

FITTED = datetime(2026, 1, 5, 12, tzinfo=UTC)


def label(
    number: int, amount: str, cost: str = "1000.00", *, product: str = "verify", rate: float | None = 0.5,
    days: int | None = 10, prefixes: int | None = 4,
) -> LabelledCredit:  # fmt: skip
    """What a person answered on the day of this number, to a request with this number in its key."""
    at = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(days=number)
    traits = Traits(product, Decimal(cost), rate, days, prefixes)
    return LabelledCredit(f"T1.C1.{1735689600 + number}.000100", at, Decimal(amount), traits)


def made(labels: Sequence[LabelledCredit], *lines: tuple[float, ...], fitted: datetime = FITTED) -> OpinionModel:
    """A model with these lines as its folds, in which the answers take turns; without lines, none are judged."""
    products = tuple(dict.fromkeys(label.traits.product for label in labels)) if lines else ()
    answers = []
    for number, one in enumerate(labels):
        numbers = traits_as_numbers(one.traits, products)
        if not lines or numbers is None:
            answers.append(Learnt(one))
            continue
        fold = number % len(lines)
        answers.append(with_expected(one, fold, lines[fold], numbers))
    return OpinionModel(fitted, None, products, (1.0,) * len(TRAITS), lines, tuple(answers))


def shares(count: int, *, product: str = "verify", start: int = 50) -> list[LabelledCredit]:
    """So many answers of 50 %, 51 %, ... of a fraud cost of $1,000.00."""
    return [label(number, f"{10 * (start + number)}.00", product=product) for number in range(count)]


def five_percent(count: int = 12, fitted: datetime = FITTED) -> OpinionModel:
    """Of people who credit some five percent of the fraud cost, as `World` computes it by itself."""
    return made([label(number, f"{48 + number % 4}.00") for number in range(count)], fitted=fitted)


def keep(models: dict[str, bytes], model: OpinionModel) -> str:
    """Keeps a model, and returns its name."""
    models[name_for(model)] = model_bytes(model)
    return name_for(model)
