"""What Prometheus makes of a page of metrics, by the parsers of its own Python library."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families

Labels = tuple[tuple[str, str], ...]
Values = dict[tuple[str, Labels], float]
"""(name, labels) -> value of a sample."""


def read_openmetrics(page: str) -> list[Metric]:
    """The families of a page in OpenMetrics. Raises ValueError for whatever the standard does not allow."""
    return list(openmetrics_parser.text_string_to_metric_families(page))  # type: ignore[no-untyped-call]


def read_prometheus_text(page: str) -> list[Metric]:
    """The families of a page in Prometheus' text format."""
    return list(text_string_to_metric_families(page))


def values(families: Iterable[Metric]) -> Values:
    """The samples of some families."""
    samples = [sample for family in families for sample in family.samples]
    return {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in samples}


def of(values: Values, name: str, **labels: str) -> float:
    """One of our values; `name` is without `creditbot_`."""
    return values[f"creditbot_{name}", tuple(sorted(labels.items()))]
