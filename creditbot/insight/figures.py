"""The figures of a report: counts, sums and shares over the requests of a range of time. Pure.

Requests come in as `history` reads them, and `Figures` come out: for the report, the digest and the last lines of
`creditbot history`. They are functions of durable records alone, so whoever computes them gets the same.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from creditbot.insight.credit_lines import CreditLine, credit_lines, total
from creditbot.insight.past import PastRequest

RATED = frozenset({"answered", "elsewhere", "given_up", "denied", "skipped"})
"""The automation rate counts requests with these ends: all that wanted an answer."""
OUTCOMES: Mapping[str, str] = {
    "answered": "answered by creditbot",
    "elsewhere": "answered by people",
    "given_up": "given up",
    "denied": "denied",
    "skipped": "skipped",
    "withdrawn": "withdrawn",
    "shadowed": "in shadow",
}
"""Status of a request that has ended -> what the report calls it."""
_WEEKS = 13
"""The longest range of time that is shown week by week; a longer one is shown month by month."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How many requests creditbot answered, and not people.

    Attributes:
        in_full: requests that creditbot answered with all of their links, whether or not approvers were asked.
        approved: those of them that approvers decided on.
        ended: requests that wanted an answer and have ended.
    """

    in_full: int
    approved: int
    ended: int

    @property
    def share(self) -> float | None:
        """The automation rate, 0 to 1; None if no request has ended."""
        return self.in_full / self.ended if self.ended else None


def automation_rate(requests: Iterable[PastRequest]) -> Rate:
    """The automation rate of these requests. An answer that leaves out links is not one in full."""
    ended = [request for request in requests if request.status in RATED]
    in_full = [request for request in ended if request.status == "answered" and not request.skipped]
    return Rate(len(in_full), sum(request.hold is not None for request in in_full), len(ended))


@dataclass(frozen=True, slots=True)
class Times:
    """How long something took, in seconds.

    Attributes:
        count: how many were measured.
        median, p95: half of them took no longer, and 95 of 100; None if none was measured.
    """

    count: int
    median: float | None
    p95: float | None


def times(seconds: Iterable[float]) -> Times:
    """The times by nearest rank: each is one that was measured."""
    ranked = sorted(seconds)
    return Times(len(ranked), _rank(ranked, 0.5), _rank(ranked, 0.95))


def _rank(ranked: Sequence[float], share: float) -> float | None:
    return ranked[math.ceil(share * len(ranked)) - 1] if ranked else None


@dataclass(frozen=True, slots=True)
class Period:
    """One week or one month.

    Attributes:
        start: its first UTC day.
        label: as a chart names it.
        outcomes: status -> how many requests asked in it stand so; "" for those that have not ended.
        rate: of the requests asked in it.
        credited: product -> USD that was credited in it.
    """

    start: date
    label: str
    outcomes: Mapping[str, int]
    rate: Rate
    credited: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Sums:
    """What was credited to one account, or for one product.

    Attributes:
        name: of the account or the product.
        credits: how many links.
        amount: USD.
    """

    name: str
    credits: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Failed:
    """The requests that were given up for one kind of cause.

    Attributes:
        kind: as in `CreditbotError.kind`; None if an earlier version did not keep it.
        requests: those requests, newest first.
    """

    kind: str | None
    requests: tuple[PastRequest, ...]

    @property
    def computed(self) -> Decimal:
        """USD that was computed for them and not answered."""
        return _sum(request.computed for request in self.requests)


@dataclass(frozen=True, slots=True)
class Twice:
    """Traffic that was asked for again.

    Attributes:
        overlaps: requests that were found to share traffic, or perhaps to.
        repeats: requests that were refused because the same SQL was credited before.
        not_paid: USD that these would have paid twice and that nobody credited: of repeats the amount, of overlaps that
            were denied what is known to be shared.
        approved: USD that approvers let be credited although it was known to be shared.
        unknown: overlaps of which nobody knows how much is shared.
    """

    overlaps: int
    repeats: int
    not_paid: Decimal
    approved: Decimal
    unknown: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What a report shows.

    Attributes:
        start, end: UTC, the range: requests that were asked, and credits that were given, within it.
        asked: requests that were asked within it, oldest first.
        outcomes: status -> how many of them stand so; "" for those that have not ended.
        rate: their automation rate.
        lines: the credits that were given within the range, oldest first.
        periods: weeks or months, oldest first.
        to_answer: from the request to our reply, of requests that nobody had to decide on.
        to_answer_held: the same of requests that approvers decided on.
        by_people: from the request to the answer of somebody else.
        seconds: from the first claim to our reply, of requests that nobody had to decide on.
        held: requests that approvers were asked about, newest first.
        failed: those that were given up, by cause, the most frequent first.
        waiting: requests that have not ended, whenever they were asked, oldest first.
        twice: traffic that was asked for again.
    """

    start: datetime
    end: datetime
    asked: tuple[PastRequest, ...]
    outcomes: Mapping[str, int]
    rate: Rate
    lines: tuple[CreditLine, ...]
    periods: tuple[Period, ...]
    to_answer: Times
    to_answer_held: Times
    by_people: Times
    seconds: Times
    held: tuple[PastRequest, ...]
    failed: tuple[Failed, ...]
    waiting: tuple[PastRequest, ...]
    twice: Twice

    @property
    def credited(self) -> Decimal:
        """USD that were credited."""
        return total(self.lines)

    def by(self, name: Callable[[CreditLine], str]) -> list[Sums]:
        """What was credited by account, product or whatever else names a line; the largest sum first."""
        grouped: dict[str, list[CreditLine]] = defaultdict(list)
        for line in self.lines:
            grouped[name(line)].append(line)
        sums = [Sums(key, len(lines), total(lines)) for key, lines in grouped.items()]
        return sorted(sums, key=lambda one: (-one.amount, one.name))

    @property
    def largest(self) -> list[PastRequest]:
        """The requests with a credit in the range, the largest amount first."""
        credited = {line.request.key: line.request for line in self.lines}.values()
        return sorted(credited, key=lambda request: (-(request.amount or 0), request.asked))


