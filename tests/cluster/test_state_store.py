"""The state in a real ConfigMap, read and written with the bot's own token."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from creditbot.adapters.storage.configmap_state import ConfigMapStore
from creditbot.errors import Refused, StateFull, StateUnusable
from creditbot.ports import StateStore
from creditbot.state.codec import understand
from creditbot.state.ledger import BUDGET, LIMIT
from tests.cluster.conftest import Deployed
from tests.cluster.kubectl import STATE, Kubectl, apply, bot_kubeconfig, until
from tests.cluster.racers import NAME, START, keys, race, store
from tests.support.store_contract import StoreContract

pytestmark = pytest.mark.cluster


@pytest.fixture(autouse=True)
def _emptied(deployed: Deployed) -> None:
    """Each test begins with an empty state."""
    deployed.kubectl("patch", STATE, "--type=merge", "--patch", '{"data":null}')


@pytest.fixture
def state(as_bot: Kubectl) -> Iterator[ConfigMapStore]:
    """The bot's store."""
    with store(as_bot.kubeconfig) as opened:
        yield opened


class TestConfigMapStore(StoreContract):
    """The contract of every state store, each process with a client of its own."""

    @pytest.fixture
    def open_store(self, as_bot: Kubectl) -> Iterator[Callable[[], StateStore]]:
        """Another process's view of the ConfigMap."""
        with ExitStack() as clients:
            yield lambda: clients.enter_context(store(as_bot.kubeconfig))


def test_a_deleted_configmap_is_not_created_by_a_write(deployed: Deployed, state: ConfigMapStore) -> None:
    """A missing ConfigMap is refused with the command that makes it, in reading and in writing."""
    admin, version = deployed.kubectl, state.read().version
    admin("delete", STATE)
    try:
        for act in (state.read, lambda: state.write({"by": "me"}, version)):
            with pytest.raises(StateUnusable) as caught:
                act()
            assert f"kubectl create configmap {NAME} --namespace {admin.namespace}" in caught.value.todo
    finally:
        apply(admin, deployed.folder)


def test_another_configmap_is_refused_in_a_sentence(as_bot: Kubectl) -> None:
    """A state that the service account may not read is `Refused`."""
    with store(as_bot.kubeconfig, "creditbot-settings") as another, pytest.raises(Refused, match="may not use"):
        another.read()


def test_keeps_the_labels_of_the_manifest(state: ConfigMapStore, deployed: Deployed) -> None:
    """The bot's writes leave what kustomize put on the ConfigMap."""
    before = deployed.kubectl.json("get", STATE)["metadata"]["labels"]
    state.write({"one": "1"}, state.read().version)
    assert before == deployed.kubectl.json("get", STATE)["metadata"]["labels"]


def test_the_budget_fits_and_the_limit_fits(state: ConfigMapStore) -> None:
    """Kubernetes takes a state at our limit, and what it refuses as too large is said to be so."""
    version = state.read().version
    for size in (BUDGET, LIMIT):
        version = state.write({"key": "x" * (size - 3)}, version)
    with pytest.raises(StateFull):
        state.write({"key": "x" * 1024 * 1024 * 2}, version)


def test_two_processes_racing_claim_each_request_once(as_bot: Kubectl, state: ConfigMapStore) -> None:
    """Every request is claimed, and by one process only."""
    first, second = race(as_bot.kubeconfig, ("claim_all", 40), ("claim_all", 40))
    assert sorted(map(str, keys(40))) == sorted(first + second)
    assert {"claimed"} == {record.status for record in understand(state.read()).records.values()}


def test_a_storm_of_conflicts_loses_no_write(as_bot: Kubectl, state: ConfigMapStore) -> None:
    """Writers that conflict all the time get through, each change once."""
    won, *_ = race(as_bot.kubeconfig, ("claim_all", 30), ("push_on", 60), ("push_on", 60))
    found = understand(state.read())
    assert [str(key) for key in keys(30)] == won
    assert sorted(won) == sorted(map(str, found.records))
    assert START + timedelta(seconds=120) == found.meta.covered_until


def test_a_rotated_token_is_picked_up(deployed: Deployed, tmp_path: Path) -> None:
    """A store goes on when its token stops being valid and the file holds a new one, as the kubelet does it."""
    admin = deployed.kubectl
    admin("create", "secret", "generic", "bound-to")
    bound = admin("create", "token", "creditbot", "--bound-object-kind=Secret", "--bound-object-name=bound-to").strip()
    kubeconfig = bot_kubeconfig(admin, tmp_path, bound)
    with store(kubeconfig) as rotated:
        rotated.read()
        admin("delete", "secret", "bound-to")
        until(lambda: _is_refused(rotated))  # the API server remembers for about ten seconds that a token was good
        (tmp_path / "token").write_text(admin("create", "token", "creditbot").strip())
        rotated.write({"by": "the new token"}, rotated.read().version)
        assert {"by": "the new token"} == rotated.read().values


def _is_refused(state: ConfigMapStore) -> bool:
    try:
        state.read()
    except Refused:
        return True
    return False
