"""What was credited, link by link: the rows of the export, which the report adds up. Pure.

Requests come in as `history` reads them; one `CreditLine` for each link that was credited comes out. Because report and
export are sums over the same lines, their totals agree.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from creditbot.credit.footprint import days_in_words
from creditbot.insight.past import PastLink, PastRequest

NOT_KNOWN = "not known"
_MOST_NAMES = 3


@dataclass(frozen=True, slots=True)
class CreditLine:
    """One link that was credited.

    Attributes:
        request: its request.
        link: what is known of it.
        number: its place among the credited links of its request, from 1.
        amount: USD.
        at: UTC, when it was credited: the time of the reply.
    """

    request: PastRequest
    link: PastLink
    number: int
    amount: Decimal
    at: datetime

    @property
    def month(self) -> str:
        """The UTC month in which it was credited, such as "2026-11"."""
        return f"{self.at:%Y-%m}"

    @property
    def product(self) -> str:
        """Name of its product."""
        return self.link.product or NOT_KNOWN

    @property
    def accounts(self) -> str:
        """All of its accounts, or that they are not known. A credit for several accounts is not split."""
        return ", ".join(self.link.accounts) if self.link.accounts else NOT_KNOWN

    @property
    def accounts_in_short(self) -> str:
        """Its accounts for people to read: the first few, and how many more."""
        names = self.link.accounts or ()
        more = len(names) - _MOST_NAMES
        return f"{', '.join(names[:_MOST_NAMES])} and {more} more" if more > 0 else self.accounts

    @property
    def days(self) -> str:
        """The UTC days of its traffic, both ends included."""
        return days_in_words(self.link.days) if self.link.days else NOT_KNOWN


def credit_lines(requests: Iterable[PastRequest]) -> list[CreditLine]:
    """The credited links of these requests, in the order in which they were credited."""
    lines = [
        CreditLine(request, link, number, link.credit or Decimal(0), request.credited_at)
        for request in requests
        if request.credited_at
        for number, link in enumerate(request.credited, 1)
    ]
    return sorted(lines, key=lambda line: (line.at, str(line.request.key), line.number))


def total(lines: Iterable[CreditLine]) -> Decimal:
    """The sum of their amounts, USD with two places."""
    return sum((line.amount for line in lines), Decimal("0.00"))
