"""A Kubernetes API over HTTP, as far as Jobs of notebooks need one, whose pods are processes or what a test says.

It keeps what is created, refuses a name that is taken, selects by labels and deletes with what is owned. When a Job and
its Secret are there, `pod` gets the task, and what it returns becomes the status of Job and pod.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from lightkube import Client, KubeConfig
from lightkube.config.models import Cluster, User

from creditbot.adapters.jobs.cluster import JobCluster
from creditbot.machine.processes import Stop
from creditbot.sandbox.http import HttpRequest
from tests.support.http import Answer, HttpStub

ROOT = Path(__file__).parents[2]
NAMESPACE = "creditbot-runs"
_CORE, _BATCH = f"/api/v1/namespaces/{NAMESPACE}", f"/apis/batch/v1/namespaces/{NAMESPACE}"

Made = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a pod ends.

    Attributes:
        message: its termination message.
        code: its exit status.
        reason: of the container's end.
        job_reason: of the Job's failure.
        pods: whether the pod is still there afterwards.
    """

    message: str = ""
    code: int = 0
    reason: str = ""
    job_reason: str = "BackoffLimitExceeded"
    pods: bool = True


Pod = Callable[[str], Ending | None]
"""The task as it is in the Secret -> how the pod ends; None leaves it running."""


def pod_process(environ: dict[str, str]) -> Pod:
    """A pod that is a process of this machine: what the image runs, with these variables."""
    script = (
        "import sys; from pathlib import Path; from creditbot.adapters.jobs.__main__ import main; "
        "sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))"
    )

    def run(task: str) -> Ending:
        with tempfile.TemporaryDirectory(prefix="pod-") as folder:
            (Path(folder) / "task.json").write_text(task, "utf-8")
            receipt = Path(folder) / "receipt"
            receipt.touch()
            environment = {"PATH": os.environ["PATH"], "HOME": folder, "PYTHONPATH": str(ROOT), **environ}
            done = subprocess.run(
                [sys.executable, "-c", script, folder, str(receipt)],
                env=environment, capture_output=True, text=True, timeout=120, check=False,
            )  # fmt: skip
            return Ending(receipt.read_text("utf-8"), done.returncode, reason=done.stderr[-300:])

    return run


