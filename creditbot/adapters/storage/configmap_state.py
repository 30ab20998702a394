"""The state in one ConfigMap, under Kubernetes' optimistic concurrency: a PUT names the resourceVersion it is based on.

The first call imports lightkube, which reads the service account's token again after it was rotated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from functools import cached_property
from typing import TYPE_CHECKING, Any

from creditbot.errors import (
    STATE_STORE,
    Refused,
    StateConflict,
    StateFull,
    StateUnusable,
    StateWriteUnknown,
    Unreachable,
)
from creditbot.ports import Stored
from creditbot.text import one_line

if TYPE_CHECKING:
    from lightkube import Client
    from lightkube.resources.core_v1 import ConfigMap

TIMEOUT = 10.0  # seconds, for connecting and for each read or write on the socket


def _client() -> Client:
    import httpx2
    from lightkube import Client

    return Client(timeout=httpx2.Timeout(TIMEOUT))


class ConfigMapStore:
    """Implements `StateStore` on the ConfigMap NAMESPACE/NAME, which must exist."""

    _seen: ConfigMap | None = None

    def __init__(self, namespace: str, name: str, connect: Callable[[], Client] = _client) -> None:
        self._namespace = namespace
        self._name = name
        self._connect = connect

    @cached_property
    def _client(self) -> Client:
        from lightkube.core.exceptions import ConfigError

        try:
            return self._connect()
        except (ConfigError, OSError) as error:
            raise Refused(
                STATE_STORE,
                f"No Kubernetes API is configured: {one_line(str(error), 300)}.",
                "Run in a pod, or set KUBECONFIG.",
            ) from error

    def read(self) -> Stored:
        """The ConfigMap's data. Raises `StateUnusable` if it does not exist, `Refused`, `Unreachable`."""
        from lightkube.resources.core_v1 import ConfigMap

        with self._sentences(writing=False):
            found = self._client.get(ConfigMap, self._name, namespace=self._namespace)
            return Stored(dict(found.data or {}), self._remembered(found))

    def write(self, values: Mapping[str, str], version: str) -> str:
        """Replaces the data; what else was read stays. Raises `StateConflict`, `StateWriteUnknown`, `StateFull`."""
        from lightkube.models.meta_v1 import ObjectMeta
        from lightkube.resources.core_v1 import ConfigMap

        wanted = copy(self._seen or ConfigMap())
        wanted.metadata = copy(wanted.metadata or ObjectMeta())
        wanted.metadata.name, wanted.metadata.namespace = self._name, self._namespace
        wanted.metadata.resourceVersion = version
        wanted.metadata.managedFields = None  # long, and kept by the API server
        wanted.data = dict(values)
        with self._sentences(writing=True):
            return self._remembered(self._client.replace(wanted))

    def _remembered(self, found: ConfigMap) -> str:
        """The version of what the API showed. Raises ValueError where it shows none."""
        if not (found.metadata and found.metadata.resourceVersion):
            raise ValueError
        self._seen = found
        return found.metadata.resourceVersion

    @contextmanager
    def _sentences(self, *, writing: bool) -> Iterator[None]:
        """Turns the API's errors into ours; a write whose answer was lost may have happened."""
        import httpx2
        from lightkube import ApiError

        try:
            yield
        except ApiError as error:
            raise self._refusal(error, writing) from error
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise Unreachable(
                STATE_STORE, "The Kubernetes API cannot be reached.", "Check the NetworkPolicy."
            ) from error
        except httpx2.HTTPStatusError as error:
            raise self._unknown(writing, f"HTTP {error.response.status_code}") from error
        except (httpx2.HTTPError, ValueError, KeyError) as error:  # KeyError: lightkube misses a Content-Type
            raise self._unknown(writing, type(error).__name__) from error

    def _refusal(self, error: Any, writing: bool) -> Exception:
        code, name = error.response.status_code, f"ConfigMap {self._namespace}/{self._name}"
        if code == 404:
            return StateUnusable(
                f"The {name} does not exist, and a missing state is never treated as empty.",
                f"Create it: kubectl create configmap {self._name} --namespace {self._namespace}",
            )
        if code == 409:
            return StateConflict(f"The {name} was changed by another process.")
        if code in (401, 403):
            return Refused(
                STATE_STORE, f"The service account may not use the {name} (HTTP {code}).", "Apply k8s/base again."
            )
        if code in (413, 422):
            return StateFull(f"Kubernetes refuses the {name} as too large or invalid.", "Look at it with kubectl.")
        return self._unknown(writing, f"HTTP {code}")

    def _unknown(self, writing: bool, what: str) -> Exception:
        if writing:
            return StateWriteUnknown(f"It is not known whether the state was written ({what}).")
        return Unreachable(
            STATE_STORE, f"The Kubernetes API did not answer as it should ({what}).", "The next tick tries again."
        )
