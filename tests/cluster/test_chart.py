"""A release of the Helm chart in a cluster: it never empties the state, and nobody starts or stops it by accident."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from creditbot.adapters.jobs.manifests import job_manifest
from tests.cluster.cluster import IMAGE as BUILT
from tests.cluster.helm import CHART, CHART_RUNS, NEEDED, PROGRAMS, RELEASE, RUNS, Helm, HelmError
from tests.cluster.kubectl import ROOT, STATE, Kubectl, apply, bot_kubeconfig, image_parts, kustomization, try_create
from tests.cluster.objects import pod_of
from tests.cluster.runs import wait_until_enforced

pytestmark = [pytest.mark.cluster, pytest.mark.helm]

OVERLAY = ROOT / "k8s" / "overlays" / "production"
IMAGE = "registry.example.com/creditbot:0.1.0"


@pytest.fixture
def helm(namespace: Kubectl, program: str, tmp_path: Path) -> Helm:
    """Helm in a namespace that does not exist yet, and goes after the test."""
    return Helm(program, namespace, tmp_path)


KEPT = {"T0.C0.1736345678.123456": '{"stage":"answered"}'}


def fill(kubectl: Kubectl) -> None:
    """Writes the state as the bot does."""
    kubectl("patch", STATE, "--field-manager=creditbot", "--patch", json.dumps({"data": KEPT}))


def state(kubectl: Kubectl) -> object:
    """What the state holds."""
    return kubectl.json("get", STATE).get("data")


def schedule(kubectl: Kubectl) -> object:
    """When it runs."""
    return kubectl.json("get", "cronjob/creditbot")["spec"]["schedule"]


def test_wrong_values_install_nothing(helm: Helm) -> None:
    """Helm looks at the values before it asks the cluster for anything, or makes the namespace."""
    with pytest.raises(HelmError, match="missing properties 'SLACK_USER_ID', 'LOOKER_BASE_URL'"):
        helm.install({})
    assert not helm.kubectl("get", "namespace", helm.kubectl.namespace, "--ignore-not-found")


def test_a_restricted_namespace_takes_the_pod_of_the_chart(helm: Helm) -> None:
    """Once somebody has done what the notes say. Pod Security has nothing to say about the pod."""
    notes = helm.install({**NEEDED, "existingSecret": "of-the-bot"})
    kubectl = helm.kubectl
    inside = f"kubectl --namespace {kubectl.namespace}"
    restrict = f"namespace {kubectl.namespace} pod-security.kubernetes.io/enforce=restricted"
    assert f"   {inside} create secret generic of-the-bot --from-env-file=secrets.env\n" in notes
    assert f"   kubectl label {restrict}\n" in notes
    assert f"   {inside} create job check-1 --from=cronjob/creditbot" in notes
    kubectl("label", *restrict.split())
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bot"}}
    pod["spec"] = pod_of(kubectl.json("get", "cronjob/creditbot"))
    assert not try_create(kubectl, pod)


def test_a_release_keeps_its_state_to_the_end_and_beyond(helm: Helm) -> None:
    """Upgrade, rollback, uninstall and install again: neither the state nor the claim of the summaries is touched."""
    kubectl = helm.kubectl
    helm.install()
    fill(kubectl)
    claim = claim_of(kubectl)
    helm.upgrade({"settings": {**NEEDED["settings"], "OUTPUT_URI": "gs://made-up/creditbot"}})
    assert (KEPT, claim, ["tmp"]) == (state(kubectl), claim_of(kubectl), volumes(kubectl))
    helm("rollback", RELEASE, "1")
    assert (KEPT, claim, ["tmp", "summaries"]) == (state(kubectl), claim_of(kubectl), volumes(kubectl))
    helm("uninstall", RELEASE)
    assert (KEPT, claim) == (state(kubectl), claim_of(kubectl))
    assert kubectl.run("get", "cronjob/creditbot").returncode
    helm.install()
    assert (KEPT, claim, ["tmp", "summaries"]) == (state(kubectl), claim_of(kubectl), volumes(kubectl))


def claim_of(kubectl: Kubectl) -> object:
    """Which claim it is: another one would have another uid."""
    return kubectl.json("get", "persistentvolumeclaim/creditbot-summaries")["metadata"]["uid"]


def volumes(kubectl: Kubectl) -> list[str]:
    """The volumes of the pod."""
    return [volume["name"] for volume in pod_of(kubectl.json("get", "cronjob/creditbot"))["volumes"]]


def test_an_upgrade_does_not_resume_what_was_suspended_by_hand(helm: Helm) -> None:
    """Nobody switches the bot on by accident; `suspend` switches it off and on on purpose."""
    served = {**NEEDED, "serve": {"enabled": True}}
    helm.install(served)
    assert (None, 1) == suspended(helm.kubectl)
    helm.kubectl("patch", "cronjob/creditbot", "--patch", '{"spec":{"suspend":true}}')
    helm.kubectl("patch", "deployment/creditbot-serve", "--patch", '{"spec":{"replicas":0}}')
    helm.upgrade({**served, "schedule": "*/10 * * * *"})
    assert (True, 0, "*/10 * * * *") == (*suspended(helm.kubectl), schedule(helm.kubectl))


def test_suspend_stops_schedule_and_serve_until_it_is_false(helm: Helm) -> None:
    served = {**NEEDED, "serve": {"enabled": True}}
    helm.install({**served, "suspend": True})
    assert (True, 0) == suspended(helm.kubectl)
    helm.upgrade(served)
    assert (None, 1) == suspended(helm.kubectl)


def suspended(kubectl: Kubectl) -> tuple[bool | None, int]:
    """Whether the schedule is suspended (None: no), and how many pods are to serve."""
    suspend = kubectl.json("get", "cronjob/creditbot")["spec"].get("suspend") or None
    return suspend, kubectl.json("get", "deployment/creditbot-serve")["spec"]["replicas"]


def test_a_deployment_of_kustomize_becomes_a_release(helm: Helm, tmp_path: Path) -> None:
    """With its state."""
    folder = kustomization(tmp_path, "overlays/production", helm.kubectl.namespace, IMAGE)
    done = apply(helm.kubectl, folder)
    assert 0 == done.returncode, done.stderr
    fill(helm.kubectl)
    values = {"settings": yaml.safe_load((OVERLAY / "settings.yaml").read_text())["data"]}
    force = ["--force-conflicts"] if helm.major > 3 else []
    helm.install({**values, "schedule": "*/10 * * * *"}, "--take-ownership", *force)
    assert (KEPT, "*/10 * * * *") == (state(helm.kubectl), schedule(helm.kubectl))
    helm("uninstall", RELEASE)
    assert KEPT == state(helm.kubectl)


@pytest.mark.skipif(len(PROGRAMS) < 2, reason="needs two versions of Helm")
def test_helm_3_and_helm_4_take_turns(helm: Helm, program: str) -> None:
    """A release of one is upgraded and rolled back by the other."""
    (other,) = {Helm(name, helm.kubectl, helm.home) for name in PROGRAMS} - {helm}
    helm.install()
    fill(helm.kubectl)
    other.upgrade({**NEEDED, "schedule": "*/10 * * * *"})
    assert (KEPT, "*/10 * * * *") == (state(helm.kubectl), schedule(helm.kubectl))
    helm("rollback", RELEASE, "1")
    assert (KEPT, "*/5 * * * *") == (state(helm.kubectl), schedule(helm.kubectl))
    other("uninstall", RELEASE)
    assert KEPT == state(helm.kubectl)


# --- With pods ------------------------------------------------------------------------------------------------------

ANSWERS = "creditbot sandbox warehouse /data/sandbox.duckdb && creditbot run-once"


@pytest.mark.controllers
@pytest.mark.node
@pytest.mark.timeout(600)
@pytest.mark.parametrize("program", PROGRAMS[:1], indirect=True)  # what another Helm installs is the same
def test_a_pod_of_a_release_answers_on_the_sandbox(helm: Helm, image: str, tmp_path: Path) -> None:
    """Its settings, its Secret and its rights are enough, beside another deployment in the same namespace."""
    kubectl = helm.kubectl
    done = apply(kubectl, kustomization(tmp_path, "overlays/sandbox", kubectl.namespace, image))
    assert 0 == done.returncode, done.stderr
    settings = yaml.safe_load((ROOT / "k8s/overlays/sandbox/settings.yaml").read_text())["data"]
    repository, tag = image_parts(image)
    values = {
        "image": {"repository": repository, "tag": tag},
        "settings": {**settings, "WAREHOUSE_URL": "duckdb:////data/sandbox.duckdb"},
        "existingSecret": "creditbot-secrets",
        "egress": [{"ports": [{"protocol": "TCP", "port": 8080}, {"protocol": "TCP", "port": 8081}]}],
        "suspend": True,
    }
    helm("install", "second", str(CHART), values=values)
    kubectl("rollout", "status", "deployment/sandbox", "--timeout=180s", timeout=200)
    job = kubectl.json("create", "job", "now", "--from=cronjob/second", "--dry-run=client")
    pod = job["spec"]["template"]["spec"]
    pod["containers"][0] |= {"command": ["sh", "-c", ANSWERS], "args": []}
    # Not every cluster has storage for the claim.
    pod["volumes"] = [{"name": volume["name"], "emptyDir": {}} for volume in pod["volumes"]]
    kubectl("create", "--filename=-", stdin=json.dumps(job))
    kubectl("wait", "--for=condition=complete", "job/now", "--timeout=300s", timeout=320)
    assert "Approved, $4,948.80, exceptions" in kubectl(
        "exec", "deployment/sandbox", "--", "creditbot", "sandbox", "show"
    )
    assert any('"answered"' in record for record in kubectl.json("get", "configmap/second-state")["data"].values())


def test_the_chart_of_jobs_admits_jobs_of_the_bot_alone(helm: Helm, tmp_path: Path) -> None:
    """An administrator installs it beside the bot; the policies may be there already, and stay."""
    kubectl = helm.kubectl
    kubectl("create", "namespace", kubectl.namespace)
    kubectl("create", "serviceaccount", RELEASE)
    runs = kubectl.within(f"{kubectl.namespace}-runs")
    repository, tag = image_parts(BUILT)
    values = {"namespace": runs.namespace, "image": {"repository": repository, "tag": tag}}
    force = ["--force-conflicts"] if helm.major > 3 else []
    try:
        helm("install", RUNS, str(CHART_RUNS), "--take-ownership", *force, values=values)
        wait_until_enforced(runs)
        token = kubectl("create", "token", RELEASE).strip()
        as_bot = Kubectl(runs.program, bot_kubeconfig(kubectl, tmp_path, token), runs.namespace)
        key = "0123456789abcdef0123"
        job = job_manifest(runs.json("get", "podtemplate/creditbot-run"), f"creditbot-{key}-1", key, 600, "")
        assert not try_create(as_bot, job)
        job["spec"]["template"]["spec"]["containers"][0]["image"] = "any"
        assert "its containers are not those" in try_create(as_bot, job)
        helm("uninstall", RUNS)
        assert kubectl("get", "validatingadmissionpolicy/creditbot-runs")
    finally:
        runs.run("delete", "namespace", runs.namespace, "--ignore-not-found", "--wait=false")
