"""Finds the credits that may be for the same traffic as a computed request, and has them compared.

The state knows recent requests. The summaries know the others, for 400 days, and are found by product and account.
`creditbot.decide.overlap` says what a comparison shows; `holding` asks the approvers about it. The very same SQL is not
looked at here, because `duplicates` refuses it.
"""

from __future__ import annotations

from collections.abc import Sequence

from creditbot.answer.context import TickContext
from creditbot.answer.past_credits import PastCredits, brief, is_forgotten, may_credit, traffic_of
from creditbot.credit.footprint import Footprint, search_tokens
from creditbot.credit.sql.words import recognised_by
from creditbot.decide.overlap import Overlap, compare
from creditbot.decide.paid_twice import Credited, Findings, Other, findings
from creditbot.evidence.summary import footprints_in, outcome_of
from creditbot.model import RequestKey
from creditbot.slack_time import time_of
from creditbot.state.codec import State
from creditbot.state.record import Record, is_credited

_Compared = frozenset[tuple[RequestKey, tuple[str, ...]]]


class Overlaps:
    """Compares the traffic of requests with what is credited already. Safe to use from several threads."""

    def __init__(self, context: TickContext, past: PastCredits) -> None:
        self._context = context
        self._past = past
        self._compared: dict[RequestKey, _Compared] = {}

    def findings(self, key: RequestKey, record: Record, *, again: bool = False) -> Findings:
        """What comparing a computed request with all others shows. Raises what the summaries raise.

        A request that somebody wants credited a second time is compared with none.

        Args:
            key: of the request.
            record: of the request.
            again: whether to look for summaries that others may have written since this tick last looked. Whoever is
                about to post has to: its own summary is there by then, so of two deployments that share the summaries
                and are asked for the same traffic at the same time at least one sees the other.
        """
        if record.overridden_by or not record.result or not record.result.traffic:
            return Findings()
        links, state = self._past.links(key, record), self._context.ledger.state
        credited = {
            other: theirs for other, theirs in state.records.items() if self._counts(other, theirs, key, record)
        }
        others = {other: self._footprints(other, theirs, links) for other, theirs in credited.items()}
        for other in self._remembered(links, again=again):
            if other != key and is_forgotten(state, other) and (footprints := self._if_credited(other, key, record)):
                others[other] = footprints
        self._compared[key] = frozenset((other, traffic_of(theirs)) for other, theirs in credited.items())
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
        ours, compared = brief(record), self._compared.get(key, frozenset())
        return any(
            not _are_disjoint(one, two)
            for other, theirs in state.records.items()
            if self._counts(other, theirs, key, record) and (other, traffic_of(theirs)) not in compared
            for one in ours
            for two in brief(theirs)
        )

    def _counts(self, other: RequestKey, theirs: Record, key: RequestKey, record: Record) -> bool:
        """Whether the other request credits traffic, and not by the same SQL, which is refused elsewhere."""
        in_shadow = self._context.in_shadow(key, record)
        if other == key or not is_credited(theirs, in_shadow=in_shadow) or not record.result:
            return False
        if theirs.result is None:
            return bool(theirs.traffic)
        oldest = self._context.now() - self._context.rules.duplicates
        is_same = theirs.at >= oldest and set(theirs.result.sql) & recognised_by(record.result.sql)
        return bool(theirs.result.traffic) and not is_same

    def _footprints(self, key: RequestKey, record: Record, links: Sequence[Credited]) -> Sequence[Footprint]:
        """The traffic of a credit. Its summary, which has the units, is read only where they make a difference."""
        in_brief = brief(record)
        is_whole = len(in_brief) == len(traffic_of(record))
        if is_whole and all(_are_disjoint(link.footprint, theirs) for link in links for theirs in in_brief):
            return in_brief
        return [link.footprint for link in self._past.links(key, record)]

    def _remembered(self, links: Sequence[Credited], *, again: bool) -> Sequence[RequestKey]:
        """The requests whose summaries may credit the same traffic. Those of this tick are in the state."""
        rules = self._context.rules
        columns = rules.channels.everywhere.policy.traffic.account_fields
        tokens = search_tokens((link.footprint for link in links), rules.products, columns)
        return self._past.named(tokens, again=again)

    def _if_credited(self, other: RequestKey, key: RequestKey, record: Record) -> Sequence[Footprint]:
        """The traffic of a request that the state has forgotten; none if it credits none, or the same SQL."""
        assert record.result
        summary = self._past.summary(other)
        outcome, names = outcome_of(summary), summary.get("credited")
        if outcome is None or not may_credit(outcome, in_shadow=self._context.in_shadow(key, record)):
            return ()
        if not isinstance(names, list | tuple):
            return ()
        is_recent = outcome.at >= self._context.now() - self._context.rules.duplicates
        return () if is_recent and recognised_by(record.result.sql) & set(names) else footprints_in(summary)


def _are_disjoint(ours: Footprint, other: Footprint) -> bool:
    return compare(ours, other).overlap is Overlap.PROVABLY_DISJOINT
