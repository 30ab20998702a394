"""`creditbot serve` as a pod on a real node, by the component serve, against the sandbox in the cluster."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from creditbot.sandbox.seed import explore_address, verify
from creditbot.sandbox.slack_socket import APP_TOKEN
from tests.cluster.conftest import Cluster
from tests.cluster.kubectl import ROOT, apply, kustomization
from tests.cluster.test_sandbox import Bot

pytestmark = [pytest.mark.cluster, pytest.mark.controllers, pytest.mark.node, pytest.mark.timeout(600)]

DEPLOYMENT = "deployment/creditbot-serve"
LONG = 180.0
"""Seconds that nothing here takes."""


@pytest.fixture(scope="module")
def bot(cluster: Cluster, image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bot]:
    """The sandbox overlay with the component; its CronJob is suspended, so that whatever is answered, serve answers."""
    kubectl = cluster.kubectl.within(f"creditbot-test-{secrets.token_hex(4)}")
    folder = kustomization(tmp_path_factory.mktemp("serve"), "sandbox", kubectl.namespace, image)
    with_serve(folder, image)
    try:
        done = apply(kubectl, folder)
        assert (0, "") == (done.returncode, done.stderr)
        bot = Bot(kubectl)
        becomes_ready(bot)
        yield bot
    finally:
        kubectl.run("delete", "namespace", kubectl.namespace, "--wait=false")


def with_serve(folder: Path, image: str) -> None:
    """Adds the component to the sandbox overlay, with the token of its Slack, and with its warehouse."""
    file = folder / "kustomization.yaml"
    content = json.loads(file.read_text())
    cronjob = yaml.safe_load((ROOT / "k8s/overlays/sandbox/cronjob.yaml").read_text())
    pod = cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    warehouse = [{**container, "image": image} for container in pod["initContainers"]]
    content["components"] = [os.path.relpath(ROOT / "k8s/components/serve", folder.resolve())]
    changes = (
        ("Secret", "creditbot-secrets", "/stringData/SLACK_APP_TOKEN", APP_TOKEN),
        ("Deployment", "creditbot-serve", "/spec/template/spec/initContainers", warehouse),
    )
    content.setdefault("patches", []).extend(
        {"target": {"kind": kind, "name": name}, "patch": json.dumps([{"op": "add", "path": path, "value": value}])}
        for kind, name, path, value in changes
    )
    file.write_text(json.dumps(content))


def becomes_ready(bot: Bot) -> None:
    """The first tick has ended, and it hears the sandbox's events."""
    done = bot.kubectl.run("rollout", "status", DEPLOYMENT, f"--timeout={LONG:.0f}s", timeout=LONG + 20)
    assert done.returncode == 0, bot.kubectl.run("describe", "pods").stdout[-3000:]


def becomes(condition: Callable[[], bool]) -> bool:
    """Whether it is so within a long time: a cluster tells nobody."""
    end = time.monotonic() + LONG
    while not condition() and time.monotonic() < end:
        time.sleep(0.5)
    return condition()


def test_a_pod_answers_what_is_asked(bot: Bot) -> None:
    """Without any tick of the CronJob."""
    bot.sandbox("post", "AC-sandbox-0007, please: http://sandbox:8081/looks/35")
    assert becomes(lambda: "Approved, $330.72, exceptions" in " ".join(bot.replies()))
    assert [] == bot.jobs()


def test_two_pods_and_a_roll_out_answer_once(bot: Bot) -> None:
    """What is asked while one pod takes the place of another has one reply."""
    bot.kubectl("scale", DEPLOYMENT, "--replicas=2")
    becomes_ready(bot)
    replies, known = len(bot.replies()), bot.records().keys()
    bot.sandbox("post", f"please credit {explore_address(verify('AC-sandbox-0008-1'))}")
    bot.kubectl("rollout", "restart", DEPLOYMENT)
    becomes_ready(bot)

    def is_answered() -> bool:
        return ["answered"] == [record["status"] for key, record in bot.records().items() if key not in known]

    assert becomes(is_answered), bot.records()
    assert replies + 1 == len(bot.replies())
