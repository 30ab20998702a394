"""Puts together what the policy has to know of a request: its credits, and what was credited before.

The record, the state and the summaries come in; `CreditFacts` go to `creditbot.decide.policy`. The state may be asked
again without reading anything: the swap to posting checks the limits on the very state that it is based on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from creditbot.answer.context import TickContext
from creditbot.answer.opinions import SecondOpinions
from creditbot.answer.past_credits import PastCredits, is_forgotten, may_credit, traffic_of
from creditbot.credit.footprint import FARTHEST, Accounts, Unknown, search_tokens
from creditbot.decide.hold import CreditFacts, LinkFacts, without_traffic
from creditbot.decide.months import AccountMonth, Shares, account_names, added, shares_of, shares_of_answer
from creditbot.decide.paid_twice import Credited
from creditbot.decide.second_opinion import Opinion
from creditbot.evidence.summary import footprints_in, outcome_of
from creditbot.model import RequestKey
from creditbot.slack_time import time_of
from creditbot.state.codec import State
from creditbot.state.record import LinkAmount, Record, is_credited


class KnownFacts:
    """What is known of computed requests. Safe to use from several threads, each for a request of its own."""

    def __init__(self, context: TickContext, past: PastCredits, opinions: SecondOpinions) -> None:
        self._context = context
        self._past = past
        self._asked = opinions
        policy = context.rules.channels.everywhere.policy  # these parts of it are the same in all channels
        self._expires = policy.expires
        self._limits = policy.limits
        self._lost: Mapping[RequestKey, Decimal] | None = None
        self._forgotten: dict[RequestKey, Mapping[RequestKey, Shares]] = {}
        self._opinions: dict[RequestKey, Opinion | None] = {}

    def read(self, key: RequestKey, record: Record) -> CreditFacts:
        """What is known now, after reading the summaries that it takes. Raises what the summaries raise."""
        now, state = self._context.now(), self._context.ledger.state
        in_shadow = self._context.in_shadow(key, record)
        links = self._past.links(key, record)
        if self._lost is None and self._limits.day is not None:
            self._lost = self._lost_today(now)
        if self._limits.account_month is not None:
            ours = _places(links)
            for other, theirs in _credits(state, key, in_shadow=in_shadow):
                if not _is_apart(self._past.known_links(other, theirs), ours):
                    self._past.links(other, theirs)
            self._forgotten[key] = self._forgotten_shares(links, ours, in_shadow=in_shadow)
        self._opinions[key] = self._asked.of_record(key, record)
        return self.of(state, key, record, now)

    def of(self, state: State, key: RequestKey, record: Record, now: datetime) -> CreditFacts:
        """What is known by this state and by what was read before; nothing is read."""
        day, in_shadow = now.astimezone(UTC).date(), self._context.in_shadow(key, record)
        credited_before = self._limits.account_month is not None
        return CreditFacts(
            tuple(self._links(key, record)),
            max(time_of(key.ts), time_of(record.edited or key.ts)),
            day.isoformat(),
            self._credited_on(day, state, key, in_shadow=in_shadow),
            self._credited_before(state, key, in_shadow=in_shadow) if credited_before else {},
            self._opinions.get(key),
        )

    def _links(self, key: RequestKey, record: Record) -> Iterator[LinkFacts]:
        assert record.result
        if traffic_of(record):
            yield from (LinkFacts(link.amount, link.footprint) for link in self._past.known_links(key, record))
            return
        for link in record.result.links or (LinkAmount("", record.result.amount),):
            yield LinkFacts(link.amount, without_traffic(link.product))

    # ---- one day -----------------------------------------------------------------------------------------------------

    def _credited_on(self, day: date, state: State, key: RequestKey, *, in_shadow: bool) -> Decimal:
        """USD that the bot's replies to other requests credited on a UTC day, or would have, in shadow."""
        ours = {"posting", "answered", *(("shadowed",) if in_shadow else ())}
        others = {
            other: theirs.result.amount
            for other, theirs in state.records.items()
            if theirs.status in ours and theirs.would in ("", "answered")
            if theirs.result and theirs.at.astimezone(UTC).date() == day
        }
        lost = {other: amount for other, amount in (self._lost or {}).items() if is_forgotten(state, other)}
        return sum((amount for other, amount in {**lost, **others}.items() if other != key), Decimal(0))

    def _lost_today(self, now: datetime) -> Mapping[RequestKey, Decimal]:
        """What was credited today, as the summaries say: only a state that was lost today lacks credits of today."""
        lost_at, day = self._context.ledger.state.meta.pause_before, now.astimezone(UTC).date()
        if lost_at is None or lost_at.astimezone(UTC).date() != day:
            return {}
        found: dict[RequestKey, Decimal] = {}
        oldest = now - self._context.rules.lookback - self._expires - timedelta(days=1)
        for key, summary in self._context.ports.summaries.newest_first():
            if time_of(key.ts) < oldest:
                break
            outcome, amount = outcome_of(summary), summary.get("credit_amount")
            if outcome and outcome.status == "answered" and outcome.at.date() == day and isinstance(amount, Decimal):
                found[key] = amount
        return found

    # ---- one account and month ---------------------------------------------------------------------------------------

    def _credited_before(self, state: State, key: RequestKey, *, in_shadow: bool) -> dict[AccountMonth, Decimal]:
        """USD of other requests for each account and month, where their traffic is known."""
        in_state = [
            shares_of_answer(
                [(link.footprint, link.amount) for link in self._past.known_links(other, theirs)],
                theirs.answer_amount,
            )
            for other, theirs in _credits(state, key, in_shadow=in_shadow)
        ]
        forgotten = self._forgotten.get(key, {})
        return added([*in_state, *(shares for other, shares in forgotten.items() if is_forgotten(state, other))])

    def _forgotten_shares(
        self, links: Sequence[Credited], ours: set[AccountMonth], *, in_shadow: bool
    ) -> Mapping[RequestKey, Shares]:
        """What requests that the state has forgotten credit to these accounts.

        Nobody credits traffic before it is sent. So only summaries of requests since the first month are read.
        """
        if not ours:
            return {}
        first = datetime.combine(min(place.month for place in ours), datetime.min.time(), UTC) - FARTHEST
        state, found = self._context.ledger.state, dict[RequestKey, Shares]()
        for other in self._past.named(_tokens(links, self._context.rules.products)):
            if time_of(other.ts) >= first and is_forgotten(state, other):
                found[other] = _shares_in(self._past.summary(other), in_shadow=in_shadow)
        return found


