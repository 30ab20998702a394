"""Computes the amount of a request, with its evidence: SQL, product, notebook, credit.

Requests come from `creditbot.intake`; the SQL comes from Looker and the amount from the product's notebook, both
through ports. The `Computation` goes to `creditbot.tick`, which has it posted. Computing may be repeated at any time:
nothing is posted here, and the state is not touched.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TypeVar

from creditbot.credit.amount import credit_of
from creditbot.credit.credit_days import credited_window, days_to_credit
from creditbot.credit.footprint import Footprint, TrafficWindow, Unknown, footprint_of, within
from creditbot.credit.looker_filters import completed
from creditbot.credit.products import ProductTable
from creditbot.credit.sql.check import SqlRules
from creditbot.credit.sql.reading import SqlQuestion, SqlReader, SqlReaderHere
from creditbot.credit.sql.words import earlier_fingerprint, text_fingerprint
from creditbot.errors import CreditbotError, CreditRefused, LinkUnusable
from creditbot.intake.requests import Request
from creditbot.model import LinkResult, LookerLink, Product, Purpose, Query
from creditbot.ports import Resolver, Runner

A = TypeVar("A", "LookerLink", "Query", "_Task")
B = TypeVar("B")

MOST_LOOKED_UP = 10
"""Links of a request whose SQL is asked for, where no notebook runs on it."""


class LinksFailed(CreditbotError):
    """Links of a request failed, so the whole request has no amount.

    Attributes:
        problems: the failed links with what happened to each; never empty.
        results: every link whose SQL is known, as far as it got, so that a person can see what there is.
        footprints: address of a link -> its traffic, for those whose product is known.
    """

    def __init__(
        self,
        problems: Sequence[tuple[LookerLink, CreditbotError]],
        results: Sequence[LinkResult] = (),
        footprints: Mapping[str, Footprint] | None = None,
    ) -> None:
        super().__init__(" ".join(dict.fromkeys(error.what for _, error in problems)))
        self.problems = tuple(problems)
        self.results = tuple(results)
        self.footprints = footprints or {}


@dataclass(frozen=True, slots=True)
class Computation:
    """The amount of a request and the results that it is the sum of.

    Attributes:
        amount: USD, the sum over the links; None if every link was skipped.
        results: one per link that has its own SQL.
        footprints: the traffic of each result that has a credit, in the same order.
        day: the UTC day on which the SQL was read.
    """

    amount: Decimal | None
    results: tuple[LinkResult, ...]
    footprints: tuple[Footprint, ...]
    day: date

    @property
    def sql(self) -> tuple[str, ...]:
        """Fingerprints of the SQL that is credited: of its meaning, of its text, and of the version before."""
        credited = [result for result in self.results if result.credit]
        texts = [text_fingerprint(result.query.sql, self.day) for result in credited]
        earlier = [earlier_fingerprint(result.query.sql) for result in credited]
        return (*(result.sql_sha256 for result in credited), *texts, *earlier)

    @property
    def skipped(self) -> int:
        """How many of the links were skipped, because their product is off."""
        return sum(not result.product for result in self.results)

    @property
    def credited(self) -> list[tuple[Footprint, Decimal]]:
        """The traffic and the credit (USD) of each link that has one."""
        credits_ = [result.credit.amount for result in self.results if result.credit]
        return list(zip(self.footprints, credits_, strict=True))

    @property
    def notebooks(self) -> tuple[str, ...]:
        """Hashes of the notebooks that ran, each once."""
        return tuple(dict.fromkeys(result.run.notebook_sha256 for result in self.results if result.run))


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What the SQL of a request says, where no notebook was run.

    Attributes:
        problems: none, because links that fail are left out.
        results: one per link that has its own SQL and could be read.
        footprints: address of a link -> its traffic, without units.
    """

    results: tuple[LinkResult, ...]
    footprints: Mapping[str, Footprint]
    problems: tuple[tuple[LookerLink, CreditbotError], ...] = ()


@dataclass(frozen=True, slots=True)
class ComputeLimits:
    """How much is done at the same time.

    Attributes:
        workers: notebooks that run at the same time, over all requests.
        links_at_once: links of one request that are worked on at the same time; 1 means in the calling thread.
    """

    workers: int = 1
    links_at_once: int = 8


