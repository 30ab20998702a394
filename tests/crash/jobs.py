"""A world whose notebooks run as Kubernetes Jobs: the real runner, on an API and a bucket over HTTP.

Each call for a Job is a boundary, as every effect of a tick is one. A pod ends when its Job is looked at for the first
time, so that what happens is the same in each run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast

from lightkube import Client, KubeConfig
from lightkube.config.models import Cluster, User
from typing_extensions import override

from creditbot.adapters.jobs.cluster import JobCluster
from creditbot.adapters.jobs.manifests import START_SECONDS
from creditbot.adapters.jobs.runner import JobRunner, RunSettings
from creditbot.adapters.jobs.wire import receipt_for, result_of, task_in
from creditbot.adapters.storage.objects import Objects
from creditbot.credit.products import default_products
from creditbot.machine.processes import Stop
from creditbot.notebook_host.imports import hash_of, version_of
from creditbot.ports import Ports
from creditbot.sandbox.http import HttpRequest
from creditbot.tick.tick import Bot
from tests.support.bucket import NAME, Bucket
from tests.support.http import Answer
from tests.support.job_cluster import NAMESPACE, Ending, JobClusterStub, refusal
from tests.support.points import At, Watched, nowhere
from tests.support.world import World
from tests.support.world_notebooks import FakeRunner

JobPoint = Literal[
    "jobs.before-list", "jobs.after-list",
    "template.before-read", "template.after-read",
    "job.before-create", "job.after-create",
    "secret.before-create", "secret.after-create",
    "job.before-look", "job.after-look",
    "receipt.before-read", "receipt.after-read",
    "result.before-read", "result.after-read",
    "job.before-delete", "job.after-delete",
    "result.before-delete", "result.after-delete",
]  # fmt: skip
_CALLS = {
    "jobs_with": ("jobs", "list"),
    "template": ("template", "read"),
    "create_job": ("job", "create"),
    "create_secret": ("secret", "create"),
    "job": ("job", "look"),
    "pods_of": ("receipt", "read"),
    "delete_job": ("job", "delete"),
}
_OBJECTS = {"get": ("result", "read"), "remove": ("result", "delete")}


class SteadyCluster(JobClusterStub):
    """A cluster in which a pod ends just after the first look at its Job.

    Attributes:
        refused: (method, end of the path) -> how many such calls are refused from now on.
        lost: the same for calls that are done, and whose answer does not arrive.
    """

    def __init__(self) -> None:
        super().__init__()
        self.refused: dict[tuple[str, str], int] = {}
        self.lost: dict[tuple[str, str], int] = {}
        self.client = Client(config=KubeConfig.from_one(cluster=Cluster(server=self.url), user=User(token="made-up")))

    def __exit__(self, *exception: object) -> None:
        self.client.close()
        super().__exit__(*exception)

    @override
    def answer(self, request: HttpRequest) -> Answer:
        if _is_due(self.refused, request):
            return refusal(403, "Forbidden", "not now")
        answer = super().answer(request)
        if request.method == "GET" and "/jobs/" in request.path:
            self._end(request.path.rpartition("/")[2])
        return refusal(504, "Timeout", "the answer was lost") if _is_due(self.lost, request) else answer

    @override
    def _start(self, name: str) -> None:
        if name in self.jobs and name in self.secrets and not self.jobs[name]["spec"].get("suspend"):
            self.show(name, {"running": {}})

    def _end(self, name: str) -> None:
        if name in self.pods and not self.jobs[name].get("status"):
            self.end(name, cast("Ending", self.pod(self.secrets[name]["stringData"]["task.json"])))


def _is_due(calls: dict[tuple[str, str], int], request: HttpRequest) -> bool:
    for (method, end), left in calls.items():
        if left and method == request.method and end in request.path:
            calls[method, end] -= 1
            return True
    return False


@dataclass
class JobsWorld(World):
    """A world whose processes run notebooks in `cluster`, and tell `at` of a tick each call for a Job, too.

    Attributes:
        cluster: of the Jobs.
        bucket: where results go.
        notebook: that every request needs.
        queue: the queue in which Jobs wait for ever; "" if they start at once.
    """

    cluster: SteadyCluster = field(kw_only=True)
    bucket: Bucket = field(kw_only=True)
    notebook: Path = field(kw_only=True)
    queue: str = field(default="", kw_only=True)
    _at: At = field(default=nowhere, kw_only=True)

    def __post_init__(self) -> None:
        self.cluster.pod = self._run

    @override
    def bot(self, name: str = "", *, at: At = nowhere, **options: Any) -> Bot:
        self._at = at
        return super().bot(name, at=at, products=default_products(str(self.notebook), None), **options)

    @override
    def ports(self, memory: World | None = None) -> Ports:
        return replace(super().ports(memory), runner=self._runner())

    def _runner(self) -> JobRunner:
        output = f"s3://{NAME}/creditbot"
        cluster = cast("JobCluster", Watched(self._cluster(), _verbs(_CALLS), self._at))
        runner = JobRunner(
            cluster, {}, RunSettings(60, output, queue=self.queue, start_seconds=0 if self.queue else START_SECONDS)
        )
        runner._objects = cast("Objects", Watched(Objects(output), _verbs(_OBJECTS), self._at))
        return runner

    def _cluster(self) -> JobCluster:
        return JobCluster(NAMESPACE, Stop(), lambda: self.cluster.client)

    def _run(self, task: str) -> Ending:
        """What a pod does."""
        given = task_in(task)
        version = hash_of(version_of(self.notebook, self.notebook.read_bytes()))
        run = replace(FakeRunner(self).run(given.notebook, given.sql, given.days), notebook_sha256=version)
        result = result_of(run)
        Objects(given.output).put(given.result, result)
        return Ending(receipt_for(result))


def _verbs(calls: Mapping[str, tuple[str, str]]) -> Mapping[str, Callable[..., tuple[str, str]]]:
    def always(names: tuple[str, str]) -> Callable[..., tuple[str, str]]:
        return lambda *_: names

    return {verb: always(names) for verb, names in calls.items()}
