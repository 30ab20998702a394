"""The command line against the sandbox: what people see, also when something is wrong, and the exit code."""

from __future__ import annotations

import csv
import gc
import getpass
import io
import json
import logging
import os
import re
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from creditbot import cli
from creditbot.commands import check
from creditbot.sandbox import Sandbox
from creditbot.sandbox.world import BOT_USER, CHANNEL, TEAM_URL
from tests.support.http import Answer, HttpStub
from tests.support.notebooks import code, write_notebook

pytestmark = pytest.mark.kernels

ROOT = Path(__file__).parents[2]
REQUIRED = ("SLACK_BOT_TOKEN", "SLACK_USER_ID", "SLACK_CHANNELS", "LOOKER_BASE_URL", "LOOKER_CLIENT_ID",
            "LOOKER_CLIENT_SECRET", "NOTEBOOK_PATH")  # fmt: skip
CLOSED = "http://127.0.0.1:9"
"""An address of this machine at which nobody answers."""


@dataclass(frozen=True)
class CommandResult:
    """What a command did.

    Attributes:
        code: its exit code.
        out, err: what it printed.
    """

    code: int
    out: str = ""
    err: str = ""

    @property
    def sentence(self) -> str:
        """What it says on the standard error; never a traceback."""
        assert "Traceback" not in self.out + self.err
        return self.err.removeprefix("creditbot: ").rstrip("\n")


def refusal(sentence: str) -> CommandResult:
    """What a command does whose settings or arguments are wrong."""
    return CommandResult(2, err=f"creditbot: {sentence}\n")


def environment(folder: Path, more: Mapping[str, str]) -> dict[str, str]:
    """What a person's shell has, and these settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "LOOKER_"))}
    return {**kept, "PYTHONPATH": str(ROOT), "HOME": str(folder), **more}


def creditbot(folder: Path, *arguments: str, stdin: str = "", **settings: str) -> CommandResult:
    """Runs a command in a folder, in this process."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err), restored():
        patch.chdir(folder)
        patch.setattr(os, "environ", environment(folder, settings))
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        code = cli.main(arguments)
    return CommandResult(code, out.getvalue(), err.getvalue())


def creditbot_alone(folder: Path, *arguments: str, **settings: str) -> CommandResult:
    """Runs a command in a folder, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "creditbot", *arguments], cwd=folder, env=environment(folder, settings),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return CommandResult(done.returncode, done.stdout, done.stderr)


@contextmanager
def restored() -> Iterator[None]:
    """Takes back what a tick sets for its process: where its log goes, and when garbage is looked for."""
    root, own = logging.getLogger(), logging.getLogger("creditbot")
    handlers, levels, threshold = list(root.handlers), (root.level, own.level), gc.get_threshold()
    try:
        yield
    finally:
        for handler in set(root.handlers) - set(handlers):
            handler.close()
        root.handlers[:] = handlers
        root.setLevel(levels[0])
        own.setLevel(levels[1])
        gc.set_threshold(*threshold)


@dataclass(frozen=True)
class Office:
    """A sandbox that is served, and the settings for a bot beside it.

    Attributes:
        sandbox: the sandbox.
        settings: of the bot.
        folder: where the bot is run.
    """

    sandbox: Sandbox
    settings: dict[str, str]
    folder: Path

    def run(self, *arguments: str, stdin: str = "", **changes: str) -> CommandResult:
        """Runs a command; changes that are empty take a setting away."""
        return creditbot(self.folder, *arguments, stdin=stdin, **self.settings | changes)

    def permalink(self, text: str) -> str:
        """The address of the message of the channel that contains a text."""
        ts = next(message["ts"] for message in self.sandbox.world.messages() if text in message["text"])
        return permalink(ts)


def permalink(ts: str, channel: str = CHANNEL) -> str:
    """As Slack's *Copy link* gives it."""
    return f"{TEAM_URL}archives/{channel}/p{ts.replace('.', '')}"


def office_in(folder: Path) -> Iterator[Office]:
    with Sandbox(folder / "sandbox", rate_limits=False) as sandbox:
        notebooks = {"NOTEBOOK_PATH": "verify_credit.ipynb", "PSMS_NOTEBOOK_PATH": "psms_credit.ipynb"}
        paths = {name: str(ROOT / "notebooks" / file) for name, file in notebooks.items()}
        (folder / "bot").mkdir()
        yield Office(sandbox, sandbox.environment() | paths, folder / "bot")


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """One whose bot has not run yet."""
    yield from office_in(tmp_path)


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """One whose bot did its first tick. Tests leave it as they find it."""
    for office in office_in(tmp_path_factory.mktemp("worked")):
        assert 0 == creditbot_alone(office.folder, "run-once", **office.settings).code
        yield office


# --- settings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["run-once", "check", "history"])
def test_all_missing_settings_are_named_at_once(tmp_path: Path, command: str) -> None:
    """Nothing is made: a bot without settings never runs on a sandbox."""
    done = creditbot(tmp_path, command)
    assert 2 == done.code
    assert "" == done.out
    assert f"Settings are missing or malformed: {', '.join(REQUIRED)}." in done.sentence
    assert [] == list(tmp_path.iterdir())


def test_without_settings_the_way_to_use_the_sandbox_is_said(tmp_path: Path) -> None:
    """In the last line, where a sandbox is and no settings are: other commands need those that it prints."""
    way = "\nA sandbox is in data/sandbox. To use this command on it: `"
    assert way not in creditbot(tmp_path, "history").sentence
    creditbot(tmp_path, "sandbox", "show")
    for command in ("check", "history", "holds", "report", "export", "audit"):
        *_, last = creditbot(tmp_path, command).sentence.split("\n")
        assert last.startswith(way[1:])
        assert "sandbox serve > sandbox.env &`, and once it says that it serves, `set -a; . ./sandbox.env; s" in last
    assert way not in creditbot(tmp_path, "history", SLACK_USER_ID="U0OWNER").sentence
    (tmp_path / ".env").touch()
    assert way not in creditbot(tmp_path, "history").sentence


