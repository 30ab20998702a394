"""kubectl as a function, what is applied with it, and namespaces that go after a test."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
STATE = "configmap/creditbot-state"

Patch = Mapping[str, Any]
"""As in a kustomization."""


class KubectlError(Exception):
    """kubectl ended with an error; the text is what it said."""


@dataclass(frozen=True, slots=True)
class Kubectl:
    """Runs kubectl against one cluster, as one user, in one namespace.

    Attributes:
        program: where kubectl is.
        kubeconfig: the file that says which cluster, and who.
        namespace: taken by commands that name none.
    """

    program: str
    kubeconfig: Path
    namespace: str = "default"

    def __call__(self, *args: str, stdin: str | None = None, timeout: float = 60) -> str:
        """What kubectl printed; raises `KubectlError` with what it said otherwise."""
        done = self.run(*args, stdin=stdin, timeout=timeout)
        if done.returncode:
            raise KubectlError(f"kubectl {' '.join(args)}: {done.stderr.strip()}")
        return done.stdout

    def run(self, *args: str, stdin: str | None = None, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """The finished command, whatever became of it."""
        command = [self.program, f"--kubeconfig={self.kubeconfig}", f"--namespace={self.namespace}", *args]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)

    def json(self, *args: str) -> Any:
        """An object, or a list of them, as the API shows it."""
        return json.loads(self(*args, "--output=json"))

    def within(self, namespace: str) -> Kubectl:
        """The same in another namespace."""
        return replace(self, namespace=namespace)


def bot_kubeconfig(admin: Kubectl, folder: Path, token: str) -> Path:
    """A kubeconfig for the bot's service account: the cluster of `admin`, the token in a file as in a pod."""
    config = admin.json("config", "view", "--minify", "--raw")
    token_file = folder / "token"
    token_file.write_text(token)
    config["users"] = [{"name": "bot", "user": {"tokenFile": str(token_file)}}]
    config["contexts"] = [
        {
            "name": "bot",
            "context": {"cluster": config["clusters"][0]["name"], "user": "bot", "namespace": admin.namespace},
        }
    ]
    config["current-context"] = "bot"
    path = folder / "kubeconfig"
    path.write_text(json.dumps(config))
    return path


def kustomization(
    folder: Path, base: str, namespace: str, image: str,
    components: Sequence[str] = (), patches: Sequence[Patch] = (),
) -> Path:  # fmt: skip
    """A kustomization that puts something of k8s/ into a namespace of its own, its CronJob suspended.

    Args:
        folder: an empty one, for the kustomization.
        base: what it is of, such as "overlays/sandbox".
        namespace: where it goes.
        image: of its pods.
        components: their names.
        patches: further ones.
    """
    name, tag = image_parts(image)
    suspended = {"target": {"kind": "CronJob"}, "patch": json_patch("/spec/suspend", value=True)}
    content = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": namespace,
        "resources": [_within_k8s(base, folder)],
        "components": [_within_k8s(f"components/{component}", folder) for component in components],
        "images": [
            {"name": original, "newName": name, "newTag": tag}
            for original in ("localhost/creditbot", "registry.example.com/creditbot")
        ],
        "patches": [suspended, *patches],
    }
    (folder / "kustomization.yaml").write_text(json.dumps(content))
    return folder


def _within_k8s(path: str, folder: Path) -> str:
    return os.path.relpath(ROOT / "k8s" / path, folder.resolve())


def json_patch(path: str, value: object) -> str:
    """A JSON patch that sets one field, or appends to a list."""
    return json.dumps([{"op": "add", "path": path, "value": value}])


def image_parts(image: str) -> tuple[str, str]:
    """Name and tag of an image."""
    name, _, tag = image.rpartition(":")
    return name, tag


def apply(admin: Kubectl, folder: Path, *how: str) -> subprocess.CompletedProcess[str]:
    """Applies a kustomization with strict validation, on the server's side unless `how` says otherwise."""
    options: Sequence[str] = how or ("--server-side",)
    return admin.run("apply", "--validate=strict", *options, "--kustomize", str(folder))


def try_create(kubectl: Kubectl, manifest: Mapping[str, Any]) -> str:
    """What the API says against an object; "" if it would take it. Nothing is created."""
    return kubectl.run("create", "--dry-run=server", "--filename=-", stdin=json.dumps(manifest)).stderr.strip()


@contextmanager
def throwaway_namespace(admin: Kubectl) -> Iterator[Kubectl]:
    """kubectl in a namespace that does not exist yet, and goes in the end; nobody waits for that."""
    kubectl = admin.within(f"creditbot-test-{secrets.token_hex(4)}")
    try:
        yield kubectl
    finally:
        kubectl.run("delete", "namespace", kubectl.namespace, "--ignore-not-found", "--wait=false")


def until(true: Callable[[], object], seconds: float = 180) -> None:
    """Waits until something holds. Each look is a process, so they come less often the longer it takes."""
    began = time.monotonic()
    while not true():
        waited = time.monotonic() - began
        assert waited < seconds
        time.sleep(min(1.0, 0.2 + waited / 20))
