"""`creditbot show` and `retry`: what became of a single request, and letting one start again.

What is known of requests comes from `creditbot.insight.lookup`. `retry` alone changes something: it puts the request
into the state where the next tick finds it.
"""

from __future__ import annotations

import getpass
import os
import socket
from argparse import Namespace
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from creditbot.bootstrap import Assembly, assemble
from creditbot.commands.link_facts import link_facts
from creditbot.commands.output import STATUS_WORDS, WOULD_WORDS, answer_line, count, names_of, utc
from creditbot.credit.amount import format_usd
from creditbot.errors import SettingsError
from creditbot.evidence.fields import mapping, mappings, sequence, text
from creditbot.evidence.summary import outcome_fields
from creditbot.insight.lookup import Lookup, RequestFacts
from creditbot.insight.past import PastRequest, past_request
from creditbot.insight.people import people_in
from creditbot.intake.permalink import Permalink, read_permalink
from creditbot.model import Names
from creditbot.ports import Clock, Pages
from creditbot.settings.settings import Settings
from creditbot.slack_time import time_of
from creditbot.state.ledger import Ledger
from creditbot.state.record import ANSWERED, move, restarted
from creditbot.text import one_line, printable

_CAN_START_AGAIN = ("held", "failed", "given_up", "denied", "skipped", "withdrawn", "shadowed")
_MOST_WORDS = 200
"""Characters of the message that are printed."""


def show(options: Namespace) -> int:
    """Prints what is known of one request, or why the message is not one."""
    permalink = read_permalink(options.permalink)
    assembly = _assembly()
    facts = _lookup(assembly).find(permalink)
    past = past_request(facts.key, facts.record, facts.summary)
    names = names_of(assembly.people(), people_in([past]))
    for line in request_lines(facts, options.permalink, names, page_of(facts, assembly.ports.pages)):
        print(line)
    return 0


def retry(options: Namespace) -> int:
    """Lets the next tick start a request again, or with --failed every request that was given up."""
    if options.by and not options.again:
        raise SettingsError("--by names the person who wants --again.", "Give both options, or neither.")
    if options.failed == bool(options.permalink):
        raise SettingsError("retry takes the address of one request, or --failed.", "Give one of them.")
    if options.failed:
        return _retry_failed(options)
    if options.since:
        raise SettingsError("--since goes with --failed.", "Give both options, or neither.")
    permalink = read_permalink(options.permalink)
    assembly = _assembly()
    overridden_by = (options.by or person()) if options.again else ""
    restart(_lookup(assembly), assembly.ledger, assembly.ports.clock, permalink, overridden_by)
    print("The next tick will start this request again.")
    return 0


def _retry_failed(options: Namespace) -> int:
    if options.again:
        raise SettingsError("--again is for one request.", "Give the address of that request instead of --failed.")
    assembly = _assembly()
    since = options.since or datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    outcomes = restart_failed(_lookup(assembly), assembly.ledger, assembly.ports.clock, since)
    for address, problem in outcomes:
        print(printable(f"{address}  {problem or 'will be started again'}"))
    restarts = sum(not problem for _, problem in outcomes)
    print(f"The next tick will start {count(restarts, 'request')} again.")
    return 0


def restart_failed(lookup: Lookup, ledger: Ledger, clock: Clock, since: datetime) -> Sequence[tuple[str, str]]:
    """Restarts every request asked since then that was given up.

    Returns (address, why it was not restarted or "") of each, oldest first.
    """
    outcomes = []
    for request in lookup.past(since):
        if request.status == "given_up" and time_of(request.key.ts) >= since:
            problem = ""
            try:
                restart(lookup, ledger, clock, read_permalink(request.permalink))
            except SettingsError as error:
                problem = str(error)
            outcomes.append((request.permalink, problem))
    return outcomes


def restart(lookup: Lookup, ledger: Ledger, clock: Clock, permalink: Permalink, overridden_by: str = "") -> None:
    """Puts a request into the state where the next tick starts it again.

    Args:
        lookup: finds the request.
        ledger: the state, the one that `lookup` reads.
        clock: gives the time of this retry.
        permalink: which message it is.
        overridden_by: who wants the same SQL credited twice, or "".

    Raises `SettingsError` for a request that was answered, or may be about to be, and for a message that is not one.
    """
    facts = lookup.find(permalink)
    problem = _why_not_again(facts, lookup, permalink.thread) or lookup.why_not_a_request(permalink)
    if problem:
        raise SettingsError(problem)
    now = clock.now()
    changes = {"overridden_by": overridden_by, "retried": now}
    if facts.record:
        record = restarted(facts.record, now, reply="", **changes)
    else:
        thread = permalink.thread if permalink.thread != permalink.ts else ""
        record = move(None, "restarted", now, thread=thread, **changes)
    ledger.swap(facts.key, facts.record, record)


