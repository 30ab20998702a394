"""Computes a request of the past as a tick would today, and makes the row of a backtest of it.

A request and what people answered to it come in; the row and its page go out. The SQL comes from Looker as it is now,
passes the checks of a tick, and the same runner runs the notebooks. Nothing is posted, and the state is not read.

An earlier row stays as long as it would be made from the same: links, SQL, notebooks, products and rules on SQL. So
a backtest that was killed continues where it was, and one after a change computes only what the change may concern.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from creditbot.credit.compute import Computation, CreditCalculator, LinksFailed
from creditbot.credit.footprint import Days, Footprint, Unknown
from creditbot.credit.products import ProductTable
from creditbot.credit.sql.check import SqlRules
from creditbot.credit.sql.reading import SqlQuestion, SqlReader
from creditbot.credit.sql.words import text_fingerprint
from creditbot.errors import LinkUnusable, RequestFailure, SqlRefused
from creditbot.evidence.formula import share
from creditbot.evidence.keeping import cells_of
from creditbot.insight.backtest import VERSION, BacktestLink, BacktestRow, Outcome
from creditbot.insight.backtest_decisions import taken_back
from creditbot.insight.peoples_answers import PeoplesAnswer
from creditbot.insight.trial import Trial, tried
from creditbot.intake.answers import takes_back
from creditbot.intake.requests import Request
from creditbot.model import Credit, LinkResult, LookerLink, Query
from creditbot.ports import Resolver
from creditbot.slack_time import time_of

_ANY_DAY = date(2000, 1, 1)
_NOTE = "A backtest: nothing was posted. "


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that a person answered.

    Attributes:
        request: its message and links.
        permalink: its address.
        answer: what people answered.
    """

    request: Request
    permalink: str
    answer: PeoplesAnswer


@dataclass(frozen=True, slots=True)
class BacktestRules:
    """What requests are computed by.

    Attributes:
        products: which notebook runs on which SQL.
        sql: which SQL may be run.
        notebooks: hashes of the products' notebooks as they are now.
    """

    products: ProductTable
    sql: SqlRules
    notebooks: tuple[str, ...]


class RememberedQueries:
    """Implements `Resolver`: asks Looker once for each link, and gives the same query or the same failure again.

    Args:
        resolver: asks Looker.
    """

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._known: dict[str, Query | RequestFailure] = {}
        self._lock = threading.Lock()

    def warm(self) -> None:
        """See `ports.Resolver`."""
        self._resolver.warm()

    def stay_logged_in(self) -> None:
        """See `ports.Resolver`."""
        self._resolver.stay_logged_in()

    def login(self) -> str:
        """See `ports.Resolver`."""
        return self._resolver.login()

    def resolve(self, link: LookerLink) -> Query:
        """See `ports.Resolver`."""
        known = self._known.get(link.url)
        if known is None:
            try:
                known = self._resolver.resolve(link)
            except RequestFailure as failure:
                known = failure
            with self._lock:
                self._known[link.url] = known
        if isinstance(known, RequestFailure):
            raise known
        return known


class Backtester:
    """Makes rows. Safe to use from several threads.

    Args:
        calculator: computes credits, with the same queries.
        queries: of the links.
        sql_reader: reads SQL.
        rules: what requests are computed by.
    """

    def __init__(
        self, calculator: CreditCalculator, queries: RememberedQueries, sql_reader: SqlReader, rules: BacktestRules
    ) -> None:
        self._calculator = calculator
        self._queries = queries
        self._sql_reader = sql_reader
        self._rules = rules

    def row(
        self, asked: Asked, now: datetime, before: BacktestRow | None = None,
        products: Collection[str] | None = None,
    ) -> tuple[BacktestRow, str | None]:  # fmt: skip
        """The row of a request, and its page; no page if the earlier row still holds.

        Args:
            asked: the request.
            now: UTC.
            before: the row that was kept of it, or None.
            products: names of those that are on in its channel; None for every one that has a notebook.

        Raises an error that concerns every request, such as `Unreachable`.
        """
        began = time.monotonic()
        found = [self._query(link) for link in asked.request.links]
        made_from = self._made_from(asked.request, found, products)
        author, answer = asked.request.message.user or "", asked.answer
        if before and before.made_from == made_from:
            return replace(before, permalink=asked.permalink, requester=author, answer=answer), None
        key, other_days = asked.request.key, Outcome.OTHER_DAYS
        row = BacktestRow(key, asked.permalink, author, answer, other_days, made_from=made_from)
        then = time_of(asked.request.key.ts).astimezone(UTC).date(), now.astimezone(UTC).date()
        for query in found:
            if isinstance(query, Query) and self._reads_clock(query.sql, *then):
                problem = f"The SQL of {query.link.url} reads the clock: it asks for other days now than then."
                return replace(row, problem=problem), None
        trial = tried(self._calculator, asked.request.key, asked.permalink, asked.request, now, products)
        seconds = round(time.monotonic() - began, 3)
        return replace(row, seconds=seconds, **_result(asked, trial)), _page(asked, trial)

    def _query(self, link: LookerLink) -> Query | RequestFailure:
        try:
            if link.unusable:
                raise LinkUnusable(link.unusable)
            return self._queries.resolve(link)
        except RequestFailure as failure:
            return failure

    def _made_from(
        self, request: Request, found: Sequence[Query | RequestFailure], products: Collection[str] | None
    ) -> str:  # fmt: skip
        """A hash of all that decides what comes out, but for the data in the warehouse and people's answers."""
        asked = [_names(each) if isinstance(each, Query) else each.kind for each in found]
        rules_there = replace(self._rules, products=self._rules.products.only(products))
        rules = (VERSION, request.message.text, request.fingerprint, rules_there)
        return hashlib.sha256(repr((rules, asked)).encode("utf-8", "surrogatepass")).hexdigest()

    def _reads_clock(self, sql: str, then: date, now: date) -> bool:
        if then == now or text_fingerprint(sql, then) == text_fingerprint(sql, now):
            return False
        questions = [SqlQuestion(sql, self._rules.sql, self._rules.products.texts, day) for day in (then, now)]
        try:
            one, other = (self._sql_reader.read(question).fingerprint for question in questions)
        except SqlRefused:
            return False
        return one != other


