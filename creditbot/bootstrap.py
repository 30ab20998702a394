"""Settings become a bot. The only module that knows every adapter; every part can be passed in instead.

Adapters are imported where they are made, and none of them imports its SDK before it is used.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from creditbot.answer.rules import Rules
from creditbot.credit.compute import ComputeLimits, CreditCalculator
from creditbot.credit.products import ProductTable, default_products, load_products
from creditbot.credit.sql.check import SqlRules
from creditbot.credit.sql.dialects import dialect_named, dialect_of
from creditbot.decide.channel_rules import NO_SECTION, ChannelRules, ChannelSection, ChannelTable
from creditbot.decide.policy import Policy
from creditbot.errors import SettingsError
from creditbot.intake.looker_links import looker_host
from creditbot.intake.requests import RequestRules
from creditbot.machine.file_rights import readable_by
from creditbot.machine.processes import Stop, ThisProcess, is_running
from creditbot.ports import (
    Approvers,
    Doorbell,
    Inbox,
    LogStore,
    MetricsTarget,
    Models,
    Notebooks,
    Owners,
    Pages,
    Ports,
    Replier,
    ReportStore,
    Resolver,
    Runner,
    Signs,
    StateStore,
    SummaryStore,
    Teller,
)
from creditbot.settings.settings import Settings, StateConfigMap
from creditbot.state.ledger import BUDGET, Ledger
from creditbot.tick.report import Progress
from creditbot.tick.tick import Bot

if TYPE_CHECKING:
    from creditbot.adapters.jobs.runner import JobRunner
    from creditbot.adapters.metrics.metrics_page import MetricsPage
    from creditbot.adapters.slack.open import SlackAdapters
    from creditbot.adapters.sql_reader.process import SqlReaderProcess

_JOBS_AT_ONCE = 16
"""Notebooks that run as Jobs at the same time, if WORKERS does not say: the cluster has the room, not this machine."""


@dataclass(frozen=True, slots=True)
class Assembly:
    """A bot and its parts.

    Attributes:
        bot: does ticks.
        ports, ledger, calculator, rules, products, sql: what it is made of.
        slack: the Slack adapters behind the ports.
        sql_reader: has a process that reads SQL; `close` ends it.
        process: this process, as it appears to others.
    """

    bot: Bot
    ports: Ports
    ledger: Ledger
    calculator: CreditCalculator
    rules: Rules
    products: ProductTable
    sql: SqlRules
    slack: SlackAdapters
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
    rules = _rules(settings, products)
    slack = _slack(settings, rules.channels, stop)
    ports = Ports(
        *_slack_ports(settings, slack),
        resolver or make_resolver(settings, stop),
        runner or make_runner(settings, products, environ, stop, keep_dir=_kept_notebooks(settings)),
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
    rules = _rules(settings, products)
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
    sql = sql_rules_of(settings, rules.channels.everywhere.policy)
    calculator = CreditCalculator(ports.resolver, ports.runner, products, sql, ComputeLimits(workers), sql_reader)
    process = replace(process, requests_at_once=max(4, 2 * workers))
    bot = Bot(ports, ledger, calculator, rules, process, progress)
    return Assembly(bot, ports, ledger, calculator, rules, products, sql, slack, sql_reader, process)


def _rules(settings: Settings, products: ProductTable) -> Rules:
    return Rules(
        requests=request_rules_of(settings),
        lookback=timedelta(hours=settings.lookback_hours),
        settle=timedelta(seconds=settings.post_settle_seconds),
        attempts=settings.max_attempts,
        duplicates=timedelta(days=settings.duplicate_days),
        channels=channels_of(settings, products),
        products=tuple(product.name for product in products.products),
        shadow=settings.shadow,
    )


def budget_of(settings: Settings) -> int | None:
    """Bytes of state above which no work is begun; None for a file, which has no limit."""
    return BUDGET if isinstance(settings.state, StateConfigMap) else None


def sql_rules_of(settings: Settings, policy: Policy) -> SqlRules:
    """Which SQL may be run, and which columns name an account."""
    warehouse = settings.warehouse_url.get_secret_value() if settings.warehouse_url else ""
    dialect = dialect_named(settings.sql_dialect) if settings.sql_dialect else dialect_of(warehouse)
    return SqlRules(dialect, settings.sql_tables, policy.traffic.account_fields)


def request_rules_of(settings: Settings) -> RequestRules:
    """Whose messages count, as requests and as answers."""
    return RequestRules(
        looker_host(settings.looker_base_url),
        frozenset(settings.requesters),
        frozenset(settings.allowed_bots),
        frozenset(settings.previous_bots),
    )


def make_doorbell(settings: Settings, stop: Stop) -> Doorbell | None:
    """What says that something happens on Slack; None without SLACK_APP_TOKEN."""
    from creditbot.adapters.slack.open import open_doorbell

    token = settings.slack_app_token
    return open_doorbell(token.get_secret_value(), settings.slack_api_url, stop) if token else None


def workers_of(settings: Settings) -> int:
    """How many notebooks run at the same time."""
    return settings.workers or (_JOBS_AT_ONCE if settings.runner == "job" else _cores())


def _cores() -> int:
    """The cores that this process may use. It does not see a container's CPU limit: the manifests set WORKERS."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def products_of(settings: Settings) -> ProductTable:
    """The user's table of products, or the built-in one. Raises `SettingsError`."""
    if settings.products_file:
        return load_products(settings.products_file)
    psms = settings.psms_notebook_path
    return default_products(str(settings.notebook_path), str(psms) if psms else None)


