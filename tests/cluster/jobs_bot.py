"""A bot on a real cluster whose notebooks run as Jobs, with a sandbox and a bucket, and what tests do to it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from typing_extensions import override

from creditbot.sandbox.seed import explore_address, verify
from tests.cluster.bot import PAST, UNFINISHED, Bot
from tests.cluster.cluster import IMAGE, Cluster
from tests.cluster.kubectl import (
    STATE,
    Kubectl,
    Patch,
    apply,
    json_patch,
    kustomization,
    throwaway_namespace,
    until,
)
from tests.cluster.runs import namespace_of_jobs
from tests.support import bucket
from tests.support.notebooks import code, write_notebook

OPEN = UNFINISHED | {"failed"}

AMOUNT = """
import re, time
import scrapbook as sb
kind, number = re.search(r"AC-(\\w+)-(\\d+)", looker).groups()
time.sleep({"quick": 0, "slow": 20}[kind])
amount = f"{1 + int(number) / 100:.2f}"
row = {"mode": "basic", "fraud_cost": "99.00", "credit": amount, "traffic_prop": "1.000"}
sb.glue("credit", {"currency": "USD", "amount": amount, "rows": [row]})"""
"""A notebook whose amount names the account that it was for."""

IMPATIENT = """
from creditbot.adapters.jobs import manifests
manifests.START_SECONDS = 5
from creditbot.cli import main
raise SystemExit(main(["run-once"]))"""
"""Run instead of the bot: the bot, which waits five seconds for a Job to begin instead of two minutes."""

MORTAL = """
import os, subprocess, time
bot = subprocess.Popen(["creditbot", "run-once"])
while bot.poll() is None and not os.path.exists("/tmp/die"):
    time.sleep(0.05)
bot.kill()
raise SystemExit(bot.wait() != 0)"""
"""Run instead of the bot: the bot, killed when somebody puts a file there. Process 1 of a pod cannot be killed."""

WAREHOUSE = [
    {"op": "add", "path": "/template/spec/volumes/-", "value": {"name": "warehouse", "emptyDir": {}}},
    {"op": "add", "path": "/template/spec/volumes/-",
     "value": {"name": "notebooks", "configMap": {"name": "creditbot-notebooks"}}},
    {"op": "add", "path": "/template/spec/containers/0/volumeMounts/-",
     "value": {"name": "warehouse", "mountPath": "/warehouse", "readOnly": True}},
    {"op": "add", "path": "/template/spec/containers/0/volumeMounts/-",
     "value": {"name": "notebooks", "mountPath": "/notebooks", "readOnly": True}},
    {"op": "add", "path": "/template/spec/initContainers", "value": [{
        "name": "warehouse",
        "image": IMAGE,
        "args": ["sandbox", "warehouse", "/warehouse/sandbox.duckdb"],
        "securityContext": {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        },
        "resources": {"limits": {"memory": "512Mi"}},
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}, {"name": "warehouse", "mountPath": "/warehouse"}],
    }]},
]  # fmt: skip
"""The pod of notebooks with the sandbox's warehouse, as the overlay has it for the bot, and with own notebooks."""

BUCKET_PORT = json_patch("/spec/egress/-", {"ports": [{"protocol": "TCP", "port": 9000}]})


class JobsBot(Bot):
    """A bot whose notebooks run as Jobs.

    Attributes:
        runs: kubectl in the namespace of its Jobs.
    """

    def __init__(self, kubectl: Kubectl, runs: Kubectl) -> None:
        super().__init__(kubectl)
        self.runs = runs

    def use(self, notebook: str) -> None:
        """Lets it run another notebook from the next tick on."""
        self.configure("NOTEBOOK_PATH", notebook)

    def configure(self, name: str, value: str) -> None:
        """Changes one of its settings from the next tick on."""
        patch = json.dumps({"data": {name: value}})
        self.kubectl("patch", "configmap/creditbot-settings", "--type=merge", "--patch", patch)

    def ask(self, *accounts: str) -> None:
        """Posts a request for each account."""
        links = [explore_address(verify(account)) for account in accounts]
        posts = " && ".join(f"creditbot sandbox post 'credit please {link}'" for link in links)
        self.kubectl("exec", "deployment/sandbox", "--", "sh", "-c", posts, timeout=600)

    def start_mortal(self) -> str:
        """Starts a tick that `kill` can kill."""
        return self.start("python", "-c", MORTAL)

    def start_impatient(self) -> str:
        """Starts a tick that soon gives a Job up that does not begin."""
        return self.start("python", "-c", IMPATIENT)

    def kill(self, job: str) -> None:
        """Kills a tick at once, and waits until its pod has ended."""
        pod = self.kubectl("get", "pods", f"--selector=job-name={job}", "--output=name").strip()
        die = ("exec", pod, "--container=creditbot", "--", "touch", "/tmp/die")  # refused before it has started
        until(lambda: self.kubectl.run(*die).returncode == 0 or self.conditions(job))
        until(lambda: self.conditions(job))

    def kill_a_notebook(self, job: str) -> None:
        """Kills the pod of one notebook, as soon as one runs; none if this tick has ended."""
        until(lambda: self.running() or self.conditions(job))
        for pod in list(self.running().values())[:1]:
            self.runs.run("delete", "pod", pod, "--force", "--grace-period=0")

    @override
    def let_time_pass(self) -> None:
        """Puts claims, posts of unknown outcome and retries into the past."""
        aged = {}
        for key, record in self.records().items():
            if record.get("claim") and record["status"] in UNFINISHED:
                record["at"] = record["claim"]["until"] = PAST
                aged[key] = json.dumps(record)
            elif record["status"] in ("failed", "computed") and record.get("due"):
                record["due"] = PAST
                aged[key] = json.dumps(record)
        if aged:
            self.kubectl("patch", STATE, "--type=merge", "--patch", json.dumps({"data": aged}))

    def running(self) -> dict[str, str]:
        """Name of each Job whose pod runs its notebook -> name of the pod."""
        pods = self.runs.json("get", "pods", "--field-selector=status.phase=Running")["items"]
        return {pod["metadata"]["labels"]["job-name"]: pod["metadata"]["name"] for pod in pods}

    def made(self) -> Counter[str]:
        """How many pods each Job ever got, by name of the Job."""
        events = self.runs.json("get", "events", "--field-selector=reason=SuccessfulCreate")["items"]
        return Counter(event["involvedObject"]["name"] for event in events)

    @override
    def _reaches(self, job: str, condition: str) -> bool:
        """Many notebooks take longer than a few; a Job that has ended otherwise is not waited for."""
        until(lambda: self.conditions(job) & {"Complete", "Failed"}, 900)
        return condition in self.conditions(job)

    def conditions(self, job: str) -> set[str]:
        """Which conditions of a tick's Job hold: in the end Complete or Failed."""
        return {one["type"] for one in self.kubectl.json("get", f"job/{job}")["status"].get("conditions", ())}

    def ended(self) -> Counter[str]:
        """How many requests have each status."""
        return Counter(record["status"] for record in self.records().values())


