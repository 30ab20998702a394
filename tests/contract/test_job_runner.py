"""Notebooks as Kubernetes Jobs, against an HTTP server that answers as a Kubernetes API does, and a bucket over HTTP.

The contract runs real pods' processes; the rest says what becomes of Jobs whatever happens. `make test-cluster` runs
them on a real cluster.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from creditbot.adapters.jobs.runner import JobRunner, RunSettings
from creditbot.adapters.jobs.wire import receipt_for, result_of, task_in
from creditbot.adapters.storage.objects import Objects
from creditbot.commands.check import notebook_jobs
from creditbot.commands.check_result import CheckResult, attempt
from creditbot.errors import (
    NOTEBOOK_JOBS,
    CreditbotError,
    NotebookFailed,
    NotebookStopped,
    Refused,
    Unreachable,
)
from creditbot.model import NotebookRun, Purpose, RequestKey
from creditbot.notebook_host.imports import hash_of, version_of
from creditbot.settings.settings import Settings
from tests.contract.test_checks import SETTINGS
from tests.support.bucket import NAME, Bucket, variables
from tests.support.job_cluster import NAMESPACE, PASS, ROOT, Ending, JobClusterStub, pod_process, refusal
from tests.support.notebooks import code, write_notebook
from tests.support.runner_contract import RunnerContract

OUTPUT = f"s3://{NAME}/creditbot"
JOBS = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
SECRETS = f"POST /api/v1/namespaces/{NAMESPACE}/secrets"
REQUEST, OTHER = (RequestKey("T0123", "C0123", f"1736345678.{number:06}") for number in (1, 2))
PURPOSE = Purpose(REQUEST, "/looks/1")
TEMPLATE = f"GET /api/v1/namespaces/{NAMESPACE}/podtemplates/creditbot-run"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """A bucket that this process finds by its environment, as the bot does."""
    with Bucket() as opened:
        for name, value in variables(opened.url).items():
            monkeypatch.setenv(name, value)
        yield opened


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    """A notebook that no test runs."""
    return write_notebook(tmp_path / "n.ipynb", code("looker = ''"))


@pytest.fixture
def cluster(bucket: Bucket) -> Iterator[JobClusterStub]:
    """A cluster whose pods leave the run of `done` in the bucket."""
    with JobClusterStub(leaves_a_run) as opened:
        yield opened


def leaves_a_run(task: str) -> Ending:
    """A pod that does its task without running anything."""
    given = task_in(task)
    result = result_of(done(given.notebook, given.sql))
    Objects(given.output).put(given.result, result)
    return Ending(receipt_for(result))


def done(notebook: str, sql: str) -> NotebookRun:
    """What such a pod says of a notebook."""
    path = Path(notebook)
    return NotebookRun({"sql": sql}, (), notebook, hash_of(version_of(path, path.read_bytes())))


def runner_on(cluster: JobClusterStub, **changes: object) -> JobRunner:
    """The runner of a process of its own."""
    return JobRunner(cluster.connect(), {"SEEN": "1"}, RunSettings(60, OUTPUT, **changes))  # type: ignore[arg-type]


@pytest.mark.kernels
class TestJobRunner(RunnerContract):
    """The contract of every runner, on pods that are processes of this machine."""

    @pytest.fixture
    def runner(self, bucket: Bucket) -> Iterator[JobRunner]:
        """A bot with a token in its environment, whose pods have the bucket's credentials in theirs."""
        pod = pod_process({**variables(bucket.url), "SLACK_BOT_TOKEN": "xoxb-sandbox-not-a-secret"})
        with JobClusterStub(pod) as cluster:
            yield runner_on(cluster)
            assert not cluster.jobs
            assert not bucket.objects

    @pytest.fixture
    def new_runner(self, runner: JobRunner) -> JobRunner:
        """Another one may be closed."""
        return runner


