"""What holds between the code and the files it is shipped by: locks, Makefile, manifests."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import tomllib
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from creditbot.settings.describe import table
from creditbot.settings.settings import Settings, StateConfigMap
from creditbot.tick.claims import CLAIM_LIFE

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ["requirements.lock", "requirements-ml.lock", "requirements-dev.lock", "requirements-build.lock"]


@cache
def project() -> dict[str, Any]:
    """What pyproject.toml says."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def pins(lock: str) -> set[str]:
    """The requirements of a lock, each with its version and marker."""
    lines = (ROOT / lock).read_text().splitlines()
    return {line.removesuffix(" \\") for line in lines if not line.startswith(" ")}


def names(requirements: list[str] | set[str]) -> set[str]:
    """Names of packages, as an index writes them."""
    return {re.split(r"[^\w.-]", one, maxsplit=1)[0].replace("_", "-").lower() for one in requirements}


def manifest(path: str) -> dict[str, Any]:
    """One file of k8s/."""
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "k8s" / path).read_text())
    return loaded


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_hashes_and_no_addresses(lock: str) -> None:
    """Every line is a pinned package or one of its hashes: it says nothing about where packages come from."""
    line = re.compile(r"[a-z0-9._-]+(\[[a-z0-9, ._-]+\])?==\S+( ; .+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?")
    assert [] == [text for text in (ROOT / lock).read_text().splitlines() if not line.fullmatch(text)]


def test_the_locks_hold_what_pyproject_asks_for() -> None:
    """A dependency that was added to pyproject.toml only is not forgotten in the locks."""
    assert names(project()["project"]["dependencies"]) <= names(pins("requirements.lock"))
    assert names(project()["dependency-groups"]["dev"]) <= names(pins("requirements-dev.lock"))
    assert names(project()["project"]["optional-dependencies"]["ml"]) <= names(pins("requirements-ml.lock"))
    assert pins("requirements.lock") <= pins("requirements-ml.lock")
    assert names(project()["build-system"]["requires"]) == names(pins("requirements-build.lock"))


def test_every_target_of_the_makefile_has_its_line_of_help() -> None:
    """`make` alone lists them all."""
    text = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^\.PHONY: ([\w-]+)$", text, re.MULTILINE)
    assert [] == [target for target in targets if not re.search(rf"^{target}:.* ## \w", text, re.MULTILINE)]


def test_a_claim_outlives_every_job() -> None:
    """A pod that still runs keeps its claim: it is longer than the deadline and the grace period together."""
    longest = [
        max(number(text, name) for text in manifests() if re.search(rf"{name}: \d", text))
        for name in ("activeDeadlineSeconds", "terminationGracePeriodSeconds")
    ]
    assert timedelta(seconds=sum(longest)) < CLAIM_LIFE


def manifests() -> list[str]:
    """All of k8s/, base and overlays."""
    return [path.read_text() for path in (ROOT / "k8s").rglob("*.yaml")]


def number(text: str, name: str) -> int:
    """The largest that a manifest gives a field of that name."""
    return max(map(int, re.findall(rf"{name}: (\d+)", text)))


def test_the_schedule_is_one_that_a_tick_can_rely_on() -> None:
    """One at a time, by UTC, never repeated by Kubernetes, and started again after any pause."""
    cron = manifest("base/cronjob.yaml")["spec"]
    job = cron["jobTemplate"]["spec"]
    assert {
        "concurrencyPolicy": "Forbid",
        "timeZone": "Etc/UTC",
        "startingDeadlineSeconds": 240,
    }.items() <= cron.items()
    assert {"backoffLimit": 0, "activeDeadlineSeconds": 900, "ttlSecondsAfterFinished": 172800}.items() <= job.items()
    assert {"successfulJobsHistoryLimit", "failedJobsHistoryLimit"} <= cron.keys()
    pod = job["template"]["spec"]
    assert ("Never", 90) == (pod["restartPolicy"], pod["terminationGracePeriodSeconds"])
    assert manifest("overlays/production/schedule.yaml")["spec"]["suspend"] is False


def test_the_bot_reaches_what_it_needs_and_nothing_reaches_it() -> None:
    """DNS, https and the API server; the port of Redshift and Trino."""
    policy = manifest("base/networkpolicy.yaml")["spec"]
    ports = {port["port"] for rule in policy["egress"] for port in rule["ports"]}
    assert {53, 443, 6443} <= ports
    assert {"Ingress", "Egress"} == {*policy["policyTypes"]}
    assert not policy.get("ingress")


def test_the_state_manifest_has_no_data() -> None:
    """So that applying it again owns, and empties, nothing."""
    assert {"apiVersion", "kind", "metadata"} == set(manifest("base/configmap-state.yaml"))


@pytest.mark.parametrize(
    "path", ["base/configmap-settings.yaml", "overlays/sandbox/settings.yaml", "overlays/production/settings.yaml",
     "components/monitoring/settings.yaml", "components/teams/settings.yaml"],
)  # fmt: skip
def test_the_settings_of_the_manifests_exist(path: str) -> None:
    """Every key is one of our settings, or a variable that a library reads."""
    known = {row.name for row in table()} | {"OPENBLAS_NUM_THREADS"}
    assert set() == manifest(path)["data"].keys() - known


def test_the_charts_have_the_version_of_the_package() -> None:
    """And so have the images of the production overlay and of Jobs."""
    charts = [manifest(f"{name}/Chart.yaml") for name in ("chart", "chart-runs")]
    images = [manifest(f"{name}/kustomization.yaml")["images"][0] for name in ("overlays/production", "runs")]
    versions = [(chart["version"], chart["appVersion"]) for chart in charts] + [(one["newTag"],) * 2 for one in images]
    assert [(project()["project"]["version"],) * 2] * 4 == versions


