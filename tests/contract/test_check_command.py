"""`creditbot check` on the sandbox: one line for each part, and which one fails."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from creditbot.commands import check
from tests.support.http import Answer, HttpStub
from tests.support.notebooks import code, write_notebook
from tests.support.office import CommandResult, Office

pytestmark = pytest.mark.kernels


def verdicts(done: CommandResult) -> dict[str, list[str]]:
    """Part -> the verdicts of its lines."""
    found: dict[str, list[str]] = {}
    for line in done.out.splitlines():
        found.setdefault(line[6:24].strip(), []).append(line[:4].strip())
    return found


PARTS = ("settings", "Slack token", "Slack channel", "Slack owner", "Slack events", "deployments", "approvers",
         "policy", "Looker login", "notebook verify", "notebook psms", "state", "summaries", "warehouse",
         "limits")  # fmt: skip


@pytest.fixture(autouse=True)
def _patient_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that answers is waited for, however busy this machine is."""
    monkeypatch.setattr(check, "FIRST_ANSWER", 100.0)


def test_check_passes_on_the_sandbox(office: Office) -> None:
    """One line for each part, notes on the limits that are not set, and nothing posted."""
    done = office.run("check")
    assert 0 == done.code
    assert "" == done.err
    assert list(PARTS) == list(verdicts(done))
    assert {"ok", "note"} == {verdict for found in verdicts(done).values() for verdict in found}
    assert [] == office.sandbox.world.direct_messages()


FAILING = [
    ({"SLACK_BOT_TOKEN": "xoxb-wrong"}, {"Slack token"}),
    ({"SLACK_TEST_CHANNEL": "general"}, {"Slack channel", "deployments"}),
    ({"SLACK_USER_ID": "U0NOBODY"}, {"Slack owner", "approvers"}),
    ({"LOOKER_CLIENT_ID": "nobody"}, {"Looker login"}),
    ({"NOTEBOOK_PATH": "nowhere.ipynb"}, {"notebook verify"}),
    ({"STATE_URI": "file:taken/state.json"}, {"state"}),
    ({"OUTPUT_URI": "taken"}, {"summaries"}),
    ({"WAREHOUSE_URL": "duckdb:////nowhere.duckdb"}, {"warehouse"}),
]


@pytest.mark.parametrize(("changes", "parts"), FAILING)
def test_check_says_which_part_fails(
    office: Office, light: dict[str, str], changes: dict[str, str], parts: set[str]
) -> None:
    """The other parts are tried all the same."""
    (office.folder / "taken").touch()
    done = office.run("check", **light | changes)
    assert 1 == done.code
    assert "" == done.err
    assert parts == {part for part, found in verdicts(done).items() if "FAIL" in found}
    needs = {
        "Slack token": {"Slack channel", "Slack owner", "Slack events", "deployments", "approvers"},
        "state": {"deployments"},
    }
    untried = {part for needed in parts for part in needs.get(needed, set())}
    assert {*PARTS} - untried == set(verdicts(done)) | {"limits"}


def test_check_names_each_channel_that_is_missing(office: Office, light: dict[str, str]) -> None:
    """Beside those that the bot is in."""
    done = office.run("check", SLACK_CHANNELS="credit-requests,nowhere", **light)
    assert 1 == done.code
    assert ["FAIL", "ok"] == verdicts(done)["Slack channel"]
    assert "The bot cannot see a channel #nowhere on Slack." in done.out


def test_check_finds_another_deployment(worked: Office, light: dict[str, str]) -> None:
    """Before the first tick it may also be that the state was lost; afterwards there is no doubt."""
    other = {"STATE_URI": "file:data/other.json", "OUTPUT_URI": "data/other"}
    new = worked.run("check", **other, **light)
    assert ["note"] == verdicts(new)["deployments"]
    assert "if it still runs" in new.out
    assert ["ok"] == verdicts(worked.run("check", **light))["deployments"]


def test_check_says_whether_the_pushgateway_answers(office: Office, light: dict[str, str]) -> None:
    """Nothing is pushed to it."""
    with HttpStub() as gateway:
        gateway.on("GET /-/ready", Answer("OK"))
        address, host = gateway.url, gateway.host
        ready = office.run("check", PUSHGATEWAY_URL=address, **light)
        assert ["GET /-/ready"] == gateway.calls
    assert f"ok    Pushgateway         {host} is ready" in ready.out.splitlines()
    gone = office.run("check", PUSHGATEWAY_URL=address, **light)
    assert ["FAIL"] == verdicts(gone)["Pushgateway"]
    assert "Check PUSHGATEWAY_URL, and whether the Pushgateway runs." in gone.out


def test_check_names_the_latest_summary(worked: Office, light: dict[str, str]) -> None:
    """It shows at a glance whether anything was answered lately."""
    assert re.search(r"^ok +summaries .*, the latest is for T0\w+\.", worked.run("check", **light).out, re.MULTILINE)


