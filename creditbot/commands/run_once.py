"""`creditbot run-once`: one tick on the Slack and Looker of the settings.

Settings come from the environment and `.env`; `creditbot.tick` does the work. What happens goes to the log and, unless
the log itself is on the standard output, to the terminal.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from typing_extensions import override

from creditbot.answer.weekly import week_due
from creditbot.commands.output import STATUS_WORDS, WOULD_WORDS, count, say, utc
from creditbot.credit.amount import format_usd
from creditbot.errors import CreditbotError, SettingsError
from creditbot.text import printable
from creditbot.tick.afterwards import is_report_due
from creditbot.tick.report import Progress, TickReport

if TYPE_CHECKING:
    from argparse import Namespace
    from datetime import date, datetime

    from creditbot.bootstrap import Assembly
    from creditbot.ports import MetricsTarget
    from creditbot.settings.settings import Settings
    from creditbot.state.record import Meta, Record

FINISH_SECONDS = 25.0
"""After SIGTERM, how long notebooks may still run; the rest of the grace period is for releasing their requests."""

_OBJECTS = 100_000
"""More than an idle tick makes: the garbage collector's first look comes with the work, not with the imports."""
_INDENT = " " * 6
_WORDS_WIDTH, _SHADOW_WIDTH = 19, 24

log = logging.getLogger(__name__)


def run(_: Namespace) -> int:
    """Reads the settings and does one tick. Settings that are missing are an error, never a reason for a sandbox."""
    gc.set_threshold(_OBJECTS)
    from creditbot.settings.settings import Settings, environment

    try:
        return tick(Settings.load(), environment())
    finally:
        gc.freeze()  # nothing is collected at exit: the collector would look through all imported modules several times


def tick(settings: Settings, environ: Mapping[str, str]) -> int:
    """One tick with these settings; 1 if something failed that nobody was told about.

    Args:
        settings: what the deployment decides.
        environ: the environment, of which notebooks see what the settings let them.
    """
    from creditbot.bootstrap import assemble

    speak = begin(settings)
    assembly = assemble(settings, progress=ConsoleProgress(speak, shadow=settings.shadow), environ=environ)
    with stopping(assembly):
        report = work(settings, assembly)
    for line in problem_lines(report):
        log.error(line)
    for line in tick_lines(report, assembly.ledger.state.meta, assembly.ports.clock.now()):
        speak(line)
    renew_report(settings, assembly)
    return 0 if report.ok else 1


def begin(settings: Settings) -> Callable[[str], None]:
    """Opens the log of a process, and warns of addresses that are not encrypted; returns what tells the terminal."""
    speak = open_log(settings)
    for name in settings.plain_http:
        log.warning("%s uses plain http, as HTTP_HOSTS allows", name)
    return speak


def open_log(settings: Settings) -> Callable[[str], None]:
    """Opens the log; returns what tells the terminal, which is silent if the log is there.

    Calling it again opens the file of that name again, which somebody may have moved away meanwhile.
    """
    from creditbot.machine import logs
    from creditbot.machine.file_rights import readable_by

    readable_by(settings.files_readable_by)
    logs.configure(settings.log_path, settings.log_format, level=settings.log_level)
    return say if settings.log_path else _silent


def work(settings: Settings, assembly: Assembly, page: MetricsTarget | None = None) -> TickReport:
    """One tick, the weekly digest if it is due, and metrics, which `creditbot serve` also shows on `page`.

    Raises a `CreditbotError`, which the log has then, if nothing could be done at all.
    """
    try:
        check_notebooks_exist(assembly)
        report = assembly.bot.tick()
    except CreditbotError as error:
        log.error("the tick ended early: %s", error)  # noqa: TRY400  # what it says is enough
        _publish_metrics(settings, assembly, page, succeeded=False)
        raise
    post_digest(settings, assembly, report)
    _publish_metrics(settings, assembly, page, succeeded=report.ok)
    return report


def post_digest(settings: Settings, assembly: Assembly, report: TickReport) -> None:
    """Posts the weekly digest after a tick, if one is due; `report` says what went wrong."""
    state, now = assembly.ledger.state, assembly.ports.clock.now()
    if not settings.digest or week_due(state, now, assembly.rules.settle) is None:
        return
    from creditbot.bootstrap import digest_teller
    from creditbot.commands.report import keep_report, weekly_text

    def text(week: date) -> str:
        keep_report(settings, assembly, now)  # the digest links to it
        return weekly_text(settings, assembly, week)

    try:
        assembly.bot.post_digest(digest_teller(settings, assembly.slack), text)
    except CreditbotError as error:
        report.errors.append(f"The weekly digest could not be posted: {error}")


