"""What `creditbot replay` prints: the comparison of one request, the table of several, and both as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from creditbot.commands.output import count, utc
from creditbot.credit.amount import format_usd
from creditbot.insight.differences import amount_in_words
from creditbot.insight.replay import CAUSE_WORDS, Comparison, to_json
from creditbot.insight.replayer import Replay
from creditbot.slack_time import time_of

_WIDTH = 10
_INDENT = " " * 18


def signed_usd(amount: Decimal) -> str:
    """Such as "+$63.20"; "" for nothing."""
    return f"{'+' if amount > 0 else ''}{format_usd(amount)}" if amount else ""


def comparison_lines(replay: Replay) -> Iterator[str]:
    """Everything about one request."""
    yield _line("request", replay.permalink or str(replay.key))
    comparison = replay.comparison
    if comparison is None:
        yield _line("result", f"It cannot be computed again. {replay.why_not}")
        return
    at = f", computed {utc(comparison.then.at)}" if comparison.then.at else ""
    yield _line("then", amount_in_words(comparison.then.amount) + at)
    difference = f" ({signed_usd(comparison.difference)})" if comparison.difference else ""
    yield _line("now", amount_in_words(comparison.now.amount) + difference)
    yield _line("result", result_in_words(comparison))
    yield from _change_lines(comparison)
    for sentence in comparison.unknown:
        yield _line("not known", sentence)
    if replay.opinion:
        yield _line("opinion", replay.opinion)


def result_in_words(comparison: Comparison) -> str:
    """What came out, one sentence or two."""
    if comparison.cause:
        return f"It differs. The first cause: {CAUSE_WORDS[comparison.cause]}."
    if comparison.changes:
        return "The same amount, although something has changed."
    return "The same. Nothing is known to have changed."


def _change_lines(comparison: Comparison) -> Iterator[str]:
    link = ""
    several = len({change.link for change in comparison.changes if change.link}) > 1 or len(comparison.then.links) > 1
    for change in comparison.changes:
        if several and change.link and change.link != link:
            link = change.link
            yield _line("link", link)
        yield _line(change.kind, change.words)
        yield from (_line("", detail) for detail in change.details)


def _line(name: str, text: str) -> str:
    return f"{name:<{_WIDTH}} {text}"


HEADER = f"{'asked (UTC)':<16}  {'then':>12}  {'now':>12}  {'difference':>12}  {'cause':<12}  request"


def table_lines(replay: Replay) -> Iterator[str]:
    """The row of one request, and below it why it differs."""
    asked, comparison = f"{time_of(replay.key.ts):%Y-%m-%d %H:%M}", replay.comparison
    address = replay.permalink or str(replay.key)
    if comparison is None:
        yield f"{asked}  {'':>12}  {'not computed':>12}  {'':>12}  {'':<12}  {address}"
        yield f"{_INDENT}{replay.why_not}"
        return
    then, now = (amount_in_words(one.amount) for one in (comparison.then, comparison.now))
    difference = signed_usd(comparison.difference or Decimal(0))
    cause = CAUSE_WORDS[comparison.cause] if comparison.cause else ""
    yield f"{asked}  {then:>12}  {now:>12}  {difference:>12}  {cause:<12}  {address}"
    if comparison.cause:
        shown = [comparison.first] if comparison.first else comparison.changes
        for change in shown:
            yield f"{_INDENT}{change.words}"
            yield from (f"{_INDENT}{detail}" for detail in change.details)
        others = dict.fromkeys(change.kind for change in comparison.changes if change not in shown)
        if others:
            yield f"{_INDENT}Also changed: {', '.join(others)}."
    elif comparison.changes:
        kinds = dict.fromkeys(change.kind for change in comparison.changes)
        yield f"{_INDENT}The same amount, although this has changed: {', '.join(kinds)}."


@dataclass
class Totals:
    """What came of all requests.

    Attributes:
        same, different, left_out: how many requests.
        failed: whether one could not be computed again because of an error that may pass.
        then, now: USD, of the requests that were computed again.
    """

    same: int = 0
    different: int = 0
    left_out: int = 0
    failed: bool = False
    then: Decimal = Decimal("0.00")
    now: Decimal = Decimal("0.00")

    def add(self, replay: Replay) -> None:
        """Counts one request."""
        comparison = replay.comparison
        if comparison is None:
            self.left_out += 1
            self.failed |= replay.failed
            return
        self.same += not comparison.differs
        self.different += comparison.differs
        self.then += comparison.then.amount or 0
        self.now += comparison.now.amount or 0

    @property
    def exit_code(self) -> int:
        """2 after an error, 1 if something differs, else 0."""
        return 2 if self.failed else 1 if self.different else 0

    def lines(self) -> Iterator[str]:
        """The last lines of the table."""
        if not self.same + self.different + self.left_out:
            yield "There was no request in that time."
            return
        again = count(self.same + self.different, "request")
        verb = "differs" if self.different == 1 else "differ"
        rest = f" {self.left_out} could not be computed again." if self.left_out else ""
        yield f"{again} computed again: {self.same} the same, {self.different} {verb}.{rest}"
        if self.same + self.different:
            difference = signed_usd(self.now - self.then)
            change = f", {difference}" if difference else ""
            yield f"In all {format_usd(self.then)} then, {format_usd(self.now)} now{change}."


def document(replays: Sequence[dict[str, Any]], totals: Totals) -> dict[str, Any]:
    """What --json prints."""
    return {
        "requests": list(replays),
        "same": totals.same,
        "differ": totals.different,
        "not_computed": totals.left_out,
        "then": totals.then,
        "now": totals.now,
    }


def replay_json(replay: Replay) -> dict[str, Any]:
    """One request as JSON; docs/replay.md explains the keys."""
    facts = {
        "key": str(replay.key),
        "permalink": replay.permalink or None,
        "asked": _stamp(time_of(replay.key.ts)),
        "why_not": replay.why_not or None,
    }
    opinion = {"second_opinion": replay.opinion} if replay.opinion else {}
    return facts | (to_json(replay.comparison) if replay.comparison else {}) | opinion


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
