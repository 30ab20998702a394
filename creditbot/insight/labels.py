"""Labels: what people answered to requests whose traffic was computed, which a second opinion is learnt from. Pure.

Saved summaries and the rows of a backtest come in. An answer of a person to a request that creditbot did not answer
comes out as a `LabelledCredit`, and so does a person's correction of a reply of creditbot, which a backtest reads.
Everything else comes out as why it is not one. An answer of creditbot, of a bot that answered before it, or of an
approver who said yes to creditbot's amount is never a label: a model of them would only agree with itself. A refusal is
no label either, because it has no amount.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from creditbot.decide.opinion_model import LabelledCredit
from creditbot.evidence.fields import text
from creditbot.evidence.summary import outcome_fields, outcome_of
from creditbot.evidence.traits import traits_in
from creditbot.insight.backtest import BacktestLink, BacktestRow
from creditbot.model import RequestKey
from creditbot.slack_time import is_ts, time_of


class NoLabel(Enum):
    """Why a request that ended is not a label. The values are words for people."""

    NOT_BY_PEOPLE = "not answered by a person"
    """creditbot or another bot answered it, or nobody."""
    REFUSED = "refused by a person"
    NO_AMOUNT = "answered without one clear amount"
    NOT_COMPUTED = "answered, but their traffic or its fraud cost was never computed"


@dataclass(frozen=True, slots=True)
class Labels:
    """What there is to learn from.

    Attributes:
        labels: by the time of the answer, oldest first; one for each request.
        left_out: why other requests are none -> how many of them.
    """

    labels: tuple[LabelledCredit, ...]
    left_out: Mapping[NoLabel, int]


def label_in(key: RequestKey, summary: Mapping[str, Any], bots: Collection[str] = ()) -> LabelledCredit | NoLabel:
    """The label in the summary of a request that has ended, or why it has none.

    Args:
        key: of the request.
        summary: as it was saved.
        bots: ids of bots that answered before creditbot (PREVIOUS_BOTS).
    """
    outcome, by = outcome_of(summary), text(outcome_fields(summary).get("answer_by"))
    if outcome is None or outcome.status not in ("elsewhere", "shadowed") or not is_ts(outcome.reply):
        return NoLabel.NOT_BY_PEOPLE
    if not by.startswith(("U", "W")) or by in bots:
        return NoLabel.NOT_BY_PEOPLE
    return label_of(key, time_of(outcome.reply), outcome.answer_amount, summary)


def label_in_row(row: BacktestRow) -> LabelledCredit | NoLabel:
    """The label in a row of a backtest, or why it has none."""
    if row.answer.refused:
        return NoLabel.REFUSED
    if row.amount is None:
        return NoLabel.NOT_COMPUTED
    links = [_as_in_summary(link) for link in row.links if link.credit is not None]
    return label_of(row.key, row.answer.at, row.answer.amount, {"links": links})


def _as_in_summary(link: BacktestLink) -> dict[str, Any]:
    columns = {} if link.block_rate is None else {"block_rate": f"{link.block_rate:.12f}"}
    rows = [] if link.fraud_cost is None else [{"fraud_cost": link.fraud_cost, "columns": columns}]
    return {"product": link.product, "credit": link.credit, "rows": rows, "footprint": link.kept}


def label_of(
    key: RequestKey, at: datetime, amount: Decimal | None, summary: Mapping[str, Any]
) -> LabelledCredit | NoLabel:
    """The label that an answer of a person is, or why it is not one.

    Args:
        key: of the request.
        at: UTC, when the person answered.
        amount: USD; None if the answer names none, or several; 0 for a refusal.
        summary: or what has links as a summary has them.
    """
    if amount is None:
        return NoLabel.NO_AMOUNT
    if amount <= 0:
        return NoLabel.REFUSED
    traits = traits_in(summary)
    return LabelledCredit(str(key), at, amount, traits) if traits else NoLabel.NOT_COMPUTED


def all_labels(*sources: Iterable[tuple[RequestKey, LabelledCredit | NoLabel]]) -> Labels:
    """What several sources have to learn from. Of a request that several have a label for, that of the first counts."""
    found: dict[RequestKey, LabelledCredit | NoLabel] = {}
    for source in sources:
        for key, label in source:
            if not isinstance(found.get(key), LabelledCredit):
                found[key] = label
    labels = [label for label in found.values() if isinstance(label, LabelledCredit)]
    left_out = [label for label in found.values() if isinstance(label, NoLabel)]
    return Labels(
        tuple(sorted(labels, key=lambda label: (label.at, label.key))),
        {reason: left_out.count(reason) for reason in NoLabel if reason in left_out},
    )