def figures(requests: Sequence[PastRequest], start: datetime, end: datetime) -> Figures:
    """The figures of a range of time.

    Args:
        requests: those that were asked or answered within it, and those that wait now; others do no harm.
        start: UTC.
        end: UTC, exclusive.
    """
    asked = [request for request in requests if start <= request.asked < end]
    lines = [line for line in credit_lines(requests) if start <= line.at < end]
    held = [request for request in asked if request.hold]
    return Figures(
        start=start,
        end=end,
        asked=tuple(asked),
        outcomes=_outcomes(asked),
        rate=automation_rate(asked),
        lines=tuple(lines),
        periods=tuple(_periods(asked, lines, start, end)),
        to_answer=times(_waits(asked, "answered", was_held=False)),
        to_answer_held=times(_waits(asked, "answered", was_held=True)),
        by_people=times(_waits(asked, "elsewhere", was_held=False)),
        seconds=times(r.seconds for r in asked if r.seconds and r.status == "answered" and not r.hold),
        held=tuple(reversed(held)),
        failed=tuple(_failed(asked)),
        waiting=tuple(request for request in requests if not request.terminal and request.status != "unknown"),
        twice=_twice(asked),
    )


def _outcomes(requests: Iterable[PastRequest]) -> Counter[str]:
    return Counter(request.status if request.terminal else "" for request in requests)


def _waits(requests: Iterable[PastRequest], status: str, *, was_held: bool) -> Iterable[float]:
    """Seconds from the request to its answer."""
    for request in requests:
        if request.status == status and request.answered and (request.hold is not None) is was_held:
            yield max(0.0, (request.answered - request.asked).total_seconds())


def _failed(requests: Iterable[PastRequest]) -> list[Failed]:
    by_kind: dict[str | None, list[PastRequest]] = defaultdict(list)
    for request in requests:
        if request.status == "given_up":
            by_kind[request.cause].append(request)
    found = [Failed(kind, tuple(reversed(those))) for kind, those in by_kind.items()]
    return sorted(found, key=lambda failed: (-len(failed.requests), failed.kind or ""))


def _twice(requests: Sequence[PastRequest]) -> Twice:
    overlapping = [request for request in requests if request.overlaps]
    repeats = [request for request in requests if request.status == "given_up" and request.cause == "already credited"]
    denied = (request.twice for request in overlapping if request.status == "denied")
    return Twice(
        len(overlapping),
        len(repeats),
        _sum((*(request.computed for request in repeats), *denied)),
        _sum(request.twice for request in overlapping if request.status == "answered"),
        sum(request.twice is None for request in overlapping),
    )


def _periods(
    asked: Sequence[PastRequest], lines: Sequence[CreditLine], start: datetime, end: datetime
) -> Iterable[Period]:
    """The weeks or months from the first request or credit on, none left out."""
    moments = [*(request.asked for request in asked), *(line.at for line in lines)]
    first = min(moments, default=end)
    begin = _week if end - max(first, start) <= timedelta(weeks=_WEEKS) else _month
    by_asked: dict[date, list[PastRequest]] = defaultdict(list)
    by_credit: dict[date, list[CreditLine]] = defaultdict(list)
    for request in asked:
        by_asked[begin(request.asked)].append(request)
    for line in lines:
        by_credit[begin(line.at)].append(line)
    day, last = begin(first), begin(end - timedelta(microseconds=1))
    while day <= last and moments:
        products: dict[str, Decimal] = defaultdict(Decimal)
        for line in by_credit[day]:
            products[line.product] += line.amount
        label = f"{day:%-d %b}" if begin is _week else f"{day:%b %y}"
        yield Period(day, label, _outcomes(by_asked[day]), automation_rate(by_asked[day]), products)
        day = begin(datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=7 if begin is _week else 31))


def _week(moment: datetime) -> date:
    """The Monday of a moment."""
    day = moment.astimezone(UTC).date()
    return day - timedelta(days=day.weekday())


def _month(moment: datetime) -> date:
    return moment.astimezone(UTC).date().replace(day=1)


def _sum(amounts: Iterable[Decimal | None]) -> Decimal:
    return sum((amount for amount in amounts if amount is not None), Decimal("0.00"))
