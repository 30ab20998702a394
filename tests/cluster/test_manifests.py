"""The manifests, as the API server sees them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.cluster import IMAGE
from tests.cluster.conftest import Deployed
from tests.cluster.kubectl import ROOT, STATE, apply, kustomization, try_create
from tests.cluster.objects import pod_of

pytestmark = pytest.mark.cluster

OVERLAYS = sorted(path.name for path in (ROOT / "k8s" / "overlays").iterdir())


@pytest.fixture(scope="module", params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> str:
    """Every overlay there is."""
    return str(request.param)


def test_applied_strictly_without_a_warning(deployed: Deployed) -> None:
    """Every manifest passes the server's strict validation, and Pod Security has nothing to say."""
    done = apply(deployed.kubectl, deployed.folder)
    assert (0, "") == (done.returncode, done.stderr)


def test_the_secret_example_is_a_secret_the_server_takes(deployed: Deployed) -> None:
    """The example that people copy is valid."""
    example = ROOT / "k8s" / "base" / "secret.example.yaml"
    how = ["--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict"]
    done = deployed.kubectl.run("apply", *how, "-f", str(example))
    assert (0, "") == (done.returncode, done.stderr)


@pytest.mark.parametrize("how", [["--server-side"], ["--server-side", "--force-conflicts"], ["--server-side=false"]])
def test_applying_again_keeps_the_state(deployed: Deployed, how: list[str]) -> None:
    """An upgrade leaves every key of the state ConfigMap as the bot wrote it."""
    kept = {"T0.C0.1736345678.123456": '{"stage":"answered"}'}
    deployed.kubectl("patch", STATE, "--field-manager=creditbot", "--patch", json.dumps({"data": kept}))
    done = apply(deployed.kubectl, deployed.folder, *how)
    assert 0 == done.returncode, done.stderr
    assert kept == deployed.kubectl.json("get", STATE)["data"]


def test_a_pod_that_asks_for_more_is_refused(deployed: Deployed) -> None:
    """The namespace enforces Pod Security restricted."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "root"},
        "spec": {"serviceAccountName": "creditbot", "containers": [{"name": "root", "image": "any"}]},
    }
    assert 'violates PodSecurity "restricted:latest"' in try_create(deployed.kubectl, pod)


def test_the_pod_of_the_cronjob_is_accepted(deployed: Deployed) -> None:
    """The same namespace takes the bot's own pod."""
    spec = pod_of(deployed.kubectl.json("get", "cronjob/creditbot"))
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bot"}, "spec": spec}
    assert not try_create(deployed.kubectl, pod)


def test_only_the_bots_pod_gets_a_token(deployed: Deployed) -> None:
    """Neither the service account nor any pod but the CronJob's has a token mounted."""
    account = deployed.kubectl.json("get", "serviceaccount/creditbot")
    deployments = deployed.kubectl.json("get", "deployments")["items"]
    pod = pod_of(deployed.kubectl.json("get", "cronjob/creditbot"))
    assert account["automountServiceAccountToken"] is False
    assert [False] * len(deployments) == [pod_of(one)["automountServiceAccountToken"] for one in deployments]
    assert pod["automountServiceAccountToken"] is True


MONITORING = ROOT / "k8s/components/monitoring"


def test_the_monitoring_component_adds_to_an_overlay(deployed: Deployed, tmp_path: Path) -> None:
    """The rules, the dashboard, the address of the Pushgateway and the way to it, in the namespace of the overlay."""
    made = built(deployed, tmp_path)
    assert {"credits"} == {one["metadata"].get("namespace", "credits") for one in made.values()}
    rule = yaml.safe_load((MONITORING / "prometheusrule.yaml").read_text())
    assert rule["spec"] == made["PrometheusRule", "creditbot"]["spec"]
    dashboard = made["ConfigMap", "creditbot-dashboard"]
    assert (MONITORING / "creditbot.json").read_text() == dashboard["data"]["creditbot.json"]
    assert "1" == dashboard["metadata"]["labels"]["grafana_dashboard"]
    assert {"PUSHGATEWAY_URL", "NOTEBOOK_PATH"} <= made["ConfigMap", "creditbot-settings"]["data"].keys()
    egress = made["NetworkPolicy", "creditbot"]["spec"]["egress"]
    assert {53, 443, 9091} <= {port["port"] for entry in egress for port in entry["ports"]}


def built(deployed: Deployed, folder: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """(kind, name) -> object of the base with the component, as kubectl builds it."""
    kustomization(folder, "base", "credits", IMAGE, ("monitoring",))
    built = yaml.safe_load_all(deployed.kubectl("kustomize", str(folder)))
    return {(one["kind"], one["metadata"]["name"]): one for one in built}