def renew_report(settings: Settings, assembly: Assembly) -> None:
    """Writes a new report after a tick, if one is due."""
    if is_report_due(assembly.ledger.state, assembly.ports.clock.now()):
        from creditbot.commands.report import keep_report

        keep_report(settings, assembly, assembly.ports.clock.now())


def _publish_metrics(settings: Settings, assembly: Assembly, page: MetricsTarget | None, *, succeeded: bool) -> None:
    """Nothing of it is imported where nobody wants metrics."""
    if settings.metrics_file or settings.pushgateway_url or page:
        from creditbot.commands.metrics import publish_metrics

        publish_metrics(settings, assembly, page, succeeded=succeeded)


def check_notebooks_exist(assembly: Assembly) -> None:
    """Raises `SettingsError` for a missing notebook: because of a wrong path, no request may be given up."""
    for product in assembly.products.products:
        if product.notebook and not os.access(product.notebook, os.R_OK):
            raise SettingsError(
                f"The notebook {product.notebook} of the product {product.name} does not exist, or cannot be read.",
                "Correct NOTEBOOK_PATH, PSMS_NOTEBOOK_PATH or PRODUCTS_FILE.",
            )


@contextmanager
def stopping(assembly: Assembly, at_once: Callable[[], object] = lambda: None) -> Iterator[None]:
    """At SIGTERM or SIGINT no new request is taken, and notebooks get a little time. Our processes always end.

    `at_once` is called in the signal handler, so it must not wait for anything.
    """
    timer = threading.Timer(FINISH_SECONDS, assembly.ports.runner.close)
    timer.daemon = True

    def stop(*_: object) -> None:
        assembly.stop.ask()
        if timer.ident is None:  # at the first signal
            at_once()
            os.write(2, b"creditbot: stopping; requests under way are finished, or released for the next tick\n")
            timer.start()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        timer.cancel()
        assembly.ports.runner.close()
        assembly.sql_reader.close()
        for number, handler in before.items():
            signal.signal(number, handler)


def _silent(_: str) -> None:
    """In a container the log is what people read."""


class ConsoleProgress(Progress):
    """Says on the terminal what happens."""

    def __init__(self, say: Callable[[str], None], *, shadow: bool = False) -> None:
        self._say = say
        self._width = _SHADOW_WIDTH if shadow else _WORDS_WIDTH

    @override
    def step(self, text: str) -> None:
        self._say(text)

    @override
    def started(self, permalink: str) -> None:
        self._say(self._line("started", permalink))

    @override
    def ended(self, permalink: str, record: Record | None) -> None:
        line = self._line(outcome_words(record), permalink)
        if record and record.reason and record.status != "elsewhere":
            line += f"\n{_INDENT}{' ' * self._width} {record.reason}"
        self._say(line)

    def _line(self, words: str, permalink: str) -> str:
        return f"{_INDENT}{words:<{self._width}} {permalink}"


def outcome_words(record: Record | None) -> str:
    """How far a request got, in a few words; None is a request that another process has, or that was not begun."""
    if record is None:
        return "left for later"
    words = WOULD_WORDS.get(record.would) or STATUS_WORDS[record.status]
    says_amount = record.status == "answered" or record.would in ("answered", "held")
    return f"{words} {format_usd(record.result.amount)}" if says_amount and record.result else words


def tick_lines(report: TickReport, meta: Meta, now: datetime) -> Iterable[str]:
    """What a tick did, for the terminal; `meta` says whether older requests are paused `now`."""
    worked_on = sum(1 for _, record in report.done if record)
    if report.done:
        left = f", {len(report.done) - worked_on} left for later" if worked_on < len(report.done) else ""
        waiting = report.waiting + report.held + sum(1 for _, record in report.done if record and not record.terminal)
        yield f"{count(worked_on, 'request')} worked on, {waiting} waiting{left}."
    elif report.waiting:
        yield f"Nothing to do now; {count(report.waiting, 'request')} waiting (`creditbot history` lists them)."
    elif report.held:
        held = f"{count(report.held, 'request')} held for approval"
        yield f"Nothing new: {count(report.read, 'message')} read, {held} (`creditbot holds` lists them)."
    else:
        yield f"Nothing new: {count(report.read, 'message')} read, every request in them is done."
    if report.shadow:
        yield "SHADOW is on: nothing was posted. `creditbot history` lists what would have been said."
    if report.waiting and meta.pause_before and meta.pause_until and now < meta.pause_until:
        yield (
            f"Requests from before {utc(meta.pause_before)} wait until {utc(meta.pause_until)}: the state was lost or "
            "damaged, and a reply may not be visible yet."
        )
    yield from problem_lines(report)


def problem_lines(report: TickReport) -> Iterable[str]:
    """What went wrong in a tick and has not been told to anybody."""
    yield from (printable(f"error: {error}") for error in report.errors)
    yield from (printable(f"error: the owner could not be told: {text}") for text in report.untold)