def policy_of(settings: Settings, section: ChannelSection = NO_SECTION, channel: str = "") -> Policy:
    """The policy of a channel: that of its section, then of the settings, then of POLICY_FILE, then the built-in one.

    Raises `SettingsError` for a file that is wrong, and for a quorum that the approvers can never reach.

    Args:
        settings: what the deployment decides.
        section: what CHANNELS_FILE says of the channel.
        channel: its name; "" for all that have no section.
    """
    policy = Policy()
    if settings.policy_file:
        from creditbot.decide.policy_file import load_policy

        policy = load_policy(settings.policy_file)
    limit, owner = section.max_credit_usd or settings.max_credit_usd, section.owner or settings.slack_user_id
    limits = policy.limits if limit is None else replace(policy.limits, request=limit)
    approvers = tuple(dict.fromkeys(section.approvers or settings.approvers or policy.approvers or (owner,)))
    where = section.approval_channel or settings.approval_channel.removeprefix("#") or policy.channel
    most = max((band.people for band in policy.bands), default=1)
    if most > len(approvers):
        there, name = (
            (f" for #{channel}", f"approvers in [{channel}] of CHANNELS_FILE") if channel else ("", "APPROVERS")
        )
        raise SettingsError(
            f"POLICY_FILE {settings.policy_file} wants {most} people to approve, but there are only {len(approvers)} "
            f"approvers{there}.",
            f"Name more people in {name}.",
        )
    return replace(policy, limits=limits, approvers=approvers, channel=where)


def channels_of(settings: Settings, products: ProductTable) -> ChannelTable:
    """The rules of every channel. Raises `SettingsError` for a file that is wrong."""
    sections: Mapping[str, ChannelSection] = {}
    if settings.channels_file:
        from creditbot.decide.channels_file import load_channels

        sections = load_channels(settings.channels_file, {each.name: bool(each.notebook) for each in products.products})
    rules = {channel: _channel_rules(settings, section, channel) for channel, section in sections.items()}
    return ChannelTable(_channel_rules(settings), rules)


def _channel_rules(settings: Settings, section: ChannelSection = NO_SECTION, channel: str = "") -> ChannelRules:
    return ChannelRules(
        section.owner or settings.slack_user_id,
        section.reply_template or settings.reply_template,
        (section.evidence or settings.evidence) == "card",
        policy_of(settings, section, channel),
        section.products,
    )


def watched(settings: Settings, channels: ChannelTable) -> tuple[str, ...]:
    """The channels to watch, by name or ID, each once: those of the settings, then those that have a section."""
    named = (channel.strip().removeprefix("#") for channel in settings.channels)
    return tuple(dict.fromkeys((*named, *channels.sections)))


def make_resolver(settings: Settings, stop: Stop, *, one_try: float | None = None) -> Resolver:
    """The way to Looker; once the process is asked to stop, nothing more is asked of Looker.

    Args:
        settings: where Looker is.
        stop: whether the process was asked to stop.
        one_try: if given, a call is tried once, for so many seconds.
    """
    from creditbot.adapters.looker.limits import LookerLimits
    from creditbot.adapters.looker.resolver import LookerResolver

    return LookerResolver(
        settings.looker_base_url,
        settings.looker_client_id,
        settings.looker_client_secret.get_secret_value(),
        limits=LookerLimits() if one_try is None else LookerLimits.one_try(one_try),
        allow_sql_runner=settings.allow_sql_runner,
        stop=stop,
    )


