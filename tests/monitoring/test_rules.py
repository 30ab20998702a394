"""The alerts, as promtool and a real Prometheus take them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.monitoring.conftest import Prometheus, eventually, promtool

CASES = Path(__file__).with_name("rules_test.yaml")


def cases(rules: Path) -> str:
    """The unit tests of the alerts for promtool, which repeats neither NaN nor Inf by itself."""
    repeated = re.sub(r"(NaN|\+Inf)x(\d+)", lambda one: " ".join([one[1]] * (int(one[2]) + 1)), CASES.read_text())
    return repeated.replace("rule_files: [RULES]", f"rule_files: [{rules}]")


def alerts(rules: Path) -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(rules.read_text())["groups"] for rule in group["rules"]]


def test_promtool_takes_the_rules(rules: Path) -> None:
    assert f"SUCCESS: {len(alerts(rules))} rules found" in promtool("check", "rules", str(rules))


def test_each_alert_fires_when_it_should_and_not_before(rules: Path, tmp_path: Path) -> None:
    """Each of them in at least one case with the alert, and in one without it."""
    (tmp_path / "cases.yaml").write_text(cases(rules))
    assert "SUCCESS" in promtool("test", "rules", str(tmp_path / "cases.yaml"))
    asked = [one for case in yaml.safe_load(cases(rules))["tests"] for one in case["alert_rule_test"]]
    names = {rule["alert"] for rule in alerts(rules)}
    assert names == {one["alertname"] for one in asked if one.get("exp_alerts")}
    assert names == {one["alertname"] for one in asked if not one.get("exp_alerts")}


def test_a_rule_that_is_spoilt_fails_its_cases(rules: Path, tmp_path: Path) -> None:
    """So that a success says something."""
    spoilt = tmp_path / "spoilt.yaml"
    spoilt.write_text(rules.read_text().replace("> 0.8", "> 0.9"))
    (tmp_path / "cases.yaml").write_text(cases(spoilt))
    with pytest.raises(AssertionError, match="CreditbotStateNearlyFull"):
        promtool("test", "rules", str(tmp_path / "cases.yaml"))


def test_prometheus_loads_every_rule(prometheus: Prometheus, rules: Path) -> None:
    """And can evaluate it on what is there."""

    def evaluated() -> list[dict[str, Any]] | None:
        loaded = [rule for group in prometheus.api("rules")["groups"] for rule in group["rules"]]
        return loaded if loaded and all(rule["health"] != "unknown" for rule in loaded) else None

    health = {rule["name"]: (rule["health"], rule.get("lastError", "")) for rule in eventually(evaluated)}
    assert {rule["alert"]: ("ok", "") for rule in alerts(rules)} == health
