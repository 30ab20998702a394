"""`creditbot serve` as a pod on a real node, by the component serve, against the sandbox in the cluster."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml

from creditbot.sandbox.seed import explore_address, verify
from creditbot.sandbox.slack_socket import APP_TOKEN
from tests.cluster.bot import Bot
from tests.cluster.cluster import Cluster
from tests.cluster.kubectl import ROOT, Patch, apply, json_patch, kustomization, throwaway_namespace, until

pytestmark = [pytest.mark.cluster, pytest.mark.controllers, pytest.mark.node, pytest.mark.timeout(600)]

DEPLOYMENT = "deployment/creditbot-serve"


@pytest.fixture(scope="module")
def bot(cluster: Cluster, image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bot]:
    """The sandbox overlay with the component; its CronJob is suspended, so that whatever is answered, serve answers."""
    with throwaway_namespace(cluster.kubectl) as kubectl:
        folder = tmp_path_factory.mktemp("serve")
        kustomization(folder, "overlays/sandbox", kubectl.namespace, image, ("serve",), patches(image))
        done = apply(kubectl, folder)
        assert (0, "") == (done.returncode, done.stderr)
        bot = Bot(kubectl)
        becomes_ready(bot)
        yield bot


def patches(image: str) -> list[Patch]:
    """What gives the component the token of the sandbox's Slack, and its warehouse."""
    cronjob = yaml.safe_load((ROOT / "k8s/overlays/sandbox/cronjob.yaml").read_text())
    pod = cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    warehouse = [{**container, "image": image} for container in pod["initContainers"]]
    changes = (
        ("Secret", "creditbot-secrets", "/stringData/SLACK_APP_TOKEN", APP_TOKEN),
        ("Deployment", "creditbot-serve", "/spec/template/spec/initContainers", warehouse),
    )
    return [
        {"target": {"kind": kind, "name": name}, "patch": json_patch(path, value)}
        for kind, name, path, value in changes
    ]


def becomes_ready(bot: Bot) -> None:
    """The first tick has ended, and it hears the sandbox's events."""
    done = bot.kubectl.run("rollout", "status", DEPLOYMENT, "--timeout=180s", timeout=200)
    assert done.returncode == 0, bot.kubectl.run("describe", "pods").stdout[-3000:]


def test_a_pod_answers_what_is_asked(bot: Bot) -> None:
    """Without any tick of the CronJob."""
    bot.sandbox("post", "AC-sandbox-0007, please: http://sandbox:8081/looks/35")
    until(lambda: "Approved, $330.72, exceptions" in " ".join(bot.replies()))
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

    until(is_answered)
    assert replies + 1 == len(bot.replies())