def test_malformed_settings_are_named_without_their_values(office: Office) -> None:
    """A value may be a secret in the wrong place."""
    done = office.run("run-once", SLACK_BOT_TOKEN="hunter2", WORKERS="none", LOOKER_BASE_URL="http://acme.example")
    assert 2 == done.code
    assert ["SLACK_BOT_TOKEN", "LOOKER_BASE_URL", "WORKERS"] == re.findall(
        r"^  ([A-Z_]+):", done.sentence, re.MULTILINE
    )
    assert "hunter2" not in done.sentence


# --- a tick ----------------------------------------------------------------------------------------------------------


def test_the_first_tick_prints_five_steps(worked: Office, tmp_path: Path) -> None:
    """They are those of the prototype. A later tick prints what it did."""
    done = worked.run("run-once", STATE_URI=f"file:{tmp_path}/state.json", OUTPUT_URI=f"{tmp_path}/out")
    steps = re.findall(r"^\[(\d)/5\] ([\w ]+):", done.out, re.MULTILINE)
    words = ["Slack connection", "Looker authentication", "Channel found", "New messages", "Replies posted"]
    assert [(str(number), step) for number, step in enumerate(words, 1)] == steps


def test_what_a_tick_writes_can_be_read_by_its_owner_alone(worked: Office) -> None:
    """Summaries, pages, report, log of ends, state, and the log."""
    written = [path for name in ("data", "logs") for path in (worked.folder / name).rglob("*")]
    assert 20 < len(written)
    wrong = [path for path in written if stat.S_IMODE(path.stat().st_mode) != (0o700 if path.is_dir() else 0o600)]
    assert [] == wrong


NOTHING_NEW = "Nothing new: 11 messages read, 1 request held for approval (`creditbot holds` lists them)."


def test_a_second_tick_posts_nothing_new(worked: Office) -> None:
    """It says that one request waits for approvers, and that there is nothing else to do."""
    before = worked.sandbox.world.messages()
    done = worked.run("run-once")
    assert CommandResult(0, f"{NOTHING_NEW}\n") == done
    assert before == worked.sandbox.world.messages()


def test_a_lost_state_holds_older_requests_back(worked: Office, tmp_path: Path) -> None:
    """The terminal says until when, and why."""
    done = worked.run("run-once", STATE_URI=f"file:{tmp_path}/state.json", OUTPUT_URI=f"{tmp_path}/out")
    assert 0 == done.code
    assert re.search(r"^Requests from before .* UTC wait until .* UTC: the state was lost", done.out, re.MULTILINE)


WRONG = [
    ({"SLACK_BOT_TOKEN": "xoxb-wrong"}, "Slack refuses auth.test: invalid_auth."),
    ({"SLACK_TEST_CHANNEL": "nowhere"}, "The bot cannot see a channel #nowhere on Slack."),
    ({"SLACK_TEST_CHANNEL": "C0NOWHERE1"}, "Slack refuses conversations.info for C0NOWHERE1: channel_not_found."),
    ({"SLACK_TEST_CHANNEL": "general"}, "The bot is not in the channel #general. Invite the bot: /invite @creditbot"),
    ({"LOOKER_BASE_URL": CLOSED}, "Looker at 127.0.0.1:9 refuses connections."),
    ({"LOOKER_CLIENT_SECRET": "wrong"}, "does not accept the API key (HTTP status 404)."),
    ({"STATE_URI": "file:taken/state.json"}, "taken/state.json cannot be used: Not a directory."),
]


@pytest.mark.parametrize(("changes", "sentence"), WRONG)
def test_a_tick_that_cannot_work_says_why(office: Office, changes: dict[str, str], sentence: str) -> None:
    """In one sentence, on the terminal and in the log, with exit code 1."""
    (office.folder / "taken").touch()
    done = office.run("run-once", **changes)
    assert 1 == done.code
    assert sentence in done.sentence
    assert f"ERROR the tick ended early: {done.sentence}" in (office.folder / "logs/credit_bot.log").read_text()


def test_a_log_that_cannot_be_written_stops_the_tick(office: Office) -> None:
    """Before anything is done."""
    (office.folder / "taken").touch()
    done = office.run("run-once", LOG_FILE="taken/log")
    assert 2 == done.code
    assert "" == done.out
    assert re.match(r"The log taken/log cannot be written: [\w ]+\. Set LOG_FILE to", done.sentence)


def test_with_log_file_dash_stdout_has_log_lines_only(office: Office) -> None:
    """A container's log collector reads them."""
    done = office.run("run-once", LOG_FILE="-", LOG_FORMAT="json", SLACK_BOT_TOKEN="xoxb-wrong")
    assert ["the tick ended early"] == [json.loads(line)["event"].partition(":")[0] for line in done.out.splitlines()]


@pytest.mark.parametrize(("setting", "product"), [("NOTEBOOK_PATH", "verify"), ("PSMS_NOTEBOOK_PATH", "psms")])
def test_a_missing_notebook_stops_the_tick_before_any_request(office: Office, setting: str, product: str) -> None:
    """A wrong path is a wrong setting: nothing is done, and every request waits for the right path."""
    done = office.run("run-once", **{setting: "nowhere.ipynb"})
    assert 2 == done.code
    assert "" == done.out
    assert done.sentence.startswith(f"The notebook nowhere.ipynb of the product {product} does not exist")
    assert f"ERROR the tick ended early: {done.sentence}" in (office.folder / "logs/credit_bot.log").read_text()
    assert not (office.folder / "data").exists()


