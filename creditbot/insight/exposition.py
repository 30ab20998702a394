"""Metric families as text, in the two formats that are read: OpenMetrics 1.0, and the older one of Prometheus. Pure.

Prometheus reads both over HTTP. node_exporter and the Pushgateway read the older one alone. The two differ in where a
counter's `_total` stands, in the unit and in the end. These lines are our own, because every idle tick would pay for
the import of prometheus_client; tests hold them against its strict parser and against promtool.
"""

from __future__ import annotations

from collections.abc import Iterable

from creditbot.insight.metrics import Family, Labels, Number

END = "# EOF\n"
"""The last line of OpenMetrics."""

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def openmetrics(families: Iterable[Family]) -> str:
    """The families in OpenMetrics 1.0."""
    return "".join(_family(one, one.name, one.unit) for one in families) + END


def prometheus_text(families: Iterable[Family]) -> str:
    """The families in Prometheus' text format 0.0.4, which has no unit and no end."""
    return "".join(_family(one, f"{one.name}_total" if one.kind == "counter" else one.name) for one in families)


def _family(family: Family, name: str, unit: str = "") -> str:
    lines = [f"# HELP {name} {family.meaning}", f"# TYPE {name} {family.kind}"]
    lines += [f"# UNIT {name} {unit}"] if unit else []
    lines += [f"{family.name}{one.suffix}{_labels(one.labels)} {_number(one.value)}" for one in family.samples]
    return "\n".join(lines) + "\n"


def _labels(labels: Labels) -> str:
    written = ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels.items())
    return f"{{{written}}}" if written else ""


def _number(value: Number) -> str:
    return {"nan": "NaN", "inf": "+Inf"}.get(str(value), str(value))