def _why_not_again(facts: RequestFacts, lookup: Lookup, thread: str) -> str:
    """Why a request with that status cannot start again, one sentence or two; "" if it can."""
    if facts.status == "elsewhere" and not lookup.shows_answer(facts.key, thread):
        return ""
    if facts.status in ANSWERED:
        return "This request has been answered; the bot answers only once. If the answer is wrong, correct it by hand."
    if facts.record is None or facts.status in _CAN_START_AGAIN:
        return ""
    if facts.status == "posting":
        return "A reply to this request may be on its way. The next ticks will find out; there is nothing to retry yet."
    return f"This request is already under way ({facts.status}). The next tick continues it."


def person() -> str:
    """Who typed the command, as the summary keeps it."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user has a number only
        user = f"uid {os.getuid()}"
    return f"{user}@{socket.gethostname()}"


def _assembly() -> Assembly:
    return assemble(Settings.load())


def _lookup(assembly: Assembly) -> Lookup:
    return Lookup(assembly.ports.inbox, assembly.ports.summaries, assembly.ledger, assembly.rules.requests)


def page_of(facts: RequestFacts, pages: Pages) -> str:
    """Where the request's page is; "" if there is none, such as for a request that an earlier version ended."""
    return pages.address(facts.key) if facts.summary and pages.load(facts.key) else ""


def request_lines(facts: RequestFacts, permalink: str, names: Names, page: str = "") -> Iterable[str]:
    """What the state and the summary say of one request; `page` is where its page is, or ""."""
    yield permalink
    if facts.ignored:
        yield facts.ignored
        return
    for name, value in _named_facts(facts, names):
        yield printable(f"{name:<10} {value}")
    if page:
        yield printable(f"{'page':<10} {page}")


def _named_facts(facts: RequestFacts, names: Names) -> Iterable[tuple[str, str]]:
    """(name, value) pairs, one a line; those without a name continue the line above. What nobody knows is left out."""
    summary, record = facts.summary or {}, facts.record
    past = past_request(facts.key, record, facts.summary)
    outcome = outcome_fields(summary)
    pairs = (
        ("asked", f"{utc(past.asked)}{f' by {names.with_id(past.requester)}' if past.requester else ''}"),
        ("message", one_line(text(mapping(summary.get("request")).get("text")), _MOST_WORDS)),
        ("status", f"{STATUS_WORDS.get(past.status, past.status)}{f', since {utc(past.at)}' if past.at else ''}"),
        ("shadow", WOULD_WORDS.get(past.would, "")),
        ("reason", names.in_text(past.reason)),
        ("next try", utc(record.due) if record and record.due and not record.terminal else ""),
        ("answered", utc(past.answered) if past.answered else ""),
        ("answer by", answer_line(names.with_id(past.answer_by), past.answer_amount) if past.answer_by else ""),
        _amount(past),
        ("note", text(summary.get("note"))),
        *_held(past, names),
        *(("compared", text(doubt)) for doubt in sequence(summary.get("not_compared"))),
        ("opinion", text(summary.get("second_opinion"))),
        ("again by", names.with_id(past.overridden_by)),
        ("attempts", str(record.attempts if record else outcome.get("attempts") or "")),
        ("digest", past.digest or ""),
        ("summary", record.result.location if record and record.result else ""),
    )
    yield from ((name, value) for name, value in pairs if value)
    for link in mappings(summary.get("links")):
        yield from link_facts(link)


def _amount(past: PastRequest) -> tuple[str, str]:
    """What creditbot credited, or else what it computed, which then says that nobody was paid by it."""
    if past.amount is not None:
        return "credit", format_usd(past.amount)
    if past.computed is None:
        return "credit", ""
    if past.status == "posting":
        return "computed", f"{format_usd(past.computed)}; nobody knows yet whether the reply was posted"
    by = " by creditbot" if past.answer_by else ""
    return "computed", f"{format_usd(past.computed)}, not credited{by}{'' if past.terminal else ' yet'}"


def _held(past: PastRequest, names: Names) -> Iterable[tuple[str, str]]:
    """Why approvers were asked, until when, what they said, and the digest that they saw."""
    hold = past.hold
    if hold is None:
        return
    for reason in hold.reasons:
        yield "held", names.in_text(reason.text)
    if hold.until and not past.terminal:
        yield "held until", utc(hold.until)
    for vote in hold.votes:
        typed = f", typed by {vote.typed_by}" if vote.typed_by else ""
        yield "vote", f"{'yes' if vote.yes else 'no'} by {names.with_id(vote.by)}, {utc(vote.seen)}{typed}"
    if past.deciders:
        yield (
            ("denied" if past.status == "denied" else "approved"),
            f"by {', '.join(map(names.with_id, past.deciders))}",
        )
    yield "approval", f"digest {hold.digest}" if hold.digest else ""
