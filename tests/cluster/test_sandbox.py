"""The image as pods of the CronJob, against the sandbox in the cluster: replies appear once, whatever dies."""

from __future__ import annotations

import json

import pytest

from tests.cluster.bot import REFERENCE, UNFINISHED, Bot
from tests.cluster.conftest import Deployed
from tests.cluster.kubectl import until

pytestmark = [pytest.mark.cluster, pytest.mark.controllers, pytest.mark.node, pytest.mark.timeout(600)]

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

DIES_IN_A_NOTEBOOK = """
import glob, subprocess, time
bot = subprocess.Popen(["creditbot", "run-once"])
while bot.poll() is None and not glob.glob("/tmp/creditbot-*/k1"):
    time.sleep(0.01)
bot.kill()
raise SystemExit(bot.wait() != 0)"""
"""Run instead of the bot: the bot, killed the moment its first notebook starts. From outside nobody can: in its
container the bot is process 1, and a kubelet that deletes a pod gives it two seconds, enough to finish the request."""


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
        until(lambda: set(bot.jobs()) - before)
    finally:
        bot.schedule(suspend=True, every="*/5 * * * *")
    assert bot.completes((set(bot.jobs()) - before).pop())
