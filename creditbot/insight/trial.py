"""Computes what a request would be answered, and keeps it as a summary that nobody saves.

A request and a calculator come in; a `Trial` goes out, with the summary that the request would get. `creditbot compute`
and `creditbot replay` show it. Nothing is posted and nothing is remembered.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from creditbot.credit.compute import Computation, CreditCalculator, LinksFailed
from creditbot.errors import SettingsError
from creditbot.evidence.summary import computed_summary, failed_summary, with_footprints
from creditbot.intake.requests import Request
from creditbot.model import LinkResult, RequestKey


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of computing a request.

    Attributes:
        summary: that the request would get; `computed_amount` is the amount.
        results: behind the summary.
        computation: the whole of it; None if a link failed.
        failed: which links failed, and why; None if none did.
    """

    summary: Mapping[str, Any]
    results: Sequence[LinkResult]
    computation: Computation | None = None
    failed: LinksFailed | None = None


def tried(
    calculator: CreditCalculator,
    key: RequestKey,
    permalink: str,
    request: Request,
    now: datetime,
    products: Collection[str] | None = None,
    *,
    strict: bool = False,
) -> Trial:
    """What comes of computing the request.

    Args:
        calculator: computes it.
        key: of the request.
        permalink: its address, or "".
        request: its message and links.
        now: UTC.
        products: names of those that are on for this request; None for every one that has a notebook.
        strict: whether an error that another try may not meet is raised, too.

    Raises an error that is not the fault of a link.
    """
    try:
        computation = calculator.compute(request, now, products)
    except LinksFailed as failed:
        for _, error in failed.problems:
            if error.shared or isinstance(error, SettingsError) or (strict and error.retry):
                raise error from failed
        problems = {link.url: str(error) for link, error in failed.problems}
        summary = failed_summary(key, permalink, request, failed.results, problems, failed.footprints)
        return Trial(_ended(summary), failed.results, failed=failed)
    summary = computed_summary(key, permalink, request.message, computation.amount, computation.results, now)
    return Trial(_ended(with_footprints(summary, computation.footprints)), computation.results, computation)


def _ended(summary: Mapping[str, Any]) -> dict[str, Any]:
    """The summary of an amount that nobody has posted."""
    amount = summary.get("credit_amount") or summary.get("computed_amount")
    return {**summary, "credit_amount": None, "computed_amount": amount, "outcome": {"status": "tried"}}