def test_a_job_is_named_labelled_and_owns_its_secret(cluster: JobClusterStub, notebook: Path) -> None:
    """It runs once, with a deadline and a time to live, and its Secret goes when it goes."""
    seen: list[tuple[Any, Any]] = []

    def pod(task: str) -> Ending:
        seen.append((next(iter(cluster.jobs.values())), next(iter(cluster.secrets.values()))))
        return leaves_a_run(task)

    cluster.pod = pod
    run = runner_on(cluster).run(str(notebook), "select 1", purpose=PURPOSE)
    assert {"sql": "select 1"} == run.scraps
    ((job, secret),) = seen
    name, spec = cluster.created[0], job["spec"]
    labels = job["metadata"]["labels"]
    assert (f"creditbot-{labels['creditbot/run']}-1", str(REQUEST)) == (name, labels["creditbot/request"])
    assert (False, 0) == (spec["suspend"], spec["backoffLimit"])
    assert (240, 3600) == (spec["activeDeadlineSeconds"], spec["ttlSecondsAfterFinished"])
    pod_spec = spec["template"]["spec"]
    assert pod_spec["automountServiceAccountToken"] is False
    assert [name] == [volume["secret"]["secretName"] for volume in pod_spec["volumes"] if "secret" in volume]
    owners = secret["metadata"]["ownerReferences"]
    assert [(name, job["metadata"]["uid"])] == [(owner["name"], owner["uid"]) for owner in owners]


def test_a_result_that_was_read_leaves_nothing(cluster: JobClusterStub, bucket: Bucket, notebook: Path) -> None:
    """The same request is run again if somebody asks for it again, on the data of then."""
    for _ in range(2):
        runner_on(cluster).run(str(notebook), "select 1", purpose=PURPOSE)
        assert (not cluster.jobs, not cluster.secrets, not bucket.objects) == (True, True, True)
    assert cluster.created == [cluster.created[0]] * 2


def test_the_job_of_a_tick_that_died_is_found(cluster: JobClusterStub, notebook: Path) -> None:
    """While it runs, when it is done, and where the tick died before it had made the Secret."""
    release = threading.Event()

    def pod(task: str) -> Ending:
        release.wait(30)
        return leaves_a_run(task)

    cluster.pod = pod
    purposes = [Purpose(REQUEST, state) for state in ("running", "done", "without a Secret")]
    for number, purpose in enumerate(purposes, 1):
        first = runner_on(cluster)
        with ThreadPoolExecutor() as pool:
            waiting = pool.submit(first.run, str(notebook), "select 1", None, purpose)
            while len(cluster.secrets) < number:
                assert not waiting.done(), waiting.exception()
            first.close()
            assert isinstance(waiting.exception(30), NotebookStopped)
    running, finished, bare = cluster.created
    cluster.end(finished, leaves_a_run(cluster.secrets[finished]["stringData"]["task.json"]))
    del cluster.secrets[bare]
    release.set()
    for purpose in purposes:
        assert {"sql": "select 1"} == runner_on(cluster).run(str(notebook), "select 1", purpose=purpose).scraps
    assert [running, finished, bare] == cluster.created


def test_another_request_link_sql_or_notebook_is_another_job(cluster: JobClusterStub, notebook: Path) -> None:
    """And without a purpose, as for `creditbot compute`, each run is a new one."""
    other = write_notebook(notebook.parent / "other.ipynb", code("looker = ''"))
    runs = [
        (notebook, "select 1", PURPOSE),
        (notebook, "select 1", Purpose(REQUEST, "/looks/2")),
        (notebook, "select 1", Purpose(OTHER, "/looks/1")),
        (notebook, "select 2", PURPOSE),
        (other, "select 1", PURPOSE),
        (notebook, "select 1", None),
        (notebook, "select 1", None),
    ]
    runner = runner_on(cluster)
    for path, sql, purpose in runs:
        runner.run(str(path), sql, purpose=purpose)
    assert len(runs) == len(set(cluster.created))


CHANGED: dict[str, Callable[[JobClusterStub], JobRunner]] = {
    "NOTEBOOK_TIMEOUT": lambda stub: runner_with(stub, RunSettings(61, OUTPUT)),
    "OUTPUT_URI": lambda stub: runner_with(stub, RunSettings(60, f"{OUTPUT}/elsewhere")),
    "NOTEBOOK_ENV": lambda stub: runner_with(stub, RunSettings(60, OUTPUT, names=("SEEN",))),
    "QUEUE": lambda stub: runner_with(stub, RunSettings(60, OUTPUT, queue="credits")),
    "WAREHOUSE_URL": lambda stub: runner_with(stub, environment={"WAREHOUSE_URL": "postgresql://other"}),
    "another variable of the notebook": lambda stub: runner_with(stub, environment={"SEEN": "2"}),
}