class CreditCalculator:
    """Computes the credit of a request. Safe to use from several threads.

    Args:
        resolver: gets the SQL of a link.
        runner: runs a notebook.
        products: decides which notebook runs on the SQL.
        sql_rules: which SQL may be run.
        limits: how much is done at a time.
        sql_reader: reads the SQL; None: in this process, which cannot be ended while it parses.
    """

    def __init__(
        self,
        resolver: Resolver,
        runner: Runner,
        products: ProductTable,
        sql_rules: SqlRules,
        limits: ComputeLimits = ComputeLimits(),
        sql_reader: SqlReader | None = None,
    ) -> None:
        self._resolver = resolver
        self._runner = runner
        self._products = products
        self._sql_rules = sql_rules
        self._limits = limits
        self._sql_reader = sql_reader or SqlReaderHere()
        self._notebook_slots = threading.BoundedSemaphore(limits.workers)

    def warm(self) -> None:
        """Starts in the background what the next request needs."""
        self._runner.warm()
        self._resolver.warm()
        self._sql_reader.warm()

    def stay_warm(self) -> None:
        """The same for a process that stays: it is also logged in to Looker before the next request comes."""
        self.warm()
        self._resolver.stay_logged_in()

    def compute(
        self, request: Request, now: datetime, products: Collection[str] | None = None, *, resume: bool = False
    ) -> Computation:
        """The credit of the request. Raises `LinksFailed` with every link that failed, and why.

        Args:
            request: what links to Looker.
            now: the time by Slack's clock. SQL that reads the clock is the same SQL on one UTC day only.
            products: names of those that are on for this request; None for every one that has a notebook.
            resume: whether to take up runs that a process began for this request before it died, see `Runner.run`.
        """
        table = self._products.only(products)
        day = now.astimezone(UTC).date()
        queries = self._for_each(request.links, self._query_of)
        tasks = self._for_each(queries, lambda query: self._task_of(query, day, table))
        tasks = _without_repeats(tasks)
        results = self._for_each(tasks, lambda task: self._result_of(task, _purpose(request, task) if resume else None))
        footprints = [_footprint(task.window, result) for task, result in zip(tasks, results, strict=True)]
        amount = self._total(request, results, _by_address(results, footprints))
        return Computation(amount, tuple(results), tuple(filter(None, footprints)), day)

    def look_up(self, request: Request, now: datetime, products: Collection[str] | None = None) -> LookedUp:
        """What the SQL of the request says about its traffic; no notebook runs. Links that fail are left out.

        Args:
            request: what links to Looker.
            now: the time by Slack's clock, for SQL that reads the clock.
            products: as in `compute`.
        """
        table, day = self._products.only(products), now.astimezone(UTC).date()
        tasks: list[_Task] = []
        for link in request.links[:MOST_LOOKED_UP]:
            try:
                tasks.append(self._task_of(self._query_of(link), day, table))
            except CreditbotError as error:
                if error.shared:
                    break
        tasks = _without_repeats(tasks)
        units = Unknown("somebody else answered, and no notebook was run")
        results = tuple(LinkResult(task.query, task.product.name, task.fingerprint) for task in tasks)
        windows = [within(task.product.name, task.window, units) for task in tasks]
        return LookedUp(results, _by_address(results, windows))

    def _query_of(self, link: LookerLink) -> Query:
        if link.unusable:
            raise LinkUnusable(link.unusable)
        return self._resolver.resolve(link)

    def _task_of(self, query: Query, day: date, products: ProductTable) -> _Task:
        question = SqlQuestion(query.sql, self._sql_rules, products.texts, day)
        reading = self._sql_reader.read(question)
        if reading.refusal and not reading.products:
            raise reading.refusal
        product = products.pick(reading.products)
        if product.notebook and reading.refusal:
            raise reading.refusal
        fields = self._sql_rules.account_fields
        window = completed(reading.window, query.filters, query.query_timezone, fields)
        if product.notebook:
            window = credited_window(window, product.history_days)
        return _Task(query, product, reading.fingerprint, window)

    def _result_of(self, task: _Task, purpose: Purpose | None) -> LinkResult:
        query, product = task.query, task.product
        if not product.notebook:
            return LinkResult(query, "", task.fingerprint)
        with self._notebook_slots:
            days = days_to_credit(task.window, product.history_days)
            run = self._runner.run(product.notebook, query.sql, days, purpose)
        try:
            credit = credit_of(run)
        except CreditRefused as refused:
            refused.run = run
            raise
        return LinkResult(query, product.name, task.fingerprint, run, credit)

    def _total(
        self, request: Request, results: Sequence[LinkResult], footprints: Mapping[str, Footprint]
    ) -> Decimal | None:
        amounts = [result.credit.amount for result in results if result.credit]
        if not amounts:
            return None
        total = sum(amounts, Decimal("0.00"))
        if total == 0:
            problem = "The credit is $0.00, so there is nothing to approve."
            refused = CreditRefused(problem, "Look at the evidence and answer by hand.")
            raise LinksFailed([(request.links[0], refused)], results, footprints)
        return total

    def _for_each(self, items: Sequence[A], step: Callable[[A], B]) -> list[B]:
        """Takes one step for every link, several at a time. Keeps the order, and raises all failures together."""

        def attempt(item: A) -> B | CreditbotError:
            try:
                return step(item)
            except CreditbotError as error:
                return error

        if len(items) == 1 or self._limits.links_at_once == 1:
            outcomes = [attempt(item) for item in items]
        else:
            with ThreadPoolExecutor(self._limits.links_at_once, "link") as pool:
                outcomes = list(pool.map(attempt, items))
        failures = [
            (_link_of(item), outcome)
            for item, outcome in zip(items, outcomes, strict=True)
            if isinstance(outcome, CreditbotError)
        ]
        if failures:
            reached = [_as_far_as(*pair) for pair in zip(items, outcomes, strict=True)]
            results = [result for result, _ in reached if result]
            raise LinksFailed(failures, results, _by_address(*zip(*reached, strict=True)))
        return [outcome for outcome in outcomes if not isinstance(outcome, CreditbotError)]


