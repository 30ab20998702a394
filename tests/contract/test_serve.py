"""`creditbot serve` on the sandbox: what one process keeps from tick to tick, and what it must not keep."""

from __future__ import annotations

import gc
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import psutil
import pytest

from creditbot.adapters.metrics.metrics_page import MetricsPage
from creditbot.adapters.slack.open import open_doorbell
from creditbot.bootstrap import assemble, assemble_again
from creditbot.commands.serve import ServedTicks, Watch
from creditbot.machine.bell import Bell
from creditbot.machine.health import Health
from creditbot.machine.processes import Stop
from creditbot.ports import StateStore, Stored
from creditbot.sandbox import Sandbox
from creditbot.sandbox.faults import refused
from creditbot.sandbox.slack_socket import APP_TOKEN
from creditbot.sandbox.world import LOOKER, OWNER, direct_channel
from creditbot.settings.settings import Settings
from creditbot.state.totals import NO_PONG, NO_RING
from creditbot.tick import watchdog
from tests.support.notebooks import code, write_notebook
from tests.support.prometheus import Values, of, read_openmetrics, values

pytestmark = [pytest.mark.sandbox, pytest.mark.kernels]

TICK, SUCCESS = "last_tick_timestamp_seconds", "last_success_timestamp_seconds"
KEPT = ("creditbot", "functools", "slack_sdk", "socket", "ssl", "subprocess")
"""Modules of whose objects a tick must not leave any."""
LONG = 30.0
"""Seconds that nothing here takes."""
IDLE = "Nothing new: 1 message read, every request in them is done."


@dataclass
class Served:
    """One process that serves, on a sandbox with one message that asks for nothing.

    Attributes:
        sandbox: the sandbox.
        settings: of the bot.
        said: what the terminal shows.
    """

    sandbox: Sandbox
    settings: Settings
    said: list[str]

    def ticks(self, state: StateStore | None = None, page: MetricsPage | None = None) -> ServedTicks:
        assembly = assemble(self.settings, state=state, environ={})
        watch = Watch(Health(assembly.stop, lambda: True), page=page)
        return ServedTicks(self.settings, assembly, self.said.append, watch)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    notebook = write_notebook(tmp_path / "verify.ipynb", code('looker = ""', "parameters"))
    with Sandbox(tmp_path / "sandbox", rate_limits=False, messages=False) as sandbox:
        sandbox.world.post("Morning! Is there a cut-off for December credits?")
        places = {"STATE_URI": f"file:{tmp_path}/state.json", "OUTPUT_URI": f"{tmp_path}/out"}
        environ = {**sandbox.environment(), **places, "NOTEBOOK_PATH": str(notebook), "LOG_FILE": f"{tmp_path}/log"}
        yield Served(sandbox, Settings.load(environ, env_file=None), [])


def test_what_the_tick_before_has_said_is_not_repeated(served: Served) -> None:
    ticks = served.ticks()
    assert [True, True, True] == [ticks.tick() for _ in range(3)]
    assert [IDLE] == served.said[5:]  # after the five steps of a first tick


def test_a_tick_that_fails_is_told_once_and_the_next_one_works(served: Served, tmp_path: Path) -> None:
    served.sandbox.slack.faults.add(refused("auth.test", "invalid_auth", times=2))
    ticks = served.ticks()
    assert [False, False, True] == [ticks.tick() for _ in range(3)]
    assert 1 == sum(line.startswith("error: Slack") for line in served.said)
    assert 2 == (tmp_path / "log").read_text().count(" ERROR the tick ended early")


def test_each_tick_renews_the_page_of_metrics(served: Served) -> None:
    """One that fails leaves the time of the last success."""
    with closing(MetricsPage(0)) as page:
        ticks = served.ticks(page=page)
        assert ticks.tick()
        first = scraped(page)
        assert 1 < of(first, SUCCESS) <= of(first, TICK)
        served.sandbox.slack.faults.add(refused("conversations.history", "invalid_auth", times=1))
        assert not ticks.tick()
        second = scraped(page)
    assert of(first, SUCCESS) == of(second, SUCCESS)
    assert of(first, TICK) < of(second, TICK)


def scraped(page: MetricsPage) -> Values:
    with urlopen(f"http://127.0.0.1:{page.port}/metrics", timeout=10) as answer:
        return values(read_openmetrics(answer.read().decode()))


def test_each_step_of_a_tick_gives_it_more_time(served: Served) -> None:
    """A backlog that makes progress is not stuck, however long it takes."""
    now, longest = [0.0], 900.0 + served.settings.notebook_timeout
    assembly = assemble(served.settings, environ={})
    health = Health(assembly.stop, lambda: True, lambda: now[0])
    ticks = ServedTicks(served.settings, assembly, served.said.append, Watch(health))
    assert ticks.tick()
    for goes_on in (ticks._progress.started, lambda link: ticks._progress.ended(link, None)):
        now[0] += longest + 61
        assert health.why_stuck()
        goes_on("https://sandbox.slack.com/archives/C0CREDITS/p1")
        assert not health.why_stuck()