def test_the_owner_is_told_once_of_a_broken_notebook(office: Office) -> None:
    """Requests wait until it is mended, and the job fails."""
    (office.folder / "broken.ipynb").write_text("{")
    done = office.run("run-once", NOTEBOOK_PATH="broken.ipynb", PSMS_NOTEBOOK_PATH="")
    assert 1 == done.code
    told = [message["text"] for message in office.sandbox.world.direct_messages()]
    about = [text for text in told if re.search(r"/broken\.ipynb is not a valid notebook: .*\.\s+Open it in", text)]
    assert 1 == len(about)
    assert "Requests have to wait" in about[0]


# --- check -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Notebooks that import nothing: a check imports what a notebook imports, which takes seconds."""
    notebook = write_notebook(tmp_path_factory.mktemp("light") / "light.ipynb", code('looker = ""'))
    return {"NOTEBOOK_PATH": str(notebook), "PSMS_NOTEBOOK_PATH": str(notebook)}


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


def test_check_asks_a_silent_service_once(
    office: Office, light: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it ends soon, and has one line for it."""
    monkeypatch.setattr(check, "FIRST_ANSWER", 8.0)
    with closing(socket.create_server(("127.0.0.1", 0), backlog=20)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        places = {"SLACK_API_URL": address, "LOOKER_BASE_URL": address, "WAREHOUSE_URL": "trino://bot@127.0.0.1:1/db",
                  "SLACK_BOT_TOKEN": "xoxb-made-up"}  # fmt: skip
        found = verdicts(office.run("check", **places, **light))
        calls = list(waiting_calls(silent))
    assert {"Slack token", "Looker login", "warehouse"} == {part for part in found if "FAIL" in found[part]}
    assert 2 == len(calls)  # one of Slack, one of Looker


def test_check_waits_for_all_silent_services_together(
    office: Office, light: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever their clients would wait and try again; each has one line."""
    monkeypatch.setattr(check, "FIRST_ANSWER", 0.4)
    with closing(socket.create_server(("127.0.0.1", 0), backlog=50)) as silent:
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


# --- links -----------------------------------------------------------------------------------------------------------


def links(text: str, **settings: str) -> CommandResult:
    """What `creditbot links` says to a message."""
    return creditbot(Path("/"), "links", "--host", "acme.looker.com", stdin=text, **settings)


def test_links_prints_one_object_per_line() -> None:
    """In the order of the message, each link once."""
    done = links(
        "<https://acme.looker.com/looks/42|this>, https://acme.looker.com/x/AbC https://acme.looker.com/looks/42"
    )
    assert [("look", "42"), ("short", "AbC")] == [
        (found["kind"], found.get("id") or found["slug"]) for found in map(json.loads, done.out.splitlines())
    ]


def test_links_reads_the_json_of_a_message() -> None:
    """Blocks count as well as text."""
    element = {"type": "link", "url": "https://acme.looker.com/looks/7"}
    section = {"type": "rich_text_section", "elements": [element]}
    message = {"text": "", "blocks": [{"type": "rich_text", "elements": [section]}]}
    assert "7" == json.loads(links(json.dumps(message)).out)["id"]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("dashboards/5", "A dashboard has several queries"),
        ("sql/AbC", "only if ALLOW_SQL_RUNNER is true"),
        ("explore/m/v?fields=v.a&limit=100", "limited to 100 rows"),
    ],
)
def test_links_says_why_a_link_is_unusable(path: str, said: str) -> None:
    """As far as that is known without asking Looker."""
    assert said in json.loads(links(f"https://acme.looker.com/{path}").out)["unusable"]


@pytest.mark.parametrize("path", ["looks/42", "explore/m/v?fields=v.a&limit=500"])
def test_links_prints_no_problem_for_a_good_link(path: str) -> None:
    """There is no `unusable` at all."""
    assert "unusable" not in json.loads(links(f"https://acme.looker.com/{path}").out)


def test_links_accepts_sql_runner_if_the_setting_allows_it() -> None:
    """ALLOW_SQL_RUNNER is read alone, without the other settings."""
    done = links("https://acme.looker.com/sql/AbC", ALLOW_SQL_RUNNER="True")
    assert "unusable" not in json.loads(done.out)


def test_links_says_that_a_message_has_none() -> None:
    """With the host it looked for."""
    done = links("https://docs.looker.com/looks/42")
    assert CommandResult(0, err="creditbot: There is no link to acme.looker.com in this message.\n") == done


def test_links_needs_the_host_of_looker(tmp_path: Path) -> None:
    """From an option or a setting."""
    done = creditbot(tmp_path, "links")
    expected = "No Looker host is set to look for. Pass --host HOST, or set LOOKER_BASE_URL."
    assert refusal(expected) == done


def test_links_takes_the_host_from_the_settings(tmp_path: Path) -> None:
    """From .env, like every other command."""
    (tmp_path / ".env").write_text("LOOKER_BASE_URL=https://acme.looker.com:19999\n")
    done = creditbot(tmp_path, "links", stdin="https://acme.looker.com/looks/42")
    assert "42" == json.loads(done.out)["id"]


# --- history, show, retry --------------------------------------------------------------------------------------------


def test_history_lists_requests_and_the_automation_rate(worked: Office) -> None:
    """Oldest first."""
    lines = worked.run("history").out.splitlines()
    amounts = re.findall(r"(\$[\d,.]+)  \w+ \w+ \(\w+\) +https", "\n".join(lines))
    assert ["$4,948.80", "$2,833.28", "$758.45"] == amounts
    assert lines[-1].startswith(
        "Automation rate 60%: creditbot answered 3 of 5 requests, none of them after an approver"
    )
    assert re.search(r"it took [\d.]+ seconds per request on average; waiting before is not counted\.$", lines[-1])


