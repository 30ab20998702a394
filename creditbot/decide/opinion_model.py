"""The model of a second opinion: what was learnt from people's answers, and how it is written down. Pure.

`creditbot.insight.fitting` makes one from past answers, `Models` keeps it as JSON, and `second_opinion` asks it. There
are no pickles: a model is numbers, and reading one runs nothing.

    version, fitted        of this layout; when it was made, UTC
    since                  the day from which on answers were learnt from, or null
    products               those it can judge; the coefficients of the others are relative to the first
    scales                 how far apart two answers usually are in each trait, see `TRAITS`
    folds                  for each fold [intercept, coefficients...]: learnt from the answers of all other folds
    answers                what it was learnt from: request, when, amount, traits; and, if the regression could use the
                           answer, its fold, and its residual: log of the amount, less what that fold expects
    checks                 how often intervals held for answers that were left out while learning: percent -> share

The name of a model is when it was made and the beginning of the hash of all of this.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from creditbot.credit.traits import Traits
from creditbot.machine import exact_json

VERSION = 1
TRAITS = ("fraud_cost", "block_rate", "days", "prefixes")
"""What the regression sees of every request, in this order; the products come after them."""
_HASH = 12


@dataclass(frozen=True, slots=True)
class LabelledCredit:
    """An amount that a person answered, with the traits of what was asked: one example to learn from.

    Attributes:
        key: of the request.
        at: UTC, when the person answered.
        amount: USD, above zero.
        traits: of what was asked, as it was computed.
    """

    key: str
    at: datetime
    amount: Decimal
    traits: Traits


@dataclass(frozen=True, slots=True)
class Learnt:
    """An answer that a model was made from.

    Attributes:
        label: the answer.
        fold: the fold that was learnt without it; None if the regression could not use it.
        residual: log of its amount, less what its fold expects; 0 if there is no fold.
    """

    label: LabelledCredit
    fold: int | None = None
    residual: float = 0.0


@dataclass(frozen=True, slots=True)
class OpinionModel:
    """A model; see above.

    Attributes:
        fitted: UTC, when it was made.
        since: the first day of the answers that were asked for; None for all.
        products: those that the regression can judge.
        scales: of each trait.
        folds: intercept and coefficients of each fold.
        answers: what it was made from, oldest first.
        checks: percent -> share of the answers that lay within.
        name: under which it is kept; "" if it is not kept yet.
    """

    fitted: datetime
    since: date | None = None
    products: tuple[str, ...] = ()
    scales: tuple[float, ...] = ()
    folds: tuple[tuple[float, ...], ...] = ()
    answers: tuple[Learnt, ...] = ()
    checks: Mapping[int, float] = field(default_factory=dict)
    name: str = field(default="", compare=False)

    @property
    def judged(self) -> tuple[Learnt, ...]:
        """The answers that the regression was made from."""
        return tuple(answer for answer in self.answers if answer.fold is not None)


def traits_as_numbers(traits: Traits, products: Sequence[str]) -> tuple[float, ...] | None:
    """What the regression sees of a request; None if one of its traits is not known, or its product is new to it.

    Log of the fraud cost, block rate, logs of days and prefixes, and for each product but the first whether it is that.
    """
    rate, days, prefixes = traits.block_rate, traits.days, traits.prefixes
    if rate is None or not days or not prefixes or traits.product not in products:
        return None
    is_product = [float(traits.product == product) for product in products[1:]]
    return (math.log(traits.fraud_cost), rate, math.log(days), math.log(prefixes), *is_product)


def expected(line: Sequence[float], numbers: Sequence[float]) -> float:
    """What a line, [intercept, coefficients...], expects of a request: log of USD."""
    return line[0] + math.fsum(c * x for c, x in zip(line[1:], numbers, strict=True))


def with_expected(label: LabelledCredit, fold: int, line: Sequence[float], numbers: Sequence[float]) -> Learnt:
    """An answer with its residual from the line of its fold, which was learnt without it."""
    return Learnt(label, fold, math.log(label.amount) - expected(line, numbers))


def model_bytes(model: OpinionModel) -> bytes:
    """A model as canonical JSON: the same model has the same bytes."""
    return exact_json.canonical(
        {
            "version": VERSION,
            "fitted": model.fitted.astimezone(UTC).isoformat(timespec="seconds"),
            "since": model.since.isoformat() if model.since else None,
            "products": list(model.products),
            "scales": list(model.scales),
            "folds": [list(fold) for fold in model.folds],
            "answers": [_answer_fields(answer) for answer in model.answers],
            "checks": {str(percent): share for percent, share in model.checks.items()},
        }
    )


def name_for(model: OpinionModel) -> str:
    """Such as "20261129T101500Z-0123456789ab": of two models, the newer one has the greater name."""
    digest = hashlib.sha256(model_bytes(model)).hexdigest()
    return f"{model.fitted.astimezone(UTC):%Y%m%dT%H%M%SZ}-{digest[:_HASH]}"


def read_model(content: bytes, name: str) -> OpinionModel:
    """The model in a file. Raises ValueError if it is not one, was changed since, or is of a later version.

    Args:
        content: of the file.
        name: of the model, which has its hash.
    """
    try:
        fields: Any = exact_json.read(content)
        model = replace(_checked(_model(fields)), name=name) if fields["version"] == VERSION else None
    except (LookupError, TypeError, AttributeError, ArithmeticError, ValueError) as error:
        raise ValueError("it is not a model") from error
    if model is None:
        raise ValueError("another version of creditbot made it")
    if name_for(model) != name:
        raise ValueError("it was changed after it was made")
    return model


def _answer_fields(answer: Learnt) -> dict[str, Any]:
    label, traits = answer.label, answer.label.traits
    return {
        "key": label.key, "at": label.at.astimezone(UTC).isoformat(timespec="seconds"), "amount": label.amount,
        "product": traits.product, "fraud_cost": traits.fraud_cost, "block_rate": traits.block_rate,
        "days": traits.days, "prefixes": traits.prefixes, "fold": answer.fold, "residual": answer.residual,
    }  # fmt: skip


def _model(fields: Mapping[str, Any]) -> OpinionModel:
    since = fields["since"]
    return OpinionModel(
        _moment(fields["fitted"]),
        date.fromisoformat(since) if since else None,
        tuple(map(str, fields["products"])),
        tuple(map(float, fields["scales"])),
        tuple(tuple(map(float, fold)) for fold in fields["folds"]),
        tuple(map(_answer, fields["answers"])),
        {int(percent): float(share) for percent, share in fields["checks"].items()},
    )


def _answer(fields: Mapping[str, Any]) -> Learnt:
    rate, days, prefixes, fold = (fields[name] for name in ("block_rate", "days", "prefixes", "fold"))
    traits = Traits(
        str(fields["product"]), Decimal(fields["fraud_cost"]), None if rate is None else float(rate), _count(days),
        _count(prefixes),
    )  # fmt: skip
    label = LabelledCredit(str(fields["key"]), _moment(fields["at"]), Decimal(fields["amount"]), traits)
    return Learnt(label, _count(fold), float(fields["residual"]))


def _count(value: object) -> int | None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
        raise ValueError
    return value


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError
    return moment


def _checked(model: OpinionModel) -> OpinionModel:
    """The model; ValueError if its parts do not fit each other."""
    numbers = [*model.scales, *(number for line in model.folds for number in line)]
    numbers += [answer.residual for answer in model.answers]
    width = len(TRAITS) + max(1, len(model.products))
    is_whole = (
        all(answer.label.amount > 0 and answer.label.traits.fraud_cost > 0 for answer in model.answers)
        and all(map(math.isfinite, numbers))
        and len(model.scales) == len(TRAITS)
        and all(scale > 0 for scale in model.scales)
        and all(len(line) == width for line in model.folds)
        and all(answer.fold in range(len(model.folds)) for answer in model.judged)
        and all(_is_judgeable(answer.label.traits, model.products) for answer in model.judged)
    )
    if not is_whole:
        raise ValueError
    return model


def _is_judgeable(traits: Traits, products: Sequence[str]) -> bool:
    return traits_as_numbers(traits, products) is not None
