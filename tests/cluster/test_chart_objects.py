"""What the Helm charts render: the same as Kustomize, exactly the values, nothing of wrong ones. Needs no cluster."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.helm import CHART_RUNS, NEEDED, RUNS, Helm, HelmError
from tests.cluster.kubectl import ROOT, Kubectl
from tests.cluster.objects import Object, by_name, pod_of

pytestmark = pytest.mark.helm

COMPONENTS = ROOT / "k8s" / "components"
OVERLAY = ROOT / "k8s" / "overlays" / "production"


@pytest.fixture
def helm(program: str, tmp_path: Path) -> Helm:
    """Helm and kubectl without a cluster."""
    return Helm(program, Kubectl(shutil.which("kubectl") or "kubectl", tmp_path / "no-kubeconfig"), tmp_path)


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
    assert_same(built, by_name(helm.objects(values)))


def test_the_chart_of_jobs_and_kustomize_say_the_same(helm: Helm) -> None:
    """Object by object, with the namespace, which this chart makes, and the namespace of each object."""
    built = by_name(yaml.safe_load_all(helm.kubectl("kustomize", str(ROOT / "k8s" / "runs"))))
    assert_same(built, by_name(helm.objects({}, RUNS, CHART_RUNS)))


def assert_same(built: Mapping[str, Object], rendered: Mapping[str, Object]) -> None:
    """Compares one object at a time: a difference in all of them at once is hard to read."""
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


def test_the_state_has_no_data_and_no_variable_is_set_twice(helm: Helm) -> None:
    """Rendered data would empty the state at each upgrade; the server refuses a variable that stands twice."""
    objects = by_name(helm.objects(NEEDED))
    assert {"apiVersion", "kind", "metadata"} == objects["ConfigMap creditbot-state"].keys()
    (container,) = pod_of(objects["CronJob creditbot"])["containers"]
    names = [entry["name"] for entry in container["env"]]
    assert sorted(set(names)) == sorted(names)


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


def test_a_second_team_gets_a_namespace_of_its_own_for_jobs(helm: Helm) -> None:
    """For its own bot. The policies hold for every namespace of Jobs, so its release makes none."""
    values = {"namespace": "payments-runs", "bot": "payments", "policies": False}
    objects = helm.objects(values, "payments-runs", CHART_RUNS)
    assert {"payments-runs"} == {one["metadata"].get("namespace", one["metadata"]["name"]) for one in objects}
    (binding,) = (one for one in objects if one["kind"] == "RoleBinding")
    assert [{"kind": "ServiceAccount", "name": "payments", "namespace": "creditbot"}] == binding["subjects"]
    first = [one["kind"] for one in helm.objects({}, RUNS, CHART_RUNS)]
    assert sorted(first) == sorted([one["kind"] for one in objects] + POLICIES)


POLICIES = ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"] * 2


def test_uninstalling_leaves_the_policies_of_jobs_alone(helm: Helm) -> None:
    """They hold for other teams' namespaces, too. Everything else goes."""
    objects = helm.objects({}, RUNS, CHART_RUNS)
    kept = [one["kind"] for one in objects if "helm.sh/resource-policy" in one["metadata"].get("annotations", {})]
    assert sorted(POLICIES) == sorted(kept)


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


def test_wrong_values_are_all_named(helm: Helm) -> None:
    """The schema knows every setting. A secret among the values is refused and not repeated."""
    with pytest.raises(HelmError) as caught:
        helm.objects(WRONG)
    assert [] == [name for name in NAMED if name not in str(caught.value)]
    assert "made-up" not in str(caught.value)
    with pytest.raises(HelmError, match="missing properties 'SLACK_USER_ID', 'LOOKER_BASE_URL'"):
        helm.objects({})


