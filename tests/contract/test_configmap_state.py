"""The state in a ConfigMap, against an HTTP server that answers as a Kubernetes API does: the contract, and its errors.

`make test-cluster` holds the same contract on a real API server.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest
from lightkube import Client, KubeConfig
from lightkube.config.models import Cluster, User

from creditbot.adapters.configmap_state import ConfigMapStore
from creditbot.errors import (
    CreditbotError,
    Refused,
    StateConflict,
    StateFull,
    StateUnusable,
    StateWriteUnknown,
    Unreachable,
)
from creditbot.ports import StateStore
from tests.http_stub import Answer, HttpStub, Seen
from tests.store_contract import StoreContract

PATH = "/api/v1/namespaces/creditbot/configmaps/state"
READ, WRITE = f"GET {PATH}", f"PUT {PATH}"
LABELS = {"app.kubernetes.io/name": "creditbot"}


class OneConfigMap(HttpStub):
    """A Kubernetes API with one ConfigMap in it, which takes a PUT only on the newest resourceVersion."""

    def __init__(self) -> None:
        super().__init__()
        self.data: dict[str, str] = {}
        self.version = 1
        self.scripted: set[str] = set()
        self._one_at_a_time = threading.Lock()

    def on(self, call: str, *answers: Answer) -> None:
        """Answers a call with these, whatever the ConfigMap holds."""
        super().on(call, *answers)
        self.scripted.add(call)

    def answer(self, seen: Seen) -> Answer:
        """What a test scripted, else what Kubernetes does."""
        with self._one_at_a_time:
            scripted = super().answer(seen)
            if str(seen) in self.scripted or str(seen) not in {READ, WRITE}:
                return scripted
            if seen.method == "PUT":
                sent = json.loads(seen.body)
                if sent["metadata"]["resourceVersion"] != str(self.version):
                    return status(409, "Conflict")
                self.data, self.version = sent.get("data", {}), self.version + 1
            return configmap(self.data, self.version)


def client_of(url: str, timeout: httpx2.Timeout | None = None) -> Client:
    """A client of the API at an address, as the service account in a pod has one."""
    config = KubeConfig.from_one(cluster=Cluster(server=url), user=User(token="made-up"), namespace="creditbot")
    return Client(config=config, timeout=timeout)


def configmap(data: dict[str, str], version: int) -> Answer:
    """As the API shows it: without `data` where there is none."""
    metadata = {"name": "state", "namespace": "creditbot", "resourceVersion": str(version), "labels": LABELS}
    shown = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata}
    return Answer({**shown, "data": data} if data else shown)


def status(code: int, reason: str) -> Answer:
    """A refusal as the API gives it."""
    text = f"the server says {reason}"
    return Answer({"kind": "Status", "status": "Failure", "reason": reason, "code": code, "message": text}, status=code)


@pytest.fixture
def api() -> Iterator[OneConfigMap]:
    """The API, with an empty ConfigMap."""
    with OneConfigMap() as opened:
        yield opened


@pytest.fixture
def open_store(api: OneConfigMap) -> Iterator[Callable[[], ConfigMapStore]]:
    """Another process's view of it, each with a client of its own."""
    with ExitStack() as clients:

        def connect() -> Client:
            return clients.enter_context(client_of(api.url, httpx2.Timeout(5.0, read=0.3)))

        yield lambda: ConfigMapStore("creditbot", "state", connect=connect)


@pytest.fixture
def store(open_store: Callable[[], ConfigMapStore]) -> ConfigMapStore:
    """The bot's store."""
    return open_store()


class TestConfigMapStore(StoreContract):
    """The contract of every state store."""

    @pytest.fixture
    def open_store(self, open_store: Callable[[], StateStore]) -> Callable[[], StateStore]:
        """The module's."""
        return open_store


def test_a_write_leaves_the_labels(api: OneConfigMap, store: ConfigMapStore) -> None:
    """What the manifest put on the ConfigMap goes along in every write."""
    store.write({"meta": "1"}, store.read().version)
    (sent,) = api.asked(WRITE)
    assert LABELS == json.loads(sent.body)["metadata"]["labels"]


def read_it(store: ConfigMapStore) -> None:
    store.read()


