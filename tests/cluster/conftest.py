"""Which tests the cluster can run, and what was not run for want of it. Tests of `helm` alone need no cluster.

Everything happens in namespaces of its own, which go in the end.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster import helm
from tests.cluster.cluster import IMAGE, Cluster, find_cluster, load_image
from tests.cluster.jobs_bot import JobsBot, jobs_bot
from tests.cluster.kubectl import Kubectl, apply, bot_kubeconfig, kustomization, throwaway_namespace

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
        cluster = config.stash[CLUSTER] = find_cluster(config.stash[RESOURCES])
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


@pytest.fixture(scope="module", params=helm.PROGRAMS or [""])
def program(request: pytest.FixtureRequest) -> str:
    """Each Helm there is."""
    return str(request.param)


@pytest.fixture(scope="session")
def image() -> str:
    """The image under test, handed to the cluster."""
    load_image()
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
    with throwaway_namespace(cluster.kubectl) as kubectl:
        folder = kustomization(tmp_path_factory.mktemp(overlay), f"overlays/{overlay}", kubectl.namespace, IMAGE)
        done = apply(kubectl, folder)
        assert done.returncode == 0, done.stderr
        yield Deployed(kubectl, folder)


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[Kubectl]:
    """kubectl in a namespace that does not exist yet, and goes after the test."""
    with throwaway_namespace(cluster.kubectl) as kubectl:
        yield kubectl


@pytest.fixture(scope="session")
def bot_with_jobs(image: str, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobsBot]:
    """A bot whose notebooks run as Jobs. It takes a minute to start: tests share it, each with accounts of its own."""
    with jobs_bot(image, cluster, tmp_path_factory.mktemp("jobs")) as bot:
        yield bot


@pytest.fixture(scope="module")
def as_bot(deployed: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Kubectl:
    """A kubectl with the bot's own service account token."""
    admin = deployed.kubectl
    token = admin("create", "token", "creditbot").strip()
    return Kubectl(admin.program, bot_kubeconfig(admin, tmp_path_factory.mktemp("bot"), token), admin.namespace)