def test_a_request_whose_event_was_lost_is_counted(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the doorbell connects again, which rings."""
    monkeypatch.setattr(watchdog, "LATE", timedelta(0))
    socket_mode, bell = served.sandbox.slack.socket_mode, Bell()
    doorbell = open_doorbell(APP_TOKEN, f"{served.sandbox.slack_server.url}/api/", Stop())
    assembly = assemble(served.settings, environ={})
    with closing(MetricsPage(0)) as page, closing(bell), closing(doorbell), closing(assembly.ports.runner):
        watch = Watch(Health(assembly.stop, lambda: True), watchdog.Watchdog(doorbell), page)
        ticks = ServedTicks(served.settings, assembly, served.said.append, watch)
        doorbell.open(bell.ring)
        assert bell.wait(LONG)
        assert becomes(lambda: doorbell.hears)
        assert ticks.tick()
        socket_mode.lost = 1
        served.sandbox.world.post(f"AC-sandbox-0007, please: {LOOKER}/looks/35")
        assert becomes(lambda: 0 == socket_mode.lost)
        assert ticks.tick()
        assert bell.wait(LONG)
        assert ticks.tick()
        assert (1, 0) == tuple(of(scraped(page), "unheard_total", cause=cause) for cause in (NO_RING, NO_PONG))
    assembly.sql_reader.close()


class Defective:
    """A state store that nobody foresaw."""

    def read(self) -> Stored:
        raise KeyError("unforeseen")

    def write(self, values: Mapping[str, str], version: str) -> str:
        raise NotImplementedError


def test_a_defect_is_told_and_ends_no_process(served: Served, tmp_path: Path) -> None:
    assert not served.ticks(Defective()).tick()
    assert ["error: This is a defect of creditbot (KeyError); its log says where."] == served.said
    assert "KeyError: 'unforeseen'" in (tmp_path / "log").read_text()


def test_a_state_that_is_lost_between_two_ticks_stops_neither(served: Served, tmp_path: Path) -> None:
    """As if the second tick were that of a new process."""
    ticks = served.ticks()
    assert ticks.tick()
    (tmp_path / "state.json").unlink()
    assert ticks.tick()
    assert "meta" in json.loads((tmp_path / "state.json").read_text())


def test_a_policy_file_counts_from_the_next_tick_on(served: Served, tmp_path: Path) -> None:
    """One that is wrong stops ticks, and not the process."""
    policy = tmp_path / "policy.toml"
    policy.write_text("[limits]\nusd_per_request = 5\n")
    served.settings = served.settings.model_copy(update={"policy_file": policy})
    ticks = served.ticks()
    assert ticks.tick()
    policy.write_text("[limits]\nusd_per_request = 'much'\n")
    assert not ticks.tick()
    policy.write_text("[limits]\nusd_per_request = 6\n")
    assert ticks.tick()


def test_a_log_that_was_moved_away_is_begun_again(served: Served, tmp_path: Path) -> None:
    ticks = served.ticks()
    ticks.tick()
    (tmp_path / "log").rename(tmp_path / "log.1")
    ticks.tick()
    assert [1, 1] == [len(re.findall(" INFO tick ", (tmp_path / name).read_text())) for name in ("log", "log.1")]


def test_a_tick_asks_slack_again_and_keeps_what_is_warm(served: Served) -> None:
    """Whether a channel is shared with strangers may have changed; a kernel that waits has not."""
    first = assemble(served.settings, environ={})
    second = assemble_again(first, served.settings)
    new, kept = {"inbox", "owners", "approvers", "replier", "clock"}, {"resolver", "runner", "summaries", "state"}
    assert kept == {name for name in new | kept if getattr(first.ports, name) is getattr(second.ports, name)}
    assert second.ledger is not first.ledger
    assert second.stop is first.stop
    assert second.sql_reader is first.sql_reader


def test_idle_ticks_leave_nothing_behind(served: Served) -> None:
    """No file, no thread, no process, and no object for each."""
    served.settings = served.settings.model_copy(update={"log_level": "ERROR"})  # pytest keeps what is logged
    ticks, me = served.ticks(), psutil.Process()

    def left() -> tuple[tuple[int, int, int], Counter[type]]:
        for thread in threading.enumerate():
            if "_serve" in thread.name:  # a connection of the sandbox, which is in this process, too
                thread.join(0.5)  # that to Looker stays open
        served.sandbox.slack.calls.clear()
        gc.collect()
        counts = me.num_fds(), threading.active_count(), len(me.children(recursive=True))
        ours = (kind for kind in map(type, gc.get_objects()) if str(kind.__module__).startswith(KEPT))
        return counts, Counter(ours)  # others are also made by what earlier tests left running

    for _ in range(3):
        ticks.tick()
    counts, objects = left()
    many = 60  # the interpreter lets some thirty locks of ended threads lie about
    for _ in range(many):
        ticks.tick()
    later, more = left()
    assert counts == later
    assert {} == {kind: number for kind, number in (more - objects).items() if number >= many}


def becomes(condition: Callable[[], bool]) -> bool:
    """Whether it is so within a long time: what happens in another process tells nobody here."""
    end, pause = time.monotonic() + LONG, threading.Event()
    while not condition() and time.monotonic() < end:
        pause.wait(0.01)
    return condition()


@dataclass
class Serving:
    """A process of `creditbot serve` on a sandbox.

    Attributes:
        process: the process.
        sandbox: the sandbox.
        port: where it answers probes.
    """

    process: subprocess.Popen[str]
    sandbox: Sandbox
    port: int

    def says(self, words: str) -> bool:
        """Whether a line with these words comes."""
        assert self.process.stdout
        return any(words in line for line in self.process.stdout)

    def probe(self, path: str) -> tuple[int, str]:
        try:
            with urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()

    def replies(self, ts: str) -> list[str]:
        return [reply["text"] for reply in self.sandbox.world.thread(ts)[1:]]


@contextmanager
def serving(tmp_path: Path, *cells: str, **settings: str) -> Iterator[Serving]:
    """It has begun, hears what happens, and has a notebook with these cells."""
    notebook = write_notebook(tmp_path / "verify.ipynb", code('looker = ""', "parameters"), *map(code, cells))
    with socket.create_server(("", 0)) as free, Sandbox(tmp_path / "s", rate_limits=False, messages=False) as sandbox:
        port = free.getsockname()[1]
        free.close()
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "LOOKER_"))}
        environ |= sandbox.environment() | {"NOTEBOOK_PATH": str(notebook), "POLL_SECONDS": "3600"}
        environ |= {"METRICS_PORT": str(port), "PYTHONPATH": os.pathsep.join(sys.path), **settings}
        process = subprocess.Popen(
            [sys.executable, "-m", "creditbot", "serve"], cwd=tmp_path, text=True, env=environ,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            served = Serving(process, sandbox, port)
            assert served.says("Serving until Ctrl-C: a tick at each message and reaction.")
            assert served.says("Nothing new")
            assert becomes(lambda: 1 == sandbox.slack.socket_mode.connections)
            yield served
        finally:
            process.kill()
            process.communicate()


GLUE = "import scrapbook\nscrapbook.glue('credit', 1.5)"


def test_requests_votes_and_edits_are_answered_as_they_come(tmp_path: Path) -> None:
    """Without waiting for the next tick by time, which is an hour away. Then SIGTERM, and nothing stays."""
    with serving(tmp_path, GLUE, MAX_CREDIT_USD="2") as served:
        world = served.sandbox.world
        plain = world.post(f"AC-sandbox-0007, please: {LOOKER}/looks/35")
        assert served.says("answered $1.50")
        held = world.post(f"Both, please: {LOOKER}/looks/33 and {LOOKER}/looks/31")
        assert served.says("held for approval")
        assert becomes(lambda: bool(world.direct_messages()))
        world.react(world.direct_messages()[-1]["ts"], "+1", channel=direct_channel(OWNER), user=OWNER)
        assert served.says("answered $3.00")
        edited = world.post("One more, please, the link follows")
        assert served.says("Nothing new")
        world.edit(edited, f"One more, please: {LOOKER}/looks/34")
        assert served.says("answered $1.50")
        assert [(200, "ok\n")] * 2 == [served.probe(path) for path in ("/healthz", "/readyz")]
        replies = [served.replies(ts) for ts in (plain, held, edited)]
        children = psutil.Process(served.process.pid).children(recursive=True)
        served.process.send_signal(signal.SIGTERM)
        rest, said = served.process.communicate(timeout=60)
    assert [[f"Approved, ${amount}, exceptions"] for amount in ("1.50", "3.00", "1.50")] == replies
    assert (0, True) == (served.process.returncode, rest.endswith("Stopped serving.\n"))
    assert said.startswith("creditbot: stopping")
    assert children
    psutil.wait_procs(children, timeout=10)
    assert [] == [child for child in children if child.is_running()]


def test_a_stop_closes_the_socket_first_and_then_finishes(tmp_path: Path) -> None:
    """What is asked after the signal is for another process."""
    gate = tmp_path / "gate"
    wait = f"import os\nif os.path.exists({str(gate)!r}): open({str(gate)!r}).read()"
    with serving(tmp_path, wait, GLUE) as served:
        os.mkfifo(gate)
        world = served.sandbox.world
        first = world.post(f"AC-sandbox-0007, please: {LOOKER}/looks/35")
        with gate.open("w"):  # the notebook has begun, and waits until this is closed
            served.process.send_signal(signal.SIGTERM)
            assert becomes(lambda: 0 == served.sandbox.slack.socket_mode.connections)
            assert (503, "It is stopping.\n") == served.probe("/readyz")
            assert 200 == served.probe("/healthz")[0]
            second = world.post(f"And this one, please: {LOOKER}/looks/33")
            assert served.process.poll() is None
        served.process.communicate(timeout=60)
        assert (["Approved, $1.50, exceptions"], []) == (served.replies(first), served.replies(second))
    assert 0 == served.process.returncode