def _names(query: Query) -> tuple[object, ...]:
    """What tells a query from others: its SQL without the comments that Looker writes differently each time."""
    return text_fingerprint(query.sql, _ANY_DAY), sorted(query.filters.items()), query.query_timezone


def _result(asked: Asked, trial: Trial) -> dict[str, Any]:
    """The fields of a row that say what came out."""
    held = (taken_back(),) if takes_back(asked.request.message.text) else ()
    computation = trial.computation
    if computation is None:
        assert trial.failed
        return {"outcome": _outcome(trial.failed), "problem": str(trial.failed), "links": _links(trial, None)}
    if computation.amount is None:
        problem = "Each of its links is of a product that is switched off."
        return {"outcome": Outcome.SWITCHED_OFF, "problem": problem, "links": _links(trial, computation)}
    return {
        "outcome": Outcome.COMPUTED, "amount": computation.amount, "held": held, "sql": computation.sql,
        "links": _links(trial, computation),
    }  # fmt: skip


def _outcome(failed: LinksFailed) -> Outcome:
    """That of the first link that failed."""
    kind = failed.problems[0][1].kind
    return next((outcome for outcome in Outcome if outcome.value == kind), Outcome.OTHER)


def _links(trial: Trial, computation: Computation | None) -> tuple[BacktestLink, ...]:
    footprints = {} if computation is None else _footprints(computation)
    kept = {link["url"]: link.get("footprint") for link in trial.summary["links"]}
    return tuple(
        _link(result, footprints.get(result.query.link.url), kept.get(result.query.link.url))
        for result in trial.results
    )


def _footprints(computation: Computation) -> dict[str, Footprint]:
    credited = [result for result in computation.results if result.credit]
    return {
        result.query.link.url: footprint
        for result, footprint in zip(credited, computation.footprints, strict=True)
    }  # fmt: skip


def _link(result: LinkResult, footprint: Footprint | None, kept: Mapping[str, Any] | None) -> BacktestLink:
    credit = result.credit
    units, days = (footprint.units, footprint.days) if footprint else (None, None)
    is_limited = isinstance(days, Days) and days.start and days.end and not days.empty
    costs = [row.fraud_cost for row in credit.rows if row.fraud_cost is not None] if credit else []
    return BacktestLink(
        url=result.query.link.url,
        product=result.product,
        credit=credit.amount if credit else None,
        fraud_cost=sum(costs, Decimal(0)) if credit and costs and len(costs) == len(credit.rows) else None,
        block_rate=_block_rate(credit) if credit else None,
        days=(days.first, days.last) if is_limited and isinstance(days, Days) else None,
        prefixes=() if units is None or isinstance(units, Unknown) else tuple(sorted({unit.prefix for unit in units})),
        kept=kept,
    )


def _block_rate(credit: Credit) -> Decimal | None:
    """The mean of the rows' block rates, weighted by their fraud cost; by nothing if they cost nothing."""
    rates = [share(row.columns.get("block_rate")) for row in credit.rows]
    costs = [row.fraud_cost or Decimal(0) for row in credit.rows]
    known = [rate for rate in rates if rate is not None]
    if not known or len(known) != len(rates):
        return None
    if not (total := sum(costs, Decimal(0))):
        return (sum(known, Decimal(0)) / len(known)).quantize(Decimal("0.001"))
    return (sum((rate * cost for rate, cost in zip(known, costs, strict=True)), Decimal(0)) / total).quantize(
        Decimal("0.001")
    )


def _page(asked: Asked, trial: Trial) -> str:
    from creditbot.evidence.page import page_of  # jinja2, which takes a moment

    answer = asked.answer
    said = "said that there is no credit" if answer.refused else f"answered ${answer.amount:,.2f}"
    if answer.amount is None and not answer.refused:
        said = "answered without one amount"
    note = f"{_NOTE}People {said}."
    return page_of(
        {**trial.summary, "note": f"{note} {trial.summary.get('note', '')}".strip()}, cells_of(trial.results)
    )
