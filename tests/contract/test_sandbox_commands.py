"""The commands of `creditbot sandbox` over one folder, also beside a `sandbox serve` in a process of its own."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from slack_sdk import WebClient

from creditbot import cli
from creditbot.sandbox import Sandbox
from creditbot.sandbox.world import CHANNEL, LOOKER


class Shell:
    """Types `creditbot sandbox` commands for one folder."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def types(self, *arguments: str) -> str:
        """What a command prints; it has to succeed."""
        self._capsys.readouterr()
        code = cli.main(["sandbox", "--folder", str(self.folder), *arguments])
        printed = self._capsys.readouterr()
        assert 0 == code, printed.err
        return printed.out

    def fails(self, *arguments: str) -> str:
        """The sentence with which a command refuses."""
        self._capsys.readouterr()
        code = cli.main(["sandbox", "--folder", str(self.folder), *arguments])
        printed = self._capsys.readouterr()
        assert 2 == code, printed.out
        return printed.err.removeprefix("creditbot: ").rstrip("\n")

    def posts(self, *arguments: str) -> str:
        """Posts, and gives the message's ts."""
        match = re.match(r"Posted as (\d{10}\.\d{6})\.", self.types("post", *arguments))
        assert match
        return match[1]

    @contextmanager
    def serving(self) -> Iterator[WebClient]:
        """A client of the Slack of a `sandbox serve` beside this shell."""
        command = [sys.executable, "-m", "creditbot", "sandbox", "--folder", str(self.folder), "serve"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            assert process.stdout
            settings: dict[str, str] = {}
            while "WAREHOUSE_URL" not in settings:
                name, _, value = process.stdout.readline().strip().partition("=")
                settings[name] = value
            yield WebClient(token=settings["SLACK_BOT_TOKEN"], base_url=settings["SLACK_API_URL"], timeout=10)
            process.send_signal(signal.SIGTERM)
            assert 0 == process.wait(20)


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(tmp_path / "box", capsys)


@pytest.mark.parametrize("part", ["qid=", "/looks/27", "/x/", "fields=", "/looks/4040", "Approved, $"])
def test_a_new_world_holds_every_kind_of_request(shell: Shell, part: str) -> None:
    """Each kind of link once, and an answer by a person."""
    assert part in shell.types("show")


def test_the_first_messages_are_of_the_last_two_days(shell: Shell) -> None:
    """So that a bot with default settings reads all of them."""
    shell.types("show")
    with Sandbox(shell.folder) as sandbox:
        times = [float(message["ts"]) for message in sandbox.world.messages()]
        assert times == sorted(times)
        assert 48 * 3600 > sandbox.world.clock() - times[0]


def test_reset_forgets_what_was_posted(shell: Shell) -> None:
    """The first messages are there again."""
    shell.posts("one more request")
    assert "one more request" in shell.types("show")
    shell.types("reset")
    shown = shell.types("show")
    assert "one more request" not in shown
    assert "Ravi Menon" in shown


def test_reset_leaves_a_world_and_a_warehouse(shell: Shell) -> None:
    """The bot's state and its outputs are gone."""
    shell.types("show")
    (shell.folder / "processed_messages.json").touch()
    (shell.folder / "outputs").mkdir()
    shell.types("reset")
    assert {"world.sqlite", "warehouse.duckdb"} == {path.name for path in shell.folder.iterdir()}


def test_a_message_posted_beside_a_served_sandbox_is_read_at_once(shell: Shell) -> None:
    """With a link as `show` prints it."""
    with shell.serving() as client:
        match = re.search(r"http://127\.0\.0\.1:\d+", shell.types("show"))
        assert match
        address = f"{match[0]}/looks/33?a=1&b=2"
        ts = shell.posts(f"one more: {address}")
        (message,) = client.conversations_history(channel=CHANNEL, oldest=ts, inclusive=True)["messages"]
        assert f"one more: <{address.replace('&', '&amp;')}>" == message["text"]


def test_a_link_survives_a_change_of_ports(shell: Shell) -> None:
    """Messages are kept without a port, so that an old link still leads to the Looker of today."""
    with Sandbox(shell.folder) as sandbox:
        shell.posts(f"{sandbox.looker_server.url}/looks/33")
        assert f"<{LOOKER}/looks/33>" == sandbox.world.messages()[-1]["text"]
    assert re.search(r"http://127\.0\.0\.1:\d+/looks/33$", shell.types("show"), re.MULTILINE)
