"""`make deploy`: what it shows, when it asks, and what it then applies."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster.cluster import IMAGE
from tests.cluster.kubectl import ROOT, Kubectl, kustomization

pytestmark = pytest.mark.cluster

Deploy = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def deploy(namespace: Kubectl, tmp_path: Path) -> Deploy:
    """Runs the script on the production overlay, with what is typed at its question."""
    folder = kustomization(tmp_path, "overlays/production", namespace.namespace, IMAGE)
    path = f"{Path(namespace.program).parent}:{os.environ['PATH']}"

    def run(typed: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, "PATH": path, "KUBECONFIG": str(namespace.kubeconfig), **settings}
        command = [str(ROOT / "k8s" / "deploy"), str(folder)]
        return subprocess.run(
            command, input=typed, env=environ, capture_output=True, text=True, timeout=120, check=False
        )

    return run


def exists(kubectl: Kubectl) -> bool:
    """Whether the namespace is tnamespace."""
    return bool(kubectl("get", "namespace", kubectl.namespace, "--ignore-not-found"))


@pytest.mark.parametrize("typed", ["", "\n", "n\n", "Y E S\n"])
def test_without_a_yes_nothing_is_applied(namespace: Kubectl, deploy: Deploy, typed: str) -> None:
    """An answer that is not understood, and none at all, mean no."""
    done = deploy(typed)
    assert 1 == done.returncode
    assert "Nothing was applied." in done.stderr
    assert not exists(namespace)


def test_a_first_deployment_lists_what_is_new(namespace: Kubectl, deploy: Deploy) -> None:
    """Where it goes stands first: the context, the server and the namespace."""
    done = deploy("y\n")
    assert 0 == done.returncode, done.stderr
    context = namespace("config", "current-context").strip()
    assert done.stdout.startswith(f"Context     {context}, at https://")
    assert f"Namespace   {namespace.namespace}\n" in done.stdout
    for name in ("Namespace", "ConfigMap creditbot-state", "CronJob creditbot", "Role creditbot"):
        assert f"\n  {name}" in done.stdout
    assert namespace.run("get", "cronjob/creditbot").returncode == 0


def test_a_second_deployment_shows_what_changes(namespace: Kubectl, deploy: Deploy, tmp_path: Path) -> None:
    """And one that would change nothing says so, and does not ask."""
    assert 0 == deploy(YES="1").returncode
    again = deploy()
    assert (0, True) == (again.returncode, again.stdout.endswith("Nothing would change.\n"))
    file = tmp_path / "kustomization.yaml"
    file.write_text(file.read_text().replace("true", "false"))
    changed = deploy("n\n")
    assert 1 == changed.returncode
    assert ["-  suspend: true", "+  suspend: false"] == [
        line for line in changed.stdout.splitlines() if "suspend" in line
    ]
    assert namespace.json("get", "cronjob/creditbot")["spec"]["suspend"] is True


def test_a_cluster_that_does_not_answer_is_a_sentence(deploy: Deploy, tmp_path: Path) -> None:
    """No manifest was shown as new, although none was found."""
    nowhere = tmp_path / "nowhere"
    nowhere.write_text("""apiVersion: v1
kind: Config
current-context: gone
contexts: [{name: gone, context: {cluster: gone, user: gone}}]
clusters: [{name: gone, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: gone, user: {}}]
""")
    done = deploy("y\n", KUBECONFIG=str(nowhere))
    assert 1 == done.returncode
    assert "The cluster of the context gone does not answer." in done.stderr
    assert "This would be made" not in done.stdout


def test_without_a_context_it_says_how_to_choose_one(deploy: Deploy, tmp_path: Path) -> None:
    done = deploy("y\n", KUBECONFIG=str(tmp_path / "none"))
    assert 1 == done.returncode
    assert "kubectl has no context" in done.stderr
