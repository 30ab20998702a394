"""Decides what would have become of the amounts of a backtest, against what people credited before. Pure.

Rows come in, and go out with the reasons for which approvers would have been asked, or as refused because the same SQL
was credited. The order of the checks is that of a tick: `creditbot.answer` does the same live, by state and summaries.

A credit of people counts as given before a request if its own request was asked earlier: creditbot would have answered
that one within minutes. Its traffic is that of the links as they were computed here, its amount that of the people.
What people wrote in a thread before they answered is not looked at, because creditbot would have been faster; a request
that takes itself back is held.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, timedelta
from decimal import Decimal

from creditbot.credit.footprint import Footprint, search_tokens, tokens_of
from creditbot.credit.sql.words import recognised_by
from creditbot.decide.hold import CreditFacts, HoldKind, HoldReason, LinkFacts, without_traffic
from creditbot.decide.months import AccountMonth, added, shares_of_answer
from creditbot.decide.paid_twice import Credited, Other, account_reasons, findings
from creditbot.decide.policy import Policy
from creditbot.decide.reasons import reasons_to_hold
from creditbot.insight.backtest import BacktestRow, Outcome, in_order
from creditbot.model import RequestKey

_TAKEN_BACK = "The message itself takes the request back."


def taken_back() -> HoldReason:
    """The reason to hold a request whose own words take it back."""
    return HoldReason(HoldKind.WORDS, _TAKEN_BACK)


def decided(
    rows: Sequence[BacktestRow], policy_of: Callable[[RequestKey], Policy], duplicates: timedelta
) -> list[BacktestRow]:  # fmt: skip
    """The rows, oldest first, with what would have become of their amounts. Applied twice, it changes nothing.

    Args:
        rows: all that people answered in the channels.
        policy_of: which amounts a person decides on, request by request.
        duplicates: how long the same SQL is not credited again (DUPLICATE_DAYS).
    """
    history = _History(policy_of, duplicates)
    return [history.decide(row) for row in in_order(rows)]


@dataclass(slots=True)
class _History:
    """What people have credited so far, found by SQL, by traffic, and by day."""

    policy_of: Callable[[RequestKey], Policy]
    duplicates: timedelta
    by_sql: dict[str, BacktestRow] = field(default_factory=dict)
    by_token: dict[str, list[_Credit]] = field(default_factory=dict)
    by_day: dict[date, Decimal] = field(default_factory=dict)
    by_month: dict[AccountMonth, Decimal] = field(default_factory=dict)
    products: set[str] = field(default_factory=set)

    def decide(self, row: BacktestRow) -> BacktestRow:
        """The row with its reasons; its credit, if people gave one, counts for the rows after it."""
        if row.amount is None:
            return row
        links = _credited(row)
        kept = tuple(reason for reason in row.held if reason.kind is HoldKind.WORDS)
        repeated = self._repeated(row)
        reasons = (*kept, *self._reasons(row, links))
        outcome = Outcome.ALREADY_CREDITED if repeated and not reasons else Outcome.COMPUTED
        if not row.answer.refused:
            self._remember(row, links)
        problem = f"The same SQL was credited before: {repeated.permalink}" if repeated and not reasons else ""
        return replace(row, outcome=outcome, held=reasons, problem=problem)

    def _repeated(self, row: BacktestRow) -> BacktestRow | None:
        """The last request whose credit was for the same SQL, if that is not too long ago."""
        others = [self.by_sql[name] for name in recognised_by(row.sql) if name in self.by_sql]
        latest = max(others, key=lambda other: other.asked_at, default=None)
        return latest if latest and row.asked_at - latest.asked_at <= self.duplicates else None

    def _reasons(self, row: BacktestRow, links: Sequence[Credited]) -> tuple[HoldReason, ...]:
        day = row.asked_at.astimezone(UTC).date()
        facts = CreditFacts(
            tuple(LinkFacts(link.amount, link.footprint) for link in links),
            row.asked_at,
            day.isoformat(),
            self.by_day.get(day, Decimal(0)),
            self.by_month,
        )
        policy = self.policy_of(row.key)
        traffic = policy.traffic
        whose = account_reasons([link.footprint for link in links]) if traffic.account_required else ()
        twice = findings(links, self._others(row, links)).reasons if traffic.hold_overlap else ()
        return (*reasons_to_hold(policy, facts), *whose, *twice)

    def _others(self, row: BacktestRow, links: Sequence[Credited]) -> list[Other]:
        """The credits that may be for the same traffic, but for those of the very same SQL."""
        columns = self.policy_of(row.key).traffic.account_fields
        found = {
            credit.row.key: credit
            for token in search_tokens((link.footprint for link in links), self.products, columns)
            for credit in self.by_token.get(token, ())
        }
        own = recognised_by(row.sql)
        others = [
            credit
            for credit in found.values()
            if not (row.asked_at - credit.row.asked_at <= self.duplicates and own & set(credit.row.sql))
        ]
        others.sort(key=lambda credit: credit.row.asked_at)
        return [Other(str(credit.row.key), credit.row.permalink, credit.footprints) for credit in others]

    def _remember(self, row: BacktestRow, links: Sequence[Credited]) -> None:
        footprints = [link.footprint for link in links]
        credit = _Credit(row, footprints)
        self.products |= {footprint.product for footprint in footprints}
        self.by_sql |= dict.fromkeys(row.sql, row)
        for token in tokens_of(footprints):
            self.by_token.setdefault(token, []).append(credit)
        amount, day = row.answer.amount, row.asked_at.astimezone(UTC).date()
        self.by_day[day] = self.by_day.get(day, Decimal(0)) + (amount or row.amount or Decimal(0))
        if self.policy_of(row.key).limits.account_month is not None:
            shares = shares_of_answer([(link.footprint, link.amount) for link in links], amount)
            self.by_month = self._with(shares)

    def _with(self, shares: Mapping[AccountMonth, Decimal]) -> dict[AccountMonth, Decimal]:
        return added([self.by_month, shares])


@dataclass(frozen=True, slots=True)
class _Credit:
    """A credit of people, and the traffic that it is for."""

    row: BacktestRow
    footprints: Sequence[Footprint]


def _credited(row: BacktestRow) -> list[Credited]:
    return [
        Credited(link.footprint or without_traffic(link.product), link.credit)
        for link in row.links
        if link.credit is not None
    ]