def _credits(state: State, key: RequestKey, *, in_shadow: bool) -> Iterator[tuple[RequestKey, Record]]:
    """The other requests that credit traffic, by the bot's reply or by a person's answer."""
    for other, theirs in state.records.items():
        if other != key and is_credited(theirs, in_shadow=in_shadow) and traffic_of(theirs):
            yield other, theirs


def _places(links: Sequence[Credited]) -> set[AccountMonth]:
    every = [shares_of(link.footprint, link.amount) for link in links]
    return {place for shares in every if not isinstance(shares, Unknown) for place in shares}


def _is_apart(links: Sequence[Credited], ours: set[AccountMonth]) -> bool:
    """Whether links are known to credit other accounts, or other months."""
    every = [shares_of(link.footprint, link.amount) for link in links]
    return all(not isinstance(shares, Unknown) and ours.isdisjoint(shares) for shares in every)


def _shares_in(summary: Mapping[str, Any], *, in_shadow: bool) -> Shares:
    """The same of a request that the state has forgotten; nothing if it credits nothing."""
    outcome = outcome_of(summary)
    if outcome is None or not may_credit(outcome, in_shadow=in_shadow):
        return {}
    amounts = [link.get("credit", Decimal(0)) for link in summary.get("links", ()) if "footprint" in link]
    footprints = footprints_in(summary)
    if len(amounts) != len(footprints):
        return {}
    return shares_of_answer(list(zip(footprints, amounts, strict=True)), outcome.answer_amount)


def _tokens(links: Sequence[Credited], products: Iterable[str]) -> tuple[str, ...]:
    """The names under which credits of any product to the accounts of these links are found."""
    accounts = Accounts({"": frozenset(account_names(link.footprint for link in links).values())})
    every = dict.fromkeys([*products, *(link.footprint.product for link in links)])
    return search_tokens(replace(without_traffic(product), accounts=accounts) for product in every)
