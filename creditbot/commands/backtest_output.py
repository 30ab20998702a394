"""What `creditbot backtest` prints: the report as text, and everything as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from creditbot.commands.output import count
from creditbot.commands.replay_output import signed_usd
from creditbot.credit.amount import format_usd
from creditbot.insight.backtest import BacktestRow, row_to_json
from creditbot.insight.backtest_figures import BacktestFigures, Closeness, Share, Verdicts, backtest_figures
from creditbot.insight.backtest_page import measured, promises
from creditbot.insight.backtest_requests import LeftOut

_WIDTH = 34
MOST_ROWS = 50
"""Disagreements that the text shows; the JSON has all of them."""


def range_in_words(since: datetime, until: datetime | None) -> str:
    """Such as "since 2026-05-01 (UTC)"."""
    return f"since {since:%Y-%m-%d}{f' and before {until:%Y-%m-%d}' if until else ''} (UTC)"


def report_lines(rows: Sequence[BacktestRow], left_out: LeftOut, title: str) -> Iterator[str]:
    """The report; `title` says what it is about."""
    figures = backtest_figures(rows)
    yield f"{title}: {count(figures.requests, 'request')} that a person answered."
    if left_out.total:
        corrected = f" People corrected {left_out.corrected} of the bot's." if left_out.corrected else ""
        yield (
            f"Left out: {left_out.unanswered} that nobody answered, {left_out.by_bots} that a bot answered, "
            f"{left_out.unclear} with no clear answer.{corrected}"
        )
    if not rows:
        return
    yield ""
    yield from _can_answer(figures)
    yield from _amounts(figures)
    yield from _decisions(figures)
    yield from _disagreements(figures)
    yield from _promises(figures)


def _can_answer(figures: BacktestFigures) -> Iterator[str]:
    yield _share("An amount can be computed", figures.answerable)
    for outcome, number in figures.why_not:
        yield f"  {number:>4}  {outcome.words}"
    yield _share("People said no credit", figures.refused)
    if figures.refused.count:
        yield f"  {figures.agreed_refusals.count:>4}  of these creditbot would not have answered either"
    yield ""


def _amounts(figures: BacktestFigures) -> Iterator[str]:
    differences = figures.differences
    yield f"Amounts on both sides: {count(differences.compared, 'request')}, {format_usd(differences.theirs)} by people"
    for kind in Closeness:
        yield _share(f"  {kind.value}", figures.close[kind])
    signed = signed_usd(differences.signed) or "$0.00"
    yield (
        f"  creditbot's sum is {signed} against theirs; the differences add up to "
        f"{format_usd(differences.absolute)}, the largest is {format_usd(differences.largest)}."
    )
    yield ""


def _decisions(figures: BacktestFigures) -> Iterator[str]:
    yield _share("Would be answered at once", figures.would_answer)
    yield f"  {_verdicts(figures.answered)}"
    yield _share("Would be held for approvers", figures.would_hold)
    for kind, number in figures.hold_kinds:
        yield f"  {number:>4}  because of: {kind.value}"
    if figures.would_hold.count:
        yield f"  {_verdicts(figures.held)}"
    yield ""


def _verdicts(verdicts: Verdicts) -> str:
    return (
        f"people: {verdicts.same} the same to the cent, {verdicts.other_amount} another amount, {verdicts.refused} "
        f"refused, {verdicts.unclear} without one amount; {verdicts.corrected} of these changed later"
    )


def _disagreements(figures: BacktestFigures) -> Iterator[str]:
    rows = figures.disagreements
    if not rows:
        yield "No disagreement: every amount is that of the people, to the cent."
        yield ""
        return
    yield f"{count(len(rows), 'disagreement')}, the largest first:"
    yield f"{'asked (UTC)':<16}  {'people':>12}  {'creditbot':>12}  {'difference':>12}  request"
    for row in rows[:MOST_ROWS]:
        yield from row_lines(row)
    if rows[MOST_ROWS:]:
        yield f"and {len(rows) - MOST_ROWS} more: --json has all of them."
    yield ""


def row_lines(row: BacktestRow) -> Iterator[str]:
    """The row of one request, and below it what to look at."""
    theirs = "no credit" if row.answer.refused else _amount(row.answer.amount)
    difference = "" if row.difference is None else signed_usd(row.difference)
    asked = f"{row.asked_at:%Y-%m-%d %H:%M}"
    yield f"{asked}  {theirs:>12}  {_amount(row.amount):>12}  {difference:>12}  {row.permalink}"
    if row.page:
        yield f"{'':<16}  {row.page}"
    for reason in row.held:
        yield f"{'':<16}  held: {reason.text}"


def _amount(amount: Any) -> str:
    return "none" if amount is None else format_usd(amount)


def _promises(figures: BacktestFigures) -> Iterator[str]:
    """What the prototype promised, and what was measured."""
    yield f"{'':<{_WIDTH}}  {'promised':>10}  measured"
    yield from (f"{name:<{_WIDTH}}  {promised:>10}  {figure}" for name, promised, figure in promises(figures))


def _share(words: str, share: Share) -> str:
    return f"{words:<{_WIDTH}}  {measured(share)}"


def document(rows: Sequence[BacktestRow], left_out: LeftOut, missing: int) -> dict[str, Any]:
    """What --json prints; docs/backtest.md explains the keys."""
    figures = backtest_figures(rows)
    differences = figures.differences
    return {
        "requests": figures.requests,
        "left_out": {
            "unanswered": left_out.unanswered, "by_bots": left_out.by_bots, "unclear": left_out.unclear,
        },
        "missing": missing,
        "answerable": _share_json(figures.answerable),
        "why_not": {outcome.value: number for outcome, number in figures.why_not},
        "refused_by_people": _share_json(figures.refused),
        "agreed_refusals": _share_json(figures.agreed_refusals),
        "close": {kind.value: _share_json(share) for kind, share in figures.close.items()},
        "differences": {
            "compared": differences.compared, "by_people": differences.theirs, "signed": differences.signed,
            "absolute": differences.absolute, "largest": differences.largest,
        },
        "would_answer": _share_json(figures.would_answer) | _verdicts_json(figures.answered),
        "would_hold": _share_json(figures.would_hold) | _verdicts_json(figures.held),
        "hold_kinds": {kind.value: number for kind, number in figures.hold_kinds},
        "wrong": _share_json(figures.wrong),
        "seconds": _times_json(figures.seconds.median, figures.seconds.p95),
        "seconds_by_people": _times_json(figures.people.median, figures.people.p95),
        "seconds_saved": round(figures.saved),
        "disagreements": [str(row.key) for row in figures.disagreements],
        "rows": [row_to_json(row) for row in rows],
    }  # fmt: skip


def _share_json(share: Share) -> dict[str, Any]:
    low, high = share.interval
    return {"count": share.count, "of": share.of, "share": share.share, "low": low, "high": high}


def _verdicts_json(verdicts: Verdicts) -> dict[str, Any]:
    return {
        "people": {
            "same": verdicts.same, "other_amount": verdicts.other_amount, "refused": verdicts.refused,
            "unclear": verdicts.unclear, "corrected": verdicts.corrected,
        }
    }  # fmt: skip


def _times_json(median: float | None, p95: float | None) -> dict[str, Any]:
    return {"median": median, "p95": p95}
