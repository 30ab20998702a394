"""A second opinion on an amount: what people usually credited for traffic like this. Pure.

A model that was learnt from people's answers comes in, with the traits of a request; an `Opinion` goes out, or why
there is none. `policy` holds an amount that lies outside. A second opinion never makes an amount, changes one, or lets
one pass.

The interval is CV+ (Barber, Candès, Ramdas, Tibshirani: "Predictive inference with the jackknife+", Annals of
Statistics 49(1), 2021, section 3). With n answers, each in one of K folds, mu_k learnt from all folds but k, R_i the
distance of answer i from what the mu of its own fold expects, and 1 - a the share that the interval is meant to hold:

    low  = the floor(a (n + 1))-th smallest of mu_k(i)(x) - R_i
    high = the ceil((1 - a) (n + 1))-th smallest of mu_k(i)(x) + R_i

mu is a line through logarithms, so all of this is in logarithms and the ends are amounts again. The only assumption is
that the new request comes from the same habits as the answers did. The authors prove a share of at least 1 - 2a, less
a little; what is usually measured is 1 - a.

With too few answers, the median and the MAD (median distance from it) of credit / fraud cost of the product stand in.
What is more than 3.5 modified z-scores away is outside (Iglewicz and Hoaglin, "How to detect and handle outliers",
1993).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from statistics import median

from creditbot.credit.amount import CENT, format_usd
from creditbot.credit.footprint import Unknown
from creditbot.credit.traits import Traits
from creditbot.decide.opinion_model import LabelledCredit, Learnt, OpinionModel, expected, traits_as_numbers
from creditbot.decide.policy import OpinionRules

LEAST_OF_PRODUCT = 10
"""With fewer answers for a product, nothing is said about it."""
ALIKE = 3
"""How many answers an opinion names."""
FAR = 3.5
"""Modified z-scores beyond which a share of the fraud cost is outside."""
_MAD_TO_SD = 1.4826  # of a normal distribution
_LEAST_SD = 0.01  # people who always credit the same share may differ by a rounding
_LARGEST_LOG = 30.0  # of an amount; some ten million million USD


@dataclass(frozen=True, slots=True)
class Alike:
    """An answer that is named because its request was like this one.

    Attributes:
        amount: USD.
        fraud_cost: USD.
        address: of its request.
    """

    amount: Decimal
    fraud_cost: Decimal
    address: str


@dataclass(frozen=True, slots=True)
class Opinion:
    """What people usually credit for such traffic.

    Attributes:
        low, high: USD, the ends of the interval, both within.
        answers: how many answers it is made from.
        percent: of answers that the interval is meant to hold; None if it is made from median and MAD.
        least: how many answers it takes to make it otherwise.
        traits: of the request.
        alike: the answers that are most alike, the most alike first.
        model: name of the model.
    """

    low: Decimal
    high: Decimal
    answers: int
    percent: int | None
    least: int
    traits: Traits
    alike: tuple[Alike, ...]
    model: str

    def is_outside(self, amount: Decimal) -> bool:
        """Whether people do not usually credit this amount, in USD."""
        return not self.low <= amount <= self.high


def opinion_on(
    traits: Traits | None, model: OpinionModel, rules: OpinionRules, address: Callable[[str], str] = str
) -> Opinion | Unknown:
    """What people usually credit for traffic with these traits, or why nobody can tell.

    Args:
        traits: None if they are not known.
        model: what was learnt.
        rules: how wide the interval is.
        address: of a request, from its key.
    """
    if traits is None:
        return Unknown("the fraud cost of this traffic is not known")
    of_product = [answer for answer in model.answers if answer.label.traits.product == traits.product]
    if len(of_product) < LEAST_OF_PRODUCT:
        return Unknown(
            f"people have answered {len(of_product)} requests for {traits.product}, and it takes {LEAST_OF_PRODUCT}"
        )
    alike = tuple(
        Alike(label.amount, label.traits.fraud_cost, address(label.key)) for label in _alike(traits, of_product, model)
    )
    numbers = traits_as_numbers(traits, model.products)
    if numbers is None or len(model.judged) < rules.least:
        low, high = _by_median(traits, of_product)
        return Opinion(low, high, len(of_product), None, rules.least, traits, alike, model.name)
    low, high = (_usd(end, side) for end, side in zip(interval(model, numbers, rules.percent), _OUTWARD, strict=True))
    return Opinion(low, high, len(model.judged), rules.percent, rules.least, traits, alike, model.name)


def opinion_in_words(opinion: Opinion) -> str:
    """What people usually credit, and the three answers that are most alike, each with its fraud cost: a clause."""
    first, second, third = (
        f"{format_usd(one.amount)} of {format_usd(one.fraud_cost)} ({one.address})" for one in opinion.alike
    )
    most_alike = f"the three most alike were {first}, {second} and {third}"
    low, high = format_usd(opinion.low), format_usd(opinion.high)
    if opinion.percent is not None:
        share = f"{opinion.percent} %, by {opinion.answers} answers of people"
        return f"usually between {low} and {high} ({share}); {most_alike}"
    cost, product = opinion.traits.fraud_cost, opinion.traits.product
    least, most = (f"{float(end / cost):.1%}" for end in (opinion.low, opinion.high))
    return (
        f"too few to judge by days, prefixes and block rate; {opinion.answers} answers of people for {product} are "
        f"usually {least} to {most} of the fraud cost, here {low} to {high}; {most_alike}"
    )


def interval(model: OpinionModel, numbers: Sequence[float], percent: int) -> tuple[float, float]:
    """The ends of the CV+ interval, as logs of USD; `model` has enough answers for it."""
    by_fold = [expected(line, numbers) for line in model.folds]
    from_folds = [(by_fold[answer.fold], abs(answer.residual)) for answer in model.judged if answer.fold is not None]
    lows, highs = (sorted(mu + sign * away for mu, away in from_folds) for sign in (-1, 1))
    more = len(from_folds) + 1
    return lows[(100 - percent) * more // 100 - 1], highs[-(-percent * more // 100) - 1]


def _by_median(traits: Traits, answers: Sequence[Learnt]) -> tuple[Decimal, Decimal]:
    """USD, from median and MAD of credit / fraud cost of these answers."""
    shares = [float(answer.label.amount / answer.label.traits.fraud_cost) for answer in answers]
    middle = median(shares)
    spread = FAR * max(_LEAST_SD, _MAD_TO_SD * median(abs(share - middle) for share in shares))
    ends = (max(0.0, middle - spread), middle + spread)
    low, high = (
        (traits.fraud_cost * Decimal(end)).quantize(CENT, side) for end, side in zip(ends, _OUTWARD, strict=True)
    )
    return low, high


def _alike(traits: Traits, answers: Sequence[Learnt], model: OpinionModel) -> list[LabelledCredit]:
    """The answers whose traits are nearest, the latest first among equals."""
    labels = sorted((answer.label for answer in answers), key=lambda label: label.at, reverse=True)
    return sorted(labels, key=lambda label: _distance(traits, label.traits, model.scales))[:ALIKE]


def _distance(one: Traits, other: Traits, scales: Sequence[float]) -> float:
    """Squared, in units of what is usual; a trait that is not known counts as one unit away."""
    pairs = zip(comparable(one), comparable(other), scales, strict=True)
    return math.fsum(1.0 if a is None or b is None else ((a - b) / scale) ** 2 for a, b, scale in pairs)


def comparable(traits: Traits) -> tuple[float | None, ...]:
    """`TRAITS` as they are compared; None for one that is not known."""
    counts = (math.log(count) if count else None for count in (traits.days, traits.prefixes))
    return (math.log(traits.fraud_cost), traits.block_rate, *counts)


def _usd(log: float, side: str) -> Decimal:
    return Decimal(math.exp(min(log, _LARGEST_LOG))).quantize(CENT, side)


_OUTWARD = (ROUND_FLOOR, ROUND_CEILING)