def test_history_is_of_one_account_or_of_one_person(worked: Office) -> None:
    """However the account is written."""
    out = worked.run("history", "--account", "ac-sandbox-0001").out
    assert "In all $4,948.80 credited for 1 request.\n" in out
    assert 1 == out.count("https://")
    ravi = worked.run("history", "--requester", "U0RAVI").out
    assert "$2,833.28" in ravi
    assert "$4,948.80" not in ravi


def test_history_is_of_some_days(worked: Office) -> None:
    tomorrow = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}"
    none = f"No request was answered, given up or skipped from {tomorrow} on.\n"
    assert worked.run("history", "--from", tomorrow).out.endswith(none)  # what is held is listed all the same
    assert "$4,948.80" in worked.run("history", "--from", "2026-01-01", "--to", tomorrow).out


def test_history_as_json_has_exact_amounts(worked: Office) -> None:
    """And what is known of each link."""
    past = json.loads(worked.run("history", "--json").out, parse_float=Decimal)
    assert 6 == len(past)
    credited = [request for request in past if request["credit"]]
    assert [Decimal("4948.80"), Decimal("2833.28"), Decimal("758.45")] == [each["credit"] for each in credited]
    assert ["AC-sandbox-0001"] == credited[0]["links"][0]["accounts"]
    assert "U0LEE" in {request["answer_by"] for request in past}


def test_people_are_named_where_they_are_listed_and_nowhere_else(worked: Office) -> None:
    """A name that is looked up when it is shown can be erased in Slack; records that last have member ids alone."""
    held = worked.permalink("All accounts of customer 0008")
    listed = {
        "history": "Dana Ortiz (U0DANA)", "export": ",U0DANA,Dana Ortiz,", "holds": "Olu Owner (U0OWNER)",
        f"show {held}": "by Dana Ortiz (U0DANA)", "history --json": '"asked_by_name": "Dana Ortiz"',
    }  # fmt: skip
    for command, shown in listed.items():
        assert shown in worked.run(*command.split()).out, command
    assert 0 == worked.run("report").code
    files = [path for path in worked.folder.rglob("*") if path.is_file() and b"Ortiz" in path.read_bytes()]
    assert [worked.folder / "data/outputs/report/index.html"] == files


def test_a_slack_that_is_down_costs_names_alone(worked: Office) -> None:
    """Finance gets its table all the same, and a sentence on why nobody is named in it."""
    done = worked.run("export", SLACK_API_URL="http://127.0.0.1:9/api/")
    assert 0 == done.code
    assert ",U0DANA,,,," in done.out
    assert done.err.startswith("Some people are shown by their member IDs alone. Slack's users.info failed: ")


def test_history_without_requests_says_so(office: Office) -> None:
    """With the number of days it looked back."""
    done = office.run("history", "--days", "1")
    assert "No request was answered, given up or skipped in the last 1 day.\n" == done.out


def test_a_tick_that_ended_requests_leaves_a_report(worked: Office) -> None:
    """With links to the pages beside it."""
    page = (worked.folder / "data/outputs/report/index.html").read_text("utf-8")
    assert "$8,540.53" in page
    assert 'href="../evidence/' in page
    state = json.loads((worked.folder / "data/processed_messages.json").read_text("utf-8"))
    assert "reported" in state["meta"]


def test_a_report_is_written_where_it_is_asked_for(worked: Office) -> None:
    """Its links to pages need EVIDENCE_URL, because it is not beside them."""
    done = worked.run("report", "--days", "40", "--out", "report.html", EVIDENCE_URL="https://evidence.example.com")
    assert "6 requests of the last 40 days: report.html\n" == done.out
    page = (worked.folder / "report.html").read_text("utf-8")
    assert 'href="https://evidence.example.com/evidence/' in page
    assert "A person decides on a request of more than $25,000.00." in page


def test_a_report_is_kept_beside_the_summaries(worked: Office) -> None:
    assert "6 requests of the last 365 days: data/outputs/report/index.html\n" == worked.run("report").out


def test_a_report_that_cannot_be_written_is_a_sentence(worked: Office) -> None:
    done = worked.run("report", "--out", "missing/report.html")
    assert "missing/report.html cannot be written: No such file or directory. Give --out another path." == done.sentence
    assert 2 == done.code


def test_an_export_ties_to_the_history(worked: Office) -> None:
    """A row for each link, and the sum for whoever checks it."""
    month = f"{datetime.now(UTC):%Y-%m}"
    done = worked.run("export")
    assert done.out == worked.run("export", "--month", month).out
    heading, *rows = csv.reader(io.StringIO(done.out))
    amounts = [row[heading.index("amount_usd")] for row in rows]
    assert ["4948.80", "2833.28"] == amounts[:2]
    assert f"4 credits in {month} (UTC), $8,540.53.\n" == done.err
    assert Decimal("8540.53") == sum(map(Decimal, amounts))


@pytest.mark.parametrize("form", ["csv", "xlsx", "parquet"])
def test_an_export_goes_to_a_file_in_every_format(worked: Office, form: str) -> None:
    month = f"{datetime.now(UTC):%Y-%m}"
    done = worked.run("export", "--month", month, "--format", form, "--out", f"credits.{form}")
    assert f"4 credits in {month} (UTC), $8,540.53: credits.{form}\n" == done.out
    assert (worked.folder / f"credits.{form}").stat().st_size > 100


def test_a_workbook_is_not_written_to_the_terminal(worked: Office) -> None:
    assert refusal("--format xlsx needs a file. Name it with --out FILE.") == worked.run(
        "export", "--month", "2026-11", "--format", "xlsx"
    )


def test_an_export_of_a_month_that_has_not_begun_is_refused(worked: Office) -> None:
    """An empty table with "$0.00" would look like a month without credits."""
    future = f"{datetime.now(UTC) + timedelta(days=40):%Y-%m}"
    sentence = f"The month {future} has not begun (UTC). Give --month one that has."
    assert refusal(sentence) == worked.run("export", "--month", future)


