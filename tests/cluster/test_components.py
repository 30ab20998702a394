"""The Kustomize components, each on the production overlay, as the API server takes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.cluster import IMAGE, Cluster
from tests.cluster.kubectl import ROOT, STATE, Kubectl, apply, kustomization, throwaway_namespace

pytestmark = pytest.mark.cluster

COMPONENTS = ROOT / "k8s" / "components"
OF_OTHERS = {"monitoring": "PrometheusRule", "external-secrets": "ExternalSecret"}
"""Component -> the kind in it that only an operator brings, so that a bare cluster refuses it."""


def with_components(folder: Path, namespace: str, *names: str, owner: str = "") -> Path:
    """The production overlay with components, and an owner if one is named."""
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "creditbot-settings"}}
    patches = [{"patch": json.dumps({**settings, "data": {"SLACK_USER_ID": owner}})}] if owner else []
    return kustomization(folder, "overlays/production", namespace, IMAGE, names, patches)


def applied(kubectl: Kubectl, folder: Path, *names: str) -> Mapping[str, Any]:
    """The pod's specification after components were applied, strictly and without a warning."""
    done = apply(kubectl, with_components(folder, kubectl.namespace, *names))
    assert (0, "") == (done.returncode, done.stderr)
    template = kubectl.json("get", "cronjob/creditbot")["spec"]["jobTemplate"]["spec"]["template"]
    return {**template["spec"], "labels": template["metadata"]["labels"]}


@pytest.mark.parametrize("name", sorted(path.name for path in COMPONENTS.iterdir()))
def test_each_component_is_valid_kustomize(cluster: Cluster, tmp_path: Path, name: str) -> None:
    """The kubectl of this machine builds it; an older one must not panic at it."""
    built = cluster.kubectl("kustomize", str(with_components(tmp_path, "any", name)))
    assert (f"kind: {OF_OTHERS[name]}" in built) if name in OF_OTHERS else "kind: CronJob" in built


def test_a_bucket_takes_the_place_of_the_volume(namespace: Kubectl, tmp_path: Path) -> None:
    """No claim is left, and no mount of it."""
    pod = applied(namespace, tmp_path, "bucket")
    assert ["tmp"] == [volume["name"] for volume in pod["volumes"]]
    assert ["/tmp"] == [mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]]
    assert [] == namespace.json("get", "persistentvolumeclaims")["items"]


def test_own_notebooks_and_files_come_from_config_maps(namespace: Kubectl, tmp_path: Path) -> None:
    """Read-only, beside what is there."""
    pod = applied(namespace, tmp_path, "own-notebooks", "own-files")
    shown = pod["containers"][0]["volumeMounts"]
    mounts = {mount["name"]: (mount["mountPath"], mount.get("readOnly")) for mount in shown}
    assert {"notebooks": ("/notebooks", True), "files": ("/files", True)}.items() <= mounts.items()
    assert {"tmp", "summaries", "notebooks", "files"} == {volume["name"] for volume in pod["volumes"]}


