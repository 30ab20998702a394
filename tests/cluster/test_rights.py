"""What the bot's own token can do in the cluster: its job, and nothing else."""

from __future__ import annotations

import json

import pytest

from tests.cluster.kubectl import STATE, Kubectl

pytestmark = pytest.mark.cluster

PATCH = ["--patch", '{"data":{"by":"patch"}}']
GRANT = ["--type=json", "--patch", '[{"op":"replace","path":"/rules/0/verbs","value":["*"]}]']
EVERYBODYS = {"selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews"}


def test_reads_patches_and_updates_its_state(as_bot: Kubectl) -> None:
    """get, patch and update of the one ConfigMap go through."""
    as_bot("patch", STATE, *PATCH)
    state = as_bot.json("get", STATE)
    state["data"]["by"] = "update"
    as_bot("replace", "--validate=false", "-f", "-", stdin=json.dumps(state))
    assert {"by": "update"} == as_bot.json("get", STATE)["data"]


@pytest.mark.parametrize(
    ("forbidden", "command"),
    [
        ('get resource "configmaps"', ["get", "configmap/creditbot-settings"]),
        ('get resource "configmaps"', ["get", STATE, "--namespace=default"]),
        ('get resource "configmaps"', ["patch", "configmap/creditbot-settings", *PATCH]),
        ('list resource "configmaps"', ["get", "configmaps"]),
        ('create resource "configmaps"', ["create", "configmap", "another"]),
        ('delete resource "configmaps"', ["delete", STATE]),
        ('get resource "secrets"', ["get", "secret/creditbot-secrets"]),
        ('list resource "secrets"', ["get", "secrets"]),
        ('create resource "secrets"', ["create", "secret", "generic", "another"]),
        ('list resource "pods"', ["get", "pods"]),
        ('get resource "cronjobs"', ["create", "job", "now", "--from=cronjob/creditbot"]),
        ('create resource "jobs"', ["create", "job", "now", "--image=any"]),
        ('get resource "roles"', ["patch", "role/creditbot-state", *GRANT]),
        ('create resource "rolebindings"', ["create", "rolebinding", "all", "--clusterrole=admin", "--user=any"]),
        ('create resource "serviceaccounts/token"', ["create", "token", "creditbot"]),
        ('list resource "nodes"', ["get", "nodes"]),
    ],
)
def test_is_refused_everything_else(as_bot: Kubectl, forbidden: str, command: list[str]) -> None:
    """Other ConfigMaps, Secrets, create, delete, list, its own rights and other namespaces are forbidden."""
    assert f"cannot {forbidden}" in as_bot.run(*command).stderr


def test_has_no_rule_but_its_own(as_bot: Kubectl) -> None:
    """The API's own list of the token's rights holds one rule beside what every account has."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": as_bot.namespace},
    }
    answer = as_bot("create", "--validate=false", "-f", "-", "--output=json", stdin=json.dumps(review))
    rules = json.loads(answer)["status"]["resourceRules"]
    expected = {
        "apiGroups": [""],
        "resourceNames": ["creditbot-state"],
        "resources": ["configmaps"],
        "verbs": ["get", "update", "patch"],
    }
    assert [expected] == [rule for rule in rules if not EVERYBODYS.issuperset(rule["resources"])]
