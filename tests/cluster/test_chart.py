"""The Helm chart: it says the same as Kustomize, takes no wrong values, and never empties the state."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.conftest import Cluster
from tests.cluster.helm import CHART, NEEDED, PROGRAMS, RELEASE, Helm, HelmError
from tests.cluster.kubectl import ROOT, Kubectl, apply, kustomization

pytestmark = [pytest.mark.cluster, pytest.mark.helm]

COMPONENTS = ROOT / "k8s" / "components"
OVERLAY = ROOT / "k8s" / "overlays" / "production"
IMAGE = "registry.example.com/creditbot:0.1.0"

Object = dict[str, Any]

# --- What it says ---------------------------------------------------------------------------------------------------

SAME: Mapping[str, tuple[Mapping[str, str], Mapping[str, Any]]] = {
    "bucket": ({"OUTPUT_URI": "s3://made-up/creditbot"}, {}),
    "external-secrets": ({}, {"externalSecret": {"enabled": True}}),
    "identity-aws": ({}, {"identity": "aws"}),
    "identity-azure": ({}, {"identity": "azure"}),
    "identity-gcp": ({}, {"identity": "gcp"}),
    "jobs": ({"RUNNER": "job", "RUNS_NAMESPACE": "creditbot-runs", "WORKERS": "16"}, {}),
    "monitoring": ({}, {"monitoring": {"enabled": True}}),
    "own-files": ({"CHANNELS_FILE": "/files/channels.toml"}, {"files": {"configMap": "creditbot-files"}}),
    "own-notebooks": (
        {"NOTEBOOK_PATH": "/notebooks/verify.ipynb"},
        {"notebooks": {"configMap": "creditbot-notebooks"}},
    ),
    "teams": ({"OUTPUT_URI": "s3://your-bucket/creditbot"}, {}),
    "serve": ({}, {"serve": {"enabled": True}}),
}
"""Component -> settings that go with it, and values that say the same to the chart."""
CASES = [
    [],
    ["bucket", "external-secrets", "monitoring", "identity-aws", "own-files", "own-notebooks", "serve"],
    ["serve", "identity-azure"],
    ["identity-gcp"],
    ["teams", "jobs"],
]
"""Components that are compared together. Only one identity can be at a time."""
HELMS_OWN = {
    "app.kubernetes.io/instance", "app.kubernetes.io/version", "app.kubernetes.io/managed-by", "helm.sh/chart",
    "helm.sh/resource-policy", "checksum/settings",
}  # fmt: skip
"""Labels and annotations that Kustomize has not."""


@pytest.fixture(scope="module", params=PROGRAMS or [""])
def program(request: pytest.FixtureRequest) -> str:
    """Each Helm there is."""
    return str(request.param)


@pytest.fixture
def helm(cluster: Cluster, program: str, tmp_path: Path) -> Iterator[Helm]:
    """Helm in a namespace that does not exist yet, and goes after the test."""
    kubectl = cluster.kubectl.within(f"creditbot-test-{secrets.token_hex(4)}")
    yield Helm(program, kubectl, tmp_path)
    kubectl.run("delete", "namespace", kubectl.namespace, "--ignore-not-found", "--wait=false")


def test_each_component_has_values_of_the_chart() -> None:
    """Whoever adds a component adds it to the chart."""
    assert {path.name for path in COMPONENTS.iterdir()} == SAME.keys() == {name for case in CASES for name in case}


@pytest.mark.parametrize("components", CASES, ids=len)
def test_chart_and_kustomize_say_the_same(helm: Helm, tmp_path: Path, components: list[str]) -> None:
    """Object by object. Kustomize also makes the namespace, which with Helm exists before."""
    settings = yaml.safe_load((OVERLAY / "settings.yaml").read_text())["data"]
    values: dict[str, Any] = {"settings": settings}
    for more_settings, more_values in map(SAME.__getitem__, components):
        settings |= more_settings
        values |= more_values
    built = by_name(yaml.safe_load_all(helm.kubectl("kustomize", str(overlay(tmp_path, components, settings)))))
    assert "restricted" == built.pop("Namespace creditbot")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
    rendered = by_name(helm.objects(values))
    assert sorted(built) == sorted(rendered)
    for name, one in built.items():
        assert one == rendered[name], name


def overlay(folder: Path, components: list[str], settings: Mapping[str, str]) -> Path:
    """The production overlay with components and settings."""
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "creditbot-settings"}}
    content = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [os.path.relpath(OVERLAY, folder.resolve())],
        "components": [os.path.relpath(COMPONENTS / name, folder.resolve()) for name in components],
        "patches": [{"patch": json.dumps({**config_map, "data": dict(settings)})}],
    }
    (folder / "kustomization.yaml").write_text(json.dumps(content))
    return folder


def by_name(objects: Any) -> dict[str, Object]:
    """Kind and name -> object, without what only Helm or only Kustomize writes."""
    return {f"{one['kind']} {one['metadata']['name']}": plain(one) for one in objects}


def plain(one: Object) -> Object:
    """The object without what only Helm or only Kustomize writes.

    That is the namespace, labels and annotations of Helm, the label that Kustomize gives to nothing of a component, the
    order of volumes, and how a bot that is not suspended is written.
    """
    one["metadata"].pop("namespace", None)
    one["metadata"].get("labels", {}).pop("app.kubernetes.io/name", None)
    for name, default in RUNNING.get(one["kind"], {}).items():
        if one["spec"].get(name) == default:
            del one["spec"][name]
    if one["kind"] in RUNNING:
        pod = pod_of(one)
        for named in (pod["volumes"], *(container["volumeMounts"] for container in pod["containers"])):
            named.sort(key=lambda entry: entry["name"])
    plain: Object = without_helms_own(one)
    return plain


RUNNING: Mapping[str, Mapping[str, object]] = {"CronJob": {"suspend": False}, "Deployment": {"replicas": 1}}


def without_helms_own(value: Any) -> Any:
    """The same without Helm's own labels and annotations, at any depth."""
    if isinstance(value, dict):
        items = {key: without_helms_own(item) for key, item in value.items() if key not in HELMS_OWN}
        return {key: item for key, item in items.items() if item or key not in ("labels", "annotations")}
    return [without_helms_own(item) for item in value] if isinstance(value, list) else value


