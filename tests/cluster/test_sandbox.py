"""The image as pods of the CronJob, against the sandbox in the cluster: replies appear once, whatever dies."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from creditbot.sandbox.seed import explore_address, verify
from tests.cluster.conftest import Deployed
from tests.cluster.kubectl import Kubectl

pytestmark = [pytest.mark.cluster, pytest.mark.controllers, pytest.mark.node, pytest.mark.timeout(600)]

STATE = "configmap/creditbot-state"
REFERENCE = "Approved, $4,948.80, exceptions"
UNFINISHED = {"claimed", "computed", "posting"}
PAST = "2026-01-01T00:00:00Z"
_OF_JOB = "batch.kubernetes.io/job-name"
PROBE = """
import errno, importlib.util, json, os, pathlib, shutil
def written(path):
    try:
        pathlib.Path(path, "probe").touch()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "written"
spec = importlib.util.find_spec("creditbot.cli")
cached = [spec.cached, importlib.util.find_spec("json.decoder").cached]
print(json.dumps({
    "user": os.getuid(),
    "compiled": all(map(os.path.exists, cached)),
    "writes": [written(place) for place in ("/app", os.path.dirname(spec.origin), os.environ["HOME"])],
    "tools": [tool for tool in ("cc", "gcc", "g++", "make", "git", "cargo") if shutil.which(tool)],
    "tests": [name for name in ("tests", "pytest", "pandas.tests", "pyarrow") if importlib.util.find_spec(name)],
    "app": sorted(os.listdir("/app")),
}))"""
"""Run in the container: what it may do, and what it holds."""

PARTS_OF_DECEMBER = ("2025-12-01", "2025-12-06", "2025-12-11", "2025-12-16", "2025-12-21", "2025-12-26", "2026-01-01")

DIES_IN_A_NOTEBOOK = """
import glob, subprocess, time
bot = subprocess.Popen(["creditbot", "run-once"])
while bot.poll() is None and not glob.glob("/tmp/creditbot-*/k1"):
    time.sleep(0.01)
bot.kill()
raise SystemExit(bot.wait() != 0)"""
"""Run instead of the bot: the bot, killed the moment its first notebook starts. From outside nobody can: in its
container the bot is process 1, and a kubelet that deletes a pod gives it two seconds, enough to finish the request."""


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
        _until(lambda: bool(self.records().keys() - known))
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
        return self.kubectl("exec", "deployment/sandbox", "--", "creditbot", "sandbox", *args)

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


@pytest.fixture(scope="module")
def bot(image: str, deployed: Deployed) -> Bot:
    """The sandbox overlay, its sandbox ready; the CronJob runs when a test says so."""
    kubectl = deployed.kubectl
    done = kubectl.run("rollout", "status", "deployment/sandbox", "--timeout=180s", timeout=200)
    assert done.returncode == 0, kubectl.run("describe", "pods").stdout[-3000:]
    return Bot(kubectl)


def test_the_reply_appears_in_the_sandbox(bot: Bot) -> None:
    """A pod of the CronJob answers the requests of the sandbox, the reference amount among them."""
    bot.tick()
    assert any(REFERENCE in reply for reply in bot.replies())


def test_the_next_tick_answers_nothing_again(bot: Bot) -> None:
    """The state in the ConfigMap outlives the pod."""
    before = bot.sandbox("show")
    bot.tick()
    assert before == bot.sandbox("show")


def test_a_pod_killed_in_the_middle_is_repaired_by_the_next(bot: Bot) -> None:
    """A request whose pod is killed while it works is answered by a later pod once the claim has run out, once."""
    answered = len(bot.replies())
    job, key = bot.start_on_a_new_request("AC-sandbox-0008-1", "python", "-c", DIES_IN_A_NOTEBOOK)
    assert bot.fails(job)
    assert bot.records()[key]["status"] in UNFINISHED
    bot.tick()
    assert answered == len(bot.replies())
    bot.let_time_pass()
    bot.tick()
    bot.tick()
    assert answered + 1 == len(bot.replies())
    assert "answered" == bot.records()[key]["status"]


def test_a_pod_told_to_stop_leaves_nothing_claimed(bot: Bot) -> None:
    """On SIGTERM the request at hand is finished, or released for the next tick, which need not wait."""
    answered = len(bot.replies())
    job, key = bot.start_on_a_new_request("AC-sandbox-0007")
    bot.stop_pod(job)
    assert bot.records()[key]["status"] not in UNFINISHED
    bot.tick()
    assert answered + 1 == len(bot.replies())


def test_the_image_holds_what_runs_and_nothing_to_build_with(bot: Bot) -> None:
    """A numeric user without rights, a root file system that cannot be written, bytecode, and no compiler or tests."""
    found = json.loads(bot.kubectl("exec", "deployment/sandbox", "--", "python", "-c", PROBE))
    expected = {
        "user": 10001,
        "compiled": True,
        "writes": ["EROFS", "EROFS", "written"],
        "tools": [],
        "tests": [],
        "app": ["notebooks"],
    }
    assert expected == found


def test_the_schedule_makes_a_job_that_completes(bot: Bot) -> None:
    """Left to itself, the CronJob starts a pod at its minute."""
    before = set(bot.jobs())
    bot.schedule(suspend=False, every="* * * * *")
    try:
        _until(lambda: bool(set(bot.jobs()) - before))
    finally:
        bot.schedule(suspend=True, every="*/5 * * * *")
    assert bot.completes((set(bot.jobs()) - before).pop())


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not true():
        assert time.monotonic() < end
        time.sleep(0.2)