def make_runner(
    settings: Settings,
    products: ProductTable,
    environ: Mapping[str, str],
    stop: Stop,
    *,
    keep_dir: Path | None,
    values: Mapping[Path, Mapping[str, str]] = {},
) -> Runner:
    """The way to run the notebooks of the products that are on; they see what of `environ` they may.

    Args:
        settings: what notebooks run in, how long a run may take, and which executed notebooks are kept.
        products: which notebooks to expect.
        environ: the environment.
        stop: whether the process was asked to stop.
        keep_dir: where executed notebooks are kept; None keeps none, and so does a Job.
        values: notebook -> what to set in its policy cell.
    """
    if settings.runner == "job":
        return make_job_runner(settings, environ, stop, values)
    from creditbot.adapters.notebooks.runner import NotebookRunner

    return NotebookRunner(
        [Path(product.notebook) for product in products.products if product.notebook],
        environment_of_notebooks(settings, environ),
        seconds=settings.notebook_timeout,
        keep=settings.keep_notebooks,
        keep_dir=keep_dir,
        values=values,
    )


def make_job_runner(
    settings: Settings, environ: Mapping[str, str], stop: Stop, values: Mapping[Path, Mapping[str, str]] = {}
) -> JobRunner:
    """The way to run notebooks as Kubernetes Jobs; see `make_runner`."""
    from creditbot.adapters.jobs.cluster import JobCluster
    from creditbot.adapters.jobs.runner import JobRunner, RunSettings

    runs = RunSettings(settings.notebook_timeout, settings.output_uri, settings.notebook_env or (), settings.queue)
    cluster = JobCluster(settings.runs_namespace, stop)
    return JobRunner(cluster, environment_of_notebooks(settings, environ), runs, values)


def environment_of_notebooks(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """What notebooks see of an environment."""
    from creditbot.adapters.notebooks.environment import kernel_environment

    if settings.warehouse_url:
        environ = {**environ, "WAREHOUSE_URL": settings.warehouse_url.get_secret_value()}
    return kernel_environment(environ, settings.notebook_env, settings.own_secrets)


def _kept_notebooks(settings: Settings) -> Path | None:
    """Where a tick keeps executed notebooks: beside the summaries, if that is a folder."""
    return Path(settings.output_uri) / "notebooks" if "://" not in settings.output_uri else None


def make_summaries(settings: Settings) -> SummaryStore:
    """Where summaries are kept."""
    from creditbot.adapters.storage.summaries import ObjectSummaries

    return ObjectSummaries(settings.output_uri)


def make_pages(settings: Settings) -> Pages:
    """Where the pages of requests are kept: beside their summaries."""
    from creditbot.adapters.storage.pages import ObjectPages

    return ObjectPages(settings.output_uri, settings.evidence_url)


def make_notebooks(settings: Settings) -> Notebooks:
    """Where the versions of notebooks are kept: beside the summaries."""
    from creditbot.adapters.storage.notebooks import ObjectNotebooks

    return ObjectNotebooks(settings.output_uri)


def make_report_store(settings: Settings) -> ReportStore:
    """Where the report is kept: beside the summaries."""
    from creditbot.adapters.storage.report import ObjectReport

    return ObjectReport(settings.output_uri, settings.evidence_url)


def make_metrics_page(settings: Settings, probes: Mapping[str, Callable[[], str]]) -> MetricsPage | None:
    """The page that `creditbot serve` shows its metrics on, which answers at once; None if nobody wants one.

    `probes` are asked there besides: path -> why the answer is no, "" for a yes. Raises `SettingsError` if its port is
    taken.
    """
    if settings.metrics_port is None:
        return None
    from creditbot.adapters.metrics.metrics_page import MetricsPage

    return MetricsPage(settings.metrics_port, probes)


def make_metrics_targets(settings: Settings) -> Sequence[MetricsTarget]:
    """Where the metrics of a tick go; nowhere by default."""
    targets: list[MetricsTarget] = []
    if settings.metrics_file:
        from creditbot.adapters.metrics.metrics_file import MetricsFile

        targets.append(MetricsFile(settings.metrics_file))
    if settings.pushgateway_url:
        from creditbot.adapters.metrics.pushgateway import Pushgateway

        state = settings.state
        namespace = state.namespace if isinstance(state, StateConfigMap) else ""  # in a cluster, the one we run in
        targets.append(Pushgateway(settings.pushgateway_url.get_secret_value(), namespace))
    return targets


def make_log(settings: Settings) -> LogStore:
    """Where the log of ends is kept: beside the summaries."""
    from creditbot.adapters.storage.log_files import ObjectLog

    return ObjectLog(settings.output_uri)


def make_models(settings: Settings) -> Models:
    """Where the models of second opinions are kept: beside the summaries."""
    from creditbot.adapters.storage.models import ObjectModels

    return ObjectModels(settings.output_uri)


def make_state(settings: Settings) -> StateStore:
    """Where the state is kept."""
    target = settings.state
    if isinstance(target, StateConfigMap):
        from creditbot.adapters.storage.configmap_state import ConfigMapStore

        return ConfigMapStore(target.namespace, target.name)
    from creditbot.adapters.storage.file_state import FileStore

    return FileStore(target.path)
