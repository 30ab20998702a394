"""`creditbot backtest`: computes requests that people answered, and compares its amounts with theirs.

The history of the channels comes in; rows and pages are kept in `backtest` of OUTPUT_URI, and the report is printed.
Nothing here can write to Slack. Exit codes: 0 it ran, 1 a service did not work so that requests are missing, 2 usage.
"""

from __future__ import annotations

import logging
import signal
import sys
from argparse import Namespace
from collections.abc import Collection, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from creditbot.bootstrap import make_pages, make_state, make_summaries, workers_of
from creditbot.commands.backtest_output import document, range_in_words, report_lines
from creditbot.commands.backtest_parts import BacktestAssembly, assemble_backtest
from creditbot.commands.output import say
from creditbot.commands.progress import ProgressBar
from creditbot.errors import CreditbotError, Defect, SettingsError
from creditbot.insight.backtest import BacktestRow, in_order, read_backtest, row_to_json
from creditbot.insight.backtest_decisions import decided
from creditbot.insight.backtest_figures import backtest_figures
from creditbot.insight.backtest_requests import LeftOut, Past, past_requests
from creditbot.insight.backtest_shadow import shadow_rows
from creditbot.insight.backtester import Asked
from creditbot.insight.history import History
from creditbot.machine import exact_json
from creditbot.model import RequestKey
from creditbot.settings.settings import Settings, environment
from creditbot.settings.types import channel_name
from creditbot.state.ledger import Ledger
from creditbot.text import printable
from creditbot.text.known_secrets import without_known_secrets

log = logging.getLogger(__name__)

_MOST_FAILURES = 3
"""After so many requests that failed because of a service, nothing more is begun: the others would fail as well."""


@dataclass(slots=True)
class Found:
    """What a run of a backtest has found.

    Attributes:
        rows: of the requests, with what would have become of their amounts.
        left_out: requests that no person answered.
        computed: how many rows were computed in this run; the others were kept from earlier ones.
        failures: how many requests failed because of a service.
        missing: how many requests have no row, because of a service or of a defect.
        errors: why, each once.
    """

    rows: list[BacktestRow]
    left_out: LeftOut
    computed: int = 0
    failures: int = 0
    missing: int = 0
    errors: list[str] = field(default_factory=list)


def run(options: Namespace) -> int:
    """Computes what people answered, keeps the rows, and prints the report."""
    _check(options)
    settings = Settings.load()
    if options.shadow:
        return _shadow(settings, options)
    channels = (channel_name(options.channel),) if options.channel else ()
    assembly = assemble_backtest(settings, channels, environment())
    with _stopping(assembly):
        past = past_requests(assembly.inbox, assembly.requests, options.since, options.until)
        found = backtest(assembly, past, workers_of(settings), again=options.again)
    _print(found, options)
    _say_missing(found)
    _keep_report(assembly, found, options)
    return 1 if found.missing else 0


def _keep_report(assembly: BacktestAssembly, found: Found, options: Namespace) -> None:
    """Writes the report as a page as well, and says where it is."""
    from creditbot.insight.backtest_page import backtest_page

    when = range_in_words(options.since, options.until)
    page = backtest_page(backtest_figures(found.rows), found.left_out, when, assembly.clock.now())
    _say_aside(f"As a page: {assembly.store.save_report(without_known_secrets(page))}")


def _check(options: Namespace) -> None:
    if options.until and options.until <= options.since:
        raise SettingsError("--until is not later than --since.", "Give a later day to --until.")
    if options.shadow and (options.channel or options.again):
        raise SettingsError(
            "--shadow reads what was recorded: it computes nothing again, and reads no channel.",
            "Leave --channel and --again out.",
        )


def _shadow(settings: Settings, options: Namespace) -> int:
    """The same report about what was recorded in shadow; the state and the summaries are read, Slack is not."""
    state = Ledger(make_state(settings)).read()
    requests = History(make_summaries(settings), make_pages(settings), state).asked(options.since, options.until)
    rows, left_out = shadow_rows(requests)
    _print(Found(rows, left_out), options)
    return 0


def _print(found: Found, options: Namespace) -> None:
    if options.json:
        print(without_known_secrets(exact_json.write(document(found.rows, found.left_out, found.missing))))
        return
    title = f"{'Shadow' if options.shadow else 'Backtest'} {range_in_words(options.since, options.until)}"
    for line in report_lines(found.rows, found.left_out, title):
        say(line)


