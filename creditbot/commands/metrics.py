"""The metrics that follow a tick.

What they say is computed by `creditbot.insight.metrics` from the state as the tick left it. It goes to METRICS_FILE, to
PUSHGATEWAY_URL and to the page of `creditbot serve`.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from creditbot.bootstrap import Assembly, budget_of, make_metrics_targets
from creditbot.errors import CreditbotError
from creditbot.insight.exposition import openmetrics, prometheus_text
from creditbot.insight.metrics import Deployment, families
from creditbot.ports import MetricsTarget
from creditbot.settings.settings import Settings

log = logging.getLogger(__name__)


def publish_metrics(
    settings: Settings, assembly: Assembly, page: MetricsTarget | None = None, *, succeeded: bool
) -> None:
    """Publishes the metrics after a tick. Where that fails, the log says so, and the next tick does it again.

    A tick that could not read the state publishes nothing: what stands there grows old, and that raises the alert.

    Args:
        settings: what the deployment decides.
        assembly: of the tick.
        page: where `creditbot serve` also shows them.
        succeeded: whether the tick did.
    """
    if (state := assembly.ledger.seen) is None:
        return
    deployment = Deployment(assembly.rules.products, budget_of(settings), settings.shadow)
    measured = families(state, deployment, datetime.now(UTC), succeeded=succeeded)
    for target in (*([page] if page else ()), *make_metrics_targets(settings)):
        text = openmetrics(measured) if target.takes_openmetrics else prometheus_text(measured)
        try:
            target.publish(text, whole=succeeded)
        except CreditbotError as error:
            log.warning("the metrics could not be published: %s", error)
