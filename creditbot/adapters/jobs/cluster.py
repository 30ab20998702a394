"""The calls to the Kubernetes API that Jobs of notebooks need, all in one namespace. The first call imports lightkube.

Objects come and go as plain dicts. Each call may be repeated: a name is created once, and AlreadyExists is not a
failure. So what failed for a moment is tried again here, unless the caller is not `patient`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, cast

from creditbot.adapters.jobs.manifests import TEMPLATE, Manifest
from creditbot.errors import NOTEBOOK_JOBS, Refused, ServiceError, Unreachable
from creditbot.machine.processes import Stop
from creditbot.machine.retrying import with_retries
from creditbot.text import one_line

if TYPE_CHECKING:
    from lightkube import Client

T = TypeVar("T")

TIMEOUT = 10.0
"""Seconds, for connecting and for each read or write on the socket."""
_PAUSES = (0.5, 1.0, 2.0, 4.0)
"""Seconds between the tries of one call: an API server that restarts is back by then."""
_APPLY = "Apply k8s/runs again, of the version that the bot has."


def _client() -> Client:
    import httpx2
    from lightkube import Client

    return Client(timeout=httpx2.Timeout(TIMEOUT))


def _prepare_decoding() -> None:
    """Decodes each type once, in one thread: msgspec 0.22 crashes the process if two threads do that at once."""
    from lightkube.core.decoders import decode_list, decode_object, decode_status
    from lightkube.resources.batch_v1 import Job
    from lightkube.resources.core_v1 import Pod, PodTemplate, Secret

    for kind in (Job, Pod):
        decode_list(b'{"items": []}', kind)
    for one in (PodTemplate, Secret):
        decode_object(b"{}", one)
    decode_status(b"{}")


class JobCluster:
    """The Jobs of one namespace. Safe to use from several threads. Every verb raises `Unreachable` or `Refused`.

    Args:
        namespace: of the Jobs.
        stop: once the process is asked to stop, no call is tried again.
        connect: makes the client.
    """

    def __init__(self, namespace: str, stop: Stop, connect: Callable[[], Client] = _client) -> None:
        self.namespace = namespace
        self._stop = stop
        self._connect = connect
        self._lock = threading.Lock()

    def template(self) -> Manifest:
        """The PodTemplate that every Job is made from."""
        from lightkube.resources.core_v1 import PodTemplate

        found = self._try(lambda: self._client.get(PodTemplate, TEMPLATE, namespace=self.namespace).to_dict())
        if found is None:
            what = f"The PodTemplate {self.namespace}/{TEMPLATE} does not exist."
            raise Refused(NOTEBOOK_JOBS, what, "Apply k8s/runs, or correct RUNS_NAMESPACE.")
        return found

    def jobs_with(self, label: str, value: str, *, patient: bool = True) -> list[Manifest]:
        """The Jobs that have this label."""
        from lightkube.resources.batch_v1 import Job

        def listed() -> list[Manifest]:
            return [job.to_dict() for job in self._client.list(Job, namespace=self.namespace, labels={label: value})]

        return self._try(listed, patient=patient) or []

    def job(self, name: str) -> Manifest | None:
        """A Job, or None."""
        from lightkube.resources.batch_v1 import Job

        return self._try(lambda: self._client.get(Job, name, namespace=self.namespace).to_dict())

    def create_job(self, manifest: Manifest, *, dry_run: bool = False) -> Manifest | None:
        """Creates a Job; None if its name is taken. With `dry_run`, Kubernetes only says whether it would."""
        from lightkube.resources.batch_v1 import Job

        job = cast("Job", Job.from_dict(manifest))
        return self._create(lambda: self._client.create(job, namespace=self.namespace, dry_run=dry_run).to_dict())

    def create_secret(self, manifest: Manifest) -> None:
        """Creates a Secret, unless it is there."""
        from lightkube.resources.core_v1 import Secret

        secret = cast("Secret", Secret.from_dict(manifest))
        self._create(lambda: self._client.create(secret, namespace=self.namespace).to_dict())

    def pods_of(self, job: Mapping[str, Any]) -> list[Manifest]:
        """The pods of a Job; one at most, unless somebody meddled."""
        from lightkube.resources.core_v1 import Pod

        labels = {"batch.kubernetes.io/controller-uid": job["metadata"]["uid"]}

        def listed() -> list[Manifest]:
            return [pod.to_dict() for pod in self._client.list(Pod, namespace=self.namespace, labels=labels)]

        return self._try(listed) or []

    def delete_job(self, name: str, *, patient: bool = True) -> None:
        """Deletes a Job, if it is there; its Secret and its pod follow."""
        from lightkube.resources.batch_v1 import Job
        from lightkube.types import CascadeType

        def delete() -> Manifest:
            self._client.delete(Job, name, namespace=self.namespace, cascade=CascadeType.BACKGROUND)
            return {}

        self._try(delete, patient=patient)

    @cached_property
    def _connected(self) -> Client:
        from lightkube.core.exceptions import ConfigError

        _prepare_decoding()
        try:
            return self._connect()
        except (ConfigError, OSError) as error:
            what = f"No Kubernetes API is configured: {one_line(str(error), 300)}."
            raise Refused(NOTEBOOK_JOBS, what, "Run in a pod, set KUBECONFIG, or set RUNNER=process.") from error

    @property
    def _client(self) -> Client:
        with self._lock:
            return self._connected

    def _create(self, create: Callable[[], Manifest]) -> Manifest | None:
        from lightkube import ApiError

        def once() -> Manifest | None:
            try:
                return create()
            except ApiError as error:
                if error.response.status_code == 409 and error.status.reason == "AlreadyExists":
                    return None
                raise

        return self._patiently(once)

    def _try(self, call: Callable[[], T], *, patient: bool = True) -> T | None:
        """What a call gives; None if what it is about does not exist."""
        from lightkube import ApiError

        def once() -> T | None:
            try:
                return call()
            except ApiError as error:
                if error.response.status_code == 404:
                    return None
                raise

        return self._patiently(once) if patient else self._once(once)

    def _once(self, call: Callable[[], T]) -> T:
        with self._sentences():
            return call()

    def _patiently(self, call: Callable[[], T]) -> T:
        pauses = iter(_PAUSES)

        def pause_after(error: ServiceError) -> float | None:
            return next(pauses, None) if isinstance(error, Unreachable) else None

        return with_retries(lambda: self._once(call), ServiceError, pause_after, self._stop)

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        """Turns the API's errors into ours."""
        import httpx2
        from lightkube import ApiError

        try:
            yield
        except ApiError as error:
            message = one_line(str(error.status.message), 500).rstrip(".")
            raise self._refusal(error.response.status_code, message) from error
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            what = "The Kubernetes API, which runs notebooks as Jobs, cannot be reached."
            raise Unreachable(NOTEBOOK_JOBS, what, "Check the NetworkPolicy.") from error
        except (httpx2.HTTPError, ValueError, KeyError) as error:  # KeyError: lightkube misses a Content-Type
            raise self._unclear(type(error).__name__) from error

    def _refusal(self, code: int, message: str) -> ServiceError:
        if "exceeded quota" in message:
            todo = f"Raise the ResourceQuota of the namespace {self.namespace}, or lower WORKERS."
            return Unreachable(NOTEBOOK_JOBS, f"The quota for Jobs is used up: {message}.", todo)
        if code in (401, 403):
            what = f"The service account may not run Jobs in the namespace {self.namespace} (HTTP {code}): {message}."
            return Refused(NOTEBOOK_JOBS, what, _APPLY)
        if code in (400, 404, 413, 422):
            what = f"Kubernetes refuses a Job in the namespace {self.namespace} (HTTP {code}): {message}."
            return Refused(NOTEBOOK_JOBS, what, _APPLY)
        return self._unclear(f"HTTP {code}")

    def _unclear(self, what: str) -> Unreachable:
        text = f"The Kubernetes API, which runs notebooks as Jobs, did not answer as it should ({what})."
        return Unreachable(NOTEBOOK_JOBS, text, "The next tick tries again.")
