"""Settings become a bot: what the parts are given."""

import os
from collections.abc import Mapping
from contextlib import nullcontext
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from creditbot import bootstrap
from creditbot.adapters.jobs.runner import JobRunner, RunSettings
from creditbot.adapters.notebooks.runner import NotebookRunner
from creditbot.adapters.storage.configmap_state import ConfigMapStore
from creditbot.adapters.storage.file_state import FileStore
from creditbot.decide.policy import Limits, Policy
from creditbot.errors import SettingsError, StateFull
from creditbot.machine import processes
from creditbot.machine.processes import Stop
from creditbot.model import RequestKey
from creditbot.ports import Stored
from creditbot.settings.settings import Settings, environment
from creditbot.state.record import Record
from tests.support.http import Answer, HttpStub
from tests.support.world_facts import START

GIVEN = {
    "SLACK_BOT_TOKEN": "xoxb-made-up",
    "SLACK_USER_ID": "U0OWNER",
    "SLACK_TEST_CHANNEL": "credit-requests",
    "LOOKER_BASE_URL": "https://acme.looker.com",
    "LOOKER_CLIENT_ID": "made-up-id",
    "LOOKER_CLIENT_SECRET": "made-up-looker-secret",
    "NOTEBOOK_PATH": "verify.ipynb",
}


def settings(**changes: str) -> Settings:
    return Settings.load({**GIVEN, **changes}, env_file=None)


def notebook_environment(environ: dict[str, str], **changes: str) -> dict[str, str]:
    """What a notebook would see."""
    given = settings(**changes)
    runner: Any = bootstrap.make_runner(given, bootstrap.products_of(given), environ, Stop(), keep_dir=None)
    assert isinstance(runner, NotebookRunner)
    return runner._environment


def test_notebooks_get_the_warehouse_with_its_password() -> None:
    """They connect to it; only the bot's own secrets are kept from them."""
    url = "postgresql://reader:made-up-password@warehouse/credit"
    assert url == notebook_environment({}, WAREHOUSE_URL=url)["WAREHOUSE_URL"]


def test_notebooks_never_get_the_bots_secrets() -> None:
    """Under whatever name somebody exported them."""
    seen = notebook_environment({**GIVEN, "MY_TOKEN": "xoxb-made-up", "COPY": "made-up-looker-secret", "OTHER": "1"})
    assert {"OTHER": "1", "NOTEBOOK_PATH": "verify.ipynb", "NOTEBOOK_TIMEOUT": "600"} == seen


def test_notebooks_get_what_stands_in_the_env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a prototype's notebooks did; the environment goes before the file."""
    monkeypatch.setenv("FROM_BOTH", "environment")
    (tmp_path / ".env").write_text("FROM_FILE=made up # a comment\nFROM_BOTH=file\nSLACK_BOT_TOKEN=xoxb-made-up\n")
    seen = notebook_environment(environment(tmp_path / ".env"))
    assert ("made up", "environment") == (seen["FROM_FILE"], seen["FROM_BOTH"])
    assert "SLACK_BOT_TOKEN" not in seen


@pytest.mark.parametrize(
    ("uri", "kind"), [("file:data/state.json", FileStore), ("configmap://creditbot/state", ConfigMapStore)]
)
def test_the_state_is_where_the_setting_says(uri: str, kind: type) -> None:
    """A file for a laptop, a ConfigMap in a cluster."""
    assert isinstance(bootstrap.make_state(settings(STATE_URI=uri)), kind)


@pytest.mark.parametrize(("uri", "refused"), [("file:data/state.json", False), ("configmap://creditbot/state", True)])
def test_the_budget_is_for_a_state_that_has_a_limit(uri: str, refused: bool) -> None:
    """A ConfigMap holds 1 MiB, a file holds what there is."""
    full = HeldInMemory({"of-somebody-else": "x" * 2**20})
    ledger = bootstrap.assemble(settings(STATE_URI=uri), state=full).ledger
    with pytest.raises(StateFull) if refused else nullcontext():
        ledger.swap(RequestKey("T0TEST", "C0TEST", "1.000000"), None, Record("claimed", "n", START))


@pytest.mark.parametrize(("uri", "free"), [("file:data/state.json", True), ("configmap://creditbot/state", False)])
def test_a_claim_of_a_process_that_is_gone_is_free_where_that_can_be_known(uri: str, free: bool) -> None:
    """Beside a file on this machine; a pod says nothing about pods of other nodes."""
    bot = bootstrap.assemble(settings(STATE_URI=uri), state=HeldInMemory({})).bot
    gone = processes.name().replace(f"/{os.getpid()}/", "/4194305/")  # more than any pid
    assert (False if free else None) is bot._process.is_running(gone)


