"""`creditbot run-once` on the sandbox: what it prints, what stops it, and how it ends at SIGTERM."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.http import Answer, HttpStub
from tests.support.notebooks import code, write_notebook
from tests.support.office import CLOSED, NOTHING_NEW, REQUIRED, CommandResult, Office, creditbot, environment

pytestmark = pytest.mark.kernels


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
