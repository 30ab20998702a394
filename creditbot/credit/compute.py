"""A request becomes a credit with its evidence: the sentence, one line a step.

Everything here may be done again: nothing is posted, and the state is not touched.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from creditbot.credit.amount import credit_of
from creditbot.credit.products import ProductTable
from creditbot.credit.sql.policy import SqlPolicy, check, normalised_hash
from creditbot.errors import CreditbotError, CreditRefused, LinkUnusable
from creditbot.intake.requests import Request
from creditbot.model import LinkResult, LookerLink, Product, Query
from creditbot.ports import Resolver, Runner

A = TypeVar("A")
B = TypeVar("B")


class LinksFailed(CreditbotError):
    """Links of a request failed, so the whole request has no amount.

    Attributes:
        problems: the failed links with what happened to each; never empty.
    """

    def __init__(self, problems: Sequence[tuple[LookerLink, CreditbotError]]) -> None:
        super().__init__(" ".join(dict.fromkeys(error.what for _, error in problems)))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Computation:
    """What came out of a request's links.

    Attributes:
        amount: USD, the sum over the links; None if every link was skipped.
        results: one per link that has its own SQL.
    """

    amount: Decimal | None
    results: tuple[LinkResult, ...]

    @property
    def sql(self) -> tuple[str, ...]:
        """Hashes of the SQL that is credited."""
        return tuple(result.sql_sha256 for result in self.results if result.credit)

    @property
    def notebooks(self) -> tuple[str, ...]:
        """Hashes of the notebooks that ran, each once."""
        return tuple(dict.fromkeys(result.run.notebook_sha256 for result in self.results if result.run))


class Pipeline:
    """Computes the credit of a request. Safe to use from several threads; at most `workers` notebooks run at a time.

    Args:
        resolver, runner, products, policy: the steps.
        max_credit: MAX_CREDIT_USD, for one link and for their sum.
        workers: notebooks that run at a time, over all requests.
        links_at_once: links of one request that are worked on at a time.
    """

    def __init__(
        self, resolver: Resolver, runner: Runner, products: ProductTable, policy: SqlPolicy,
        max_credit: Decimal | None = None, workers: int = 1, links_at_once: int = 8
    ) -> None:  # fmt: skip
        self._resolver = resolver
        self._runner = runner
        self._products = products
        self._policy = policy
        self._max_credit = max_credit
        self._links_at_once = links_at_once
        self._slots = threading.BoundedSemaphore(workers)

    def warm(self) -> None:
        """Starts in the background what the first request needs."""
        self._runner.warm()
        self._resolver.warm()

    def compute(self, request: Request) -> Computation:
        """Raises `LinksFailed` with every link that failed, and why."""
        queries = self._each(request.links, self._sql_of)
        chosen = self._each(_once(queries), self._product_of)
        results = self._each(chosen, self._credit_of)
        return Computation(self._total(request, results), tuple(results))

    def _sql_of(self, link: LookerLink) -> tuple[LookerLink, Query]:
        if link.unusable:
            raise LinkUnusable(link.unusable)
        query = self._resolver.resolve(link)
        return link, query

    def _product_of(self, item: tuple[LookerLink, Query]) -> tuple[LookerLink, Query, Product | None]:
        _, query = item
        product = self._products.pick(query.sql, self._policy.dialect)
        if product is not None:
            check(query.sql, self._policy)
        return *item, product

    def _credit_of(self, item: tuple[LookerLink, Query, Product | None]) -> LinkResult:
        _, query, product = item
        sha = normalised_hash(query.sql)
        if product is None:
            return LinkResult(query, "", sha)
        assert product.notebook
        with self._slots:
            run = self._runner.run(product.notebook, query.sql)
        return LinkResult(query, product.name, sha, run, credit_of(run, self._max_credit))

    def _total(self, request: Request, results: Sequence[LinkResult]) -> Decimal | None:
        amounts = [result.credit.amount for result in results if result.credit]
        if not amounts:
            return None
        total = sum(amounts, Decimal("0.00"))
        problem = ""
        if total == 0:
            problem = "The credit is $0.00: nothing to approve."
        elif self._max_credit is not None and total > self._max_credit:
            problem = f"The credits of its links add up to ${total:,}, above MAX_CREDIT_USD (${self._max_credit:,})."
        if problem:
            raise LinksFailed([(request.links[0], CreditRefused(problem, "Look at the evidence and answer by hand."))])
        return total

    def _each(self, items: Sequence[A], step: Callable[[A], B]) -> list[B]:
        """One step for every link, several at a time, results in order; all failures are collected."""

        def attempt(item: A) -> B | CreditbotError:
            try:
                return step(item)
            except CreditbotError as error:
                return error

        if len(items) == 1 or self._links_at_once == 1:
            outcomes = [attempt(item) for item in items]
        else:
            with ThreadPoolExecutor(self._links_at_once, "link") as pool:
                outcomes = list(pool.map(attempt, items))
        failed = [(_link_of(i), o) for i, o in zip(items, outcomes, strict=True) if isinstance(o, CreditbotError)]
        if failed:
            raise LinksFailed(failed)
        return [outcome for outcome in outcomes if not isinstance(outcome, CreditbotError)]


def _once(queries: Sequence[tuple[LookerLink, Query]]) -> list[tuple[LookerLink, Query]]:
    """Links that come to the same SQL count once."""
    return list({normalised_hash(query.sql): (link, query) for link, query in reversed(queries)}.values())[::-1]


def _link_of(item: object) -> LookerLink:
    return item if isinstance(item, LookerLink) else item[0]  # type: ignore[index]
