"""The Job of a run and the Secret with its task, as Kubernetes takes them. Pure.

The pod is that of the PodTemplate in the namespace of the Jobs: image, command, limits, service account. The bot only
fills in which Secret its task is in. k8s/runs/policy.yaml refuses a Job that differs from the template otherwise.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from creditbot.adapters.jobs.wire import TASK_FILE
from creditbot.model import RequestKey

TEMPLATE = "creditbot-run"
"""Name of the PodTemplate."""
RUN_LABEL = "creditbot/run"
"""Label of a Job: the hash of what the run is of."""
REQUEST_LABEL = "creditbot/request"
"""Label of a Job: the key of the request that it is for, unless it is for none."""
TASK_VOLUME = "task"
START_SECONDS = 120
"""How long a pod may take to start: for a place on a node, and for the image."""
_QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
_KEPT_SECONDS = 3600
"""How long a Job that ended is kept: longer than the claim of a tick that died lasts, so that the next one finds it."""

Manifest = dict[str, Any]


def job_name(run: str, number: int) -> str:
    """The name of the Job of a run."""
    return f"creditbot-{run}-{number}"


def number_of(job: Mapping[str, Any]) -> int:
    """How many Jobs of its run there were with this one."""
    number = str(job["metadata"]["name"]).rpartition("-")[2]
    return int(number) if number.isdecimal() else 0


def job_manifest(
    template: Mapping[str, Any], name: str, run: str, seconds: float, queue: str, request: RequestKey | None = None
) -> Manifest:
    """The Job.

    Args:
        template: the PodTemplate.
        name: of the Job.
        run: the hash of what the run is of.
        seconds: NOTEBOOK_TIMEOUT.
        queue: of Kueue, which starts the Job when its turn comes; "" starts it at once.
        request: that it is for.
    """
    pod = copy.deepcopy(dict(template["template"]))
    for volume in pod["spec"].get("volumes", ()):
        if volume["name"] == TASK_VOLUME:
            volume["secret"] = {**volume["secret"], "secretName": name}
    labels = {**pod.get("metadata", {}).get("labels", {}), RUN_LABEL: run}
    labels |= {REQUEST_LABEL: str(request)} if request else {}
    labels |= {_QUEUE_LABEL: queue} if queue else {}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "suspend": bool(queue),
            "backoffLimit": 0,
            "activeDeadlineSeconds": deadline(seconds),
            "ttlSecondsAfterFinished": _KEPT_SECONDS,
            "template": pod,
        },
    }


def deadline(seconds: float) -> int:
    """Seconds after its start at which Kubernetes ends a Job; the pod itself ends its notebook before that."""
    return int(seconds) + START_SECONDS + 60


def secret_manifest(job: Mapping[str, Any], task: str) -> Manifest:
    """The Secret with the task of a Job. It goes when the Job goes, because the Job owns it from the beginning."""
    name, uid = job["metadata"]["name"], job["metadata"]["uid"]
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": uid}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "ownerReferences": [owner]},
        "immutable": True,
        "stringData": {TASK_FILE: task},
    }
