"""A tick on the sandbox pushes to a real Pushgateway, and a real Prometheus reads what it pushed."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from creditbot.adapters.metrics.pushgateway import Pushgateway
from creditbot.errors import Refused
from creditbot.insight.exposition import openmetrics, prometheus_text
from creditbot.insight.metrics import Deployment, families
from creditbot.model import RequestKey
from creditbot.sandbox import Sandbox
from creditbot.sandbox.composer import typed
from creditbot.sandbox.world import LOOKER, OWNER
from creditbot.state.codec import State
from creditbot.state.record import move
from creditbot.state.totals import Spread, Totals
from tests.monitoring.conftest import COMPONENT, Prometheus, eventually, promtool, read
from tests.support.bundled_notebooks import path_of
from tests.support.prometheus import of, read_prometheus_text, values

ROOT = COMPONENT.parents[2]
NAMES = [f"{one.name}_total" if one.kind == "counter" else one.name for one in families(
    State(), Deployment(), datetime.now(UTC), succeeded=True
)]  # fmt: skip
PUSHED = frozenset({("job", "creditbot"), ("instance", "")})
"""What the Pushgateway adds to the labels of a sample."""
TICK, SUCCESS = "last_tick_timestamp_seconds", "last_success_timestamp_seconds"


@pytest.fixture(scope="session")
def pushed(pushgateway: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that a tick on the sandbox wrote beside its push. It credited one request and gave one up."""
    folder: Path = tmp_path_factory.mktemp("tick")
    file = folder / "creditbot.prom"
    with Sandbox(folder / "sandbox", messages=False) as sandbox:
        answered = sandbox.world.post(**typed(f"Credit please: {LOOKER}/looks/33"))
        sandbox.world.post("Approved, $812.40, exceptions", user=OWNER, thread_ts=answered)
        sandbox.world.post(**typed(f"Credit please: {LOOKER}/looks/31"))
        sandbox.world.post(**typed(f"This one as well: {LOOKER}/looks/4040"))
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "LOOKER_"))}
        environ |= sandbox.environment() | {
            "NOTEBOOK_PATH": str(path_of("verify")), "PYTHONPATH": str(ROOT), "METRICS_FILE": str(file),
            "PUSHGATEWAY_URL": pushgateway,
        }  # fmt: skip
        command = [sys.executable, "-m", "creditbot", "run-once"]
        done = subprocess.run(
            command, check=False, cwd=folder, env=environ, capture_output=True, text=True, timeout=300
        )
    assert 0 == done.returncode, done.stdout + done.stderr
    return file


def push(gateway: str, minutes: int = 0, *, succeeded: bool = True, totals: Totals | None = None) -> None:
    """What a tick pushes that ends so many minutes from now."""
    now = datetime.now(UTC) + timedelta(minutes=minutes)
    measured = families(State(totals=totals or Totals()), Deployment(), now, succeeded=succeeded)
    Pushgateway(gateway).publish(prometheus_text(measured), whole=succeeded)


def test_a_real_pushgateway_says_that_it_is_ready(pushgateway: str) -> None:
    """At the address that `creditbot check` asks."""
    Pushgateway(pushgateway).probe()


def test_promtool_has_nothing_to_say_about_the_file(pushed: Path) -> None:
    """Neither about its syntax nor about its names."""
    assert "" == promtool("check", "metrics", stdin=pushed.read_text())


def test_the_pushgateway_serves_what_the_file_says(pushed: Path, pushgateway: str) -> None:
    """Sample by sample, with the job as the one label more."""
    file, gateway = served(pushed.read_text()), served(read(f"{pushgateway}/metrics"))
    there = {(name, labels - PUSHED): value for (name, labels), value in gateway.items() if labels >= PUSHED}
    assert [] == [key for key, value in file.items() if there[key] != value and not math.isnan(value)]
    whole = values(read_prometheus_text(pushed.read_text()))
    assert 1 == of(whole, "requests_ended_total", outcome="answered")
    assert 0 < of(whole, "credited_usd_total", product="verify")


