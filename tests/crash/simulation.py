"""Ticks that fail, and the ticks that repair what they left. Time is virtual, and everything is repeatable."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from creditbot.answer.rules import Rules
from creditbot.errors import CreditbotError
from creditbot.intake.thread import UNCOUNTED
from creditbot.model import RequestKey
from creditbot.state.codec import State
from creditbot.state.record import Record
from creditbot.tick.agenda import Agenda, Part, plan
from tests.crash.faults import LATENESS, Fault, Injected, arm
from tests.support.points import Point
from tests.support.ticks import Tick
from tests.support.world import World
from tests.support.world_facts import RULES, Killed, ruled

SCHEDULE = timedelta(minutes=5)
SWEEP_RULES = ruled(replace(RULES, attempts=6), cards=True)
"""With fewer a request that three faults hit in a row is given up, as it should be."""
HOURS = ruled(SWEEP_RULES, policy=replace(RULES.channels.everywhere.policy, expires=timedelta(hours=2)))
"""For runs in which nobody votes: holds end soon."""


class Unforeseen(logging.Handler):
    """Collects the exceptions that the bot logs as defects and that no fault injected."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[BaseException] = []

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not isinstance(error, Injected):
            self.found.append(error)


@dataclass
class Simulation:
    """A world, the faults it is to suffer, and the processes in it.

    Attributes:
        world: everything outside the bot.
        faults: what goes wrong, and where.
        events: (point, nth passing, what somebody does then).
        late: how late posts are that "land after the next scan", where not as late as can be within the settle time.
        rules: of the processes that start from now on.
        clocks: by how much the processes are ahead of the one true time, one after the other and from the start again.
        passed: how often each point was passed, over all processes.
        fired: the faults that happened.
    """

    world: World
    faults: Sequence[Fault] = ()
    events: Sequence[tuple[Point, int, Callable[[], object]]] = ()
    late: timedelta = LATENESS
    clocks: Sequence[timedelta] = (timedelta(0),)
    rules: Rules = SWEEP_RULES
    passed: Counter[Point] = field(default_factory=Counter)
    fired: list[Fault] = field(default_factory=list)
    _started: int = 0
    _asleep: list[tuple[Tick, int | None, timedelta]] = field(default_factory=list)
    _unforeseen: Unforeseen = field(default_factory=Unforeseen)

    def run(self, most: int = 120) -> None:
        """Ticks until three in a row ended undisturbed, found nothing to do, and no stopped process is left."""
        log = logging.getLogger("creditbot.tick.worker")
        log.addHandler(self._unforeseen)
        propagate, log.propagate = log.propagate, False
        try:
            calm = 0
            for _ in range(most):
                fired, writes = len(self.fired), self.world.version
                self.tick()
                quiet = self.quiet() and (fired, writes) == (len(self.fired), self.world.version)
                calm = calm + 1 if quiet and not self._asleep else 0
                if calm == 3:
                    break
                self.world.now = self._next_moment()
                self._wake(quiet)
            else:
                raise AssertionError(f"not at rest after {most} ticks: {self.world.state().records}")
        finally:
            log.removeHandler(self._unforeseen)
            log.propagate = propagate
        if self._unforeseen.found:
            raise self._unforeseen.found[0]

    def passings(self) -> list[tuple[Point, int]]:
        """Every passing of every point so far."""
        return [(point, nth) for point, times in self.passed.items() for nth in range(1, times + 1)]

    def tick(self) -> None:
        """One tick of a new process, until it ends or is stopped."""
        tick = Tick(self._run)
        if any(fault.kind.startswith("SIGSTOP") for fault in self.faults):
            self._go_on(tick)
        else:
            self._run(tick)

    def _run(self, tick: Tick) -> None:
        self.world.clock_error = self.clocks[self._started % len(self.clocks)]
        self._started += 1
        with suppress(Killed, Injected, CreditbotError):
            self.world.tick(at=lambda point: self._at(tick, point), rules=self.rules)

    def _at(self, tick: Tick, point: Point) -> None:
        self.passed[point] += 1
        for where, nth, action in self.events:
            if (where, nth) == (point, self.passed[point]):
                action()
        for fault in self.faults:
            if (fault.point, fault.nth) == (point, self.passed[point]):
                self.fired.append(fault)
                self._happen(tick, fault)

    def _happen(self, tick: Tick, fault: Fault) -> None:
        if fault.kind == "SIGKILL":
            raise Killed
        if fault.kind == "exception":
            raise Injected(str(fault))
        if fault.kind == "SIGSTOP across a takeover":
            tick.pause()
        else:
            arm(self.world, fault.kind, self.late)

    def _wake(self, quiet: bool) -> None:
        """SIGCONT for the processes whose time has come."""
        asleep, self._asleep = self._asleep, []
        for tick, ticks, leap in asleep:
            if quiet if ticks is None else ticks <= 0:
                self.world.now += leap
                self._go_on(tick)
            else:
                self._asleep.append((tick, None if ticks is None else ticks - 1, leap))

    def _go_on(self, tick: Tick) -> None:
        if not tick.go_on():
            self._asleep.append((tick, self.fired[-1].ticks, self.fired[-1].leap))

    def quiet(self) -> bool:
        """Nothing is left to do for any tick, now or later."""
        state, world = self.world.state(), self.world
        world.visible(), world.visible_direct(), world.visible_asks()
        later = plan(state, (), world.now + timedelta(days=1), RULES.settle)
        if not self._surplus(state):  # a look that would find nothing need not be waited for, but for the first
            looks = {
                part: tuple(job for job in later[part] if job.record and not job.record.checked)
                for part in (Part.DOUBTFUL, Part.SHADOWED)
            }
            later = Agenda({part: jobs for part, jobs in {**later.parts, **looks}.items() if jobs})
        return not (
            world.pending or world.pending_direct or world.pending_asks or state.broken
            or not later.idle or later[Part.WAITING]
            or (state.meta.pause_until or world.now) > world.now
            or any(notice.status != "told" for notice in state.notices.values())
        )  # fmt: skip

    def _surplus(self, state: State) -> bool:
        """Whether a reply is there that must be edited."""
        return any(
            sum(reply.text not in UNCOUNTED for reply in replies)
            > (state.records[RequestKey.parse(key)].status == "answered")
            for key, replies in self.world.posted().items()
            if RequestKey.parse(key) in state.records
        )

    def _next_moment(self) -> datetime:
        """When the CronJob starts the next tick, or before that when something becomes due."""
        state, now = self.world.state(), self.world.now
        moments = [moment for record in state.records.values() for moment in _moments(record)]
        moments += [notice.at + RULES.settle for notice in state.notices.values()]
        moments += [
            post.visible_at for post in self.world.pending + self.world.pending_direct + self.world.pending_asks
        ]
        moments += filter(None, [state.meta.pause_until])
        return min([now + SCHEDULE, *(moment for moment in moments if moment > now + timedelta(minutes=1))])


def _moments(record: Record) -> Iterable[datetime]:
    yield record.at + RULES.settle
    yield from filter(None, (record.due, record.claim and record.claim.until))
