"""Says what was credited before, and for which traffic: what the state knows, and what the summaries add to it.

The state knows recent requests, with hashed accounts and without units. A summary has all of it, and is read once a
tick at most, and only if somebody asks for it. `overlaps` compares the traffic, and `facts` adds up the amounts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any

from creditbot.answer.context import TickContext
from creditbot.credit.footprint import Footprint
from creditbot.credit.footprint_text import footprint_from_text, footprint_to_text
from creditbot.decide.paid_twice import Credited
from creditbot.evidence.summary import Outcome, footprints_in
from creditbot.model import RequestKey
from creditbot.slack_time import time_of
from creditbot.state.codec import State
from creditbot.state.record import Record, is_credited

REMEMBERED = timedelta(days=400)
"""How far back credits are compared: a year, and the month after it, in which requests for it still come."""


class PastCredits:
    """What requests credit, by their records and their summaries. Safe to use from several threads.

    Every method but `brief` raises what the summaries raise.
    """

    def __init__(self, context: TickContext) -> None:
        self._context = context
        self._links: dict[RequestKey, tuple[tuple[str, ...], Sequence[Credited]]] = {}
        self._named: dict[str, Sequence[RequestKey]] = {}
        self._summaries: dict[RequestKey, Mapping[str, Any]] = {}

    def links(self, key: RequestKey, record: Record) -> Sequence[Credited]:
        """The links of a request with their traffic; without units if the summary is of another run."""
        traffic, links = self._links.get(key, (None, ()))
        if traffic != traffic_of(record):
            links = self._in_full(key, record)
            self.keep(key, record, links)
        return links

    def keep(self, key: RequestKey, record: Record, links: Sequence[Credited]) -> None:
        """Remembers the links of a request for this tick: its summary need not be read for them."""
        self._links[key] = traffic_of(record), links

    def known_links(self, key: RequestKey, record: Record) -> Sequence[Credited]:
        """The links of a request as far as they are known without reading its summary."""
        traffic, links = self._links.get(key, (None, ()))
        return links if traffic == traffic_of(record) else _credited(brief(record), record)

    def named(self, tokens: Iterable[str], *, again: bool = False) -> Sequence[RequestKey]:
        """The requests of the last 400 days whose summaries have one of these traffic tokens, each once.

        Without `again`, what this tick has read before is not read again. Another deployment that shares the summaries
        may have added to it since.
        """
        oldest = self._context.now() - REMEMBERED
        found: dict[RequestKey, None] = {}
        for token in tokens:
            if again or token not in self._named:
                self._named[token] = self._context.ports.summaries.credited_by(token)
            found |= dict.fromkeys(self._named[token])
        return [key for key in found if time_of(key.ts) >= oldest]

    def summary(self, key: RequestKey) -> Mapping[str, Any]:
        """The summary of a request that the state has forgotten; empty if there is none."""
        if not self._summaries.get(key):  # if there was none, there may be one now
            self._summaries[key] = self._context.ports.summaries.load(key) or {}
        return self._summaries[key]

    def _in_full(self, key: RequestKey, record: Record) -> Sequence[Credited]:
        summary: Mapping[str, Any] = self._context.ports.summaries.load(key) or {}
        footprints = footprints_in(summary)
        is_of_record = tuple(map(footprint_to_text, footprints)) == traffic_of(record)
        return _credited(footprints if is_of_record else brief(record), record)


def may_credit(outcome: Outcome, *, in_shadow: bool) -> bool:
    """Whether a summary may mean a credit: a computed or held request may have been answered before a state was lost.

    `in_shadow` as in `creditbot.state.record.is_credited`.
    """
    may_be_answered = outcome.status in ("computed", "held") and (in_shadow or not outcome.in_shadow)
    return may_be_answered or is_credited(outcome, in_shadow=in_shadow)


def is_forgotten(state: State, key: RequestKey) -> bool:
    """Whether the summary alone knows what a request credits: the state has forgotten it, or was lost since."""
    record = state.records.get(key)
    if record is None or record.result is not None or record.traffic:
        return record is None
    return is_credited(record, in_shadow=True) or (not record.terminal and state.doubts(key))


def traffic_of(record: Record) -> tuple[str, ...]:
    """The footprints of a request as the state keeps them."""
    return record.result.traffic if record.result else record.traffic


def brief(record: Record) -> list[Footprint]:
    """The footprints as the state keeps them; those that a later version wrote are left out."""
    found = []
    for text in traffic_of(record):
        with suppress(ValueError):
            found.append(footprint_from_text(text))
    return found


def _credited(footprints: Sequence[Footprint], record: Record) -> Sequence[Credited]:
    """The footprints with the amounts of their links; with the whole amount at the first if these are not known.

    Where a person answered before anything was computed, nobody knows the amounts of the links.
    """
    if record.result is None:
        return [Credited(footprint, Decimal(0)) for footprint in footprints]
    amounts = [link.amount for link in record.result.links]
    if len(amounts) != len(footprints):
        amounts = [record.result.amount, *[Decimal(0)] * len(footprints)]
    return [Credited(*pair) for pair in zip(footprints, amounts, strict=False)]
