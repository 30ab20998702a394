"""Makes the model of a second opinion from labels: Huber regression in folds, by scikit-learn.

Labels come in, an `OpinionModel` goes out; `creditbot.decide.second_opinion` asks it without scikit-learn. MAPIE makes
CV+ intervals from the same folds, and a model whose intervals are not the same is not made. Both are in the extra
`creditbot[ml]` and are imported only here, when a model is made.

How often intervals hold is measured on answers that were left out: each fifth of the answers is judged by a model that
was learnt from the others.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date, datetime
from importlib.util import find_spec
from statistics import pstdev
from typing import Any

from creditbot.decide.opinion_model import (
    TRAITS,
    LabelledCredit,
    Learnt,
    OpinionModel,
    traits_as_numbers,
    with_expected,
)
from creditbot.decide.policy import OpinionRules
from creditbot.decide.second_opinion import LEAST_OF_PRODUCT, comparable, interval
from creditbot.errors import Defect, SettingsError

FOLDS, PARTS = 10, 5
"""Folds of a model, and the parts that are left out in turn to measure how often intervals hold."""
PERCENTS = (80, 90, 95)
"""The shares for which that is measured, if there are enough answers."""
SAME = 1e-6
"""How far our intervals may be from MAPIE's, in logs of USD."""
_ROUNDS = 1_000  # of the solver; a few dozen are usual


def fit(labels: Sequence[LabelledCredit], now: datetime, since: date | None = None) -> OpinionModel:
    """The model of these labels. The same labels give the same model, whatever their order.

    Args:
        labels: what people answered.
        now: UTC.
        since: the first day from which on labels were looked for; None for all.

    Raises `SettingsError` if the extra is not installed, and `Defect` if MAPIE's intervals are not ours.
    """
    if missing := [name for name in ("sklearn", "mapie") if find_spec(name) is None]:
        raise SettingsError(
            f"`creditbot model fit` needs scikit-learn and MAPIE, and {' and '.join(missing)} cannot be imported.",
            "Install creditbot with the extra ml: `pip install --require-hashes -r requirements-ml.lock`.",
        )
    in_order = sorted(labels, key=lambda label: (label.at, label.key))
    with one_thread():
        model = fitted(in_order, judged_products(in_order), now)
        if model.folds:
            _compare_with_mapie(model)
        return replace(model, since=since, checks=_checks(model))


def one_thread() -> AbstractContextManager[object]:
    """Within it, sums run on one thread: several wait for each other longer than so few numbers take."""
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[object] = threadpool_limits(1)
    return limits


def judged_products(labels: Sequence[LabelledCredit]) -> tuple[str, ...]:
    """The products with enough answers whose traits are known, the most frequent first; empty if these are too few."""
    known = Counter(
        label.traits.product for label in labels if traits_as_numbers(label.traits, (label.traits.product,))
    )
    products = sorted(
        (name for name, count in known.items() if count >= LEAST_OF_PRODUCT), key=lambda n: (-known[n], n)
    )
    enough = sum(known[name] for name in products) >= OpinionRules(percent=PERCENTS[0]).least
    return tuple(products) if enough else ()


def fitted(labels: Sequence[LabelledCredit], products: tuple[str, ...], now: datetime) -> OpinionModel:
    """The model of labels in order. Without products, no line is fitted: median and MAD stand in."""
    rows = list(_numbers(labels, products))
    answers, lines = [Learnt(label) for label in labels], []
    for fold, (others, own) in enumerate(_split(len(rows), FOLDS) if rows else ()):
        line = _line([rows[n][1] for n in others], [math.log(labels[rows[n][0]].amount) for n in others])
        lines.append(line)
        for place, numbers in (rows[n] for n in own):
            answers[place] = with_expected(labels[place], fold, line, numbers)
    return OpinionModel(now, None, products, _scales(labels), tuple(lines), tuple(answers))


def _numbers(labels: Sequence[LabelledCredit], products: Sequence[str]) -> Iterator[tuple[int, tuple[float, ...]]]:
    """(place, what the regression sees) of each label that it can use."""
    for place, label in enumerate(labels):
        if numbers := traits_as_numbers(label.traits, products):
            yield place, numbers


def _split(count: int, parts: int) -> list[tuple[list[int], list[int]]]:
    """(the others, its own) of each part, by lot; the lot is always the same."""
    from sklearn.model_selection import KFold

    splitter = KFold(parts, shuffle=True, random_state=0)
    return [(others.tolist(), own.tolist()) for others, own in splitter.split([0] * count)]


def _regression() -> Any:
    """Each trait in its usual units first, or the solver takes long; epsilon as in Huber's own work."""
    from sklearn.linear_model import HuberRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), HuberRegressor(max_iter=_ROUNDS))


def _line(rows: Sequence[Sequence[float]], logs: Sequence[float]) -> tuple[float, ...]:
    """Intercept and coefficients that expect these logs of USD from these rows."""
    scaler, huber = _regression().fit(rows, logs)
    coefficients = huber.coef_ / scaler.scale_
    intercept = huber.intercept_ - float(coefficients @ scaler.mean_)
    return (float(intercept), *map(float, coefficients))


def _scales(labels: Sequence[LabelledCredit]) -> tuple[float, ...]:
    """The standard deviation of each trait; 1 for one that is always the same, or not known."""
    columns = zip(*(comparable(label.traits) for label in labels), strict=True) if labels else [()] * len(TRAITS)
    known = [[value for value in column if value is not None] for column in columns]
    return tuple((pstdev(values) if len(values) > 1 else 0.0) or 1.0 for values in known)


def _compare_with_mapie(model: OpinionModel) -> None:
    """Raises `Defect` if MAPIE, from the same folds, has other intervals for the answers themselves."""
    from mapie.regression import CrossConformalRegressor
    from sklearn.model_selection import KFold

    percents = [percent for percent in PERCENTS if len(model.judged) >= OpinionRules(percent=percent).least]
    rows = [traits_as_numbers(answer.label.traits, model.products) or () for answer in model.judged]
    mapie = CrossConformalRegressor(
        _regression(), confidence_level=[percent / 100 for percent in percents], conformity_score="absolute",
        method="plus", cv=KFold(FOLDS, shuffle=True, random_state=0),
    )  # fmt: skip
    mapie.fit_conformalize(rows, [math.log(answer.label.amount) for answer in model.judged])
    _, theirs = mapie.predict_interval(rows)
    for place, row in enumerate(rows):
        for column, percent in enumerate(percents):
            ours = interval(model, row, percent)
            if any(abs(our - float(their)) > SAME for our, their in zip(ours, theirs[place, :, column], strict=True)):
                raise Defect("The intervals of the second opinion are not those of MAPIE.", "No model was made.")


def _checks(model: OpinionModel) -> Mapping[int, float]:
    """Percent -> the share of the answers that lay within the interval of a model that was learnt without them."""
    judged = [answer.label for answer in model.judged]
    within: dict[int, list[bool]] = {}
    least = OpinionRules(percent=PERCENTS[0]).least
    for others, own in _split(len(judged), PARTS) if judged else ():
        if len(others) < least:
            continue
        part = fitted([judged[n] for n in others], model.products, model.fitted)
        for percent in PERCENTS:
            if len(part.judged) < OpinionRules(percent=percent).least:
                continue
            for label in (judged[n] for n in own):
                low, high = interval(part, traits_as_numbers(label.traits, model.products) or (), percent)
                within.setdefault(percent, []).append(low <= math.log(label.amount) <= high)
    return {percent: round(sum(held) / len(held), 4) for percent, held in within.items()}
