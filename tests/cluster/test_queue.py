"""QUEUE: a Job waits suspended until its queue has room, runs then, and its request is answered once.

If the cluster has Kueue, its queue decides, with a quota of zero at first. Else the test does what Kueue does to a Job
that it admits.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster.conftest import Cluster
from tests.cluster.jobs_bot import JobsBot, amounts_in, api_object, jobs_bot

pytestmark = [
    pytest.mark.cluster, pytest.mark.controllers, pytest.mark.node, pytest.mark.timeout(1800),
    pytest.mark.skipif(os.environ.get("CLUSTER_TESTS") != "all", reason="takes six minutes (CLUSTER_TESTS=all)"),
]  # fmt: skip

API = "kueue.x-k8s.io/v1beta2"
RESOURCES = {"cpu": "4", "memory": "8Gi", "ephemeral-storage": "8Gi"}
"""Enough for several notebooks."""


class Queue:
    """The LocalQueue "credits" in the namespace of a bot's Jobs: at first it has no room."""

    def __init__(self, bot: JobsBot) -> None:
        self._bot = bot
        self._name = bot.runs.namespace
        self.has_kueue = bot.kubectl.run("get", "crd", "clusterqueues.kueue.x-k8s.io").returncode == 0
        if self.has_kueue:
            local = api_object(API, "LocalQueue", "credits", spec={"clusterQueue": self._name})
            for made in (api_object(API, "ResourceFlavor", self._name), self._cluster_queue(room=False), local):
                bot.runs("apply", "--filename=-", stdin=json.dumps(made))

    def get_room(self) -> None:
        """Lets Jobs run from now on."""
        if self.has_kueue:
            self._bot.runs("apply", "--filename=-", stdin=json.dumps(self._cluster_queue(room=True)))
            return
        for job in self._bot.runs("get", "jobs", "--output=name").split():
            self._bot.runs("patch", job, "--patch", json.dumps({"spec": {"suspend": False}}))

    def remove(self) -> None:
        """Takes away what does not go with the namespace."""
        if self.has_kueue:
            kinds = ("clusterqueue", "resourceflavor")
            for kind in kinds:
                self._bot.runs.run("delete", kind, self._name, "--wait=false")

    def _cluster_queue(self, *, room: bool) -> dict[str, Any]:
        quota = [{"name": name, "nominalQuota": most if room else 0} for name, most in RESOURCES.items()]
        group = {"coveredResources": [*RESOURCES], "flavors": [{"name": self._name, "resources": quota}]}
        return api_object(API, "ClusterQueue", self._name, spec={"namespaceSelector": {}, "resourceGroups": [group]})


@pytest.fixture(scope="module")
def bot(image: str, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobsBot]:
    """A bot of its own."""
    with jobs_bot(image, cluster, tmp_path_factory.mktemp("jobs")) as bot:
        yield bot


@pytest.fixture
def queue(bot: JobsBot) -> Iterator[Queue]:
    """The queue that its Jobs wait in."""
    queue = Queue(bot)
    bot.configure("QUEUE", "credits")
    try:
        yield queue
    finally:
        queue.remove()


def test_a_job_waits_until_its_queue_has_room(bot: JobsBot, queue: Queue) -> None:
    """No attempt counts while it waits, the owner is told once, and the Job that waited is the one that runs."""
    before = Counter(bot.replies())
    bot.ask("AC-quick-41")
    for _ in range(2):
        assert bot.fails(bot.start())  # a tick that meets a shared cause says so by its exit status
        bot.let_time_pass()
    (job,) = bot.runs.json("get", "jobs")["items"]
    (condition,) = job["status"]["conditions"]
    assert (True, "Suspended", "True") == (job["spec"]["suspend"], condition["type"], condition["status"])
    assert [] == bot.runs.json("get", "pods")["items"]
    (record,) = (record for record in bot.records().values() if record["status"] == "failed")
    assert (before, 0, 2) == (Counter(bot.replies()), record.get("attempts", 0), record["returned"])
    told = bot.sandbox("show").replace("\n", " ")
    assert 1 == told.count(f"The Job {job['metadata']['name']} still waits for its turn in the queue after 12")
    assert 1 == told.count("Check QUEUE, that Kueue runs, and the quota of the queue.")
    if queue.has_kueue:
        (workload,) = bot.runs.json("get", "workloads.kueue.x-k8s.io")["items"]
        assert "admission" not in workload.get("status", {})
    queue.get_room()
    bot.tick()
    assert {"Approved, $1.41, exceptions": 1} == amounts_in(Counter(bot.replies()) - before)
    assert 1 == bot.made()[job["metadata"]["name"]]
    assert [] == bot.runs.json("get", "jobs")["items"]
