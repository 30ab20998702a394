"""Finds or starts a Kubernetes API and makes a ConfigMap in it, for a bot that keeps its state there."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from lightkube import Client, KubeConfig
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap, Namespace

from bench.local_api import api_server


@contextmanager
def state_settings() -> Iterator[dict[str, str] | None]:
    """Settings for a state in a ConfigMap in a new namespace; None if there is no Kubernetes API.

    The API is that of KUBECONFIG, or one that is started from the programs in KUBEBUILDER_ASSETS.
    """
    with TemporaryDirectory(prefix="creditbot-bench-") as folder:
        if os.environ.get("KUBECONFIG"):
            with _configmap(Path(os.environ["KUBECONFIG"])) as settings:
                yield settings
        elif os.environ.get("KUBEBUILDER_ASSETS"):
            assets = Path(os.environ["KUBEBUILDER_ASSETS"])
            with api_server(assets, Path(folder)) as kubeconfig, _configmap(kubeconfig) as settings:
                yield settings
        else:
            yield None


@contextmanager
def _configmap(kubeconfig: Path) -> Iterator[dict[str, str]]:
    client = Client(config=KubeConfig.from_file(kubeconfig))
    name = f"creditbot-bench-{secrets.token_hex(4)}"
    client.create(Namespace(metadata=ObjectMeta(name=name)))
    try:
        client.create(ConfigMap(metadata=ObjectMeta(name="state", namespace=name), data={}))
        yield {"KUBECONFIG": str(kubeconfig), "STATE_URI": f"configmap://{name}/state"}
    finally:
        client.delete(Namespace, name)