@pytest.mark.parametrize(
    ("form", "name", "meant"), [("xlsx", "x.csv", "csv"), ("csv", "x.XLSX", "xlsx"), ("parquet", "a/x.xls", "xlsx")]
)
def test_a_file_whose_name_says_another_format_is_refused(worked: Office, form: str, name: str, meant: str) -> None:
    """Nothing is written then; a name without such an ending is as good as any."""
    ending = name[name.index(".") :].lower()
    sentence = f"The name {name} ends in {ending}, but --format is {form}."
    done = worked.run("export", "--format", form, "--out", name)
    assert refusal(f"{sentence} Give --format {meant}, or a name that ends in .{form}.") == done
    assert not (worked.folder / name).exists()
    assert 0 == worked.run("export", "--format", form, "--out", "credits.old").code


def test_show_prints_what_became_of_a_request(worked: Office) -> None:
    """With its amount, links, products and hashes."""
    out = worked.run("show", worked.permalink("SMS pumping")).out
    assert re.search(r"^status     answered, since .* UTC$", out, re.MULTILINE)
    assert re.search(r"^credit     \$4,948.80$", out, re.MULTILINE)
    assert re.search(r"^           verify, \$4,948.80, SQL \w{12}, notebook \w{12}$", out, re.MULTILINE)


def test_show_knows_a_request_that_the_state_forgot(worked: Office, tmp_path: Path) -> None:
    """From its summary."""
    out = worked.run("show", worked.permalink("SMS pumping"), STATE_URI=f"file:{tmp_path}/other.json").out
    assert re.search(r"^status     answered, since .* UTC$", out, re.MULTILINE)
    assert re.search(r"^credit     \$4,948.80$", out, re.MULTILINE)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Why do the answers", "It is not a request: it has no link to 127.0.0.1:"),
        ("Verify conversion", "It is not a request: an app wrote it (B0ALERTS); ALLOWED_BOTS does not list it."),
        (BOT_USER, "It is not a request: it is"),
    ],
)
def test_show_says_why_a_message_is_not_a_request(worked: Office, text: str, why: str) -> None:
    """This answers "why does it not answer?"."""
    assert why in worked.run("show", worked.permalink(text)).out


def test_show_says_that_a_channel_is_not_watched(worked: Office) -> None:
    """It does not ask Slack for the message."""
    out = worked.run("show", permalink("1736345678.123456", "C0ELSE")).out
    assert "The channel C0ELSE is not watched (SLACK_CHANNELS)." in out


def test_retry_is_refused_for_an_answered_request(worked: Office) -> None:
    """Nobody is answered twice."""
    done = worked.run("retry", worked.permalink("SMS pumping"))
    assert 2 == done.code
    assert done.sentence.startswith("This request has been answered; the bot answers only once.")


def test_retry_lets_the_next_tick_start_a_request_again(worked: Office, light: dict[str, str]) -> None:
    """The cause is still there, so the request is given up again."""
    done = worked.run("retry", worked.permalink("looks/4040"))
    assert CommandResult(0, "The next tick will start this request again.\n") == done
    assert "restarted" in worked.run("history").out
    assert "Looker has no Look 4040" in worked.run("run-once", **light).out