def runner_with(
    stub: JobClusterStub, settings: RunSettings | None = None, environment: Mapping[str, str] = {}
) -> JobRunner:
    """The runner of a process of its own with other settings than `runner_on`."""
    sees = {"WAREHOUSE_URL": "postgresql://one", "SEEN": "1", **environment}
    return JobRunner(stub.connect(), sees, settings or RunSettings(60, OUTPUT))


def begin(cluster: JobClusterStub, runner: JobRunner, notebook: Path) -> None:
    """Begins a run, or finds its Job, and no longer waits for it."""
    before = len(cluster.asked(SECRETS))
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(runner.run, str(notebook), "select 1", None, PURPOSE)
        while len(cluster.asked(SECRETS)) == before:
            assert not waiting.done(), waiting.exception()
        runner.close()
        assert isinstance(waiting.exception(30), NotebookStopped)


@pytest.mark.parametrize("changed", CHANGED.values(), ids=CHANGED)
def test_a_setting_that_was_changed_makes_another_job(
    cluster: JobClusterStub, notebook: Path, changed: Callable[[JobClusterStub], JobRunner]
) -> None:
    """A Job that began before the change answers nothing that is asked after it."""
    cluster.pod = lambda _: None
    for runner in (runner_with(cluster), changed(cluster), runner_with(cluster)):
        begin(cluster, runner, notebook)
    assert 2 == len(cluster.created) == len(set(cluster.created))


def test_a_process_of_another_pod_finds_the_job(cluster: JobClusterStub, notebook: Path) -> None:
    """What names the process that asks is no part of a task, and no notebook sees it. Variables come in any order."""
    cluster.pod = lambda _: None
    for pod, sees in (("pod-1", ("SEEN", "WAREHOUSE_URL")), ("pod-2", ("WAREHOUSE_URL", "SEEN"))):
        own = {"HOSTNAME": pod, "PATH": f"/{pod}"}
        environment = {**dict.fromkeys(sees, ""), "WAREHOUSE_URL": "postgresql://one", "SEEN": "1", **own}
        begin(cluster, JobRunner(cluster.connect(), environment, RunSettings(60, OUTPUT)), notebook)
    (secret,) = cluster.secrets.values()
    sent = task_in(secret["stringData"]["task.json"]).environment
    assert {"WAREHOUSE_URL": "postgresql://one", "SEEN": "1"} == sent


def _warehouse_down(task: str) -> Ending:
    """A pod whose notebook could not reach the warehouse."""
    given = task_in(task)
    result = result_of(Unreachable("the warehouse", "It is down.", "Wait."))
    Objects(given.output).put(given.result, result)
    return Ending(receipt_for(result))