class HeldInMemory:
    """A state that nobody else has."""

    def __init__(self, values: dict[str, str]) -> None:
        self._values = values

    def read(self) -> Stored:
        return Stored(self._values, "1")

    def write(self, values: Mapping[str, str], version: str) -> str:
        self._values = dict(values)
        return version


def test_the_dialect_comes_from_the_setting_then_from_the_warehouse() -> None:
    """With neither it is left open."""
    bigquery, trino = "bigquery://project", "trino://host/catalog"
    assert "bigquery" == bootstrap.assemble(settings(WAREHOUSE_URL=bigquery)).sql().dialect
    assert "trino" == bootstrap.assemble(settings(WAREHOUSE_URL=bigquery, SQL_DIALECT="trino")).sql().dialect
    assert bootstrap.assemble(settings()).sql().dialect is None
    assert "trino" == bootstrap.assemble(settings(WAREHOUSE_URL=trino)).sql().dialect


def test_a_wrong_products_file_stops_before_anything_is_asked(tmp_path: Path) -> None:
    """One sentence that names the file."""
    file = tmp_path / "products.toml"
    file.write_text("[[product]]\nname = 3\n")
    with pytest.raises(SettingsError, match=r"products\.toml"):
        bootstrap.assemble(settings(PRODUCTS_FILE=str(file)))


def test_the_policy_of_a_prototype_holds_more_than_25000_usd() -> None:
    """Its owner decides, in direct messages."""
    assert Policy(approvers=("U0OWNER",)) == bootstrap.policy_of(settings())


def test_settings_go_above_the_policy_file(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text(
        '[limits]\nusd_per_request = 5\nusd_per_day = 50\n[approval]\napprovers = ["U0ROSA"]\nchannel = "one"\n'
    )
    changes = {"MAX_CREDIT_USD": "7", "APPROVERS": "U0SAM,U0TIM", "APPROVAL_CHANNEL": "#two"}
    policy = bootstrap.policy_of(settings(POLICY_FILE=str(tmp_path / "policy.toml"), **changes))
    assert Policy(Limits(Decimal(7), None, Decimal(50)), ("U0SAM", "U0TIM"), "two") == policy


def test_the_policy_file_goes_above_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text('[approval]\napprovers = ["U0ROSA"]\nchannel = "one"\n')
    policy = bootstrap.policy_of(settings(POLICY_FILE=str(tmp_path / "policy.toml")))
    assert Policy(approvers=("U0ROSA",), channel="one") == policy


def test_a_quorum_that_no_approvers_can_reach_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text("[[approval.quorum]]\nabove_usd = 5\npeople = 2\n")
    with pytest.raises(SettingsError) as caught:
        bootstrap.policy_of(settings(POLICY_FILE=str(path)))
    assert f"POLICY_FILE {path} wants 2 people to approve, but there are only 1 approvers." == caught.value.what


def test_notebooks_run_as_jobs_if_the_settings_say_so() -> None:
    """With what notebooks may see, and more of them at a time: each has a pod of its own."""
    given = settings(RUNNER="job", OUTPUT_URI="s3://bucket/creditbot", NOTEBOOK_ENV="OTHER", QUEUE="credits")
    environ = {"OTHER": "1", "SLACK_BOT_TOKEN": "xoxb-made-up"}
    runner: Any = bootstrap.make_runner(given, bootstrap.products_of(given), environ, Stop(), keep_dir=None)
    assert isinstance(runner, JobRunner)
    assert RunSettings(600, "s3://bucket/creditbot", ("OTHER",), "credits") == runner._settings
    assert ({"OTHER": "1"}, "creditbot-runs") == (runner._environment, runner._cluster.namespace)
    assert (16, 3) == (bootstrap.workers_of(given), bootstrap.workers_of(settings(WORKERS="3")))


# -- metrics -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "group"),
    [
        ("configmap://credits/creditbot-state", "/metrics/job/creditbot/namespace/credits"),
        ("file:state.json", "/metrics/job/creditbot"),
    ],
)
def test_metrics_are_pushed_for_the_namespace_of_the_state(state: str, group: str) -> None:
    """In a cluster that is the one in which the bot runs."""
    with HttpStub() as gateway:
        gateway.on(f"PUT {group}", Answer(status=202))
        targets = bootstrap.make_metrics_targets(settings(STATE_URI=state, PUSHGATEWAY_URL=gateway.url))
        for target in targets:
            target.publish("creditbot_shadow 0\n", whole=True)
        assert [f"PUT {group}"] == gateway.calls