IDENTITIES = [
    ("identity-aws", {("169.254.170.23/32", 80)}, "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
    ("identity-gcp", {("169.254.169.254/32", 80), ("169.254.169.252/32", 988)}, "GOOGLE_CLOUD_PROJECT"),
    ("identity-azure", set(), "AZURE_FEDERATED_TOKEN_FILE"),
]


@pytest.mark.parametrize(("name", "addresses", "variable"), IDENTITIES)
def test_an_identity_opens_the_way_to_its_credentials(
    namespace: Kubectl, tmp_path: Path, name: str, addresses: set[tuple[str, int]], variable: str
) -> None:
    """The metadata addresses in the policy, and the variables that notebooks see besides those of before."""
    pod = applied(namespace, tmp_path, name)
    egress = namespace.json("get", "networkpolicy/creditbot")["spec"]["egress"]
    assert addresses == {
        (to["ipBlock"]["cidr"], rule["ports"][0]["port"]) for rule in egress for to in rule.get("to", ())
    }
    seen = namespace.json("get", "configmap/creditbot-settings")["data"]["NOTEBOOK_ENV"].split(",")
    assert {"WAREHOUSE_URL", "MPLCONFIGDIR", "OPENBLAS_NUM_THREADS", variable} <= set(seen)
    assert ("true" if name == "identity-azure" else None) == pod["labels"].get("azure.workload.identity/use")


def test_components_go_together(namespace: Kubectl, tmp_path: Path) -> None:
    """As a deployment on one cloud uses them."""
    pod = applied(namespace, tmp_path, "bucket", "own-notebooks", "identity-aws")
    assert ["notebooks", "tmp"] == sorted(volume["name"] for volume in pod["volumes"])


def test_teams_share_summaries_and_nothing_else(cluster: Cluster, tmp_path: Path) -> None:
    """Each has a namespace, a state and an owner of its own."""
    with ExitStack() as stack:
        owners = ("U0ONE", "U0TWO")
        teams = {owner: stack.enter_context(throwaway_namespace(cluster.kubectl)) for owner in owners}
        for owner, kubectl in teams.items():
            folder = tmp_path / owner
            folder.mkdir()
            done = apply(kubectl, with_components(folder, kubectl.namespace, "teams", owner=owner))
            assert (0, "") == (done.returncode, done.stderr)
            kubectl("patch", STATE, "--patch", json.dumps({"data": {"by": owner}}))
        for owner, kubectl in teams.items():
            assert {"by": owner} == kubectl.json("get", STATE)["data"]
            data = kubectl.json("get", "configmap/creditbot-settings")["data"]
            assert (owner, "s3://your-bucket/creditbot") == (data["SLACK_USER_ID"], data["OUTPUT_URI"])
            assert [] == kubectl.json("get", "persistentvolumeclaims")["items"]


def test_serve_runs_in_the_pod_of_the_cronjob(namespace: Kubectl, tmp_path: Path) -> None:
    """With what other components change in it, and as restricted: the server warns of nothing."""
    ticks = applied(namespace, tmp_path, "bucket", "own-notebooks", "identity-aws", "serve")
    template = namespace.json("get", "deployment/creditbot-serve")["spec"]["template"]
    pod = template["spec"]
    same = ("securityContext", "volumes", "serviceAccountName", "terminationGracePeriodSeconds", "enableServiceLinks")
    assert {name: ticks[name] for name in same} == {name: pod[name] for name in same}
    (served,), (ticking,) = pod["containers"], ticks["containers"]
    of_container = ("image", "env", "envFrom", "securityContext", "resources", "volumeMounts")
    assert {name: ticking[name] for name in of_container} == {name: served[name] for name in of_container}
    assert (["serve"], ["run-once"], "Always") == (served["args"], ticking["args"], pod["restartPolicy"])
    assert ticks["labels"].items() <= template["metadata"]["labels"].items()


def test_probes_and_prometheus_reach_serve(namespace: Kubectl, tmp_path: Path) -> None:
    """On the port that the settings name; nobody else may ask."""
    applied(namespace, tmp_path, "serve")
    (container,) = namespace.json("get", "deployment/creditbot-serve")["spec"]["template"]["spec"]["containers"]
    assert [9464] == [port["containerPort"] for port in container["ports"]]
    assert "9464" == namespace.json("get", "configmap/creditbot-settings")["data"]["METRICS_PORT"]
    probes = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
    assert {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"} == probes
    (rule,) = namespace.json("get", "networkpolicy/creditbot-serve")["spec"]["ingress"]
    assert [9464] == [port["port"] for port in rule["ports"]]
    assert "ingress" not in namespace.json("get", "networkpolicy/creditbot")["spec"]


def test_serve_that_was_stopped_by_hand_is_not_resumed(namespace: Kubectl, tmp_path: Path) -> None:
    """Applying the overlay again ends in a conflict, as with a CronJob that was suspended by hand."""
    applied(namespace, tmp_path, "serve")
    namespace("patch", "deployment/creditbot-serve", "--patch", '{"spec":{"replicas":0}}')
    done = apply(namespace, tmp_path)
    assert 'conflict with "kubectl-patch" using apps/v1: .spec.replicas' in done.stderr
    assert 0 == namespace.json("get", "deployment/creditbot-serve")["spec"]["replicas"]


def test_serve_on_azure_has_the_label_of_its_identity(namespace: Kubectl, tmp_path: Path) -> None:
    """If identity-azure is named behind serve."""
    applied(namespace, tmp_path, "serve", "identity-azure")
    template = namespace.json("get", "deployment/creditbot-serve")["spec"]["template"]
    assert "true" == template["metadata"]["labels"]["azure.workload.identity/use"]
