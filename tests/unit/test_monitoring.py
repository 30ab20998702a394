"""The alerts and the dashboard that are shipped: they name metrics that exist, and each alert has its runbook.

tests/monitoring asks real programs about them.
"""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from datetime import UTC, datetime
from functools import cache
from itertools import combinations
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from creditbot.insight.metrics import Deployment, families
from creditbot.state.codec import State

ROOT = Path(__file__).resolve().parents[2]
COMPONENT = ROOT / "k8s/components/monitoring"
SECTION = (ROOT / "SETUP_GUIDE.md").read_text().partition("\n### Alert\n")[2].partition("\n### ")[0]


@cache
def dashboard() -> ModuleType:
    """The script that makes the dashboard."""
    spec = importlib.util.spec_from_file_location("creditbot_dashboard", COMPONENT / "dashboard.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


def alerts() -> list[dict[str, Any]]:
    rule = yaml.safe_load((COMPONENT / "prometheusrule.yaml").read_text())
    return [alert for group in rule["spec"]["groups"] for alert in group["rules"]]


def panels() -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = json.loads((COMPONENT / "creditbot.json").read_text())["panels"]
    return shown


def expressions() -> list[str]:
    return [alert["expr"] for alert in alerts()] + [one["expr"] for panel in panels() for one in panel["targets"]]


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    """The address of each leads to the heading with its name."""
    headings = re.findall(r"^#### (\w+)$", SECTION, re.MULTILINE)
    assert [alert["alert"] for alert in alerts()] == headings
    for alert in alerts():
        assert alert["annotations"]["runbook_url"].endswith(f"/SETUP_GUIDE.md#{alert['alert'].lower()}")


def test_every_runbook_says_why_and_what_to_do() -> None:
    for part in re.split(r"^#### ", SECTION, flags=re.MULTILINE)[1:]:
        name, _, text = part.partition("\n")
        assert len(text.split()) > 20, name
        assert "**Do:**" in text, name


def test_every_alert_has_a_severity_and_words() -> None:
    for alert in alerts():
        assert alert["labels"]["severity"] in ("critical", "warning")
        assert {"summary", "description", "runbook_url"} == alert["annotations"].keys()


@pytest.mark.parametrize("expression", expressions())
def test_what_is_asked_for_is_a_metric_of_ours(expression: str) -> None:
    """With a label that it has, or one of kube-state-metrics."""
    measured = families(State(), Deployment(("verify",)), datetime.now(UTC), succeeded=True)
    labels = {f"{family.name}{one.suffix}": {*one.labels} for family in measured for one in family.samples}
    for name, matchers in re.findall(r"\b(creditbot_\w+)(\{[^}]*\})?", expression):
        assert name in labels
        assert {*re.findall(r"(\w+)=", matchers)} <= labels[name] | {"job", "namespace"}
    asked = {name.removeprefix("kube_") for name in re.findall(r"\bkube_\w+", expression)}
    assert asked <= {"cronjob_spec_suspend", "cronjob_status_last_successful_time", "cronjob_created"}


def test_the_dashboard_is_what_its_script_makes() -> None:
    """`make dashboard` writes it."""
    assert dashboard().text() == (COMPONENT / "creditbot.json").read_text()


def test_every_panel_has_a_place_of_its_own() -> None:
    """Within the width, with its own number, and none over another."""
    assert len(panels()) == len({panel["id"] for panel in panels()})
    for panel in panels():
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= dashboard().WIDTH
        assert panel["title"]
    for one, other in combinations([panel["gridPos"] for panel in panels()], 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below


def test_every_metric_is_on_the_dashboard_or_in_an_alert() -> None:
    """What nobody looks at need not be measured, but for what a person may ask."""
    asked = {name for expression in expressions() for name in re.findall(r"\bcreditbot_\w+", expression)}
    bare = {re.sub(r"_(total|bucket)$", "", name) for name in asked}
    names = {family.name for family in families(State(), Deployment(), datetime.now(UTC), succeeded=True)}
    assert {"creditbot_shadow", "creditbot_oldest_held_timestamp_seconds"} == names - bare
