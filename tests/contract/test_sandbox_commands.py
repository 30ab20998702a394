"""The sandbox's commands over one folder, one of them a process of its own."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

from slack_sdk import WebClient

from creditbot.sandbox import Sandbox, commands
from creditbot.sandbox.world import CHANNEL, LOOKER

SERVE = """
import sys
from pathlib import Path
from creditbot.sandbox import commands
commands.serve(Path(sys.argv[1]), "127.0.0.1", 0, 0, rate_limits=True)
"""


def test_a_new_world_holds_the_requests_of_a_day(tmp_path: Path) -> None:
    """Every kind of request once, and a person's answer; no message is older than two days."""
    shown = commands.show(tmp_path)
    for part in ("qid=", "/looks/27", "/x/", "fields=", "/looks/4040", "Approved, $812.40, exceptions"):
        assert part in shown
    with Sandbox(tmp_path) as sandbox:
        times = [float(message["ts"]) for message in sandbox.world.messages()]
        assert 48 * 3600 > sandbox.world.clock() - min(times)
        assert times == sorted(times)


def test_reset_makes_it_anew(tmp_path: Path) -> None:
    """What was posted is gone, the first messages and the warehouse are there."""
    commands.post(tmp_path, "a made-up wish")
    assert "a made-up wish" in commands.show(tmp_path)
    commands.reset(tmp_path)
    shown = commands.show(tmp_path)
    assert "a made-up wish" not in shown
    assert "Ravi Menon" in shown
    assert {"world.sqlite", "warehouse.duckdb"} == {path.name for path in tmp_path.iterdir()}


def test_posting_while_it_is_served(tmp_path: Path) -> None:
    """A message typed in another process, with a link as `show` prints it, is at once on the Slack that is served."""
    with subprocess.Popen([sys.executable, "-c", SERVE, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        settings = dict(process.stdout.readline().strip().split("=", 1) for _ in range(8))
        client = WebClient(token=settings["SLACK_BOT_TOKEN"], base_url=settings["SLACK_API_URL"], timeout=10)
        address = f"{settings['LOOKER_BASE_URL']}/looks/33?a=1&b=2"
        assert settings["LOOKER_BASE_URL"] in commands.show(tmp_path)
        ts = commands.post(tmp_path, f"one more: {address}")
        (message,) = client.conversations_history(channel=CHANNEL, oldest=ts, inclusive=True)["messages"]
        assert f"one more: <{address.replace('&', '&amp;')}>" == message["text"]
        process.send_signal(signal.SIGTERM)
        assert 0 == process.wait(20)


def test_a_link_survives_a_change_of_ports(tmp_path: Path) -> None:
    """Links of ours are kept without a port, so that an old message still leads to the Looker of today."""
    with Sandbox(tmp_path) as sandbox:
        commands.post(tmp_path, f"{sandbox.looker_server.url}/looks/33")
        assert f"<{LOOKER}/looks/33>" == sandbox.world.messages()[-1]["text"]
    assert re.search(r"http://127\.0\.0\.1:\d+/looks/33$", commands.show(tmp_path), re.MULTILINE)
