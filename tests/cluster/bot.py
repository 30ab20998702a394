"""The bot of an overlay with a sandbox, and what tests do to it by kubectl."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest

from creditbot.sandbox.seed import explore_address, verify
from tests.cluster.kubectl import STATE, Kubectl, until

REFERENCE = "Approved, $4,948.80, exceptions"
UNFINISHED = {"claimed", "computed", "posting"}
PAST = "2026-01-01T00:00:00Z"
_OF_JOB = "batch.kubernetes.io/job-name"
PARTS_OF_DECEMBER = ("2025-12-01", "2025-12-06", "2025-12-11", "2025-12-16", "2025-12-21", "2025-12-26", "2026-01-01")


class Bot:
    """The CronJob's bot and its channel, as somebody with kubectl sees them."""

    def __init__(self, kubectl: Kubectl) -> None:
        self.kubectl = kubectl
        self._jobs = 0

    def start(self, *command: str) -> str:
        """Runs it now, or this command in its place; the Job's name."""
        self._jobs += 1
        job = f"now-{self._jobs}"
        made = self.kubectl.json("create", "job", job, "--from=cronjob/creditbot", "--dry-run=client")
        if command:
            made["spec"]["template"]["spec"]["containers"][0] |= {"command": command, "args": []}
        self.kubectl("create", "--filename=-", stdin=json.dumps(made))
        return job

    def tick(self) -> None:
        """Runs it to its end."""
        job = self.start()
        if not self.completes(job):
            pytest.fail(f"{job} did not complete: {self._story(job)}")

    def start_on_a_new_request(self, account: str, *command: str) -> tuple[str, str]:
        """Posts a request that takes a while, runs the bot until it works on it; the Job and the request's key.

        Nobody may have credited the account before, by hand or by the bot: the same traffic is held.
        """
        known = self.records().keys()
        links = (explore_address(verify(account, f"{first} to {end}")) for first, end in pairwise(PARTS_OF_DECEMBER))
        self.sandbox("post", f"please credit {' '.join(links)}")
        job = self.start(*command)
        until(lambda: self.records().keys() - known)
        return job, (self.records().keys() - known).pop()

    def stop_pod(self, job: str) -> None:
        """Tells the Job's pod to stop, and waits until it has ended."""
        self.kubectl("delete", "pod", f"--selector={_OF_JOB}={job}", timeout=120)

    def completes(self, job: str) -> bool:
        """Whether the Job ends well, in time."""
        return self._reaches(job, "Complete")

    def fails(self, job: str) -> bool:
        """Whether the Job ends as failed, in time."""
        return self._reaches(job, "Failed")

    def jobs(self) -> list[str]:
        """The names of all Jobs."""
        return self.kubectl("get", "jobs", "--output=name").replace("job.batch/", "").split()

    def schedule(self, *, suspend: bool, every: str) -> None:
        """Changes when the CronJob runs by itself."""
        spec = {"spec": {"suspend": suspend, "schedule": every}}
        self.kubectl("patch", "cronjob/creditbot", "--patch", json.dumps(spec))

    def sandbox(self, *args: str) -> str:
        """A command of the sandbox, run beside its server."""
        return self.kubectl("exec", "deployment/sandbox", "--", "creditbot", "sandbox", *args, timeout=180)

    def replies(self) -> list[str]:
        """Every reply in the channel that approves an amount, oldest thread first."""
        lines = self.sandbox("show").splitlines()
        return [line.strip(" |") for line in lines if "Approved, $" in line and "|" in line]

    def records(self) -> dict[str, Any]:
        """Every request's record in the state."""
        data = self.kubectl.json("get", STATE).get("data", {})
        return {key: json.loads(text) for key, text in data.items() if key.startswith("T")}

    def let_time_pass(self) -> None:
        """Puts claims and posts of unknown outcome into the past, as waiting for half an hour would."""
        aged = {}
        for key, record in self.records().items():
            if record["status"] in UNFINISHED:
                record["at"] = record["claim"]["until"] = PAST
                aged[key] = json.dumps(record)
        self.kubectl("patch", STATE, "--type=merge", "--patch", json.dumps({"data": aged}))

    def _reaches(self, job: str, condition: str) -> bool:
        wait = ("wait", f"--for=condition={condition}", f"job/{job}", "--timeout=180s")
        return self.kubectl.run(*wait, timeout=200).returncode == 0

    def _story(self, job: str) -> str:
        logs = self.kubectl.run("logs", f"--selector={_OF_JOB}={job}", "--all-containers", "--prefix").stdout
        return f"{logs}\n{self.kubectl.run('describe', 'pods', f'--selector={_OF_JOB}={job}').stdout[-3000:]}"
