"""Reads what was recorded in shadow as rows of a backtest: what creditbot would have said, and what people said. Pure.

Requests of the past come in, as `history` reads them from the state and the summaries; rows go out. Here nothing is
computed again: amounts and reasons are those that were recorded, decided against what had been credited by then.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from creditbot.insight.backtest import BacktestLink, BacktestRow, Outcome, in_order
from creditbot.insight.backtest_requests import LeftOut
from creditbot.insight.past import PastLink, PastReason, PastRequest
from creditbot.insight.peoples_answers import PeoplesAnswer
from creditbot.model import HoldKind, HoldReason

_PEOPLE = ("U", "W")
"""Ids of people begin like this, those of bots with "B"."""


def shadow_rows(requests: Iterable[PastRequest]) -> tuple[list[BacktestRow], LeftOut]:
    """The rows of the requests that ended in shadow and that a person answered; and how many others there are.

    A request that was answered before creditbot was ready ended without SHADOW as well: nothing was computed for it.
    """
    rows, left_out = [], LeftOut()
    for request in requests:
        if not request.would:
            continue
        if request.answered is None or not request.answer_by:
            left_out.unanswered += 1
        elif not request.answer_by.startswith(_PEOPLE):
            left_out.by_bots += 1
        else:
            rows.append(_row(request))
    return in_order(rows), left_out


def _row(request: PastRequest) -> BacktestRow:
    assert request.answered
    named = request.answer_amount
    is_refused = named == 0
    outcome = _outcome(request)
    has_amount = outcome in (Outcome.COMPUTED, Outcome.ALREADY_CREDITED)
    return BacktestRow(
        key=request.key,
        permalink=request.permalink,
        requester=request.requester or "",
        answer=PeoplesAnswer(request.answer_by, request.answered, None if is_refused else named, is_refused),
        outcome=outcome,
        problem="" if outcome is Outcome.COMPUTED else request.reason,
        amount=request.computed if has_amount else None,
        held=_held(request) if request.would == "held" else (),
        seconds=(request.at - request.seen).total_seconds() if request.at and request.seen and has_amount else None,
        page=request.page or "",
        links=tuple(map(_link, request.links or ())),
    )


def _outcome(request: PastRequest) -> Outcome:
    """What came of it; an amount that would have been posted or asked about is one that was computed."""
    if request.computed is not None and request.would in ("answered", "held"):
        return Outcome.COMPUTED
    named = next((outcome for outcome in Outcome if outcome.value == request.cause), Outcome.OTHER)
    if named is Outcome.ALREADY_CREDITED and request.computed is None:
        return Outcome.OTHER
    return Outcome.OTHER if named is Outcome.COMPUTED else named


def _held(request: PastRequest) -> tuple[HoldReason, ...]:
    reasons = request.hold.reasons if request.hold else ()
    return tuple(map(_reason, reasons)) or (HoldReason(HoldKind.WORDS, request.reason or "Approvers would be asked."),)


def _reason(reason: PastReason) -> HoldReason:
    kind = next((kind for kind in HoldKind if kind.value == reason.kind), HoldKind.WORDS)
    return HoldReason(kind, reason.text, twice=reason.twice)


def _link(link: PastLink) -> BacktestLink:
    days = link.days
    is_limited = days is not None and days.start is not None and days.end is not None and not days.empty
    return BacktestLink(
        url=link.url or "",
        product=link.product or "",
        credit=link.credit,
        fraud_cost=link.fraud_cost or (Decimal(0) if link.units == 0 else None),
        days=(days.first, days.last) if days is not None and is_limited else None,
        kept=link.kept,
    )