def test_the_docs_verify_what_the_release_signs() -> None:
    """The image and the chart of today's version, by the identity of the workflow that signs them."""
    (command,) = re.findall(r"^(cosign verify (?:.*\\\n)*.*)$", (ROOT / "docs/image.md").read_text(), re.MULTILINE)
    _, _, *options, image, chart = shlex.split(command.replace("\\\n", ""))
    version, workflow = project()["project"]["version"], ".github/workflows/release.yml"
    assert f"{image.removesuffix(f':{version}')}/charts/creditbot:{version}" == chart
    assert "/charts" in (text := (ROOT / workflow).read_text())
    issuer, identity = options[1::2]
    assert issuer in text
    assert identity.endswith(f"/{workflow}@refs/tags/v{version}")


@pytest.mark.parametrize("overlay", ["sandbox", "production"])
def test_the_settings_of_an_overlay_are_such_that_the_bot_starts(overlay: str) -> None:
    """Together with the base's, with a Secret, and with what the CronJob sets; plain http only where that is meant."""
    secret = "overlays/sandbox/secret.yaml" if overlay == "sandbox" else "base/secret.example.yaml"
    (container,) = manifest("base/cronjob.yaml")["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    own = {entry["name"]: entry.get("value", "creditbot") for entry in container["env"]}
    given = {
        **{name: value.replace("$(POD_NAMESPACE)", "creditbot") for name, value in own.items()},
        **manifest("base/configmap-settings.yaml")["data"],
        **manifest(f"overlays/{overlay}/settings.yaml")["data"],
        **{name: re.sub(r"\.\.\.|your", "made-up", value) for name, value in manifest(secret)["stringData"].items()},
    }
    settings = Settings.load(given, env_file=None)
    assert isinstance(settings.state, StateConfigMap)
    assert ["SLACK_API_URL", "LOOKER_BASE_URL"] * (overlay == "sandbox") == list(settings.plain_http)


def test_the_secrets_of_the_manifests_are_the_settings_that_are_secret() -> None:
    """The example names every credential, and the sandbox's Secret the ones it needs."""
    example = manifest("base/secret.example.yaml")["stringData"].keys()
    assert {"SLACK_BOT_TOKEN", "LOOKER_CLIENT_ID", "LOOKER_CLIENT_SECRET", "WAREHOUSE_URL"} == example
    assert manifest("overlays/sandbox/secret.yaml")["stringData"].keys() < example


def test_every_manifest_holds_one_object_and_is_applied() -> None:
    """One kind a file; the base lists every file but the example of a Secret."""
    base = ROOT / "k8s" / "base"
    files = {path.name for path in base.glob("*.yaml")}
    assert all(len(list(yaml.safe_load_all((base / name).read_text()))) == 1 for name in files)
    assert files - {"kustomization.yaml", "secret.example.yaml"} == set(
        manifest("base/kustomization.yaml")["resources"]
    )


@pytest.mark.parametrize(
    "path", ["base/cronjob.yaml", "overlays/sandbox/cronjob.yaml", "overlays/sandbox/deployment.yaml"]
)
def test_every_container_is_confined(path: str) -> None:
    """Nothing to write to but volumes, no capability, no way to more rights, and a bound on memory."""
    template = manifest(path)["spec"]
    template = template["jobTemplate"]["spec"]["template"] if "jobTemplate" in template else template["template"]
    containers = [*template["spec"].get("initContainers", []), *template["spec"]["containers"]]
    for container in (one for one in containers if "image" in one):
        confined = {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert confined == container["securityContext"]
        assert "memory" in container["resources"]["limits"]


@pytest.mark.parametrize(("version", "said"), [("v1.26.15", "this one is 1.26."), ("", "is of an unknown version.")])
def test_a_kubectl_that_is_too_old_is_not_used(tmp_path: Path, version: str, said: str) -> None:
    """It is asked for its version first, and for nothing else."""
    kubectl = tmp_path / "kubectl"
    answer = json.dumps({"clientVersion": {"gitVersion": version}}, indent=2)
    kubectl.write_text(f"#!/bin/sh\n[ $1 = version ] && cat <<'END'\n{answer}\nEND\necho $1 >>{tmp_path}/calls\n")
    kubectl.chmod(0o755)
    done = subprocess.run(
        [ROOT / "k8s/deploy", "any"], env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert 1 == done.returncode
    assert done.stderr.startswith("kubectl 1.27 or later is needed")
    assert said in done.stderr
    assert "version\n" == (tmp_path / "calls").read_text()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("make image", "make image needs the program docker on PATH"),
        ("make image CONTAINER_TOOL=no-such-tool", "make image needs the program no-such-tool on PATH"),
        ("make kind", "make kind needs the program docker on PATH"),
        ("k8s/deploy any", "k8s/deploy needs the program kubectl on PATH"),
        (f"k8s/package name@sha256:{'a' * 64} any", "k8s/package needs the program helm on PATH"),
    ],
)
def test_a_program_that_is_missing_is_named_in_one_line(tmp_path: Path, command: str, said: str) -> None:
    """With where it comes from, and nothing that the shell says of a command it does not find."""
    for name in ("bash", "env", "make", "sed", "git", "dirname", "python3"):
        (tmp_path / name).symlink_to(shutil.which(name) or pytest.fail(f"{name} is needed"))
    program, *args = shlex.split(command)
    found = [shutil.which(program) or str(ROOT / program), *args]
    done = subprocess.run(found, cwd=ROOT, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    lines = [line for line in done.stderr.splitlines() if not line.startswith("make: ***")]
    assert done.returncode
    assert [True] == [line.startswith(said) for line in lines], done.stderr