def test_the_state_has_no_data_and_no_variable_is_set_twice(helm: Helm) -> None:
    """Rendered data would empty the state at each upgrade; the server refuses a variable that stands twice."""
    objects = by_name(helm.objects(NEEDED))
    assert {"apiVersion", "kind", "metadata"} == objects["ConfigMap creditbot-state"].keys()
    (container,) = pod_of(objects["CronJob creditbot"])["containers"]
    names = [entry["name"] for entry in container["env"]]
    assert sorted(set(names)) == sorted(names)


def pod_of(workload: Object) -> Object:
    """The specification of its pods."""
    spec: Object = workload["spec"].get("jobTemplate", workload)["spec"]["template"]["spec"]
    return spec


def test_two_releases_share_nothing(helm: Helm) -> None:
    """Each name is that of the release, or begins with it, and so does whatever names another object."""
    objects = helm.objects(ALL, "second")
    assert [] == [one["metadata"]["name"] for one in objects if not one["metadata"]["name"].startswith("second")]
    text = json.dumps(objects)
    assert [] == [name for name in FIRSTS if name in text]
    assert "svc:9091/metrics/job/second" in text
    policies = [one for one in objects if one["kind"] == "NetworkPolicy"]
    instances = [policy["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/instance"] for policy in policies]
    assert ["second", "second"] == instances


FIRSTS = (
    "creditbot-state", "creditbot-settings", "creditbot-secrets", "creditbot-summaries", r'cronjob=\"creditbot\"',
    '"serviceAccountName": "creditbot"', '"name": "creditbot", "namespace"',
)  # fmt: skip
"""How the first release and its objects are named by others."""


ALL = {**NEEDED, "monitoring": {"enabled": True}, "externalSecret": {"enabled": True}, "serve": {"enabled": True}}


# --- Values ---------------------------------------------------------------------------------------------------------


def settings_of(helm: Helm, **settings: Any) -> dict[str, str]:
    """The variables that the pod gets from these settings."""
    values = {"settings": {**NEEDED["settings"], **settings}}
    return dict(by_name(helm.objects(values))["ConfigMap creditbot-settings"]["data"])


def test_settings_are_exactly_what_was_written(helm: Helm) -> None:
    """Large numbers are not 1e+06, lists get commas, and null takes a default away."""
    written = settings_of(
        helm, MAX_CREDIT_USD=1_000_000, WORKERS=4, SHADOW=True, SLACK_CHANNELS=["one", "two"], PSMS_NOTEBOOK_PATH=None,
        REPLY_TEMPLATE='Approved, {amount}, "exceptions": yes',
    )  # fmt: skip
    expected = {
        "MAX_CREDIT_USD": "1000000", "WORKERS": "4", "SHADOW": "true", "SLACK_CHANNELS": "one,two",
        "REPLY_TEMPLATE": 'Approved, {amount}, "exceptions": yes', "OPENBLAS_NUM_THREADS": "1",
        "NOTEBOOK_ENV": "WAREHOUSE_URL,MPLCONFIGDIR,OPENBLAS_NUM_THREADS",
    }  # fmt: skip
    assert expected.items() <= written.items()
    assert "PSMS_NOTEBOOK_PATH" not in written


