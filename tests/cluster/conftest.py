"""The cluster under test, what it can do, and what was not run for want of it. Tests of `helm` alone need no cluster.

Taken in this order: the cluster of KUBECONFIG; an API server started from KUBEBUILDER_ASSETS; a kind cluster, if docker
and kind are there. ~/.kube/config is never taken: it may be production. Everything happens in namespaces of its own.
"""

from __future__ import annotations

import os
import secrets
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bench.local_api import api_server
from tests.cluster import helm
from tests.cluster.kubectl import Kubectl, KubectlError, apply, bot_kubeconfig, kustomization

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


CLUSTER = pytest.StashKey[Cluster]()
RESOURCES = pytest.StashKey[ExitStack]()
NOT_RUN = pytest.StashKey[dict[str, list[str]]]()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Finds the cluster if a test that needs one was selected, and skips what it cannot run."""
    ours = [item for item in items if item.get_closest_marker("cluster")]
    helms = [item for item in items if item.get_closest_marker("helm")]
    if config.option.collectonly or not ours + helms:
        return
    for item in ours + helms:
        item.add_marker("enable_socket")  # unlike other tests, these talk to another machine: the cluster's
    lacks: list[tuple[pytest.Item, str]] = []
    if ours:
        config.stash[RESOURCES] = ExitStack()
        cluster = config.stash[CLUSTER] = _find(config.stash[RESOURCES])
        lacks = [(item, cluster.lacks(item)) for item in ours]
    if not helm.PROGRAMS:
        lacks += [(item, "Helm (HELM names one program or more)") for item in helms]
    not_run = config.stash[NOT_RUN] = {}
    for item, lack in lacks:
        if lack:
            item.add_marker(pytest.mark.skip(reason=f"needs {lack}"))
            not_run.setdefault(lack, []).append(item.name)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """CLUSTER_TESTS=all makes a test that was not run a failure."""
    skipped = session.config.stash.get(NOT_RUN, None)
    if skipped and os.environ.get("CLUSTER_TESTS") == "all":
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure(config: pytest.Config) -> None:
    """Ends what was started; the last line names the tests that were not run."""
    if stack := config.stash.get(RESOURCES, None):
        stack.close()
    if not_run := config.stash.get(NOT_RUN, None):
        print(
            "Not run: " + "; ".join(f"for want of {lack}: {', '.join(names)}" for lack, names in not_run.items()) + "."
        )


def _find(stack: ExitStack) -> Cluster:
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
    clusters = subprocess.run([kind, "get", "clusters"], capture_output=True, text=True, check=True).stdout.split()
    if name not in clusters:
        subprocess.run([kind, "create", "cluster", "--name", name, "--wait", "120s"], check=True)
    path = folder / "kubeconfig"
    config = subprocess.run([kind, "get", "kubeconfig", "--name", name], capture_output=True, text=True, check=True)
    path.write_text(config.stdout)
    return path


@pytest.fixture(scope="module", params=helm.PROGRAMS or [""])
def program(request: pytest.FixtureRequest) -> str:
    """Each Helm there is."""
    return str(request.param)


@pytest.fixture(scope="session")
def image() -> str:
    """The image under test, handed to the cluster by LOAD_IMAGE; `make image` builds it."""
    load = [*shlex.split(os.environ.get("LOAD_IMAGE", "kind load docker-image --name creditbot")), IMAGE]
    done = subprocess.run(load, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{shlex.join(load)} failed: is the image built (make image)? {done.stderr.strip()}"
    return IMAGE


@pytest.fixture(scope="session")
def cluster(pytestconfig: pytest.Config) -> Cluster:
    """The cluster under test."""
    return pytestconfig.stash[CLUSTER]


@dataclass(frozen=True, slots=True)
class Deployed:
    """An overlay in a namespace of its own.

    Attributes:
        kubectl: as administrator, in that namespace.
        folder: the kustomization it came from; `apply` takes it again.
    """

    kubectl: Kubectl
    folder: Path


@pytest.fixture(scope="module")
def overlay() -> str:
    """Which overlay `deployed` applies; a module may override it."""
    return "sandbox"


@pytest.fixture(scope="module")
def deployed(cluster: Cluster, overlay: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """An overlay, applied; its namespace goes when the module is done."""
    namespace = f"creditbot-test-{secrets.token_hex(4)}"
    folder = kustomization(tmp_path_factory.mktemp(overlay), overlay, namespace, IMAGE)
    kubectl = cluster.kubectl.within(namespace)
    try:
        done = apply(kubectl, folder)
        assert done.returncode == 0, done.stderr
        yield Deployed(kubectl, folder)
    finally:
        kubectl.run("delete", "namespace", namespace, "--wait=false")


@pytest.fixture(scope="module")
def as_bot(deployed: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Kubectl:
    """A kubectl with the bot's own service account token."""
    admin = deployed.kubectl
    token = admin("create", "token", "creditbot").strip()
    return Kubectl(admin.program, bot_kubeconfig(admin, tmp_path_factory.mktemp("bot"), token), admin.namespace)
