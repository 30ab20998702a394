"""Puts a backtest together: a reader of Slack, the way to Looker, the notebooks, and where rows are kept.

Settings come in, a `BacktestAssembly` goes out. It takes its parts from `bootstrap`, but for those of Slack: nothing
that it leads to can write there, and nothing knows the state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from creditbot.adapters.slack.reading import open_inbox
from creditbot.adapters.sql_reader.process import SqlReaderProcess
from creditbot.adapters.storage.backtests import ObjectBacktests
from creditbot.bootstrap import (
    channels_of,
    make_resolver,
    make_runner,
    products_of,
    request_rules_of,
    sql_rules_of,
    watched,
    workers_of,
)
from creditbot.credit.compute import ComputeLimits, CreditCalculator
from creditbot.credit.products import ProductTable
from creditbot.decide.channel_rules import ChannelTable
from creditbot.errors import SettingsError
from creditbot.insight.backtester import Backtester, BacktestRules, RememberedQueries
from creditbot.intake.requests import RequestRules
from creditbot.machine.file_rights import readable_by
from creditbot.machine.processes import Stop
from creditbot.notebook_host.imports import hash_of, version_of
from creditbot.ports import BacktestStore, Clock, Inbox, Runner
from creditbot.settings.settings import Settings


@dataclass(frozen=True, slots=True)
class BacktestAssembly:
    """What a backtest is made of: nothing in it can write to Slack, and it does not know the state.

    Attributes:
        inbox: reads Slack.
        clock: Slack's.
        backtester: computes requests.
        store: keeps rows and pages.
        requests: whose messages count.
        channels: products and policy of each channel.
        duplicates: how long the same SQL is not credited again.
        runner, sql_reader: have processes; `close` ends them.
        stop: whether the process was asked to stop.
    """

    inbox: Inbox
    clock: Clock
    backtester: Backtester
    store: BacktestStore
    requests: RequestRules
    channels: ChannelTable
    duplicates: timedelta
    runner: Runner
    sql_reader: SqlReaderProcess
    stop: Stop


def assemble_backtest(settings: Settings, channels: Sequence[str], environ: Mapping[str, str]) -> BacktestAssembly:
    """Puts a backtest of these channels together, or of all that are watched; nothing outside is asked yet.

    From now on, what this process writes can be read by those whom the settings name. Raises `SettingsError`, also
    for a notebook that does not exist.
    """
    readable_by(settings.files_readable_by)
    stop, products = Stop(), products_of(settings)
    table = channels_of(settings, products)
    read = channels or watched(settings, table)
    inbox, clock = open_inbox(settings.slack_bot_token.get_secret_value(), settings.slack_api_url, read, stop)
    queries = RememberedQueries(make_resolver(settings, stop))
    runner = make_runner(settings, products, environ, stop, keep_dir=None)
    sql, sql_reader = sql_rules_of(settings, table.everywhere.policy), SqlReaderProcess()
    limits = ComputeLimits(workers_of(settings), links_at_once=1)
    calculator = CreditCalculator(queries, runner, products, sql, limits, sql_reader)
    rules = BacktestRules(products, sql, notebook_hashes(products))
    return BacktestAssembly(
        inbox,
        clock,
        Backtester(calculator, queries, sql_reader, rules),
        ObjectBacktests(settings.output_uri, settings.evidence_url),
        request_rules_of(settings),
        table,
        timedelta(days=settings.duplicate_days),
        runner,
        sql_reader,
        stop,
    )


def notebook_hashes(products: ProductTable) -> tuple[str, ...]:
    """Hashes of the notebooks of the products that are on, as they are now, with what they import from their folders.

    Raises `SettingsError` for one that cannot be read.
    """
    hashes = []
    for path in (Path(product.notebook) for product in products.products if product.notebook):
        try:
            hashes.append(hash_of(version_of(path, path.read_bytes())))
        except OSError as error:
            raise SettingsError(
                f"The notebook {path} cannot be read: {error.strerror}.",
                "Correct NOTEBOOK_PATH, PSMS_NOTEBOOK_PATH or PRODUCTS_FILE.",
            ) from error
    return tuple(hashes)
