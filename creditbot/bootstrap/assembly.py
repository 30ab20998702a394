"""Puts a bot together from its parts; every part can be passed in instead."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING

from creditbot.answer.rules import Rules
from creditbot.bootstrap.rules import budget_of, products_of, rules_of, sql_rules_of, watched, workers_of
from creditbot.bootstrap.services import kept_notebooks, make_resolver, make_runner
from creditbot.bootstrap.stores import make_log, make_models, make_notebooks, make_pages, make_state, make_summaries
from creditbot.credit.products import ProductTable
from creditbot.decide.channel_rules import ChannelTable
from creditbot.machine.file_rights import readable_by
from creditbot.machine.processes import Stop, ThisProcess, is_running
from creditbot.ports import (
    Approvers,
    Inbox,
    Owners,
    Pages,
    People,
    Ports,
    Replier,
    Resolver,
    Runner,
    Signs,
    StateStore,
    SummaryStore,
    Teller,
)
from creditbot.settings.settings import Settings, StateConfigMap
from creditbot.state.ledger import Ledger
from creditbot.tick.report import Progress
from creditbot.tick.tick import Bot

if TYPE_CHECKING:
    from creditbot.adapters.slack.open import SlackAdapters
    from creditbot.adapters.sql_reader.process import SqlReaderProcess
    from creditbot.credit.compute import CreditCalculator
    from creditbot.credit.sql.check import SqlRules


@dataclass(frozen=True, slots=True)
class Assembly:
    """A bot and its parts.

    Attributes:
        bot: does ticks.
        ports, ledger, rules, products: what it is made of.
        calculator: makes what computes credits, once: a tick with nothing to compute does without it.
        sql: makes the rules of SQL, which only that needs.
        slack: the Slack adapters behind the ports.
        people: makes what knows people's names, for commands and the report; it cannot write to Slack.
        sql_reader: has a process that reads SQL; `close` ends it.
        process: this process, as it appears to others.
    """

    bot: Bot
    ports: Ports
    ledger: Ledger
    calculator: Callable[[], CreditCalculator]
    sql: Callable[[], SqlRules]
    rules: Rules
    products: ProductTable
    slack: SlackAdapters
    people: Callable[[], People]
    sql_reader: SqlReaderProcess
    process: ThisProcess

    @property
    def stop(self) -> Stop:
        """Whether this process was asked to stop."""
        return self.process.stop


def assemble(
    settings: Settings,
    *,
    progress: Progress | None = None,
    environ: Mapping[str, str] = os.environ,
    state: StateStore | None = None,
    summaries: SummaryStore | None = None,
    pages: Pages | None = None,
    resolver: Resolver | None = None,
    runner: Runner | None = None,
) -> Assembly:
    """Puts the bot together; nothing outside is asked yet. Raises `SettingsError` for a products file that is wrong.

    From now on, what this process writes can be read by those whom the settings name.
    """
    from creditbot.adapters.sql_reader.process import SqlReaderProcess

    readable_by(settings.files_readable_by)
    stop, products = Stop(), products_of(settings)
    rules = rules_of(settings, products)
    slack = _slack(settings, rules.channels, stop)
    ports = Ports(
        *_slack_ports(settings, slack),
        resolver or make_resolver(settings, stop),
        runner or make_runner(settings, products, environ, stop, keep_dir=kept_notebooks(settings)),
        summaries or make_summaries(settings),
        pages or make_pages(settings),
        make_notebooks(settings),
        make_log(settings),
        make_models(settings),
        state or make_state(settings),
        slack.clock,
    )
    in_cluster = isinstance(settings.state, StateConfigMap)
    process = ThisProcess(is_running=(lambda _: None) if in_cluster else is_running, stop=stop)
    return _put_together(settings, rules, products, ports, slack, SqlReaderProcess(), process, progress)


def assemble_again(before: Assembly, settings: Settings, progress: Progress | None = None) -> Assembly:
    """Puts the bot of the next tick together, in the process of the last one.

    It knows no more of Slack and of the state than that of a new process: what was true a week ago is asked again. The
    processes that run notebooks and read SQL, the login to Looker and connections are those of the tick before. The
    files that settings name are read again. Raises `SettingsError` for one that is wrong.
    """
    products = products_of(settings)
    rules = rules_of(settings, products)
    slack = _slack(settings, rules.channels, before.stop)
    inbox, replier, signs, owners, approvers = _slack_ports(settings, slack)
    ports = replace(
        before.ports, inbox=inbox, replier=replier, signs=signs, owners=owners, approvers=approvers, clock=slack.clock
    )
    process = before.process.again()
    return _put_together(settings, rules, products, ports, slack, before.sql_reader, process, progress)


def _slack(settings: Settings, channels: ChannelTable, stop: Stop) -> SlackAdapters:
    from creditbot.adapters.slack.open import open_slack

    return open_slack(
        settings.slack_bot_token.get_secret_value(), settings.slack_api_url, watched(settings, channels),
        settings.slack_user_id, stop=stop,
    )  # fmt: skip


def _slack_ports(settings: Settings, slack: SlackAdapters) -> tuple[Inbox, Replier, Signs, Owners, Approvers]:
    """What a tick does on Slack; in shadow it writes nothing there but to owners."""
    from creditbot.adapters.slack.muted import MutedApprovers, MutedReplier
    from creditbot.adapters.slack.signs import NoSigns

    return (
        slack.inbox,
        MutedReplier() if settings.shadow else slack.replier,
        slack.signs if settings.status_reactions and not settings.shadow else NoSigns(),
        slack.owners,
        MutedApprovers(slack.approvers) if settings.shadow else slack.approvers,
    )


def digest_teller(settings: Settings, slack: SlackAdapters) -> Teller:
    """Where the weekly digest goes; DIGEST says so."""
    return slack.owner if settings.digest == "owner" else slack.channel(settings.digest)


def _put_together(
    settings: Settings, rules: Rules, products: ProductTable, ports: Ports, slack: SlackAdapters,
    sql_reader: SqlReaderProcess, process: ThisProcess, progress: Progress | None,
) -> Assembly:  # fmt: skip
    workers = workers_of(settings)
    ledger = Ledger(ports.state, budget=budget_of(settings))
    sql = partial(sql_rules_of, settings, rules.channels.everywhere.policy)

    @cache
    def calculator() -> CreditCalculator:
        from creditbot.credit.compute import ComputeLimits, CreditCalculator

        return CreditCalculator(ports.resolver, ports.runner, products, sql(), ComputeLimits(workers), sql_reader)

    process = replace(process, requests_at_once=max(4, 2 * workers))

    def people() -> People:
        from creditbot.adapters.slack.reading import open_people

        return open_people(settings.slack_bot_token.get_secret_value(), settings.slack_api_url, process.stop)

    bot = Bot(ports, ledger, calculator, rules, process, progress)
    return Assembly(bot, ports, ledger, calculator, sql, rules, products, slack, people, sql_reader, process)