@pytest.mark.parametrize("leaves", [leaves_a_run, _warehouse_down], ids=["a credit", "a failure"])
def test_no_result_is_used_before_its_job_is_gone(
    cluster: JobClusterStub, notebook: Path, leaves: Callable[[str], Ending], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the next tries would get it for an hour. The request waits until the Job can be deleted."""
    monkeypatch.setattr("creditbot.adapters.jobs.cluster._PAUSES", ())

    def pod(task: str) -> Ending:
        (name,) = cluster.jobs
        cluster.on(f"DELETE {JOBS}/{name}", refusal(403, "Forbidden", "no deletes"), PASS)
        return leaves(task)

    cluster.pod = pod
    with pytest.raises(Refused, match="no deletes") as refused:
        runner_on(cluster).run(str(notebook), "select 1", purpose=PURPOSE)
    assert NOTEBOOK_JOBS == refused.value.service
    cluster.pod = leaves_a_run
    with nullcontext() if leaves is leaves_a_run else pytest.raises(Unreachable, match="It is down"):
        runner_on(cluster).run(str(notebook), "select 1", purpose=PURPOSE)
    assert (1, []) == (len(cluster.created), [*cluster.jobs])
    runner_on(cluster).run(str(notebook), "select 1", purpose=PURPOSE)
    assert 2 == len(cluster.created)


def test_a_lost_answer_to_a_create_makes_no_second_job(cluster: JobClusterStub, notebook: Path) -> None:
    """The name is taken, so the Job is there: it is found by its name."""
    create = cluster._create_job
    answers: list[object] = []

    def lossy(request: object) -> object:
        answers.append(create(request))  # type: ignore[arg-type]
        return refusal(504, "Timeout", "the answer was lost") if len(answers) == 1 else answers[-1]

    cluster._create_job = lossy  # type: ignore[method-assign, assignment]
    runner_on(cluster).run(str(notebook), "select 1", purpose=PURPOSE)
    assert [201, 409] == [answer.status for answer in answers]  # type: ignore[attr-defined]
    assert 1 == len(cluster.created)


def test_a_job_that_failed_stays_and_the_next_gets_a_number(cluster: JobClusterStub, notebook: Path) -> None:
    """People may look at it; another attempt runs the notebook again."""
    endings = iter([Ending(code=137, reason="Error"), Ending(code=1, pods=False)])
    cluster.pod = lambda task: next(endings, None) or leaves_a_run(task)
    whys = ["its container ended with exit status 137 (Error)", "its pod is gone"]
    for why in whys:
        with pytest.raises(NotebookStopped) as stopped:
            runner_on(cluster).run(str(notebook), "select 1", purpose=PURPOSE)
        assert f"The Job {cluster.created[-1]} ended without a result: {why}." == stopped.value.what
        assert "kubectl describe job" in stopped.value.todo
    runner_on(cluster).run(str(notebook), "select 1", purpose=PURPOSE)
    assert ["1", "2", "3"] == [name.rpartition("-")[2] for name in cluster.created]
    assert cluster.created[:2] == [*cluster.jobs]


def test_a_job_that_somebody_deletes_is_run_again(cluster: JobClusterStub, notebook: Path) -> None:
    """The attempt has failed, and says so."""

    def pod(_: str) -> None:
        cluster.jobs.clear()

    cluster.pod = pod
    with pytest.raises(NotebookStopped, match=r"was deleted before its result was read"):
        runner_on(cluster).run(str(notebook), "select 1", purpose=PURPOSE)


def test_a_pod_that_cannot_store_its_result_says_why(cluster: JobClusterStub, bucket: Bucket, notebook: Path) -> None:
    """A real pod's process, whose bucket refuses it: the receipt has the sentence. No notebook need run for that."""
    bucket.refuses.add("PUT")
    notebook.write_text("no notebook")
    cluster.pod = pod_process(variables(bucket.url))
    with pytest.raises(Refused, match="cannot be written") as refused:
        runner_on(cluster).run(str(notebook), "select 1")
    assert refused.value.service == "the summary store"


HOSTILE: dict[str, Callable[[bytes], tuple[bytes, str]]] = {
    "another result than its receipt": lambda result: (result + b" ", receipt_for(result)),
    "no receipt": lambda result: (result, ""),
    "a receipt that is no object": lambda result: (result, "[]"),
    "no JSON": lambda _: (b"{", receipt_for(b"{")),
    "too deep": lambda _: (b"[" * 100_000, receipt_for(b"[" * 100_000)),
    "an error that no notebook raises": lambda _: _forged({"failure": _failure(kind="StateUnusable")}),
    "no class of errors": lambda _: _forged({"failure": _failure(kind="__builtins__")}),
    "a sentence without end": lambda _: _forged({"failure": _failure(what="x" * 30_000)}),
    "cells that are numbers": lambda result: _forged({"run": {**json.loads(result)["run"], "cells": [1]}}),
    "both a run and a failure": lambda result: _forged({**json.loads(result), "failure": _failure()}),
    "neither": lambda _: _forged({}),
}


def _failure(**changes: str) -> dict[str, str]:
    return {"kind": "NotebookFailed", "what": "It failed.", "todo": "", "service": "", **changes}


def _forged(reply: object) -> tuple[bytes, str]:
    result = json.dumps(reply).encode()
    return result, receipt_for(result)


@pytest.mark.parametrize("forge", HOSTILE.values(), ids=HOSTILE)
def test_a_result_that_no_pod_should_leave_is_not_used(
    cluster: JobClusterStub, notebook: Path, forge: Callable[[bytes], tuple[bytes, str]]
) -> None:
    """Notebook code runs in the pod. Whatever it leaves, the attempt fails with a sentence, and another one is made."""

    def pod(task: str) -> Ending:
        given = task_in(task)
        result, receipt = forge(result_of(done(given.notebook, given.sql)))
        Objects(given.output).put(given.result, result)
        return Ending(receipt)

    cluster.pod = pod
    with pytest.raises(NotebookStopped, match="cannot be used"):
        runner_on(cluster).run(str(notebook), "select 1", purpose=PURPOSE)
    assert not cluster.jobs


def test_a_result_of_another_notebook_is_refused(cluster: JobClusterStub, notebook: Path) -> None:
    """The image of the Jobs is older than the bot's: no request may be credited by it, nor given up."""
    of_the_bot = notebook.read_text()

    def older(task: str) -> Ending:
        notebook.write_text(of_the_bot + "\n")
        ending = leaves_a_run(task)
        notebook.write_text(of_the_bot)
        return ending

    cluster.pod = older
    with pytest.raises(Refused, match="ran another version of it") as refused:
        runner_on(cluster).run(str(notebook), "select 1")
    assert refused.value.service == "the notebook n.ipynb"


def test_sql_that_no_secret_can_hold_makes_no_job(cluster: JobClusterStub, notebook: Path) -> None:
    with pytest.raises(NotebookFailed, match="too long for a Kubernetes Secret"):
        runner_on(cluster).run(str(notebook), "x" * 1_000_000)
    assert not cluster.created


def test_a_job_for_a_queue_waits_for_it(cluster: JobClusterStub, notebook: Path) -> None:
    """Kueue starts what has its label and is suspended. A queue that is full concerns all requests, and none fails."""
    with pytest.raises(Unreachable) as waits:
        runner_on(cluster, queue="credits", start_seconds=0).run(str(notebook), "select 1", purpose=PURPOSE)
    (job,) = cluster.jobs.values()
    assert "credits" == job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"]
    assert f"The Job {cluster.created[0]} still waits for its turn in the queue" in waits.value.what
    assert NOTEBOOK_JOBS == waits.value.service
    job["spec"]["suspend"] = False
    cluster._start(cluster.created[0])
    runner_on(cluster, queue="credits").run(str(notebook), "select 1", purpose=PURPOSE)
    assert 1 == len(cluster.created)


def test_jobs_that_wait_go_when_their_request_is_forgotten(cluster: JobClusterStub, notebook: Path) -> None:
    """Those of all its links. A Job that has begun ends by itself, and those of other requests are still wanted."""
    waits, other_link = PURPOSE, Purpose(REQUEST, "/looks/2")
    begun, wanted = Purpose(REQUEST, "/looks/3"), Purpose(OTHER, "/looks/1")
    runner = runner_on(cluster, queue="credits", start_seconds=0)
    for purpose in (waits, other_link, begun, wanted, None):
        with pytest.raises(Unreachable, match="still waits for its turn"):
            runner.run(str(notebook), "select 1", purpose=purpose)
    cluster.jobs[cluster.created[2]]["spec"]["suspend"] = False
    for _ in range(2):
        runner.forget(REQUEST)
        assert cluster.created[2:] == list(cluster.jobs)


def test_an_api_that_is_away_is_asked_once_what_waits(
    cluster: JobClusterStub, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """The request has ended, and the next one is not to wait for it."""
    monkeypatch.setattr("creditbot.adapters.jobs.cluster._PAUSES", (0.0,))
    cluster.on(f"GET {JOBS}", refusal(503, "ServiceUnavailable", "restarting"), PASS)
    with pytest.raises(Unreachable, match="HTTP 503"):
        runner_on(cluster).forget(REQUEST)


IN = "in the namespace creditbot-runs"
REFUSALS = [
    (
        TEMPLATE,
        refusal(404, "NotFound", "no"),
        Refused,
        "The PodTemplate creditbot-runs/creditbot-run does not exist.",
    ),
    (
        f"GET {JOBS}",
        refusal(403, "Forbidden", "no jobs"),
        Refused,
        f"The service account may not run Jobs {IN} (HTTP 403): no jobs.",
    ),
    (
        f"POST {JOBS}",
        refusal(422, "Invalid", "the policy says no"),
        Refused,
        f"Kubernetes refuses a Job {IN} (HTTP 422): the policy says no.",
    ),
    (
        f"POST {JOBS}",
        refusal(403, "Forbidden", "exceeded quota: jobs"),
        Unreachable,
        "The quota for Jobs is used up: exceeded quota: jobs.",
    ),
]


@pytest.mark.parametrize(("call", "answer", "kind", "what"), REFUSALS)
def test_what_kubernetes_refuses_is_a_sentence_for_all_requests(
    cluster: JobClusterStub, notebook: Path, call: str, answer: object, kind: type[CreditbotError], what: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """No request is given up because of it."""
    monkeypatch.setattr("creditbot.adapters.jobs.cluster._PAUSES", ())
    cluster.on(call, answer)  # type: ignore[arg-type]
    with pytest.raises(kind) as caught:
        runner_on(cluster).run(str(notebook), "select 1")
    assert (what, NOTEBOOK_JOBS) == (caught.value.what, caught.value.service)


def test_an_api_server_that_restarts_is_waited_for(
    cluster: JobClusterStub, notebook: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each call may be repeated; one that never answers ends in a sentence."""
    monkeypatch.setattr("creditbot.adapters.jobs.cluster._PAUSES", (0.0, 0.0))
    away = refusal(503, "ServiceUnavailable", "restarting")
    for call in (f"GET {JOBS}", f"POST {JOBS}", TEMPLATE):
        cluster.on(call, away, away, PASS)
    runner_on(cluster).run(str(notebook), "select 1")
    cluster.on(f"GET {JOBS}", away)
    with pytest.raises(Unreachable, match=r"did not answer as it should \(HTTP 503\)"):
        runner_on(cluster).run(str(notebook), "select 1")


def test_a_check_asks_without_making_anything(cluster: JobClusterStub) -> None:
    """It names the image that Jobs would run."""
    assert "creditbot" == runner_on(cluster).probe()
    assert not cluster.created
    cluster.on(f"POST {JOBS}", refusal(422, "Invalid", "not this image"))
    with pytest.raises(Refused, match="not this image"):
        runner_on(cluster).probe()


def test_a_check_says_what_jobs_would_run_or_why_not(cluster: JobClusterStub) -> None:
    """`creditbot check` has one line for it."""
    given = Settings.load({**SETTINGS, "RUNNER": "job", "OUTPUT_URI": OUTPUT}, env_file=None)
    (line,) = attempt("Jobs", lambda: notebook_jobs(given, runner_on(cluster)))
    assert CheckResult("Jobs", "ok", "creditbot-runs takes Jobs of the image creditbot") == line
    cluster.template = None
    (line,) = attempt("Jobs", lambda: notebook_jobs(given, runner_on(cluster)))
    assert ("FAIL", True) == (line.verdict, "creditbot-runs/creditbot-run does not exist" in line.text)


FIRST_CALLS = """
import sys, threading
from tests.support.job_cluster import JobClusterStub, Ending
sys.setswitchinterval(1e-6)
with JobClusterStub() as stub:
    cluster, together = stub.connect(), threading.Barrier(12)
    def call():
        together.wait()
        cluster.jobs_with("creditbot/run", "any"), cluster.job("none"), cluster.template()
        cluster.pods_of({"metadata": {"uid": "none"}})
    threads = [threading.Thread(target=call) for _ in range(12)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
"""


def test_many_notebooks_at_once_make_the_first_calls_together() -> None:
    """A process whose threads decode a type for the first time at the same time has ended in a segmentation fault."""
    done = subprocess.run([sys.executable, "-c", FIRST_CALLS], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stderr)
