"""Writes the report of a backtest as one HTML page, beside the pages of its requests. Pure.

Figures come in; the page goes out, in the frame and the style of the report. Whatever people wrote is escaped.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment

from creditbot.evidence.html_file import environment, render
from creditbot.insight.backtest import BacktestRow
from creditbot.insight.backtest_figures import BacktestFigures, Share
from creditbot.insight.backtest_requests import LeftOut
from creditbot.insight.report import GOAL, GOAL_SECONDS, report_style, web_address
from creditbot.insight.wording import duration, usd
from creditbot.text import one_line

MOST_ROWS = 500
"""Disagreements that the page shows."""


def backtest_page(figures: BacktestFigures, left_out: LeftOut, when: str, made: datetime) -> str:
    """The page.

    Args:
        figures: of all rows.
        left_out: requests that no person answered.
        when: in which time they were asked, such as "since 2026-05-01 (UTC)".
        made: UTC, now.
    """
    rows = figures.disagreements
    return render(
        _templates(),
        "backtest.html",
        report_style(),
        figures=figures,
        left_out=left_out,
        when=when,
        made=made,
        tiles=list(_tiles(figures)),
        shares=list(_shares(figures)),
        why=list(_why(figures)),
        rows=[_row(row) for row in rows[:MOST_ROWS]],
        more=len(rows[MOST_ROWS:]),
        promises=promises(figures),
    )


def promises(figures: BacktestFigures) -> list[tuple[str, str, str]]:
    """(what, what the prototype promised, what was measured); the last line has no promise."""
    seconds = figures.seconds
    per_request = f"median {duration(seconds.median)}, 95 of 100 within {duration(seconds.p95)}"
    saved = f"{figures.saved / 60:,.0f} min of waiting; people took {duration(figures.people.median)} (median)"
    return [
        ("automation rate", f"{GOAL:.0%}", measured(figures.would_answer)),
        ("time per request", duration(GOAL_SECONDS), per_request),
        ("other answers than people's", "0", measured(figures.wrong)),
        ("minutes saved", "", saved),
    ]


def measured(share: Share) -> str:
    """Such as "95 of 100 = 95.0% (95 % interval: 88.8% to 97.8%)"."""
    if share.share is None:
        return "0 of 0"
    low, high = share.interval
    return f"{share.count} of {share.of} = {share.share:.1%} (95 % interval: {low:.1%} to {high:.1%})"


def _tiles(figures: BacktestFigures) -> Iterator[tuple[str, str, str]]:
    """(name, figure, what it means): what the prototype promised, and what was measured."""
    seconds = figures.seconds
    rate = f"{_within(figures.would_answer)}; {GOAL:.0%} were promised"
    yield "Answered without a person", percent(figures.would_answer.share), rate
    rest = f"median; {duration(seconds.p95)} for 95 of 100; {duration(GOAL_SECONDS)} were promised"
    yield "Time per request", duration(seconds.median), rest
    yield "Other answers than people's", f"{figures.wrong.count:,}", f"{_within(figures.wrong)}; none were promised"
    yield "Waiting saved", duration(figures.saved), f"in all; people took {duration(figures.people.median)} (median)"


def _within(share: Share) -> str:
    low, high = share.interval
    return f"{share.count:,} of {share.of:,}, {low:.0%} to {high:.0%}"


def _shares(figures: BacktestFigures) -> Iterator[tuple[str, Share]]:
    yield "An amount can be computed", figures.answerable
    yield "People said no credit", figures.refused
    yield "Of these, creditbot would not have answered", figures.agreed_refusals
    for kind, share in figures.close.items():
        yield f"Amount {kind.value}", share
    yield "Would be answered at once", figures.would_answer
    yield "Would be held for approvers", figures.would_hold
    yield "Would be answered, and people answered otherwise", figures.wrong


def _why(figures: BacktestFigures) -> Iterator[tuple[str, int]]:
    for outcome, number in figures.why_not:
        yield outcome.words, number
    for kind, number in figures.hold_kinds:
        yield f"held because of: {kind.value}", number


def _row(row: BacktestRow) -> dict[str, Any]:
    return {
        "asked": row.asked_at,
        "permalink": web_address(row.permalink),
        "page": f"{row.key}.html" if row.page else "",
        "people": "no credit" if row.answer.refused else usd(row.answer.amount),
        "ours": row.amount,
        "difference": row.difference,
        "held": [one_line(reason.text, 300) for reason in row.held],
    }


def percent(share: float | None) -> str:
    """Such as "95.0%"; "-" for None."""
    return "-" if share is None else f"{share:.1%}"


@cache
def _templates() -> Environment:
    return environment(Path(__file__).parent / "templates", usd=usd, percent=percent)