WRONG: Mapping[str, Any] = {
    "settings": {
        **NEEDED["settings"],
        "MAX_CREDIT_USDD": 1,
        "MAX_CREDIT_USD": 0.1,  # the float may not be what was written
        "SLACK_BOT_TOKEN": "xoxb-made-up",
        "STATE_URI": "file:state.json",  # the chart says where the state is
        "WAREHOUSE_URL": "postgresql://trino.example.com/x?user=me&password=made-up",
        "WORKERS": 99,
        "LOG_FORMAT": "xml",
    },
    "environment": {
        "METRICS_PORT": 9000,  # no settings here
        "PUSHGATEWAY_URL": "http://me:made-up@push.example.com",
        "DB_PASSWORD": "made-up",
        "HTTPS_PROXY": "http://me:made-up@proxy.example.com",
    },
    "image": {"digest": "latest"},
    "sushpend": True,
}
NAMED = [
    "'MAX_CREDIT_USDD'", "/settings/MAX_CREDIT_USD'", "'SLACK_BOT_TOKEN'", "'STATE_URI'", "/settings/WAREHOUSE_URL",
    "/settings/WORKERS", "/settings/LOG_FORMAT", "/image/digest", "'sushpend'", "'METRICS_PORT'", "'PUSHGATEWAY_URL'",
    "/environment/DB_PASSWORD", "/environment/HTTPS_PROXY",
]  # fmt: skip


def test_wrong_values_are_all_named_and_nothing_is_installed(helm: Helm) -> None:
    """The schema knows every setting. A secret among the values is refused and not repeated."""
    with pytest.raises(HelmError) as caught:
        helm.install(WRONG)
    assert [] == [name for name in NAMED if name not in str(caught.value)]
    assert "made-up" not in str(caught.value)
    with pytest.raises(HelmError, match="missing properties 'SLACK_USER_ID', 'LOOKER_BASE_URL'"):
        helm.install({})
    assert not helm.kubectl("get", "namespace", helm.kubectl.namespace, "--ignore-not-found")


def test_the_image_is_named_by_digest_or_by_tag(helm: Helm) -> None:
    """The digest counts, and without either the chart's version does."""
    name, digest = "registry.example.com/creditbot", f"sha256:{'a' * 64}"
    assert f"{name}:0.1.0" == image_of(helm, {})
    assert f"{name}@{digest}" == image_of(helm, {"tag": "1.2.3", "digest": digest})


def image_of(helm: Helm, image: Mapping[str, str]) -> object:
    """The image that the pod gets by these values."""
    cronjob = by_name(helm.objects({**NEEDED, "image": image}))["CronJob creditbot"]
    return pod_of(cronjob)["containers"][0]["image"]


def test_a_package_holds_the_image_of_its_release(helm: Helm, tmp_path: Path) -> None:
    """By its digest, in the default values: whoever installs the package need not name it."""
    image = f"registry.example.com/acme/creditbot@sha256:{'b' * 64}"
    environ = {**os.environ, "PATH": f"{Path(helm.program).parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    subprocess.run([ROOT / "k8s" / "package", image, tmp_path], env=environ, check=True, capture_output=True)
    (package,) = tmp_path.glob("creditbot-*.tgz")
    objects = by_name(helm.objects(ALL, chart=package))
    assert image == pod_of(objects["CronJob creditbot"])["containers"][0]["image"]
    assert "panels" in json.loads(objects["ConfigMap creditbot-dashboard"]["data"]["creditbot.json"])


# --- In a cluster ---------------------------------------------------------------------------------------------------

STATE = "configmap/creditbot-state"
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
    kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(pod))


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
    folder = kustomization(tmp_path, "production", helm.kubectl.namespace, IMAGE)
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
def test_a_pod_of_a_release_answers_on_the_sandbox(helm: Helm, image: str, tmp_path: Path) -> None:
    """Its settings, its Secret and its rights are enough, beside another deployment in the same namespace."""
    kubectl = helm.kubectl
    done = apply(kubectl, kustomization(tmp_path, "sandbox", kubectl.namespace, image))
    assert 0 == done.returncode, done.stderr
    settings = yaml.safe_load((ROOT / "k8s/overlays/sandbox/settings.yaml").read_text())["data"]
    repository, _, tag = image.rpartition(":")
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
