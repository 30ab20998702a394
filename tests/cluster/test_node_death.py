"""The node of a notebook dies while the notebook runs: the request is answered once, by a Job on another node.

MORTAL_NODE names a node that the tests may switch off, and MORTAL_NODE_POWER the command that does it. It takes one
word: "off" ends the kubelet and every container of that node at once, "on" boots it; "silence" stops the kubelet alone,
and "speak" lets it continue.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.jobs_bot import JobsBot, amounts_in, jobs_bot
from tests.cluster.kubectl import Kubectl, until

NAME, POWER = os.environ.get("MORTAL_NODE", ""), os.environ.get("MORTAL_NODE_POWER", "")

pytestmark = [
    pytest.mark.cluster, pytest.mark.controllers, pytest.mark.node, pytest.mark.timeout(1800),
    pytest.mark.skipif(not (NAME and POWER), reason="needs a node to switch off (MORTAL_NODE, MORTAL_NODE_POWER)"),
]  # fmt: skip

TAINT = "creditbot-test"
"""What keeps everything else from that node."""
ON_THAT_NODE = [
    {"op": "add", "path": "/template/spec/tolerations/-", "value": {"key": TAINT, "operator": "Exists"}},
    {"op": "add", "path": "/template/spec/affinity", "value": {"nodeAffinity": {
        "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "preference": {
            "matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [NAME]}]}}]}}},
]  # fmt: skip
"""Notebooks run there as long as it lives, and else on another node."""


class MortalNode:
    """A node that can lose its power."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl
        self._remedy = ""

    def off(self) -> None:
        """Everything on it dies at once, and nobody tells the cluster."""
        self._remedy = "on"
        _power("off")

    def silence(self) -> None:
        """What runs there continues, and the cluster hears nothing of it."""
        self._remedy = "speak"
        _power("silence")

    def recover(self) -> None:
        """It boots or speaks, unless nothing is wrong with it; then pods may run there again."""
        if self._remedy:
            _power(self._remedy)
            self._remedy = ""
        until(self.is_ready)

    def remove(self) -> None:
        """Deletes the Node, as the controller of a cloud does when the machine is gone."""
        self._kubectl("delete", "node", NAME)

    def is_ready(self) -> bool:
        """Whether the cluster takes it for alive."""
        wanted = "jsonpath={.status.conditions[?(@.type=='Ready')].status}"
        return self._kubectl.run("get", "node", NAME, f"--output={wanted}").stdout == "True"


def _power(word: str) -> None:
    subprocess.run([*shlex.split(POWER), word], check=True)


@pytest.fixture(scope="module")
def bot(image: str, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobsBot]:
    """A bot whose notebooks run on that node while it lives."""
    is_new = cluster.kubectl.run("taint", "node", NAME, f"{TAINT}=:NoSchedule").returncode == 0
    try:
        with jobs_bot(image, cluster, tmp_path_factory.mktemp("jobs"), ON_THAT_NODE) as bot:
            yield bot
    finally:
        if is_new:
            cluster.kubectl.run("taint", "node", NAME, f"{TAINT}-")


@pytest.fixture
def node(bot: JobsBot) -> Iterator[MortalNode]:
    """That node; it is well again for the next test, whatever happened."""
    node = MortalNode(bot.kubectl)
    try:
        yield node
    finally:
        node.recover()


def starts_there(bot: JobsBot, account: str) -> tuple[str, str]:
    """A request whose notebook runs on that node: the Jobs of the tick and of the notebook."""
    bot.ask(account)
    tick = bot.start()
    until(bot.running)
    ((run, pod),) = bot.running().items()
    assert NAME == bot.runs.json("get", "pod", pod)["spec"]["nodeName"]
    return tick, run


def job(bot: JobsBot, name: str) -> dict[str, Any]:
    """Types of the conditions of the Job of a notebook -> their reasons."""
    conditions = bot.runs.json("get", "job", name).get("status", {}).get("conditions", ())
    return {one["type"]: one["reason"] for one in conditions if one["status"] == "True"}


def pods(bot: JobsBot, name: str) -> list[dict[str, Any]]:
    """The pods of the Job of a notebook."""
    found: list[dict[str, Any]] = bot.runs.json("get", "pods", f"--selector=job-name={name}")["items"]
    return found


def second_of(run: str) -> str:
    """The name of the Job after the first."""
    assert run.endswith("-1")
    return f"{run[:-1]}2"


def test_a_node_that_dies_loses_its_notebook_to_another(bot: JobsBot, node: MortalNode) -> None:
    """As long as it is dead, its pod hangs there, Terminating, and its Job does not end: no tick waits for either."""
    before = Counter(bot.replies())
    tick, run = starts_there(bot, "AC-slow-31")
    node.off()
    assert bot.completes(tick)
    assert 1 == bot.ended()["failed"]
    assert not node.is_ready()
    bot.let_time_pass()
    bot.tick()
    assert [] == sorted(bot.ended().keys() & {"failed", "claimed"})
    (hanging,) = pods(bot, run)
    assert ("Running", True) == (hanging["status"]["phase"], "deletionTimestamp" in hanging["metadata"])
    assert {"FailureTarget": "BackoffLimitExceeded"} == job(bot, run)
    node.recover()
    until(lambda: "Failed" in job(bot, run))
    bot.tick()
    assert {"Approved, $1.31, exceptions": 1} == amounts_in(Counter(bot.replies()) - before)
    assert [1, 1] == [bot.made()[name] for name in (run, second_of(run))]


def test_a_notebook_that_was_given_up_is_not_read_when_it_ends(bot: JobsBot, node: MortalNode) -> None:
    """Its node is silent, and the notebook continues there and leaves its result before the next attempt begins."""
    before = Counter(bot.replies())
    tick, run = starts_there(bot, "AC-slow-33")
    node.silence()
    assert bot.completes(tick)
    bot.let_time_pass()
    bot.tick()
    node.recover()
    until(lambda: "Failed" in job(bot, run))
    assert "Complete" not in job(bot, run)
    bot.tick()
    assert {"Approved, $1.33, exceptions": 1} == amounts_in(Counter(bot.replies()) - before)
    assert [1, 1] == [bot.made()[name] for name in (run, second_of(run))]


def test_a_node_that_is_removed_loses_its_notebook_to_another(bot: JobsBot, node: MortalNode) -> None:
    """Its pods are garbage then: the Job has failed, and the next attempt has another one. Then a new node comes."""
    before = Counter(bot.replies())
    tick, run = starts_there(bot, "AC-slow-32")
    node.off()
    node.remove()
    assert bot.completes(tick)
    assert 1 == bot.ended()["failed"]
    assert ([], {"Failed", "FailureTarget"}) == (pods(bot, run), set(job(bot, run)))
    bot.let_time_pass()
    bot.tick()
    node.recover()
    bot.tick()
    assert {"Approved, $1.32, exceptions": 1} == amounts_in(Counter(bot.replies()) - before)
    assert [1, 1] == [bot.made()[name] for name in (run, second_of(run))]
