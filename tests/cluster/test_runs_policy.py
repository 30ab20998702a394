"""What may run in the namespace of notebooks, as the API server decides: one shape of Jobs, and nothing else."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from lightkube import Client, KubeConfig

from creditbot.adapters.jobs.cluster import JobCluster
from creditbot.adapters.jobs.manifests import job_manifest, secret_manifest
from creditbot.adapters.jobs.runner import JobRunner, RunSettings
from creditbot.errors import Refused
from creditbot.machine.processes import Stop
from tests.cluster.cluster import IMAGE, Cluster
from tests.cluster.kubectl import Kubectl, bot_kubeconfig, throwaway_namespace, try_create
from tests.cluster.runs import namespace_of_jobs

pytestmark = pytest.mark.cluster

NAME = "creditbot-0123456789abcdef0123-1"


@pytest.fixture(scope="module")
def bot_namespace(cluster: Cluster) -> Iterator[Kubectl]:
    """A namespace with the bot's service account."""
    with throwaway_namespace(cluster.kubectl) as kubectl:
        kubectl("create", "namespace", kubectl.namespace)
        kubectl("create", "serviceaccount", "creditbot")
        yield kubectl


@pytest.fixture(scope="module")
def runs(bot_namespace: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    """kubectl in the namespace of notebooks, as administrator."""
    with namespace_of_jobs(bot_namespace, tmp_path_factory.mktemp("runs"), IMAGE) as kubectl:
        yield kubectl


@pytest.fixture(scope="module")
def as_bot(bot_namespace: Kubectl, runs: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> Kubectl:
    """kubectl there with the bot's own token."""
    token = bot_namespace("create", "token", "creditbot").strip()
    return Kubectl(runs.program, bot_kubeconfig(bot_namespace, tmp_path_factory.mktemp("bot"), token), runs.namespace)


@pytest.fixture(scope="module")
def template(runs: Kubectl) -> dict[str, Any]:
    """The PodTemplate as the API shows it."""
    shown: dict[str, Any] = runs.json("get", "podtemplate/creditbot-run")
    return shown


def job_of(template: dict[str, Any], queue: str = "") -> dict[str, Any]:
    """A Job as the bot makes it."""
    return job_manifest(template, NAME, "0123456789abcdef0123", 600, queue)


@pytest.mark.parametrize("queue", ["", "credits"])
def test_the_bots_own_job_is_taken(as_bot: Kubectl, template: dict[str, Any], queue: str) -> None:
    """Also one that Kueue is to start."""
    assert not try_create(as_bot, job_of(template, queue))


def pod(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    """A change of the pod: `value` at a path such as "containers.0.image"."""

    def change(job: dict[str, Any]) -> None:
        *before, last = path.split(".")
        place: Any = job["spec"]["template"]["spec"]
        for part in before:
            place = place[int(part)] if part.isdecimal() else place.setdefault(part, {})
        if isinstance(place, list):
            place.append(value)
        else:
            place[last] = value

    return change


def spec(name: str, value: object) -> Callable[[dict[str, Any]], None]:
    """A change of the Job's own fields; None leaves one out."""

    def change(job: dict[str, Any]) -> None:
        job["spec"] = {**job["spec"], name: value} if value is not None else _without(job["spec"], name)

    return change


def _without(fields: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if key != name}


def _annotate(job: dict[str, Any]) -> None:
    job["spec"]["template"]["metadata"]["annotations"] = {"any": "thing"}


def _unlabel(job: dict[str, Any]) -> None:
    job["spec"]["template"]["metadata"]["labels"] = {}


def _rename(job: dict[str, Any]) -> None:
    job["metadata"]["name"] = "another"


HOST, OTHER_SECRET = {"name": "tmp", "hostPath": {"path": "/"}}, {"secretName": "creditbot-run"}
TOKEN = {"name": "t", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}
INIT = [{"name": "first", "image": "any"}]
CONTAINERS, VOLUMES = "its containers are not those", "its volumes are not those"
IDENTITY, RIGHTS, PLACE, ONCE = "its identity", "its rights on the node", "it is placed", "exactly once"
CHANGES: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "another image": (pod("containers.0.image", "any"), CONTAINERS),
    "another command": (pod("containers.0.command", ["sh"]), CONTAINERS),
    "arguments": (pod("containers.0.args", ["-c", "id"]), CONTAINERS),
    "a variable": (pod("containers.0.env", [{"name": "A", "value": "b"}]), CONTAINERS),
    "the variables of a Secret": (pod("containers.0.envFrom", [{"secretRef": {"name": NAME}}]), CONTAINERS),
    "more memory": (pod("containers.0.resources.limits.memory", "64Gi"), CONTAINERS),
    "more rights in its container": (
        pod("containers.0.securityContext", {"capabilities": {"add": ["SYS_ADMIN"]}}),
        CONTAINERS,
    ),
    "a second container": (pod("containers.-", {"name": "two", "image": "any"}), CONTAINERS),
    "an init container": (pod("initContainers", INIT), "its init containers"),
    "a folder of the node": (pod("volumes", [HOST, {"name": "task", "secret": {"secretName": NAME}}]), VOLUMES),
    "another Secret": (pod("volumes.1.secret", OTHER_SECRET), VOLUMES),
    "a token as a volume": (pod("volumes.-", TOKEN), VOLUMES),
    "another service account": (pod("serviceAccountName", "default"), IDENTITY),
    "a token": (pod("automountServiceAccountToken", value=True), IDENTITY),
    "a pull secret": (pod("imagePullSecrets", [{"name": "any"}]), IDENTITY),
    "the network of the node": (pod("hostNetwork", value=True), RIGHTS),
    "the processes of the node": (pod("hostPID", value=True), RIGHTS),
    "another user": (pod("securityContext.runAsUser", 0), RIGHTS),
    "names of hosts": (pod("hostAliases", [{"ip": "10.0.0.1", "hostnames": ["warehouse"]}]), "it resolves names"),
    "a node": (pod("nodeName", "one"), PLACE),
    "a priority": (pod("priorityClassName", "system-node-critical"), PLACE),
    "annotations": (_annotate, "its pod lacks labels"),
    "no labels": (_unlabel, "its pod lacks labels"),
    "several tries": (spec("backoffLimit", 6), ONCE),
    "several pods": (spec("parallelism", 5), ONCE),
    "no deadline": (spec("activeDeadlineSeconds", None), "it has no deadline"),
    "no end": (spec("ttlSecondsAfterFinished", None), "it has no deadline"),
    "another name": (_rename, "its volumes are not those"),
}


@pytest.mark.parametrize(("change", "why"), CHANGES.values(), ids=CHANGES)
def test_any_other_job_is_refused(
    as_bot: Kubectl, template: dict[str, Any], change: Callable[[dict[str, Any]], None], why: str
) -> None:
    """With what differs. The bot's own token is enough to try, whoever has it."""
    job = copy.deepcopy(job_of(template))
    change(job)
    said = try_create(as_bot, job)
    assert "ValidatingAdmissionPolicy 'creditbot-runs'" in said
    assert why in said


def test_without_a_template_nothing_runs(runs: Kubectl, as_bot: Kubectl, template: dict[str, Any]) -> None:
    """A policy that has nothing to compare with lets nothing through."""
    runs("delete", "podtemplate/creditbot-run")
    try:
        assert "failed to configure binding: no params found" in try_create(as_bot, job_of(template))
    finally:
        kept = {key: value for key, value in template.items() if key != "metadata"}
        again = {**kept, "metadata": {"name": "creditbot-run", "labels": template["metadata"]["labels"]}}
        runs("create", "--filename=-", stdin=json.dumps(again))


def test_no_secret_becomes_a_token(as_bot: Kubectl, runs: Kubectl) -> None:
    """A Job mounts the Secret of its name, which the bot may create."""
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/service-account-token",
        "metadata": {"name": NAME, "annotations": {"kubernetes.io/service-account.name": "creditbot-run"}},
    }
    for who in (as_bot, runs):
        assert "tokens of service accounts are not kept in this namespace" in try_create(who, secret)
    assert not try_create(as_bot, secret_manifest({"metadata": {"name": NAME, "uid": "made-up"}}, "{}"))


@pytest.mark.parametrize(
    ("forbidden", "command"),
    [
        ('list resource "secrets"', ["get", "secrets"]),
        ('get resource "secrets"', ["get", "secret/creditbot-run"]),
        ('create resource "pods"', ["run", "one", "--image=any"]),
        ('get resource "pods"', ["exec", "any", "--", "id"]),
        ('create resource "deployments"', ["create", "deployment", "one", "--image=any"]),
        ('create resource "serviceaccounts/token"', ["create", "token", "creditbot-run"]),
        ('list resource "podtemplates"', ["get", "podtemplates"]),
    ],
)
def test_the_bot_has_no_other_right_there(as_bot: Kubectl, forbidden: str, command: list[str]) -> None:
    """It creates Jobs and Secrets, and reads neither Secrets nor what runs."""
    assert f"cannot {forbidden}" in as_bot.run(*command).stderr


def test_the_runner_asks_with_the_bots_token(as_bot: Kubectl) -> None:
    """`creditbot check` gets the image, and elsewhere the sentence."""
    with Client(config=KubeConfig.from_file(as_bot.kubeconfig).get()) as client:

        def runner(namespace: str) -> JobRunner:
            cluster = JobCluster(namespace, Stop(), lambda: client)
            return JobRunner(cluster, {}, RunSettings(600, "memory://"))

        assert IMAGE == runner(as_bot.namespace).probe()
        with pytest.raises(Refused, match=r"may not run Jobs in the namespace default \(HTTP 403\)"):
            runner("default").probe()
