"""The port `Runner` by Kubernetes Jobs: creates the Job of a run, or finds that of a process that died, and waits.

The name of a Job is a hash of its whole task and what it is for, and a number. Two processes that start the same run
create the same name, and Kubernetes refuses the second: so both wait for one Job. A Job that left a result is deleted
before the result is used, so that no result is used for another try. One that ended without a result stays for an hour,
so that people can look at it; the next attempt gets the next number.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import secrets
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from creditbot.adapters.jobs.cluster import JobCluster
from creditbot.adapters.jobs.endings import (
    failure_of,
    has_begun,
    is_deleted,
    not_begun,
    phase_of,
    receipt_in,
    waits_in_queue,
)
from creditbot.adapters.jobs.manifests import (
    REQUEST_LABEL,
    RUN_LABEL,
    START_SECONDS,
    Manifest,
    deadline,
    job_manifest,
    job_name,
    number_of,
    secret_manifest,
)
from creditbot.adapters.jobs.wire import MOST_BYTES, RESULTS, ResultDamaged, Task, run_of
from creditbot.adapters.notebooks.environment import ALWAYS
from creditbot.adapters.storage.objects import Objects
from creditbot.errors import NOTEBOOK_JOBS, NotebookFailed, NotebookStopped, Refused, ServiceError, Unreachable
from creditbot.model import CreditDays, NotebookRun, Purpose, RequestKey

_LONGEST_TASK = 900_000
"""Bytes of a task: a Secret holds 1 MiB, in base64."""
_MARGIN = 30.0
"""Seconds that Kubernetes may be late to end a Job at its deadline."""
_SHORTEST, _LONGEST = 0.2, 1.0
"""Seconds between two looks at a Job: they grow with the time that it takes."""
_TRIES = 5
"""How many names are tried, where other processes take them."""
_OF_THE_PROCESS = frozenset({*ALWAYS, "HOSTNAME", "PWD", "OLDPWD", "SHLVL", "_", "INVOCATION_ID", "JOURNAL_STREAM"})
"""Variables about the process of the bot. Its pods have their own, and another process has to find the same Job."""


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What the settings say about runs.

    Attributes:
        seconds: NOTEBOOK_TIMEOUT.
        names: NOTEBOOK_ENV; empty if it is not set.
        output: OUTPUT_URI.
        queue: QUEUE.
        start_seconds: how long a pod may take to start.
    """

    seconds: float
    output: str
    names: tuple[str, ...] = ()
    queue: str = ""
    start_seconds: float = START_SECONDS


