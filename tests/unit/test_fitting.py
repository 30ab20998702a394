"""Making a model from answers: our intervals are those of MAPIE, and they hold about as often as they are meant to."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random
from statistics import mean

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from creditbot.decide.opinion_model import model_bytes, name_for, read_model, traits_as_numbers
from creditbot.decide.policy import OpinionRules
from creditbot.decide.second_opinion import Opinion, interval, opinion_on
from creditbot.errors import Defect, SettingsError
from creditbot.insight import fitting
from creditbot.insight.fitting import fit
from tests.support.people import answers

NOW = datetime(2026, 11, 29, 10, 15, tzinfo=UTC)
ON = OpinionRules(hold=True)
pytestmark = pytest.mark.slow  # scikit-learn alone takes a second to import


@given(st.randoms(use_true_random=True), st.integers(11, 120), st.sampled_from([0.0, 0.3]))
@settings(max_examples=2, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow])
def test_intervals_are_those_of_mapie(random: Random, count: int, psms: float) -> None:
    """`fit` compares them for each answer, to a millionth of a log; here for requests that are new to both."""
    from mapie.regression import CrossConformalRegressor
    from sklearn.model_selection import KFold

    model = fit(answers(random, count, psms=psms), NOW)
    percents = [percent for percent in fitting.PERCENTS if len(model.judged) >= OpinionRules(percent=percent).least]
    rows = [traits_as_numbers(answer.label.traits, model.products) or () for answer in model.judged]
    asked = [traits_as_numbers(label.traits, model.products) for label in answers(random, 10, psms=psms)]
    fresh = [numbers for numbers in asked if numbers]
    if not (rows and fresh):
        return
    mapie = CrossConformalRegressor(
        fitting._regression(), confidence_level=[percent / 100 for percent in percents], conformity_score="absolute",
        method="plus", cv=KFold(fitting.FOLDS, shuffle=True, random_state=0),
    )  # fmt: skip
    with fitting.one_thread():
        mapie.fit_conformalize(rows, [math.log(answer.label.amount) for answer in model.judged])
        _, theirs = mapie.predict_interval(fresh)
    for place, numbers in enumerate(fresh):
        for column, percent in enumerate(percents):
            assert interval(model, numbers, percent) == pytest.approx(tuple(theirs[place, :, column]), abs=1e-6)


def test_a_model_whose_intervals_mapie_does_not_give_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "interval", lambda *_: (0.0, 1.0))
    with pytest.raises(Defect, match="not those of MAPIE"):
        fit(answers(Random(1), 41, psms=0.0), NOW)


def test_an_interval_holds_about_as_often_as_it_is_meant_to() -> None:
    """Six times 41 answers, each judging 100 new ones: with 95 %, 92 to 98 of 100."""
    shares = []
    for seed in range(6):
        random = Random(seed)
        with fitting.one_thread():
            model = fitting.fitted(answers(random, 41, psms=0.0), ("verify",), NOW)
        for label in answers(random, 100, psms=0.0):
            opinion = opinion_on(label.traits, model, ON)
            assert isinstance(opinion, Opinion)
            shares.append(not opinion.is_outside(label.amount))
    assert 0.92 <= mean(shares) <= 0.98


def test_what_was_left_out_while_learning_says_how_often_it_holds() -> None:
    checks = fit(answers(Random(3), 60, psms=0.0), NOW).checks
    assert {80, 90, 95} == set(checks)
    assert all(abs(share - percent / 100) < 0.12 for percent, share in checks.items())


def test_the_same_answers_give_the_same_model_in_any_order() -> None:
    labels = answers(Random(4), 14)
    model = fit(labels, NOW, date(2026, 1, 1))
    assert model_bytes(model) == model_bytes(fit(labels[::-1], NOW, date(2026, 1, 1)))
    assert model == read_model(model_bytes(model), name_for(model))


def test_a_few_odd_answers_do_not_bend_the_line() -> None:
    """Huber regression: five of fifty people credit a tenth. The others still get what they usually get, or nearly."""
    labels = answers(Random(5), 50, noise=0.01, psms=0.0)
    odd = [replace(label, amount=(label.amount / 10).quantize(Decimal("0.01")) + 1) for label in labels[:5]]
    plain, bent = (fitting.fitted([*some, *labels[5:]], ("verify",), NOW).folds[0] for some in (labels[:5], odd))
    numbers = traits_as_numbers(labels[20].traits, ("verify",))
    assert numbers
    away = [sum(c * x for c, x in zip(line[1:], numbers, strict=True)) + line[0] for line in (plain, bent)]
    assert abs(away[0] - away[1]) < 0.25


def test_with_just_enough_answers_none_can_be_left_out_to_check() -> None:
    model = fit(answers(Random(6), 11, psms=0.0), NOW)
    assert (10, {}) == (len(model.folds), model.checks)


def test_with_too_few_answers_no_line_is_fitted() -> None:
    model = fit(answers(Random(6), 10, psms=0.0), NOW)
    assert ((), (), {}) == (model.folds, model.products, model.checks)
    assert 10 == len(model.answers)


def test_a_product_with_few_answers_is_kept_for_the_median_alone() -> None:
    labels = [*answers(Random(7), 30, psms=0.0), *answers(Random(8), 9, psms=1.0, start=30)]
    model = fit(labels, NOW)
    assert (("verify",), 30, 39) == (model.products, len(model.judged), len(model.answers))


def test_people_who_always_credit_one_share_are_learnt_as_well() -> None:
    people = answers(Random(9), 45, psms=0.0)
    labels = [replace(one, amount=(one.traits.fraud_cost / 2).quantize(Decimal("0.01"))) for one in people]
    opinion = opinion_on(labels[0].traits, fit(labels, NOW), ON)
    assert isinstance(opinion, Opinion)
    assert abs(opinion.low - labels[0].amount) < 1
    assert abs(opinion.high - labels[0].amount) < 1


def test_without_the_extra_a_sentence_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "find_spec", lambda name: None if name == "mapie" else name)
    with pytest.raises(SettingsError) as caught:
        fit([], NOW)
    assert "needs scikit-learn and MAPIE, and mapie cannot be imported." in caught.value.what
    assert "pip install --require-hashes -r requirements-ml.lock" in caught.value.todo