def served(page: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """The samples of a page, whatever it writes the bounds of buckets like."""
    return {
        (name, frozenset((key, str(float(text)) if key == "le" else text) for key, text in labels)): value
        for (name, labels), value in values(read_prometheus_text(page)).items()
    }


def test_prometheus_reads_every_metric_under_the_job_that_pushed(pushed: Path, prometheus: Prometheus) -> None:
    """Which takes honor_labels: without it, the job would be the Pushgateway's."""
    eventually(lambda: prometheus.series('creditbot_shadow{job="creditbot"}'))
    for name in NAMES:
        sample = f"{name}_count" if name == "creditbot_time_to_answer_seconds" else name
        assert prometheus.series(f'{sample}{{job="creditbot"}}'), name
    assert 1 == len(prometheus.series('creditbot_requests_ended_total{job="creditbot",outcome="answered"} == 1'))


def test_prometheus_reads_our_openmetrics(prometheus: Prometheus) -> None:
    """With types and units, as a web server would show METRICS_FILE."""
    totals = Totals(credited={'a "quoted"\\name\n': Decimal("12.50")})
    prometheus.shows(openmetrics(families(State(totals=totals), Deployment(), datetime.now(UTC), succeeded=True)))
    eventually(lambda: prometheus.series('creditbot_credited_usd_total{job="page"} == 12.5'))
    (labels, _), *others = prometheus.series('creditbot_credited_usd_total{job="page"}')
    assert ('a "quoted"\\name\n', []) == (labels["product"], others)
    (target,) = (one for one in prometheus.api("targets")["activeTargets"] if one["labels"]["job"] == "page")
    assert ("up", "") == (target["health"], target["lastError"])
    types = prometheus.api("targets/metadata", match_target='{job="page"}')
    known = {one["metric"]: (one["type"], one["unit"]) for one in types}
    assert ("counter", "usd") == known["creditbot_credited_usd"]
    assert ("histogram", "seconds") == known["creditbot_time_to_answer_seconds"]


def test_a_tick_that_failed_leaves_the_last_success(pushgateway: str) -> None:
    """In a group of another job, so that the metrics of the tick stay."""
    group = f"{pushgateway}/metrics/job/creditbot-failing"
    push(group, totals=Totals(ends={"old": 1}))
    before = of_job(pushgateway, "creditbot-failing")
    push(group, 30, succeeded=False)
    after = of_job(pushgateway, "creditbot-failing")
    assert before[SUCCESS] == after[SUCCESS]
    assert 1800 == pytest.approx(after[TICK] - before[TICK], abs=60)
    push(group, 60)
    assert 3600 == pytest.approx(of_job(pushgateway, "creditbot-failing")[SUCCESS] - before[SUCCESS], abs=60)


def of_job(gateway: str, job: str) -> dict[str, float]:
    """Name without `creditbot_` -> value, of what a job pushed without labels."""
    read_values = values(read_prometheus_text(read(f"{gateway}/metrics")))
    return {
        name.removeprefix("creditbot_"): value
        for (name, labels), value in read_values.items()
        if ("job", job) in labels and len(labels) == 2
    }


def test_a_group_that_is_deleted_is_gone(pushgateway: str) -> None:
    """As docs/metrics.md says how to delete it: the Pushgateway forgets nothing by itself."""
    push(f"{pushgateway}/metrics/job/creditbot-gone")
    assert of_job(pushgateway, "creditbot-gone")
    urlopen(Request(f"{pushgateway}/metrics/job/creditbot-gone", method="DELETE"), timeout=10).close()
    assert {} == of_job(pushgateway, "creditbot-gone")


def test_what_the_pushgateway_does_not_take_is_one_sentence(pushgateway: str) -> None:
    """In its own words."""
    with pytest.raises(Refused, match=r"refused the metrics \(HTTP 400\): "):
        Pushgateway(pushgateway).publish("no metrics\n", whole=False)


# --- the dashboard ----------------------------------------------------------------------------------------------------

DASHBOARD = json.loads((COMPONENT / "creditbot.json").read_text())
EXPRESSIONS = [(panel["title"], target["expr"]) for panel in DASHBOARD["panels"] for target in panel["targets"]]


@pytest.mark.parametrize(("title", "expression"), EXPRESSIONS)
def test_every_panel_has_series(title: str, expression: str, prometheus: Prometheus, pushgateway: str) -> None:
    """Once there is something to show: everything was counted, and something waits."""
    query = expression.replace("$job", "creditbot-panels").replace("$namespace", ".*").replace("$__rate_interval", "1m")

    def shown() -> list[tuple[Mapping[str, str], float]]:
        push_more(f"{pushgateway}/metrics/job/creditbot-panels")
        return prometheus.series(query)

    assert eventually(shown), title


def push_more(group: str) -> None:
    """Pushes counters that have grown since the last time, and a request that waits."""
    number = int(datetime.now(UTC).timestamp())
    spread = Spread({"60": number}, 30.0 * number)
    totals = Totals({"answered": number}, {"link": number}, {"verify": Decimal(number)}, number, number, spread, spread)
    state = State(
        records={RequestKey("T0", "C0", f"{number}.000100"): move(None, "claimed", datetime.now(UTC))}, totals=totals
    )
    page = prometheus_text(families(state, Deployment(), datetime.now(UTC), succeeded=True))
    Pushgateway(group).publish(page, whole=True)
