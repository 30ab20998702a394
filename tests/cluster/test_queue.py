"""QUEUE: a Job waits suspended until its queue has room, runs then, and its request is answered once.

If the cluster has Kueue, its queue decides, with a quota of zero at first. Else the test does what Kueue does to a Job
that it admits.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.cluster.jobs_bot import JobsBot, amounts_in, api_object

pytestmark = [pytest.mark.cluster, pytest.mark.controllers, pytest.mark.node, pytest.mark.timeout(1800)]

API = "kueue.x-k8s.io/v1beta2"
RESOURCES = {"cpu": "4", "memory": "8Gi", "ephemeral-storage": "8Gi"}
"""Enough for several notebooks."""


class Queue:
    """The LocalQueue "credits" in the namespace of a bot's Jobs."""

    def __init__(self, bot: JobsBot) -> None:
        self._bot = bot
        self._name = bot.runs.namespace
        self.has_kueue = bot.kubectl.run("get", "crd", "clusterqueues.kueue.x-k8s.io").returncode == 0
        if self.has_kueue:
            local = api_object(API, "LocalQueue", "credits", spec={"clusterQueue": self._name})
            for made in (api_object(API, "ResourceFlavor", self._name), self._cluster_queue(room=False), local):
                self._apply(made)

    def close(self) -> None:
        """Lets no Job run from now on."""
        if self.has_kueue:
            self._apply(self._cluster_queue(room=False))

    def get_room(self) -> None:
        """Lets Jobs run from now on."""
        if self.has_kueue:
            self._apply(self._cluster_queue(room=True))
            return
        for job in self._bot.runs("get", "jobs", "--output=name").split():
            self._bot.runs("patch", job, "--patch", json.dumps({"spec": {"suspend": False}}))

    def remove(self) -> None:
        """Takes away what does not go with the namespace."""
        if self.has_kueue:
            for kind in ("clusterqueue", "resourceflavor"):
                self._bot.runs.run("delete", kind, self._name, "--wait=false")

    def _apply(self, manifest: Mapping[str, Any]) -> None:
        self._bot.runs("apply", "--filename=-", stdin=json.dumps(manifest))

    def _cluster_queue(self, *, room: bool) -> dict[str, Any]:
        quota = [{"name": name, "nominalQuota": most if room else 0} for name, most in RESOURCES.items()]
        group = {"coveredResources": [*RESOURCES], "flavors": [{"name": self._name, "resources": quota}]}
        return api_object(API, "ClusterQueue", self._name, spec={"namespaceSelector": {}, "resourceGroups": [group]})


@pytest.fixture(scope="module")
def bot(bot_with_jobs: JobsBot) -> Iterator[JobsBot]:
    """The bot, whose Jobs wait in a queue as long as these tests run."""
    bot_with_jobs.configure("QUEUE", "credits")
    try:
        yield bot_with_jobs
    finally:
        bot_with_jobs.configure("QUEUE", "")


@pytest.fixture(scope="module")
def kept_queue(bot: JobsBot) -> Iterator[Queue]:
    """That queue."""
    queue = Queue(bot)
    try:
        yield queue
    finally:
        queue.remove()


@pytest.fixture
def queue(kept_queue: Queue) -> Queue:
    """The queue, without room."""
    kept_queue.close()
    return kept_queue


def waiting(bot: JobsBot) -> list[dict[str, Any]]:
    """The Jobs that were made for the queue and are there."""
    found: list[dict[str, Any]] = bot.runs.json("get", "jobs", "--selector=kueue.x-k8s.io/queue-name")["items"]
    return found


def test_a_job_waits_until_its_queue_has_room(bot: JobsBot, queue: Queue) -> None:
    """No attempt counts while it waits, the owner is told once, and the Job that waited is the one that runs."""
    before = Counter(bot.replies())
    bot.ask("AC-quick-41")
    for _ in range(2):
        assert bot.fails(bot.start_impatient())  # a tick that meets a shared cause says so by its exit status
        bot.let_time_pass()
    (job,) = waiting(bot)
    (condition,) = job["status"]["conditions"]
    assert (True, "Suspended", "True") == (job["spec"]["suspend"], condition["type"], condition["status"])
    assert not bot.made()[job["metadata"]["name"]]
    (record,) = (record for record in bot.records().values() if record["status"] == "failed")
    assert (before, 0, 2) == (Counter(bot.replies()), record.get("attempts", 0), record["returned"])
    told = bot.sandbox("show").replace("\n", " ")
    assert 1 == told.count(f"The Job {job['metadata']['name']} still waits for its turn in the queue after")
    assert 1 == told.count("Check QUEUE, that Kueue runs, and the quota of the queue.")
    if queue.has_kueue:
        (workload,) = bot.runs.json("get", "workloads.kueue.x-k8s.io")["items"]
        assert "admission" not in workload.get("status", {})
    queue.get_room()
    bot.tick()
    assert {"Approved, $1.41, exceptions": 1} == amounts_in(Counter(bot.replies()) - before)
    assert 1 == bot.made()[job["metadata"]["name"]]
    assert [] == waiting(bot)


@pytest.mark.usefixtures("queue")
def test_a_job_that_waits_goes_when_a_person_answers(bot: JobsBot) -> None:
    """The bot deletes it with the rights that it has: by itself, the Job would stay until its turn comes."""
    known = bot.records().keys()
    bot.ask("AC-quick-42")
    assert bot.fails(bot.start_impatient())
    ((key, record),) = ((key, record) for key, record in bot.records().items() if key not in known)
    assert ("failed", 1) == (record["status"], len(waiting(bot)))
    bot.sandbox("post", "--as", "Ravi Menon", "--thread", key.split(".", 2)[2], "Approved, $1.00, exceptions")
    bot.let_time_pass()
    bot.tick()
    assert ("elsewhere", []) == (bot.records()[key]["status"], waiting(bot))
