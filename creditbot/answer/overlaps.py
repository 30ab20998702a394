"""Finds the credits that may be for the same traffic as a computed request, and has them compared.

The state knows recent requests. The summaries know the others, for 400 days, and are found by product and account.
`creditbot.decide.overlap` says what a comparison shows; `holding` asks the approvers about it. The very same SQL is not
looked at here, because `duplicates` refuses it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any

from creditbot.answer.context import TickContext
from creditbot.credit.footprint import Footprint, search_tokens
from creditbot.credit.footprint_text import footprint_from_text, footprint_to_text
from creditbot.credit.sql.words import recognised_by
from creditbot.decide.overlap import Overlap, compare
from creditbot.decide.paid_twice import Credited, Findings, Other, findings
from creditbot.evidence.summary import footprints_in, outcome_of
from creditbot.model import RequestKey
from creditbot.slack_time import time_of
from creditbot.state.codec import State
from creditbot.state.record import ANSWERED, Record, Status

REMEMBERED = timedelta(days=400)
"""How far back credits are compared: a year, and the month after it, in which requests for it still come."""
_CREDITS: frozenset[Status] = frozenset({"posting", *ANSWERED})
_MAY_CREDIT: frozenset[Status] = _CREDITS | {"computed"}
"""The statuses in a summary that may mean a credit: a computed request may have been answered before a state was lost.
"""

_Compared = frozenset[tuple[RequestKey, tuple[str, ...]]]


class Overlaps:
    """Compares the traffic of requests with what is credited already. Safe to use from several threads."""

    def __init__(self, context: TickContext) -> None:
        self._context = context
        self._compared: dict[RequestKey, _Compared] = {}
        self._links: dict[RequestKey, tuple[tuple[str, ...], Sequence[Credited]]] = {}
        self._found: dict[tuple[RequestKey, tuple[str, ...]], Sequence[RequestKey]] = {}

    def findings(self, key: RequestKey, record: Record, links: Sequence[Credited] | None = None) -> Findings:
        """What comparing a computed request with all others shows. Raises what the summaries raise.

        A request that somebody wants credited a second time is compared with none.

        Args:
            key: of the request.
            record: of the request.
            links: its links with their traffic; None: as the summary has them.
        """
        if record.overridden_by or not record.result or not record.result.traffic:
            return Findings()
        links = self.links(key, record) if links is None else links
        self._links[key] = _traffic(record), links
        state = self._context.ledger.state
        credited = {
            other: theirs for other, theirs in state.records.items() if self._counts(other, theirs, key, record)
        }
        others = {other: self._footprints(other, theirs, links) for other, theirs in credited.items()}
        for other in self._remembered(key, record, links):
            if other != key and other not in state.records and (footprints := self._if_credited(other, record)):
                others[other] = footprints
        self._compared[key] = frozenset((other, _traffic(theirs)) for other, theirs in credited.items())
        address = self._context.workspace.address
        ordered = sorted(others, key=lambda other: time_of(other.ts))
        return findings(links, [Other(str(other), address(other), others[other]) for other in ordered])

    def is_stale(self, state: State, key: RequestKey) -> bool:
        """Whether a request that `findings` has not compared may credit the same traffic, by this state.

        It is called with the very state that the swap to posting is based on.
        """
        record = state.records[key]
        if record.overridden_by:
            return False
        ours, compared = _brief(record), self._compared.get(key, frozenset())
        return any(
            not _are_disjoint(one, two)
            for other, theirs in state.records.items()
            if self._counts(other, theirs, key, record) and (other, _traffic(theirs)) not in compared
            for one in ours
            for two in _brief(theirs)
        )

    def links(self, key: RequestKey, record: Record) -> Sequence[Credited]:
        """The links of a request with their traffic; without units if the summary is of another run."""
        assert record.result
        traffic, links = self._links.get(key, (None, ()))
        if traffic == record.result.traffic:
            return links
        summary: Mapping[str, Any] = self._context.ports.summaries.load(key) or {}
        footprints = self._of_record(summary, record)
        if footprints is None:
            brief, amounts = _brief(record), [link.amount for link in record.result.links]
            if len(brief) != len(amounts):
                amounts = [record.result.amount, *[Decimal(0)] * len(brief)]
            return [Credited(*pair) for pair in zip(brief, amounts, strict=False)]
        credits_ = [link["credit"] for link in summary["links"] if "footprint" in link]
        return [Credited(*pair) for pair in zip(footprints, credits_, strict=True)]

    def _counts(self, other: RequestKey, theirs: Record, key: RequestKey, record: Record) -> bool:
        """Whether the other request credits traffic, and not by the same SQL, which is refused elsewhere."""
        if other == key or theirs.status not in _CREDITS or not theirs.result or not record.result:
            return False
        oldest = self._context.now() - self._context.rules.duplicates
        is_same = theirs.at >= oldest and set(theirs.result.sql) & recognised_by(record.result.sql)
        return bool(theirs.result.traffic) and not is_same

    def _footprints(self, key: RequestKey, record: Record, links: Sequence[Credited]) -> Sequence[Footprint]:
        """The traffic of a credit. Its summary, which has the units, is read only where they make a difference."""
        brief = _brief(record)
        is_whole = len(brief) == len(_traffic(record))
        if is_whole and all(_are_disjoint(link.footprint, theirs) for link in links for theirs in brief):
            return brief
        footprints = self._of_record(self._context.ports.summaries.load(key) or {}, record)
        return brief if footprints is None else footprints

    def _of_record(self, summary: Mapping[str, Any], record: Record) -> list[Footprint] | None:
        """The footprints in a summary, if they are those of the record."""
        footprints = footprints_in(summary)
        return footprints if tuple(map(footprint_to_text, footprints)) == _traffic(record) else None

    def _remembered(self, key: RequestKey, record: Record, links: Sequence[Credited]) -> Sequence[RequestKey]:
        """The requests whose summaries may credit the same traffic. Those of this tick are in the state."""
        wanted = key, _traffic(record)
        if wanted not in self._found:
            summaries, oldest = self._context.ports.summaries, self._context.now() - REMEMBERED
            tokens = search_tokens(link.footprint for link in links)
            found = dict.fromkeys(other for token in tokens for other in summaries.credited_by(token))
            self._found[wanted] = [other for other in found if time_of(other.ts) >= oldest]
        return self._found[wanted]

    def _if_credited(self, other: RequestKey, record: Record) -> Sequence[Footprint]:
        """The traffic of a request that the state has forgotten; none if it credits none, or the same SQL."""
        assert record.result
        summary = self._context.ports.summaries.load(other) or {}
        outcome, names = outcome_of(summary), summary.get("credited")
        if outcome is None or outcome.status not in _MAY_CREDIT or not isinstance(names, list | tuple):
            return ()
        is_recent = outcome.at >= self._context.now() - self._context.rules.duplicates
        return () if is_recent and recognised_by(record.result.sql) & set(names) else footprints_in(summary)


def _are_disjoint(ours: Footprint, other: Footprint) -> bool:
    return compare(ours, other).overlap is Overlap.PROVABLY_DISJOINT


def _traffic(record: Record) -> tuple[str, ...]:
    return record.result.traffic if record.result else ()


def _brief(record: Record) -> list[Footprint]:
    """The footprints as the state keeps them; those that a later version wrote are left out."""
    found = []
    for text in _traffic(record):
        with suppress(ValueError):
            found.append(footprint_from_text(text))
    return found