def write_it(store: ConfigMapStore) -> None:
    store.write({"meta": "1"}, "1")


@pytest.mark.parametrize(("call", "act"), [(READ, read_it), (WRITE, write_it)])
@pytest.mark.parametrize(
    ("answer", "expected", "what", "todo"),
    [
        (status(404, "NotFound"), StateUnusable, "creditbot/state does not exist", "kubectl create configmap state"),
        (status(401, "Unauthorized"), Refused, "may not use the ConfigMap creditbot/state (HTTP 401)", "k8s/base"),
        (status(403, "Forbidden"), Refused, "may not use the ConfigMap creditbot/state (HTTP 403)", "k8s/base"),
        (status(413, "RequestEntityTooLarge"), StateFull, "too large", "kubectl"),
        (status(422, "Invalid"), StateFull, "invalid", "kubectl"),
    ],
)
def test_a_refusal_is_a_sentence_with_what_to_do(
    api: OneConfigMap, store: ConfigMapStore, call: str, act: Callable[[ConfigMapStore], None],
    answer: Answer, expected: type[CreditbotError], what: str, todo: str,
) -> None:  # fmt: skip
    """What Kubernetes definitely refused did not happen, in reading and in writing."""
    api.on(call, answer)
    with pytest.raises(expected) as caught:
        act(store)
    assert what in caught.value.what
    assert todo in caught.value.todo


def test_a_write_on_another_ones_version_is_a_conflict(api: OneConfigMap, store: ConfigMapStore) -> None:
    """A 409 names the ConfigMap that somebody else changed."""
    api.on(WRITE, status(409, "Conflict"))
    with pytest.raises(StateConflict, match="creditbot/state was changed by another process"):
        write_it(store)


UNCLEAR = {
    "an error of its own": status(500, "InternalError"),
    "an error of a proxy": Answer("bad gateway", status=502),
    "an error without a content type": Answer(b"", status=503, headers={"Content-Type": ""}),
    "a web page": Answer("<html>", headers={"Content-Type": "text/html"}),
    "no answer": Answer(drop=True),
    "half an answer": Answer("{", headers={"Content-Length": "999"}),
    "an answer that never comes": Answer(after=threading.Event()),
    "a ConfigMap without a version": Answer({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {}}),
    "no object": Answer([]),
}


@pytest.mark.parametrize("answer", UNCLEAR.values(), ids=UNCLEAR)
def test_a_write_without_a_clear_answer_may_have_happened(
    api: OneConfigMap, store: ConfigMapStore, answer: Answer
) -> None:
    """Nobody may take it for refused: reading again tells."""
    api.on(WRITE, answer)
    with pytest.raises(StateWriteUnknown, match="not known"):
        write_it(store)


@pytest.mark.parametrize("answer", UNCLEAR.values(), ids=UNCLEAR)
def test_a_read_without_a_clear_answer_is_tried_again(api: OneConfigMap, store: ConfigMapStore, answer: Answer) -> None:
    """The API is `Unreachable`, which concerns no request."""
    api.on(READ, answer)
    with pytest.raises(Unreachable, match="did not answer as it should") as caught:
        read_it(store)
    assert "tried again" in caught.value.todo


@pytest.mark.parametrize("act", [read_it, write_it])
def test_an_api_that_refuses_connections_was_not_written_to(act: Callable[[ConfigMapStore], None]) -> None:
    """Where nothing was sent, nothing can have happened."""
    with HttpStub() as gone:
        url = gone.url
    with client_of(url) as client, pytest.raises(Unreachable, match="cannot be reached") as caught:
        act(ConfigMapStore("creditbot", "state", connect=lambda: client))
    assert "NetworkPolicy" in caught.value.todo


def test_without_a_cluster_it_says_how_to_name_one(tmp_path: Path) -> None:
    """No kubeconfig and no pod: a sentence, and not a traceback of the client's."""

    def connect() -> Client:
        return Client(config=KubeConfig.from_file(tmp_path / "config"))

    with pytest.raises(Refused, match="no way to reach a Kubernetes API") as caught:
        ConfigMapStore("creditbot", "state", connect=connect).read()
    assert "KUBECONFIG" in caught.value.todo
