"""kubectl as a function, and throwaway namespaces with an overlay applied to them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


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


def kustomization(folder: Path, overlay: str, namespace: str, image: str) -> Path:
    """A kustomization that puts an overlay, its image and its CronJob suspended, into a namespace of its own."""
    content: Mapping[str, object] = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": namespace,
        "resources": [os.path.relpath(ROOT / "k8s" / "overlays" / overlay, folder.resolve())],
        "images": [
            {"name": name, **_image(image)} for name in ("localhost/creditbot", "registry.example.com/creditbot")
        ],
        "patches": [
            {
                "target": {"kind": "CronJob"},
                "patch": json.dumps([{"op": "add", "path": "/spec/suspend", "value": True}]),
            }
        ],
    }
    (folder / "kustomization.yaml").write_text(json.dumps(content))
    return folder


def _image(image: str) -> Mapping[str, str]:
    name, _, tag = image.rpartition(":")
    return {"newName": name, "newTag": tag}


def apply(admin: Kubectl, folder: Path, *how: str) -> subprocess.CompletedProcess[str]:
    """Applies a kustomization with strict validation, on the server's side unless `how` says otherwise."""
    options: Sequence[str] = how or ("--server-side",)
    return admin.run("apply", "--validate=strict", *options, "--kustomize", str(folder))
