"""Makes the report: one HTML page that shows the owner and finance how creditbot does. Pure.

Figures come in; HTML comes out. The page runs no script and loads nothing, and its Content-Security-Policy forbids
both. Long lists are cut, with a sentence on the rest, so the page stays small; the export has every credit.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment

from creditbot.evidence.html_file import base_style, environment, render
from creditbot.insight.causes import cause_of
from creditbot.insight.chart import Series, columns, line
from creditbot.insight.credit_lines import NOT_KNOWN, CreditLine
from creditbot.insight.export import month_range
from creditbot.insight.figures import OUTCOMES, Figures, Period, Sums, Times
from creditbot.insight.past import PastRequest
from creditbot.insight.people import people_in
from creditbot.insight.wording import approved_of, count, duration, short_usd, usd
from creditbot.model import Names
from creditbot.text import one_line

_FOLDER = Path(__file__).parent / "templates"
MOST_BYTES = 5_000_000
"""No report is larger."""
GOAL = 0.95
"""The automation rate that was promised."""
GOAL_SECONDS = 120
"""Seconds per request that were promised."""
_MOST_ACCOUNTS, _MOST_LARGEST, _MOST_HELD, _MOST_WAITING, _MOST_VERSIONS = 100, 20, 50, 100, 40
_FOLLOWED = re.compile(r"(?:https?://|\.\./)[^\s<>\"']+")
_MOST_NAMED = 5
"""Links of one request whose accounts are named."""
_LONGEST_PERSON = 100
"""Characters of a name with its id."""
_LATEST = 3
"""Requests that are shown for each cause."""
_OPEN = "not ended yet"
_COLOURS = {
    "answered": "c1",
    "elsewhere": "c2",
    "given_up": "c3",
    "denied": "c4",
    "skipped": "c5",
    "withdrawn": "c6",
    "shadowed": "c7",
}
_PRODUCT_COLOURS = ("c1", "c2", "c4", "c3", "c5", "c6")
_WAITS = {
    "held": "for approvers",
    "failed": "to be tried again",
    "computed": "to be posted",
    "posting": "until Slack shows the reply",
    "claimed": "for the tick that works on it",
    "restarted": "for the next tick",
}
_REASONS = {
    "request limit": "the amount is above the limit for one request",
    "day limit": "more would be credited on one day than the policy allows",
    "month limit": "an account would get more for one month than the policy allows",
    "accounts": "the accounts are not known",
    "overlap": "some of the traffic was credited before, or may have been",
    "repeated rows": "the SQL of a link may count rows twice",
    "age": "the traffic is older than the policy allows",
    "second opinion": "people usually credit another amount for such traffic",
    "words": "somebody said no or perhaps yes in the thread, or the request was taken back there",
    "talk": "somebody wrote in the thread",
}


def people_on(figures: Figures) -> set[str]:
    """Ids of everybody whom the report names."""
    latest = (request for failed in figures.failed for request in failed.requests[:_LATEST])
    shown = (*figures.largest[:_MOST_LARGEST], *figures.held[:_MOST_HELD], *latest, *figures.waiting[:_MOST_WAITING])
    return people_in(shown) | {user for request in figures.held for user in request.deciders}


def report_page(figures: Figures, policy: Sequence[str], names: Names, made: datetime) -> str:
    """The report.

    Args:
        figures: of its range of time.
        policy: the policy in force, in sentences.
        names: of those whom `people_on` says.
        made: UTC, now.
    """
    accounts, more_accounts = _by_account(figures)
    products = {one.name: one.amount for one in figures.by(lambda line: line.product)}
    outcomes = {status: words for status, words in {**OUTCOMES, "": _OPEN}.items() if figures.outcomes.get(status)}
    return render(
        _templates(),
        "report.html",
        report_style(),
        made=made,
        figures=figures,
        first=figures.start,
        goal=GOAL,
        tiles=_tiles(figures, made),
        charts=_charts(figures.periods, list(products)),
        periods=figures.periods,
        products=products,
        outcome_words=outcomes,
        time_heads=[
            ("From", ""),
            *((words, "number") for words in (*outcomes.values(), "automation rate")),
            *((f"USD, {name}", "number") for name in products),
        ],
        sums=[("Product", figures.by(lambda one: one.product)), ("Month", _by_month(figures))],
        accounts=accounts,
        more_accounts=more_accounts,
        largest=[_credit(request, figures.lines, names) for request in figures.largest[:_MOST_LARGEST]],
        held=[_held(request, names, made) for request in figures.held[:_MOST_HELD]],
        more_held=len(figures.held[_MOST_HELD:]),
        held_reasons=_held_reasons(figures.held),
        deciders=_deciders(figures.held, names),
        failed=[
            {
                "cause": cause_of(failed.kind), "requests": len(failed.requests), "computed": failed.computed,
                "latest": [_with_reason(request, names) for request in failed.requests[:_LATEST]],
            }
            for failed in figures.failed
        ],
        times=_times(figures),
        waiting=[_waiting(request, names, made) for request in figures.waiting[:_MOST_WAITING]],
        more_waiting=len(figures.waiting[_MOST_WAITING:]),
        twice=figures.twice,
        versions=_versions(figures.asked),
        policy=policy,
        missing_names=names.missing,
    )  # fmt: skip


def _tiles(figures: Figures, made: datetime) -> list[tuple[str, str, str]]:
    """(name, figure, what it means) of the most important figures."""
    rate, answer, waiting = figures.rate, figures.to_answer, figures.waiting
    share = "-" if rate.share is None else f"{rate.share:.0%}"
    oldest = f"the oldest for {duration((made - waiting[0].asked).total_seconds())}" if waiting else "no request waits"
    approved = approved_of(rate.in_full, rate.approved)
    answered = f"{rate.in_full:,} of {rate.ended:,} that wanted an answer{approved}; the goal is {GOAL:.0%}"
    links = f"{count(len(figures.lines), 'link')} of {count(len(figures.largest), 'request')}"
    again = count(figures.twice.repeats + figures.twice.overlaps, "request")
    return [
        ("Answered by creditbot", share, answered),
        ("Credited", usd(figures.credited), links),
        ("Time to answer", duration(answer.median), f"median; {duration(answer.p95)} for 95 of 100"),
        ("Waiting now", f"{len(waiting):,}", oldest),
        ("Not paid twice", usd(figures.twice.not_paid), f"{again} for traffic credited before"),
    ]


def _charts(periods: Sequence[Period], products: Sequence[str]) -> list[dict[str, object]]:
    labels = [period.label for period in periods]
    by_outcome = [
        Series(words, _COLOURS[status], tuple(float(period.outcomes.get(status, 0)) for period in periods))
        for status, words in OUTCOMES.items()
    ]
    by_product = [
        Series(one_line(name, 30), colour, tuple(float(period.credited.get(name, 0)) for period in periods))
        for name, colour in zip(products, _PRODUCT_COLOURS, strict=False)
    ]
    shown = [series for series in by_outcome if any(series.values)]
    requests = columns("Requests by outcome", labels, shown, lambda value: f"{value:,.0f}", whole=True)
    credited = columns("USD credited by product", labels, by_product, short_usd)
    rates = line("Automation rate", labels, [period.rate.share for period in periods], GOAL)
    return [
        {"title": "Requests", "svg": requests, "legend": [(series.name, series.colour) for series in shown]},
        {"title": "USD credited", "svg": credited, "legend": [(series.name, series.colour) for series in by_product]},
        {"title": f"Automation rate (goal {GOAL:.0%})", "svg": rates, "legend": []},
    ]


def _by_month(figures: Figures) -> list[Sums]:
    """The months in order. The first one says so if the report begins within it: the export has all of that month."""
    sums = sorted(figures.by(lambda one: one.month), key=lambda one: one.name)
    start = figures.start
    if sums and sums[0].name == f"{start:%Y-%m}" and start > month_range(start)[0]:
        sums[0] = replace(sums[0], name=f"{sums[0].name}, from {start:%-d %b}")
    return sums


def _by_account(figures: Figures) -> tuple[list[Sums], int]:
    """The accounts with the largest sums, then one line for the others; and how many these are."""
    sums = figures.by(lambda one: one.accounts_in_short)
    rest = sums[_MOST_ACCOUNTS:]
    others = Sums("all others", sum(one.credits for one in rest), sum((one.amount for one in rest), Decimal(0)))
    return ([*sums[:_MOST_ACCOUNTS], others] if rest else sums), len(rest)


def _link(request: PastRequest, names: Names) -> dict[str, Any]:
    """How a request is named, and where it and its page are; only addresses of the web are links."""
    return {
        "asked": request.asked,
        "permalink": web_address(request.permalink),
        "page": web_address(request.page),
        "requester": one_line(names.with_id(request.requester or NOT_KNOWN), _LONGEST_PERSON),
    }


def _with_reason(request: PastRequest, names: Names) -> dict[str, Any]:
    return _link(request, names) | {"reason": one_line(names.in_text(request.reason), 300)}


def _credit(request: PastRequest, lines: Iterable[CreditLine], names: Names) -> dict[str, Any]:
    own = [each for each in lines if each.request is request]
    accounts = list(dict.fromkeys(one_line(each.accounts_in_short, 200) for each in own))
    return _link(request, names) | {
        "amount": request.amount,
        "accounts": accounts[:_MOST_NAMED],
        "more_accounts": len(accounts) - _MOST_NAMED,
        "days": _listed(each.days for each in own),
        "products": _listed(each.product for each in own),
        "approved_by": ", ".join(map(names.with_id, request.deciders)),
    }


def _held(request: PastRequest, names: Names, now: datetime) -> dict[str, Any]:
    hold = request.hold
    assert hold
    if not request.terminal:
        outcome = f"waits until {hold.until:%Y-%m-%d %H:%M}" if hold.until and hold.until > now else "waits"
    else:
        outcome = {"answered": "approved", "denied": "denied"}.get(request.status, OUTCOMES[request.status])
    is_expired = request.status == "denied" and not request.deciders
    return _link(request, names) | {
        "amount": request.computed,
        "outcome": "nobody decided in time" if is_expired else outcome,
        "by": ", ".join(map(names.with_id, request.deciders)),
        "reasons": [one_line(names.in_text(reason.text), 300) for reason in hold.reasons],
    }


def _held_reasons(held: Iterable[PastRequest]) -> list[tuple[str, int]]:
    """(why, how many requests), the most frequent first."""
    kinds = Counter(
        kind for request in held if request.hold for kind in {reason.kind for reason in request.hold.reasons}
    )
    return [
        (_REASONS.get(kind or "", "for a reason of an earlier or later version"), number)
        for kind, number in kinds.most_common()
    ]


def _deciders(held: Iterable[PastRequest], names: Names) -> list[tuple[str, int, int]]:
    """(who, how often they said yes, how often no), the most votes first."""
    yes: Counter[str] = Counter()
    no: Counter[str] = Counter()
    for request in held:
        (no if request.status == "denied" else yes).update(request.deciders)
    people = sorted({*yes, *no}, key=lambda who: (-yes[who] - no[who], who))
    return [(one_line(names.with_id(who), _LONGEST_PERSON), yes[who], no[who]) for who in people]


def _waiting(request: PastRequest, names: Names, now: datetime) -> dict[str, Any]:
    return _with_reason(request, names) | {
        "since": duration((now - request.asked).total_seconds()),
        "what": _WAITS.get(request.status, request.status),
        "amount": request.computed,
    }


def _times(figures: Figures) -> list[tuple[str, Times]]:
    return [
        ("From the request to creditbot's reply", figures.to_answer),
        ("The same, where approvers decided first", figures.to_answer_held),
        ("Work on the request alone, from claim to reply", figures.seconds),
        ("From the request to the answer of a person", figures.by_people),
    ]


def _versions(requests: Iterable[PastRequest]) -> list[tuple[str, str, int, datetime]]:
    """(package, version, how many links it ran for, when it was last used) of what ran the notebooks."""
    seen: dict[tuple[str, str], tuple[int, datetime]] = {}
    for request in requests:
        for link in request.links or ():
            for package, version in link.versions.items():
                seen[package, version] = seen.get((package, version), (0, request.asked))[0] + 1, request.asked
    ranked = sorted(seen.items(), key=lambda item: (item[0][0], -item[1][1].timestamp()))
    return [
        (one_line(name, 60), one_line(version, 60), *seen[name, version])
        for (name, version), _ in ranked[:_MOST_VERSIONS]
    ]


def _listed(words: Iterable[str]) -> str:
    return one_line("; ".join(dict.fromkeys(words)), 200)


def web_address(address: str | None) -> str:
    """The address if a browser can follow it from the report, else ""."""
    return address if address and len(address) < 2_000 and _FOLLOWED.fullmatch(address) else ""


@cache
def _templates() -> Environment:
    return environment(_FOLDER, usd=usd, duration=duration)


@cache
def report_style() -> str:
    """The style sheet of the report."""
    return base_style() + (_FOLDER / "report.css").read_text(encoding="utf-8")
