"""Writes the Grafana dashboard beside it, creditbot.json: `make dashboard`.

The panels stand here, some lines each, because Grafana's JSON is a thousand lines in which nobody sees a change.
`make test-monitoring` asks a real Prometheus for each expression.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("creditbot.json")
WIDTH = 24
"""Columns of a dashboard."""
SOURCE = {"type": "prometheus", "uid": "${source}"}
JOB = 'job=~"$job",namespace=~"$namespace"'
"""Each expression is of the deployments that are chosen on top."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel.

    Attributes:
        title: what it shows.
        queries: name of a series -> PromQL; `{{label}}` in a name is filled in.
        kind: "stat" for one number, "timeseries" for a chart.
        unit: as Grafana names it.
        note: what a reader has to know, shown behind the title.
        width, height: in the columns and rows of the dashboard.
        limits: value -> colour from there on; for a stat.
        stacked: whether a chart shows bars, one upon the other.
    """

    title: str
    queries: dict[str, str]
    kind: str = "timeseries"
    unit: str = "short"
    note: str = ""
    width: int = 8
    height: int = 8
    limits: dict[float, str] = field(default_factory=dict)
    stacked: bool = False


def stat(title: str, query: str, unit: str = "short", limits: dict[float, str] | None = None, note: str = "") -> Panel:
    """One number, among six in a row."""
    return Panel(title, {"": query}, "stat", unit, note, width=4, height=4, limits=limits or {})


def bars(title: str, name: str, query: str, unit: str = "short", note: str = "") -> Panel:
    """What was counted, in bars."""
    return Panel(title, {name: query}, unit=unit, note=note, stacked=True)


PANELS = (
    stat(
        "Since the last success",
        f"time() - max(creditbot_last_success_timestamp_seconds{{{JOB}}})",
        "s",
        {600: "orange", 1800: "red"},
    ),
    stat("Waiting", f"sum(creditbot_requests_waiting{{{JOB}}})", limits={5: "orange", 20: "red"}),
    stat(
        "Longest wait",
        f"time() - (min(creditbot_oldest_waiting_timestamp_seconds{{{JOB}}}) > 0)",
        "s",
        {1800: "orange", 7200: "red"},
        note="No data means that nothing waits.",
    ),
    stat("Waiting for approvers", f"sum(creditbot_held_usd{{{JOB}}})", "currencyUSD"),
    stat("Posts undecided", f"sum(creditbot_posts_undecided{{{JOB}}})", limits={1: "orange"}),
    stat(
        "State",
        f"max(creditbot_state_bytes{{{JOB}}} / creditbot_state_limit_bytes{{{JOB}}})",
        "percentunit",
        {0.6: "orange", 0.8: "red"},
        note="How full it is; 0 % where it has no limit.",
    ),
    bars(
        "Requests by outcome",
        "{{outcome}}",
        f"sum by (outcome) (increase(creditbot_requests_ended_total{{{JOB}}}[$__rate_interval])) > 0",
    ),
    bars(
        "Credited",
        "{{product}}",
        f"sum by (product) (increase(creditbot_credited_usd_total{{{JOB}}}[$__rate_interval])) > 0",
        "currencyUSD",
        "Prometheus estimates between scrapes: finance uses the report or the export.",
    ),
    bars(
        "Failed attempts by cause",
        "{{cause}}",
        f"sum by (cause) (increase(creditbot_failures_total{{{JOB}}}[$__rate_interval])) > 0",
    ),
    Panel(
        "Time to answer, nobody had to decide",
        {
            share: f"histogram_quantile({quantile}, sum by (le) "
            f'(increase(creditbot_time_to_answer_seconds_bucket{{{JOB},held="no"}}[1d])))'
            for share, quantile in {"median": 0.5, "95 of 100": 0.95}.items()
        },
        unit="s",
        note="Of the day before each point.",
    ),
    Panel(
        "What waits",
        {
            "waiting": f"sum(creditbot_requests_waiting{{{JOB}}})",
            "of these, backing off": f"sum(creditbot_requests_backing_off{{{JOB}}})",
            "held": f"sum(creditbot_requests_held{{{JOB}}})",
        },
    ),
    bars(
        "Refused because it was credited before",
        "the same {{kind}}",
        f"sum by (kind) (increase(creditbot_overlaps_refused_total{{{JOB}}}[$__rate_interval])) > 0",
    ),
)


def dashboard(panels: Iterable[Panel] = PANELS) -> dict[str, Any]:
    """The dashboard as Grafana reads it."""
    placed = []
    x = y = height = 0
    for number, panel in enumerate(panels, 1):
        if x + panel.width > WIDTH:
            x, y = 0, y + height
        placed.append(_panel(number, panel, x, y))
        x, height = x + panel.width, panel.height
    return {
        "uid": "creditbot", "title": "creditbot", "tags": ["creditbot"], "schemaVersion": 39, "version": 1,
        "editable": False, "timezone": "utc", "refresh": "1m", "time": {"from": "now-7d", "to": "now"},
        "annotations": {"list": []}, "templating": {"list": _variables()}, "panels": placed,
    }  # fmt: skip


def _variables() -> list[dict[str, Any]]:
    source = {"name": "source", "label": "Data source", "type": "datasource", "query": "prometheus"}
    return [source, _variable("job", "Deployment"), _variable("namespace", "Namespace")]


def _variable(label: str, name: str) -> dict[str, Any]:
    """A choice of the values of a label; "All" includes series without it, such as those of a bot outside a cluster."""
    values = f"label_values(creditbot_last_tick_timestamp_seconds, {label})"
    return {
        "name": label, "label": name, "type": "query", "datasource": SOURCE, "definition": values,
        "query": {"query": values, "refId": f"{label}s"}, "refresh": 2, "includeAll": True, "allValue": ".*",
        "multi": True, "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    }  # fmt: skip


def _panel(number: int, panel: Panel, x: int, y: int) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    steps += [{"color": colour, "value": value} for value, colour in panel.limits.items()]
    drawn = {"drawStyle": "bars", "fillOpacity": 70, "stacking": {"mode": "normal"}} if panel.stacked else {}
    charts = {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}}
    stats = {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "value"}
    return {
        "id": number, "type": panel.kind, "title": panel.title, "description": panel.note, "datasource": SOURCE,
        "gridPos": {"x": x, "y": y, "w": panel.width, "h": panel.height},
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "custom": drawn, "thresholds": {"mode": "absolute", "steps": steps}},
            "overrides": [],
        },
        "options": stats if panel.kind == "stat" else charts,
        "targets": [
            {"refId": chr(ord("A") + index), "datasource": SOURCE, "expr": query, "legendFormat": name or "__auto"}
            for index, (name, query) in enumerate(panel.queries.items())
        ],
    }  # fmt: skip


def text() -> str:
    """The file as it should be."""
    return json.dumps(dashboard(), indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
