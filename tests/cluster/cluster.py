"""The cluster under test, and what it can do.

Taken in this order: the cluster of KUBECONFIG; an API server started from KUBEBUILDER_ASSETS; a kind cluster, if docker
and kind are there. ~/.kube/config is never taken: it may be production.
"""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

import pytest

from bench.local_api import api_server
from tests.cluster.kubectl import Kubectl, KubectlError

IMAGE = os.environ.get("IMAGE", "localhost/creditbot:dev")
NO_CLUSTER = (
    "There is no cluster to test against: set KUBECONFIG, or KUBEBUILDER_ASSETS (a folder with etcd, kube-apiserver "
    "and kubectl), or start docker and install kind."
)


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster and what it can do.

    Attributes:
        kubectl: as its administrator.
        controllers: whether Jobs get pods and namespaces their service account.
        node: whether pods run.
    """

    kubectl: Kubectl
    controllers: bool
    node: bool

    def lacks(self, item: pytest.Item) -> str:
        """What a test needs and is not there, or ""."""
        if item.get_closest_marker("node") and not self.node:
            return "a node"
        if item.get_closest_marker("controllers") and not self.controllers:
            return "controllers"
        return ""


def find_cluster(stack: ExitStack) -> Cluster:
    """The cluster there is; `stack` ends what was started for it. Without any, the session ends with a sentence."""
    kubeconfig = _kubeconfig(stack)
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    program = shutil.which("kubectl") or (shutil.which("kubectl", path=assets) if assets else None)
    if kubeconfig is None or program is None:
        pytest.exit(NO_CLUSTER, returncode=1)
    kubectl = Kubectl(program, kubeconfig)
    try:
        nodes = kubectl("get", "nodes", "--output=jsonpath={.items[*].status.conditions[?(@.type=='Ready')].status}")
    except KubectlError as error:
        pytest.exit(f"The cluster of {kubeconfig} does not answer: {error}", returncode=1)
    controllers = kubectl.run("get", "serviceaccount", "default").returncode == 0
    return Cluster(kubectl, controllers, node=controllers and "True" in nodes)


def _kubeconfig(stack: ExitStack) -> Path | None:
    if path := os.environ.get("KUBECONFIG"):
        return Path(path)
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="creditbot-cluster-")))
    if assets := os.environ.get("KUBEBUILDER_ASSETS"):
        return stack.enter_context(api_server(Path(assets), folder))
    return _kind(folder)


def _kind(folder: Path) -> Path | None:
    """The kubeconfig of the kind cluster, made if there is none; None without docker or kind."""
    kind, docker = shutil.which("kind"), shutil.which("docker")
    if not kind or not docker or subprocess.run([docker, "info"], capture_output=True, check=False).returncode:
        return None
    name = os.environ.get("KIND_CLUSTER", "creditbot")
    with _one_at_a_time():
        clusters = subprocess.run([kind, "get", "clusters"], capture_output=True, text=True, check=True).stdout.split()
        if name not in clusters:
            subprocess.run([kind, "create", "cluster", "--name", name, "--wait", "120s"], check=True)
    path = folder / "kubeconfig"
    config = subprocess.run([kind, "get", "kubeconfig", "--name", name], capture_output=True, text=True, check=True)
    path.write_text(config.stdout)
    return path


def load_image() -> None:
    """Hands the image under test to the cluster by LOAD_IMAGE; `make image` builds it."""
    load = [*shlex.split(os.environ.get("LOAD_IMAGE", "kind load docker-image --name creditbot")), IMAGE]
    with _one_at_a_time():
        done = subprocess.run(load, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{shlex.join(load)} failed: is the image built (make image)? {done.stderr.strip()}"


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Keeps the other half of `make test-cluster` from doing the same at the same time."""
    with Path(gettempdir(), "creditbot-test-cluster.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
