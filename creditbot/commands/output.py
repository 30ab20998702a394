"""What commands print for people. Pure: text in, text out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from creditbot.credit.amount import format_usd
from creditbot.slack_time import time_of
from creditbot.state.record import Meta, Record
from creditbot.text import printable
from creditbot.tick.report import Progress, TickReport

if TYPE_CHECKING:
    from datetime import datetime

    from creditbot.commands.lookup import Found, Past

WORDS = {
    "seen": "started next tick",
    "claimed": "being worked on",
    "computed": "computed",
    "posting": "reply unconfirmed",
    "failed": "tried again later",
    "answered": "answered",
    "dead": "given up",
    "skipped": "skipped",
    "elsewhere": "answered by others",
    "withdrawn": "withdrawn",
}
"""Status of a request -> what a person reads."""
_ENDED = ("answered", "elsewhere", "dead")
"""What the automation rate is taken of: requests that wanted an answer."""
_INDENT = " " * 6


def count(number: int, noun: str) -> str:
    """Such as "1 request" or "2 requests"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def outcome_words(record: Record | None) -> str:
    """How far a request got, in a few words."""
    if record is None:
        return "left for later"
    words = WORDS[record.status]
    return f"{words} {format_usd(record.result.amount)}" if record.status == "answered" and record.result else words


class ConsoleProgress(Progress):
    """Says on the terminal what happens."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    @override
    def step(self, text: str) -> None:
        self._say(text)

    @override
    def started(self, permalink: str) -> None:
        self._say(_progress_line("started", permalink))

    @override
    def ended(self, permalink: str, record: Record | None) -> None:
        line = _progress_line(outcome_words(record), permalink)
        tells = record and record.reason and record.status != "elsewhere"
        self._say(f"{line}\n{_INDENT}{' ' * 20}{record.reason}" if record and tells else line)


def _progress_line(words: str, permalink: str) -> str:
    return f"{_INDENT}{words:<19} {permalink}"


def tick_lines(report: TickReport, meta: Meta, now: datetime) -> Iterable[str]:
    """What a tick did, after its progress was told; `meta` says whether requests are held back `now`."""
    worked_on = sum(1 for _, record in report.done if record)
    if report.done:
        left = f", {len(report.done) - worked_on} left for later" if worked_on < len(report.done) else ""
        waiting = report.waiting + sum(1 for _, record in report.done if record and not record.terminal)
        yield f"{count(worked_on, 'request')} worked on, {waiting} waiting{left}."
    elif report.waiting:
        yield f"Nothing to do now; {count(report.waiting, 'request')} waiting (`creditbot history` lists them)."
    else:
        yield f"Nothing new: {count(report.read, 'message')} read, every request in them is done."
    if report.waiting and meta.hold_since and meta.hold_until and now < meta.hold_until:
        yield (
            f"Requests from before {_utc(meta.hold_since)} wait until {_utc(meta.hold_until)}: the state was lost or "
            "damaged, and a reply of ours may not be visible yet."
        )
    yield from problem_lines(report)


def problem_lines(report: TickReport) -> Iterable[str]:
    """What went wrong in a tick and was told to nobody yet."""
    yield from (printable(f"error: {error}") for error in report.errors)
    yield from (printable(f"error: the owner could not be told: {text}") for text in report.untold)


def history_lines(past: Sequence[Past], days: int) -> Iterable[str]:
    """The table, newest last, and what it comes to."""
    if past:
        yield f"{'asked (UTC)':<16}  {'outcome':<18}  {'credit':>12}  request"
    for entry in past:
        amount = format_usd(entry.amount) if entry.amount is not None else ""
        words = WORDS.get(entry.status, entry.status)
        yield printable(f"{time_of(entry.key.ts):%Y-%m-%d %H:%M}  {words:<18}  {amount:>12}  {entry.permalink}")
        if entry.reason and entry.status != "elsewhere":
            yield printable(f"{' ' * 18}{entry.reason}")
    yield _rate_line(past, days)


def _rate_line(past: Sequence[Past], days: int) -> str:
    ended = [entry for entry in past if entry.status in _ENDED]
    answered = [entry for entry in past if entry.status == "answered"]
    if not ended:
        return f"No request was answered or given up in the last {count(days, 'day')}."
    seconds = [entry.seconds for entry in answered if entry.seconds]
    mean = f", {sum(seconds) / len(seconds):.1f} seconds per request on average" if seconds else ""
    return f"Automation rate {len(answered) / len(ended):.0%}: {len(answered)} of {count(len(ended), 'request')}{mean}."


def found_lines(found: Found, permalink: str) -> Iterable[str]:
    """Everything that is known of one request."""
    yield permalink
    if found.ignored:
        yield found.ignored
        return
    for name, value in _facts(found):
        yield printable(f"{name:<10} {value}")


def _facts(found: Found) -> Iterable[tuple[str, str]]:
    """(name, value) pairs: the state where it knows the request, else the summary; then the evidence."""
    summary = found.summary or {}
    yield from _of_record(found.record) if found.record else _of_outcome(summary)
    for link in summary.get("links", []):
        yield "link", link.get("url", "")
        yield "", _link_line(link)


def _of_record(record: Record) -> Iterable[tuple[str, str]]:
    yield "status", f"{WORDS[record.status]}, since {_utc(record.at)}"
    if record.reason:
        yield "reason", record.reason
    if record.due and not record.terminal:
        yield "next try", _utc(record.due)
    if record.result:
        yield "credit", format_usd(record.result.amount)
    if record.again:
        yield "again by", record.again
    yield "attempts", str(record.attempts)
    if record.result:
        yield "summary", record.result.place


def _of_outcome(summary: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    outcome = summary.get("outcome", {})
    status, at = str(outcome.get("status", "unknown")), str(outcome.get("at", "unknown"))
    yield "status", f"{WORDS.get(status, status)}, since {at[:19].replace('T', ' ')} UTC"
    amount = summary.get("credit_amount")
    facts = (
        ("reason", outcome.get("reason")),
        ("credit", format_usd(amount) if amount is not None else None),
        ("again by", outcome.get("again")),
        ("attempts", outcome.get("attempts")),
    )
    yield from ((name, str(value)) for name, value in facts if value)


def _link_line(link: Mapping[str, Any]) -> str:
    if "sql_sha256" not in link:
        return "its SQL was not kept"
    parts = [str(link.get("product") or "skipped: it is of no product that is on")]
    if "credit" in link:
        parts.append(format_usd(link["credit"]))
    parts.append(f"SQL {str(link['sql_sha256'])[:12]}")
    if "notebook_sha256" in link:
        parts.append(f"notebook {str(link['notebook_sha256'])[:12]}")
    return ", ".join(parts)


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
