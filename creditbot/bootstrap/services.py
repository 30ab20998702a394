"""Settings become ways to services: Looker, the notebooks, Slack's events, and where metrics go."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from creditbot.credit.products import ProductTable
from creditbot.machine.processes import Stop
from creditbot.ports import (
    Doorbell,
    MetricsTarget,
    Resolver,
    Runner,
)
from creditbot.settings.settings import Settings, StateConfigMap

if TYPE_CHECKING:
    from creditbot.adapters.jobs.runner import JobRunner
    from creditbot.adapters.metrics.metrics_page import MetricsPage
    from creditbot.adapters.metrics.pushgateway import Pushgateway


def make_doorbell(settings: Settings, stop: Stop) -> Doorbell | None:
    """What says that something happens on Slack; None without SLACK_APP_TOKEN."""
    from creditbot.adapters.slack.open import open_doorbell

    token = settings.slack_app_token
    return open_doorbell(token.get_secret_value(), settings.slack_api_url, stop) if token else None


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


def kept_notebooks(settings: Settings) -> Path | None:
    """Where a tick keeps executed notebooks: beside the summaries, if that is a folder."""
    return Path(settings.output_uri) / "notebooks" if "://" not in settings.output_uri else None


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
    pushgateway = make_pushgateway(settings)
    return [*targets, pushgateway] if pushgateway else targets


def make_pushgateway(settings: Settings, seconds: float | None = None) -> Pushgateway | None:
    """The way to PUSHGATEWAY_URL, None if there is none; `seconds` is how long a call may take, if not as usual."""
    if settings.pushgateway_url is None:
        return None
    from creditbot.adapters.metrics.pushgateway import SECONDS, Pushgateway

    state = settings.state
    namespace = state.namespace if isinstance(state, StateConfigMap) else ""  # in a cluster, the one we run in
    return Pushgateway(settings.pushgateway_url.get_secret_value(), namespace, SECONDS if seconds is None else seconds)