@dataclass(frozen=True, slots=True)
class _Task:
    """SQL with the product whose notebook is to run on it; the link of a product that is off is skipped."""

    query: Query
    product: Product
    fingerprint: str
    window: TrafficWindow


def _purpose(request: Request, task: _Task) -> Purpose:
    return Purpose(request.key, task.query.link.url)


def _footprint(window: TrafficWindow, result: LinkResult) -> Footprint | None:
    """The traffic that a link is about; None if it was skipped."""
    if not result.product:
        return None
    costs = [row.fraud_cost for row in result.credit.rows] if result.credit else []
    known = [cost for cost in costs if cost is not None]
    cost = sum(known, Decimal(0)) if known and len(known) == len(costs) else None
    return footprint_of(result.product, window, result.run.scraps if result.run else {}, cost)


def _by_address(
    results: Sequence[LinkResult | None], footprints: Sequence[Footprint | None]
) -> dict[str, Footprint]:  # fmt: skip
    """Address of a link -> its traffic."""
    pairs = zip(results, footprints, strict=True)
    return {result.query.link.url: footprint for result, footprint in pairs if result and footprint}


def _without_repeats(tasks: Sequence[_Task]) -> list[_Task]:
    """The tasks without those whose SQL an earlier link has already."""
    return list({task.fingerprint: task for task in reversed(tasks)}.values())[::-1]


def _as_far_as(item: LookerLink | Query | _Task, outcome: object) -> tuple[LinkResult | None, Footprint | None]:
    """What is known of a link after a step, from the step's outcome and from what went into it. None without SQL."""
    reached = item if isinstance(outcome, CreditbotError) else outcome
    if isinstance(reached, Query):
        return LinkResult(reached, "", ""), None
    task = reached if isinstance(reached, _Task) else item
    if not isinstance(task, _Task):
        return None, None
    if isinstance(outcome, LinkResult):
        return outcome, _footprint(task.window, outcome)
    run = outcome.run if isinstance(outcome, CreditbotError) else None
    result = LinkResult(task.query, task.product.name, task.fingerprint, run)
    return result, _footprint(task.window, result)


def _link_of(item: LookerLink | Query | _Task) -> LookerLink:
    if isinstance(item, LookerLink):
        return item
    return item.link if isinstance(item, Query) else item.query.link