@contextmanager
def jobs_bot(image: str, cluster: Cluster, folder: Path, pod: Sequence[Patch] = ()) -> Iterator[JobsBot]:
    """The sandbox overlay with the component, a bucket, and the namespace of Jobs; what stood in it is answered.

    From then on its notebook is AMOUNT.

    Args:
        image: of all pods.
        cluster: where it is.
        folder: an empty one.
        pod: what else is changed in the PodTemplate, as in a JSON patch.
    """
    parameters = code("looker = ''\nCREDIT_FROM = CREDIT_TO = ''")
    notebook = write_notebook(folder / "amount.ipynb", parameters, code(AMOUNT))
    with throwaway_namespace(cluster.kubectl) as kubectl:
        settings = {
            "OUTPUT_URI": f"s3://{bucket.NAME}/creditbot",
            "RUNS_NAMESPACE": f"{kubectl.namespace}-runs",
            "WORKERS": "8",
            "MAX_ATTEMPTS": "10",  # more than a request may lose to what is killed here
            **bucket.variables(f"http://bucket.{kubectl.namespace}.svc:9000"),
        }
        _apply_bot(kubectl, _made(folder / "bot"), image, settings)
        patches = [
            {"target": {"kind": "PodTemplate"}, "patch": json.dumps([*WAREHOUSE, *pod])},
            {"target": {"kind": "NetworkPolicy"}, "patch": BUCKET_PORT},
        ]
        with namespace_of_jobs(kubectl, _made(folder / "runs"), image, patches) as runs:
            for each in (kubectl, runs):
                each("create", "configmap", "creditbot-notebooks", f"--from-file={notebook}")
            secret = api_object("v1", "Secret", "creditbot-run", stringData=settings)
            runs("create", "--filename=-", stdin=json.dumps(secret))
            _start_bucket(kubectl, image)
            for deployment in ("sandbox", "bucket"):
                kubectl("rollout", "status", f"deployment/{deployment}", "--timeout=180s", timeout=200)
            bot = JobsBot(kubectl, runs)
            bot.tick()
            bot.use("/notebooks/amount.ipynb")
            yield bot


def _apply_bot(kubectl: Kubectl, folder: Path, image: str, settings: Mapping[str, str]) -> None:
    patches: list[Patch] = [
        {"patch": json.dumps(api_object("v1", "ConfigMap", "creditbot-settings", data=settings))},
        {"target": {"kind": "NetworkPolicy", "name": "creditbot"}, "patch": BUCKET_PORT},
    ]
    kustomization(folder, "overlays/sandbox", kubectl.namespace, image, ("jobs", "own-notebooks"), patches)
    done = apply(kubectl, folder)
    assert (0, "") == (done.returncode, done.stderr)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def api_object(version: str, kind: str, name: str, **fields: object) -> dict[str, Any]:
    """An object of the API, as a manifest."""
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **fields}


def _start_bucket(kubectl: Kubectl, image: str) -> None:
    kubectl("create", "configmap", "bucket", f"--from-file={bucket.__file__}")
    container = {
        "name": "bucket",
        "image": image,
        "command": ["python", "/script/bucket.py", "9000"],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": "script", "mountPath": "/script"}],
    }
    pod = {
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "volumes": [{"name": "script", "configMap": {"name": "bucket"}}],
    }
    labels = {"app.kubernetes.io/component": "bucket"}
    spec = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}
    service = {"selector": labels, "ports": [{"port": 9000}]}
    for made in (
        api_object("apps/v1", "Deployment", "bucket", spec=spec),
        api_object("v1", "Service", "bucket", spec=service),
    ):
        kubectl("create", "--filename=-", stdin=json.dumps(made))


def amounts_in(replies: Mapping[str, int]) -> Counter[str]:
    """Text of a reply -> how often it was posted."""
    counted: Counter[str] = Counter()
    for reply, times in replies.items():
        counted[reply[reply.index("Approved, $") :]] += times
    return counted
