"""The namespace of k8s/runs for a test, beside that of a bot."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.cluster.kubectl import Kubectl, Patch, apply, kustomization, try_create, until

_WRONG: Mapping[str, Any] = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "creditbot-wrong"},
    "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "run", "image": "any"}]}}},
}


@contextmanager
def namespace_of_jobs(bot: Kubectl, folder: Path, image: str, patches: Sequence[Patch] = ()) -> Iterator[Kubectl]:
    """k8s/runs, applied in a namespace of its own and enforced; gives kubectl there, as administrator.

    Args:
        bot: kubectl in the namespace of the bot that may use it.
        folder: an empty one, for the kustomization.
        image: of the Jobs.
        patches: further ones, as in a kustomization.
    """
    kubectl = bot.within(f"{bot.namespace}-runs")
    subject = [{"op": "replace", "path": "/subjects/0/namespace", "value": bot.namespace}]
    patches = [{"target": {"kind": "RoleBinding"}, "patch": json.dumps(subject)}, *patches]
    kustomization(folder, "runs", kubectl.namespace, image, patches=patches)
    try:
        done = apply(kubectl, folder, "--server-side", "--force-conflicts")
        assert (0, "") == (done.returncode, done.stderr)
        wait_until_enforced(kubectl)
        yield kubectl
    finally:
        kubectl.run("delete", "namespace", kubectl.namespace, "--wait=false")


def wait_until_enforced(kubectl: Kubectl) -> None:
    """Until the API server refuses what the policy of a namespace refuses."""
    until(lambda: "denied request" in try_create(kubectl, _WRONG), 30)