def test_the_image_is_named_by_digest_or_by_tag(helm: Helm) -> None:
    """The digest counts, and without either the chart's version does."""
    name, digest = "registry.example.com/creditbot", f"sha256:{'a' * 64}"
    assert f"{name}:0.1.0" == image_of(helm, {})
    assert f"{name}@{digest}" == image_of(helm, {"tag": "1.2.3", "digest": digest})


def image_of(helm: Helm, image: Mapping[str, str]) -> object:
    """The image that the pod gets by these values."""
    cronjob = by_name(helm.objects({**NEEDED, "image": image}))["CronJob creditbot"]
    return pod_of(cronjob)["containers"][0]["image"]


def test_the_pod_of_notebooks_is_as_the_values_say(helm: Helm) -> None:
    """What the template of Kustomize has stays, such as how soon a node that is gone is left."""
    notebooks, node = {"configMap": "creditbot-notebooks"}, {"key": "notebooks", "operator": "Exists"}
    memory, labels = {"limits": {"memory": "8Gi"}}, {"azure.workload.identity/use": "true"}
    egress = {"ports": [{"protocol": "TCP", "port": 8443}]}
    values = {
        "notebooks": notebooks, "nodeSelector": {"pool": "notebooks"}, "tolerations": [node], "resources": memory,
        "podLabels": labels, "egress": [egress], "serviceAccount": {"annotations": {"identity": "made-up"}},
    }  # fmt: skip
    before, objects = (by_name(helm.objects(some, RUNS, CHART_RUNS)) for some in ({}, values))
    name = "PodTemplate creditbot-runs/creditbot-run"
    template, pod = objects[name]["template"], objects[name]["template"]["spec"]
    assert {"app.kubernetes.io/component": "run", **labels} == template["metadata"]["labels"]
    assert [*before[name]["template"]["spec"]["tolerations"], node] == pod["tolerations"]
    assert ({"pool": "notebooks"}, "8Gi") == (
        pod["nodeSelector"],
        pod["containers"][0]["resources"]["limits"]["memory"],
    )
    assert {"name": "notebooks", "mountPath": "/notebooks", "readOnly": True} in pod["containers"][0]["volumeMounts"]
    assert {"name": "notebooks", "configMap": {"name": "creditbot-notebooks"}} in pod["volumes"]
    policy = "NetworkPolicy creditbot-runs/creditbot-runs"
    assert [*before[policy]["spec"]["egress"], egress] == objects[policy]["spec"]["egress"]
    account = objects["ServiceAccount creditbot-runs/creditbot-run"]
    assert {"identity": "made-up"} == account["metadata"]["annotations"]


@pytest.mark.parametrize("wrong", [{"namespase": "x"}, {"namespace": "A b"}, {"image": {"digest": "latest"}}], ids=str)
def test_wrong_values_of_the_chart_of_jobs_are_refused(helm: Helm, wrong: Mapping[str, Any]) -> None:
    with pytest.raises(HelmError, match="values don't meet the specifications"):
        helm.objects(wrong, RUNS, CHART_RUNS)


def test_a_package_holds_the_image_of_its_release(helm: Helm, tmp_path: Path) -> None:
    """By its digest, in the default values: whoever installs the package need not name it."""
    image = f"registry.example.com/acme/creditbot@sha256:{'b' * 64}"
    environ = {**os.environ, "PATH": f"{Path(helm.program).parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    subprocess.run([ROOT / "k8s" / "package", image, tmp_path], env=environ, check=True, capture_output=True)
    package, package_of_runs = (next(tmp_path.glob(f"{name}-[0-9]*.tgz")) for name in ("creditbot", "creditbot-runs"))
    objects = by_name(helm.objects(ALL, chart=package))
    assert image == pod_of(objects["CronJob creditbot"])["containers"][0]["image"]
    assert "panels" in json.loads(objects["ConfigMap creditbot-dashboard"]["data"]["creditbot.json"])
    runs = by_name(helm.objects({}, RUNS, package_of_runs))["PodTemplate creditbot-runs/creditbot-run"]
    assert image == runs["template"]["spec"]["containers"][0]["image"]
