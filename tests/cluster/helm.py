"""Helm as a function: the programs that HELM names, or the one on PATH."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.kubectl import ROOT, Kubectl

CHART = ROOT / "k8s" / "chart"
CHART_RUNS = ROOT / "k8s" / "chart-runs"
PROGRAMS = shlex.split(os.environ.get("HELM", "")) or list(filter(None, [shutil.which("helm")]))
"""Each test of the chart runs with each of them."""
RELEASE = "creditbot"
RUNS = "creditbot-runs"
"""The release of the namespace in which notebooks run."""
NEEDED: Mapping[str, Any] = {
    "settings": {"SLACK_USER_ID": "U0000000000", "LOOKER_BASE_URL": "https://example.looker.com"}
}
"""The values without which nothing is installed."""


class HelmError(Exception):
    """Helm ended with an error; the text is what it said."""


@dataclass(frozen=True, slots=True)
class Helm:
    """Runs one version of Helm in the namespace of a kubectl, as the same user.

    Attributes:
        program: where this Helm is.
        kubectl: says which cluster, and which namespace.
        home: the folder in which Helm may keep files.
    """

    program: str
    kubectl: Kubectl
    home: Path

    @property
    def major(self) -> int:
        """3 or 4."""
        return int(self("version", "--template={{.Version}}").lstrip("v").partition(".")[0])

    def __call__(self, *args: str, values: Mapping[str, Any] | None = None) -> str:
        """What Helm printed. Raises `HelmError` with what it said otherwise."""
        done = self.run(*args, values=values)
        if done.returncode:
            raise HelmError(f"helm {' '.join(args)}: {done.stderr.strip()}")
        return done.stdout

    def run(self, *args: str, values: Mapping[str, Any] | None = None) -> subprocess.CompletedProcess[str]:
        """The finished command, whatever became of it. Values are read from its standard input."""
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "KUBECONFIG": str(self.kubectl.kubeconfig),
            "HELM_NAMESPACE": self.kubectl.namespace,
        }
        return subprocess.run(
            [self.program, *args, *(["--values=-"] if values is not None else [])],
            input=json.dumps(values or {}), env=environ, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    def install(self, values: Mapping[str, Any] = NEEDED, *how: str) -> str:
        """Installs the chart of this checkout; what Helm printed."""
        return self("install", RELEASE, str(CHART), "--create-namespace", *how, values=values)

    def upgrade(self, values: Mapping[str, Any] = NEEDED, *how: str) -> str:
        """Upgrades the release to the chart of this checkout, with these values alone."""
        return self("upgrade", RELEASE, str(CHART), *how, values=values)

    def objects(self, values: Mapping[str, Any], release: str = RELEASE, chart: Path = CHART) -> list[dict[str, Any]]:
        """What a chart renders for the namespace creditbot, without a cluster."""
        text = self("template", release, str(chart), "--namespace=creditbot", values=values)
        return [one for one in yaml.safe_load_all(text) if one]