def backtest(assembly: BacktestAssembly, past: Past, workers: int, *, again: bool = False) -> Found:
    """Computes every request that a person answered, unless its earlier row still holds."""
    kept = {} if again else {row.key: row for row in read_backtest(assembly.store)}
    bar = ProgressBar("requests", past.total)
    try:
        found = _compute(assembly, past, kept, workers, bar)
    finally:
        bar.close()
    channels, workspace = assembly.channels, past.workspace
    computed = {row.key: row for row in found.rows if not row.answer.below_bot}
    rows = decided(list(computed.values()), lambda key: channels.of(key.channel, workspace).policy, assembly.duplicates)
    for row in rows:
        if row != computed[row.key]:
            assembly.store.save(row.key, row_to_json(row))
    found.rows = rows
    return found


def _compute(
    assembly: BacktestAssembly, past: Past, kept: dict[RequestKey, BacktestRow], workers: int, bar: ProgressBar
) -> Found:
    """Reads threads in this thread, and computes their requests in others meanwhile; a row is kept once it is known."""
    found = Found([], past.left_out)
    running: set[Future[tuple[BacktestRow, bool]]] = set()

    def collect(*, least: int) -> None:
        nonlocal running
        while len(running) > least:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                _take(found, future)
                bar.step()

    pool = ThreadPoolExecutor(max(4, 2 * workers), "backtest")
    try:
        for (_, requests), answered in zip(past.threads.items(), past.answered(), strict=True):
            bar.step(len(requests) - len(answered))
            for asked in answered:
                key = asked.request.key
                products = assembly.channels.of(key.channel, past.workspace).products
                running.add(pool.submit(_row, assembly, asked, kept.get(key), products))
            collect(least=4 * workers)
            if found.failures >= _MOST_FAILURES or assembly.stop.asked:
                break
        collect(least=0)
    except CreditbotError as error:  # Slack did not show a thread: what is known by then is reported
        collect(least=0)
        _fail(found, error)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    found.missing = max(found.missing, past.total - _seen(found, past)) if found.errors else found.missing
    found.rows = in_order(found.rows)
    return found


def _seen(found: Found, past: Past) -> int:
    """How many requests whose thread had to be read have a row, or are known to have none."""
    alone = past.left_out.alone
    return len(found.rows) + past.left_out.total - alone - past.left_out.corrected


def _row(
    assembly: BacktestAssembly, asked: Asked, before: BacktestRow | None, products: Collection[str] | None
) -> tuple[BacktestRow, bool]:  # fmt: skip
    """The row of a request, kept; and whether it was computed now."""
    now: datetime = assembly.clock.now()
    row, page = assembly.backtester.row(asked, now, before, products)
    if before is not None and row.made_from == before.made_from:
        if row != before:
            assembly.store.save(row.key, row_to_json(row))
        return row, False
    if assembly.stop.asked:  # its notebook was ended with us, which says nothing about the request
        return row, False
    if page is not None:
        row = replace(row, page=assembly.store.address(row.key))
    assembly.store.save(row.key, row_to_json(row), page)
    return row, True


def _take(found: Found, future: Future[tuple[BacktestRow, bool]]) -> None:
    try:
        row, is_new = future.result()
    except CreditbotError as error:
        found.failures += 1
        _fail(found, error)
    except Exception as error:  # a defect of creditbot concerns this request, not the others
        log.exception("unexpected error on a request of a backtest")
        _fail(found, Defect(f"creditbot has a defect: {type(error).__name__}.", "The log has the details."))
    else:
        found.rows.append(row)
        found.computed += is_new


def _fail(found: Found, error: CreditbotError) -> None:
    found.missing += 1
    if str(error) not in found.errors:
        found.errors.append(str(error))


def _say_missing(found: Found) -> None:
    for error in found.errors:
        _say_aside(f"creditbot: {error}")
    if found.missing:
        missing = "1 request is" if found.missing == 1 else f"{found.missing} requests are"
        _say_aside(f"creditbot: {missing} missing. The same command continues where this one stopped.")


def _say_aside(line: str) -> None:
    """Tells a person what is not part of the report."""
    print(without_known_secrets(printable(line)), file=sys.stderr, flush=True)


@contextmanager
def _stopping(assembly: BacktestAssembly) -> Iterator[None]:
    """At the first SIGTERM or SIGINT nothing more is begun, and what is running ends; our processes always end."""

    def stop(*_: object) -> None:
        assembly.stop.ask()
        assembly.runner.close()
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        assembly.runner.close()
        assembly.sql_reader.close()
