"""`creditbot report`, and the report and the weekly digest that follow a tick.

What they show is read by `creditbot.insight` from the state and the summaries. Slack is asked for people's names alone.
"""

from __future__ import annotations

import logging
from argparse import Namespace
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from creditbot.bootstrap import Assembly, assemble, make_report_store
from creditbot.commands.channels import policies_in_words, products_on
from creditbot.commands.output import count, names_of
from creditbot.errors import CreditbotError, SettingsError
from creditbot.evidence.places import from_report
from creditbot.insight.figures import Figures, figures
from creditbot.insight.history import History, log_positions
from creditbot.insight.past import PastRequest
from creditbot.insight.report import people_on, report_page
from creditbot.insight.weekly import WEEK, week_of, weekly_digest
from creditbot.model import Names
from creditbot.settings.settings import Settings
from creditbot.text import printable
from creditbot.text.known_secrets import without_known_secrets

DAYS = 365
"""How far back a report looks that nobody asked for."""

AHEAD = timedelta(minutes=5)
"""How far Slack's times may be ahead of our clock: an answer of this moment belongs to the report."""

NAMES_WITHIN = 10.0
"""Seconds that a tick waits for people's names; the next report asks for them again."""

log = logging.getLogger(__name__)


def report(options: Namespace) -> int:
    """Writes the report to OUTPUT_URI, or to a file, and says where it is. Or prints what a weekly digest would say."""
    settings = Settings.load()
    assembly = assemble(settings)
    now = datetime.now(UTC)
    if options.digest:
        tomorrow = datetime.combine(now.date() + timedelta(days=1), time(tzinfo=UTC))
        print(printable(_digest(settings, assembly, tomorrow - WEEK, tomorrow)))
        return 0
    start, store = now - timedelta(days=options.days), make_report_store(settings)
    past = history_of(assembly).during(start, now + AHEAD)
    shown = figures(past if options.out else linked_beside(past), start, now + AHEAD)
    page = _page(assembly, shown, names_of(assembly.people(), people_on(shown)), now)
    if options.out:
        write_file(options.out, page.encode())
    else:
        store.save(page)
    what = f"{count(len(shown.asked), 'request')} of the last {count(options.days, 'day')}"
    print(printable(f"{what}: {options.out or store.address()}"))
    return 0


def history_of(assembly: Assembly, *, with_log: bool = False) -> History:
    """What is known of the past now; `with_log` says whether places in the log of ends belong to it."""
    positions = log_positions(assembly.ports.log.entries()) if with_log else None
    return History(assembly.ports.summaries, assembly.ports.pages, assembly.ledger.read(), positions)


def keep_report(settings: Settings, assembly: Assembly, now: datetime) -> None:
    """Writes a new report after a tick. If that fails, the log says so, and the next tick tries it again."""
    try:
        start, end = now - timedelta(days=DAYS), now + AHEAD
        shown = figures(linked_beside(history_of(assembly).during(start, end)), start, end)
        names = assembly.people().names(people_on(shown), NAMES_WITHIN)
        make_report_store(settings).save(_page(assembly, shown, names, now))
        assembly.ledger.update_meta(lambda meta: replace(meta, reported=now))
    except CreditbotError as error:
        log.warning("the report could not be kept: %s", error)


def weekly_text(settings: Settings, assembly: Assembly, monday: date) -> str:
    """The weekly digest of the week that begins on a Monday."""
    return _digest(settings, assembly, *week_of(monday))


def linked_beside(past: Iterable[PastRequest]) -> list[PastRequest]:
    """The requests with the addresses of their pages as the report beside these pages links to them."""
    return [replace(request, page=from_report(request.key)) if request.page else request for request in past]


def write_file(path: Path, content: bytes) -> None:
    """Writes what a person asked for. Raises `SettingsError` if it cannot be written there."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}.", "Give --out another path.") from error


def _digest(settings: Settings, assembly: Assembly, start: datetime, end: datetime) -> str:
    past = history_of(assembly).during(start - WEEK, end)
    return without_known_secrets(weekly_digest(past, start, end, make_report_store(settings).address()))


def _page(assembly: Assembly, shown: Figures, names: Names, now: datetime) -> str:
    policy = policies_in_words(assembly.rules.channels, products_on(assembly))
    return without_known_secrets(report_page(shown, list(policy), names, now))
