"""The namespace of k8s/runs for a test, beside that of a bot."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.cluster.kubectl import ROOT, Kubectl, apply

Patch = Mapping[str, Any]

_WRONG: Mapping[str, Any] = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "creditbot-wrong"},
    "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "run", "image": "any"}]}}},
}
_PATIENCE = 30.0
"""Seconds that an API server may take to enforce a new policy."""


@contextmanager
def namespace_of_jobs(
    bot: Kubectl, folder: Path, image: str, patches: Sequence[Patch] = ()
) -> Iterator[Kubectl]:  # fmt: skip
    """k8s/runs, applied in a namespace of its own and enforced; gives kubectl there, as administrator.

    Args:
        bot: kubectl in the namespace of the bot that may use it.
        folder: an empty one, for the kustomization.
        image: of the Jobs.
        patches: further ones, as in a kustomization.
    """
    kubectl = bot.within(f"{bot.namespace}-runs")
    name, _, tag = image.rpartition(":")
    subject = [{"op": "replace", "path": "/subjects/0/namespace", "value": bot.namespace}]
    content = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": kubectl.namespace,
        "resources": [os.path.relpath(ROOT / "k8s/runs", folder.resolve())],
        "images": [{"name": "registry.example.com/creditbot", "newName": name, "newTag": tag}],
        "patches": [{"target": {"kind": "RoleBinding"}, "patch": json.dumps(subject)}, *patches],
    }
    (folder / "kustomization.yaml").write_text(json.dumps(content))
    try:
        done = apply(kubectl, folder, "--server-side", "--force-conflicts")
        assert (0, "") == (done.returncode, done.stderr)
        wait_until_enforced(kubectl)
        yield kubectl
    finally:
        kubectl.run("delete", "namespace", kubectl.namespace, "--wait=false")


def wait_until_enforced(kubectl: Kubectl) -> None:
    """Until the API server refuses what the policy of a namespace refuses."""
    end = time.monotonic() + _PATIENCE
    while "denied request" not in create(kubectl, _WRONG):
        assert time.monotonic() < end, "the policy is not enforced"
        time.sleep(0.2)


def create(kubectl: Kubectl, manifest: Mapping[str, Any]) -> str:
    """What the API says against an object; "" if it would take it."""
    return kubectl.run("create", "--dry-run=server", "--filename=-", stdin=json.dumps(manifest)).stderr.strip()