def test_the_name_of_who_overrides_a_refusal_is_kept(
    worked: Office, light: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in a container, whose user has only a number."""

    def unknown() -> str:
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr(getpass, "getuser", unknown)
    permalink = worked.permalink("looks/4040")
    who = {(): f"uid {os.getuid()}@{socket.gethostname()}", ("--by", "Dana Ortiz"): "Dana Ortiz"}
    for options, name in who.items():
        assert 0 == worked.run("retry", "--again", *options, permalink).code
        assert f"again by   {name}\n" in worked.run("show", permalink).out
        assert 0 == worked.run("run-once", **light).code


def test_retry_takes_a_name_only_with_again(worked: Office) -> None:
    """Otherwise the name would be kept nowhere."""
    done = worked.run("retry", "--by", "Dana", worked.permalink("looks/4040"))
    assert refusal("--by names the person who wants --again. Give both options, or neither.") == done


@pytest.mark.parametrize("command", ["show", "retry", "replay"])
def test_any_other_text_than_a_permalink_is_refused(office: Office, command: str) -> None:
    """The sentence says where to get one."""
    done = office.run(command, "https://acme.slack.com/archives/")
    assert 2 == done.code
    assert "is not the address of a Slack message. Use Copy link in the message's menu" in done.sentence


# --- audit -----------------------------------------------------------------------------------------------------------


def test_an_audit_of_the_sandbox_agrees_and_changes_nothing(worked: Office) -> None:
    """Neither a file nor a message."""

    def everything() -> object:
        files = {path: path.read_bytes() for path in (worked.folder / "data").rglob("*") if path.is_file()}
        return files, worked.sandbox.world.messages()

    before = everything()
    done = worked.run("audit")
    assert (0, "Everything agrees.") == (done.code, done.out.splitlines()[0])
    assert before == everything()


def test_an_audit_finds_a_digit_that_was_changed_in_a_file(worked: Office, tmp_path: Path) -> None:
    shutil.copytree(worked.folder / "data/outputs", tmp_path / "out")
    (summary,) = [path for path in (tmp_path / "out").glob("summary_*.json") if "4948.80" in path.read_text()]
    summary.write_text(summary.read_text().replace("4948.80", "4998.80"))
    done = worked.run("audit", OUTPUT_URI=f"{tmp_path}/out")
    assert 1 == done.code
    address, finding, todo, totals, *_ = done.out.splitlines()
    assert re.fullmatch(re.escape(TEAM_URL) + r"archives/C0CREDITS/p\d{16} \(entry \d, not anchored\)", address)
    assert finding.startswith(
        "  summary changed: Its summary is not the one that was logged: its amount is $4,998.80, and "
    )
    assert "backup" in todo
    assert "1 finding, of 1 request." == totals


def test_an_audit_finds_a_summary_that_is_not_json(worked: Office, tmp_path: Path) -> None:
    """The others are compared all the same."""
    shutil.copytree(worked.folder / "data/outputs", tmp_path / "out")
    (summary,) = [path for path in (tmp_path / "out").glob("summary_*.json") if "4948.80" in path.read_text()]
    summary.write_text("{")
    found = json.loads(worked.run("audit", "--json", OUTPUT_URI=f"{tmp_path}/out").out)
    assert ["summary unreadable"] == [finding["kind"] for finding in found["findings"]]
    assert (5, False) == (found["requests"], found["agrees"])


def _answered(worked: Office) -> str:
    """The address of a request that was answered."""
    past = json.loads(worked.run("history", "--json").out)
    return str(next(request["request"] for request in past if request["outcome"] == "answered"))


def test_a_proof_is_checked_without_settings(worked: Office, tmp_path: Path) -> None:
    """Whoever gets the file needs nothing else."""
    address = _answered(worked)
    done = worked.run("audit", "prove", address, "--out", f"{tmp_path}/proof.json")
    assert (0, True) == (done.code, "creditbot audit verify" in done.out)
    verified = creditbot(tmp_path, "audit", "verify", "proof.json")
    assert (0, True) == (verified.code, f"request    {address}\n" in verified.out)
    root = re.findall(r"^root +([0-9a-f]{64}),", verified.out, re.MULTILINE)[0]
    assert 0 == creditbot(tmp_path, "audit", "verify", "proof.json", "--root", root).code
    assert 1 == creditbot(tmp_path, "audit", "verify", "proof.json", "--root", "0" * 64).code
    file = tmp_path / "proof.json"
    file.write_text(file.read_text().replace("answered", "denied"))
    assert 1 == creditbot(tmp_path, "audit", "verify", "proof.json").code


def test_what_cannot_be_proven_or_checked_is_a_sentence(worked: Office, tmp_path: Path) -> None:
    done = worked.run("audit", "prove", permalink("1767873600.000001"), "--out", f"{tmp_path}/proof.json")
    assert (1, False) == (done.code, (tmp_path / "proof.json").exists())
    assert refusal("nothing.json cannot be read: No such file or directory.") == creditbot(
        tmp_path, "audit", "verify", "nothing.json"
    )
    (tmp_path / "other.json").write_text("{")
    assert refusal("other.json is not a proof of creditbot. It is not JSON.") == creditbot(
        tmp_path, "audit", "verify", "other.json"
    )


def test_an_audit_ends_with_2_if_slack_does_not_answer(worked: Office) -> None:
    done = worked.run("audit", SLACK_API_URL=f"{CLOSED}/api/")
    assert (2, "") == (done.code, done.out)


# --- replay ----------------------------------------------------------------------------------------------------------


def test_replay_finds_every_request_unchanged(worked: Office) -> None:
    """What was answered is computed again, to the cent; nothing is posted, and no file of the bot changes."""
    files = {path: path.read_bytes() for path in (worked.folder / "data").rglob("*") if path.is_file()}
    before = worked.sandbox.world.messages()
    done = worked.run("replay", "--since", "2026-01-01", "--json")
    found = json.loads(done.out, parse_float=str)
    assert 0 == done.code
    assert (4, 0, 2, "9041.97", "9041.97") == tuple(
        found[name] for name in ("same", "differ", "not_computed", "then", "now")
    )
    assert [[]] * 4 == [one["changes"] for one in found["requests"] if not one["why_not"]]
    assert [[]] * 4 == [one["not_known"] for one in found["requests"] if not one["why_not"]]
    summaries = [json.loads(path.read_bytes()) for path in (worked.folder / "data/outputs").glob("summary_*.json")]
    kept = [notebook for summary in summaries for notebook in summary.get("notebooks", {}).values()]
    assert all("credit_report/credit.py" in notebook["beside"] for notebook in kept)
    assert 4 == len(kept)
    assert before == worked.sandbox.world.messages()
    assert files == {path: path.read_bytes() for path in (worked.folder / "data").rglob("*") if path.is_file()}


def test_replay_names_the_traffic_that_came_late(worked: Office, tmp_path: Path) -> None:
    """By day and prefix, with both values, in a copy of the warehouse; the notebook of then is used."""
    copy = tmp_path / "later.duckdb"
    shutil.copy(worked.sandbox.warehouse, copy)
    with duckdb.connect(str(copy)) as connection:
        connection.execute(
            "UPDATE verify_traffic SET messages = messages + 1000, attempts = attempts + 1000 "
            "WHERE account_sid = 'AC-sandbox-0001' AND day = '2025-12-20' AND prefix = '+62'"
        )
    done = worked.run(
        "replay", worked.permalink("SMS pumping"), "--stored-notebooks", "--out", f"{tmp_path}/out",
        WAREHOUSE_URL=f"duckdb:///{copy}",
    )  # fmt: skip
    assert 1 == done.code
    assert re.search(r"^then       \$4,948\.80, computed .* UTC$", done.out, re.MULTILINE)
    assert re.search(r"^now        \$[\d,.]+ \(\+\$[\d,.]+\)$", done.out, re.MULTILINE)
    assert "result     It differs. The first cause: the rows.\n" in done.out
    assert re.search(r"^ +2025-12-20: [\d,]+ messages then, [\d,]+ now\.$", done.out, re.MULTILINE)
    assert re.search(r"2025-12-20 \+62: [\d,]+ \(.*\) flagged then, [\d,]+ \(.*\) now\.", done.out)
    assert {".json", ".html"} == {path.suffix for path in (tmp_path / "out").iterdir()}


def test_replay_answers_what_another_target_would_have_given(worked: Office) -> None:
    """The credit that the formula gives by hand: 7526.30 x (0.85 - 0.416) / (1 - 0.416) is 5593.18."""
    done = worked.run("replay", worked.permalink("SMS pumping"), "--set", "verify:TARGETS.basic=0.85")
    assert 1 == done.code
    assert "now        $5,593.18 (+$644.38)\nresult     It differs. The first cause: the policy.\n" in done.out


def test_replay_of_a_message_that_is_no_request_is_an_error(worked: Office) -> None:
    done = worked.run("replay", worked.permalink("Why do the answers"))
    assert 2 == done.code
    assert done.sentence.startswith("It is not a request")


def test_replay_ends_with_2_if_looker_refuses(worked: Office) -> None:
    """Nobody takes that for "nothing differs" or "something does"."""
    done = worked.run("replay", worked.permalink("SMS pumping"), LOOKER_CLIENT_SECRET="wrong")
    assert 2 == done.code
    assert "does not accept the API key" in done.sentence


# --- the sandbox -----------------------------------------------------------------------------------------------------


def test_the_sandbox_answers_and_shows_the_channel(tmp_path: Path) -> None:
    """One command, no settings: it says loudly what it is, answers, and a second run finds all of it answered.

    Settings that are there it leaves aside, and says so.
    """
    (tmp_path / "notebooks").symlink_to(ROOT / "notebooks")
    settings = tmp_path / "data/sandbox/settings.env"
    settings.parent.mkdir(parents=True)
    settings.write_text("KEEP_NOTEBOOKS=all\n")
    first = creditbot(tmp_path, "sandbox", "run")
    (tmp_path / ".env").write_text("SLACK_BOT_TOKEN=not-a-secret\n")
    second = creditbot(tmp_path, "sandbox", "run", LOOKER_BASE_URL=CLOSED)
    assert [0, 0] == [first.code, second.code]
    assert "SANDBOX: no .env and no SLACK_* or LOOKER_* were found." in first.out
    assert "      |   Approved, $4,948.80, exceptions" in first.out
    assert "The bot here runs with the settings in data/sandbox/settings.env." in first.out
    assert list(tmp_path.glob("data/sandbox/outputs/notebooks/*"))
    assert "SANDBOX: your own settings are not used." in second.out
    assert NOTHING_NEW in second.out
    assert 1 == second.out.count("Approved, $4,948.80, exceptions")


def test_a_message_can_be_posted_and_the_sandbox_reset(tmp_path: Path) -> None:
    """What is posted is shown; after a reset it is gone."""
    assert "Posted as " in creditbot(tmp_path, "sandbox", "post", "one more").out
    assert "one more" in creditbot(tmp_path, "sandbox", "show").out
    assert "every request in it is unanswered" in creditbot(tmp_path, "sandbox", "reset").out
    assert "one more" not in creditbot(tmp_path, "sandbox", "show").out


def test_a_warehouse_can_be_made_anywhere(tmp_path: Path) -> None:
    """As the pod of the sandbox overlay does."""
    assert 0 == creditbot(tmp_path, "sandbox", "warehouse", "some/place.duckdb").code
    assert (tmp_path / "some/place.duckdb").stat().st_size


def test_a_file_in_the_place_of_a_warehouse_is_left_as_it_is(tmp_path: Path) -> None:
    """The file may be anybody's. A pod that makes its warehouse again finds the one that it made."""
    (tmp_path / "mine.md").write_text("mine")
    done = creditbot(tmp_path, "sandbox", "warehouse", "mine.md")
    assert CommandResult(0, "mine.md already exists, and was not changed.\n") == done
    assert "mine" == (tmp_path / "mine.md").read_text()


@pytest.mark.parametrize("command", [["run"], ["reset"], ["show"], ["post", "x"], ["serve"]])
def test_a_folder_of_something_else_is_never_taken_for_a_sandbox(tmp_path: Path, command: list[str]) -> None:
    """Beside a bot's own state, which is data/ by default, `reset` would delete that and all evidence."""
    state = tmp_path / "data" / "processed_messages.json"
    state.parent.mkdir()
    state.write_text("mine")
    done = creditbot(tmp_path, "sandbox", "--folder", "data", *command)
    assert 2 == done.code
    assert "The folder data holds something other than a sandbox, and was not changed." in done.sentence
    assert ["processed_messages.json"] == [file.name for file in state.parent.iterdir()]
    assert "mine" == state.read_text()


def test_what_to_do_next_is_said_for_the_folder_that_was_named(tmp_path: Path) -> None:
    """Another sandbox is another one."""
    (tmp_path / "notebooks").symlink_to(ROOT / "notebooks")
    posted = creditbot(tmp_path, "sandbox", "--folder", "my box", "post", "one more: http://looker.sandbox/looks/33")
    assert "sandbox --folder 'my box' run` reads it." in posted.out


@pytest.mark.parametrize("command", [["run"], ["reset"], ["show"], ["post", "x"], ["serve"], ["warehouse", "data/w"]])
def test_a_place_that_cannot_be_used_is_a_sentence(tmp_path: Path, command: list[str]) -> None:
    """Such as a file where a folder should be."""
    (tmp_path / "data").touch()
    done = creditbot(tmp_path, "sandbox", *command)
    assert 2 == done.code
    assert re.fullmatch(
        r"The sandbox cannot be used in data/\w+: .+\. Choose another place, or other ports\.", done.sentence
    )


def test_serving_prints_the_settings_and_ends_when_told(tmp_path: Path, light: dict[str, str]) -> None:
    """What it prints is enough for a bot in the same folder."""
    (tmp_path / "notebooks").symlink_to(ROOT / "notebooks")
    served = subprocess.Popen(
        [sys.executable, "-m", "creditbot", "sandbox", "serve"], cwd=tmp_path, env=environment(tmp_path, {}),
        text=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert served.stdout
    settings = dict(line.strip().split("=", 1) for line in (next(served.stdout) for _ in range(13)))
    notebooks = [settings[name] for name in light]
    checked = creditbot(tmp_path, "check", **settings | light)
    served.send_signal(signal.SIGTERM)
    assert 0 == served.wait(10)
    assert 0 == checked.code
    assert ["verify_credit.ipynb", "psms_credit.ipynb"] == [Path(tmp_path, notebook).name for notebook in notebooks]
    assert all(Path(tmp_path, notebook).is_file() for notebook in notebooks)
    served.stdout.close()


def test_a_tick_that_waits_for_slack_ends_at_sigterm(office: Office) -> None:
    """Within the grace period, and not when Slack's Retry-After is over."""
    waits = threading.Event()

    def body() -> Iterator[bytes]:
        yield b'{"ok": false, "error": "ratelimited"}'
        waits.set()

    with HttpStub() as slack:
        slack.on("POST /api/auth.test", Answer(body(), 429, {"Retry-After": "50"}))
        settings = office.settings | {"SLACK_API_URL": f"{slack.url}/api/"}
        tick = subprocess.Popen(
            [sys.executable, "-m", "creditbot", "run-once"], cwd=office.folder,
            env=environment(office.folder, settings), text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            assert waits.wait(60)
            tick.send_signal(signal.SIGTERM)
            _, said = tick.communicate(timeout=20)
        finally:
            tick.kill()
    assert 1 == tick.returncode
    assert ["POST /api/auth.test"] == slack.calls
    assert "creditbot: stopping" in said
    assert "Slack" in said.splitlines()[-1]


def test_at_sigterm_a_tick_finishes_its_notebooks(office: Office, tmp_path: Path) -> None:
    """What is at hand gets its reply, and the tick has done what it was asked to."""
    runs, gate = tmp_path / "runs", tmp_path / "gate"
    for fifo in (runs, gate):
        os.mkfifo(fifo)
    source = f"open({str(runs)!r}, 'w').write('runs')\nopen({str(gate)!r}, 'rb', 0).read(1)\n"
    glue = "import scrapbook\nscrapbook.glue('credit', 1.5)"
    notebook = write_notebook(tmp_path / "waits.ipynb", code('looker = ""', "parameters"), code(source + glue))
    settings = office.settings | {"NOTEBOOK_PATH": str(notebook), "PSMS_NOTEBOOK_PATH": "", "WORKERS": "1"}
    with gate.open("r+b", 0) as opened, os.fdopen(os.open(runs, os.O_RDONLY | os.O_NONBLOCK)) as started:
        tick = subprocess.Popen(
            [sys.executable, "-m", "creditbot", "run-once"], cwd=office.folder,
            env=environment(office.folder, settings), text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            with os.fdopen(os.pidfd_open(tick.pid)) as ended:
                first, _, _ = select.select([started, ended], [], [], 100)
            assert [started] == first, "the tick ended before its first notebook ran"
            tick.send_signal(signal.SIGTERM)
            assert tick.stderr
            assert any("stopping" in line for line in tick.stderr)
            opened.write(b"goahead!")
            tick.communicate(timeout=60)
        finally:
            tick.kill()
    world = office.sandbox.world
    said = [reply["text"] for top in world.messages() for reply in world.thread(top["ts"])]
    assert 0 == tick.returncode
    assert {"Approved, $1.50, exceptions", "Approved, $3.00, exceptions"} <= {*said}


def test_sigterm_ends_a_command_before_a_tick_handles_it() -> None:
    """The first process of a container hears no signal that it has no handler for: nothing is taken after it."""
    heard = "import signal, sys; from creditbot import cli\ncli.main(['links', '--host', 'acme.looker.com'])\n"
    heard += "print(signal.getsignal(signal.SIGTERM) is signal.default_int_handler)"
    done = subprocess.run([sys.executable, "-c", heard], input="none", capture_output=True, text=True, check=False)
    assert "True" == done.stdout.splitlines()[-1]


# --- the command line itself -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        [], ["answer"], ["run-once", "now"], ["show"], ["retry", "--failed", "--since", "yesterday"], ["approve"],
        ["history", "--days", "0"], ["history", "--days", "99999999999"], ["history", "--da", "3"], ["sandbox"],
        ["export", "--month", "2026-13"], ["report", "--days", "0"],
        ["sandbox", "serve", "--slack-port", "99999"],
    ],
)  # fmt: skip
def test_wrong_arguments_end_with_exit_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """And a line that says what is wrong."""
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert 2 == ended.value.code
    assert "error: " in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [], ["--failed", "https://a.slack.com/archives/C1/p1700000000000000"], ["--failed", "--again"],
        ["https://a.slack.com/archives/C1/p1700000000000000", "--since", "2026-01-31"], ["--failed", "--by", "Rosa"],
    ],
)  # fmt: skip
def test_options_of_retry_that_do_not_fit_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert 2 == cli.main(["retry", *arguments])
    assert "Give " in capsys.readouterr().err


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing else is done."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert 0 == ended.value.code
    assert capsys.readouterr().out.startswith("creditbot ")


def test_a_closed_pipe_ends_a_command_quietly(tmp_path: Path) -> None:
    """As with `| head`."""
    command = [sys.executable, "-m", "creditbot", "sandbox", "show"]
    shown = subprocess.Popen(
        command, cwd=tmp_path, env=environment(tmp_path, {}), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )  # fmt: skip
    assert shown.stdout
    assert shown.stderr
    shown.stdout.close()
    assert b"" == shown.stderr.read()
    shown.wait(20)
    shown.stderr.close()
