"""The credits of one month as a table, one row per link, for finance. Pure.

Requests come in as `history` reads them; columns and rows come out, which `adapters.storage.tables` writes as a file.
The month is that of our reply, in UTC. The rows are the lines that the report adds up, so the totals agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from creditbot.credit.footprint import Days
from creditbot.insight.credit_lines import CreditLine, credit_lines
from creditbot.insight.past import PastRequest
from creditbot.model import Names, TableCell, TableColumn
from creditbot.slack_time import micros_of

COLUMNS = (
    TableColumn("answered_at", "moment", "when creditbot replied, UTC"),
    TableColumn("account", "text", "whose traffic it is; several accounts with commas between"),
    TableColumn("traffic_from", "day", "the first UTC day of that traffic"),
    TableColumn("traffic_to", "day", "the last UTC day of it"),
    TableColumn("product", "text", "the product of the link"),
    TableColumn("amount_usd", "usd", "what the link adds to the reply's amount"),
    TableColumn("request", "text", "address of the message in Slack"),
    TableColumn("link", "number", "which link of the request it is, from 1"),
    TableColumn("asked_at", "moment", "when it was asked, UTC"),
    TableColumn("asked_by", "text", "Slack member ID of who asked"),
    TableColumn("asked_by_name", "text", "what that person is called on Slack at the time of the export"),
    TableColumn("approved_by", "text", "Slack member IDs of the approvers; empty if nobody had to decide"),
    TableColumn("approved_by_name", "text", "what they are called, in the same order; an ID where Slack has no name"),
    TableColumn("evidence", "text", "address of the request's page"),
    TableColumn("digest", "text", "the digest on the card and on the page"),
    TableColumn("approval_digest", "text", "the approval digest that approvers saw; empty if nobody had to decide"),
    TableColumn("log_position", "number", "its place in the log of ends; empty if it is in none"),
)
"""The columns of the table, in their order."""


@dataclass(frozen=True, slots=True)
class Table:
    """The credits of one month.

    Attributes:
        month: its first moment, UTC.
        lines: what was credited in it, in the order in which it was asked.
    """

    month: datetime
    lines: tuple[CreditLine, ...]

    @property
    def people(self) -> set[str]:
        """Ids of everybody whom the table names."""
        return {user for line in self.lines for user in (line.request.requester, *line.request.deciders) if user}

    def rows(self, names: Names) -> list[tuple[TableCell, ...]]:
        """The cells of each line, in the order of `COLUMNS`."""
        return [_row(line, names) for line in self.lines]


def month_range(month: datetime) -> tuple[datetime, datetime]:
    """The first moment of a month and that of the next one, UTC; any moment of the month will do."""
    start = datetime(month.year, month.month, 1, tzinfo=UTC)
    years, months = divmod(month.month, 12)
    return start, datetime(month.year + years, months + 1, 1, tzinfo=UTC)


def month_table(past: Iterable[PastRequest], month: datetime) -> Table:
    """The table of a month; `past` are requests of which those that were answered in the month count."""
    start, end = month_range(month)
    lines = [line for line in credit_lines(past) if start <= line.at < end]
    return Table(start, tuple(sorted(lines, key=lambda line: (micros_of(line.request.key.ts), line.number))))


def _row(line: CreditLine, names: Names) -> tuple[TableCell, ...]:
    request, link = line.request, line.link
    first, last = _days(link.days)
    return (
        line.at, _listed(link.accounts or ()), first, last, link.product, line.amount, request.permalink or None,
        line.number, request.asked, request.requester, names.of(request.requester), _listed(request.deciders),
        _listed([names.of(user) or user for user in request.deciders]), request.page, request.digest,
        request.hold.digest if request.hold else None, request.log_position,
    )  # fmt: skip


def _days(days: Days | None) -> tuple[date | None, date | None]:
    """The first and the last day; None for a side that is open or not known."""
    if days is None:
        return None, None
    return (days.first if days.start else None), (days.last if days.end else None)


def _listed(names: Sequence[str]) -> str | None:
    return ", ".join(names) or None
