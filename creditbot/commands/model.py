"""`creditbot model fit` and `creditbot model show`: what people usually credit, learnt from their answers.

Labels are read by `creditbot.insight` from the saved summaries and from the rows of backtests. Nothing here asks Slack
or Looker, and nothing here makes or changes an amount.
"""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from creditbot.adapters.storage.backtests import ObjectBacktests
from creditbot.bootstrap import Assembly, assemble, make_models
from creditbot.commands.output import count
from creditbot.decide.opinion_model import OpinionModel, model_bytes, name_for, read_model
from creditbot.decide.policy import OpinionRules
from creditbot.decide.second_opinion import LEAST_OF_PRODUCT
from creditbot.insight.backtest import read_backtest
from creditbot.insight.fitting import fit as fitted
from creditbot.insight.labels import Labels, all_labels, label_in, label_in_row
from creditbot.insight.opinion_record import Month, months
from creditbot.model import RequestKey
from creditbot.ports import Models
from creditbot.settings.settings import Settings
from creditbot.text import printable

MOST_NAMED = 5
"""Answers outside that are named for a month that drifts."""


def fit(options: Namespace) -> int:
    """Makes a model of what people answered, and says what it was made from; 1 if there is nothing to learn from."""
    settings = Settings.load()
    assembly = assemble(settings)
    labels = labels_of(settings, assembly)
    if options.since:
        labels = Labels(tuple(label for label in labels.labels if label.at >= options.since), labels.left_out)
    if not labels.labels:
        for line in ("There is nothing to learn from: no label was found.", *_left_out_lines(labels)):
            print(line)
        return 1
    model = fitted(labels.labels, datetime.now(UTC).replace(microsecond=0), options.since and options.since.date())
    name, models = name_for(model), make_models(settings)
    models.add(name, model_bytes(model))
    for line in (
        *_made_from_lines(model),
        *_left_out_lines(labels),
        *_check_lines(model, assembly.rules.channels.everywhere.policy.opinion),
    ):
        print(printable(line))
    print(printable(f"The model is in force now: {models.address(name)}"))
    return 0


def show(_: Namespace) -> int:
    """Says what the newest model was made from, and how often models held for the answers that came after them."""
    settings = Settings.load()
    assembly = assemble(settings)
    rules, models = assembly.rules.channels.everywhere.policy.opinion, make_models(settings)
    every = list(_every(models))
    if not every:
        print("There is no model. `creditbot model fit` makes one from what people answered.")
        return 1
    newest = every[-1]
    print(printable(f"{newest.name}: {models.address(newest.name)}"))
    held = "is held" if rules.hold else "is not held, because `hold` in `[second_opinion]` of POLICY_FILE is not true"
    lines = (
        *_made_from_lines(newest), *_check_lines(newest, rules), f"An amount outside {held}.",
        *_record_lines(months(labels_of(settings, assembly).labels, every, rules), rules, assembly),
    )  # fmt: skip
    for line in lines:
        print(printable(line))
    return 0


def labels_of(settings: Settings, assembly: Assembly) -> Labels:
    """Everything that there is to learn from."""
    summaries, workspace = assembly.ports.summaries, assembly.ledger.read().meta.workspace
    bots = frozenset({*settings.previous_bots, *((workspace.user, workspace.bot) if workspace else ())})
    rows = read_backtest(ObjectBacktests(settings.output_uri))
    keys = [kept.key for kept in summaries.kept()]
    return all_labels(
        ((key, label_in(key, summary, bots)) for key, summary in summaries.load_all(keys)),
        ((row.key, label_in_row(row)) for row in rows),
    )


def _every(models: Models) -> Iterator[OpinionModel]:
    """Every model that can be read, the newest last; of one that cannot, a line says so."""
    for name in models.names():
        try:
            yield read_model(models.load(name) or b"", name)
        except ValueError as error:
            print(printable(f"The model {name} cannot be read: {error}."))


def _made_from_lines(model: OpinionModel) -> Iterable[str]:
    answers = model.answers
    first, last = (f"{answers[place].label.at:%Y-%m-%d}" for place in (0, -1))
    products = Counter(answer.label.traits.product for answer in answers).most_common()
    named = ", ".join(f"{number} for {product}" for product, number in products)
    yield f"Made on {model.fitted:%Y-%m-%d %H:%M} UTC from {count(len(answers), 'answer')} of people ({named})."
    yield f"The first was given on {first}, the last on {last}."


def _left_out_lines(labels: Labels) -> Iterable[str]:
    for reason, number in labels.left_out.items():
        yield f"Left out: {count(number, 'request')} {reason.value}."


def _check_lines(model: OpinionModel, rules: OpinionRules) -> Iterable[str]:
    """Whether there are enough answers, and how often intervals held while learning."""
    judged = len(model.judged)
    few = [
        f"{number} for {product}"
        for product, number in Counter(answer.label.traits.product for answer in model.answers).items()
        if number < LEAST_OF_PRODUCT
    ]
    if few:
        yield f"Too few to judge: {', '.join(few)}. It takes {LEAST_OF_PRODUCT}."
    if judged < rules.least:
        yield (
            f"Too few to judge by days, prefixes and block rate: {judged} of the {rules.least} answers that it takes "
            f"for {rules.percent} %. Median and MAD of credit / fraud cost stand in."
        )
    for percent, share in model.checks.items():
        yield f"Intervals that are meant to hold {percent} % held {share:.1%} of the answers that were left out."


def _record_lines(found: Sequence[Month], rules: OpinionRules, assembly: Assembly) -> Iterable[str]:
    if not found:
        yield "Nobody has answered a request since the first model was made: nobody can tell yet how often it holds."
        return
    yield "What people answered, compared with the model that was newest at that time:"
    yield f"  {'month':<7}  {'within':>6}  {'below':>6}  {'above':>6}  {'by median':>9}  {'not judged':>10}"
    for month in found:
        yield _month_line(month)
    inside = sum(len(month.in_intervals) - len(month.outside) for month in found)
    every = sum(len(month.in_intervals) for month in found)
    if every:
        meant = f"it is meant to hold {rules.percent} %"
        yield f"The interval held {inside} of {every} answers ({inside / every:.1%}); {meant}."
    for month in found:
        if month.drifts:
            yield from _drift_lines(month, assembly)


def _month_line(month: Month) -> str:
    outside, within = month.outside, len(month.in_intervals) - len(month.outside)
    below, above = sum(one.below for one in outside), sum(one.above for one in outside)
    counts = f"{within:>6}  {below:>6}  {above:>6}  {month.by_median:>9}  {month.not_judged:>10}"
    return f"  {month.name:<7}  {counts}"


def _drift_lines(month: Month, assembly: Assembly) -> Iterable[str]:
    workspace = assembly.ledger.read().meta.workspace
    yield (
        f"In {month.name}, {len(month.outside)} of {len(month.in_intervals)} answers lay outside, where "
        f"{month.expected:.1f} are to be expected: people seem to answer otherwise than they did. Look at these "
        "answers, and run `creditbot model fit --since DAY` if they are right."
    )
    for one in month.outside[:MOST_NAMED]:
        key = RequestKey.parse(one.label.key)
        yield f"  {workspace.address(key) if workspace else key}"