def test_check_leaves_the_file_of_a_prototype_unchanged(office: Office, light: dict[str, str]) -> None:
    """The first tick takes it over, a check does not."""
    file = office.folder / "data/processed_messages.json"
    file.parent.mkdir()
    file.write_text('["1736345678.123456"]')
    done = office.run("check", **light)
    assert ["note"] == verdicts(done)["state"]
    assert '["1736345678.123456"]' == file.read_text()


def test_check_notes_what_is_switched_off(office: Office) -> None:
    """A product without a notebook, and a warehouse that no setting names."""
    notebook = write_notebook(
        office.folder / "reads.ipynb", code('looker = ""'), code("url = environ['WAREHOUSE_URL']")
    )
    settings = {"NOTEBOOK_PATH": str(notebook), "PSMS_NOTEBOOK_PATH": "", "WAREHOUSE_URL": ""}
    found = verdicts(office.run("check", **settings))
    assert ["note"] == found["notebook psms"]
    assert ["FAIL"] == found["notebook verify"]  # it reads WAREHOUSE_URL
    assert ["note", "note"] == found["warehouse"]


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A service that lets everybody connect, and says nothing."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=50)) as server:
        yield server


def test_check_asks_a_silent_service_once(
    office: Office, light: dict[str, str], silent: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it ends soon, and has one line for it."""
    monkeypatch.setattr(check, "FIRST_ANSWER", 8.0)
    address = f"http://127.0.0.1:{silent.getsockname()[1]}"
    places = {"SLACK_API_URL": address, "LOOKER_BASE_URL": address, "WAREHOUSE_URL": "trino://bot@127.0.0.1:1/db",
              "SLACK_BOT_TOKEN": "xoxb-made-up"}  # fmt: skip
    found = verdicts(office.run("check", **places, **light))
    calls = list(waiting_calls(silent))
    assert {"Slack token", "Looker login", "warehouse"} == {part for part in found if "FAIL" in found[part]}
    assert 2 == len(calls)  # one of Slack, one of Looker


def test_check_waits_for_all_silent_services_together(
    office: Office, light: dict[str, str], silent: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever their clients would wait and try again; each has one line."""
    monkeypatch.setattr(check, "FIRST_ANSWER", 0.4)
    host = f"127.0.0.1:{silent.getsockname()[1]}"
    cloud = {"AWS_ENDPOINT_URL": f"http://{host}", "AWS_ALLOW_HTTP": "true", "AWS_ACCESS_KEY_ID": "made-up",
             "AWS_SECRET_ACCESS_KEY": "made-up-too", "AWS_REGION": "us-east-1"}  # fmt: skip
    for name, value in cloud.items():
        monkeypatch.setenv(name, value)
    places = {"SLACK_API_URL": f"http://{host}", "LOOKER_BASE_URL": f"http://{host}", "OUTPUT_URI": "s3://b/bot",
              "WAREHOUSE_URL": f"postgresql+psycopg://bot@{host}/db", "STATE_URI": "configmap://bot/state",
              "PUSHGATEWAY_URL": f"http://{host}",
              "KUBECONFIG": str(kubeconfig(office.folder, f"http://{host}"))}  # fmt: skip
    done = office.run("check", **places, **light)
    silent_ones = {"Slack token", "Looker login", "state", "summaries", "warehouse", "Pushgateway"}
    assert silent_ones == {part for part, found in verdicts(done).items() if ["FAIL"] == found}
    assert 3 == done.out.count(" did not answer within 0 s. See whether it runs")


def kubeconfig(folder: Path, server: str) -> Path:
    """A file that names one cluster."""
    name = {"name": "one"}
    parts = {"clusters": {"cluster": {"server": server}}, "users": {"user": {"token": "made-up"}},
             "contexts": {"context": {"cluster": "one", "user": "one"}}}  # fmt: skip
    lists = {part: [name | value] for part, value in parts.items()}
    file = folder / "kubeconfig"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "one", **lists}))
    return file


def waiting_calls(server: socket.socket) -> Iterator[None]:
    """One item for each connection that nobody has accepted."""
    server.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            server.accept()[0].close()
            yield


def test_check_can_compute_what_a_link_would_be_answered(office: Office, light: dict[str, str]) -> None:
    """After its own lines; nothing is posted."""
    glue = "import scrapbook\nscrapbook.glue('credit', 812.4)"
    notebook = write_notebook(office.folder / "glues.ipynb", code('looker = ""', "parameters"), code(glue))
    settings = light | {"NOTEBOOK_PATH": str(notebook)}
    done = office.run("check", "--run", f"{office.settings['LOOKER_BASE_URL']}/looks/35", **settings)
    assert 0 == done.code
    assert re.search(r"^answer +Approved, \$812\.40, exceptions$", done.out, re.MULTILINE)
    assert (office.folder / "computed.html").exists()
    assert [] == office.sandbox.world.direct_messages()
