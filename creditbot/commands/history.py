"""`creditbot history`: past requests as a table or as JSON, with totals and the automation rate.

They are read by `creditbot.insight` from the state and the summaries. Slack is asked for people's names alone.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from creditbot.bootstrap import assemble
from creditbot.commands.output import STATUS_WORDS, WOULD_WORDS, answer_line, count, names_of
from creditbot.commands.report import history_of
from creditbot.credit.amount import format_usd
from creditbot.credit.footprint import account_key
from creditbot.errors import SettingsError
from creditbot.insight.figures import automation_rate
from creditbot.insight.past import PastLink, PastRequest
from creditbot.insight.people import people_in
from creditbot.insight.wording import approved_of
from creditbot.machine import exact_json
from creditbot.model import Names
from creditbot.settings.settings import Settings
from creditbot.text import printable
from creditbot.text.known_secrets import without_known_secrets

DAYS = 30
"""How far back it looks unless somebody says otherwise."""
_INDENT = " " * 18


def history(options: Namespace) -> int:
    """Lists past requests, oldest first, with what they come to and the automation rate."""
    start, end, when = time_range(options, datetime.now(UTC))
    assembly = assemble(Settings.load())
    past = history_of(assembly, with_log=options.json).asked(start, end)
    chosen = [request for request in past if _is_wanted(request, options.account, options.requester)]
    names = names_of(assembly.people(), people_in(chosen))
    if options.json:
        print(without_known_secrets(exact_json.write([history_json(request, names) for request in chosen])))
        return 0
    for line in history_lines(chosen, when, names):
        print(line)
    return 0


def time_range(options: Namespace, now: datetime) -> tuple[datetime, datetime | None, str]:
    """The first moment, the first one that is too late (None for no end), and both in words.

    Raises `SettingsError` for options that contradict each other.
    """
    first, last = options.first, options.last
    if options.days and (first or last):
        raise SettingsError("--days goes without --from and --to.", "Give one or the other.")
    if first is None and last is None:
        days = options.days or DAYS
        return now - timedelta(days=days), None, f"in the last {count(days, 'day')}"
    if first and last and first > last:
        raise SettingsError("--from is later than --to.", "Give the earlier day to --from.")
    words = [f"from {first:%Y-%m-%d}" if first else "", f"to {last:%Y-%m-%d}" if last else "on"]
    start = first or datetime(2000, 1, 1, tzinfo=UTC)
    return start, last + timedelta(days=1) if last else None, " ".join(filter(None, words))


def _is_wanted(request: PastRequest, account: str, requester: str) -> bool:
    """Whether it is for the account, however that is written, and by the person; "" wants all."""
    accounts = {account_key(name) for link in request.links or () for name in link.accounts or ()}
    is_account = not account or account_key(account) in accounts
    return is_account and (not requester or request.requester == requester)


def history_lines(past: Sequence[PastRequest], when: str, names: Names) -> Iterable[str]:
    """The table, newest last, then the totals and the automation rate; `when` says of which time."""
    asked_by = [names.with_id(request.requester or "") for request in past]
    width = max(map(len, asked_by), default=0)
    width = max(width, len("asked by"))
    if past:
        yield f"{'asked (UTC)':<16}  {'outcome':<18}  {'credit':>12}  {'asked by':<{width}}  request"
    for request, requester in zip(past, asked_by, strict=True):
        usd = request.computed if request.would in ("answered", "held") else request.amount
        amount = format_usd(usd) if usd is not None else ""
        words = WOULD_WORDS.get(request.would) or STATUS_WORDS.get(request.status, request.status)
        facts = f"{words:<18}  {amount:>12}  {requester:<{width}}"
        yield printable(f"{request.asked:%Y-%m-%d %H:%M}  {facts}  {request.permalink}")
        yield from (printable(f"{_INDENT}{line}") for line in _details(request, names))
    yield from _totals(past)
    yield _rate_line(past, when)
    yield from _shadow_lines([request for request in past if request.would])


def _details(request: PastRequest, names: Names) -> Iterable[str]:
    if request.reason and request.status != "elsewhere":
        yield names.in_text(request.reason)
    if request.status == "answered" and request.skipped:
        yield f"It does not cover all links: no product is on for the SQL of {request.skipped} of them."
    if request.answer_by:
        yield answer_line(names.with_id(request.answer_by), request.answer_amount)
    if request.deciders:
        deciders = ", ".join(map(names.with_id, request.deciders))
        yield f"{'denied' if request.status == 'denied' else 'approved'} by {deciders}"
    yield from request.traffic


def _totals(past: Sequence[PastRequest]) -> Iterable[str]:
    """What creditbot credited, and what others named; nothing for a history without either."""
    ours = [request.amount for request in past if request.amount is not None]
    theirs = [request.answer_amount for request in past if request.status == "elsewhere" and request.answer_amount]
    parts = [
        f"{format_usd(sum(amounts, Decimal(0)))} {words} {count(len(amounts), 'request')}"
        for amounts, words in ((ours, "credited for"), (theirs, "answered by others for"))
        if amounts
    ]
    if parts:
        yield f"In all {', '.join(parts)}."


def _shadow_lines(past: Sequence[PastRequest]) -> Iterable[str]:
    """How what creditbot would have answered in shadow compares with what people answered."""
    if not past:
        return
    would = [request for request in past if request.would == "answered"]
    by_people = [request for request in would if request.answer_by]
    same = sum(request.answer_amount == request.computed for request in by_people)
    yield (
        f"In shadow: {count(len(past), 'request')}. creditbot would have answered {len(would)}; people answered "
        f"{len(by_people)} of these, {same} with the same amount."
    )


def _rate_line(past: Sequence[PastRequest], when: str) -> str:
    rate = automation_rate(past)
    if rate.share is None:
        return f"No request was answered, given up or skipped {when}."
    seconds = [request.seconds for request in past if request.status == "answered" and request.seconds]
    answered = f"creditbot answered {rate.in_full} of {count(rate.ended, 'request')}"
    approved = approved_of(rate.in_full, rate.approved)
    return f"Automation rate {rate.share:.0%}: {answered}{approved}.{_mean(seconds)}"


def _mean(seconds: Sequence[float]) -> str:
    if not seconds:
        return ""
    mean = f"{sum(seconds) / len(seconds):.1f} seconds per request on average"
    return f" From the start of work to the reply it took {mean}; waiting before is not counted."


def history_json(request: PastRequest, names: Names) -> Mapping[str, object]:
    """All that is known of a request; null where nobody knows."""
    hold = request.hold
    return {
        "key": str(request.key), "request": request.permalink or None, "outcome": request.status,
        "would": request.would or None, "credit": request.amount, "computed": request.computed,
        "asked_at": _stamp(request.asked), "seen_at": _stamp(request.seen), "answered_at": _stamp(request.answered),
        "changed_at": _stamp(request.at), "seconds": _decimal(request.seconds), "asked_by": request.requester,
        "asked_by_name": names.of(request.requester), "reason": request.reason or None, "cause": request.cause,
        "answer_by": request.answer_by or None, "answer_by_name": names.of(request.answer_by),
        "answer_amount": request.answer_amount, "credited_again_by": request.overridden_by or None,
        "held_because": [reason.text for reason in hold.reasons] if hold else None,
        "decided_by": list(request.deciders), "decided_by_names": [names.of(user) for user in request.deciders],
        "decided_at": _stamp(request.decided),
        "approval_digest": hold.digest if hold else None, "digest": request.digest, "evidence": request.page,
        "log_position": request.log_position,
        "links": None if request.links is None else [_link(link) for link in request.links],
    }  # fmt: skip


def _link(link: PastLink) -> Mapping[str, object]:
    days = link.days
    return {
        "link": link.url, "product": link.product, "credit": link.credit,
        "accounts": None if link.accounts is None else list(link.accounts),
        "traffic_from": str(days.first) if days and days.start else None,
        "traffic_to": str(days.last) if days and days.end else None,
        "flagged_units": link.units, "fraud_cost": link.fraud_cost, "skipped": link.skipped, "problem": link.problem,
    }  # fmt: skip


def _stamp(moment: datetime | None) -> str | None:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if moment else None


def _decimal(seconds: float | None) -> Decimal | None:
    return None if seconds is None else Decimal(f"{seconds:.3f}")
