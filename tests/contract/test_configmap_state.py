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
import lightkube
import pytest
from lightkube import Client, KubeConfig
from lightkube.config.models import Cluster, User

from creditbot.adapters.storage.configmap_state import ConfigMapStore
from creditbot.errors import (
    STATE_STORE,
    CreditbotError,
    Refused,
    StateConflict,
    StateFull,
    StateUnusable,
    StateWriteUnknown,
    Unreachable,
)
from creditbot.ports import StateStore
from creditbot.sandbox.http import HttpRequest
from tests.support.http import Answer, HttpStub
from tests.support.store_contract import StoreContract

PATH = "/api/v1/namespaces/creditbot/configmaps/state"
READ, WRITE = f"GET {PATH}", f"PUT {PATH}"
METADATA = {
    "name": "state",
    "namespace": "creditbot",
    "uid": "made-up",
    "labels": {"app.kubernetes.io/name": "creditbot"},
    "annotations": {"example.com/owner": "credit operations"},
    "finalizers": ["example.com/backup"],
    "ownerReferences": [{"apiVersion": "v1", "kind": "Made", "name": "up", "uid": "made-up"}],
}


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

    def answer(self, request: HttpRequest) -> Answer:
        """What a test scripted, else what Kubernetes does."""
        with self._one_at_a_time:
            scripted = super().answer(request)
            if str(request) in self.scripted or str(request) not in {READ, WRITE}:
                return scripted
            if request.method == "PUT":
                sent = json.loads(request.body)
                if sent["metadata"]["resourceVersion"] != str(self.version):
                    return status(409, "Conflict")
                self.data, self.version = sent.get("data", {}), self.version + 1
            return configmap(self.data, self.version)


def client_of(url: str, timeout: httpx2.Timeout | None = None) -> Client:
    """A client of the API at an address, as the service account in a pod has one."""
    config = KubeConfig.from_one(cluster=Cluster(server=url), user=User(token="made-up"), namespace="elsewhere")
    return Client(config=config, timeout=timeout)


def configmap(data: dict[str, str], version: int) -> Answer:
    """As the API shows it: without `data` where there is none."""
    managed = [{"manager": "somebody", "operation": "Update", "fieldsV1": {"f:data": {}}}]
    metadata = {**METADATA, "resourceVersion": str(version), "managedFields": managed}
    shown = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata, "binaryData": {"other": "AAEC"}}
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


def test_a_write_leaves_foreign_labels_and_keys(api: OneConfigMap, store: ConfigMapStore) -> None:
    """What the manifest, or somebody else, put on the ConfigMap goes along in every write; who wrote it need not."""
    version = store.write({"meta": "1"}, store.read().version)
    store.write({"meta": "2"}, version)
    sent = [json.loads(seen.body) for seen in api.asked(WRITE)]
    assert [{**METADATA, "resourceVersion": "1"}, {**METADATA, "resourceVersion": "2"}] == [s["metadata"] for s in sent]
    assert [{"other": "AAEC"}] * 2 == [s["binaryData"] for s in sent]


def test_a_silent_api_server_ends_in_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten seconds for connecting and for each read; a tick has more to do."""
    given: list[httpx2.Timeout] = []

    class Connected:
        def __init__(self, *, timeout: httpx2.Timeout) -> None:
            given.append(timeout)

    monkeypatch.setattr(lightkube, "Client", Connected)
    assert isinstance(ConfigMapStore("creditbot", "state")._client, Connected)
    assert [httpx2.Timeout(10.0)] == given


def read_it(store: ConfigMapStore) -> None:
    store.read()


def write_it(store: ConfigMapStore) -> None:
    store.write({"meta": "1"}, "1")


@pytest.mark.parametrize(("call", "act"), [(READ, read_it), (WRITE, write_it)])
@pytest.mark.parametrize(
    ("answer", "expected", "what", "todo"),
    [
        (
            status(404, "NotFound"),
            StateUnusable,
            "The ConfigMap creditbot/state does not exist, and a missing state is never treated as empty.",
            "Create it: kubectl create configmap state --namespace creditbot",
        ),
        *(
            (
                status(code, "Forbidden"),
                Refused,
                f"The service account may not use the ConfigMap creditbot/state (HTTP {code}).",
                "Apply k8s/base again.",
            )
            for code in (401, 403)
        ),
        *(
            (
                status(code, "Invalid"),
                StateFull,
                "Kubernetes refuses the ConfigMap creditbot/state as too large or invalid.",
                "Look at it with kubectl.",
            )
            for code in (413, 422)
        ),
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
    assert caught.value.what == what
    assert caught.value.todo == todo
    assert not caught.value.shared or STATE_STORE == caught.value.service


def test_a_write_based_on_an_older_version_is_a_conflict(api: OneConfigMap, store: ConfigMapStore) -> None:
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
    assert caught.value.todo == "The next tick tries again."
    assert caught.value.service == STATE_STORE
    status = f"(HTTP {answer.status})" if answer.status >= 500 and answer.body != b"" else ""
    assert status in caught.value.what


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

    with pytest.raises(Refused, match="No Kubernetes API is configured") as caught:
        ConfigMapStore("creditbot", "state", connect=connect).read()
    assert "KUBECONFIG" in caught.value.todo
