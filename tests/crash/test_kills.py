"""Real processes, killed by SIGKILL, on a real file, over real HTTP: what they leave is repaired by the next.

CRASH_KILLS says how many (`make crash-test KILLS=N`).
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pytest

from creditbot.adapters.storage.file_state import FileStore
from creditbot.sandbox import Sandbox
from creditbot.sandbox.world import CHANNEL, OWNER
from creditbot.state.codec import State, understand
from tests.crash.child import Order
from tests.crash.scenario import Counts
from tests.crash.table import Table
from tests.support.sampling import count
from tests.support.world_facts import HOST, REFERENCE

KILLS = int(os.environ.get("CRASH_KILLS") or count(20, 2))
QUARTER = 16 * 60.0
"""A little more than the settle time; seconds."""

pytestmark = pytest.mark.kills


@dataclass
class Killer:
    """Gives orders to the process that forks."""

    process: subprocess.Popen[str]

    def tick(self, order: Order) -> int:
        """Runs one tick and returns its exit code."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(asdict(order)) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


@pytest.fixture(scope="module")
def killer() -> Iterator[Killer]:
    """Starts the process; it ends with its input."""
    command = [sys.executable, "-m", "tests.crash.child"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Killer(process)


@dataclass
class Place:
    """A Slack with three requests, and a folder for the bot.

    Attributes:
        sandbox: Slack.
        order: a tick on it.
        ok, failing: ts of the requests.
    """

    sandbox: Sandbox
    order: Order
    ok: list[str]
    failing: str

    def state(self) -> State:
        """What the file holds."""
        return understand(FileStore(Path(self.order.folder, "state.json")).read())

    def replies(self, ts: str) -> list[str]:
        """What stands in a thread besides the request."""
        return [str(message["text"]) for message in self.sandbox.world.thread(ts)[1:]]

    def told(self) -> list[str]:
        """What the owner was told."""
        return [str(message["text"]) for message in self.sandbox.world.direct_messages()]


@contextmanager
def opened(tmp_path: Path) -> Iterator[Place]:
    """The sandbox's Slack, its channel empty but for three requests."""
    warehouse = tmp_path / "unused.duckdb"
    warehouse.touch()
    with Sandbox(tmp_path / "sandbox", rate_limits=False, warehouse=warehouse, messages=False) as sandbox:
        slack = sandbox.environment()
        order = Order(str(tmp_path), slack["SLACK_BOT_TOKEN"], slack["SLACK_API_URL"], CHANNEL, OWNER)
        links = [f"<https://{HOST}/explore/m/v?qid={slug}>" for slug in ("a", "b", "gone")]
        one, two, gone = (sandbox.world.post(f"please credit {link}") for link in links)
        yield Place(sandbox, order, [one, two], gone)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A place of its own for each test."""
    with opened(tmp_path) as place:
        yield place


def settle(killer: Killer, place: Place, order: Order) -> None:
    """Ticks until nothing is left to do."""
    for _ in range(8):
        assert 0 == killer.tick(order)
        state = place.state()
        notices = [notice.status for notice in state.notices.values()]
        if all(r.terminal for r in state.records.values()) and set(notices) <= {"told"}:
            return
        order = replace(order, later=order.later + QUARTER)
    raise AssertionError(f"not at rest: {place.state().records}")


@pytest.fixture(scope="module")
def passings(killer: Killer, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, int]]:
    """Every passing of every point in a tick that lives."""
    with opened(tmp_path_factory.mktemp("whole")) as place:
        assert 0 == killer.tick(place.order)
        passed = json.loads(Path(place.order.folder, "passed.json").read_text())
    return [(point, nth) for point, times in passed.items() for nth in range(1, times + 1)]


@pytest.mark.parametrize("number", range(KILLS))
def test_what_a_killed_process_leaves_is_repaired(
    killer: Killer, place: Place, passings: list[tuple[str, int]], number: int, table: Table
) -> None:
    """Each request has its one reply, the owner is told once, and claims of the dead are freed at once."""
    dice = random.Random(number)
    point, nth = dice.choice(passings)
    assert -signal.SIGKILL == killer.tick(replace(place.order, point=point, nth=nth))
    settle(killer, place, place.order)
    assert 0 == killer.tick(replace(place.order, later=9 * QUARTER))
    replies = [place.replies(ts) for ts in place.ok]
    duplicates = sum(len(found) > 1 for found in replies)
    table.count("real SIGKILL", Counts(duplicates, 0, sum(not found for found in replies)))
    assert [[REFERENCE]] * 2 == replies, (point, nth)
    assert [] == place.replies(place.failing)
    assert 1 == len(place.told())


def test_claims_of_a_dead_process_are_freed_at_once_unless_it_was_posting(killer: Killer, place: Place) -> None:
    """A laptop need not wait half an hour; a reply that may be on its way is waited for all the same."""
    assert -signal.SIGKILL == killer.tick(replace(place.order, point="reply.after-send"))
    assert 0 == killer.tick(place.order)
    statuses = [record.status for _, record in sorted(place.state().records.items(), key=lambda item: str(item[0]))]
    assert ["posting", "answered", "given_up"] == statuses
    assert 0 == killer.tick(replace(place.order, later=QUARTER))
    assert [[REFERENCE]] * 2 == [place.replies(ts) for ts in place.ok]