class JobClusterStub(HttpStub):
    """Serves on `url` while the context is open.

    Attributes:
        template: the PodTemplate of k8s/runs; None for a namespace without one.
        jobs, secrets: name -> what was created and not deleted.
        pod: what a pod does.
        created: names of all Jobs that were ever created.
    """

    def __init__(self, pod: Pod = lambda _: None) -> None:
        super().__init__()
        self.template: Made | None = yaml.safe_load((ROOT / "k8s/runs/podtemplate.yaml").read_text())
        self.jobs: dict[str, Made] = {}
        self.secrets: dict[str, Made] = {}
        self.pods: dict[str, Made] = {}
        self.pod = pod
        self.created: list[str] = []
        self.scripted: set[str] = set()
        self._uids = map("uid-{}".format, itertools.count(1))
        self._one_at_a_time = threading.RLock()
        self._clients = ExitStack()
        self._running: list[threading.Thread] = []

    def __exit__(self, *exception: object) -> None:
        for pod in self._running:  # what it still writes, it writes before the bucket of the test is gone
            pod.join(60)
        self._clients.close()
        super().__exit__(*exception)

    def connect(self, stop: Stop | None = None) -> JobCluster:
        """A process's way to it."""
        config = KubeConfig.from_one(cluster=Cluster(server=self.url), user=User(token="made-up"))
        return JobCluster(NAMESPACE, stop or Stop(), lambda: self._clients.enter_context(Client(config=config)))

    def on(self, call: str, *answers: Answer) -> None:
        """Answers a call with these, whatever there is; `PASS` lets it through."""
        super().on(call, *answers)
        self.scripted.add(call)

    def answer(self, request: HttpRequest) -> Answer:
        """What a test scripted, else what Kubernetes does."""
        scripted = super().answer(request)
        if str(request) in self.scripted and scripted.status != 100:
            return scripted
        with self._one_at_a_time:
            return self._answer(request)

    def _answer(self, request: HttpRequest) -> Answer:
        path, method = request.path, request.method
        if path == f"{_CORE}/podtemplates/creditbot-run" and self.template:
            return Answer(self.template)
        if path == f"{_BATCH}/jobs":
            return self._create_job(request) if method == "POST" else self._listed(self.jobs, "Job", request)
        if path == f"{_CORE}/secrets" and method == "POST":
            return self._create(self.secrets, request)
        if path == f"{_CORE}/pods":
            return self._listed(self.pods, "Pod", request)
        name = path.removeprefix(f"{_BATCH}/jobs/")
        if name in self.jobs:
            return self._deleted(name) if method == "DELETE" else Answer(self.jobs[name])
        return refusal(404, "NotFound", f"{path} not found")

    def _create_job(self, request: HttpRequest) -> Answer:
        answer = self._create(self.jobs, request)
        if answer.status == 201 and not request.query.get("dryRun"):
            self.created.append(request.json["metadata"]["name"])
            self._start(request.json["metadata"]["name"])
        return answer

    def _create(self, kept: dict[str, Made], request: HttpRequest) -> Answer:
        made, name = request.json, request.json["metadata"]["name"]
        if name in kept:
            return refusal(409, "AlreadyExists", f"{name} already exists")
        made["metadata"]["uid"] = next(self._uids)
        if not request.query.get("dryRun"):
            kept[name] = made
            if kept is self.secrets:
                self._start(name)
        return Answer(made, status=201)

    def _listed(self, kept: dict[str, Made], kind: str, request: HttpRequest) -> Answer:
        wanted = dict(pair.split("=", 1) for pair in request.query.get("labelSelector", "").split(",") if pair)
        found = [one for one in kept.values() if wanted.items() <= one["metadata"].get("labels", {}).items()]
        return Answer({"kind": f"{kind}List", "apiVersion": "v1", "metadata": {}, "items": found})

    def _deleted(self, name: str) -> Answer:
        del self.jobs[name]
        self.secrets.pop(name, None)
        self.pods.pop(name, None)
        return Answer({"kind": "Status", "status": "Success"})

    def _start(self, name: str) -> None:
        """Starts the pod of a Job, if its Secret is there and it need not wait for a queue."""
        if name in self.jobs and name in self.secrets and not self.jobs[name]["spec"].get("suspend"):
            self.show(name, {"running": {}})
            task = self.secrets[name]["stringData"]["task.json"]
            self._running.append(threading.Thread(target=self._run, args=(name, self.jobs[name], task), daemon=True))
            self._running[-1].start()

    def _run(self, name: str, job: Made, task: str) -> None:
        ending = self.pod(task)
        with self._one_at_a_time:
            if ending is not None and self.jobs.get(name) is job:
                self.end(name, ending)

    def show(self, name: str, state: Made, **status: Any) -> None:
        """The state of the container of a Job's pod."""
        labels = {"batch.kubernetes.io/controller-uid": self.jobs[name]["metadata"]["uid"]}
        shown = {"containerStatuses": [{"name": "run", "state": state, "ready": True, "restartCount": 0, "image": "",
                                        "imageID": ""}], **status}  # fmt: skip
        self.pods[name] = {"metadata": {"name": f"{name}-x", "labels": labels}, "status": shown}

    def end(self, name: str, ending: Ending) -> None:
        """Ends a Job."""
        with self._one_at_a_time:
            ended = {"exitCode": ending.code, "reason": ending.reason, "message": ending.message}
            self.show(name, {"terminated": ended})
            if not ending.pods:
                del self.pods[name]
            done = {"type": "Failed", "reason": ending.job_reason} if ending.code else {"type": "Complete"}
            self.jobs[name] = {**self.jobs[name], "status": {"conditions": [{**done, "status": "True"}]}}


PASS = Answer(status=100)
"""An answer for `on` that lets the call through."""


def refusal(code: int, reason: str, message: str) -> Answer:
    """A refusal as the API gives it."""
    body = {"kind": "Status", "status": "Failure", "reason": reason, "code": code, "message": message}
    return Answer(body, status=code)
