"""Says what would become of an amount if somebody asked for it now; nothing is asked, posted or stored.

A computation comes in, with what is remembered of other requests; a `Rehearsal` goes out. It comes from the very code
that a tick decides with, on a state that cannot be written. `creditbot compute` prints it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from creditbot.answer.context import TickContext
from creditbot.answer.duplicates import Duplicates
from creditbot.answer.finishing import Finisher
from creditbot.answer.holding import Holds
from creditbot.answer.owner import Notices
from creditbot.answer.result import credited_by, result_of
from creditbot.answer.rules import Rules
from creditbot.credit.compute import Computation
from creditbot.decide.hold import CreditFacts, HoldReason, LinkFacts
from creditbot.decide.paid_twice import account_reasons
from creditbot.decide.policy import Policy
from creditbot.decide.reasons import reasons_to_hold
from creditbot.errors import (
    SUMMARY_STORE,
    AlreadyCredited,
    NotYet,
    Refused,
    ServiceError,
    StateError,
    StateUnusable,
    ThreadUnclear,
)
from creditbot.intake.requests import Request
from creditbot.intake.thread import ThreadView
from creditbot.machine.processes import ThisProcess
from creditbot.model import RequestKey, Workspace
from creditbot.ports import Ports, Stored, SummaryStore
from creditbot.slack_time import ts_of
from creditbot.state.codec import State
from creditbot.state.ledger import Ledger
from creditbot.state.record import Record


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What would become of an amount.

    Attributes:
        reasons: why a person would have to decide.
        refused: why nothing would be posted at all, one sentence, or "".
        doubts: what could not be compared with single credits, one sentence for each of them.
        unread: why it was not compared with everything that is remembered, a sentence or two; "" if it was.
        opinion: what people usually credit for such traffic, one sentence; "" if nobody wants to know.
    """

    reasons: tuple[HoldReason, ...]
    refused: str = ""
    doubts: tuple[str, ...] = ()
    unread: str = ""
    opinion: str = ""


@dataclass(frozen=True, slots=True)
class OneMoment:
    """Implements `ports.Clock` for something that takes no time.

    Attributes:
        moment: UTC.
    """

    moment: datetime

    def now(self) -> datetime:
        """The moment."""
        return self.moment


@dataclass(frozen=True, slots=True)
class AsRead:
    """Implements `ports.StateStore` with what was read once; it cannot be written.

    Attributes:
        stored: the document.
    """

    stored: Stored

    def read(self) -> Stored:
        """The document."""
        return self.stored

    def write(self, values: Mapping[str, str], version: str) -> str:  # noqa: ARG002
        """Raises `StateUnusable`."""
        raise StateUnusable("A rehearsal does not write the state.")


def rehearse(
    ports: Ports, ledger: Ledger, rules: Rules, request: Request, computation: Computation,
    summary: Mapping[str, Any], now: datetime,
) -> Rehearsal:  # fmt: skip
    """What would become of a computed amount.

    Args:
        ports: the outside; of these only the summaries and the models are read.
        ledger: the state, which is read once.
        rules: how requests are answered.
        request: what was computed.
        computation: with an amount.
        summary: of the computation.
        now: UTC.
    """
    state, problem = _read(ledger)
    try:
        context = _context(ports, state, rules, now)
        key = RequestKey(context.workspace.team, request.key.channel, ts_of(now))
        unread = f"Not compared with all of the state: {problem}" if problem else ""
        return replace(_rehearsed(context, key, request, computation, summary), unread=unread)
    except ServiceError as error:
        unread = f"Compared with no other credit: {error}"
        return Rehearsal(_by_amount(rules.channels.named(request.key.channel).policy, computation, now), unread=unread)


def _read(ledger: Ledger) -> tuple[State, str]:
    """The state, and why not all of it is known."""
    try:
        state = ledger.read()
    except (ServiceError, StateError) as error:
        return State(), str(error)
    if state.broken or state.damage:
        return state, state.damage or "A part of the state cannot be read."
    return state, "No tick has used this state yet." if state.first else ""


def _context(ports: Ports, state: State, rules: Rules, now: datetime) -> TickContext:
    workspace = state.meta.workspace or Workspace("none", _address_of_slack(ports.summaries), "", "", {})
    by_moment = replace(ports, clock=OneMoment(now), state=AsRead(state.stored))
    return TickContext(by_moment, Ledger(by_moment.state), workspace, rules, ThisProcess())


def _address_of_slack(summaries: SummaryStore) -> str:
    """As the latest summary has it, for a state that does not know it."""
    for _, summary in summaries.newest_first():
        request = summary.get("request")
        permalink = request.get("permalink") if isinstance(request, Mapping) else ""
        return str(permalink).partition("/archives/")[0]
    return ""


def _rehearsed(
    context: TickContext, key: RequestKey, request: Request, computation: Computation, summary: Mapping[str, Any]
) -> Rehearsal:  # fmt: skip
    record = Record("computed", "", context.now(), result=result_of(computation))
    holds = Holds(context, Finisher(context), Notices(context))
    refused = _refusal(context, key, record)
    doubts = tuple(holds.doubts(key, record, credited_by(computation)))
    opinion = holds.second_opinion(key, summary)
    hold = holds.would_ask(key, record, ThreadView(request))
    return Rehearsal(hold.reasons if hold else (), refused, doubts, opinion=opinion)


def _refusal(context: TickContext, key: RequestKey, record: Record) -> str:
    """Which request credits the same SQL, or may; "" if none does."""
    state, duplicates = context.ledger.state, Duplicates(context, _unread)
    try:
        duplicates.refuse_known(replace(state, records={**state.records, key: record}), key, context.now())
        duplicates.refuse_remembered(key, record)
    except (AlreadyCredited, NotYet, ThreadUnclear) as refusal:
        return refusal.what
    return ""


def _unread(_: RequestKey) -> ThreadView:
    raise Refused(SUMMARY_STORE, "Only its thread shows whether it was answered.")


def _by_amount(policy: Policy, computation: Computation, now: datetime) -> tuple[HoldReason, ...]:
    """The reasons that lie in the amount and its SQL alone."""
    links = tuple(LinkFacts(amount, footprint) for footprint, amount in computation.credited)
    whose = account_reasons(computation.footprints) if policy.traffic.account_required else ()
    return (*reasons_to_hold(policy, CreditFacts(links, now)), *whose)
