"""Computes past requests again: their old SQL, with today's notebooks and data.

A saved summary comes in, a `Replay` goes out, with a comparison of the two computations. The SQL passes the same checks
as in a tick, and the same runner runs the notebooks. Nothing is posted, and neither the state nor a summary is written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, get_args

from creditbot.credit.compute import ComputeLimits, CreditCalculator
from creditbot.credit.products import ProductTable
from creditbot.credit.sql.check import SqlRules
from creditbot.credit.sql.reading import SqlQuestion, SqlReader
from creditbot.decide.hold import CreditFacts, HoldKind, LinkFacts, without_traffic
from creditbot.decide.policy import Policy
from creditbot.decide.reasons import reasons_to_hold
from creditbot.errors import RequestFailure, SqlRefused
from creditbot.evidence.fields import mapping
from creditbot.evidence.summary import footprints_in
from creditbot.insight.computed import Computed, ComputedLink, computed_in
from creditbot.insight.differences import Lead
from creditbot.insight.replay import Comparison, compare
from creditbot.insight.trial import tried
from creditbot.intake.looker_host import LookerHost
from creditbot.intake.looker_links import read_link
from creditbot.intake.requests import Request
from creditbot.model import HoldReason, LinkKind, LinkResult, LookerLink, Message, Query, RequestKey
from creditbot.ports import Resolver, Runner
from creditbot.slack_time import time_of

_NO_SQL = "No SQL was run for it, so there is none to run again."

_NOT_COMPUTED = "No notebook ran for it then, so there is nothing to compare with: somebody else answered first."


@dataclass(frozen=True, slots=True)
class Replay:
    """One request that was computed again, or could not be.

    Attributes:
        key: of the request.
        permalink: its address, "" if its summary does not name it.
        comparison: of both computations; None if there is none.
        why_not: why there is none, one sentence or two, or "".
        failed: whether that error may pass, so that another try may succeed.
        summary: of the computation of now; empty if there is none.
        results: behind that summary.
        opinion: what people usually credit for what was computed now, one sentence; "" if nobody wants to know.
    """

    key: RequestKey
    permalink: str
    comparison: Comparison | None = None
    why_not: str = ""
    failed: bool = False
    summary: Mapping[str, Any] = field(default_factory=dict)
    results: Sequence[LinkResult] = ()
    opinion: str = ""


class StoredSql:
    """Implements `Resolver` with the SQL that was stored: address of a link -> its query."""

    def __init__(self, queries: Mapping[str, Query]) -> None:
        self._queries = queries

    def warm(self) -> None:
        """There is nothing to start."""

    def stay_logged_in(self) -> None:
        """Nobody logs in anywhere."""

    def login(self) -> str:
        """Nobody logs in anywhere."""
        return ""

    def resolve(self, link: LookerLink) -> Query:
        """The query that was stored."""
        return self._queries[link.url]


@dataclass(frozen=True, slots=True)
class RulesOfNow:
    """What a request is computed by now.

    Attributes:
        products: which notebook runs on which SQL.
        sql: which SQL may be run.
        policy_of: by which a person would have to decide, request by request.
        values: product -> what the runner sets in the policy cell of its notebook.
    """

    products: ProductTable
    sql: SqlRules
    policy_of: Callable[[RequestKey], Policy]
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


class Replayer:
    """Computes requests again. Safe to use from several threads; each runs one notebook at a time.

    Args:
        runner: runs the notebooks.
        resolver: asks Looker where the links lead now; None: nobody asks.
        host: whose links Looker knows now.
        sql_reader: reads SQL.
        rules: what requests are computed by.
    """

    def __init__(
        self, runner: Runner, resolver: Resolver | None, host: LookerHost, sql_reader: SqlReader, rules: RulesOfNow
    ) -> None:
        self._runner = runner
        self._resolver = resolver
        self._host = host
        self._sql_reader = sql_reader
        self._rules = rules

    def replay(
        self, key: RequestKey, summary: Mapping[str, Any], now: datetime, products: ProductTable | None = None
    ) -> Replay:  # fmt: skip
        """Computes a request again and compares. Raises an error that concerns every request, such as `Unreachable`.

        Args:
            key: of the request.
            summary: as it was saved.
            now: UTC.
            products: other notebooks than those of the settings.
        """
        then, permalink = computed_in(summary), str(mapping(summary.get("request")).get("permalink") or "")
        if why_not := why_not_again(then):
            return Replay(key, permalink, why_not=why_not)
        days = (then.at or now).astimezone(UTC).date(), now.astimezone(UTC).date()
        followed = {link.url: self._follow(link, days) for link in then.links}
        queries = {url: query for url, (query, _) in followed.items()}
        limits = ComputeLimits(links_at_once=1)
        calculator = CreditCalculator(
            StoredSql(queries),
            self._runner,
            products or self._rules.products,
            self._rules.sql,
            limits,
            self._sql_reader,
        )
        text = str(mapping(summary.get("request")).get("text") or "")
        request = Request(key, Message(key.channel, key.ts, text=text), tuple(query.link for query in queries.values()))
        try:
            again = tried(calculator, key, permalink, request, now, strict=True)
        except RequestFailure as stopped:
            return Replay(key, permalink, why_not=str(stopped), failed=True)
        leads = {url: lead for url, (_, lead) in followed.items()}
        computed = computed_in(again.summary)
        comparison = compare(then, computed, leads, self._reasons(key, summary, computed), self._rules.values)
        return Replay(key, permalink, comparison, summary=again.summary, results=again.results)

    def _follow(self, link: ComputedLink, days: tuple[date, date]) -> tuple[Query, Lead]:
        """The query that was stored, and where its link leads now."""
        first, today = days
        then = self._fingerprint(link.sql, first)
        other_days = (first, today) if first != today and self._fingerprint(link.sql, today) != then else None
        again = LookerLink(_kind(link.kind), link.url)
        query = Query(again, link.sql, filters=link.filters or {}, query_timezone=link.query_timezone)
        if self._resolver is None:
            return query, Lead(then, other_days=other_days)
        parsed = read_link(link.url, self._host)
        if parsed is None:
            return query, Lead(then, problem=f"It is not a link to {self._host}.", other_days=other_days)
        if parsed.unusable:
            return query, Lead(then, problem=parsed.unusable, other_days=other_days)
        try:
            found = self._resolver.resolve(parsed)
        except RequestFailure as error:
            return query, Lead(then, problem=str(error), other_days=other_days)
        if found.sql != link.sql:
            return query, Lead(then, self._fingerprint(found.sql, first), other_days=other_days)
        if link.filters is None:  # an earlier version did not keep them
            query = Query(again, link.sql, filters=found.filters, query_timezone=found.query_timezone)
        return query, Lead(then, then, other_days=other_days)

    def _fingerprint(self, sql: str, day: date) -> str:
        """What is equal for the same SQL; of SQL that cannot be read, a hash of its text."""
        try:
            return self._sql_reader.read(SqlQuestion(sql, self._rules.sql, self._rules.products.texts, day)).fingerprint
        except SqlRefused:
            return hashlib.sha256(sql.encode("utf-8", "surrogatepass")).hexdigest()

    def _reasons(self, key: RequestKey, summary: Mapping[str, Any], now: Computed) -> list[HoldReason]:
        """Why a person would have to decide, as far as that does not depend on other requests.

        The traffic is as it was stored: Looker's filters, which say more about it than the SQL, may not be known now.
        """
        traffic = {link["url"]: found for link in summary["links"] for found in footprints_in({"links": [link]})}
        credited = [link for link in now.links if link.credit is not None]
        facts = tuple(
            LinkFacts(link.credit, traffic.get(link.url) or without_traffic(link.product))
            for link in credited
            if link.credit is not None
        )
        kinds = {HoldKind.REQUEST_LIMIT}
        if all(link.url in traffic for link in credited):
            kinds |= {HoldKind.ACCOUNTS, HoldKind.REPEATS, HoldKind.AGE}
        found = reasons_to_hold(self._rules.policy_of(key), CreditFacts(facts, time_of(key.ts))) if facts else ()
        return [reason for reason in found if reason.kind in kinds]


def why_not_again(then: Computed) -> str:
    """Why a request cannot be computed again, a sentence or two; "" if it can."""
    without = [link for link in then.links if not link.sql]
    if not without and then.links:
        tried = any(link.notebook_sha256 or link.problem or not link.product for link in then.links)
        return "" if tried or then.amount is not None else _NOT_COMPUTED
    reason = next((link.problem for link in without if link.problem), "")
    if len(without) == len(then.links):
        return f"{_NO_SQL} {reason}".strip()
    return f"The SQL of {len(without)} of its {len(then.links)} links was never known. {reason}".strip()


def _kind(name: str) -> LinkKind:
    kinds: tuple[LinkKind, ...] = get_args(LinkKind)
    return next((kind for kind in kinds if kind == name), "other")