class JobRunner:
    """Implements `Runner`: each run is a Kubernetes Job.

    Args:
        cluster: where Jobs run.
        environment: what notebooks see of the bot's environment, see `kernel_environment`.
        settings: how they run.
        values: notebook -> what to set in its policy cell before it runs, name -> value.
    """

    def __init__(
        self,
        cluster: JobCluster,
        environment: Mapping[str, str],
        settings: RunSettings,
        values: Mapping[Path, Mapping[str, str]] = {},
    ) -> None:
        self._cluster = cluster
        self._environment = {name: value for name, value in environment.items() if name not in _OF_THE_PROCESS}
        self._settings = settings
        self._values = {str(path.absolute()): dict(names) for path, names in values.items()}
        self._objects = Objects(settings.output)
        self._closed = threading.Event()

    def warm(self) -> None:
        """Imports in the background what the first Job needs."""
        threading.Thread(target=_imports, daemon=True).start()

    def run(
        self, notebook: str, sql: str, days: CreditDays | None = None, purpose: Purpose | None = None
    ) -> NotebookRun:
        """See `Runner`. A run that another process began for the same purpose is waited for, or its result read.

        Raises `NotebookFailed`, or `NotebookStopped` if another try may succeed or the runner is closed: then its Job
        continues. Raises `Unreachable` or `Refused` if the cluster, the warehouse, or the notebook's file is the cause.
        """
        path = str(Path(notebook).absolute())
        version = _version(Path(path))
        task = self._task(path, sql, days)
        run = _hash([str(purpose or secrets.token_hex(16)), version, self._settings.queue, task.text()])
        job = self._job(run, task, purpose.request if purpose else None)
        ended = self._wait(job, path)
        result = self._result(ended)
        if result.notebook_sha256 != version:
            what = f"The Job of {Path(path).name} ran another version of it than the bot has."
            todo = "Give the PodTemplate the image and the notebooks of the bot."
            raise Refused(f"the notebook {Path(path).name}", what, todo)
        return result

    def forget(self, request: RequestKey) -> None:
        """See `Runner`. Deletes the Jobs of the request that wait in a queue: nobody reads what they would leave.

        Each call is tried once, because other requests wait behind this one.
        """
        for job in self._cluster.jobs_with(REQUEST_LABEL, str(request), patient=False):
            if waits_in_queue(job):
                self._cluster.delete_job(job["metadata"]["name"], patient=False)

    def close(self) -> None:
        """Stops waiting. Jobs that run continue, and the next process finds them."""
        self._closed.set()

    def probe(self) -> str:
        """Asks Kubernetes whether it would take a Job, and returns the image that it would run."""
        template = self._cluster.template()
        run = secrets.token_hex(10)
        self._cluster.create_job(self._manifest(template, job_name(run, 1), run), dry_run=True)
        return str(template["template"]["spec"]["containers"][0]["image"])

    def _job(self, run: str, task: Task, request: RequestKey | None) -> Manifest:
        """The Job of a run, created or found, with its task."""
        self._check_open()
        template: Manifest | None = None
        for _ in range(_TRIES):
            known = sorted(self._cluster.jobs_with(RUN_LABEL, run), key=number_of)
            if known and phase_of(known[-1]) == "complete":
                return known[-1]
            job = known[-1] if known and phase_of(known[-1]) == "active" else None
            if job is None:
                name = job_name(run, number_of(known[-1]) + 1 if known else 1)
                template = template or self._cluster.template()
                job = self._cluster.create_job(self._manifest(template, name, run, request))
            if job is not None:
                # Again where the Job was found: the process that created it may have died before its Secret.
                self._cluster.create_secret(secret_manifest(job, _with_result(task, job).text()))
                return job
        what = "Other processes create and delete the Jobs of the same run."
        raise NotebookStopped(what, "The next tick tries again.")

    def _manifest(self, template: Manifest, name: str, run: str, request: RequestKey | None = None) -> Manifest:
        return job_manifest(template, name, run, self._settings.seconds, self._settings.queue, request)

    def _task(self, path: str, sql: str, days: CreditDays | None) -> Task:
        """What the pod is to do, but for where it puts the result."""
        given = self._settings
        values = self._values.get(path, {})
        task = Task(path, sql, days, values, given.seconds, self._environment, given.names, given.output, result="")
        if len(task.text().encode("utf-8", "surrogatepass")) > _LONGEST_TASK:
            what = f"The SQL is too long for a Kubernetes Secret ({len(sql)} characters)."
            raise NotebookFailed(what, "Ask for fewer accounts in one link, or set RUNNER=process.")
        return task

    def _wait(self, job: Manifest, path: str) -> Manifest:
        """The Job when it is complete. Raises what its failure means."""
        name, uid, began = job["metadata"]["name"], job["metadata"]["uid"], time.monotonic()
        begun = False
        while phase_of(job) == "active":
            waited = time.monotonic() - began
            if not begun and waited > self._settings.start_seconds:
                pods = self._cluster.pods_of(job)
                begun = has_begun(pods)
                if not begun:
                    raise not_begun(job, pods, waited)
            if waited > deadline(self._settings.seconds) + _MARGIN:
                what = f"The Job {name} has not ended at its deadline."
                raise Unreachable(NOTEBOOK_JOBS, what, "Check that the controllers of Kubernetes run.")
            self._closed.wait(min(_LONGEST, _SHORTEST + waited / 20))
            self._check_open()
            found = self._cluster.job(name)
            if found is None or found["metadata"]["uid"] != uid or is_deleted(found):
                what = f"The Job {name} was deleted before its result was read."
                raise NotebookStopped(what, "The next tick runs the notebook again.")
            job = found
        if phase_of(job) == "failed":
            raise failure_of(job, self._cluster.pods_of(job), Path(path).name, self._settings.seconds)
        return job

    def _result(self, job: Manifest) -> NotebookRun:
        """What the pod of a complete Job left. The Job goes first: while it is there, it would answer the next try."""
        name = job["metadata"]["name"]
        receipt = receipt_in(self._cluster.pods_of(job))
        found = self._objects.get(_result_path(name), MOST_BYTES)
        self._cluster.delete_job(name)
        with suppress(ServiceError):  # an object without its Job answers nothing
            self._objects.remove(_result_path(name))
        try:
            return run_of(found or b"", receipt)
        except ResultDamaged as damaged:
            what = f"What the Job {name} left at {self._settings.output} cannot be used: {damaged}."
            raise NotebookStopped(what, "The next tick runs the notebook again.") from None

    def _check_open(self) -> None:
        if self._closed.is_set():
            what = "Shutting down: nobody waits for notebooks any longer."
            raise NotebookStopped(what, "The next tick finds the Job.")


def _result_path(name: str) -> str:
    return f"{RESULTS}/{name}.json"


def _with_result(task: Task, job: Manifest) -> Task:
    return replace(task, result=_result_path(job["metadata"]["name"]))


def _hash(parts: list[str]) -> str:
    """Slow to guess from: everybody may read the name of a Job, and the task holds the warehouse's password."""
    text = json.dumps(parts).encode()
    return hashlib.scrypt(text, salt=b"creditbot-run", n=2**14, r=8, p=1, dklen=10).hex()


def _version(path: Path) -> str:
    """The hash of a notebook and what it imports from its folder, as a run has it. Raises `Refused`."""
    from creditbot.notebook_host.imports import hash_of, version_of

    try:
        return hash_of(version_of(path, path.read_bytes()))
    except OSError as error:
        what = f"The notebook {path} cannot be read: {error.strerror}."
        raise Refused(f"the notebook {path.name}", what, "Check the path in the settings.") from None


def _imports() -> None:
    for name in ("lightkube.resources.batch_v1", "lightkube.resources.core_v1", "obstore"):
        importlib.import_module(name)
