"""Two workers, the store, Slack, people and time in any order that hypothesis thinks of."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from creditbot.errors import CreditbotError
from creditbot.intake.thread import UNCOUNTED
from creditbot.model import RequestKey
from tests.crash.faults import LATENESS, Kind, arm
from tests.crash.scenario import Scenario, unsound
from tests.crash.simulation import SWEEP_RULES, Simulation
from tests.support.points import Point
from tests.support.ticks import Tick
from tests.support.world import World
from tests.support.world_facts import HOST, Killed

FAULTS: tuple[Kind, ...] = (
    "timeout before", "timeout after", "lands after the next scan", "stale thread read", "429", "409",
)  # fmt: skip
SLUGS = st.sampled_from(("a", "b", "c", "d", "gone", "other"))


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """The defects that are injected are not printed."""
    log = logging.getLogger("creditbot.tick.worker")
    before = log.level
    log.setLevel(logging.CRITICAL)
    yield
    log.setLevel(before)


class Workers(RuleBasedStateMachine):
    """At no moment do two replies to one request stand, nor two for the same SQL; in the end nothing is lost."""

    requests = Bundle("requests")

    def __init__(self) -> None:
        super().__init__()
        self.world = World(step=timedelta(milliseconds=200))
        self.scenario = Scenario(self.world)
        self.workers: list[Tick | None] = [None, None]
        self.sending: dict[Tick, bool] = {}
        self.damaged = False
        self.world.tick()

    # -- people --------------------------------------------------------------------------------------------------------

    @rule(target=requests, slug=SLUGS)
    def ask(self, slug: str) -> RequestKey:
        key = self.world.ask(slug)
        self.scenario.groups[str(key)] = [key]
        return key

    @rule(key=requests, slug=SLUGS)
    def edit(self, key: RequestKey, slug: str) -> None:
        self.world.edit(key, f"<https://{HOST}/explore/m/v?qid={slug}>")

    @rule(key=requests)
    def delete(self, key: RequestKey) -> None:
        self.world.delete(key)

    @rule(key=requests)
    def answer(self, key: RequestKey) -> None:
        self.world.say("Approved, $1.00, exceptions", "U0BOSS", thread_ts=key.ts)

    @rule(key=requests)
    def retry(self, key: RequestKey) -> None:
        with suppress(CreditbotError):
            self.world.retry(key)

    # -- workers -------------------------------------------------------------------------------------------------------

    @rule(number=st.integers(0, 1), steps=st.integers(1, 30))
    def work(self, number: int, steps: int) -> None:
        worker = self.workers[number] = self.workers[number] or Tick(self._tick)
        for _ in range(steps):
            if worker.go_on():
                self.workers[number] = None
                return

    @rule(number=st.integers(0, 1))
    def kill(self, number: int) -> None:
        if worker := self.workers[number]:
            worker.kill()
            self.workers[number] = None

    def _tick(self, tick: Tick) -> None:
        def at(point: Point) -> None:
            self.sending[tick] = point in ("reply.before-send", "notice.before-send")
            tick.pause()

        with suppress(CreditbotError, Killed):
            self.world.tick(at=at, rules=SWEEP_RULES)
        self.sending[tick] = False

    # -- the world -----------------------------------------------------------------------------------------------------

    @precondition(lambda self: not self._sends())
    @rule(minutes=st.sampled_from((1, 5, 16, 31, 300)))
    def wait(self, minutes: int) -> None:
        self.world.wait(minutes=minutes)

    def _sends(self) -> bool:
        """A worker is between its last look and its send: no time goes by there."""
        return any(worker is not None and self.sending.get(worker) for worker in self.workers)

    @rule(kind=st.sampled_from(FAULTS))
    def fail(self, kind: Kind) -> None:
        if not self.world.faults:
            arm(self.world, kind, LATENESS)

    @rule(key=requests)
    def vandalise(self, key: RequestKey) -> None:
        assert self.world.values is not None
        if str(key) in self.world.values:
            self.world.values[str(key)] = "{"
            self.world.version += 1
            self.damaged = True

    @rule()
    def lose_the_state(self) -> None:
        self.world.values = {}
        self.world.version += 1
        self.damaged = True

    # -- what holds ----------------------------------------------------------------------------------------------------

    @invariant()
    def no_request_has_two_replies(self) -> None:
        self.world.visible()
        waiting = [post.message.marker for post in self.world.pending]
        for key in self.scenario.requests:
            coming = sum(marker is not None and marker.key == str(key) for marker in waiting)
            assert len(self.scenario.outcome(key).replies) + coming <= 1

    @invariant()
    def no_sql_is_credited_twice(self) -> None:
        there = [message for replies in self.world.posted().values() for message in replies]
        there += [post.message for post in self.world.pending]
        credited = [sha for reply in there if reply.text not in UNCOUNTED for sha in self.world.sql[reply.ts]]
        assert len(credited) == len(set(credited))

    def teardown(self) -> None:
        for number in (0, 1):
            self.kill(number)
        self.world.faults.clear()
        Simulation(self.world).run()
        self.no_request_has_two_replies()
        expected = [what for what in unsound(self.scenario) if not self.damaged or "summary" not in what]
        assert [] == expected


TestWorkers = Workers.TestCase
TestWorkers.settings = settings(max_examples=settings().max_examples // 8, stateful_step_count=40)
